// Sets an arm up: what it carries, where its tool is, how stiff it is, what it takes for a collision.
// Without an address it is a simulated arm:
//
//   node dist/examples/configure.js [ADDRESS]

import { Franka, FrankaSimulator, type RobotState } from 'kilohertz';
import { table } from './terminal.ts';

const [address] = process.argv.slice(2);
await using simulator = address === undefined ? await FrankaSimulator.start() : undefined;
await using robot = await Franka.connect(address ?? simulator?.address ?? '');
const before = await robot.state();

// A tool that is 10 cm long, and a part of half a kilogram in it.
await robot.setEE([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.1, 1]);
await robot.setLoad({ m_load: 0.5, F_x_Cload: [0, 0, 0.12] });
await robot.setJointImpedance([3000, 3000, 3000, 2500, 2500, 2000, 2000]);
await robot.setCollisionBehavior({
  lowerTorquesNm: [20, 20, 18, 18, 16, 14, 12],
  upperTorquesNm: [40, 40, 36, 36, 32, 28, 24],
  lowerForces: [20, 20, 20, 25, 25, 25],
  upperForces: [40, 40, 40, 50, 50, 50],
});
// Filters are a FER's; an FR3 has none.
const filters = await robot
  .setFilters({
    jointPositionHz: 100,
    jointVelocityHz: 100,
    cartesianPositionHz: 100,
    cartesianVelocityHz: 100,
    controllerHz: 100,
  })
  .then(
    () => 'set',
    (error: Error) => error.message,
  );

const after = await robot.state();
const millimetres = (state: RobotState): string =>
  Array.from(state.O_T_EE.slice(12, 15), (value) => (1e3 * value).toFixed(0)).join(', ');
console.log(
  table([
    ['end effector', `${millimetres(before)} mm, then ${millimetres(after)} mm`],
    ['load', `${before.m_load} kg, then ${after.m_load.toFixed(1)} kg`],
    [
      'torque of joint 2',
      `${before.tau_J[1]?.toFixed(1)} N m, then ${after.tau_J[1]?.toFixed(1)} N m`,
    ],
    ['filters', filters],
  ]),
);
