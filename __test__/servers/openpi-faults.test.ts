// What goes wrong with a policy server while an arm moves. Each fault comes 20 times in a session, and each time it is
// told by name, the arm stays without a reflex, and the server is asked again.

import test from 'ava';
import { openpiPolicy, type ServerError, Session } from '../../index.ts';
import { isRested, REST, setUp, speed, WALL } from '../fixtures/arms.ts';
import { areTakenUpAgain, TIMES } from '../fixtures/servers/faults.ts';
import { swaying } from '../fixtures/servers/mapping.ts';
import { TestServer } from '../fixtures/servers/server.ts';
import { rejection, until } from '../fixtures/waiting.ts';

let server: TestServer;
test.before(async () => {
  server = await TestServer.start();
});
test.after.always(() => server?.[Symbol.asyncDispose]());
test.afterEach.always(async () => {
  await server.answer('ok');
});

/** What the server does, by the code of the fault. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  SERVER_ANSWER: [
    ...['text array', 'big endian', 'shape', 'flat', 'nan', 'infinite', 'missing', 'list'],
    'number',
  ],
  SERVER_FRAME: [
    ...['truncated', 'empty', 'twice in a frame', 'oversized', 'text for bytes', 'too few bytes'],
    ...['huge shape', 'negative shape', 'text shape', 'announced', 'deep', 'many', 'extension'],
    ...['reserved bits', 'unasked'],
  ],
  SERVER_FAILED: ['text', 'traceback'],
  SERVER_UNREACHABLE: ['abort', 'killed'],
  SERVER_TIMEOUT: ['silent', 'slow'],
};

for (const [code, hows] of Object.entries(FAULTS)) {
  test(`${TIMES} times each, a fault is told as ${code} and the server is taken up again: ${hows.join(', ')}`, async (t) => {
    const timeoutS = code === 'SERVER_TIMEOUT' ? 0.1 : 60;
    await areTakenUpAgain(t, server, {
      hows,
      code,
      connect: (start, options) =>
        openpiPolicy(server.url, {
          ...swaying(start),
          ...options,
          timeoutS,
          maxAnswerBytes: 1 << 20,
        }),
    });
  });
}

test('while the server is away the arm comes to rest, and it moves again when the server is back', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, {
    ...swaying(setup.start),
    maxAwayS: 100,
    onFault: () => undefined,
  });
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  session.on('error', () => undefined);
  const events: string[] = [];
  for (const name of ['resting', 'resumed'] as const) session.on(name, () => events.push(name));
  await session.start();
  await until(() => speed(setup.simulator) > 2 * REST, 'the arm moves');
  await server.kill();
  await until(() => events.includes('resting'), 'the chunk is over');
  await until(() => speed(setup.simulator) < REST / 10, 'the arm stands');
  const [stands = 0] = setup.simulator.joints().q;
  const { emptyAnswers } = session.stats;
  await until(() => session.stats.emptyAnswers > emptyAnswers + 50, 'it is still asked');
  t.true(Math.abs((setup.simulator.joints().q[0] ?? 0) - stands) < 1e-3);
  await server.restart();
  const resumed = events.length;
  await until(() => events.slice(resumed).includes('resumed'), 'it goes on');
  await until(() => speed(setup.simulator) > 2 * REST, 'the arm moves again');
  await session.stop();
  session.checkHealth();
  isRested(t, setup.simulator);
});

test('a server that is away for longer than maxAwayS ends the session by name', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, {
    ...swaying(setup.start),
    maxAwayS: 0.3,
    onFault: () => undefined,
  });
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  const ended = rejection(session.run());
  await until(() => policy.stats.answers > 3, 'answers');
  await server.kill();
  const error = (await ended) as ServerError;
  await server.restart();
  t.is(error.name, 'ServerError');
  t.is(error.code, 'SERVER_UNREACHABLE');
  t.regex(
    error.message,
    /^in cycle \d+ there was no answer that can be used for 0\.3 s \(maxAwayS\): the policy server 127\.0\.0\.1:\d+ cannot be used: .+ \(docs\/errors\.md#server_unreachable\)$/,
  );
  t.true((error.tick ?? 0) > 0);
  t.true(error.lastStates.length > 0);
  isRested(t, setup.simulator);
});

test('with a maxAwayS of 0 the first fault ends the session', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, { ...swaying(setup.start), maxAwayS: 0 });
  const ended = rejection(new Session(setup.arm, policy, { warmupS: 0 }).run());
  await until(() => policy.stats.answers > 3, 'answers');
  await server.answer('nan');
  const error = (await ended) as ServerError;
  t.is(error.code, 'SERVER_ANSWER');
  t.regex(
    error.message,
    /"actions" of the answer has NaN at \[3\]\[2\]; expected an array of finite/,
  );
  t.regex(String(error.received), /NaN at \[3\]\[2\]/);
  isRested(t, setup.simulator);
});

test('a fault before the first answer of a session ends it at once, and the arm has not moved', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  await using policy = await openpiPolicy(server.url, { ...swaying(setup.start), maxAwayS: 1_000 });
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  await server.answer('traceback');
  const error = (await rejection(session.run())) as ServerError;
  t.is(error.code, 'SERVER_FAILED');
  t.regex(error.message, /\n {4}ValueError: the model has no \\x1b\[31mweights\n/);
  t.regex(String(error.traceback), /^Traceback \(most recent call last\)/);
  t.true(Math.abs((setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0)) < 1e-4);
  await server.answer('ok');
  const stats = await session.run({ durationS: 0.5 });
  t.true(stats.chunks > 0, 'the next start goes on');
});
