// Images of cameras in the size and the layout in which a model is fed them.

import { types } from 'node:util';
import { bare, checkName, checkNumber, checkNumbers, ownOptions } from '../checks.ts';
import { describe } from '../errors/describe.ts';
import { codeOf, KilohertzError, OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { type NativeFit, type NativeLayout, resizeImage as resize } from '../native/binding.ts';
import type { Numbers } from '../numbers.ts';
import { type Shaped, withShape } from '../offload/codec/shape.ts';

/**
 * An image in RGB: a `Uint8Array` with the shape `[height, width, 3]`, in rows from the top, or `[3, height, width]`, by
 * {@link shaped}. A shape that may be both counts as the first one.
 */
export type RgbImage = Uint8Array & { readonly shape: readonly number[] };

/** The type of the numbers of an image, as numpy names it. */
export type ImageDtype = 'uint8' | 'float32';

/** Options of {@link resizeImage}. */
export interface ResizeImageOptions<Dtype extends ImageDtype = ImageDtype> {
  /** How many columns the image is to have [px], 1 to 4096. */
  readonly widthPx: number;
  /** How many rows the image is to have [px], 1 to 4096. */
  readonly heightPx: number;
  /**
   * What becomes of an image whose ratio of width to height is another one: `'pad'` shows all of it, in the middle of
   * black; `'crop'` shows its middle; `'stretch'` changes its ratio. Default `'pad'`.
   */
  readonly fit?: 'pad' | 'crop' | 'stretch';
  /** The order of the numbers: `'hwc'` is `[height, width, 3]`, `'chw'` is `[3, height, width]`. Default `'hwc'`. */
  readonly layout?: 'hwc' | 'chw';
  /** The type of the numbers: `'uint8'` from 0 to 255, or `'float32'`, which are from 0 to 1. Default `'uint8'`. */
  readonly dtype?: Dtype;
  /**
   * For `'float32'`: the number becomes `(number - mean) / std`. One for all channels, or one for each, in the order red,
   * green, blue. Default 0. Black that was added is scaled too.
   */
  readonly mean?: number | Numbers<3>;
  /** What `mean` says of it, from 0.000001. Default 1. */
  readonly std?: number | Numbers<3>;
}

/** What {@link resizeImage} returns. */
export type ResizedImage<Dtype extends ImageDtype> = (Dtype extends 'float32'
  ? Float32Array
  : Uint8Array) & { readonly shape: readonly number[] };

const OPTIONS: readonly (keyof ResizeImageOptions)[] = [
  'widthPx',
  'heightPx',
  'fit',
  'layout',
  'dtype',
  'mean',
  'std',
];
const FITS = ['pad', 'crop', 'stretch'] as const satisfies readonly NativeFit[];
const LAYOUTS = ['hwc', 'chw'] as const satisfies readonly NativeLayout[];
const DTYPES: readonly ImageDtype[] = ['uint8', 'float32'];
const CHANNELS = 3;
/** The longest side of an image that is made, and of one that is given [px]. */
const LONGEST_PX = 4_096;
const LONGEST_GIVEN_PX = 16_384;
/** How many sizes of a shape a message has. */
const MOST_SIZES = 8;
/** Far more than any model has. */
const LARGEST = 1e6;

/** How large an image is, and in which order its numbers are. */
interface ImageForm {
  readonly width: number;
  readonly height: number;
  readonly layout: NativeLayout;
}

/**
 * Makes an image of another size, layout and type out of an image, as a model wants it. The filter is bilinear, and where
 * the image becomes smaller it takes every pixel into account, as Pillow's and torchvision's. With the defaults it does
 * what `resize_with_pad` of openpi's client does. Returns a new array with its shape. Can be called in any thread.
 *
 * @example
 * const seen = resizeImage(shaped(pixels, [480, 640, 3]), { widthPx: 224, heightPx: 224 });
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 */
export function resizeImage<Dtype extends ImageDtype = 'uint8'>(
  image: RgbImage,
  options: ResizeImageOptions<Dtype>,
): ResizedImage<Dtype> {
  return resizeNamed('image', image, options);
}

/** {@link resizeImage} of an image that is named so in messages. */
export function resizeNamed<Dtype extends ImageDtype = 'uint8'>(
  name: string,
  image: RgbImage,
  given: ResizeImageOptions<Dtype>,
): ResizedImage<Dtype> {
  const options = ownOptions<ResizeImageOptions>('resizeImage()', given, OPTIONS);
  const { widthPx, heightPx, fit = 'pad', layout = 'hwc', dtype = 'uint8', mean, std } = options;
  const sides = { from: 1, to: LONGEST_PX, integer: true, unit: 'px' };
  checkNumber('widthPx', widthPx, sides);
  checkNumber('heightPx', heightPx, sides);
  checkName('fit', fit, FITS);
  checkName('layout', layout, LAYOUTS);
  checkName('dtype', dtype, DTYPES);
  const scaling = scalingOf(dtype, mean, std);
  // Last: an option may be a getter, whose code may change the image.
  const from = checkImage(name, image);
  // Another thread may write into memory that it shares while it is read.
  const values = types.isSharedArrayBuffer(image.buffer) ? new Uint8Array(image) : image;
  const length = CHANNELS * widthPx * heightPx;
  const made = dtype === 'float32' ? new Float32Array(length) : new Uint8Array(length);
  const to = { toWidth: widthPx, toHeight: heightPx, toLayout: layout, fit, ...scaling };
  if (!calling(() => resize(values, bare({ ...from, ...to }), new Uint8Array(made.buffer)))) {
    throw new KilohertzError('INTERNAL', `${name} has another length than was checked`);
  }
  const sizes = [heightPx, widthPx];
  const shape = layout === 'hwc' ? [...sizes, CHANNELS] : [CHANNELS, ...sizes];
  return withShape(made, shape) as ResizedImage<Dtype>;
}

/** Returns what counts as 0 and as 1 in each channel, where there are numbers to scale. */
function scalingOf(
  dtype: ImageDtype,
  mean: unknown,
  std: unknown,
): { mean: number[]; std: number[] } | undefined {
  if (dtype === 'float32') {
    return {
      mean: channelsOf('mean', mean === undefined ? 0 : mean, { from: -LARGEST, to: LARGEST }),
      std: channelsOf('std', std === undefined ? 1 : std, { from: 1 / LARGEST, to: LARGEST }),
    };
  }
  for (const [name, value] of Object.entries({ mean, std })) {
    if (value === undefined) continue;
    const expected = "nothing: only the numbers of dtype 'float32' are scaled";
    throw new OptionTypeError(codeOf(name), name, value, expected);
  }
  return undefined;
}

function channelsOf(name: string, given: unknown, range: { from: number; to: number }): number[] {
  const all =
    typeof given === 'number' ? [given, given, given] : checkNumbers(name, given, CHANNELS);
  return all.map((number) => checkNumber(name, number, range));
}

/** @throws {OptionTypeError | OptionRangeError} `OPTION_IMAGE` */
export function checkImage(name: string, image: unknown): ImageForm {
  if (!types.isUint8Array(image)) {
    const expected = 'a Uint8Array, as in shaped(pixels, [480, 640, 3])';
    throw new OptionTypeError('OPTION_IMAGE', name, image, expected);
  }
  const given: unknown = (image as Shaped).shape;
  const shape: unknown[] = Array.isArray(given) ? given.slice(0, MOST_SIZES) : [];
  const told = Array.isArray(given)
    ? `[${shape.map((size) => describe(size)).join(', ')}]`
    : describe(given);
  const what = `${name}, whose shape is ${told},`;
  const isSide = (side: unknown): boolean =>
    Number.isInteger(side) && Number(side) >= 1 && Number(side) <= LONGEST_GIVEN_PX;
  const layout = LAYOUTS.find((each) => shape[each === 'hwc' ? 2 : 0] === CHANNELS);
  if (shape.length !== 3 || !shape.every(isSide) || layout === undefined) {
    const expected = `the shape [height, width, 3] or [3, height, width], as by shaped(pixels, [480, 640, 3]), with sides of 1 to ${LONGEST_GIVEN_PX} px`;
    throw new OptionTypeError('OPTION_IMAGE', what, image, expected);
  }
  const [first, second, third] = shape as [number, number, number];
  const length = first * second * third;
  if (image.length !== length) {
    const expected = `the length ${length}; an array that was transferred to another thread has none`;
    throw new OptionRangeError('OPTION_IMAGE', what, image, expected);
  }
  const [height, width] = layout === 'hwc' ? [first, second] : [second, third];
  return { width, height, layout };
}
