// Calls of the native side: what they throw becomes the error class of its code.

import { failureMark } from '../native/binding.ts';
import { fromNative, knowFailuresBy } from './errors.ts';

knowFailuresBy(failureMark());

/** Runs a native call; what it throws becomes the error class of its code. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Awaits a native promise; what it rejects with becomes the error class of its code. */
export async function awaiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  }
}
