import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import {
  type AnyPolicy,
  type Franka,
  type JointVector,
  PolicyError,
  type RobotState,
  Session,
  workerPolicy,
} from '../../index.ts';
import { answered, sessionOf } from '../fixtures/arms.ts';
import { childrenOf } from '../fixtures/processes.ts';
import { program, programBehind } from '../fixtures/programs.ts';
import { block, until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');

const url = new URL('../fixtures/policies.ts', import.meta.url);

test('a policy in a worker goes on while the main thread is blocked', async (t) => {
  const policy = workerPolicy<Policies, 'swing'>(url, { export: 'swing', args: [0.3] });
  const { session, simulator } = await sessionOf(t, policy, { recordTicks: 20_000 });
  let meanwhile = 0;
  session.on('start', () => {
    setTimeout(() => {
      const before = session.stats.policyAnswers;
      block(300);
      meanwhile = session.stats.policyAnswers - before;
    }, 500);
  });
  await session.run({ durationS: 1.5 });
  // A policy on the main thread would have answered to none.
  t.true(meanwhile > 10, `${meanwhile} answers meanwhile`);
  t.is(simulator.counters().reflexes, 0);
  t.true(session.takeRecords().some(({ action }) => (action[0] ?? 0) > 0.25));
});

test('a session whose policy is in a call that does not return ends, and says what it leaves behind', async (t) => {
  const policy = workerPolicy(url, { export: 'callForever' });
  const { session, simulator } = await sessionOf(t, policy);
  const warned = once(process, 'warning', { signal: AbortSignal.timeout(50_000) });
  const before = performance.now();
  await session.run({ durationS: 1 });
  t.true(performance.now() - before < 50_000);
  const [warning] = (await warned) as [Error & { code: string }];
  t.is(warning.code, 'KILOHERTZ_LEFT_BEHIND', warning.message);
  t.regex(warning.message, /worker of the policy callForever/);
  t.is(simulator.counters().reflexes, 0);
  for (const child of childrenOf('self')) process.kill(child, 'SIGKILL');
});

test('the export may be the policy itself', async (t) => {
  const { session } = await sessionOf(t, workerPolicy<Policies>(url));
  t.true((await answered(session, 10)).policyAnswers > 10);
});

test('the factory and the policy may answer with promises', async (t) => {
  const policy = workerPolicy<Policies, 'swingLater'>(url, { export: 'swingLater', args: [0.3] });
  const { session } = await sessionOf(t, policy, { recordTicks: 5_000 });
  await session.run({ durationS: 0.6 });
  t.true(session.takeRecords().some(({ action }) => (action[0] ?? 0) > 0.1));
});

test('a policy that spins answers as well', async (t) => {
  const policy = workerPolicy<Policies, 'swing'>(url, { export: 'swing', args: [0.1], spin: true });
  const { session } = await sessionOf(t, policy);
  t.true((await answered(session, 10)).policyAnswers > 10);
});

test('an error in the worker ends the session with its class name, message and stack', async (t) => {
  const policy = workerPolicy<Policies, 'misbehave'>(url, { export: 'misbehave', args: ['throw'] });
  const { session, simulator } = await sessionOf(t, policy);
  const error = await t.throwsAsync(session.run({ durationS: 30 }), { instanceOf: PolicyError });
  t.is(error.code, 'POLICY_THREW');
  t.true((error.tick ?? 0) >= 200);
  const cause = error.cause as Error;
  t.is(cause.name, 'SingularPose');
  t.is(cause.message, 'no way on from here');
  t.regex(cause.stack ?? '', /policies\.ts/);
  t.is(error.lastStates.at(-1)?.state.q.length, 7);
  t.is(simulator.counters().motionsFinished, 1);
});

test('an answer that is no action ends the session by name', async (t) => {
  for (const [how, code] of [
    ['length', 'ACTION_LENGTH'],
    ['nan', 'ACTION_NOT_FINITE'],
  ] as const) {
    const policy = workerPolicy<Policies, 'misbehave'>(url, { export: 'misbehave', args: [how] });
    const { session } = await sessionOf(t, policy);
    await t.throwsAsync(session.run({ durationS: 30 }), { code });
  }
});

test('a worker that ends on its own ends the session, and the arm stops', async (t) => {
  const policy = workerPolicy<Policies, 'misbehave'>(url, { export: 'misbehave', args: ['exit'] });
  const { session, simulator } = await sessionOf(t, policy);
  await t.throwsAsync(session.run({ durationS: 30 }), {
    code: 'POLICY_CRASHED',
    message: /code 7/,
  });
  t.is(simulator.counters().motionsFinished, 1);
});

test('a worker that runs out of memory ends its session, and the program goes on', async (t) => {
  const { code, signal, lines, stderr } = await program('hungry').ended;
  t.deepEqual([code, signal], [0, null], stderr);
  const { told, motionsFinished } = JSON.parse(lines[0] ?? '');
  t.is(told[0], 'POLICY_CRASHED');
  t.regex(told[1], /ERR_WORKER_OUT_OF_MEMORY|memory/);
  t.is(motionsFinished, 1);
});

test('an endless loop in the worker is late, and stop() ends it', async (t) => {
  const policy = workerPolicy<Policies, 'misbehave'>(url, { export: 'misbehave', args: ['loop'] });
  const { session, simulator } = await sessionOf(t, policy);
  const resting = new Promise((resolve) => session.once('resting', resolve));
  await session.start();
  await resting;
  await session.stop();
  t.notThrows(() => session.checkHealth());
  t.is(simulator.counters().motionsFinished, 1);
});

test('a module that cannot be the policy is told before the arm moves', async (t) => {
  for (const [policy, message] of [
    [workerPolicy(url, { export: 'missing' }), /exports no function missing/],
    [
      workerPolicy(url, { export: 'swing', args: [() => 1] }),
      /args cannot be copied to the worker/,
    ],
    [workerPolicy(url, { export: 'notAFunction' }), /exports no function notAFunction/],
    [workerPolicy(url, { args: [] }), /was called with args and returned object/],
    [workerPolicy(new URL('./nowhere.ts', import.meta.url)), /nowhere/],
  ] as const) {
    const { session, simulator } = await sessionOf(
      t,
      policy as unknown as AnyPolicy<RobotState, JointVector>,
    );
    await t.throwsAsync(session.run({ durationS: 5 }), { code: 'POLICY_THREW', message });
    t.is(simulator.counters().motionsStarted, 0);
  }
});

test('a robot written in JavaScript takes no policy in a worker', (t) => {
  const robot = { observe: () => 0, act: () => undefined, reset: () => undefined };
  const policy = workerPolicy(url) as unknown as AnyPolicy<number, undefined>;
  t.throws(() => new Session(robot, policy), { code: 'OPTION_POLICY', instanceOf: TypeError });
});

test('twenty rounds leave no thread behind', async (t) => {
  const policy = workerPolicy<Policies, 'swing'>(url, { export: 'swing', args: [0.1] });
  const { session } = await sessionOf(t, policy);
  const threads = (): number => readdirSync('/proc/self/task').length;
  await session.run({ durationS: 0.05 });
  const before = threads();
  for (let round = 0; round < 20; round += 1) await session.run({ durationS: 0.02 });
  t.true(threads() <= before + 1, `${before} threads became ${threads()}`);
});

test('policies of the wrong type do not compile', (t) => {
  const robot = undefined as unknown as Franka;
  t.throws(() => {
    // @ts-expect-error a policy of numbers is none for an arm
    new Session(robot, workerPolicy<{ default: (n: number) => string }>(url));
  });
  // @ts-expect-error the module has no such export
  t.notThrows(() => workerPolicy<Policies, 'nothing'>(url, { export: 'nothing' }));
  t.throws(() => new Session(robot, workerPolicy(url)), undefined, 'an untyped module fits');
});

test('a policy that spins has a core that the loop stays off, and without two it is refused', async (t) => {
  const policy = workerPolicy<Policies, 'swing'>(url, {
    export: 'swing',
    args: [0.2],
    spin: true,
  });
  const { ended } = programBehind(['taskset', '-c', '0'], [], 'spinning');
  const { lines, code, stderr } = await ended;
  t.is(lines[0], 'refused OPTION_SPIN', stderr);
  t.is(code, 0);
  const { session, simulator } = await sessionOf(t, policy, {
    realtime: { keepAwake: 'threads' },
  });
  await session.start();
  const others = (): string[] =>
    threadCpus()
      .filter(({ name }) => !name.startsWith('kilohertz-'))
      .map(({ cpus }) => cpus);
  const [own] = others();
  const pinned = (): string | undefined =>
    others().find((cpus) => cpus !== own && /^\d+$/.test(cpus));
  // The worker takes its core when it makes its port, shortly after the loop has started. What it starts stays there.
  try {
    await until(() => pinned() !== undefined, 'the thread of the policy has a core of its own');
  } catch (error) {
    t.log(threadCpus());
    throw error;
  }
  const taken = pinned();
  // A thread that keeps a core awake looks every 20 ms which are free.
  const isAlone = (): boolean =>
    threadCpus()
      .filter(({ name }) => name.startsWith('kilohertz-'))
      .every(({ cpus }) => !listed(cpus).includes(Number(taken)));
  await until(isAlone, 'the threads of this package are off the core of the policy');
  t.true(isAlone());
  await session.stop();
  for (const { name, cpus: later } of threadCpus()) {
    if (name.startsWith('kilohertz-')) t.is(later, own ?? '', `${name} has its CPUs back`);
  }
  t.is(simulator.counters().reflexes, 0);
});

/** The threads of this process and the CPUs on which they may run. */
function threadCpus(): { name: string; cpus: string }[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    try {
      const text = readFileSync(`/proc/self/task/${id}/status`, 'utf8');
      const [, name = ''] = text.match(/^Name:\t(.*)$/m) ?? [];
      const [, cpus = ''] = text.match(/^Cpus_allowed_list:\t(.*)$/m) ?? [];
      return [{ name, cpus }];
    } catch {
      return []; // it has just ended
    }
  });
}

/** The numbers of a list as `0-2,5`. */
function listed(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
