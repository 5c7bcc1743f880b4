// The arm moves, 1000 commands a second, while the hand picks an object up and puts it down: the hand
// has a connection of its own, and its calls are promises beside the session.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Franka,
  FrankaHand,
  FrankaSimulator,
  type RobotState,
  Session,
  type Tick,
} from 'kilohertz';
import { table } from './terminal.ts';

const DURATION_S = 6;
/** How wide the object is [m]. */
const OBJECT_M = 0.04;
/** How far each joint goes [rad], and how fast the policy closes in on its path [1/s]. */
const AMPLITUDE = [0.6, 0.25, 0, 0.35, 0, 0.4, 0];
const GAIN = 2;

await using simulator = await FrankaSimulator.start();
await using robot = await Franka.connect(simulator.address);
await using hand = await FrankaHand.connect(simulator.address);
const start = (await robot.state()).q_d.slice();

/** Out and back, from rest to rest. */
const velocity = new Float64Array(7);
function policy({ q_d }: RobotState, { timeS }: Tick): Float64Array {
  const phase = (2 * Math.PI * Math.min(timeS, DURATION_S)) / DURATION_S;
  for (const [joint, amplitude] of AMPLITUDE.entries()) {
    const wanted = (start[joint] ?? 0) + (amplitude * (1 - Math.cos(phase))) / 2;
    const speed = (amplitude * Math.PI * Math.sin(phase)) / DURATION_S;
    velocity[joint] = speed + GAIN * (wanted - (q_d[joint] ?? 0));
  }
  return velocity;
}

/** Whether it worked, and how many cycles the arm made meanwhile. */
async function step(work: Promise<boolean>): Promise<[boolean, string]> {
  const before = session.stepCount;
  const worked = await work;
  return [worked, `${worked ? 'yes' : 'no'}, ${session.stepCount - before} cycles`];
}

await using session = new Session(robot, policy);
const started = once(session, 'start');
const running = session.run({ durationS: DURATION_S });
// Its end is awaited below; a failure before that must not be told twice.
running.catch(() => undefined);
await Promise.race([started, running]);

const [homed, homing] = await step(hand.homing());
simulator.placeObject(OBJECT_M);
const [held, grasp] = await step(hand.grasp(OBJECT_M, { forceN: 30 }));
await sleep(500);
const { widthM, is_grasped } = await hand.state();
const [opened, release] = await step(hand.move(0.08, { speedMPerS: 0.05 }));
simulator.removeObject();
const [empty, again] = await step(hand.grasp(OBJECT_M));
const { is_grasped: stillHeld } = await hand.state();

const stats = await running;
const { q } = simulator.joints();
const off = Math.max(...start.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
const { commandsLost, longestLostRun } = simulator.counters();
console.log(
  table([
    ['homing', homing],
    ['object of 40 mm held', grasp],
    ['opening of the fingers', `${(widthM * 1e3).toFixed(1)} mm`],
    ['opened', release],
    ['held when it is gone', again],
    ['cycles of the arm', `${stats.iterations}, ${stats.lateActions} late`],
    ['commands lost', `${commandsLost}, at most ${longestLostRun} in a row`],
    ['the arm came back within', `${(off * 1e3).toFixed(1)} mrad`],
  ]),
);
if (!homed || !held || !is_grasped || !opened || empty || stillHeld || off > 0.02) {
  console.error('  NOT SOUND: the hand or the arm did not do what it should.');
  process.exitCode = 1;
}
