// Writes numbers in messages, as `number.rs` does on the native side.

/** The significant digits of a number that is not an integer. */
const DIGITS = 5;
/** The significant digits that distinguish all numbers. */
const MOST_DIGITS = 17;
/** Integers below this are written in full. Larger numbers, and numbers below `SMALL`, have an exponent. */
const LARGE = 1e15;
const SMALL = 1e-6;

/**
 * Returns a number for a message, with five significant digits, or with as many as distinguish it from each of
 * `others`. An integer is written in full.
 */
export function numberText(value: number, ...others: readonly number[]): string {
  const isTold = (digits: number): boolean =>
    others.every((other) => value === other || rounded(value, digits) !== rounded(other, digits));
  let digits = DIGITS;
  while (digits < MOST_DIGITS && !isTold(digits)) digits += 1;
  return textOf(rounded(value, digits));
}

/**
 * Returns a limit for a message, with five significant digits, rounded away from `beyond`, which is not allowed. A
 * value that keeps to the printed number is within the limit.
 */
export function limitText(value: number, beyond: number): string {
  const isPast = (told: number): boolean => (beyond > value ? told > value : told < value);
  const near = rounded(value, DIGITS);
  if (!isPast(near)) return textOf(near);
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) + 1 - DIGITS);
  const before = rounded(beyond > value ? near - step : near + step, DIGITS);
  return textOf(isPast(before) ? value : before);
}

function textOf(written: number): string {
  const size = Math.abs(written);
  if (size > 0 && size < Infinity && (size >= LARGE || size < SMALL)) {
    return written.toExponential().replace('e+', 'e');
  }
  return String(written);
}

function rounded(value: number, digits: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < LARGE)) return value;
  const near = Number(value.toPrecision(digits));
  // Rounding a number close to the largest double would exceed it.
  return Number.isFinite(near) ? near : value;
}
