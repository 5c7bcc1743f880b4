// Episodes of policies that answer in chunks: what reset() throws away, and where the policy's own is called.

import test from 'ava';
import {
  type ChunkedPolicy,
  chunked,
  type JointVector,
  PolicyError,
  processPolicy,
  type RobotState,
  run,
  Session,
  workerPolicy,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { chunks } from '../fixtures/chunks.ts';
import { resets, swinging } from '../fixtures/policies.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

type Chunked = ChunkedPolicy<RobotState, JointVector>;

const places: Record<string, (how: string) => Chunked> = {
  'a function': (how) => chunked(resets(how) as never),
  'a worker': (how) => chunked(workerPolicy(NODE, { export: 'resets', args: [how] })),
  'a process of Node': (how) => chunked(processPolicy(NODE, { export: 'resets', args: [how] })),
  'a process of Python': (how) =>
    chunked(processPolicy(PYTHON, { export: 'resets', args: [how], env: WITHOUT_NUMPY })),
};

for (const [place, policyThat] of Object.entries(places)) {
  for (const how of ['at', 'later']) {
    test(`${place} is reset at the start of a session and of each episode (${how})`, async (t) => {
      await using setup = await setUp('jointPosition', { lockstep: true });
      const [start = 0] = setup.start;
      const policy = policyThat(how);
      const session = new Session(setup.arm, policy, { warmupS: 0 });
      const leans = (): number => (setup.simulator.joints().q[0] ?? 0) - start;
      await session.start();
      // As many times 0.01 rad as it was reset.
      for (const resetCount of [1, 2, 3]) {
        if (resetCount > 1) policy.reset();
        await until(() => Math.abs(leans() - 0.01 * resetCount) < 1e-3, `reset ${resetCount}`);
      }
      await session.stop();
      t.is(session.stats.firstViolation, null);
      t.is(setup.simulator.counters().reflexes, 0);
      session.checkHealth();
    });
  }

  test(`a reset that fails in ${place} ends the session with what was thrown`, async (t) => {
    await using setup = await setUp('jointPosition', { lockstep: true });
    const policy = policyThat('throws');
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    session.on('error', () => undefined);
    await session.start();
    policy.reset();
    await until(() => !session.isRunning, 'the end of the session');
    const error = t.throws(() => session.checkHealth());
    t.true(error instanceof PolicyError, `${error}`);
    t.is((error as PolicyError).code, 'POLICY_THREW');
    t.regex((error as PolicyError).message, /cannot be reset/);
    t.is(setup.simulator.counters().reflexes, 0);
  });
}

test('an episode throws away what is played and what is computed, and begins as a session does', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const asked: number[] = [];
  const swing = swinging(50, 0);
  const policy = chunked(((state: RobotState, tick: { timeS: number; chunk: { prefix: [] } }) => {
    asked.push(tick.chunk.prefix.length);
    // In the middle of a motion, while this answer is on its way.
    if (asked.length === 10) policy.reset();
    if (asked.length <= 10) return swing(state, tick as never);
    const action = state.q_d.slice();
    return { actions: [action, action, action], dtS: 0.2 };
  }) as never);
  const session = new Session(setup.arm, policy, {
    warmupS: 0,
    latencyS: 0.05,
    recordTicks: 5_000,
  });
  const stats = await session.run({ durationS: 2 });
  t.true(stats.staleActions >= 1, 'the answer that was on its way');
  t.is(asked[10], 0, 'nothing of the episode before is left');
  const records = session.takeRecords();
  const thrown = records.findIndex(({ tick, kind }) => tick > 100 && kind === 'rest');
  t.true(thrown > 0, 'the arm comes to rest');
  t.true(Number.isNaN(records[thrown]?.ageS));
  t.is(stats.starvedCycles, 0);
  t.is(stats.firstViolation, null);
  t.is(setup.simulator.counters().reflexes, 0);
  policy.reset();
  t.pass('without a session there is nothing to throw away');
});

test('a policy that answers with one action is reset at the start of each session too', async (t) => {
  let [episodes, robotResets] = [0, 0];
  const policy = Object.assign(() => 0, {
    reset: () => {
      episodes += 1;
    },
  });
  const robot = {
    observe: () => 0,
    act: () => undefined,
    reset: () => {
      t.is(robotResets, episodes, 'the robot first');
      robotResets += 1;
    },
  };
  const session = new Session(robot, policy, { rateHz: 200, warmupS: 0 });
  await session.run({ durationS: 0.05 });
  await session.run({ durationS: 0.05 });
  t.deepEqual([episodes, robotResets], [2, 2]);
  const wrong = Object.assign(() => 0, { reset: 5 });
  const error = await rejection(run(robot, wrong, { rateHz: 200, warmupS: 0, durationS: 0.05 }));
  t.is((error as PolicyError).code, 'POLICY_THREW');
  t.regex((error as PolicyError).message, /reset is 5; expected a function/);
});

test('a member that only a proxy seems to have is not called as reset', async (t) => {
  const robot = { observe: () => 0, act: () => undefined, reset: () => undefined };
  const policy = new Proxy(() => 0, {
    get: (_target, name) => {
      if (name === 'reset') throw new Error('not to be read');
      return undefined;
    },
  });
  const stats = await run(robot, policy, { rateHz: 200, warmupS: 0, durationS: 0.05 });
  t.true(stats.iterations > 0);
});

test('a policy that resets itself with each answer lets the arm rest', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const swing = swinging(50, 0);
  const policy = chunks((state, tick) => {
    policy.reset();
    return swing(state, tick);
  });
  const stats = await new Session(setup.arm, policy, { warmupS: 0 }).run({ durationS: 1 });
  t.true(stats.staleActions > 10, `${stats.staleActions}`);
  t.is(stats.firstViolation, null);
  t.is(setup.simulator.counters().reflexes, 0);
});
