import type { NativePageReport } from '../native/binding.ts';
import { causeText } from '../session/blame.ts';
import type { SessionReport } from '../session/report.ts';

/** Returns what a page shows of a report. */
export function shownReport(report: SessionReport, isOver: boolean): NativePageReport {
  const { stats, badCycles, unexplained, phases, worst } = report;
  const { iterations, missedTicks, lateActions } = stats;
  return {
    ...{ isOver, iterations, missedTicks, lateActions, badCycles, unexplained },
    phases: [...phases],
    worst: worst.map(({ kind, cause, check, ...cycle }) => ({
      ...cycle,
      isLateAnswer: kind === 'lateAnswer',
      cause,
      causeText: causeText(cause),
      ...(check === undefined ? {} : { check }),
    })),
  };
}
