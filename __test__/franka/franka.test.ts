import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  Franka,
  type FrankaOptions,
  FrankaSimulator,
  InvalidActionError,
  type KilohertzError,
  type OptionRangeError,
  PolicyError,
  PolicyLateError,
  RobotError,
  RobotState,
  run,
  Session,
  type SessionError,
  type Tick,
} from '../../index.ts';
import {
  ARMS,
  distance,
  isRested,
  ownPlace,
  REST,
  reaching,
  setUp,
  speed,
  turning,
  WALL,
} from '../fixtures/arms.ts';
import { threadsOf } from '../fixtures/processes.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

/** As patient as an arm allows: for tests of something else than lateness. */
const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };
test('an arm is connected to, tells its state, and is not driven', async (t) => {
  await using setup = await setUp();
  const { simulator, arm } = setup;
  const state = await arm.state();
  t.true(state instanceof RobotState);
  t.true(distance(state.q, simulator.joints().q) < 1e-5);
  t.is(state.robot_mode, 'Idle');
  t.deepEqual(state.current_errors, []);
  t.true(arm.serverVersion >= 10);
  t.is(arm.address, simulator.address);
  t.is(arm.control, 'jointVelocity');
  t.false(arm.isDriven);
  t.true((await arm.state()).time > state.time);
});

const CONTROLS = ['jointVelocity', 'jointPosition', 'torque'] as const;
const GENERATIONS = ['fr3', 'fer'] as const;

for (const { generation, client, control } of ARMS.flatMap((arm) =>
  CONTROLS.map((control) => ({ ...arm, control })),
)) {
  test(`${control} moves a ${generation} over ${client} where the policy wants it, and leaves it at rest`, async (t) => {
    await using setup = await setUp(control, { lockstep: true, generation }, client);
    const { simulator, arm, start } = setup;
    t.is(arm.generation, generation);
    t.is(arm.client, client);
    const { policy, target, elapsedS } = reaching(control, start, 1.5);
    const session = new Session(arm, policy, PATIENT);
    const running = session.run();
    await until(() => elapsedS() > 3 || !session.isRunning, 'the arm is there');
    await session.stop();
    const stats = await running;
    t.true(distance(simulator.joints().q, target) < 0.01, `${simulator.joints().q}`);
    t.true(stats.iterations >= 2900);
    t.is(simulator.counters().motionsStarted, 1);
    isRested(t, simulator);
  });
}

for (const { generation, client } of ARMS) {
  test(`a ${generation} over ${client} is recovered from a reflex, which its error names`, async (t) => {
    await using setup = await setUp('jointVelocity', { lockstep: true, generation }, client);
    const { simulator, arm } = setup;
    let pushed = false;
    const policy = (state: RobotState, tick: Tick): number[] => {
      // A policy that is late is not asked in each cycle.
      if (tick.tick >= 100 && !pushed) simulator.inject({ kind: 'reflex', error: 'joint_reflex' });
      pushed = tick.tick >= 100;
      return turning(state, tick);
    };
    const error = (await rejection(run(arm, policy, PATIENT))) as RobotError;
    t.is(error.code, 'FRANKA_REFLEX');
    t.deepEqual(error.errors, ['joint_reflex']);
    t.is(error.moveStatus, 'ReflexAborted');
    await arm.recover();
    t.is((await arm.state()).robot_mode, 'Idle');
  });

  test(`a ${generation} over ${client} that dies or freezes in a motion ends it with an error`, async (t) => {
    for (const kind of ['die', 'freeze'] as const) {
      await using setup = await setUp('jointVelocity', { ...WALL, generation }, client);
      const { simulator, arm } = setup;
      const running = rejection(run(arm, turning, PATIENT));
      await until(() => simulator.counters().commandsReceived > 50, '50 commands');
      simulator.inject({ kind });
      t.is(((await running) as RobotError).code, 'FRANKA_CONNECTION_LOST', kind);
    }
  });
}

for (const generation of GENERATIONS) {
  test(`a ${generation} that is not the arm asked for is refused by both names`, async (t) => {
    await using simulator = await FrankaSimulator.start({ generation });
    const other = generation === 'fr3' ? 'fer' : 'fr3';
    const connecting = Franka.connect(simulator.address, { generation: other });
    const error = (await rejection(connecting)) as RobotError;
    t.true(error instanceof RobotError);
    t.is(error.code, 'FRANKA_GENERATION');
    t.regex(error.message, /fr3.*fer|fer.*fr3/);
    t.regex(error.message, /version 5.*version 10|version 10.*version 5/);
    await using arm = await Franka.connect(simulator.address, { generation });
    t.is(arm.serverVersion, generation === 'fr3' ? 10 : 5);
  });
}

test('libfranka-rs is refused where it cannot go, before or upon connecting', async (t) => {
  const client = 'libfranka-rs';
  const pinned = await rejection(Franka.connect('127.0.0.1', { client, generation: 'fr3' }));
  t.is((pinned as OptionRangeError).code, 'OPTION_CLIENT');
  const unknown = { client: 'pylibfranka' } as unknown as FrankaOptions;
  t.regex(
    ((await rejection(Franka.connect('127.0.0.1', unknown))) as Error).message,
    /libfranka-rs/,
  );
  const elsewhere = (await rejection(Franka.connect('127.0.0.1:4711', { client }))) as RobotError;
  t.is(elsewhere.code, 'FRANKA_CLIENT');
  t.regex(elsewhere.message, /port 1337.*127\.0\.0\.1:4711/);
  await using simulator = await FrankaSimulator.start({ ...ownPlace(), generation: 'fr3' });
  const other = (await rejection(Franka.connect(simulator.address, { client }))) as RobotError;
  t.is(other.code, 'FRANKA_GENERATION');
});

test('a generation that does not exist is refused before anything is connected', async (t) => {
  for (const generation of ['panda', '', 5, null]) {
    const options = { generation } as unknown as FrankaOptions;
    for (const starting of [
      Franka.connect('127.0.0.1:1', options),
      FrankaSimulator.start(options),
    ]) {
      const error = (await rejection(starting)) as OptionRangeError;
      t.is(error.code, 'OPTION_GENERATION');
      t.is(error.received, generation);
      t.regex(error.message, /'fr3', 'fer'/);
    }
  }
});

test('a policy sees views that each cycle refreshes; a copy stays as it was', async (t) => {
  await using setup = await setUp();
  const { arm } = setup;
  const seen: { state: RobotState; q: Float64Array; time: number; copy: RobotState }[] = [];
  const policy = (state: RobotState, tick: Tick): number[] => {
    const { q, time } = state;
    seen.push({ state, q, time, copy: state.copy() });
    return turning(state, tick);
  };
  const session = new Session(arm, policy, PATIENT);
  const running = session.run();
  await until(() => seen.length > 400 || !session.isRunning, '400 cycles');
  await session.stop();
  await running;
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last) return t.fail();
  t.is(first.state, last.state);
  t.is(first.q, last.q, 'the same view');
  t.true(distance(first.q, last.copy.q) < 1e-9, 'it shows the newest state');
  t.true((last.copy.q[0] ?? 0) - (first.copy.q[0] ?? 0) > 0.01, 'the copy shows its own');
  t.is(first.copy.time, first.time);
  const times = seen.map(({ time }) => time);
  t.true(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0)));
});

interface Wrong {
  readonly what: string;
  readonly answer: (state: RobotState) => unknown;
  readonly Class: typeof InvalidActionError | typeof PolicyError;
  readonly code: string;
  readonly message: RegExp;
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);
const cause = new Error('lost the plot');

function wrong(
  what: string,
  answer: () => unknown,
  code: string,
  message: RegExp,
  Class: Wrong['Class'] = InvalidActionError,
): Wrong {
  return { what, answer, Class, code, message };
}

const WRONG: readonly Wrong[] = [
  wrong('too few numbers', () => zeros(6), 'ACTION_LENGTH', /Array of length 6.*of 7 numbers/),
  wrong('too many', () => new Float64Array(8), 'ACTION_LENGTH', /Float64Array of length 8/),
  wrong(
    'null',
    () => null,
    'ACTION_TYPE',
    /returned null; .*Return undefined where there is nothing/,
  ),
  wrong('a number', () => 0, 'ACTION_TYPE', /returned 0; expected an array/),
  wrong('an object', () => ({ q: zeros(7) }), 'ACTION_TYPE', /an object of Object/),
  wrong('a text', () => '0000000', 'ACTION_TYPE', /returned "0000000"; .* of 7 numbers/),
  wrong('NaN', () => [0, 0, 0, Number.NaN, 0, 0, 0], 'ACTION_NOT_FINITE', /dq\[3\] is NaN/),
  wrong(
    'an infinite number',
    () => new Float32Array([0, 0, 0, 0, 0, 0, Number.POSITIVE_INFINITY]),
    'ACTION_NOT_FINITE',
    /dq\[6\] is Infinity/,
  ),
  wrong(
    'a speed beyond the limit',
    () => [0, 0, 5, 0, 0, 0, 0],
    'ACTION_LIMIT',
    /dq\[2\] = 5 rad\/s means a velocity of 5 rad\/s \(limit \d.*rad\/s\)/,
  ),
  wrong(
    'a jump beyond the limit',
    () => [1.2, 0, 0, 0, 0, 0, 0],
    'ACTION_LIMIT',
    /dq\[0\] = 1\.2 rad\/s means an acceleration of .* \(limit /,
  ),
  wrong(
    'an error thrown',
    () => {
      throw cause;
    },
    'POLICY_THREW',
    /Error: lost the plot/,
    PolicyError,
  ),
  wrong(
    'an error promised',
    () => Promise.reject(cause),
    'POLICY_THREW',
    /Error: lost the plot/,
    PolicyError,
  ),
  wrong(
    'a promise of too few numbers',
    () => Promise.resolve(zeros(6)),
    'ACTION_LENGTH',
    /Array of length 6/,
  ),
];

for (const { what, answer, Class, code, message } of WRONG) {
  test(`${what} in mid-motion ends the session, with the arm at rest before`, async (t) => {
    await using setup = await setUp();
    const { simulator, arm, start } = setup;
    let calls = 0;
    let wrongCall = 0;
    let answeredAt = 0;
    let speedWhenTold = Number.NaN;
    const policy = (state: RobotState, tick: Tick): number[] => {
      calls += 1;
      if (calls <= 250) return turning(state, tick);
      wrongCall = calls;
      answeredAt = tick.tick;
      return answer(state) as number[];
    };
    const session = new Session(arm, policy, PATIENT);
    session.on('error', () => {
      speedWhenTold = speed(simulator);
    });
    const error = (await rejection(session.run())) as SessionError;
    t.true(error instanceof Class, `${error}`);
    t.is<string, string>(error.code, code);
    t.regex(error.message, message);
    t.true((error.tick ?? 0) >= answeredAt && (error.tick ?? 0) <= answeredAt + 50);
    t.true(calls <= wrongCall + 1, 'asked again at most for an observation that was on its way');
    t.true(calls <= 252);
    t.true(speedWhenTold < REST);
    t.true((simulator.joints().q[0] ?? 0) - (start[0] ?? 0) > 0.005, 'it had moved');
    isRested(t, simulator);
    t.is(
      t.throws(() => session.checkHealth()),
      error,
    );
    if (error instanceof PolicyError) t.is(error.cause, cause);
    if (error instanceof InvalidActionError) t.true(error.expected.length > 0);
    const states = error.lastStates;
    t.true(states.length > 10);
    t.true(states.every(({ state }) => state instanceof RobotState));
    t.true(
      states.every(({ tick }, index) => index === 0 || tick === (states[index - 1]?.tick ?? 0) + 1),
    );
    t.is(states.at(-1)?.tick, error.tick, 'the newest is that of the failure');
    const times = states.map(({ state }) => state.time);
    t.true(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0)));
    // The arm went on a little while it braked.
    t.true(distance(states.at(-1)?.state.q ?? [], simulator.joints().q) < 0.2);
    t.false(arm.isDriven);
  });
}

test('a torque or a position beyond its limit is refused in its own unit', async (t) => {
  for (const [control, action, message] of [
    [
      'torque',
      [0, 0, 0, 0, 13, 0, 0],
      /tau_J\[4\] = 13 N m means a torque of 13 N m \(limit 12 N m/,
    ],
    ['torque', [0, 20, 0, 0, 0, 0, 0], /tau_J\[1\] = 20 N m means a torque rate of .* N m\/s/],
    ['jointPosition', [9, 0, 0, 0, 0, 0, 0], /q\[0\] = 9 rad means a position of 9 rad/],
    ['jointPosition', [0.1, -0.78, 0, -2.35, 0, 1.57, 0.78], /q\[0\] = 0\.1 rad means a velocity/],
  ] as const) {
    await using setup = await setUp(control);
    const still = control === 'torque' ? new Array<number>(7).fill(0) : setup.start;
    const policy = (_: RobotState, { tick }: Tick): ArrayLike<number> =>
      tick >= 19 ? action : still;
    const error = await rejection(run(setup.arm, policy, PATIENT));
    t.true(error instanceof InvalidActionError);
    t.is((error as InvalidActionError).code, 'ACTION_LIMIT');
    t.regex((error as InvalidActionError).message, message);
    isRested(t, setup.simulator);
  }
});

test('after an error the same arm takes the next session', async (t) => {
  await using setup = await setUp();
  const { simulator, arm } = setup;
  t.true((await rejection(run(arm, () => [] as number[], PATIENT))) instanceof InvalidActionError);
  const stats = await run(arm, turning, { ...PATIENT, durationS: 0.05 });
  t.true(stats.iterations >= 1);
  t.is(simulator.counters().motionsFinished, 2);
  isRested(t, simulator);
});

test('an event loop blocked for 300 ms in mid-motion costs no command, and the arm gets where it should', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm, start } = setup;
  const { policy, target } = reaching('jointVelocity', start, 1.2);
  const session = new Session(arm, policy);
  const told: { kind: string; tick: number }[] = [];
  for (const kind of ['held', 'resting', 'resumed'] as const) {
    session.on(kind, ({ tick }) => void told.push({ kind, tick }));
  }
  let from = 0;
  let to = 0;
  let lost = 0;
  session.once('start', () => {
    setTimeout(() => {
      lost = simulator.counters().commandsLost;
      from = session.stepCount;
      block(300);
      to = session.stepCount;
      lost = simulator.counters().commandsLost - lost;
    }, 600);
  });
  const stats = await session.run({ durationS: 3.5 });
  t.true(to - from >= 150, `${to - from} cycles while the event loop was blocked`);
  t.true(lost < 150, `${lost} commands lost to the block`);
  t.true(simulator.counters().longestLostRun < 150);
  t.true(stats.heldCommands >= 20);
  t.true(stats.restCommands >= 100);
  const resting = told.findIndex(
    ({ kind, tick }) => kind === 'resting' && tick >= from && tick <= to,
  );
  t.true(resting > 0, JSON.stringify(told));
  t.is(told[resting - 1]?.kind, 'held');
  t.true(told.slice(resting).some(({ kind }) => kind === 'resumed'));
  t.true(distance(simulator.joints().q, target) < 0.01);
  isRested(t, simulator);
});

test('a run over a robot clock ends in time although the event loop is blocked at its end', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, { warmupS: 0, recordTicks: 10_000 });
  session.once('start', () => void setTimeout(() => block(600), 300));
  await session.run({ durationS: 0.5 });
  const records = session.takeRecords();
  const lastedS = records.at(-1)?.timeS ?? 0;
  // Coming to rest takes up to a fifth of a second more.
  t.true(lastedS >= 0.49 && lastedS <= 0.75, `${lastedS} s`);
  const moving = records.filter(({ kind }) => kind === 'fresh' || kind === 'followed');
  t.true(moving.every(({ timeS }) => timeS < 0.5));
  isRested(t, setup.simulator);
});

test('with onLate stop a blocked event loop ends the session, with the arm at rest', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const options = { warmupS: 0, onLate: 'stop', maxHeldTicks: 100 } as const;
  const session = new Session(arm, turning, options);
  const resting = once(session, 'start').then(async () => {
    await sleep(300);
    block(400);
  });
  const error = (await rejection(session.run())) as PolicyLateError;
  await resting;
  t.true(error instanceof PolicyLateError);
  t.is(error.code, 'POLICY_LATE');
  t.regex(error.message, /no action for 101 cycles \(101 ms\) in cycle \d+; 100 are allowed/);
  t.true((error.tick ?? 0) > 100);
  t.true(error.lastStates.length > 0);
  t.true(session.stats.heldCommands >= 100);
  isRested(t, simulator);
});

test('a policy that never answers again leaves the arm at rest, and stop() ends the session', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  let answer = (_: number[]): void => undefined;
  const policy = (state: RobotState, tick: Tick): number[] | Promise<number[]> =>
    tick.tick < 200
      ? turning(state, tick)
      : new Promise((resolve) => {
          answer = resolve;
        });
  const session = new Session(arm, policy, { warmupS: 0 });
  const rested = once(session, 'resting');
  await session.start();
  await rested;
  await until(() => speed(simulator) < REST, 'rest');
  t.true(session.isRunning);
  await session.stop();
  answer([0.2, 0, 0, 0, 0, 0, 0]);
  const { commandsReceived } = simulator.counters();
  await sleep(100);
  t.is(simulator.counters().commandsReceived, commandsReceived, 'nothing is sent after the end');
  isRested(t, simulator);
});

test('a policy that answers with promises drives the arm', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm, start } = setup;
  const { policy, target } = reaching('jointVelocity', start, 1);
  const later = async (state: RobotState): Promise<number[]> => {
    await new Promise(setImmediate);
    return policy(state);
  };
  const stats = await run(arm, later, { ...PATIENT, durationS: 3 });
  t.true(distance(simulator.joints().q, target) < 0.01);
  // A stalled machine stalls the simulated arm as well.
  const { missedTicks } = simulator.counters();
  t.true(stats.iterations + stats.missedTicks + missedTicks >= 2900);
  isRested(t, simulator);
});

test('a policy slower than the deadline is late every cycle, and followed within the limits', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const slow = async (_: RobotState, { timeS }: Tick): Promise<number[]> => {
    await sleep(5);
    return [Math.min(0.1, timeS), 0, 0, 0, 0, 0, 0];
  };
  const stats = await run(arm, slow, { warmupS: 0, durationS: 1, maxHeldTicks: 200 });
  t.true(stats.lateActions >= 0.8 * stats.iterations);
  t.true(stats.heldCommands >= 0.5 * stats.iterations);
  t.true(stats.overruns <= 0.1 * stats.iterations);
  t.true((simulator.joints().q[0] ?? 0) > 0.03, 'the arm moved all the same');
  isRested(t, simulator);
});

test('a reflex ends the session with the names of the robot; after recover() it runs again', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  session.once('start', () => {
    setTimeout(() => simulator.inject({ kind: 'reflex', error: 'cartesian_reflex' }), 100);
  });
  const error = (await rejection(session.run())) as RobotError;
  t.true(error instanceof RobotError);
  t.is(error.code, 'FRANKA_REFLEX');
  t.deepEqual(error.errors, ['cartesian_reflex']);
  t.is(error.moveStatus, 'ReflexAborted');
  t.regex(error.message, /recover\(\)/);
  t.true(error.lastStates.length > 10);
  t.true((error.tick ?? 0) > 10);
  await until(() => speed(simulator) < REST, 'the arm brakes');
  const state = await arm.state();
  t.is(state.robot_mode, 'Reflex');
  t.deepEqual(state.current_errors, ['cartesian_reflex']);
  t.deepEqual(state.last_motion_errors, ['cartesian_reflex']);

  const refused = (await rejection(run(arm, turning, { warmupS: 0 }))) as KilohertzError;
  t.true(refused instanceof RobotError);
  await arm.recover();
  t.is((await arm.state()).robot_mode, 'Idle');
  const stats = await session.run({ durationS: 0.2 });
  t.true(stats.iterations > 50);
  t.notThrows(() => session.checkHealth());
  t.is(simulator.counters().motionsFinished, 1);
});

test('start() rejects with why the arm does not move, and tells it once', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  simulator.inject({ kind: 'reflex' });
  await until(() => simulator.counters().reflexes === 1, 'the reflex');
  const warnings: Error[] = [];
  const listen = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listen);
  const session = new Session(arm, turning, { warmupS: 0 });
  const error = await rejection(session.start());
  await sleep(50);
  process.off('warning', listen);
  t.true(error instanceof RobotError, `${error}`);
  t.deepEqual(warnings, []);
  t.false(session.isRunning);
  t.false(arm.isDriven);
});

test('a pressed user stop ends the session with an error, and released the arm runs again', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  session.once('start', () => {
    setTimeout(() => simulator.inject({ kind: 'userStop', pressed: true }), 100);
  });
  const error = await rejection(session.run());
  t.true(error instanceof RobotError, `${error}`);
  t.true((error as RobotError).code.startsWith('FRANKA_'));
  await until(() => speed(simulator) < REST, 'the arm brakes');
  t.is((await arm.state()).robot_mode, 'UserStopped');
  simulator.inject({ kind: 'userStop', pressed: false });
  await sleep(50);
  t.true((await session.run({ durationS: 0.1 })).iterations > 20);
});

for (const kind of ['die', 'freeze'] as const) {
  test(`an arm that is gone in mid-motion (${kind}) ends the session with a lost connection`, async (t) => {
    const simulator = await FrankaSimulator.start(WALL);
    const arm = await Franka.connect(simulator.address);
    const session = new Session(arm, turning, { warmupS: 0 });
    session.once('start', () => void setTimeout(() => simulator.inject({ kind }), 100));
    const started = performance.now();
    const error = (await rejection(session.run())) as RobotError;
    t.true(performance.now() - started < 20_000, 'it does not hang');
    t.true(error instanceof RobotError);
    t.is(error.code, 'FRANKA_CONNECTION_LOST');
    t.true(error.lastStates.length > 10);
    t.false(session.isRunning);
    await session.stop();
    t.true((await rejection(arm.state())) instanceof RobotError);
    await arm.close();
    await simulator.stop();
  });
}

test('lost states and commands within the limit are survived', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  session.once('start', () => {
    setTimeout(() => simulator.inject({ kind: 'dropStates', count: 8 }), 100);
    setTimeout(() => simulator.inject({ kind: 'dropCommands', count: 8 }), 200);
    setTimeout(() => simulator.inject({ kind: 'delayStates', count: 5, byS: 0.003 }), 300);
    setTimeout(() => simulator.inject({ kind: 'delayCommands', count: 5, byS: 0.003 }), 400);
  });
  const stats = await session.run({ durationS: 0.7 });
  const { statesDropped, commandsDropped, statesDelayed, commandsDelayed } = simulator.counters();
  t.deepEqual([statesDropped, commandsDropped, statesDelayed, commandsDelayed], [8, 8, 5, 5]);
  t.true(stats.missedTicks >= 7, 'states that did not come are counted');
  isRested(t, simulator);
});

test('a run of lost commands beyond the limit is a reflex with its name', async (t) => {
  await using setup = await setUp('jointVelocity', {});
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  session.once('start', () => {
    setTimeout(() => simulator.inject({ kind: 'dropCommands', count: 40 }), 100);
  });
  const error = (await rejection(session.run())) as RobotError;
  t.is(error.code, 'FRANKA_REFLEX');
  t.deepEqual(error.errors, ['communication_constraints_violation']);
});

test('a refused connection, a wrong version and an unknown host have their codes', async (t) => {
  const odd = (await rejection(Franka.connect('no\u001b[2J\nhost:5'))) as OptionRangeError;
  t.is(odd.code, 'OPTION_ADDRESS');
  t.regex(odd.message, /^[ -~]*no\\u001b\[2J\\nhost[ -~]*$/);
  const closed = await listening();
  const { address } = closed;
  await closed.close();
  const code = async (connecting: Promise<Franka>): Promise<string> =>
    ((await rejection(connecting)) as RobotError).code;
  t.is(await code(Franka.connect(address)), 'FRANKA_CONNECT_REFUSED');

  await using simulator = await FrankaSimulator.start();
  simulator.inject({ kind: 'rejectConnect', version: 5 });
  const error = (await rejection(Franka.connect(simulator.address))) as RobotError;
  t.is(error.code, 'FRANKA_INCOMPATIBLE_VERSION');
  t.regex(error.message, /version 5/);
  await (await Franka.connect(simulator.address)).close();

  const unknown = Franka.connect('no-such-arm.invalid', { timeoutS: 5 });
  t.regex(await code(unknown), /^FRANKA_CONNECT_(FAILED|TIMEOUT)$/);
});

interface Listening {
  readonly address: string;
  close(): Promise<void>;
}

/** A TCP server that takes connections and says `greeting`, or nothing. */
async function listening(greeting?: Uint8Array): Promise<Listening> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    if (greeting) socket.write(greeting);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    address: `127.0.0.1:${port}`,
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a server that says nothing is given up after the timeout', async (t) => {
  const silent = await listening();
  const started = performance.now();
  const error = (await rejection(Franka.connect(silent.address, { timeoutS: 0.5 }))) as RobotError;
  const took = performance.now() - started;
  t.true(took >= 499 && took < 5_000, `${took} ms`);
  t.true(error instanceof RobotError);
  t.is(error.code, 'FRANKA_CONNECT_TIMEOUT');
  await silent.close();
});

test('a server that says something else is no arm', async (t) => {
  const other = await listening(new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const error = (await rejection(Franka.connect(other.address, { timeoutS: 2 }))) as RobotError;
  t.true(error instanceof RobotError);
  t.true(error.code.startsWith('FRANKA_'));
  await other.close();
});

test('while a session drives the arm nothing else may', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  await using session = new Session(arm, turning, { warmupS: 0 });
  await session.start();
  t.true(arm.isDriven);
  for (const refused of [
    run(arm, turning, { warmupS: 0 }),
    new Session(arm, turning, { warmupS: 0 }).start(),
    arm.recover(),
  ]) {
    const error = (await rejection(refused)) as RobotError;
    t.is(error.code, 'FRANKA_INVALID_OPERATION');
    t.regex(error.message, /session drives the arm/);
  }
  const steps = session.stepCount;
  await until(() => session.stepCount > steps + 10, 'the first session goes on');
  await session.stop();
  t.false(arm.isDriven);
  t.is(simulator.counters().motionsStarted, 1);
  isRested(t, simulator);
});

test('a closed arm refuses everything', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { simulator, arm } = setup;
  const session = new Session(arm, turning, { warmupS: 0 });
  await session.start();
  await arm.close();
  isRested(t, simulator);
  for (const refused of [
    () => arm.state(),
    () => arm.recover(),
    () => session.start(),
    () => session.run(),
  ]) {
    const error = (await rejection(refused())) as RobotError;
    t.is(error.code, 'FRANKA_INVALID_OPERATION');
    t.regex(error.message, /closed: connect again/);
  }
  t.false(session.isRunning);
  await (await Franka.connect(simulator.address)).close();
});

test('records hold what the arm was commanded in each cycle', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, turning, { warmupS: 0, recordTicks: 5000 });
  const stats = await session.run({ durationS: 0.5 });
  const records = session.takeRecords();
  t.is(records.length, stats.iterations);
  t.true(records.every(({ action }) => action.length === 7));
  t.true(Math.max(...records.map(({ action }) => action[0] ?? 0)) > 0.1);
  t.is(records.at(-1)?.kind, 'rest');
  t.true(Math.abs(records.at(-1)?.action[0] ?? 1) < 1e-3);
  const held = records.filter(({ kind }) => kind === 'held').length;
  const rest = records.filter(({ kind }) => kind === 'rest').length;
  t.is(held, stats.heldCommands);
  t.is(rest, stats.restCommands);
});

/** The scheduling of this process's threads of a name, which the kernel cuts off. */
function threadsNamed(wanted: string): { policy: number; priority: number }[] {
  return threadsOf('self')
    .filter(({ name }) => wanted.startsWith(name) && name.length > 10)
    .map(({ scheduler, priority }) => ({ policy: scheduler, priority }));
}

const loopThreads = () => threadsNamed('kilohertz-loop');

test('what the session says of its thread is what the system says', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  for (const priority of [80, 30]) {
    const session = new Session(setup.arm, turning, { warmupS: 0, realtime: { priority } });
    await session.start();
    const granted = session.realtime?.priority;
    t.is(granted?.asked, priority);
    const expected = granted?.granted ? { policy: 1, priority } : { policy: 0, priority: 0 };
    t.deepEqual(loopThreads(), [expected]);
    t.is(granted?.reason === undefined, granted?.granted === true);
    await session.stop();
    t.deepEqual(loopThreads(), []);
  }
});

test('a session that asks for nothing gets nothing, and one that asks too much is told why not', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const plain = new Session(setup.arm, turning, { warmupS: 0, realtime: false });
  await plain.start();
  const { realtime } = plain;
  for (const grant of [
    realtime?.priority,
    realtime?.cpu,
    realtime?.lockMemory,
    realtime?.timerSlackS,
    realtime?.idleLatencyUs,
  ]) {
    t.deepEqual(grant, { asked: undefined, granted: false, reason: undefined });
  }
  t.deepEqual(loopThreads(), [{ policy: 0, priority: 0 }]);
  t.like(realtime?.keepAwake, { asked: false, threads: 0, wakeUs: undefined });
  t.deepEqual(threadsNamed('kilohertz-awake'), []);
  await plain.stop();

  const greedy = new Session(setup.arm, turning, { warmupS: 0, realtime: { cpu: 1000 } });
  await greedy.start();
  t.is(greedy.realtime?.cpu.asked, 1000);
  t.false(greedy.realtime?.cpu.granted);
  t.true((greedy.realtime?.cpu.reason ?? '').length > 10);
  await greedy.stop();
});

test('cores are kept awake the way that was asked for, and no longer than the session', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  for (const keepAwake of ['auto', 'threads', 'idleStates', false] as const) {
    const realtime = { keepAwake, keepAwakeCores: 2 };
    const session = new Session(setup.arm, turning, { warmupS: 0, realtime });
    await session.start();
    const { keepAwake: kept, idleLatencyUs } = session.realtime ?? {};
    t.is(kept?.asked, keepAwake);
    t.true((kept?.reason ?? '').length > 10, kept?.reason);
    const threads = threadsNamed('kilohertz-awake');
    t.is(threads.length, kept?.threads ?? -1);
    if (keepAwake === 'threads') {
      t.is(threads.length, 2);
      t.true(threads.every(({ policy }) => policy === 0 || policy === 5));
    }
    const isHeld = idleLatencyUs?.granted === true;
    t.is(idleLatencyUs?.asked, keepAwake === 'auto' || keepAwake === 'idleStates' ? 0 : undefined);
    t.is(openFiles('/dev/cpu_dma_latency'), isHeld ? 1 : 0);
    t.is(kept?.wakeUs === undefined, keepAwake !== 'auto');
    await session.stop();
    t.deepEqual(threadsNamed('kilohertz-awake'), []);
    t.is(openFiles('/dev/cpu_dma_latency'), 0);
  }
});

/** How many descriptors of this process are open on a file. */
function openFiles(path: string): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the one that listed them
    }
  });
  return links.filter((link) => link === path).length;
}
