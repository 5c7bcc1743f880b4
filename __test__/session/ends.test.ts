// Every end of a program, in every place: the motion is finished by its session, and nothing moves behind it.
// `npm run test:ends` runs each way in each place, three times.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator } from '../../index.ts';
import { WALL } from '../fixtures/arms.ts';
import {
  allOf,
  type Case,
  ENDS,
  FAULTS,
  JOB,
  LOOPING,
  type Moving,
  namespace,
  OWN_WAYS,
  refused,
  sentBy,
  statusOf,
  suspended,
} from '../fixtures/endings.ts';
import { type Ending, program } from '../fixtures/programs.ts';

async function all(t: ExecutionContext, cases: readonly Case[]): Promise<void> {
  t.timeout(600_000);
  const failures = (await allOf(cases)).filter((failure) => failure !== undefined);
  t.deepEqual(failures, []);
}

test('the motion is finished before any signal that can be caught ends the process', async (t) => {
  await all(t, [...ENDS, ...FAULTS].map(sentBy));
});

test('the motion is finished before the program ends itself, or hangs', async (t) => {
  const inWorker: Case = { place: 'worker', way: 'loop', sent: 'SIGHUP', by: 'SIGHUP' };
  await all(t, [...OWN_WAYS, ...LOOPING, inWorker]);
});

const PLACES = [
  ...['worker', 'move', 'hand', 'python', 'worker policy', 'started', 'signal-exit', 'execa'],
  'libfranka-rs',
];

for (const place of PLACES) {
  test(`the motion is finished, and the next never begins: ${place}`, async (t) => {
    const ways = [sentBy('SIGINT'), sentBy('SIGTERM'), ...OWN_WAYS.slice(0, 1)];
    const cases: readonly Case[] = [...ways, { way: 'exit', by: 7 }];
    await all(
      t,
      cases.map((each) => ({ ...each, place })),
    );
  });
}

test('the motion is finished before a regular exit, whatever keeps JavaScript from seeing to it', async (t) => {
  await all(t, [
    { way: 'exitThrows', by: 7 },
    { way: 'exitExits', by: 8 },
    { way: 'exitUnheard', by: 7 },
    { way: 'reallyExit', by: 7 },
    { place: 'move', way: 'reallyExit', by: 7 },
    { place: 'hand', way: 'reallyExit', by: 7 },
  ]);
});

test('process 1, which no default action ends, is told, and begins no other motion', async (t) => {
  const made = namespace();
  if ('refusal' in made) {
    // A container without the right to make namespaces; where these tests run for a release there is one.
    t.log(made.refusal);
    t.regex(
      made.refusal,
      /^(unshare: .*(Operation not permitted|Permission denied|No space left)\n?)+$/i,
    );
    t.is(process.env['CI'], undefined, 'CI may make namespaces');
    return;
  }
  const told = (sent: NodeJS.Signals, place = 'main'): Case => ({
    ...{ place, way: 'waits', sent, by: 0, lines: refused(sent) },
  });
  const first: readonly Case[] = [
    ...(['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGABRT', 'SIGSEGV'] as const).map((sent) => told(sent)),
    ...[told('SIGINT', 'move'), told('SIGINT', 'hand'), { way: 'exit', by: 7 }],
  ];
  await all(
    t,
    first.map((each) => ({ ...each, words: made.words })),
  );
});

test('a program that listens has its turn, is told, and moves again only where it says so', async (t) => {
  const listens: Case = { way: 'listens', sent: 'SIGTERM', by: 0 };
  const listened = [...refused('SIGTERM'), 'listened'];
  const parks: Case = { way: 'parks', sent: 'SIGINT', by: 0, motions: 2 };
  const parked = [...refused('SIGINT'), 'parked'];
  const error = 'error SESSION_INTERRUPTED';
  await all(t, [
    { place: 'child', way: 'waits', sent: 'SIGINT', by: 0, lines: refused('SIGINT') },
    { place: 'child', way: 'waits', sent: 'SIGTERM', by: 0, lines: refused('SIGTERM') },
    ...['main', 'worker', 'move', 'hand', 'execa'].map((place) => ({
      ...{ ...listens, place, lines: listened },
    })),
    { ...listens, place: 'started', lines: [error, ...listened] },
    { ...parks, lines: parked },
    { ...parks, place: 'hand', lines: parked },
    { ...parks, place: 'started', lines: [error, ...parked] },
  ]);
});

test('a signal that comes before anything has moved counts too', async (t) => {
  const { ended } = program('told-before');
  const { lines, code, stderr } = await ended;
  const refused = 'SESSION_INTERRUPTED';
  t.deepEqual(lines, [refused, refused, refused, 'motions 0'], stderr);
  t.is(code, 0);
});

test('Ctrl+C ends a run without a duration, and the next motion begins', async (t) => {
  const lines = ['resolved', 'next moved again'];
  await all(t, [
    { place: 'open', way: 'waits', sent: 'SIGINT', by: 0, motions: 2, lines },
    { place: 'open', way: 'waits', sent: 'SIGTERM', by: 'SIGTERM' },
  ]);
});

test('the program has no listener but its own', async (t) => {
  await all(t, [{ way: 'churn', sent: 'SIGTERM', by: 'SIGTERM', lines: ['listeners 0'] }]);
});

test('faults that WebAssembly handles itself leave the motion alone', async (t) => {
  await all(t, [{ way: 'traps', by: 0, lines: ['caught 1000, still driven true'] }]);
});

const GOES_ON = 'goes on, still driven true';

test('signals that are not the guard’s harm nothing', async (t) => {
  const afterInspector = async ({ process: child }: Moving): Promise<void> => {
    child.kill('SIGUSR1');
    await sleep(300);
    child.kill('SIGTERM');
  };
  const reporting = ['--report-on-signal', '--report-filename=/dev/null'];
  const goesOn: Case = { way: 'goesOn', by: 0, lines: [GOES_ON] };
  await all(t, [
    { way: 'waits', by: 'SIGTERM', meddle: afterInspector },
    { ...goesOn, flags: reporting, sent: 'SIGUSR2' },
    // Node ignores this one; the other is ignored from the start.
    { ...goesOn, sent: 'SIGXFSZ' },
    { ...goesOn, sent: 40, words: ['env', '--ignore-signal=40'] },
  ]);
});

test('a profiler that samples by signals has its profile, and the motion goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kilohertz-profile-'));
  const profiled = 'profiled true';
  await all(t, [
    { way: 'profiles', by: 0, lines: [profiled, profiled, profiled] },
    { way: 'goesOn', by: 0, lines: [GOES_ON], flags: ['--cpu-prof', `--cpu-prof-dir=${folder}`] },
  ]);
  const [file = ''] = readdirSync(folder);
  const { samples } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  rmSync(folder, { recursive: true });
  t.true(samples.length > 100, `${samples.length} samples`);
});

for (const sent of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const) {
  test(`${sent} suspends once the arm rests, and what it ended is told when the process goes on`, async (t) => {
    let finished = 0;
    const suspend = async ({ pid, simulator }: Moving): Promise<void> => {
      process.kill(pid, sent);
      await suspended(pid);
      finished = simulator.counters().motionsFinished;
      process.kill(pid, 'SIGCONT');
    };
    const lines = ['error SESSION_INTERRUPTED', `SESSION_INTERRUPTED ${sent}`];
    const started: Case = { place: 'started', way: 'suspended', by: 0, lines, meddle: suspend };
    await all(t, [{ ...started, words: JOB }]);
    t.is(finished, 1);
  });
}

test('a second Ctrl+C ends at once what does not listen', async (t) => {
  let lasted = Number.POSITIVE_INFINITY;
  const twice = async ({ process: child, ended }: Moving): Promise<void> => {
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

/** The threads of a process with this name, in the order of their making. */
function threadsOf(pid: number, name: string): number[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.filter((thread) => statusOf(pid, thread)('Name') === name).sort((a, b) => a - b);
}

/** Makes one thread fault, as far as it can tell. */
function fault(pid: number, thread: number): void {
  const tgkill = process.arch === 'x64' ? 234 : 131;
  const call = `import ctypes; exit(ctypes.CDLL(None).syscall(${tgkill}, ${pid}, ${thread}, 11))`;
  execFileSync('python3', ['-c', call]);
}

test('a fault of a loop thread ends the process, and other arms come to rest first', async (t) => {
  await using one = await FrankaSimulator.start(WALL);
  await using other = await FrankaSimulator.start(WALL);
  const child = program('ends', `${one.address}+${other.address}`, 'main', 'waits');
  await child.printed('driving');
  const { pid = 0 } = child.process;
  const [loop = 0, another] = threadsOf(pid, 'kilohertz-loop');
  t.truthy(another);
  fault(pid, loop);
  t.is((await child.ended).signal, 'SIGSEGV');
  const finished = [one, other].map((arm) => arm.counters().motionsFinished);
  t.deepEqual(finished.sort(), [0, 1]);
  const moved = [one, other].find((arm) => arm.counters().motionsFinished === 1);
  t.is(moved?.counters().motionsAborted, 0);
  t.is(moved?.counters().reflexes, 0);
});

test('a fault of the only loop thread ends the process without a wait', async (t) => {
  // A loaded machine may end one of the processes late; whoever waits does so each time.
  const lasted: number[] = [];
  while (lasted.length < 3 && !lasted.some((ms) => ms < 3000)) {
    await using simulator = await FrankaSimulator.start(WALL);
    const child = program('ends', simulator.address, 'main', 'waits');
    await child.printed('driving');
    const { pid = 0 } = child.process;
    const [loop = 0] = threadsOf(pid, 'kilohertz-loop');
    const since = performance.now();
    fault(pid, loop);
    t.is((await child.ended).signal, 'SIGSEGV');
    lasted.push(performance.now() - since);
  }
  t.true(Math.min(...lasted) < 3000, `${lasted} ms; whoever waits for it waits 4000`);
});

test('the connection of an arm brings the guard, loading the package does not', async (t) => {
  const { lines, code, stderr } = await program('loads').ended;
  t.is(code, 0, stderr);
  const [loaded, connected, first, second] = lines.map((line) => JSON.parse(line));
  t.deepEqual([loaded.guards, connected.guards, first.guards, second.guards], [0, 1, 1, 1]);
  t.not(connected.caught, loaded.caught);
  t.is(first.caught, connected.caught);
  t.is(second.caught, connected.caught);
});

/** The numbers of the signals in a mask as the kernel prints it. */
function signalsIn(mask: string): number[] {
  const bits = BigInt(`0x${mask}`);
  return Array.from({ length: 64 }, (_, index) => index + 1).filter(
    (signal) => bits & (1n << BigInt(signal - 1)),
  );
}

for (const [place, names] of [
  ['python', ['kilohertz-loop', 'kilohertz-wake', 'kilohertz-guard']],
  ['libfranka-rs', ['kilohertz-loop', 'kilohertz-calls']],
] as const) {
  test(`threads that move an arm take no signals but those of faults: ${place}`, async (t) => {
    const see = async ({ pid, process: child }: Moving): Promise<void> => {
      for (const name of names) {
        const [thread = 0] = threadsOf(pid, name);
        const blocked = new Set(signalsIn(statusOf(pid, thread)('SigBlk')));
        const taken = Array.from({ length: 64 }, (_, index) => index + 1);
        const open = taken.filter((signal) => !blocked.has(signal));
        // SIGKILL and SIGSTOP, the seven of faults, two of the C library's own; and the one that wakes
        // libfranka-rs.
        const wakes = place === 'libfranka-rs' ? [64] : [];
        t.deepEqual(open, [4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33, ...wakes], name);
      }
      child.kill('SIGTERM');
    };
    await all(t, [{ place, way: 'waits', by: 'SIGTERM', meddle: see }]);
  });
}

/** Runs a robot in JavaScript until a signal has ended it; says how, and how long it took [ms]. */
async function scripted(
  sent: NodeJS.Signals,
  way = 'driving',
): Promise<Ending & { lastedMs: number }> {
  const child = program('robot', way);
  await child.printed('driving');
  const since = performance.now();
  child.process.kill(sent);
  return { ...(await child.ended), lastedMs: performance.now() - since };
}

test('a robot in JavaScript is stopped before any signal from outside ends the process', async (t) => {
  for (const sent of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGSEGV', 'SIGABRT'] as const) {
    const { signal, lines, stderr } = await scripted(sent);
    t.deepEqual(lines, ['driving', 'robot stopped'], stderr);
    t.is(signal, sent);
  }
});

test('a guard that the system refused is there for the next session', async (t) => {
  const child = program('unguarded');
  await child.printed('driving');
  child.process.kill('SIGTERM');
  const { signal, lines, stderr } = await child.ended;
  t.is(signal, 'SIGTERM', stderr);
  t.deepEqual(lines, ['no thread is left', 'driving', 'robot stopped'], stderr);
});

test('a robot in JavaScript is left by a fault, which ends the process at once', async (t) => {
  const since = performance.now();
  const { signal, lines, stderr } = await program('robot', 'abort').ended;
  t.deepEqual(lines, ['driving'], stderr);
  t.is(signal, 'SIGABRT');
  const lasted = performance.now() - since;
  t.true(lasted < 10_000, `${lasted} ms, with its start`);
});

test('a robot in JavaScript whose stop() hangs is waited for no longer than 4 s', async (t) => {
  for (const [way, leastMs] of [
    ['unstoppable', 0],
    ['stuck', 3500],
  ] as const) {
    const { signal, lastedMs, stderr } = await scripted('SIGTERM', way);
    t.is(signal, 'SIGTERM', stderr);
    t.true(lastedMs > leastMs && lastedMs < 10_000, `${way}: ${lastedMs} ms`);
  }
});
