// How many seconds of the arm a second of the wall clock has in lockstep, for policies of JavaScript: a function on the
// main thread, a worker, and four arms side by side with a function each; `moveTo` beside them, whose policy is native.
// A motion begins with up to 25 ms in which the arm waits for its first command; it is part of each row.

import { Franka, FrankaSimulator, run, workerPolicy } from 'kilohertz';
import swing from './policies.ts';
import { keep, median, once, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 7;
const DURATION_S = once ? 1 : 10;
/** How far the joints move [rad]. */
const AWAY = 0.25;

/** A simulated arm that waits for its commands. */
async function arm(control: 'jointVelocity' | 'jointPosition' = 'jointVelocity') {
  const simulator = await FrankaSimulator.start({ lockstep: true });
  const robot = await Franka.connect(simulator.address, { control });
  return {
    simulator,
    robot,
    async [Symbol.asyncDispose](): Promise<void> {
      await robot.close();
      await simulator.stop();
    },
  };
}

const options = { warmupS: 0, durationS: DURATION_S };

/** Each runs for some time of the arm, and returns its seconds. */
const PLACES: Readonly<Record<string, () => Promise<number>>> = {
  async moveTo() {
    await using made = await arm();
    let armS = 0;
    for (let way = AWAY; armS < DURATION_S; way = -way) {
      const { q_d } = await made.robot.state();
      const goal = Array.from(q_d, (q) => q + way);
      armS += (await made.robot.moveTo(goal, { speed: 0.02 })).iterations / 1e3;
    }
    return armS;
  },
  async function() {
    await using made = await arm();
    return (await run(made.robot, swing, options)).iterations / 1e3;
  },
  async worker() {
    await using made = await arm();
    const file = new URL('./policies.ts', import.meta.url);
    const policy = workerPolicy<typeof import('./policies.ts')>(file);
    return (await run(made.robot, policy, options)).iterations / 1e3;
  },
  async 'function, four arms'() {
    const each = await Promise.all([1, 2, 3, 4].map(() => PLACES['function']?.() ?? 0));
    return each.reduce((sum, armS) => sum + armS, 0);
  },
};

const rows: Row[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [policy, measured] of Object.entries(PLACES)) {
    const began = performance.now();
    const armS = await measured();
    const wallS = (performance.now() - began) / 1e3;
    rows.push({ round, policy, armS, wallS: Number(wallS.toFixed(4)) });
  }
}
const ratio = (policy: string): number =>
  median(
    rows
      .filter((row) => row['policy'] === policy)
      .map(({ armS, wallS }) => Number(armS) / Number(wallS)),
  );
show(
  `lockstep, medians of ${ROUNDS} rounds of about ${DURATION_S} s of the arm`,
  Object.keys(PLACES).map((policy) => ({
    policy,
    timesRealTime: Number(ratio(policy).toFixed(1)),
  })),
);
keep('lockstep-policies', rows);
