/** Where the command of a tick came from. */
export type CommandKind = 'fresh' | 'followed' | 'held' | 'rest';

const KINDS: readonly CommandKind[] = ['fresh', 'followed', 'held', 'rest'];

/** One tick of a session. Times are the host's, in seconds since the start of the first cycle. */
export interface TickRecord {
  /** Number of the cycle. */
  readonly tick: number;
  /** When the cycle started [s]. */
  readonly timeS: number;
  /** From the start of the previous cycle [s]; NaN in the first. */
  readonly periodS: number;
  /** When the action was handed to the robot [s]. */
  readonly sentS: number;
  /**
   * Where the command came from: the policy's action as it was (`fresh`), as much of it as the
   * limits allowed after a gap (`followed`), the last motion kept up (`held`), or the way to rest.
   */
  readonly kind: CommandKind;
  /** When the policy was asked [s]; NaN where it was not, in this cycle. */
  readonly askedS: number;
  /** When an answer of the policy's was there [s]; NaN where none came in this cycle. */
  readonly answeredS: number;
  /** What the robot was commanded; empty for robots written in JavaScript. */
  readonly action: Float64Array;
}

/** A histogram of a whole run. */
export interface Histogram {
  /** Upper edges of the buckets that are not empty, rising [s]. */
  readonly upperS: Float64Array;
  /** How many cycles fell into each. */
  readonly counts: Float64Array;
}

const HEADER = 7;

/** @internal */
export function toRecords(rows: Float64Array, stride: number): TickRecord[] {
  return Array.from({ length: rows.length / stride }, (_, index) => {
    const row = rows.subarray(index * stride, (index + 1) * stride);
    const [tick = 0, timeS = 0, periodS = 0, sentS = 0, kind = 0, askedS = 0, answeredS = 0] = row;
    const action = row.slice(HEADER);
    const times = { timeS, periodS, sentS, askedS, answeredS };
    return { tick, ...times, kind: KINDS[kind] ?? 'fresh', action };
  });
}

/** @internal */
export function toHistogram(
  histogram: { upperS: Float64Array; counts: Float64Array } | undefined,
): Histogram {
  return histogram ?? { upperS: new Float64Array(0), counts: new Float64Array(0) };
}
