// A JavaScript user's program, in an ES module package.
import { version } from 'kilohertz';

console.log(JSON.stringify({ version }));
