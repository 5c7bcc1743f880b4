// How regular the cycles of a loop are.

export const RATE_HZ = 1000;

/** What else the program of a loop does, on another thread of its language: nothing, blocked for 300 ms in every second, computing. */
export const HOSTS = ['idle', 'blocked', 'busy'] as const;
export type Host = (typeof HOSTS)[number];

/** What the program of a loop is asked. */
export interface Question {
  readonly host: Host;
  readonly seconds: number;
}

/** What it answers: when each cycle began, and how much of a core it took. */
export interface Measured {
  readonly startsS: readonly number[];
  readonly core: number;
}

/**
 * The jitter of each period [us]: its difference from the period that was asked for.
 *
 * @param everyDue a cycle that was due and did not come counts too, as late as it would have been. Without that a loop
 * which stands still for 300 ms has one bad period, and one that is late in 300 cycles has 300.
 */
export function jitterUs(startsS: readonly number[], everyDue: boolean): number[] {
  const periodUs = 1e6 / RATE_HZ;
  return startsS.slice(1).flatMap((start, index) => {
    const offUs = 1e6 * (start - (startsS[index] ?? start)) - periodUs;
    const due = everyDue ? Math.max(0, Math.ceil(offUs / periodUs) - 1) : 0;
    const late = Array.from({ length: due }, (_, nth) => offUs - (nth + 1) * periodUs);
    return [Math.abs(offUs), ...late];
  });
}
