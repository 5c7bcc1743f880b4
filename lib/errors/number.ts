// How numbers are written in messages, as `number.rs` does on the native side.

/** Significant digits of a number that is not whole. */
const DIGITS = 5;
/** So many tell every number from every other. */
const MOST_DIGITS = 17;
/** Whole numbers below this are written in full; larger ones and those below `SMALL` have an exponent. */
const LARGE = 1e15;
const SMALL = 1e-6;

/**
 * A number for a message: in five significant digits, or in as many as tell it from each of `others`; a whole
 * number in full.
 */
export function numberText(value: number, ...others: readonly number[]): string {
  const isTold = (digits: number): boolean =>
    others.every((other) => value === other || rounded(value, digits) !== rounded(other, digits));
  let digits = DIGITS;
  while (digits < MOST_DIGITS && !isTold(digits)) digits += 1;
  return textOf(rounded(value, digits));
}

/**
 * A limit for a message: in five significant digits, rounded away from `beyond`, which is not allowed. Who goes by the
 * number that is told keeps to the limit.
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
  // What is closest to the largest number of all rounds to more than that.
  return Number.isFinite(near) ? near : value;
}
