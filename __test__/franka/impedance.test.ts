// What follows a motion that is none of the arm's own: torques of the policy's, or of an impedance law.

import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  Franka,
  type FrankaControl,
  type FrankaImpedance,
  FrankaSimulator,
  type ImpedanceLaw,
  InvalidActionError,
  type JointVector,
  OptionRangeError,
  OptionTypeError,
  processPolicy,
  type RobotState,
  Session,
  type SessionOptions,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { answered, distance, ownPlace, REST, speed } from '../fixtures/arms.ts';
import { follow } from '../fixtures/policies.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const MODULE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);

/** As patient as an arm allows. */
const PATIENT: SessionOptions = { warmupS: 0, deadlineS: 0.9e-3 };

async function setUp(
  t: ExecutionContext,
  control: FrankaControl,
  options: Parameters<typeof FrankaSimulator.start>[0] = {},
  client: 'franka-rs' | 'libfranka-rs' = 'franka-rs',
  impedance: FrankaImpedance | ImpedanceLaw = 'external',
): Promise<{ simulator: FrankaSimulator; arm: Franka }> {
  const simulator = await FrankaSimulator.start({ lockstep: true, ...options });
  const arm = await Franka.connect(simulator.address, { control, client, impedance });
  t.teardown(async () => {
    await arm.close();
    await simulator.stop();
  });
  return { simulator, arm };
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
    await answered(new Session(arm, policy, PATIENT), 1_500);
    const target = Array.from(before, (q, joint) => q + (joint === 0 ? 0.1 : 0));
    const off = distance(simulator.joints().q, target);
    t.true(off < 0.01, `${off} rad`);
    t.is(simulator.counters().reflexes, 0);
    t.is(simulator.counters().motionsFinished, 1);
    t.true(speed(simulator) < REST);
  });
}

test('a FER is followed by torques too, with either client', async (t) => {
  for (const client of ['franka-rs', 'libfranka-rs'] as const) {
    const place = client === 'libfranka-rs' ? ownPlace() : {};
    const options = { generation: 'fer', ...place } as const;
    const { simulator, arm } = await setUp(t, 'jointTarget', options, client);
    const [before = 0] = simulator.joints().q;
    await answered(new Session(arm, follow(0.1), PATIENT), 1_500);
    const [after = 0] = simulator.joints().q;
    t.true(Math.abs(after - before - 0.1) < 0.01, `${client}: ${after - before} rad`);
    t.is(simulator.counters().reflexes, 0);
  }
});

test('an action has torques behind its motion, and is refused without', async (t) => {
  const lengths = { jointVelocity: 14, cartesianVelocity: 13, cartesianPose: 23, torque: 7 };
  for (const [control, length] of Object.entries(lengths)) {
    const { simulator, arm } = await setUp(t, control as FrankaControl);
    const session = new Session(arm, () => [0, 0, 0] as number[], { warmupS: 0 });
    const error = await rejection(session.run());
    t.true(error instanceof InvalidActionError);
    t.is((error as InvalidActionError).code, 'ACTION_LENGTH');
    t.regex((error as InvalidActionError).message, new RegExp(`array of ${length} numbers`));
    t.is(simulator.counters().reflexes, 0);
  }
});

test('a limit that a torque breaks is told as the torque it is', async (t) => {
  const { simulator, arm } = await setUp(t, 'jointVelocity');
  const still = new Array<number>(13).fill(0);
  const policy = (_: RobotState, { tick }: Tick): number[] => [...still, tick < 19 ? 0 : 13];
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

for (const control of ['jointTarget', 'cartesianTarget'] as const) {
  test(`an impedance law follows a slow ${control} policy, with either client`, async (t) => {
    for (const client of ['franka-rs', 'libfranka-rs'] as const) {
      const place = client === 'libfranka-rs' ? ownPlace() : {};
      const options = { generation: 'fer', friction: false, ...place } as const;
      const { simulator, arm } = await setUp(t, control, options, client, {});
      const start = await arm.state();
      const isJoint = control === 'jointTarget';
      const target = (isJoint ? start.q_d : start.O_T_EE_c).slice();
      const slot = isJoint ? 0 : 13;
      target[slot] = (target[slot] ?? 0) + 0.1;
      const session = new Session(arm, () => target, { warmupS: 0, rateHz: 30 });
      // By answers, not by cycles: of those a busy machine has many that nothing is asked for.
      await answered(session, 150);
      const end = await arm.state();
      const off = distance(isJoint ? end.q : end.O_T_EE, target);
      t.true(off < 4e-3, `${client}: ${off}`);
      t.is(simulator.counters().reflexes, 0);
    }
  });
}

test('an arm that is pushed gives way as the gains say, while the policy is silent', async (t) => {
  const soft = { jointStiffness: [200, 600, 600, 600, 250, 150, 50] };
  const { simulator, arm } = await setUp(t, 'jointTarget', { friction: false }, 'franka-rs', soft);
  await arm.setCollisionBehavior({
    lowerTorquesNm: new Array(7).fill(90),
    upperTorquesNm: new Array(7).fill(90),
    lowerForces: new Array(6).fill(90),
    upperForces: new Array(6).fill(90),
  });
  const { q_d } = await arm.state();
  const [from = 0] = q_d;
  const start = q_d.slice();
  const session = new Session(arm, () => start, { warmupS: 0 });
  const running = session.run();
  await until(() => session.stepCount > 100, '100 cycles');
  simulator.inject({ kind: 'push', torquesNm: [10, 0, 0, 0, 0, 0, 0] });
  const stood = session.stepCount;
  await until(() => session.stepCount > stood + 1_500 || !session.isRunning, '1500 cycles');
  const away = (simulator.joints().q[0] ?? 0) - from;
  t.true(Math.abs(away - 10 / 200) < 5e-3, `${away} rad`);
  simulator.inject({ kind: 'push', torquesNm: [0, 0, 0, 0, 0, 0, 0] });
  await session.stop();
  await running;
  t.is(simulator.counters().reflexes, 0);
});

test('gains that are none are refused by name', async (t) => {
  const wrong: [unknown, new (...args: never[]) => Error, string, RegExp][] = [
    ['soft', OptionRangeError, 'OPTION_IMPEDANCE', /one of 'joint', 'cartesian', 'external'/],
    [7, OptionTypeError, 'OPTION_IMPEDANCE', /one of/],
    [{ stiffness: 5 }, OptionTypeError, 'OPTION_UNKNOWN', /jointStiffness/],
    [{ jointStiffness: [1, 2] }, OptionRangeError, 'OPTION_IMPEDANCE_JOINT_STIFFNESS', /7 finite/],
    [
      { jointStiffness: [0, 0, 0, 0, 0, 0, 2001] },
      OptionRangeError,
      'OPTION_IMPEDANCE_JOINT_STIFFNESS',
      /impedance\.jointStiffness\[6\] is 2001; expected from 0 to 2000/,
    ],
    [
      { cartesianDamping: [-1, 0, 0, 0, 0, 0] },
      OptionRangeError,
      'OPTION_IMPEDANCE_CARTESIAN_DAMPING',
      /from 0 to 300/,
    ],
    [
      { jointDamping: [Number.NaN, 0, 0, 0, 0, 0, 0] },
      OptionRangeError,
      'OPTION_IMPEDANCE_JOINT_DAMPING',
      /finite/,
    ],
  ];
  const following = { control: 'torque', impedance: {} } as const;
  const nothing = (await rejection(Franka.connect('127.0.0.1:1', following))) as OptionTypeError;
  t.is(nothing.code, 'OPTION_IMPEDANCE');
  t.regex(nothing.message, /no motion to follow/);
  for (const [impedance, type, code, message] of wrong) {
    const options = { impedance: impedance as ImpedanceLaw };
    const error = (await rejection(Franka.connect('127.0.0.1:1', options))) as OptionRangeError;
    t.true(error instanceof type, String(error));
    t.is<string, string>(error.code, code);
    t.regex(error.message, message);
  }
});
