import type { TickRecord } from '../../session/records.ts';

/** The longest time between two commands in a stretch of ticks [s]. */
export function longestGap(records: readonly TickRecord[], from: number, to: number): number {
  let longest = 0;
  for (let index = Math.max(from, 1); index <= Math.min(to, records.length - 1); index += 1) {
    const [before, after] = [records[index - 1], records[index]];
    if (before && after) longest = Math.max(longest, after.sentS - before.sentS);
  }
  return longest;
}

/** The longest gaps of all stretches of `length` ticks that do not touch `from` to `to`. */
export function idleGaps(
  records: readonly TickRecord[],
  length: number,
  from: number,
  to: number,
): number[] {
  const gaps: number[] = [];
  for (let start = 1; start + length < records.length; start += length) {
    if (start + length < from || start > to) gaps.push(longestGap(records, start, start + length));
  }
  return gaps.sort((a, b) => a - b);
}
