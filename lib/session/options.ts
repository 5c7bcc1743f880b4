import { bare, checkBoolean, checkName, checkNumber, checkNumbers, ownOptions } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import type { NativeSessionOptions } from '../native/binding.ts';
import { DEFAULTS, LIMIT_NAMES, type LimitName } from '../native/contract.ts';
import type { Numbers } from '../numbers.ts';
import { checkLockstep, type LockstepOptions } from './lockstep.ts';
import { checkRealtime, type RealtimeOptions } from './realtime.ts';
import type { OnViolation } from './violation.ts';

/**
 * What happens to an action that breaks a limit of the arm, kind by kind. What an answer asks is judged by it
 * and the answers before it, over the times of their questions, whenever it comes. `'stop'` (the default of
 * each) brings the arm to rest and ends the session with an {@link InvalidActionError}; `'clamp'`
 * follows the action as far as all limits allow, and goes on. A step breaks several limits at once;
 * one that stops prevails. What is no finite number, or a pose that is no rigid transform, always
 * stops.
 *
 * The limits are the arm's own data: range and velocity from the URDF that the arm serves, where the
 * velocity falls towards the ends of the range; acceleration, jerk and torque rate from libfranka's
 * `rate_limiting.h`; torque from the data sheet. A clamped motion keeps 5 % away from acceleration
 * and jerk, and is slower where the arm lags behind it. In Cartesian modes velocity, acceleration and
 * jerk are those of the end effector's translation and rotation (libfranka's `rate_limiting.h`), and a
 * clamped motion asks no more than four fifths of their acceleration and jerk of the joints.
 */
export interface LimitOptions {
  /** Beyond a joint's range. Of torques: the measured joint, which is then braked. */
  readonly position?: OnViolation;
  /**
   * Faster than allowed at this place, or too fast to be braked before the end of the range within
   * acceleration and jerk. Of torques: the measured joint, which is then braked.
   */
  readonly velocity?: OnViolation;
  /** A velocity that changes faster than allowed: of a joint, or of the end effector. */
  readonly acceleration?: OnViolation;
  /** An acceleration that changes faster than allowed. */
  readonly jerk?: OnViolation;
  /** More torque than allowed. */
  readonly torque?: OnViolation;
  /** A torque that changes faster than allowed. */
  readonly torqueRate?: OnViolation;
  /**
   * More than the joints can do, in Cartesian modes: faster than one of them may go, or closer to the
   * end of its range or to a singular pose than it could be braked from. So is a pose out of their reach,
   * once the arm has stood still for 0.2 s on the way to it.
   */
  readonly joints?: OnViolation;
  /**
   * The end effector outside `boxM`, or too fast to be braked inside. Clamped, joint modes stop there
   * and Cartesian ones slide along the wall; a torque is a command of the policy's own, so that
   * clamping it brakes the arm at the wall and may not hold it there.
   */
  readonly box?: OnViolation;
  /** A box that the end effector stays in. Default: none. */
  readonly boxM?: CartesianBox;
  /** A joint further than `maxDistanceRad` from its command; clamped, the command waits for it. */
  readonly distance?: OnViolation;
  /**
   * How far a joint may be from its command, except in torque control [rad]. Default 0.1: an arm
   * with its usual joint stiffness gives its highest torque at a third of that. With an
   * {@link ImpedanceLaw} or `impedance: 'external'` 0.5.
   */
  readonly maxDistanceRad?: number;
}

/**
 * A box along the axes of the base frame, for the origin of the end effector frame; in joint modes
 * the forward kinematics of the commanded joints say where that is. An arm that is outside may stay
 * and may come back in.
 */
export interface CartesianBox {
  /** The lowest x, y and z [m]. */
  readonly lower: Numbers<3>;
  /** The highest x, y and z [m]. */
  readonly upper: Numbers<3>;
  /**
   * How far inside the walls commands stay [m]: the arm is a little off its command, and goes on for
   * some cycles where commands get lost. Default 0.01.
   */
  readonly marginM?: number;
}

/**
 * What a motion to a target may take of the arm's own limits, joint by joint or of the end effector: shares from
 * 0.01 to 1. With the defaults joint 1 goes 0.1 rad in 0.37 s and 1 rad in 1.16 s, and the end effector goes 0.1 m in
 * about 0.6 s.
 */
export interface TargetBudget {
  /** The share of the velocity. Default 0.5. */
  readonly velocityShare?: number;
  /** The share of the acceleration. Default 0.5. */
  readonly accelerationShare?: number;
  /** The share of the jerk. Default 0.1 for joints, 0.03 for the end effector. */
  readonly jerkShare?: number;
}

/** What happens when a policy is late for too long. */
export type OnLate = 'rest' | 'stop';

/**
 * The former name of `'rest'`.
 *
 * @deprecated Write `'rest'`: the robot does not hold its command for ever, it comes to rest.
 */
export type OnLateHold = 'hold';

const ON_LATE = ['rest', 'stop'] as const satisfies readonly OnLate[];

/** How a session runs. */
export interface SessionOptions extends LockstepOptions {
  /**
   * How often the policy is asked, a second; any number, fractions too. Default 50 for a robot
   * written in JavaScript, at most 10,000. A robot with a clock of its own (a Franka arm: 1000) gets
   * its command every cycle whatever this is; default and most is its own rate. Questions are asked
   * in the cycle nearest to their time, and what is commanded between two answers follows from
   * {@link FrankaOptions.control}.
   */
  readonly rateHz?: number;
  /** Wait between the robot's reset and the first cycle [s]. Default 0.5. */
  readonly warmupS?: number;
  /**
   * How long the policy may take, from the arrival of the robot's state [s]. Default 300e-6, and half
   * of its own period for a policy slower than the robot; then it may take up to that period. Up to
   * nine tenths of the robot's period the answer is used in the same cycle; above, from the first
   * cycle behind the deadline on, even if it is there before: a motion is smooth then however long
   * each answer takes. Only for robots with a clock of their own: a robot written in JavaScript waits
   * for its policy.
   */
  readonly deadlineS?: number;
  /**
   * Cycles of the loop in a row that the last command is held when no action comes. Default 20, or as
   * many as one period of a slower policy has.
   */
  readonly maxHeldTicks?: number;
  /**
   * What happens after that: `'rest'` (default) brings the robot to rest and goes on when actions come
   * again; `'stop'` ends the session with a {@link PolicyLateError}.
   */
  readonly onLate?: OnLate | OnLateHold;
  /**
   * How long the arm may be on its way to the policy's actions, within its limits, until a `behind` event
   * tells how far it is off, above 0 to 3600 s; with `onLate: 'stop'` the session then ends with a
   * {@link PolicyLateError}, code `POLICY_BEHIND`. Default 3. Actions that are targets do not count, nor
   * do torques. Only for arms.
   */
  readonly catchUpS?: number;
  /**
   * What happens to actions that break a limit: kind by kind, or one word for all kinds. Default
   * `'stop'`. This is the whole rule; {@link SessionOptions.limitRate} is a short form of a part of it. Only for
   * arms: of a robot written in JavaScript no limits are known.
   */
  readonly limits?: LimitOptions | OnViolation;
  /**
   * Short for `limits: { velocity: 'clamp', acceleration: 'clamp', jerk: 'clamp', torqueRate: 'clamp' }`, under
   * libfranka's name: an action that changes faster than the arm allows is slowed down instead of ending the
   * session. What {@link SessionOptions.limits} says of one of the four comes first; with `limits: 'clamp'` it changes
   * nothing, and beside `limits: 'stop'` it is refused. Default false, as in libfranka 0.21. Only for arms.
   */
  readonly limitRate?: boolean;
  /**
   * Cut-off frequency of a low-pass filter in front of the limits, above 0 to 1000 Hz (libfranka's
   * usual one is 100). Default `null`: none, because it delays what is commanded, by 1.6 ms at 100 Hz,
   * and because the limits need none. Only for arms; targets are not filtered.
   */
  readonly cutoffHz?: number | null;
  /** What motions to a target may take; only with `control: 'jointTarget'` or `'cartesianTarget'`. */
  readonly targetBudget?: TargetBudget;
  /** Percentiles come from this many of the newest cycles. Default 10,000. */
  readonly maxTimingSamples?: number;
  /** How many ticks are kept for `takeRecords()`; 0 (default) keeps none. */
  readonly recordTicks?: number;
  /** What the loop thread asks of the system; `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /**
   * How long the `reset()` of a robot written in JavaScript may take, above 0 to 3600 s; then the session
   * ends with `ROBOT_UNSETTLED`. Default 60. Not for arms, which are not reset.
   */
  readonly resetTimeoutS?: number;
  /**
   * Whether the session may begin after a signal has told the process to end, for a program that listens
   * for it and parks the robot, for instance. Default false.
   */
  readonly evenAfterSignal?: boolean;
}

/** Options that were checked, with their defaults filled in. */
export interface CheckedOptions {
  readonly warmupS: number;
  readonly evenAfterSignal: boolean;
  /** None where the robot has no reset of its own. */
  readonly resetTimeoutS: number | undefined;
  readonly native: NativeSessionOptions;
}

export const SESSION_OPTIONS: readonly (keyof SessionOptions)[] = [
  'rateHz',
  'warmupS',
  'deadlineS',
  'maxHeldTicks',
  'onLate',
  'catchUpS',
  'limits',
  'limitRate',
  'cutoffHz',
  'targetBudget',
  'maxTimingSamples',
  'recordTicks',
  'realtime',
  'resetTimeoutS',
  'evenAfterSignal',
  'lockstep',
  'latencyS',
];

/** What the options depend on of a robot with a clock of its own. */
interface OwnClock {
  readonly isInLockstep: boolean;
  readonly isLocal: boolean;
  readonly rateHz: number;
  readonly targetJerkShare: number | undefined;
  readonly maxDistanceRad: number;
}

/** Checks `options`; `own` is there for a robot with a clock of its own. */
export function checkOptions(given: SessionOptions, own: OwnClock | undefined): CheckedOptions {
  const options = ownOptions('Session()', given, SESSION_OPTIONS);
  const { rateHz = own?.rateHz ?? 50, warmupS = 0.5, onLate = 'rest' } = options;
  const { maxTimingSamples = 10_000, recordTicks = 0 } = options;
  checkNumber('rateHz', rateHz, { from: 1e-3, to: 10_000, unit: 'Hz' });
  if (own && rateHz > own.rateHz) {
    const expected = `at most ${numberText(own.rateHz)}, the rate of this robot's own clock`;
    throw new OptionRangeError('OPTION_RATE_HZ', 'rateHz', rateHz, expected, [own.rateHz]);
  }
  const isSlower = own !== undefined && rateHz < own.rateHz;
  const periodS = 1 / rateHz;
  const periodTicks = Math.round((own?.rateHz ?? rateHz) / rateHz);
  const { maxHeldTicks = Math.max(DEFAULTS.maxHeldTicks, periodTicks) } = options;
  const { deadlineS = isSlower ? 0.5 * periodS : Math.min(DEFAULTS.deadlineS, 0.3 * periodS) } =
    options;
  if (!own && options.limits !== undefined) {
    const expected = 'nothing: of a robot written in JavaScript no limits are known';
    throw new OptionTypeError('OPTION_LIMITS', 'limits', options.limits, expected);
  }
  const { limitRate = false } = options;
  checkBoolean('limitRate', limitRate);
  if (!own && limitRate) {
    const expected = 'nothing: of a robot written in JavaScript no limits are known';
    throw new OptionTypeError('OPTION_LIMIT_RATE', 'limitRate', limitRate, expected);
  }
  const { cutoffHz = null } = options;
  if (!own && cutoffHz !== null) {
    const expected = 'nothing: what a robot written in JavaScript is commanded is not filtered';
    throw new OptionTypeError('OPTION_CUTOFF_HZ', 'cutoffHz', cutoffHz, expected);
  }
  const { catchUpS = DEFAULTS.catchUpS } = options;
  if (!own && options.catchUpS !== undefined) {
    const expected = 'nothing: a robot written in JavaScript does what it is told at once';
    throw new OptionTypeError('OPTION_CATCH_UP_S', 'catchUpS', catchUpS, expected);
  }
  const { resetTimeoutS = 60 } = options;
  if (own && options.resetTimeoutS !== undefined) {
    const expected = 'nothing: an arm is not reset, it starts from where it stands';
    throw new OptionTypeError('OPTION_RESET_TIMEOUT_S', 'resetTimeoutS', resetTimeoutS, expected);
  }
  checkNumber('resetTimeoutS', resetTimeoutS, { from: 0, to: 3600, above: true, unit: 's' });
  if (own?.targetJerkShare === undefined && options.targetBudget !== undefined) {
    const expected = "nothing unless the robot's control is 'jointTarget' or 'cartesianTarget'";
    const { targetBudget } = options;
    throw new OptionTypeError('OPTION_TARGET_BUDGET', 'targetBudget', targetBudget, expected);
  }
  return {
    warmupS: checkNumber('warmupS', warmupS, { from: 0, to: 3600, unit: 's' }),
    resetTimeoutS: own ? undefined : resetTimeoutS,
    evenAfterSignal: checkBoolean('evenAfterSignal', options.evenAfterSignal ?? false),
    // The native side reads what is not there as well.
    native: bare({
      rateHz: own?.rateHz ?? rateHz,
      policyRateHz: rateHz,
      deadlineS: checkNumber('deadlineS', deadlineS, {
        from: 0,
        to: own ? (isSlower ? 1 : 0.9) * periodS : 3600,
        above: true,
        unit: 's',
      }),
      maxHeldTicks: checkNumber('maxHeldTicks', maxHeldTicks, {
        from: 0,
        to: 1_000_000,
        integer: true,
      }),
      ...checkLimits(options.limits, limitRate, own?.maxDistanceRad),
      ...(cutoffHz === null ? {} : { cutoffHz: checkNumber('cutoffHz', cutoffHz, CUT_OFF) }),
      ...checkBudget(options.targetBudget, own?.targetJerkShare),
      catchUpS: checkNumber('catchUpS', catchUpS, { from: 0, to: 3600, above: true, unit: 's' }),
      stopOnLate: checkName('onLate', onLate === 'hold' ? 'rest' : onLate, ON_LATE) === 'stop',
      maxTimingSamples: checkNumber('maxTimingSamples', maxTimingSamples, {
        from: 1,
        to: 10_000_000,
        integer: true,
      }),
      recordTicks: checkNumber('recordTicks', recordTicks, {
        from: 0,
        to: 10_000_000,
        integer: true,
      }),
      ...checkLockstep(options, own),
      ...checkRealtime(options.realtime),
    }),
  };
}

/** The cut-off frequencies that libfranka takes. */
const CUT_OFF = { from: 0, to: 1000, above: true, unit: 'Hz', orNull: true } as const;

const ON_VIOLATION = ['stop', 'clamp'] as const satisfies readonly OnViolation[];

/** The limits that are about how fast something changes. */
const RATES: readonly LimitName[] = ['velocity', 'acceleration', 'jerk', 'torqueRate'];

function checkLimits(
  limits: LimitOptions | OnViolation = {},
  limitRate: boolean,
  usualDistanceRad: number = DEFAULTS.maxDistanceRad,
): Pick<NativeSessionOptions, 'clamped' | 'maxDistanceRad' | 'boxM'> {
  if (typeof limits === 'string') {
    const all = checkName('limits', limits, ON_VIOLATION, 'an object');
    if (limitRate && all === 'stop') {
      const expected =
        "nothing beside limits: 'stop', which ends the session where it would slow down";
      throw new OptionTypeError('OPTION_LIMIT_RATE', 'limitRate', limitRate, expected);
    }
    const each = Object.fromEntries(LIMIT_NAMES.map((name) => [name, all]));
    return checkLimits(each, false, usualDistanceRad);
  }
  const known = [...LIMIT_NAMES, 'maxDistanceRad', 'boxM'];
  const own = ownOptions('limits', limits, known, "'stop'", "'clamp'");
  const { maxDistanceRad = usualDistanceRad } = own;
  const clamped = LIMIT_NAMES.filter((name) => {
    const usual = limitRate && RATES.includes(name) ? 'clamp' : 'stop';
    const { [name]: rule = usual } = own;
    return checkName(`limits.${name}`, rule, ON_VIOLATION) === 'clamp';
  });
  const range = { from: 0, to: Math.PI, above: true, unit: 'rad' };
  return {
    clamped,
    maxDistanceRad: checkNumber('limits.maxDistanceRad', maxDistanceRad, range),
    ...(own.boxM === undefined ? {} : { boxM: checkBox(own.boxM) }),
  };
}

/** Lower and upper corner and the margin, one behind the other. */
function checkBox(given: CartesianBox): number[] {
  const box = ownOptions('limits.boxM', given, ['lower', 'upper', 'marginM']);
  const lower = checkNumbers('limits.boxM.lower', box.lower, 3);
  const upper = checkNumbers('limits.boxM.upper', box.upper, 3);
  const { marginM = 0.01 } = box;
  const range = { from: 0, to: 1, unit: 'm' };
  const margin = checkNumber('limits.boxM.marginM', marginM, range);
  for (const [axis, top] of upper.entries()) {
    const least = (lower[axis] ?? 0) + 2 * margin;
    if (top <= least) {
      const expected = `more than ${numberText(least, top)} m: above lower[${axis}], with the margin on both sides`;
      const code = 'OPTION_LIMITS_BOX_M_UPPER';
      throw new OptionRangeError(code, `limits.boxM.upper[${axis}]`, top, expected, [least]);
    }
  }
  return [...lower, ...upper, margin];
}

function checkBudget(
  given: TargetBudget = {},
  usualJerkShare: number = DEFAULTS.jerkShare,
): Pick<NativeSessionOptions, 'velocityShare' | 'accelerationShare' | 'jerkShare'> {
  const known = ['velocityShare', 'accelerationShare', 'jerkShare'];
  const budget = ownOptions('targetBudget', given, known);
  const { velocityShare = DEFAULTS.velocityShare, jerkShare = usualJerkShare } = budget;
  const { accelerationShare = DEFAULTS.accelerationShare } = budget;
  const range = { from: 0.01, to: 1 };
  return {
    velocityShare: checkNumber('targetBudget.velocityShare', velocityShare, range),
    accelerationShare: checkNumber('targetBudget.accelerationShare', accelerationShare, range),
    jerkShare: checkNumber('targetBudget.jerkShare', jerkShare, range),
  };
}
