import test from 'ava';
import {
  type ActionChunk,
  type ChunkedOptions,
  chunked,
  ensemble,
  type JointVector,
  type RobotState,
  Session,
  type SessionOptions,
  type SessionStats,
  type Tick,
} from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { Random } from '../fixtures/random.ts';

/** 30 Hz, chunks of 50, as vision-language-action models answer. */
const DT_S = 1 / 30;
const ROWS = 50;
const DURATION_S = 8;
/** How far a chunk is off at most [rad]. */
const OFF = 0.01;
const SEEDS = [1, 3, 5, 7, 9];

/** Where joint 1 is to be, from where it started [rad]. */
const wave = (timeS: number): number => 0.15 * (1 - Math.cos(2 * Math.PI * 0.2 * timeS));

type Chunk = ActionChunk<JointVector>;

/** A policy whose chunks follow the wave, each off by `off()`. */
function following(off: () => number): (state: RobotState, tick: Tick) => Chunk {
  let start: number[] | undefined;
  return (state, { timeS }) => {
    start ??= Array.from(state.q_d);
    const [first = 0, ...others] = start;
    const by = off();
    const actions = Array.from({ length: ROWS }, (_, k) => [
      first + wave(timeS + k * DT_S) + by,
      ...others,
    ]);
    return { actions: actions as unknown as JointVector[], dtS: DT_S };
  };
}

interface Ran {
  readonly stats: SessionStats;
  /** Joint 1's commands, cycle by cycle, from where it started [rad]. */
  readonly path: readonly number[];
}

async function ran(
  policy: (state: RobotState, tick: Tick) => Chunk | undefined | Promise<Chunk | undefined>,
  options: ChunkedOptions = {},
  session: SessionOptions & { durationS?: number; control?: 'jointPosition' | 'jointTarget' } = {},
): Promise<Ran> {
  const { durationS = DURATION_S, control = 'jointPosition', ...others } = session;
  await using setup = await setUp(control, { lockstep: true });
  const run = new Session(setup.arm, chunked(policy, options), {
    warmupS: 0,
    recordTicks: 20_000,
    ...others,
  });
  const stats = await run.run({ durationS });
  const first = setup.start[0] ?? 0;
  const path = run.takeRecords().map(({ action }) => (action[0] ?? Number.NaN) - first);
  return { stats, path: path.slice(0, durationS * 1000) };
}

/** The latency of the scenario: 150 ms, 50 ms more or less. */
const latency = (seed: number) => ({ latencyS: { fromS: 0.1, toS: 0.2, seed } });

const rms = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/**
 * Until the second chunk has taken over, the arm is behind the wave: the first begins when it comes. The policy is asked
 * for the second when a tenth of the first is over, and is answered within 200 ms.
 */
const SETTLED_MS = 850;

/** How far a path is off the wave, cycle by cycle [rad]. */
const errors = (path: readonly number[]): number[] =>
  path.map((at, ms) => at - wave(ms / 1000)).slice(SETTLED_MS);

/** The largest third difference of a path [rad/s^3]. */
function largestJerk(path: readonly number[]): number {
  let rates = [...path];
  for (let order = 0; order < 3; order += 1) {
    rates = rates.slice(1).map((at, ms) => (at - (rates[ms] ?? at)) * 1000);
  }
  return Math.max(...rates.map(Math.abs));
}

/** The jerk that an FR3 allows joint 1 [rad/s^3]. */
const ARM_JERK = 5_000;

for (const [name, merge, bar] of [
  ['faded', 'fade', 6e-3],
  ['ensembled', ensemble(), 4e-3],
] as const) {
  test(`chunks that disagree are ${name} without a violation`, async (t) => {
    for (const seed of SEEDS) {
      const random = new Random(seed);
      const { stats, path } = await ran(
        following(() => (2 * random.fraction() - 1) * OFF),
        { merge },
        latency(seed),
      );
      t.is(stats.firstViolation, null, `seed ${seed}`);
      t.is(stats.clampedCommands, 0);
      t.is(stats.heldCommands + stats.starvedCycles, 0);
      const off = rms(errors(path));
      const jerk = largestJerk(path);
      t.log(
        `seed ${seed}: rms ${(off * 1e3).toFixed(2)} mrad, jerk ${jerk.toFixed()} rad/s3, ` +
          `${stats.chunks} chunks, followed ${stats.followedCommands}`,
      );
      t.true(off <= bar, `seed ${seed}: ${off}`);
      t.true(jerk <= 0.5 * ARM_JERK, `seed ${seed}: ${jerk}`);
    }
  });
}

test('chunks that agree are followed without a lag', async (t) => {
  const { stats, path } = await ran(
    following(() => 0),
    {},
    latency(1),
  );
  const off = rms(errors(path));
  t.log(`rms ${(off * 1e3).toFixed(3)} mrad, followed ${stats.followedCommands}`);

  t.true(off <= 1e-3, `${off}`);
  t.is(stats.starvedCycles, 0);
});

test('outside of seams the arm is on its own chunk', async (t) => {
  const random = new Random(3);
  const offs: number[] = [];
  const policy = following(() => {
    offs.push((2 * random.fraction() - 1) * OFF);
    return offs.at(-1) ?? 0;
  });
  const { path } = await ran(policy, { replanAt: 0.3 }, latency(3));
  const off = errors(path).map((error) => Math.min(...offs.map((by) => Math.abs(error - by))));
  // A seam of 20 mrad takes 0.22 s, and there is one in a second or less often.
  const outside = off.filter((error) => error <= 5e-4).length;
  t.true(outside >= 0.6 * off.length, `${outside} of ${off.length}`);
});
