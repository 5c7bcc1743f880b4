// Chunks of actions as vision-language-action models answer them: 30 Hz, 50 actions, 100 to 200 ms for an answer,
// each chunk off by up to 10 mrad, 8 s of the arm's time. How far the commands are off what all chunks are about,
// from the second chunk on, and how much jerk that takes. In lockstep, so that each run gives the same figures.

import {
  chunked,
  ensemble,
  Franka,
  FrankaSimulator,
  type RobotState,
  Session,
  type Tick,
} from 'kilohertz';
import { keep, once, type Row, show } from './rows.ts';

const DT_S = 1 / 30;
const ROWS = 50;
const DURATION_S = 8;
const OFF = 0.01;
const SEEDS = once ? [1] : [1, 3, 5, 7, 9];
/** The jerk that an FR3 allows joint 1 [rad/s^3]. */
const ARM_JERK = 5_000;
/** Until then the arm is on the first chunk, which begins when it comes. */
const SETTLED_MS = 850;

const wave = (timeS: number): number => 0.15 * (1 - Math.cos(2 * Math.PI * 0.2 * timeS));

/** Numbers from 0 up to 1 that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function following(off: () => number) {
  let start: Float64Array | undefined;
  return ({ q_d }: RobotState, { timeS }: Tick) => {
    start ??= q_d.slice();
    const by = off();
    const [first = 0, ...others] = start;
    const at = (k: number): number => first + wave(timeS + k * DT_S) + by;
    const actions = Float64Array.from(
      Array.from({ length: ROWS }, (_, k) => [at(k), ...others]).flat(),
    );
    return { actions, dtS: DT_S };
  };
}

/** Runs once. Returns the root mean square and the largest jerk of what was commanded. */
async function measure(seed: number, how: (typeof HOW)[number]): Promise<Row> {
  const simulator = await FrankaSimulator.start({ lockstep: true });
  const arm = await Franka.connect(simulator.address, { control: 'jointPosition' });
  const [start = 0] = (await arm.state()).q_d;
  const random = seeded(seed);
  const policy = following(() => how.off * (2 * random() - 1));
  const session = new Session(arm, chunked(policy, { merge: how.merge }), {
    warmupS: 0,
    recordTicks: 20_000,
    latencyS: { fromS: 0.1, toS: 0.2, seed },
  });
  const stats = await session.run({ durationS: DURATION_S });
  // Without the braking at the end.
  const path = session
    .takeRecords()
    .map(({ action: [first = 0] }) => first - start)
    .slice(0, DURATION_S * 1000);
  await arm.close();
  await simulator.stop();
  const errors = path.map((at, ms) => at - wave(ms / 1000)).slice(SETTLED_MS);
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  const jerk = [1, 2, 3]
    .reduce((rates) => rates.slice(1).map((at, ms) => (at - (rates[ms] ?? at)) * 1000), path)
    .reduce((most, rate) => Math.max(most, Math.abs(rate)), 0);
  const { chunks, starvedCycles, clampedCommands, followedCommands } = stats;
  return {
    how: how.name,
    seed,
    rmsMrad: Number((rms * 1e3).toFixed(3)),
    jerkShare: Number((jerk / ARM_JERK).toFixed(3)),
    chunks,
    starvedCycles,
    clampedCommands,
    followedCommands,
  };
}

const HOW = [
  { name: 'fade', merge: 'fade', off: OFF, bar: 6 },
  { name: 'ensemble', merge: ensemble(), off: OFF, bar: 4 },
  { name: 'chunks that agree', merge: 'fade', off: 0, bar: 1 },
] as const;

const rows: Row[] = [];
for (const how of HOW) {
  for (const seed of SEEDS) rows.push(await measure(seed, how));
}
show('how far commands are off what the chunks are about', rows);
keep('chunks', rows);
const bars = HOW.map(({ name, bar }) => {
  const worst = Math.max(
    ...rows.filter(({ how }) => how === name).map((row) => Number(row['rmsMrad'])),
  );
  const jerk = Math.max(
    ...rows.filter(({ how }) => how === name).map((row) => Number(row['jerkShare'])),
  );
  const isHeld = worst <= bar && jerk <= 0.5;
  return {
    name,
    worstRmsMrad: worst,
    bar: `<= ${bar}`,
    largestJerkShare: jerk,
    held: isHeld ? 'yes' : 'NO',
  };
});
show('the bars', bars);
