// A network moves the arm to a goal. It runs in a thread of its own; the policy asks it 50 times a second and
// says what it answered, once. Where it has not answered the policy has nothing new, so the arm comes to rest.

import { Franka, FrankaSimulator, InferenceThread, run } from 'kilohertz';
import { followModel } from './network-policy.ts';
import { median, table } from './terminal.ts';

const DURATION_S = 5;
const RATE_HZ = 50;
/** How far each joint is to go [rad]. */
const WAY = [0.3, 0.1, -0.2, 0.2, 0.1, 0.2, -0.3];

await using simulator = await FrankaSimulator.start();
await using robot = await Franka.connect(simulator.address);
const start = (await robot.state()).q_d.slice();
const goal = start.map((rad, joint) => rad + (WAY[joint] ?? 0));

await using thread = new InferenceThread<typeof import('./model.ts')>(
  new URL('./model.js', import.meta.url),
);
await thread.start();
const infer = thread.wrap('infer');
// The first calls of a model take longest. They are made before the session starts: a policy that has nothing
// but undefined to say in its first second is taken for one that has forgotten its `return`.
for (let call = 0; call < 3; call += 1) await infer(new Float32Array(14));

const tookS: number[] = [];
const timed = async (observation: Float32Array): Promise<Float32Array> => {
  const from = performance.now();
  const answer = await infer(observation);
  tookS.push((performance.now() - from) / 1e3);
  return answer;
};

const stats = await run(robot, followModel(timed, goal), {
  rateHz: RATE_HZ,
  durationS: DURATION_S,
  // Twice the policy's period: one answer that is missing is bridged.
  maxHeldTicks: 2 * (1000 / RATE_HZ),
});
const { q } = simulator.joints();
const error = Math.max(...goal.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));

console.log(
  table([
    ['answers of the network', `${tookS.length} in ${DURATION_S} s`],
    ['one answer, median', `${(median(tookS) * 1e6).toFixed(0)} us, there and back`],
    [
      'questions to the policy',
      `${stats.policyAsks}, ${stats.emptyAnswers} with nothing new, ${stats.lateActions} late`,
    ],
    ['the arm ended', `${(error * 1e3).toFixed(1)} mrad from its goal`],
  ]),
);
if (error > 0.02) {
  console.error('  NOT SOUND: the arm did not reach its goal.');
  process.exitCode = 1;
}
