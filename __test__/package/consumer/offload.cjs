// A CommonJS user's program that calls a function on another thread.
const { solve } = require('./solve.cjs');

solve(4).then((solved) => console.log(JSON.stringify({ solved, here: solve.sync(4) })));
