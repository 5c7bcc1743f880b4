import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type Franka,
  FrankaSimulator,
  type FrankaSimulatorOptions,
  InvalidActionError,
  type JointVector,
  KilohertzError,
  OffloadError,
  PolicyError,
  type ProcessPolicyOptions,
  processPolicy,
  type RobotState,
  Session,
  type SessionOptions,
} from '../../index.ts';
import { answered, isRested, type Setup, setUp, speed, WALL } from '../fixtures/arms.ts';
import { childrenOf } from '../fixtures/processes.ts';
import { program } from '../fixtures/programs.ts';
import { venv, WITHOUT_NUMPY } from '../fixtures/python.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');
type Driven = Setup & { readonly session: Session<RobotState, JointVector> };

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PLAIN = new URL('../fixtures/plain-policy.js', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

/** In the arm's own time, however busy the machine is. */
const LOCKSTEP: FrankaSimulatorOptions = { lockstep: true };

/** A session on a simulated arm; both go with the test. */
async function driven(
  t: ExecutionContext,
  policy: AnyPolicy<RobotState, JointVector>,
  options: SessionOptions = {},
  simulation: FrankaSimulatorOptions = LOCKSTEP,
): Promise<Driven> {
  const setup = await setUp('jointVelocity', simulation);
  const session = new Session(setup.arm, policy, { warmupS: 0, ...options });
  t.teardown(async () => {
    await session.stop();
    await setup[Symbol.asyncDispose]();
  });
  return { ...setup, session };
}

function python(name: string, ...args: unknown[]): AnyPolicy<RobotState, JointVector> {
  return processPolicy(PYTHON, { export: name, args, env: WITHOUT_NUMPY });
}

function misbehaving(
  how: Parameters<Policies['misbehave']>[0],
): AnyPolicy<RobotState, JointVector> {
  return processPolicy<Policies, 'misbehave'>(NODE, { export: 'misbehave', args: [how] });
}

/** How the session fails, and that the arm was at rest before it was told. */
async function failure(t: ExecutionContext, run: Driven): Promise<KilohertzError> {
  run.session.once('error', () => isRested(t, run.simulator, 1));
  const error = await rejection(run.session.run({ durationS: 30 }));
  t.true(error instanceof KilohertzError, String(error));
  t.deepEqual(childrenOf('self'), []);
  return error as KilohertzError;
}

const MOVING: readonly (readonly [
  string,
  URL,
  ProcessPolicyOptions<string, readonly unknown[]>,
])[] = [
  ['a factory in JavaScript', PLAIN, { export: 'swing', args: [0.3] }],
  ['a factory in TypeScript', NODE, { export: 'swing', args: [0.3] }],
  ['a factory and a policy that answer with promises', NODE, { export: 'swingLater', args: [0.3] }],
  ['a factory in Python', PYTHON, { export: 'swing', args: [0.3] }],
  ['coroutines in Python', PYTHON, { export: 'swing_later', args: [0.3] }],
];

for (const [what, url, options] of MOVING) {
  test(`${what} steers the arm from another process`, async (t) => {
    const { session, simulator } = await driven(t, processPolicy(url, options), {
      recordTicks: 5_000,
    });
    await session.start();
    await until(() => (simulator.joints().q[0] ?? 0) > 0.05, 'joint 1 moved');
    await session.stop();
    const { policyAnswers } = session.stats;
    t.true(policyAnswers > 100, `${policyAnswers} answers`);
    t.true(session.takeRecords().some(({ action }) => (action[0] ?? 0) > 0.1));
    t.is(simulator.counters().reflexes, 0);
    t.deepEqual(childrenOf('self'), []);
  });
}

test('the export may be the policy itself, in each language', async (t) => {
  const policies = [
    processPolicy(PLAIN),
    processPolicy<Policies>(NODE),
    processPolicy(PYTHON, { export: 'still' }),
  ];
  for (const policy of policies) {
    const { session } = await driven(t, policy as AnyPolicy<RobotState, JointVector>);
    t.true((await answered(session, 10)).policyAnswers > 10);
  }
});

test('a policy in Python may answer in any form of seven numbers', async (t) => {
  const interpreter = await venv();
  for (const form of ['array', 'float32', 'row', 'strided', 'tuple']) {
    const policy = processPolicy(PYTHON, { export: 'answer', args: [form], python: interpreter });
    const { session } = await driven(t, policy);
    t.true((await answered(session, 10)).policyAnswers > 10, form);
  }
});

interface Seen {
  /** Tick, time [s], period [s], the robot's time [s], and where joint 1 is told to be [rad]. */
  readonly clock: readonly (readonly [number, number, number, number, number])[];
  readonly fields: Readonly<Record<string, { kind: string; shape?: number[]; value: unknown }>>;
}

/** What `look` saw in so many cycles. */
async function seen(t: ExecutionContext, interpreter?: string): Promise<Seen> {
  const policy = interpreter
    ? processPolicy(PYTHON, { export: 'look', args: [200], python: interpreter })
    : python('look', 200);
  const { session } = await driven(t, policy);
  const error = await t.throwsAsync(session.run({ durationS: 30 }), { code: 'POLICY_THREW' });
  const cause = error.cause as Error;
  t.is(cause.name, 'Seen', cause.stack ?? '');
  return JSON.parse(cause.message);
}

function isWholeMs(seconds: number): boolean {
  return Math.abs(seconds * 1e3 - Math.round(seconds * 1e3)) < 1e-6;
}

for (const [way, kind] of [
  ['without numpy', 'memoryview'],
  ['with numpy', 'ndarray'],
] as const) {
  test(`a policy in Python sees what one here does (${way})`, async (t) => {
    const { fields } = await seen(t, way === 'with numpy' ? await venv() : undefined);
    const { arm } = await driven(t, processPolicy(PLAIN));
    const state = JSON.parse(JSON.stringify(await arm.state()));
    t.deepEqual(Object.keys(fields).sort(), Object.keys(state).sort());
    for (const [name, value] of Object.entries(state)) {
      const field = fields[name];
      if (Array.isArray(value) && !name.endsWith('_errors')) {
        t.deepEqual([field?.kind, field?.shape], [kind, [value.length]], name);
      } else {
        t.is(typeof field?.value, typeof value, name);
      }
    }
    t.is(fields['robot_mode']?.value, 'Move');
    t.deepEqual(fields['current_errors']?.value, []);
  });

  test(`its arrays are refreshed in place, its numbers and the clock told each cycle (${way})`, async (t) => {
    const { clock, fields } = await seen(t, way === 'with numpy' ? await venv() : undefined);
    const [first, last] = [clock[0], clock.at(-1)];
    t.is(clock.length, 200);
    for (const [nth, [tick, timeS, periodS]] of clock.entries()) {
      t.true(isWholeMs(timeS) && isWholeMs(periodS), `${timeS} s, ${periodS} s`);
      const before = clock[nth - 1];
      if (before) t.true(tick > before[0] && timeS > before[1], 'cycles come in order');
      if (tick > 0) t.true(periodS > 0);
    }
    t.true((last?.[1] ?? 0) - (first?.[1] ?? 0) >= 0.199);
    // The robot's own clock, an attribute that is a plain number, went on as long.
    const passed = (last?.[3] ?? 0) - (first?.[3] ?? 0);
    t.true(Math.abs(passed - ((last?.[1] ?? 0) - (first?.[1] ?? 0))) < 0.0015);
    // The array that was kept from the first cycle shows the last one.
    const [q1] = (fields['q_d']?.value ?? []) as number[];
    t.is(q1, last?.[4]);
    t.not(q1, first?.[4]);
  });
}

test('an error in the policy ends the session with its class name, message and stack', async (t) => {
  const run = await driven(t, misbehaving('throw'));
  const error = await failure(t, run);
  t.true(error instanceof PolicyError);
  t.is(error.code, 'POLICY_THREW');
  t.true(((error as PolicyError).tick ?? 0) >= 200);
  t.is((error as PolicyError).lastStates.at(-1)?.state.q.length, 7);
  const cause = error.cause as Error;
  t.deepEqual([cause.name, cause.message], ['SingularPose', 'no way on from here']);
  t.regex(cause.stack ?? '', /policies\.ts/);
});

test('an error in Python keeps its class name and message, and a traceback that begins in its file', async (t) => {
  const error = await failure(t, await driven(t, python('misbehave', 'throw')));
  t.is(error.code, 'POLICY_THREW');
  const cause = error.cause as Error;
  t.deepEqual([cause.name, cause.message], ['SingularPose', 'no way on from here']);
  const [head, firstFrame] = (cause.stack ?? '').split('\n');
  t.is(head, 'Traceback (most recent call last):');
  t.regex(firstFrame ?? '', /policies\.py", line \d+, in policy/);
  t.regex(cause.stack ?? '', /in give_up[\s\S]*SingularPose: no way on from here$/);
});

test('an error in Python keeps its cause', async (t) => {
  const error = await failure(t, await driven(t, python('misbehave', 'cause')));
  const cause = error.cause as Error;
  t.deepEqual([cause.name, cause.message], ['ValueError', 'nothing to answer']);
  t.is((cause.cause as Error).name, 'SingularPose');
});

test('sys.exit() in a policy ends its session, by name', async (t) => {
  const error = await failure(t, await driven(t, python('misbehave', 'sys.exit')));
  t.is(error.code, 'POLICY_THREW');
  t.is((error.cause as Error).name, 'SystemExit');
});

for (const [how, code, received] of [
  ['length', 'ACTION_LENGTH', 'list of length 2'],
  ['nan', 'ACTION_NOT_FINITE', Number.NaN],
  ['text', 'ACTION_TYPE', "'stand still'"],
  ['nones', 'ACTION_TYPE', 'list of length 7 whose [1] is None'],
  ['number', 'ACTION_TYPE', '0.0'],
  ['texts', 'ACTION_TYPE', "list of length 7 whose [0] is '0.0'"],
  ['truths', 'ACTION_TYPE', 'list of length 7 whose [0] is True'],
  ['nested', 'ACTION_TYPE', 'list of length 1 whose [0] is [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]'],
  ['complex', 'ACTION_TYPE', 'list of length 7 whose [6] is 1j'],
  ['endless', 'ACTION_LENGTH', 'count of length more than 7'],
  ['unprintable', 'ACTION_TYPE', 'a Unprintable'],
  ['digits', 'ACTION_TYPE', "'0000000'"],
  ['dict', 'ACTION_TYPE', '{0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0, 6: 0.0}'],
] as const) {
  test(`an answer in Python that is no action ends the session by name (${how})`, async (t) => {
    const error = await failure(t, await driven(t, python('misbehave', how)));
    t.true(error instanceof InvalidActionError, error.message);
    t.is(error.code, code);
    t.is((error as InvalidActionError).received, received);
    t.true(((error as InvalidActionError).tick ?? 0) >= 200);
  });
}

test('a numpy answer of another type or shape is told by it', async (t) => {
  const interpreter = await venv();
  for (const [form, message] of [
    ['truths', /returned ndarray of bool; .*Return action\.astype\(float\)/],
    ['dates', /returned ndarray of datetime64/],
    ['complex', /returned ndarray of complex128; .*action\.real/],
    ['batch', /returned ndarray of shape \(2, 7\); expected 7 numbers/],
    ['rows', /list of length 1 whose \[0\] is array.*numpy\.ravel/],
  ] as const) {
    const policy = processPolicy(PYTHON, { export: 'answer', args: [form], python: interpreter });
    const error = await failure(t, await driven(t, policy));
    t.true(error instanceof InvalidActionError, error.message);
    t.regex(error.message, message, form);
  }
});

test('a process whose answers break the protocol ends the session by name, and the arm stops first', async (t) => {
  for (const [how, received] of [
    ['twice', /sent an answer to cycle \d+ when it was asked in cycle \d+; expected one answer/],
    ['before', /sent an answer to cycle \d+/],
    ['never asked', /sent an answer to cycle 9223372036854775808/],
    ['kind', /sent an answer of kind 7/],
    ['no kind', /sent an answer of kind 18446744073709551615/],
  ] as const) {
    const error = await failure(t, await driven(t, python('garble', how)));
    t.is(error.code, 'POLICY_CRASHED', how);
    t.regex(error.message, received, how);
    t.is((error.cause as OffloadError).code, 'OFFLOAD_PROTOCOL');
  }
});

test('signals that a policy in Python handles neither end nor skip its cycles', async (t) => {
  for (const restarts of [false, true]) {
    const { session } = await driven(t, python('interrupted', 100, restarts));
    const error = await t.throwsAsync(session.run({ durationS: 60 }), { code: 'POLICY_THREW' });
    const cause = error.cause as Error;
    t.is(cause.name, 'Seen', cause.stack ?? '');
    const { handled, ordered } = JSON.parse(cause.message);
    t.true(handled >= 100, `${handled} signals`);
    t.true(ordered);
  }
});

test('a Python that lacks what a policy needs is refused by name before the arm moves', async (t) => {
  for (const [folder, message] of [
    ['without-ctypes', /this Python has no ctypes, which shared memory needs.*Choose another/],
    ['other-machine', /needs futex\(2\), whose number on pdp11 is not known here/],
  ] as const) {
    const env = { PYTHONPATH: fileURLToPath(new URL(`../fixtures/${folder}`, import.meta.url)) };
    const policy = processPolicy(PYTHON, { export: 'still', env });
    const run = await driven(t, policy as AnyPolicy<RobotState, JointVector>);
    const error = await rejection(run.session.run({ durationS: 5 }));
    t.is((error as PolicyError).code, 'POLICY_CRASHED', String(error));
    t.regex((error as PolicyError).message, message);
    t.is(((error as PolicyError).cause as OffloadError).code, 'OFFLOAD_PYTHON');
    t.is(run.simulator.counters().motionsStarted, 0);
    t.deepEqual(childrenOf('self'), []);
  }
});

test('an answer of a Node process that is no action ends the session by name', async (t) => {
  for (const [how, code] of [
    ['length', 'ACTION_LENGTH'],
    ['nan', 'ACTION_NOT_FINITE'],
  ] as const) {
    t.is((await failure(t, await driven(t, misbehaving(how)))).code, code);
  }
});

test('a process that ends on its own ends the session with how it did, and the arm stops first', async (t) => {
  for (const policy of [misbehaving('exit'), python('misbehave', 'exit')]) {
    const error = await failure(t, await driven(t, policy));
    t.is(error.code, 'POLICY_CRASHED');
    t.regex(error.message, /ended with code 7/);
    t.true(error.cause instanceof OffloadError);
    t.is(Reflect.get(error.cause as object, 'exitCode'), 7);
  }
});

test('the last words of a process are told', async (t) => {
  const error = await failure(t, await driven(t, python('misbehave', 'words')));
  t.is(error.code, 'POLICY_CRASHED');
  t.regex(error.message, /out of luck/);
});

test('a process that is killed in mid-motion ends the session, and the arm comes to rest first', async (t) => {
  for (const policy of [
    processPolicy<Policies, 'swing'>(NODE, { export: 'swing', args: [0.3] }),
    python('swing', 0.3),
  ]) {
    const run = await driven(t, policy, {}, WALL);
    const failed = failure(t, run);
    await until(() => speed(run.simulator) > 0.05, 'the arm moves');
    const [child = 0, ...others] = childrenOf('self');
    t.deepEqual(others, []);
    process.kill(child, 'SIGKILL');
    const error = await failed;
    t.is(error.code, 'POLICY_CRASHED');
    t.regex(error.message, /killed by SIGKILL/);
    t.is(Reflect.get(error.cause as object, 'signal'), 'SIGKILL');
  }
});

test('a process that is killed before its session begins is told, and nothing begins', async (t) => {
  const folder = folderFor(t);
  const [module, loaded] = [join(folder, 'policy.mjs'), join(folder, 'loaded')];
  const text = `import { writeFileSync } from 'node:fs';
export default (file) => {
  writeFileSync(file, '');
  return () => [0, 0, 0, 0, 0, 0, 0];
};
`;
  writeFileSync(module, text);
  const policy = processPolicy(pathToFileURL(module), { args: [loaded] });
  const { session, simulator } = await driven(t, policy as never, { warmupS: 3 });
  const running = rejection(session.run({ durationS: 0.5 }));
  await until(() => existsSync(loaded), 'the policy is loaded');
  await sleep(300); // it says so
  const [child = 0] = childrenOf('self');
  process.kill(child, 'SIGKILL');
  const error = (await running) as PolicyError;
  t.is(error.code, 'POLICY_CRASHED', error.message);
  t.regex(error.message, /killed by SIGKILL/);
  t.is(simulator.counters().motionsStarted, 0);
});

test('an endless loop is late, the arm comes to rest, and stop() ends the process', async (t) => {
  for (const policy of [misbehaving('loop'), python('misbehave', 'loop')]) {
    const run = await driven(t, policy, {}, WALL);
    const resting = new Promise((resolve) => run.session.once('resting', resolve));
    await run.session.start();
    await resting;
    t.is(childrenOf('self').length, 1);
    const before = performance.now();
    await run.session.stop();
    t.true(performance.now() - before < 20_000);
    t.notThrows(() => run.session.checkHealth());
    isRested(t, run.simulator, 1);
    t.deepEqual(childrenOf('self'), []);
  }
});

test("with onLate: 'stop' an endless loop ends the session by itself", async (t) => {
  const run = await driven(t, python('misbehave', 'loop'), { onLate: 'stop', maxHeldTicks: 500 });
  t.is((await failure(t, run)).code, 'POLICY_LATE');
});

for (const [language, policy] of [
  ['Node', processPolicy<Policies, 'swing'>(NODE, { export: 'swing', args: [0.3] })],
  ['Python', python('swing', 0.3)],
] as const) {
  test(`a policy in another process goes on while the main thread is blocked (${language})`, async (t) => {
    const { session, simulator } = await driven(t, policy, { recordTicks: 20_000 }, WALL);
    let blocked: readonly [number, number] = [0, 0];
    session.once('start', () => {
      setTimeout(() => {
        const from = session.stepCount;
        block(300);
        blocked = [from, session.stepCount];
      }, 500).unref();
    });
    await session.run({ durationS: 1.5 });
    const records = session.takeRecords();
    const [from, to] = blocked;
    const during = records.filter(({ tick }) => tick > from && tick < to);
    t.true(during.length > 150, `${during.length} cycles`);
    // Without the policy all but the first 20 of them would be at rest.
    const rested = during.filter(({ kind }) => kind === 'rest').length;
    t.true(rested < during.length / 2, `${rested} of ${during.length} at rest`);
    t.true(during.some(({ kind }) => kind === 'fresh' || kind === 'followed'));
    t.is(simulator.counters().reflexes, 0);
  });
}

test('a policy that cannot be loaded is told before the arm moves', async (t) => {
  const nowhere = new URL('../fixtures/nowhere.py', import.meta.url);
  const broken = new URL('../fixtures/broken_policy.py', import.meta.url);
  for (const [policy, code, message] of [
    [processPolicy(NODE, { export: 'missing' }), 'POLICY_THREW', /exports no function missing/],
    [processPolicy(NODE, { export: 'notAFunction' }), 'POLICY_THREW', /no function notAFunction/],
    [processPolicy(NODE, { args: [] }), 'POLICY_THREW', /was called with args and returned object/],
    [
      processPolicy(new URL('../fixtures/nowhere.ts', import.meta.url)),
      'POLICY_THREW',
      /nowhere\.ts/,
    ],
    [
      processPolicy(new URL('../fixtures/broken-module.ts', import.meta.url)),
      'POLICY_THREW',
      /RangeError: the calibration is missing/,
    ],
    [processPolicy(nowhere, { export: 'policy' }), 'POLICY_THREW', /nowhere\.py/],
    [processPolicy(broken, { export: 'policy' }), 'POLICY_THREW', /SyntaxError/],
    [python('missing'), 'POLICY_THREW', /no function missing; it has .*misbehave/],
    [python('not_a_function'), 'POLICY_THREW', /no function not_a_function/],
    [python('swing', 1, 2, 3), 'POLICY_THREW', /TypeError: swing\(\) takes 1 positional/],
    [python('give_up'), 'POLICY_THREW', /SingularPose: no way on/],
    [
      processPolicy(PYTHON, { export: 'still', args: [0, 0] }),
      'POLICY_THREW',
      /policies\.py was called with args and returned list/,
    ],
    [
      processPolicy(PYTHON, { export: 'still', python: '/no/such/python' }),
      'POLICY_CRASHED',
      /\/no\/such\/python cannot be started/,
    ],
  ] as const) {
    const run = await driven(t, policy as AnyPolicy<RobotState, JointVector>);
    const error = await rejection(run.session.run({ durationS: 5 }));
    t.true(error instanceof PolicyError, String(error));
    t.is((error as PolicyError).code, code, (error as PolicyError).message);
    t.regex((error as PolicyError).message, message);
    t.is(run.simulator.counters().motionsStarted, 0);
    t.deepEqual(childrenOf('self'), []);
  }
});

test('a session starts its process again, as often as it is started', async (t) => {
  const { session } = await driven(t, python('swing', 0.1));
  const files = (): number => readdirSync('/proc/self/fd').length;
  const threads = (): number => readdirSync('/proc/self/task').length;
  await session.run({ durationS: 0.05 });
  const before = { files: files(), threads: threads() };
  for (let round = 0; round < 10; round += 1) {
    const stats = await session.run({ durationS: 0.05 });
    t.true(stats.iterations > 0);
    t.deepEqual(childrenOf('self'), []);
  }
  t.true(files() <= before.files + 2, `${before.files} files became ${files()}`);
  t.true(threads() <= before.threads + 1, `${before.threads} threads became ${threads()}`);
});

test('after a crash the session can be started again', async (t) => {
  const { session } = await driven(t, misbehaving('exit'));
  for (let round = 0; round < 2; round += 1) {
    await t.throwsAsync(session.run({ durationS: 30 }), { code: 'POLICY_CRASHED' });
  }
});

for (const [way, signal] of [
  ['process', 'SIGINT'],
  ['process', 'SIGTERM'],
  ['process-run', 'SIGINT'],
] as const) {
  test(`${signal} stops an arm that another process steers (${way}), and leaves none behind`, async (t) => {
    await using simulator = await FrankaSimulator.start(WALL);
    const child = program('steered', simulator.address, way);
    await child.printed('driving');
    const { pid = 0 } = child.process;
    const grandchildren = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    t.regex(grandchildren, /^\d+$/);
    // A terminal's Ctrl+C reaches the policy's process as well; what it means is not for that to say.
    if (signal === 'SIGINT') process.kill(Number(grandchildren), signal);
    process.kill(pid, signal);
    const { code, signal: by, stderr, lines } = await child.ended;
    t.deepEqual([code, by], way === 'process-run' ? [0, null] : [null, signal], stderr);
    t.true(lines.includes('stopped'), stderr);
    isRested(t, simulator, 1);
    await until(() => !readdirSync('/proc').includes(grandchildren), 'the policy has ended');
  });
}

test('a robot written in JavaScript takes no policy in another process', (t) => {
  const robot = { observe: () => 0, act: () => undefined, reset: () => undefined };
  const policy = processPolicy(NODE) as unknown as AnyPolicy<number, undefined>;
  t.throws(() => new Session(robot, policy), { code: 'OPTION_POLICY', instanceOf: TypeError });
});

test('wrong options are told by name', (t) => {
  const wrong = (url: unknown, options?: object): unknown => processPolicy(url as URL, options);
  for (const [url, options, code] of [
    ['./policy.py', {}, 'OPTION_URL'],
    [new URL('file://elsewhere/policy.py'), {}, 'OPTION_URL'],
    [new URL('https://a.example/policy.py'), {}, 'OPTION_URL'],
    [new URL('file:///a%2Fb.js'), {}, 'OPTION_MODULE'],
    [{ [Symbol.toStringTag]: 'URL', href: {} }, {}, 'OPTION_URL'],
    [PYTHON, {}, 'OPTION_EXPORT'],
    [NODE, { export: 5 }, 'OPTION_EXPORT'],
    [NODE, { args: 5 }, 'OPTION_ARGS'],
    [NODE, { python: 5 }, 'OPTION_PYTHON'],
    [NODE, { env: { A: 1 } }, 'OPTION_ENV'],
    [NODE, { pyton: 'python3' }, 'OPTION_UNKNOWN'],
  ] as const) {
    t.throws(() => wrong(url, options), { code, instanceOf: TypeError });
  }
});

test('policies of the wrong type do not compile', (t) => {
  const robot = undefined as unknown as Franka;
  t.throws(() => {
    // @ts-expect-error a policy of numbers is none for an arm
    new Session(robot, processPolicy<{ default: (n: number) => string }>(NODE));
  });
  // @ts-expect-error the module has no such export
  t.notThrows(() => processPolicy<Policies, 'nothing'>(NODE, { export: 'nothing' }));
  // @ts-expect-error the factory takes a number
  t.notThrows(() => processPolicy<Policies, 'swing'>(NODE, { export: 'swing', args: ['fast'] }));
  t.throws(
    () => new Session(robot, processPolicy(PYTHON, { export: 'still' })),
    undefined,
    'untyped',
  );
});
