import type { NativeStats } from './native.ts';

/** The numbers of a {@link SessionStats}, as a plain object. */
export type SessionStatsDict = {
  readonly [Name in keyof SessionStats as SessionStats[Name] extends number ? Name : never]: number;
};

/**
 * What a session had done at one moment: an immutable value. Times are seconds.
 *
 * A *period* is the time from the start of one cycle to the start of the next, *jitter* is how far
 * a period is from the target, *execution* is the time from the start of a cycle until its action
 * was handed to the robot. The first cycle has no period. Percentiles are those of the newest
 * `maxTimingSamples` cycles; maxima, and everything counted, are those of the whole run.
 */
export class SessionStats {
  /** Cycles finished. */
  readonly iterations: number;
  /** Cycles whose execution took longer than the target period. A late start alone is none. */
  readonly overruns: number;
  /** Deadlines, or states of the robot, that passed before the cycle before them had finished. */
  readonly missedTicks: number;
  /** Cycles for which the policy had not answered in time. */
  readonly lateActions: number;
  /** Cycles in which the robot was kept moving as last commanded because no action had come. */
  readonly heldCommands: number;
  /** Cycles in which the robot was brought, or kept, at rest. */
  readonly restCommands: number;
  /** Late actions that were too old to be used. */
  readonly staleActions: number;
  /** Observations that a newer one replaced before the policy took them. */
  readonly overwrittenObservations: number;
  /** Actions that a newer one replaced before the loop took them. */
  readonly overwrittenActions: number;
  /** Tick records that found no room. */
  readonly droppedRecords: number;
  /** Events that found no room. */
  readonly droppedEvents: number;
  /** The period aimed for. */
  readonly targetPeriodS: number;
  /** The mean period. */
  readonly avgPeriodS: number;
  /** The longest period. */
  readonly longestPeriodS: number;
  /** Half of the cycles have no more jitter than this. */
  readonly p50JitterS: number;
  /** 95 % of the cycles have no more jitter than this. */
  readonly p95JitterS: number;
  /** 99 % of the cycles have no more jitter than this. */
  readonly p99JitterS: number;
  /** The largest jitter. */
  readonly maxJitterS: number;
  /** Half of the cycles took no longer than this. */
  readonly p50ExecutionS: number;
  /** 95 % of the cycles took no longer than this. */
  readonly p95ExecutionS: number;
  /** 99 % of the cycles took no longer than this. */
  readonly p99ExecutionS: number;
  /** The longest execution. */
  readonly maxExecutionS: number;

  /** @internal */
  constructor(stats: NativeStats) {
    this.iterations = stats.iterations;
    this.overruns = stats.overruns;
    this.missedTicks = stats.missedTicks;
    this.lateActions = stats.lateActions;
    this.heldCommands = stats.heldCommands;
    this.restCommands = stats.restCommands;
    this.staleActions = stats.staleActions;
    this.overwrittenObservations = stats.overwrittenObservations;
    this.overwrittenActions = stats.overwrittenActions;
    this.droppedRecords = stats.droppedRecords;
    this.droppedEvents = stats.droppedEvents;
    this.targetPeriodS = stats.targetPeriodS;
    this.avgPeriodS = stats.avgPeriodS;
    this.longestPeriodS = stats.longestPeriodS;
    this.p50JitterS = stats.jitter.p50;
    this.p95JitterS = stats.jitter.p95;
    this.p99JitterS = stats.jitter.p99;
    this.maxJitterS = stats.jitter.max;
    this.p50ExecutionS = stats.execution.p50;
    this.p95ExecutionS = stats.execution.p95;
    this.p99ExecutionS = stats.execution.p99;
    this.maxExecutionS = stats.execution.max;
    Object.freeze(this);
  }

  /** @internal The stats of a session that has not run yet. */
  static none(targetPeriodS: number): SessionStats {
    const zero = { p50: 0, p95: 0, p99: 0, max: 0 };
    return new SessionStats({
      iterations: 0,
      overruns: 0,
      missedTicks: 0,
      lateActions: 0,
      heldCommands: 0,
      restCommands: 0,
      staleActions: 0,
      overwrittenObservations: 0,
      overwrittenActions: 0,
      droppedRecords: 0,
      droppedEvents: 0,
      targetPeriodS,
      avgPeriodS: 0,
      longestPeriodS: 0,
      jitter: zero,
      execution: zero,
    });
  }

  /** The numbers as a plain object. */
  toDict(): SessionStatsDict {
    return { ...this } as SessionStatsDict;
  }

  /** What `JSON.stringify` writes: the same as {@link SessionStats.toDict}. */
  toJSON(): SessionStatsDict {
    return this.toDict();
  }
}
