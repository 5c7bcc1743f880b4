import { braces, inspectAs, timeText } from '../errors/inspection.ts';
import type { NativeStats } from '../native/binding.ts';
import { COUNTERS, type SessionCounter } from '../native/contract.ts';
import { violationText } from './violation.ts';

/** The values of a {@link SessionStats} as a plain object. */
export type SessionStatsDict = {
  readonly [Name in keyof SessionStats as SessionStats[Name] extends number ? Name : never]: number;
} & Pick<SessionStats, 'firstViolation'>;

/** The counters of the native side. {@link SessionStats} declares each and says what it means. */
type Counted = Readonly<Record<SessionCounter, number>>;

/**
 * The statistics of a session at one moment, as an immutable value. Times are in seconds.
 *
 * A *period* is the time from the start of one cycle to the start of the next. *Jitter* is the difference between a
 * period and the target. *Execution* is the time from the start of a cycle until its action was handed to the robot.
 * The first cycle has no period. Percentiles are computed from the newest `maxTimingSamples` cycles. Maxima and
 * counters cover the whole run.
 */
export class SessionStats implements Counted {
  /** Cycles of the loop that were finished. */
  declare readonly iterations: number;
  /** Cycles of the loop whose execution took longer than the target period. A late start alone is not an overrun. */
  declare readonly overruns: number;
  /** Cycle starts, or states of the robot, that were missed because the previous cycle had not finished. */
  declare readonly missedTicks: number;
  /** How often the policy was asked: in every cycle, or at its own rate if that is lower. */
  declare readonly policyAsks: number;
  /** Answers of the policy that arrived, including late and empty ones. */
  declare readonly policyAnswers: number;
  /** Answers of the policy that were `undefined`, in Python `None`: the policy had nothing new. */
  declare readonly emptyAnswers: number;
  /** Answers per second of the robot's time. */
  declare readonly policyRateHz: number;
  /** Questions that the policy had not answered in time, neither with an action nor with `undefined`. */
  declare readonly lateActions: number;
  /** Cycles in which the robot continued its last commanded motion because no action had come. */
  declare readonly heldCommands: number;
  /** Cycles in which the robot was brought, or kept, at rest. */
  declare readonly restCommands: number;
  /** Late actions that were too old to be used. */
  declare readonly staleActions: number;
  /**
   * Cycles in which the robot approached the policy's action within the limits: after a late answer, a rest, a lost
   * command or a clamped action, until it had caught up.
   */
  declare readonly followedCommands: number;
  /** Cycles from an action that was clamped until the robot had caught up with the policy. */
  declare readonly clampedCommands: number;
  /**
   * Values in the arm's states that were not finite. Only values that neither the loop nor the limits read are counted.
   */
  declare readonly unusedNotFinite: number;
  /**
   * Answers beyond a joint's range. In torque control, cycles in which a joint was beyond its range. Each kind of
   * violation counts at most once in a cycle.
   */
  declare readonly positionViolations: number;
  /**
   * Answers that asked for too high a velocity, and cycles in which the velocity was too high for the position, or too
   * high to brake in time.
   */
  declare readonly velocityViolations: number;
  /** Answers that, together with those before them, asked for too high an acceleration. */
  declare readonly accelerationViolations: number;
  /** Answers that, together with those before them, asked for too high a jerk. */
  declare readonly jerkViolations: number;
  /** Answers with too high a torque. */
  declare readonly torqueViolations: number;
  /** Answers that, together with the one before, asked for too high a torque rate. */
  declare readonly torqueRateViolations: number;
  /** Cycles in a Cartesian mode whose action asked for more than the joints can do. */
  declare readonly jointsViolations: number;
  /** Cycles whose action would have led the end effector out of its box. */
  declare readonly boxViolations: number;
  /** Cycles in which the arm was too far behind its command. */
  declare readonly distanceViolations: number;
  /** A description of the first action that broke a limit; `null` if no action has. */
  declare readonly firstViolation: string | null;
  /** Observations that a newer one replaced before the policy took them. */
  declare readonly overwrittenObservations: number;
  /** Actions that came together with a newer one, which was used instead. They were checked nevertheless. */
  declare readonly overwrittenActions: number;
  /** Answers for which the queue to the loop was full. They were neither used nor checked. */
  declare readonly droppedAnswers: number;
  /** Chunks of actions that came. */
  declare readonly chunks: number;
  /** Chunks that could not be played and were left out, with `onBadChunk: 'skip'`. */
  declare readonly badChunks: number;
  /** Actions of chunks whose time had passed when the chunk came. */
  declare readonly skippedActions: number;
  /** Cycles in which the chunk was over and no other had come. */
  declare readonly starvedCycles: number;
  /** Chunks that took over from another one. */
  declare readonly seams: number;
  /** Commands to the hand to which chunks led. */
  declare readonly gripperCommands: number;
  /** Such commands that failed. Fingers that close on nothing are no failure. */
  declare readonly gripperFailures: number;
  /** Half of the newest 64 chunks took no longer than this from the question to their arrival, by the arm's clock. */
  declare readonly p50ChunkLatencyS: number;
  /** 99 % of the newest 64 chunks took no longer than this. */
  declare readonly p99ChunkLatencyS: number;
  /** The longest time that a chunk took. */
  declare readonly maxChunkLatencyS: number;
  /** The time that the newest chunk took. */
  declare readonly newestChunkLatencyS: number;
  /** How long ago the newest chunk that is played was observed. */
  declare readonly chunkAgeS: number;
  /**
   * The largest distance of a chunk from what was commanded when it took over [rad, and for velocities rad/s]: of a
   * joint, of the rotation of a pose, or of the elbow.
   */
  declare readonly maxSeamRad: number;
  /** The largest such distance of the translation of a pose [m]. */
  declare readonly maxSeamM: number;
  /** Tick records that were dropped because the buffer was full. */
  declare readonly droppedRecords: number;
  /** Cycles that a recording had no room for, because its writing was too slow. */
  declare readonly unrecordedCycles: number;
  /** Events that were dropped because the queue was full. */
  declare readonly droppedEvents: number;
  /** The period that the loop aims for. For an arm it is the arm's own period, whatever the rate of the policy. */
  declare readonly targetPeriodS: number;
  /** The mean period. */
  declare readonly avgPeriodS: number;
  /** The longest period. */
  declare readonly longestPeriodS: number;
  /** Half of the cycles have no more jitter than this. */
  declare readonly p50JitterS: number;
  /** 95 % of the cycles have no more jitter than this. */
  declare readonly p95JitterS: number;
  /** 99 % of the cycles have no more jitter than this. */
  declare readonly p99JitterS: number;
  /** The largest jitter. */
  declare readonly maxJitterS: number;
  /** Half of the cycles took no longer than this. */
  declare readonly p50ExecutionS: number;
  /** 95 % of the cycles took no longer than this. */
  declare readonly p95ExecutionS: number;
  /** 99 % of the cycles took no longer than this. */
  declare readonly p99ExecutionS: number;
  /** The longest execution. */
  declare readonly maxExecutionS: number;

  constructor(values: SessionStatsDict) {
    Object.assign(this, values);
    Object.freeze(this);
  }

  /**
   * Returns the stats as a plain object. The name is the one that Python programs use; {@link SessionStats.toJSON}
   * returns the same.
   */
  toDict(): SessionStatsDict {
    return { ...this } as SessionStatsDict;
  }

  /** Returns what `JSON.stringify` writes: the same as {@link SessionStats.toDict}. */
  toJSON(): SessionStatsDict {
    return this.toDict();
  }
}

/** The counters that `console.log` always shows, each group on a line. */
const SHOWN: readonly (readonly SessionCounter[])[] = [
  ['iterations', 'overruns', 'missedTicks'],
  ['policyAsks', 'policyAnswers', 'emptyAnswers', 'lateActions'],
  ['heldCommands', 'restCommands', 'followedCommands', 'clampedCommands'],
];

/** The other counters. `console.log` shows them only if they are not 0. */
const FURTHER = COUNTERS.filter((name) => !SHOWN.flat().includes(name));

/** Returns names and counts, for example `overruns 7, missedTicks 0`. */
function counts(stats: SessionStats, names: readonly SessionCounter[]): string {
  return names.map((name) => `${name} ${stats[name]}`).join(', ');
}

inspectAs(
  SessionStats,
  (stats) => {
    const { targetPeriodS, policyRateHz, firstViolation } = stats;
    const further = FURTHER.filter((name) => stats[name] > 0);
    return braces('SessionStats', [
      `targetPeriodS ${timeText(targetPeriodS)}, policyRateHz ${policyRateHz.toFixed(1)}`,
      ...SHOWN.map((names) => counts(stats, names)),
      `jitter    p50 ${timeText(stats.p50JitterS)}, p95 ${timeText(stats.p95JitterS)}, ` +
        `p99 ${timeText(stats.p99JitterS)}, max ${timeText(stats.maxJitterS)}`,
      `execution p50 ${timeText(stats.p50ExecutionS)}, p95 ${timeText(stats.p95ExecutionS)}, ` +
        `p99 ${timeText(stats.p99ExecutionS)}, max ${timeText(stats.maxExecutionS)}`,
      ...(further.length > 0 ? [counts(stats, further)] : []),
      `firstViolation ${firstViolation ?? 'none'}`,
    ]);
  },
  (stats) => `SessionStats of ${stats.iterations} cycles`,
);

/** Returns each counter under its name. `counts` are in the order of the contract. */
function counted(counts: readonly number[]): Record<SessionCounter, number> {
  const entries = COUNTERS.map((name, nth) => [name, counts[nth] ?? 0] as const);
  return Object.fromEntries(entries) as Record<SessionCounter, number>;
}

/** Returns the stats made from the loop's numbers. */
export function statsOf(native: NativeStats): SessionStats {
  const { counts, jitter, execution, firstViolation, firstViolationTick, chunkLatency } = native;
  const { targetPeriodS, avgPeriodS, longestPeriodS, largestSeams, isPose } = native;
  const periods = { targetPeriodS, avgPeriodS, longestPeriodS };
  const largest = (seams: readonly number[]): number => Math.max(0, ...seams);
  const first = firstViolation && `cycle ${firstViolationTick}: ${violationText(firstViolation)}`;
  const numbers = counted(counts);
  const lastedS = (numbers.iterations + numbers.missedTicks) * periods.targetPeriodS;
  return new SessionStats({
    ...numbers,
    ...periods,
    policyRateHz: lastedS > 0 ? numbers.policyAnswers / lastedS : 0,
    firstViolation: first ?? null,
    p50JitterS: jitter.p50,
    p95JitterS: jitter.p95,
    p99JitterS: jitter.p99,
    maxJitterS: jitter.max,
    p50ExecutionS: execution.p50,
    p95ExecutionS: execution.p95,
    p99ExecutionS: execution.p99,
    maxExecutionS: execution.max,
    p50ChunkLatencyS: chunkLatency.p50,
    p99ChunkLatencyS: chunkLatency.p99,
    maxChunkLatencyS: chunkLatency.max,
    newestChunkLatencyS: native.newestChunkLatencyS,
    chunkAgeS: native.chunkAgeS,
    maxSeamRad: largest(isPose ? largestSeams.slice(3) : largestSeams),
    maxSeamM: largest(isPose ? largestSeams.slice(0, 3) : []),
  });
}

/** Returns the stats of a session that has not run. */
export function noStats(targetPeriodS: number): SessionStats {
  const none = { p50: 0, p95: 0, p99: 0, max: 0 };
  const periods = { targetPeriodS, avgPeriodS: 0, longestPeriodS: 0 };
  const chunks = {
    chunkLatency: none,
    newestChunkLatencyS: 0,
    chunkAgeS: 0,
    largestSeams: [],
    isPose: false,
  };
  return statsOf({ counts: [], ...periods, ...chunks, jitter: none, execution: none });
}
