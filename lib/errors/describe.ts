// Describes values in messages: what users pass in, return and throw. Such a value may be built to harm the code that
// reads it. No function here throws, and all texts are short.

import { types } from 'node:util';
import { numberText } from './number.ts';

/** The longest description of a value in a message. */
const LONGEST_TEXT = 200;

/** The longest text of an error's message within another message. */
const LONGEST_MESSAGE = 2_000;

const INDENT = '    ';

/** How many prototypes of an object are read. */
const DEEPEST = 100;

/**
 * Returns a short description of a value, on one line. A number has enough digits to differ from the `limits` that it
 * broke.
 */
export function describe(value: unknown, limits: readonly number[] = []): string {
  try {
    if (typeof value === 'number') return numberText(value, ...limits);
    return inOneLine(cut(textOf(value), LONGEST_TEXT));
  } catch {
    return `something (${typeof value}) that cannot be looked at`;
  }
}

/** Returns a description of a thrown value for a message. It is never empty. */
export function describeThrown(thrown: unknown): string {
  if (!isError(thrown)) return describe(thrown);
  const own = textIn(thrown, 'name') ?? '';
  const name = inOneLine(cut(isBlank(own) ? 'Error' : own, LONGEST_TEXT));
  const message = textIn(thrown, 'message');
  if (message === undefined) return `${name}, whose message cannot be read`;
  const said = inOneLine(cut(message, LONGEST_MESSAGE));
  return `${name}${isBlank(said) ? ', without a message' : `: ${said}`}`;
}

/**
 * Characters that have an effect on a terminal or a log instead of being visible: control characters, line separators,
 * and characters that change the writing direction.
 */
const UNSEEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Returns a text on one line. Characters that are not visible are escaped, for example as `\\n` or `\\x1b`. */
export function inOneLine(text: string): string {
  return text.toWellFormed().replace(UNSEEN, escaped);
}

/**
 * Escapes a text that may have several lines. The lines after the first are indented, so that none looks like a
 * separate entry in a log.
 */
export function inLines(text: string): string {
  const [first = '', ...others] = text.split('\n').map(inOneLine);
  const isIndented = others.every((line) => line.startsWith(INDENT));
  return [first, ...others.map((line) => (isIndented ? line : INDENT + line))].join('\n');
}

function escaped(character: string): string {
  const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  const code = character.charCodeAt(0).toString(16);
  return known ?? (code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`);
}

/** Returns the name of the nearest class of an object that has a name, because classes may be anonymous. */
export function className(value: object): string {
  let made: object | null = Object.getPrototypeOf(value);
  // A proxy may report any number of prototypes.
  for (let depth = 0; made && depth < DEEPEST; depth += 1) {
    const Class = Object.hasOwn(made, 'constructor') ? read(made, 'constructor') : undefined;
    const name = typeof Class === 'function' ? (textIn(Class, 'name') ?? '') : '';
    if (!isBlank(name)) return name;
    made = Object.getPrototypeOf(made);
  }
  return 'no class';
}

/** Whether a value is an error, of this realm or of another. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || isInstance(value, Error);
}

/** Like `instanceof`, but returns false if the check throws, as it may for a proxy. */
export function isInstance<T>(
  value: unknown,
  Class: abstract new (...args: never[]) => T,
): value is T {
  try {
    return value instanceof Class;
  } catch {
    return false;
  }
}

/** Returns a property of any object, or undefined if reading it throws. */
export function read(object: object, name: PropertyKey): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return undefined;
  }
}

/** Returns a property that is a string, or undefined if it is not a string or cannot be read. */
export function textIn(object: object, name: PropertyKey): string | undefined {
  const text = read(object, name);
  return typeof text === 'string' ? text : undefined;
}

/** Returns a text, or its beginning if it is too long. */
export function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Returns a noun with its article. */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** Whether a text is blank. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST_TEXT));
  // Computing the digits of a very large bigint would take seconds.
  if (typeof value === 'bigint')
    return value === BigInt.asIntN(256, value) ? `${value}n` : 'a huge bigint';
  if (typeof value === 'function') {
    const name = textIn(value, 'name') ?? '';
    return `function ${isBlank(name) ? '(anonymous)' : name}`;
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const length = 'length' in value ? Number(value.length) : value.byteLength;
    return `${className(value)} of length ${length}`;
  }
  if (value !== null && typeof value === 'object') return `an object of ${className(value)}`;
  return String(value);
}
