// The shape that a typed array has in Python.

import { describe } from '../../errors/describe.ts';
import { OffloadError, OptionTypeError } from '../../errors/errors.ts';

/** A typed array with a shape, rows before columns. */
export interface Shaped {
  readonly shape?: readonly number[];
}

/**
 * Sets the shape that a typed array has in Python, rows before columns. Returns the array itself.
 *
 * @example
 * await policy.getAction(shaped(image, [480, 640, 3]));
 * @throws {OptionTypeError} `OPTION_ARRAY` if the argument is not a typed array
 * @throws {OffloadError} `OFFLOAD_SHAPE` if the shape has another number of elements
 */
export function shaped<A extends ArrayBufferView>(
  array: A,
  shape: readonly number[],
): A & { readonly shape: readonly number[] } {
  if (!ArrayBuffer.isView(array)) {
    throw new OptionTypeError('OPTION_ARRAY', 'array', array, 'a typed array');
  }
  checkShape(array, shape, 'shape');
  return withShape(array, [...shape]);
}

/** Sets the shape of an array without a check, and returns the array. The shape must fit. */
export function withShape<A extends ArrayBufferView>(
  array: A,
  shape: readonly number[],
): A & { readonly shape: readonly number[] } {
  Object.defineProperty(array, 'shape', { value: Object.freeze(shape), configurable: true });
  return array as A & { readonly shape: readonly number[] };
}

/** Whether an array has as many elements as a shape. */
export function hasShape(array: ArrayBufferView, shape: readonly number[]): boolean {
  try {
    return (
      Array.isArray(shape) &&
      shape.length <= MOST_SIZES &&
      shape.every((size) => Number.isInteger(size) && size >= 0) &&
      shape.reduce((product, size) => product * size, 1) === (array as { length?: number }).length
    );
  } catch {
    return false;
  }
}

const MOST_SIZES = 32;

/** Returns a shape for a message; it may be any value. */
function shapeText(shape: unknown): string {
  try {
    const isShown =
      Array.isArray(shape) &&
      shape.length <= MOST_SIZES &&
      shape.every((size) => typeof size === 'number');
    if (isShown) return `[${Array.prototype.join.call(shape, ',')}]`;
  } catch {
    // It cannot be looked at.
  }
  return describe(shape);
}

/** @throws {OffloadError} `OFFLOAD_SHAPE` */
export function checkShape(array: ArrayBufferView, shape: readonly number[], path: string): void {
  if (hasShape(array, shape)) return;
  const { length = 'which a DataView does not have' } = array as { length?: number };
  throw new OffloadError(
    'OFFLOAD_SHAPE',
    `${path} is ${shapeText(shape)}; expected at most ${MOST_SIZES} whole ` +
      `numbers whose product is the array's length, ${length}`,
  );
}
