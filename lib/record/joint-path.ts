// The way of an arm's joints in a recording, made even and smooth so that an arm can follow it.

import { OptionRangeError } from '../errors/errors.ts';
import { replay } from './replay.ts';

const JOINTS = 7;
/** The time from one point of a path to the next [s]. */
const STEP_S = 0.01;
/** Each point is a weighted mean of what was recorded within this time of it [s]. */
const WINDOW_S = 0.03;
/** The longest time without a cycle that the way leads across [s]. */
const LONGEST_GAP_S = 1;

/** The way of seven joints, as points of time that are equally far apart. */
export class JointPath {
  /** The duration of the way, as it was recorded [s]. */
  readonly durationS: number;
  readonly #points: readonly Float64Array[];

  constructor(points: readonly Float64Array[]) {
    this.#points = points;
    this.durationS = (points.length - 1) * STEP_S;
  }

  /** Writes the joints at a time from the beginning of the way; before it and after it those of its ends. */
  at(timeS: number, into: number[]): void {
    const place = Math.min(Math.max(timeS / STEP_S, 0), this.#points.length - 1);
    const first = Math.min(Math.floor(place), Math.max(this.#points.length - 2, 0));
    const share = place - first;
    const point = (index: number): Float64Array => {
      const inside = Math.min(Math.max(index, 0), this.#points.length - 1);
      return this.#points[inside] ?? new Float64Array(JOINTS);
    };
    const [a, b, c, d] = [point(first - 1), point(first), point(first + 1), point(first + 2)];
    for (let joint = 0; joint < JOINTS; joint += 1) {
      const values = [a, b, c, d].map((each) => each[joint] ?? 0);
      into[joint] = between(values, share);
    }
  }
}

/** Returns the value between the middle two of four equally distant ones, on the curve of Catmull and Rom. */
function between([a = 0, b = 0, c = 0, d = 0]: readonly number[], share: number): number {
  const slope = 0.5 * (c - a);
  const bend = a - 2.5 * b + 2 * c - 0.5 * d;
  const twist = 0.5 * (d - a) + 1.5 * (b - c);
  return b + share * (slope + share * (bend + share * twist));
}

/** A recorded place. */
interface Sample {
  readonly timeS: number;
  readonly q: Float64Array;
}

/**
 * Reads the way of the joints from a recording, between two times of the robot [s]. Where cycles are missing the way is
 * straight. Returns undefined if the recording has fewer than two cycles there, or no joints.
 *
 * @throws {OptionRangeError} `OPTION_FILE` if a gap is too long, or a joint is not finite
 */
export async function readJointPath(
  path: string,
  fromS: number,
  toS: number,
  signal: AbortSignal | undefined,
): Promise<JointPath | undefined> {
  const recording = replay(path, signal ? { signal } : {});
  const { state } = await recording.run;
  if (!state.some(({ name, length }) => name === 'q' && length === JOINTS)) return undefined;
  const points: Float64Array[] = [];
  let near: Sample[] = [];
  let begin: number | undefined;
  const finish = (untilS: number): void => {
    for (;;) {
      const atS = (begin ?? 0) + points.length * STEP_S;
      if (atS > untilS || near.length === 0) return;
      points.push(mean(near, atS));
      near = near.filter(
        ({ timeS }, index) => timeS >= atS - WINDOW_S || index === lastBefore(near, atS),
      );
    }
  };
  for await (const { robotTimeS, state } of recording) {
    if (robotTimeS < fromS || robotTimeS > toS) continue;
    begin ??= robotTimeS;
    check(path, robotTimeS, near.at(-1)?.timeS ?? robotTimeS, state.q);
    near.push({ timeS: robotTimeS, q: Float64Array.from(state.q) });
    finish(robotTimeS - WINDOW_S);
  }
  const last = near.at(-1)?.timeS;
  if (begin === undefined || last === undefined || last === begin) return undefined;
  finish(last);
  // The end of the way is the last place that was recorded.
  points.push(near.at(-1)?.q ?? new Float64Array(JOINTS));
  return new JointPath(points);
}

/** Refuses a recording that no arm can be led by. */
function check(path: string, timeS: number, before: number, q: ArrayLike<number>): void {
  const gap = timeS - before;
  if (gap > LONGEST_GAP_S || gap < 0) {
    const what = gap < 0 ? 'goes back' : 'has a gap';
    const expected =
      `a recording without a gap of more than ${LONGEST_GAP_S} s, whose time goes forward; it ${what} at ` +
      `${before} s. Choose a part of it with fromS and toS`;
    throw new OptionRangeError('OPTION_FILE', 'file', path, expected);
  }
  if (Array.from(q).some((value) => !Number.isFinite(value))) {
    const expected = `a recording whose joints are numbers; at ${timeS} s one is not finite`;
    throw new OptionRangeError('OPTION_FILE', 'file', path, expected);
  }
}

function lastBefore(samples: readonly Sample[], timeS: number): number {
  return samples.findLastIndex((sample) => sample.timeS <= timeS);
}

/** Returns the mean of what was recorded around a time; where nothing was, the place on the line across the gap. */
function mean(samples: readonly Sample[], timeS: number): Float64Array {
  const point = new Float64Array(JOINTS);
  let weights = 0;
  for (const sample of samples) {
    const weight = 1 - Math.abs(sample.timeS - timeS) / WINDOW_S;
    if (weight <= 0) continue;
    weights += weight;
    for (let joint = 0; joint < JOINTS; joint += 1) {
      point[joint] = (point[joint] ?? 0) + weight * (sample.q[joint] ?? 0);
    }
  }
  if (weights > 0) return point.map((value) => value / weights);
  const before = samples[lastBefore(samples, timeS)] ?? samples[0];
  const after = samples.find((sample) => sample.timeS > timeS) ?? before;
  if (!before || !after) return point;
  const gap = after.timeS - before.timeS;
  const share = gap > 0 ? (timeS - before.timeS) / gap : 0;
  return before.q.map((value, joint) => value + share * ((after.q[joint] ?? value) - value));
}
