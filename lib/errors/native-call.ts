// Calls of the native side. Their failures are converted to the error classes of this package.

import { types } from 'node:util';
import { NativeFailure } from '../native/binding.ts';
import { isInstance } from './describe.ts';
import { codeOf, fromFailure, OptionRangeError } from './errors.ts';

/** Returns the failure that an error of the native side contains, or undefined if it contains none. */
function failureIn(error: unknown): NativeFailure | undefined {
  if (!types.isNativeError(error)) return undefined;
  // Only an own value is read, so that no getter of another thrown value is called.
  const held = Object.getOwnPropertyDescriptor(error, 'failure')?.value;
  return isInstance(held, NativeFailure) ? held : undefined;
}

/** Returns the error of this package for a failure of the native side. Any other value is returned unchanged. */
export function fromNative(error: unknown): unknown {
  const failure = failureIn(error);
  if (!failure) return error;
  if (!failure.refused) return fromFailure(failure);
  const { option, what, received, expected, limits } = failure.refused;
  return new OptionRangeError(codeOf(option), what, received, expected, limits);
}

/** Runs a native call. If it fails, throws the error of this package for the failure. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Awaits a native promise. If it fails, rejects with the error of this package for the failure. */
export async function awaiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
