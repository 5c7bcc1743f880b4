// Every end of a program, in every place: the motion is finished by its session, and nothing moves behind it.
// The simulated arm lives here, in another process than the one that ends.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator } from '../index.ts';
import { ownPlace, WALL } from './fixtures/arms.ts';
import { type Ending, type Program, programBehind } from './fixtures/programs.ts';

interface Case {
  /** Where the motion is. */
  readonly place?: string;
  /** What the program does to itself, or what is sent to it. */
  readonly way: string;
  readonly sent?: NodeJS.Signals | number;
  /** By which signal it has to end, or with which code. */
  readonly by: NodeJS.Signals | number;
  /** What it has printed. */
  readonly lines?: readonly string[];
  /** Motions that are finished, 1 unless said. */
  readonly motions?: number;
  readonly words?: readonly string[];
  readonly flags?: readonly string[];
  /** Meddles while it moves, in the place of sending a signal. */
  readonly meddle?: (program: Program) => Promise<void>;
}

/** Runs a case; what was not as it has to be, as text. */
async function wrong(each: Case): Promise<string | undefined> {
  const { place = 'main', way, sent, by, lines, words = [], flags = [], meddle } = each;
  const fer = { generation: 'fer', ...ownPlace() } as const;
  const options = { ...WALL, ...(place === 'libfranka-rs' ? fer : {}) };
  await using simulator = await FrankaSimulator.start(options);
  const child = programBehind(words, flags, 'ends', simulator.address, place, way);
  let ending: Ending;
  try {
    await child.printed('driving');
    if (meddle) await meddle(child);
    else if (sent !== undefined) process.kill(pidOf(child, words), sent);
    ending = await child.ended;
  } catch (error) {
    return `${name(each)}: ${error}`;
  }
  const isHand = place === 'hand';
  const { motionsStarted, motionsFinished, motionsAborted, reflexes } = simulator.counters();
  const { isMoving, widthM } = simulator.fingers();
  const finished = isHand ? 0 : (each.motions ?? 1);
  const seen = {
    motions: [motionsStarted, motionsFinished, motionsAborted, reflexes],
    hand: isHand ? [isMoving, widthM > 0.03] : [],
    by: ending.signal ?? ending.code,
    lines: ending.lines.slice(ending.lines.indexOf('driving')),
  };
  const expected = {
    motions: [finished, finished, 0, 0],
    hand: isHand ? [false, true] : [],
    by,
    lines: lines ? ['driving', ...lines] : seen.lines,
  };
  const [is, has] = [JSON.stringify(seen), JSON.stringify(expected)];
  return is === has ? undefined : `${name(each)}: ${is}, expected ${has}\n${ending.stderr}`;
}

function name({ place = 'main', way, sent, words = [] }: Case): string {
  return [words[0] ?? '', place, way, sent ?? ''].join(' ').trim();
}

/** The process that runs the program, behind `unshare` its child. */
function pidOf({ process: { pid = 0 } }: Program, words: readonly string[]): number {
  if (words[0] !== 'unshare') return pid;
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Runs the cases, two at a time. */
async function all(t: ExecutionContext, cases: readonly Case[]): Promise<void> {
  t.timeout(600_000);
  const left = [...cases];
  const failures: string[] = [];
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const failure = await wrong(next);
      if (failure) failures.push(failure);
    }
  };
  await Promise.all([lane(), lane()]);
  t.deepEqual(failures, []);
}

const sentBy = (sent: NodeJS.Signals): Case => ({ way: 'waits', sent, by: sent });
const FATAL: readonly NodeJS.Signals[] = [
  ...(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGSYS', 'SIGTRAP'] as const),
  ...(['SIGQUIT', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGXCPU'] as const),
  ...(['SIGIO', 'SIGPWR', 'SIGSTKFLT'] as const),
];

test('the motion is finished before any signal that can be caught ends the process', async (t) => {
  await all(t, [...(['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(sentBy), ...FATAL.map(sentBy)]);
});

const SMALL_HEAP = ['--max-old-space-size=60'];
const ABORTED: Case = { way: 'abort', by: 'SIGABRT' };

test('the motion is finished before the program ends itself', async (t) => {
  await all(t, [
    ABORTED,
    { way: 'heap', by: 'SIGABRT', flags: SMALL_HEAP },
    { way: 'exit', by: 7 },
    { way: 'throw', by: 1 },
    { way: 'reject', by: 1 },
    { way: 'loop', sent: 'SIGTERM', by: 'SIGTERM' },
    { place: 'worker', way: 'loop', sent: 'SIGHUP', by: 'SIGHUP' },
  ]);
});

const PLACES = ['worker', 'move', 'hand', 'python', 'started', 'signal-exit', 'libfranka-rs'];

for (const place of PLACES) {
  test(`the motion is finished, and the next never begins: ${place}`, async (t) => {
    const waits = (['SIGINT', 'SIGTERM'] as const).map(sentBy);
    const cases: readonly Case[] = [...waits, ABORTED, { way: 'exit', by: 7 }];
    await all(
      t,
      cases.map((each) => ({ ...each, place })),
    );
  });
}

const REFUSED = (signal: string): string[] => [
  `SESSION_INTERRUPTED ${signal}`,
  `next SESSION_INTERRUPTED ${signal}`,
];

const NAMESPACE = ['unshare', '--pid', '--fork', '--mount-proc'];
const mayBeFirst = spawnSync(NAMESPACE[0] ?? '', [...NAMESPACE.slice(1), 'true']).status === 0;

test('process 1, which no default action ends, is told, and begins no other motion', async (t) => {
  if (!mayBeFirst) {
    t.log('not permitted here: needs a pid namespace');
    t.pass();
    return;
  }
  const first: readonly Case[] = [
    { way: 'waits', sent: 'SIGINT', by: 0, lines: REFUSED('SIGINT') },
    { way: 'waits', sent: 'SIGTERM', by: 0, lines: REFUSED('SIGTERM') },
    { way: 'exit', by: 7 },
    { place: 'move', way: 'waits', sent: 'SIGINT', by: 0, lines: REFUSED('SIGINT') },
  ];
  await all(
    t,
    first.map((each) => ({ ...each, words: NAMESPACE })),
  );
});

test('a program that listens has its turn, is told, and moves again only where it says so', async (t) => {
  await all(t, [
    { place: 'child', way: 'waits', sent: 'SIGINT', by: 0, lines: REFUSED('SIGINT') },
    { place: 'child', way: 'waits', sent: 'SIGTERM', by: 0, lines: REFUSED('SIGTERM') },
    {
      way: 'listens',
      sent: 'SIGTERM',
      by: 0,
      lines: [...REFUSED('SIGTERM'), 'listened'],
    },
    { way: 'parks', sent: 'SIGINT', by: 0, motions: 2, lines: [...REFUSED('SIGINT'), 'parked'] },
    {
      place: 'started',
      way: 'listens',
      sent: 'SIGTERM',
      by: 0,
      lines: ['error SESSION_INTERRUPTED', ...REFUSED('SIGTERM'), 'listened'],
    },
    { way: 'churn', sent: 'SIGTERM', by: 'SIGTERM', lines: [] },
  ]);
});

test('faults that WebAssembly handles itself leave the motion alone', async (t) => {
  await all(t, [{ way: 'traps', by: 0, lines: ['caught 1000'] }]);
});

test('signals that are not the guard’s harm nothing', async (t) => {
  const afterInspector = async ({ process: child }: Program): Promise<void> => {
    child.kill('SIGUSR1');
    await sleep(300);
    child.kill('SIGTERM');
  };
  const reporting = ['--report-on-signal', '--report-filename=/dev/null'];
  await all(t, [
    { way: 'waits', by: 'SIGTERM', meddle: afterInspector },
    { way: 'reports', by: 0, flags: reporting, sent: 'SIGUSR2', lines: ['goes on'] },
  ]);
});

test('a suspension comes once the arm rests, and what it ended is told when the process goes on', async (t) => {
  const suspend = async ({ process: child }: Program): Promise<void> => {
    child.kill('SIGTSTP');
    // Where nobody could continue it, as without a terminal, the kernel does not suspend it.
    await sleep(1000);
    child.kill('SIGCONT');
  };
  const lines = ['error SESSION_INTERRUPTED', 'SESSION_INTERRUPTED SIGTSTP'];
  await all(t, [{ place: 'started', way: 'suspended', by: 0, lines, meddle: suspend }]);
});

test('a second Ctrl+C ends at once what does not listen', async (t) => {
  let lasted = Number.POSITIVE_INFINITY;
  const twice = async ({ process: child, ended }: Program): Promise<void> => {
    child.kill('SIGINT');
    await sleep(600);
    const since = performance.now();
    child.kill('SIGINT');
    await ended;
    lasted = performance.now() - since;
  };
  await all(t, [{ way: 'loop', by: 'SIGINT', meddle: twice }]);
  t.true(lasted < 2500, `${lasted} ms; the first alone would have taken 3400`);
});
