// How numbers of a robot become those that a model was trained with, and back.

import { readFile, stat } from 'node:fs/promises';
import { checkName, checkNumbers, isList } from '../checks.ts';
import { describeThrown } from '../errors/describe.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { pathOf, type RecordingFile } from '../record/file.ts';

/** What a data set says of a feature: a number for each of its numbers. */
export interface FeatureStatistics {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly min?: readonly number[];
  readonly max?: readonly number[];
  /** The 1st, 10th, 90th and 99th percentiles. */
  readonly q01?: readonly number[];
  readonly q10?: readonly number[];
  readonly q90?: readonly number[];
  readonly q99?: readonly number[];
}

/**
 * Which statistics are used, with the names of LeRobot: `'meanStd'` leads to a mean of 0 and a deviation of 1, `'minMax'`
 * leads the smallest and the largest number to -1 and 1, `'quantiles'` the 1st and the 99th percentile, `'quantile10'`
 * the 10th and the 90th.
 */
export type NormalizationMode = 'meanStd' | 'minMax' | 'quantiles' | 'quantile10';

/** The names of the two statistics that a mode uses. */
const USED = {
  meanStd: ['mean', 'std'],
  minMax: ['min', 'max'],
  quantiles: ['q01', 'q99'],
  quantile10: ['q10', 'q90'],
} as const satisfies Record<NormalizationMode, readonly (keyof FeatureStatistics)[]>;

const MODES = Object.keys(USED) as NormalizationMode[];
const STATISTICS = ['mean', 'std', 'min', 'max', 'q01', 'q10', 'q90', 'q99'] as const;
/** What LeRobot takes in place of a width of zero, and adds to a deviation. */
const EPSILON = 1e-8;
/** A file of statistics is far smaller. */
const MOST_BYTES = 64 << 20;

/** A scaling of each number: `factor x + offset`. */
export interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** How the numbers of a feature become those of a model, and back, as LeRobot does it. Made by {@link normalization}. */
export class Normalization {
  /** How many numbers the feature has. */
  readonly length: number;
  /** From the robot's numbers to the model's. */
  readonly toModel: Affine;
  /** From the model's numbers to the robot's. */
  readonly fromModel: Affine;

  /** Makes one of two scalings. Only for use inside this package. */
  constructor(toModel: Affine, fromModel: Affine) {
    this.length = toModel.factor.length;
    this.toModel = toModel;
    this.fromModel = fromModel;
    Object.freeze(this);
  }

  /**
   * Returns the numbers of the model for those of the robot: a row, or several one after the other.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_VALUES` if they are no list, or if their number is no multiple of
   * `length`
   */
  normalize(values: ArrayLike<number>): Float64Array {
    return scaled(values, this.toModel);
  }

  /**
   * Returns the numbers of the robot for those of the model: a row, or several one after the other.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_VALUES` if they are no list, or if their number is no multiple of
   * `length`
   */
  unnormalize(values: ArrayLike<number>): Float64Array {
    return scaled(values, this.fromModel);
  }
}

function scaled(values: ArrayLike<number>, { factor, offset }: Affine): Float64Array {
  const { length } = factor;
  if (!isList(values)) {
    throw new OptionTypeError('OPTION_VALUES', 'values', values, 'a list of numbers');
  }
  if (values.length === 0 || values.length % length !== 0) {
    const expected = `a multiple of ${length} numbers`;
    throw new OptionRangeError('OPTION_VALUES', 'values', `${values.length} numbers`, expected);
  }
  return Float64Array.from(values, (value, at) => {
    const place = at % length;
    return value * (factor[place] ?? 1) + (offset[place] ?? 0);
  });
}

/**
 * Makes the normalization of a feature from the statistics of the data set that the model was trained with. It computes
 * what LeRobot computes: `(x - mean) / (std + 1e-8)` and back `y std + mean`, or `2 (x - low) / (high - low) - 1` and
 * back `(y + 1) / 2 (high - low) + low`, where a width of zero counts as 1e-8.
 *
 * @example
 * const statistics = await readStatistics('meta/stats.json');
 * const ofState = normalization(statistics['observation.state'], 'meanStd');
 * @throws {OptionTypeError | OptionRangeError} if a statistic is missing, or is no list of finite numbers
 */
export function normalization(
  statistics: FeatureStatistics | undefined,
  mode: NormalizationMode,
): Normalization {
  checkName('mode', mode, MODES);
  if (typeof statistics !== 'object' || statistics === null) {
    const expected = 'the statistics of a feature, as in { mean: [0, 0], std: [1, 1] }';
    throw new OptionTypeError('OPTION_STATISTICS', 'statistics', statistics, expected);
  }
  // A data set has further statistics, such as the count: they are not used.
  const own = Object.fromEntries(
    STATISTICS.filter((name) => Object.hasOwn(statistics, name)).map((name) => [
      name,
      statistics[name],
    ]),
  );
  const [one, other] = USED[mode];
  const low = listOf(one, own[one]);
  const high = listOf(other, own[other]);
  if (low.length !== high.length) {
    const expected = `${low.length} numbers, as ${one} has`;
    throw new OptionRangeError('OPTION_STATISTICS', other, `${high.length} numbers`, expected);
  }
  return mode === 'meanStd' ? ofMeanAndStd(low, high) : ofRange(low, high);
}

function ofMeanAndStd(mean: Float64Array, std: Float64Array): Normalization {
  const factor = std.map((each) => 1 / (each + EPSILON));
  const offset = mean.map((each, at) => -each * (factor[at] ?? 1));
  return new Normalization({ factor, offset }, { factor: std, offset: mean });
}

function ofRange(low: Float64Array, high: Float64Array): Normalization {
  const width = high.map((each, at) => each - (low[at] ?? 0) || EPSILON);
  const factor = width.map((each) => 2 / each);
  const offset = low.map((each, at) => -each * (factor[at] ?? 1) - 1);
  const half = width.map((each) => each / 2);
  const middle = low.map((each, at) => each + (half[at] ?? 0));
  return new Normalization({ factor, offset }, { factor: half, offset: middle });
}

function listOf(name: string, value: unknown): Float64Array {
  if (!isList(value) || (value as ArrayLike<unknown>).length === 0) {
    throw new OptionTypeError('OPTION_STATISTICS', name, value, 'a list of numbers');
  }
  const { length } = value as ArrayLike<number>;
  return Float64Array.from(checkNumbers(name, value as ArrayLike<number>, length));
}

/**
 * Reads the statistics of a data set: a JSON file whose members are features, each with `mean`, `std`, `min`, `max` and
 * percentiles, as LeRobot's `meta/stats.json`. Nested lists, as those of images, become flat.
 *
 * @throws {OptionTypeError} `OPTION_STATISTICS` if it is no such file
 */
export async function readStatistics(
  file: RecordingFile,
): Promise<Readonly<Record<string, FeatureStatistics>>> {
  const path = pathOf('statistics', file);
  const refused = (received: unknown, expected: string): OptionTypeError =>
    new OptionTypeError('OPTION_STATISTICS', `the statistics in ${path}`, received, expected);
  let features: unknown;
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw refused(`${size} bytes`, `at most ${MOST_BYTES} bytes`);
    features = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof OptionTypeError) throw error;
    throw refused(describeThrown(error), 'a JSON file that can be read');
  }
  if (typeof features !== 'object' || features === null || Array.isArray(features)) {
    throw refused(features, 'features by their names');
  }
  const read: [string, FeatureStatistics][] = [];
  for (const [name, given] of Object.entries(features)) {
    if (typeof given !== 'object' || given === null) continue;
    const known = STATISTICS.filter((statistic) => Object.hasOwn(given, statistic));
    const lists = known.map((statistic): [string, readonly unknown[]] => [
      statistic,
      [Reflect.get(given, statistic)].flat(Number.POSITIVE_INFINITY),
    ]);
    for (const [statistic, list] of lists) {
      const wrong = list.find((each) => typeof each !== 'number' || !Number.isFinite(each));
      if (list.length === 0 || wrong !== undefined) {
        throw refused(
          list.length === 0 ? 'an empty list' : wrong,
          `finite numbers as ${statistic} of '${name}'`,
        );
      }
    }
    read.push([name, Object.freeze(Object.fromEntries(lists)) as FeatureStatistics]);
  }
  // Without a prototype, so that a feature may have any name.
  return Object.freeze(Object.assign(Object.create(null), Object.fromEntries(read)));
}

/** Checks an option that is a normalization. */
export function checkNormalization(name: string, value: unknown): Normalization | undefined {
  if (value === undefined || value instanceof Normalization) return value;
  const code = `OPTION_${name.replaceAll('.', '_').toUpperCase()}` as const;
  throw new OptionTypeError(code, name, value, 'what normalization() returns');
}
