// The realtime priority of policies in workers and processes: who has it, and when it is taken back.

import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  type AnyPolicy,
  type JointVector,
  OptionTypeError,
  processPolicy,
  type RobotState,
  type Session,
  workerPolicy,
} from '../../index.ts';
import { sessionOf } from '../fixtures/arms.ts';
import { childrenOf, type Thread, threadsOf } from '../fixtures/processes.ts';
import { programBehind } from '../fixtures/programs.ts';
import { until } from '../fixtures/waiting.ts';

type Policies = typeof import('../fixtures/policies.ts');

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);
const ORDINARY = 0;
const FIFO = 1;

/** The threads of this process and of its children. */
function threads(): Thread[] {
  return ['self' as const, ...childrenOf('self')].flatMap(threadsOf);
}

/** The threads that have the priority of a policy. */
function promoted(priority = 40): Thread[] {
  return threads().filter((thread) => thread.scheduler === FIFO && thread.priority === priority);
}

/** What the system permits here. */
function isPermitted(session: Session<RobotState, JointVector>): boolean {
  return session.realtime?.priority.granted === true;
}

const STALLS: readonly [string, AnyPolicy<RobotState, JointVector>][] = [
  ['a worker', workerPolicy<Policies, 'stallOnce'>(NODE, { export: 'stallOnce', args: [500] })],
  [
    'a Node process',
    processPolicy<Policies, 'stallOnce'>(NODE, { export: 'stallOnce', args: [500] }),
  ],
  ['a Python process', processPolicy(PYTHON, { export: 'stall_once', args: [0.5] })],
];

for (const [place, policy] of STALLS) {
  test.serial(
    `a policy in ${place} has its priority while it answers, and only then`,
    async (t) => {
      const { session } = await sessionOf(t, policy);
      const resumed = new Promise((resolve) =>
        session.once('resting', () => session.once('resumed', resolve)),
      );
      await session.start();
      await until(
        () => session.realtime?.policyPriority.asked === 40,
        'the loop has tried to give it',
      );
      const { granted, reason } = session.realtime?.policyPriority ?? {};
      t.is(granted, isPermitted(session), reason);
      const expected = granted ? 1 : 0;
      await until(() => promoted().length === expected, 'it has its priority');
      if (granted) await until(() => promoted().length === 0, 'it is ordinary while it loops');
      await resumed;
      await until(() => promoted().length === expected, 'it has its priority again');
      t.is(session.realtime?.policyPriority.takenBack, expected);
      // Neither what was started before the policy had it, nor what the policy itself has started since.
      for (const { name, scheduler } of threads()) {
        if (['pool', 'late'].includes(name)) t.is(scheduler, ORDINARY, name);
      }
      await session.stop();
      await until(() => promoted().length === 0, 'nothing has it behind the end');
    },
  );
}

test.serial(
  'a policy that makes garbage all the time keeps its priority and its pace',
  async (t) => {
    const policy = workerPolicy<Policies, 'litter'>(NODE, { export: 'litter', args: [] });
    const { session } = await sessionOf(t, policy);
    const stats = await session.run({ durationS: 2 });
    t.is(session.realtime?.policyPriority.granted, isPermitted(session));
    // Without its priority it has the pace that the machine leaves it.
    const least = isPermitted(session) ? stats.policyAsks / 2 : 0;
    t.true(stats.policyAnswers > least, `${stats.policyAnswers} of ${stats.policyAsks}`);
  },
);

test.serial('no priority is given that was not asked for, nor above the loop', async (t) => {
  const make = (priority?: number | null) =>
    workerPolicy<Policies, 'swing'>(NODE, {
      export: 'swing',
      args: [0.1],
      ...(priority === undefined ? {} : { priority }),
    });
  for (const [policy, realtime, expected] of [
    [make(null), {}, undefined],
    [make(), { priority: null }, undefined],
    [make(), { priority: 3 }, undefined],
    [make(98), { priority: 20 }, 17],
    [make(5), {}, 5],
    [
      workerPolicy<Policies, 'swing'>(NODE, { export: 'swing', args: [0.1], spin: true }),
      {},
      undefined,
    ],
  ] as const) {
    const { session } = await sessionOf(t, policy, { realtime });
    await session.start();
    if (expected === undefined) await sleep(50);
    else
      await until(
        () => session.realtime?.policyPriority.asked !== undefined,
        'the loop has tried to give it',
      );
    t.is(session.realtime?.policyPriority.asked, expected);
    const has = expected !== undefined && isPermitted(session) ? 1 : 0;
    await until(() => promoted(expected).length === has, `${has} threads have ${expected}`);
    await session.stop();
  }
});

test.serial('on one core a policy that loops without end does not take the machine', async (t) => {
  const throttling = '/proc/sys/kernel/sched_rt_runtime_us';
  const before = readFileSync(throttling, 'utf8').trim();
  // Without the kernel's own brake, where it may be let go.
  const letGo = write(throttling, '-1');
  t.teardown(() => write(throttling, before));
  t.log(letGo ? 'realtime throttling is off' : 'realtime throttling stays on');
  const { ended } = programBehind(['taskset', '-c', '0'], [], 'one-core');
  const { code, lines: printed, stderr } = await ended;
  t.deepEqual(printed, ['went on true', 'taken back true', 'finished 1'], stderr);
  t.is(code, 0);
});

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

test('priorities that cannot be are refused by name', (t) => {
  for (const priority of [0, 99, 1.5, -1, Number.NaN]) {
    const error = t.throws(() => workerPolicy(NODE, { priority }), { code: 'OPTION_PRIORITY' });
    t.true(error instanceof RangeError);
    t.throws(() => processPolicy(PYTHON, { export: 'still', priority }), {
      code: 'OPTION_PRIORITY',
    });
  }
  const spinning = () => workerPolicy(NODE, { priority: 40, spin: true });
  t.throws(spinning, { instanceOf: OptionTypeError, code: 'OPTION_PRIORITY' });
  t.notThrows(() => workerPolicy(NODE, { priority: null, spin: true }));
});
