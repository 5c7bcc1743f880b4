/** Awaits `work`, at most for `limitMs`. Resolves to true if it settled in time. Rejects if `work` rejects. */
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

/** Whether a value has to be awaited. If reading the value throws, this function throws too. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    value !== null &&
    typeof value === 'object' &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/**
 * Returns a promise that settles once, as `value` does, even if the `then` of `value` throws or misbehaves.
 * `Promise.resolve()` would return a promise unchanged, with a `then` that a user may have replaced.
 */
export function settled<T>(value: T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve) => {
    resolve(value);
  });
}
