import { checkSignal } from '../abort.ts';
import { checkNumber, checkObject, ownOptions } from '../checks.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { Franka } from '../franka/franka.ts';
import type { RobotState } from '../native/robot-state.ts';
import type { JointVector } from '../numbers.ts';
import { chunked } from '../policy/chunked.ts';
import { checkRecording, fileFor, type RecordingReport } from '../session/recording.ts';
import { Session } from '../session/session.ts';
import type { SessionStats } from '../session/stats.ts';
import { checkCreatable, pathOf, type RecordingFile } from './file.ts';
import { type JointPath, readJointPath } from './joint-path.ts';
import { ROBOT_TIME } from './robot-time.ts';

/** Options of {@link replayMotion}. */
export interface ReplayMotionOptions {
  /** The arm. Its `control` is `'jointPosition'`. */
  readonly robot: Franka;
  /** How fast the arm goes, as a share of the recorded speed, 0.05 to 2. Default 1. */
  readonly speed?: number;
  /** The recorded robot's time at which the motion begins [s]. Default: the first cycle. */
  readonly fromS?: number;
  /** The recorded robot's time at which the motion ends [s]. Default: the last cycle. */
  readonly toS?: number;
  /** The speed of the move to the beginning, as that of {@link MoveOptions}. Default 0.2. */
  readonly approachSpeed?: number;
  /** Stops the arm within its limits when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** A file in which the motion is recorded, as {@link SessionOptions.record}. It is checked before the arm moves. */
  readonly record?: RecordingFile;
}

const OPTIONS = [
  'robot',
  'speed',
  'fromS',
  'toS',
  'approachSpeed',
  'signal',
  'record',
] as const satisfies readonly (keyof ReplayMotionOptions)[];

/** How long speeding up and slowing down take [s]. */
const RAMP_S = 0.5;
/** The time from one action of a chunk to the next [s], and how many actions a chunk has. */
const DT_S = 0.02;
const ROWS = 128;
/** How long the arm stands at the end before the session is over [s]. */
const STANDING_S = 0.3;

/**
 * Moves an arm along the joints of a recorded run: to the beginning first, then along the way at its recorded pace, and
 * to rest at its end. The way is made smooth, also across cycles that are missing in the recording, and speeding up and
 * slowing down take half a second. A way that needs more than the arm's limits ends as every session does, with
 * `ACTION_LIMIT`; a lower `speed` needs less.
 *
 * The arm does not look where it goes: whatever stood there when the run was recorded has to stand there again.
 *
 * @returns the stats of the session that followed the way
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid; `OPTION_FILE` if the recording is not of an arm
 * with seven joints, or has fewer than two cycles between `fromS` and `toS`
 * @throws {KilohertzError} as {@link replay}, {@link Franka.moveTo} and {@link Session.run}
 */
export async function replayMotion(
  file: RecordingFile,
  options: ReplayMotionOptions,
): Promise<SessionStats> {
  return (await followRecording(file, options)).stats;
}

/** What came of {@link replayMotion}. */
export interface Followed {
  readonly stats: SessionStats;
  /** What was recorded with {@link ReplayMotionOptions.record}. */
  readonly recording: RecordingReport | undefined;
}

/** Does what {@link replayMotion} does, and also tells what was recorded. */
export async function followRecording(
  file: RecordingFile,
  options: ReplayMotionOptions,
): Promise<Followed> {
  checkObject('the options object of replayMotion()', options);
  const own = ownOptions('replayMotion()', options, OPTIONS);
  const { robot, speed = 1, approachSpeed = 0.2, signal, record } = own;
  const { fromS = ROBOT_TIME.from, toS = ROBOT_TIME.to } = own;
  if (!(robot instanceof Franka) || robot.control !== 'jointPosition') {
    const expected = "a connected Franka with control: 'jointPosition'";
    throw new OptionTypeError('OPTION_ROBOT', 'robot', robot, expected);
  }
  checkNumber('speed', speed, { from: 0.05, to: 2 });
  checkNumber('approachSpeed', approachSpeed, { from: 0.01, to: 1 });
  const from = checkNumber('fromS', fromS, ROBOT_TIME);
  const to = checkNumber('toS', toS, ROBOT_TIME);
  if (from >= to) {
    throw new OptionRangeError('OPTION_TO_S', 'toS', to, `more than fromS, which is ${from} s`, [
      from,
    ]);
  }
  checkSignal(signal);
  const { target } = checkRecording(record, undefined);
  const path = pathOf('file', file);
  const way = await readJointPath(path, from, to, signal);
  if (!way) {
    const expected =
      'a recording of an arm with seven joints, with at least two cycles in that time';
    throw new OptionRangeError('OPTION_FILE', 'file', path, expected);
  }
  // The session checks it again, when the arm has moved to the beginning.
  if (target !== undefined) checkCreatable(fileFor(target));
  const stopped = signal === undefined ? {} : { signal };
  await robot.moveTo(placeAt(way, 0), { speed: approachSpeed, ...stopped });
  const pace = new Pace(way.durationS, speed);
  const follow = (_: RobotState, { timeS }: { readonly timeS: number }) => ({
    actions: Array.from({ length: ROWS }, (_, row) => placeAt(way, pace.at(timeS + row * DT_S))),
    dtS: DT_S,
  });
  const policy = chunked(follow, { replanAt: 0.5, maxRows: ROWS });
  const arm = robot as Franka<'jointPosition', JointVector>;
  const session = new Session(arm, policy, {
    warmupS: 0,
    ...(record === undefined ? {} : { record }),
  });
  const stats = await session.run({ durationS: pace.durationS + STANDING_S, ...stopped });
  return { stats, recording: session.recording };
}

function placeAt(way: JointPath, timeS: number): JointVector {
  const place: number[] = [];
  way.at(timeS, place);
  return place as unknown as JointVector;
}

/** How a way is gone: from rest, at a share of the recorded speed, to rest. */
class Pace {
  /** How long the arm moves [s]. */
  readonly durationS: number;
  readonly #wayS: number;
  readonly #speed: number;
  readonly #rampS: number;

  constructor(wayS: number, speed: number) {
    this.#wayS = wayS;
    this.#speed = speed;
    // Speeding up and slowing down each take half of the way that their time would take at full speed.
    this.#rampS = Math.min(RAMP_S, wayS / speed);
    this.durationS = wayS / speed + this.#rampS;
  }

  /** Returns the recorded time of the place at which the arm is to be after `timeS`. */
  at(timeS: number): number {
    const time = Math.min(Math.max(timeS, 0), this.durationS);
    const rampS = this.#rampS;
    const left = this.durationS - time;
    if (time < rampS) return this.#speed * rampS * sped(time / rampS);
    if (left < rampS) return this.#wayS - this.#speed * rampS * sped(left / rampS);
    return this.#speed * (time - 0.5 * rampS);
  }
}

/** The integral of a smooth step from 0 to 1, whose acceleration has no jump: 6x⁵ - 15x⁴ + 10x³. */
function sped(x: number): number {
  return x ** 4 * (x * (x - 3) + 2.5);
}
