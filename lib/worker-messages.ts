import { inspect } from 'node:util';
import { OffloadError } from './errors.ts';
import type { PolicyFailure } from './policy-seat.ts';

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

/** What the main thread gives a worker to run. */
export interface WorkerTask {
  readonly url: string;
  readonly exportName: string;
  readonly args: readonly unknown[] | undefined;
  readonly spin: boolean;
  /** How many numbers an observation has, and an action. */
  readonly lengths: { readonly observation: number; readonly action: number };
}

/** What a worker tells the main thread. */
export type WorkerMessage = { readonly kind: 'ready'; readonly seat: number } | PolicyFailure;

/** What was thrown, as a message: a class of the user's would not survive the way as it is. */
export function toMessage(thrown: unknown): ErrorMessage {
  return messageFrom(thrown, new Set());
}

function messageFrom(thrown: unknown, seen: Set<unknown>): ErrorMessage {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: textOf(thrown), stack: undefined };
  }
  seen.add(thrown);
  const { code, cause } = thrown as Error & { code?: unknown };
  return {
    name: thrown.name === 'Error' ? thrown.constructor.name : thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    // A cause that leads back to its own error is told once.
    ...(cause === undefined || seen.has(cause) ? {} : { cause: causeFrom(cause, seen) }),
  };
}

function causeFrom(cause: unknown, seen: Set<unknown>): CauseMessage {
  if (cause instanceof Error) return { error: messageFrom(cause, seen) };
  return { value: isPrimitive(cause) ? cause : textOf(cause) };
}

function isPrimitive(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}

/** A value that is no error, as a text; something like `{ status: 404 }` is not told as `[object Object]`. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
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

/** The error that a message stands for: with its name, message, stack, code and cause. */
export function fromMessage({ name, message, stack, code, cause }: ErrorMessage): Error {
  const Class = (Object.hasOwn(BUILT_IN, name) && BUILT_IN[name]) || Error;
  const options = cause && { cause: 'error' in cause ? fromMessage(cause.error) : cause.value };
  const error: Error & { code?: string | number } =
    name === 'OffloadError'
      ? new OffloadError(String(code), message, options)
      : new Class(message, options);
  // Not enumerable, as an error's own: it would be printed a second time.
  if (error.name !== name) Object.defineProperty(error, 'name', { ...HIDDEN, value: name });
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined && error.code === undefined) error.code = code;
  return error;
}

const HIDDEN: PropertyDescriptor = { configurable: true, enumerable: false, writable: true };
