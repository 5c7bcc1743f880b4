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

/** @throws {AbortError} if the signal has aborted; `what` is the name of what it ends, for example `the move` */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new AbortError(what, signal.reason);
}
