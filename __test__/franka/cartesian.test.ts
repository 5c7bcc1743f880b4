import test from 'ava';
import {
  Franka,
  type FrankaControl,
  FrankaSimulator,
  InvalidActionError,
  OptionRangeError,
  OptionTypeError,
  processPolicy,
  type RobotState,
  run,
  Session,
  type SessionOptions,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { HAND, ownPlace, REST, setUp, speed, WALL } from '../fixtures/arms.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };

/** From 0 to 1 within `overS`, smoothly, and how fast [1/s]. */
function smooth(timeS: number, overS: number): [way: number, rate: number] {
  const share = Math.min(1, timeS / overS);
  const way = share ** 3 * (10 - 15 * share + 6 * share ** 2);
  return [way, (30 * share ** 2 * (1 - share) ** 2) / overS];
}

function place(pose: ArrayLike<number>): number[] {
  return Array.from(pose).slice(12, 15);
}

function apart(one: readonly number[], other: readonly number[]): number {
  return Math.hypot(...one.map((value, axis) => value - (other[axis] ?? 0)));
}

/** Moves the end effector by 8 cm along y, in the robot's time. */
function along(control: FrankaControl, start: ArrayLike<number>) {
  return (_: RobotState, { timeS }: Tick): number[] => {
    const [way, rate] = smooth(timeS, 1);
    if (control === 'cartesianVelocity') return [0, 0.08 * rate, 0, 0, 0, 0];
    const pose = Array.from(start);
    pose[13] = (pose[13] ?? 0) + 0.08 * (control === 'cartesianPose' ? way : 1);
    return pose;
  };
}

for (const control of ['cartesianVelocity', 'cartesianPose', 'cartesianTarget'] as const) {
  for (const generation of ['fr3', 'fer'] as const) {
    test(`by ${control} the end effector of a ${generation} gets where it is taken`, async (t) => {
      await using setup = await setUp(control, { generation, lockstep: true });
      const { arm, simulator } = setup;
      const start = (await arm.state()).O_T_EE_c.slice();
      const session = new Session(arm, along(control, start), PATIENT);
      const running = session.run();
      await until(() => session.stepCount > 1500 || !session.isRunning, '1500 cycles');
      await session.stop();
      const stats = await running;
      const wanted = place(start);
      wanted[1] = (wanted[1] ?? 0) + 0.08;
      const off = apart(place((await arm.state()).O_T_EE), wanted);
      // Velocities that came late are missing from the way.
      t.true(off < 2e-3 + 2e-4 * stats.lateActions, `${off} m, ${stats.lateActions} late`);
      t.is(stats.firstViolation, null);
      t.is(simulator.counters().reflexes, 0);
      t.is(simulator.counters().motionsFinished, 1);
      t.true(speed(simulator) < REST);
    });
  }
}

for (const control of ['cartesianVelocity', 'cartesianPose', 'cartesianTarget'] as const) {
  test(`by ${control} the elbow is taken elsewhere while the hand stands`, async (t) => {
    await using simulator = await FrankaSimulator.start({ lockstep: true });
    await using arm = await Franka.connect(simulator.address, { control, elbow: true });
    const before = await arm.state();
    const [hand, [elbow = 0]] = [Array.from(before.O_T_EE_c), before.elbow_c];
    const policy = (_: RobotState, { timeS }: Tick): number[] => {
      const [way, rate] = smooth(timeS, 1);
      if (control === 'cartesianVelocity') return [0, 0, 0, 0, 0, 0, 0.2 * rate];
      return [...hand, elbow + 0.2 * (control === 'cartesianPose' ? way : 1)];
    };
    const session = new Session(arm, policy, PATIENT);
    const running = session.run();
    await until(() => session.stepCount > 1600 || !session.isRunning, '1600 cycles');
    await session.stop();
    const stats = await running;
    const { q } = simulator.joints();
    const off = Math.abs((q[2] ?? 0) - elbow - 0.2);
    t.true(off < 4e-3 + 5e-4 * stats.lateActions, `${off} rad, ${stats.lateActions} late`);
    const after = await arm.state();
    t.true(apart(place(after.O_T_EE), place(hand)) < 2e-3);
    t.is(stats.firstViolation, null);
    t.is(simulator.counters().reflexes, 0);
  });
}

test('an elbow that jumps is told as joint 3, and one without a hand is refused', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true });
  const options = { control: 'cartesianPose', elbow: true } as const;
  await using arm = await Franka.connect(simulator.address, options);
  const { O_T_EE_c } = await arm.state();
  const jumps = (_: RobotState, { tick }: Tick): number[] => [...O_T_EE_c, tick < 50 ? 0 : 0.1];
  const session = new Session(arm, jumps, PATIENT);
  const error = (await rejection(session.run())) as InvalidActionError;
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(error.message, /joint 3, elbow\[0\] = 0\.1 rad means a velocity of 100 rad\/s/);
  const short = (await rejection(
    new Session(arm, () => [...O_T_EE_c], PATIENT).run(),
  )) as InvalidActionError;
  t.is(short.code, 'ACTION_LENGTH');
  t.regex(short.message, /17 numbers/);
  for (const wrong of [
    { control: 'torque', elbow: true },
    { control: 'cartesianPose', elbow: 1 as unknown as boolean },
  ] as const) {
    const refused = (await rejection(Franka.connect(simulator.address, wrong))) as OptionTypeError;
    t.is(refused.code, 'OPTION_ELBOW');
  }
});

test('30 poses a second make a smooth motion, from elsewhere too', async (t) => {
  await using setup = await setUp('cartesianPose', WALL);
  const { arm, simulator } = setup;
  const start = (await arm.state()).O_T_EE_c.slice();
  const stats = await run(arm, along('cartesianPose', start), {
    rateHz: 30,
    deadlineS: 1 / 30,
    warmupS: 0,
    durationS: 1.6,
  });
  t.is(stats.firstViolation, null);
  const wanted = place(start);
  wanted[1] = (wanted[1] ?? 0) + 0.08;
  const near = apart(place((await arm.state()).O_T_EE), wanted);
  t.true(near < 3e-3, `${near} m`);
  const url = new URL('../fixtures/policies.ts', import.meta.url);
  const elsewhere = { export: 'stillPose' };
  for (const policy of [workerPolicy(url, elsewhere), processPolicy(url, elsewhere)]) {
    const standing = await run(arm, policy, { warmupS: 0, durationS: 0.3 });
    t.true(standing.policyAnswers > 30, `${standing.policyAnswers}`);
    t.is(standing.firstViolation, null);
  }
  t.is(simulator.counters().reflexes, 0);
});

test('the impedance is chosen when connecting', async (t) => {
  const simulator = await FrankaSimulator.start({ lockstep: true });
  for (const impedance of ['joint', 'cartesian'] as const) {
    await using arm = await Franka.connect(simulator.address, {
      control: 'cartesianVelocity',
      impedance,
    });
    const still = (): number[] => [0, 0, 0, 0, 0, 0];
    const stats = await run(arm, still, { warmupS: 0, durationS: 0.1 });
    t.is(stats.firstViolation, null);
  }
  const impedance = 'spring' as 'joint';
  const refused = await rejection(Franka.connect(simulator.address, { impedance }));
  t.true(refused instanceof OptionRangeError);
  t.is(Reflect.get(refused as object, 'code'), 'OPTION_IMPEDANCE');
  await simulator.stop();
});

test('libfranka-rs has the Cartesian interfaces as well', async (t) => {
  const simulator = await FrankaSimulator.start({
    ...ownPlace(),
    generation: 'fer',
    lockstep: true,
  });
  await using arm = await Franka.connect(simulator.address, {
    control: 'cartesianPose',
    client: 'libfranka-rs',
    impedance: 'cartesian',
  });
  const start = (await arm.state()).O_T_EE_c.slice();
  const stats = await run(arm, () => start, { warmupS: 0, durationS: 0.2 });
  t.is(stats.firstViolation, null);
  t.is(simulator.counters().reflexes, 0);
  await simulator.stop();
});

/** How a session ends whose policy answers `answer(start, tick)` from cycle 100 on. */
async function endOf(
  control: FrankaControl,
  answer: (start: number[], tick: number) => number[],
  options: SessionOptions = {},
): Promise<InvalidActionError> {
  await using setup = await setUp(control);
  const { arm, simulator } = setup;
  const start = Array.from((await arm.state()).O_T_EE_c);
  const still = control === 'cartesianVelocity' ? [0, 0, 0, 0, 0, 0] : start;
  const policy = (_: RobotState, { tick }: Tick): number[] =>
    tick < 100 ? still : answer(start.slice(), tick);
  const error = await rejection(run(arm, policy, { ...PATIENT, ...options }));
  if (simulator.counters().reflexes !== 0) throw new Error('a reflex stopped the arm');
  return error as InvalidActionError;
}

test('a pose that is no rigid transform is refused by its name', async (t) => {
  for (const control of ['cartesianPose', 'cartesianTarget'] as const) {
    const error = await endOf(control, (start) => {
      start[0] = 2;
      return start;
    });
    t.true(error instanceof InvalidActionError);
    t.is(error.code, 'ACTION_FRAME');
    t.regex(
      error.message,
      /O_T_EE is no rigid transform, the length of its x axis is off by .*column by column/,
    );
    t.regex(error.expected, /^a rigid transform within/);
  }
  const error = await endOf('cartesianPose', (start) => {
    start[13] = Number.NaN;
    return start;
  });
  t.is(error.code, 'ACTION_NOT_FINITE');
  t.regex(error.message, /O_T_EE\[13\] is NaN/);
});

test('an action of another length is refused with the right one', async (t) => {
  for (const [control, length] of [
    ['cartesianVelocity', 6],
    ['cartesianPose', 16],
    ['cartesianTarget', 16],
  ] as const) {
    const error = await endOf(control, () => [0, 0, 0, 0, 0, 0, 0]);
    t.is(error.code, 'ACTION_LENGTH');
    t.regex(error.message, new RegExp(`${length} numbers`));
  }
});

test('what the end effector may not do is told in its own words and units', async (t) => {
  const jumps = (): number[] => [0, 0.3, 0, 0, 0, 0];
  const jump = await endOf('cartesianVelocity', jumps, { limits: { jerk: 'clamp' } });
  t.is(jump.code, 'ACTION_LIMIT');
  t.regex(jump.message, /a translational acceleration of 300 m\/s\^2 \(limit 8\.999\)/);
  t.regex(jump.message, /limits: \{ acceleration: 'clamp' \}/);
  const turn = await endOf('cartesianVelocity', () => [0, 0, 0, 0, 9, 0]);
  t.regex(turn.message, /a rotational velocity of 9 rad\/s \(limit 2\.4/);
  t.regex(turn.expected, /^a rotational velocity up to 2\.4\d* rad\/s$/);
});

/** A pose as libfranka's issue 19 prints one. */
const inSixDigits = (pose: ArrayLike<number>): number[] =>
  Array.from(pose, (value) => Number(value.toPrecision(6)));

for (const control of ['cartesianPose', 'cartesianTarget'] as const) {
  test(`by ${control} a pose in six digits is taken, with a hand whose frame has four`, async (t) => {
    await using setup = await setUp(control);
    const { arm, simulator } = setup;
    await arm.setEE(HAND);
    const start = inSixDigits((await arm.state()).O_T_EE_c);
    const session = new Session(arm, () => start, PATIENT);
    const running = session.run();
    await until(() => session.stepCount > 300 || !session.isRunning, '300 cycles');
    await session.stop();
    const stats = await running;
    t.is(stats.firstViolation, null);
    t.is(simulator.counters().reflexes, 0);
  });

  test(`by ${control} a shear and a reflection are refused`, async (t) => {
    for (const change of [
      (pose: number[]) => {
        for (const row of [0, 1, 2]) pose[4 + row] = pose[row] ?? 0;
      },
      (pose: number[]) => {
        for (const row of [0, 1, 2]) pose[row] = -(pose[row] ?? 0);
      },
      (pose: number[]) => {
        pose[3] = 1e-4;
      },
    ]) {
      const error = await endOf(control, (start) => {
        change(start);
        return start;
      });
      t.is(error.code, 'ACTION_FRAME', error.message);
      t.regex(
        error.message,
        /O_T_EE is no rigid transform, (the .* (of|between) its .*|its last row) is off by [\d.e-]+ \(limit/,
      );
    }
  });
}

test('joints that cannot follow are named', async (t) => {
  const error = await endOf('cartesianVelocity', () => [0.5, 0, 0, 0, 0, 0], {
    limits: { velocity: 'clamp', acceleration: 'clamp', jerk: 'clamp' },
  });
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(error.message, /the motion takes joint \d to [\d.]+ times what it can do/);
  t.regex(error.message, /joint \d is at -?[\d.]+ rad and may be commanded from/);
  t.regex(error.message, /limits: \{ joints: 'clamp' \}/);
});

test('a target out of reach is told once the arm stands still on the way to it', async (t) => {
  const error = await endOf('cartesianTarget', (start) => {
    start[12] = 1.5;
    return start;
  });
  t.is(error.code, 'ACTION_LIMIT');
  t.true((error.tick ?? 0) > 500, `${error.tick}`);
  const far =
    /out of the arm's reach: it is 1\.5\d* m away from the shoulder .* reaches 0\.\d+ m at most/;
  t.regex(error.message, far);
  t.regex(error.message, /Choose a pose nearer to the arm, or /);
  t.is(error.expected, 'a pose within reach');
  t.notRegex(error.message, /times what it can do|singular|millimetres/);
});

for (const control of ['jointVelocity', 'cartesianVelocity', 'cartesianTarget'] as const) {
  test(`by ${control} a clamped end effector stays in its box, and is counted`, async (t) => {
    await using setup = await setUp(control);
    const { arm, simulator } = setup;
    const start = (await arm.state()).O_T_EE_c.slice();
    const [x = 0, y = 0, z = 0] = place(start);
    const boxM = { lower: [x - 0.2, y - 0.05, z - 0.2], upper: [x + 0.2, y + 0.05, z + 0.2] };
    let farthest = 0;
    const out = (state: RobotState): number[] => {
      farthest = Math.max(farthest, Math.abs((state.O_T_EE[13] ?? 0) - y));
      if (control === 'jointVelocity') return [0.3, 0, 0, 0, 0, 0, 0];
      if (control === 'cartesianVelocity') return [0, 0.2, 0, 0, 0, 0];
      const pose = Array.from(start);
      pose[13] = y + 0.3;
      return pose;
    };
    const limits = {
      box: 'clamp',
      velocity: 'clamp',
      acceleration: 'clamp',
      jerk: 'clamp',
      joints: 'clamp',
      boxM,
    } as const;
    const session = new Session(arm, out, { ...PATIENT, limits });
    const running = session.run();
    const there = (): boolean => session.stepCount > 1500 && session.stats.boxViolations > 10;
    await until(() => there() || !session.isRunning, 'the box holds it back');
    await session.stop();
    const stats = await running;
    t.true(farthest > 0.02 && farthest < 0.05, `${farthest} m`);
    t.true(stats.boxViolations > 10, `${stats.boxViolations}`);
    t.is(simulator.counters().reflexes, 0);
  });
}

test('a box that is left ends the session and says where', async (t) => {
  const error = await endOf(
    'cartesianTarget',
    (start) => {
      start[14] = 2;
      return start;
    },
    { limits: { boxM: { lower: [-1, -1, 0], upper: [1, 1, 1], marginM: 0.05 } } },
  );
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(error.message, /would come to z = 2 m \(limit 0\.95 m\), out of its box/);
  t.regex(error.message, /limits: \{ box: 'clamp' \}/);
});

test('a low-pass filter takes the edge off a step that is clamped', async (t) => {
  const jumps = async (cutoffHz: number | null): Promise<number> => {
    await using setup = await setUp('cartesianVelocity');
    const { arm } = setup;
    const step = (_: RobotState, { tick }: Tick): number[] => [
      0,
      Math.floor(tick / 100) % 2 === 0 ? 0 : 0.01,
      0,
      0,
      0,
      0,
    ];
    const session = new Session(arm, step, { ...PATIENT, limits: 'clamp', cutoffHz });
    const running = session.run();
    await until(() => session.stepCount > 1000 || !session.isRunning, '1000 cycles');
    await session.stop();
    return (await running).accelerationViolations;
  };
  t.true((await jumps(null)) > 2);
  t.is(await jumps(50), 0);
  await using setup = await setUp();
  for (const cutoffHz of [0, -1, 1001, Number.NaN]) {
    const make = (): unknown => new Session(setup.arm, () => undefined, { cutoffHz });
    t.throws(make, { instanceOf: OptionRangeError, code: 'OPTION_CUTOFF_HZ' });
  }
  const scribe = (): unknown => new Session(new Scribe(), () => 1, { cutoffHz: 100 });
  t.throws(scribe, { instanceOf: OptionTypeError, code: 'OPTION_CUTOFF_HZ' });
});

test('a box is checked before the session starts', async (t) => {
  await using setup = await setUp();
  const attempt = (boxM: unknown): unknown => {
    try {
      return new Session(setup.arm, () => [0, 0, 0, 0, 0, 0, 0], {
        limits: { boxM },
      } as SessionOptions);
    } catch (error) {
      return error;
    }
  };
  const lower = [0, 0, 0];
  t.true(attempt({ lower, upper: [1, 1] }) instanceof OptionRangeError);
  t.true(attempt({ lower, upper: [1, 1, Number.NaN] }) instanceof OptionRangeError);
  t.true(attempt({ lower, upper: [1, 1, 0.01] }) instanceof OptionRangeError);
  t.true(attempt({ lower, upper: [1, 1, 1], marginM: -1 }) instanceof OptionRangeError);
  t.true(attempt({ lower, upper: [1, 1, 1], margin: 1 }) instanceof OptionTypeError);
  t.true(attempt({ lower }) instanceof OptionTypeError);
  t.true(attempt([0, 1]) instanceof OptionTypeError);
  t.true(attempt({ lower, upper: new Float64Array([1, 1, 1]) }) instanceof Session);
});

test('a pose or a twist in millimetres is asked about', async (t) => {
  const inMillimetres = (start: number[]): number[] =>
    start.map((entry, nth) => (nth >= 12 && nth < 15 ? 1e3 * entry : entry));
  for (const error of [
    await endOf('cartesianTarget', inMillimetres),
    await endOf('cartesianPose', inMillimetres),
    await endOf('cartesianVelocity', () => [100, 0, 0, 0, 0, 0]),
  ]) {
    t.is(error.code, 'ACTION_LIMIT');
    t.regex(error.message, /Is it in millimetres\? Metres are expected\. /);
  }
  const turning = await endOf('cartesianVelocity', () => [0, 0, 0, 0, 30, 0]);
  t.regex(turning.message, /Is it in degrees\? Radians are expected\. /);
  const small = await endOf('cartesianVelocity', () => [5, 0, 0, 0, 0, 0]);
  t.notRegex(small.message, /Is it in/);
});

test('joints in degrees are asked about', async (t) => {
  for (const control of ['jointTarget', 'jointPosition', 'jointVelocity'] as const) {
    const told = async (value: number): Promise<string> => {
      await using setup = await setUp(control);
      const still = control === 'jointVelocity' ? [0, 0, 0, 0, 0, 0, 0] : setup.start;
      const policy = (_: RobotState, { tick }: Tick): number[] =>
        tick < 100 ? [...still] : still.with(1, value);
      return ((await rejection(run(setup.arm, policy, PATIENT))) as InvalidActionError).message;
    };
    t.regex(await told(-45), /Is it in degrees\? Radians are expected\. /, control);
    t.notRegex(await told(-4), /Is it in/, control);
  }
});

test('a target near a singular pose is told as that, and moveTo gets there', async (t) => {
  let target: number[] = [];
  const error = await endOf('cartesianTarget', (start) => {
    start[12] = 0.7;
    target = start;
    return start;
  });
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(
    error.message,
    /near a singular pose, as where it is almost stretched: .* too fast, joint (\d) most of all\. There joint \1 is at/,
  );
  t.notRegex(error.message, /out of the arm's reach/);
  t.regex(error.message, /as moveTo does/);
  t.is(error.expected, 'a pose further from a singular one');
  await using setup = await setUp('cartesianTarget');
  await t.notThrowsAsync(setup.arm.moveTo(target, { speed: 0.5 }));
});
