import { checkSignal } from '../abort.ts';
import { bare, checkBoolean, checkName, checkNumber, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { NativeArm, type NativeAttempt } from '../native/binding.ts';
import {
  CLIENTS,
  CONTROLS,
  DEFAULTS,
  type FrankaClient,
  type FrankaControl,
  type FrankaGeneration,
  GENERATIONS,
  HOME,
} from '../native/contract.ts';
import { RobotState } from '../native/robot-state.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import type { DrivenLink } from '../session/driver.ts';
import { guardHere } from '../session/process-exit.ts';
import type { NativeLink, NativeRobot } from '../session/robot.ts';
import type { SessionStats } from '../session/stats.ts';
import type { AnyImpedance, FrankaAction } from './action.ts';
import { checkArmAddress } from './address.ts';
import { connecting } from './attempt.ts';
import { nativeChunks } from './chunks.ts';
import {
  type CollisionBehavior,
  Configuration,
  type FrankaFilters,
  type GuidingMode,
  type Load,
  type SettingOptions,
} from './configuration.ts';
import { isCartesian, targetJerkShare } from './control.ts';
import { answersOf } from './drivers/answers.ts';
import { ArmDriver } from './drivers/arm-driver.ts';
import { hostOf } from './drivers/host-of.ts';
import { armFailure, RemoteDriver } from './drivers/remote-driver.ts';
import { checkImpedance, usualDistanceRad } from './impedance.ts';
import { FrankaModel } from './model.ts';
import { HOME_OPTIONS, type HomeOptions, type MoveOptions, moveTo } from './move-to.ts';
import type { PoseLike } from './pose.ts';
import { Runs } from './runs.ts';
import { type RobotStates, StateStream, type StatesOptions } from './state-stream.ts';

/** How to connect to an arm. */
export interface FrankaOptions<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> {
  /**
   * What a policy's actions are. The mode also decides how late answers are handled, and what is commanded between the
   * answers of a policy that is slower than the arm ({@link SessionOptions.rateHz}):
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
   * `O_dP_EE` has six numbers: the velocity of the end effector along the axes of the base frame, then about these
   * axes. `O_T_EE` is the pose of the end effector in the base frame. It is `{ xyz, quat }` (a {@link Pose}) or sixteen
   * numbers: a 4x4 matrix, column by column, as in `state.O_T_EE`. A matrix that is not a pose ends the session. The
   * columns and rows of a pose have length 1 within 1e-5, and its last row is 0, 0, 0, 1, as libfranka demands. Its
   * columns are at right angles within 2e-5, and it does not mirror. The arm chooses where the elbow goes, unless
   * {@link FrankaOptions.elbow} is true.
   */
  readonly control?: Control;
  /**
   * Whether Cartesian sessions command the elbow too, with the number after those of the end effector. With a pose it
   * is the position of joint 3 (`elbow`, starting at `state.elbow_c[0]`) [rad]; with a velocity of the end effector it
   * is the velocity of joint 3 (`delbow`) [rad/s]. The side to which joint 4 bends does not change. The limits of the
   * elbow are libfranka's (`kMaxElbowVelocity` and its siblings). Default false.
   */
  readonly elbow?: Elbow;
  /**
   * The controller that makes the arm follow a motion, in every mode that commands one. `'joint'` (the default, as in
   * libfranka) is the arm's own spring and damper at each joint; `'cartesian'` is the one at the end effector. Control
   * mode `'torque'` uses no such controller.
   *
   * With `'external'` no controller of the arm follows the motion. An action then has seven torques `tau_J` [N m] after
   * its motion, as in `[...q, ...tau_J]`, and only these torques move the arm. The state reports the motion, bounded by
   * the limits of its mode, as the desired one (`q_d`, `dq_d`, `O_T_EE_d`); the torques are to follow it. The motion
   * and the torques each keep their limits, and each is held and brought to rest as in its own mode.
   *
   * An {@link ImpedanceLaw} (`{}` for its default gains) is this package's own controller. The loop computes its
   * torques in each cycle, however late the policy is. Motions that are followed by torques stay further from the ends
   * of the joints' ranges.
   *
   * With `'external'` or an `ImpedanceLaw`, `moveTo` and `home` still use the controller of `'joint'`: the arm then has
   * the stiffness that `setJointImpedance` has set.
   */
  readonly impedance?: Impedance;
  /** Which generation the arm must be. Default: either; the generation is detected. */
  readonly generation?: FrankaGeneration;
  /**
   * The library that talks to the arm. Default `franka-rs`, which serves both generations;
   * `libfranka-rs` serves a FER, on port 1337, on Linux. docs/clients.md compares them.
   */
  readonly client?: FrankaClient;
  /** How long connecting may take [s]. Default 5. */
  readonly timeoutS?: number;
  /**
   * Ends the attempt to connect when it aborts; the call then rejects with an {@link AbortError}. It has no effect on the
   * arm that is connected.
   */
  readonly signal?: AbortSignal;
}

/** The name of what a signal aborts, for messages. */
const CONNECTING = 'the connection to the arm';

/** The rate of an arm's clock. */
const RATE_HZ = 1000;

/**
 * A Franka arm over FCI: an FR3 (version 10) or a FER, also called Panda (version 5). The arm is the clock of the
 * sessions that drive it: it sends a state every millisecond, and receives a command for each state.
 *
 * The type parameter tells what a policy's actions are: `Franka.connect(address, { control: 'cartesianPose' })` gives a
 * `Franka<'cartesianPose'>`, for which a policy that returns three numbers does not compile. `Franka` without a
 * parameter stands for any control mode.
 */
export class Franka<Control extends FrankaControl = FrankaControl, Action = FrankaAction<Control>>
  implements NativeRobot<RobotState, Action | undefined>, AsyncDisposable
{
  /** The control mode: what the actions of a session are. */
  readonly control: Control;
  /** The address of the arm, as it was given to `connect`. */
  readonly address: string;
  /** How sessions drive the arm. Only for use inside this package. */
  readonly nativeLink: NativeLink<RobotState, Action | undefined>;
  readonly #arm: NativeArm;
  readonly #configuration: Configuration;
  readonly #streams = new Set<StateStream>();
  /** What drives the arm now. */
  readonly #runs = new Runs();
  #model: FrankaModel | undefined;

  private constructor(
    arm: NativeArm,
    address: string,
    control: Control,
    maxDistanceRad: number,
    hasTorques: boolean,
  ) {
    this.#arm = arm;
    this.#configuration = new Configuration(arm);
    this.address = address;
    this.control = control;
    const link: DrivenLink<RobotState, Action | undefined> = {
      rateHz: RATE_HZ,
      targetJerkShare: targetJerkShare(control),
      maxDistanceRad,
      isInLockstep: arm.isInLockstep,
      isLocal: arm.isLocal,
      runs: this.#runs,
      arm,
      address,
      about: {
        kind: 'franka',
        model: arm.generation,
        control,
        address,
        maxDistanceRad,
        hasTorques,
      },
      chunks: (options) => nativeChunks(options, control, hasTorques),
      drive: (policy, chunks) => {
        const answers = answersOf(arm, control, chunks);
        if (typeof policy === 'function') return new ArmDriver(arm, control, answers, policy);
        const host = hostOf(policy, answers.lengths, armFailure);
        return new RemoteDriver(arm, control, host, answers.hand);
      },
    };
    this.nativeLink = link;
  }

  /**
   * Connects to the arm at `address`: a host, or `host:port` if the port is not 1337.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`, `FRANKA_CONNECT_TIMEOUT`,
   * `FRANKA_INCOMPATIBLE_VERSION`, or `FRANKA_GENERATION` if the arm is not of the generation that was asked for;
   * `FRANKA_CLIENT` if the client cannot connect to this arm
   * @throws {AbortError} if {@link FrankaOptions.signal} aborts
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors or threads left
   * @throws {OptionRangeError} {@link OptionTypeError} `OPTION_ADDRESS` if the address does not have the form of one, or
   * if an option is invalid; no connection is tried then
   */
  static async connect<
    const Control extends FrankaControl = 'jointVelocity',
    const Elbow extends boolean = false,
    const Impedance extends AnyImpedance = 'joint',
  >(
    address: string,
    options: FrankaOptions<Control, Elbow, Impedance> = {},
  ): Promise<Franka<Control, FrankaAction<Control, Elbow, Impedance>>> {
    const place = checkArmAddress(address);
    guardHere();
    const own = ownOptions('Franka.connect()', options, [
      'control',
      'elbow',
      'impedance',
      'generation',
      'client',
      'timeoutS',
      'signal',
    ]);
    const { control: asked = 'jointVelocity', generation, client = 'franka-rs' } = own;
    const { timeoutS = DEFAULTS.connectTimeoutS, signal } = own;
    const { impedance = 'joint', elbow = false } = own;
    const control = checkName('control', asked, CONTROLS) as Control;
    if (checkBoolean('elbow', elbow) && !isCartesian(control)) {
      const expected = `false with control '${control}', which commands no end effector`;
      throw new OptionTypeError('OPTION_ELBOW', 'elbow', elbow, expected);
    }
    checkNumber('timeoutS', timeoutS, { from: 0, to: 600, above: true, unit: 's' });
    checkSignal(signal);
    checkName('client', client, generation === 'fr3' ? ['franka-rs'] : CLIENTS);
    const checked = {
      timeoutS,
      client,
      elbow,
      ...checkImpedance(impedance, control),
      ...(generation === undefined
        ? {}
        : { generation: checkName('generation', generation, GENERATIONS) }),
    };
    const connect = (attempt: NativeAttempt) => NativeArm.connect(place, bare(checked), attempt);
    const arm = await connecting(CONNECTING, signal, connect, (made) => made.close());
    const hasTorques = impedance === 'external';
    return new Franka(arm, address, control, usualDistanceRad(impedance), hasTorques);
  }

  /** The generation of the arm. */
  get generation(): FrankaGeneration {
    return this.#arm.generation as FrankaGeneration;
  }

  /** The library that talks to the arm. */
  get client(): FrankaClient {
    return this.#arm.client as FrankaClient;
  }

  /** The kinematics and dynamics of this arm, computed on this computer. */
  get model(): FrankaModel {
    this.#model ??= new FrankaModel(this.generation);
    return this.#model;
  }

  /** The FCI version that the arm speaks: 10 or 5. */
  get serverVersion(): number {
    return this.#arm.serverVersion;
  }

  /**
   * How many datagrams from other senders than the arm have reached the socket for its states since connecting, 0 or
   * more. They are dropped before this package reads them, and no sender gets an answer. The count may be too low:
   * while no state is read, or if a loop is late by about 20 ms, such datagrams cannot be told from states that found
   * the queue full. The count stays readable after `close()`.
   */
  get foreignDatagrams(): number {
    return this.#arm.foreignDatagrams;
  }

  /** Whether a session drives the arm. */
  get isDriven(): boolean {
    return this.#arm.isDriven;
  }

  /**
   * Returns a copy of the arm's state now. While a session drives the arm, it is the newest state that the loop has
   * seen. The loop does not wait for the reader.
   *
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` after `close()`; `FRANKA_CONNECTION_LOST` if the arm does not
   * answer any more
   */
  async state(): Promise<RobotState> {
    return new RobotState(await awaiting(() => this.#arm.state()));
  }

  /**
   * Returns the arm's states at a rate, until the arm is closed: while it is idle and while sessions drive it.
   *
   * @example
   * for await (const state of robot.states({ rateHz: 10 })) console.log(state.q);
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   * @throws {RobotError} from the iteration, if the connection is lost
   */
  states(options: StatesOptions = {}): RobotStates {
    const isClosed = (): boolean => this.#runs.isClosed;
    const source = {
      read: () => awaiting(() => this.#arm.state()),
      streams: this.#streams,
      get isClosed() {
        return isClosed();
      },
    };
    return new StateStream(source, options);
  }

  /**
   * Clears the errors of a reflex, so that a session can be started again.
   *
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` if the error can only be cleared by hand
   */
  async recover(): Promise<void> {
    await awaiting(() => this.#arm.recover());
  }

  /**
   * Sets the thresholds above which external torques and forces count as a contact, and those above which they count as
   * a collision. A collision stops the arm.
   *
   * Like every setting, it stays in force until any program sets it again. It can be set only while no session drives
   * the arm, because an arm refuses it during a motion. The promise resolves when the arm has accepted the setting.
   *
   * @throws {OptionRangeError} {@link OptionTypeError} if a value is invalid, or is not plausible and `unchecked` is
   * not set; nothing is sent then
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` while a session drives the arm, or after `close()`;
   * `FRANKA_COMMAND_REJECTED` if the arm refuses, for example after a reflex; `FRANKA_CONNECTION_LOST` if the
   * connection is lost
   */
  async setCollisionBehavior(
    behavior: CollisionBehavior,
    options: SettingOptions = {},
  ): Promise<void> {
    await this.#configuration.collisionBehavior(behavior, options);
  }

  /**
   * Sets the stiffness of the arm's joint impedance controller. It follows motions with `impedance: 'joint'`.
   *
   * @param K_theta one value for each joint, 0 to 14250 [N m/rad], 7: libfranka's range
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setJointImpedance(K_theta: JointVector): Promise<void> {
    await this.#configuration.jointImpedance(K_theta);
  }

  /**
   * Sets the stiffness of the arm's Cartesian impedance controller.
   *
   * @param K_x x, y, z from 10 to 3000 [N/m], roll, pitch, yaw from 1 to 300 [N m/rad], 6: libfranka's
   * ranges
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setCartesianImpedance(K_x: Numbers<6>): Promise<void> {
    await this.#configuration.cartesianImpedance(K_x);
  }

  /**
   * Sets which directions are free when a person guides the arm by hand.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setGuidingMode(mode: GuidingMode): Promise<void> {
    await this.#configuration.guidingMode(mode);
  }

  /**
   * Sets what the arm carries beside its end effector. The arm then compensates the weight of the load, and the state
   * and the model include it. The masses of load and end effector together are at most the arm's payload, 3 kg.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setLoad(load: Load, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.load(load, options);
  }

  /**
   * Sets the end effector frame. `O_T_EE` of the state and commanded poses are poses of this frame.
   *
   * @param NE_T_EE the pose of the end effector frame in the frame of the nominal end effector [m]; the latter is set
   * in Desk
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setEE(NE_T_EE: PoseLike, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.endEffector(NE_T_EE, options);
  }

  /**
   * Sets the stiffness frame. External forces are estimated in this frame, and the Cartesian stiffness is along its
   * axes.
   *
   * @param EE_T_K the pose of the stiffness frame in the end effector's frame [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setK(EE_T_K: PoseLike, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.stiffnessFrame(EE_T_K, options);
  }

  /**
   * Sets the cut-off frequencies of the arm's own filters. Only a FER has such filters.
   *
   * @throws {RobotError} `FRANKA_GENERATION` on an FR3; otherwise as {@link Franka.setCollisionBehavior}
   */
  async setFilters(filters: FrankaFilters): Promise<void> {
    await this.#configuration.filters(filters);
  }

  /**
   * Moves the arm to a goal, natively, in a session of its own. The motion is a straight line between joint positions:
   * all joints start together at rest and come to rest together. It takes the shortest time that `speed`, the arm's
   * limits, its torques with the load that is set, and a smooth start allow. Resolves to the session's stats when the
   * measured arm stands at the goal.
   *
   * The move stays within the joints' ranges. It does not know of the table, and does not check for collisions of the
   * arm with itself. Close to the end of a joint's range it is slower, as the arm demands.
   *
   * @param goal joint positions [rad], 7, or `O_T_EE`: a pose of the end effector in the base frame, as `{ xyz, quat }`
   * or 16 numbers [m]. If several joint positions reach a pose, the move takes those near to the present ones. With
   * {@link MoveOptions.relative} the goal is relative to where the arm stands
   * @throws {OptionRangeError} {@link OptionTypeError} if an argument is invalid
   * @throws {RobotError} `FRANKA_UNREACHABLE` if the arm cannot reach the goal, or cannot carry its load on the way;
   * nothing has moved then. `FRANKA_NOT_ARRIVED` if the arm does not stand at the goal when the motion is over, or fell
   * behind on the way; {@link RobotError.notArrived} has its position. `FRANKA_INVALID_OPERATION` while a session
   * drives the arm, or after `close()`; `FRANKA_REFLEX` and the other errors of a session
   * @throws {SessionInterruptedError} if a signal of the operating system ended the move, or has told the process to
   * end
   * @throws {AbortError} if the `AbortSignal` has aborted; the call rejects once the arm stands
   * @throws what `onProgress` threw, also once the arm stands
   */
  async moveTo(goal: JointVector | PoseLike, options: MoveOptions = {}): Promise<SessionStats> {
    return moveTo(this.#arm, goal, options, this.#runs);
  }

  /**
   * Moves the arm to libfranka's ready pose, with the elbow bent and the hand pointing down.
   *
   * @throws as {@link Franka.moveTo}
   */
  async home(options: HomeOptions = {}): Promise<SessionStats> {
    const own = ownOptions('home()', options, HOME_OPTIONS);
    return moveTo(this.#arm, HOME, own, this.#runs);
  }

  /**
   * Stops what drives the arm, then closes the connection. A session or a move that drives the arm is asked to stop, as
   * by {@link Session.stop}: the arm is braked within its limits, and its motion is finished. Then a `run()` resolves,
   * and a `moveTo` rejects with `FRANKA_MOTION_ABORTED`. If the session ended for another reason, its `run()` or
   * `moveTo` reports that one. `close()` resolves when the arm is at rest. No other session or move begins meanwhile.
   * It may be called more than once.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` if the session has not ended within 10 s: the arm may still move
   */
  async close(): Promise<void> {
    // A session or move that drives the arm keeps the connection until its end. Every other call is refused.
    this.#arm.close();
    const ended = this.#runs.close();
    const returned = [...this.#streams].map((stream) => stream.return());
    await Promise.all([ended, ...returned]);
  }

  /** Stops what drives the arm and closes the connection, as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
