import { types } from 'node:util';
import { read } from '../errors/describe.ts';
import { OptionTypeError } from '../errors/errors.ts';

const marked: WeakMap<object, readonly object[]> = new WeakMap();

/**
 * Marks a value, an argument or a result, to be moved to the other thread instead of copied. A large buffer is then
 * sent without delay, and is empty (detached) in this thread. Returns the value itself. The mark counts for one
 * sending.
 *
 * @example
 * const depth = await estimate(transfer(image)); // and in estimate: return transfer(map)
 * await fuse(transfer({ left, right }, [left.buffer, right.buffer]));
 * @param list the objects to move: array buffers, ports. Default: the value itself, or its buffer
 * @throws {OptionTypeError} `OPTION_VALUE`, `OPTION_LIST`
 */
export function transfer<T extends object>(value: T, list?: readonly object[]): T {
  if (value === null || typeof value !== 'object') {
    throw new OptionTypeError('OPTION_VALUE', 'value', value, 'an object, as a typed array is');
  }
  const moving = list ?? movingOf(value);
  if (!Array.isArray(moving) || moving.some((item) => item === null || typeof item !== 'object')) {
    const expected =
      'an array of what moves, as in transfer(value, [value.image.buffer]); it may be left out ' +
      'where the value is a typed array, an ArrayBuffer or a MessagePort';
    throw new OptionTypeError('OPTION_LIST', 'list', list, expected);
  }
  marked.set(value, moving);
  return value;
}

function movingOf(value: object): readonly object[] | undefined {
  if (ArrayBuffer.isView(value)) return [value.buffer];
  const isPort = read(value, Symbol.toStringTag) === 'MessagePort';
  return types.isArrayBuffer(value) || isPort ? [value] : undefined;
}

/** Returns the objects to move with these values, and removes their marks. */
export function takeMoving(values: readonly unknown[]): object[] {
  const moving: object[] = [];
  for (const value of values) {
    if (value === null || typeof value !== 'object') continue;
    const list = marked.get(value);
    if (list === undefined) continue;
    marked.delete(value);
    moving.push(...list);
  }
  return moving;
}
