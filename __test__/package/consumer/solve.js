import { asyncify } from 'kilohertz';

export const solve = asyncify(import.meta.url, function solve(x) {
  return 2 * x;
});
