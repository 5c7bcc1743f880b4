// A name that is no option is answered with the options of the call that it was given to, and with the nearest.

import { readFileSync } from 'node:fs';
import test from 'ava';
import {
  asyncify,
  bench,
  chunked,
  configurePool,
  doctor,
  droid,
  exportRecording,
  Franka,
  FrankaHand,
  FrankaSimulator,
  fixMachine,
  gr00tPolicy,
  InferenceThread,
  mpify,
  OptionTypeError,
  onnxPolicy,
  openpiPolicy,
  plot,
  processPolicy,
  type RecordFolder,
  type ReplayMotionOptions,
  replay,
  replayMotion,
  rerun,
  resizeImage,
  run,
  Session,
  StateHistory,
  selftest,
  workerPolicy,
} from '../../index.ts';
import type * as remote from '../fixtures/remote.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejection } from '../fixtures/waiting.ts';

const declarations = readFileSync(new URL('../../index.d.ts', import.meta.url), 'utf8');
const MODEL = new URL('../fixtures/inference.ts', import.meta.url);
const REMOTE = new URL('../fixtures/remote.ts', import.meta.url);
const PLAIN = new URL('../fixtures/plain-policy.js', import.meta.url);

/** The names that an interface of index.d.ts declares, and those that it has of others. */
function namesOf(name: string): string[] {
  const found = new RegExp(`interface ${name}\\b([^{]*)\\{([\\s\\S]*?)\\n\\}`).exec(declarations);
  if (!found) throw new Error(`index.d.ts has no interface ${name}`);
  const [, head = '', body = ''] = found;
  const base = baseIn(head);
  const own = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
  return [...(base === undefined ? [] : namesOf(base)), ...own];
}

/** The interface that one with this head extends. */
function baseIn(head: string): string | undefined {
  // A type parameter extends something too.
  return /(?:^|>)\s*extends (\w+)/.exec(head)?.[1];
}

/** What options are given to. */
interface Given {
  readonly simulator: FrankaSimulator;
  readonly arm: Franka;
  readonly hand: FrankaHand;
}

type Call = (options: never, given: Given) => unknown;

const THRESHOLDS = {
  lowerTorquesNm: new Array(7).fill(10),
  upperTorquesNm: new Array(7).fill(20),
  lowerForces: new Array(6).fill(10),
  upperForces: new Array(6).fill(20),
};
const UNIT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const ZERO = new Array(7).fill(0);
const policy = (): number[] => ZERO;
const session = (options: object, arm: Franka): unknown => new Session(arm, policy, options);

/** The call or the option; the interfaces, or the names, of what it takes; a slip and what is meant. */
const PLACES: readonly (readonly [string, readonly string[], string, string, Call])[] = [
  [
    'Session()',
    ['SessionOptions'],
    'rateHZ',
    'rateHz',
    (o) => new Session(new Scribe(), () => 1, o),
  ],
  [
    'run()',
    ['RunOptions', 'SessionOptions'],
    'durationMs',
    'durationS',
    (o) => run(new Scribe(), () => 1, o),
  ],
  [
    'run()',
    ['RunOptions'],
    'duration',
    'durationS',
    (o) => new Session(new Scribe(), () => 1).run(o),
  ],
  [
    'snapshots()',
    ['=intervalS'],
    'interval',
    'intervalS',
    (o) => new Session(new Scribe(), () => 1).snapshots(o).next(),
  ],
  [
    'realtime',
    ['RealtimeOptions'],
    'prioriti',
    'priority',
    (realtime, { arm }) => session({ realtime }, arm),
  ],
  [
    'limits',
    ['LimitOptions'],
    'torquerate',
    'torqueRate',
    (limits, { arm }) => session({ limits }, arm),
  ],
  [
    'limits.boxM',
    ['CartesianBox'],
    'margin',
    'marginM',
    (boxM, { arm }) => session({ limits: { boxM } }, arm),
  ],
  [
    'targetBudget',
    ['TargetBudget'],
    'jerk',
    'jerkShare',
    (targetBudget, { arm }) => session({ targetBudget }, arm),
  ],
  [
    'Franka.connect()',
    ['FrankaOptions'],
    'controll',
    'control',
    (o) => Franka.connect('127.0.0.1', o),
  ],
  [
    'impedance',
    ['ImpedanceLaw'],
    'jointStifness',
    'jointStiffness',
    (impedance) => Franka.connect('127.0.0.1', { impedance }),
  ],
  ['moveTo()', ['MoveOptions'], 'sped', 'speed', (o, { arm }) => arm.moveTo(ZERO, o)],
  ['home()', ['HomeOptions'], 'onprogress', 'onProgress', (o, { arm }) => arm.home(o)],
  ['states()', ['StatesOptions'], 'ratehz', 'rateHz', (o, { arm }) => arm.states(o)],
  [
    'setCollisionBehavior()',
    ['CollisionBehavior'],
    'lowerForce',
    'lowerForces',
    (o, { arm }) => arm.setCollisionBehavior(o),
  ],
  [
    'acceleration',
    ['CollisionThresholds'],
    'upperTorques',
    'upperTorquesNm',
    (acceleration, { arm }) => arm.setCollisionBehavior({ ...THRESHOLDS, acceleration }),
  ],
  [
    'setCollisionBehavior()',
    ['SettingOptions'],
    'uncheked',
    'unchecked',
    (o, { arm }) => arm.setCollisionBehavior(THRESHOLDS, o),
  ],
  ['setLoad()', ['Load'], 'mass_load', 'm_load', (o, { arm }) => arm.setLoad(o)],
  [
    'setLoad()',
    ['SettingOptions'],
    'unchecekd',
    'unchecked',
    (o, { arm }) => arm.setLoad({ m_load: 0 }, o),
  ],
  ['setEE()', ['SettingOptions'], 'uncheckd', 'unchecked', (o, { arm }) => arm.setEE(UNIT, o)],
  ['setK()', ['SettingOptions'], 'Unchecked', 'unchecked', (o, { arm }) => arm.setK(UNIT, o)],
  ['NE_T_EE', ['Pose'], 'quad', 'quat', (o, { arm }) => arm.setEE(o)],
  ['pose', ['Pose'], 'xy', 'xyz', (o, { arm }) => arm.moveTo(o)],
  ['setGuidingMode()', ['GuidingMode'], 'rol', 'roll', (o, { arm }) => arm.setGuidingMode(o)],
  [
    'setFilters()',
    ['FrankaFilters'],
    'controllerHZ',
    'controllerHz',
    (o, { arm }) => arm.setFilters(o),
  ],
  [
    'FrankaHand.connect()',
    ['FrankaHandOptions'],
    'timeoutMs',
    'timeoutS',
    (o) => FrankaHand.connect('127.0.0.1', o),
  ],
  ['homing()', ['HandHomingOptions'], 'singal', 'signal', (o, { hand }) => hand.homing(o)],
  ['move()', ['HandMoveOptions'], 'speed', 'speedMPerS', (o, { hand }) => hand.move(0.01, o)],
  ['grasp()', ['HandGraspOptions'], 'force', 'forceN', (o, { hand }) => hand.grasp(0.01, o)],
  [
    'FrankaSimulator.start()',
    ['FrankaSimulatorOptions'],
    'lockStep',
    'lockstep',
    (o) => FrankaSimulator.start(o),
  ],
  ['chunked()', ['ChunkedOptions'], 'maxRow', 'maxRows', (o) => chunked(() => undefined, o)],
  [
    'replanAt',
    ['=steps', '=rateHz'],
    'step',
    'steps',
    (replanAt) => chunked(() => undefined, { replanAt }),
  ],
  [
    'gripper',
    ['GripperOptions'],
    'hysteresis',
    'hysteresisM',
    (gripper) => chunked(() => undefined, { gripper }),
  ],
  [
    'openpiPolicy()',
    ['OpenpiOptions'],
    'timeout',
    'timeoutS',
    (o) => openpiPolicy('ws://127.0.0.1:1', o),
  ],
  ['StateHistory()', ['StateHistoryOptions'], 'second', 'seconds', (o) => new StateHistory(o)],
  ['onnxPolicy()', ['OnnxPolicyOptions'], 'thread', 'threads', (o) => onnxPolicy('model.onnx', o)],
  [
    'inputs.q',
    ['OnnxInput'],
    'form',
    'from',
    (q) => onnxPolicy('model.onnx', { inputs: { q }, outputs: { action: 'a' } }),
  ],
  [
    'outputs.action',
    ['OnnxOutput'],
    'nam',
    'name',
    (action) => onnxPolicy('model.onnx', { inputs: {}, outputs: { action } }),
  ],
  [
    'gr00tPolicy()',
    ['Gr00tOptions'],
    'apikey',
    'apiKey',
    (o) => gr00tPolicy('tcp://127.0.0.1:1', o),
  ],
  ['droid()', ['DroidOptions'], 'prompts', 'prompt', (o) => droid(o)],
  [
    'resizeImage()',
    ['ResizeImageOptions'],
    'width',
    'widthPx',
    (o) => resizeImage(new Uint8Array(3) as never, o),
  ],
  ['noise', ['SimulatedNoise'], 'tau_j', 'tau_J', (noise) => FrankaSimulator.start({ noise })],
  [
    'endEffector',
    ['SimulatedEndEffector'],
    'm_e',
    'm_ee',
    (endEffector) => FrankaSimulator.start({ endEffector }),
  ],
  [
    'reset()',
    ['SimulatorResetOptions'],
    'objectWidth',
    'objectWidthM',
    (o, { simulator }) => simulator.reset(o),
  ],
  ['replay()', ['ReplayOptions'], 'ondamage', 'onDamage', (o) => replay('run.mcap', o)],
  ['rerun()', ['RerunOptions'], 'signals', 'signal', (o) => rerun('run.mcap', () => undefined, o)],
  [
    'exportRecording()',
    ['TableExportOptions'],
    'field',
    'fields',
    (o: object) => exportRecording('run.mcap', { to: 'csv', path: 'run.csv', ...o }),
  ],
  [
    'exportRecording()',
    ['DataSetExportOptions'],
    'camera',
    'cameras',
    (o: object) => exportRecording('run.mcap', { to: 'lerobot', path: 'data', ...o }),
  ],
  [
    'exportRecording()',
    ['ExportCallOptions'],
    'onProgres',
    'onProgress',
    (o) => exportRecording('run.mcap', { to: 'csv', path: 'run.csv' }, o),
  ],
  ['workerPolicy()', ['WorkerPolicyOptions'], 'exports', 'export', (o) => workerPolicy(PLAIN, o)],
  [
    'set()',
    ['SetInputsOptions'],
    'hostTime',
    'hostTimeS',
    (o) => workerPolicy(PLAIN).set({ speed: 1 }, o),
  ],
  [
    'inputs.image',
    ['InputForm'],
    'type',
    'dtype',
    (o) => workerPolicy(PLAIN, { inputs: { image: o } }),
  ],
  ['processPolicy()', ['ProcessPolicyOptions'], 'pyton', 'python', (o) => processPolicy(PLAIN, o)],
  ['with()', ['CallLimits'], 'timeout', 'timeoutS', (o) => asyncify(MODEL, 'echo').with(o)],
  [
    'InferenceThread()',
    ['InferenceThreadOptions'],
    'maxqueue',
    'maxQueued',
    (o) => new InferenceThread(MODEL, o),
  ],
  [
    'with()',
    ['CallLimits'],
    'timeoutMs',
    'timeoutS',
    (o) => new InferenceThread(MODEL).wrap('echo').with(o),
  ],
  ['stop()', ['=timeoutS'], 'timeout', 'timeoutS', (o) => new InferenceThread(MODEL).stop(o)],
  [
    'blackBox',
    ['BlackBoxOptions'],
    'second',
    'seconds',
    (o, { arm }) => new Session(arm, () => undefined, { blackBox: o }),
  ],
  [
    'foxglove',
    ['FoxgloveOptions'],
    'ports',
    'port',
    (o, { arm }) => new Session(arm, () => undefined, { foxglove: o }),
  ],
  [
    'dashboard()',
    ['ShownOptions'],
    'prot',
    'port',
    (o, { arm }) => new Session(arm, () => undefined).dashboard(o),
  ],
  [
    'controls',
    ['ControlsOptions'],
    'hands',
    'hand',
    (o, { arm }) => new Session(arm, () => undefined).dashboard({ controls: o }),
  ],
  [
    'record',
    ['RecordFolder'],
    'folders',
    'folder',
    (o, { arm }) => new Session(arm, () => undefined, { record: o as RecordFolder }),
  ],
  [
    'log()',
    ['LogOptions'],
    'time',
    'timeS',
    (o, { arm }) => new Session(arm, () => undefined).log('x', 1, o),
  ],
  [
    'replayMotion()',
    ['ReplayMotionOptions'],
    'speeds',
    'speed',
    (o) => replayMotion('run.mcap', o as ReplayMotionOptions),
  ],
  ['doctor()', ['DoctorOptions'], 'robots', 'robot', (o) => doctor(o)],
  ['bench()', ['BenchOptions'], 'rateHZ', 'rateHz', (o) => bench(o)],
  ['fixMachine()', ['FixOptions'], 'roots', 'root', (o) => fixMachine(o)],
  ['selftest()', ['SelftestOptions'], 'hands', 'hand', (o, { arm }) => selftest(arm.address, o)],
  ['plot()', ['PlotOptions'], 'from', 'fromS', (o) => plot('run.mcap', o)],
  [
    'episode()',
    ['EpisodeOptions'],
    'tasks',
    'task',
    (o, { arm }) => new Session(arm, () => undefined).episode(o),
  ],
  ['configurePool()', ['PoolOptions'], 'thread', 'threads', (o) => configurePool(o)],
  ['mpify.with()', ['MpifyOptions'], 'restart', 'restarts', (o) => mpify.with(o)],
  [
    'with()',
    ['CallLimits'],
    'signals',
    'signal',
    async (o) => {
      await using made = await mpify<typeof remote.makePolicy>(REMOTE, 'makePolicy');
      made.scale.with(o);
    },
  ],
  [
    'stop()',
    ['=timeoutS'],
    'timeOut',
    'timeoutS',
    async (o) => {
      await using made = await mpify<typeof remote.makePolicy>(REMOTE, 'makePolicy');
      made.stop(o);
    },
  ],
];

test('a slip is answered with the options of the call that it was given to, and the nearest of them', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using arm = await Franka.connect(simulator.address, { control: 'jointTarget' });
  await using hand = await FrankaHand.connect(simulator.address);
  for (const [owner, takes, slip, meant, call] of PLACES) {
    const error = (await rejection(
      (async () => call({ [slip]: 1 } as never, { simulator, arm, hand }))(),
    )) as OptionTypeError;
    t.true(error instanceof OptionTypeError, `${owner}: ${error}`);
    t.is(error.code, 'OPTION_UNKNOWN', owner);
    t.is(error.received, slip);
    t.true(error.message.startsWith(`an option of ${owner} is "${slip}"; expected one of `));
    const [, list = '', nearest] = /^one of (.+); the nearest is (\w+)$/.exec(error.expected) ?? [];
    t.is(nearest, meant, error.message);
    const names = takes.flatMap((name) => (name.startsWith('=') ? name.slice(1) : namesOf(name)));
    t.deepEqual(list.split(', ').sort(), names.sort(), owner);
  }
  t.is(simulator.counters().motionsStarted, 0);
});

test('every interface of options is one of those', (t) => {
  const declared = [...declarations.matchAll(/export interface (\w+(?:Options|Limits))\b/g)];
  const tried = new Set(PLACES.flatMap(([, takes]) => takes));
  const bases = declarations.matchAll(/export interface \w+(?:Options|Limits)\b([^{]*)\{/g);
  for (const [, head = ''] of bases) tried.add(baseIn(head) ?? '');
  t.true(declared.length >= 15);
  for (const [, name = ''] of declared) t.true(tried.has(name), name);
});

test('a name that is like none is answered without a nearest one', (t) => {
  for (const name of ['colour', 'x', 'a'.repeat(1000), '']) {
    const make = (): unknown => new Session(new Scribe(), () => 1, { [name]: 1 } as object);
    const error = t.throws(make, { instanceOf: OptionTypeError }) as OptionTypeError;
    t.is(error.code, 'OPTION_UNKNOWN');
    t.notRegex(error.expected, /nearest/);
  }
});

test('what an object inherits is no option of any call', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using arm = await Franka.connect(simulator.address, { control: 'jointTarget' });
  await using hand = await FrankaHand.connect(simulator.address);
  // What would begin something without an option is tried in own-options.test.ts.
  const harmless = [
    'Session()',
    'realtime',
    'limits',
    'workerPolicy()',
    'processPolicy()',
    'with()',
  ];
  for (const [owner, , slip, , call] of PLACES) {
    if (!harmless.includes(owner)) continue;
    await t.notThrowsAsync(
      (async () => call(Object.create({ [slip]: 1 }) as never, { simulator, arm, hand }))(),
      owner,
    );
  }
});
