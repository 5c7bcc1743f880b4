// A numpy policy in a process of its own drives the arm there and back; a planner in another one plans the
// way back meanwhile. Needs Python 3.9 or newer with numpy: that of VIRTUAL_ENV, or python3.

import { Franka, FrankaSimulator, KilohertzError, mpify, processPolicy, run } from 'kilohertz';
import { table } from './terminal.ts';

const DURATION_S = 2;
/** How far each joint is to go [rad]. */
const WAY = [0.3, 0.1, -0.2, 0.2, 0.1, 0.2, -0.3];
const url = new URL('./python_policy.py', import.meta.url);

interface Planner {
  /** Positions on a way [rad], rows of 7. */
  plan(start: Float64Array, goal: Float64Array): Float64Array;
  readonly planned: number;
}

async function main(): Promise<void> {
  await using planner = await mpify<(durationS: number) => Planner>(url, 'Planner', DURATION_S);
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address);
  const start = (await robot.state()).q_d.slice();
  const goal = start.map((rad, joint) => rad + (WAY[joint] ?? 0));

  const there = await planner.plan(start, goal);
  // The planner is at the way back while the policy is on the way there.
  const [out, back] = await Promise.all([drive(robot, there), planner.plan(goal, start)]);
  const reached = distance(simulator, goal);
  const home = await drive(robot, back);
  const returned = distance(simulator, start);
  const planned = await planner.planned;

  console.log(
    table([
      ['ways planned', `${planned}, in one process`],
      ['cycles there', `${out.iterations}, ${out.lateActions} late, in another`],
      ['the arm came to', `${(reached * 1e3).toFixed(1)} mrad from its goal`],
      ['cycles back', `${home.iterations}, ${home.lateActions} late`],
      ['the arm came to', `${(returned * 1e3).toFixed(1)} mrad from its start`],
    ]),
  );
  if (Math.max(reached, returned) > 0.02)
    throw new Error('NOT SOUND: the arm is not where it should be');
}

function drive(robot: Franka, way: Float64Array): ReturnType<typeof run> {
  const policy = processPolicy(url, { export: 'follow', args: [way] });
  return run(robot, policy, { durationS: DURATION_S + 1 });
}

/** How far the joints are from where they should be, the worst of them [rad]. */
function distance(simulator: FrankaSimulator, wanted: Float64Array): number {
  const { q } = simulator.joints();
  return Math.max(...wanted.map((rad, joint) => Math.abs(rad - (q[joint] ?? 0))));
}

try {
  await main();
} catch (error) {
  const code = error instanceof KilohertzError ? `${error.code}: ` : '';
  console.error(`  ${code}${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
