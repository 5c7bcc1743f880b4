import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import {
  Franka,
  FrankaHand,
  FrankaSimulator,
  type FrankaSimulatorOptions,
  type KilohertzError,
  OptionRangeError,
  OptionTypeError,
  RobotError,
  type RobotState,
  run,
  Session,
  type SimulatorFault,
  type Tick,
} from '../../index.ts';
import { widestOpening } from '../../lib/franka/hand.ts';
import { WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { abortReason, block, codeOf, rejection, rejections, until } from '../fixtures/waiting.ts';

/** Joint 1 there and back, for as long as it takes. */
const swinging = (_: RobotState, { timeS }: Tick): number[] => [
  0.1 * Math.sin(timeS),
  0,
  0,
  0,
  0,
  0,
  0,
];

const GENERATIONS = ['fr3', 'fer'] as const;

interface Grip extends AsyncDisposable {
  readonly simulator: FrankaSimulator;
  readonly hand: FrankaHand;
}

async function setUp(options: FrankaSimulatorOptions = {}): Promise<Grip> {
  const simulator = await FrankaSimulator.start(options);
  const hand = await FrankaHand.connect(simulator.address);
  return {
    simulator,
    hand,
    async [Symbol.asyncDispose](): Promise<void> {
      await hand.close();
      await simulator.stop();
    },
  };
}

for (const generation of GENERATIONS) {
  test(`the hand of a ${generation} is homed, moved, and tells its state`, async (t) => {
    await using setup = await setUp({ generation });
    const { simulator, hand } = setup;
    t.is(hand.serverVersion, 3);
    t.is(hand.address, simulator.address);
    t.is(simulator.handPort, Number(simulator.address.split(':')[1]) + 1);
    t.true(await hand.homing());
    t.true(await hand.move(0.03));
    t.is(simulator.fingers().widthM, 0.03);
    const state = await hand.state();
    const { time, ...rest } = state;
    t.deepEqual(rest, { widthM: 0.03, maxWidthM: 0.08, is_grasped: false, temperature: 30 });
    t.deepEqual([state.width, state.max_width], [0.03, 0.08], 'the former names');
    t.true((await hand.state()).time > time);
    t.false(hand.isBusy);
  });

  test(`a grasp on a ${generation} tells by width and epsilon whether an object is held`, async (t) => {
    await using setup = await setUp({ generation, objectWidthM: 0.05 });
    const { simulator, hand } = setup;
    const grasps: [number, { epsilonInnerM?: number; epsilonOuterM?: number }, boolean][] = [
      [0.05, {}, true],
      [0.046, {}, true],
      [0.044, {}, false],
      [0.044, { epsilonOuterM: 0.01 }, true],
      [0.056, {}, false],
      [0.056, { epsilonInnerM: 0.01 }, true],
      [0, { epsilonOuterM: 0.08 }, true],
    ];
    for (const [widthM, epsilons, held] of grasps) {
      const what = `${widthM} ${JSON.stringify(epsilons)}`;
      t.is(await hand.grasp(widthM, { forceN: 40, ...epsilons }), held, what);
      t.is((await hand.state()).is_grasped, held, what);
      t.is(simulator.fingers().forceN, held ? 40 : 0, what);
    }
    t.true(await hand.move(0.08));
    t.true(await hand.grasp(0.05));
    simulator.removeObject();
    await until(() => simulator.fingers().widthM === 0, 'the fingers close');
    t.false((await hand.state()).is_grasped);
    t.is(simulator.fingers().objectWidthM, undefined);
  });

  test(`a stop ends a motion of a ${generation} that is under way`, async (t) => {
    await using setup = await setUp({ generation });
    const { simulator, hand } = setup;
    const moving = rejection(hand.move(0, { speedMPerS: 0.004 }));
    await until(() => simulator.fingers().isMoving, 'a motion');
    t.true(hand.isBusy);
    await hand.stop();
    const error = (await moving) as RobotError;
    t.true(error instanceof RobotError);
    t.is(error.code, 'FRANKA_COMMAND_ABORTED');
    const { widthM, isMoving } = simulator.fingers();
    t.false(isMoving);
    t.true(widthM > 0.03);
    t.true(await hand.move(0.08), 'the next command runs');
  });

  test(`the hand of a ${generation} works beside a session in lockstep, which loses no command`, async (t) => {
    await using setup = await setUp({ generation, lockstep: true, objectWidthM: 0.07 });
    const { simulator, hand } = setup;
    await using arm = await Franka.connect(simulator.address);
    const session = new Session(arm, swinging, { warmupS: 0, deadlineS: 0.9e-3 });
    await session.start();
    for (let round = 0; round < 3; round += 1) {
      t.true(await hand.grasp(0.07));
      t.true((await hand.state()).is_grasped);
      t.true(await hand.move(0.08));
    }
    const commands = (): number => simulator.counters().commandsReceived;
    await until(() => commands() > 500 || !session.isRunning, '500 commands');
    t.true(session.isRunning);
    await session.stop();
    t.notThrows(() => session.checkHealth());
    const { commandsLost, reflexes } = simulator.counters();
    t.deepEqual({ commandsLost, reflexes }, { commandsLost: 0, reflexes: 0 });
  });

  test(`a hand of a ${generation} that dies or freezes ends its calls and leaves the session alone`, async (t) => {
    for (const kind of ['handDie', 'handFreeze'] as const) {
      await using setup = await setUp({ ...WALL, generation });
      const { simulator, hand } = setup;
      await using arm = await Franka.connect(simulator.address);
      const session = new Session(arm, swinging, { warmupS: 0 });
      await session.start();
      const grasping = rejection(hand.grasp(0, { speedMPerS: 0.004 }));
      await until(() => simulator.fingers().isMoving, 'a motion');
      simulator.inject({ kind });
      const began = performance.now();
      t.is(((await grasping) as RobotError).code, 'FRANKA_CONNECTION_LOST', kind);
      t.is(await codeOf(hand.state()), 'FRANKA_CONNECTION_LOST', kind);
      t.true(performance.now() - began < 20_000, kind);
      t.true(session.isRunning, kind);
      await session.stop();
      t.notThrows(() => session.checkHealth(), kind);
    }
  });
}

test('fingers are opened as far as the hand knows that they go, and 80 mm if it was never homed', (t) => {
  const widths = [0.06, 0.2, 0, -1, Number.NaN].map((maxWidthM) => widestOpening({ maxWidthM }));
  t.deepEqual(widths, [0.06, 0.1, 0.08, 0.08, 0.08]);
});

test('a blocked event loop delays what the hand tells, not what it does', async (t) => {
  await using setup = await setUp({ objectWidthM: 0.07 });
  const { simulator, hand } = setup;
  const grasping = hand.grasp(0.07);
  block(600);
  t.true(simulator.fingers().isGrasped);
  t.true(await grasping);
});

test('one command runs at a time; the next is refused until it has ended', async (t) => {
  await using setup = await setUp();
  const { hand } = setup;
  const first = hand.homing();
  const tried = [hand.move(0.04), hand.grasp(0.04), hand.homing()];
  for (const error of (await rejections(tried)) as RobotError[]) {
    t.is(error.code, 'FRANKA_INVALID_OPERATION');
    t.regex(error.message, /busy.*stop\(\)/);
  }
  t.true((await hand.state()).widthM <= 0.08);
  t.true(await first);
  t.true(await hand.move(0.07));
});

test('a stop right behind a command keeps it from moving the fingers far', async (t) => {
  await using setup = await setUp();
  const { simulator, hand } = setup;
  for (let round = 0; round < 50; round += 1) {
    const moving = rejection(hand.move(0, { speedMPerS: 0.001 }));
    await hand.stop();
    t.is(((await moving) as RobotError).code, 'FRANKA_COMMAND_ABORTED');
  }
  t.false(simulator.fingers().isMoving);
  t.true(simulator.fingers().widthM > 0.04);
});

test('a signal stops the hand, and the call rejects with its reason as the cause', async (t) => {
  await using setup = await setUp();
  const { simulator, hand } = setup;
  const reason = new Error('enough');
  for (const start of [
    (signal: AbortSignal) => hand.homing({ signal }),
    (signal: AbortSignal) => hand.move(0, { signal, speedMPerS: 0.004 }),
    (signal: AbortSignal) => hand.grasp(0.02, { signal, speedMPerS: 0.004 }),
  ]) {
    const controller = new AbortController();
    const call = abortReason(start(controller.signal));
    await until(() => simulator.fingers().isMoving, 'a motion');
    controller.abort(reason);
    t.is(await call, reason);
    t.false(simulator.fingers().isMoving);
  }
  const { widthM } = simulator.fingers();
  t.is(await abortReason(hand.move(0, { signal: AbortSignal.abort(reason) })), reason);
  t.is(simulator.fingers().widthM, widthM, 'nothing moved');
  const { signal } = new AbortController();
  t.true(await hand.move(0.08, { signal }), 'a signal that never aborts changes nothing');
});

test('a signal that aborts when the hand is gone tells that it is', async (t) => {
  await using setup = await setUp();
  const { simulator, hand } = setup;
  const controller = new AbortController();
  const call = codeOf(hand.move(0, { signal: controller.signal, speedMPerS: 0.004 }));
  await until(() => simulator.fingers().isMoving, 'a motion');
  simulator.inject({ kind: 'handFreeze' });
  controller.abort();
  t.is(await call, 'FRANKA_CONNECTION_LOST');
});

test('what the hand refuses, and what is in its way', async (t) => {
  await using setup = await setUp({ objectWidthM: 0.07 });
  const { simulator, hand } = setup;
  t.is(await codeOf(hand.move(0.09)), 'FRANKA_COMMAND_REJECTED');
  t.false(await hand.homing(), 'an object is in the way');
  t.false(await hand.move(0.05));
  simulator.inject({ kind: 'handFailNext' });
  const error = (await rejection(hand.grasp(0.07))) as RobotError;
  t.is(error.code, 'FRANKA_COMMAND_REJECTED');
  t.regex(error.message, /the grasp failed.*homing\(\)/);
  t.true(await hand.grasp(0.07));
});

test('a command that is never answered is given up', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using hand = await FrankaHand.connect(simulator.address, { commandTimeoutS: 0.3 });
  simulator.inject({ kind: 'handDeaf' });
  t.is(await codeOf(hand.homing()), 'FRANKA_COMMAND_TIMEOUT');
  t.is(await codeOf(hand.stop()), 'FRANKA_COMMAND_TIMEOUT');
  t.is((await hand.state()).widthM, 0.08);
});

test('closing stops a motion, keeps a grip, and may be done twice', async (t) => {
  await using setup = await setUp();
  const { simulator, hand } = setup;
  const moving = codeOf(hand.move(0, { speedMPerS: 0.004 }));
  await until(() => simulator.fingers().isMoving, 'a motion');
  await hand.close();
  await hand.close();
  t.is(await moving, 'FRANKA_COMMAND_ABORTED');
  t.false(simulator.fingers().isMoving);
  const after = [hand.state(), hand.stop(), hand.move(0.04)];
  for (const error of (await rejections(after)) as RobotError[]) {
    t.is(error.code, 'FRANKA_INVALID_OPERATION');
  }
  const { widthM } = simulator.fingers();
  simulator.placeObject(widthM);
  {
    await using next = await FrankaHand.connect(simulator.address);
    t.true(await next.grasp(widthM));
  }
  t.true(simulator.fingers().isGrasped);
});

test('connections that cannot be have their codes', async (t) => {
  await using without = await FrankaSimulator.start({ hand: false });
  t.is(without.handPort, undefined);
  t.is(await codeOf(FrankaHand.connect(without.address)), 'FRANKA_CONNECT_REFUSED');

  await using simulator = await FrankaSimulator.start();
  simulator.inject({ kind: 'handRejectConnect', version: 2 });
  const error = (await rejection(FrankaHand.connect(simulator.address))) as RobotError;
  t.is(error.code, 'FRANKA_INCOMPATIBLE_VERSION');
  t.regex(error.message, /version 2/);
  const [host = ''] = simulator.address.split(':');
  const port = simulator.handPort ?? 0;
  await (await FrankaHand.connect(host, { port })).close();

  const silent = createServer();
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const taken = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const connecting = FrankaHand.connect('127.0.0.1', { port: taken, timeoutS: 0.3 });
  t.is(await codeOf(connecting), 'FRANKA_CONNECT_TIMEOUT');
  silent.close();
  const unknown = FrankaHand.connect('no-such-arm.invalid', { timeoutS: 5 });
  t.regex(await codeOf(unknown), /^FRANKA_CONNECT_(FAILED|TIMEOUT)$/);
});

test('wrong options and numbers are refused by name before anything moves', async (t) => {
  await using setup = await setUp();
  const { simulator, hand } = setup;
  const wrong: [() => Promise<unknown>, string][] = [
    [() => FrankaHand.connect('' as string), 'OPTION_ADDRESS'],
    [() => FrankaHand.connect('x', { timeoutS: 0 }), 'OPTION_TIMEOUT_S'],
    [() => FrankaHand.connect('x', { port: 1.5 }), 'OPTION_PORT'],
    [() => FrankaHand.connect('x', { commandTimeoutS: Number.NaN }), 'OPTION_COMMAND_TIMEOUT_S'],
    [() => FrankaHand.connect('x', { prot: 1 } as object), 'OPTION_UNKNOWN'],
    [() => hand.move(Number.NaN), 'OPTION_WIDTH_M'],
    [() => hand.move(-0.01), 'OPTION_WIDTH_M'],
    [() => hand.move(4), 'OPTION_WIDTH_M'],
    [() => hand.move('4' as unknown as number), 'OPTION_WIDTH_M'],
    [() => hand.move(0.04, { speedMPerS: 0 }), 'OPTION_SPEED_MPER_S'],
    [() => hand.move(0.04, { speedMPerS: 0.2 }), 'OPTION_SPEED_MPER_S'],
    [() => hand.move(0.04, { speed: 0.1 } as object), 'OPTION_UNKNOWN'],
    [() => hand.move(0.04, { signal: 1 as unknown as AbortSignal }), 'OPTION_SIGNAL'],
    [() => hand.grasp(Number.POSITIVE_INFINITY), 'OPTION_WIDTH_M'],
    [() => hand.grasp(0.04, { forceN: 0 }), 'OPTION_FORCE_N'],
    [() => hand.grasp(0.04, { forceN: 141 }), 'OPTION_FORCE_N'],
    [() => hand.grasp(0.04, { epsilonInnerM: -1 }), 'OPTION_EPSILON_INNER_M'],
    [() => hand.grasp(0.04, { epsilonOuterM: Number.NaN }), 'OPTION_EPSILON_OUTER_M'],
    [() => hand.homing(null as unknown as object), 'OPTION_TYPE'],
    [() => FrankaSimulator.start({ objectWidthM: 0.09 }), 'OPTION_OBJECT_WIDTH_M'],
    [() => FrankaSimulator.start({ hand: 1 as unknown as boolean }), 'OPTION_HAND'],
    [() => FrankaSimulator.start({ hand: false, objectWidthM: 0.04 }), 'SIM_OPTION'],
    [() => FrankaSimulator.start({ port: 65_535 }), 'SIM_OPTION'],
  ];
  for (const [call, expected] of wrong) {
    const error = (await rejection(call())) as KilohertzError | OptionRangeError;
    t.is<string, string>(error.code, expected, String(error));
    if (expected.startsWith('OPTION_')) {
      t.true(error instanceof OptionRangeError || error instanceof OptionTypeError);
    }
  }
  t.is(simulator.fingers().widthM, 0.08);
  t.throws(() => simulator.placeObject(0), { instanceOf: OptionRangeError });
  t.true(await hand.move(0.02));
  t.throws(() => simulator.placeObject(0.03), { code: 'SIM_OPTION', message: /leave free/ });
  const fault = { kind: 'handRejectConnect' } as SimulatorFault;
  t.throws(() => simulator.inject(fault), { code: 'OPTION_VERSION' });
});

test('a worker that is terminated in mid-motion stops the fingers and gives the hand free', async (t) => {
  await using simulator = await FrankaSimulator.start();
  const { code, lines, stderr } = await program('hand', simulator.address).ended;
  t.is(code, 0, stderr);
  t.deepEqual(lines, ['opened: true']);
});

test('forty rounds of connecting and closing leave no thread and no file behind', async (t) => {
  await using simulator = await FrankaSimulator.start();
  const held = (): number =>
    readdirSync('/proc/self/task').length + readdirSync('/proc/self/fd').length;
  const round = async (): Promise<void> => {
    await using hand = await FrankaHand.connect(simulator.address);
    await hand.state();
    await hand.stop();
  };
  for (let warm = 0; warm < 5; warm += 1) await round();
  await sleep(100);
  const before = held();
  for (let count = 0; count < 40; count += 1) await round();
  await until(() => held() <= before + 1, 'all gone');
  t.pass();
});

test('a session goes on at its pace on the wall clock while the hand works', async (t) => {
  await using setup = await setUp({ ...WALL, objectWidthM: 0.07 });
  const { simulator, hand } = setup;
  await using arm = await Franka.connect(simulator.address);
  const running = run(arm, swinging, { warmupS: 0, durationS: 2 });
  let picked = 0;
  for (let round = 0; round < 4; round += 1) {
    if (await hand.grasp(0.07)) picked += 1;
    await hand.move(0.08);
  }
  const stats = await running;
  t.is(picked, 4);
  t.true(stats.iterations > 500, `${stats.iterations}`);
  t.is(simulator.counters().reflexes, 0);
});

test('the example picks an object while the arm moves', async (t) => {
  const file = join(import.meta.dirname, '..', '..', 'dist', 'examples', 'hand.js');
  const options = { timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '' } };
  const { stdout } = await promisify(execFile)(process.execPath, [file], options);
  t.regex(stdout, /homing +yes, \d+ cycles/);
  t.regex(stdout, /object of 40 mm held +yes, \d+ cycles/);
  t.regex(stdout, /opening of the fingers +40\.0 mm/);
  t.regex(stdout, /held when it is gone +no, \d+ cycles/);
  const [, mrad] = stdout.match(/came back within +([\d.]+) mrad/) ?? [];
  t.true(Number(mrad) < 20, stdout);
});
