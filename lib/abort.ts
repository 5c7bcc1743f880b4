// How calls handle an aborting `signal`. One rule holds for all calls; docs/sessions.md describes it.

import { AbortError, OptionTypeError } from './errors/errors.ts';

/** @throws {OptionTypeError} `OPTION_SIGNAL` if the value is not an `AbortSignal` */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || isSignal(signal)) return;
  throw new OptionTypeError('OPTION_SIGNAL', 'signal', signal, 'an AbortSignal');
}

/** Whether a value is an `AbortSignal`, of this realm or of another. */
function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function' &&
    'removeEventListener' in value &&
    typeof value.removeEventListener === 'function'
  );
}

/** Returns the error of a signal that has aborted; `what` is the name of what it ends, for example `the move`. */
export function abortErrorOf(
  signal: AbortSignal | undefined,
  what: string,
): AbortError | undefined {
  return signal?.aborted ? new AbortError(what, signal.reason) : undefined;
}

/** @throws {AbortError} if the signal has aborted; `what` is the name of what it ends, for example `the move` */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  const error = abortErrorOf(signal, what);
  if (error) throw error;
}

/** What is called when a signal aborts. The set of a signal exists while something waits for it. */
const waiting: WeakMap<AbortSignal, Set<() => void>> = new WeakMap();

/**
 * Calls `then` when the signal aborts, until the returned function is called. However many calls wait for a signal, it
 * has one listener of this package; the last call that ends removes it.
 */
export function onAbort(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const all = waiting.get(signal) ?? listenTo(signal);
  // One that is given twice is called twice.
  const own = (): void => then();
  all.add(own);
  return () => {
    if (all.delete(own) && all.size === 0) stopListening(signal);
  };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  waiting.set(signal, all);
  signal.addEventListener('abort', aborted);
  return all;
}

function stopListening(signal: AbortSignal): void {
  waiting.delete(signal);
  signal.removeEventListener('abort', aborted);
}

function aborted({ currentTarget }: Event): void {
  const signal = currentTarget as AbortSignal;
  const all = waiting.get(signal) ?? new Set();
  const called = [...all];
  all.clear();
  stopListening(signal);
  for (const then of called) {
    try {
      then();
    } catch (error) {
      // The others are called nevertheless.
      process.nextTick(() => {
        throw error;
      });
    }
  }
}

/** Settles as a promise does, or rejects with an {@link AbortError} when the signal aborts, whichever is first. */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  if (signal === undefined) return promise;
  let stopListening = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stopListening = onAbort(signal, () => reject(new AbortError(what, signal.reason)));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopListening();
  }
}
