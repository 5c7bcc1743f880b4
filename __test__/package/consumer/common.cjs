// A CommonJS user's program.
const { version } = require('kilohertz');

console.log(JSON.stringify({ version }));
