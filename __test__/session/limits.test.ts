import test from 'ava';
import {
  Franka,
  FrankaSimulator,
  InvalidActionError,
  OptionRangeError,
  OptionTypeError,
  type RobotState,
  run,
  Session,
  type SessionOptions,
  type Tick,
} from '../../index.ts';
import { REST, setUp, speed, turning } from '../fixtures/arms.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };

test('a clamped step is followed within the limits, counted by kind, and described', async (t) => {
  await using setup = await setUp();
  const { simulator, arm } = setup;
  const toAndFro = (_: RobotState, { tick }: Tick): number[] => {
    const step = Math.floor(tick / 100) % 2 === 0 ? 0.4 : -0.4;
    return [0, 0, tick < 100 ? 0 : step, 0, 0, 0, 0];
  };
  const session = new Session(arm, toAndFro, { ...PATIENT, limits: 'clamp' });
  const running = session.run();
  await until(() => session.stepCount > 2000 || !session.isRunning, '2000 cycles');
  await session.stop();
  const stats = await running;
  t.is(simulator.counters().reflexes, 0);
  t.true(speed(simulator) < REST);
  t.true(stats.clampedCommands > 10);
  t.true(stats.accelerationViolations > 10);
  t.true(stats.jerkViolations > 10);
  t.is(stats.velocityViolations, 0);
  t.is(stats.positionViolations, 0);
  t.is(stats.distanceViolations, 0);
  t.regex(
    stats.firstViolation ?? '',
    /^cycle \d+: joint 3, dq\[2\] = -?0\.4 rad\/s means an acceleration of -?\d+ rad\/s\^2 \(limit -?9\.999 rad\/s\^2\)$/,
  );
});

test('a target beyond the range of a joint is answered with the range', async (t) => {
  for (const control of ['jointTarget', 'jointPosition'] as const) {
    await using setup = await setUp(control);
    const beyond = ({ q_d }: RobotState): number[] => [3.5, ...q_d.slice(1)];
    const error = (await rejection(run(setup.arm, beyond, PATIENT))) as InvalidActionError;
    t.is(error.code, 'ACTION_LIMIT');
    t.regex(error.message, /joint 1, q\[0\] = 3\.5 rad means a position of 3\.5 rad \(limit /);
    t.regex(error.message, /within the range of the joint.*limits: \{ position: 'clamp' \}/);
    t.notRegex(error.message, /smaller steps/);
  }
});

test('a kind that stops ends the session where the others are clamped, and says how to go on', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  const step = (_: RobotState, { tick }: Tick): number[] => {
    const half = Math.floor(tick / 100) % 2 === 0 ? 0.25 : -0.25;
    return [tick < 100 ? 0 : half, 0, 0, 0, 0, 0, 0];
  };
  const session = new Session(arm, step, { ...PATIENT, limits: { acceleration: 'clamp' } });
  const error = (await rejection(session.run())) as InvalidActionError;
  t.true(error instanceof InvalidActionError);
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(error.message, /joint 1, dq\[0\] = -?0\.25 rad\/s means a jerk of .* rad\/s\^3 \(limit /);
  t.regex(error.message, /limits: \{ jerk: 'clamp' \}/);
  t.regex(error.expected, /^a jerk up to \d+ rad\/s\^3$/);
  t.true(session.stats.jerkViolations >= 1);
  t.true(session.stats.accelerationViolations >= 1);
  t.regex(session.stats.firstViolation ?? '', /an acceleration of/);
  t.is(simulator.counters().reflexes, 0);
});

test('limitRate slows down what changes too fast, and leaves the other limits as they are', async (t) => {
  const step = (_: RobotState, { tick }: Tick): number[] => {
    const half = Math.floor(tick / 100) % 2 === 0 ? 0.25 : -0.25;
    return [tick < 100 ? 0 : half, 0, 0, 0, 0, 0, 0];
  };
  await using setup = await setUp();
  const { arm, simulator } = setup;
  const session = new Session(arm, step, { ...PATIENT, limitRate: true });
  const running = session.run();
  await until(() => session.stepCount > 1000 || !session.isRunning, '1000 cycles');
  await session.stop();
  const stats = await running;
  t.true(stats.accelerationViolations > 5 && stats.jerkViolations > 5);
  t.is(simulator.counters().reflexes, 0);

  const named = { limitRate: true, limits: { jerk: 'stop' } } as const;
  const error = (await rejection(
    new Session(arm, step, { ...PATIENT, ...named }).run(),
  )) as InvalidActionError;
  t.regex(error.message, /means a jerk of/);

  await using positions = await setUp('jointPosition');
  const far = (): number[] => [0, 0, 0, 1, 0, 0, 0];
  const refused = (await rejection(
    new Session(positions.arm, far, { ...PATIENT, limitRate: true }).run(),
  )) as InvalidActionError;
  t.regex(refused.message, /means a position of/);
});

test('limitRate is a boolean, for arms, and not beside what contradicts it', async (t) => {
  await using setup = await setUp();
  const wrong = [
    [{ limitRate: 1 as unknown as boolean }, /limitRate is 1; expected true or false/],
    [{ limitRate: true, limits: 'stop' }, /nothing beside limits: 'stop'/],
  ] as const;
  for (const [options, message] of wrong) {
    const make = (): unknown => new Session(setup.arm, () => undefined, options);
    const error = t.throws(make, { instanceOf: OptionTypeError, message });
    t.is((error as OptionTypeError).code, 'OPTION_LIMIT_RATE');
  }
  t.notThrows(() => new Session(setup.arm, () => undefined, { limitRate: true, limits: 'clamp' }));
  const scribe = (): unknown => new Session(new Scribe(), () => 1, { limitRate: true });
  t.throws(scribe, { instanceOf: OptionTypeError, message: /no limits are known/ });
});

test('driven against the end of a joint, a clamped arm comes to rest before it', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  let last: number[] = [];
  let speedNow = 0;
  let elapsedS = 0;
  const session = new Session(
    arm,
    (state, { timeS }) => {
      last = Array.from(state.q_d);
      speedNow = Math.max(...state.dq_d.map(Math.abs));
      elapsedS = timeS;
      return [0, 0, 0, 9, 9, 0, 0];
    },
    { ...PATIENT, limits: 'clamp' },
  );
  const running = session.run();
  await until(() => elapsedS > 4 || !session.isRunning, 'four seconds');
  await session.stop();
  const stats = await running;
  t.is(simulator.counters().reflexes, 0);
  const [, , , fourth = 0, fifth = 0] = last;
  t.true(fourth < -0.1458 && fourth > -0.17, `${fourth}`);
  t.true(fifth < 2.8101 && fifth > 2.79, `${fifth}`);
  t.true(speedNow < 0.01);
  t.true(stats.velocityViolations > 100);
});

test('a torque beyond its limits is clamped to it', async (t) => {
  await using setup = await setUp('torque');
  const { arm, simulator } = setup;
  let largest = 0;
  const session = new Session(
    arm,
    (state, { tick }) => {
      largest = Math.max(largest, Math.abs(state.tau_J_d[6] ?? 0));
      return [0, 0, 0, 0, 0, 0, tick % 40 < 20 ? 1.2 : -1.2];
    },
    { ...PATIENT, limits: { torqueRate: 'clamp' } },
  );
  const running = session.run();
  await until(() => session.stepCount > 500 || !session.isRunning, '500 cycles');
  await session.stop();
  const stats = await running;
  t.is(simulator.counters().reflexes, 0);
  t.true(stats.torqueRateViolations > 10);
  t.is(stats.torqueViolations, 0);
  t.true(largest <= 1.2 + 1e-3 && largest > 0.9, `${largest}`);
});

test('an arm that is too far from its command is told by name', async (t) => {
  await using setup = await setUp();
  const limits = { maxDistanceRad: 1e-7 };
  const error = (await rejection(
    run(setup.arm, turning, { ...PATIENT, limits, durationS: 5 }),
  )) as InvalidActionError;
  t.is(error.code, 'ACTION_LIMIT');
  t.regex(error.message, /the command for joint \d is .* rad ahead of the arm \(limit 1e-7 rad\)/);
  t.regex(error.message, /maxDistanceRad/);
});

test('wrong limits are refused before anything moves', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using arm = await Franka.connect(simulator.address);
  const wrong: readonly [unknown, typeof OptionRangeError | typeof OptionTypeError, string][] = [
    ['ignore', OptionRangeError, 'OPTION_LIMITS'],
    [5, OptionTypeError, 'OPTION_TYPE'],
    [null, OptionTypeError, 'OPTION_TYPE'],
    [{ speed: 'stop' }, OptionTypeError, 'OPTION_UNKNOWN'],
    [{ jerk: 'limit' }, OptionRangeError, 'OPTION_LIMITS_JERK'],
    [{ torqueRate: false }, OptionTypeError, 'OPTION_LIMITS_TORQUE_RATE'],
    [{ maxDistanceRad: 0 }, OptionRangeError, 'OPTION_LIMITS_MAX_DISTANCE_RAD'],
    [{ maxDistanceRad: Number.NaN }, OptionRangeError, 'OPTION_LIMITS_MAX_DISTANCE_RAD'],
    [{ maxDistanceRad: '0.1' }, OptionTypeError, 'OPTION_LIMITS_MAX_DISTANCE_RAD'],
  ];
  for (const [limits, instanceOf, code] of wrong) {
    const options = { limits } as SessionOptions;
    t.throws(() => new Session(arm, turning, options), { instanceOf, code }, String(limits));
  }
  t.is(simulator.counters().motionsStarted, 0);
  t.throws(() => new Session(new Scribe(), () => 1, { limits: 'clamp' }), {
    instanceOf: OptionTypeError,
    code: 'OPTION_LIMITS',
  });
});
