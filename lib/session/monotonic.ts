// The monotonic clock of this computer, which all its processes and the loop read.

/** Where the clock of `performance` begins [s]. A thread that is stopped between the two readings makes it too early. */
const ORIGIN_S = Math.max(
  ...Array.from(
    { length: 5 },
    () => Number(process.hrtime.bigint()) * 1e-9 - performance.now() * 1e-3,
  ),
);

/** Returns a time of `performance.now()` of this thread [ms] on the monotonic clock [s]. */
export function monotonicS(ms: number = performance.now()): number {
  return ORIGIN_S + ms * 1e-3;
}
