import {
  COMMAND_KINDS,
  type CommandKind,
  RECORD_FIELDS,
  type RecordField,
} from '../native/contract.ts';

/** One tick of a session. Times are the host's, in seconds since the start of the first cycle. */
export interface TickRecord {
  /** The number of the cycle. */
  readonly tick: number;
  /** When the cycle started [s]. */
  readonly timeS: number;
  /** The time since the start of the previous cycle [s]; NaN in the first cycle. */
  readonly periodS: number;
  /** When the action was handed to the robot [s]. */
  readonly sentS: number;
  /**
   * Where the command came from: the policy's action unchanged (`fresh`), the action as far as the limits allowed
   * (`followed`), the last motion continued (`held`), or the motion to rest (`rest`).
   */
  readonly kind: CommandKind;
  /** When the policy was asked [s]; NaN if it was not asked in this cycle. */
  readonly askedS: number;
  /**
   * When the policy was called for the answer that came in this cycle, and when it gave the answer [s]; NaN if that is not
   * known, as of a policy in a process.
   */
  readonly tookS: number;
  readonly gaveS: number;
  /** When an answer of the policy was there [s]; NaN if no answer came in this cycle. */
  readonly answeredS: number;
  /** When the command was decided [s]; NaN if that is not known. */
  readonly decidedS: number;
  /** The time on the robot's clock since the first cycle [s], cycles that were missed included. */
  readonly robotTimeS: number;
  /** How much of that time passed without a cycle just before this one [ms]. */
  readonly missedMs: number;
  /**
   * The time since the observation of the chunk that this command plays [s]; NaN if it plays none, and without
   * {@link chunked}.
   */
  readonly ageS: number;
  /** The command that was sent to the robot; empty for robots written in JavaScript. */
  readonly action: Float64Array;
}

/** A histogram over a whole run. */
export interface Histogram {
  /** The upper edges of the buckets that are not empty, in rising order [s]. */
  readonly upperS: Float64Array;
  /** How many cycles fell into each bucket. */
  readonly counts: Float64Array;
}

/** @internal */
export function toRecords(rows: Float64Array, stride: number): TickRecord[] {
  return Array.from({ length: rows.length / stride }, (_, index) => {
    const row = rows.subarray(index * stride, (index + 1) * stride);
    const fields = RECORD_FIELDS.map((name, nth) => [name, row[nth] ?? 0] as const);
    const record = Object.fromEntries(fields) as Record<RecordField, number>;
    const action = row.slice(RECORD_FIELDS.length);
    return { ...record, kind: COMMAND_KINDS[record.kind] ?? 'fresh', action };
  });
}

/** @internal */
export function toHistogram(
  histogram: { upperS: Float64Array; counts: Float64Array } | undefined,
): Histogram {
  return histogram ?? { upperS: new Float64Array(0), counts: new Float64Array(0) };
}
