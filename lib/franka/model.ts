import { types } from 'node:util';
import { checkName, isList } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { NativeModel } from '../native/binding.ts';
import {
  FRAMES,
  type FrankaFrame,
  type FrankaGeneration,
  GENERATIONS,
  POSTURE,
  QUANTITIES,
} from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import { checkPose, type Pose, type PoseLike } from './pose.ts';

/**
 * The inputs of the model, with libfranka's names. A {@link RobotState} has all of them. Fields that are left out have
 * the values of an arm at rest on level ground, with nothing on its flange.
 */
export interface FrankaPosture {
  /** Joint positions [rad], 7. */
  readonly q: JointVector;
  /** Joint velocities [rad/s], 7. */
  readonly dq?: JointVector;
  /** End effector in the flange frame [m]. */
  readonly F_T_EE?: PoseLike;
  /** Stiffness frame in the end effector's frame [m]. */
  readonly EE_T_K?: PoseLike;
  /** Inertia of end effector and load about their centre of mass [kg m2]: 3x3, column-major. */
  readonly I_total?: Numbers<9>;
  /** Mass of end effector and load [kg]. */
  readonly m_total?: number;
  /** Centre of mass of end effector and load in the flange frame [m], 3. */
  readonly F_x_Ctotal?: Numbers<3>;
  /** Gravity in the base frame [m/s2], 3. Default [0, 0, -9.81]. */
  readonly O_ddP_O?: Numbers<3>;
}

type Quantity = keyof typeof QUANTITIES;

/** The quantities, in the order of their numbers. */
const NAMES: readonly string[] = Object.keys(QUANTITIES);

const UNIT: readonly number[] = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** The fields of a posture in the order of their slots, each with the default for a field that is left out. */
const FIELDS: readonly {
  readonly name: keyof FrankaPosture;
  readonly at: number;
  readonly usual: readonly number[] | undefined;
}[] = (() => {
  const zeros = (length: number): number[] => new Array<number>(length).fill(0);
  const usual: Readonly<Partial<Record<keyof FrankaPosture, readonly number[]>>> = {
    F_T_EE: UNIT,
    EE_T_K: UNIT,
    O_ddP_O: [0, 0, -9.81],
  };
  let at = 0;
  return Object.entries(POSTURE).map(([field, length]) => {
    const name = field as keyof typeof POSTURE;
    const made = { name, at, usual: name === 'q' ? undefined : (usual[name] ?? zeros(length)) };
    at += length;
    return made;
  });
})();

/** The number of slots of a posture. */
const SLOTS = Object.values(POSTURE).reduce((sum, length) => sum + length, 0);

/**
 * The kinematics and dynamics of a Franka arm, computed on this computer. Nothing is read from an arm, and no arm has
 * to be connected. The FR3's model comes from its URDF; the FER's model is fitted to the one that this arm serves.
 *
 * Each method takes the posture of the arm as joint positions [rad], as a {@link FrankaPosture}, or as a `RobotState`,
 * whose end effector and load are then included. Matrices are column-major. For use inside a policy, pass `into`, an
 * array of the right length, and no frames as `{ xyz, quat }`: then nothing is allocated. `robot.model` is the model of
 * the connected arm. In a worker make a model with `new FrankaModel('fr3')`.
 *
 * @example
 * const model = new FrankaModel('fr3');
 * const pose = model.pose('endEffector', [0, -0.785, 0, -2.356, 0, 1.571, 0.785]);
 * console.log(pose.slice(12, 15)); // the position of the flange, because there is no end effector [m]
 */
export class FrankaModel {
  /** The generation of the arm. */
  readonly generation: FrankaGeneration;
  readonly #native: NativeModel;
  readonly #slots: Float64Array = new Float64Array(SLOTS);

  /** @throws {OptionRangeError} {@link OptionTypeError} `OPTION_GENERATION` */
  constructor(generation: FrankaGeneration) {
    this.generation = checkName('generation', generation, GENERATIONS);
    this.#native = calling(() => new NativeModel(generation));
  }

  /**
   * Returns the pose of a frame in the base frame: 4x4.
   *
   * @throws {OptionTypeError | OptionRangeError} as all methods, if an argument is invalid
   */
  pose(frame: FrankaFrame, at: FrankaPosture | JointVector, into?: Float64Array): Float64Array {
    return this.#compute('pose', frame, at, into);
  }

  /** Returns the Jacobian of a frame in the axes of that frame: 6x7, linear velocity above angular. */
  bodyJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array {
    return this.#compute('bodyJacobian', frame, at, into);
  }

  /** Returns the Jacobian of a frame in the axes of the base frame: 6x7, linear velocity above angular. */
  zeroJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array {
    return this.#compute('zeroJacobian', frame, at, into);
  }

  /** Returns the mass matrix [kg m2]: 7x7. */
  mass(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array {
    return this.#compute('mass', 'flange', at, into);
  }

  /** Returns the Coriolis and centrifugal torques [N m], 7. They are zero without `dq`. */
  coriolis(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array {
    return this.#compute('coriolis', 'flange', at, into);
  }

  /** Returns the gravity torques [N m], 7. The arm itself adds them to a commanded torque. */
  gravity(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array {
    return this.#compute('gravity', 'flange', at, into);
  }

  #compute(
    quantity: Quantity,
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array {
    const number = FRAMES.indexOf(frame);
    if (number < 0) checkName('frame', frame, FRAMES);
    this.#read(at);
    const length: number = QUANTITIES[quantity];
    const values = into ?? new Float64Array(length);
    // The array may come from another realm.
    const right = types.isFloat64Array(values) && values.length === length;
    if (!right || !types.isArrayBuffer(values.buffer)) {
      const expected = `a Float64Array of length ${length} that is not shared`;
      throw new OptionTypeError('OPTION_INTO', 'into', into, expected);
    }
    this.#native.compute(NAMES.indexOf(quantity), number, this.#slots, values);
    return values;
  }

  /** Writes a posture into the slots. */
  #read(at: FrankaPosture | JointVector): void {
    const posture = isPosture(at) ? at : undefined;
    for (const { name, at: first, usual } of FIELDS) {
      const given = name === 'q' && !posture ? (at as JointVector) : posture?.[name];
      if (typeof given === 'number') this.#put(name, first, given);
      else if (isPoseObject(name, given)) this.#slots.set(checkPose(name, given), first);
      else this.#copy(name, first, given as ArrayLike<number> | undefined, usual);
    }
  }

  #copy(
    name: string,
    first: number,
    given: ArrayLike<number> | undefined,
    usual: readonly number[] | undefined,
  ): void {
    const length = usual?.length ?? 7;
    const values = given === undefined ? usual : given;
    if (values?.length !== length) {
      const expected = length === 1 ? 'a number' : `${length} finite numbers`;
      throw new OptionTypeError('OPTION_POSTURE', name, given, expected);
    }
    for (let nth = 0; nth < length; nth += 1) this.#put(name, first + nth, values[nth], nth);
  }

  #put(name: string, slot: number, value: unknown, nth?: number): void {
    if (!Number.isFinite(value)) {
      const which = nth === undefined ? name : `${name}[${nth}]`;
      throw new OptionRangeError('OPTION_POSTURE', which, value, 'a finite number');
    }
    this.#slots[slot] = value as number;
  }
}

function isPoseObject(name: string, given: unknown): given is Pose {
  return name.includes('_T_') && typeof given === 'object' && given !== null && !isList(given);
}

function isPosture(at: FrankaPosture | JointVector): at is FrankaPosture {
  return at !== null && typeof at === 'object' && 'q' in at;
}
