import { checkBoolean, checkNumber, checkNumbers, ownOptions } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import type { NativeArm } from '../native/binding.ts';
import { DIRECTIONS, FILTERS, type SettingKind } from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import { checkPose, type PoseLike } from './pose.ts';

/**
 * Thresholds for external torques and forces. Above the lower threshold the arm reports a contact: the state shows it
 * in `joint_contact` and `cartesian_contact`. Above the upper threshold the arm reports a collision and stops by a
 * reflex (`joint_reflex`, `cartesian_reflex`).
 */
export interface CollisionThresholds {
  /** Joint torques for a contact, above 0 to 100 [N m], 7. */
  readonly lowerTorquesNm: JointVector;
  /** Joint torques for a collision, up to 100 [N m], 7. Each is at least the lower threshold. */
  readonly upperTorquesNm: JointVector;
  /** Forces, then torques, for a contact, on the stiffness frame and in its axes, above 0 to 100 [N, N m], 6. */
  readonly lowerForces: Numbers<6>;
  /** Forces, then torques, for a collision, up to 100 [N, N m], 6. Each is at least the lower threshold. */
  readonly upperForces: Numbers<6>;
}

/** Collision thresholds for motions at constant velocity, and optionally others for accelerated motions. */
export interface CollisionBehavior extends CollisionThresholds {
  /**
   * The thresholds while the arm accelerates. Default: the same as at constant velocity, as in libfranka's short form.
   */
  readonly acceleration?: CollisionThresholds;
}

/** The directions that are free when the arm is guided by hand. Directions that are left out are locked. */
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
  /**
   * The mass of the load [kg], at most the arm's payload (3 kg) minus the mass of the end effector. 0 means no load.
   */
  readonly m_load: number;
  /** The centre of mass of the load in the flange frame [m], 3, at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cload?: Numbers<3>;
  /**
   * The inertia of the load about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite. No
   * principal moment is larger than the sum of the others, nor larger than that of the mass `m_load` at a distance of 1
   * m. An arm refuses a mass without inertia. Default: the inertia of a ball of this mass with a radius of 5 cm.
   */
  readonly I_load?: Numbers<9>;
}

/** How a setting is checked. */
export interface SettingOptions {
  /**
   * Whether a setting is sent although it is not plausible: a load beyond the payload, a threshold that is never
   * reached, a frame or a centre of mass more than 1 m away. Settings that are never sent to an arm are refused even
   * then: a load of more than 100 kg, a place more than 10 m away along an axis, an entry of an inertia beyond 100 kg
   * m^2. Default false.
   */
  readonly unchecked?: boolean;
}

/** Cut-off frequencies of a FER's own filters [Hz], 1 to 1000 each. At 1000 Hz the filter has no effect. */
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

/** The names of the calls that take options, by the kind of setting. */
const SETTERS: ReadonlyMap<string, string> = new Map([
  ['collisionBehavior', 'setCollisionBehavior'],
  ['load', 'setLoad'],
  ['endEffector', 'setEE'],
  ['stiffnessFrame', 'setK'],
]);

/**
 * Sends settings to an arm, on a thread that is neither the loop's nor this one. This class checks lengths and types.
 * The native side, which knows the arm's generation, checks ranges. At last the arm itself may refuse a setting.
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
    // The upper bound depends on the arm and is checked natively.
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
    const { unchecked = false } = own;
    checkBoolean('unchecked', unchecked);
    await awaiting(() => this.#arm.configure(kind, Float64Array.from(values), unchecked));
  }
}

/** Returns the inertia of a ball of this mass [kg] with a radius of 5 cm, for a load of unknown shape. */
export function ball(mass: number): number[] {
  const moment = (2 / 5) * mass * 0.05 ** 2;
  return [moment, 0, 0, 0, moment, 0, 0, 0, moment];
}

function thresholds(prefix: string, given: CollisionThresholds): number[] {
  return THRESHOLDS.flatMap(([name, length]) =>
    checkNumbers(`${prefix}${name}`, given[name], length),
  );
}
