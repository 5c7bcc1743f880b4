import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  type FrankaControl,
  InvalidActionError,
  type JointVector,
  PolicyLateError,
  processPolicy,
  type RobotState,
  Session,
  type SessionOptions,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { REST, setUp, speed } from '../fixtures/arms.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { falls, fallsLater, forgets, SILENT_FROM_S } from '../fixtures/silent.ts';
import { rejection, until } from '../fixtures/waiting.ts';

type Silent = AnyPolicy<RobotState, JointVector | undefined>;

const TYPESCRIPT = new URL('../fixtures/silent.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);
const MAX_HELD_TICKS = 20;
/** More than braking 0.2 rad/s within the limits of acceleration and jerk takes [cycles]. */
const BRAKING_TICKS = 200;

function inPython(name: string): Silent {
  return processPolicy(PYTHON, { export: name, args: [], env: WITHOUT_NUMPY });
}

const PLACES: readonly (readonly [string, () => Silent])[] = [
  ['the main thread', falls],
  ['the main thread, with promises', fallsLater],
  ['a worker', () => workerPolicy(TYPESCRIPT, { export: 'falls', args: [] })],
  ['a worker, with promises', () => workerPolicy(TYPESCRIPT, { export: 'fallsLater', args: [] })],
  ['a Node process', () => processPolicy(TYPESCRIPT, { export: 'falls', args: [] })],
  ['a Python process', () => inPython('falls')],
];

/** Runs until the policy has been silent for long; in the arm's own time, however busy the machine is. */
async function silenced(
  t: ExecutionContext,
  policy: Silent,
  options: SessionOptions = {},
): Promise<void> {
  await using setup = await setUp();
  const session = new Session(setup.arm, policy, {
    warmupS: 0,
    deadlineS: 0.9e-3,
    maxHeldTicks: MAX_HELD_TICKS,
    recordTicks: 20_000,
    ...options,
  });
  const running = session.run();
  const lastTick = SILENT_FROM_S * 1e3 + MAX_HELD_TICKS + 2 * BRAKING_TICKS;
  await until(() => session.stepCount > lastTick || !session.isRunning, 'a long silence');
  const { simulator } = setup;
  t.true(speed(simulator) < REST, `the arm moves at ${speed(simulator)} rad/s`);
  await session.stop();
  const stats = await running;
  const records = session.takeRecords();
  const commanded = (record?: { action: Float64Array }): number => record?.action[0] ?? 0;
  const last = records.findLast(({ kind }) => kind === 'fresh' || kind === 'followed');
  t.true(commanded(last) > 0.05, `it had moved at ${commanded(last)} rad/s`);
  const silence = records.filter(({ tick }) => tick > (last?.tick ?? 0));
  t.true(silence.filter(({ kind }) => kind === 'held').length <= MAX_HELD_TICKS);
  for (const record of silence.slice(MAX_HELD_TICKS + BRAKING_TICKS)) {
    t.true(Math.abs(commanded(record)) < 1e-6, `${commanded(record)} in cycle ${record.tick}`);
  }
  t.true(stats.emptyAnswers > 50, `${stats.emptyAnswers}`);
  t.true(stats.policyAnswers >= stats.emptyAnswers);
  t.is(stats.droppedAnswers, 0);
  t.is(stats.firstViolation, null);
  t.is(simulator.counters().reflexes, 0);
}

for (const [place, make] of PLACES) {
  test(`a policy on ${place} that has nothing new any more brings the arm to rest`, async (t) => {
    await silenced(t, make());
  });
}

for (const [place, make] of PLACES) {
  test(`with onLate: 'stop' it ends the session, in words of its own (${place})`, async (t) => {
    await using setup = await setUp();
    const session = new Session(setup.arm, make(), {
      warmupS: 0,
      deadlineS: 0.9e-3,
      maxHeldTicks: 300,
      onLate: 'stop',
    });
    const error = (await rejection(session.run({ durationS: 30 }))) as PolicyLateError;
    t.true(error instanceof PolicyLateError, String(error));
    t.is(error.code, 'POLICY_LATE');
    t.regex(error.message, /nothing new from the policy, which answered undefined, for 301 cycles/);
    t.true(speed(setup.simulator) < REST);
    t.true(session.stats.emptyAnswers > 0);
  });
}

for (const [place, make] of [
  ['the main thread', () => forgets],
  ['a worker', () => workerPolicy(TYPESCRIPT, { export: 'forgets' })],
  ['a Node process', () => processPolicy(TYPESCRIPT, { export: 'forgets' })],
  [
    'a Python process',
    () => processPolicy(PYTHON, { export: 'forgets', env: WITHOUT_NUMPY }) as Silent,
  ],
] as readonly (readonly [string, () => Silent])[]) {
  test(`a policy on ${place} that never returns an action is asked for its return`, async (t) => {
    await using setup = await setUp();
    const session = new Session(setup.arm, make(), { warmupS: 0 });
    const error = (await rejection(session.run({ durationS: 30 }))) as InvalidActionError;
    t.true(error instanceof InvalidActionError, String(error));
    t.is(error.code, 'ACTION_TYPE');
    t.is(error.received, undefined);
    t.regex(error.message, /undefined \(in Python None\) to each question of its first second/);
    t.regex(error.message, /is a `return` missing\?/);
    t.true((error.tick ?? 0) >= 1000 && (error.tick ?? 0) < 1500, `${error.tick}`);
    const { simulator, start } = setup;
    t.true(Math.abs((simulator.joints().q[0] ?? 0) - (start[0] ?? 0)) < 1e-3, 'it did not move');
  });
}

const STILL: Readonly<Record<FrankaControl, (state: RobotState) => ArrayLike<number>>> = {
  jointVelocity: () => [0, 0, 0, 0, 0, 0, 0],
  jointPosition: ({ q_d }) => q_d.slice(),
  jointTarget: ({ q_d }) => q_d.slice(),
  cartesianVelocity: () => [0, 0, 0, 0, 0, 0],
  cartesianPose: ({ O_T_EE_c }) => O_T_EE_c.slice(),
  cartesianTarget: ({ O_T_EE_c }) => O_T_EE_c.slice(),
  torque: () => [0, 0, 0, 0, 0, 0, 0],
};

for (const [control, still] of Object.entries(STILL)) {
  test(`nothing new is held, then rest, by ${control}`, async (t) => {
    await using setup = await setUp(control as FrankaControl);
    let action: ArrayLike<number> | undefined;
    const policy = (state: RobotState, { tick }: Tick): ArrayLike<number> | undefined => {
      action ??= still(state);
      return tick < 100 ? action : undefined;
    };
    const session = new Session(setup.arm, policy, { warmupS: 0, deadlineS: 0.9e-3 });
    const running = session.run();
    await until(() => session.stats.restCommands > 200 || !session.isRunning, 'rest');
    await session.stop();
    const stats = await running;
    t.true(stats.heldCommands >= 20, `${stats.heldCommands}`);
    t.true(stats.emptyAnswers > 0);
    t.is(stats.firstViolation, null);
    t.is(setup.simulator.counters().reflexes, 0);
  });
}

test('an answer after a silence is taken up again', async (t) => {
  await using setup = await setUp();
  const told: string[] = [];
  const policy = (_: RobotState, { timeS }: Tick): number[] | undefined =>
    timeS > 0.2 && timeS < 0.5 ? undefined : [0, 0, 0.1 * Math.sin(timeS), 0, 0, 0, 0];
  const session = new Session(setup.arm, policy, { warmupS: 0, deadlineS: 0.9e-3 });
  for (const kind of ['held', 'resting', 'resumed'] as const) {
    session.on(kind, ({ tick }) => void (tick > 200 && told.push(kind)));
  }
  const running = session.run();
  await until(() => session.stepCount > 1200 || !session.isRunning, '1200 cycles');
  const moving = speed(setup.simulator);
  await session.stop();
  const stats = await running;
  t.true(told.includes('resting') && told.includes('resumed'), `${told}`);
  t.true(moving > 0.03, `${moving} rad/s`);
  t.true(stats.followedCommands > 0);
  t.is(stats.firstViolation, null);
});
