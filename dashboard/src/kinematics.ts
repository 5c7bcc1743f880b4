// Where the links of an arm are. The FR3 and the FER have the same joint frames; poses are 16 numbers, column-major.

/** The frame of joint `k` in that of the joint before, at 0 rad: its place [m], and its turn about x in quarters. */
export const JOINT_FRAMES: readonly { place: readonly [number, number, number]; turns: number }[] =
  [
    { place: [0, 0, 0.333], turns: 0 },
    { place: [0, 0, 0], turns: -1 },
    { place: [0, -0.316, 0], turns: 1 },
    { place: [0.0825, 0, 0], turns: 1 },
    { place: [-0.0825, 0.384, 0], turns: -1 },
    { place: [0, 0, 0], turns: 1 },
    { place: [0.088, 0, 0], turns: 1 },
  ];

/** From the seventh joint's frame to the flange, along z [m]. */
export const FLANGE_Z = 0.107;
/** The hand is turned by this about the flange's z [rad]. */
export const HAND_YAW: number = -Math.PI / 4;
/** From the flange to where the fingers begin, along z [m]. */
export const FINGER_Z = 0.0584;
/** From the flange to between the finger tips, along z [m]. */
export const HAND_TCP_Z = 0.1034;

export type Pose = Float64Array;

/** Returns the product of two poses. */
export function multiply(a: ArrayLike<number>, b: ArrayLike<number>): Pose {
  const product = new Float64Array(16);
  for (let column = 0; column < 4; column += 1) {
    for (let row = 0; row < 4; row += 1) {
      let sum = 0;
      for (let nth = 0; nth < 4; nth += 1) {
        sum += (a[4 * nth + row] ?? NaN) * (b[4 * column + nth] ?? NaN);
      }
      product[4 * column + row] = sum;
    }
  }
  return product;
}

/** Returns the pose of a joint's frame, turned by `q` about its z, in the frame of the joint before. */
function jointPose(joint: number, q: number): Pose {
  const { place, turns } = JOINT_FRAMES[joint] ?? { place: [0, 0, 0], turns: 0 };
  const [cos, sin] = [Math.cos(q), Math.sin(q)];
  const [c, s] = turns === 0 ? [1, 0] : [0, turns];
  return new Float64Array([
    ...[cos, c * sin, s * sin, 0],
    ...[-sin, c * cos, s * cos, 0],
    ...[0, -s, c, 0],
    ...[...place, 1],
  ]);
}

/** Returns the flange's pose in the base frame. */
export function flangePose(q: ArrayLike<number>): Pose {
  let pose: Pose = new Float64Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  for (let joint = 0; joint < 7; joint += 1)
    pose = multiply(pose, jointPose(joint, q[joint] ?? NaN));
  return multiply(pose, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, FLANGE_Z, 1]);
}

/** Returns the end effector's pose in the base frame. */
export function endEffectorPose(
  q: ArrayLike<number>,
  flangeFromEndEffector: ArrayLike<number>,
): Pose {
  return multiply(flangePose(q), flangeFromEndEffector);
}

/** Returns whether the end effector is that of a Franka Hand, as it leaves the factory. */
export function isHand(flangeFromEndEffector: ArrayLike<number>): boolean {
  const {
    [0]: xx = NaN,
    [1]: yx = NaN,
    [12]: x = NaN,
    [13]: y = NaN,
    [14]: z = NaN,
  } = Array.from(flangeFromEndEffector);
  const isTurned =
    Math.abs(xx - Math.cos(HAND_YAW)) < 0.02 && Math.abs(yx - Math.sin(HAND_YAW)) < 0.02;
  return isTurned && Math.hypot(x, y, z - HAND_TCP_Z) < 0.005;
}
