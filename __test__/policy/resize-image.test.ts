// Images in the size and the layout in which a model is fed them, beside those of openpi's client and Pillow.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import {
  OptionRangeError,
  OptionTypeError,
  type ResizeImageOptions,
  type RgbImage,
  resizeImage,
  shaped,
} from '../../index.ts';
import { venv } from '../fixtures/python.ts';
import { Random } from '../fixtures/random.ts';
import { Folder } from '../fixtures/recordings.ts';

/** How far a number may be from the reference's, and how far they may be on average, of 255. */
const FURTHEST = 1;
const MEAN = 0.3;

const TINY = { widthPx: 2, heightPx: 2 } as const;

/** An image of three rows and two columns whose numbers are all different. */
const rows = (): RgbImage =>
  shaped(
    Uint8Array.from({ length: 18 }, (_, at) => 10 * at),
    [3, 2, 3],
  );

/** The same channel by channel. */
function channelsOf(image: RgbImage): RgbImage {
  const [height = 0, width = 0] = image.shape;
  const plane = height * width;
  const values = Uint8Array.from(
    image,
    (_, at) => image[3 * (at % plane) + Math.floor(at / plane)] ?? 0,
  );
  return shaped(values, [3, height, width]);
}

test("images are those of openpi's client and of Pillow", async (t) => {
  using folder = new Folder();
  const script = join(import.meta.dirname, '..', 'fixtures', 'images', 'resized.py');
  const { stdout } = await promisify(execFile)(await venv(), [script, folder.at('.')]);
  const cases = JSON.parse(stdout) as {
    number: number;
    shape: number[];
    fit: 'pad' | 'crop' | 'stretch';
    to: [number, number];
  }[];
  t.is(cases.length, 27);
  for (const { number, shape, fit, to } of cases) {
    const image = shaped(new Uint8Array(readFileSync(folder.at(`${number}.rgb`))), shape);
    const [heightPx, widthPx] = to;
    const ours = resizeImage(image, { widthPx, heightPx, fit });
    const theirs = readFileSync(folder.at(`${number}.${fit}`));
    const what = `${shape} to ${to}, ${fit}`;
    t.is(ours.length, theirs.length, what);
    const off = ours.map((value, at) => Math.abs(value - (theirs[at] ?? 0)));
    const furthest = off.reduce((most, value) => Math.max(most, value), 0);
    const mean = off.reduce((sum, value) => sum + value, 0) / off.length;
    t.true(furthest <= FURTHEST && mean <= MEAN, `${what}: ${furthest}, ${mean}`);
  }
});

test('both layouts can be given and made, as numbers and as floats', (t) => {
  const own = { widthPx: 2, heightPx: 3 };
  const image = rows();
  const channels = channelsOf(image);
  for (const given of [image, channels]) {
    const hwc = resizeImage(given, own);
    t.deepEqual([Array.from(hwc), hwc.shape], [Array.from(image), [3, 2, 3]]);
    const chw = resizeImage(given, { ...own, layout: 'chw' });
    t.deepEqual([Array.from(chw), chw.shape], [Array.from(channels), [3, 3, 2]]);
  }
  const floats: Float32Array = resizeImage(image, { ...own, layout: 'chw', dtype: 'float32' });
  t.deepEqual(
    floats,
    shaped(
      Float32Array.from(channels, (value) => value / 255),
      [3, 3, 2],
    ),
  );
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ] as const;
  const scaled = resizeImage(image, { ...own, dtype: 'float32', mean, std });
  const expected = Float32Array.from(
    image,
    (value, at) => (value / 255 - (mean[at % 3] ?? 0)) / (std[at % 3] ?? 1),
  );
  t.deepEqual(scaled, shaped(expected, [3, 2, 3]));
  const whole = resizeImage(image, { ...own, dtype: 'float32', mean: 0, std: 1 / 255 });
  t.deepEqual(whole, shaped(Float32Array.from(image), [3, 2, 3]));
});

test('another size has the same numbers in each layout and type', (t) => {
  const image = shaped(new Random(7).bytes(3 * 48 * 64), [48, 64, 3]);
  const to = { widthPx: 20, heightPx: 20 };
  for (const fit of ['pad', 'crop', 'stretch'] as const) {
    const hwc = resizeImage(image, { ...to, fit });
    const chw = resizeImage(channelsOf(image), { ...to, fit, layout: 'chw' });
    t.deepEqual(chw, channelsOf(hwc));
    const floats = resizeImage(image, { ...to, fit, layout: 'chw', dtype: 'float32' });
    t.deepEqual(
      Array.from(floats, (value) => Math.round(255 * value)),
      Array.from(chw),
    );
  }
});

test('an image is never changed, and what is returned shares no memory with it', (t) => {
  const image = rows();
  const before = Uint8Array.from(image);
  const same = resizeImage(image, { widthPx: 2, heightPx: 3 });
  t.not(same.buffer, image.buffer);
  same.fill(1);
  t.deepEqual(Uint8Array.from(image), before);
});

test('an image in a part of a buffer, in a Buffer, and in shared memory is as good', (t) => {
  const image = rows();
  const expected = resizeImage(image, TINY);
  const inside = new Uint8Array(new ArrayBuffer(40), 7, 18);
  const shared = new Uint8Array(new SharedArrayBuffer(18));
  for (const array of [inside, shared, Buffer.alloc(18)]) {
    array.set(image);
    t.deepEqual(resizeImage(shaped(array, [3, 2, 3]), TINY), expected);
  }
});

test('an image that another thread writes meanwhile is read without harm', async (t) => {
  const memory = new SharedArrayBuffer(3 * 480 * 640);
  const code = `
    const bytes = new Uint8Array(require('node:worker_threads').workerData);
    require('node:worker_threads').parentPort.postMessage('writes');
    for (let round = 0; ; round += 1) bytes.fill(round);
  `;
  const writer = new Worker(code, { eval: true, workerData: memory });
  await new Promise((resolve) => writer.once('message', resolve));
  const image = shaped(new Uint8Array(memory), [480, 640, 3]);
  for (let round = 0; round < 50; round += 1) {
    t.is(resizeImage(image, { widthPx: 224, heightPx: 224 }).length, 3 * 224 * 224);
  }
  await writer.terminate();
});

/** Takes the memory of an image away, as a transfer to another thread does. */
const take = (image: RgbImage): unknown =>
  structuredClone(undefined, { transfer: [image.buffer as ArrayBuffer] });

const gone = (): RgbImage => {
  const image = rows();
  take(image);
  return image;
};
const withShape = (shape: unknown, length = 18): Uint8Array =>
  Object.defineProperty(new Uint8Array(length), 'shape', { value: shape });

type Refusal = typeof OptionTypeError | typeof OptionRangeError;
/** What is wrong; the image; the class of the error, and what its message has. */
const IMAGES: readonly [string, unknown, Refusal, RegExp][] = [
  ['nothing', undefined, OptionTypeError, /^image is undefined; expected a Uint8Array/],
  ['a list', [1, 2, 3], OptionTypeError, /^image is Array of length 3; expected a Uint8Array/],
  ['floats', shaped(new Float32Array(18), [3, 2, 3]), OptionTypeError, /expected a Uint8Array/],
  ['a proxy', new Proxy(rows(), {}), OptionTypeError, /expected a Uint8Array/],
  ['no shape', new Uint8Array(18), OptionTypeError, /^image, whose shape is undefined, is/],
  ['two sizes', withShape([3, 6]), OptionTypeError, /\[3, 6\], is .*; expected the shape \[height/],
  ['four channels', withShape([4, 2, 4], 32), OptionTypeError, /\[4, 2, 4\], is .*; expected/],
  ['no rows', withShape([0, 6, 3], 0), OptionTypeError, /with sides of 1 to 16384 px/],
  ['a size that is no number', withShape([Number.NaN, 2, 3]), OptionTypeError, /\[NaN, 2, 3\]/],
  ['parts of pixels', withShape([1.5, 4, 3]), OptionTypeError, /\[1\.5, 4, 3\]/],
  ['texts for sizes', withShape(['3', '2', '3']), OptionTypeError, /\["3", "2", "3"\]/],
  ['sides below zero', withShape([-3, -2, 3]), OptionTypeError, /\[-3, -2, 3\]/],
  ['huge sides', withShape([2 ** 31, 2 ** 31, 3]), OptionTypeError, /with sides of 1 to 16384 px/],
  ['too few numbers', withShape([3, 2, 3], 17), OptionRangeError, /17; expected the length 18/],
  ['too many numbers', withShape([3, 2, 3], 19), OptionRangeError, /19; expected the length 18/],
  ['no memory left', gone(), OptionRangeError, /length 0; .*transferred to another thread/],
];

for (const [what, image, instanceOf, message] of IMAGES) {
  test(`an image with ${what} is refused by name`, (t) => {
    const code = 'OPTION_IMAGE';
    t.throws(() => resizeImage(image as RgbImage, TINY), { instanceOf, code, message } as never);
  });
}

/** The options; the code, and what the message has. */
const OPTIONS: readonly [object, string, RegExp][] = [
  [{ widthPx: 0 }, 'OPTION_WIDTH_PX', /widthPx is 0; expected a whole number from 1 to 4096 px/],
  [{ widthPx: 1.5 }, 'OPTION_WIDTH_PX', /a whole number from 1 to 4096 px/],
  [{ heightPx: 4_097 }, 'OPTION_HEIGHT_PX', /a whole number from 1 to 4096 px/],
  [{ heightPx: 2 ** 32 + 1 }, 'OPTION_HEIGHT_PX', /a whole number from 1 to 4096 px/],
  [{ heightPx: Number.NaN }, 'OPTION_HEIGHT_PX', /a whole number from 1 to 4096 px/],
  [{ heightPx: '2' }, 'OPTION_HEIGHT_PX', /a whole number from 1 to 4096 px/],
  [{ fit: 'contain' }, 'OPTION_FIT', /one of 'pad', 'crop', 'stretch'/],
  [{ layout: 'HWC' }, 'OPTION_LAYOUT', /one of 'hwc', 'chw'/],
  [{ dtype: 'float64' }, 'OPTION_DTYPE', /one of 'uint8', 'float32'/],
  [{ mean: 0.5 }, 'OPTION_MEAN', /only the numbers of dtype 'float32' are scaled/],
  [{ dtype: 'float32', mean: [0, 0] }, 'OPTION_MEAN', /3 finite numbers/],
  [{ dtype: 'float32', mean: Number.NaN }, 'OPTION_MEAN', /a number from -1000000 to/],
  [{ dtype: 'float32', std: 0 }, 'OPTION_STD', /a number from 0\.000001 to 1000000/],
  [{ dtype: 'float32', std: [1, 1, -1] }, 'OPTION_STD', /a number from 0\.000001 to 1000000/],
  [{ dtype: 'float32', std: null }, 'OPTION_STD', /3 finite numbers/],
  [{ dtype: 'float32', std: '1' }, 'OPTION_STD', /3 finite numbers/],
];

for (const [options, code, message] of OPTIONS) {
  test(`the options ${JSON.stringify(options)} are refused by name`, (t) => {
    const all = { ...TINY, ...options } as ResizeImageOptions;
    t.throws(() => resizeImage(rows(), all), { code, message } as never);
  });
}

test('an option whose getter takes the image away does no harm', (t) => {
  const image = rows();
  const options = {
    heightPx: 2,
    get widthPx() {
      take(image);
      return 2;
    },
  };
  t.throws(() => resizeImage(image, options), { message: /length 0; expected the length 18/ });
});
