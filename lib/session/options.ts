import { bare, checkBoolean, checkName, checkNumber, checkNumbers, ownOptions } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import type { NativeChunks, NativeSessionOptions } from '../native/binding.ts';
import { DEFAULTS, LIMIT_NAMES, type LimitName, TARGET_JERK_SHARES } from '../native/contract.ts';
import type { Numbers } from '../numbers.ts';
import type { RecordingFile } from '../record/file.ts';
import { checkFoxglove, type FoxgloveOptions } from './foxglove.ts';
import { checkLockstep, type LockstepOptions } from './lockstep.ts';
import { checkRealtime, type RealtimeOptions } from './realtime.ts';
import {
  type BlackBoxOptions,
  checkRecording,
  type RecordFolder,
  type RecordTarget,
} from './recording.ts';
import type { OnViolation } from './violation.ts';

/**
 * The defaults that only this file has. `DEFAULTS` has the others, which are declared in Rust: most of them in
 * `crates/kilohertz-core/src/session/config.rs`. Those of `deadlineS` and `maxHeldTicks` also depend on the rate:
 * {@link checkOptions}. `realtime`, `record`, `foxglove` and `lockstep` have theirs in files of their own.
 */
const OWN_DEFAULTS = {
  /** Of a robot without a clock of its own. */
  rateHz: 50,
  warmupS: 0.5,
  onLate: 'rest',
  maxTimingSamples: 10_000,
  recordTicks: 0,
  resetTimeoutS: 60,
  /** Of the box `limits.boxM`. */
  marginM: 0.01,
} as const;

/**
 * What happens to an action that breaks a limit of the arm, for each kind of limit. Velocity, acceleration and jerk of
 * an answer follow from it, the answers before it, and the times of their questions; the time at which an answer comes
 * does not matter. `'stop'` (the default of each kind) brings the arm to rest and ends the session with an
 * {@link InvalidActionError}. `'clamp'` follows the action as far as all limits allow, and goes on. An action that is a
 * step may break several limits at once; if one of them is set to `'stop'`, the session stops. A number that is not
 * finite, or a pose that is not a rigid transform, always stops the session.
 *
 * The limits are the arm's own data. Range and velocity come from the URDF that the arm serves; the velocity limit
 * falls towards the ends of the range. Acceleration, jerk and torque rate come from libfranka's `rate_limiting.h`,
 * torque from the data sheet. A clamped motion stays 5 % below the limits of acceleration and jerk, and is slower if
 * the arm lags behind it. In Cartesian modes velocity, acceleration and jerk are those of the end effector's
 * translation and rotation (libfranka's `rate_limiting.h`). A clamped motion then uses at most four fifths of the
 * joints' acceleration and jerk limits.
 */
export interface LimitOptions {
  /**
   * A position beyond a joint's range. In torque control the measured position counts, and the joint is then braked.
   */
  readonly position?: OnViolation;
  /**
   * A velocity that is higher than allowed at this position, or too high to brake before the end of the range within
   * the limits of acceleration and jerk. In torque control the measured velocity counts, and the joint is then braked.
   */
  readonly velocity?: OnViolation;
  /** A velocity that changes faster than allowed: of a joint, or of the end effector. */
  readonly acceleration?: OnViolation;
  /** An acceleration that changes faster than allowed. */
  readonly jerk?: OnViolation;
  /** A torque that is higher than allowed. */
  readonly torque?: OnViolation;
  /** A torque that changes faster than allowed. */
  readonly torqueRate?: OnViolation;
  /**
   * In Cartesian modes: a motion that the joints cannot do. A joint would go faster than it may, or would come too
   * close to the end of its range or to a singular pose to be braked in time. A pose out of reach counts too, once the
   * arm has stood still for 0.2 s on the way to it.
   */
  readonly joints?: OnViolation;
  /**
   * An end effector outside `boxM`, or too fast to be braked inside it. With `'clamp'` the arm stops at the wall in
   * joint modes, and slides along the wall in Cartesian modes. In torque control the policy itself commands the
   * torques, so `'clamp'` brakes the arm at the wall, but may not hold it there.
   */
  readonly box?: OnViolation;
  /** A box that the end effector stays in. Default: none. */
  readonly boxM?: CartesianBox;
  /** A joint further than `maxDistanceRad` from its command. With `'clamp'` the command waits for the joint. */
  readonly distance?: OnViolation;
  /**
   * How far a joint may be from its command, except in torque control [rad]. Default 0.1: with the arm's default joint
   * stiffness, a third of this distance already needs the highest torque. With an {@link ImpedanceLaw} or
   * `impedance: 'external'` the default is 0.5.
   */
  readonly maxDistanceRad?: number;
}

/**
 * A box along the axes of the base frame, for the origin of the end effector frame. In joint modes this origin is
 * computed from the commanded joint positions. An arm that is outside may stay there, and may come back in.
 */
export interface CartesianBox {
  /** The lowest x, y and z [m]. */
  readonly lower: Numbers<3>;
  /** The highest x, y and z [m]. */
  readonly upper: Numbers<3>;
  /**
   * How far inside the walls the commands stay [m]. The margin is needed because the arm deviates a little from its
   * command, and moves on for some cycles if commands get lost. Default 0.01.
   */
  readonly marginM?: number;
}

/**
 * The shares of the arm's own limits that a motion to a target may use, from 0.01 to 1. They apply to each joint, or to
 * the end effector. With the defaults joint 1 moves by 0.1 rad in 0.37 s and by 1 rad in 1.16 s, and the end effector
 * moves by 0.1 m in about 0.6 s.
 */
export interface TargetBudget {
  /** The share of the velocity limit. Default 0.5. */
  readonly velocityShare?: number;
  /** The share of the acceleration limit. Default 0.5. */
  readonly accelerationShare?: number;
  /** The share of the jerk limit. Default 0.1 for joints, 0.03 for the end effector. */
  readonly jerkShare?: number;
}

/** What happens when a policy is late for too long. */
export type OnLate = 'rest' | 'stop';

/**
 * The former name of `'rest'`.
 *
 * @deprecated Write `'rest'`: the robot does not hold its command forever, it comes to rest.
 */
export type OnLateHold = 'hold';

const ON_LATE = ['rest', 'stop'] as const satisfies readonly OnLate[];

/** How a session runs. */
export interface SessionOptions extends LockstepOptions {
  /**
   * How often a second the policy is asked [Hz]; fractions are allowed. For a robot written in JavaScript the default
   * is 50, and the maximum 10,000. For a robot with a clock of its own (a Franka arm: 1000 Hz) the default and the
   * maximum are its own rate. Such a robot gets a command in every cycle, also at a lower rate. Questions are asked in
   * the cycle nearest to their time, and {@link FrankaOptions.control} says what is commanded between two answers.
   */
  readonly rateHz?: number;
  /** The wait between the robot's reset and the first cycle [s]. Default 0.5. */
  readonly warmupS?: number;
  /**
   * How long the policy may take, from the arrival of the robot's state [s]. Default 300e-6. For a policy slower than
   * the robot the default is half of the policy's period, and the maximum this period. With a deadline of up to nine
   * tenths of the robot's period the answer is used in the same cycle. With a longer deadline it is used from the first
   * cycle after the deadline on, even if it comes earlier, so that the motion is smooth however long each answer takes.
   * Only for robots with a clock of their own: a robot written in JavaScript waits for its policy.
   */
  readonly deadlineS?: number;
  /**
   * For how many cycles of the loop in a row the last command is held when no action comes. Default 20, or one
   * period of the policy if that is longer (below 50 Hz).
   */
  readonly maxHeldTicks?: number;
  /**
   * What happens after `maxHeldTicks` cycles: `'rest'` (default) brings the robot to rest, and goes on when actions
   * come again. `'stop'` ends the session with a {@link PolicyLateError}.
   */
  readonly onLate?: OnLate | OnLateHold;
  /**
   * How long the arm may need to catch up with the policy's actions within its limits [s], above 0 to 3600. After that
   * a `behind` event tells how far away the arm is. With `onLate: 'stop'` the session then ends with a
   * {@link PolicyLateError}, code `POLICY_BEHIND`. Default 3. It does not apply to actions that are targets or torques.
   * Only for arms.
   */
  readonly catchUpS?: number;
  /**
   * What happens to actions that break a limit: an object with a value for each kind, or one value for all kinds.
   * Default `'stop'`. {@link SessionOptions.limitRate} is a short form for some of the kinds. Only for arms: for a
   * robot written in JavaScript no limits are known.
   */
  readonly limits?: LimitOptions | OnViolation;
  /**
   * Short for `limits: { velocity: 'clamp', acceleration: 'clamp', jerk: 'clamp', torqueRate: 'clamp' }`, under
   * libfranka's name: an action that changes faster than the arm allows is slowed down instead of ending the session.
   * If {@link SessionOptions.limits} sets one of the four kinds, that value counts. With `limits: 'clamp'` this option
   * changes nothing, and with `limits: 'stop'` it is refused. Default false, as in libfranka 0.21. Only for arms.
   */
  readonly limitRate?: boolean;
  /**
   * The cut-off frequency of a low-pass filter before the limits [Hz], above 0 to 1000 (libfranka's default is 100).
   * Default `null`: no filter, because it delays the commands, by 1.6 ms at 100 Hz, and because the limits do not need
   * it. Only for arms. Targets are not filtered.
   */
  readonly cutoffHz?: number | null;
  /**
   * The shares of the arm's limits that motions to a target may use. Only with `control: 'jointTarget'` or
   * `'cartesianTarget'`.
   */
  readonly targetBudget?: TargetBudget;
  /** The number of newest cycles from which percentiles are computed. Default 10,000. */
  readonly maxTimingSamples?: number;
  /** How many ticks are kept for `takeRecords()`. 0 (default) keeps none. */
  readonly recordTicks?: number;
  /**
   * The file in which everything of the session is recorded, or a folder in which each start has a file of its own.
   * The file must not exist yet. Default: nothing is recorded.
   */
  readonly record?: RecordingFile | RecordFolder;
  /**
   * What is kept in memory of the newest cycles, for {@link KilohertzError.save}. `false` keeps nothing. Default: the
   * last 10 s.
   */
  readonly blackBox?: BlackBoxOptions | false;
  /**
   * Shows the session while it runs to Foxglove, Lichtblick and whatever else speaks their protocol: the channels that
   * a recording has. `true` stands for the defaults: port 8765, for programs of this host alone. Default: it is shown
   * to nobody.
   */
  readonly foxglove?: FoxgloveOptions | boolean;
  /** What the loop thread asks of the operating system. `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /**
   * How long the `reset()` of a robot written in JavaScript may take [s], above 0 to 3600. If it takes longer, the
   * session ends with `ROBOT_UNSETTLED`. Default 60. Not for arms, which are not reset.
   */
  readonly resetTimeoutS?: number;
  /**
   * Whether the session may begin after a signal has told the process to end. This is for a program that listens for
   * the signal and, for example, parks the robot then. Default false.
   */
  readonly evenAfterSignal?: boolean;
}

/** Options that were checked, with their defaults filled in. */
export interface CheckedOptions {
  readonly warmupS: number;
  readonly evenAfterSignal: boolean;
  /** Undefined if the robot has no reset of its own. */
  readonly resetTimeoutS: number | undefined;
  /** Where the session is recorded, if it is. */
  readonly record: RecordTarget | undefined;
  /** What a recording keeps of the options, as they were given. */
  readonly given: object;
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
  'record',
  'blackBox',
  'foxglove',
  'realtime',
  'resetTimeoutS',
  'evenAfterSignal',
  'lockstep',
  'latencyS',
];

/** The properties of a robot with a clock of its own on which the options depend. */
interface OwnClock {
  readonly isInLockstep: boolean;
  readonly isLocal: boolean;
  readonly rateHz: number;
  readonly targetJerkShare: number | undefined;
  readonly maxDistanceRad: number;
}

/** Checks the options. `own` is undefined for a robot without a clock of its own. */
export function checkOptions(
  given: SessionOptions,
  own: OwnClock | undefined,
  chunks?: NativeChunks,
): CheckedOptions {
  const options = ownOptions('Session()', given, SESSION_OPTIONS);
  if (chunks !== undefined) checkWithChunks(options);
  const { rateHz = own?.rateHz ?? OWN_DEFAULTS.rateHz, warmupS = OWN_DEFAULTS.warmupS } = options;
  const { onLate = OWN_DEFAULTS.onLate, recordTicks = OWN_DEFAULTS.recordTicks } = options;
  const { maxTimingSamples = OWN_DEFAULTS.maxTimingSamples } = options;
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
  const { resetTimeoutS = OWN_DEFAULTS.resetTimeoutS, evenAfterSignal = false } = options;
  if (own && options.resetTimeoutS !== undefined) {
    const expected = 'nothing: an arm is not reset, it starts from where it stands';
    throw new OptionTypeError('OPTION_RESET_TIMEOUT_S', 'resetTimeoutS', resetTimeoutS, expected);
  }
  checkNumber('resetTimeoutS', resetTimeoutS, { from: 0, to: 3600, above: true, unit: 's' });
  if (own?.targetJerkShare === undefined && options.targetBudget !== undefined) {
    const targets = Object.keys(TARGET_JERK_SHARES).map((control) => `'${control}'`);
    const expected = `nothing unless the robot's control is ${targets.join(' or ')}`;
    const { targetBudget } = options;
    throw new OptionTypeError('OPTION_TARGET_BUDGET', 'targetBudget', targetBudget, expected);
  }
  const recording = checkRecording(options.record, options.blackBox);
  const foxglove = checkFoxglove(options.foxglove);
  return {
    record: recording.target,
    given: options,
    warmupS: checkNumber('warmupS', warmupS, { from: 0, to: 3600, unit: 's' }),
    resetTimeoutS: own ? undefined : resetTimeoutS,
    evenAfterSignal: checkBoolean('evenAfterSignal', evenAfterSignal),
    // `bare`, because the native side also reads properties that are absent.
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
      ...recording.native,
      ...(foxglove === undefined ? {} : { foxglove }),
      ...(chunks === undefined ? {} : { chunks }),
      ...checkLockstep(options, own),
      ...checkRealtime(options.realtime),
    }),
  };
}

/** Refuses the options that a policy which answers in chunks has no use for. */
function checkWithChunks({ rateHz, deadlineS }: SessionOptions): void {
  if (rateHz !== undefined) {
    const expected = 'nothing beside chunked(): its option replanAt says when the policy is asked';
    throw new OptionTypeError('OPTION_RATE_HZ', 'rateHz', rateHz, expected);
  }
  if (deadlineS !== undefined) {
    const expected = 'nothing beside chunked(): a chunk takes as long as it takes';
    throw new OptionTypeError('OPTION_DEADLINE_S', 'deadlineS', deadlineS, expected);
  }
}

/** The range of cut-off frequencies that libfranka accepts. */
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

/** Returns the lower corner, the upper corner and the margin, one after the other. */
function checkBox(given: CartesianBox): number[] {
  const box = ownOptions('limits.boxM', given, ['lower', 'upper', 'marginM']);
  const lower = checkNumbers('limits.boxM.lower', box.lower, 3);
  const upper = checkNumbers('limits.boxM.upper', box.upper, 3);
  const { marginM = OWN_DEFAULTS.marginM } = box;
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
