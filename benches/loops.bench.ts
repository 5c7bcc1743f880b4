// Loops at 1 kHz beside each other, each in a program of its own, in alternating rounds: sessions of kilohertz with a
// robot in memory and with a simulated arm, loops in Python, and two threads, in C and in Rust, that only sleep. The other
// thread of the language idles, is blocked for 300 ms in every second, or computes. How regular the cycles are, and how
// much of a core a loop takes.

import { join } from 'node:path';
import { cyclictest } from '../lib/bench/cyclictest.ts';
import { Lateness } from '../lib/bench/lateness.ts';
import { wakesOf } from '../lib/bench/wakes.ts';
import { Lacking } from './peers/contender.ts';
import {
  HOSTS,
  type Host,
  jitterUs,
  type Measured,
  type Question,
  RATE_HZ,
} from './peers/jitter.ts';
import { type Program, startProgram } from './peers/program.ts';
import { type Environment, environment, installed, python, pythonOf } from './peers/python.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 3;
const SECONDS = once ? 0.3 : 3;

const here = (file: string): string => join(import.meta.dirname, 'peers', file);
const aiofranka: Environment = environment(
  'aiofranka',
  join('..', '..', '__test__', 'interop', 'aiofranka', 'requirements.txt'),
);
// It has no wheel for Linux, and its loop is a file in Python.
const rfx: Environment = environment('peers-rfx', 'rfx-requirements.txt', {
  interpreter: () => pythonOf('3.13'),
  sources: 'rfx-source.txt',
});

/** A loop that is measured; `start` rejects with {@link Lacking} where it cannot be had. */
interface Loop {
  readonly who: string;
  /** What its language can do beside it. */
  readonly hosts: readonly Host[];
  start(): Promise<Pick<Program, 'stop'> & { measure(asked: Question): Promise<Timed> }>;
}

/** What a loop was like: jitter in us; of threads that only sleep how late they woke. */
interface Timed {
  readonly cycles: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** The percentile over the cycles that there were, whatever was due. */
  readonly p99OfCyclesUs: number;
  readonly core: number;
}

function timed({ startsS, core }: Measured): Timed {
  const jitter = jitterUs(startsS, true);
  return {
    cycles: startsS.length,
    p50Us: percentile(jitter, 0.5),
    p99Us: percentile(jitter, 0.99),
    maxUs: percentile(jitter, 1 - 1e-9),
    p99OfCyclesUs: percentile(jitterUs(startsS, false), 0.99),
    core,
  };
}

function timedWakes(lateness: Lateness): Timed {
  const us = (share: number): number => 1e6 * lateness.percentile(share);
  const maxUs = 1e6 * lateness.maxS;
  const p99Us = us(0.99);
  const { cycles } = lateness;
  return { cycles, p50Us: us(0.5), p99Us, maxUs, p99OfCyclesUs: p99Us, core: Number.NaN };
}

function program(who: string, words: () => Promise<readonly string[]>): Loop {
  return {
    who,
    hosts: HOSTS,
    async start() {
      const { ask, stop } = await startProgram(who, await words());
      return { measure: async (asked) => timed((await ask(asked)) as Measured), stop };
    },
  };
}

function inPython(who: string, way: string, venv: Pick<Environment, 'python' | 'installed'>): Loop {
  return program(who, async () => {
    await venv.installed();
    return [venv.python, here('loops.py'), way];
  });
}

/** A thread that only sleeps. */
function sleeper(who: string, measure: (seconds: number) => Promise<Lateness | string>): Loop {
  return {
    who,
    hosts: ['idle'],
    async start() {
      const found = await measure(0.1);
      if (typeof found === 'string') throw new Lacking(found);
      return {
        measure: async ({ seconds }) => {
          const lateness = await measure(seconds);
          return timedWakes(typeof lateness === 'string' ? new Lateness() : lateness);
        },
        stop: async () => undefined,
      };
    },
  };
}

const LOOPS: readonly Loop[] = [
  ...(['memory', 'arm'] as const).map((robot) =>
    program(robot === 'memory' ? 'kilohertz' : 'kilohertz, arm', async () => [
      ...[process.execPath, ...process.execArgv],
      ...[here('loop.ts'), robot],
    ]),
  ),
  inPython('loop-rate-limiters', 'loop-rate-limiters', { python, installed }),
  inPython('aiofranka', 'aiofranka', aiofranka),
  inPython('aiofranka native loop', 'aiofranka-native', aiofranka),
  inPython('rfx', 'rfx', rfx),
  sleeper('cyclictest', async (seconds) => {
    const { lateness, note } = await cyclictest(RATE_HZ, seconds, undefined);
    return lateness ?? note;
  }),
  sleeper('clock_nanosleep', async (durationS) => {
    const task = { method: 'clock_nanosleep', rateHz: RATE_HZ, durationS, realtime: {} } as const;
    const wakes = await wakesOf(task, undefined);
    return wakes ? new Lateness(wakes.counts, wakes.maxS) : 'it was stopped';
  }),
];

type Running = { readonly loop: Loop } & Awaited<ReturnType<Loop['start']>>;

const rows: Row[] = [];
const running: Running[] = [];
const NOTHING: Timed = {
  cycles: 0,
  p50Us: Number.NaN,
  p99Us: Number.NaN,
  maxUs: Number.NaN,
  p99OfCyclesUs: Number.NaN,
  core: Number.NaN,
};
for (const loop of LOOPS) {
  try {
    running.push({ loop, ...(await loop.start()) });
  } catch (error) {
    if (!(error instanceof Lacking)) throw error;
    console.log(`left out: ${loop.who}; ${error.message}`);
    const note = error.message.replaceAll('\n', ' ');
    rows.push({ round: 0, who: loop.who, host: '', ...NOTHING, note });
  }
}
for (let round = 0; round < ROUNDS; round += 1) {
  for (const host of HOSTS) {
    const able = running.filter(({ loop }) => loop.hosts.includes(host));
    const turn = round % able.length;
    for (const { loop, measure } of [...able.slice(turn), ...able.slice(0, turn)]) {
      const found = await measure({ host, seconds: SECONDS });
      rows.push({ round, who: loop.who, host, ...found, note: '' });
    }
  }
}
for (const { stop } of running) await stop();

function of(who: string, host: Host, column: keyof Timed): number {
  const mine = rows.filter((row) => row['who'] === who && row['host'] === host);
  return median(mine.map((row) => Number(row[column])));
}

show(
  `jitter at ${RATE_HZ} Hz [us]: what was due and did not come counts too; medians of ${ROUNDS} rounds of ${SECONDS} s`,
  HOSTS.flatMap((host) =>
    running
      .filter(({ loop }) => loop.hosts.includes(host))
      .map(({ loop: { who } }) => ({
        host,
        who,
        ...Object.fromEntries(
          (['p50Us', 'p99Us', 'maxUs', 'p99OfCyclesUs'] as const).map((column) => [
            column,
            Number(of(who, host, column).toFixed(2)),
          ]),
        ),
        cycles: of(who, host, 'cycles'),
        core: Number(of(who, host, 'core').toFixed(2)),
      })),
  ),
);
keep('loops', rows);
