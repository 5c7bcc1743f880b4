// What the Node benches share: rounds, medians, and the raw rows that are kept.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

const results: string = join(import.meta.dirname, 'results');

/** Whether each bench runs once, to see that it runs; no figures are kept then. */
export const once: boolean = process.argv.includes('--once');

/**
 * Whether it runs as a part of `npm run bench -- peers`: for a shorter time, and its rows are kept apart, so that those of
 * a run of its own stay.
 */
export const forPeers: boolean = process.env['BENCH_PEERS'] === '1';

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
  const lines = rows.map((row) => names.map((column) => cell(row[column])).join(','));
  mkdirSync(results, { recursive: true });
  const file = join(results, `${forPeers ? 'peers-' : ''}${name}.csv`);
  writeFileSync(file, `${[names.join(','), ...lines].join('\n')}\n`);
}

function cell(value: string | number | undefined): string {
  const text = String(value);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The raw rows that were kept under a name; none if there are none. */
export function kept(name: string): Record<string, string>[] {
  const file = join(results, `${name}.csv`);
  if (!existsSync(file)) return [];
  const [names = [], ...lines] = readFileSync(file, 'utf8').trim().split('\n').map(cells);
  return lines.map((line) =>
    Object.fromEntries(names.map((column, at) => [column, line[at] ?? ''])),
  );
}

function cells(line: string): string[] {
  return [...line.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
