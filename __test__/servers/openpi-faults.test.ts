// What goes wrong with a policy server while an arm moves. Each fault comes 20 times in a session, and each time it is
// told by name, the arm stays without a reflex, and the server is asked again.

import test from 'ava';
import { openpiPolicy, type ServerError, Session } from '../../index.ts';
import { isRested, REST, setUp, speed, WALL } from '../fixtures/arms.ts';
import { swaying } from '../fixtures/servers/mapping.ts';
import { TestServer } from '../fixtures/servers/server.ts';
import { rejection, until } from '../fixtures/waiting.ts';

const TIMES = 20;

let server: TestServer;
test.before(async () => {
  server = await TestServer.start();
});
test.after.always(() => server?.[Symbol.asyncDispose]());
test.afterEach.always(async () => {
  await server.answer('ok');
});

/** What the server does, how the fault is told, and how long an answer may take [s]. */
const FAULTS: readonly (readonly [how: string, code: ServerError['code'], timeoutS?: number])[] = [
  ['text array', 'SERVER_ANSWER'],
  ['big endian', 'SERVER_ANSWER'],
  ['shape', 'SERVER_ANSWER'],
  ['flat', 'SERVER_ANSWER'],
  ['nan', 'SERVER_ANSWER'],
  ['infinite', 'SERVER_ANSWER'],
  ['missing', 'SERVER_ANSWER'],
  ['list', 'SERVER_ANSWER'],
  ['number', 'SERVER_ANSWER'],
  ['truncated', 'SERVER_FRAME'],
  ['empty', 'SERVER_FRAME'],
  ['twice in a frame', 'SERVER_FRAME'],
  ['oversized', 'SERVER_FRAME'],
  ['text for bytes', 'SERVER_FRAME'],
  ['too few bytes', 'SERVER_FRAME'],
  ['huge shape', 'SERVER_FRAME'],
  ['negative shape', 'SERVER_FRAME'],
  ['text shape', 'SERVER_FRAME'],
  ['announced', 'SERVER_FRAME'],
  ['deep', 'SERVER_FRAME'],
  ['many', 'SERVER_FRAME'],
  ['extension', 'SERVER_FRAME'],
  ['reserved bits', 'SERVER_FRAME'],
  ['unasked', 'SERVER_FRAME'],
  ['text', 'SERVER_FAILED'],
  ['traceback', 'SERVER_FAILED'],
  ['abort', 'SERVER_UNREACHABLE'],
  ['silent', 'SERVER_TIMEOUT', 0.1],
  ['slow', 'SERVER_TIMEOUT', 0.1],
];

for (const [how, code, timeoutS = 60] of FAULTS) {
  test(`a server whose answer is "${how}" is told as ${code}, ${TIMES} times, and taken up again`, async (t) => {
    await using setup = await setUp('jointPosition', WALL);
    const faults: ServerError[] = [];
    await using policy = await openpiPolicy(server.url, {
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
    // On a machine that stalls a good answer may be too late, too, and a connection.
    const others = faults.filter((fault) => fault.code !== code);
    t.deepEqual(others, [], `${others[0]}`);
    for (const { message } of faults) {
      t.true(message.startsWith(`the policy server 127.0.0.1:${server.port} cannot be used: `));
      t.false(message.includes(String.fromCharCode(27)));
    }
    t.log(faults[0]?.message);
    isRested(t, setup.simulator, undefined, how);
  });
}

test(`a server that is killed and started again is taken up again, ${TIMES} times`, async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  const faults: ServerError[] = [];
  await using policy = await openpiPolicy(server.url, {
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
    t.false(policy.stats.isConnected);
    await server.restart();
  }
  await until(() => policy.stats.connects === TIMES + 1, 'it is back');
  await session.stop();
  session.checkHealth();
  t.is(policy.stats.losses, TIMES);
  t.is(faults.length, TIMES, 'each loss is told once');
  t.true(faults.every(({ code }) => code === 'SERVER_UNREACHABLE'));
  isRested(t, setup.simulator);
});

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
