// What a policy in a worker or a process is given beside the robot's state.

import { readdirSync, readlinkSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import {
  type AnyPolicy,
  chunked,
  type InputValues,
  type JointVector,
  OptionRangeError,
  OptionTypeError,
  PolicyError,
  type ProcessPolicy,
  processPolicy,
  type RobotState,
  run,
  shaped,
  type WorkerPolicy,
  workerPolicy,
} from '../../index.ts';
import { answered, sessionOf } from '../fixtures/arms.ts';
import { venv, WITHOUT_NUMPY } from '../fixtures/python.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection, until } from '../fixtures/waiting.ts';
import { hashOf } from '../fixtures/watching.ts';

type Policies = typeof import('../fixtures/watching.ts');
type Set = WorkerPolicy<RobotState, JointVector> | ProcessPolicy<RobotState, JointVector>;
type Make = (name: string, options?: object) => Promise<Set>;

const NODE = new URL('../fixtures/watching.ts', import.meta.url);
const PYTHON = new URL('../fixtures/watching.py', import.meta.url);
const DONE: readonly string[] = ['makeReader', 'makeScribe', 'makeTaker', 'vandal'];

/** The options of an export: a factory is called without arguments. */
function exported(name: string, options: object = {}): { export: never; args: never } {
  const args = DONE.includes(name) ? [] : undefined;
  return { export: name, ...(args && { args }), ...options } as never;
}

function inPython(name: string, options: object): Set {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return processPolicy(PYTHON, { ...exported(name, options), export: snake });
}

const PLACES: readonly (readonly [place: string, make: Make])[] = [
  ['a worker', async (name, options) => workerPolicy(NODE, exported(name, options)) as Set],
  ['a Node process', async (name, options) => processPolicy(NODE, exported(name, options)) as Set],
  [
    'a Python process with numpy',
    async (name, options) => inPython(name, { ...options, python: await venv() }),
  ],
  [
    'a Python process without numpy',
    async (name, options) => inPython(name, { ...options, env: WITHOUT_NUMPY }),
  ],
];

/** Runs a policy in a session until it tells what it saw. `during` is called once it is asked. */
async function seenBy(
  t: ExecutionContext,
  policy: AnyPolicy<RobotState, JointVector>,
  during: () => void | Promise<void> = () => {},
): Promise<unknown> {
  const { session } = await sessionOf(t, policy);
  let isOver = false;
  const run = rejection(session.run({ durationS: 600 })).finally(() => {
    isOver = true;
  });
  await until(() => isOver || session.stats.policyAnswers > 0, 'answers');
  await during();
  const error = await run;
  if (!(error instanceof PolicyError)) throw error;
  return JSON.parse((error.cause as Error).message);
}

const NOTHING = { set: 0, overwritten: 0 };

const now = (): number => Number(process.hrtime.bigint()) / 1e9;

for (const [place, make] of PLACES) {
  test(`a policy in ${place} is given arrays of each type and plain values, with their times`, async (t) => {
    const arrays = {
      i8: shaped(Int8Array.of(-1, 2, 3, 4), [2, 2]),
      u8: shaped(
        new Uint8Array(640 * 480 * 3).map((_, at) => at * 7),
        [480, 640, 3],
      ),
      clamped: Uint8ClampedArray.of(300, 1),
      i16: Int16Array.of(-2, 3),
      u16: Uint16Array.of(65_535),
      i32: Int32Array.of(-3),
      u32: Uint32Array.of(2 ** 32 - 1),
      i64: BigInt64Array.of(-4n),
      u64: BigUint64Array.of(5n),
      f32: shaped(Float32Array.of(0.5, Number.NaN), [1, 2, 1]),
      f64: Float64Array.of(Math.PI),
    };
    const plain = {
      number: -0.25,
      'a/b.c-d_e': false,
      data: { cups: [1, 'zwei', null, { an: true }] },
    };
    const policy = await make('watch');
    const before = now();
    policy.set({ ...arrays, ...plain });
    const after = now();
    const seen = (await seenBy(t, policy, () =>
      policy.set({ prompt: 'stack the cups 🥤' }, { hostTimeS: 12.5 }),
    )) as Record<string, { value: { shape?: number[]; hash: string }; hostTimeS: number }>;
    t.deepEqual(
      Object.keys(seen).sort(),
      [...Object.keys(arrays), ...Object.keys(plain), 'prompt'].sort(),
    );
    for (const [name, array] of Object.entries(arrays)) {
      const { value, hostTimeS = 0 } = seen[name] ?? {};
      const { shape = [array.length] } = array as { shape?: readonly number[] };
      t.like({ ...value }, { length: array.length, shape: [...shape], hash: hashOf(array) }, name);
      t.true(hostTimeS >= before && hostTimeS <= after, name);
    }
    for (const [name, value] of Object.entries(plain)) t.deepEqual(seen[name]?.value, value, name);
    t.deepEqual(seen['prompt'], { value: 'stack the cups 🥤', hostTimeS: 12.5 });
  });

  test(`the newest image wins in ${place}, and none is torn however fast they are set`, async (t) => {
    const policy = await make('makeReader');
    const image = shaped(new Uint8Array(200_000), [200, 1_000]);
    let nth = 0;
    const seen = (await seenBy(t, policy, async () => {
      await until(() => {
        for (let fast = 0; fast < 50; fast += 1) {
          nth += 1;
          policy.set({ image: image.fill(nth) }, { hostTimeS: nth });
        }
        const { set, overwritten } = policy.inputStats['image'] ?? NOTHING;
        return set >= 2_000 && set - overwritten > 5;
      }, 'the policy looks at several images');
      policy.set({ over: 1 });
    })) as { images: number; torn: number; older: number; last: number };
    t.true(seen.images > 1, `${seen.images} images`);
    t.like(seen, { torn: 0, older: 0, last: nth });
    const { set, overwritten } = policy.inputStats['image'] ?? NOTHING;
    t.is(set, nth);
    // What was not seen was overwritten; a few are counted that were seen in the same moment.
    t.true(overwritten >= set - seen.images && overwritten < set, `${overwritten} of ${set}`);
  });

  test(`an input is removed in ${place}, and may come again in another form`, async (t) => {
    const policy = await make('makeScribe');
    policy.set({ task: 'one', kept: 1 });
    const seen = (await seenBy(t, policy, async () => {
      const overwritten = (): number => policy.inputStats['kept']?.overwritten ?? 0;
      const looked = async (values: InputValues): Promise<void> => {
        policy.set({ ...values, kept: 1 });
        // The policy has looked at a value if setting another one overwrites nothing; then at the next question too.
        for (let looks = 0; looks < 3; looks += 1) {
          await until(() => {
            const before = overwritten();
            policy.set({ kept: 1 });
            return overwritten() === before;
          }, 'the policy looks');
        }
      };
      await looked({});
      await looked({ task: undefined });
      await looked({ task: null });
      await looked({ task: [2, 3] });
      policy.set({ over: true });
    })) as [string, unknown][][];
    const tasks = seen.map((inputs) => inputs.find(([name]) => name === 'task')?.[1] ?? 'none');
    t.deepEqual(
      tasks.filter((task, at) => at === 0 || String(task) !== String(tasks[at - 1])),
      ['one', 'none', [2, 3]],
    );
  });

  test(`each session of a policy in ${place} is given all inputs, the next one too`, async (t) => {
    const policy = await make('makeScribe');
    policy.set({ task: 'one' });
    let begun = 0;
    const begins = (): void => {
      begun += 1;
      policy.set({ task: 'two' });
      if (begun === 2) policy.set({ over: 1 });
    };
    const both = [seenBy(t, policy, begins), seenBy(t, policy, begins)];
    for (const seen of (await Promise.all(both)) as unknown[][]) {
      t.deepEqual(seen.at(-1), [
        ['over', 1],
        ['task', 'two'],
      ]);
    }
    policy.set({ task: 'three' });
    t.deepEqual(await seenBy(t, policy), [
      [
        ['over', 1],
        ['task', 'three'],
      ],
    ]);
  });
}

for (const [place, make] of PLACES.slice(0, 3)) {
  test.serial(`the memory of inputs ends with each session in ${place}`, async (t) => {
    const policy = await make('blind');
    policy.set({ image: new Uint8Array(100_000), prompt: 'go' });
    const { session } = await sessionOf(t, policy);
    await answered(session, 1);
    const before = descriptors();
    for (let nth = 0; nth < (place === 'a worker' ? 20 : 5); nth += 1) {
      policy.set({ image: new Uint8Array(100_000) });
      await answered(session, 1);
    }
    t.is(inputsMemories(), 0);
    t.true(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
  });
}

test.serial('the memory of inputs ends where a policy cannot be loaded', async (t) => {
  for (const policy of [
    workerPolicy(NODE, { export: 'makeScribe', args: [] }),
    workerPolicy(NODE, { export: 'none' }),
    processPolicy(NODE, { export: 'none' }),
    processPolicy(NODE, { export: 'blind', execPath: '/none' }),
    workerPolicy(NODE, { export: 'makeScribe', args: [() => 0] }),
  ]) {
    const { session } = await sessionOf(t, policy);
    await session.run({ durationS: 0.01 }).catch(() => undefined);
  }
  t.is(inputsMemories(), 0);
});

test('a policy that never looks loses what is set, which is counted, and goes on', async (t) => {
  const policy = workerPolicy<Policies, 'blind'>(NODE, { export: 'blind' });
  const { session } = await sessionOf(t, policy as Set);
  const running = session.run({ durationS: 600 });
  await until(() => session.stats.policyAnswers > 10, 'answers');
  for (let nth = 0; nth < 100; nth += 1) policy.set({ image: new Uint8Array(100_000) });
  const { policyAnswers } = session.stats;
  await until(() => session.stats.policyAnswers > policyAnswers + 10, 'further answers');
  await session.stop();
  await running;
  t.deepEqual({ ...policy.inputStats['image'] }, { set: 100, overwritten: 99 });
});

test('a policy in a worker may transfer its image away, and is given the next one', async (t) => {
  const policy = workerPolicy<Policies, 'makeTaker'>(NODE, { export: 'makeTaker', args: [] });
  const seen = (await seenBy(t, policy as Set, async () => {
    let nth = 0;
    await until(() => {
      nth += 1;
      policy.set({ image: new Uint8Array(10) }, { hostTimeS: nth });
      const { set, overwritten } = policy.inputStats['image'] ?? NOTHING;
      return set - overwritten > 3;
    }, 'the policy looks at several images');
    policy.set({ over: 1 });
  })) as number[];
  t.true(seen.length > 1 && seen.every((length) => length === 10), `${seen}`);
});

test('a Python process that writes into the memory of its inputs harms nobody else', async (t) => {
  const policy = inPython('vandal', { env: WITHOUT_NUMPY });
  const image = shaped(new Uint8Array(200_000), [200, 1_000]);
  const { session, simulator } = await sessionOf(t, policy);
  const running = session.run({ durationS: 600 });
  await until(() => session.stats.policyAnswers > 0, 'answers');
  const from = session.stats.policyAnswers;
  for (let nth = 0; nth < 500; nth += 1) {
    policy.set({ image: image.fill(nth), prompt: `${nth}` });
    if (nth % 20 === 0) policy.set({ image: undefined });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => session.stats.policyAnswers > from + 50, 'further answers');
  await session.stop();
  await running;
  t.is(simulator.counters().reflexes, 0);
  t.is(policy.inputStats['image']?.set, 500);
});

test('inputs go through chunked() by the policy inside', async (t) => {
  const policy = workerPolicy<Policies, 'watch'>(NODE, { export: 'watch' });
  policy.set({ prompt: 'go' });
  const seen = await seenBy(t, chunked(policy as never) as never);
  t.like(seen, { prompt: { value: 'go' } });
});

test('a policy on the main thread has no inputs', async (t) => {
  const seen: unknown[] = [];
  await run(new Scribe(), (_, { inputs }) => seen.push(Object.keys(inputs)), {
    rateHz: 100,
    durationS: 0.05,
    warmupS: 0,
  });
  t.deepEqual(seen[0], []);
});

test('an input of another type or shape is refused by its name, and tells both', (t) => {
  const policy = workerPolicy(NODE);
  policy.set({ image: shaped(new Uint8Array(12), [2, 2, 3]), prompt: 'go', speed: 1 });
  const image = shaped(new Uint8Array(12), [4, 3]);
  const error = t.throws(() => policy.set({ speed: 2, image }), { instanceOf: OptionTypeError });
  t.is(error.code, 'OPTION_INPUTS');
  t.is(error.received, image);
  t.regex(error.message, /inputs\.image, which is uint8 of shape \[4, 3\]/);
  t.regex(
    error.message,
    /uint8 of shape \[2, 2, 3\], as it was first set; set\(\{ 'image': undefined \}\)/,
  );
  // Nothing of that call was set.
  t.is(policy.inputStats['speed']?.set, 1);
  for (const values of [
    { image: new Int8Array(12) },
    { image: 'png' },
    { prompt: 1 },
    { speed: [1] },
  ]) {
    t.throws(() => policy.set(values), { code: 'OPTION_INPUTS' });
  }
  policy.set({ image: null });
  policy.set({ image });
});

test('a declared input has its form from the beginning, and keeps it', (t) => {
  const inputs = { image: { dtype: 'uint8', shape: [2, 3] } } as const;
  const policy = workerPolicy(NODE, { inputs });
  const wrong = shaped(new Uint8Array(6), [3, 2]);
  const declared = /uint8 of shape \[2, 3\], as the option inputs declares it/;
  t.throws(() => policy.set({ image: wrong }), { message: declared });
  policy.set({ image: shaped(new Uint8Array(6), [2, 3]) });
  policy.set({ image: undefined });
  t.throws(() => policy.set({ image: wrong }), { message: declared });
  for (const image of [
    undefined,
    {},
    { dtype: 'uint8' },
    { dtype: 'rgb', shape: [1] },
    { dtype: 'uint8', shape: [0] },
    { dtype: 'uint8', shape: [1.5] },
    { dtype: 'uint8', shape: new Array(33).fill(1) },
    { dtype: 'uint8', shape: 'x' },
    { dtype: 'float64', shape: [2 ** 24] },
  ]) {
    t.throws(() => workerPolicy(NODE, { inputs: { image } as never }), undefined, `${image}`);
  }
  t.throws(() => processPolicy(PYTHON, { export: 'x', inputs: 1 as never }), {
    code: 'OPTION_TYPE',
  });
  t.throws(() => workerPolicy(NODE, { maxInputBytes: 1 }), { code: 'OPTION_MAX_INPUT_BYTES' });
});

test('names, times and sizes of inputs have bounds', (t) => {
  const policy = workerPolicy(NODE, { maxInputBytes: 200_000 });
  for (const name of ['', 'a b', 'ü', 'a'.repeat(65), 'a\n', '\0']) {
    t.throws(() => policy.set({ [name]: 1 }), {
      code: 'OPTION_INPUTS',
      instanceOf: OptionRangeError,
    });
  }
  for (const hostTimeS of [Number.NaN, -1, Number.POSITIVE_INFINITY, '1', 1n, null]) {
    t.throws(() => policy.set({ a: 1 }, { hostTimeS } as never), { code: 'OPTION_HOST_TIME_S' });
  }
  for (const values of [undefined, null, 1, 'x', []]) {
    t.throws(() => policy.set(values as never), { code: 'OPTION_TYPE' });
  }
  const large = t.throws(() => policy.set({ small: 1, large: new Uint8Array(200_000) }), {
    code: 'OPTION_INPUTS',
    instanceOf: OptionRangeError,
  });
  t.regex(
    large.message,
    /at most 200000 bytes for all inputs; set smaller ones, or raise maxInputBytes/,
  );
  t.deepEqual(Object.keys(policy.inputStats), []);
  const many = Object.fromEntries(Array.from({ length: 64 }, (_, nth) => [`n${nth}`, nth]));
  policy.set(many);
  t.throws(() => policy.set({ more: 1 }), { message: /one of the 64 names/ });
  t.throws(() => workerPolicy(NODE).set({ ...many, more: 1 }), { code: 'OPTION_INPUTS' });
  policy.set({ n3: 5 });
});

test('a hostile value is refused and changes nothing', (t) => {
  const policy = workerPolicy(NODE);
  const circle: unknown[] = [];
  circle.push(circle);
  let deep: unknown = 1;
  for (let level = 0; level < 1_000; level += 1) deep = { deep };
  const transferred = new Uint8Array(10);
  structuredClone(transferred, { transfer: [transferred.buffer] });
  const misshapen = Object.assign(new Uint8Array(4), { shape: [2, 3] });
  const growing = Object.assign(new Uint8Array(4), { shape: [2 ** 31, 2 ** 31, 2 ** 31] });
  const values: readonly unknown[] = [
    () => 1,
    Symbol('x'),
    1n,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    [Number.NaN],
    circle,
    deep,
    new Date(),
    new Map(),
    new (class Camera {})(),
    new ArrayBuffer(4),
    new DataView(new ArrayBuffer(4)),
    { data: new Uint8Array(4) },
    [() => 1],
    new Array(200_000).fill(1),
    'x'.repeat(2 ** 20),
    transferred,
    misshapen,
    growing,
    new Proxy(new Uint8Array(4), {}),
    Object.assign(new Uint8Array(4), { shape: 'square' }),
    Object.assign(new Uint8Array(4), { shape: [Number.NaN] }),
  ];
  for (const value of values) {
    const refused = () => policy.set({ fine: 1, value } as never);
    t.regex(t.throws(refused).message, /inputs\.value/);
  }
  // What a getter of the user throws is the user's.
  const throwing = Object.defineProperty({}, 'value', {
    enumerable: true,
    get: () => {
      throw new Error('mine');
    },
  });
  t.throws(() => policy.set(throwing), { message: 'mine' });
  t.deepEqual(Object.keys(policy.inputStats), []);
  // Odd, but values.
  policy.set({
    __proto__: null,
    constructor: 1,
    shared: new Uint8Array(new SharedArrayBuffer(8)),
  } as never);
  t.deepEqual(Object.keys(policy.inputStats), ['constructor', 'shared']);
});

/** How many descriptors this process has, and how many of them are of inputs. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function inputsMemories(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.includes('kilohertz-inputs')).length;
}
