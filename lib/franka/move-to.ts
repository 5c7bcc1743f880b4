import { checkSignal, onAbort, throwIfAborted } from '../abort.ts';
import {
  checkBoolean,
  checkNumber,
  checkNumbers,
  isList,
  isNumbers,
  ownOptions,
} from '../checks.ts';
import {
  fromFailure,
  isOurs,
  OptionTypeError,
  RobotError,
  SessionError,
  type SessionErrorDetails,
} from '../errors/errors.ts';
import { awaiting, calling } from '../errors/native-call.ts';
import {
  type NativeArm,
  type NativeControls,
  type NativeMove,
  NativeSession,
} from '../native/binding.ts';
import { DEFAULTS } from '../native/contract.ts';
import type { JointVector } from '../numbers.ts';
import type { Failure } from '../session/driver.ts';
import { type CheckedOptions, checkOptions } from '../session/options.ts';
import type { RealtimeOptions } from '../session/realtime.ts';
import { Run } from '../session/run.ts';
import { type SessionStats, statsOf } from '../session/stats.ts';
import { NativeDriver } from './drivers/native-driver.ts';
import { usualDistanceRad } from './impedance.ts';
import { checkPose, POSE_FORMS, type PoseLike } from './pose.ts';
import type { Runs } from './runs.ts';

/** How far a move has come. */
export interface MoveProgress {
  /** How long the arm has moved, by the arm's own clock [s]. */
  readonly elapsedS: number;
  /** How long the whole move takes [s]. */
  readonly durationS: number;
  /** `elapsedS` as a share of `durationS`, 0 to 1. */
  readonly share: number;
}

/** Options of `home`. */
export interface HomeOptions {
  /**
   * The share of the arm's own velocity and acceleration limits that the move may use, 0.01 to 1. It uses a tenth of
   * this share of the jerk limits. Default 0.2: a joint of an FR3 then turns at 0.5 rad/s at most. 1 stands for 95 % of
   * the arm's limits.
   */
  readonly speed?: number;
  /**
   * How far each measured joint may be from the goal when the move counts as arrived, above 0 to 0.08 [rad]. Default
   * 0.01.
   */
  readonly toleranceRad?: number;
  /** How long the arm may take to stand at the goal once the commanded motion is over, 0 to 60 [s]. Default 1. */
  readonly settleS?: number;
  /** Stops the arm within its limits when it aborts; the move then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** What the loop thread asks of the operating system, as in the options of a session. `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /** Whether the move may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
  /** Called twenty times a second, and at the end, with the progress of the move. */
  readonly onProgress?: (progress: MoveProgress) => void;
}

/** Options of `moveTo`. */
export interface MoveOptions extends HomeOptions {
  /**
   * Whether the goal is relative to where the arm stands when the move is planned. Joint positions are then added to
   * the desired ones (`q_d`). A pose is then given in the frame of the end effector, along its axes:
   * `{ xyz: [0, 0, 0.05], quat: [0, 0, 0, 1] }` is 5 cm forwards from the hand, which is downwards if the hand points
   * down. Default false.
   */
  readonly relative?: boolean;
}

/** Milliseconds between two reports of progress. */
const REPORTING_MS = 50;
export const HOME_OPTIONS: readonly (keyof HomeOptions)[] = [
  'speed',
  'toleranceRad',
  'settleS',
  'signal',
  'realtime',
  'evenAfterSignal',
  'onProgress',
];
const MOVE_OPTIONS = [
  ...HOME_OPTIONS,
  'relative',
] as const satisfies readonly (keyof MoveOptions)[];
const DEFAULT_SPEED = 0.2;
/**
 * The largest `toleranceRad` [rad]. It is below 0.09 rad, at which a move is given up because a joint is too far behind
 * its command.
 */
const LARGEST_TOLERANCE_RAD = 0.08;
/** The rate of an arm's own clock [Hz]. */
const RATE_HZ = 1000;

/** A page's controls that start a move: it ends when they are let go. */
export interface MoveControls {
  readonly native: NativeControls;
  /** Called when the move has begun. */
  readonly launched: (native: NativeSession) => void;
}

/** Returns the options of a session that is driven by this package. */
export function ownSession(
  arm: NativeArm,
  given: Pick<HomeOptions, 'realtime' | 'evenAfterSignal'>,
): CheckedOptions {
  const { realtime = {}, evenAfterSignal = false } = given;
  // A controller of the arm's own follows the motion, whatever `impedance` the sessions have.
  const maxDistanceRad = usualDistanceRad('joint');
  const own = {
    rateHz: RATE_HZ,
    targetJerkShare: undefined,
    maxDistanceRad,
    isInLockstep: arm.isInLockstep,
    isLocal: arm.isLocal,
  };
  return checkOptions({ warmupS: 0, realtime, evenAfterSignal }, own);
}

/** Moves an arm; resolves when the measured arm stands at its goal. */
export async function moveTo(
  arm: NativeArm,
  goal: JointVector | PoseLike,
  given: MoveOptions,
  runs: Runs,
  controls?: MoveControls,
): Promise<SessionStats> {
  const options = ownOptions('moveTo()', given, MOVE_OPTIONS);
  const { speed = DEFAULT_SPEED, signal, onProgress, realtime = {} } = options;
  const {
    evenAfterSignal = false,
    toleranceRad = DEFAULTS.toleranceRad,
    settleS = DEFAULTS.settleS,
    relative = false,
  } = options;
  checkNumber('speed', speed, { from: 0.01, to: 1 });
  const tolerances = { from: 0, to: LARGEST_TOLERANCE_RAD, above: true, unit: 'rad' };
  checkNumber('toleranceRad', toleranceRad, tolerances);
  checkNumber('settleS', settleS, { from: 0, to: 60, unit: 's' });
  checkSignal(signal);
  checkBoolean('relative', relative);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionTypeError('OPTION_ON_PROGRESS', 'onProgress', onProgress, 'a function');
  }
  const checked = ownSession(arm, { realtime, evenAfterSignal });
  const numbers = checkGoal(goal);
  throwIfAborted(signal, MOVE);
  const plan = arm.planMove.bind(arm, numbers, relative, speed, toleranceRad, settleS);
  const asked = { options: checked, signal, onProgress, runs, controls };
  return new Move(arm, () => awaiting(plan), asked).run();
}

function checkGoal(goal: JointVector | PoseLike): Float64Array {
  if (isNumbers(goal) && goal.length === 7) return Float64Array.from(checkNumbers('q', goal, 7));
  const isMatrix = isNumbers(goal) && goal.length === 16;
  if (!isMatrix && (isList(goal) || goal === null || typeof goal !== 'object')) {
    const expected = `7 joint positions [rad], or a pose: ${POSE_FORMS}`;
    throw new OptionTypeError('OPTION_GOAL', 'the place to move to', goal, expected);
  }
  return checkPose('pose', goal);
}

/** The name of what a signal aborts, for messages. */
const MOVE = 'the move';

interface Asked {
  readonly options: CheckedOptions;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: MoveProgress) => void) | undefined;
  readonly runs: Runs;
  readonly controls: MoveControls | undefined;
}

/** One move, as a session of its own. */
class Move {
  readonly #runs: Runs;
  /** Whether the arm was closed before the move. Such a move is refused; one that is under way then is stopped. */
  readonly #wasClosed: boolean;
  readonly #controls: MoveControls | undefined;
  /** Undefined until it is planned. */
  #planned: NativeMove | undefined;
  readonly #run: Run;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ((progress: MoveProgress) => void) | undefined;
  /** Why the way could not be planned: it is told as it is, and not as the failure of a robot. */
  #refused: { readonly error: unknown } | undefined;
  /** The value that `onProgress` threw. */
  #thrown: { readonly error: unknown } | undefined;

  constructor(arm: NativeArm, plan: () => Promise<NativeMove>, asked: Asked) {
    const { options, signal, onProgress, runs, controls } = asked;
    this.#controls = controls;
    this.#runs = runs;
    this.#wasClosed = runs.isClosed;
    this.#signal = signal;
    this.#onProgress = onProgress;
    const runPlan = { what: MOVE, durationS: undefined, endsOnInterrupt: false, runs };
    const nobody = (): void => undefined;
    const listener = {
      event: nobody,
      launched: controls?.launched ?? nobody,
      begun: nobody,
      recordingFailed: nobody,
      ended: nobody,
    };
    const driver = new NativeDriver(
      (given, place, wake) =>
        calling(() =>
          NativeSession.moving(arm, this.#plan(), given, place, wake, controls?.native),
        ),
      {
        failure: () => troubleOf(this.#plan()),
        // The run has its place before: a stop, a signal or `close()` counts while the way is planned.
        plan: async () => {
          try {
            this.#planned = await plan();
          } catch (error) {
            this.#refused = { error };
            throw error;
          }
        },
      },
    );
    this.#run = new Run(driver, options, runPlan, listener);
  }

  async run(): Promise<SessionStats> {
    const stop = (): void => this.#run.requestStop();
    const reporting = this.#onProgress && setInterval(() => this.#report(), REPORTING_MS);
    const stopListening = onAbort(this.#signal, stop);
    try {
      await this.#run.launch();
      await this.#run.ended;
    } catch (error) {
      if (this.#refused) throw this.#isClosedMeanwhile() ? this.#stopped() : this.#refused.error;
      if (!isOurs(error) || error.code !== 'SESSION_STOPPED') throw error;
      throwIfAborted(this.#signal, MOVE);
      throw this.#stopped();
    } finally {
      clearInterval(reporting);
      stopListening();
    }
    if (this.#run.error) throw this.#run.error;
    this.#tellThrown();
    throwIfAborted(this.#signal, MOVE);
    const { native } = this.#run;
    if (!this.#planned?.hasArrived || !native) throw this.#stopped();
    this.#report();
    this.#tellThrown();
    return statsOf(native.stats());
  }

  /** Returns the plan. Only for use once the way is planned. */
  #plan(): NativeMove {
    if (!this.#planned) throw new SessionError('INTERNAL', 'a move began before it was planned');
    return this.#planned;
  }

  #isClosedMeanwhile(): boolean {
    return this.#runs.isClosed && !this.#wasClosed;
  }

  /** Returns the error of a move that was stopped on its way, or before. */
  #stopped(): RobotError {
    const why = this.#runs.isClosed
      ? 'the arm was closed'
      : this.#controls
        ? 'the controls were let go, its page did not answer in time, or a stop was pressed'
        : 'a stop was pressed on a page, or the process is ending';
    const message = `the move was stopped before the arm was there, because ${why}`;
    return new RobotError('FRANKA_MOTION_ABORTED', message);
  }

  /** Throws what `onProgress` has thrown. */
  #tellThrown(): void {
    if (this.#thrown) throw this.#thrown.error;
  }

  #report(): void {
    if (!this.#onProgress || this.#thrown || !this.#planned) return;
    const { durationS, elapsedS } = this.#planned;
    const progress = {
      durationS,
      elapsedS: Math.min(elapsedS, durationS),
      share: durationS > 0 ? Math.min(1, elapsedS / durationS) : 1,
    };
    try {
      this.#onProgress(progress);
    } catch (error) {
      this.#thrown = { error };
      this.#run.requestStop();
    }
  }
}

/** Returns why a move was given up, if it was. */
function troubleOf(planned: NativeMove): Failure | undefined {
  const trouble = planned.trouble();
  if (!trouble) return undefined;
  return (details: SessionErrorDetails) => fromFailure(trouble, details);
}
