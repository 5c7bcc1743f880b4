import { once } from 'node:events';
import { createConnection } from 'node:net';
import test from 'ava';
import {
  Franka,
  FrankaSimulator,
  KilohertzError,
  type RobotError,
  type RobotState,
  run,
  Session,
  type SimulatorFault,
  type Tick,
} from '../../index.ts';
import { distance, speed, turning, WALL } from '../fixtures/arms.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

const READY = [0, -Math.PI / 4, 0, (-3 * Math.PI) / 4, 0, Math.PI / 2, Math.PI / 4];

test('a simulator listens on loopback, on a free port, with the arm at rest in its ready pose', async (t) => {
  await using one = await FrankaSimulator.start();
  await using other = await FrankaSimulator.start();
  t.regex(one.address, /^127\.0\.0\.1:\d+$/);
  t.not(one.address, other.address);
  t.true(distance(one.joints().q, READY) < 1e-6);
  t.true(speed(one) < 1e-3);
  for (const [name, count] of Object.entries(one.counters())) {
    t.true(Number.isInteger(count) && count >= 0, name);
  }
  t.is(one.counters().clients, 0);
});

test('it wears the Franka Hand, nothing, or what it is told', async (t) => {
  const worn = async (options: Parameters<typeof FrankaSimulator.start>[0]) => {
    await using simulator = await FrankaSimulator.start(options);
    const arm = await Franka.connect(simulator.address);
    const { m_ee, F_x_Cee, F_T_EE, I_ee } = await arm.state();
    await arm.close();
    return [m_ee, F_x_Cee[2], F_T_EE[14], I_ee[8]].map(
      (value = Number.NaN) => Math.round(value * 1e4) / 1e4,
    );
  };
  t.deepEqual(await worn({}), [0.73, 0.03, 0.1034, 0.0017]);
  t.deepEqual(await worn({ hand: false }), [0, 0, 0, 0]);
  t.deepEqual(await worn({ endEffector: { m_ee: 1 } }), [1, 0, 0, 0.001]);
  const wrong: [object, string, RegExp][] = [
    [{ m_ee: 730 }, 'OPTION_END_EFFECTOR_M_EE', /0 to 10 kg/],
    [{ m_ee: 0.5, I_ee: [0, 0, 0, 0, 0, 0, 0, 0, 0] }, 'SIM_OPTION', /I_ee/],
    [{ m_ee: 0.5, F_x_Cee: [0, 0, 30] }, 'SIM_OPTION', /F_x_Cee .*30/],
    [{ m_ee: 0.5, F_T_NE: [1] }, 'OPTION_END_EFFECTOR_F_T_NE', /16 finite numbers/],
    [{ mass: 1 }, 'OPTION_UNKNOWN', /"mass"/],
  ];
  for (const [endEffector, code, message] of wrong) {
    const refused = FrankaSimulator.start({ endEffector } as never);
    const error = (await rejection(refused)) as KilohertzError;
    t.is(error.code as string, code, error.message);
    t.regex(error.message, message);
  }
});

test('its time goes on by the wall clock, and the arm stays where it is', async (t) => {
  await using simulator = await FrankaSimulator.start();
  const { timeS } = simulator.joints();
  await until(() => simulator.joints().timeS > timeS + 0.2, 'a fifth of a second');
  t.true(distance(simulator.joints().q, READY) < 1e-4);
});

test('it starts in the pose, on the host and on the port that it is told', async (t) => {
  const q = [0.3, -0.5, 0.1, -2, 0.2, 1.8, 0.5];
  const first = await FrankaSimulator.start({ q, host: '127.0.0.2' });
  t.true(first.address.startsWith('127.0.0.2:'));
  t.true(distance(first.joints().q, q) < 1e-6);
  const port = Number(first.address.split(':')[1]);
  const taken = await rejection(FrankaSimulator.start({ host: '127.0.0.2', port }));
  t.is((taken as KilohertzError).code, 'SIM_BIND');
  await first.stop();
  await using again = await FrankaSimulator.start({ host: '127.0.0.2', port });
  t.is(again.address, first.address);
});

test('an address that others can reach, and a pose beyond the limits, are refused', async (t) => {
  for (const host of ['0.0.0.0', '192.0.2.1']) {
    const error = (await rejection(FrankaSimulator.start({ host }))) as KilohertzError;
    t.true(error instanceof KilohertzError);
    t.is(error.code, 'SIM_ADDRESS');
  }
  const name = (await rejection(FrankaSimulator.start({ host: 'localhost' }))) as KilohertzError;
  t.is(name.code, 'SIM_OPTION');
  const q = [9, ...READY.slice(1)];
  const pose = (await rejection(FrankaSimulator.start({ q }))) as KilohertzError;
  t.is(pose.code, 'SIM_OPTION');
  t.regex(pose.message, /joint 1/);
});

test('a fault that does not exist is refused and changes nothing', async (t) => {
  await using simulator = await FrankaSimulator.start();
  const wrong = [
    { kind: 'explode' },
    { kind: 'reflex', error: 'bad_mood' },
    { kind: 'delayStates', count: 1, byS: 61 },
    { kind: 'delayStates', count: 1, byS: -1 },
    { kind: 'delayCommands', count: 1, byS: Number.NaN },
    { kind: 'dropStates', count: -1 },
    { kind: 'dropStates', count: 1.5 },
    { kind: 'dropCommands', count: Number.NaN },
    { kind: 'dropCommands' },
    { kind: 'duplicateStates', count: 0 },
    { kind: 'reorderCommands' },
    { kind: 'truncateStates', count: 0.5 },
    { kind: 'oldStates' },
    { kind: 'noiseDatagrams', count: -1 },
    { kind: 'slowConnect', byS: 61 },
    { kind: 'slowConnect' },
    { kind: 'userStop', pressed: 'yes' },
    { kind: 'rejectConnect', version: 'five' },
    {},
    null,
    'die',
  ] as unknown as SimulatorFault[];
  for (const fault of wrong) {
    const error = t.throws(() => simulator.inject(fault), undefined, JSON.stringify(fault));
    t.regex((error as KilohertzError | undefined)?.code ?? '', /^(SIM_FAULT|OPTION_\w+)$/);
  }
  await using arm = await Franka.connect(simulator.address);
  t.is((await arm.state()).robot_mode, 'Idle');
});

test('what happens to datagrams leaves a session alone, and a reset ends it', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true });
  const faults: SimulatorFault[] = [
    { kind: 'duplicateStates', count: 5 },
    { kind: 'duplicateCommands', count: 5 },
    { kind: 'reorderStates', count: 5 },
    { kind: 'reorderCommands', count: 5 },
    { kind: 'truncateCommands', count: 5 },
    { kind: 'resetConnection' },
  ];
  let injected = 0;
  await using arm = await Franka.connect(simulator.address);
  const policy = (state: RobotState, tick: Tick): number[] => {
    const fault = faults[injected];
    if (fault && tick.tick >= 50 * (injected + 1)) {
      simulator.inject(fault);
      injected += 1;
    }
    return turning(state, tick);
  };
  const error = (await rejection(run(arm, policy, { warmupS: 0 }))) as RobotError;
  t.is(error.code, 'FRANKA_CONNECTION_LOST');
  const { commandsReceived, commandsLost, reflexes } = simulator.counters();
  t.true(commandsReceived >= 280, `${commandsReceived}`);
  t.true(commandsLost >= 10, `${commandsLost}`);
  t.is(reflexes, 0);
  simulator.inject({ kind: 'slowConnect', byS: 0.1 });
  await using again = await Franka.connect(simulator.address);
  t.is((await again.state()).robot_mode, 'Idle');
});

test('an arm that sends nothing new is lost within seconds, whatever else it sends', async (t) => {
  for (const call of [(arm: Franka) => arm.state(), (arm: Franka) => arm.home()]) {
    await using simulator = await FrankaSimulator.start();
    await using arm = await Franka.connect(simulator.address);
    simulator.inject({ kind: 'oldStates', count: 1e9 });
    const started = performance.now();
    const error = (await rejection(call(arm))) as RobotError;
    t.is(error.code, 'FRANKA_CONNECTION_LOST');
    t.true(performance.now() - started < 8_000);
  }
});

test('after stop() nothing answers any more, and stop() may be repeated', async (t) => {
  const simulator = await FrankaSimulator.start();
  await Promise.all([simulator.stop(), simulator.stop()]);
  await simulator.stop();
  const error = t.throws(() => simulator.inject({ kind: 'die' })) as KilohertzError;
  t.is(error.code, 'SIM_STOPPED');
  t.is(
    ((await rejection(Franka.connect(simulator.address))) as RobotError).code,
    'FRANKA_CONNECT_REFUSED',
  );
  t.is(simulator.joints().q.length, 7, 'what was true last can still be read');
});

test('stopping the simulator ends a session that drives its arm', async (t) => {
  const simulator = await FrankaSimulator.start(WALL);
  const arm = await Franka.connect(simulator.address);
  const running = rejection(run(arm, turning, { warmupS: 0 }));
  await until(() => simulator.counters().commandsReceived > 50, '50 commands');
  await simulator.stop();
  t.true(((await running) as RobotError).code.startsWith('FRANKA_'));
  await arm.close();
});

test('a client that talks nonsense does not disturb it', async (t) => {
  await using simulator = await FrankaSimulator.start();
  const [host = '', port] = simulator.address.split(':');
  const socket = createConnection(Number(port), host);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await once(socket, 'close');
  await using arm = await Franka.connect(simulator.address);
  t.is((await arm.state()).robot_mode, 'Idle');
});

test('in lockstep each command is a millisecond of the arm, however the machine stalls', async (t) => {
  await using simulator = await FrankaSimulator.start({ lockstep: true });
  await using arm = await Franka.connect(simulator.address);
  const seen: { tick: number; time: number }[] = [];
  const policy = (state: RobotState, tick: Tick): number[] => {
    seen.push({ tick: tick.tick, time: state.time });
    if (tick.tick % 100 === 7) block(30);
    return turning(state, tick);
  };
  const session = new Session(arm, policy, { warmupS: 0 });
  const running = session.run();
  await until(() => seen.length > 50 || !session.isRunning, '50 ticks');
  await session.stop();
  const stats = await running;
  const [{ tick: firstTick, time: firstTime } = { tick: 0, time: 0 }] = seen;
  t.true(seen.length > 50);
  t.true(
    seen.every(({ tick, time }) => Math.abs(time - firstTime - (tick - firstTick) / 1e3) < 1e-6),
  );
  const { commandsReceived, commandsLost } = simulator.counters();
  t.is(commandsReceived, stats.iterations);
  t.is(commandsLost, 0);
  t.is(stats.missedTicks, 0);
});
