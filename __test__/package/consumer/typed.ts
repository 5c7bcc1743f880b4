// A TypeScript user's program, compiled against the declarations in the package.
import { version } from 'kilohertz';

const text: string = version;
// @ts-expect-error a string is no number: the declarations were found, and are not `any`
const wrong: number = version;

console.log(JSON.stringify({ version: text, same: text === String(wrong) }));
