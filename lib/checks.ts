// Checks of what users hand in. Each says what was received and what is expected.

import { types } from 'node:util';
import { read } from './errors/describe.ts';
import { codeOf, OptionRangeError, OptionTypeError } from './errors/errors.ts';
import { numberText } from './errors/number.ts';

/** A number from `from` to `to`, both included unless said otherwise. */
export function checkNumber(
  option: string,
  value: unknown,
  range: {
    from: number;
    to: number;
    above?: boolean;
    integer?: boolean;
    unit?: string;
    /** Whether `null` is possible too, and was looked for before. */
    orNull?: boolean;
  },
): number {
  const kind = range.integer ? 'a whole number' : 'a number';
  const unit = range.unit ? ` ${range.unit}` : '';
  const least = numberText(range.from);
  const from = range.above ? `above ${least}` : `from ${least}`;
  const orNull = range.orNull ? ', or null' : '';
  const expected = `${kind} ${from} to ${numberText(range.to)}${unit}${orNull}`;
  if (typeof value !== 'number') {
    throw new OptionTypeError(codeOf(option), option, value, expected);
  }
  const low = range.above ? value > range.from : value >= range.from;
  if (!(low && value <= range.to) || (range.integer && !Number.isInteger(value))) {
    throw new OptionRangeError(codeOf(option), option, value, expected, [range.from, range.to]);
  }
  return value;
}

/** One of a few names, `false` among them or not; `others` are what else is possible, and was looked for before. */
export function checkName<const Name extends string | false>(
  option: string,
  value: unknown,
  names: readonly Name[],
  ...others: readonly string[]
): Name {
  const found = names.find((name) => name === value);
  if (found !== undefined) return found;
  const named = names.map((name) => (typeof name === 'string' ? `'${name}'` : String(name)));
  const expected = [...named, ...others].join(', ');
  const Refusal = typeof value === 'string' ? OptionRangeError : OptionTypeError;
  throw new Refusal(codeOf(option), option, value, `one of ${expected}`);
}

/** An `AbortSignal`, whichever realm or package made it. */
export function checkSignal(value: unknown): asserts value is AbortSignal {
  const isSignal =
    typeof value === 'object' &&
    value !== null &&
    typeof read(value, 'aborted') === 'boolean' &&
    typeof read(value, 'addEventListener') === 'function' &&
    typeof read(value, 'throwIfAborted') === 'function';
  if (!isSignal) throw new OptionTypeError('OPTION_SIGNAL', 'signal', value, 'an AbortSignal');
}

/** Whether something is a `URL`, of this realm or of another. */
export function isUrl(value: unknown): value is URL {
  return typeof value === 'object' && value !== null && read(value, Symbol.toStringTag) === 'URL';
}

/** True or false. */
export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new OptionTypeError(codeOf(option), option, value, 'true or false');
}

/** A text that is not empty. */
export function checkText(option: string, value: unknown, expected: string): string {
  if (typeof value !== 'string') throw new OptionTypeError(codeOf(option), option, value, expected);
  if (value.trim() === '') throw new OptionRangeError(codeOf(option), option, value, expected);
  return value;
}

/** Finite numbers of a fixed number. */
export function checkNumbers(option: string, value: unknown, length: number): number[] {
  const expected = `${length} finite numbers`;
  if (!isNumbers(value)) throw new OptionTypeError(codeOf(option), option, value, expected);
  const numbers = Array.from(value);
  if (numbers.length !== length) {
    throw new OptionRangeError(codeOf(option), option, value, expected);
  }
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  if (wrong >= 0) {
    throw new OptionRangeError(codeOf(option), `${option}[${wrong}]`, numbers[wrong], expected);
  }
  return numbers;
}

/** An object that is no array; `others` are what else is possible, and was looked for before. */
export function checkObject(
  what: string,
  value: unknown,
  ...others: readonly string[]
): asserts value is object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const expected = ['an object', ...others].join(', or ');
    throw new OptionTypeError('OPTION_TYPE', what, value, expected);
  }
}

/**
 * The options that an object has itself, each read once. All of them must be known. What it inherits is none:
 * neither from a class nor from an `Object.prototype` that something else has written to.
 */
export function ownOptions<Options extends object>(
  what: string,
  value: Options,
  known: readonly string[],
  ...others: readonly string[]
): Options {
  checkObject(what, value, ...others);
  const own = bare(value);
  const unknown = Object.keys(own).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new OptionTypeError(
      'OPTION_UNKNOWN',
      `an option of ${what}`,
      unknown,
      `one of ${known.join(', ')}`,
    );
  }
  return own;
}

/** A copy that inherits nothing, for whoever reads properties of it that may not be there. */
export function bare<T extends object>(value: T): T {
  return Object.assign(Object.create(null), value);
}

/** Whether a value is an array or a typed array, whatever it holds. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !types.isDataView(value));
}

/** Whether a value is an array or a typed array of numbers; a hole is none. */
export function isNumbers(value: unknown): value is ArrayLike<number> {
  if (!isList(value)) return false;
  for (let index = 0; index < value.length; index += 1) {
    if (typeof value[index] !== 'number') return false;
  }
  return !(types.isBigInt64Array(value) || types.isBigUint64Array(value));
}

/** The first number in `value` that is NaN or infinite, with its path; looks into objects too. */
export function findNotFinite(
  value: unknown,
  path = 'action',
  seen: Set<object> = new Set(),
): { path: string; value: number } | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : { path, value };
  if (value === null || typeof value !== 'object' || seen.has(value)) return undefined;
  seen.add(value);
  if (Array.isArray(value) || isNumbers(value)) {
    const items = value as ArrayLike<unknown>;
    for (let index = 0; index < items.length; index += 1) {
      const found = findNotFinite(items[index], `${path}[${index}]`, seen);
      if (found) return found;
    }
    return undefined;
  }
  for (const [key, item] of types.isMap(value) ? value : Object.entries(value)) {
    const found = findNotFinite(item, `${path}.${String(key)}`, seen);
    if (found) return found;
  }
  return undefined;
}
