import { inspect } from 'node:util';
import { isErrorCode } from '../../errors/codes.ts';
import { className, cut, describe, isBlank, isError, read, textIn } from '../../errors/describe.ts';
import { OffloadError } from '../../errors/errors.ts';
import { PACKING } from '../../native/contract.ts';

/** An error in the form in which it is sent out of a worker. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string | number;
  readonly cause?: CauseMessage;
}

/** The `cause` of an error: an error, or any other value. */
export type CauseMessage = { readonly error: ErrorMessage } | { readonly value: unknown };

/** The longest text that is sent. */
const LONGEST = PACKING.longestText;
/** How many nested causes are sent. */
const DEEPEST = PACKING.mostCauses;

/**
 * Returns a thrown value as a message, because an instance of a user's class cannot be sent as it is. Never throws,
 * even if reading the value throws.
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
    // A cause that leads back to its own error is sent once.
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

/** Whether a value can be sent unchanged. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'bigint') return value === BigInt.asIntN(256, value);
  return value === null || ['number', 'boolean'].includes(typeof value);
}

/**
 * Returns a value that is not an error as a text. `{ status: 404 }`, for example, does not become `[object Object]`.
 */
function textOf(value: unknown): string {
  if (typeof value === 'string') return sendable(value);
  // Computing the digits of a large number may take seconds.
  if (typeof value === 'bigint') return describe(value);
  try {
    return sendable(inspect(value));
  } catch {
    return describe(value);
  }
}

/** Returns a text of bounded length that every encoding can represent. */
function sendable(text: string): string {
  return cut(text, LONGEST).toWellFormed();
}

/**
 * The error classes of JavaScript, and those of this package's other end. Their errors keep their class, so
 * `instanceof` works.
 */
const BUILT_IN: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/**
 * Returns the error of a message, with its name, message, stack, code and cause.
 *
 * @throws {TypeError} if the value is not such a message
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
  // Not enumerable, like an error's own properties. Otherwise it would be printed twice.
  if (error.name !== name) Object.defineProperty(error, 'name', { ...HIDDEN, value: name });
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined && error.code === undefined) error.code = code;
  return error;
}

/** Checks a message. A message from another process may be any value. */
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
