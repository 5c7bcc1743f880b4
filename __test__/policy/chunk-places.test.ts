// Chunks of actions from each place where a policy can run, in each control mode, and what is refused.

import test from 'ava';
import {
  type ChunkedPolicy,
  chunked,
  ensemble,
  Franka,
  type FrankaControl,
  FrankaSimulator,
  InvalidActionError,
  type JointVector,
  type KilohertzError,
  mpify,
  OptionTypeError,
  poseOf,
  processPolicy,
  type RobotState,
  Session,
  type SessionStats,
  type Tick,
  workerPolicy,
} from '../../index.ts';
import { setUp, WALL } from '../fixtures/arms.ts';
import { chunks } from '../fixtures/chunks.ts';
import { drifting, swinging, type WRONG_CHUNKS } from '../fixtures/policies.ts';
import { WITHOUT_NUMPY } from '../fixtures/python.ts';
import { block, rejection, until } from '../fixtures/waiting.ts';

const NODE = new URL('../fixtures/policies.ts', import.meta.url);
const PYTHON = new URL('../fixtures/policies.py', import.meta.url);
const ROWS = 50;

type Chunked = ChunkedPolicy<RobotState, JointVector>;

const swing = (timeS: number): number => 0.1 * (1 - Math.cos(1.5 * timeS));

interface Ran {
  readonly stats: SessionStats;
  /** How far joint 1 was off the swing at most, from 1 s on [rad]. */
  readonly off: number;
}

async function ran(policy: Chunked, durationS = 3): Promise<Ran> {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const session = new Session(setup.arm, policy, { warmupS: 0, recordTicks: 20_000 });
  const stats = await session.run({ durationS });
  const [start = 0] = setup.start;
  const path = session.takeRecords().map(({ action: [first = 0] }) => first - start);
  const errors = path.slice(1000, durationS * 1000).map((at, ms) => at - swing(1 + ms / 1000));
  return { stats, off: Math.max(...errors.map(Math.abs)) };
}

const args = [ROWS, 5] as const;
const places: Record<string, () => Chunked> = {
  'a function': () => chunks(swinging(...args)),
  'a function that returns promises': () => {
    const policy = swinging(...args);
    return chunks(async (state, tick) => policy(state, tick));
  },
  'a worker': () => chunked(workerPolicy(NODE, { export: 'swinging', args: [...args] })),
  'a process of Node': () => chunked(processPolicy(NODE, { export: 'swinging', args: [...args] })),
  'a process of Python': () =>
    chunked(processPolicy(PYTHON, { export: 'swinging', args: [...args], env: WITHOUT_NUMPY })),
};

for (const [place, policy] of Object.entries(places)) {
  test(`chunks from ${place} are played at their times`, async (t) => {
    const { stats, off } = await ran(policy());
    t.true(off < 1e-4, `${off}`);
    t.true(stats.chunks > 10, `${stats.chunks}`);
    t.is(stats.starvedCycles + stats.heldCommands + stats.followedCommands, 0);
    t.is(stats.firstViolation, null);
  });
}

test('rows may be lists, one list of numbers, or a tensor', async (t) => {
  const policy = swinging(...args);
  const shapes: readonly ((actions: readonly number[][]) => unknown)[] = [
    (actions) => actions.map((row) => Float32Array.from(row)),
    (actions) => Float64Array.from(actions.flat()),
    (actions) => ({ data: Float32Array.from(actions.flat()), dims: [1, actions.length, 7] }),
  ];
  for (const shape of shapes) {
    const { stats, off } = await ran(
      chunks((state, tick) => {
        const { actions, dtS } = policy(state, tick) as { actions: number[][]; dtS: number };
        return { actions: shape(actions), dtS };
      }),
    );
    t.true(off < 1e-4, `${off}`);
    t.true(stats.chunks > 10);
  }
});

/** The code of the error for each wrong chunk, and what its message tells. */
const REFUSED: Readonly<Record<keyof typeof WRONG_CHUNKS, readonly [string, RegExp]>> = {
  empty: ['CHUNK_EMPTY', /no actions/],
  ragged: ['ACTION_LENGTH', /actions\[50\].*3/],
  notFinite: ['ACTION_NOT_FINITE', /q\[4\] of actions\[2\]/],
  step: ['CHUNK_STEP', /dtS 0/],
  stepNotFinite: ['CHUNK_STEP', /Infinity/],
  tooLong: ['CHUNK_LENGTH', /257/],
  future: ['CHUNK_TIME', /ahead/],
  backwards: ['CHUNK_TIME', /before the last/],
  far: ['CHUNK_SEAM', /0\.1\d* rad.*0\.1 rad/],
  fast: ['ACTION_LIMIT', /actions\[1\] of the chunk.*velocity/],
  none: ['ACTION_TYPE', /\{ actions, dtS \}/],
};

for (const [wrong, [code, words]] of Object.entries(REFUSED)) {
  test(`a wrong chunk (${wrong}) ends the session by name, and the arm rests`, async (t) => {
    await using setup = await setUp('jointPosition', { lockstep: true });
    const policy = chunks(swinging(ROWS, 0, wrong as keyof typeof WRONG_CHUNKS));
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    const error = await rejection(session.run({ durationS: 5 }));
    t.true(error instanceof InvalidActionError, `${error}`);
    t.is((error as InvalidActionError).code, code as never);
    t.regex((error as InvalidActionError).message, words);
    t.is(setup.simulator.counters().reflexes, 0);
    t.true(setup.simulator.joints().dq.every((dq) => Math.abs(dq) < 1e-3));
  });
}

test('with onBadChunk skip what cannot be played is counted and told, and the arm goes on', async (t) => {
  const skipped = Object.keys(REFUSED).filter((wrong) => wrong !== 'fast');
  for (const wrong of skipped as (keyof typeof WRONG_CHUNKS)[]) {
    const good = swinging(ROWS, 0);
    const bad = swinging(ROWS, 0, wrong);
    let answers = 0;
    await using setup = await setUp('jointPosition', { lockstep: true });
    const policy = chunks(
      (state, tick) => {
        const [right, broken] = [good(state, tick), bad(state, tick)];
        answers += 1;
        return answers % 2 === 0 ? broken : right;
      },
      { onBadChunk: 'skip' },
    );
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    const told: string[] = [];
    session.on('badChunk', ({ code, message }) => told.push(`${code}: ${message}`));
    const stats = await session.run({ durationS: 2 });
    t.true(stats.badChunks >= 2, `${wrong}: ${stats.badChunks}`);
    t.is(stats.starvedCycles, 0, wrong);
    t.is(told.length, stats.badChunks, wrong);
    const [code] = REFUSED[wrong];
    t.true(
      told.every((each) => each.startsWith(code)),
      told[0],
    );
  }
});

/** The rows of a motion of 6 cm or 0.1 rad/s in each control mode, at a time since the start. */
const motions: Record<
  Exclude<FrankaControl, 'jointPosition' | 'torque'>,
  (start: RobotState, timeS: number) => readonly number[]
> = {
  jointVelocity: (_start, timeS) => [0.1 * Math.sin(2 * timeS), 0, 0, 0, 0, 0, 0],
  jointTarget: ({ q_d }, timeS) => [(q_d[0] ?? 0) + swing(timeS), ...q_d.slice(1)],
  cartesianVelocity: (_start, timeS) => [0, 0.05 * Math.sin(2 * timeS), 0, 0, 0, 0],
  cartesianPose: ({ O_T_EE_c }, timeS) => moved(O_T_EE_c, 0.03 * (1 - Math.cos(2 * timeS))),
  cartesianTarget: ({ O_T_EE_c }, timeS) => moved(O_T_EE_c, 0.03 * (1 - Math.cos(2 * timeS))),
};

function moved(pose: Float64Array, byM: number): number[] {
  return Array.from(pose, (value, slot) => (slot === 13 ? value + byM : value));
}

for (const [control, motion] of Object.entries(motions)) {
  test(`chunks are played with control ${control}`, async (t) => {
    await using simulator = await started();
    const arm = await Franka.connect(simulator.address, { control: control as FrankaControl });
    let start: RobotState | undefined;
    const policy = chunks((state, { timeS }) => {
      start ??= state.copy();
      const at = (row: number): readonly number[] =>
        motion(start as RobotState, timeS + row * 0.02);
      return { actions: Array.from({ length: ROWS }, (_, row) => at(row)), dtS: 0.02 };
    });
    const session = new Session(arm, policy, { warmupS: 0, recordTicks: 5_000 });
    const stats = await session.run({ durationS: 2 });
    const last = session.takeRecords()[1_999];
    const wanted = motion(start as RobotState, 1.999);
    const off = Math.max(
      ...wanted.map((value, slot) => Math.abs(value - (last?.action[slot] ?? 9))),
    );
    // A target is approached, so the arm is a little behind it.
    const most = control.endsWith('Target') ? 0.03 : 1e-4;
    t.true(off < most, `${off}`);
    t.is(stats.firstViolation, null);
    t.is(stats.starvedCycles, 0);
    t.is(simulator.counters().reflexes, 0);
    await arm.close();
  });
}

async function started(): Promise<FrankaSimulator & AsyncDisposable> {
  const simulator = await FrankaSimulator.start({ lockstep: true });
  return Object.assign(simulator, { [Symbol.asyncDispose]: () => simulator.stop() });
}

test('poses may be given as { xyz, quat }, and what is none is refused', async (t) => {
  await using setup = await setUp('cartesianPose', { lockstep: true });
  const answer = (quat: (of: readonly number[]) => readonly number[]) => {
    let start: ReturnType<typeof poseOf> | undefined;
    return chunks(({ O_T_EE_c }, { timeS }) => {
      start ??= poseOf(O_T_EE_c);
      const [x = 0, y = 0, z = 0] = start.xyz as readonly number[];
      const actions = Array.from({ length: ROWS }, (_, row) => ({
        xyz: [x, y + 0.02 * (1 - Math.cos(2 * (timeS + 0.02 * row))), z],
        quat: quat(Array.from(start?.quat ?? [])),
      }));
      return { actions, dtS: 0.02 };
    });
  };
  const session = new Session(
    setup.arm,
    answer((quat) => quat),
    { warmupS: 0 },
  );
  const stats = await session.run({ durationS: 1 });
  t.is(stats.firstViolation, null);
  const long = answer(([x = 0, y = 0, z = 0]) => [x, y, z, 3]);
  const error = await rejection(new Session(setup.arm, long, { warmupS: 0 }).run({ durationS: 1 }));
  t.is((error as InvalidActionError).code, 'ACTION_FRAME');
  t.regex((error as InvalidActionError).message, /actions\[0\]/);
});

test('changes add up to what was asked', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const rows = Array.from({ length: 30 }, () => [2e-3, 0, 0, 0, 0, 0, 0]);
  const policy = chunks(() => ({ actions: rows, dtS: 0.02 }), {
    relative: true,
    replanAt: { rateHz: 5 },
  });
  const session = new Session(setup.arm, policy, {
    warmupS: 0,
    recordTicks: 5_000,
    latencyS: 0.1,
  });
  await session.run({ durationS: 3 });
  const path = session.takeRecords().map(({ action: [first = 0] }) => first);
  const way = (path[2_900] ?? 0) - (path[1_900] ?? 0);
  t.true(Math.abs(way - 0.1) < 2e-3, `${way}`);
});

/** A turn about the base's z, as the change of a pose; a step along the base's y with it. */
const CHANGE = {
  xyz: [0, 4e-4, 0],
  quat: [0, 0, Math.sin(2e-3), Math.cos(2e-3)],
};

for (const control of ['cartesianPose', 'cartesianTarget'] as const) {
  test(`changes of poses are those of the base frame, and add up, with control ${control}`, async (t) => {
    await using setup = await setUp(control, { lockstep: true });
    const policy = chunks(
      () => ({ actions: Array.from({ length: 30 }, () => CHANGE), dtS: 0.02 }),
      { relative: true, replanAt: { rateHz: 5 } },
    );
    const session = new Session(setup.arm, policy, {
      warmupS: 0,
      latencyS: 0.1,
      recordTicks: 5_000,
    });
    const stats = await session.run({ durationS: 3 });
    t.is(stats.firstViolation, null);
    t.is(setup.simulator.counters().reflexes, 0);
    const poses = session.takeRecords().map(({ action }) => action);
    const [before, after] = [poses[1_900], poses[2_900]] as [Float64Array, Float64Array];
    // 50 steps in a second: 20 mm along y, and 0.2 rad about z, wherever the hand points to.
    const way = [12, 13, 14].map((slot) => (after[slot] ?? 0) - (before[slot] ?? 0));
    t.true(Math.abs((way[1] ?? 0) - 0.02) < 1e-3, `${way}`);
    t.true(Math.abs(way[0] ?? 1) < 1e-4 && Math.abs(way[2] ?? 1) < 1e-4, `${way}`);
    const [sine, cosine] = [Math.sin(0.2), Math.cos(0.2)];
    for (const column of [0, 4, 8]) {
      const [x = 0, y = 0, z = 0] = before.slice(column, column + 3);
      const turned = [cosine * x - sine * y, sine * x + cosine * y, z];
      for (const [row, expected] of turned.entries()) {
        t.true(Math.abs((after[column + row] ?? 9) - expected) < 0.01, `${column} ${row}`);
      }
    }
  });
}

test('a change of a pose that is none is refused with its row, or left out', async (t) => {
  for (const onBadChunk of ['stop', 'skip'] as const) {
    await using setup = await setUp('cartesianPose', { lockstep: true });
    let answers = 0;
    const policy = chunks(
      ({ O_T_EE_c }) => {
        answers += 1;
        // A pose where a change is meant is far away; a matrix that is none is refused before.
        const wrong = Array.from(O_T_EE_c, (value, slot) => (slot === 1 ? 0.5 : value));
        return { actions: answers === 3 ? [CHANGE, wrong] : [CHANGE, CHANGE], dtS: 0.02 };
      },
      { relative: true, onBadChunk },
    );
    const session = new Session(setup.arm, policy, { warmupS: 0 });
    const run = session.run({ durationS: 1 });
    if (onBadChunk === 'skip') {
      t.is((await run).badChunks, 1);
      continue;
    }
    const error = (await rejection(run)) as InvalidActionError;
    t.is(error.code, 'ACTION_FRAME');
    t.regex(error.message, /actions\[1\]/);
  }
});

test('records have the age of what is played, and the time of the robot', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const session = new Session(setup.arm, chunks(swinging(ROWS, 0)), {
    warmupS: 0,
    latencyS: 0.1,
    recordTicks: 5_000,
  });
  await session.run({ durationS: 1 });
  const records = session.takeRecords();
  t.true(records.slice(0, 100).every(({ ageS }) => Number.isNaN(ageS)));
  const ages = records.slice(150, 1000).map(({ ageS }) => ageS);
  // A chunk is 0.1 s old when it comes, and then ages until the next comes.
  t.true(Math.min(...ages) > 0.098 && Math.max(...ages) < 0.4, `${Math.max(...ages)}`);
  for (const [nth, { tick, robotTimeS, missedMs }] of records.entries()) {
    t.is(tick, nth);
    t.true(Math.abs(robotTimeS - nth / 1000) < 1e-9, `${robotTimeS}`);
    t.is(missedMs, 0);
  }
});

test('a chunk policy that is late with onLate stop is told to ask earlier and for more', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  let answers = 0;
  const good = swinging(10, 0);
  const policy = chunks((state, tick) => {
    answers += 1;
    return answers > 3 ? undefined : good(state, tick);
  });
  const session = new Session(setup.arm, policy, { warmupS: 0, onLate: 'stop' });
  const error = await rejection(session.run({ durationS: 3 }));
  t.is((error as KilohertzError).code, 'POLICY_LATE');
  t.regex((error as KilohertzError).message, /longer chunks.*replanAt/);
  t.notRegex((error as KilohertzError).message, /rateHz|deadlineS/);
});

test('a policy is told what will have been executed of its last chunk, and what is left', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  const told: { timeS: number; chunk: NonNullable<Tick['chunk']> }[] = [];
  const plan = swinging(ROWS, 0);
  const policy = chunks(
    (state, tick) => {
      if (tick.chunk) told.push({ timeS: tick.timeS, chunk: tick.chunk });
      return plan(state, tick);
    },
    { executionHorizon: 7 },
  );
  const session = new Session(setup.arm, policy, { warmupS: 0, latencyS: 0.1 });
  await session.run({ durationS: 2 });
  const [first, , ...others] = told;
  t.deepEqual(first?.chunk, { delaySteps: 0, prefix: [], executionHorizon: 7 });
  t.true(others.length > 8);
  const [start = 0] = setup.start;
  for (const { timeS, chunk } of others) {
    // A chunk is asked for 100 ms or more after the one before, of whose 50 actions so many are over.
    t.true(chunk.prefix.length >= 40 && chunk.prefix.length < ROWS, `${chunk.prefix.length}`);
    t.is(chunk.delaySteps, 5, 'a latency of 100 ms in steps of 20 ms');
    const [at = 0] = chunk.prefix[0] ?? [];
    // The first of them belongs to the time of the question, or to less than a step after it.
    const [earliest, latest] = [swing(timeS), swing(timeS + 0.02)].map((way) => start + way);
    const [low = 0, high = 0] = [earliest ?? 0, latest ?? 0].toSorted((a, b) => a - b);
    t.true(at >= low - 1e-6 && at <= high + 1e-6, `${timeS}: ${at} is not from ${low} to ${high}`);
  }
});

test('a policy in Python is told the same', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  for (const env of [WITHOUT_NUMPY, {}]) {
    const policy = processPolicy(PYTHON, { export: 'continuing', args: [ROWS], env });
    const session = new Session(setup.arm, chunked(policy, { executionHorizon: 7 }), {
      warmupS: 0,
      latencyS: 0.1,
    });
    // It raises where it is told something else.
    const { chunks: played } = await session.run({ durationS: 1 });
    t.true(played > 4, `${played}`);
  }
});

test('a model that stalls costs a rest and no reflex, and the arm goes on smoothly when it is back', async (t) => {
  await using setup = await setUp('jointPosition', { lockstep: true });
  let stalls = 0;
  const good = drifting(12);
  const policy = chunks((state, tick) => {
    // Nothing new for a while, twice.
    const isSilent = (tick.timeS > 1 && tick.timeS < 1.5) || (tick.timeS > 2 && tick.timeS < 4);
    if (isSilent) stalls += 1;
    return isSilent ? undefined : good(state, tick);
  });
  const events: string[] = [];
  const session = new Session(setup.arm, policy, {
    warmupS: 0,
    latencyS: { fromS: 0.05, toS: 0.15, seed: 5 },
  });
  for (const name of ['held', 'resting', 'resumed'] as const) {
    session.on(name, () => events.push(name));
  }
  const stats = await session.run({ durationS: 6 });
  t.true(stalls > 0);
  t.true(stats.starvedCycles > 500, `${stats.starvedCycles}`);
  t.true(stats.restCommands > 500);
  t.true(events.includes('held') && events.includes('resting') && events.includes('resumed'));
  t.is(stats.firstViolation, null);
  t.is(setup.simulator.counters().reflexes, 0);
});

test('latencies from 50 to 500 ms and a stall of 2 s cause no reflex', async (t) => {
  for (const seed of [1, 2, 3]) {
    await using setup = await setUp('jointPosition', { lockstep: true });
    const policy = chunks(swinging(ROWS, 0), {
      merge: seed === 2 ? ensemble() : 'fade',
      maxSeamRad: 0.3,
    });
    const session = new Session(setup.arm, policy, {
      warmupS: 0,
      latencyS: { fromS: 0.05, toS: seed === 3 ? 2 : 0.5, seed },
    });
    const stats = await session.run({ durationS: 10 });
    t.is(setup.simulator.counters().reflexes, 0);
    t.is(stats.firstViolation, null, `seed ${seed}`);
    t.true(stats.chunks > 5);
  }
});

test('a policy whose process dies and is started again is taken up again', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  type Planner = typeof import('../fixtures/policies.ts')['planner'];
  const planner = await mpify.with({ restarts: 1 })<Planner>(NODE, 'planner', 12);
  let [asked, failed] = [0, 0];
  const policy = chunks(
    async ({ q_d }, { timeS }) => {
      asked += 1;
      if (asked === 8) planner.die().catch(() => undefined);
      try {
        return await planner.plan(q_d.slice(), timeS);
      } catch {
        failed += 1;
        return undefined;
      }
      // A plan of before the arm was braked, which a busy machine made late, is left out.
    },
    { onBadChunk: 'skip' },
  );
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  let resumedAt = Number.POSITIVE_INFINITY;
  session.on('resumed', () => {
    resumedAt = Math.min(resumedAt, session.stats.chunks);
  });
  await session.start();
  // A start of the process takes long on a busy machine, and the arm rests meanwhile, however long that is.
  await until(() => session.stats.chunks > resumedAt + 3, 'it is taken up again');
  await session.stop();
  const { stats } = session;
  await planner[Symbol.asyncDispose]();
  t.true(failed > 0);
  t.true(stats.starvedCycles > 0, `${stats.starvedCycles}`);
  t.is(setup.simulator.counters().reflexes, 0);
  t.is(stats.firstViolation, null);
});

test('an event loop that is blocked in the middle of a chunk costs nothing', async (t) => {
  await using setup = await setUp('jointPosition', WALL);
  const policy = chunked(workerPolicy(NODE, { export: 'swinging', args: [ROWS, 20] }));
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  await session.start();
  const before = session.stats;
  for (let nth = 0; nth < 4; nth += 1) {
    block(300);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { stats } = session;
  await session.stop();
  t.is(stats.heldCommands - before.heldCommands, 0);
  t.is(stats.starvedCycles - before.starvedCycles, 0);
});

test('what has no chunks, and options beside them, are refused by name', async (t) => {
  const policy = swinging(ROWS, 0) as (state: RobotState) => never;
  await using setup = await setUp('torque', { lockstep: true });
  const made = (control: typeof setup.arm, options = {}) =>
    t.throws<OptionTypeError>(() => new Session(control, chunked(policy), options), {
      instanceOf: OptionTypeError,
    });
  t.is(made(setup.arm)?.code, 'OPTION_POLICY');
  await using other = await setUp('jointPosition', { lockstep: true });
  t.is(made(other.arm, { rateHz: 50 })?.code, 'OPTION_RATE_HZ');
  t.is(made(other.arm, { deadlineS: 0.01 })?.code, 'OPTION_DEADLINE_S');
  const codes = [
    { replanAt: 2 },
    { replanAt: {} },
    { replanAt: { steps: 1, rateHz: 1 } },
    { merge: 'mean' },
    { merge: { m: 1 } },
    { maxRows: 0 },
    { maxSeamRad: 0 },
    { maxSeamM: 3 },
    { onBadChunk: 'ignore' },
    { relative: 1 },
    { rows: 3 },
  ].map((options) => t.throws<OptionTypeError>(() => chunked(policy, options as never))?.code);
  t.deepEqual(codes as string[], [
    'OPTION_REPLAN_AT',
    'OPTION_REPLAN_AT',
    'OPTION_REPLAN_AT',
    'OPTION_MERGE',
    'OPTION_MERGE',
    'OPTION_MAX_ROWS',
    'OPTION_MAX_SEAM_RAD',
    'OPTION_MAX_SEAM_M',
    'OPTION_ON_BAD_CHUNK',
    'OPTION_RELATIVE',
    'OPTION_UNKNOWN',
  ]);
  t.is(t.throws<OptionTypeError>(() => ensemble(-1))?.code as string, 'OPTION_M');
});
