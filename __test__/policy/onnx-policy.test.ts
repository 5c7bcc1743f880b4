// A policy that is an ONNX model: what it is fed and what it answers, without JavaScript; what is no such policy.

import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  chunked,
  normalization,
  type OnnxPolicyOptions,
  OptionRangeError,
  OptionTypeError,
  onnxPolicy,
  PolicyError,
  replay,
  rerun,
  Session,
} from '../../index.ts';
import { OnnxHost } from '../../lib/franka/drivers/onnx-host.ts';
import { STATE_LENGTH } from '../../lib/native/robot-state.ts';
import { sessionOf, setUp, WALL } from '../fixtures/arms.ts';
import { type ModelParts, TYPES, writeModel } from '../fixtures/onnx-models.ts';
import { threadsOf } from '../fixtures/processes.ts';
import { Folder, folderFor } from '../fixtures/recordings.ts';
import { block, until } from '../fixtures/waiting.ts';

type Model = ConstructorParameters<typeof OnnxHost>[0];

const REACH = new URL('../../examples/models/reach.onnx', import.meta.url);
const STILL = { warmupS: 0, realtime: false } as const;
const ROW = [1, 7] as const;

/** A goal a little away from where a simulated arm begins. */
const goalFrom = (start: readonly number[]): number[] => start.map((q) => q + 0.05);

const reach = (goal: readonly number[], options: Partial<OnnxPolicyOptions> = {}) =>
  onnxPolicy(REACH, {
    inputs: { observation: ['q', goal] },
    outputs: { action: 'action' },
    ...options,
  });

/** A model whose action is its input. */
const SAME: ModelParts = {
  inputs: [{ name: 'in', shape: ROW }],
  outputs: [{ name: 'out', shape: ROW }],
  nodes: [{ op: 'Identity', inputs: ['in'], outputs: ['out'] }],
};

/** Options for a model like {@link SAME}, which is fed zeros: the arm stays where it is. */
const ZEROS: OnnxPolicyOptions = {
  inputs: { in: [0, 0, 0, 0, 0, 0, 0] },
  outputs: { action: 'out' },
};

/** How many threads of this process compute a model. */
const computing = (): number =>
  threadsOf('self').filter(({ name }) => name === 'kilohertz-onnx').length;

test('a model that is still loaded when its session ends is let go', async (t) => {
  const lengths = { observation: STATE_LENGTH, action: 7, answer: 7, isPose: false };
  const before = computing();
  const kept = new OnnxHost(reach([0, 0, 0, 0, 0, 0, 0]) as Model, lengths);
  await kept.load();
  t.is(computing(), before + 1);
  kept.release();
  await until(() => computing() === before, 'a model that was loaded is gone');
  const late = new OnnxHost(reach([0, 0, 0, 0, 0, 0, 0]) as Model, lengths);
  const loading = late.load();
  late.release();
  await loading;
  await until(() => computing() === before, 'a model that was loaded too late is gone');
});

test('a model moves an arm to its goal, also while the main thread is blocked', async (t) => {
  await using setup = await setUp('jointVelocity', WALL);
  const goal = goalFrom(setup.start);
  // At 50 Hz a step of the model's answer is within the arm's acceleration.
  const session = new Session(setup.arm, reach(goal), { ...STILL, rateHz: 50 });
  let meanwhile = 0;
  session.on('start', () => {
    setTimeout(() => {
      const before = session.stats.policyAnswers;
      block(300);
      meanwhile = session.stats.policyAnswers - before;
    }, 300);
  });
  await session.run({ durationS: 3 });
  t.true(meanwhile > 8, `${meanwhile} answers meanwhile`);
  const { q } = setup.simulator.joints();
  for (const [joint, at] of goal.entries()) t.true(Math.abs((q[joint] ?? 0) - at) < 5e-3);
  t.is(setup.simulator.counters().reflexes, 0);
});

test('the answers are those that onnxruntime-node computes, and rerun() gives them again', async (t) => {
  using folder = new Folder();
  await using setup = await setUp('jointVelocity');
  const goal = goalFrom(setup.start);
  const record = folder.at('run.mcap');
  await new Session(setup.arm, reach(goal), { ...STILL, rateHz: 50, record }).run({ durationS: 1 });
  const model = await InferenceSession.create(new URL(REACH).pathname, { intraOpNumThreads: 1 });
  const states = new Map<number, Float64Array>();
  let compared = 0;
  for await (const { tick, state, answer } of replay(record)) {
    states.set(tick, Float64Array.from(state.q));
    const asked = answer && states.get(answer.tick);
    if (!answer || !asked || compared === 20) continue;
    const observation = new Tensor('float32', Float32Array.from([...asked, ...goal]), [1, 14]);
    const { action } = await model.run({ observation });
    t.deepEqual(Array.from(answer.actions[0] ?? []), Array.from(action?.data as Float32Array));
    compared += 1;
  }
  t.is(compared, 20);
  const report = await rerun(record, reach(goal));
  t.is(report.firstDifference, undefined);
});

test('what a model is fed and answers is normalized as the data set says', async (t) => {
  const file = writeModel(folderFor(t), 'same', SAME);
  await using setup = await setUp('jointVelocity');
  const statistics = { mean: setup.start, std: new Array(7).fill(2) };
  const ofInput = normalization(statistics, 'meanStd');
  const ofAction = normalization(
    { min: new Array(7).fill(-0.002), max: new Array(7).fill(0.006) },
    'minMax',
  );
  const policy = onnxPolicy(file, {
    inputs: { in: { from: 'q_d', normalization: ofInput } },
    outputs: { action: { name: 'out', normalization: ofAction } },
  });
  using folder = new Folder();
  const record = folder.at('run.mcap');
  await new Session(setup.arm, policy, { ...STILL, record }).run({ durationS: 0.2 });
  let compared = 0;
  for await (const { state, tick, answer } of replay(record)) {
    if (!answer || answer.tick !== tick) continue;
    const expected = ofAction.unnormalize(ofInput.normalize(state.q_d));
    for (const [joint, value] of (answer.actions[0] ?? []).entries()) {
      t.true(Math.abs(value - (expected[joint] ?? 0)) < 1e-6, `${value}, ${expected[joint]}`);
    }
    compared += 1;
  }
  t.true(compared > 0);
});

test('a model of chunks plays them', async (t) => {
  const file = writeModel(folderFor(t), 'chunk', {
    inputs: [{ name: 'q', shape: ['batch', 1, 7] }],
    outputs: [{ name: 'actions', shape: ['batch', 10, 7] }],
    nodes: [{ op: 'Add', inputs: ['q', 'way'], outputs: ['actions'] }],
    constants: [
      {
        name: 'way',
        shape: [1, 10, 7],
        numbers: Array.from({ length: 70 }, (_, at) => 2e-3 * Math.floor(at / 7)),
      },
    ],
  });
  await using setup = await setUp('jointPosition');
  const model = onnxPolicy(file, {
    inputs: { q: 'q_d' },
    outputs: { action: 'actions' },
    dtS: 0.02,
  });
  const stats = await new Session(setup.arm, chunked(model), STILL).run({ durationS: 2 });
  t.true(stats.chunks > 5, `${stats.chunks}`);
  const moved = (setup.simulator.joints().q[0] ?? 0) - (setup.start[0] ?? 0);
  t.true(moved > 0.02, `${moved}`);
  t.is(setup.simulator.counters().reflexes, 0);
});

const REFUSED: readonly [what: string, parts: Partial<ModelParts>, message: RegExp][] = [
  [
    'an input of another name',
    {
      inputs: [{ name: 'other', shape: ROW }],
      nodes: [{ op: 'Identity', inputs: ['other'], outputs: ['out'] }],
    },
    /the inputs of .*'other'; expected 'in'/,
  ],
  [
    'an output of another name',
    {
      outputs: [{ name: 'other', shape: ROW }],
      nodes: [{ op: 'Identity', inputs: ['in'], outputs: ['other'] }],
    },
    /the outputs of .*'other'; expected one of them to be 'out'/,
  ],
  [
    'an input of another size',
    { inputs: [{ name: 'in', shape: [1, 8] }], outputs: [{ name: 'out', shape: [1, 8] }] },
    /the input 'in' .*\[1, 8\].*7 numbers/,
  ],
  [
    'an output of another size',
    {
      outputs: [{ name: 'out', shape: [7, 1] }],
      nodes: [{ op: 'Transpose', inputs: ['in'], outputs: ['out'] }],
    },
    /the output 'out' .*\[7, 1\]; expected \[1, 7\]/,
  ],
  [
    'a size that is left open',
    {
      inputs: [{ name: 'in', shape: [1, 'joints'] }],
      outputs: [{ name: 'out', shape: [1, 'joints'] }],
    },
    /the input 'in' .*-1.*sizes that are fixed/,
  ],
  [
    'whole numbers',
    {
      inputs: [{ name: 'in', shape: ROW, type: 'int64' }],
      outputs: [{ name: 'out', shape: ROW, type: 'int64' }],
    },
    /the type of the input 'in' .*int64; expected float32 or float64/i,
  ],
  [
    'inputs in float16, as one for a GPU may have,',
    {
      inputs: [{ name: 'in', shape: ROW, type: 'float16' }],
      outputs: [{ name: 'out', shape: ROW, type: 'float16' }],
    },
    /the type of the input 'in' .*float16; expected float32 or float64/i,
  ],
  [
    'an output in float16',
    {
      outputs: [{ name: 'out', shape: ROW, type: 'float16' }],
      nodes: [{ op: 'Cast', inputs: ['in'], outputs: ['out'], attributes: { to: TYPES.float16 } }],
    },
    /the type of the output 'out' .*float16; expected float32 or float64/i,
  ],
  [
    'an engine that was compiled for a GPU',
    { nodes: [{ op: 'EPContext', domain: 'com.microsoft', inputs: ['in'], outputs: ['out'] }] },
    /cannot be loaded as an ONNX model: .*EPContext/,
  ],
  [
    'an operator of a plugin',
    { nodes: [{ op: 'Planner', domain: 'trt.plugins', inputs: ['in'], outputs: ['out'] }] },
    /cannot be loaded as an ONNX model: .*Planner/,
  ],
];

for (const [what, parts, message] of REFUSED) {
  test(`a model with ${what} is refused by name before the arm moves`, async (t) => {
    const file = writeModel(folderFor(t), 'refused', { ...SAME, ...parts });
    const { session, simulator } = await sessionOf(t, onnxPolicy(file, ZEROS));
    await t.throwsAsync(() => session.run({ durationS: 1 }), {
      instanceOf: PolicyError,
      code: 'ONNX_MODEL',
      message,
    });
    t.is(simulator.counters().motionsStarted, 0);
  });
}

test('numbers of double precision are as good', async (t) => {
  const file = writeModel(folderFor(t), 'double', {
    ...SAME,
    inputs: [{ name: 'in', shape: ROW, type: 'float64' }],
    outputs: [{ name: 'out', shape: ROW, type: 'float64' }],
  });
  const { session } = await sessionOf(t, onnxPolicy(file, ZEROS));
  const stats = await session.run({ durationS: 0.2 });
  t.true(stats.policyAnswers > 10);
});

test('a model that computes in float16 between inputs and outputs of float32 runs', async (t) => {
  const file = writeModel(folderFor(t), 'half', {
    ...SAME,
    nodes: [
      { op: 'Cast', inputs: ['in'], outputs: ['half'], attributes: { to: TYPES.float16 } },
      { op: 'Add', inputs: ['half', 'half'], outputs: ['sum'] },
      { op: 'Cast', inputs: ['sum'], outputs: ['out'], attributes: { to: TYPES.float32 } },
    ],
  });
  const { session } = await sessionOf(t, onnxPolicy(file, ZEROS));
  const stats = await session.run({ durationS: 0.2 });
  t.true(stats.policyAnswers > 10);
});

test('a file that is no model, and one that is not there, are told as that', async (t) => {
  for (const file of [import.meta.filename, '/nowhere/at-all.onnx']) {
    const { session } = await sessionOf(t, onnxPolicy(file, ZEROS));
    await t.throwsAsync(() => session.run({ durationS: 1 }), {
      instanceOf: PolicyError,
      code: 'ONNX_MODEL',
      message: /cannot be loaded as an ONNX model/,
    });
  }
});

test('a library that is none is told, with the file that was tried', async (t) => {
  for (const library of [import.meta.filename, '/nowhere/libonnxruntime.so']) {
    const policy = onnxPolicy(REACH, {
      inputs: { observation: ['q', 'q_d'] },
      outputs: { action: 'action' },
      library,
    });
    const { session } = await sessionOf(t, policy);
    const error = await t.throwsAsync(() => session.run({ durationS: 1 }), {
      instanceOf: PolicyError,
      code: 'ONNX_RUNTIME',
    });
    t.true(error.message.includes(library), error.message);
  }
});

test('an inference that fails ends the session with what ONNX Runtime says, and the arm rests', async (t) => {
  const file = writeModel(folderFor(t), 'failing', {
    inputs: [{ name: 'which', shape: [1] }],
    outputs: [{ name: 'out', shape: ROW }],
    nodes: [
      { op: 'Cast', inputs: ['which'], outputs: ['index'], attributes: { to: 7 } },
      { op: 'Gather', inputs: ['rows', 'index'], outputs: ['out'] },
    ],
    constants: [{ name: 'rows', shape: [3, 7], numbers: new Array(21).fill(0) }],
  });
  const policy = onnxPolicy(file, { inputs: { which: [5] }, outputs: { action: 'out' } });
  const { session, simulator } = await sessionOf(t, policy);
  const error = await t.throwsAsync(() => session.run({ durationS: 5 }), {
    instanceOf: PolicyError,
    code: 'ONNX_RUNTIME',
    message: /inference .* failed in cycle \d+: .*indices element out of data bounds/s,
  });
  t.is(typeof error.tick, 'number');
  t.is(simulator.counters().reflexes, 0);
});

test('a model that answers NaN ends the session as any policy does', async (t) => {
  const file = writeModel(folderFor(t), 'nan', {
    ...SAME,
    nodes: [{ op: 'Log', inputs: ['in'], outputs: ['out'] }],
  });
  const inputs = { in: [-1, 0, 0, 0, 0, 0, 0] };
  const { session } = await sessionOf(t, onnxPolicy(file, { ...ZEROS, inputs }));
  await t.throwsAsync(() => session.run({ durationS: 5 }), { code: 'ACTION_NOT_FINITE' });
});

test('sessions one after the other, and at the same time, have a model each', async (t) => {
  const file = writeModel(folderFor(t), 'same', SAME);
  for (let round = 0; round < 3; round += 1) {
    const both = await Promise.all([
      sessionOf(t, onnxPolicy(file, ZEROS)),
      sessionOf(t, onnxPolicy(file, ZEROS)),
    ]);
    const stats = await Promise.all(both.map(({ session }) => session.run({ durationS: 0.1 })));
    for (const { policyAnswers } of stats) t.true(policyAnswers > 5, `${policyAnswers}`);
  }
});

test('options are checked by name', async (t) => {
  const made = (options: object) => () => onnxPolicy(REACH, { ...ZEROS, ...options });
  const refused: readonly [options: object, code: `OPTION_${string}`][] = [
    [{ inputs: 'q' }, 'OPTION_INPUTS'],
    [{ inputs: { in: 'wrist' } }, 'OPTION_INPUTS'],
    [{ inputs: { in: 'robot_mode' } }, 'OPTION_INPUTS'],
    [{ inputs: { in: [Number.NaN] } }, 'OPTION_INPUTS_IN'],
    [{ inputs: { in: { from: 'q', normalization: { mean: 1 } } } }, 'OPTION_INPUTS_NORMALIZATION'],
    [{ outputs: 'out' }, 'OPTION_TYPE'],
    [{ outputs: { action: 5 } }, 'OPTION_TYPE'],
    [{ outputs: {} }, 'OPTION_TYPE'],
    [{ dtS: 0 }, 'OPTION_DT_S'],
    [{ threads: 0 }, 'OPTION_THREADS'],
    [{ priority: 99 }, 'OPTION_PRIORITY'],
    [{ library: 5 }, 'OPTION_LIBRARY'],
  ];
  for (const [options, code] of refused) {
    const error = t.throws(made(options));
    t.true(
      error instanceof OptionTypeError || error instanceof OptionRangeError,
      `${code}: ${error}`,
    );
    t.is((error as OptionTypeError).code, code);
  }
  const single = await sessionOf(t, onnxPolicy(REACH, { ...ZEROS, dtS: 0.1 }));
  await t.throwsAsync(() => single.session.run({ durationS: 1 }), { code: 'OPTION_DT_S' });
});
