const { pathToFileURL } = require('node:url');
const { asyncify } = require('kilohertz');

exports.solve = asyncify(pathToFileURL(__filename), function solve(x) {
  return 2 * x;
});
