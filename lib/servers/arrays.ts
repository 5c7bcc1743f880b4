// Arrays of numpy: their types, and the values around them.

import { types } from 'node:util';
import { isList } from '../checks.ts';
import { describe } from '../errors/describe.ts';
import { hasShape, type Shaped } from '../offload/codec/shape.ts';
import type { Packable } from './msgpack.ts';
import { badAnswer, badFrame } from './wire-error.ts';

/** The numbers of an array of numpy. */
export type ServerNumbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

type NumbersClass = new (buffer: ArrayBuffer) => ServerNumbers;

/** The class of each type of numpy. A boolean is read as 0 or 1. */
const CLASSES: Readonly<Record<string, NumbersClass>> = {
  '|i1': Int8Array,
  '|u1': Uint8Array,
  '|b1': Uint8Array,
  '<i2': Int16Array,
  '<u2': Uint16Array,
  '<i4': Int32Array,
  '<u4': Uint32Array,
  '<i8': BigInt64Array,
  '<u8': BigUint64Array,
  '<f4': Float32Array,
  '<f8': Float64Array,
};
const HALF = '<f2';
const KNOWN: string = [...Object.keys(CLASSES), HALF].join(', ');
/** The type of numpy of each class, by the class's name. */
const DTYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(CLASSES)
    .filter(([dtype]) => dtype !== '|b1')
    .map(([dtype, { name }]) => [name, dtype]),
);
const MOST_DIMS = 32;
/** How deep what is told may be nested. */
const DEEPEST = 16;

/** An array of a server's answer. */
export interface ServerArray {
  /** The type of its numbers, as numpy names it: for example `<f4`. Numbers of 16 bits are read as numbers of 32. */
  readonly dtype: string;
  /** How many numbers there are in each dimension. */
  readonly shape: readonly number[];
  /** The same as `shape`, so that the array is an {@link ActionTensor}. */
  readonly dims: readonly number[];
  /** The numbers, row by row. */
  readonly data: ServerNumbers;
}

/**
 * Returns the array with these bytes, in memory of its own.
 *
 * @throws {WireError} if the type is not known, or the bytes are not those of the shape
 */
export function readArray(dtype: unknown, shape: unknown, bytes: unknown): ServerArray {
  if (typeof dtype !== 'string' || (dtype !== HALF && !Object.hasOwn(CLASSES, dtype))) {
    throw badAnswer(`an array of the type ${describe(dtype)}`, KNOWN);
  }
  if (!(bytes instanceof Uint8Array)) {
    throw badFrame(`an array whose data is ${describe(bytes)}`, 'its bytes');
  }
  const sizes = shapeOf(shape);
  const itemSize = Number(dtype.slice(2));
  const size = sizes.reduce((product, length) => product * length, itemSize);
  if (size !== bytes.length) {
    const received = `an array of ${bytes.length} bytes with the shape [${sizes}] and the type ${dtype}`;
    throw badFrame(received, `${size} bytes`);
  }
  const { buffer } = new Uint8Array(bytes);
  const Class = CLASSES[dtype];
  const data = Class === undefined ? halves(new Uint16Array(buffer)) : new Class(buffer);
  return { dtype, shape: sizes, dims: sizes, data };
}

function shapeOf(shape: unknown): number[] {
  const isShape =
    Array.isArray(shape) &&
    shape.length <= MOST_DIMS &&
    shape.every((length) => Number.isSafeInteger(length) && length >= 0);
  if (isShape) return shape;
  throw badFrame(
    `an array with the shape ${describe(shape)}`,
    `at most ${MOST_DIMS} whole numbers`,
  );
}

/** Returns numbers of 16 bits (IEEE 754) as numbers of 32. */
function halves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** How a protocol writes an array: its type of numpy, its shape and its bytes. */
export type ArrayForm = (dtype: string, shape: readonly number[], bytes: Uint8Array) => Packable;

/**
 * Returns what a server is told in the form in which it is packed.
 *
 * @throws {TypeError} if a value has no place in a message
 */
export function toPackable(told: unknown, form: ArrayForm): Packable {
  return packable(told, form, []);
}

function packable(value: unknown, form: ArrayForm, path: readonly (string | number)[]): Packable {
  const refused = (expected: string): TypeError => {
    const where = ['the observation', ...path].join('.');
    return new TypeError(`${where} is ${describe(value)}; expected ${expected}`);
  };
  if (path.length > DEEPEST) throw refused(`values nested at most ${DEEPEST} deep`);
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) {
    return value as Packable;
  }
  if (typeof value === 'bigint' && value >= -(2n ** 63n) && value < 2n ** 64n) return value;
  if (ArrayBuffer.isView(value)) {
    const dtype = DTYPES.get(types.isUint8Array(value) ? 'Uint8Array' : value.constructor.name);
    if (dtype === undefined) throw refused('an array of numbers');
    const { length } = value as ServerNumbers;
    const { shape = [length] } = value as Shaped;
    if (!hasShape(value, shape)) throw refused(`a shape of ${length} numbers`);
    return form(dtype, shape, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (typeof value !== 'object') throw refused(TELLABLE);
  if (isList(value)) {
    return Array.from(value, (item, nth) => packable(item, form, [...path, nth]));
  }
  const entries = Object.entries(value).map(
    ([key, item]) => [key, packable(item, form, [...path, key])] as const,
  );
  return new Map(entries);
}

const TELLABLE = 'a number, a text, a boolean, null, an array, or an object or a list of them';
