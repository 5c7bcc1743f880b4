// What the Node benches share: rounds, medians, and the raw rows that are kept.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

/** Whether each bench runs once, to see that it runs; no figures are kept then. */
export const once: boolean = process.argv.includes('--once');

/** One measured round: numbers and names. */
export type Row = Readonly<Record<string, string | number>>;

/** Keeps this thread busy, as a long synchronous call would. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that this part of them lies below. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
}

/** Prints the machine, and the rows as a table. */
export function show(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  console.log(
    `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`,
  );
  console.table(rows);
}

/** Keeps the raw rows. */
export function keep(name: string, rows: readonly Row[]): void {
  const [first] = rows;
  if (once || !first) return;
  const names = Object.keys(first);
  const lines = rows.map((row) => names.map((column) => row[column]).join(','));
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.csv`), `${[names.join(','), ...lines].join('\n')}\n`);
}
