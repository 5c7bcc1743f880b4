// Options are what an object has itself: nothing that it inherits switches anything on.

import test, { type ExecutionContext } from 'ava';
import {
  Franka,
  FrankaHand,
  FrankaSimulator,
  InferenceThread,
  mpify,
  processPolicy,
  Session,
  type SessionOptions,
  workerPolicy,
} from '../../index.ts';
import { checkCallLimits } from '../../lib/offload/call-limits.ts';
import { checkOptions } from '../../lib/session/options.ts';
import { setUp, WALL } from '../fixtures/arms.ts';

/** Every name of an option, with a value that would be seen: refused, or taken. */
const INHERITED: Readonly<Record<string, unknown>> = {
  rateHz: 7,
  limits: 'clamp',
  limitRate: true,
  cutoffHz: 3,
  maxHeldTicks: 3,
  onLate: 'stop',
  evenAfterSignal: true,
  realtime: false,
  priority: 7,
  cpu: 1,
  timerSlackS: 0.5,
  boxM: { lower: [0, 0, 0], upper: [1, 1, 1] },
  maxDistanceRad: 3,
  runForS: 0.001,
  recordTicks: 100,
  signal: AbortSignal.abort(),
  timeoutS: 1e-9,
  control: 'torque',
  elbow: true,
  generation: 'fer',
  client: 'libfranka-rs',
  lockstep: true,
  python: '/nowhere',
  env: { PATH: '' },
  export: 'nothing',
  args: [],
  spin: true,
  restarts: 5,
  maxQueued: 1,
  sharedBytes: 1,
  speed: 1,
  acceleration: {},
  byS: 60,
  index: 3,
};

/** Runs `work` while `Object.prototype` has all of these but some. */
async function polluted<T>(work: () => T | Promise<T>, but: readonly string[] = []): Promise<T> {
  for (const [name, value] of Object.entries(INHERITED)) {
    if (but.includes(name)) continue;
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  }
  try {
    return await work();
  } finally {
    for (const name of Object.keys(INHERITED)) Reflect.deleteProperty(Object.prototype, name);
  }
}

const LINK = {
  rateHz: 1000,
  targetJerkShare: undefined,
  maxDistanceRad: 0.1,
  isInLockstep: false,
  isLocal: true,
};

/** What there is of an object, with what it inherits. */
function seen(object: object): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const name of [...Object.keys(INHERITED), ...Object.keys(object)].sort()) {
    all[name] = Reflect.get(object, name);
  }
  return all;
}

test('what a prototype has is no option of a session', async (t) => {
  const usual = checkOptions({}, LINK);
  const asked = await polluted(() => {
    const options = checkOptions({ limits: {}, realtime: {} }, LINK);
    return { native: seen(options.native), evenAfterSignal: options.evenAfterSignal };
  });
  t.deepEqual(asked.native, seen(usual.native));
  t.false(asked.evenAfterSignal);
});

test('what a class has is no option, and what an instance has is one', (t) => {
  class Preset {
    readonly rateHz = 200;
    get limitRate(): boolean {
      return true;
    }
  }
  const { native } = checkOptions(new Preset() as SessionOptions, LINK);
  t.is(native.policyRateHz, 200);
  t.deepEqual(native.clamped, []);
});

test('an option is read once', (t) => {
  let reads = 0;
  const options = {
    get rateHz() {
      reads += 1;
      return reads === 1 ? 100 : Number.NaN;
    },
  };
  t.is(checkOptions(options, LINK).native.policyRateHz, 100);
  t.is(reads, 1);
});

test('what a prototype has is no option of anything that runs elsewhere', async (t) => {
  const module = new URL('../fixtures/plain.js', import.meta.url);
  const made = await polluted(() => ({
    worker: workerPolicy(module),
    process: processPolicy(module),
    limits: checkCallLimits({}),
    thread: new InferenceThread(module),
    call: mpify.with({}),
  }));
  t.like(made.worker, { exportName: 'default', args: undefined, spin: false });
  t.like(made.process, { exportName: 'default', args: undefined, python: undefined });
  t.deepEqual(seen(made.limits), seen({ signal: undefined, timeoutS: undefined }));
  await polluted(() => made.thread.start());
  await made.thread.stop();
});

test('an arm, a hand and a simulator take nothing from a prototype, and a session runs as ever', async (t) => {
  await polluted(async () => {
    await using simulator = await FrankaSimulator.start(WALL);
    await using arm = await Franka.connect(simulator.address);
    const { generation, client, control } = arm;
    t.deepEqual(
      { generation, client, control },
      {
        generation: 'fr3',
        client: 'franka-rs',
        control: 'jointVelocity',
      },
    );
    await using hand = await FrankaHand.connect(simulator.address);
    t.true(await hand.move(0.04));
    simulator.inject({ kind: 'dropStates', count: 1 });
    await arm.setGuidingMode({ x: true });
    const zeros = {
      lowerTorquesNm: ones(7),
      upperTorquesNm: ones(7),
      lowerForces: ones(6),
      upperForces: ones(6),
    };
    await arm.setCollisionBehavior(zeros);
    await arm.setLoad({ m_load: 0.5 });
    const stats = await new Session(arm, () => new Array(7).fill(0), { warmupS: 0 }).run({
      durationS: 0.1,
    });
    t.true(stats.iterations > 10, `${stats.iterations} cycles`);
  });
});

function ones(length: number): number[] {
  return new Array(length).fill(10);
}

test('a worker is started with what it is told alone', async (t: ExecutionContext) => {
  await using setup = await setUp();
  const policy = workerPolicy(new URL('../fixtures/plain-policy.js', import.meta.url));
  // No listener is added to a message port of Node's own while every object has a signal that was aborted.
  const stats = await polluted(
    () => new Session(setup.arm, policy, { warmupS: 0 }).run({ durationS: 0.1 }),
    ['signal'],
  );
  t.true(stats.iterations > 10);
});
