import { checkSignal, endedBy, hasAborted, onAbort, throwIfAborted } from '../abort.ts';
import { bare, checkBoolean, checkNumber, ownOptions } from '../checks.ts';
import { isOurs } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { type NativeAttempt, NativeHand, type NativePlace } from '../native/binding.ts';
import { DEFAULTS } from '../native/contract.ts';
import {
  goingOn,
  guard,
  guardHere,
  interruption,
  takePlace,
  unguard,
} from '../session/process-exit.ts';
import { checkArmAddress } from './address.ts';
import { connecting } from './attempt.ts';

/** How to connect to a hand. */
export interface FrankaHandOptions {
  /** How long connecting may take [s], above 0 to 600. Default 5. */
  readonly timeoutS?: number;
  /** The hand's TCP port. Default: the port after the arm's port, or 1338 if the address has no port. */
  readonly port?: number;
  /**
   * How long a command may take longer than its motion [s], above 0 to 3600. Default 180, because hands have been seen
   * to press for 100 s against an object that was in the way of a move.
   */
  readonly commandTimeoutS?: number;
  /**
   * Ends the attempt to connect when it aborts; the call then rejects with an {@link AbortError}. It has no effect on the
   * hand that is connected.
   */
  readonly signal?: AbortSignal;
}

/** Options of `homing`. */
export interface HandHomingOptions {
  /** Stops the hand when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Whether the command may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
}

/** Options of `move`. */
export interface HandMoveOptions extends HandHomingOptions {
  /**
   * How fast the opening changes [m/s], above 0 to 0.1. At 0.1 m/s each finger moves at 50 mm/s (data sheet). Default
   * 0.1, as in libfranka's examples.
   */
  readonly speedMPerS?: number;
}

/** Options of `grasp`. */
export interface HandGraspOptions extends HandMoveOptions {
  /**
   * How hard the fingers press [N], above 0 to 140; up to 70 N is allowed continuously (data sheet). Default 20;
   * libfranka has no default. A hand has been reported to press with 30 N although it was told less.
   */
  readonly forceN?: number;
  /** How much narrower than `widthM` the object may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonInnerM?: number;
  /** How much wider than `widthM` the object may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonOuterM?: number;
}

/** The state of a hand. The widths are named as in the commands, all other fields as in libfranka. */
export interface HandState {
  /** The opening between the fingers [m]. */
  readonly widthM: number;
  /** The widest opening, as measured by homing [m]. A hand that was never homed reports 0. */
  readonly maxWidthM: number;
  /** Whether an object is grasped. */
  readonly is_grasped: boolean;
  /** The hand's temperature [°C]. */
  readonly temperature: number;
  /** The hand's time, increasing [s]. */
  readonly time: number;
  /**
   * Has the value of `widthM`. Not enumerable.
   *
   * @deprecated Read `widthM`.
   */
  readonly width: number;
  /**
   * Has the value of `maxWidthM`. Not enumerable.
   *
   * @deprecated Read `maxWidthM`.
   */
  readonly max_width: number;
}

/** The native side of each hand. */
const natives: WeakMap<FrankaHand, NativeHand> = new WeakMap();

/** Returns the native side of a hand; undefined if the value is not a connected `FrankaHand`. */
export function nativeHandOf(hand: unknown): NativeHand | undefined {
  return natives.get(hand as FrankaHand);
}

/** The widest opening that a hand can be asked for [m]. */
const WIDEST_M = 0.1;
/** The widest opening of a Franka Hand with its own fingers [m]. */
const USUAL_M = 0.08;

/** Returns how wide the fingers can be opened [m]. A hand that was never homed reports 0, and does not know it. */
export function widestOpening({ maxWidthM }: Pick<HandState, 'maxWidthM'>): number {
  return maxWidthM > 0 ? Math.min(maxWidthM, WIDEST_M) : USUAL_M;
}

/**
 * A Franka Hand, the gripper of both generations. The hand has its own server beside the arm's: it works without a
 * `Franka`, and also while a session drives the arm.
 *
 * One command runs at a time. Another command is refused with `FRANKA_INVALID_OPERATION` until the first has ended, so
 * `await` each command. `stop()`, `state()` and `close()` are possible at any time. If the hand does not answer any
 * more, calls end with `FRANKA_CONNECTION_LOST`: after 3 s of silence, `state()` after 1 s. The end of the program or
 * of a worker stops a running command, as `close()` does. A command that is ended by a signal of the operating system
 * rejects with a {@link SessionInterruptedError}.
 */
export class FrankaHand implements AsyncDisposable {
  /** The address of the arm, as it was given to `connect`. */
  readonly address: string;
  readonly #hand: NativeHand;

  private constructor(hand: NativeHand, address: string) {
    this.#hand = hand;
    this.address = address;
    natives.set(this, hand);
  }

  /**
   * Connects to the hand of the arm at `address`: the same host, or `host:port`, as for
   * `Franka.connect`. The hand is on the port after the arm's.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`
   * @throws {AbortError} if {@link FrankaHandOptions.signal} aborts
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors or threads left
   * @throws {OptionRangeError} {@link OptionTypeError} `OPTION_ADDRESS` if the address does not have the form of one, or
   * if an option is invalid; no connection is tried then
   */
  static async connect(address: string, options: FrankaHandOptions = {}): Promise<FrankaHand> {
    const place = checkArmAddress(address);
    guardHere();
    const known = ['timeoutS', 'port', 'commandTimeoutS', 'signal'];
    const own = ownOptions('FrankaHand.connect()', options, known);
    const { timeoutS = DEFAULTS.handTimeoutS, port, signal } = own;
    checkSignal(signal);
    const { commandTimeoutS = DEFAULTS.handCommandTimeoutS } = own;
    checkNumber('timeoutS', timeoutS, { from: 0, to: 600, above: true, unit: 's' });
    checkNumber('commandTimeoutS', commandTimeoutS, { from: 0, to: 3600, above: true, unit: 's' });
    const checked = {
      timeoutS,
      commandTimeoutS,
      ...(port === undefined
        ? {}
        : { port: checkNumber('port', port, { from: 1, to: 65_535, integer: true }) }),
    };
    const connect = (attempt: NativeAttempt) => NativeHand.connect(place, bare(checked), attempt);
    const hand = await connecting('the connection to the hand', signal, connect, (made) =>
      made.close(),
    );
    return new FrankaHand(hand, address);
  }

  /** The version of the hand's protocol: 3. */
  get serverVersion(): number {
    return this.#hand.serverVersion;
  }

  /**
   * How many datagrams from other senders than the hand have reached the socket for its states since connecting, 0 or
   * more. They are dropped before this package reads them. The count may be too low: if the hand was not used for
   * seconds, such datagrams cannot be told from states that found the queue full. The count stays readable after
   * `close()`.
   */
  get foreignDatagrams(): number {
    return this.#hand.foreignDatagrams;
  }

  /** Whether a command is running. */
  get isBusy(): boolean {
    return this.#hand.isBusy;
  }

  /**
   * Closes and opens the fingers as far as they go, to measure `maxWidthM`. Call it after the fingers were changed.
   * Resolves to true if it succeeded.
   *
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  async homing(options: HandHomingOptions = {}): Promise<boolean> {
    const own = ownOptions('homing()', options, ['signal', 'evenAfterSignal']);
    return this.#run(own, (place) => this.#hand.homing(place));
  }

  /**
   * Moves the fingers to an opening. Resolves to true if they reached it, and to `false` if something is in the way. To
   * hold something use {@link FrankaHand.grasp}.
   *
   * @param widthM the opening [m], from 0 to 0.1; the hand itself refuses more than its `maxWidthM`
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  async move(widthM: number, options: HandMoveOptions = {}): Promise<boolean> {
    checkWidth('widthM', widthM);
    const known = ['speedMPerS', 'signal', 'evenAfterSignal'];
    const own = ownOptions('move()', options, known);
    const { speedMPerS = 0.1 } = own;
    checkSpeed(speedMPerS);
    return this.#run(own, (place) => this.#hand.moveTo(widthM, speedMPerS, place));
  }

  /**
   * Closes the fingers until they meet something, and presses. Resolves to true if an object is held: if the opening is
   * more than `widthM - epsilonInnerM` and less than `widthM + epsilonOuterM`. Nothing else is checked: with bounds
   * around 0, fingers that touch each other count as an object too.
   *
   * @param widthM how wide the object is [m], from 0 to 0.1
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` if the hand refuses, `FRANKA_COMMAND_ABORTED` if the command was
   * stopped, `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_TIMEOUT` if the hand does not answer, `FRANKA_INVALID_OPERATION`
   * while another command runs, or after `close()`
   * @throws {OptionRangeError} {@link OptionTypeError} if a number is invalid
   */
  async grasp(widthM: number, options: HandGraspOptions = {}): Promise<boolean> {
    checkWidth('widthM', widthM);
    const own = ownOptions('grasp()', options, GRASP_OPTIONS);
    const { speedMPerS = 0.1, forceN = 20, epsilonInnerM = 0.005, epsilonOuterM = 0.005 } = own;
    checkSpeed(speedMPerS);
    checkNumber('forceN', forceN, { from: 0, to: 140, above: true, unit: 'N' });
    checkWidth('epsilonInnerM', epsilonInnerM);
    checkWidth('epsilonOuterM', epsilonOuterM);
    const wanted = bare({
      width: widthM,
      speed: speedMPerS,
      force: forceN,
      epsilonInner: epsilonInnerM,
      epsilonOuter: epsilonOuterM,
    });
    return this.#run(own, (place) => this.#hand.grasp(wanted, place));
  }

  /**
   * Ends the running command, whose call then rejects with `FRANKA_COMMAND_ABORTED`, and releases the object that is
   * held. (Some hands have been reported to finish a move before they obey.)
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_REJECTED`,
   * `FRANKA_COMMAND_TIMEOUT`
   */
  async stop(): Promise<void> {
    await awaiting(() => this.#hand.stop());
  }

  /**
   * Returns the state of the hand now: the next state that it sends. It sends about 60 a second.
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST` if no state arrives within a second
   */
  async state(): Promise<HandState> {
    const { width, max_width, ...others } = await awaiting(() => this.#hand.state());
    const state = { widthM: width, maxWidthM: max_width, ...others };
    return Object.defineProperties(state, {
      width: { value: width },
      max_width: { value: max_width },
    }) as HandState;
  }

  /**
   * Stops a running command, then closes the connection. An object that is held stays held.
   *
   * @throws {RobotError} `FRANKA_COMMAND_TIMEOUT`, `FRANKA_COMMAND_REJECTED` or `FRANKA_CONNECTION_LOST` if the command
   * could not be stopped: the hand may still move. The connection is closed all the same
   */
  async close(): Promise<void> {
    await awaiting(() => this.#hand.close());
  }

  /** Closes the connection, as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(
    options: HandHomingOptions,
    command: (place: NativePlace) => Promise<boolean>,
  ): Promise<boolean> {
    const { signal, evenAfterSignal = false } = options;
    checkBoolean('evenAfterSignal', evenAfterSignal);
    checkSignal(signal);
    const guarded = (): Promise<boolean> => guardedly(evenAfterSignal, command);
    if (signal === undefined) return guarded();
    throwIfAborted(signal, COMMAND);
    let stopping: Promise<void> | undefined;
    const stop = (): void => {
      stopping = this.stop();
      // Awaited below.
      stopping.catch(() => undefined);
    };
    const stopListening = onAbort(signal, stop);
    try {
      const result = await guarded();
      if (!hasAborted(signal)) return result;
    } catch (error) {
      const wasStopped = isOurs(error) && STOPPED.includes(error.code);
      if (!hasAborted(signal) || !wasStopped) throw error;
    } finally {
      stopListening();
    }
    await stopping;
    throw endedBy(signal, COMMAND);
  }
}

/** The name of what a signal aborts, for messages. */
const COMMAND = "the hand's command";
/** The codes with which a stopped command ends. */
const STOPPED: readonly string[] = ['FRANKA_COMMAND_ABORTED', 'FRANKA_COMMAND_REJECTED'];

const GRASP_OPTIONS = [
  'speedMPerS',
  'forceN',
  'epsilonInnerM',
  'epsilonOuterM',
  'signal',
  'evenAfterSignal',
];

/** Carries out a command. The end of the process stops it. */
async function guardedly(
  evenAfterSignal: boolean,
  command: (place: NativePlace) => Promise<boolean>,
): Promise<boolean> {
  const place = takePlace({ isNative: true, endsOnInterrupt: false, evenAfterSignal });
  const member = {
    place,
    requestStop: () => place.stop(),
    stopNow: (limitS: number) => void place.join(limitS),
  };
  guard(member);
  try {
    return await awaiting(() => command(place));
  } catch (error) {
    const interrupted = interruption(COMMAND, place, { cause: error });
    place.leave();
    if (!interrupted) throw error;
    await goingOn();
    throw interrupted;
  } finally {
    unguard(member);
    place.leave();
  }
}

function checkWidth(option: string, value: unknown): void {
  checkNumber(option, value, { from: 0, to: WIDEST_M, unit: 'm' });
}

function checkSpeed(value: unknown): void {
  checkNumber('speedMPerS', value, { from: 0, to: 0.1, above: true, unit: 'm/s' });
}
