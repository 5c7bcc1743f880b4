import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import test from 'ava';
import {
  type AsyncifiedExport,
  asyncify,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  transfer,
} from '../../index.ts';
import { blockingElsewhere, later, nested, solve, unexported } from '../fixtures/offloaded.ts';
import { program } from '../fixtures/programs.ts';
import { abortReason, rejection, until } from '../fixtures/waiting.ts';

type Offloaded = typeof import('../fixtures/offloaded.ts');

const url = new URL('../fixtures/offloaded.ts', import.meta.url);
const threads = availableParallelism();

function exported<Name extends keyof Offloaded>(
  name: Name,
): AsyncifiedExport<Offloaded[Name] & (() => unknown)> {
  return asyncify(url, name);
}

const blocking = asyncify<Offloaded['blocking']>(url, 'blocking');
const fail = asyncify<Offloaded['fail']>(url, 'fail');
const bytesOf = asyncify<Offloaded['bytesOf']>(url, 'bytesOf');
const forever = asyncify<Offloaded['forever']>(url, 'forever');

/** A counter that another thread increases, and whether it still does. */
function sharedCounter(): { counter: Int32Array; stands: () => Promise<boolean> } {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const stands = async (): Promise<boolean> => {
    const before = Atomics.load(counter, 0);
    await sleep(50);
    return Atomics.load(counter, 0) === before;
  };
  return { counter, stands };
}

test('a function runs on another thread, with its arguments and its result', async (t) => {
  t.is(await solve(4), 8);
  t.is(await solve(4, { y: 0.5 }), 8.5);
  t.is(await later('a'), 'a later');
  t.not(await blockingElsewhere(0), threadId);
});

test('sync is the function itself, on the calling thread', (t) => {
  t.is(solve.sync(4, { y: 1 }), 9);
  t.is(blockingElsewhere.sync(0), threadId);
  t.is(solve.name, 'solve');
});

test('an existing export runs on another thread, and so does one that is asyncified there', async (t) => {
  t.not(await blocking(0), threadId);
  t.is(await asyncify<Offloaded['solve']>(url.href, 'solve')(3), 6);
  t.false('sync' in blocking);
});

test('the event loop goes on while functions block', async (t) => {
  let done = false;
  const calls = Promise.all([blocking(300), blocking(300)]).finally(() => {
    done = true;
  });
  let turns = 0;
  while (!done) {
    await sleep(1);
    turns += 1;
  }
  await calls;
  t.true(turns > 5, `${turns} turns`);
});

test('all functions share one pool of as many threads as processors', async (t) => {
  const calls = Array.from({ length: 4 * threads }, (_, call) =>
    call % 2 ? blockingElsewhere(20) : blocking(20),
  );
  const used = new Set(await Promise.all(calls));
  t.true(used.size <= threads, `${used.size} threads`);
});

test('calls that find no thread free wait, and are taken in order', async (t) => {
  const { counter } = sharedCounter();
  const abort = new AbortController();
  // All threads but one are busy, so that the calls come one after the other.
  const busy = Array.from({ length: threads - 1 }, () =>
    rejection(forever.with({ signal: abort.signal })(counter)),
  );
  const order: number[] = [];
  const calls = Array.from({ length: 20 }, async (_, call) => {
    await solve(call);
    order.push(call);
  });
  await Promise.all(calls);
  t.deepEqual(order, [...order.keys()]);
  abort.abort();
  await Promise.all(busy);
});

test('a function that calls another asyncified one runs it in place', async (t) => {
  const [outer, ...inner] = await nested();
  t.not(outer, threadId);
  t.deepEqual(inner, [outer, outer]);
});

test('what a function throws is rejected with: name, message, stack, code and causes', async (t) => {
  const error = (await rejection(fail('own class'))) as Error & { code: string };
  t.is(error.name, 'SingularPose');
  t.is(error.message, 'no way on from here');
  t.is(error.code, 'POSE_SINGULAR');
  t.regex(error.stack ?? '', /offloaded\.ts/);
  const cause = error.cause as Error;
  t.true(cause instanceof TypeError);
  t.is(cause.message, 'joint 4');
  t.deepEqual(cause.cause, { joint: 4 });

  t.true((await rejection(fail('range'))) instanceof RangeError);
  t.like(await rejection(fail('system')), { name: 'Error', code: 'ENOENT' });
  t.like(await rejection(fail('no error')), { name: 'Error', message: '{ status: 404 }' });
  const round = (await rejection(fail('circle'))) as Error;
  t.is((round.cause as Error).message, 'and round');
  t.is((round.cause as Error).cause, undefined);
});

test('arguments are copied, and moved where they are marked', async (t) => {
  const image = new Uint8Array(1000).fill(2);
  t.deepEqual(await bytesOf(image), [1000, 2000]);
  t.is(image.length, 1000);
  t.deepEqual(await bytesOf(transfer(image)), [1000, 2000]);
  t.is(image.length, 0, 'moved');

  const of = { y: 1, image: new Uint8Array(10) };
  const list = [of.image.buffer];
  await solve(1, transfer(of, list));
  t.is(of.image.length, 0);
  of.image = new Uint8Array(10);
  list[0] = of.image.buffer;
  await solve(1, of);
  t.is(of.image.length, 10, 'a mark is for one call');
});

test('results are copied, and moved where they are marked', async (t) => {
  const produce = asyncify<Offloaded['produce']>(url, 'produce');
  const keptLength = asyncify<Offloaded['keptLength']>(url, 'keptLength');
  for (const moved of [false, true]) {
    const { image, thread } = await produce(moved);
    t.is(image.length, 1000);
    // Each thread has its own copy of the module; what is looked at is the one that made the image.
    const looks = await Promise.all(Array.from({ length: 20 * threads }, () => keptLength()));
    const made = looks.filter((look) => look.thread === thread);
    t.true(made.length > 0);
    t.true(made.every(({ length }) => length === (moved ? 0 : 1000)));
  }
  const two = await asyncify<Offloaded['produceTwo']>(url, 'produceTwo')();
  t.is(two.left[9], 3);
  t.is(two.right.length, 10);
});

test('what cannot be sent is refused by name, and the pool goes on', async (t) => {
  const call = asyncify<(value: unknown) => unknown>(url, 'solve');
  for (const promise of [
    call(() => 1),
    call(transfer({ a: 1 }, [{}])),
    fail('function'),
    fail('not movable'),
  ]) {
    const error = (await rejection(promise)) as OffloadError;
    t.true(error instanceof OffloadError);
    t.is(error.code, 'OFFLOAD_NOT_CLONEABLE', error.message);
    t.regex(error.message, /an argument or the result of (solve|fail) cannot be sent/);
  }
  t.is(await solve(1), 2);
});

test('a value of which nothing would arrive is refused, wherever it stands, and others arrive', async (t) => {
  const call = asyncify<(value: unknown) => unknown>(url, 'solve');
  const { signal } = new AbortController();
  for (const [value, name] of [
    [signal, 'an AbortSignal'],
    [{ target: [1], signal }, 'an AbortSignal'],
    [[new Map([['a', new AbortController()]])], 'an AbortController'],
    [{ of: new Error('carried'), signal }, 'an AbortSignal'],
  ] as const) {
    const error = (await rejection(call(value))) as OffloadError;
    t.is(error.code, 'OFFLOAD_NOT_CLONEABLE', error.message);
    t.true(error.message.startsWith(`${name} cannot be sent to another thread`), error.message);
  }
  const answered = (await rejection(fail('signal'))) as OffloadError;
  t.is(answered.code, 'OFFLOAD_NOT_CLONEABLE');
  const same = asyncify<(value: unknown) => unknown>(url, 'echo');
  const date = new Date(0);
  t.deepEqual(await same([date, /x/g, new Uint8Array(0), {}, [], new Map()]), [
    date,
    /x/g,
    new Uint8Array(0),
    {},
    [],
    new Map(),
  ]);
  t.is(await ((await same(new Blob(['text']))) as Blob).text(), 'text');
});

test('an abort rejects with the reason of the signal as its cause, and ends the computation', async (t) => {
  const { counter, stands } = sharedCounter();
  const abort = new AbortController();
  const call = forever.with({ signal: abort.signal })(counter);
  await until(() => Atomics.load(counter, 0) > 0, 'it computes');
  const reason = new Error('the operator moved on');
  abort.abort(reason);
  t.is(await abortReason(call), reason);
  while (!(await stands()));
  t.is(await abortReason(solve.with({ signal: abort.signal })(1)), reason);
  const later = new AbortController();
  t.is(await solve.with({ signal: later.signal })(1), 2);
  later.abort();
  t.is(await solve(1), 2);
});

test('a call that takes longer than timeoutS is rejected, and its computation ended', async (t) => {
  const { counter, stands } = sharedCounter();
  const error = (await rejection(forever.with({ timeoutS: 0.5 })(counter))) as OffloadError;
  t.true(error instanceof OffloadError);
  t.is(error.code, 'OFFLOAD_TIMEOUT');
  t.regex(error.message, /^forever did not answer within 0\.5 s/);
  while (!(await stands()));
  t.is(await solve.with({ timeoutS: 30 })(2), 4);
});

test('calls that wait for a thread are aborted too, and those behind them are not', async (t) => {
  const { counter } = sharedCounter();
  const abort = new AbortController();
  const busy = Array.from({ length: threads }, () =>
    rejection(forever.with({ signal: abort.signal })(counter)),
  );
  const waiting = new AbortController();
  const given = abortReason(solve.with({ signal: waiting.signal })(1));
  const late = rejection(solve.with({ timeoutS: 0.05 })(1));
  const behind = solve(5);
  waiting.abort(new Error('not needed any more'));
  t.is(((await given) as Error).message, 'not needed any more');
  t.is(((await late) as OffloadError).code, 'OFFLOAD_TIMEOUT');
  abort.abort();
  await Promise.all(busy);
  t.is(await behind, 10);
});

test('a thread that ends rejects its call, and those that wait get another', async (t) => {
  const crashes = Array.from({ length: 2 * threads }, () => rejection(fail('exit')));
  const behind = solve(5);
  for (const error of (await Promise.all(crashes)) as OffloadError[]) {
    t.is(error.code, 'OFFLOAD_CRASHED');
    t.regex(error.message, /the thread that ran fail ended.*code: 7.*process\.exit/);
  }
  t.is(await behind, 10);
  const error = (await rejection(fail('uncaught'))) as OffloadError;
  t.is(error.code, 'OFFLOAD_CRASHED');
  t.is((error.cause as Error).message, 'thrown beside it');
});

test('a thread that runs out of memory rejects its call and nothing else', async (t) => {
  const { code, lines, stderr } = await program('offloading', 'memory').ended;
  t.regex(lines[0] ?? '', /^OFFLOAD_CRASHED: the thread that ran fail ran out of memory; /);
  t.is(lines[1], '4');
  t.is(code, 0, stderr);
});

test('threads that cannot start reject the calls that they were made for, each time', async (t) => {
  const { code, lines, stderr } = await program('offloading', 'no threads').ended;
  t.is(lines.length, 2, stderr);
  for (const line of lines) t.regex(line, /^OFFLOAD_CRASHED: the thread .*: no threads here;/);
  t.is(code, 0);
});

test('a function that a thread cannot find is refused, with what to do', async (t) => {
  t.throws(() => asyncify(url, () => 1), { code: 'OFFLOAD_NOT_FOUND', message: /has no name/ });
  for (const [call, message] of [
    [unexported, /exports no function hidden; it exports .*solve.*Export the function/],
    [asyncify(url, 'missing'), /exports no function missing/],
    [exported('notAFunction'), /exports no function notAFunction/],
  ] as const) {
    const error = (await rejection(call())) as OffloadError;
    t.true(error instanceof OffloadError);
    t.is(error.code, 'OFFLOAD_NOT_FOUND');
    t.regex(error.message, message);
  }
});

test('a module that throws when it is loaded rejects each call with that error', async (t) => {
  const broken = asyncify<() => void>(
    new URL('../fixtures/broken-module.ts', import.meta.url),
    'solve',
  );
  for (let call = 0; call < 2; call += 1) {
    const error = (await rejection(broken())) as Error;
    t.true(error instanceof RangeError);
    t.is(error.message, 'the calibration is missing');
  }
  const nowhere = asyncify<() => void>(new URL('./nowhere.ts', import.meta.url), 'solve');
  t.regex(((await rejection(nowhere())) as Error).message, /nowhere\.ts/);
});

test('the module that is the program itself is refused, however it was started', async (t) => {
  for (const way of ['entry', 'entry without extension', 'eval', 'stdin'] as const) {
    const { code, lines, stderr } = await program('offloading', way).ended;
    t.regex(
      lines[0] ?? stderr,
      /^OFFLOAD_ENTRY_POINT: .* is the program itself.* module of its own/,
    );
    t.is(code, 0);
  }
});

test('an idle pool does not keep the process alive, a call does', async (t) => {
  const { code, lines, stderr } = await program('offloading', 'end').ended;
  t.deepEqual(lines, ['later']);
  t.is(code, 0, stderr);
});

test('threads that idle are ended', async (t) => {
  const count = (): number => readdirSync('/proc/self/task').length;
  await Promise.all(Array.from({ length: threads }, () => blocking(50)));
  const before = count();
  await until(() => count() <= before - threads, 'the threads of the pool are ended');
  t.is(await solve(1), 2, 'and started again');
});

test('a signal is listened to only while a call runs', async (t) => {
  const { signal } = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: [string, never]) => {
    listening += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: [string, never]) => {
    listening -= 1;
    removeEventListener.apply(signal, args);
  };
  const call = solve.with({ signal });
  for (let round = 0; round < 5; round += 1) await call(round);
  t.is(listening, 0);
});

test('what is handed in is checked', (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tested
  const untyped = { asyncify, transfer, with: solve.with } as any;
  for (const [wrong, code, Class] of [
    [() => untyped.asyncify('./solve.js', solve.sync), 'OPTION_MODULE', OptionTypeError],
    [() => untyped.asyncify(undefined, solve.sync), 'OPTION_MODULE', OptionTypeError],
    [() => untyped.asyncify(import.meta.url, 5), 'OPTION_WORK', OptionTypeError],
    [() => untyped.asyncify(import.meta.url, ' '), 'OPTION_WORK', OptionRangeError],
    [() => untyped.with({ timeoutS: 0 }), 'OPTION_TIMEOUT_S', OptionRangeError],
    [() => untyped.with({ timeoutS: Number.NaN }), 'OPTION_TIMEOUT_S', OptionRangeError],
    [() => untyped.with({ timeoutS: '1' }), 'OPTION_TIMEOUT_S', OptionTypeError],
    [() => untyped.with({ signal: {} }), 'OPTION_SIGNAL', OptionTypeError],
    [() => untyped.with({ timeout: 1 }), 'OPTION_UNKNOWN', OptionTypeError],
    [() => untyped.with(undefined), 'OPTION_TYPE', OptionTypeError],
    [() => untyped.transfer(5), 'OPTION_VALUE', OptionTypeError],
    [() => untyped.transfer({}), 'OPTION_LIST', OptionTypeError],
    [() => untyped.transfer({}, [5]), 'OPTION_LIST', OptionTypeError],
  ] as const) {
    t.throws(wrong, { code, instanceOf: Class });
  }
});

test('calls of the wrong type do not compile', (t) => {
  const typed = (): void => {
    // @ts-expect-error the argument is a number
    solve('4');
    // @ts-expect-error and the result another
    solve(4) satisfies Promise<string>;
    solve.with({ timeoutS: 1 })(4) satisfies Promise<number>;
    later('a') satisfies Promise<string>;
    // @ts-expect-error nothing is loaded here that could be called
    blocking.sync(5);
  };
  t.is(typeof typed, 'function');
});
