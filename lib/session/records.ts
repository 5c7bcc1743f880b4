import {
  COMMAND_KINDS,
  type CommandKind,
  RECORD_FIELDS,
  type RecordField,
} from '../native/contract.ts';

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
