// A policy that answers in chunks: its model takes 100 to 200 ms, and says where the arm is to be in the next
// second. The loop plays the chunks at 1 kHz, also while the event loop is blocked for 300 ms. Without an address
// it drives a simulated arm:
//
//   node dist/examples/chunk-policy.js [ADDRESS]

import { setTimeout as sleep } from 'node:timers/promises';
import { chunked, Franka, FrankaSimulator, type RobotState, Session } from 'kilohertz';
import { table } from './terminal.ts';

const ROWS = 50;
const DT_S = 0.02;
/** Where joint 1 is to be, one after the other, from where it stands [rad]. */
const PLACES: readonly number[] = [0.2, 0.3, 0];
const STAY_S = 2.5;
const BLOCK_MS = 300;
/** How fast the model closes in on a place [1/s]. */
const BANDWIDTH = 4;

/**
 * Stands in for a network, and takes as long as one: joint positions of the next second [rad], `ROWS` of 7. They lead
 * from the positions and velocities that it sees to `goal`.
 */
async function infer(q: Float64Array, dq: Float64Array, goal: Float64Array): Promise<Float32Array> {
  await sleep(100 + 100 * Math.random());
  const rows = new Float32Array(ROWS * 7);
  for (let row = 0; row < ROWS; row += 1) {
    const way = BANDWIDTH * row * DT_S;
    for (let joint = 0; joint < 7; joint += 1) {
      const off = (q[joint] ?? 0) - (goal[joint] ?? 0);
      const speed = (dq[joint] ?? 0) / BANDWIDTH;
      rows[7 * row + joint] = (goal[joint] ?? 0) + Math.exp(-way) * (off * (1 + way) + speed * way);
    }
  }
  return rows;
}

/** Keeps the whole thread busy, as a long synchronous call would. */
function block(): void {
  const end = performance.now() + BLOCK_MS;
  while (performance.now() < end);
}

const [address] = process.argv.slice(2);
await using simulator = address === undefined ? await FrankaSimulator.start() : undefined;
await using robot = await Franka.connect(address ?? simulator?.address ?? '', {
  control: 'jointPosition',
});
const start = (await robot.state()).q_d.slice();

const policy = chunked(async ({ q_d, dq_d }: RobotState, { timeS }) => {
  const goal = start.slice();
  goal[0] = (start[0] ?? 0) + (PLACES[Math.floor(timeS / STAY_S)] ?? 0);
  // The state is that of the question for as long as the policy has not answered.
  return { actions: await infer(q_d, dq_d, goal), dtS: DT_S };
});
const session = new Session(robot, policy);
session.once('start', () => setTimeout(block, 1_000 * STAY_S + 500));
const stats = await session.run({ durationS: PLACES.length * STAY_S });
const { q } = await robot.state();

const ms = (seconds: number): string => `${(seconds * 1e3).toFixed(0)} ms`;
console.log(
  table([
    ['chunks', `${stats.chunks}, and ${stats.iterations} commands`],
    ['latency p50 / p99', `${ms(stats.p50ChunkLatencyS)} / ${ms(stats.p99ChunkLatencyS)}`],
    ['actions left out', `${stats.skippedActions}: their time had passed`],
    ['largest seam', `${(stats.maxSeamRad * 1e3).toFixed(1)} mrad`],
    ['cycles without a chunk', `${stats.starvedCycles}`],
    [
      'the arm ended',
      `${(1e3 * Math.abs((q[0] ?? 0) - (start[0] ?? 0))).toFixed(1)} mrad from its start`,
    ],
  ]),
);
console.log(`  ${stats.firstViolation ?? 'every limit kept'}`);
