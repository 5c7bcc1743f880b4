// Normalization as data sets define it, and their files of statistics.

import { writeFileSync } from 'node:fs';
import test from 'ava';
import {
  type FeatureStatistics,
  normalization,
  OptionRangeError,
  OptionTypeError,
  readStatistics,
} from '../../index.ts';
import { Folder } from '../fixtures/recordings.ts';

const STATISTICS = {
  mean: [1, 0, 3],
  std: [2, 0.5, 0],
  min: [-1, 0, 2],
  max: [3, 10, 2],
  q01: [-0.9, 0.1, 2],
  q10: [-0.5, 1, 2],
  q90: [2.5, 9, 2],
  q99: [2.9, 9.9, 2],
} satisfies FeatureStatistics;

const near = (one: ArrayLike<number>, other: ArrayLike<number>) =>
  Array.from(one).every((value, at) => Math.abs(value - (other[at] ?? Number.NaN)) < 1e-6);

test('the mean and the deviation lead to 0 and 1, and back', (t) => {
  const made = normalization(STATISTICS, 'meanStd');
  t.is(made.length, 3);
  t.true(near(made.normalize([1, 0, 3]), [0, 0, 0]));
  t.true(near(made.normalize([3, 0.5, 3]).subarray(0, 2), [1, 1]));
  t.deepEqual([...made.unnormalize([1, -1, 7])], [3, -0.5, 3]);
});

const RANGES = [
  ['minMax', STATISTICS.min, STATISTICS.max],
  ['quantiles', STATISTICS.q01, STATISTICS.q99],
  ['quantile10', STATISTICS.q10, STATISTICS.q90],
] as const;

for (const [mode, low, high] of RANGES) {
  test(`${mode} leads the two ends to -1 and 1, and back`, (t) => {
    const made = normalization(STATISTICS, mode);
    t.true(near(made.normalize(low), [-1, -1, -1]));
    t.true(near(made.normalize(high).subarray(0, 2), [1, 1]));
    t.true(near(made.unnormalize([-1, -1, -1]), low));
    t.true(near(made.unnormalize([1, 1, 1]), high));
  });
}

test('several rows are normalized one after the other', (t) => {
  const made = normalization(STATISTICS, 'minMax');
  const rows = [0, 1, 2, 3, 4, 2];
  t.true(near(made.unnormalize(made.normalize(rows)), rows));
  const error = t.throws(() => made.normalize([1, 2]), { instanceOf: OptionRangeError });
  t.is(error.code, 'OPTION_VALUES');
  for (const wrong of [undefined, null, 5, 'one', {}]) {
    t.throws(() => made.normalize(wrong as unknown as number[]), { code: 'OPTION_VALUES' });
    t.throws(() => made.unnormalize(wrong as unknown as number[]), { code: 'OPTION_VALUES' });
  }
});

test('statistics that are missing, of different lengths or no numbers are refused by name', (t) => {
  const refused: readonly (readonly [statistics: unknown, mode: string])[] = [
    [undefined, 'meanStd'],
    [{ mean: [1] }, 'meanStd'],
    [{ mean: [1], std: [1, 2] }, 'meanStd'],
    [{ mean: [], std: [] }, 'meanStd'],
    [{ min: ['a'], max: [1] }, 'minMax'],
    [{ min: [Number.NaN], max: [1] }, 'minMax'],
    [Object.create({ min: [0], max: [1] }), 'minMax'],
    [STATISTICS, 'zScore'],
  ];
  for (const [statistics, mode] of refused) {
    const error = t.throws(() => normalization(statistics as FeatureStatistics, mode as 'minMax'));
    const { code } = error as OptionTypeError;
    t.true(error instanceof OptionTypeError || error instanceof OptionRangeError, `${error}`);
    t.regex(code, /^OPTION_(STATISTICS|MODE|MEAN|STD|MIN|MAX)$/);
  }
});

test("LeRobot's stats.json is read, images and counts included", async (t) => {
  using folder = new Folder();
  const file = folder.at('stats.json');
  writeFileSync(
    file,
    JSON.stringify({
      'observation.state': { ...STATISTICS, count: [120] },
      'observation.images.wrist': { mean: [[[0.4]], [[0.5]], [[0.6]]], std: [[[1]], [[1]], [[1]]] },
      ['__proto__']: { mean: [5], std: [1] },
      version: 3,
    }),
  );
  const statistics = await readStatistics(file);
  t.deepEqual(statistics['observation.state'], STATISTICS);
  t.deepEqual(statistics['observation.images.wrist']?.mean, [0.4, 0.5, 0.6]);
  t.is(statistics['constructor'], undefined);
  t.is(normalization(statistics['observation.state'], 'quantiles').length, 3);
});

test('a file that is none of statistics is refused with its path', async (t) => {
  using folder = new Folder();
  const contents = ['', 'no JSON', '[1]', '5', '{"a":{"mean":["b"]}}', '{"a":{"mean":[]}}'];
  for (const [nth, content] of contents.entries()) {
    const file = folder.at(`${nth}.json`);
    writeFileSync(file, content);
    const error = await t.throwsAsync(() => readStatistics(file), { instanceOf: OptionTypeError });
    t.is(error.code, 'OPTION_STATISTICS');
    t.true(error.message.includes(file), error.message);
  }
  await t.throwsAsync(() => readStatistics(folder.at('missing.json')), {
    code: 'OPTION_STATISTICS',
  });
});
