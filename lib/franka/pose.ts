import { checkNumbers, isList, ownOptions } from '../checks.ts';
import { codeOf, OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import type { Numbers } from '../numbers.ts';

/** A pose as a position and an orientation. */
export interface Pose {
  /** The position [m]: x, y, z. */
  readonly xyz: Numbers<3>;
  /**
   * The orientation as a quaternion: x, y, z, w, the order of ROS and scipy. Its length must be 1 within 1e-3; it is
   * then scaled to exactly 1. A quaternion and its negative are the same orientation.
   */
  readonly quat: Numbers<4>;
}

/** A pose: a position and an orientation, or 16 numbers, the 4x4 matrix column by column [m], as in `state.O_T_EE`. */
export type PoseLike = Pose | Numbers<16>;

/** How far the length of a quaternion may be from 1. Quaternions written with four digits are within this tolerance. */
const LENGTH_TOLERANCE = 1e-3;

/** The description of a valid quaternion, for messages. */
export const QUATERNION: string = `a quaternion x, y, z, w whose length is 1 within ${LENGTH_TOLERANCE}`;

/** The description of the forms of a pose, for messages. */
export const POSE_FORMS = '16 numbers, or { xyz, quat }';

/** The fields of a pose. */
const POSE_FIELDS: readonly (keyof Pose)[] = ['xyz', 'quat'];

/** Returns the length of a quaternion. */
export function quaternionLength(x: number, y: number, z: number, w: number): number {
  return Math.sqrt(x * x + y * y + z * z + w * w);
}

/** Whether a quaternion of this length stands for an orientation. */
export function isUnit(length: number): boolean {
  return Math.abs(length - 1) <= LENGTH_TOLERANCE;
}

/** Writes the matrix of a pose: 16 numbers, column by column. Allocates nothing. */
export function writeMatrix(
  into: Float64Array,
  xyz: ArrayLike<number>,
  quat: ArrayLike<number>,
): void {
  const qx = quat[0] as number;
  const qy = quat[1] as number;
  const qz = quat[2] as number;
  const qw = quat[3] as number;
  const scale = 1 / quaternionLength(qx, qy, qz, qw);
  const x = qx * scale;
  const y = qy * scale;
  const z = qz * scale;
  const w = qw * scale;
  into[0] = 1 - 2 * (y * y + z * z);
  into[1] = 2 * (x * y + z * w);
  into[2] = 2 * (x * z - y * w);
  into[3] = 0;
  into[4] = 2 * (x * y - z * w);
  into[5] = 1 - 2 * (x * x + z * z);
  into[6] = 2 * (y * z + x * w);
  into[7] = 0;
  into[8] = 2 * (x * z + y * w);
  into[9] = 2 * (y * z - x * w);
  into[10] = 1 - 2 * (x * x + y * y);
  into[11] = 0;
  into[12] = xyz[0] as number;
  into[13] = xyz[1] as number;
  into[14] = xyz[2] as number;
  into[15] = 1;
}

/** How far an entry of a rotation matrix may be from the same entry of the nearest rotation. */
const MATRIX_TOLERANCE = 1e-3;

/**
 * Returns the position and the orientation of a pose, for a policy that computes with quaternions. The quaternion is x,
 * y, z, w. Its length is 1, and w is at least 0.
 *
 * @example
 * const { xyz, quat } = poseOf(state.O_T_EE);
 * @throws {OptionTypeError | OptionRangeError} `OPTION_POSE` if the argument is not a pose
 */
export function poseOf(pose: PoseLike): { xyz: number[]; quat: number[] } {
  const matrix = checkPose('pose', pose);
  const entry = (row: number, column: number): number => matrix[4 * column + row] as number;
  const xyz = [entry(0, 3), entry(1, 3), entry(2, 3)];
  // The quaternion is computed from its largest component, so that no digits are lost.
  const trace = entry(0, 0) + entry(1, 1) + entry(2, 2);
  const diagonal = [entry(0, 0), entry(1, 1), entry(2, 2), trace];
  const largest = diagonal.indexOf(Math.max(...diagonal));
  const axes = [
    entry(2, 1) - entry(1, 2),
    entry(0, 2) - entry(2, 0),
    entry(1, 0) - entry(0, 1),
    1 + trace,
  ];
  let parts = axes;
  if (largest < 3) {
    parts = [0, 1, 2].map((axis) =>
      axis === largest
        ? 1 + 2 * entry(axis, axis) - trace
        : entry(axis, largest) + entry(largest, axis),
    );
    parts.push(axes[largest] as number);
  }
  const sign = (parts[3] as number) < 0 ? -1 : 1;
  const length = sign * Math.hypot(...parts);
  const quat = parts.map((part) => part / length);
  const rigid = new Float64Array(16);
  writeMatrix(rigid, xyz, quat);
  const far = matrix.findIndex(
    (value, nth) => !(Math.abs(value - (rigid[nth] as number)) <= MATRIX_TOLERANCE),
  );
  if (far >= 0) {
    const expected = 'an entry of the 4x4 matrix of a pose, column by column';
    throw new OptionRangeError('OPTION_POSE', `pose[${far}]`, matrix[far], expected);
  }
  return { xyz, quat };
}

/** Returns the 16 numbers of a pose in either form. Whether a matrix is rigid is checked natively. */
export function checkPose(option: string, pose: unknown): Float64Array {
  if (isList(pose)) return Float64Array.from(checkNumbers(option, pose, 16));
  if (typeof pose !== 'object' || pose === null) {
    throw new OptionTypeError(codeOf(option), option, pose, POSE_FORMS);
  }
  const own = ownOptions(option, pose as Pose, POSE_FIELDS, '16 numbers');
  const xyz = checkNumbers(`${option}.xyz`, own.xyz, 3);
  const quat = checkNumbers(`${option}.quat`, own.quat, 4);
  const [x = 0, y = 0, z = 0, w = 0] = quat;
  const length = quaternionLength(x, y, z, w);
  if (!isUnit(length)) {
    const [name, expected] = [`the length of ${option}.quat`, QUATERNION];
    throw new OptionRangeError(codeOf(`${option}.quat`), name, length, expected, [1]);
  }
  const matrix = new Float64Array(16);
  writeMatrix(matrix, xyz, quat);
  return matrix;
}
