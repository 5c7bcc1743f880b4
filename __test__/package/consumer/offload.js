// A JavaScript user's program that calls a function on another thread.
import { solve } from './solve.js';

console.log(JSON.stringify({ solved: await solve(4), here: solve.sync(4) }));
