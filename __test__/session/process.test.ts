import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { FrankaSimulator } from '../../index.ts';
import { isRested, REST, speed, WALL } from '../fixtures/arms.ts';
import { FoxgloveClient } from '../fixtures/foxglove-client.ts';
import { PageClient } from '../fixtures/page-client.ts';
import { type Ending, program } from '../fixtures/programs.ts';
import { until } from '../fixtures/waiting.ts';

/** The motion was finished by its session, within the arm's limits. */
async function finished(t: ExecutionContext, simulator: FrankaSimulator): Promise<void> {
  await until(() => speed(simulator) < REST, 'the arm is at rest');
  isRested(t, simulator, 1);
  t.true((simulator.joints().q[0] ?? 0) > 0.005, 'it had moved');
}

/** Runs `arm.ts` in one way until its end, with `signal` sent to it in mid-motion. */
async function driving(t: ExecutionContext, way: string, signal?: NodeJS.Signals): Promise<Ending> {
  await using simulator = await FrankaSimulator.start(WALL);
  const child = program('arm', simulator.address, way);
  await child.printed('driving');
  if (signal) child.process.kill(signal);
  const ending = await child.ended;
  await finished(t, simulator);
  return ending;
}

test('Ctrl+C ends a run without a duration, and the program goes on behind it', async (t) => {
  const { code, lines, stderr } = await driving(t, 'run', 'SIGINT');
  t.deepEqual(lines, ['driving', 'stopped', 'ran', 'goes on']);
  t.is(code, 0, stderr);
});

for (const [way, signal] of [
  ['driving', 'SIGINT'],
  ['driving', 'SIGTERM'],
  ['driving', 'SIGHUP'],
  ['run', 'SIGTERM'],
  ['runFor', 'SIGINT'],
] as const) {
  test(`${signal} stops the arm of a session (${way}), then ends the process as that signal does`, async (t) => {
    const { code, signal: by, lines } = await driving(t, way, signal);
    t.is(by, signal);
    t.is(code, null);
    t.true(lines.includes('stopped'));
  });
}

const WATCHERS = {
  async foxglove(address: string) {
    const client = await FoxgloveClient.connect(address);
    const seen = async () => (await client.heard()).messages.length;
    return { client, seen, isClosed: async () => (await client.heard()).closed !== undefined };
  },
  async dashboard(address: string) {
    const client = await PageClient.connect(address);
    const seen = async () => (await client.told()).frames.length;
    return { client, seen, isClosed: async () => (await client.told()).isClosed };
  },
} as const;

/** No end takes longer, on a machine that is busy [ms]. */
const LONGEST_END_MS = 15_000;

for (const way of ['foxglove', 'dashboard'] as const) {
  test(`SIGTERM while a client watches (${way}) stops the arm, ends the process and closes the connection`, async (t) => {
    await using simulator = await FrankaSimulator.start(WALL);
    const child = program('arm', simulator.address, way);
    await child.printed('driving');
    const told = child.lines.find((line) => line.startsWith('address ')) ?? '';
    const { client, seen, isClosed } = await WATCHERS[way](told.slice('address '.length));
    await using _ = client;
    await until(async () => (await seen()) > 10, 'the client is shown the arm');
    t.true(speed(simulator) > REST, 'the arm moves');
    t.false(await isClosed());
    const from = performance.now();
    child.process.kill('SIGTERM');
    const { signal, stderr } = await child.ended;
    t.is(signal, 'SIGTERM', stderr);
    t.true(performance.now() - from < LONGEST_END_MS);
    await finished(t, simulator);
    await until(isClosed, 'the connection is closed');
  });
}

test('a program that listens for the signal itself goes on', async (t) => {
  const { code, lines } = await driving(t, 'listening', 'SIGTERM');
  t.deepEqual(lines, ['driving', 'stopped', 'goes on']);
  t.is(code, 0);
});

test('process.exit() in mid-motion finishes the motion first', async (t) => {
  t.is((await driving(t, 'exit')).code, 7);
});

test('process.exit() after the event loop was blocked finishes the motion first', async (t) => {
  t.is((await driving(t, 'exitWhileBlocked')).code, 7);
});

test('an uncaught exception in mid-motion finishes the motion first', async (t) => {
  const { code, stderr } = await driving(t, 'throws');
  t.is(code, 1);
  t.regex(stderr, /uncaught/);
});

test('an unhandled rejection in mid-motion finishes the motion first', async (t) => {
  const { code, stderr } = await driving(t, 'rejects');
  t.is(code, 1);
  t.regex(stderr, /unhandled/);
});

test('a session with unref() lets the program end, and the motion is finished first', async (t) => {
  const { code, stderr } = await driving(t, 'unref');
  t.is(code, 0, stderr);
});

test('a session keeps a program alive that has nothing else to do', async (t) => {
  const { code, lines } = await driving(t, 'kept');
  t.deepEqual(lines, ['driving', 'stopped']);
  t.is(code, 0);
});

test('a program that is killed leaves an arm that comes to rest by itself', async (t) => {
  await using simulator = await FrankaSimulator.start(WALL);
  const child = program('arm', simulator.address, 'driving');
  await child.printed('driving');
  child.process.kill('SIGKILL');
  t.is((await child.ended).signal, 'SIGKILL');
  await until(() => speed(simulator) < REST, 'the arm is at rest');
  t.is(simulator.counters().motionsFinished, 0);
});

for (const way of ['exit', 'unref'] as const) {
  test(`a robot written in TypeScript is stopped at the end of the process (${way})`, async (t) => {
    const child = program('robot', way);
    const { code, lines, stderr } = await child.ended;
    t.deepEqual(lines, ['driving', 'robot stopped'], stderr);
    t.is(code, way === 'exit' ? 3 : 0);
  });
}

for (const way of ['driving', 'warmUp', 'reset'] as const) {
  test(`a robot written in TypeScript is stopped before a signal ends the process (${way})`, async (t) => {
    const child = program('robot', way);
    await child.printed('driving');
    child.process.kill('SIGTERM');
    const { signal, lines, stderr } = await child.ended;
    t.is(signal, 'SIGTERM');
    t.deepEqual(lines, ['driving', 'robot stopped'], stderr);
  });
}

for (const way of ['terminate', 'exit', 'unref', 'throws'] as const) {
  test(`a worker that ends in mid-motion (${way}) finishes the motion, and the process goes on`, async (t) => {
    await using simulator = await FrankaSimulator.start(WALL);
    const { code, signal, lines, stderr } = await program('workers', simulator.address, way).ended;
    t.is(signal, null, stderr);
    t.is(code, 0, stderr);
    const thrown = way === 'throws' ? ['error in a worker'] : [];
    t.deepEqual(lines, ['driving', ...thrown, 'worker ended', 'goes on']);
    await finished(t, simulator);
  });
}

test('twenty workers in a row load the addon and drive an arm', async (t) => {
  const { code, signal, lines, stderr } = await program('workers', '', 'load', '20').ended;
  t.is(signal, null, stderr);
  t.is(code, 0, stderr);
  t.is(lines.filter((line) => line === 'worker ended').length, 20);
});

test('thirty rounds of everything leave no thread and no file behind', async (t) => {
  const { code, lines, stderr } = await program('rounds').ended;
  t.is(code, 0, stderr);
  const { before, after } = JSON.parse(lines[0] ?? '');
  // The pool for what blocks grows and shrinks by itself.
  t.true(after.threads <= before.threads + 4, JSON.stringify({ before, after }));
  t.true(after.files <= before.files + 2, JSON.stringify({ before, after }));
});

test('a server that says nothing does not keep a program from its end', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const started = performance.now();
  const { code, lines, stderr } = await program('silence', `127.0.0.1:${port}`).ended;
  t.is(code, 0, stderr);
  t.deepEqual(lines, ['FRANKA_CONNECT_TIMEOUT']);
  t.true(performance.now() - started < 20_000);
  for (const socket of sockets) socket.destroy();
  server.close();
});
