// A policy on an openpi server: what is sent and read, connecting, keys, limits, and the end of a connection.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  chunked,
  type OpenpiOptions,
  openpiPolicy,
  run,
  ServerError,
  Session,
  shaped,
} from '../../index.ts';
import type { ServerConnection } from '../../lib/servers/connection.ts';
import { openpiFrame } from '../../lib/servers/openpi-form.ts';
import { checkServerOptions, makeServerPolicy } from '../../lib/servers/policy-server.ts';
import { isRested, setUp, WALL } from '../fixtures/arms.ts';
import { program } from '../fixtures/programs.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { swaying } from '../fixtures/servers/mapping.ts';
import { serverFor, TestServer } from '../fixtures/servers/server.ts';
import { abortReason, block, rejection, until, warningsDuring } from '../fixtures/waiting.ts';

/** The options of a policy that is not asked in a session. */
const NOTHING: OpenpiOptions = { observe: () => ({}), actions: () => undefined, dtS: 0.02 };
const ZEROS = new Float64Array(7);
const QUESTION = { q: ZEROS, dq: ZEROS, goal: ZEROS };

let server: TestServer;
test.before(async () => {
  server = await TestServer.start();
});
test.after.always(() => server?.[Symbol.asyncDispose]());
test.afterEach.always(() => server.answer('ok'));

test('a policy on a server drives an arm, and shows what the server is and what it has done', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, swaying(setup.start));
  t.is(policy.url, `${server.url}/`);
  const { name, action_horizon: horizon, reset_pose: pose } = policy.metadata;
  t.deepEqual([name, horizon], ['test', 50]);
  t.deepEqual(Reflect.get(pose as object, 'data'), Float32Array.of(0, 1, 2, 3, 4, 5, 6));
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  await session.start();
  await until(() => session.stats.chunks > 2 || !session.isRunning, 'chunks');
  await session.stop();
  session.checkHealth();
  const { stats } = session;
  t.is(stats.badChunks, 0);
  const { isConnected, connects, questions, answers, ...faults } = policy.stats;
  t.true(isConnected && connects === 1);
  t.true(answers >= stats.chunks && questions >= answers);
  t.deepEqual([...new Set(Object.values(faults))], [0]);
  t.true(Object.isFrozen(policy.stats));
  isRested(t, setup.simulator);
});

test('everything that is told arrives in openpi as what it is', async (t) => {
  await using policy = await openpiPolicy(server.url, NOTHING);
  await server.answer('echo');
  const image = shaped(new Uint8Array(4 * 5 * 3).fill(200), [4, 5, 3]);
  const numbers = [1, 2, 3];
  const answer = await policy.infer({
    image,
    ofMany: new Float64Array([9, 1, 2, 3, 9]).subarray(1, 4),
    buffer: Buffer.from([1, 2, 3]),
    i1: Int8Array.from(numbers),
    u2: Uint16Array.from(numbers),
    i2: Int16Array.from(numbers),
    u4: Uint32Array.from(numbers),
    i4: Int32Array.from(numbers),
    i8: BigInt64Array.from([1n, 2n, -3n]),
    f4: shaped(Float32Array.from([1.5, 2.5, 3.5, 4.5]), [2, 2]),
    text: 'pick up the cube, käse 🧀',
    long: 'x'.repeat(70_000),
    numbers: [0, -0.5, 127, 128, -32, -33, 70_000, -70_000, 2 ** 40, -(2 ** 40), 1e300],
    big: 2n ** 64n - 1n,
    yes: true,
    no: false,
    none: null,
    nested: { list: [{ deep: 'text' }], empty: {}, nothing: [] },
  });
  const { seen, scalar } = answer.value as { seen: Record<string, unknown>; scalar: number };
  t.is(scalar, 1.5);
  t.is((seen['long'] as string).length, 'str '.length + 70_000);
  t.deepEqual(
    { ...seen, long: '' },
    {
      image: '|u1 [4, 5, 3] [200, 200, 200]',
      ofMany: '<f8 [3] [1.0, 2.0, 3.0]',
      buffer: '|u1 [3] [1, 2, 3]',
      i1: '|i1 [3] [1, 2, 3]',
      u2: '<u2 [3] [1, 2, 3]',
      i2: '<i2 [3] [1, 2, 3]',
      u4: '<u4 [3] [1, 2, 3]',
      i4: '<i4 [3] [1, 2, 3]',
      i8: '<i8 [3] [1, 2, -3]',
      f4: '<f4 [2, 2] [1.5, 2.5, 3.5]',
      text: 'str pick up the cube, käse 🧀',
      long: '',
      numbers: [
        'int 0',
        'float -0.5',
        'int 127',
        'int 128',
        'int -32',
        'int -33',
        'int 70000',
        'int -70000',
        `int ${2 ** 40}`,
        `int -${2 ** 40}`,
        'float 1e+300',
      ],
      big: `int ${2n ** 64n - 1n}`,
      yes: 'bool True',
      no: 'bool False',
      none: 'NoneType None',
      nested: { list: [{ deep: 'str text' }], empty: {}, nothing: [] },
    },
  );
  t.is(image.length, 60, 'what was told is still there');
});

for (const how of ['ok', 'half', 'double', 'batch', 'columns']) {
  test(`an answer of the kind "${how}" can be used`, async (t) => {
    await using policy = await openpiPolicy(server.url, NOTHING);
    await server.answer(how);
    const goal = Float64Array.from({ length: 7 }, (_, joint) => joint);
    const { data, shape, dims } = (await policy.infer({ ...QUESTION, goal })).array('actions', [
      null,
      7,
    ]);
    t.deepEqual(
      [shape, dims],
      [
        [50, 7],
        [50, 7],
      ],
    );
    // The rows lead from 0 to the goal.
    t.deepEqual(Array.from(data.slice(0, 7)), new Array(7).fill(0));
    t.true(Math.abs((data.at(-1) ?? 0) - 5.45) < 0.1, `${data.at(-1)}`);
    t.true(Math.abs((data[49 * 7 + 3] ?? 0) / (data.at(-1) ?? 1) - 0.5) < 1e-3);
  });
}

test('what cannot be told is refused by its name', async (t) => {
  await using policy = await openpiPolicy(server.url, NOTHING);
  const loop: Record<string, unknown> = {};
  loop['again'] = loop;
  const wrong = shaped(new Float32Array(4), [2, 2]);
  structuredClone(wrong, { transfer: [wrong.buffer] });
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [
      { a: { b: [undefined] } },
      /^the observation\.a\.b\.0 is undefined; expected a number, a text/,
    ],
    [{ f: () => 1 }, /^the observation\.f is function f; expected/],
    [{ s: Symbol('s') }, /^the observation\.s is Symbol\(s\)/],
    [{ n: 2n ** 64n }, /^the observation\.n is 18446744073709551616n/],
    [
      { v: new DataView(new ArrayBuffer(2)) },
      /^the observation\.v is .*; expected an array of num/,
    ],
    [{ w: wrong }, /^the observation\.w is Float32Array of length 0; expected a shape/],
    [loop, /expected values nested at most 16 deep/],
  ];
  for (const [told, message] of refused) {
    const error = (await rejection(policy.infer(told as never))) as Error;
    t.true(error instanceof TypeError, `${error}`);
    t.regex(error.message, message);
  }
  t.is(policy.stats.questions, 0);
});

test('a key is sent, is not shown, and is warned of where others can read it', async (t) => {
  const server = await serverFor(t, { API_KEY: 'hidden-key' });
  const warnings = await warningsDuring(async () => {
    await using policy = await openpiPolicy(server.url, { ...NOTHING, apiKey: 'hidden-key' });
    t.is(policy.metadata['name'], 'test');
    t.false(JSON.stringify(policy).includes('hidden'));
    const far = { ...NOTHING, apiKey: 'hidden-key', signal: AbortSignal.timeout(20) };
    await rejection(openpiPolicy('ws://192.0.2.1:8000', far));
  });
  t.deepEqual(
    warnings.map((warning) => Reflect.get(warning, 'code')),
    ['KILOHERTZ_API_KEY'],
  );
  t.regex(warnings[0]?.message ?? '', /^the apiKey for 192\.0\.2\.1:8000 goes over ws:/);
  const wrong = { ...NOTHING, apiKey: 'another', connectTimeoutS: 600 };
  const error = (await rejection(openpiPolicy(server.url, wrong))) as ServerError;
  t.is(error.code, 'SERVER_UNREACHABLE');
  t.regex(error.message, /HTTP 401 Unauthorized\. Is apiKey right\?/);
  t.notRegex(error.message, /another/);
});

test('a name, a password and a query in a URL are in no message', async (t) => {
  const url = 'ws://user:hidden@127.0.0.1:1/path?token=hidden';
  const error = (await rejection(
    openpiPolicy(url, { ...NOTHING, connectTimeoutS: 0.1 }),
  )) as ServerError;
  t.regex(error.message, /policy server 127\.0\.0\.1:1 cannot be used/);
  t.notRegex(error.message, /hidden/);
});

test('a server with TLS is believed where its authority is known', async (t) => {
  const folder = folderFor(t);
  const [key, certificate, both] = ['key.pem', 'cert.pem', 'both.pem'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const asked = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const named = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-nodes', '-days', '2', '-keyout', key, '-out', certificate];
  execFileSync('openssl', [...asked, ...named, ...files], { stdio: 'pipe' });
  const ca = readFileSync(certificate, 'utf8');
  writeFileSync(both, `${readFileSync(key, 'utf8')}${ca}`);
  const server = await serverFor(t, { CERTIFICATE: both });
  const url = server.url.replace('ws:', 'wss:');
  await using policy = await openpiPolicy(url, { ...NOTHING, ca });
  t.deepEqual((await policy.infer(QUESTION)).array('actions').shape, [50, 7]);
  const error = (await rejection(
    openpiPolicy(url, { ...NOTHING, connectTimeoutS: 600 }),
  )) as ServerError;
  t.is(error.code, 'SERVER_UNREACHABLE');
  t.regex(error.message, /self-signed certificate/);
});

/** The URL of a server that this test makes. */
async function listening(t: ExecutionContext, server: Server): Promise<string> {
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a server that cannot be connected to is told by name, within the time that is allowed', async (t) => {
  const silent = await listening(
    t,
    createServer(() => undefined),
  );
  const page = await listening(
    t,
    createHttpServer((_, response) => response.end('a page')),
  );
  await server.answer('no metadata');
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['ws://127.0.0.1:1', 'SERVER_UNREACHABLE', /within 5 s: connect ECONNREFUSED 127\.0\.0\.1:1/],
    ['ws://no-such-host.invalid', 'SERVER_UNREACHABLE', /within 5 s: getaddrinfo/],
    [
      page,
      'SERVER_UNREACHABLE',
      /refused the connection with HTTP 200 OK\. Is it a policy server\?/,
    ],
    [silent, 'SERVER_TIMEOUT', /within 5 s: it has not answered/],
    [server.url, 'SERVER_TIMEOUT', /within 5 s: it has not answered/],
  ];
  // One after the other: threads that start at the same time wait for each other.
  for (const [url, code, message] of cases) {
    const connecting = openpiPolicy(url, { ...NOTHING, connectTimeoutS: 5 });
    const error = (await rejection(connecting)) as ServerError;
    t.true(error instanceof ServerError, `${error}`);
    t.is(error.code, code as never, `${url}: ${error.message}`);
    t.regex(error.message, message);
  }
});

test('a server that starts late is waited for', async (t) => {
  await server.kill();
  const connecting = openpiPolicy(server.url, { ...NOTHING, connectTimeoutS: 60 });
  await server.restart();
  await using policy = await connecting;
  t.is(policy.stats.connects, 1);
});

test('connecting and asking end when their signal aborts', async (t) => {
  const controller = new AbortController();
  const connecting = openpiPolicy('ws://127.0.0.1:1', { ...NOTHING, signal: controller.signal });
  controller.abort('enough');
  t.is(await abortReason(connecting), 'enough');
  await using policy = await openpiPolicy(server.url, NOTHING);
  await server.answer('silent');
  const asking = new AbortController();
  const asked = policy.infer(QUESTION, { signal: asking.signal });
  asking.abort('no longer');
  t.is(await abortReason(asked), 'no longer');
});

test('a call may have a time of its own, and a call after it is answered by its own answer', async (t) => {
  await using policy = await openpiPolicy(server.url, { ...NOTHING, timeoutS: 60 });
  await server.answer('silent');
  const error = (await rejection(policy.infer(QUESTION, { timeoutS: 0.05 }))) as ServerError;
  t.is(error.code, 'SERVER_TIMEOUT');
  t.regex(error.message, /no answer came within 0\.05 s/);
  await server.answer('ok');
  const ones = await policy.infer({ ...QUESTION, q: new Float64Array(7).fill(1) });
  t.is(ones.array('actions').data[0], 1);
  t.is(policy.stats.timeouts, 1);
});

test('the time of a call includes the wait for the connection', async (t) => {
  const limits: number[] = [];
  const connection = {
    onLost: () => undefined,
    takeMemory: () => undefined,
    async connected(limitS: number): Promise<void> {
      limits.push(limitS);
      await sleep(100);
    },
    async ask(_frame: unknown, limitS: number): Promise<never> {
      limits.push(limitS);
      throw new Error('it was asked');
    },
  } as unknown as ServerConnection;
  const checked = checkServerOptions(NOTHING);
  const frameOf = openpiFrame;
  const place = new URL('ws://127.0.0.1');
  const policy = makeServerPolicy(place, connection, NOTHING, checked, { frameOf });
  const error = await rejection(policy.infer(QUESTION, { timeoutS: 60 }));
  t.is((error as Error).message, 'it was asked');
  const [first, second = 0] = limits;
  t.is(first, 60);
  t.true(second < 59.95 && second > 0, `${second}`);
});

test('answers belong to their questions, however many are open', async (t) => {
  await using policy = await openpiPolicy(server.url, NOTHING);
  const firsts = await Promise.all(
    Array.from({ length: 50 }, async (_, nth) => {
      const q = new Float64Array(7).fill(nth);
      return (await policy.infer({ ...QUESTION, q })).array('actions').data[0];
    }),
  );
  t.deepEqual(
    firsts,
    Array.from({ length: 50 }, (_, nth) => nth),
  );
});

test('the thread of the connection goes on while the main thread is blocked', async (t) => {
  await using policy = await openpiPolicy(server.url, NOTHING);
  const asked = policy.infer(QUESTION, { timeoutS: 0.5 });
  await new Promise(setImmediate);
  block(1_000);
  // It came in time, although this thread could not take it.
  t.deepEqual((await asked).array('actions').shape, [50, 7]);
});

test('a policy that was closed ends its session by name, and may be closed again', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  const policy = await openpiPolicy(server.url, swaying(setup.start));
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  const ended = rejection(session.run());
  await until(() => policy.stats.answers > 3, 'answers');
  await policy.close();
  await policy.close();
  t.is(((await ended) as ServerError).code, 'SERVER_CLOSED');
  t.is(((await rejection(policy.infer(QUESTION))) as ServerError).code, 'SERVER_CLOSED');
  isRested(t, setup.simulator);
});

test('a connection that is open keeps no program alive', async (t) => {
  const { code, lines } = await program('served', server.url).ended;
  t.deepEqual([code, lines], [0, ['asked']]);
});

test('the policy is reset at the start of a session, and the chunks are those of chunked()', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  let resets = 0;
  await using policy = await openpiPolicy(server.url, {
    ...swaying(setup.start),
    replanAt: { rateHz: 5 },
    onReset: () => {
      resets += 1;
    },
  });
  const stats = await run(setup.arm, policy, { warmupS: 0, durationS: 1 });
  t.is(resets, 1);
  t.true(stats.chunks > 1 && stats.chunks < 10, `${stats.chunks}`);
});

test('the function of such a policy is one of chunked() as well, for a worker', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, swaying(setup.start));
  const stats = await run(setup.arm, chunked(policy.policy), { warmupS: 0, durationS: 0.5 });
  t.true(stats.chunks > 0);
});

test('what the functions of the user throw ends the session as an error of the policy', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  for (const name of ['observe', 'actions'] as const) {
    let calls = 0;
    const mapped = swaying(setup.start);
    const broken = (...args: never[]): never => {
      calls += 1;
      if (calls > 3) throw new RangeError(`no ${name}`);
      return Reflect.apply(mapped[name], undefined, args) as never;
    };
    await using policy = await openpiPolicy(server.url, { ...mapped, [name]: broken });
    const error = await rejection(run(setup.arm, policy, { warmupS: 0 }));
    t.is(Reflect.get(error as object, 'code'), 'POLICY_THREW');
    t.regex(String(Reflect.get(error as object, 'message')), new RegExp(`RangeError: no ${name}`));
  }
  isRested(t, setup.simulator);
});

test('options are checked before anything is connected to', async (t) => {
  const refused: readonly (readonly [unknown, object, string])[] = [
    ['http://127.0.0.1', {}, 'OPTION_URL'],
    ['127.0.0.1:8000', {}, 'OPTION_URL'],
    [5, {}, 'OPTION_URL'],
    ['ws://127.0.0.1:8000/#part', {}, 'OPTION_URL'],
    ['ws://127.0.0.1', { observe: 5 }, 'OPTION_OBSERVE'],
    ['ws://127.0.0.1', { actions: undefined }, 'OPTION_ACTIONS'],
    ['ws://127.0.0.1', { dtS: 0 }, 'OPTION_DT_S'],
    ['ws://127.0.0.1', { dtS: undefined }, 'OPTION_DT_S'],
    ['ws://127.0.0.1', { timeoutS: 0 }, 'OPTION_TIMEOUT_S'],
    ['ws://127.0.0.1', { connectTimeoutS: 0 }, 'OPTION_CONNECT_TIMEOUT_S'],
    ['ws://127.0.0.1', { timeoutS: Number.POSITIVE_INFINITY }, 'OPTION_TIMEOUT_S'],
    ['ws://127.0.0.1', { maxAwayS: -1 }, 'OPTION_MAX_AWAY_S'],
    ['ws://127.0.0.1', { maxAnswerBytes: 10 }, 'OPTION_MAX_ANSWER_BYTES'],
    ['ws://127.0.0.1', { apiKey: 'two\nlines' }, 'OPTION_API_KEY'],
    ['ws://127.0.0.1', { apiKey: 5 }, 'OPTION_API_KEY'],
    ['ws://127.0.0.1', { ca: 'no PEM' }, 'OPTION_CA'],
    ['ws://127.0.0.1', { onFault: 5 }, 'OPTION_ON_FAULT'],
    ['ws://127.0.0.1', { onReset: 'reset' }, 'OPTION_ON_RESET'],
    ['ws://127.0.0.1', { signal: {} }, 'OPTION_SIGNAL'],
    ['ws://127.0.0.1', { replanAt: 2 }, 'OPTION_REPLAN_AT'],
  ];
  for (const [url, options, code] of refused) {
    const error = await rejection(openpiPolicy(url as string, { ...NOTHING, ...options }));
    t.is(Reflect.get(error as object, 'code'), code, `${error}`);
    t.notRegex(String(error), /two/);
  }
});
