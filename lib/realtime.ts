import type { NativeGrant, NativeRealtime, NativeSessionOptions } from './native.ts';

/** What became of one thing that the loop thread asked of the system. */
export interface Grant<T> {
  /** What was asked; undefined where nothing was. */
  readonly asked: T | undefined;
  /** Whether the system granted it. */
  readonly granted: boolean;
  /** Why not, and what to do; undefined where it was granted, or not asked. */
  readonly reason: string | undefined;
}

/** What the loop thread asked of the operating system, and what it got. */
export interface Realtime {
  /** `SCHED_FIFO` priority. */
  readonly priority: Grant<number>;
  /** The CPU to stay on. */
  readonly cpu: Grant<number>;
  /** The loop's code and stack kept from being paged out. */
  readonly lockMemory: Grant<boolean>;
  /** How late the kernel may wake the thread to save power [s]. */
  readonly timerSlackS: Grant<number>;
  /** Whether the kernel is a `PREEMPT_RT` one, which bounds how late it may wake a thread. */
  readonly preemptRt: boolean;
}

/** @internal */
export function realtimeOf(report: NativeRealtime, asked: NativeSessionOptions): Realtime {
  const grant = <T>(grant: NativeGrant, value: T | undefined): Grant<T> => ({
    asked: value,
    granted: grant.status === 'granted',
    reason: grant.reason ?? undefined,
  });
  return {
    priority: grant(report.priority, asked.priority),
    cpu: grant(report.cpu, asked.cpu),
    lockMemory: grant(report.memory, asked.lockMemory || undefined),
    timerSlackS: grant(report.timerSlack, asked.timerSlackS),
    preemptRt: report.preemptRt,
  };
}
