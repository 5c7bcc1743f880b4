// A policy on a GR00T server: what is sent and read, and each fault 20 times while an arm moves.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import test from 'ava';
import {
  type Gr00tOptions,
  gr00tPolicy,
  type RobotState,
  run,
  type ServerError,
  shaped,
  type Tick,
} from '../../index.ts';
import { isRested, setUp, WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { areTakenUpAgain, TIMES } from '../fixtures/servers/faults.ts';
import { serverFor, TestServer } from '../fixtures/servers/server.ts';
import { rejection, rejections } from '../fixtures/waiting.ts';

const PROGRAM = 'gr00t_server.py';
const NOTHING: Gr00tOptions = { observe: () => ({}), actions: () => undefined, dtS: 0.02 };
const ZEROS = shaped(new Float32Array(7), [1, 1, 7]);
const QUESTION = { state: { q: ZEROS, dq: ZEROS, goal: ZEROS } };

let server: TestServer;
test.before(async () => {
  server = await TestServer.start({}, PROGRAM);
});
test.after.always(() => server?.[Symbol.asyncDispose]());
test.afterEach.always(() => server.answer('ok'));

const url = (): string => `tcp://127.0.0.1:${server.port}`;

/** The options of a policy that moves joint 1 back and forth, by the model of `model.py`. */
function swaying(start: readonly number[]): Pick<Gr00tOptions, 'observe' | 'actions' | 'dtS'> {
  const row = (numbers: ArrayLike<number>) => shaped(Float32Array.from(numbers), [1, 1, 7]);
  return {
    observe: ({ q_d, dq_d }: RobotState, { timeS }: Tick) => {
      const goal = Array.from(start);
      goal[0] = (goal[0] ?? 0) + (Math.floor(timeS) % 2 === 0 ? 0.1 : 0);
      return { state: { q: row(q_d), dq: row(dq_d), goal: row(goal) } };
    },
    actions: (answer) => answer.array('arm', [null, 7]),
    dtS: 0.02,
  };
}

test('a policy on a GR00T server drives an arm, and shows what the server wants', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await gr00tPolicy(url(), swaying(setup.start));
  t.deepEqual(policy.metadata['video'], { delta_indices: [0], modality_keys: ['front'] });
  const stats = await run(setup.arm, policy, { warmupS: 0, durationS: 1 });
  t.true(stats.chunks > 1);
  t.is(stats.badChunks, 0);
  t.is(policy.stats.losses, 0);
  await server.answer('echo');
  const answer = await policy.infer({
    ...QUESTION,
    video: { front: shaped(new Uint8Array(2 * 3 * 3), [1, 1, 2, 3, 3]) },
    language: { task: [['pick up the cube']] },
  });
  // It was reset for the session.
  t.deepEqual(answer.value, { told: "|u1 [1, 1, 2, 3, 3] {'task': [['pick up the cube']]} 1" });
  isRested(t, setup.simulator);
});

for (const how of ['ok', 'half', 'columns', 'fortran']) {
  test(`a reply of the kind "${how}" can be used`, async (t) => {
    await using policy = await gr00tPolicy(url(), NOTHING);
    await server.answer(how);
    const goal = shaped(
      Float32Array.from({ length: 7 }, (_, joint) => joint),
      [1, 1, 7],
    );
    const answer = await policy.infer({ state: { ...QUESTION.state, goal } });
    const { data, shape } = answer.array('arm', [null, 7]);
    t.deepEqual(shape, [50, 7]);
    t.deepEqual(Array.from(data.slice(0, 7)), new Array(7).fill(0));
    t.true(Math.abs((data[49 * 7 + 3] ?? 0) / (data.at(-1) ?? 1) - 0.5) < 1e-3, `${data.at(-1)}`);
  });
}

/** What the server does, by the code of the fault. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  SERVER_ANSWER: ['text array', 'pickle', 'shape', 'nan', 'missing'],
  SERVER_FRAME: [
    ...['truncated', 'empty', 'text for bytes', 'no file', 'short file', 'bad header'],
    'oversized',
  ],
  SERVER_FAILED: ['error', 'ERROR'],
  SERVER_UNREACHABLE: ['killed'],
  SERVER_TIMEOUT: ['silent'],
};

for (const [code, hows] of Object.entries(FAULTS)) {
  test(`${TIMES} times each, a fault is told as ${code} and the server is taken up again: ${hows.join(', ')}`, async (t) => {
    const timeoutS = code === 'SERVER_TIMEOUT' ? 0.2 : 60;
    await areTakenUpAgain(t, server, {
      hows,
      code,
      connect: (start, options) =>
        gr00tPolicy(url(), { ...swaying(start), ...options, timeoutS, maxAnswerBytes: 1 << 20 }),
    });
  });
}

test('a server that cannot be connected to is told by name', async (t) => {
  const nobody = gr00tPolicy('tcp://127.0.0.1:1', { ...NOTHING, connectTimeoutS: 2 });
  const error = (await rejection(nobody)) as ServerError;
  t.is(error.code, 'SERVER_UNREACHABLE', error.message);
  t.regex(error.message, /connect ECONNREFUSED 127\.0\.0\.1:1/);
  const locked = await serverFor(t, { API_KEY: 'hidden' }, PROGRAM);
  const place = `tcp://127.0.0.1:${locked.port}`;
  const wrong = { ...NOTHING, apiKey: 'another', connectTimeoutS: 2 };
  const refused = (await rejection(gr00tPolicy(place, wrong))) as ServerError;
  t.is(refused.code, 'SERVER_FAILED');
  t.regex(refused.message, /Unauthorized/);
  await using policy = await gr00tPolicy(place, { ...NOTHING, apiKey: 'hidden' });
  t.deepEqual((await policy.infer(QUESTION)).array('arm', [null, 7]).shape, [50, 7]);
  for (const address of ['tcp://127.0.0.1', 'ws://127.0.0.1:5555', '127.0.0.1:5555']) {
    const malformed = await rejection(gr00tPolicy(address, NOTHING));
    t.is(Reflect.get(malformed as object, 'code'), 'OPTION_URL');
  }
});

test('what is no server of ZeroMQ is told by name', async (t) => {
  const page = createServer((socket) =>
    socket.end(`HTTP/1.1 400 Bad Request\r\n${' '.repeat(80)}`),
  );
  const other = createServer((socket) => socket.write(greeting('CURVE')));
  const torn = createServer((socket) => socket.end(greeting('NULL').subarray(0, 30)));
  const wrongParts = createServer((socket) => {
    socket.write(greeting('NULL'));
    socket.write(Buffer.from([4, 6, 5, ...Buffer.from('READY'), 0, 3, 1, 2, 3]));
  });
  const cases: readonly (readonly [Server, string, RegExp])[] = [
    [page, 'SERVER_FRAME', /a greeting of something else; expected a server that speaks ZeroMQ/],
    [other, 'SERVER_FRAME', /the mechanism "CURVE"; expected/],
    [torn, 'SERVER_UNREACHABLE', /it closed the connection/],
    [wrongParts, 'SERVER_FRAME', /parts of a message in another order/],
  ];
  const errors = await rejections(
    cases.map(async ([stranger]) => {
      t.teardown(() => stranger.close());
      stranger.listen(0, '127.0.0.1');
      await once(stranger, 'listening');
      const { port } = stranger.address() as AddressInfo;
      return gr00tPolicy(`tcp://127.0.0.1:${port}`, { ...NOTHING, connectTimeoutS: 8 });
    }),
  );
  for (const [nth, [, code, message]] of cases.entries()) {
    const error = errors[nth] as ServerError;
    t.is(error.code, code as never, error.message);
    t.regex(error.message, message);
  }
});

/** The greeting of a server, with this mechanism. */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
  bytes.write(mechanism, 12);
  return bytes;
}

test('a connection that is open keeps no program alive', async (t) => {
  const { code, lines, stderr } = await program('served', url()).ended;
  t.deepEqual([code, lines, stderr], [0, ['asked'], '']);
});
