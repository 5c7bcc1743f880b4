// The same way of joint 1 twice: as joint positions, which the arm's own controller follows, and as torques of an
// impedance law computed here, with the arm's Coriolis torques from its model.

import { Franka, FrankaSimulator, type RobotState, run, type Tick } from 'kilohertz';
import { table } from './terminal.ts';

const DURATION_S = 3;
/** How far joint 1 goes [rad]. */
const WAY = 0.3;
const STIFFNESS = [600, 600, 600, 600, 250, 150, 50];
const DAMPING = [50, 50, 50, 50, 30, 25, 15];

const simulator = await FrankaSimulator.start();

/** How much of the way is done, and how fast it is then [1/s]: smooth at both ends. */
function way(timeS: number): [share: number, speed: number] {
  const at = Math.min(1, timeS / DURATION_S);
  const turn = 2 * Math.PI * at;
  return [at - Math.sin(turn) / (2 * Math.PI), (1 - Math.cos(turn)) / DURATION_S];
}

/** Drives joint 1 through one of the two, and says how far it was off on the way and is at the end [rad]. */
async function drive(control: 'jointPosition' | 'torque'): Promise<string[]> {
  const robot = await Franka.connect(simulator.address, { control });
  const start = (await robot.state()).q_d.slice();
  const action = new Float64Array(7);
  const coriolis = new Float64Array(7);
  let worst = 0;

  function policy(state: RobotState, { timeS }: Tick): Float64Array {
    const [share, speed] = way(timeS);
    worst = Math.max(worst, Math.abs((start[0] ?? 0) + WAY * share - (state.q[0] ?? 0)));
    if (control === 'torque') robot.model.coriolis(state, coriolis);
    for (let joint = 0; joint < 7; joint += 1) {
      const moves = joint === 0 ? WAY : 0;
      const q = (start[joint] ?? 0) + moves * share;
      const away = q - (state.q[joint] ?? 0);
      const slower = moves * speed - (state.dq[joint] ?? 0);
      const tau = (STIFFNESS[joint] ?? 0) * away + (DAMPING[joint] ?? 0) * slower;
      action[joint] = control === 'torque' ? tau + (coriolis[joint] ?? 0) : q;
    }
    return action;
  }

  const stats = await run(robot, policy, { durationS: DURATION_S + 0.5 });
  const off = Math.abs((start[0] ?? 0) + WAY - (simulator.joints().q[0] ?? 0));
  await robot.close();
  const mrad = (rad: number): string => `${(rad * 1e3).toFixed(1)} mrad`;
  return [
    `${mrad(worst)} on the way, ${mrad(off)} at its end`,
    `${stats.lateActions} answers late`,
  ];
}

const rows: [string, string][] = [];
for (const control of ['jointPosition', 'torque'] as const) {
  rows.push([`${control}, off by at most`, (await drive(control)).join('; ')]);
}
await simulator.stop();
console.log(table(rows));
