// A hand that follows the chunks of a policy.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type ChunkedOptions,
  chunked,
  Franka,
  FrankaHand,
  FrankaSimulator,
  type GripperOptions,
  InvalidActionError,
  type OptionTypeError,
  type RobotState,
  replay,
  rerun,
  Session,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { WALL } from '../fixtures/arms.ts';
import { gripping } from '../fixtures/policies.ts';
import { program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

const NODE = new URL('../fixtures/policies.ts', import.meta.url);

interface Gripping extends AsyncDisposable {
  readonly simulator: FrankaSimulator;
  readonly arm: Franka<'jointPosition'>;
  readonly hand: FrankaHand;
}

async function setUp(): Promise<Gripping> {
  const simulator = await FrankaSimulator.start({ ...WALL, objectWidthM: 0.03 });
  const arm = await Franka.connect(simulator.address, { control: 'jointPosition' });
  const hand = await FrankaHand.connect(simulator.address);
  return {
    simulator,
    arm: arm as Franka<'jointPosition'>,
    hand,
    async [Symbol.asyncDispose](): Promise<void> {
      await hand.close();
      await arm.close();
      await simulator.stop();
    },
  };
}

const closes = (hand: FrankaHand, gripper: Partial<GripperOptions> = {}): ChunkedOptions => ({
  gripper: { hand, unit: 'openness', ...gripper },
});

const policyOf = (policy: (state: RobotState, tick: Tick) => unknown) =>
  policy as (state: RobotState, tick: Tick) => never;

test('a hand closes on an object and opens again as the chunks say, while the arm moves', async (t) => {
  await using setup = await setUp();
  const { arm, hand, simulator } = setup;
  const session = new Session(arm, chunked(policyOf(gripping(1, 2.5)), closes(hand)), {
    warmupS: 0,
  });
  await session.start();
  await until(() => simulator.fingers().isGrasped, 'the grasp');
  const { widthM, forceN } = simulator.fingers();
  t.true(Math.abs(widthM - 0.03) < 2e-3, `${widthM}`);
  t.true(forceN > 10, `${forceN}`);
  await until(() => simulator.fingers().widthM > 0.07, 'the opening');
  const { stats } = session;
  await session.stop();
  // Numbers that tremble do not command the hand anew: it opens at first, closes, and opens.
  t.true(stats.gripperCommands >= 2 && stats.gripperCommands <= 4, `${stats.gripperCommands}`);
  t.is(stats.gripperFailures, 0);
  t.is(stats.firstViolation, null);
  t.is(stats.starvedCycles, 0);
});

test('it closes also while the event loop is blocked, and keeps what it holds after the session', async (t) => {
  await using setup = await setUp();
  const { arm, hand, simulator } = setup;
  const policy = workerPolicy(NODE, { export: 'gripping', args: [0.5, 60] });
  const session = new Session(arm, chunked(policy, closes(hand)), { warmupS: 0 });
  await session.start();
  block(2_500);
  t.true(simulator.fingers().isGrasped);
  await session.stop();
  await sleep(200);
  t.true(simulator.fingers().isGrasped);
  const { is_grasped } = await hand.state();
  t.true(is_grasped);
});

/** The fingers have stopped on their way, and do not press. */
async function haveStopped(t: ExecutionContext, simulator: FrankaSimulator): Promise<void> {
  await until(() => !simulator.fingers().isMoving, 'the fingers stop');
  const { widthM } = simulator.fingers();
  t.true(widthM > 0.04, `${widthM}`);
  await sleep(300);
  t.deepEqual(simulator.fingers().widthM, widthM);
  t.false(simulator.fingers().isMoving);
}

for (const end of ['stop()', 'an error', 'the end of its time']) {
  test(`fingers that are on their way stop with their session, by ${end}`, async (t) => {
    await using setup = await setUp();
    const { arm, hand, simulator } = setup;
    simulator.removeObject();
    let fails = false;
    const closing = ({ q_d }: RobotState) => {
      if (fails) throw new Error('enough');
      return { actions: [[...q_d, 0]], dtS: 0.1 };
    };
    const slow = closes(hand, { speedMPerS: 0.004 });
    const session = new Session(arm, chunked(policyOf(closing), slow), { warmupS: 0 });
    const durationS = end === 'the end of its time' ? { durationS: 1 } : {};
    const running = session.run(durationS).then(
      () => 'over',
      () => 'failed',
    );
    await until(() => simulator.fingers().isMoving, 'the fingers move');
    if (end === 'an error') fails = true;
    if (end === 'stop()') await session.stop();
    t.is(await running, end === 'an error' ? 'failed' : 'over');
    await haveStopped(t, simulator);
  });
}

test('a signal that ends the process stops fingers that follow chunks', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  const { process: child, printed, ended } = program('gripped', simulator.address);
  await printed('moving');
  child.kill('SIGTERM');
  t.is((await ended).signal, 'SIGTERM');
  await haveStopped(t, simulator);
});

test('a width, an openness and its inverse lead to the same opening', async (t) => {
  const rules: readonly (readonly [number, Partial<GripperOptions>])[] = [
    [0.05, { unit: 'widthM' }],
    [0.625, { unit: 'openness' }],
    [0.375, { unit: 'openness', inverted: true }],
    [1, { unit: 'openness', openWidthM: 0.05 }],
  ];
  for (const [wanted, rule] of rules) {
    await using setup = await setUp();
    const { arm, hand, simulator } = setup;
    simulator.removeObject();
    const still = ({ q_d }: RobotState) => ({
      actions: [
        [...q_d, wanted],
        [...q_d, wanted],
      ],
      dtS: 0.5,
    });
    const session = new Session(arm, chunked(policyOf(still), closes(hand, rule)), { warmupS: 0 });
    await session.start();
    const there = (): boolean => Math.abs(simulator.fingers().widthM - 0.05) < 2e-3;
    await until(there, `an opening of 5 cm for ${wanted}`);
    // The fingers stay there, and hold nothing.
    await sleep(500);
    t.true(there(), `${wanted}: ${simulator.fingers().widthM}`);
    t.false(simulator.fingers().isGrasped);
    await session.stop();
    t.is(session.stats.gripperFailures, 0);
  }
});

/** Runs a session whose every row wants the same of the gripper, until `done`. */
async function wanting(
  { arm, hand }: Gripping,
  wanted: number,
  rule: Partial<GripperOptions>,
  done: () => boolean,
): Promise<Session<RobotState, never>> {
  const still = ({ q_d }: RobotState) => ({
    actions: [
      [...q_d, wanted],
      [...q_d, wanted],
    ],
    dtS: 0.5,
  });
  const session = new Session(arm, chunked(policyOf(still), closes(hand, rule)), { warmupS: 0 });
  await session.start();
  await until(done, `${wanted}`);
  await sleep(400);
  await session.stop();
  return session as unknown as Session<RobotState, never>;
}

test('the first number is compared with where the fingers are', async (t) => {
  await using setup = await setUp();
  const { hand, simulator } = setup;
  const width = (): number => simulator.fingers().widthM;
  const open = await wanting(setup, 1, {}, () => width() > 0.079);
  t.true(width() > 0.079);
  t.is(open.stats.gripperCommands, 0);
  await hand.grasp(0.03, { forceN: 20 });
  t.true(simulator.fingers().isGrasped);
  const held = await wanting(setup, 0, {}, () => true);
  t.true(simulator.fingers().isGrasped);
  t.is(held.stats.gripperCommands, 0);
  const released = await wanting(setup, 1, {}, () => width() > 0.079);
  t.false(simulator.fingers().isGrasped);
  t.is(released.stats.gripperFailures, 0);
});

test('fingers that meet an object on their way to a smaller opening hold it', async (t) => {
  await using setup = await setUp();
  const fingers = () => setup.simulator.fingers();
  const session = await wanting(setup, 0.015, { unit: 'widthM' }, () => fingers().isGrasped);
  t.true(fingers().isGrasped);
  t.true(Math.abs(fingers().widthM - 0.03) < 2e-3);
  t.is(session.stats.gripperFailures, 0);
});

test("a number beyond the hand's own widest opening counts as that", async (t) => {
  await using setup = await setUp();
  setup.simulator.removeObject();
  await setup.hand.move(0.04);
  const widthM = (): number => setup.simulator.fingers().widthM;
  for (const [wanted, rule] of [
    [0.09, { unit: 'widthM' }],
    [1e11, { unit: 'widthM' }],
    [1, { openWidthM: 0.1 }],
  ] as const) {
    await setup.hand.move(0.04);
    const session = await wanting(setup, wanted, rule, () => widthM() > 0.079);
    t.is(session.stats.gripperFailures, 0, `${wanted}`);
  }
});

test('a number for the gripper that is missing or not finite is refused by name', async (t) => {
  await using setup = await setUp();
  const { arm, hand } = setup;
  const refused = async (row: (q_d: Float64Array) => unknown): Promise<InvalidActionError> => {
    const policy = ({ q_d }: RobotState) => ({ actions: [row(q_d), row(q_d)], dtS: 0.1 });
    const session = new Session(arm, chunked(policyOf(policy), closes(hand)), { warmupS: 0 });
    return (await rejection(session.run({ durationS: 1 }))) as InvalidActionError;
  };
  const missing = await refused((q_d) => Array.from(q_d));
  t.true(missing instanceof InvalidActionError);
  t.is(missing.code, 'ACTION_LENGTH');
  const senseless = await refused((q_d) => [...q_d, Number.NaN]);
  t.is(senseless.code, 'ACTION_NOT_FINITE');
  t.regex(senseless.message, /gripper\[0\] of actions\[0\]/);
});

test('what is no hand, and a width that is inverted, are refused by name', async (t) => {
  await using setup = await setUp();
  const made = (gripper: unknown) =>
    t.throws<OptionTypeError>(() => chunked(() => undefined, { gripper: gripper as never }))?.code;
  const { hand } = setup;
  t.is(made({ hand: {}, unit: 'widthM' }), 'OPTION_GRIPPER_HAND');
  t.is(made({ hand, unit: 'width' }), 'OPTION_GRIPPER_UNIT');
  t.is(made({ hand, unit: 'widthM', inverted: true }), 'OPTION_GRIPPER_INVERTED');
  t.is(made({ hand, unit: 'widthM', forceN: 500 }), 'OPTION_GRIPPER_FORCE_N');
  t.is(made({ hand, unit: 'widthM', speed: 1 }), 'OPTION_UNKNOWN');
});

test('the number for the gripper is in the recording, and a rerun compares it', async (t) => {
  await using setup = await setUp();
  const file = join(folderFor(t), 'run.mcap');
  const openness =
    (closed: number) =>
    ({ q_d }: RobotState, { timeS }: Tick) => {
      const action = [...q_d, timeS > 0.3 ? closed : 1];
      return { actions: [action, action], dtS: 0.2 };
    };
  const options = closes(setup.hand);
  const session = new Session(setup.arm, chunked(policyOf(openness(0)), options), {
    warmupS: 0,
    record: file,
  });
  await session.run({ durationS: 1 });
  const recording = replay(file);
  const { action, answer } = await recording.run;
  t.deepEqual(
    answer.map(({ name, length }) => [name, length]),
    [...action.map(({ name, length }) => [name, length]), ['gripper', 1]],
  );
  const numbers = new Set<number | undefined>();
  for await (const cycle of recording) {
    t.is(cycle.command.length, 7);
    for (const row of cycle.answer?.actions ?? []) numbers.add(row[7]);
  }
  t.deepEqual(numbers, new Set([1, 0]));
  t.is((await rerun(file, chunked(policyOf(openness(0)), options))).differing, 0);
  const { firstDifference } = await rerun(file, chunked(policyOf(openness(0.25)), options));
  t.like(firstDifference?.slots[0], { name: 'gripper', recorded: 0, received: 0.25 });
});
