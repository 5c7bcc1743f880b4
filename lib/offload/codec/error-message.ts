import { inspect } from 'node:util';
import { isErrorCode } from '../../errors/codes.ts';
import { className, cut, describe, isBlank, isError, read, textIn } from '../../errors/describe.ts';
import { OffloadError } from '../../errors/errors.ts';
import { PACKING } from '../../native/contract.ts';

/** An error on its way out of a worker. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string | number;
  readonly cause?: CauseMessage;
}

/** What an error's `cause` was: an error, or any other value. */
export type CauseMessage = { readonly error: ErrorMessage } | { readonly value: unknown };

/** A text on its way is no longer than this. */
const LONGEST = PACKING.longestText;
/** So many causes behind each other are told. */
const DEEPEST = PACKING.mostCauses;

/**
 * What was thrown, as a message: a class of the user's would not survive the way as it is. Never throws, whatever
 * it does when it is looked at.
 */
export function toMessage(thrown: unknown): ErrorMessage {
  return messageFrom(thrown, new Set());
}

function messageFrom(thrown: unknown, seen: Set<unknown>): ErrorMessage {
  if (!isError(thrown)) return { name: 'Error', message: textOf(thrown), stack: undefined };
  seen.add(thrown);
  const [code, cause, stack] = [
    read(thrown, 'code'),
    read(thrown, 'cause'),
    textIn(thrown, 'stack'),
  ];
  const message = textIn(thrown, 'message');
  return {
    name: sendable(nameOf(thrown)),
    message: message === undefined ? 'its message cannot be read' : sendable(message),
    stack: stack === undefined ? undefined : sendable(stack),
    ...(typeof code === 'string' ? { code: sendable(code) } : {}),
    ...(typeof code === 'number' ? { code } : {}),
    // A cause that leads back to its own error is told once.
    ...(cause === undefined || seen.has(cause) || seen.size >= DEEPEST
      ? {}
      : { cause: causeFrom(cause, seen) }),
  };
}

function nameOf(error: Error): string {
  const name = textIn(error, 'name') ?? '';
  return isBlank(name) || name === 'Error' ? className(error) : name;
}

function causeFrom(cause: unknown, seen: Set<unknown>): CauseMessage {
  if (isError(cause)) return { error: messageFrom(cause, seen) };
  return { value: isPlain(cause) ? cause : textOf(cause) };
}

/** Whether a value is sent as it is. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'bigint') return value === BigInt.asIntN(256, value);
  return value === null || ['number', 'boolean'].includes(typeof value);
}

/** A value that is no error, as a text; something like `{ status: 404 }` is not told as `[object Object]`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return sendable(value);
  // Its digits may take seconds.
  if (typeof value === 'bigint') return describe(value);
  try {
    return sendable(inspect(value));
  } catch {
    return describe(value);
  }
}

/** A text of bounded length, which every encoding has. */
function sendable(text: string): string {
  return cut(text, LONGEST).toWellFormed();
}

/** Errors of the language, and those of this package's other end, are what they were: `instanceof` holds. */
const BUILT_IN: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/**
 * The error that a message stands for: with its name, message, stack, code and cause.
 *
 * @throws {TypeError} where it is no such message
 */
export function fromMessage(told: ErrorMessage): Error {
  checkMessage(told);
  const { name, message, stack, code, cause } = told;
  const Class = (Object.hasOwn(BUILT_IN, name) && BUILT_IN[name]) || Error;
  const options = cause && { cause: 'error' in cause ? fromMessage(cause.error) : cause.value };
  const error: Error & { code?: string | number } =
    name === 'OffloadError' && isErrorCode(code)
      ? new OffloadError(code, message, options)
      : new Class(message, options);
  // Not enumerable, as an error's own: it would be printed a second time.
  if (error.name !== name) Object.defineProperty(error, 'name', { ...HIDDEN, value: name });
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined && error.code === undefined) error.code = code;
  return error;
}

/** What comes from another process may be anything. */
function checkMessage(told: unknown): asserts told is ErrorMessage {
  const isTold =
    typeof told === 'object' &&
    told !== null &&
    typeof textIn(told, 'name') === 'string' &&
    typeof textIn(told, 'message') === 'string' &&
    ['string', 'undefined'].includes(typeof read(told, 'stack')) &&
    ['string', 'number', 'undefined'].includes(typeof read(told, 'code')) &&
    ['object', 'undefined'].includes(typeof read(told, 'cause')) &&
    read(told, 'cause') !== null;
  if (!isTold) throw new TypeError(`${describe(told)} tells of no error`);
}

const HIDDEN: PropertyDescriptor = { configurable: true, enumerable: false, writable: true };
