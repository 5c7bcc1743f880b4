// Values in messages: what users hand in, what they return, what they throw. Any of it may be made to harm
// whoever looks at it. Nothing here throws, and no text is longer than somebody reads.

import { types } from 'node:util';
import { numberText } from './number.ts';

/** A value in a message is no longer than this. */
const LONGEST_TEXT = 200;

/** What an error says is told up to this length within another message. */
const LONGEST_MESSAGE = 2_000;

const INDENT = '    ';

/** Prototypes that are looked at. */
const DEEPEST = 100;

/** A value for a message: short, on one line; a number so that it differs from the `limits` that it broke. */
export function describe(value: unknown, limits: readonly number[] = []): string {
  try {
    if (typeof value === 'number') return numberText(value, ...limits);
    return inOneLine(cut(textOf(value), LONGEST_TEXT));
  } catch {
    return `something (${typeof value}) that cannot be looked at`;
  }
}

/** What was thrown, for a message: never empty. */
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
 * What does something to a terminal or to a log instead of being seen there: control characters, separators of
 * lines, and what turns the direction of writing.
 */
const UNSEEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A text in one line, each of its characters as it is seen: what is not is escaped, as `\\n` or `\\x1b`. */
export function inOneLine(text: string): string {
  return text.toWellFormed().replace(UNSEEN, escaped);
}

/**
 * The same for a text that may have lines. Those behind the first are indented, so that none looks like a line of
 * whoever writes it to a log.
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

/** The name of the nearest class of an object that has one: classes may be anonymous. */
export function className(value: object): string {
  let made: object | null = Object.getPrototypeOf(value);
  // A proxy may have as many prototypes as it likes.
  for (let depth = 0; made && depth < DEEPEST; depth += 1) {
    const Class = Object.hasOwn(made, 'constructor') ? read(made, 'constructor') : undefined;
    const name = typeof Class === 'function' ? (textIn(Class, 'name') ?? '') : '';
    if (!isBlank(name)) return name;
    made = Object.getPrototypeOf(made);
  }
  return 'no class';
}

/** Whether something is an error, of this realm or of another. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || isInstance(value, Error);
}

/** `instanceof`, which asks a proxy, and may throw. */
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

/** A property of whatever object; undefined where reading it throws. */
export function read(object: object, name: PropertyKey): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return undefined;
  }
}

/** A property that is a text; undefined where it is none, or cannot be read. */
export function textIn(object: object, name: PropertyKey): string | undefined {
  const text = read(object, name);
  return typeof text === 'string' ? text : undefined;
}

/** A text, or its beginning. */
export function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Whether a text says nothing. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST_TEXT));
  // The digits of a very large one would take seconds.
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
