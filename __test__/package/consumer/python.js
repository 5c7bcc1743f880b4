// A JavaScript user's program that has an object in a Python process; its argument is the interpreter.
import { mpify } from 'kilohertz';

const make = mpify.with({ python: process.argv[2] });
const solver = await make(new URL('./solver.py', import.meta.url), 'Solver');
console.log(JSON.stringify({ solved: await solver.solve(4), path: await solver.path() }));
solver.stop();
