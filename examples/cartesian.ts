// Draws a circle by poses, then a line by velocities of the end effector, then bends the elbow while the
// hand stands. Without an address it drives a simulated arm:
//
//   node dist/examples/cartesian.js [ADDRESS]

import { Franka, FrankaSimulator, type RobotState, run, type Tick } from 'kilohertz';

const RADIUS_M = 0.05;
const LENGTH_M = 0.1;
/** How far joint 3 turns [rad]. */
const BEND = 0.3;
const OVER_S = 3;
/** How often the policies are asked; the arm is commanded 1000 times a second all the same. */
const RATE_HZ = 100;

const [given] = process.argv.slice(2);
await using simulator = given === undefined ? await FrankaSimulator.start() : undefined;
const address = given ?? simulator?.address ?? '';

/** From 0 to 1 within `OVER_S`, smoothly at both ends; and how fast [1/s]. */
function smooth(timeS: number): readonly [way: number, rate: number] {
  const share = Math.min(1, timeS / OVER_S);
  const way = share ** 3 * (10 - 15 * share + 6 * share ** 2);
  return [way, (30 * share ** 2 * (1 - share) ** 2) / OVER_S];
}

/** Where the end effector is [m]: the last column of its pose. */
function place({ O_T_EE }: RobotState): readonly [x: number, y: number, z: number] {
  const [x = 0, y = 0, z = 0] = O_T_EE.subarray(12);
  return [x, y, z];
}

async function circle(): Promise<void> {
  await using robot = await Franka.connect(address, { control: 'cartesianPose' });
  const start = (await robot.state()).O_T_EE_c.slice();
  const [, y = 0, z = 0] = start.subarray(12);
  let offM = 0;
  const policy = (state: RobotState, { timeS }: Tick): Float64Array => {
    const [, atY, atZ] = place(state);
    const radiusM = Math.hypot(atY - y, atZ - (z + RADIUS_M));
    offM = Math.max(offM, Math.abs(radiusM - RADIUS_M));
    const angle = 2 * Math.PI * smooth(timeS)[0];
    const pose = start.slice();
    pose[13] = y + RADIUS_M * Math.sin(angle);
    pose[14] = z + RADIUS_M * (1 - Math.cos(angle));
    return pose;
  };
  const stats = await run(robot, policy, { rateHz: RATE_HZ, durationS: OVER_S + 0.2 });
  console.log(`circle of ${RADIUS_M * 1e3} mm    ${(offM * 1e3).toFixed(2)} mm from round at most`);
  console.log(stats.firstViolation ?? 'every limit kept');
}

async function line(): Promise<void> {
  await using robot = await Franka.connect(address, { control: 'cartesianVelocity' });
  const start = place(await robot.state());
  const policy = (_: RobotState, { timeS }: Tick): number[] => {
    const [, rate] = smooth(timeS);
    return [0, LENGTH_M * rate, 0, 0, 0, 0];
  };
  const stats = await run(robot, policy, { rateHz: RATE_HZ, durationS: OVER_S + 0.2 });
  const end = place(await robot.state());
  const [x, y, z] = end.map((at, axis) => (at - (start[axis] ?? 0)) * 1e3);
  console.log(
    `line of ${LENGTH_M * 1e3} mm      x ${x?.toFixed(2)}, y ${y?.toFixed(2)}, z ${z?.toFixed(2)} mm`,
  );
  console.log(stats.firstViolation ?? 'every limit kept');
}

async function bend(): Promise<void> {
  await using robot = await Franka.connect(address, { control: 'cartesianPose', elbow: true });
  const { O_T_EE_c, elbow_c } = await robot.state();
  const action = Float64Array.of(...O_T_EE_c, elbow_c[0] ?? 0);
  const [elbow = 0] = elbow_c;
  let offM = 0;
  const [x, y, z] = O_T_EE_c.subarray(12);
  const policy = (state: RobotState, { timeS }: Tick): Float64Array => {
    const [atX, atY, atZ] = place(state);
    offM = Math.max(offM, Math.hypot(atX - (x ?? 0), atY - (y ?? 0), atZ - (z ?? 0)));
    action[16] = elbow + BEND * smooth(timeS)[0];
    return action;
  };
  const stats = await run(robot, policy, { rateHz: RATE_HZ, durationS: OVER_S + 0.2 });
  const turned = ((await robot.state()).q[2] ?? 0) - elbow;
  console.log(
    `elbow by ${BEND} rad      turned by ${turned.toFixed(3)} rad, the hand ${(offM * 1e3).toFixed(2)} mm off at most`,
  );
  console.log(stats.firstViolation ?? 'every limit kept');
}

await circle();
await line();
await bend();
