// Checks of values that users pass in. Each error says what was received and what is expected.

import { types } from 'node:util';
import { read, textIn } from './errors/describe.ts';
import { codeOf, OptionRangeError, OptionTypeError } from './errors/errors.ts';
import { numberText } from './errors/number.ts';

/** Checks a number from `from` to `to`, both included unless an option says otherwise. */
export function checkNumber(
  option: string,
  value: unknown,
  range: {
    from: number;
    to: number;
    above?: boolean;
    integer?: boolean;
    unit?: string;
    /** Whether `null` is allowed too; the caller has already handled it. */
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

/**
 * Checks that a value is one of a few names, which may include `false`. `others` names other allowed values, which the
 * caller has already handled.
 */
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

/** Whether a value is a `URL`, of this realm or of another. */
export function isUrl(value: unknown): value is URL {
  if (typeof value !== 'object' || value === null) return false;
  const href = textIn(value, 'href');
  return read(value, Symbol.toStringTag) === 'URL' && href !== undefined && URL.canParse(href);
}

/** Checks that a value is a boolean. */
export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new OptionTypeError(codeOf(option), option, value, 'true or false');
}

/** Checks that a value is a string that is not empty. */
export function checkText(option: string, value: unknown, expected: string): string {
  if (typeof value !== 'string') throw new OptionTypeError(codeOf(option), option, value, expected);
  if (value.trim() === '') throw new OptionRangeError(codeOf(option), option, value, expected);
  return value;
}

/** Checks that a value is a list of finite numbers with a fixed length. */
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

/**
 * Checks that a value is an object and not an array. `others` names other allowed values, which the caller has already
 * handled.
 */
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
 * Returns the own options of an object, each read once. All of them must be known. Inherited properties do not count,
 * neither those of a class nor those of a modified `Object.prototype`.
 *
 * @param owner the owner of the options: a call, for example `run()`, or an option, for example `limits`
 */
export function ownOptions<Options extends object>(
  owner: string,
  value: Options,
  known: readonly string[],
  ...others: readonly string[]
): Options {
  checkObject(owner.endsWith(')') ? `the options object of ${owner}` : owner, value, ...others);
  const own = bare(value);
  const unknown = Object.keys(own).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const meant = nearest(unknown, known);
    const hint = meant === undefined ? '' : `; the nearest is ${meant}`;
    throw new OptionTypeError(
      'OPTION_UNKNOWN',
      `an option of ${owner}`,
      unknown,
      `one of ${known.join(', ')}${hint}`,
    );
  }
  return own;
}

/** Returns the name that was most likely meant by `word`, or undefined if no name is similar. */
function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > LONGEST_NAME) return undefined;
  const written = word.toLowerCase();
  const far = names.map((name) => {
    const whole = name.toLowerCase();
    // A name without its end is usually a name without its unit, which is the most frequent mistake.
    const isBeginning = word.length >= SHORTEST_BEGINNING && whole.startsWith(written);
    return isBeginning ? 1 : editsBetween(written, whole);
  });
  const least = Math.min(...far);
  const name = names[far.indexOf(least)];
  return name !== undefined && least <= Math.max(word.length, name.length) / 2 ? name : undefined;
}

/** The shortest beginning of a name that is compared. Shorter ones would match too many names. */
const SHORTEST_BEGINNING = 4;

/** The longest name for which a similar option is looked for. */
const LONGEST_NAME = 50;

/** Returns the smallest number of letters to insert, remove or replace (Levenshtein distance). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[line - 1] === other[column - 1];
      const replaced = (row[column - 1] ?? 0) + (isSame ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** Returns a copy that inherits nothing, for code that reads properties that may be absent. */
export function bare<T extends object>(value: T): T {
  return Object.assign(Object.create(null), value);
}

/** Whether a value is an array or a typed array, with any content. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !types.isDataView(value));
}

/** Whether a value is an array or a typed array of numbers. A hole is not a number. */
export function isNumbers(value: unknown): value is ArrayLike<number> {
  if (!isList(value)) return false;
  for (let index = 0; index < value.length; index += 1) {
    if (typeof value[index] !== 'number') return false;
  }
  return !(types.isBigInt64Array(value) || types.isBigUint64Array(value));
}

/** Returns the first number in `value` that is NaN or infinite, with its path. It searches nested objects too. */
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
