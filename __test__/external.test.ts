// Motions that the policy's own torques follow: `impedance: 'external'`.
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  Franka,
  type FrankaControl,
  FrankaSimulator,
  InvalidActionError,
  type JointVector,
  processPolicy,
  type RobotState,
  Session,
  type SessionOptions,
  workerPolicy,
} from '../index.ts';
import { distance, ownPlace, speed } from './fixtures/arms.ts';
import { follow } from './fixtures/policies.ts';
import { rejection, until } from './fixtures/waiting.ts';
import { WITHOUT_NUMPY } from './python.ts';

const MODULE = new URL('./fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('./fixtures/policies.py', import.meta.url);

async function setUp(
  t: ExecutionContext,
  control: FrankaControl,
  options: Parameters<typeof FrankaSimulator.start>[0] = {},
  client: 'franka-rs' | 'libfranka-rs' = 'franka-rs',
): Promise<{ simulator: FrankaSimulator; arm: Franka }> {
  const simulator = await FrankaSimulator.start({ lockstep: true, ...options });
  const arm = await Franka.connect(simulator.address, { control, client, impedance: 'external' });
  t.teardown(async () => {
    await arm.close();
    await simulator.stop();
  });
  return { simulator, arm };
}

/** Runs a session until it has had so many answers. */
async function answered(
  arm: Franka,
  policy: AnyPolicy<RobotState, JointVector>,
  answers: number,
  options: SessionOptions = {},
): Promise<void> {
  const session = new Session(arm, policy, { warmupS: 0, deadlineS: 0.9e-3, ...options });
  const running = session.run();
  const enough = (): boolean => session.stats.policyAnswers > answers || !session.isRunning;
  await until(enough, `${answers} answers`);
  await session.stop();
  await running;
}

const WAYS: readonly (readonly [string, AnyPolicy<RobotState, JointVector>])[] = [
  ['the main thread', follow(0.1)],
  ['a worker', workerPolicy(MODULE, { export: 'follow', args: [0.1] })],
  ['a process', processPolicy(MODULE, { export: 'follow', args: [0.1] })],
  [
    'a Python process',
    processPolicy(PYTHON, { export: 'follow', args: [0.1], env: WITHOUT_NUMPY }),
  ],
];

for (const [place, policy] of WAYS) {
  test(`torques from ${place} take the arm to its target`, async (t) => {
    const { simulator, arm } = await setUp(t, 'jointTarget');
    const before = simulator.joints().q;
    await answered(arm, policy, 1_500);
    const target = Array.from(before, (q, joint) => q + (joint === 0 ? 0.1 : 0));
    const off = distance(simulator.joints().q, target);
    t.true(off < 0.01, `${off} rad`);
    t.is(simulator.counters().reflexes, 0);
    t.is(simulator.counters().motionsFinished, 1);
    t.true(speed(simulator) < 0.02);
  });
}

test('a FER is followed by torques too, with either client', async (t) => {
  for (const client of ['franka-rs', 'libfranka-rs'] as const) {
    const place = client === 'libfranka-rs' ? ownPlace() : {};
    const options = { generation: 'fer', ...place } as const;
    const { simulator, arm } = await setUp(t, 'jointTarget', options, client);
    const [before = 0] = simulator.joints().q;
    await answered(arm, follow(0.1), 1_500);
    const [after = 0] = simulator.joints().q;
    t.true(Math.abs(after - before - 0.1) < 0.01, `${client}: ${after - before} rad`);
    t.is(simulator.counters().reflexes, 0);
  }
});

test('an action has torques behind its motion, and is refused without', async (t) => {
  const lengths = { jointVelocity: 14, cartesianVelocity: 13, cartesianPose: 23, torque: 7 };
  for (const [control, length] of Object.entries(lengths)) {
    const { simulator, arm } = await setUp(t, control as FrankaControl);
    const session = new Session(arm, () => [0, 0, 0], { warmupS: 0 });
    const error = await rejection(session.run());
    t.true(error instanceof InvalidActionError);
    t.is((error as InvalidActionError).code, 'ACTION_LENGTH');
    t.regex((error as InvalidActionError).message, new RegExp(`array of ${length} numbers`));
    t.is(simulator.counters().reflexes, 0);
  }
});

test('a limit that a torque breaks is told as the torque it is', async (t) => {
  const { simulator, arm } = await setUp(t, 'jointVelocity');
  const policy = (_: RobotState): number[] => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13];
  const error = await rejection(new Session(arm, policy, { warmupS: 0 }).run());
  t.true(error instanceof InvalidActionError);
  const { code, message } = error as InvalidActionError;
  t.is(code, 'ACTION_LIMIT');
  t.regex(message, /joint 7, tau_J\[6\] = 13 N m means a torque of 13 N m \(limit 12 N m\)/);
  t.is(simulator.counters().reflexes, 0);
});

test('moveTo needs no torques', async (t) => {
  const { simulator, arm } = await setUp(t, 'jointTarget');
  const goal = Array.from(simulator.joints().q, (q) => q + 0.05);
  await arm.moveTo(goal, { speed: 0.5 });
  t.true(distance(simulator.joints().q, goal) < 4e-3);
});
