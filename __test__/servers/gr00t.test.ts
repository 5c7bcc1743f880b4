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
  Session,
  shaped,
  type Tick,
} from '../../index.ts';
import { isRested, setUp, WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { serverFor, TestServer } from '../fixtures/servers/server.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const PROGRAM = 'gr00t_server.py';
const TIMES = 20;
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

/** What the server does, how the fault is told, and how long an answer may take [s]. */
const FAULTS: readonly (readonly [how: string, code: ServerError['code'], timeoutS?: number])[] = [
  ['text array', 'SERVER_ANSWER'],
  ['pickle', 'SERVER_ANSWER'],
  ['shape', 'SERVER_ANSWER'],
  ['nan', 'SERVER_ANSWER'],
  ['missing', 'SERVER_ANSWER'],
  ['truncated', 'SERVER_FRAME'],
  ['empty', 'SERVER_FRAME'],
  ['text for bytes', 'SERVER_FRAME'],
  ['no file', 'SERVER_FRAME'],
  ['short file', 'SERVER_FRAME'],
  ['bad header', 'SERVER_FRAME'],
  ['error', 'SERVER_FAILED'],
  ['ERROR', 'SERVER_FAILED'],
  ['oversized', 'SERVER_FRAME'],
  ['silent', 'SERVER_TIMEOUT', 0.2],
];

for (const [how, code, timeoutS = 60] of FAULTS) {
  test(`a server whose reply is "${how}" is told as ${code}, ${TIMES} times, and taken up again`, async (t) => {
    await using setup = await setUp('jointPosition', WALL);
    const faults: ServerError[] = [];
    await using policy = await gr00tPolicy(url(), {
      ...swaying(setup.start),
      timeoutS,
      maxAwayS: 100,
      maxAnswerBytes: 1 << 20,
      onFault: (error) => faults.push(error),
    });
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    session.on('error', () => undefined);
    await session.start();
    const goesOn = async (): Promise<void> => {
      const { answers } = policy.stats;
      await until(() => policy.stats.answers > answers || !session.isRunning, 'an answer');
    };
    for (let time = 0; time < TIMES; time += 1) {
      await goesOn();
      const before = faults.length;
      await server.answer(how);
      await until(() => faults.length > before || !session.isRunning, `${how} is told`);
      await server.answer('ok');
    }
    await goesOn();
    await session.stop();
    session.checkHealth();
    t.true(faults.length >= TIMES);
    const others = faults.filter((fault) => fault.code !== code);
    t.deepEqual(others, [], `${others[0]}`);
    t.log(faults[0]?.message);
    isRested(t, setup.simulator, undefined, how);
  });
}

test(`a server that is killed and started again is taken up again, ${TIMES} times`, async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  const faults: ServerError[] = [];
  await using policy = await gr00tPolicy(url(), {
    ...swaying(setup.start),
    maxAwayS: 100,
    onFault: (error) => faults.push(error),
  });
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  session.on('error', () => undefined);
  await session.start();
  for (let time = 0; time < TIMES; time += 1) {
    const { answers } = policy.stats;
    await until(() => policy.stats.answers > answers || !session.isRunning, 'an answer');
    const before = faults.length;
    await server.kill();
    await until(() => faults.length > before || !session.isRunning, 'the loss is told');
    await server.restart();
  }
  await until(() => policy.stats.connects > TIMES, 'it is back');
  await session.stop();
  session.checkHealth();
  t.true(faults.every(({ code }) => code === 'SERVER_UNREACHABLE'));
  isRested(t, setup.simulator);
});

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
  for (const [stranger, code, message] of cases) {
    t.teardown(() => stranger.close());
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    const connecting = gr00tPolicy(`tcp://127.0.0.1:${port}`, { ...NOTHING, connectTimeoutS: 3 });
    const error = (await rejection(connecting)) as ServerError;
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
