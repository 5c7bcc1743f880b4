// What a call does whose `signal` aborts: one rule for all, which docs/sessions.md tells.

import { AbortError, OptionTypeError } from './errors/errors.ts';

/** @throws {OptionTypeError} `OPTION_SIGNAL` where there is something else than a signal */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || isSignal(signal)) return;
  throw new OptionTypeError('OPTION_SIGNAL', 'signal', signal, 'an AbortSignal');
}

/** Whether something is a signal, of this realm or of another. */
function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  );
}

/** @throws {AbortError} where the signal has aborted; `what` is what it ends, as `the move` */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new AbortError(what, signal.reason);
}
