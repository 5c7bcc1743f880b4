import { types } from 'node:util';
import { describe } from '../errors/describe.ts';
import type { ServerError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import type { ServerArray } from './arrays.ts';
import type { Read } from './messages.ts';
import { badAnswer, type Fault } from './wire-error.ts';

/** An array of finite numbers in a server's answer: an {@link ActionTensor}. */
export interface NumberArray extends ServerArray {
  readonly data: Exclude<ServerArray['data'], BigInt64Array | BigUint64Array>;
}

/** How many keys a message names. */
const MOST_KEYS = 20;

/** What a policy server has answered. */
export class ServerAnswer {
  /**
   * The whole answer: texts, numbers, lists, objects, and arrays of numpy as {@link ServerArray}. It comes from the
   * server as it is, and nothing in it was checked.
   */
  readonly value: unknown;
  readonly #arrays: ReadonlySet<unknown>;
  readonly #errorOf: (fault: Fault) => ServerError;

  /** @internal */
  constructor({ value, arrays }: Read, errorOf: (fault: Fault) => ServerError) {
    this.value = value;
    this.#arrays = new Set(arrays);
    this.#errorOf = errorOf;
  }

  /**
   * Returns an array of the answer, once it was checked: it must be there, be an array of numbers, have the shape, and all
   * of its numbers must be finite. An error that it throws does not end a session at once: see
   * {@link PolicyServerOptions.maxAwayS}.
   *
   * @param shape how many numbers there are in each dimension; `null` for any number. Leading dimensions of 1 in the
   * answer are left out where there are too many. Default: any shape
   * @example
   * answer.array('actions', [null, 8])
   * @throws {ServerError} `SERVER_ANSWER`
   */
  array(key: string, shape?: readonly (number | null)[]): NumberArray {
    const wanted =
      shape === undefined ? '' : ` with the shape [${shape.map((n) => n ?? 'any').join(', ')}]`;
    const expected = `an array of finite numbers${wanted}`;
    const refused = (received: string): ServerError =>
      this.#errorOf(badAnswer(received, expected).fault);
    const { value } = this;
    if (typeof value !== 'object' || value === null) {
      throw refused(`the answer is ${describe(value)}`);
    }
    if (!Object.hasOwn(value, key)) {
      const keys = Object.keys(value).slice(0, MOST_KEYS);
      throw refused(`the answer has no ${describe(key)}; it has ${describe(keys.join(', '))}`);
    }
    const found: unknown = Reflect.get(value, key);
    const what = `${describe(key)} of the answer`;
    if (!this.#arrays.has(found)) throw refused(`${what} is ${describe(found)}`);
    const array = found as ServerArray;
    const sizes = [...array.shape];
    while (shape !== undefined && sizes.length > shape.length && sizes[0] === 1) sizes.shift();
    const fits = shape?.every((size, nth) => size === null || size === sizes[nth]) ?? true;
    if (!fits || (shape !== undefined && sizes.length !== shape.length)) {
      throw refused(`${what} has the shape [${array.shape}] and the type ${array.dtype}`);
    }
    const data =
      types.isBigInt64Array(array.data) || types.isBigUint64Array(array.data)
        ? Float64Array.from(array.data, Number)
        : array.data;
    const wrong = data.findIndex((number) => !Number.isFinite(number));
    if (wrong >= 0) {
      const number = numberText(data[wrong] ?? Number.NaN);
      throw refused(`${what} has ${number} at ${placeOf(wrong, sizes)}`);
    }
    return Object.freeze({ dtype: array.dtype, shape: sizes, dims: sizes, data });
  }
}

/** Returns the indices of a number, as in `[3][2]`. */
function placeOf(index: number, shape: readonly number[]): string {
  let left = index;
  const places = shape.toReversed().map((size) => {
    const place = left % size;
    left = Math.floor(left / size);
    return `[${place}]`;
  });
  return places.toReversed().join('');
}
