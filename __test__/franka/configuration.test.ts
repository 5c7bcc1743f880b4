import test from 'ava';
import {
  type CollisionBehavior,
  type Franka,
  type Load,
  OptionRangeError,
  OptionTypeError,
  RobotError,
  Session,
} from '../../index.ts';
import { ARMS, distance, HAND, setUp } from '../fixtures/arms.ts';
import { rejection, until } from '../fixtures/waiting.ts';

/** A tool 10 cm in front of the flange, turned by a right angle. */
const TOOL = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0.1, 1];
/** A shear whose rows and columns are as long as a rotation's: libfranka takes it. */
const SHEARED = [0.8, 0.6, 0, 0, 0.6, 0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const MIRRORED = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const UNIT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

function thresholds(contact: number, collision: number): CollisionBehavior {
  return {
    lowerTorquesNm: Array(7).fill(contact),
    upperTorquesNm: Array(7).fill(collision),
    lowerForces: Array(6).fill(100),
    upperForces: Array(6).fill(100),
  };
}

for (const { generation, client } of ARMS) {
  test(`a ${generation} over ${client} takes all that it can be set up with, and shows it`, async (t) => {
    await using setup = await setUp('jointVelocity', { generation, hand: false }, client);
    const { arm } = setup;
    await arm.setCollisionBehavior(thresholds(20, 40));
    const acceleration = thresholds(30, 50);
    await arm.setCollisionBehavior({ ...thresholds(20, 40), acceleration });
    await arm.setJointImpedance([3000, 3000, 3000, 2500, 2500, 2000, 2000]);
    await arm.setCartesianImpedance(Float64Array.of(1000, 1000, 1000, 100, 100, 100));
    await arm.setGuidingMode({ x: true, elbow: true });
    await arm.setEE(TOOL);
    await arm.setK(TOOL);
    await arm.setLoad({ m_load: 0.5, F_x_Cload: [0, 0, 0.05], I_load: diagonal(0.01) });
    const state = await arm.state();
    t.true(distance(TOOL, state.NE_T_EE) < 1e-5);
    t.true(distance(TOOL, state.F_T_EE) < 1e-5);
    t.true(distance(TOOL, state.EE_T_K) < 1e-5);
    t.true(Math.abs(state.m_load - 0.5) < 1e-6);
    t.true(Math.abs(state.m_total - 0.5) < 1e-6);
    t.true(distance([0, 0, 0.05], state.F_x_Cload) < 1e-5);
    t.true(distance(diagonal(0.01), state.I_load) < 1e-5);
    await arm.setLoad({ m_load: 0 });
    t.is((await arm.state()).m_load, 0);
    await arm.setEE(HAND);
    await arm.setK(HAND);
    t.true(distance(HAND, (await arm.state()).NE_T_EE) < 1e-5);
  });

  test(`a ${generation} over ${client} is sent what is implausible where it is meant`, async (t) => {
    await using setup = await setUp('jointVelocity', { generation }, client);
    const { arm } = setup;
    const unchecked = { unchecked: true };
    await t.throwsAsync(arm.setLoad({ m_load: 3.5 }), { code: 'OPTION_M_LOAD' });
    await arm.setLoad({ m_load: 3.5 }, unchecked);
    const loaded = await arm.state();
    t.true(Math.abs(loaded.m_load - 3.5) < 1e-6);
    t.true(distance(diagonal(0.0035), loaded.I_load) < 1e-5);
    await arm.setCollisionBehavior(thresholds(1e3, 1e4), unchecked);
    const long = [...UNIT.slice(0, 14), 1.5, 1];
    await arm.setEE(long, unchecked);
    await arm.setK(long, unchecked);
    t.true(distance(long, (await arm.state()).NE_T_EE) < 1e-5);
  });

  test(`a refusal of a ${generation} over ${client} tells the present mode and what to do`, async (t) => {
    await using setup = await setUp('jointVelocity', { generation }, client);
    const { arm, simulator } = setup;
    t.is((await arm.state()).robot_mode, 'Idle');
    const place = Array.from((await arm.state()).q_d, (q) => q + 0.1);
    const session = new Session(arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
    session.on('error', () => undefined);
    const ended = session.run({ durationS: 0.1 });
    await ended;
    const refusals = async (calls: readonly (() => Promise<unknown>)[]): Promise<string> => {
      const texts: string[] = [];
      for (const call of calls) {
        const refused = (await rejection(call())) as RobotError;
        t.is(refused.code, 'FRANKA_COMMAND_REJECTED', String(refused));
        t.notRegex(refused.message, /Idle/);
        texts.push(refused.message);
      }
      return texts.join('\n');
    };
    const zeros = (): number[] => [0, 0, 0, 0, 0, 0, 0];
    const start = (): Promise<unknown> => new Session(arm, zeros, { warmupS: 0 }).run();
    simulator.inject({ kind: 'userStop', pressed: true });
    const stopped = await refusals([() => arm.moveTo(place), start, () => arm.recover()]);
    t.is(stopped.match(/now UserStopped: release the user stop/g)?.length, 3, stopped);
    simulator.inject({ kind: 'userStop', pressed: false });
    simulator.inject({ kind: 'reflex' });
    const reflex = await refusals([
      () => arm.setLoad({ m_load: 1 }),
      () => arm.home(),
      start,
      () => arm.setK(UNIT),
    ]);
    t.is(reflex.match(/now Reflex \(joint_reflex\): .*call recover\(\)/g)?.length, 4, reflex);
    await arm.recover();
    await arm.setLoad({ m_load: 1 });
    await arm.moveTo(place, { speed: 0.5 });
  });

  test(`a ${generation} over ${client} is stopped by a push above its thresholds, and by none below`, async (t) => {
    await using setup = await setUp('jointVelocity', { generation, lockstep: true }, client);
    const { arm, simulator } = setup;
    const push = async (): Promise<unknown> => {
      let ticks = 0;
      const session = new Session(
        arm,
        () => {
          ticks += 1;
          if (ticks === 30) simulator.inject({ kind: 'push', torquesNm: [0, 0, 9, 0, 0, 0, 0] });
          if (ticks === 60) simulator.inject({ kind: 'push', torquesNm: Array(7).fill(0) });
          return [0, 0, 0, 0, 0, 0, 0];
        },
        { warmupS: 0, deadlineS: 0.9e-3 },
      );
      session.on('error', () => undefined);
      await session.start();
      await until(() => ticks > 90 || !session.isRunning, 'it was pushed');
      await session.stop();
      simulator.inject({ kind: 'push', torquesNm: Array(7).fill(0) });
      return Promise.resolve()
        .then(() => session.checkHealth())
        .catch((error: unknown) => error);
    };
    await arm.setCollisionBehavior(thresholds(5, 8));
    const error = await push();
    t.true(error instanceof RobotError, String(error));
    t.is((error as RobotError).code, 'FRANKA_REFLEX');
    t.deepEqual((error as RobotError).errors, ['joint_reflex']);
    await arm.recover();
    await arm.setCollisionBehavior(thresholds(5, 12));
    t.is(await push(), undefined);
  });
}

function diagonal(value: number): number[] {
  return [value, 0, 0, 0, value, 0, 0, 0, value];
}

const FILTERS = {
  jointPositionHz: 100,
  jointVelocityHz: 100,
  cartesianPositionHz: 100,
  cartesianVelocityHz: 100,
  controllerHz: 1000,
};

test('filters are set on a FER; an FR3 has none, and says so', async (t) => {
  await using fer = await setUp('jointVelocity', { generation: 'fer' });
  await fer.arm.setFilters(FILTERS);
  await using fr3 = await setUp('jointVelocity', { generation: 'fr3' });
  const error = (await rejection(fr3.arm.setFilters(FILTERS))) as RobotError;
  t.true(error instanceof RobotError);
  t.is(error.code, 'FRANKA_GENERATION');
  t.regex(error.message, /FR3 has no filters.*FER/);
});

test('what is not as it must be is refused by its name, and nothing is sent', async (t) => {
  await using setup = await setUp('jointVelocity', { lockstep: true, hand: false });
  const { arm } = setup;
  const cases: [(arm: Franka) => Promise<void>, string, RegExp][] = [
    [(a) => a.setLoad({ m_load: -1 }), 'OPTION_M_LOAD', /m_load is -1; expected a number from 0/],
    [(a) => a.setLoad({ m_load: Number.NaN }), 'OPTION_M_LOAD', /m_load is NaN/],
    [(a) => a.setLoad({} as Load), 'OPTION_M_LOAD', /m_load is undefined/],
    [(a) => a.setLoad({ m_load: 1, mass: 2 } as Load), 'OPTION_UNKNOWN', /"mass"/],
    [
      (a) => a.setLoad({ m_load: 1, F_x_Cload: [1] as number[] }),
      'OPTION_F_X_CLOAD',
      /3 finite numbers/,
    ],
    [
      (a) => a.setLoad({ m_load: 1, I_load: [1, 2, 0, 0, 1, 0, 0, 0, 1] }),
      'OPTION_I_LOAD',
      /symmetric/,
    ],
    [(a) => a.setLoad({ m_load: 1, I_load: diagonal(-1) }), 'OPTION_I_LOAD', /I_load\[0\] is -1/],
    [(a) => a.setEE(UNIT.slice(1)), 'OPTION_NE_T_EE', /16 finite numbers/],
    [(a) => a.setEE(UNIT.map((value) => 2 * value)), 'OPTION_NE_T_EE', /NE_T_EE\[15\] is 2/],
    [(a) => a.setK([...UNIT.slice(0, 5), 1.2, ...UNIT.slice(6)]), 'OPTION_EE_T_K', /y axis/],
    [(a) => a.setJointImpedance(Array(7).fill(14_251)), 'OPTION_K_THETA', /0 to 14250 N m\/rad/],
    [(a) => a.setJointImpedance('stiff' as never), 'OPTION_K_THETA', /"stiff"/],
    [(a) => a.setCartesianImpedance([5, 5, 5, 5, 5, 5]), 'OPTION_K_X', /10 to 3000 N\/m/],
    [(a) => a.setGuidingMode({ x: 1 as never }), 'OPTION_X', /true or false/],
    [(a) => a.setCollisionBehavior(thresholds(20, 10)), 'OPTION_UPPER_TORQUES_NM', /from 20/],
    [
      (a) => a.setCollisionBehavior({ ...thresholds(1, 2), lowerForces: [1, 2] as number[] }),
      'OPTION_LOWER_FORCES',
      /6 finite numbers/,
    ],
    [
      (a) => a.setCollisionBehavior({ ...thresholds(1, 2), acceleration: thresholds(2, 1) }),
      'OPTION_ACCELERATION_UPPER_TORQUES_NM',
      /acceleration\.upperTorquesNm\[0\] is 1/,
    ],
    [(a) => a.setLoad({ m_load: 1e6 }), 'OPTION_M_LOAD', /is 1000000; .*0 to 3 kg.*in grams\?/],
    [(a) => a.setLoad({ m_load: 3.2 }), 'OPTION_M_LOAD', /payload of an FR3 is 3 kg.*unchecked/],
    [
      (a) => a.setLoad({ m_load: 1, F_x_Cload: [0, 0, 60] }),
      'OPTION_F_X_CLOAD',
      /at most 1 m.*in millimetres\?/,
    ],
    [(a) => a.setLoad({ m_load: 1, I_load: diagonal(1700) }), 'OPTION_I_LOAD', /in kg mm\^2/],
    [
      (a) => a.setLoad({ m_load: 1, I_load: [0.01, 0, 0, 0, 0.01, 0, 0, 0, 0.05] }),
      'OPTION_I_LOAD',
      /is 0.05; expected at most 0.02/,
    ],
    [(a) => a.setEE([...UNIT.slice(0, 14), 103.4, 1]), 'OPTION_NE_T_EE', /in millimetres\?/],
    [(a) => a.setEE(SHEARED), 'OPTION_NE_T_EE', /cosine between the axes x and y/],
    [(a) => a.setK(MIRRORED), 'OPTION_EE_T_K', /this one mirrors/],
    [
      (a) => a.setCollisionBehavior(thresholds(20, 1e9)),
      'OPTION_UPPER_TORQUES_NM',
      /is 1000000000; expected a number above 0 to 100 N m/,
    ],
    [
      (a) => a.setCollisionBehavior({ ...thresholds(1, 2), lowerForces: Array(6).fill(0) }),
      'OPTION_LOWER_FORCES',
      /lowerForces\[0\] is 0; expected a number above 0 to 100 N: at 0 the arm takes the noise/,
    ],
    [
      (a) => a.setLoad({ m_load: 1 }, { unchecked: 1 as never }),
      'OPTION_UNCHECKED',
      /true or false/,
    ],
    [(a) => a.setLoad({ m_load: 1 }, { force: true } as never), 'OPTION_UNKNOWN', /"force"/],
    [(a) => a.setLoad({ m_load: -1 }, { unchecked: true }), 'OPTION_M_LOAD', /m_load is -1/],
    [(a) => a.setLoad({ m_load: 1001 }, { unchecked: true }), 'OPTION_M_LOAD', /from 0 to 100 kg/],
    [
      (a) => a.setLoad({ m_load: 1, F_x_Cload: [0, 0, 1e300] }, { unchecked: true }),
      'OPTION_F_X_CLOAD',
      /F_x_Cload\[2\] is 1e300; expected a number from -10 to 10 m/,
    ],
    [
      (a) => a.setLoad({ m_load: 1, I_load: diagonal(1e308) }),
      'OPTION_I_LOAD',
      /I_load\[0\] is 1e308; .*in kg mm\^2/,
    ],
    [
      (a) => a.setCollisionBehavior(thresholds(0.0009000000000000001, 0.0001)),
      'OPTION_UPPER_TORQUES_NM',
      /is 0\.0001; expected a finite number from 0\.0009, /,
    ],
    [(a) => a.setFilters({ ...FILTERS, controllerHz: 0 }), 'OPTION_CONTROLLER_HZ', /1 to 1000 Hz/],
  ];
  for (const [call, code, message] of cases) {
    const error = (await rejection(call(arm))) as OptionRangeError;
    t.true([OptionRangeError, OptionTypeError].some((kind) => (error as unknown) instanceof kind));
    t.is<string, string>(error.code, code, error.message);
    t.regex(error.message, message);
    t.truthy(error.expected);
    t.notRegex(error.message, /1\.79\d*e\+?308|\.\d*0{6,}\d/, error.message);
  }
  const state = await arm.state();
  t.is(state.m_load, 0);
  t.true(distance(UNIT, state.F_T_EE) < 1e-5);
});

test('nothing is set up while a session drives the arm, nor after close', async (t) => {
  await using setup = await setUp();
  const { arm } = setup;
  const session = new Session(arm, () => [0, 0, 0, 0, 0, 0, 0], { warmupS: 0 });
  await session.start();
  const refused = (await rejection(arm.setLoad({ m_load: 1 }))) as RobotError;
  t.is(refused.code, 'FRANKA_INVALID_OPERATION');
  t.regex(refused.message, /stop the session first/);
  await session.stop();
  await arm.setLoad({ m_load: 1 });
  await arm.close();
  const closed = (await rejection(arm.setLoad({ m_load: 0 }))) as RobotError;
  t.is(closed.code, 'FRANKA_INVALID_OPERATION');
});

test('what the arm itself refuses is told, and what is set up does not block this thread', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  simulator.inject({ kind: 'reflex' });
  const refused = (await rejection(arm.setLoad({ m_load: 1 }))) as RobotError;
  t.is(refused.code, 'FRANKA_COMMAND_REJECTED');
  t.regex(refused.message, /[Ss]et [Ll]oad/);
  simulator.inject({ kind: 'freeze' });
  const waiting = arm.setLoad({ m_load: 1 }).then(
    () => 'taken',
    () => 'refused',
  );
  const first = await Promise.race([waiting, Promise.resolve('free')]);
  t.is(first, 'free');
  await simulator.stop();
  t.is(await waiting, 'refused');
});
