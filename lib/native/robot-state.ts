import { braces, inspectAs } from '../errors/inspection.ts';
import { armSchema } from './binding.ts';
import { ROBOT_MODES, type RobotMode } from './contract.ts';

const schema = armSchema();

/** The position of each field in the numbers of a robot state. */
const FIELDS: ReadonlyMap<string, { offset: number; length: number; unit: string }> = (() => {
  const fields = new Map<string, { offset: number; length: number; unit: string }>();
  let offset = 0;
  for (const { name, len, unit } of schema.fields) {
    fields.set(name, { offset, length: len, unit });
    offset += len;
  }
  return fields;
})();

/** The fields that are no numbers for those who read a state. */
const NAMED = ['robot_mode', 'current_errors', 'last_motion_errors'];

/** Returns where a field of numbers stands in a state; undefined if there is none of this name. */
export function placeOf(name: string): { offset: number; length: number } | undefined {
  return NAMED.includes(name) ? undefined : FIELDS.get(name);
}

/** The number of values in a robot state. */
export const STATE_LENGTH: number = schema.fields.reduce((sum, field) => sum + field.len, 0);

/** Returns the numbers of a state. Returns undefined if the value is not a {@link RobotState}. */
export let slotsOf: (value: object) => Float64Array | undefined;

/** The layout of a state, for a child that has no addon. */
export const STATE_LAYOUT: {
  readonly fields: readonly (readonly [name: string, length: number])[];
  readonly modes: readonly RobotMode[];
  readonly errorNames: readonly string[];
} = {
  fields: schema.fields.map(({ name, len }) => [name, len]),
  modes: ROBOT_MODES,
  errorNames: schema.errorNames,
};

/**
 * The state of a Franka arm, with libfranka's field names.
 *
 * Inside a policy the arrays are views that the next cycle updates in place. Read them during the call, and keep a
 * {@link RobotState.copy} of a state that you need later. A policy that transfers their memory to another thread ends
 * its session with `POLICY_DETACHED`. Poses are 4x4 homogeneous transformations in column-major order. Twists and
 * wrenches have the linear part first, then the angular part. Frames are libfranka's: `O` is the base, `F` the flange,
 * `NE` the nominal end effector, `EE` the end effector, `K` the stiffness frame.
 */
export class RobotState {
  /** The robot's time, strictly increasing, in steps of 1 ms [s]. */
  declare readonly time: number;
  /** Measured joint positions [rad], 7. */
  declare readonly q: Float64Array;
  /** Measured joint velocities [rad/s], 7. */
  declare readonly dq: Float64Array;
  /** Desired joint positions [rad], 7. Start a position motion from these, not from `q`. */
  declare readonly q_d: Float64Array;
  /** Desired joint velocities [rad/s], 7. */
  declare readonly dq_d: Float64Array;
  /** Desired joint accelerations [rad/s^2], 7. */
  declare readonly ddq_d: Float64Array;
  /** Measured link-side joint torques [N m], 7. */
  declare readonly tau_J: Float64Array;
  /** Desired link-side joint torques without gravity [N m], 7. */
  declare readonly tau_J_d: Float64Array;
  /** Derivative of the measured joint torques [N m/s], 7. */
  declare readonly dtau_J: Float64Array;
  /**
   * Low-pass filtered estimate of the joint torques that the arm applies to its surroundings [N m], 7: `tau_J` minus
   * the torques that the arm's model computes for its motion. If something pushes a joint forwards, the value is
   * negative.
   */
  declare readonly tau_ext_hat_filtered: Float64Array;
  /** Motor positions [rad], 7. */
  declare readonly theta: Float64Array;
  /** Motor velocities [rad/s], 7. */
  declare readonly dtheta: Float64Array;
  /** Measured end-effector pose in the base frame [m], 16. */
  declare readonly O_T_EE: Float64Array;
  /** Last desired end-effector pose in the base frame [m], 16. */
  declare readonly O_T_EE_d: Float64Array;
  /** Last commanded end-effector pose in the base frame [m], 16. */
  declare readonly O_T_EE_c: Float64Array;
  /** Desired end-effector twist in the base frame [m/s, rad/s], 6. */
  declare readonly O_dP_EE_d: Float64Array;
  /** Last commanded end-effector twist in the base frame [m/s, rad/s], 6. */
  declare readonly O_dP_EE_c: Float64Array;
  /** Last commanded end-effector acceleration in the base frame [m/s^2, rad/s^2], 6. */
  declare readonly O_ddP_EE_c: Float64Array;
  /**
   * Estimated wrench that the arm applies to its surroundings at the stiffness frame, along the axes of the base frame
   * [N, N m], 6. If something pulls the hand downwards, the force along z is positive. All values are zero close to a
   * singular pose.
   */
  declare readonly O_F_ext_hat_K: Float64Array;
  /** The wrench of `O_F_ext_hat_K`, with the same sign, along the axes of the stiffness frame [N, N m], 6. */
  declare readonly K_F_ext_hat_K: Float64Array;
  /** Acceleration of the unmoved base in the base frame, gravity included [m/s^2], 3. */
  declare readonly O_ddP_O: Float64Array;
  /**
   * Elbow, 2: the position of joint 3 [rad], and the side to which joint 4 bends. The arm is stretched if joint 4 is at
   * -0.467002423653011 rad. The second number is -1 below this position, 1 above it, and 0 at it.
   */
  declare readonly elbow: Float64Array;
  /** Desired elbow, 2, in the form of `elbow`. */
  declare readonly elbow_d: Float64Array;
  /** Commanded elbow, 2, in the form of `elbow`. */
  declare readonly elbow_c: Float64Array;
  /** Commanded elbow velocity [rad/s], 2. */
  declare readonly delbow_c: Float64Array;
  /** Commanded elbow acceleration [rad/s^2], 2. */
  declare readonly ddelbow_c: Float64Array;
  /** Contact level of each joint, 7: 1 while in contact, else 0. */
  declare readonly joint_contact: Float64Array;
  /** Contact level of each Cartesian direction, in the stiffness frame, 6, with the values of `joint_contact`. */
  declare readonly cartesian_contact: Float64Array;
  /** Collision level of each joint, 7: 1 from a collision until `recover()`, else 0. */
  declare readonly joint_collision: Float64Array;
  /** Collision level of each Cartesian direction, in the stiffness frame, 6, with the values of `joint_collision`. */
  declare readonly cartesian_collision: Float64Array;
  /** End effector in the flange frame [m], 16. */
  declare readonly F_T_EE: Float64Array;
  /** Nominal end effector in the flange frame [m], 16. */
  declare readonly F_T_NE: Float64Array;
  /** End effector in the nominal end-effector frame [m], 16. */
  declare readonly NE_T_EE: Float64Array;
  /** Stiffness frame in the end-effector frame [m], 16. */
  declare readonly EE_T_K: Float64Array;
  /** Mass of the end effector [kg]. */
  declare readonly m_ee: number;
  /** Inertia of the end effector about its centre of mass, column-major [kg m^2], 9. */
  declare readonly I_ee: Float64Array;
  /** Centre of mass of the end effector in the flange frame [m], 3. */
  declare readonly F_x_Cee: Float64Array;
  /** Mass of the load [kg]. */
  declare readonly m_load: number;
  /** Inertia of the load about its centre of mass, column-major [kg m^2], 9. */
  declare readonly I_load: Float64Array;
  /** Centre of mass of the load in the flange frame [m], 3. */
  declare readonly F_x_Cload: Float64Array;
  /** Mass of end effector and load [kg]. */
  declare readonly m_total: number;
  /** Inertia of end effector and load about their common centre of mass, column-major [kg m^2], 9. */
  declare readonly I_total: Float64Array;
  /** Common centre of mass of end effector and load in the flange frame [m], 3. */
  declare readonly F_x_Ctotal: Float64Array;
  /** Readings of the six upper accelerometers [m/s^2], 18. */
  declare readonly accelerometer_top: Float64Array;
  /** Readings of the six lower accelerometers [m/s^2], 18. */
  declare readonly accelerometer_bottom: Float64Array;
  /** The share of the last 100 commands that the robot received, 0 to 1. */
  declare readonly control_command_success_rate: number;

  /** The mode of the robot. */
  declare readonly robot_mode: RobotMode;
  /** The names of the errors that are present, for example `joint_velocity_violation`. */
  declare readonly current_errors: readonly string[];
  /** The names of the errors that ended the last motion. */
  declare readonly last_motion_errors: readonly string[];

  readonly #slots: Float64Array;

  static {
    slotsOf = (value) => (#slots in value ? value.#slots : undefined);
  }

  /** Makes a state that is a view of `slots`, in the layout that sessions on an arm use. */
  constructor(slots: Float64Array) {
    this.#slots = slots;
    // All fields are own properties, so that a structured clone has them too.
    for (const [name, { offset, length }] of FIELDS) {
      const enumerable = true;
      if (name === 'robot_mode') {
        const get = (): RobotMode => ROBOT_MODES[slots[offset] ?? 0] ?? 'Other';
        Object.defineProperty(this, name, { enumerable, get });
      } else if (name === 'current_errors' || name === 'last_motion_errors') {
        const get = (): string[] =>
          schema.errorNames.filter((_, index) => slots[offset + index] === 1);
        Object.defineProperty(this, name, { enumerable, get });
      } else if (length === 1) {
        Object.defineProperty(this, name, { enumerable, get: () => slots[offset] });
      } else {
        const value = slots.subarray(offset, offset + length);
        Object.defineProperty(this, name, { enumerable, value });
      }
    }
  }

  /** Returns a copy of the state that later cycles do not change. */
  copy(): RobotState {
    return new RobotState(this.#slots.slice());
  }

  /** Returns the state as a plain object with ordinary arrays, for `JSON.stringify`. */
  toJSON(): Record<string, number | string | readonly (number | string)[]> {
    const fields = Object.entries(this).map(([name, value]) => [
      name,
      value instanceof Float64Array ? Array.from(value) : value,
    ]);
    return Object.fromEntries(fields);
  }
}

/** Fields that `console.log` shows, each on a line of its own. */
const SHOWN = ['q', 'dq', 'q_d', 'dq_d', 'tau_J', 'tau_ext_hat_filtered', 'O_F_ext_hat_K'] as const;
const DIGITS = 4;

/** Returns numbers in columns, followed by their unit. */
function row(name: string, values: Iterable<number>, unit: string): string {
  const columns = Array.from(values, (value) => {
    const text = value.toFixed(DIGITS);
    return (Number(text) === 0 ? text.replace('-', '') : text).padStart(8);
  });
  return `${name.padEnd(20)} ${columns.join(' ')}  ${unit}`.trimEnd();
}

inspectAs(
  RobotState,
  (state) =>
    braces('RobotState', [
      `time ${state.time.toFixed(3)} s, robot_mode ${state.robot_mode}, ` +
        `control_command_success_rate ${state.control_command_success_rate}`,
      ...SHOWN.map((name) => row(name, state[name], FIELDS.get(name)?.unit ?? '')),
      row('O_T_EE[12..14]', state.O_T_EE.subarray(12, 15), 'm'),
      `current_errors ${state.current_errors.join(', ') || 'none'}`,
      `last_motion_errors ${state.last_motion_errors.join(', ') || 'none'}`,
      'and further fields: toJSON() has all',
    ]),
  (state) => `RobotState at ${state.time.toFixed(3)} s, ${state.robot_mode}`,
);
