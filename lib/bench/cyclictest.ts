import { execFile } from 'node:child_process';
import { Lateness } from './lateness.ts';

/** The longest lateness that cyclictest counts by itself [us]. */
const LONGEST_US = 20_000;
const PRIORITY = 80;

/** What cyclictest measured, or why it did not. */
export type Cyclictest =
  | { readonly lateness: Lateness; readonly note: string }
  | { readonly lateness: undefined; readonly note: string };

/** Runs cyclictest, which waits with `clock_nanosleep`, at the priority of a loop. */
export function cyclictest(
  rateHz: number,
  durationS: number,
  signal: AbortSignal | undefined,
): Promise<Cyclictest> {
  const words = ['-q', '-m', '-t1', `-p${PRIORITY}`, '-i', String(Math.round(1e6 / rateHz))];
  const amount = ['-l', String(Math.ceil(rateHz * durationS)), '-h', String(LONGEST_US)];
  const options = { maxBuffer: 16 << 20, ...(signal ? { signal } : {}) };
  return new Promise((resolve) => {
    execFile('cyclictest', [...words, ...amount], options, (error, stdout, stderr) => {
      const isMissing = error !== null && error.code === 'ENOENT';
      const why = isMissing ? 'not installed: sudo apt install rt-tests' : stderr.trim();
      const lateness = isMissing ? undefined : latenessIn(stdout);
      if (lateness) resolve({ lateness, note: `priority ${PRIORITY}` });
      else resolve({ lateness: undefined, note: why.split('\n')[0] || 'it printed nothing' });
    });
  });
}

/** Returns what a histogram of cyclictest says; undefined if it has no wakes. */
export function latenessIn(text: string): Lateness | undefined {
  const lateness = new Lateness();
  for (const [, us, wakes] of text.matchAll(/^(\d{6})\s+(\d+)\s*$/gm)) {
    if (Number(wakes) > 0) lateness.add(Number(us) / 1e6, Number(wakes));
  }
  const overflows = Number(/^# Histogram Overflows:\s*(\d+)/m.exec(text)?.[1] ?? 0);
  const longest = Number(/^# Max Latencies:\s*(\d+)/m.exec(text)?.[1] ?? 0);
  if (overflows > 0) lateness.add(longest / 1e6, overflows);
  return lateness.cycles > 0 ? lateness : undefined;
}
