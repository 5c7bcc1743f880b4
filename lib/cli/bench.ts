import { type Command, InvalidArgumentError } from 'commander';
import { type BenchReport, type BenchRow, bench } from '../bench/bench.ts';
import { BENCH_LOADS, type BenchLoad } from '../bench/loads.ts';
import { drawn } from '../bench/svg.ts';
import { inOneLine } from '../errors/describe.ts';
import type { RealtimeOptions } from '../session/realtime.ts';
import { bars } from './bars.ts';
import { number } from './numbers.ts';
import { EXIT, type Output } from './output.ts';
import { ReportFile } from './report-file.ts';
import { untilSignal } from './signals.ts';
import { duration } from './text.ts';

/** The loads with `--all`, where each measurement is made twelve times. */
const LOADS_OF_ALL: readonly BenchLoad[] = ['idle', 'busy'];

/** What commander makes of the words. */
interface Words {
  readonly rate: number;
  readonly duration: number;
  readonly loads?: readonly BenchLoad[];
  readonly all?: boolean;
  readonly svg?: string;
  readonly failP99?: number;
}

/** Adds `kilohertz bench`. */
export function addBench(program: Command, output: Output): void {
  program
    .command('bench')
    .description(
      'Measures how late threads of this machine wake, under loads that it makes. No arm is needed.',
    )
    .option('--rate <hertz>', 'how often a thread wakes', number, 1000)
    .option('--duration <seconds>', 'how long each measurement takes', number, 5)
    .option(
      '--loads <names>',
      `some of ${BENCH_LOADS.join(',')} (default: all; with --all ${LOADS_OF_ALL.join(',')})`,
      (text) => text.split(',') as BenchLoad[],
    )
    .option('--all', 'the session with each scheduling, core, and way to keep cores awake, ranked')
    .option('--fail-p99 <duration>', 'end with 1 if 99 % of the wakes are later, as 50us', limit)
    .option('--svg <file>', 'draw it into a new SVG file')
    .option('--json', 'print the result as JSON')
    .action((words: Words) =>
      untilSignal(
        (signal) => measure(words, output, signal),
        (error) => void output.failed(error),
      ),
    );
}

async function measure(words: Words, output: Output, signal: AbortSignal): Promise<void> {
  const { rate: rateHz, duration: durationS, all = false, svg, failP99 } = words;
  const loads = words.loads ?? (all ? LOADS_OF_ALL : BENCH_LOADS);
  using kept = svg === undefined ? undefined : new ReportFile(svg);
  using live = output.live();
  const report = await bench({
    rateHz,
    durationS,
    loads,
    all,
    signal,
    onProgress: ({ method, load, index, count }) =>
      live.show(`${index + 1} of ${count}: ${method}, ${load} …`),
  });
  live.clear();
  const error = kept?.write(drawn(report));
  const own = report.rows.filter(({ method }) => method === 'kilohertz');
  // With --all a setting passes if it does so under each load: the best is what counts.
  const counted = all ? own.filter(({ realtime }) => realtime === own[0]?.realtime) : own;
  const worst = Math.max(...counted.map(({ p99S }) => p99S));
  const hasFailed = failP99 !== undefined && !(worst <= failP99);
  const rows = report.rows.map(toJson);
  const told = { ...report, rows, worstP99S: worst, hasFailed, ...(error ? { error } : {}) };
  output.page(told, [
    ...(all ? tableOfAll(report) : tableOf(report)),
    ...(all ? [] : histogramsOf(own)),
    ...(failP99 === undefined
      ? []
      : [
          `p99 of the session: ${duration(worst)} at worst; ` +
            (hasFailed
              ? output.paint.bad(`more than ${duration(failP99)}`)
              : output.paint.good(`at most ${duration(failP99)}`)),
        ]),
    ...(kept ? [kept.line(output.paint, '; open it in a browser')] : []),
  ]);
  if (hasFailed || error) process.exitCode = EXIT.failed;
}

/** Returns a row with ordinary arrays. */
function toJson(row: BenchRow): object {
  const { upperS, counts } = row.histogram;
  return { ...row, histogram: { upperS: Array.from(upperS), counts: Array.from(counts) } };
}

const HEAD = ['p50', 'p99', 'p99.9', 'latest', 'missed'];

function cells({ p50S, p99S, p999S, maxS, missed }: BenchRow): string {
  const times = [p50S, p99S, p999S, maxS].map(duration);
  return [...times, String(missed)].map((text) => text.padStart(10)).join('');
}

const head = (first: string): string => `${first}${HEAD.map((text) => text.padStart(10)).join('')}`;

function tableOf({ rateHz, durationS, rows, withoutCyclictest }: BenchReport): string[] {
  return [
    `How late a thread wakes, ${rateHz} times a second, for ${durationS} s each:`,
    head('load    method       '),
    ...rows.map(
      (row) => `${row.load.padEnd(8)}${row.method.padEnd(13)}${cells(row)}  ${inOneLine(row.note)}`,
    ),
    ...(withoutCyclictest === undefined ? [] : [`cyclictest: ${inOneLine(withoutCyclictest)}`]),
  ];
}

/** The settings, the best first, with the line of the session's options that asks for them. */
function tableOfAll({ rateHz, durationS, rows }: BenchReport): string[] {
  return [
    `How late a session wakes, ${rateHz} times a second, for ${durationS} s each; the best first:`,
    head('load    '),
    ...rows.map((row) => `${row.load.padEnd(8)}${cells(row)}  ${lineOf(row.realtime)}`),
    'An option that the system refuses has no effect: kilohertz doctor says what it grants.',
  ];
}

/** Returns the line of a session's options. */
function lineOf(realtime: RealtimeOptions | false | undefined): string {
  const parts = Object.entries(realtime || {}).map(([name, value]) => {
    return `${name}: ${typeof value === 'string' ? `'${value}'` : value}`;
  });
  return `realtime: { ${parts.join(', ')} }`;
}

/** Returns the histograms of the session, under each load. */
function histogramsOf(rows: readonly BenchRow[]): string[] {
  return rows.flatMap(({ load, histogram }) => [
    '',
    `the session's wakes, ${load} (each bar is a logarithm):`,
    ...bars(histogram),
  ]);
}

/** Returns a duration in seconds, from a word as 50us, 0.1ms or 1s. */
function limit(text: string): number {
  const [, digits, unit] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  const factor = { us: 1e-6, ms: 1e-3, s: 1 }[unit ?? ''];
  const value = Number(digits);
  if (factor !== undefined && value > 0) return value * factor;
  throw new InvalidArgumentError('Expected a duration with its unit, as 50us, 0.1ms or 1s.');
}
