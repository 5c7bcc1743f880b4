// Tests of the policy in policy.ts: without an arm, and faster than time. Run them with `node --test`.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { Franka, FrankaSimulator, type JointVector, RobotError, run, Session } from 'kilohertz';
import { makePolicy } from './policy.ts';

const AMPLITUDE = 0.2;
/** One swing. The arm's time, not that of the wall clock. */
const SWING = { warmupS: 0, durationS: 2, realtime: false } as const;

const noise = { q: 1e-5, dq: 1e-3, tau_J: 0.005 };
const simulator = await FrankaSimulator.start({ lockstep: true, noise });
const robot = await Franka.connect(simulator.address);

// Each test is an episode: the same arm and the same connection, from the same posture, without faults.
beforeEach(() => simulator.reset());

after(async () => {
  await robot.close();
  await simulator.stop();
});

/** How far joint 1 is from where the episode began [rad]. */
const awayRad = (): number => Math.abs(simulator.joints().q[0] ?? Number.NaN);

test('it comes back to where it began, and keeps every limit', async () => {
  const { firstViolation } = await run(robot, makePolicy(AMPLITUDE), SWING);
  assert.equal(firstViolation, null);
  assert.ok(awayRad() < 0.002, `${awayRad()} rad away`);
});

// A failure has its seed in the name of its test, and comes again with this seed.
for (const seed of [1, 2, 3, 4, 5]) {
  test(`it comes back although its answers are late, seed ${seed}`, async () => {
    simulator.reset({ seed });
    const latencyS = { fromS: 0.001, toS: 0.04, seed };
    const stats = await run(robot, makePolicy(AMPLITUDE), { ...SWING, latencyS });
    assert.ok(stats.lateActions > 0);
    assert.ok(awayRad() < 0.02, `${awayRad()} rad away`);
  });
}

test('it comes back although commands are lost at its highest velocity', async () => {
  simulator.inject({ kind: 'dropCommands', count: 10, atCycle: 500 });
  await run(robot, makePolicy(AMPLITUDE), SWING);
  const { faultsAtCycles, reflexes } = simulator.counters();
  assert.deepEqual({ faultsAtCycles, reflexes }, { faultsAtCycles: 1, reflexes: 0 });
  assert.ok(awayRad() < 0.005, `${awayRad()} rad away`);
});

test('the reflex of a pushed arm ends its session', async () => {
  const push = (torqueNm: number): JointVector => [0, torqueNm, 0, 0, 0, 0, 0];
  simulator.inject({ kind: 'push', torquesNm: push(25), atCycle: 700 });
  await assert.rejects(run(robot, makePolicy(AMPLITUDE), SWING), (error: unknown) => {
    return error instanceof RobotError && error.code === 'FRANKA_REFLEX';
  });
});

test('two runs with the same seeds leave the same records', async () => {
  const records = async () => {
    simulator.reset({ seed: 9 });
    simulator.inject({ kind: 'dropStates', count: 3, atCycle: 600 });
    const latencyS = { fromS: 0, toS: 0.01, seed: 9 };
    const { durationS, ...options } = { ...SWING, recordTicks: 3_000, latencyS };
    const session = new Session(robot, makePolicy(AMPLITUDE), options);
    await session.run({ durationS });
    return session.takeRecords();
  };
  assert.deepEqual(await records(), await records());
});
