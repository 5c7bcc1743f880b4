import type { Histogram } from '../session/records.ts';
import { duration } from './text.ts';

/** How wide a bar is at most. */
const WIDTH = 40;
/** The upper edges of the bars [s]: 1, 2, 5 times the powers of ten. */
const EDGES: readonly number[] = [-7, -6, -5, -4, -3, -2, -1].flatMap((power) =>
  [1, 2, 5].map((times) => times * 10 ** power),
);

/** Returns a histogram as lines, from the first bar to the last. Each bar is a logarithm, so that a single one is seen. */
export function bars({ upperS, counts }: Histogram): string[] {
  const sums = EDGES.map(() => 0);
  for (const [index, upper] of upperS.entries()) {
    const edge = EDGES.findIndex((each) => upper <= each);
    const at = edge < 0 ? EDGES.length - 1 : edge;
    sums[at] = (sums[at] ?? 0) + (counts[index] ?? 0);
  }
  const most = Math.log10(1 + Math.max(...sums));
  const filled = sums.map((sum, index) => ({ sum, upper: EDGES[index] ?? 0 }));
  const first = sums.findIndex((sum) => sum > 0);
  const last = sums.findLastIndex((sum) => sum > 0);
  return filled.slice(first, last + 1).map(({ sum, upper }) => {
    const bar = '#'.repeat(Math.ceil((WIDTH * Math.log10(1 + sum)) / most));
    return `${`<= ${duration(upper)}`.padStart(14)}  ${bar.padEnd(WIDTH)}  ${sum}`;
  });
}
