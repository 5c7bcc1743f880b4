import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type MpifyOptions,
  mpify,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  type ProcessProxy,
  shaped,
} from '../../index.ts';
import { childrenOf, processorTicks, runs, stateOf } from '../fixtures/processes.ts';
import { program } from '../fixtures/programs.ts';
import type { Policy } from '../fixtures/remote.ts';
import { abortReason, rejection, until } from '../fixtures/waiting.ts';

type Remote = typeof import('../fixtures/remote.ts');
const url = new URL('../fixtures/remote.ts', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-mpify-'));
test.after.always(() => rmSync(folder, { recursive: true }));

interface Crash extends OffloadError {
  exitCode: number | null;
  signal: string | null;
  stderr: string;
}

async function made(
  t: ExecutionContext,
  options: MpifyOptions = {},
  journal?: string,
): Promise<ProcessProxy<Policy>> {
  const policy = await mpify.with(options)<Remote['makePolicy']>(url, 'makePolicy', journal);
  t.teardown(() => policy.stop({ timeoutS: 0 }));
  return policy;
}

async function crash(t: ExecutionContext, call: unknown): Promise<Crash> {
  const error = (await rejection(Promise.resolve(call))) as Crash;
  t.true(error instanceof OffloadError, String(error));
  t.is(error.code, 'OFFLOAD_CRASHED', error.message);
  return error;
}

/** What was written to a file, by lines. */
function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n');
}

test('methods and attributes are those of an object in another process', async (t) => {
  const policy = await made(t);
  const pid = await policy.pid;
  t.not(pid, process.pid);
  t.true(childrenOf('self').includes(pid));
  t.is(await policy.scale(4), 4);
  t.is(await policy.gain, 1);
  t.is(await policy.later, 'later');
  t.deepEqual(await policy.echo({ a: [1, undefined, 'ü', 4n] }), { a: [1, undefined, 'ü', 4n] });
  // biome-ignore lint/suspicious/noExplicitAny: nested members are typed one level deep
  const { deep } = policy as any;
  t.deepEqual([await deep.inner.value, await deep.inner.twice()], [3, 6]);
  const later = await mpify<Remote['makeLater']>(url, 'makeLater', 7);
  t.is(await later.scale(2), 14, 'a factory may be asynchronous');
  later.stop();
  const add = await mpify<Remote['makeFunction']>(url, 'makeFunction');
  t.is(await add(1), 2, 'what is made may be a function');
  add.stop();
});

test('an assignment is seen by the calls after it, one that fails is told by the next', async (t) => {
  const policy = await made(t);
  policy.gain = 3;
  t.is(await policy.scale(2), 6);
  // biome-ignore lint/suspicious/noExplicitAny: nested members are typed one level deep
  const untyped = policy as any;
  untyped.deep.inner.value = 8;
  t.is(await untyped.deep.inner.value, 8);
  untyped.checked = -1;
  untyped.checked = -2;
  const error = (await rejection(policy.scale(2))) as Error;
  t.true(error instanceof RangeError);
  t.is(error.message, 'below zero');
  t.is(await policy.scale(2), 6, 'told once');
  untyped.fixed = 6;
  t.true((await rejection(policy.scale(2))) instanceof TypeError);
  t.throws(() => Object.assign(untyped, { gain: () => 1 }), { code: 'OFFLOAD_NOT_CLONEABLE' });
  t.is(await policy.gain, 3);
});

test('generators are walked through, and their finally runs there', async (t) => {
  const policy = await made(t);
  const all: number[] = [];
  for await (const value of policy.count(4)) all.push(value);
  for await (const value of policy.count(100)) if (all.push(value) > 5) break;
  t.deepEqual(all, [0, 1, 2, 3, 0, 1]);
  t.deepEqual(await policy.endings(), ['count', 'count']);
  const error = (await rejection(
    (async () => {
      for await (const value of policy.countLater(9)) all.push(value);
    })(),
  )) as Error;
  t.like(error, { name: 'GripperError', message: 'four', code: 'GRIPPER_OPEN' });
  t.deepEqual(await policy.endings(), ['countLater']);
  for await (const _ of policy.countLater(9)) break;
  t.deepEqual(await policy.endings(), ['countLater']);
  const both = [policy.count(50), policy.count(50)].map(async (generator) => {
    let total = 0;
    for await (const value of generator) total += value;
    return total;
  });
  t.deepEqual(await Promise.all(both), [1225, 1225], 'side by side');
  await policy.endings();
  await rejection(policy.lateCount.with({ timeoutS: 0.05 })(150));
  await sleep(200);
  t.deepEqual(await policy.endings(), ['count'], 'one that nobody waits for is ended');
});

test('what is thrown arrives with class, message, stack, code and cause', async (t) => {
  const policy = await made(t);
  const error = (await rejection(policy.fail())) as Error;
  t.like(error, { message: 'it is open', code: 'GRIPPER_OPEN' });
  t.regex(error.stack ?? '', /remote\.ts/);
  t.true(error.cause instanceof TypeError);
  t.true((await rejection(Promise.resolve(policy.failing))) instanceof RangeError);
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const untyped = policy as any;
  for (const [call, code] of [
    [untyped.missing(), 'OFFLOAD_NOT_FOUND'],
    [untyped.gain(), 'OFFLOAD_NOT_FOUND'],
    [untyped.echo(() => 1), 'OFFLOAD_NOT_CLONEABLE'],
    [untyped.scale, 'OFFLOAD_NOT_CLONEABLE'],
    [untyped.missing.deeper, 'OFFLOAD_NOT_FOUND'],
  ] as const) {
    const refusal = (await rejection(Promise.resolve(call))) as OffloadError;
    t.true(refusal instanceof OffloadError, String(refusal));
    t.is(refusal.code, code);
  }
  t.is(await policy.scale(1), 1);
});

test('many calls are under way at a time, and each gets its own answer', async (t) => {
  const policy = await made(t);
  // None is answered before all are on their way.
  const waits = Array.from({ length: 128 }, (_, nth) => 500 + ((nth * 7) % 40));
  const calls = waits.map((ms, nth) => policy.wait(ms, { nth }));
  const error = (await rejection(policy.scale(1))) as OffloadError;
  t.is(error.code, 'OFFLOAD_QUEUE_FULL');
  for (const [nth, answer] of (await Promise.all(calls)).entries()) t.deepEqual(answer, { nth });
  t.is(await policy.scale(1), 1);
});

test('large arrays arrive right, and those that the child keeps stay as they were', async (t) => {
  const policy = await made(t, { sharedBytes: 8 * 2 ** 20 });
  for (const length of [0, 1, 129, 8192, 500_000, 2_000_000]) {
    const array = Float64Array.from({ length }, (_, nth) => nth);
    t.is(await policy.sum(array), (length * (length - 1)) / 2 || 0);
    const back = (await policy.echo(shaped(array, [length, 1]))) as typeof array & {
      shape: number[];
    };
    t.deepEqual([...back.shape], [length, 1]);
    t.true(Buffer.from(back.buffer).equals(Buffer.from(array.buffer)));
  }
  for (let nth = 0; nth < 60; nth += 1) await policy.keep(new Uint8Array(70_000).fill(nth));
  for (let nth = 0; nth < 1000; nth += 1) {
    const size = 70_000 + 1000 * (nth % 50);
    t.is((await policy.echo(new Uint8Array(size))).length, size);
  }
  t.true(await policy.kept());
});

test('a child that exits rejects all calls, with its code and its last words', async (t) => {
  const policy = await made(t);
  const answered = policy.scale(5);
  const calls = [
    policy.never(),
    policy.wait(5000, 1),
    policy.exit(7, 'first\n\u001b[31mlast words\n'),
    policy.gain,
  ];
  const errors = await Promise.all(calls.map((call) => crash(t, call)));
  for (const error of errors) {
    t.is(error.exitCode, 7);
    t.is(error.signal, null);
    t.is(error.stderr, 'first\n\u001b[31mlast words');
    t.regex(
      error.message,
      /^the process of remote\.ts ended with code 7; its last words:\n {4}first\n {4}\\x1b\[31mlast/,
    );
  }
  t.is(await answered, 5, 'what was answered before is not lost');
  t.is((await crash(t, policy.scale(1))).exitCode, 7);
  t.throws(() => Object.assign(policy, { gain: 1 }), { code: 'OFFLOAD_CRASHED' });
});

for (const signal of ['SIGTERM', 'SIGSEGV', 'SIGKILL'] as const) {
  test(`a child that ${signal} ends rejects all calls, and says so`, async (t) => {
    const policy = await made(t);
    const answered = policy.scale(5);
    const calls = [policy.never(), policy.die(signal)];
    for (const call of calls) {
      const error = await crash(t, call);
      t.is(error.exitCode, null);
      t.is(error.signal, signal);
      t.regex(error.message, new RegExp(`was killed by ${signal}`));
    }
    t.is(await answered, 5);
  });
}

test('what was answered before a child was killed is not lost, though nobody looked yet', async (t) => {
  const policy = await made(t);
  const pid = await policy.pid;
  const calls = Array.from({ length: 50 }, (_, nth) => policy.echo(new Uint8Array(5000).fill(nth)));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  process.kill(pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  for (const [nth, array] of (await Promise.all(calls)).entries()) t.is(array[4999], nth);
  await crash(t, policy.scale(1));
});

test('a child is made again as often as was said, and calls meanwhile wait for it', async (t) => {
  const policy = await made(t, { restarts: 2 });
  const pids = new Set([await policy.pid]);
  for (let round = 0; round < 2; round += 1) {
    const error = await crash(t, policy.exit(9));
    t.is(error.exitCode, 9);
    // At once: whoever tries again finds the next process.
    policy.gain = 4;
    const calls = [policy.scale(2), policy.scale(3)];
    t.deepEqual(await Promise.all(calls), [8, 12]);
    pids.add(await policy.pid);
  }
  t.is(pids.size, 3);
  t.is((await crash(t, policy.exit(9))).exitCode, 9);
  t.is((await crash(t, policy.scale(2))).exitCode, 9);
  t.deepEqual(
    childrenOf('self').filter((pid) => pids.has(pid)),
    [],
  );
});

test('an assignment while a child is made again that cannot be sent is told by the next call', async (t) => {
  const policy = await made(t, { restarts: 1 });
  await crash(t, policy.exit(9));
  Object.assign(policy, { gain: () => 1 });
  const error = (await rejection(policy.scale(2))) as OffloadError;
  t.is(error.code, 'OFFLOAD_NOT_CLONEABLE');
  t.is(await policy.scale(2), 2);
});

test('a signal that aborts once the object is made does not keep it from being made again', async (t) => {
  const abort = new AbortController();
  const policy = await made(t, { restarts: 1, signal: abort.signal });
  abort.abort();
  t.is(await policy.scale(2), 2);
  await crash(t, policy.exit(9));
  t.is(await policy.scale(2), 2);
});

test('a factory that fails rejects with what it threw, and leaves no process', async (t) => {
  await until(() => childrenOf('self').length === 0, 'the processes of other tests are gone');
  const error = (await rejection(mpify(url, 'makeNone'))) as Error;
  t.like(error, { message: 'no gripper', code: 'GRIPPER_OPEN' });
  t.true(error.cause instanceof RangeError);
  const exit = await crash(t, mpify(url, 'makeExit'));
  t.like(exit, { exitCode: 4, stderr: 'the driver is missing' });
  const missing = (await rejection(mpify(url, 'makeMissing'))) as OffloadError;
  t.true(missing instanceof OffloadError);
  t.is(missing.code, 'OFFLOAD_NOT_FOUND');
  t.regex(missing.message, /exports no function makeMissing; it exports .*makePolicy/);
  const constant = (await rejection(mpify(url, 'notAFunction'))) as OffloadError;
  t.is(constant.code, 'OFFLOAD_NOT_FOUND');
  const nowhere = new URL('./nowhere.ts', import.meta.url);
  t.regex(((await rejection(mpify(nowhere, 'make'))) as Error).message, /nowhere/);
  const late = mpify.with({ startTimeoutS: 1 })(url, 'makeNever');
  t.is(((await rejection(late)) as OffloadError).code, 'OFFLOAD_TIMEOUT');
  const abort = new AbortController();
  const aborted = abortReason(mpify.with({ signal: abort.signal })(url, 'makeNever'));
  setTimeout(() => abort.abort(new Error('not needed')), 50);
  t.is(((await aborted) as Error).message, 'not needed');
  t.deepEqual(childrenOf('self'), []);
});

test('a factory that fails when it is to be made again is told', async (t) => {
  const journal = join(folder, 'once');
  const policy = await mpify.with({ restarts: 3 })<Remote['makeOnce']>(url, 'makeOnce', journal);
  await crash(t, policy.exit(9));
  const error = await crash(t, policy.scale(2));
  t.regex(error.message, /could not be made again/);
  t.is((error.cause as Error).message, 'once only');
  t.deepEqual(linesOf(journal), ['made', 'made']);
});

test('stop ends the process before it returns, what was made is disposed of, no zombie stays', async (t) => {
  const journal = join(folder, 'stop');
  const policy = await made(t, {}, journal);
  const pid = await policy.pid;
  const calls = [policy.note(50, 'first'), policy.note(100, 'second')];
  policy.stop({ timeoutS: 30 });
  t.false(runs(pid));
  t.deepEqual(linesOf(journal), ['first', 'second', 'disposed'], 'calls are finished first');
  t.deepEqual(await Promise.all(calls), [undefined, undefined]);
  await until(() => stateOf(pid) === undefined, 'it is collected');
  for (const call of [policy.scale(1), policy.gain]) {
    t.is(((await rejection(Promise.resolve(call))) as OffloadError).code, 'OFFLOAD_STOPPED');
  }
  policy.stop();
});

test('a child that hangs is killed when stop has waited as long as was said', async (t) => {
  const policy = await made(t);
  const pid = await policy.pid;
  const hanging = rejection(policy.forever());
  const started = performance.now();
  policy.stop({ timeoutS: 0.2 });
  const tookMs = performance.now() - started;
  t.true(tookMs >= 190 && tookMs < 10_000, `${tookMs} ms`);
  t.false(runs(pid));
  t.is(((await hanging) as OffloadError).code, 'OFFLOAD_STOPPED');
  await until(() => stateOf(pid) === undefined, 'it is collected');
});

test('a stop while a child is made again ends that too', async (t) => {
  const policy = await made(t, { restarts: 5 });
  await crash(t, policy.exit(9));
  const waiting = rejection(policy.scale(1));
  policy.stop();
  t.is(((await waiting) as OffloadError).code, 'OFFLOAD_STOPPED');
  await until(() => childrenOf('self').length === 0, 'no process is left');
});

test('using and await using end the process', async (t) => {
  const pids: number[] = [];
  {
    using policy = await mpify<Remote['makePolicy']>(url, 'makePolicy');
    pids.push(await policy.pid);
  }
  t.false(runs(pids[0] ?? 0));
  {
    await using policy = await mpify<Remote['makePolicy']>(url, 'makePolicy');
    pids.push(await policy.pid);
  }
  t.is(stateOf(pids[1] ?? 0), undefined);
});

test('a call that is late or aborted is rejected, and the others are answered', async (t) => {
  const policy = await made(t);
  const beside = policy.wait(100, 'beside');
  const late = (await rejection(policy.wait.with({ timeoutS: 0.02 })(5000, 1))) as OffloadError;
  t.is(late.code, 'OFFLOAD_TIMEOUT');
  t.regex(late.message, /^wait of remote\.ts did not answer within 0\.02 s/);
  const abort = new AbortController();
  const call = abortReason(policy.wait.with({ signal: abort.signal })(5000, 1));
  abort.abort(new Error('moved on'));
  t.is(((await call) as Error).message, 'moved on');
  t.is(await beside, 'beside');
  const blocked = rejection(policy.block.with({ timeoutS: 0.02 })(200));
  const behind = policy.scale(3);
  t.is(((await blocked) as OffloadError).code, 'OFFLOAD_TIMEOUT');
  t.is(await behind, 3);
});

test('an idle child uses no processor time', async (t) => {
  const policy = await made(t);
  const pid = await policy.pid;
  await sleep(300);
  const [before, own] = [processorTicks(pid), process.cpuUsage()];
  await sleep(1000);
  const { user, system } = process.cpuUsage(own);
  // A tick is 10 ms; one that spun would use a whole second.
  const ticks = processorTicks(pid) - before;
  t.true(ticks <= 10, `${ticks} ticks`);
  t.true(user + system < 300_000, `${user + system} us`);
});

for (const way of ['idle', 'exit', 'throw', 'call', 'hung'] as const) {
  test(`the child ends with its parent (${way})`, async (t) => {
    const parent = program('children', 'node', way);
    if (way === 'hung') {
      await parent.printed('ready');
      parent.process.kill('SIGTERM');
    }
    const { code, signal, lines, stderr } = await parent.ended;
    const pid = Number(lines[0]);
    t.true(pid > 0, stderr);
    t.is(code, { idle: 0, exit: 3, throw: 1, call: 0, hung: null }[way], stderr);
    t.is(signal, way === 'hung' ? 'SIGTERM' : null);
    if (way === 'call') t.is(lines[1], 'answered', 'a call keeps the parent alive');
    await until(() => !runs(pid), 'the child is gone');
  });
}

test('the child ends with its parent where that is killed', async (t) => {
  const parent = program('children', 'node', 'stays');
  await parent.printed('ready');
  const pid = Number(parent.lines[0]);
  t.true(runs(pid));
  parent.process.kill('SIGKILL');
  await parent.ended;
  await until(() => !runs(pid), 'the child is gone');
});

test('Ctrl+C reaches the child too, which leaves it to the parent', async (t) => {
  const parent = program('children', 'node', 'listens');
  await parent.printed('ready');
  process.kill(Number(parent.lines[0]), 'SIGINT');
  await sleep(50);
  parent.process.kill('SIGINT');
  const { lines, stderr } = await parent.ended;
  t.is(lines.at(-1), 'after SIGINT 4', stderr);
});

test('what is handed in is checked', async (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const untyped = mpify as any;
  for (const [wrong, code, Class] of [
    [{ retries: 1 }, 'OPTION_UNKNOWN', OptionTypeError],
    [{ restarts: -1 }, 'OPTION_RESTARTS', OptionRangeError],
    [{ restarts: 1.5 }, 'OPTION_RESTARTS', OptionRangeError],
    [{ startTimeoutS: 0 }, 'OPTION_START_TIMEOUT_S', OptionRangeError],
    [{ signal: 5 }, 'OPTION_SIGNAL', OptionTypeError],
    [{ env: { A: 5 } }, 'OPTION_ENV', OptionTypeError],
    [{ env: { A: 'a\0b' } }, 'OPTION_ENV', OptionRangeError],
    [{ env: { 'A\0': 'a' } }, 'OPTION_ENV', OptionRangeError],
    [{ env: { 'A=B': 'a' } }, 'OPTION_ENV', OptionRangeError],
    [{ env: { '': 'a' } }, 'OPTION_ENV', OptionRangeError],
    [{ python: '/bin/py\0thon' }, 'OPTION_PYTHON', OptionRangeError],
    [{ execPath: '/bin/no\0de' }, 'OPTION_EXEC_PATH', OptionRangeError],
    [{ env: 5 }, 'OPTION_TYPE', OptionTypeError],
    [{ python: '' }, 'OPTION_PYTHON', OptionRangeError],
    [{ sharedBytes: Number.NaN }, 'OPTION_SHARED_BYTES', OptionRangeError],
    [undefined, 'OPTION_TYPE', OptionTypeError],
  ] as const) {
    t.throws(() => untyped.with(wrong), { code, instanceOf: Class });
  }
  t.like(await rejection(untyped('./remote.ts', 'makePolicy')), { code: 'OPTION_MODULE' });
  for (const wrong of [
    new URL('file://elsewhere/remote.js'),
    'file:///a%2Fb.js',
    'https://a.example/policy.py',
    { [Symbol.toStringTag]: 'URL', href: 'nowhere' },
    { [Symbol.toStringTag]: 'URL', href: url },
  ]) {
    t.like(await rejection(untyped(wrong, 'makePolicy')), { code: 'OPTION_MODULE' });
  }
  t.like(await rejection(untyped(url, 5)), { code: 'OPTION_NAME' });
  const refused = (await rejection(untyped(url, 'makePolicy', () => 1))) as OffloadError;
  t.is(refused.code, 'OFFLOAD_NOT_CLONEABLE');
  const policy = await made(t);
  const wrong = policy as unknown as { stop(options: unknown): void };
  t.throws(() => wrong.stop({ timeoutS: -1 }), { code: 'OPTION_TIMEOUT_S' });
  t.throws(() => policy.scale.with({ timeoutS: 0 }), { code: 'OPTION_TIMEOUT_S' });
  t.is(await policy.scale(1), 1);
});
