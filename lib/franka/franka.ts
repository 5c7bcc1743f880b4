import { bare, checkBoolean, checkName, checkNumber, checkText, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { NativeArm } from '../native/binding.ts';
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
import { isProcessPolicy } from '../policy/process-policy.ts';
import { isWorkerPolicy } from '../policy/worker-policy.ts';
import type { DrivenLink } from '../session/driver.ts';
import { guardHere } from '../session/process-exit.ts';
import type { NativeLink, NativeRobot } from '../session/robot.ts';
import type { SessionStats } from '../session/stats.ts';
import type { AnyImpedance, FrankaAction } from './action.ts';
import {
  type CollisionBehavior,
  Configuration,
  type FrankaFilters,
  type GuidingMode,
  type Load,
  type SettingOptions,
} from './configuration.ts';
import { isCartesian, targetJerkShare } from './control.ts';
import { ArmDriver } from './drivers/arm-driver.ts';
import { ProcessDriver } from './drivers/process-driver.ts';
import { WorkerDriver } from './drivers/worker-driver.ts';
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

/** The rate of an arm's clock. */
const RATE_HZ = 1000;

/**
 * A Franka arm over FCI: an FR3 (version 10) or a FER, also called Panda (version 5). The arm is the
 * clock of the sessions that drive it: it sends a state every millisecond and is sent a command for
 * each.
 *
 * Its type knows what a policy's actions are: `Franka.connect(address, { control: 'cartesianPose' })` gives a
 * `Franka<'cartesianPose'>`, for which a policy that returns three numbers does not compile. A `Franka` alone may have
 * any control.
 */
export class Franka<Control extends FrankaControl = FrankaControl, Action = FrankaAction<Control>>
  implements NativeRobot<RobotState, Action | undefined>, AsyncDisposable
{
  /** What the actions of a session are. */
  readonly control: Control;
  /** Where the arm is, as it was given to `connect`. */
  readonly address: string;
  /** How sessions drive the arm; for this package alone. */
  readonly nativeLink: NativeLink<RobotState, Action | undefined>;
  readonly #arm: NativeArm;
  readonly #configuration: Configuration;
  readonly #streams = new Set<StateStream>();
  /** What drives the arm now. */
  readonly #runs = new Runs();
  #model: FrankaModel | undefined;

  private constructor(arm: NativeArm, address: string, control: Control, maxDistanceRad: number) {
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
      drive: (policy) => {
        if (isWorkerPolicy<RobotState, Action | undefined>(policy)) {
          return new WorkerDriver(arm, control, policy);
        }
        return isProcessPolicy<RobotState, Action | undefined>(policy)
          ? new ProcessDriver(arm, control, policy)
          : new ArmDriver(arm, control, policy);
      },
    };
    this.nativeLink = link;
  }

  /**
   * Connects to the arm at `address`: a host, or `host:port` where the port is not 1337.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`, or `FRANKA_GENERATION` where the other
   * generation answers than the one asked for; `FRANKA_CLIENT` where the client cannot go there
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   */
  static async connect<
    const Control extends FrankaControl = 'jointVelocity',
    const Elbow extends boolean = false,
    const Impedance extends AnyImpedance = 'joint',
  >(
    address: string,
    options: FrankaOptions<Control, Elbow, Impedance> = {},
  ): Promise<Franka<Control, FrankaAction<Control, Elbow, Impedance>>> {
    checkText('address', address, "a host, or host:port, as in '172.16.0.2'");
    guardHere();
    const own = ownOptions('Franka.connect()', options, [
      'control',
      'elbow',
      'impedance',
      'generation',
      'client',
      'timeoutS',
    ]);
    const { control: asked = 'jointVelocity', generation, client = 'franka-rs' } = own;
    const { timeoutS = DEFAULTS.connectTimeoutS } = own;
    const { impedance = 'joint', elbow = false } = own;
    const control = checkName('control', asked, CONTROLS) as Control;
    if (checkBoolean('elbow', elbow) && !isCartesian(control)) {
      const expected = `false with control '${control}', which commands no end effector`;
      throw new OptionTypeError('OPTION_ELBOW', 'elbow', elbow, expected);
    }
    checkNumber('timeoutS', timeoutS, { from: 0, to: 600, above: true, unit: 's' });
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
    const arm = await awaiting(() => NativeArm.connect(address.trim(), bare(checked)));
    return new Franka(arm, address, control, usualDistanceRad(impedance));
  }

  /** Which arm it is. */
  get generation(): FrankaGeneration {
    return this.#arm.generation as FrankaGeneration;
  }

  /** The library that talks to the arm. */
  get client(): FrankaClient {
    return this.#arm.client as FrankaClient;
  }

  /** Its kinematics and dynamics, computed here. */
  get model(): FrankaModel {
    this.#model ??= new FrankaModel(this.generation);
    return this.#model;
  }

  /** The FCI version that the arm speaks: 10 or 5. */
  get serverVersion(): number {
    return this.#arm.serverVersion;
  }

  /**
   * How many datagrams others than the arm have sent to the socket for its states since it was
   * connected to, 0 or more. They are dropped before anything here sees them, and nobody is answered. It
   * may be fewer than were sent: while no state is read, or a loop is late by some 20 ms, they cannot
   * be told from states that found the queue full. Kept after `close()`.
   */
  get foreignDatagrams(): number {
    return this.#arm.foreignDatagrams;
  }

  /** Whether a session drives the arm. */
  get isDriven(): boolean {
    return this.#arm.isDriven;
  }

  /**
   * The arm's state now; a copy. While a session drives the arm it is the newest that its loop has seen;
   * the loop does not wait for whoever reads it.
   *
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` after `close()`; `FRANKA_CONNECTION_LOST` where the
   * arm is gone
   */
  async state(): Promise<RobotState> {
    return new RobotState(await awaiting(() => this.#arm.state()));
  }

  /**
   * The arm's states at a rate, idle and while sessions drive it, until it is closed.
   *
   * @example
   * for await (const state of robot.states({ rateHz: 10 })) console.log(state.q);
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   * @throws {RobotError} from the iteration, where the arm is gone
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
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` where the arm has to be seen to by hand
   */
  async recover(): Promise<void> {
    await awaiting(() => this.#arm.recover());
  }

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
  async setCollisionBehavior(
    behavior: CollisionBehavior,
    options: SettingOptions = {},
  ): Promise<void> {
    await this.#configuration.collisionBehavior(behavior, options);
  }

  /**
   * Sets the stiffness of the arm's joint impedance controller, which tracks all commands but torques.
   *
   * @param K_theta a joint each, 0 to 14250 [N m/rad], 7: libfranka's range
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
   * Sets which directions are free when somebody guides the arm by hand.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setGuidingMode(mode: GuidingMode): Promise<void> {
    await this.#configuration.guidingMode(mode);
  }

  /**
   * Sets what the arm carries beside its end effector; the arm bears its weight then, and the state and
   * the model know of it. Its mass and that of the end effector are at most the arm's payload, 3 kg.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setLoad(load: Load, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.load(load, options);
  }

  /**
   * Sets where the end effector is: what `O_T_EE` of the state, and poses as a command, are about.
   *
   * @param NE_T_EE its pose in the frame of the nominal end effector, which is set in Desk [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setEE(NE_T_EE: PoseLike, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.endEffector(NE_T_EE, options);
  }

  /**
   * Sets where the stiffness frame is: forces are felt there, and Cartesian stiffness is in its axes.
   *
   * @param EE_T_K its pose in the end effector's frame [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  async setK(EE_T_K: PoseLike, options: SettingOptions = {}): Promise<void> {
    await this.#configuration.stiffnessFrame(EE_T_K, options);
  }

  /**
   * Sets the cut-off frequencies of the arm's own filters. A FER alone has them.
   *
   * @throws {RobotError} `FRANKA_GENERATION` on an FR3; otherwise as {@link Franka.setCollisionBehavior}
   */
  async setFilters(filters: FrankaFilters): Promise<void> {
    await this.#configuration.filters(filters);
  }

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
   * Stops what drives the arm, then closes the connection. A session or a move that drives it is asked to stop, as
   * by {@link Session.stop}: the arm is braked within its limits, its motion is finished, a `run()` resolves, and a
   * `moveTo` rejects with `FRANKA_MOTION_ABORTED`. Resolves when the arm is at rest, and what else ended the session
   * is told there. Meanwhile nothing else begins. May be called more than once.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` where the session has not ended within 10 s: the arm may still move
   */
  async close(): Promise<void> {
    // What drives the arm keeps the connection until its end; whatever else comes is refused.
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
