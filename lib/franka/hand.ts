import { checkSignal, throwIfAborted } from '../abort.ts';
import { bare, checkBoolean, checkNumber, checkText, ownOptions } from '../checks.ts';
import { AbortError, isOurs } from '../errors/errors.ts';
import { awaiting } from '../errors/native-call.ts';
import { NativeHand, type NativePlace } from '../native/binding.ts';
import { DEFAULTS } from '../native/contract.ts';
import {
  goingOn,
  guard,
  guardHere,
  interruption,
  takePlace,
  unguard,
} from '../session/process-exit.ts';

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
export class FrankaHand implements AsyncDisposable {
  /** Where the arm is, as it was given to `connect`. */
  readonly address: string;
  readonly #hand: NativeHand;

  private constructor(hand: NativeHand, address: string) {
    this.#hand = hand;
    this.address = address;
  }

  /**
   * Connects to the hand of the arm at `address`: the same host, or `host:port`, as for
   * `Franka.connect`. The hand is on the port after the arm's.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`
   * @throws {OptionRangeError} {@link OptionTypeError} where an option is not as it must be
   */
  static async connect(address: string, options: FrankaHandOptions = {}): Promise<FrankaHand> {
    checkText('address', address, "a host, or host:port, as in '172.16.0.2'");
    guardHere();
    const known = ['timeoutS', 'port', 'commandTimeoutS'];
    const own = ownOptions('FrankaHand.connect()', options, known);
    const { timeoutS = DEFAULTS.handTimeoutS, port } = own;
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
    return new FrankaHand(
      await awaiting(() => NativeHand.connect(address.trim(), bare(checked))),
      address,
    );
  }

  /** The version of the hand's protocol: 3. */
  get serverVersion(): number {
    return this.#hand.serverVersion;
  }

  /**
   * How many datagrams others than the hand have sent to the socket for its states since it was
   * connected to, 0 or more. They are dropped before anything here sees them. It may be fewer than
   * were sent: after seconds in which the hand was not used they cannot be told from states that found
   * the queue full. Kept after `close()`.
   */
  get foreignDatagrams(): number {
    return this.#hand.foreignDatagrams;
  }

  /** Whether a command runs. */
  get isBusy(): boolean {
    return this.#hand.isBusy;
  }

  /**
   * Closes and opens the fingers as far as they go, and so finds out `maxWidthM`. Needed after the
   * fingers were changed. Resolves to whether it was possible.
   *
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  async homing(options: HandHomingOptions = {}): Promise<boolean> {
    const own = ownOptions('homing()', options, ['signal', 'evenAfterSignal']);
    return this.#run(own, (place) => this.#hand.homing(place));
  }

  /**
   * Moves the fingers to an opening. Resolves to whether they got there: `false` where something is
   * in the way. To hold something use {@link FrankaHand.grasp}.
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
   * Ends the command that runs, whose call then rejects with `FRANKA_COMMAND_ABORTED`, and lets go
   * of what is held. (Hands have been reported to finish a move before they obey.)
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_REJECTED`,
   * `FRANKA_COMMAND_TIMEOUT`
   */
  async stop(): Promise<void> {
    await awaiting(() => this.#hand.stop());
  }

  /**
   * The state of the hand now: the next that it sends, some 60 a second.
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST` where none comes within a second
   */
  async state(): Promise<HandState> {
    const { width, max_width, ...others } = await awaiting(() => this.#hand.state());
    const state = { widthM: width, maxWidthM: max_width, ...others };
    return Object.defineProperties(state, {
      width: { value: width },
      max_width: { value: max_width },
    }) as HandState;
  }

  /** Stops a command that runs, then closes the connection. What is held stays held. */
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
    signal.addEventListener('abort', stop, { once: true });
    try {
      const result = await guarded();
      if (!signal.aborted) return result;
    } catch (error) {
      const wasStopped = isOurs(error) && STOPPED.includes(error.code);
      if (!signal.aborted || !wasStopped) throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    await stopping;
    throw new AbortError(COMMAND, signal.reason);
  }
}

/** What a signal aborts. */
const COMMAND = "the hand's command";
/** How a command ends that was stopped. */
const STOPPED: readonly string[] = ['FRANKA_COMMAND_ABORTED', 'FRANKA_COMMAND_REJECTED'];

const GRASP_OPTIONS = [
  'speedMPerS',
  'forceN',
  'epsilonInnerM',
  'epsilonOuterM',
  'signal',
  'evenAfterSignal',
];

/** Carries out a command that the end of the process stops. */
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
  checkNumber(option, value, { from: 0, to: 0.1, unit: 'm' });
}

function checkSpeed(value: unknown): void {
  checkNumber('speedMPerS', value, { from: 0, to: 0.1, above: true, unit: 'm/s' });
}
