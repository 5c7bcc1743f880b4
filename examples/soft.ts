// One slow policy, followed by the arm's own controller and by two impedance laws that the loop computes.
// Then somebody pushes joint 1, and the arm gives way as much as its controller lets it.

import {
  Franka,
  type FrankaImpedance,
  FrankaSimulator,
  type ImpedanceLaw,
  Session,
} from 'kilohertz';
import { table } from './terminal.ts';

/** Where joint 1 goes, there and back [rad], and how long it stays [s]. */
const WAY = 0.3;
const STAY_S = 1.5;
const PUSH_NM = 10;

const FOLLOWERS: readonly (readonly [string, FrankaImpedance | ImpedanceLaw])[] = [
  ["'joint', the arm's own", 'joint'],
  ['{}, a law with its usual gains', {}],
  ['{ jointStiffness: [150, …] }', { jointStiffness: [150, 150, 150, 150, 62, 37, 12] }],
];

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1e3));

async function followedBy(impedance: FrankaImpedance | ImpedanceLaw): Promise<string> {
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address, {
    control: 'jointTarget',
    impedance,
  });
  // What follows is meant, and no collision.
  const [torque, force] = [new Array<number>(7).fill(90), new Array<number>(6).fill(90)];
  await robot.setCollisionBehavior({
    lowerTorquesNm: torque,
    upperTorquesNm: torque,
    lowerForces: force,
    upperForces: force,
  });
  const start = (await robot.state()).q_d.slice();
  const target = start.slice();
  const [from = 0] = start;
  let behind = 0;
  await using session = new Session(
    robot,
    ({ q, q_d }) => {
      behind = Math.max(behind, Math.abs((q_d[0] ?? 0) - (q[0] ?? 0)));
      return target;
    },
    { rateHz: 30 },
  );
  await session.start();
  for (const way of [WAY, 0]) {
    target[0] = from + way;
    await sleep(STAY_S);
  }
  const [onTheWay, stands = 0] = [behind, (await robot.state()).q[0]];
  simulator.inject({ kind: 'push', torquesNm: [PUSH_NM, 0, 0, 0, 0, 0, 0] });
  await sleep(STAY_S);
  const pushed = (await robot.state()).q[0] ?? 0;
  simulator.inject({ kind: 'push', torquesNm: [0, 0, 0, 0, 0, 0, 0] });
  await session.stop();
  const mrad = (rad: number): string => `${(Math.abs(rad) * 1e3).toFixed(1)} mrad`;
  return `${mrad(onTheWay)} behind at most, back within ${mrad(stands - from)}; pushed, it gives way ${mrad(pushed - stands)}`;
}

const rows: [string, string][] = [];
for (const [name, impedance] of FOLLOWERS) rows.push([name, await followedBy(impedance)]);
console.log(table(rows));
