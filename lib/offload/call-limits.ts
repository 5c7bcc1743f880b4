import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkNumber, ownOptions } from '../checks.ts';

/** What bounds one call of work in another thread or process. */
export interface CallLimits {
  /** Ends the call when it aborts; it then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
  /** How long until the answer, waiting for its turn included [s]. Default: no limit. */
  readonly timeoutS?: number | undefined;
}

/** What a signal aborts. */
export const CALLED = 'the call';

/** The longest time that a timer of Node takes [s]. */
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
 * Awaits what `begin` begins, which must reject when the signal that it is given aborts. Rejects with
 * an {@link AbortError} where the caller's signal did, with what `late` makes where it was the time.
 */
export async function limited<T>(
  { signal, timeoutS }: CallLimits,
  late: () => Error,
  begin: (end: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal, CALLED);
  const end = new AbortController();
  const abort = (): void => end.abort();
  signal?.addEventListener('abort', abort);
  const timer = timeoutS === undefined ? undefined : setTimeout(abort, timeoutS * 1e3);
  try {
    return await begin(end.signal);
  } catch (error) {
    if (!end.signal.aborted) throw error;
    throwIfAborted(signal, CALLED);
    throw late();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
