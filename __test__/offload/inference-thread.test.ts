import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import {
  InferenceThread,
  type InferenceThreadOptions,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  shaped,
} from '../../index.ts';
import { childrenOf } from '../fixtures/processes.ts';
import { program } from '../fixtures/programs.ts';
import { abortReason, rejection, rejections, until, warningsDuring } from '../fixtures/waiting.ts';

type Model = typeof import('../fixtures/inference.ts');
const url = new URL('../fixtures/inference.ts', import.meta.url);

async function started(
  t: ExecutionContext,
  options?: InferenceThreadOptions,
): Promise<InferenceThread<Model>> {
  const thread = new InferenceThread<Model>(url, options);
  t.teardown(() => thread.stop({ timeoutS: 0 }));
  await thread.start();
  return thread;
}

async function refused(t: ExecutionContext, call: Promise<unknown>, code: string): Promise<Error> {
  const error = (await rejection(call)) as OffloadError;
  t.true(error instanceof OffloadError, String(error));
  t.is<string, string>(error.code, code, error.message);
  return error;
}

test('calls run on one thread that is not this one, and its module keeps its state', async (t) => {
  const thread = await started(t);
  const elsewhere = await thread.run('thread');
  t.not(elsewhere, threadId);
  for (let call = 1; call <= 50; call += 1) {
    t.is(await thread.run('count'), call);
    t.is(await thread.run('thread'), elsewhere);
  }
});

test('a call before the start is rejected at once, and says what to do', async (t) => {
  const thread = new InferenceThread<Model>(url);
  const error = await refused(t, thread.run('count'), 'OFFLOAD_NOT_STARTED');
  t.regex(error.message, /await start\(\) first/);
  const count = thread.wrap('count');
  await refused(t, count(), 'OFFLOAD_NOT_STARTED');
  await refused(t, count.with({ timeoutS: 5 })(), 'OFFLOAD_NOT_STARTED');
  t.throws(() => count.sync(), { code: 'OFFLOAD_NOT_STARTED' });
  await thread.stop();
  await refused(t, thread.run('count'), 'OFFLOAD_NOT_STARTED');
});

test('a call after the stop is rejected at once, and a thread can be started again', async (t) => {
  const thread = await started(t);
  const before = await thread.run('thread');
  t.is(await thread.run('count'), 1);
  for (let round = 0; round < 3; round += 1) {
    await thread.stop();
    await refused(t, thread.run('count'), 'OFFLOAD_STOPPED');
    t.throws(() => thread.wrap('count').sync(), { code: 'OFFLOAD_STOPPED' });
    await thread.start();
    t.is(await thread.run('count'), 1, 'the module is loaded anew');
    t.not(await thread.run('thread'), before);
  }
  await Promise.all([thread.stop(), thread.stop()]);
});

test('a thread that is started again while it stops loses no call silently', async (t) => {
  const thread = await started(t);
  const endless = rejection(thread.run('forever'));
  const stopping = thread.stop({ timeoutS: 0.1 });
  await thread.start();
  t.is(await thread.run('count'), 1);
  t.is(((await endless) as OffloadError).code, 'OFFLOAD_STOPPED');
  await stopping;
  t.is(await thread.run('count'), 2);
});

test('a start that a stop has ended does not forget the start behind it', async (t) => {
  const thread = new InferenceThread<Model>(url);
  t.teardown(() => thread.stop({ timeoutS: 0 }));
  const ended = rejection(thread.start());
  const stopped = thread.stop({ timeoutS: 0 });
  await thread.start();
  const id = await thread.run('thread');
  await ended;
  await stopped;
  // A further start is the one that is there, and starts no other thread.
  await thread.start();
  t.is(await thread.run('thread'), id);
});

test('starting twice starts one thread, and calls may be made meanwhile', async (t) => {
  const thread = new InferenceThread<Model>(url);
  t.teardown(() => thread.stop());
  const starting = [thread.start(), thread.start()];
  t.is(await thread.run('count'), 1);
  await Promise.all(starting);
  await thread.start();
  t.is(await thread.run('count'), 2);
});

test('a module that cannot be loaded rejects the start with its error', async (t) => {
  const broken = new InferenceThread(new URL('../fixtures/broken-module.ts', import.meta.url));
  for (let round = 0; round < 2; round += 1) {
    const error = (await rejection(broken.start())) as Error;
    t.true(error instanceof RangeError);
    t.is(error.message, 'the calibration is missing');
    await refused(t, broken.run('solve'), 'OFFLOAD_NOT_STARTED');
  }
});

test('answers come in the order of the calls, asynchronous functions one at a time', async (t) => {
  const thread = await started(t);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 60 }, async (_, nth) => {
      if (nth % 3 === 0) t.is(await thread.run('alone', nth % 7), 1, 'one at a time');
      else t.is(await thread.run('blocking', nth % 2, nth), nth);
      order.push(nth);
    }),
  );
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
});

test('so many calls may wait as was said, and how many do can be seen', async (t) => {
  const thread = await started(t, { maxQueued: 4 });
  const calls = [50, 0, 0, 0].map((ms) => thread.run('blocking', ms, 1));
  t.is(thread.queued, 4);
  const error = await refused(t, thread.run('count'), 'OFFLOAD_QUEUE_FULL');
  t.regex(error.message, /^4 calls to .*inference\.ts wait for their answer, and 4 may/);
  t.deepEqual(await Promise.all(calls), [1, 1, 1, 1]);
  t.is(thread.queued, 0);
  t.is(await thread.run('count'), 1, 'the one that was refused was not made');
});

test('a call that is late is rejected, and later ones are answered in order', async (t) => {
  const thread = await started(t);
  const blocking = thread.wrap('blocking');
  const late = rejection(blocking.with({ timeoutS: 0.02 })(200, 1));
  const unbegun = rejection(thread.wrap('count').with({ timeoutS: 0.02 })());
  const order: number[] = [];
  const behind = [2, 3, 4].map(async (nth) => order.push((await blocking(1, nth)) ?? 0));
  const error = (await late) as OffloadError;
  t.is(error.code, 'OFFLOAD_TIMEOUT');
  t.regex(error.message, /^blocking of .*inference\.ts did not answer within 0\.02 s/);
  t.is(((await unbegun) as OffloadError).code, 'OFFLOAD_TIMEOUT');
  await Promise.all(behind);
  t.deepEqual(order, [2, 3, 4]);
  t.is(await thread.run('count'), 1, 'the call that was given up before it began was not made');
  t.is(await blocking.with({ timeoutS: 30 })(0, 7), 7);
});

test('an abort rejects with the reason of the signal as its cause, and later calls are answered', async (t) => {
  const thread = await started(t);
  const abort = new AbortController();
  const call = abortReason(thread.wrap('alone').with({ signal: abort.signal })(100));
  const behind = thread.run('echo', 'behind');
  const reason = new Error('the operator moved on');
  abort.abort(reason);
  t.is(await call, reason);
  t.is(await behind, 'behind');
  t.is(await abortReason(thread.wrap('echo').with({ signal: abort.signal })(1)), reason);
  t.is(await thread.run('alone', 0), 1, 'and one at a time all the same');
});

test('what a function throws is rejected with: class, message, stack, code and cause', async (t) => {
  const thread = await started(t);
  const sync = async () => thread.wrap('fail').sync('own');
  for (const error of (await rejections([thread.run('fail', 'own'), sync()])) as Error[]) {
    t.like(error, { name: 'OutOfRange', message: 'joint 4', code: 'JOINT_RANGE' });
    t.regex(error.stack ?? '', /inference\.ts/);
    t.true(error.cause instanceof TypeError);
  }
  t.true((await rejection(thread.run('fail', 'async'))) instanceof RangeError);
  t.like(await rejection(thread.run('fail', 'no error')), { message: '{ status: 404 }' });
});

test('a function that is not there, or what cannot be sent, is refused, and the thread goes on', async (t) => {
  const thread = await started(t);
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const untyped = thread as any;
  t.regex(
    (await refused(t, untyped.run('missing'), 'OFFLOAD_NOT_FOUND')).message,
    /missing is not there; expected a function\. There is .*count/,
  );
  await refused(t, untyped.run('notAFunction'), 'OFFLOAD_NOT_FOUND');
  const error = await refused(t, untyped.run('echo', 1, { a: () => 1 }), 'OFFLOAD_NOT_CLONEABLE');
  t.regex(error.message, /^echo: args\[1\]\.a is a function/);
  t.regex(
    (await refused(t, thread.run('fail', 'function'), 'OFFLOAD_NOT_CLONEABLE')).message,
    /^the result of fail is a function/,
  );
  await refused(t, thread.run('fail', 'circle'), 'OFFLOAD_NOT_CLONEABLE');
  t.is(thread.queued, 0);
  t.is(await thread.run('count'), 1);
});

test('sync answers while this thread is blocked, and calls before it are not lost', async (t) => {
  const thread = await started(t);
  const before = thread.run('blocking', 20, 1);
  const echo = thread.wrap('echo');
  t.is(echo.name, 'echo');
  t.is(echo.sync('now'), 'now');
  t.deepEqual(echo.sync([new Uint8Array(100_000).fill(3)]), [new Uint8Array(100_000).fill(3)]);
  t.is(await before, 1);
  t.is(await echo('later'), 'later');
});

test('a thread that exits rejects every call that waits, and calls after it, at once', async (t) => {
  const thread = await started(t);
  const calls = [thread.run('exit', 7), thread.run('count'), thread.run('echo', 1)];
  for (const call of calls) {
    const error = await refused(t, call, 'OFFLOAD_CRASHED');
    t.regex(error.message, /ended with code 7.*process\.exit/);
  }
  await refused(t, thread.run('count'), 'OFFLOAD_NOT_STARTED');
  t.is(thread.queued, 0);
  await thread.start();
  t.is(await thread.run('count'), 1);
  t.throws(() => thread.wrap('exit').sync(7), { code: 'OFFLOAD_CRASHED' });
  await rejection(thread.run('count'));
});

test('an error that nothing catches rejects the calls, with it as their cause', async (t) => {
  const thread = await started(t);
  const error = await refused(t, thread.run('uncaught'), 'OFFLOAD_CRASHED');
  t.regex(error.message, /crashed: TypeError: thrown beside it/);
  t.true(error.cause instanceof TypeError);
});

test('a thread that runs out of memory rejects its calls, and the program goes on', async (t) => {
  const { code, lines, stderr } = await program('inferring', 'memory').ended;
  t.regex(lines[0] ?? stderr, /^OFFLOAD_CRASHED: .*memory/);
  t.is(lines[1], '1', 'started again');
  t.is(code, 0, stderr);
});

test('a promise that nothing keeps alive does not end the thread', async (t) => {
  const thread = await started(t);
  t.is(await thread.run('unreffed', 30), 'in time');
  const error = await rejection(thread.wrap('never').with({ timeoutS: 0.1 })());
  t.is((error as OffloadError).code, 'OFFLOAD_TIMEOUT');
  const waiting = rejection(thread.run('count'));
  await thread.stop({ timeoutS: 0.1 });
  t.is(((await waiting) as OffloadError).code, 'OFFLOAD_STOPPED');
});

for (const sharedBytes of [64 * 2 ** 20, 2 ** 20, 0]) {
  test(`arrays of any size arrive right, with ${sharedBytes} shared bytes`, async (t) => {
    const thread = await started(t, { sharedBytes });
    for (const length of [0, 1, 128, 129, 8191, 8192, 50_000, 775_000]) {
      const array = Float64Array.from({ length }, (_, nth) => nth);
      t.is(await thread.run('sum', array), (length * (length - 1)) / 2 || 0);
      t.is(array.length, length, 'what is given stays here');
      const filled = await thread.run('filled', length, 3);
      t.true(filled.length === length && filled.every((value) => value === 3));
      const image = await thread.run('echo', { image: shaped(array, [1, length]) });
      t.deepEqual([...image.image.shape], [1, length]);
      t.true(Buffer.from(image.image.buffer).equals(Buffer.from(array.buffer)));
    }
    const many = Array.from({ length: 20 }, (_, nth) => thread.run('filled', 100_000, nth));
    for (const [nth, array] of (await Promise.all(many)).entries()) {
      t.true(array.every((value) => value === nth));
    }
  });
}

test('results that are kept stay as they were while many others come', async (t) => {
  const thread = await started(t, { sharedBytes: 4 * 2 ** 20 });
  const kept = await Promise.all(
    Array.from({ length: 12 }, (_, nth) => thread.run('filled', 50_000, nth)),
  );
  for (let round = 0; round < 300; round += 1) await thread.run('filled', 50_000, -round);
  for (const [nth, array] of kept.entries()) t.true(array.every((value) => value === nth));
  await thread.stop();
  for (const [nth, array] of kept.entries()) t.true(array.every((value) => value === nth));
});

test("arrays are the function's until it has answered, then they are empty, small and large", async (t) => {
  const thread = await started(t);
  const sizes = [10, 5000, 100_000, 70_000_000];
  t.deepEqual(await thread.run('keep', ...sizes.map((size) => new Uint8Array(size))), []);
  t.deepEqual(await thread.run('keep'), [0, 0, 0, 0]);
  t.is(await thread.run('keepAsync', new Uint8Array(100_000)), 100_000);
  const same = await thread.run('echo', new Uint8Array(100_000).fill(4));
  t.is(await thread.run('sum', same), 400_000, 'a result is a copy');
});

test('memory that a function moved out of its array is its own', async (t) => {
  const { code, lines, stderr } = await program('inferring', 'move').ended;
  t.deepEqual(lines, ['100000', '100000,200000', '100000,200000,300000'], stderr);
  t.is(code, 0, stderr);
});

test('generators are walked through, and ended early', async (t) => {
  const thread = await started(t);
  const all: number[] = [];
  for await (const value of (await thread.run('upTo', 5)) as unknown as AsyncIterable<number>) {
    all.push(value);
    t.is(await thread.run('echo', value), value, 'other calls go on');
  }
  t.deepEqual(all, [0, 1, 2, 3, 4]);
  const array = new Uint8Array(100_000);
  for await (const length of (await thread.run(
    'upTo',
    9,
    array,
  )) as unknown as AsyncIterable<number>) {
    t.is(length, 100_000, 'its arrays are there until it ends');
    if (all.push(length) > 8) break;
  }
  t.deepEqual(await thread.run('endings'), ['sync', 'sync 100000'], 'in finally too');
  const later = (await thread.run('upToLater', 9)) as unknown as AsyncGenerator<number>;
  const error = await rejection(
    (async () => {
      for await (const value of later) all.push(value);
    })(),
  );
  t.true(error instanceof RangeError);
  const odd = (await thread.run('unsendable')) as unknown as AsyncGenerator<unknown>;
  t.is((await odd.next()).value, 1);
  t.is(((await rejection(odd.next())) as OffloadError).code, 'OFFLOAD_NOT_CLONEABLE');
  t.deepEqual(await thread.run('endings'), ['async', 'unsendable']);
});

test('an endless loop is ended by stop, and what waits is rejected', async (t) => {
  const thread = await started(t);
  const calls = [thread.run('forever'), thread.run('count')].map(rejection);
  await thread.stop({ timeoutS: 0.1 });
  for (const call of calls) t.is(((await call) as OffloadError).code, 'OFFLOAD_STOPPED');
});

test('stop lets the calls that wait be answered first', async (t) => {
  const thread = await started(t);
  const calls = [thread.run('blocking', 20, 1), thread.run('alone', 20), thread.run('count')];
  await thread.stop({ timeoutS: 60 });
  t.deepEqual(await Promise.all(calls), [1, 1, 1]);
});

test('await using stops the thread', async (t) => {
  const outside = await (async () => {
    await using thread = new InferenceThread<Model>(url);
    await thread.start();
    t.is(await thread.run('count'), 1);
    return thread;
  })();
  await refused(t, outside.run('count'), 'OFFLOAD_STOPPED');
});

test('an idle thread uses no processor time', async (t) => {
  const thread = await started(t);
  await thread.run('count');
  await sleep(200);
  const before = process.cpuUsage();
  await sleep(1000);
  const { user, system } = process.cpuUsage(before);
  t.true(user + system < 300_000, `${user + system} us in a second`);
  await thread.run('leaveOpen');
  await sleep(200);
  const again = process.cpuUsage();
  await sleep(1000);
  const busy = process.cpuUsage(again);
  t.true(busy.user + busy.system < 300_000, `${busy.user + busy.system} us with a timer`);
  t.is(await thread.run('count'), 2);
});

test('a thread does not keep the process alive, a call does', async (t) => {
  for (const way of ['idle', 'leaveOpen', 'call', 'late']) {
    const { code, lines, stderr } = await program('inferring', way).ended;
    t.deepEqual(lines, way === 'call' || way === 'late' ? ['answered'] : ['started'], stderr);
    t.is(code, 0, stderr);
  }
});

test('a thread that is in a call that does not return is left behind, and its calls are given up', async (t) => {
  const thread = new InferenceThread<Model>(url);
  await thread.start();
  const calls = [thread.run('callForever'), thread.run('count')].map((call) => rejection(call));
  await until(() => childrenOf('self').length > 0, 'the call has begun');
  const warned = await warningsDuring(() => thread.stop({ timeoutS: 0 }));
  t.deepEqual(
    warned.map((warning) => Reflect.get(warning, 'code')),
    ['KILOHERTZ_LEFT_BEHIND'],
  );
  for (const error of await Promise.all(calls)) t.like(error, { code: 'OFFLOAD_STOPPED' });
  t.is(thread.queued, 0);
  await thread.start();
  t.is(await thread.run('count'), 1);
  await thread.stop();
  for (const child of childrenOf('self')) process.kill(child, 'SIGKILL');
});

test('what is handed in is checked', async (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const Untyped = InferenceThread as any;
  const thread = new InferenceThread<Model>(url);
  // biome-ignore lint/suspicious/noExplicitAny: the same
  const untyped = thread as any;
  for (const [wrong, code, Class] of [
    [() => new Untyped('./model.js'), 'OPTION_MODULE', OptionTypeError],
    [() => new Untyped(url, { queue: 1 }), 'OPTION_UNKNOWN', OptionTypeError],
    [() => new Untyped(url, { maxQueued: 0 }), 'OPTION_MAX_QUEUED', OptionRangeError],
    [() => new Untyped(url, { maxQueued: 129 }), 'OPTION_MAX_QUEUED', OptionRangeError],
    [() => new Untyped(url, { maxQueued: '4' }), 'OPTION_MAX_QUEUED', OptionTypeError],
    [() => new Untyped(url, { sharedBytes: -1 }), 'OPTION_SHARED_BYTES', OptionRangeError],
    [() => new Untyped(url, { sharedBytes: 0.5 }), 'OPTION_SHARED_BYTES', OptionRangeError],
    [() => new Untyped(url, null), 'OPTION_TYPE', OptionTypeError],
    [() => untyped.wrap(5), 'OPTION_NAME', OptionTypeError],
    [() => untyped.wrap(''), 'OPTION_NAME', OptionRangeError],
    [() => untyped.wrap('echo').with({ timeoutS: 0 }), 'OPTION_TIMEOUT_S', OptionRangeError],
    [() => untyped.wrap('echo').with({ signal: 1 }), 'OPTION_SIGNAL', OptionTypeError],
  ] as const) {
    t.throws(wrong, { code, instanceOf: Class });
  }
  await t.throwsAsync(untyped.stop({ timeoutS: -1 }), { code: 'OPTION_TIMEOUT_S' });
  await t.throwsAsync(untyped.stop(null), { code: 'OPTION_TYPE' });
  await t.throwsAsync(untyped.run(5), { code: 'OPTION_NAME' });
});

test('calls of the wrong type do not compile', (t) => {
  const thread = new InferenceThread<Model>(url);
  const typed = (): void => {
    thread.run('count') satisfies Promise<number>;
    thread.run('alone', 5) satisfies Promise<number>;
    // @ts-expect-error no such export
    thread.run('missing');
    // @ts-expect-error no function
    thread.run('notAFunction');
    // @ts-expect-error the argument is a number
    thread.run('alone', '5');
    thread.wrap('count').sync() satisfies number;
  };
  t.is(typeof typed, 'function');
});

test('timers have their turn while one call follows the other', async (t) => {
  const thread = await started(t);
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 1);
  let calls = 0;
  for (; !fired && calls < 100_000; calls += 1) await thread.run('echo', calls);
  t.true(fired, `not after ${calls} calls`);
});
