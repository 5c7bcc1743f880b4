import { braces, inspectAs, timeText } from '../errors/inspection.ts';
import type { NativeStats } from '../native/binding.ts';
import { COUNTERS, type SessionCounter } from '../native/contract.ts';
import { violationText } from './violation.ts';

/** What a {@link SessionStats} holds, as a plain object. */
export type SessionStatsDict = {
  readonly [Name in keyof SessionStats as SessionStats[Name] extends number ? Name : never]: number;
} & Pick<SessionStats, 'firstViolation'>;

/** What the native side counts: each is declared in {@link SessionStats}, which says what it means. */
type Counted = Readonly<Record<SessionCounter, number>>;

/**
 * What a session had done at one moment: an immutable value. Times are seconds.
 *
 * A *period* is the time from the start of one cycle to the start of the next, *jitter* is how far
 * a period is from the target, *execution* is the time from the start of a cycle until its action
 * was handed to the robot. The first cycle has no period. Percentiles are those of the newest
 * `maxTimingSamples` cycles; maxima, and everything counted, are those of the whole run.
 */
export class SessionStats implements Counted {
  /** Cycles of the loop finished. */
  declare readonly iterations: number;
  /** Cycles of the loop whose execution took longer than the target period. A late start alone is none. */
  declare readonly overruns: number;
  /** Deadlines, or states of the robot, that passed before the cycle before them had finished. */
  declare readonly missedTicks: number;
  /** Times that the policy was asked: in every cycle, or at its own rate where that is lower. */
  declare readonly policyAsks: number;
  /** Answers of the policy that came, late and empty ones included. */
  declare readonly policyAnswers: number;
  /** Answers of the policy that were `undefined`, in Python `None`: it had nothing new. */
  declare readonly emptyAnswers: number;
  /** Answers a second of the robot's time. */
  declare readonly policyRateHz: number;
  /** Questions that the policy had not answered in time, neither with an action nor with nothing new. */
  declare readonly lateActions: number;
  /** Cycles in which the robot was kept moving as last commanded because no action had come. */
  declare readonly heldCommands: number;
  /** Cycles in which the robot was brought, or kept, at rest. */
  declare readonly restCommands: number;
  /** Late actions that were too old to be used. */
  declare readonly staleActions: number;
  /**
   * Cycles in which the robot was on its way to the action within the limits: after a late answer, a rest,
   * a lost command or a clamped action, until it had caught up.
   */
  declare readonly followedCommands: number;
  /** Cycles from an action that was clamped until the robot had caught up with the policy. */
  declare readonly clampedCommands: number;
  /** Values in the arm's states that were not finite, of those that neither loop nor limits read. */
  declare readonly unusedNotFinite: number;
  /**
   * Answers beyond a joint's range; where torques move the arm, cycles in which a joint was beyond it. Each
   * kind of violation counts once a cycle.
   */
  declare readonly positionViolations: number;
  /** Answers that asked for too much speed; and cycles too fast for this place, or for being braked in time. */
  declare readonly velocityViolations: number;
  /** Answers that, with those before them, asked for too much acceleration. */
  declare readonly accelerationViolations: number;
  /** Answers that, with those before them, asked for too much jerk. */
  declare readonly jerkViolations: number;
  /** Answers with too high a torque. */
  declare readonly torqueViolations: number;
  /** Answers that, with the one before, asked for too high a torque rate. */
  declare readonly torqueRateViolations: number;
  /** Cycles whose action, in a Cartesian mode, asked more of the joints than they can do. */
  declare readonly jointsViolations: number;
  /** Cycles whose action would have led the end effector out of its box. */
  declare readonly boxViolations: number;
  /** Cycles in which the arm was too far behind its command. */
  declare readonly distanceViolations: number;
  /** The first action that broke a limit, in words; `null` where none has. */
  declare readonly firstViolation: string | null;
  /** Observations that a newer one replaced before the policy took them. */
  declare readonly overwrittenObservations: number;
  /** Actions that came together with a newer one, which was used instead; they were checked all the same. */
  declare readonly overwrittenActions: number;
  /** Answers that found no room on their way to the loop: neither used nor checked. */
  declare readonly droppedAnswers: number;
  /** Tick records that found no room. */
  declare readonly droppedRecords: number;
  /** Events that found no room. */
  declare readonly droppedEvents: number;
  /** The period that the loop aims for: for an arm its own, whatever the rate of the policy. */
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

  /** The same as a plain object, for programs: under this name Python programs know it. `toJSON()` is the same. */
  toDict(): SessionStatsDict {
    return { ...this } as SessionStatsDict;
  }

  /** What `JSON.stringify` writes: the same as {@link SessionStats.toDict}. */
  toJSON(): SessionStatsDict {
    return this.toDict();
  }
}

/** Counters that `console.log` always shows, a line each group. */
const SHOWN = [
  ['iterations', 'overruns', 'missedTicks'],
  ['policyAsks', 'policyAnswers', 'emptyAnswers', 'lateActions'],
  ['heldCommands', 'restCommands', 'followedCommands', 'clampedCommands'],
] as const satisfies readonly (readonly (keyof SessionStatsDict)[])[];

/** Counters that it shows where they are not 0. */
const SHOWN_WHERE_COUNTED = /^(stale|overwritten|dropped|unused)|Violations$/;

/** Names and counts, as `overruns 7, missedTicks 0`. */
function counts(stats: SessionStats, names: readonly (keyof SessionStatsDict)[]): string {
  return names.map((name) => `${name} ${stats[name]}`).join(', ');
}

inspectAs(
  SessionStats,
  (stats) => {
    const { targetPeriodS, policyRateHz, firstViolation } = stats;
    const further = (Object.keys(stats) as (keyof SessionStatsDict)[]).filter(
      (name) => SHOWN_WHERE_COUNTED.test(name) && stats[name] !== 0,
    );
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

/** Each counter by its name; `counts` are in the order of the contract. */
function counted(counts: readonly number[]): Record<SessionCounter, number> {
  const entries = COUNTERS.map((name, nth) => [name, counts[nth] ?? 0] as const);
  return Object.fromEntries(entries) as Record<SessionCounter, number>;
}

/** The stats that the loop's numbers are. */
export function statsOf(native: NativeStats): SessionStats {
  const { counts, jitter, execution, firstViolation, firstViolationTick, ...periods } = native;
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
  });
}

/** The stats of a session that has not run. */
export function noStats(targetPeriodS: number): SessionStats {
  const none = { p50: 0, p95: 0, p99: 0, max: 0 };
  const periods = { targetPeriodS, avgPeriodS: 0, longestPeriodS: 0 };
  return statsOf({ counts: [], ...periods, jitter: none, execution: none });
}
