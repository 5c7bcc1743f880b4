import type { CyclePhase } from '../native/contract.ts';
import type { Histogram } from './records.ts';

/** How long a phase took in the cycles that had it. Percentiles are 2 % wide. */
export interface PhaseReport {
  readonly phase: CyclePhase;
  /** How many times it was measured. */
  readonly count: number;
  readonly p50S: number;
  readonly p99S: number;
  readonly maxS: number;
}

/** Returns how long a phase took, from its histogram. */
export function spreadOf(phase: CyclePhase, { upperS, counts }: Histogram): PhaseReport {
  const count = counts.reduce((sum, each) => sum + each, 0);
  const at = (share: number): number => {
    let left = Math.max(1, Math.ceil(share * count));
    const bucket = counts.findIndex((each) => {
      left -= each;
      return left <= 0;
    });
    return upperS[bucket] ?? 0;
  };
  return { phase, count, p50S: at(0.5), p99S: at(0.99), maxS: upperS.at(-1) ?? 0 };
}
