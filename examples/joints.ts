// The same way of joint 1 three times: as joint positions, which the arm's own controller follows; as torques of an
// impedance law computed here, with the arm's Coriolis torques from its model; and as joint positions with such torques
// behind them, which then follow what the arm reports as desired.

import {
  Franka,
  type FrankaImpedance,
  FrankaSimulator,
  type RobotState,
  run,
  type Tick,
} from 'kilohertz';
import { table } from './terminal.ts';

const DURATION_S = 3;
/** How far joint 1 goes [rad]. */
const WAY = 0.3;
const STIFFNESS = [600, 600, 600, 600, 250, 150, 50];
const DAMPING = [50, 50, 50, 50, 30, 25, 15];

await using simulator = await FrankaSimulator.start();

/** How much of the way is done, and how fast it is then [1/s]: smooth at both ends. */
function way(timeS: number): [share: number, speed: number] {
  const at = Math.min(1, timeS / DURATION_S);
  const turn = 2 * Math.PI * at;
  return [at - Math.sin(turn) / (2 * Math.PI), (1 - Math.cos(turn)) / DURATION_S];
}

/** Drives joint 1 through one of them, and says how far it was off on the way and is at the end [rad]. */
async function drive(
  control: 'jointPosition' | 'torque',
  impedance: FrankaImpedance,
): Promise<string[]> {
  await using robot = await Franka.connect(simulator.address, { control, impedance });
  const start = (await robot.state()).q_d.slice();
  const isFollowed = control === 'jointPosition' && impedance === 'external';
  const action = new Float64Array(isFollowed ? 14 : 7);
  const coriolis = new Float64Array(7);
  let worst = 0;

  /** A spring and a damper, and what the arm's own motion takes [N m]. */
  function law(state: RobotState, joint: number, q: number, dq: number): number {
    const spring = (STIFFNESS[joint] ?? 0) * (q - (state.q[joint] ?? 0));
    const damper = (DAMPING[joint] ?? 0) * (dq - (state.dq[joint] ?? 0));
    return spring + damper + (coriolis[joint] ?? 0);
  }

  function policy(state: RobotState, { timeS }: Tick): Float64Array {
    const [share, speed] = way(timeS);
    worst = Math.max(worst, Math.abs((start[0] ?? 0) + WAY * share - (state.q[0] ?? 0)));
    robot.model.coriolis(state, coriolis);
    for (let joint = 0; joint < 7; joint += 1) {
      const moves = joint === 0 ? WAY : 0;
      const q = (start[joint] ?? 0) + moves * share;
      action[joint] = control === 'torque' ? law(state, joint, q, moves * speed) : q;
      if (isFollowed) {
        action[7 + joint] = law(state, joint, state.q_d[joint] ?? 0, state.dq_d[joint] ?? 0);
      }
    }
    return action;
  }

  const stats = await run(robot, policy, { durationS: DURATION_S + 0.5 });
  const off = Math.abs((start[0] ?? 0) + WAY - (simulator.joints().q[0] ?? 0));
  const mrad = (rad: number): string => `${(rad * 1e3).toFixed(1)} mrad`;
  return [
    `${mrad(worst)} on the way, ${mrad(off)} at its end`,
    `${stats.lateActions} answers late`,
  ];
}

const rows: [string, string][] = [];
for (const [name, control, impedance] of [
  ['jointPosition', 'jointPosition', 'joint'],
  ['torque', 'torque', 'joint'],
  ['jointPosition and torques', 'jointPosition', 'external'],
] as const) {
  rows.push([`${name}, off by at most`, (await drive(control, impedance)).join('; ')]);
}
console.log(table(rows));
