// A session that is shown to Foxglove and Lichtblick while it runs.

import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  type FoxgloveOptions,
  type JointVector,
  KilohertzError,
  OptionRangeError,
  OptionTypeError,
  type RobotState,
  replay,
  Session,
  type SessionOptions,
  type Tick,
} from '../../index.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { decoded, FoxgloveClient, SDK } from '../fixtures/foxglove-client.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { block, rejection, until, warningsDuring } from '../fixtures/waiting.ts';

const STANDING: JointVector = [0, 0, 0, 0, 0, 0, 0];
const STILL = { warmupS: 0, realtime: false } as const satisfies SessionOptions;
const ANY = { ...STILL, foxglove: { port: 0 } } as const satisfies SessionOptions;

/** Messages of the session, as their definitions say. */
interface Joints {
  readonly joints: readonly { readonly name: string; readonly position: number }[];
}
interface CycleMessage {
  readonly tick: bigint;
  readonly lostBefore: bigint;
  readonly state: { readonly q: number[] };
  readonly command: { readonly q: number[] };
  readonly answer?: { readonly tick: bigint; readonly actions: readonly { q: number[] }[] };
}

/** The address at which a session is shown. */
function addressOf(session: Pick<Session<never, never>, 'foxglove'>): string {
  const address = session.foxglove?.address;
  if (address === undefined) throw new Error('the session is not shown');
  return address;
}

/** A policy that swings joint 1, and keeps the states that it saw. */
function swinging(): {
  policy: (state: RobotState, tick: Tick) => JointVector;
  seen: Map<number, number[]>;
} {
  const seen = new Map<number, number[]>();
  let start: number[] | undefined;
  const policy = (state: RobotState, { tick, timeS }: Tick): JointVector => {
    start ??= Array.from(state.q_d);
    seen.set(tick, Array.from(state.q));
    const [first = 0, ...others] = start;
    return [
      first + 0.05 * (1 - Math.cos(2 * Math.PI * timeS)),
      ...others,
    ] as unknown as JointVector;
  };
  return { policy, seen };
}

/** Whether a connection to an address is taken. */
async function isTaken(host: string, port: number): Promise<boolean> {
  const socket: Socket = connect(port, host);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).then((taken) => {
    socket.destroy();
    return taken as boolean;
  });
}

test('a client is told every channel and decodes the states that the policy saw, while the event loop is blocked', async (t) => {
  const path = `${folderFor(t)}/run.mcap`;
  await using setup = await setUp('jointPosition', WALL);
  const { policy, seen } = swinging();
  const session = new Session(setup.arm, policy, { ...ANY, limits: 'clamp', record: path });
  await session.start();
  await using client = await FoxgloveClient.connect(addressOf(session));
  await sleep(300);
  const logs = (width: number): void => {
    session.log('gripper/width', [width]);
    const pixels = { width: 2, height: 1, encoding: 'mono8' } as const;
    session.log('camera/wrist', { ...pixels, data: Uint8Array.of(7, 9) });
  };
  // The first value of a channel tells clients that there is one, and they subscribe then.
  logs(0.03);
  await sleep(300);
  logs(0.04);
  const from = Date.now();
  block(1500);
  const to = Date.now();
  session.episode({ task: 'look' }).end('success');
  await sleep(300);
  await session.stop();
  const heard = await client.heard();
  t.is(heard.info?.name, 'kilohertz');
  t.deepEqual(heard.info?.capabilities, []);
  t.deepEqual(
    heard.channels.map(({ topic, schemaName, encoding, schemaEncoding }) => [
      topic,
      schemaName,
      encoding,
      schemaEncoding,
    ]),
    [
      ['/kilohertz/cycle', 'kilohertz.Cycle'],
      ['/kilohertz/episode', 'kilohertz.Episode'],
      ['/kilohertz/end', 'kilohertz.End'],
      ['/kilohertz/log', 'foxglove.Log'],
      ['/kilohertz/joint_states', 'foxglove.JointStates'],
      ['/kilohertz/pose/O_T_EE', 'foxglove.PoseInFrame'],
      ['/gripper/width', 'kilohertz.Numbers'],
      ['/camera/wrist', 'foxglove.RawImage'],
    ].map((names) => [...names, 'protobuf', 'protobuf']),
  );
  // What came is what was recorded, and what the policy saw.
  const states = new Map<number, { q: number[]; command: number[]; logTime: bigint }>();
  for await (const cycle of replay(path)) {
    const [q, command] = [Array.from(cycle.state.q), Array.from(cycle.command)];
    states.set(cycle.tick, { q, command, logTime: cycle.wallNs });
  }
  const cycles = decoded<CycleMessage>(heard, '/kilohertz/cycle');
  t.true(cycles.length > 1000, `${cycles.length}`);
  let compared = 0;
  for (const [nth, cycle] of cycles.entries()) {
    const tick = Number(cycle.tick);
    t.is(tick, Number(cycles[0]?.tick) + nth);
    t.deepEqual(cycle.state.q, states.get(tick)?.q);
    t.deepEqual(cycle.command.q, states.get(tick)?.command);
    if (!seen.has(tick)) continue;
    compared += 1;
    t.deepEqual(cycle.state.q, seen.get(tick));
  }
  t.true(compared > 100, `${compared}`);
  t.true(cycles.some(({ answer }) => answer?.actions.length === 1));
  const byTime = new Map(Array.from(states.values(), (state) => [state.logTime, state]));
  const joints = decoded<Joints>(heard, '/kilohertz/joint_states');
  const times = heard.messages.filter(({ topic }) => topic === '/kilohertz/joint_states');
  t.true(joints.length > 30, `${joints.length}`);
  for (const [nth, message] of joints.entries()) {
    const positions = message.joints.map(({ position }) => position);
    t.deepEqual(positions, byTime.get(times[nth]?.logTime ?? 0n)?.q);
    t.is(message.joints[0]?.name, 'joint1');
  }
  // While this thread was blocked, messages came all the time.
  const meanwhile = heard.messages.filter(({ atMs }) => atMs > from && atMs < to);
  const parts = new Set(meanwhile.map(({ atMs }) => Math.floor((5 * (atMs - from)) / (to - from))));
  t.is(parts.size, 5);
  const [width] = decoded<{ values: number[] }>(heard, '/gripper/width');
  t.deepEqual(width?.values, [0.04]);
  const [image] = decoded<{ width: number; data: Uint8Array }>(heard, '/camera/wrist');
  t.is(image?.width, 2);
  t.deepEqual(Array.from(image?.data ?? []), [7, 9]);
  const episodes = decoded<{ task: string; ended: boolean }>(heard, '/kilohertz/episode');
  t.deepEqual(
    episodes.map(({ task, ended }) => [task, ended]),
    [
      ['look', false],
      ['look', true],
    ],
  );
  const ends = decoded<{ code: string; text: string }>(heard, '/kilohertz/end');
  t.deepEqual(
    ends.map(({ code, text }) => [code, text]),
    [['', 'stop() was called']],
  );
  const lines = decoded<{ name: string; message: string }>(heard, '/kilohertz/log');
  t.like(lines.at(-1), { name: 'ended', message: 'stop() was called' });
  t.is(session.stats.unrecordedCycles, 0);
});

test('the older name of the protocol is spoken too, and no other', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => STANDING, ANY);
  await session.start();
  const address = addressOf(session);
  for (const protocol of [SDK, 'foxglove.websocket.v1']) {
    await using client = await FoxgloveClient.connect(address, { protocol });
    await until(() => (session.foxglove?.sentMessages ?? 0) > 100, 'messages');
    t.is((await client.heard()).protocol, protocol);
  }
  const error = await rejection(FoxgloveClient.connect(address, { protocol: 'chat' }));
  t.regex(String(error), /400/);
  await session.stop();
});

test('a client that reads nothing gets the newest later; what it missed is counted, and nobody else notices', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => STANDING, ANY);
  await session.start();
  const address = addressOf(session);
  const image = {
    width: 1024,
    height: 1024,
    encoding: 'mono8',
    data: new Uint8Array(1 << 20),
  } as const;
  // The channel is there before its clients, who are subscribed to it from their beginning then.
  session.log('camera/wrist', image);
  await sleep(300);
  await using reading = await FoxgloveClient.connect(address);
  // Images fill what the operating system keeps for a connection, and the outbox.
  await using pausing = await FoxgloveClient.connect(address, { pauseMs: 4_000 });
  const before = process.memoryUsage.rss();
  const images = 60;
  for (let nth = 0; nth < images; nth += 1) {
    session.log('camera/wrist', image, { timeS: nth });
    await sleep(40);
  }
  const dropped = session.foxglove?.droppedMessages ?? 0;
  const then = session.stepCount;
  const grown = process.memoryUsage.rss() - before;
  t.true(dropped > 0);
  // The outbox, the buffers of both ends, and what the reading client keeps in its thread.
  t.true(grown < 250e6, `${grown}`);
  await sleep(4_000);
  const [all, late] = [await reading.heard(), await pausing.heard()];
  const ticks = (heard: typeof all): number[] =>
    decoded<CycleMessage>(heard, '/kilohertz/cycle').map(({ tick }) => Number(tick));
  // The newest come again, in their order, with a gap where the oldest were dropped.
  const seen = ticks(late);
  t.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  t.true(seen.some((tick, nth) => tick > (seen[nth - 1] ?? tick) + 1));
  t.true((seen.at(-1) ?? 0) > then);
  const imagesOf = (heard: typeof all): number =>
    decoded<{ width: number }>(heard, '/camera/wrist').length;
  t.true(imagesOf(late) < images);
  t.true(imagesOf(all) > imagesOf(late));
  t.is(session.foxglove?.lostEntries, 0);
  t.true(session.isRunning);
  await session.stop();
  t.is(session.stats.unrecordedCycles, 0);
});

test('a port in use is refused before anything moves, with the next one that is free', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const path = `${folderFor(t)}/run.mcap`;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const options = { ...STILL, foxglove: { port }, record: path };
  const session = new Session(setup.arm, () => STANDING, options);
  const error = (await rejection(session.run({ durationS: 0.1 }))) as KilohertzError;
  t.true(error instanceof KilohertzError);
  t.is(error.code, 'LISTEN_IN_USE');
  const [, free] =
    /port \d+ of 127\.0\.0\.1 is in use; .* such as (\d+), which is free/.exec(error.message) ?? [];
  t.true(Number(free) > port, error.message);
  t.is(setup.simulator.counters().motionsStarted, 0);
  t.is(session.foxglove, undefined);
  server.close();
  // The refused start has left no file: the same options work now.
  await session.run({ durationS: 0.1 });
  t.is(session.foxglove?.port, port);
});

test('the port is free and the clients are gone when the session has ended', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => STANDING, ANY);
  await session.start();
  await using client = await FoxgloveClient.connect(addressOf(session));
  await until(() => (session.foxglove?.sentMessages ?? 0) > 100, 'messages');
  t.is(session.foxglove?.clients, 1);
  const port = session.foxglove?.port ?? 0;
  await session.stop();
  t.is(session.foxglove?.clients, 0);
  t.false(await isTaken('127.0.0.1', port));
  await sleep(200);
  t.not((await client.heard()).closed, undefined);
  const cycles = decoded<CycleMessage>(await client.heard(), '/kilohertz/cycle');
  t.is(Number(cycles.at(-1)?.tick), session.stats.iterations - 1);
});

test('only this host is served, unless another address is asked for, which is warned of', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const reached = async (foxglove: FoxgloveOptions): Promise<[boolean, string[]]> => {
    const session = new Session(setup.arm, () => STANDING, { ...STILL, foxglove });
    let isReached = false;
    const warnings = await warningsDuring(async () => {
      await session.start();
      // Another address of this host, as a foreign host would use one that is not loopback.
      isReached = await isTaken('127.0.0.2', session.foxglove?.port ?? 0);
      await session.stop();
    });
    return [isReached, warnings.map((warning) => Reflect.get(warning, 'code') as string)];
  };
  t.deepEqual(await reached({ port: 0 }), [false, []]);
  t.deepEqual(await reached({ port: 0, host: '127.0.0.2' }), [true, []]);
  t.deepEqual(await reached({ port: 0, host: '0.0.0.0' }), [true, ['KILOHERTZ_FOXGLOVE_HOST']]);
});

test('a client that asks for what there is not is told so and goes on', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const session = new Session(setup.arm, () => STANDING, ANY);
  await session.start();
  await using client = await FoxgloveClient.connect(addressOf(session));
  const subscribe = (id: number, channelId: number): string =>
    JSON.stringify({ op: 'subscribe', subscriptions: [{ id, channelId }] });
  for (const text of ['{', '[]', '{"op":"getParameters"}', subscribe(1, 99), subscribe(1000, 1)]) {
    client.send(text);
  }
  await sleep(500);
  const { refusals, closed } = await client.heard();
  t.is(refusals.length, 5);
  t.regex(refusals.join('\n'), /there is no channel 99/);
  t.is(closed, undefined);
  const sent = session.foxglove?.sentMessages ?? 0;
  await until(() => (session.foxglove?.sentMessages ?? 0) > sent + 100, 'more messages');
  await session.stop();
});

test('an option that cannot be used is refused before anything moves', async (t) => {
  await using setup = await setUp();
  const make = (foxglove: unknown): unknown =>
    new Session(setup.arm, () => STANDING, { foxglove } as SessionOptions);
  for (const [foxglove, code] of [
    [1, 'OPTION_TYPE'],
    [null, 'OPTION_TYPE'],
    [{ port: '1' }, 'OPTION_FOXGLOVE_PORT'],
    [{ port: 65_536 }, 'OPTION_FOXGLOVE_PORT'],
    [{ port: -1 }, 'OPTION_FOXGLOVE_PORT'],
    [{ port: 1.5 }, 'OPTION_FOXGLOVE_PORT'],
    [{ host: 'localhost' }, 'OPTION_FOXGLOVE_HOST'],
    [{ host: '' }, 'OPTION_FOXGLOVE_HOST'],
    [{ host: 7 }, 'OPTION_FOXGLOVE_HOST'],
  ] as const) {
    const error = t.throws(() => make(foxglove), { any: true }) as KilohertzError;
    t.true(error instanceof OptionTypeError || error instanceof OptionRangeError, `${error}`);
    t.is(error.code as string, code, JSON.stringify(foxglove));
  }
  t.notThrows(() => make(false));
  t.notThrows(() => make(true));
  // An address of another host is found out when the session begins.
  const foreign = new Session(setup.arm, () => STANDING, {
    ...STILL,
    foxglove: { port: 0, host: '192.0.2.1' },
  });
  const error = (await rejection(foreign.start())) as KilohertzError;
  t.is(error.code, 'LISTEN_REFUSED');
  t.is(setup.simulator.counters().motionsStarted, 0);
});
