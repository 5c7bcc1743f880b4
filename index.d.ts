// Every public declaration of kilohertz. Made from lib/ by `npm run build`; edit it there.

import { EventEmitter } from 'node:events';

type NativeErrorCode =
  | 'ACTION_LENGTH'
  | 'FRANKA_CLIENT'
  | 'FRANKA_COMMAND_ABORTED'
  | 'FRANKA_COMMAND_REJECTED'
  | 'FRANKA_COMMAND_TIMEOUT'
  | 'FRANKA_CONNECTION_LOST'
  | 'FRANKA_CONNECT_FAILED'
  | 'FRANKA_CONNECT_REFUSED'
  | 'FRANKA_CONNECT_TIMEOUT'
  | 'FRANKA_GENERATION'
  | 'FRANKA_INCOMPATIBLE_VERSION'
  | 'FRANKA_INVALID_ARGUMENT'
  | 'FRANKA_INVALID_OPERATION'
  | 'FRANKA_MODEL'
  | 'FRANKA_MOTION_ABORTED'
  | 'FRANKA_NOT_ARRIVED'
  | 'FRANKA_PROTOCOL'
  | 'FRANKA_REFLEX'
  | 'FRANKA_UNREACHABLE'
  | 'OFFLOAD_PROTOCOL'
  | 'OFFLOAD_TOO_LARGE'
  | 'ROBOT'
  | 'SESSION_INTERRUPTED'
  | 'SIM_ADDRESS'
  | 'SIM_BIND'
  | 'SIM_FAULT'
  | 'SIM_MODEL'
  | 'SIM_OPTION'
  | 'SIM_STOPPED'
  | 'SIM_SYSTEM'
  | 'SYSTEM';
/** What the actions of a session on an arm are. */
export type FrankaControl =
  | 'jointVelocity'
  | 'jointPosition'
  | 'jointTarget'
  | 'cartesianVelocity'
  | 'cartesianPose'
  | 'cartesianTarget'
  | 'torque';
/** Which arm it is: a Franka Research 3, or a Franka Emika Robot (FER), also called Panda. */
export type FrankaGeneration = 'fr3' | 'fer';
/** The library that talks to an arm. */
export type FrankaClient = 'franka-rs' | 'libfranka-rs';
/** The controller that follows what is commanded. */
export type FrankaImpedance = 'joint' | 'cartesian' | 'external';
/** A frame of the arm, as libfranka's `Frame` names it. */
export type FrankaFrame =
  | 'joint1'
  | 'joint2'
  | 'joint3'
  | 'joint4'
  | 'joint5'
  | 'joint6'
  | 'joint7'
  | 'flange'
  | 'endEffector'
  | 'stiffness';
/** What the robot is doing, as libfranka names it. */
export type RobotMode =
  | 'Other'
  | 'Idle'
  | 'Move'
  | 'Guiding'
  | 'Reflex'
  | 'UserStopped'
  | 'AutomaticErrorRecovery';
type SessionCounter =
  | 'iterations'
  | 'overruns'
  | 'missedTicks'
  | 'policyAsks'
  | 'policyAnswers'
  | 'lateActions'
  | 'heldCommands'
  | 'restCommands'
  | 'staleActions'
  | 'clampedCommands'
  | 'unusedNotFinite'
  | 'overwrittenObservations'
  | 'overwrittenActions'
  | 'droppedAnswers'
  | 'emptyAnswers'
  | 'followedCommands'
  | 'droppedRecords'
  | 'droppedEvents'
  | 'boxViolations'
  | 'positionViolations'
  | 'velocityViolations'
  | 'accelerationViolations'
  | 'jerkViolations'
  | 'torqueViolations'
  | 'torqueRateViolations'
  | 'jointsViolations'
  | 'distanceViolations';
/** Where the command of a tick came from. */
export type CommandKind = 'fresh' | 'followed' | 'held' | 'rest';
declare const OWN_ERROR_CODES: readonly [
  'ABORT_ERR',
  'ACTION_FRAME',
  'ACTION_LIMIT',
  'ACTION_NOT_FINITE',
  'ACTION_TYPE',
  'INTERNAL',
  'OFFLOAD_CRASHED',
  'OFFLOAD_ENTRY_POINT',
  'OFFLOAD_NOT_CLONEABLE',
  'OFFLOAD_NOT_FOUND',
  'OFFLOAD_NOT_STARTED',
  'OFFLOAD_PYTHON',
  'OFFLOAD_QUEUE_FULL',
  'OFFLOAD_SHAPE',
  'OFFLOAD_STOPPED',
  'OFFLOAD_TIMEOUT',
  'POLICY_BEHIND',
  'POLICY_CRASHED',
  'POLICY_DETACHED',
  'POLICY_LATE',
  'POLICY_THREW',
  'POLICY_UNSETTLED',
  'ROBOT_THREW',
  'ROBOT_UNSETTLED',
  'SESSION_RUNNING',
  'SESSION_STOPPED',
];
/** The code of a refused option: `OPTION_` and its name, as in `OPTION_RATE_HZ`. */
export type OptionErrorCode = `OPTION_${string}`;
/** The stable codes of errors, those of options aside. */
export type ErrorCode = NativeErrorCode | (typeof OWN_ERROR_CODES)[number];
/** The stable codes of all errors of this package. */
export type KilohertzErrorCode = ErrorCode | OptionErrorCode;
/**
 * The state of a Franka arm, with libfranka's field names.
 *
 * Inside a policy the arrays are views that the next cycle refreshes in place: read them during the
 * call, and keep a {@link RobotState.copy} of what is needed later. A policy that transfers their memory to
 * another thread ends its session with `POLICY_DETACHED`. Poses are 4x4 homogeneous
 * transformations in column-major order; twists and wrenches are linear, then angular. Frames are
 * libfranka's: `O` is the base, `F` the flange, `NE` the nominal end effector, `EE` the end
 * effector, `K` the stiffness frame.
 */
export declare class RobotState {
  #private;
  /** The robot's time, strictly increasing, in steps of 1 ms [s]. */
  readonly time: number;
  /** Measured joint positions [rad], 7. */
  readonly q: Float64Array;
  /** Measured joint velocities [rad/s], 7. */
  readonly dq: Float64Array;
  /** Desired joint positions [rad], 7. Start a position motion from these, not from `q`. */
  readonly q_d: Float64Array;
  /** Desired joint velocities [rad/s], 7. */
  readonly dq_d: Float64Array;
  /** Desired joint accelerations [rad/s^2], 7. */
  readonly ddq_d: Float64Array;
  /** Measured link-side joint torques [N m], 7. */
  readonly tau_J: Float64Array;
  /** Desired link-side joint torques without gravity [N m], 7. */
  readonly tau_J_d: Float64Array;
  /** Derivative of the measured joint torques [N m/s], 7. */
  readonly dtau_J: Float64Array;
  /**
   * Low-pass filtered estimate of the joint torques that the arm applies to its surroundings [N m], 7: `tau_J` minus
   * what the arm's model says of its motion. Where something turns a joint forwards, it is negative.
   */
  readonly tau_ext_hat_filtered: Float64Array;
  /** Motor positions [rad], 7. */
  readonly theta: Float64Array;
  /** Motor velocities [rad/s], 7. */
  readonly dtheta: Float64Array;
  /** Measured end-effector pose in the base frame [m], 16. */
  readonly O_T_EE: Float64Array;
  /** Last desired end-effector pose in the base frame [m], 16. */
  readonly O_T_EE_d: Float64Array;
  /** Last commanded end-effector pose in the base frame [m], 16. */
  readonly O_T_EE_c: Float64Array;
  /** Desired end-effector twist in the base frame [m/s, rad/s], 6. */
  readonly O_dP_EE_d: Float64Array;
  /** Last commanded end-effector twist in the base frame [m/s, rad/s], 6. */
  readonly O_dP_EE_c: Float64Array;
  /** Last commanded end-effector acceleration in the base frame [m/s^2, rad/s^2], 6. */
  readonly O_ddP_EE_c: Float64Array;
  /**
   * Estimated wrench that the arm applies to its surroundings at the stiffness frame, along the axes of the base frame
   * [N, N m], 6. Where something pulls the hand downwards, the force along z is positive. Zeros close to a singular pose.
   */
  readonly O_F_ext_hat_K: Float64Array;
  /** The wrench of `O_F_ext_hat_K`, with the same sign, along the axes of the stiffness frame [N, N m], 6. */
  readonly K_F_ext_hat_K: Float64Array;
  /** Acceleration of the unmoved base in the base frame, gravity included [m/s^2], 3. */
  readonly O_ddP_O: Float64Array;
  /**
   * Elbow, 2: position of joint 3 [rad], and to which side joint 4 bends: -1 below -0.467002423653011 rad, where the
   * arm is stretched, 1 above, 0 there.
   */
  readonly elbow: Float64Array;
  /** Desired elbow, 2, as `elbow`. */
  readonly elbow_d: Float64Array;
  /** Commanded elbow, 2, as `elbow`. */
  readonly elbow_c: Float64Array;
  /** Commanded elbow velocity [rad/s], 2. */
  readonly delbow_c: Float64Array;
  /** Commanded elbow acceleration [rad/s^2], 2. */
  readonly ddelbow_c: Float64Array;
  /** Contact level of each joint, 7: 1 in contact; 0 not, or no longer. */
  readonly joint_contact: Float64Array;
  /** Contact level of each Cartesian direction, in the stiffness frame, 6, as `joint_contact`. */
  readonly cartesian_contact: Float64Array;
  /** Collision level of each joint, 7: 1 since a collision; 0 before, and after `recover()`. */
  readonly joint_collision: Float64Array;
  /** Collision level of each Cartesian direction, in the stiffness frame, 6, as `joint_collision`. */
  readonly cartesian_collision: Float64Array;
  /** End effector in the flange frame [m], 16. */
  readonly F_T_EE: Float64Array;
  /** Nominal end effector in the flange frame [m], 16. */
  readonly F_T_NE: Float64Array;
  /** End effector in the nominal end-effector frame [m], 16. */
  readonly NE_T_EE: Float64Array;
  /** Stiffness frame in the end-effector frame [m], 16. */
  readonly EE_T_K: Float64Array;
  /** Mass of the end effector [kg]. */
  readonly m_ee: number;
  /** Inertia of the end effector about its centre of mass, column-major [kg m^2], 9. */
  readonly I_ee: Float64Array;
  /** Centre of mass of the end effector in the flange frame [m], 3. */
  readonly F_x_Cee: Float64Array;
  /** Mass of the load [kg]. */
  readonly m_load: number;
  /** Inertia of the load about its centre of mass, column-major [kg m^2], 9. */
  readonly I_load: Float64Array;
  /** Centre of mass of the load in the flange frame [m], 3. */
  readonly F_x_Cload: Float64Array;
  /** Mass of end effector and load [kg]. */
  readonly m_total: number;
  /** Inertia of both about their centre of mass, column-major [kg m^2], 9. */
  readonly I_total: Float64Array;
  /** Centre of mass of both in the flange frame [m], 3. */
  readonly F_x_Ctotal: Float64Array;
  /** Readings of the six upper accelerometers [m/s^2], 18. */
  readonly accelerometer_top: Float64Array;
  /** Readings of the six lower accelerometers [m/s^2], 18. */
  readonly accelerometer_bottom: Float64Array;
  /** Share of the last 100 commands that the robot received, 0 to 1. */
  readonly control_command_success_rate: number;
  /** A state that views `slots`, laid out as the sessions on an arm lay it out. */
  constructor(slots: Float64Array);
  /** What the robot is doing. */
  get robot_mode(): RobotMode;
  /** Names of the errors that are present, as in `joint_velocity_violation`. */
  get current_errors(): readonly string[];
  /** Names of the errors that ended the last motion. */
  get last_motion_errors(): readonly string[];
  /** A copy that later cycles leave alone. */
  copy(): RobotState;
  /** The state as a plain object with ordinary arrays, for `JSON.stringify`. */
  toJSON(): Record<string, number | string | readonly (number | string)[]>;
}
/** Any error of this package: one of its classes, which all have a code. */
export type AnyKilohertzError = KilohertzError | OptionRangeError | OptionTypeError;
/**
 * Whether something is an error of this package: a {@link KilohertzError}, an {@link OptionRangeError} or an
 * {@link OptionTypeError}. Unlike `instanceof` it knows those of another copy of this package, and those of another
 * realm, as the tests of Jest and Vitest have them.
 *
 * @example
 * if (isKilohertzError(error)) console.error(error.code);
 */
export declare function isKilohertzError(value: unknown): value is AnyKilohertzError;
/**
 * The base of all errors of this package that are neither a wrong value nor a wrong type;
 * {@link isKilohertzError} knows all. The message ends with the place in the documentation that says what to do next, as `(docs/errors.md#policy_threw)`.
 */
export declare class KilohertzError extends Error {
  /** A stable name of what went wrong, as in `POLICY_THREW`. */
  readonly code: ErrorCode;
  /** @param message what went wrong; an empty one is replaced, because an error has to say something */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions);
}
/** A value is outside of what is possible. Thrown before anything moves. */
export declare class OptionRangeError extends RangeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(
    code: OptionErrorCode,
    option: string,
    received: unknown,
    expected: string,
    limits?: readonly number[],
  );
}
/** A value is of the wrong type, or an option has an unknown name. Thrown before anything moves. */
export declare class OptionTypeError extends TypeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(code: OptionErrorCode, option: string, received: unknown, expected: string);
}
/** A session was asked for something that it cannot do in its present state. */
export declare class SessionStateError extends KilohertzError {}
/**
 * Work that was handed to another thread or process did not come back; `cause`, where there is one,
 * is the original error. What the work itself throws is no `OffloadError`: it arrives as it was
 * thrown. Codes:
 *
 * - `OFFLOAD_NOT_FOUND`: the module has no such function under that name
 * - `OFFLOAD_ENTRY_POINT`: the module is the program itself, which would run again over there
 * - `OFFLOAD_NOT_CLONEABLE`: an argument or a result cannot be copied to the other side
 * - `OFFLOAD_TIMEOUT`: no answer within `timeoutS`
 * - `OFFLOAD_CRASHED`: the other side ended, or ran out of memory, before it answered
 * - `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`: it is not there yet, or was stopped
 * - `OFFLOAD_QUEUE_FULL`: too many calls wait for their answer
 * - `OFFLOAD_SHAPE`: an array's shape has another number of elements than the array
 * - `OFFLOAD_PYTHON`: there is no Python interpreter, or it is too old
 * - `OFFLOAD_PROTOCOL`: what the other side sent cannot be read; it was closed
 * - `OFFLOAD_TOO_LARGE`: an answer had more bytes than `maxAnswerBytes`; the process was ended
 *
 * A call whose `signal` aborts rejects with an {@link AbortError} instead.
 */
export declare class OffloadError extends KilohertzError {}
/** One of the last states before an error, oldest first. */
export interface PastState {
  /** The cycle. */
  readonly tick: number;
  /** From the start of the first cycle [s]. */
  readonly timeS: number;
  /** The state, a copy. */
  readonly state: RobotState;
}
/** What the error that ended a session knows beside its message. */
export interface SessionErrorDetails {
  /** The cycle in which the session began to end; absent where there was none. */
  readonly tick?: number | undefined;
  /** The last states; empty for robots written in JavaScript. */
  readonly lastStates?: readonly PastState[];
  /** The original error. */
  readonly cause?: unknown;
}
/**
 * A session ended with an error that is not the robot's, which is a {@link RobotError}. The robot was stopped before
 * this was thrown.
 */
export declare class SessionError extends KilohertzError {
  /** The cycle in which the session began to end. */
  readonly tick: number | undefined;
  /**
   * The states that led to the error, oldest first, 50 at most; empty for robots written in
   * JavaScript. Not enumerable.
   */
  readonly lastStates: readonly PastState[];
  constructor(code: ErrorCode, message: string, details?: SessionErrorDetails);
}
/**
 * The policy threw or rejected; `cause` is what it threw. Code `POLICY_THREW`. Of an arm also
 * `POLICY_DETACHED`, where the policy moved the memory of its state to another thread, and
 * `POLICY_CRASHED`, where its worker or process ended or did what it may not. Of a robot
 * written in JavaScript also `POLICY_UNSETTLED`: what the policy promised had not settled 2 s after the end of a
 * run that has a duration.
 */
export declare class PolicyError extends SessionError {}
/**
 * The policy answered something that the robot may not be commanded: not a number, the wrong
 * length, no rigid transform, or beyond a limit; or nothing but `undefined` in its first second. Codes
 * `ACTION_NOT_FINITE`, `ACTION_LENGTH`, `ACTION_TYPE`, `ACTION_FRAME` and `ACTION_LIMIT`.
 */
export declare class InvalidActionError extends SessionError {
  /** What was received: the value of the slot, or the whole answer. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(
    code: ErrorCode,
    message: string,
    received: unknown,
    expected: string,
    details?: SessionErrorDetails,
  );
}
/**
 * The policy did not answer for too long, or had nothing new, and `onLate` is `'stop'`: code `POLICY_LATE`.
 * Or the arm could not catch up with its actions within `catchUpS`: code `POLICY_BEHIND`.
 */
export declare class PolicyLateError extends SessionError {}
/** Where a move has ended that did not arrive. */
export interface NotArrived {
  /** Measured joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Where the joints were to be [rad], 7. */
  readonly goal: readonly number[];
  /** The joint that is furthest from its goal, 1 to 7. */
  readonly joint: number;
  /** How far it is away [rad]. */
  readonly differenceRad: number;
}
/**
 * The robot failed, ended the motion of a session, or refused something that no session is needed for, as connecting
 * or setting it up: so it is no {@link SessionError}. The code is the robot's: `FRANKA_REFLEX`,
 * `FRANKA_CONNECTION_LOST` and others, or `ROBOT_THREW` where a robot written in JavaScript threw, or
 * `ROBOT_UNSETTLED` where a call to it did not settle.
 */
export declare class RobotError extends KilohertzError {
  /** The cycle in which a session began to end; undefined where there was none. */
  readonly tick: number | undefined;
  /**
   * The states that led to the end of a session, oldest first, 50 at most; empty without one, and for robots written in
   * JavaScript. Not enumerable.
   */
  readonly lastStates: readonly PastState[];
  /** The robot's own names of what is wrong, as in `joint_velocity_violation`. */
  readonly errors: readonly string[];
  /** How the robot says that its motion ended, as in `ReflexAborted`. */
  readonly moveStatus: string | undefined;
  /** Where the arm is, of `FRANKA_NOT_ARRIVED`. */
  readonly notArrived: NotArrived | undefined;
  constructor(
    code: ErrorCode,
    message: string,
    details?: SessionErrorDetails & {
      readonly errors?: readonly string[] | undefined;
      readonly moveStatus?: string | undefined;
      readonly notArrived?: NotArrived | undefined;
    },
  );
}
/**
 * A signal ended the session, the move or the hand's command, or kept it from beginning: code
 * `SESSION_INTERRUPTED`. Whatever moved was brought to rest.
 */
export declare class SessionInterruptedError extends SessionError {
  /** The signal, as `SIGTERM`. */
  readonly signal: string;
  constructor(signal: string, message: string, details?: SessionErrorDetails);
}
/**
 * An `AbortSignal` ended a call; its reason is the `cause`. Code `ABORT_ERR`, and name `AbortError`, as Node's own calls
 * have them. Whatever moved was brought to rest before.
 */
export declare class AbortError extends KilohertzError {
  /** @param what what was ended, as `the move` */
  constructor(what: string, reason: unknown);
}
declare enum Length {
  three = 3,
  four = 4,
  six = 6,
  seven = 7,
  nine = 9,
  thirteen = 13,
  fourteen = 14,
  sixteen = 16,
  seventeen = 17,
  twentyThree = 23,
  twentyFour = 24,
}
type Tuple<N extends number, Items extends readonly number[] = []> = Items['length'] extends N
  ? readonly [...Items]
  : Tuple<N, [...Items, number]>;
/**
 * So many numbers, in an array or a typed array. A list whose length the compiler knows, as `[0, 0, 0]`, has to have
 * that length to compile; the length of every other list is checked when it is handed over.
 */
export type Numbers<N extends 3 | 4 | 6 | 7 | 9 | 13 | 14 | 16 | 17 | 23 | 24> =
  | Tuple<N>
  | (ArrayLike<number> & {
      readonly length: Extract<Length, N>;
    });
/** Seven numbers, one a joint, in an array or a typed array. */
export type JointVector = Numbers<7>;
/**
 * An impedance law on torques, computed natively in each cycle, for an arm that follows its motion softly
 * and gives way where it is pushed:
 * `tau = J'(Kx J e + Dx J de) + Kq e + Dq de + coriolis`, where `e` is `q_d - q` and `de` is `dq_d - dq`;
 * the structure of polymetis' `HybridJointImpedanceControl`, which DROID uses.
 *
 * Without stiffness, motions of joints have the gains of libfranka's example of joint impedance control
 * (`jointStiffness` 600, 600, 600, 600, 250, 150, 50), motions of the end effector franka-rs's
 * (`cartesianStiffness` 750, 750, 750, 15, 15, 15 beside `jointStiffness` 40, 30, 50, 25, 35, 25, 10). Without damping
 * it is that of these gains, changed with the root of the stiffness. With the highest stiffness the simulated
 * arm comes to rest; the elastic joints of a real one hum sooner.
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
/** A pose as a place and an orientation. */
export interface Pose {
  /** The place [m]: x, y, z. */
  readonly xyz: Numbers<3>;
  /**
   * The orientation as a quaternion: x, y, z, w, the order of ROS and scipy. Its length is 1 within 1e-3, and is made
   * exactly 1; both signs are the same orientation.
   */
  readonly quat: Numbers<4>;
}
/** A pose: a place and an orientation, or 16 numbers, the 4x4 matrix column by column [m], as `state.O_T_EE`. */
export type PoseLike = Pose | Numbers<16>;
/**
 * Returns the place and the orientation of a pose, for a policy that computes with quaternions. The quaternion is x, y,
 * z, w, of length 1, with w from 0 on.
 *
 * @example
 * const { xyz, quat } = poseOf(state.O_T_EE);
 * @throws {OptionTypeError | OptionRangeError} `OPTION_POSE` where it is no pose
 */
export declare function poseOf(pose: PoseLike): {
  xyz: number[];
  quat: number[];
};
/** What follows a motion that is commanded. */
export type AnyImpedance = FrankaImpedance | ImpedanceLaw;
/**
 * The action that a policy of an arm returns: seven numbers, one a joint; six of a velocity of the end effector; a pose
 * as sixteen numbers or as `{ xyz, quat }`. With {@link FrankaOptions.elbow} there is one of the elbow behind them, or
 * as `elbow` in a pose, and with `impedance: 'external'` there are then seven torques, or as `tau_J` in a pose.
 */
export type FrankaAction<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> = Control extends 'torque'
  ? JointVector
  : Impedance extends 'external'
    ? WithTorques<Control, Elbow>
    : Motion<Control, Elbow>;
type Motion<
  Control extends FrankaControl,
  Elbow extends boolean,
> = Control extends 'cartesianVelocity'
  ? Elbow extends true
    ? Numbers<7>
    : Numbers<6>
  : Control extends 'cartesianPose' | 'cartesianTarget'
    ? Elbow extends true
      ? Numbers<17> | (Pose & WithElbow)
      : Numbers<16> | (Pose & WithoutElbow)
    : JointVector;
type WithTorques<
  Control extends FrankaControl,
  Elbow extends boolean,
> = Control extends 'cartesianVelocity'
  ? Elbow extends true
    ? Numbers<14>
    : Numbers<13>
  : Control extends 'cartesianPose' | 'cartesianTarget'
    ? Elbow extends true
      ? Numbers<24> | (Pose & WithElbow & WithTorque)
      : Numbers<23> | (Pose & WithoutElbow & WithTorque)
    : Numbers<14>;
interface WithElbow {
  /** Where joint 3 is to be [rad]. */
  readonly elbow: number;
}
interface WithoutElbow {
  readonly elbow?: undefined;
}
interface WithTorque {
  /** The torques behind the motion [N m]. */
  readonly tau_J: JointVector;
}
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
/** What a policy is told beside the observation. */
export interface Tick {
  /** Number of the loop's cycle, from 0; a policy slower than its robot sees some of them. */
  readonly tick: number;
  /**
   * From the first question that the policy took to this one on the robot's clock [s]: a whole number of the
   * policy's periods. A motion computed from it begins where the robot stands, however long the policy took to
   * be there, and is smooth however late the host hears of a tick.
   */
  readonly timeS: number;
  /** From the previous question to this one on the robot's clock [s]; 0 in the first that the policy took. */
  readonly periodS: number;
}
/**
 * A robot written in JavaScript. Each method may return a promise. It has no clock of its own: the
 * session's loop thread wakes it once a cycle, to observe, decide and act.
 */
export interface Robot<Observation, Action> {
  /** Returns what the policy decides on. */
  observe(): Observation | Promise<Observation>;
  /** Carries out an action. Never called with a number that is NaN or infinite. */
  act(action: Action): void | Promise<void>;
  /** Brings the robot to where a session starts. */
  reset(): void | Promise<void>;
  /** Stops the robot; called at every end of a session, before anybody learns of the end. */
  stop?(): void | Promise<void>;
}
/**
 * A policy: decides on an action, or promises one.
 *
 * A policy of an arm may answer `undefined`, in Python `None`, where it has nothing new to say. The session then
 * goes on as if no answer had come in time: the arm holds its motion for `maxHeldTicks` and is brought to
 * rest, or the session ends where `onLate` says so. A policy behind a slow model answers each new result
 * once, and `undefined` until the next: if it answered the last action again, the arm would go on with it
 * after the model has died. Nothing but `undefined` in the first second is an {@link InvalidActionError}
 * with code `ACTION_TYPE`; so a model is loaded and warmed up before its session starts.
 */
export type Policy<Observation, Action> = (
  observation: Observation,
  tick: Tick,
) => Action | Promise<Action>;
/** A robot with a clock of its own, driven natively, as a `Franka` is. */
export interface NativeRobot<Observation, Action> {
  /** How sessions drive the robot; for this package alone. */
  readonly nativeLink: NativeLink<Observation, Action>;
}
/** What ties a native robot to the sessions that drive it. */
export interface NativeLink<Observation, Action> {
  /** The rate of the robot's clock [Hz]. */
  readonly rateHz: number;
  /** Never set; it tells the compiler what the robot observes and what its policy may answer. */
  readonly types?: (observation: Observation) => Action;
}
/** What a {@link SessionStats} holds, as a plain object. */
export type SessionStatsDict = {
  readonly [Name in keyof SessionStats as SessionStats[Name] extends number ? Name : never]: number;
} & Pick<SessionStats, 'firstViolation'>;
type Counted = Readonly<Record<SessionCounter, number>>;
/**
 * What a session had done at one moment: an immutable value. Times are seconds.
 *
 * A *period* is the time from the start of one cycle to the start of the next, *jitter* is how far
 * a period is from the target, *execution* is the time from the start of a cycle until its action
 * was handed to the robot. The first cycle has no period. Percentiles are those of the newest
 * `maxTimingSamples` cycles; maxima, and everything counted, are those of the whole run.
 */
export declare class SessionStats implements Counted {
  /** Cycles of the loop finished. */
  readonly iterations: number;
  /** Cycles of the loop whose execution took longer than the target period. A late start alone is none. */
  readonly overruns: number;
  /** Deadlines, or states of the robot, that passed before the cycle before them had finished. */
  readonly missedTicks: number;
  /** Times that the policy was asked: in every cycle, or at its own rate where that is lower. */
  readonly policyAsks: number;
  /** Answers of the policy that came, late and empty ones included. */
  readonly policyAnswers: number;
  /** Answers of the policy that were `undefined`, in Python `None`: it had nothing new. */
  readonly emptyAnswers: number;
  /** Answers a second of the robot's time. */
  readonly policyRateHz: number;
  /** Questions that the policy had not answered in time, neither with an action nor with nothing new. */
  readonly lateActions: number;
  /** Cycles in which the robot was kept moving as last commanded because no action had come. */
  readonly heldCommands: number;
  /** Cycles in which the robot was brought, or kept, at rest. */
  readonly restCommands: number;
  /** Late actions that were too old to be used. */
  readonly staleActions: number;
  /**
   * Cycles in which the robot was on its way to the action within the limits: after a late answer, a rest,
   * a lost command or a clamped action, until it had caught up.
   */
  readonly followedCommands: number;
  /** Cycles from an action that was clamped until the robot had caught up with the policy. */
  readonly clampedCommands: number;
  /** Values in the arm's states that were not finite, of those that neither loop nor limits read. */
  readonly unusedNotFinite: number;
  /**
   * Answers beyond a joint's range; where torques move the arm, cycles in which a joint was beyond it. Each
   * kind of violation counts once a cycle.
   */
  readonly positionViolations: number;
  /** Answers that asked for too much speed; and cycles too fast for this place, or for being braked in time. */
  readonly velocityViolations: number;
  /** Answers that, with those before them, asked for too much acceleration. */
  readonly accelerationViolations: number;
  /** Answers that, with those before them, asked for too much jerk. */
  readonly jerkViolations: number;
  /** Answers with too high a torque. */
  readonly torqueViolations: number;
  /** Answers that, with the one before, asked for too high a torque rate. */
  readonly torqueRateViolations: number;
  /** Cycles whose action, in a Cartesian mode, asked more of the joints than they can do. */
  readonly jointsViolations: number;
  /** Cycles whose action would have led the end effector out of its box. */
  readonly boxViolations: number;
  /** Cycles in which the arm was too far behind its command. */
  readonly distanceViolations: number;
  /** The first action that broke a limit, in words; `null` where none has. */
  readonly firstViolation: string | null;
  /** Observations that a newer one replaced before the policy took them. */
  readonly overwrittenObservations: number;
  /** Actions that came together with a newer one, which was used instead; they were checked all the same. */
  readonly overwrittenActions: number;
  /** Answers that found no room on their way to the loop: neither used nor checked. */
  readonly droppedAnswers: number;
  /** Tick records that found no room. */
  readonly droppedRecords: number;
  /** Events that found no room. */
  readonly droppedEvents: number;
  /** The period that the loop aims for: for an arm its own, whatever the rate of the policy. */
  readonly targetPeriodS: number;
  /** The mean period. */
  readonly avgPeriodS: number;
  /** The longest period. */
  readonly longestPeriodS: number;
  /** Half of the cycles have no more jitter than this. */
  readonly p50JitterS: number;
  /** 95 % of the cycles have no more jitter than this. */
  readonly p95JitterS: number;
  /** 99 % of the cycles have no more jitter than this. */
  readonly p99JitterS: number;
  /** The largest jitter. */
  readonly maxJitterS: number;
  /** Half of the cycles took no longer than this. */
  readonly p50ExecutionS: number;
  /** 95 % of the cycles took no longer than this. */
  readonly p95ExecutionS: number;
  /** 99 % of the cycles took no longer than this. */
  readonly p99ExecutionS: number;
  /** The longest execution. */
  readonly maxExecutionS: number;
  constructor(values: SessionStatsDict);
  /** The same as a plain object, under the name that Python programs use; {@link SessionStats.toJSON} is the same. */
  toDict(): SessionStatsDict;
  /** What `JSON.stringify` writes: the same as {@link SessionStats.toDict}. */
  toJSON(): SessionStatsDict;
}
/**
 * What the model depends on, with libfranka's names; a {@link RobotState} is one. What is left out is that of
 * an arm at rest on level ground, with nothing on its flange.
 */
export interface FrankaPosture {
  /** Joint positions [rad], 7. */
  readonly q: JointVector;
  /** Joint velocities [rad/s], 7. */
  readonly dq?: JointVector;
  /** End effector in the flange frame [m]. */
  readonly F_T_EE?: PoseLike;
  /** Stiffness frame in the end effector's [m]. */
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
/**
 * The kinematics and dynamics of a Franka arm, computed here: nothing is fetched from the arm, and none has to
 * be there. The FR3's is that of its URDF, the FER's is fitted to what that arm serves.
 *
 * Each method takes where the arm is: its joint positions [rad], a {@link FrankaPosture}, or a `RobotState`,
 * whose end effector and load then count too. Matrices are column-major. With `into`, an array of the right
 * length, and without frames as `{ xyz, quat }`, nothing is allocated: that is for use inside a policy. `robot.model` is the connected arm's; in a
 * worker make one with `new FrankaModel('fr3')`.
 *
 * @example
 * const model = new FrankaModel('fr3');
 * const pose = model.pose('endEffector', [0, -0.785, 0, -2.356, 0, 1.571, 0.785]);
 * console.log(pose.slice(12, 15)); // where the flange is, as nothing is on it [m]
 */
export declare class FrankaModel {
  #private;
  /** Which arm it is. */
  readonly generation: FrankaGeneration;
  /** @throws {OptionRangeError} {@link OptionTypeError} `OPTION_GENERATION` */
  constructor(generation: FrankaGeneration);
  /**
   * Pose of a frame in the base frame: 4x4.
   *
   * @throws {OptionTypeError | OptionRangeError} as all methods, where an argument is not as it must be
   */
  pose(frame: FrankaFrame, at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Jacobian of a frame in that frame: 6x7, linear velocity above angular. */
  bodyJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array;
  /** Jacobian of a frame in the axes of the base frame: 6x7, linear velocity above angular. */
  zeroJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array;
  /** Mass matrix [kg m2]: 7x7. */
  mass(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Coriolis and centrifugal torques [N m], 7: zero without `dq`. */
  coriolis(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Gravity torques [N m], 7. The arm adds them itself to a commanded torque. */
  gravity(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
}
/** What the loop thread asks of the operating system. */
export interface RealtimeOptions {
  /** `SCHED_FIFO` priority, 1 to 99; `null` stays with the ordinary scheduler. Default 80. */
  readonly priority?: number | null;
  /** The CPU to stay on; `null` lets the scheduler choose. Default `null`. */
  readonly cpu?: number | null;
  /** Whether the loop's code and stack are kept from being paged out. Default true. */
  readonly lockMemory?: boolean;
  /** How late the kernel may wake the thread to save power [s]; `null` leaves it. Default 1e-9. */
  readonly timerSlackS?: number | null;
  /**
   * How the cores of the loop and of its policy are kept awake while the session runs: a core that has gone
   * idle takes 20 to 60 us to wake. `'idleStates'` holds idle states off (`/dev/cpu_dma_latency`, which
   * takes a permission), `'threads'` keeps the cores busy with threads of the class `SCHED_IDLE`, which every
   * other thread preempts. `'auto'` (the default) does what helps on this machine, nothing where it runs on
   * battery. `false` does nothing. Each costs power; {@link Realtime.keepAwake} tells what is done and why.
   */
  readonly keepAwake?: 'auto' | 'threads' | 'idleStates' | false;
  /** How many cores threads may keep busy, 0 to 64. Default 2; with `'auto'` never every CPU of the process. */
  readonly keepAwakeCores?: number;
  /**
   * The longest wake from an idle state that is acceptable, 0 to 1,000,000 us. 0 (the default) means no idle
   * state at all. `null` leaves the system's idle states alone.
   */
  readonly idleLatencyUs?: number | null;
}
/** What became of one thing that the loop thread asked of the system. */
export interface Grant<T> {
  /** What was asked; undefined where nothing was. */
  readonly asked: T | undefined;
  /** Whether the system granted it. */
  readonly granted: boolean;
  /** Why not, and what to do; undefined where it was granted, or not asked. */
  readonly reason: string | undefined;
}
/** The priority of a policy's thread. */
export interface PolicyGrant extends Grant<number> {
  /** How often it was taken back because the policy had not answered for `maxHeldTicks` cycles. */
  readonly takenBack: number;
}
/** What the loop thread asked of the operating system, and what it got. */
export interface Realtime {
  /** `SCHED_FIFO` priority. */
  readonly priority: Grant<number>;
  /** The CPU to stay on. */
  readonly cpu: Grant<number>;
  /** The loop's code and stack kept from being paged out. */
  readonly lockMemory: Grant<boolean>;
  /** How late the kernel may wake the thread to save power [s]. */
  readonly timerSlackS: Grant<number>;
  /** The longest wake from an idle state [us]; granted where deeper idle states are held off. */
  readonly idleLatencyUs: Grant<number>;
  /** How cores are kept awake. */
  readonly keepAwake: AwakeCores;
  /**
   * `SCHED_FIFO` priority of the policy's thread, in a worker or a process. Nothing is asked for policies on
   * the main thread.
   */
  readonly policyPriority: PolicyGrant;
  /** Whether the kernel is a `PREEMPT_RT` one, which bounds how late it may wake a thread. */
  readonly preemptRt: boolean;
}
/** How the cores of the loop and of its policy are kept awake. */
export interface AwakeCores {
  /** What was asked. */
  readonly asked: 'auto' | 'threads' | 'idleStates' | false;
  /** How many threads keep a core busy. */
  readonly threads: number;
  /** Why it is so. */
  readonly reason: string;
  /**
   * How long a wake took before the session began, with idle states held off where they are, the median of
   * nine [us]; undefined where it was not measured.
   */
  readonly wakeUs: number | undefined;
}
/** How far a move has come. */
export interface MoveProgress {
  /** For how long the arm has moved, on its own clock [s]. */
  readonly elapsedS: number;
  /** How long the whole move takes [s]. */
  readonly durationS: number;
  /** `elapsedS` as a share of `durationS`, 0 to 1. */
  readonly share: number;
}
/** How an arm is moved home. */
export interface HomeOptions {
  /**
   * The share of the arm's own velocities and accelerations that the move may use, 0.01 to 1; of its
   * jerk a tenth of that. Default 0.2: a joint of an FR3 turns at 0.5 rad/s at most. 1 is 95 % of what
   * the arm can do.
   */
  readonly speed?: number;
  /**
   * How far each measured joint may be from the goal for the arm to be there, above 0 to 0.08 [rad]. Default 0.01.
   */
  readonly toleranceRad?: number;
  /** How long the arm may take to stand there once the commanded motion is over, 0 to 60 [s]. Default 1. */
  readonly settleS?: number;
  /** Stops the arm within its limits when it aborts; the move then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** What the loop thread asks of the system, as a session's; `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /** Whether the move may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
  /** Called twenty times a second with how far the move has come, and at its end. */
  readonly onProgress?: (progress: MoveProgress) => void;
}
/** How an arm is moved to a place. */
export interface MoveOptions extends HomeOptions {
  /**
   * Whether the goal counts from where the arm stands when the move is planned. Joint positions are then added to the
   * desired ones (`q_d`), and a pose is one in the frame of the end effector, along its axes: `{ xyz: [0, 0, 0.05],
   * quat: [0, 0, 0, 1] }` is 5 cm forwards from the hand, downwards where the hand points down. Default false.
   */
  readonly relative?: boolean;
}
/** How an arm's states are read, for `robot.states`. */
export interface StatesOptions {
  /** How often [Hz], above 0 to 1000. Default 50. */
  readonly rateHz?: number;
  /** Ends the iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}
/**
 * The states of an arm at a rate, for `for await`; idle, in sessions, and from one to the other.
 *
 * Each state is a copy, the newest at the time of its step, and newer than the one before. A consumer that takes
 * longer than a period misses the states that were due meanwhile; {@link RobotStates.skipped} counts them.
 * Nothing happens between two steps of the iteration. A step that waits keeps the process alive, until the arm is
 * closed. Reading an idle arm takes two of its milliseconds, so above some 300 Hz a few are skipped.
 *
 * The iteration ends when the arm is closed, and throws where the signal aborts or the arm is lost.
 */
export interface RobotStates extends AsyncIterableIterator<RobotState>, AsyncDisposable {
  /** States that were due and not asked for in time. */
  readonly skipped: number;
  /** The next state, when it is due. One at a time: a second call waits for the first. */
  next(): Promise<IteratorResult<RobotState, void>>;
  /** Ends the iteration, as leaving `for await` does; a step that waits ends too. */
  return(): Promise<IteratorResult<RobotState, void>>;
  [Symbol.asyncIterator](): this;
}
/** How to connect to an arm. */
export interface FrankaOptions<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> {
  /**
   * What a policy's actions are. In each mode the late rule does what suits it, and so does what is
   * commanded between the answers of a policy slower than the arm ({@link SessionOptions.rateHz}):
   *
   * | control | action | between answers | held | rest |
   * | --- | --- | --- | --- | --- |
   * | `jointVelocity` (default) | `dq` [rad/s] | a line | the velocity is kept | braked to zero |
   * | `jointPosition` | `q` [rad], from `q_d` on | a spline | the velocity is kept | braked to zero |
   * | `jointTarget` | `q` [rad], in steps of any size | one bounded motion | it goes on | braked to zero |
   * | `cartesianVelocity` | `O_dP_EE` [m/s, rad/s] | a line | the velocity is kept | braked to zero |
   * | `cartesianPose` | `O_T_EE` [m], from `O_T_EE_c` on | a spline, turning the shorter way | the velocity is kept | braked to zero |
   * | `cartesianTarget` | `O_T_EE` [m], in steps of any size | one bounded motion | it goes on | braked to zero |
   * | `torque` | `tau_J` [N m] without gravity | approached at the limited rate | the torque is kept | damped, then held in place |
   *
   * `O_dP_EE` is six numbers, the velocity of the end effector along the axes of the base frame and
   * about them; `O_T_EE` is the pose of the end effector in the base frame, as `{ xyz, quat }` (a {@link Pose}) or as
   * sixteen numbers: a 4x4 matrix, column by column, as in `state.O_T_EE`. A matrix that is no pose ends the session:
   * its columns and rows are of length 1 within 1e-5 and its last row is 0, 0, 0, 1, as libfranka demands, its columns
   * are at right angles within 2e-5, and it does not mirror. Where the elbow goes is the arm's choice, unless {@link FrankaOptions.elbow} says otherwise.
   */
  readonly control?: Control;
  /**
   * Whether Cartesian sessions command the elbow too, in the slot behind the end effector: where joint 3
   * is to be (`elbow`, from `state.elbow_c[0]` on) [rad], or how fast it turns where the end effector's
   * velocity is commanded (`delbow`) [rad/s]. To which side joint 4 bends stays as it is. Its limits are
   * libfranka's (`kMaxElbowVelocity` and those beside it). Default false.
   */
  readonly elbow?: Elbow;
  /**
   * The controller that follows a motion, whichever mode commands it: the arm's own spring and damper
   * at each `'joint'` (the default, as in libfranka) or at the end effector (`'cartesian'`). Torques
   * need none.
   *
   * With `'external'` no controller of the arm follows: an action has seven torques `tau_J` [N m] behind its
   * motion, as in `[...q, ...tau_J]`, and they alone move the arm. The motion is what the state reports as
   * desired (`q_d`, `dq_d`, `O_T_EE_d`), bounded by its mode's limits, for the torques to follow; each
   * part keeps its limits, is held and is brought to rest as in its own mode.
   *
   * An {@link ImpedanceLaw} (`{}` for its usual gains) is this package's own controller: torques too,
   * computed in the loop in each cycle, however late the policy is. Motions that torques follow stay further from the ends of
   * the joints' ranges.
   *
   * With the last two, `moveTo` and `home` are followed by the controller of `'joint'`: the arm is as stiff then as
   * `setJointImpedance` has it.
   */
  readonly impedance?: Impedance;
  /** Which arm must answer. Default: either; it is found out. */
  readonly generation?: FrankaGeneration;
  /**
   * The library that talks to the arm. Default `franka-rs`, which serves both generations;
   * `libfranka-rs` serves a FER, on port 1337, on Linux. docs/clients.md compares them.
   */
  readonly client?: FrankaClient;
  /** How long connecting may take [s]. Default 5. */
  readonly timeoutS?: number;
}
/**
 * A Franka arm over FCI: an FR3 (version 10) or a FER, also called Panda (version 5). The arm is the
 * clock of the sessions that drive it: it sends a state every millisecond and is sent a command for
 * each.
 *
 * Its type knows what a policy's actions are: `Franka.connect(address, { control: 'cartesianPose' })` gives a
 * `Franka<'cartesianPose'>`, for which a policy that returns three numbers does not compile. A `Franka` alone may have
 * any control.
 */
export declare class Franka<
  Control extends FrankaControl = FrankaControl,
  Action = FrankaAction<Control>,
> implements NativeRobot<RobotState, Action | undefined>, AsyncDisposable
{
  #private;
  /** What the actions of a session are. */
  readonly control: Control;
  /** Where the arm is, as it was given to `connect`. */
  readonly address: string;
  /** How sessions drive the arm; for this package alone. */
  readonly nativeLink: NativeLink<RobotState, Action | undefined>;
  private constructor();
  /**
   * Connects to the arm at `address`: a host, or `host:port` where the port is not 1337.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`, or `FRANKA_GENERATION` where the other
   * generation answers than the one asked for; `FRANKA_CLIENT` where the client cannot go there
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   */
  static connect<
    const Control extends FrankaControl = 'jointVelocity',
    const Elbow extends boolean = false,
    const Impedance extends AnyImpedance = 'joint',
  >(
    address: string,
    options?: FrankaOptions<Control, Elbow, Impedance>,
  ): Promise<Franka<Control, FrankaAction<Control, Elbow, Impedance>>>;
  /** Which arm it is. */
  get generation(): FrankaGeneration;
  /** The library that talks to the arm. */
  get client(): FrankaClient;
  /** Its kinematics and dynamics, computed here. */
  get model(): FrankaModel;
  /** The FCI version that the arm speaks: 10 or 5. */
  get serverVersion(): number;
  /**
   * How many datagrams others than the arm have sent to the socket for its states since it was
   * connected to, 0 or more. They are dropped before anything here sees them, and nobody is answered. It
   * may be fewer than were sent: while no state is read, or a loop is late by some 20 ms, they cannot
   * be told from states that found the queue full. Kept after `close()`.
   */
  get foreignDatagrams(): number;
  /** Whether a session drives the arm. */
  get isDriven(): boolean;
  /**
   * The arm's state now; a copy. While a session drives the arm it is the newest that its loop has seen;
   * the loop does not wait for whoever reads it.
   *
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` after `close()`; `FRANKA_CONNECTION_LOST` where the
   * arm is gone
   */
  state(): Promise<RobotState>;
  /**
   * The arm's states at a rate, idle and while sessions drive it, until it is closed.
   *
   * @example
   * for await (const state of robot.states({ rateHz: 10 })) console.log(state.q);
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   * @throws {RobotError} from the iteration, where the arm is gone
   */
  states(options?: StatesOptions): RobotStates;
  /**
   * Clears the errors of a reflex, so that a session can be started again.
   *
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` where the arm has to be seen to by hand
   */
  recover(): Promise<void>;
  /**
   * Sets the thresholds above which torques and forces from outside are a contact, and above which they are a
   * collision, which stops the arm.
   *
   * Like every setting, it holds until it is set again, by any program. It is sent while no session
   * drives the arm, because an arm refuses it in a motion; and it resolves when the arm has taken it.
   *
   * @throws {OptionRangeError} {@link OptionTypeError} where a value is not as it must be, or not plausible and
   * not `unchecked`; nothing is sent then
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` while a session drives the arm, or after
   * `close()`; `FRANKA_COMMAND_REJECTED` where the arm refuses, as in a reflex;
   * `FRANKA_CONNECTION_LOST` where it is gone
   */
  setCollisionBehavior(behavior: CollisionBehavior, options?: SettingOptions): Promise<void>;
  /**
   * Sets the stiffness of the arm's joint impedance controller, which tracks all commands but torques.
   *
   * @param K_theta a joint each, 0 to 14250 [N m/rad], 7: libfranka's range
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setJointImpedance(K_theta: JointVector): Promise<void>;
  /**
   * Sets the stiffness of the arm's Cartesian impedance controller.
   *
   * @param K_x x, y, z from 10 to 3000 [N/m], roll, pitch, yaw from 1 to 300 [N m/rad], 6: libfranka's
   * ranges
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setCartesianImpedance(K_x: Numbers<6>): Promise<void>;
  /**
   * Sets which directions are free when somebody guides the arm by hand.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setGuidingMode(mode: GuidingMode): Promise<void>;
  /**
   * Sets what the arm carries beside its end effector; the arm bears its weight then, and the state and
   * the model know of it. Its mass and that of the end effector are at most the arm's payload, 3 kg.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setLoad(load: Load, options?: SettingOptions): Promise<void>;
  /**
   * Sets where the end effector is: what `O_T_EE` of the state, and poses as a command, are about.
   *
   * @param NE_T_EE its pose in the frame of the nominal end effector, which is set in Desk [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setEE(NE_T_EE: PoseLike, options?: SettingOptions): Promise<void>;
  /**
   * Sets where the stiffness frame is: forces are felt there, and Cartesian stiffness is in its axes.
   *
   * @param EE_T_K its pose in the end effector's frame [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setK(EE_T_K: PoseLike, options?: SettingOptions): Promise<void>;
  /**
   * Sets the cut-off frequencies of the arm's own filters. A FER alone has them.
   *
   * @throws {RobotError} `FRANKA_GENERATION` on an FR3; otherwise as {@link Franka.setCollisionBehavior}
   */
  setFilters(filters: FrankaFilters): Promise<void>;
  /**
   * Moves the arm to a place, natively, in a session of its own: a straight line between joint
   * positions, which all joints go together from rest to rest, in the shortest time that `speed`, the
   * arm's limits, its torques with the load that is set, and a smooth start allow. Resolves to the session's stats when
   * the measured arm stands at the goal.
   *
   * The move keeps to the joints' ranges. It knows neither the table nor the arm itself. Close to the end of a
   * joint's range it is slower, as the arm demands.
   *
   * @param goal joint positions [rad], 7, or `O_T_EE`: a pose of the end effector in the base frame, as `{ xyz, quat }`
   * or 16 numbers [m]. Of the joint positions for a pose those near to the present ones are taken.
   * {@link MoveOptions.relative} makes it count from where the arm stands
   * @throws {OptionRangeError} {@link OptionTypeError} where an argument is not as it must be
   * @throws {RobotError} `FRANKA_UNREACHABLE` where the arm cannot get there, or cannot bear its load on the way;
   * nothing has moved then. `FRANKA_NOT_ARRIVED` where the arm does not stand at the goal once the motion is over,
   * or fell behind on the way; {@link RobotError.notArrived} says where it is.
   * `FRANKA_INVALID_OPERATION` while a session drives the arm, or after `close()`; `FRANKA_REFLEX` and
   * others as a session's
   * @throws {SessionInterruptedError} where a signal of the system ended it, or has told the process to end
   * @throws {AbortError} where the signal has aborted, once the arm stands
   * @throws what `onProgress` threw, likewise
   */
  moveTo(goal: JointVector | PoseLike, options?: MoveOptions): Promise<SessionStats>;
  /**
   * Moves the arm to libfranka's ready pose, with the elbow bent and the hand pointing down.
   *
   * @throws as {@link Franka.moveTo}
   */
  home(options?: HomeOptions): Promise<SessionStats>;
  /**
   * Stops what drives the arm, then closes the connection. A session or a move that drives it is asked to stop, as
   * by {@link Session.stop}: the arm is braked within its limits, its motion is finished, a `run()` resolves, and a
   * `moveTo` rejects with `FRANKA_MOTION_ABORTED`. Resolves when the arm is at rest, and what else ended the session
   * is told there. Meanwhile nothing else begins. May be called more than once.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` where the session has not ended within 10 s: the arm may still move
   */
  close(): Promise<void>;
  /** Stops what drives the arm and closes the connection, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** How to connect to a hand. */
export interface FrankaHandOptions {
  /** How long connecting may take [s], above 0 to 600. Default 5. */
  readonly timeoutS?: number;
  /** The hand's TCP port. Default: the one after the arm's, 1338 where the address has none. */
  readonly port?: number;
  /**
   * How long a command may take beyond its motion [s], above 0 to 3600. Default 180: hands have been
   * seen to press against what was in the way of a move for 100 s.
   */
  readonly commandTimeoutS?: number;
}
/** How `homing` is called. */
export interface HandHomingOptions {
  /** Stops the hand when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Whether it may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
}
/** How the fingers move. */
export interface HandMoveOptions extends HandHomingOptions {
  /**
   * How fast the opening changes [m/s], above 0 to 0.1, which is both fingers at 50 mm/s (data
   * sheet). Default 0.1, as in libfranka's examples.
   */
  readonly speedMPerS?: number;
}
/** How an object is grasped. */
export interface HandGraspOptions extends HandMoveOptions {
  /**
   * How hard the fingers press [N], above 0 to 140, of which 70 lastingly (data sheet). Default 20;
   * libfranka has no default. A hand has been reported to press with 30 N where it is told less.
   */
  readonly forceN?: number;
  /** How much narrower than `widthM` the object may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonInnerM?: number;
  /** How much wider it may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonOuterM?: number;
}
/** The state of a hand: widths as in its commands, everything else with libfranka's names. */
export interface HandState {
  /** The opening between the fingers [m]. */
  readonly widthM: number;
  /** The widest opening, as homing has found it [m]. */
  readonly maxWidthM: number;
  /** Whether an object is grasped. */
  readonly is_grasped: boolean;
  /** The hand's temperature [°C]. */
  readonly temperature: number;
  /** The hand's time, increasing [s]. */
  readonly time: number;
  /**
   * The same as `widthM`; not enumerable.
   *
   * @deprecated Read `widthM`.
   */
  readonly width: number;
  /**
   * The same as `maxWidthM`; not enumerable.
   *
   * @deprecated Read `maxWidthM`.
   */
  readonly max_width: number;
}
/**
 * A Franka Hand, the gripper of either generation. It is a server of its own beside the arm's: it
 * needs no `Franka`, and works while a session drives the arm.
 *
 * One command runs at a time. Another one is refused with `FRANKA_INVALID_OPERATION` until the first
 * has ended: `await` it. `stop()`, `state()` and `close()` are possible at any time. Where the hand
 * is gone, calls end with `FRANKA_CONNECTION_LOST`: after 3 s of silence, 1 s for `state()`. The end of
 * the program or of a worker stops a command that runs, as `close()` does; a command that a signal
 * ends rejects with a {@link SessionInterruptedError}.
 */
export declare class FrankaHand implements AsyncDisposable {
  #private;
  /** Where the arm is, as it was given to `connect`. */
  readonly address: string;
  private constructor();
  /**
   * Connects to the hand of the arm at `address`: the same host, or `host:port`, as for
   * `Franka.connect`. The hand is on the port after the arm's.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   */
  static connect(address: string, options?: FrankaHandOptions): Promise<FrankaHand>;
  /** The version of the hand's protocol: 3. */
  get serverVersion(): number;
  /**
   * How many datagrams others than the hand have sent to the socket for its states since it was
   * connected to, 0 or more. They are dropped before anything here sees them. It may be fewer than
   * were sent: after seconds in which the hand was not used they cannot be told from states that found
   * the queue full. Kept after `close()`.
   */
  get foreignDatagrams(): number;
  /** Whether a command runs. */
  get isBusy(): boolean;
  /**
   * Closes and opens the fingers as far as they go, and so finds out `maxWidthM`. Needed after the
   * fingers were changed. Resolves to whether it was possible.
   *
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  homing(options?: HandHomingOptions): Promise<boolean>;
  /**
   * Moves the fingers to an opening. Resolves to whether they got there: `false` where something is
   * in the way. To hold something use {@link FrankaHand.grasp}.
   *
   * @param widthM the opening [m], from 0 to 0.1; the hand itself refuses more than its `maxWidthM`
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  move(widthM: number, options?: HandMoveOptions): Promise<boolean>;
  /**
   * Closes the fingers until they meet something, and presses. Resolves to whether an object is held:
   * whether the opening is more than `widthM - epsilonInnerM` and less than `widthM + epsilonOuterM`.
   * Nothing else is checked: with bounds around 0, fingers that meet each other count as an object too.
   *
   * @param widthM how wide the object is [m], from 0 to 0.1
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` where the hand refuses, `FRANKA_COMMAND_ABORTED`
   * where it was stopped, `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_TIMEOUT` where it does not answer,
   * `FRANKA_INVALID_OPERATION` while another command runs, or after `close()`
   * @throws {OptionRangeError} {@link OptionTypeError} where a number is not as it must be
   */
  grasp(widthM: number, options?: HandGraspOptions): Promise<boolean>;
  /**
   * Ends the command that runs, whose call then rejects with `FRANKA_COMMAND_ABORTED`, and lets go
   * of what is held. (Hands have been reported to finish a move before they obey.)
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_REJECTED`,
   * `FRANKA_COMMAND_TIMEOUT`
   */
  stop(): Promise<void>;
  /**
   * The state of the hand now: the next that it sends, some 60 a second.
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST` where none comes within a second
   */
  state(): Promise<HandState>;
  /** Stops a command that runs, then closes the connection. What is held stays held. */
  close(): Promise<void>;
  /** Closes the connection, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** What bounds one call of work in another thread or process. */
export interface CallLimits {
  /** Ends the call when it aborts; it then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
  /** How long until the answer, waiting for its turn included [s]. Default: no limit. */
  readonly timeoutS?: number | undefined;
}
type AnyFunction = (...args: any[]) => unknown;
/** A function as it is called in another thread: the same arguments, and a promise. */
export type AsyncCall<Work extends AnyFunction> = (
  ...args: Parameters<Work>
) => Promise<Awaited<ReturnType<Work>>>;
/** An export that runs in a pool of threads; {@link asyncify} makes it. */
export interface AsyncifiedExport<Work extends AnyFunction> {
  /** Calls it on a thread of the pool. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** The same call with limits, as in `solve.with({ timeoutS: 0.5 })(x)`. */
  with(limits: CallLimits): AsyncCall<Work>;
}
/** A function that runs in a pool of threads; {@link asyncify} makes it. */
export interface Asyncified<Work extends AnyFunction> extends AsyncifiedExport<Work> {
  /** The function itself, on the calling thread. */
  readonly sync: Work;
}
/**
 * Makes a blocking function asynchronous: each call runs on a thread of a pool, and the event loop
 * goes on meanwhile. The function must be exported, by the module whose URL is given, under its own
 * name: that is how a thread finds it, in a copy of the module that it loads for itself. Exported may
 * be the function, or what `asyncify` made of it.
 *
 * There is one pool for all functions, of as many threads as the machine has processors. A thread is
 * started when a call finds none free and ended when it was idle for 10 s; further calls wait, in
 * order. An idle pool does not keep the process alive. On a thread of the pool an asyncified function
 * runs in place.
 *
 * Arguments and results are copied as by `postMessage`, when a thread takes the call; {@link transfer}
 * moves them. What the function throws, the call rejects with: an error of the same name, message,
 * stack, `code` and `cause`, which is `instanceof` its class only for the classes of the language.
 * Where a `signal` aborts or `timeoutS` passes, the call rejects and its thread is ended with whatever
 * it computes; a new one takes its place. Between calls a thread stands still: timers and sockets that
 * a function leaves behind wait for the next call on that thread.
 *
 * @example
 * // solve.ts
 * export const solve = asyncify(import.meta.url, function solve(target: Float64Array) { ... });
 * // elsewhere
 * const q = await solve(target);
 * const sooner = await solve.with({ timeoutS: 0.5 })(target);
 * const here = solve.sync(target);
 *
 * @param module `import.meta.url` of the module that exports the function
 * @throws {OptionTypeError} `OPTION_MODULE`, `OPTION_WORK`
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND` where the function has no name;
 * calls reject with `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_TIMEOUT`, `OFFLOAD_CRASHED`
 */
export declare function asyncify<Work extends AnyFunction>(
  module: string | URL,
  work: Work,
): Asyncified<Work>;
/**
 * The same for a function that a module exports already, without loading the module here.
 *
 * @example
 * const solve = asyncify<typeof import('./solve.js').solve>(
 *   new URL('./solve.js', import.meta.url),
 *   'solve',
 * );
 * @param work the name of the export
 */
export declare function asyncify<Work extends AnyFunction = AnyFunction>(
  module: string | URL,
  work: string,
): AsyncifiedExport<Work>;
/**
 * Gives a typed array the shape that it has in Python, rows before columns. Returns the array itself.
 *
 * @example
 * await policy.getAction(shaped(image, [480, 640, 3]));
 * @throws {OptionTypeError} `OPTION_ARRAY` where it is no typed array
 * @throws {OffloadError} `OFFLOAD_SHAPE` where the shape has another number of elements
 */
export declare function shaped<A extends ArrayBufferView>(
  array: A,
  shape: readonly number[],
): A & {
  readonly shape: readonly number[];
};
/** The names of what a module exports as functions. */
export type FunctionNames<Module> = {
  [Name in keyof Module & string]: Module[Name] extends AnyFunction ? Name : never;
}[keyof Module & string];
type Answer<F> = F extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given<F> = F extends (...args: infer Args) => unknown ? Args : never;
/** An export of the module, as a function; {@link InferenceThread.wrap} makes it. */
export interface Wrapped<Work extends AnyFunction> {
  /** Calls it on the thread. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** Calls it on the thread, and blocks this one until the answer is there. */
  sync(...args: Parameters<Work>): Awaited<ReturnType<Work>>;
  /** The same call with limits, as in `infer.with({ timeoutS: 0.1 })(image)`. */
  with(limits: CallLimits): (...args: Parameters<Work>) => Promise<Awaited<ReturnType<Work>>>;
}
/** How an {@link InferenceThread} is set up. */
export interface InferenceThreadOptions {
  /** How many calls may wait for their answer; more are refused. 1 to 128. Default 64. */
  readonly maxQueued?: number;
  /**
   * Shared memory for large arrays, in each direction [bytes]. What finds no room in it still gets
   * there, slower. The system provides what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
}
/**
 * One thread of its own for a model's inference. It loads a module once, and what the module keeps (a
 * session of onnxruntime, a context of CUDA) stays warm. Calls are answered in order, one at a time,
 * asynchronous functions too; a call is a hand-off through shared memory and a wake.
 *
 * Arguments and results are copied, once: typed arrays from 64 kB are read by the other side where they
 * lie in shared memory. The arrays that a function is given are its own until it has answered, for a
 * generator until that ends; then they are empty: what is to be kept has to be copied. What a
 * function throws, the call rejects with: an error of the same name, message, stack, `code` and `cause`.
 * An idle thread uses no processor time and does not keep the process alive.
 *
 * @example
 * await using thread = new InferenceThread<typeof import('../franka/model.js')>(
 *   new URL('../franka/model.js', import.meta.url),
 * );
 * await thread.start();
 * const action = await thread.run('infer', image);
 */
export declare class InferenceThread<Module extends object = Record<string, AnyFunction>> {
  #private;
  /**
   * @param module the URL of the module
   * @throws {OptionTypeError | OptionRangeError} where an argument is not as it must be
   * @throws {OffloadError} `OFFLOAD_ENTRY_POINT` where the module is the program itself
   */
  constructor(module: string | URL, options?: InferenceThreadOptions);
  /** How many calls wait for their answer, the one that is being answered included. */
  get queued(): number;
  /**
   * Starts the thread and loads the module; rejects with what that throws. A thread that was stopped can be
   * started again, with the module loaded anew.
   */
  start(): Promise<void>;
  /**
   * Calls an export of the module on the thread.
   *
   * @throws {OffloadError} `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`, `OFFLOAD_QUEUE_FULL`,
   * `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_CRASHED`
   */
  run<Name extends FunctionNames<Module>>(
    name: Name,
    ...args: Given<Module[Name]>
  ): Promise<Answer<Module[Name]>>;
  /**
   * An export of the module as a function. It may be made before the thread is started.
   *
   * @example
   * const infer = thread.wrap('infer');
   * await infer(image);
   * await infer.with({ timeoutS: 0.1 })(image);
   * infer.sync(image); // blocks
   */
  wrap<Name extends FunctionNames<Module>>(
    name: Name,
  ): Module[Name] extends AnyFunction ? Wrapped<Module[Name]> : never;
  /**
   * Ends the thread: calls that wait are answered, for no longer than `timeoutS` [s], by default 1; then it is
   * terminated, and they reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): Promise<void>;
  /** The same as {@link InferenceThread.stop}. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** What a remote function answers; walking through it walks through what a generator yields. */
export type RemoteAnswer<Result> = Promise<Awaited<Result>> &
  (Result extends AsyncIterable<infer Item> | Iterator<infer Item> ? AsyncIterable<Item> : unknown);
/** A method of an object in another process. */
export interface RemoteMethod<Args extends readonly unknown[], Result> {
  /** Calls it there. */
  (...args: Args): RemoteAnswer<Result>;
  /** The same call with limits, as in `policy.getAction.with({ timeoutS: 0.1 })(obs)`. */
  with(limits: CallLimits): (...args: Args) => RemoteAnswer<Result>;
}
type Member<Value> = Value extends (...args: infer Args) => infer Result
  ? RemoteMethod<Args, Result>
  : Value | PromiseLike<Value>;
/** What a proxy has of its own. */
export interface ProxyControl extends Disposable, AsyncDisposable {
  /**
   * Ends the process, and blocks until it has ended: it is asked to, finishes the calls that it was given
   * and closes what was made (`Symbol.asyncDispose` or `Symbol.dispose`; `close()` in Python). What takes longer
   * than `timeoutS` [s], by default 1, is killed. Calls that wait reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): void;
}
type Members<Made> = {
  [Name in Exclude<keyof Made, keyof ProxyControl>]: Member<Made[Name]>;
};
/**
 * An object in another process: `await policy.getAction(obs)` calls its method, `await policy.timing` reads its
 * attribute, `policy.gain = 2` sets it. Every access goes there. An assignment that fails is told by the next
 * call.
 */
export type ProcessProxy<Made> = ProxyControl &
  (0 extends 1 & Made ? any : Members<Made>) &
  (Made extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : unknown);
/** How the process of {@link mpify} is started and kept. */
export interface MpifyOptions {
  /**
   * The Python interpreter, where the module is Python. Default: that of the environment variable
   * `VIRTUAL_ENV`, then `python3`.
   */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** How often the object is made again, with the same arguments, where its process died. Default 0. */
  readonly restarts?: number;
  /** How long making the object may take [s]; then the process is killed. Default: no limit. */
  readonly startTimeoutS?: number;
  /** Kills the process when it aborts while the object is made; the promise then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /**
   * Shared memory for large arrays, in each direction [bytes]. What finds no room in it still gets
   * there, slower. The system provides what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
  /**
   * How large an answer may be, its arrays included [bytes], from 1 kB to 4 GB. A process that claims to send more is
   * ended, and calls reject with `OFFLOAD_TOO_LARGE`. Default 1 GiB.
   */
  readonly maxAnswerBytes?: number;
}
type Made<Factory> = Factory extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given$1<Factory> = Factory extends (...args: infer Args) => unknown ? Args : never;
/**
 * Starts a process that loads a module and calls one of its exports, a factory, to make an object; resolves
 * with a proxy of that. Every access to the proxy goes there and is awaited. The factory may be asynchronous.
 *
 * Where the URL ends in `.py` the process is Python (3.9 or newer, the standard library is enough). Typed
 * arrays arrive there as numpy arrays, where numpy is installed, with the shape that {@link shaped} gave them,
 * and come back as typed arrays, with a `shape` where they have more than one dimension. `PATH`, `VIRTUAL_ENV`
 * or the option `python` say which Python.
 *
 * Calls are made in order; those of asynchronous methods go on at the same time in Node, and one after the
 * other in Python. What they are given and what they return is copied; arrays from 64 kB once, through shared
 * memory, without pickling. What a method throws, the call rejects with: an error of the same name, message,
 * stack (in Python the traceback), `code` and `cause`. Where the process dies, calls reject with `OFFLOAD_CRASHED`,
 * how it ended, and the last lines that it wrote to stderr.
 *
 * The process ends with this one, however this ends; an idle one uses no processor time and does not keep this
 * one alive.
 *
 * @example
 * const policy = await mpify<typeof import('./policy.js').makePolicy>(
 *   new URL('./policy.js', import.meta.url),
 *   'makePolicy',
 *   'checkpoint.onnx',
 * );
 * const action = await policy.getAction(observation);
 * const timing = await policy.timing;
 * policy.gain = 2;
 * for await (const step of policy.rollOut(10)) console.log(step);
 * policy.stop();
 * @param module the module's URL
 * @param name the export that makes the object
 * @param args what it is called with
 * @throws {OptionTypeError | OptionRangeError} where an argument is not as it must be
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND`, `OFFLOAD_PYTHON`, `OFFLOAD_CRASHED`,
 * `OFFLOAD_TIMEOUT`
 */
export type MpifyCall = <Factory extends AnyFunction = (...args: any[]) => any>(
  module: string | URL,
  name: string,
  ...args: Given$1<Factory>
) => Promise<ProcessProxy<Made<Factory>>>;
/** What {@link mpify} is. */
export interface Mpify extends MpifyCall {
  /** The same with options, as in `mpify.with({ restarts: 1 })(url, 'makePolicy')`. */
  with(options: MpifyOptions): MpifyCall;
}
/** Makes an object in another process, and a proxy of it here. */
export declare const mpify: Mpify;
/**
 * Marks a value, an argument or a result, to be moved to the other thread instead of copied: a large
 * buffer then takes no time, and is empty (detached) on this side. Returns the value itself. The mark
 * is used up when the value is sent.
 *
 * @example
 * const depth = await estimate(transfer(image)); // and in estimate: return transfer(map)
 * await fuse(transfer({ left, right }, [left.buffer, right.buffer]));
 * @param list what moves: array buffers, ports; by default the value itself, or its buffer
 * @throws {OptionTypeError} `OPTION_VALUE`, `OPTION_LIST`
 */
export declare function transfer<T extends object>(value: T, list?: readonly object[]): T;
type PolicyIn<Export, Args> = Args extends readonly unknown[]
  ? Export extends (...args: never[]) => infer Made
    ? Awaited<Made>
    : never
  : Export;
type FactoryArgs<Export> = Export extends (...args: infer Given) => infer Made
  ? Awaited<Made> extends (...args: never[]) => unknown
    ? Given
    : undefined
  : undefined;
type ObservationOf<P> = P extends (observation: infer Observation, ...rest: never[]) => unknown
  ? Observation
  : never;
type ActionOf<P> = P extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;
interface ModulePolicy<Observation, Action> {
  /** The module. */
  readonly url: URL;
  /** The name under which the module has the policy, or its factory. */
  readonly exportName: string;
  /** What the factory is called with; undefined where the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** The realtime priority of the thread that runs the policy; undefined for none. */
  readonly priority: number | undefined;
  /** Never set; it tells the compiler what the policy decides on and what it answers. */
  readonly types?: (observation: Observation) => Action;
}
interface ModulePolicyOptions<Name, Args> {
  /** The name of the export, in Python of the function. Default `'default'`; in Python there is none. */
  readonly export?: Name;
  /**
   * What the export is called with to make the policy, where it is a factory (sync or async). They
   * are copied to where it runs. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /**
   * The `SCHED_FIFO` priority of the policy's thread, in a process of its first one, while it answers, 1 to 98, so
   * that busy processes do not make it late; `null` leaves it with the ordinary scheduler. Default 40, at most
   * three below the loop's. A policy that has not answered for `maxHeldTicks` cycles is an ordinary one until
   * it does. Threads that the policy starts, torch's for instance, are ordinary ones.
   */
  readonly priority?: number | null;
}
/** A policy that runs in another process; {@link processPolicy} makes it. */
export interface ProcessPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** The Python interpreter; undefined for the default. */
  readonly python: string | undefined;
  /** Environment variables beside this process's own. */
  readonly env: Readonly<Record<string, string>> | undefined;
}
/** How a policy in another process is found and run. */
export interface ProcessPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /** The Python interpreter. Default: that of the environment variable `VIRTUAL_ENV`, then `python3`. */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}
/**
 * A policy in another process, Node or Python, for a robot that is driven natively, as a `Franka` is. The
 * process is started with the session and loads the module; the session's loop then writes observations where the
 * process sees them, and reads its actions, so neither a blocked main thread nor its garbage collection delays it. It ends with the
 * session; where it dies, the arm is brought to rest and the session ends with `POLICY_CRASHED`.
 *
 * In Python the policy is called as `policy(state, tick)`: `state.q` and the other fields of a robot state are
 * numpy arrays, or memoryviews without numpy, that the next cycle refreshes in place, and numbers; `tick` has
 * `tick`, `time_s` and `period_s`. It returns numbers: a list, a numpy array, a tensor; or `None` where it has
 * nothing new.
 *
 * @example
 * const policy = processPolicy(new URL('./policy.py', import.meta.url), {
 *   export: 'make_policy',
 *   args: ['checkpoint.pt', 'cuda:0'],
 * });
 * @throws {OptionTypeError | OptionRangeError} where an option is not as it must be
 */
export declare function processPolicy(
  url: URL,
  options?: ProcessPolicyOptions<string, readonly unknown[]>,
): ProcessPolicy<any, any>;
export declare function processPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: ProcessPolicyOptions<Name, Args>,
): ProcessPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
/** A policy that runs in a worker; {@link workerPolicy} makes it. */
export interface WorkerPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** Whether the worker keeps a core busy while it waits. */
  readonly spin: boolean;
}
/** How a policy in a worker is found and run. */
export interface WorkerPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /**
   * Whether the worker spins instead of sleeping between ticks. It takes a physical core, on which the
   * worker stays and the loop does not; a session without two such cores is refused with `OPTION_SPIN`. Threads
   * and processes that the policy starts stay on that core too. It has no `priority` then.
   * Default false.
   */
  readonly spin?: boolean;
}
/**
 * A policy in a worker thread, for a robot that is driven natively, as a `Franka` is. The module is
 * loaded when a session starts; the worker then waits for the loop inside the addon, so neither a
 * blocked main thread nor its garbage collection delays it. It is ended with the session. What its factory is called
 * with is copied as by `postMessage`.
 *
 * @example
 * const policy = workerPolicy<typeof import('./policy.js'), 'makePolicy'>(
 *   new URL('./policy.js', import.meta.url),
 *   { export: 'makePolicy', args: [0.5] },
 * );
 * @throws {OptionTypeError} where an option is not as it must be
 */
export declare function workerPolicy(
  url: URL,
  options?: WorkerPolicyOptions<string, readonly unknown[]>,
): WorkerPolicy<any, any>;
export declare function workerPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: WorkerPolicyOptions<Name, Args>,
): WorkerPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
/** How long a policy takes for an answer, by the robot's clock: evenly between two durations. */
export interface LatencyRange {
  /** The shortest [s], 0 to 60. */
  readonly fromS: number;
  /** The longest [s], `fromS` to 60. */
  readonly toS: number;
  /** Chooses the latencies: the same seed gives the same ones. An integer from 0. Default 0. */
  readonly seed?: number;
}
/** Whose clock counts in a session that drives an arm. */
export interface LockstepOptions {
  /**
   * Whether time is the arm's alone, for a simulated arm that waits for its commands. The loop then waits for
   * each answer of the policy, wherever the policy runs, up to 10 s of the wall clock; then the policy counts as silent
   * until it answers. Durations, statistics and records are in the arm's time, so the same program gives the same records, bit by bit.
   * Default: true for a {@link FrankaSimulator} of this process with `lockstep: true`, else false. Refused for
   * an arm on another machine: a real arm stops by its own reflex if its command does not come.
   */
  readonly lockstep?: boolean;
  /**
   * In lockstep: how late an answer comes by the arm's clock [s], 0 to 60; a number, or a range from which a
   * seed chooses. As a policy on a thread of its own it has one question at a time: what it is asked meanwhile
   * is replaced by the newest. Default 0: each answer comes in the cycle of its question.
   */
  readonly latencyS?: number | LatencyRange;
}
/** What happens to an action that breaks a limit. */
export type OnViolation = 'stop' | 'clamp';
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
/** One tick of a session. Times are the host's, in seconds since the start of the first cycle. */
export interface TickRecord {
  /** Number of the cycle. */
  readonly tick: number;
  /** When the cycle started [s]. */
  readonly timeS: number;
  /** From the start of the previous cycle [s]; NaN in the first. */
  readonly periodS: number;
  /** When the action was handed to the robot [s]. */
  readonly sentS: number;
  /**
   * Where the command came from: the policy's action as it was (`fresh`), as much of it as the
   * limits allowed after a gap (`followed`), the last motion kept up (`held`), or the way to rest.
   */
  readonly kind: CommandKind;
  /** When the policy was asked [s]; NaN where it was not, in this cycle. */
  readonly askedS: number;
  /** When an answer of the policy's was there [s]; NaN where none came in this cycle. */
  readonly answeredS: number;
  /** What the robot was commanded; empty for robots written in JavaScript. */
  readonly action: Float64Array;
}
/** A histogram of a whole run. */
export interface Histogram {
  /** Upper edges of the buckets that are not empty, rising [s]. */
  readonly upperS: Float64Array;
  /** How many cycles fell into each. */
  readonly counts: Float64Array;
}
/** How long a session runs, for `session.run` and `run`. */
export interface RunOptions {
  /** How long, from the first cycle [s]; without it until Ctrl+C, `stop()` or the signal. */
  readonly durationS?: number;
  /** Brings the robot to rest when it aborts; the run then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}
/** Something that happened at a tick. */
export interface TickEvent {
  /** The cycle. */
  readonly tick: number;
}
/** An arm that is too far from the policy's actions for too long. */
export interface BehindEvent extends TickEvent {
  /** How far it is away where it is farthest, in `unit`. */
  readonly distance: number;
  /** The unit, as `rad`. */
  readonly unit: string;
  /** The field of the action that is, as `q`. */
  readonly field: string;
  /** Which of the field's numbers. */
  readonly index: number;
}
/** A policy that is late often. */
export interface LateEvent extends TickEvent {
  /** The mean time that its late answers took, or the time without an answer where that is longer [s]. */
  readonly tookS: number;
  /** The period in which it is asked [s]. */
  readonly periodS: number;
}
/** The events of a session, and what listeners get. */
export interface SessionEvents {
  /** The loop runs. */
  start: [];
  /** The robot is stopped and the loop has ended. */
  stop: [stats: SessionStats];
  /** The loop ended with this error; told after the robot was stopped. */
  error: [error: KilohertzError];
  /** No action came in time; the last command is held. On a busy machine this comes often. */
  held: [event: TickEvent];
  /** No action came for too long; the robot is brought to rest. */
  resting: [event: TickEvent];
  /** Actions are used again. */
  resumed: [event: TickEvent];
  /** The arm has been on its way to the policy's actions for `catchUpS`, once each time. */
  behind: [event: BehindEvent];
  /**
   * More than a tenth of the answers, of at least 20 questions in 2 s, were late; told once, and as a warning
   * of the process with code `KILOHERTZ_LATE`.
   */
  late: [event: LateEvent];
}
/** A robot that a session can drive. */
export type AnyRobot<Observation, Action> =
  | Robot<Observation, Action>
  | NativeRobot<Observation, Action>;
/** A policy in this thread, in a worker, or in another process. */
export type AnyPolicy<Observation, Action> =
  | Policy<Observation, Action>
  | WorkerPolicy<Observation, Action>
  | ProcessPolicy<Observation, Action>;
type AnyAction = {} | null | undefined | [] | Readonly<Record<string, []>>;
/**
 * Runs a policy on a robot at a fixed rate, on a thread of its own that JavaScript cannot delay.
 *
 * A session may be started again after it has ended; each start counts from zero. An error that
 * ends the loop is thrown by `run()`, `checkHealth()` and the end of an `await using` block, and
 * told to listeners of `error`; where nobody asked by then, it is a warning of the process.
 */
export declare class Session<Observation, Action extends AnyAction>
  extends EventEmitter<SessionEvents>
  implements AsyncDisposable
{
  #private;
  /**
   * @param robot a robot written in JavaScript, or a connected `Franka`
   * @param policy from an observation and a {@link Tick} to an action, or a promise of one
   * @throws {OptionRangeError} where a value is not possible
   * @throws {OptionTypeError} where something is of the wrong type
   */
  constructor(
    robot: AnyRobot<Observation, Action>,
    policy: AnyPolicy<NoInfer<Observation>, NoInfer<Action>>,
    options?: SessionOptions,
  );
  /** Whether the session is between the call of `start()` and its end. */
  get isRunning(): boolean;
  /** Cycles finished since the last start. */
  get stepCount(): number;
  /** What the session has done since the last start. */
  get stats(): SessionStats;
  /** What the loop thread asked of the system and got; undefined before its first cycle. */
  get realtime(): Realtime | undefined;
  /** The jitter, or the execution time, of every cycle since the last start. */
  histogram(of?: 'jitter' | 'execution'): Histogram;
  /** Takes the records of the ticks since the last call; `recordTicks` says how many are kept. */
  takeRecords(): TickRecord[];
  /**
   * Resets the robot, waits the warm-up and starts the loop. Resolves when the first cycle has
   * begun.
   *
   * @throws {SessionStateError} `SESSION_RUNNING` where it runs already, `SESSION_STOPPED` where
   * it was stopped before the first cycle
   * @throws {SessionError | RobotError} where the robot cannot be started
   */
  start(): Promise<void>;
  /**
   * Brings the robot to rest and ends the loop. Resolves when the robot is stopped and the loop
   * thread has ended. May be called in any state and more than once; does not throw what ended
   * the loop: {@link Session.checkHealth} does.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` where the `stop()` of a robot written in JavaScript has not
   * settled within 2 s: the robot may still move
   */
  stop(): Promise<void>;
  /**
   * Starts, runs, and stops. Resolves to the final stats.
   *
   * Ctrl+C ends a run without `durationS`, and the program goes on behind it. Whatever else a signal ends
   * rejects, and no motion begins behind it: see {@link SessionOptions.evenAfterSignal}.
   *
   * @throws {SessionInterruptedError} where a signal of the system ended it
   * @throws {SessionError | RobotError} the first cause, where the loop ended with an error
   * @throws {AbortError} where {@link RunOptions.signal} aborted it; {@link Session.stats} has what was done
   */
  run(options?: RunOptions): Promise<SessionStats>;
  /** Throws what ended the loop, if it ended with an error since the last start. */
  checkHealth(): void;
  /**
   * Yields the stats at an interval while the session runs, and once more at its end.
   *
   * @param options.intervalS the interval [s], default 1
   */
  snapshots(options?: { intervalS?: number }): AsyncGenerator<SessionStats, void, void>;
  /** Lets the process end although the session runs; the robot is stopped then. */
  unref(): this;
  /** Keeps the process alive while the session runs, which is the default. */
  ref(): this;
  /** Stops, then throws what ended the loop, if anything did that `run()` has not thrown. */
  [Symbol.asyncDispose](): Promise<void>;
}
/**
 * Runs `policy` on `robot` and resolves to the stats: a {@link Session} in one line. It takes the options of the session
 * and those of {@link Session.run}.
 *
 * @throws as the constructor of {@link Session} and {@link Session.run}
 */
export declare function run<Observation, Action extends AnyAction>(
  robot: AnyRobot<Observation, Action>,
  policy: AnyPolicy<NoInfer<Observation>, NoInfer<Action>>,
  options?: SessionOptions & RunOptions,
): Promise<SessionStats>;
/** What an arm wears at its flange, as it is set in Desk, with libfranka's names. */
export interface SimulatedEndEffector {
  /** Its mass [kg], 0 to 10; 0 is nothing. */
  readonly m_ee: number;
  /** Its centre of mass in the flange frame [m], 3; at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cee?: ArrayLike<number>;
  /**
   * Its inertia about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite, no principal moment
   * larger than the sum of the others. Default: that of a ball of this mass and of a radius of 5 cm.
   */
  readonly I_ee?: ArrayLike<number>;
  /** The nominal end effector in the flange frame [m]: 4x4, column-major; at most 1 m away. Default: the flange. */
  readonly F_T_NE?: ArrayLike<number>;
}
/** How a simulated arm starts. */
export interface FrankaSimulatorOptions {
  /** Which arm it is. Default 'fr3'. */
  readonly generation?: FrankaGeneration;
  /** Where to listen; a loopback address. Default 127.0.0.1. */
  readonly host?: string;
  /** The TCP port; 0 (default) takes a free one. The hand listens on the next one. */
  readonly port?: number;
  /** Whether there is a hand. Default true. */
  readonly hand?: boolean;
  /** What the arm wears at its flange. Default: the Franka Hand where there is one, else nothing. */
  readonly endEffector?: SimulatedEndEffector;
  /** Width of an object between the fingers of the open hand [m], above 0 to 0.08. Default: none. */
  readonly objectWidthM?: number;
  /** Joint positions at the start [rad], 7. Default [0, -π/4, 0, -3π/4, 0, π/2, π/4]. */
  readonly q?: JointVector;
  /** Whether the joints have friction. Default true. */
  readonly friction?: boolean;
  /**
   * Whether, during a motion, the next state follows the command for the last one instead of the
   * wall clock. Default false.
   */
  readonly lockstep?: boolean;
  /** Lost commands in a row that end a motion. Default 20, as on an arm. */
  readonly lostPacketLimit?: number;
}
/** How the simulated arm truly moves. */
export interface JointState {
  /** Joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Joint velocities [rad/s], 7. */
  readonly dq: readonly number[];
  /** Joint accelerations [rad/s^2], 7. */
  readonly ddq: readonly number[];
  /** Link-side joint torques, gravity included [N m], 7. */
  readonly tau: readonly number[];
  /** The arm's time since its start [s]. */
  readonly timeS: number;
}
/** How the fingers of the simulated hand truly stand. */
export interface FingerState {
  /** The opening between them [m]. */
  readonly widthM: number;
  /** Whether they are on their way. */
  readonly isMoving: boolean;
  /** Whether a grasp holds something of the width that it was told. */
  readonly isGrasped: boolean;
  /** How hard they press on what they hold [N]. */
  readonly forceN: number;
  /** Width of the object between them [m]; absent without one. */
  readonly objectWidthM?: number;
}
/** What a simulator has counted since its start. */
export interface SimulatorCounters {
  /** States that were sent. */
  readonly statesSent: number;
  /** States that a fault dropped. */
  readonly statesDropped: number;
  /** States that a fault delayed. */
  readonly statesDelayed: number;
  /** Commands that arrived. */
  readonly commandsReceived: number;
  /** Commands that arrived too late for their state. */
  readonly commandsLate: number;
  /** Milliseconds of a motion without a command. */
  readonly commandsLost: number;
  /** The most of them in a row. */
  readonly longestLostRun: number;
  /** Commands that a fault dropped. */
  readonly commandsDropped: number;
  /** Commands that a fault delayed. */
  readonly commandsDelayed: number;
  /** Motions that started. */
  readonly motionsStarted: number;
  /** Motions that ended regularly. */
  readonly motionsFinished: number;
  /** Motions that ended otherwise. */
  readonly motionsAborted: number;
  /** Reflexes. */
  readonly reflexes: number;
  /** Milliseconds that the simulator itself was too late for. */
  readonly missedTicks: number;
  /** Connections that were taken. */
  readonly clients: number;
}
/** Something that goes wrong on purpose. */
export type SimulatorFault =
  /** The next `count` states, or commands, get lost. */
  | {
      readonly kind: 'dropStates' | 'dropCommands';
      readonly count: number;
    }
  /** The next `count` states, or commands, arrive twice. */
  | {
      readonly kind: 'duplicateStates' | 'duplicateCommands';
      readonly count: number;
    }
  /** Each of `count` states, or commands, is overtaken by the one behind it. */
  | {
      readonly kind: 'reorderStates' | 'reorderCommands';
      readonly count: number;
    }
  /** The second half of the next `count` states, or commands, is missing. */
  | {
      readonly kind: 'truncateStates' | 'truncateCommands';
      readonly count: number;
    }
  /** The next `count` states have a number that was there before, as if they had long been on their way. */
  | {
      readonly kind: 'oldStates';
      readonly count: number;
    }
  /**
   * The next `count` states hold `value` in `field[index]` instead of the true value, as if the arm
   * itself were wrong. Fields are libfranka's. Of `time`, `value` is how far the clock is ahead [s];
   * of `robot_mode`, the number of the mode, 0 to 255.
   */
  | {
      readonly kind: 'corruptStates';
      readonly count: number;
      readonly field: string;
      /** Default 0. */
      readonly index?: number;
      /** Any number; NaN and infinities too. */
      readonly value: number;
    }
  /** `count` datagrams that mean nothing go before the next state. */
  | {
      readonly kind: 'noiseDatagrams';
      readonly count: number;
    }
  /** The next `count` states, or commands, come `byS` seconds later. */
  | {
      readonly kind: 'delayStates' | 'delayCommands';
      readonly count: number;
      readonly byS: number;
    }
  /** A reflex, with one of libfranka's error names. Default `joint_reflex`. */
  | {
      readonly kind: 'reflex';
      readonly error?: string;
    }
  /** The user stop is pressed, or released. */
  | {
      readonly kind: 'userStop';
      readonly pressed: boolean;
    }
  /**
   * The guiding buttons at the flange are pressed, or released: a motion ends, and what `setGuidingMode` has freed gives way
   * to a `push` until they are released.
   */
  | {
      readonly kind: 'guide';
      readonly pressed: boolean;
    }
  /**
   * Somebody pushes the joints with these torques [N m], 7, until the next push. A positive one turns its joint
   * forwards. `tau_ext_hat_filtered` shows it with the opposite sign: it is what the arm applies to who pushes it.
   */
  | {
      readonly kind: 'push';
      readonly torquesNm: JointVector;
    }
  /** The next connection is refused by a server of this FCI version. */
  | {
      readonly kind: 'rejectConnect';
      readonly version: number;
    }
  /** The next connection is answered `byS` seconds later. */
  | {
      readonly kind: 'slowConnect';
      readonly byS: number;
    }
  /** The connection is reset; the next client finds the arm as it should be. */
  | {
      readonly kind: 'resetConnection';
    }
  /** The sockets close, and nothing more is sent. */
  | {
      readonly kind: 'die';
    }
  /** The sockets stay open, and nothing more is sent. */
  | {
      readonly kind: 'freeze';
    }
  /** The next connection to the hand is refused by a server of this version. */
  | {
      readonly kind: 'handRejectConnect';
      readonly version: number;
    }
  /** The next command of the hand fails. */
  | {
      readonly kind: 'handFailNext';
    }
  /** The hand does and answers nothing any more, and goes on sending its states. */
  | {
      readonly kind: 'handDeaf';
    }
  /** The same as `die` and `freeze`, of the hand alone. */
  | {
      readonly kind: 'handDie' | 'handFreeze';
    };
/**
 * A simulated Franka arm of either generation: it listens on a loopback address and speaks the arm's
 * protocol over TCP and UDP, with a rigid-body arm behind it.
 */
export declare class FrankaSimulator implements AsyncDisposable {
  #private;
  /** `host:port`, for `Franka.connect` and `FrankaHand.connect`. */
  readonly address: string;
  /** The TCP port of the hand, the one after the arm's; undefined without a hand. */
  readonly handPort: number | undefined;
  private constructor();
  /**
   * Starts a simulated arm.
   *
   * @throws {KilohertzError} `SIM_ADDRESS`, `SIM_BIND`, `SIM_OPTION` or `SIM_SYSTEM`
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   */
  static start(options?: FrankaSimulatorOptions): Promise<FrankaSimulator>;
  /** How the arm truly moves now. */
  joints(): JointState;
  /**
   * How the fingers of the hand truly stand now.
   *
   * @throws {KilohertzError} `SIM_OPTION` without a hand
   */
  fingers(): FingerState;
  /**
   * Puts an object between the fingers, in the place of the one that is there.
   *
   * @param widthM its width [m], at most what the fingers leave free
   * @throws {KilohertzError} `SIM_OPTION` where it does not fit between the fingers
   * @throws {OptionRangeError} {@link OptionTypeError} where no object is that wide
   */
  placeObject(widthM: number): void;
  /** Takes away what is between the fingers. */
  removeObject(): void;
  /** What was counted since the start. */
  counters(): SimulatorCounters;
  /**
   * Lets something go wrong, from now on.
   *
   * @throws {KilohertzError} `SIM_FAULT`, or `SIM_STOPPED` after `stop()`
   * @throws {OptionRangeError} {@link OptionTypeError} where the fault is not as it must be
   */
  inject(fault: SimulatorFault): void;
  /**
   * Stops the simulator; resolves when its threads have ended. May be called more than once. For what drives the
   * simulated arm that is an arm that is gone: its session ends with `FRANKA_CONNECTION_LOST`. Close the arm first.
   */
  stop(): Promise<void>;
  /** Stops the simulator. */
  [Symbol.asyncDispose](): Promise<void>;
}
