import { checkBoolean, checkNumber, checkNumbers, ownOptions } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import type { NativeArm } from '../native/binding.ts';
import { DIRECTIONS, FILTERS, type SettingKind } from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import { checkPose, type PoseLike } from './pose.ts';

/**
 * Thresholds for torques and forces from outside. Above the lower threshold they are a contact, which
 * `joint_contact` and `cartesian_contact` of the state show. Above the upper one they are a collision, which
 * stops the arm by a reflex (`joint_reflex`, `cartesian_reflex`).
 */
export interface CollisionThresholds {
  /** Torques of the joints, above 0 to 100 [N m], 7. */
  readonly lowerTorquesNm: JointVector;
  /** Torques of the joints, up to 100 [N m], 7; each at least the lower one. */
  readonly upperTorquesNm: JointVector;
  /** Forces, then torques, on the stiffness frame, in its axes, above 0 to 100 [N, N m], 6. */
  readonly lowerForces: Numbers<6>;
  /** Forces, then torques, on the stiffness frame, up to 100 [N, N m], 6; each at least the lower one. */
  readonly upperForces: Numbers<6>;
}

/** Thresholds for a motion of constant velocity, and for an accelerated one. */
export interface CollisionBehavior extends CollisionThresholds {
  /** While the arm accelerates. Default: the same, which is libfranka's short form. */
  readonly acceleration?: CollisionThresholds;
}

/** The directions that are free when the arm is guided by hand; those that are left out are locked. */
export interface GuidingMode {
  readonly x?: boolean;
  readonly y?: boolean;
  readonly z?: boolean;
  readonly roll?: boolean;
  readonly pitch?: boolean;
  readonly yaw?: boolean;
  readonly elbow?: boolean;
}

/** What the arm carries beside its end effector, with libfranka's names. */
export interface Load {
  /** Its mass [kg], at most the arm's payload (3 kg) less the mass of its end effector; 0 is no load. */
  readonly m_load: number;
  /** Its centre of mass in the flange frame [m], 3; at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cload?: Numbers<3>;
  /**
   * Its inertia about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite, no principal
   * moment larger than the sum of the others, nor than `m_load` at 1 m has it. An arm refuses a mass without inertia.
   * Default: that of a ball of this mass and of a radius of 5 cm.
   */
  readonly I_load?: Numbers<9>;
}

/** How a setting is checked. */
export interface SettingOptions {
  /**
   * Whether a setting is sent although it is not plausible: a load beyond the payload, a threshold that is never reached, a
   * frame or a centre of mass more than 1 m away. What no arm can be sent is refused all the same: a load of more than
   * 100 kg, a place more than 10 m away along an axis, an entry of an inertia beyond 100 kg m^2. Default false.
   */
  readonly unchecked?: boolean;
}

/** Cut-off frequencies of a FER's own filters [Hz], 1 to 1000 each; 1000 filters nothing. */
export interface FrankaFilters {
  /** The cut-off frequency of the filter of commanded joint positions. */
  readonly jointPositionHz: number;
  /** The cut-off frequency of the filter of commanded joint velocities. */
  readonly jointVelocityHz: number;
  /** The cut-off frequency of the filter of commanded poses. */
  readonly cartesianPositionHz: number;
  /** The cut-off frequency of the filter of commanded twists. */
  readonly cartesianVelocityHz: number;
  /** The cut-off frequency of the filter of commanded torques. */
  readonly controllerHz: number;
}

const THRESHOLDS = [
  ['lowerTorquesNm', 7],
  ['upperTorquesNm', 7],
  ['lowerForces', 6],
  ['upperForces', 6],
] as const satisfies readonly (readonly [keyof CollisionThresholds, number])[];

/** The calls that take options, by the kind of their setting. */
const SETTERS: ReadonlyMap<string, string> = new Map([
  ['collisionBehavior', 'setCollisionBehavior'],
  ['load', 'setLoad'],
  ['endEffector', 'setEE'],
  ['stiffnessFrame', 'setK'],
]);

/**
 * Sets an arm up, off the loop and off this thread. Lengths and types are checked here, ranges where
 * the arm's generation is known; the arm itself refuses last.
 */
export class Configuration {
  readonly #arm: NativeArm;

  constructor(arm: NativeArm) {
    this.#arm = arm;
  }

  async collisionBehavior(behavior: CollisionBehavior, options: SettingOptions): Promise<void> {
    const names = THRESHOLDS.map(([name]) => name);
    const own = ownOptions('setCollisionBehavior()', behavior, [...names, 'acceleration']);
    const { acceleration } = own;
    const nominal = thresholds('', own);
    if (acceleration === undefined) {
      return this.#set('collisionBehavior', [...nominal, ...nominal], options);
    }
    const accelerating = thresholds(
      'acceleration.',
      ownOptions('acceleration', acceleration, names),
    );
    return this.#set('collisionBehavior', [...nominal, ...accelerating], options);
  }

  async jointImpedance(stiffness: JointVector): Promise<void> {
    return this.#set('jointImpedance', checkNumbers('K_theta', stiffness, 7));
  }

  async cartesianImpedance(stiffness: Numbers<6>): Promise<void> {
    return this.#set('cartesianImpedance', checkNumbers('K_x', stiffness, 6));
  }

  async guidingMode(mode: GuidingMode): Promise<void> {
    const own = ownOptions('setGuidingMode()', mode, DIRECTIONS);
    const flags = DIRECTIONS.map((name) => {
      const { [name]: free = false } = own;
      return Number(checkBoolean(name, free));
    });
    return this.#set('guidingMode', flags);
  }

  async endEffector(frame: PoseLike, options: SettingOptions): Promise<void> {
    return this.#set('endEffector', checkPose('NE_T_EE', frame), options);
  }

  async stiffnessFrame(frame: PoseLike, options: SettingOptions): Promise<void> {
    return this.#set('stiffnessFrame', checkPose('EE_T_K', frame), options);
  }

  async load(load: Load, options: SettingOptions): Promise<void> {
    const own = ownOptions('setLoad()', load, ['m_load', 'F_x_Cload', 'I_load']);
    const { m_load, F_x_Cload = [0, 0, 0], I_load } = own;
    if (typeof m_load !== 'number') {
      throw new OptionTypeError('OPTION_M_LOAD', 'm_load', m_load, 'a number [kg]');
    }
    // Its upper bound is the arm's.
    if (!(m_load >= 0 && m_load < Infinity)) {
      throw new OptionRangeError('OPTION_M_LOAD', 'm_load', m_load, 'a number from 0 on [kg]', [0]);
    }
    const centre = checkNumbers('F_x_Cload', F_x_Cload, 3);
    const inertia = checkNumbers('I_load', I_load ?? ball(m_load), 9);
    return this.#set('load', [m_load, ...centre, ...inertia], options);
  }

  async filters(filters: FrankaFilters): Promise<void> {
    const own = ownOptions('setFilters()', filters, FILTERS);
    const range = { from: 1, to: 1000, unit: 'Hz' };
    const values = FILTERS.map((name) => checkNumber(name, own[name], range));
    return this.#set('filters', values);
  }

  async #set(
    kind: SettingKind,
    values: Iterable<number>,
    options: SettingOptions = {},
  ): Promise<void> {
    const own = ownOptions(`${SETTERS.get(kind)}()`, options, ['unchecked']);
    const unchecked = checkBoolean('unchecked', own.unchecked ?? false);
    await awaiting(() => this.#arm.configure(kind, Float64Array.from(values), unchecked));
  }
}

/** The inertia of a ball of this mass [kg] and of a radius of 5 cm, for what is not told how it is shaped. */
export function ball(mass: number): number[] {
  const moment = (2 / 5) * mass * 0.05 ** 2;
  return [moment, 0, 0, 0, moment, 0, 0, 0, moment];
}

function thresholds(prefix: string, given: CollisionThresholds): number[] {
  return THRESHOLDS.flatMap(([name, length]) =>
    checkNumbers(`${prefix}${name}`, given[name], length),
  );
}
