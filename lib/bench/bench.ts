import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkBoolean, checkName, checkNumber, ownOptions } from '../checks.ts';
import { fieldIn, Machine, numbersIn } from '../doctor/machine.ts';
import { OptionTypeError, SessionError } from '../errors/errors.ts';
import { checkRealtime, type RealtimeOptions } from '../session/realtime.ts';
import type { Histogram } from '../session/records.ts';
import { cyclictest } from './cyclictest.ts';
import { Lateness } from './lateness.ts';
import { BENCH_LOADS, type BenchLoad, underLoad } from './loads.ts';
import { wakesOf } from './wakes.ts';

/** What waits for the deadlines. `cyclictest` waits with `clock_nanosleep` too. */
export type BenchMethod = 'kilohertz' | 'clock_nanosleep' | 'spin' | 'cyclictest';

/** Options of {@link bench}. */
export interface BenchOptions {
  /** How often a thread wakes [Hz], 1 to 10,000. Default 1000. */
  readonly rateHz?: number;
  /** How long each measurement takes [s], 0.1 to 3600. Default 5. */
  readonly durationS?: number;
  /**
   * The loads, one after the other: `idle`, `blocked` (the event loop, for 300 ms again and again), `garbage` (much of it
   * is collected), `busy` (all cores), `io` (the disk and the loopback). Default: all.
   */
  readonly loads?: readonly BenchLoad[];
  /** What the session asks of the system, as in its options. */
  readonly realtime?: RealtimeOptions | false;
  /**
   * Whether the session is measured with each combination of scheduling, core and cores kept awake, instead of beside the
   * other methods. Default false.
   */
  readonly all?: boolean;
  /** Ends the measurements when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Called when a measurement begins. */
  readonly onProgress?: (progress: BenchProgress) => void;
}

/** How far a bench has come. */
export interface BenchProgress {
  readonly method: BenchMethod;
  readonly load: BenchLoad;
  /** The number of the measurement, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
}

/** How late the wakes of one method were under one load. */
export interface BenchRow {
  readonly method: BenchMethod;
  readonly load: BenchLoad;
  /** What the session asked of the system; undefined of other methods. */
  readonly realtime: RealtimeOptions | false | undefined;
  readonly cycles: number;
  /** Deadlines that passed before the cycle before them was over. */
  readonly missed: number;
  /** How late a wake was [s]: at most half of them, 99 %, 99.9 %, and the latest. */
  readonly p50S: number;
  readonly p99S: number;
  readonly p999S: number;
  readonly maxS: number;
  readonly histogram: Histogram;
  /** How the thread was scheduled, in words. */
  readonly note: string;
}

/** What {@link bench} measured. */
export interface BenchReport {
  readonly rateHz: number;
  readonly durationS: number;
  /** The measurements in their order; with `all` the best first, by the worst 99 % of its loads. */
  readonly rows: readonly BenchRow[];
  /** Why cyclictest was not measured; undefined if it was, and with `all`. */
  readonly withoutCyclictest: string | undefined;
}

const OPTIONS = [
  'rateHz',
  'durationS',
  'loads',
  'realtime',
  'all',
  'signal',
  'onProgress',
] as const satisfies readonly (keyof BenchOptions)[];

/** The name of what a signal aborts, for messages. */
const BENCH = 'the bench';
const METHODS: readonly BenchMethod[] = ['kilohertz', 'clock_nanosleep', 'spin', 'cyclictest'];

interface Measurement {
  readonly method: BenchMethod;
  readonly load: BenchLoad;
  readonly realtime: RealtimeOptions | false;
}

/**
 * Measures how late threads of this machine wake, under loads that it makes: the loop of a session with a robot in
 * memory, a thread that only sleeps with `clock_nanosleep`, scheduled as the loop is, one that only spins, scheduled
 * ordinarily, and cyclictest where it is installed. Other
 * things that run on the machine are measured too, so end them before.
 *
 * @example
 * const { rows } = await bench({ durationS: 10, loads: ['idle', 'busy'] });
 * for (const { method, load, p99S } of rows) console.log(method, load, p99S);
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {AbortError} if {@link BenchOptions.signal} aborts
 * @throws {KilohertzError} `SYSTEM` if the system refuses what a load needs
 */
export async function bench(options: BenchOptions = {}): Promise<BenchReport> {
  const own = ownOptions('bench()', options, OPTIONS);
  const { rateHz = 1000, durationS = 5, realtime = {}, all = false, signal, onProgress } = own;
  checkNumber('rateHz', rateHz, { from: 1, to: 10_000, unit: 'Hz' });
  checkNumber('durationS', durationS, { from: 0.1, to: 3600, unit: 's' });
  checkRealtime(realtime);
  checkBoolean('all', all);
  checkSignal(signal);
  const loads = checkLoads(own.loads);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionTypeError('OPTION_ON_PROGRESS', 'onProgress', onProgress, 'a function');
  }
  const wanted = loads.flatMap((load): Measurement[] =>
    all
      ? combinations().map((each) => ({ method: 'kilohertz', load, realtime: each }))
      : METHODS.map((method) => ({ method, load, realtime })),
  );
  const rows: BenchRow[] = [];
  let withoutCyclictest: string | undefined;
  for (const [index, each] of wanted.entries()) {
    throwIfAborted(signal, BENCH);
    const { method, load } = each;
    if (method === 'cyclictest' && withoutCyclictest !== undefined) continue;
    onProgress?.({ method, load, index, count: wanted.length });
    const row = await measured(each, { rateHz, durationS, signal });
    throwIfAborted(signal, BENCH);
    if (typeof row === 'string') withoutCyclictest = row;
    else rows.push(row);
  }
  return { rateHz, durationS, rows: all ? ranked(rows) : rows, withoutCyclictest };
}

interface Given {
  readonly rateHz: number;
  readonly durationS: number;
  readonly signal: AbortSignal | undefined;
}

/** Measures once. Returns a text if it is not possible. */
async function measured(
  { method, load, realtime }: Measurement,
  { rateHz, durationS, signal }: Given,
): Promise<BenchRow | string> {
  if (method === 'cyclictest') {
    const found = await underLoad(load, () => cyclictest(rateHz, durationS, signal));
    if (!found.lateness) return found.note;
    return rowOf({ method, load, realtime: undefined }, found.lateness, 0, found.note);
  }
  const task = { method, rateHz, durationS, realtime };
  const wakes = await underLoad(load, () => wakesOf(task, signal));
  throwIfAborted(signal, BENCH);
  if (!wakes) throw new SessionError('INTERNAL', `the thread of ${method} ended without a result`);
  const { counts, maxS, missed, note } = wakes;
  const asked = method === 'kilohertz' ? realtime : undefined;
  return rowOf({ method, load, realtime: asked }, new Lateness(counts, maxS), missed, note);
}

function rowOf(
  what: Pick<BenchRow, 'method' | 'load' | 'realtime'>,
  lateness: Lateness,
  missed: number,
  note: string,
): BenchRow {
  const { cycles, maxS, histogram } = lateness;
  const p50S = lateness.percentile(0.5);
  const p99S = lateness.percentile(0.99);
  const p999S = lateness.percentile(0.999);
  return { ...what, cycles, missed, p50S, p99S, p999S, maxS, histogram, note };
}

function checkLoads(loads: unknown = BENCH_LOADS): BenchLoad[] {
  if (!Array.isArray(loads) || loads.length === 0) {
    const expected = `a list of ${BENCH_LOADS.join(', ')}`;
    throw new OptionTypeError('OPTION_LOADS', 'loads', loads, expected);
  }
  return loads.map((load) => checkName('loads', load, BENCH_LOADS));
}

/** What a session may ask of the system: scheduling, a core, cores kept awake by threads or without idle states. */
function combinations(): RealtimeOptions[] {
  const cpu = lastCpu();
  const scheduling = [{ priority: null }, { priority: 80 }];
  const cores = cpu === undefined ? [{}] : [{}, { cpu }];
  const awake: readonly RealtimeOptions[] = [
    { keepAwake: false, idleLatencyUs: null },
    { keepAwake: 'idleStates' },
    { keepAwake: 'threads', idleLatencyUs: null },
  ];
  return scheduling.flatMap((one) =>
    cores.flatMap((two) => awake.map((three) => ({ ...one, ...two, ...three }))),
  );
}

/** Returns the last processor of this process: the first is the one that other programs use most. */
function lastCpu(): number | undefined {
  const list = fieldIn(new Machine('/').read('proc/self/status'), 'Cpus_allowed_list');
  const cpus = numbersIn(list ?? '');
  return cpus.length > 1 ? cpus.at(-1) : undefined;
}

/** Returns the rows so that the option whose worst load is the best comes first. */
function ranked(rows: readonly BenchRow[]): BenchRow[] {
  const worst = new Map<string, number>();
  const nameOf = ({ realtime }: BenchRow): string => JSON.stringify(realtime);
  for (const row of rows) {
    worst.set(nameOf(row), Math.max(worst.get(nameOf(row)) ?? 0, row.p99S));
  }
  return [...rows].sort((a, b) => (worst.get(nameOf(a)) ?? 0) - (worst.get(nameOf(b)) ?? 0));
}
