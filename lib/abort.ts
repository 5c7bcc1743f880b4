// How calls handle an aborting `signal`. One rule holds for all calls; docs/sessions.md describes it.

import { read } from './errors/describe.ts';
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
    typeof read(value, 'aborted') === 'boolean' &&
    typeof read(value, 'addEventListener') === 'function' &&
    typeof read(value, 'removeEventListener') === 'function'
  );
}

/** Whether a signal has aborted. It may be one that a program has made: what reading it throws is ignored. */
export function hasAborted(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && read(signal, 'aborted') === true;
}

/** Returns the error of what a signal has ended; `what` is its name, for example `the move`. */
export function endedBy(signal: AbortSignal, what: string): AbortError {
  return new AbortError(what, read(signal, 'reason'));
}

/** Returns the error of a signal that has aborted; `what` is the name of what it ends, for example `the move`. */
export function abortErrorOf(
  signal: AbortSignal | undefined,
  what: string,
): AbortError | undefined {
  return signal !== undefined && hasAborted(signal) ? endedBy(signal, what) : undefined;
}

/** @throws {AbortError} if the signal has aborted; `what` is the name of what it ends, for example `the move` */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  const error = abortErrorOf(signal, what);
  if (error) throw error;
}

/** The calls that wait for a signal, which has one listener of this package meanwhile. */
class Listening {
  readonly #signal: AbortSignal;
  readonly #waiting: Set<() => void> = new Set();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(then: () => void): void {
    this.#waiting.add(then);
    if (this.#waiting.size > 1) return;
    try {
      this.#signal.addEventListener('abort', this.#aborted);
    } catch {
      // A signal that cannot be listened to could stop nothing. So what waits for it ends, once it has begun.
      queueMicrotask(this.#aborted);
    }
  }

  delete(then: () => void): void {
    if (this.#waiting.delete(then) && this.#waiting.size === 0) this.#leave();
  }

  readonly #aborted = (): void => {
    const called = [...this.#waiting];
    this.#waiting.clear();
    this.#leave();
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
  };

  #leave(): void {
    try {
      this.#signal.removeEventListener('abort', this.#aborted);
    } catch {
      // The listener stays, and finds nobody waiting.
    }
  }
}

const listening: WeakMap<AbortSignal, Listening> = new WeakMap();

/**
 * Calls `then` when the signal aborts, until the returned function is called. However many calls wait for a signal, it
 * has one listener of this package; the last call that ends removes it. Never throws.
 */
export function onAbort(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const its = listening.get(signal) ?? new Listening(signal);
  listening.set(signal, its);
  // One that is given twice is called twice.
  const own = (): void => then();
  its.add(own);
  return () => its.delete(own);
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
    stopListening = onAbort(signal, () => reject(endedBy(signal, what)));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopListening();
  }
}
