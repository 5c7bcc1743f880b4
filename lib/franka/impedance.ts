import { bare, checkName, checkNumbers, ownOptions } from '../checks.ts';
import { codeOf, OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import type { NativeConnectOptions } from '../native/binding.ts';
import {
  DEFAULTS,
  type FrankaControl,
  type FrankaImpedance,
  IMPEDANCES,
} from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import { isCartesian } from './control.ts';

/**
 * An impedance controller with torques, computed natively in each cycle. With it the arm follows its motion softly, and
 * yields when it is pushed: `tau = J'(Kx J e + Dx J de) + Kq e + Dq de + coriolis`, where `e` is `q_d - q` and `de` is
 * `dq_d - dq`. Polymetis' `HybridJointImpedanceControl`, which DROID uses, has the same structure.
 *
 * The default stiffness for joint motions is that of libfranka's example of joint impedance control (`jointStiffness`
 * 600, 600, 600, 600, 250, 150, 50). For motions of the end effector it is that of franka-rs (`cartesianStiffness` 750,
 * 750, 750, 15, 15, 15 together with `jointStiffness` 40, 30, 50, 25, 35, 25, 10). The default damping is the one that
 * belongs to these gains, scaled with the square root of the stiffness. With the highest stiffness the simulated arm
 * still comes to rest. The joints of a real arm are elastic: they may begin to oscillate at a lower stiffness.
 */
export interface ImpedanceLaw {
  /** The stiffness of each joint, 0 to 2000 [N m/rad], 7. */
  readonly jointStiffness?: JointVector;
  /** The damping of each joint, 0 to 100 [N m s/rad], 7. */
  readonly jointDamping?: JointVector;
  /** The end effector's stiffness along the axes of the base frame, 0 to 5000 [N/m], and about them, 0 to 300 [N m/rad], 6. */
  readonly cartesianStiffness?: Numbers<6>;
  /** The end effector's damping along these axes, 0 to 300 [N s/m], and about them, 0 to 30 [N m s/rad], 6. */
  readonly cartesianDamping?: Numbers<6>;
}

/** The highest gains that are accepted. */
const MOST = {
  jointStiffness: new Array<number>(7).fill(2000),
  jointDamping: new Array<number>(7).fill(100),
  cartesianStiffness: [5000, 5000, 5000, 300, 300, 300],
  cartesianDamping: [300, 300, 300, 30, 30, 30],
} as const satisfies Readonly<Record<keyof ImpedanceLaw, readonly number[]>>;

const GAINS = Object.keys(MOST) as readonly (keyof ImpedanceLaw)[];

/** Checks the option `impedance`. Returns it in the form that the native side takes. */
export function checkImpedance(
  impedance: FrankaImpedance | ImpedanceLaw,
  control: FrankaControl,
): Pick<NativeConnectOptions, 'impedance' | 'law'> {
  if (typeof impedance !== 'object' || impedance === null) {
    return { impedance: checkName('impedance', impedance, IMPEDANCES, 'an object of gains') };
  }
  const names = IMPEDANCES.map((name) => `'${name}'`);
  const own = ownOptions('impedance', impedance, GAINS, ...names);
  if (control === 'torque') {
    const expected =
      "one of 'joint', 'cartesian', 'external' with control 'torque': there is no motion to follow";
    throw new OptionTypeError('OPTION_IMPEDANCE', 'impedance', impedance, expected);
  }
  const gains = GAINS.flatMap((name) => {
    const { [name]: given } = own;
    return given === undefined ? [] : [[name, checkGains(name, given)] as const];
  });
  return { law: bare({ cartesian: isCartesian(control), ...Object.fromEntries(gains) }) };
}

function checkGains(name: keyof ImpedanceLaw, given: ArrayLike<number>): number[] {
  const most = MOST[name];
  const gains = checkNumbers(`impedance.${name}`, given, most.length);
  const wrong = gains.findIndex((gain, slot) => gain < 0 || gain > (most[slot] ?? 0));
  if (wrong >= 0) {
    const option = `impedance.${name}`;
    const highest = most[wrong] ?? 0;
    const expected = `from 0 to ${numberText(highest)}`;
    const what = `${option}[${wrong}]`;
    throw new OptionRangeError(codeOf(option), what, gains[wrong], expected, [0, highest]);
  }
  return gains;
}

/**
 * Returns how far a joint may be from its command by default [rad]. It is more for an arm that follows softly, because
 * such an arm yields when it is pushed.
 */
export function usualDistanceRad(impedance: FrankaImpedance | ImpedanceLaw): number {
  const isStiff = impedance === 'joint' || impedance === 'cartesian';
  return isStiff ? DEFAULTS.maxDistanceRad : DEFAULTS.softDistanceRad;
}
