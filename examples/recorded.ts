// Records an arm, makes a data set of the recording, and moves the arm as it was recorded. Without an
// address it is a simulated arm; a real one needs room around it:
//
//   node dist/examples/recorded.js [ADDRESS]

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportRecording, Franka, FrankaSimulator, replay, replayMotion, run } from 'kilohertz';
import { table } from './terminal.ts';

const [address] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'recorded-'));
const file = join(folder, 'run.mcap');
await using simulator = address === undefined ? await FrankaSimulator.start() : undefined;
await using robot = await Franka.connect(address ?? simulator?.address ?? '', {
  control: 'jointPosition',
});

// Joint 1 turns by 0.3 rad, from wherever it is.
const begin = (await robot.state()).q_d.slice();
await run(
  robot,
  (_state, { timeS }) => begin.map((q, n) => (n === 0 ? q + 0.15 * (1 - Math.cos(timeS)) : q)),
  { durationS: Math.PI, record: file },
);

const { rows: frames, episodes } = await exportRecording(file, {
  to: 'lerobot',
  path: join(folder, 'data'),
  fps: 30,
  task: 'turn',
});

let last: ArrayLike<number> = begin;
for await (const { state } of replay(file)) last = state.q;
const stats = await replayMotion(file, { robot, speed: 1 });
const now = (await robot.state()).q;
const off = Math.max(...now.map((q, n) => Math.abs(q - (last[n] ?? 0))));

console.log(
  table([
    ['recorded', file],
    ['data set', `${join(folder, 'data')}: ${frames} frames of ${episodes} episodes`],
    ['replayed', `${stats.iterations} cycles, ${stats.clampedCommands} of them clamped`],
    ['end', `${(1e3 * off).toFixed(2)} mrad from the recorded one`],
  ]),
);
