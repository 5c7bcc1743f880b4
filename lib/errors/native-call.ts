// Calls of the native side: what they throw becomes the error class of its kind.

import { types } from 'node:util';
import { NativeFailure } from '../native/binding.ts';
import { isInstance } from './describe.ts';
import { codeOf, fromFailure, OptionRangeError } from './errors.ts';

/** The failure that an error of the native side holds; undefined where it holds none. */
function failureIn(error: unknown): NativeFailure | undefined {
  if (!types.isNativeError(error)) return undefined;
  // Its own: a getter of whoever threw something else is not called.
  const held = Object.getOwnPropertyDescriptor(error, 'failure')?.value;
  return isInstance(held, NativeFailure) ? held : undefined;
}

/** The error that something thrown by the native side stands for; anything else as it is. */
export function fromNative(error: unknown): unknown {
  const failure = failureIn(error);
  if (!failure) return error;
  if (!failure.refused) return fromFailure(failure);
  const { option, what, received, expected, limits } = failure.refused;
  return new OptionRangeError(codeOf(option), what, received, expected, limits);
}

/** Runs a native call; what it throws becomes the error class of its kind. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Awaits a native promise; what it rejects with becomes the error class of its kind. */
export async function awaiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
