import test from 'ava';
import {
  AbortError,
  type ChunkedPolicy,
  chunked,
  InvalidActionError,
  type OptionTypeError,
  PolicyError,
  type RecordedCycle,
  type RerunTick,
  type RobotState,
  replay,
  rerun,
  run,
  Session,
  type Tick,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { ARM, CART, Folder, GAIN, towards } from '../fixtures/recordings.ts';
import { rejection } from '../fixtures/waiting.ts';

interface Cart {
  readonly x: number;
}

function cart(dtS: number, turn: number): ChunkedPolicy<Cart, number[]> {
  return chunked<Cart, number[]>(({ x }) => ({
    actions: [0, 1, 2, 3, 4].map((row) => [1 - x, row * turn]),
    dtS,
  }));
}

test('a deterministic policy that is run again answers the same to the bit', async (t) => {
  const ticks: RerunTick[] = [];
  const policy = towards(GAIN);
  const report = await rerun(ARM, (state, tick) => {
    ticks.push(tick);
    return policy(state);
  });
  t.deepEqual(report, { answers: 39, differing: 0, withoutState: 0, firstDifference: undefined });
  // The question of cycle 202 was missed, with its cycle.
  const asked = Array.from({ length: 40 }, (_, nth) => 10 * nth + 2).filter((tick) => tick !== 202);
  t.deepEqual(
    ticks.map(({ tick }) => tick),
    asked,
  );
  // As recorded, the clocks of the host too.
  let recorded: RecordedCycle | undefined;
  for await (const cycle of replay(ARM)) if (cycle.tick === 2) recorded = cycle;
  t.deepEqual(ticks[0], {
    inputs: {},
    tick: 2,
    timeS: 0,
    periodS: 0,
    hostTimeS: Number(recorded?.monotonicNs) / 1e9,
    wallTimeS: Number(recorded?.wallNs) / 1e9,
    answeredAfterS: 0.001,
  });
  t.like(ticks[3], { tick: 32, timeS: 0.03, periodS: 0.01 });
  t.like(ticks[20], { tick: 212, timeS: 0.21, periodS: 0.02 });
  for (const { answeredAfterS } of ticks) t.is(answeredAfterS, 0.001);
});

test('of a policy with one gain changed the first cycle that differs is told, joint by joint', async (t) => {
  const report = await rerun(ARM, towards(GAIN * (1 + 1e-15)));
  t.is(report.answers, 39);
  t.true(report.differing > 0);
  const all = await rerun(ARM, towards(0.3));
  t.is(all.differing, 39);
  t.is(all.firstDifference?.tick, 2);
  t.is(all.firstDifference?.timeS, 0);
  t.deepEqual(
    all.firstDifference?.slots.map(({ name }) => name),
    [0, 1, 2, 3, 4, 5, 6].map((joint) => `q[${joint}]`),
  );
});

test('an answer that differs in the last bit of one joint is found, and only that', async (t) => {
  const policy = towards(GAIN);
  const report = await rerun(ARM, (state: RobotState, { tick }) =>
    policy(state).map((value, joint) =>
      tick === 102 && joint === 3 ? value * (1 + Number.EPSILON) : value,
    ),
  );
  t.is(report.differing, 1);
  t.is(report.firstDifference?.tick, 102);
  const [slot, ...others] = report.firstDifference?.slots ?? [];
  t.deepEqual(others, []);
  t.like(slot, { name: 'q[3]', row: 0 });
  t.not(slot?.recorded, slot?.received);
});

test('an answer that is missing differs', async (t) => {
  const policy = towards(GAIN);
  const report = await rerun(ARM, (state, { tick }) => (tick === 52 ? undefined : policy(state)));
  t.is(report.differing, 1);
  t.is(report.firstDifference?.tick, 52);
  t.true(report.firstDifference?.slots.every(({ received }) => received === undefined));
});

test('chunks are compared action by action, with the time between them', async (t) => {
  t.like(await rerun<Cart>(CART, cart(0.02, 0.5)), { answers: 40, differing: 0 });
  const turned = await rerun<Cart>(CART, cart(0.02, 0.6));
  t.deepEqual(
    turned.firstDifference?.slots.map(({ name, row }) => [name, row]),
    [1, 2, 3, 4].map((row) => ['velocity[1]', row]),
  );
  const faster = await rerun<Cart>(CART, cart(0.03, 0.5));
  t.deepEqual(faster.firstDifference?.slots, [
    { name: 'dtS', row: 0, recorded: 0.02, received: 0.03 },
  ]);
  const { policy } = cart(0.02, 0.5);
  if (typeof policy !== 'function') return t.fail();
  const older = chunked<Cart, number[]>(async (state, tick) => {
    const chunk = await policy(state, tick);
    return chunk && { ...chunk, observedAtS: tick.timeS - (tick.tick === 30 ? 0.01 : 0) };
  });
  const { firstDifference, differing } = await rerun<Cart>(CART, older);
  t.is(differing, 1);
  t.is(firstDifference?.tick, 30);
  t.deepEqual(
    firstDifference?.slots.map(({ name }) => name),
    ['observedAtS'],
  );
});

test('a chunk that is longer or shorter than the recorded one differs', async (t) => {
  for (const rows of [4, 6, 1000]) {
    const policy = chunked<Cart>(({ x }) => ({
      actions: Array.from({ length: rows }, (_, row) => [1 - x, row * 0.5]),
      dtS: 0.02,
    }));
    const { firstDifference } = await rerun<Cart>(CART, policy);
    t.deepEqual([...new Set(firstDifference?.slots.map(({ row }) => row))], [rows < 5 ? 4 : 5]);
  }
});

test('a policy that throws, or answers what is no action, ends the rerun as it ends a session', async (t) => {
  const cause = new Error('no model');
  const threw = await rejection(
    rerun(ARM, (_, { tick }) => {
      if (tick === 32) throw cause;
      return new Array(7).fill(0);
    }),
  );
  t.true(threw instanceof PolicyError);
  t.like(threw, { code: 'POLICY_THREW', tick: 32, cause });
  for (const [answer, code] of [
    [[1, 2], 'ACTION_LENGTH'],
    ['home', 'ACTION_TYPE'],
    [[1, 2, 3, 4, 5, 6, '7'], 'ACTION_TYPE'],
  ] as const) {
    const refused = await rejection(rerun(ARM, () => answer));
    t.true(refused instanceof InvalidActionError);
    t.like(refused, { code, tick: 2 });
  }
});

test('a rerun whose signal aborts ends, and a policy that cannot be asked is refused', async (t) => {
  const controller = new AbortController();
  const policy = towards(GAIN);
  const aborted = rerun(
    ARM,
    (state, { tick }) => {
      if (tick === 12) controller.abort();
      return policy(state);
    },
    { signal: controller.signal },
  );
  t.true((await rejection(aborted)) instanceof AbortError);
  const error = (await rejection(rerun(ARM, 'policy.ts' as never))) as OptionTypeError;
  t.is(error.code, 'OPTION_POLICY');
});

/** Swings joint 1 from where the arm is at the first question. */
function swinging(widthRad: number): (state: RobotState, tick: Tick) => number[] {
  let start: number[] | undefined;
  return ({ q_d }, { timeS }) => {
    start ??= Array.from(q_d);
    const [first = 0, ...others] = start;
    return [first + widthRad * (1 - Math.cos(2 * Math.PI * timeS)), ...others];
  };
}

for (const rateHz of [1000, 100]) {
  test(`a run of a session at ${rateHz} Hz is run again to the bit, and another width is told`, async (t) => {
    using folder = new Folder();
    const path = folder.at('run.mcap');
    await using setup = await setUp('jointPosition');
    const options = { record: path, rateHz, durationS: 0.5, realtime: false } as const;
    const stats = await run(setup.arm, swinging(0.05), options);
    const same = await rerun(path, swinging(0.05));
    t.is(same.firstDifference, undefined);
    t.is(same.differing, 0);
    t.is(same.withoutState, 0);
    t.true(same.answers > 0.9 * stats.policyAnswers, `${same.answers} of ${stats.policyAnswers}`);
    const other = await rerun(path, swinging(0.051));
    t.true(other.differing > 0);
    t.deepEqual(
      other.firstDifference?.slots.map(({ name }) => name),
      ['q[0]'],
    );
  });
}

test('a chunked policy that is run again is told of its chunks, and reset, as in the run', async (t) => {
  using folder = new Folder();
  await using setup = await setUp('jointPosition', { lockstep: true });
  const file = folder.at('run.mcap');
  const told: Tick[] = [];
  let resets = 0;
  const policy = Object.assign(
    ({ q_d }: RobotState, tick: Tick) => {
      told.push(tick);
      const from = tick.chunk?.prefix[0]?.[0] ?? q_d[0] ?? 0;
      const row = (nth: number): number[] => [from + 1e-4 * nth, ...q_d.slice(1)];
      return { actions: Array.from({ length: 20 }, (_, nth) => row(nth)), dtS: 0.01 } as never;
    },
    {
      reset: (): void => {
        resets += 1;
      },
    },
  );
  const options = { replanAt: 0.5, executionHorizon: 5 };
  const session = new Session(setup.arm, chunked(policy, options), {
    record: file,
    warmupS: 0,
    latencyS: 0.03,
  });
  session.once('start', () => session.episode({ task: 'again' }));
  await session.run({ durationS: 1 });
  const [before, were] = [told.splice(0), resets];
  t.is(were, 2);
  t.true(
    before.some(({ chunk }) => (chunk?.delaySteps ?? 0) > 0 && (chunk?.prefix.length ?? 0) > 0),
  );
  const report = await rerun(file, chunked(policy, options));
  t.like(report, { differing: 0, withoutState: 0 });
  // The answer to the last question, and one that was thrown away, may not have come.
  t.true(told.length >= before.length - 2);
  const asked = new Map(before.map((tick) => [tick.tick, tick]));
  for (const { tick, timeS, chunk } of told) t.like(asked.get(tick), { tick, timeS, chunk });
  t.is(resets, 4);
});
