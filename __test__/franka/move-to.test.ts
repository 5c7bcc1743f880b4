import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { promisify } from 'node:util';
import test from 'ava';
import {
  Franka,
  type MoveOptions,
  type MoveProgress,
  OptionRangeError,
  OptionTypeError,
  RobotError,
  Session,
} from '../../index.ts';
import { ARMS, distance, isRested, REST, setUp, speed, turning, WALL } from '../fixtures/arms.ts';
import { abortReason, rejection, rejections, until } from '../fixtures/waiting.ts';

/** libfranka's ready pose [rad]. */
const HOME = [0, -Math.PI / 4, 0, (-3 * Math.PI) / 4, 0, Math.PI / 2, Math.PI / 4];
const PLACE = [0.4, -0.5, 0.2, -2.0, 0.1, 1.8, 0.5];
/** As patient as an arm allows: for tests of something else than lateness. */
const PATIENT = { warmupS: 0, deadlineS: 0.9e-3 };

for (const { generation, client } of ARMS) {
  const LOCKSTEP = { generation, lockstep: true } as const;

  test(`a ${generation} over ${client} moves to joint positions, to a pose, and home`, async (t) => {
    await using setup = await setUp('torque', LOCKSTEP, client);
    const { arm, simulator } = setup;
    const stats = await arm.moveTo(PLACE, { speed: 0.5 });
    t.true(distance(simulator.joints().q, PLACE) < 5e-3, `${simulator.joints().q}`);
    t.true(stats.iterations > 300);
    t.false(arm.isDriven);

    const pose = (await arm.state()).O_T_EE_d.slice();
    pose[14] = (pose[14] as number) - 0.1;
    await arm.moveTo(pose, { speed: 0.5 });
    t.true(distance((await arm.state()).O_T_EE_d, pose) < 1e-4);

    await arm.home({ speed: 0.5 });
    t.true(distance(simulator.joints().q, HOME) < 5e-3);
    t.is(simulator.counters().motionsFinished, 3);
    t.is(simulator.counters().reflexes, 0);
  });

  test(`a signal stops a ${generation} over ${client} within its limits, and its reason is the cause that the move rejects with`, async (t) => {
    await using setup = await setUp('jointVelocity', { ...WALL, generation }, client);
    const { arm, simulator } = setup;
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('enough');
    const moving = abortReason(arm.moveTo(PLACE, { speed: 0.3, signal }));
    await until(() => speed(simulator) > 0.1, 'it moves');
    controller.abort(reason);
    t.is(await moving, reason);
    t.false(arm.isDriven);
    t.true(speed(simulator) < REST);
    t.true(distance(simulator.joints().q, PLACE) > 0.05);
    t.is(simulator.counters().reflexes, 0);
    t.is(simulator.counters().motionsFinished, 1);
    t.is(getEventListeners(signal, 'abort').length, 0);
    t.is(await abortReason(arm.home({ signal })), reason);
    t.is(simulator.counters().motionsStarted, 1);
  });

  test(`a reflex ends a move of a ${generation} over ${client} with its name and the last states`, async (t) => {
    await using setup = await setUp('jointVelocity', LOCKSTEP, client);
    const { arm, simulator } = setup;
    // There are states only once the loop has begun.
    const onProgress = ({ elapsedS }: MoveProgress): void => {
      if (elapsedS > 0) simulator.inject({ kind: 'reflex', error: 'joint_reflex' });
    };
    const error = (await rejection(arm.moveTo(PLACE, { speed: 0.01, onProgress }))) as RobotError;
    t.true(error instanceof RobotError, String(error));
    t.is(error.code, 'FRANKA_REFLEX');
    t.deepEqual(error.errors, ['joint_reflex']);
    t.true(error.lastStates.length > 0);
    await arm.recover();
    await arm.moveTo(PLACE, { speed: 1 });
    t.true(distance(simulator.joints().q, PLACE) < 5e-3);
  });

  test(`an arm that is held off its goal is where the error of a ${generation} over ${client} says`, async (t) => {
    await using setup = await setUp('jointVelocity', LOCKSTEP, client);
    const { arm, simulator } = setup;
    const thresholds = {
      lowerTorquesNm: Array(7).fill(1e3),
      upperTorquesNm: Array(7).fill(1e3),
      lowerForces: Array(6).fill(1e3),
      upperForces: Array(6).fill(1e3),
    };
    await arm.setCollisionBehavior(thresholds, { unchecked: true });
    simulator.inject({ kind: 'push', torquesNm: [0, 60, 0, 0, 0, 0, 0] });
    for (const move of [() => arm.moveTo(PLACE, { speed: 0.5 }), () => arm.home({ speed: 0.5 })]) {
      const error = (await rejection(move())) as RobotError;
      t.is(error.code, 'FRANKA_NOT_ARRIVED', String(error));
      t.regex(error.message, /joint 2 was measured at .* rad away from/);
      const { q = [], goal = [], joint, differenceRad = 0 } = error.notArrived ?? {};
      t.is(joint, 2);
      // 60 N m against 3000 N m/rad.
      t.true(Math.abs(differenceRad - 0.02) < 2e-3, `${differenceRad}`);
      t.true(Math.abs(distance(q, goal) - differenceRad) < 1e-9);
      t.true(distance(q, simulator.joints().q) < 2e-3);
      t.true(error.lastStates.length > 0);
    }
    await arm.moveTo(PLACE, { speed: 0.5, toleranceRad: 0.03 });
    t.is(simulator.counters().reflexes, 0);
  });

  test(`3 kg arrive at full speed with a ${generation} over ${client}, whatever its sessions follow with`, async (t) => {
    await using setup = await setUp('jointVelocity', { ...LOCKSTEP, hand: false }, client);
    const { simulator } = setup;
    await setup.arm.close();
    const arm = await Franka.connect(simulator.address, { client, impedance: {} });
    await arm.setLoad({ m_load: 3, F_x_Cload: [0, 0, 0.2] });
    for (const goal of [PLACE, [1.5, 0.4, -0.5, -1.2, 0.6, 2.4, -0.8], HOME]) {
      await arm.moveTo(goal, { speed: 1 });
      t.true(distance(simulator.joints().q, goal) < 0.01, `${simulator.joints().q}`);
    }
    t.is(simulator.counters().reflexes, 0);
    await arm.close();
  });

  test(`a pose or joints that a ${generation} over ${client} cannot reach are refused, and nothing moves`, async (t) => {
    await using setup = await setUp('jointVelocity', LOCKSTEP, client);
    const { arm, simulator } = setup;
    const pose = (await arm.state()).O_T_EE.slice();
    const at = (x: number): Float64Array => pose.with(12, x);
    const joints = [...HOME.slice(0, 6), 3.2];
    for (const [goal, message] of [
      [at(0.8), /closest found is .* mm/],
      [
        at(1.5),
        /out of the arm's reach: it is 1\.5\d* m away from the shoulder .* reaches 0\.\d+ m at most/,
      ],
      [at(450), /Is the pose in millimetres\? Metres are expected/],
      [joints, /joint 7 cannot go to 3.2 rad/],
    ] as const) {
      const error = (await rejection(arm.moveTo(goal))) as RobotError;
      t.is(error.code, 'FRANKA_UNREACHABLE', String(error));
      t.regex(error.message, message);
      t.regex(error.message, /Nothing has moved/);
    }
    t.is(simulator.counters().motionsStarted, 0);
  });
}

test('progress goes from the start to the end, and tells how long it takes', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const reports: MoveProgress[] = [];
  const onProgress = (report: MoveProgress): void => void reports.push(report);
  await setup.arm.moveTo(PLACE, { speed: 0.3, onProgress });
  t.true(reports.length > 4, `${reports.length}`);
  const last = reports.at(-1) as MoveProgress;
  t.is(last.share, 1);
  t.is(last.elapsedS, last.durationS);
  const shares = reports.map(({ share }) => share);
  t.deepEqual(
    shares,
    [...shares].sort((a, b) => a - b),
  );
  t.true((shares[0] as number) < 0.5);
  for (const { durationS } of reports) t.is(durationS, last.durationS);
});

test('twice the speed takes less time, the default is slow', async (t) => {
  await using setup = await setUp();
  const { arm } = setup;
  const durations: number[] = [];
  let last = 0;
  const onProgress = ({ durationS }: MoveProgress): void => {
    last = durationS;
  };
  for (const options of [
    {},
    { speed: 0.4, realtime: false },
    { speed: 1 },
  ] satisfies MoveOptions[]) {
    await arm.moveTo(PLACE, { ...options, onProgress });
    durations.push(last);
    await arm.home({ ...options, onProgress });
    durations.push(last);
  }
  const [usual, usualBack, faster, , fastest] = durations as [
    number,
    number,
    number,
    number,
    number,
  ];
  t.true(Math.abs(usual - usualBack) < 2e-3);
  t.true(usual > 1.5 * faster && faster > 1.5 * fastest, `${durations}`);
  t.true(usual > 0.7 && usual < 3, `${usual}`);
});

test('what onProgress throws when the arm is there is what the move rejects with', async (t) => {
  await using setup = await setUp('torque', WALL);
  const { arm } = setup;
  let wasDriven = false;
  const onProgress = (): void => {
    if (wasDriven && !arm.isDriven) throw new Error('at the end');
    wasDriven ||= arm.isDriven;
  };
  const error = await rejection(arm.moveTo(PLACE, { speed: 0.5, onProgress }));
  t.is((error as Error).message, 'at the end');
});

test('what onProgress throws stops the arm, and is what the move rejects with', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator } = setup;
  const thrown = new Error('no more');
  const onProgress = (): void => {
    throw thrown;
  };
  t.is(await rejection(arm.moveTo(PLACE, { speed: 0.05, onProgress })), thrown);
  t.true(speed(simulator) < REST);
  t.false(arm.isDriven);
  t.is(simulator.counters().reflexes, 0);
});

test('one thing drives the arm at a time', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator } = setup;
  const session = new Session(arm, turning, PATIENT);
  await session.start();
  const refused = (await rejection(arm.home())) as RobotError;
  t.is(refused.code, 'FRANKA_INVALID_OPERATION');
  t.regex(refused.message, /stop the session first/);
  await session.stop();

  const controller = new AbortController();
  const { signal } = controller;
  const moving = rejection(arm.moveTo(PLACE, { speed: 0.05, signal }));
  await until(() => speed(simulator) > 0.01, 'it moves');
  const others = [arm.home(), session.start(), arm.setLoad({ m_load: 1 }), arm.recover()];
  for (const error of (await rejections(others)) as RobotError[]) {
    t.is(error.code, 'FRANKA_INVALID_OPERATION', String(error));
  }
  t.is((await arm.state()).robot_mode, 'Move');
  controller.abort();
  t.is(((await moving) as Error).name, 'AbortError');
  // Both are far away: a move that has ended would leave the arm to the other.
  const mirrored = PLACE.map((q, joint) => (joint % 2 === 0 ? -q : q));
  const moves = [PLACE, mirrored].map((place) => arm.moveTo(place, { speed: 0.5 }));
  const refusals = (await Promise.allSettled(moves)).flatMap((settled) =>
    settled.status === 'rejected' ? [(settled.reason as RobotError).code] : [],
  );
  t.deepEqual(refusals, ['FRANKA_INVALID_OPERATION']);
  t.is(simulator.counters().reflexes, 0);
});

test('a move of an arm that dies ends with an error', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator } = setup;
  const moving = rejection(arm.moveTo(PLACE, { speed: 0.05 }));
  await until(() => speed(simulator) > 0.01, 'it moves');
  simulator.inject({ kind: 'die' });
  t.is(((await moving) as RobotError).code, 'FRANKA_CONNECTION_LOST');
  await arm.close();
  t.true(((await rejection(arm.home())) as RobotError).code.startsWith('FRANKA_'));
});

test('a program that ends in a move stops the arm first', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const { arm, simulator } = setup;
  await arm.close();
  const index = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    const { Franka } = await import(${JSON.stringify(index)});
    const robot = await Franka.connect(${JSON.stringify(simulator.address)});
    const onProgress = ({ elapsedS }) => { if (elapsedS > 0.2) process.exit(3); };
    await robot.moveTo(${JSON.stringify(PLACE)}, { speed: 0.2, onProgress });
  `;
  const options = { timeout: 20_000, env: { ...process.env, NODE_OPTIONS: '' } };
  const args = ['--input-type=module', '--eval', program];
  const ended = await rejection(promisify(execFile)(process.execPath, args, options));
  t.is((ended as { code?: number }).code, 3);
  isRested(t, simulator, 1);
});

test('what is no place, speed or option is refused by its name', async (t) => {
  await using setup = await setUp();
  const { arm, simulator } = setup;
  const pose = Array.from((await arm.state()).O_T_EE);
  const cases: [(arm: Franka) => Promise<unknown>, string][] = [
    [(a) => a.moveTo([1, 2, 3] as number[]), 'OPTION_GOAL'],
    [(a) => a.moveTo('home' as never), 'OPTION_GOAL'],
    [(a) => a.moveTo(null as never), 'OPTION_GOAL'],
    [(a) => a.moveTo([...HOME.slice(1), Number.NaN]), 'OPTION_Q'],
    [(a) => a.moveTo([2, ...pose.slice(1)]), 'OPTION_POSE'],
    [(a) => a.moveTo([Number.NaN, ...pose.slice(1)]), 'OPTION_POSE'],
    [(a) => a.moveTo(HOME, { speed: 0 }), 'OPTION_SPEED'],
    [(a) => a.moveTo(HOME, { toleranceRad: 0 }), 'OPTION_TOLERANCE_RAD'],
    [(a) => a.moveTo(HOME, { toleranceRad: 0.0801 }), 'OPTION_TOLERANCE_RAD'],
    [(a) => a.home({ settleS: -1 }), 'OPTION_SETTLE_S'],
    [(a) => a.home({ settleS: Number.NaN }), 'OPTION_SETTLE_S'],
    [(a) => a.moveTo([0.8, 0.6, 0, 0, 0.6, 0.8, ...pose.slice(6)]), 'OPTION_POSE'],
    [(a) => a.moveTo(HOME, { realtime: { priority: 100 } }), 'OPTION_PRIORITY'],
    [(a) => a.moveTo(HOME, { speed: 1.01 }), 'OPTION_SPEED'],
    [(a) => a.moveTo(HOME, { speed: Number.NaN }), 'OPTION_SPEED'],
    [(a) => a.home({ speed: 'fast' as never }), 'OPTION_SPEED'],
    [(a) => a.home({ signal: 1 as never }), 'OPTION_SIGNAL'],
    [(a) => a.home({ onProgress: 1 as never }), 'OPTION_ON_PROGRESS'],
    [(a) => a.home({ fast: true } as never), 'OPTION_UNKNOWN'],
  ];
  for (const [call, code] of cases) {
    const error = (await rejection(call(arm))) as OptionRangeError;
    t.true([OptionRangeError, OptionTypeError].some((kind) => (error as unknown) instanceof kind));
    t.is<string, string>(error.code, code, error.message);
  }
  t.is(simulator.counters().motionsStarted, 0);
});
