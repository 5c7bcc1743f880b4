import { checkSignal, onAbort, throwIfAborted } from '../abort.ts';
import { checkNumber, ownOptions } from '../checks.ts';

/** Limits of one call of work in another thread or process. */
export interface CallLimits {
  /** Ends the call when the signal aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take until its answer [s], including the wait for its turn. Default: no limit. */
  readonly timeoutS?: number | undefined;
}

/** The name of what a signal aborts, for messages. */
export const CALLED = 'the call';

/** The longest time that a Node timer accepts [s]. */
export const LONGEST_S = 2_147_483;

export function checkCallLimits(limits: CallLimits): CallLimits {
  const { signal, timeoutS } = ownOptions('with()', limits, ['signal', 'timeoutS']);
  checkSignal(signal);
  if (timeoutS !== undefined) {
    checkNumber('timeoutS', timeoutS, { from: 0, to: LONGEST_S, above: true, unit: 's' });
  }
  return { signal, timeoutS };
}

/**
 * Runs `begin` and awaits its promise, which must reject when the signal that `begin` receives aborts. Rejects with an
 * {@link AbortError} if the caller's signal aborted, and with the error that `late` makes if the time is over.
 */
export async function limited<T>(
  { signal, timeoutS }: CallLimits,
  late: () => Error,
  begin: (end: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal, CALLED);
  const end = new AbortController();
  const abort = (): void => end.abort();
  const stopListening = onAbort(signal, abort);
  const timer = timeoutS === undefined ? undefined : setTimeout(abort, timeoutS * 1e3);
  try {
    return await begin(end.signal);
  } catch (error) {
    if (!end.signal.aborted) throw error;
    throwIfAborted(signal, CALLED);
    throw late();
  } finally {
    clearTimeout(timer);
    stopListening();
  }
}
