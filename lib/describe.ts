// Values in messages: what users hand in, what they return, what they throw. Any of it may be made to harm
// whoever looks at it. Nothing here throws, and no text is longer than somebody reads.

import { types } from 'node:util';
import { numberText } from './number.ts';

/** A value in a message is no longer than this. */
const LONGEST_TEXT = 200;

/** What an error says is told up to this length within another message. */
const LONGEST_MESSAGE = 2_000;

/** A value for a message: short, on one line; a number so that it differs from the `limits` that it broke. */
export function describe(value: unknown, limits: readonly number[] = []): string {
  try {
    if (typeof value === 'number') return numberText(value, ...limits);
    return cut(textOf(value), LONGEST_TEXT);
  } catch {
    return `something (${typeof value}) that cannot be looked at`;
  }
}

/** What was thrown, for a message: never empty. */
export function describeThrown(thrown: unknown): string {
  if (!isError(thrown)) return describe(thrown);
  const name = textIn(thrown, 'name') || 'Error';
  const message = textIn(thrown, 'message');
  if (message === undefined) return `${cut(name, LONGEST_TEXT)}, whose message cannot be read`;
  const said = cut(message, LONGEST_MESSAGE);
  return `${cut(name, LONGEST_TEXT)}${isBlank(said) ? ', without a message' : `: ${said}`}`;
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
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const kind = value.constructor?.name ?? 'a list';
    const length = 'length' in value ? Number(value.length) : value.byteLength;
    return `${kind} of length ${length}`;
  }
  if (value !== null && typeof value === 'object') {
    return `an object of ${Object.getPrototypeOf(value)?.constructor?.name ?? 'no class'}`;
  }
  return String(value);
}
