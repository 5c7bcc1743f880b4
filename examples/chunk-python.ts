// A policy in Python that answers in chunks: its model takes 150 ms, and says where the arm is to be in the next
// second, with torch where it is installed and with numpy elsewhere. Needs Python 3.9 or newer with numpy: that of
// VIRTUAL_ENV, or python3.

import { chunked, Franka, FrankaSimulator, KilohertzError, processPolicy, run } from 'kilohertz';
import { table } from './terminal.ts';

const STAY_S = 2.5;
/** How far each joint is to go [rad]. */
const WAY = [0.3, 0.1, -0.2, 0.2, 0.1, 0.2, -0.3];
const url = new URL('./chunk_policy.py', import.meta.url);

async function main(): Promise<void> {
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address, { control: 'jointPosition' });
  const start = (await robot.state()).q_d.slice();
  const there = start.map((rad, joint) => rad + (WAY[joint] ?? 0));
  const policy = processPolicy(url, {
    export: 'towards',
    args: [Float64Array.of(...there, ...start), STAY_S],
  });
  const stats = await run(robot, chunked(policy), {
    durationS: 2 * STAY_S,
  });

  const { q } = simulator.joints();
  const off = Math.max(...start.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
  const ms = (seconds: number): string => `${(seconds * 1e3).toFixed(0)} ms`;
  console.log(
    table([
      ['chunks', `${stats.chunks}, and ${stats.iterations} commands`],
      ['latency p50 / p99', `${ms(stats.p50ChunkLatencyS)} / ${ms(stats.p99ChunkLatencyS)}`],
      ['largest seam', `${(stats.maxSeamRad * 1e3).toFixed(1)} mrad`],
      ['cycles without a chunk', `${stats.starvedCycles}`],
      ['the arm came to', `${(off * 1e3).toFixed(1)} mrad from its start`],
    ]),
  );
  if (off > 0.05) throw new Error('NOT SOUND: the arm is not where it should be');
}

try {
  await main();
} catch (error) {
  const code = error instanceof KilohertzError ? `${error.code}: ` : '';
  console.error(`  ${code}${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
