/** Awaits `work`, but no longer than this; says whether it came in time. Rejects as it does. */
export async function within(limitMs: number, work: unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether something is to be awaited. Throws what looking at it throws. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    value !== null &&
    typeof value === 'object' &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/**
 * A promise that settles once, as `value` does: whatever `then` of it is, throws or does. `Promise.resolve()` hands
 * a promise back as it is, with a `then` that may be anybody's.
 */
export function settled<T>(value: T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve) => {
    resolve(value);
  });
}
