import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import {
  Franka,
  FrankaSimulator,
  type MpifyOptions,
  mpify,
  OffloadError,
  type PolicyError,
  type ProcessProxy,
  processPolicy,
  run,
  shaped,
} from '../../index.ts';
import { childrenOf, processorTicks, runs } from '../fixtures/processes.ts';
import { program } from '../fixtures/programs.ts';
import { venv, WITHOUT_NUMPY } from '../fixtures/python.ts';
import { abortReason, rejection, until } from '../fixtures/waiting.ts';

type Shaped = ArrayLike<number> & { readonly shape?: readonly number[] };

/** What is asked of the policy in fixtures/remote.py here. */
interface Remote {
  gain: number;
  checked: number;
  readonly pid: number;
  readonly executable: string;
  readonly settings: { rate: number };
  echo<T>(value: T): T;
  kind(value: unknown): string;
  text(value: unknown): string;
  scale(x: number): number;
  wait(ms: number, value: number): number;
  block(ms: number): string;
  forever(): void;
  fail(): void;
  fail_oddly(): void;
  leave(): void;
  exit(code: number, words?: string): void;
  die(signal: string): void;
  count(upTo: number): Generator<number>;
  count_later(upTo: number): AsyncGenerator<number>;
  endings(): string[];
  values(): Record<string, unknown>;
  function(): unknown;
  circle(): unknown;
  describe(array: ArrayBufferView): unknown[];
  arrays(): Record<string, Shaped> & { kinds: ArrayBufferView[] };
  refused(name: string): unknown;
  zeros(...shape: number[]): Float32Array & { readonly shape?: readonly number[] };
  sum(array: ArrayBufferView): number;
  add(array: Float64Array): Float64Array;
  keep(array: Uint8Array): number;
  intact(): boolean;
  drop(): void;
  view(array: ArrayBufferView): unknown[];
  nothing(): void;
}

interface Crash extends OffloadError {
  readonly exitCode: number | null;
}

const url = new URL('../fixtures/remote.py', import.meta.url);
const python = await venv();
const folder = mkdtempSync(join(tmpdir(), 'kilohertz-python-'));
test.after.always(() => rmSync(folder, { recursive: true }));

async function made(
  t: ExecutionContext,
  options: MpifyOptions = {},
  factory = 'make_policy',
  ...args: unknown[]
): Promise<ProcessProxy<Remote>> {
  const policy = await mpify.with({ python, ...options })<(...args: unknown[]) => Remote>(
    url,
    factory,
    ...args,
  );
  t.teardown(() => policy.stop({ timeoutS: 0 }));
  return policy;
}

async function refused(call: unknown, code: string): Promise<OffloadError> {
  const error = (await rejection(Promise.resolve(call))) as OffloadError;
  if (!(error instanceof OffloadError) || error.code !== code) throw error;
  return error;
}

test('methods and attributes are those of an object in Python', async (t) => {
  const policy = await made(t);
  t.is(await policy.scale(2), 2);
  policy.gain = 3;
  t.is(await policy.scale(2), 6);
  // biome-ignore lint/suspicious/noExplicitAny: nested members are typed one level deep
  const { inner } = policy as any;
  t.deepEqual([await inner.value, await inner.twice()], [3, 6]);
  t.deepEqual(await policy.settings, { rate: 30 });
  t.is(await policy.wait(1, 7), 7, 'a coroutine');
  t.true((await policy.pid) > 0 && (await policy.pid) !== process.pid);
  t.is(await policy.executable, python);
  const later = await made(t, {}, 'make_later', 4);
  t.is(await later.scale(2), 8, 'an asynchronous factory, with its argument');
});

test('an assignment that Python refuses is told by the next call', async (t) => {
  const policy = await made(t);
  policy.checked = 2;
  t.is(await policy.checked, 2);
  policy.checked = -1;
  t.like(await rejection(policy.scale(1)), { name: 'ValueError', message: 'below zero' });
  t.is(await policy.scale(1), 2, 'it kept what it had');
});

test('what Python returns arrives as what JavaScript has for it', async (t) => {
  const policy = await made(t);
  t.deepEqual(await policy.values(), {
    none: undefined,
    bools: [true, false],
    ints: [1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, 2n ** 53n, -(10n ** 30n)],
    floats: [0.5, -0, Number.POSITIVE_INFINITY, 2],
    text: 'ü机🤖',
    half: '?',
    tuple: [1, 'a'],
    set: new Set([1]),
    map: new Map<unknown, unknown>([
      [1, 'a'],
      [[2, 3], undefined],
    ]),
    bytes: new Uint8Array([0, 255]),
    pose: { x: 0.5, joints: [1, 2] },
    date: new Date(Date.UTC(2020, 0)),
  });
});

test('what JavaScript passes arrives as what Python has for it', async (t) => {
  const policy = await made(t);
  const passed = [
    [1, 'int', '1'],
    [-0, 'float', '-0.0'],
    [0.5, 'float', '0.5'],
    [2 ** 53, 'float', '9007199254740992.0'],
    [10n ** 20n, 'int', '100000000000000000000'],
    [Number.NaN, 'float', 'nan'],
    ['ü机🤖', 'str', "'ü机🤖'"],
    [true, 'bool', 'True'],
    [null, 'NoneType', 'None'],
    [undefined, 'NoneType', 'None'],
    [[1, [2]], 'list', '[1, [2]]'],
    [{ a: { b: null } }, 'dict', "{'a': {'b': None}}"],
    [new Map([[1, 2]]), 'dict', '{1: 2}'],
    [new Set(['a']), 'set', "{'a'}"],
    [new Date(0), 'datetime', undefined],
    [new Uint8Array([1, 2]), 'ndarray', undefined],
  ] as const;
  for (const [value, kind, text] of passed) {
    t.is(await policy.kind(value), kind, String(value));
    if (text !== undefined) t.is(await policy.text(value), text);
  }
});

test('an exception arrives with its class, code, cause and a traceback that begins in its file', async (t) => {
  const policy = await made(t);
  const error = (await rejection(policy.fail())) as Error & { code: string };
  t.like(error, { name: 'GripperError', message: 'it is open', code: 'GRIPPER_OPEN' });
  t.like(error.cause, { name: 'IndexError', message: 'pop from empty list' });
  t.regex(String(error.stack), /remote\.py", line \d+, in fail\n +raise GripperError/);
  t.notRegex(String(error.stack), /child\.py|_kilohertz/);
  const odd = (await rejection(policy.fail_oddly())) as Error;
  t.like(odd, { name: 'Odd', cause: { name: 'ValueError' } });
  t.like(await rejection(policy.leave()), { name: 'SystemExit', message: '3' });
  t.like(await rejection(policy.nothing()), { name: 'AttributeError' });
  t.is(await policy.scale(1), 1, 'it goes on');
});

test('generators are walked through, and their finally runs in Python', async (t) => {
  const policy = await made(t);
  const all: number[] = [];
  for await (const value of policy.count(4)) all.push(value);
  for await (const value of policy.count(9)) if (all.push(value) > 4) break;
  t.deepEqual(all, [0, 1, 2, 3, 0]);
  t.deepEqual(await policy.endings(), ['count', 'count']);
  const failure = (async () => {
    for await (const value of policy.count_later(9)) all.push(value);
  })();
  t.like(await rejection(failure), { name: 'GripperError', message: 'four' });
  t.deepEqual(await policy.endings(), ['count_later']);
});

test('typed arrays are numpy arrays there, with dtype and shape, and may be written to', async (t) => {
  const policy = await made(t);
  const kinds = [
    [Int8Array, 'int8'],
    [Uint8Array, 'uint8'],
    [Int16Array, 'int16'],
    [Uint16Array, 'uint16'],
    [Int32Array, 'int32'],
    [Uint32Array, 'uint32'],
    [BigInt64Array, 'int64'],
    [BigUint64Array, 'uint64'],
    [Float32Array, 'float32'],
    [Float64Array, 'float64'],
  ] as const;
  for (const [Kind, dtype] of kinds) {
    // Within the message, and through the memory that both sides see.
    for (const length of [12, 120_000]) {
      const array = shaped(new Kind(length), [4, length / 4]);
      t.deepEqual(await policy.describe(array), ['ndarray', dtype, [4, length / 4], true]);
    }
  }
  t.deepEqual(await policy.describe(new Float32Array(0)), ['ndarray', 'float32', [0], true]);
  const mine = new Float64Array(20_000).fill(1);
  const more = await policy.add(mine);
  t.true(more.every((value) => value === 2));
  t.true(
    mine.every((value) => value === 1),
    'the caller keeps its own',
  );
});

test('numpy arrays are typed arrays here, with their shape, in the order of their indices', async (t) => {
  const policy = await made(t);
  const { kinds, ...arrays } = await policy.arrays();
  t.deepEqual(
    kinds.map((array) => array.constructor.name),
    [
      ...['Int8Array', 'Uint8Array', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'],
      ...['BigInt64Array', 'BigUint64Array', 'Float32Array', 'Float64Array'],
    ],
  );
  const told = (name: string): unknown[] => {
    const array = arrays[name] as Shaped;
    return [array.constructor.name, Array.from(array), array.shape];
  };
  t.deepEqual(told('bools'), ['Uint8Array', [1, 0], [2, 1]]);
  const columns = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11];
  t.deepEqual(told('transposed'), ['Int32Array', columns, [4, 3]]);
  t.deepEqual(told('strided'), ['Int32Array', [0, 2, 4, 6, 8, 10], [3, 2]]);
  t.deepEqual(told('reversed'), ['Int32Array', [3, 2, 1, 0], undefined]);
  t.deepEqual(told('big_endian'), ['Float64Array', [1.5, 2.5], undefined]);
  t.deepEqual(told('nothing'), ['Float64Array', [], [0, 3]]);
  t.deepEqual(told('fortran')[1], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  t.deepEqual(told('tensor'), ['Float32Array', [1, 1, 1, 1], [2, 2]]);
  t.is(arrays['scalar'] as unknown, 0.5);
  t.is(arrays['flag'] as unknown, true);
  const image = await policy.zeros(480, 640, 3);
  t.deepEqual([image.length, image.shape], [480 * 640 * 3, [480, 640, 3]]);
});

test('what cannot be sent is refused with where it is, in both directions', async (t) => {
  const policy = await made(t);
  const messages = new Map<unknown, RegExp>([
    [policy.function(), /the result of function\.a\[1\] is a function/],
    [policy.circle(), /lies too deep, or in a circle/],
    [policy.refused('object'), /has dtype object/],
    [policy.refused('complex128'), /refused\.image has dtype complex128/],
    [policy.echo(() => 1), /args\[0\] is a function/],
  ]);
  for (const [call, message] of messages) {
    t.regex((await refused(call, 'OFFLOAD_NOT_CLONEABLE')).message, message);
  }
  t.is(await policy.scale(1), 1, 'it goes on');
});

test('arrays that Python keeps stay as they were, and memory is used again where it does not', async (t) => {
  const policy = await made(t, { sharedBytes: 8 * 2 ** 20 });
  for (let nth = 0; nth < 40; nth += 1) {
    t.is(await policy.keep(new Uint8Array(500_000).fill(nth)), nth + 1);
  }
  t.true(await policy.intact());
  await policy.drop();
  for (let nth = 0; nth < 100; nth += 1) {
    t.is(await policy.sum(new Uint8Array(1_000_000).fill(1)), 1_000_000);
  }
});

test('without numpy arrays are memoryviews with their shape', async (t) => {
  const policy = await made(t, { env: WITHOUT_NUMPY });
  const array = shaped(new Float32Array([1, 2, 3, 4]), [2, 2]);
  const rows = [
    [1, 2],
    [3, 4],
  ];
  t.deepEqual(await policy.view(array), ['memoryview', 'f', [2, 2], rows]);
  t.deepEqual(await policy.echo(new Int16Array([1, 2])), new Int16Array([1, 2]));
});

test('many calls are under way at a time, and each gets its own answer', async (t) => {
  const policy = await made(t);
  const calls = Array.from({ length: 100 }, (_, nth) => policy.echo(nth));
  t.deepEqual(
    await Promise.all(calls),
    Array.from({ length: 100 }, (_, nth) => nth),
  );
});

test('a call that is late or aborted is rejected, and the next are answered', async (t) => {
  const policy = await made(t);
  await refused(policy.block.with({ timeoutS: 0.05 })(400), 'OFFLOAD_TIMEOUT');
  const abort = new AbortController();
  const aborted = abortReason(policy.block.with({ signal: abort.signal })(400));
  abort.abort(new Error('not needed'));
  t.is(((await aborted) as Error).message, 'not needed');
  t.is(await policy.scale(1), 1);
});

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV']) {
  test(`a Python child that ${signal} ends rejects all calls, and says so`, async (t) => {
    const policy = await made(t);
    const calls = [policy.die(signal), policy.scale(1), policy.scale(2)];
    for (const call of calls) {
      t.like(await refused(call, 'OFFLOAD_CRASHED'), { signal, exitCode: null });
    }
    await refused(policy.scale(1), 'OFFLOAD_CRASHED');
  });
}

test('a Python child that exits rejects all calls, with its code and its last words', async (t) => {
  const policy = await made(t);
  const calls = [policy.exit(5, 'first\nlast words'), policy.scale(1)];
  for (const call of calls) {
    t.like(await refused(call, 'OFFLOAD_CRASHED'), { exitCode: 5, stderr: 'first\nlast words' });
  }
});

test('a Python child is made again as often as was said', async (t) => {
  const policy = await made(t, { restarts: 1 });
  const first = await policy.pid;
  await refused(policy.exit(1), 'OFFLOAD_CRASHED');
  t.not(await policy.pid, first);
  await refused(policy.exit(1), 'OFFLOAD_CRASHED');
  await refused(policy.scale(1), 'OFFLOAD_CRASHED');
});

test('stop lets what was made close itself and leaves no process, a hung one included', async (t) => {
  const journal = join(folder, 'stop');
  const policy = await made(t, {}, 'make_policy', journal);
  const pid = await policy.pid;
  policy.stop();
  t.false(runs(pid));
  t.is(readFileSync(journal, 'utf8'), 'closed\n');
  await refused(policy.scale(1), 'OFFLOAD_STOPPED');
  const hung = await made(t);
  const other = await hung.pid;
  const call = rejection(hung.forever());
  hung.stop({ timeoutS: 0.1 });
  t.false(runs(other));
  t.like(await call, { code: 'OFFLOAD_STOPPED' });
});

test('an idle Python child uses no processor time', async (t) => {
  const policy = await made(t);
  const pid = await policy.pid;
  await sleep(300);
  const before = processorTicks(pid);
  await sleep(1000);
  // A tick is 10 ms; one that spun would use a whole second.
  t.true(processorTicks(pid) - before <= 10);
});

test('a factory that fails rejects with what it raised, and leaves no process', async (t) => {
  await until(() => childrenOf('self').length === 0, 'the processes of other tests are gone');
  const make = (name: string, from: URL = url): unknown => mpify.with({ python })(from, name);
  t.like(await rejection(Promise.resolve(make('make_none'))), {
    name: 'GripperError',
    message: 'no gripper',
  });
  t.like(await refused(make('make_exit'), 'OFFLOAD_CRASHED'), {
    exitCode: 4,
    stderr: 'the driver is missing',
  });
  const missing = await refused(make('make_polisy'), 'OFFLOAD_NOT_FOUND');
  t.regex(missing.message, /remote\.py has no function make_polisy; it has .*make_policy/);
  await refused(make('constant'), 'OFFLOAD_NOT_FOUND');
  const nowhere = new URL('../fixtures/nowhere.py', import.meta.url);
  t.like(await rejection(Promise.resolve(make('make', nowhere))), { name: 'FileNotFoundError' });
  const broken = join(folder, 'broken.py');
  writeFileSync(broken, 'def make(:\n');
  const error = (await rejection(
    Promise.resolve(make('make', new URL(`file://${broken}`))),
  )) as Error;
  t.is(error.name, 'SyntaxError');
  t.regex(String(error.stack), /broken\.py", line 1/);
  t.deepEqual(childrenOf('self'), []);
});

test('a Python that is missing or too old is a clear error', async (t) => {
  const missing = await refused(
    mpify.with({ python: '/nowhere/python' })(url, 'make_policy'),
    'OFFLOAD_PYTHON',
  );
  t.regex(missing.message, /\/nowhere\/python cannot be started.*Install Python 3\.9 or newer/);
  const env = { PYTHONPATH: fileURLToPath(new URL('../fixtures/too-old', import.meta.url)) };
  const old = await refused(mpify.with({ python, env })(url, 'make_policy'), 'OFFLOAD_PYTHON');
  t.regex(old.message, /this is Python 3\.8; expected 3\.9 or newer/);
});

test('VIRTUAL_ENV chooses the Python where no option does', async (t) => {
  const before = process.env['VIRTUAL_ENV'];
  t.teardown(() => {
    if (before === undefined) delete process.env['VIRTUAL_ENV'];
    else process.env['VIRTUAL_ENV'] = before;
  });
  process.env['VIRTUAL_ENV'] = join(python, '..', '..');
  const policy = await mpify<() => Remote>(url, 'make_policy');
  t.teardown(() => policy.stop());
  t.is(await policy.executable, python);
});

test('a counter in shared memory is never seen half-written', async (t) => {
  const folder = fileURLToPath(new URL('../../lib/offload/python', import.meta.url));
  const torn = fileURLToPath(new URL('../fixtures/torn.py', import.meta.url));
  const { stdout } = await promisify(execFile)(python, [torn, folder]);
  // One of them where the other process had no turn meanwhile.
  t.regex(stdout, /^\[(255|256|255, 256)\]$/m);
});

for (const way of ['idle', 'throw', 'call', 'hung', 'stays'] as const) {
  test(`a Python child ends with its parent (${way})`, async (t) => {
    const parent = program('children', 'python', way);
    if (way === 'hung' || way === 'stays') {
      await parent.printed('ready');
      parent.process.kill(way === 'hung' ? 'SIGTERM' : 'SIGKILL');
    }
    const { lines, stderr } = await parent.ended;
    const pid = Number(lines[0]);
    t.true(pid > 0, stderr);
    if (way === 'call') t.is(lines[1], 'answered', 'a call keeps the parent alive');
    await until(() => !runs(pid), 'the child is gone');
  });
}

test('Ctrl+C reaches the Python child too, which leaves it to the parent', async (t) => {
  const parent = program('children', 'python', 'listens');
  await parent.printed('ready');
  process.kill(Number(parent.lines[0]), 'SIGINT');
  await sleep(50);
  parent.process.kill('SIGINT');
  const { lines, stderr } = await parent.ended;
  t.is(lines.at(-1), 'after SIGINT 4', stderr);
});

/** Writes a shell script that starts a Python, as an environment's own `python` may do. */
function wrapper(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

test('a Python behind a script works, and ends with stop and with its parent', async (t) => {
  const between = wrapper('between', `'${python}' "$@"`, 'exit $?');
  const policy = await made(t, { python: between });
  const pid = await policy.pid;
  t.false(childrenOf('self').includes(pid), 'the script stands between');
  t.is(await policy.scale(2), 2);
  policy.stop({ timeoutS: 30 });
  await until(() => !runs(pid), 'it has ended');
  const killed = await made(t, { python: between });
  const second = await killed.pid;
  const hanging = rejection(killed.forever());
  killed.stop({ timeoutS: 0.1 });
  await until(() => !runs(second), 'it has ended with the script');
  await hanging;
  const parent = program('children', 'python', 'stays', between);
  await parent.printed('ready');
  const third = Number(parent.lines[0]);
  parent.process.kill('SIGKILL');
  await parent.ended;
  await until(() => !runs(third), 'it has ended with the parent');
});

test('a Python behind a script that ends is told with its code, its signal and its last words', async (t) => {
  const between = wrapper('tells', `'${python}' "$@"`, 'exit $?');
  const exits = await made(t, { python: between });
  const exit = (await rejection(exits.exit(7, 'no gripper\n'))) as Crash;
  t.is(exit.exitCode, 7);
  t.regex(exit.message, /ended with code 7; its last words:\s+no gripper/);
  const dies = await made(t, { python: between });
  const died = (await rejection(dies.die('SIGSEGV'))) as Crash;
  t.is(died.exitCode, 139);
  t.regex(died.message, /ended with code 139, with which a script says that SIGSEGV killed what/);
  const fails = wrapper('fails', 'echo "no module torch" >&2', 'exit 3');
  const failed = (await rejection(mpify.with({ python: fails })(url, 'make_policy'))) as Crash;
  t.regex(failed.message, /ended with code 3; its last words:\s+no module torch/);
  const leaves = wrapper('leaves', `'${python}' "$@" &`, 'exit 0');
  const left = (await rejection(mpify.with({ python: leaves })(url, 'make_policy'))) as Crash;
  t.true(left instanceof OffloadError);
  t.regex(left.message, /ended with code 0/);
});

test('a script that does not pass the descriptors on to Python is told', async (t) => {
  const closes = wrapper('closes', `exec '${python}' "$@" 3>&- 4>&- 5>&-`);
  // Python's own way to start a process closes them.
  const inner = `import subprocess, sys; sys.exit(subprocess.run(["${python}"] + sys.argv[1:]).returncode)`;
  const starts = wrapper('starts', `exec '${python}' -c '${inner}' "$@"`);
  for (const script of [closes, starts]) {
    const error = (await rejection(mpify.with({ python: script })(url, 'make_policy'))) as Crash;
    t.is(error.code, 'OFFLOAD_PYTHON');
    t.regex(
      error.message,
      /descriptors.* are closed; a script that starts it must leave them open/,
    );
  }
});

test('a policy behind a script is refused, because its priority could not be set', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address);
  const between = wrapper('policy', `'${python}' "$@"`, 'exit $?');
  const policies = new URL('../fixtures/policies.py', import.meta.url);
  const policy = processPolicy(policies, { export: 'still', python: between });
  const error = (await rejection(run(robot, policy))) as PolicyError;
  t.is(error.code, 'POLICY_CRASHED');
  t.regex(error.message, /Let the script end with `exec/);
});
