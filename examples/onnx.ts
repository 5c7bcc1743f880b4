// A network moves the arm to a goal. It runs in a thread of its own, some 50 times a second; the policy
// follows what it said last, smoothly, 1000 times a second.

import {
  Franka,
  FrankaSimulator,
  InferenceThread,
  type RobotState,
  run,
  type Tick,
} from 'kilohertz';
import { median, table } from './terminal.ts';

const DURATION_S = 5;
/** How far each joint is to go [rad]. */
const WAY = [0.3, 0.1, -0.2, 0.2, 0.1, 0.2, -0.3];
const ASK_EVERY_TICKS = 20;
/** How fast the policy takes on what the network says [1/s]. */
const BANDWIDTH = 10;

const simulator = await FrankaSimulator.start();
const robot = await Franka.connect(simulator.address);
const start = (await robot.state()).q_d.slice();
const goal = start.map((rad, joint) => rad + (WAY[joint] ?? 0));

await using thread = new InferenceThread<typeof import('./model.ts')>(
  new URL('./model.js', import.meta.url),
);
await thread.start();
const infer = thread.wrap('infer');

const wanted = new Float64Array(7);
const tookS: number[] = [];
let failure: unknown;
let asked = false;

/** Asks the network how to go on from here. Its answer comes while the policy goes on. */
async function ask(q: Float64Array): Promise<void> {
  asked = true;
  const observation = new Float32Array(14);
  observation.set(q);
  observation.set(goal, 7);
  const from = performance.now();
  wanted.set(await infer(observation));
  tookS.push((performance.now() - from) / 1e3);
  asked = false;
}

const velocity = new Float64Array(7);
const acceleration = new Float64Array(7);

function policy({ q_d }: RobotState, { tick, periodS }: Tick): Float64Array {
  if (failure) throw failure;
  if (tick % ASK_EVERY_TICKS === 0 && !asked) {
    ask(q_d).catch((error: unknown) => {
      failure = error;
    });
  }
  for (let joint = 0; joint < 7; joint += 1) {
    const [v = 0, a = 0] = [velocity[joint], acceleration[joint]];
    const towards = BANDWIDTH * ((wanted[joint] ?? 0) - v) - 2 * a;
    acceleration[joint] = a + BANDWIDTH * towards * periodS;
    velocity[joint] = v + (acceleration[joint] ?? 0) * periodS;
  }
  return velocity;
}

const stats = await run(robot, policy, { durationS: DURATION_S });
const { q } = simulator.joints();
const error = Math.max(...goal.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
await robot.close();
await simulator.stop();

console.log(
  table([
    ['answers of the network', `${tookS.length} in ${DURATION_S} s`],
    ['one answer, median', `${(median(tookS) * 1e6).toFixed(0)} us, there and back`],
    ['cycles of the policy', `${stats.iterations}, ${stats.lateActions} late`],
    ['the arm ended', `${(error * 1e3).toFixed(1)} mrad from its goal`],
  ]),
);
if (error > 0.02) {
  console.error('  NOT SOUND: the arm did not reach its goal.');
  process.exitCode = 1;
}
