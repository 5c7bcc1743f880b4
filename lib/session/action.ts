import { types } from 'node:util';
import { isList } from '../checks.ts';
import { describe, read } from '../errors/describe.ts';

/** Why an answer is no action. */
export interface Refusal {
  readonly code: 'ACTION_LENGTH' | 'ACTION_TYPE';
  readonly received: string;
  readonly expected: string;
  /** What to return instead; empty where `expected` says it. */
  readonly advice: string;
}

/** Puts answers of a policy into the form that the native side takes. */
export class ActionBuffer {
  readonly #slots: Float64Array;

  constructor(length: number) {
    this.#slots = new Float64Array(length);
  }

  /** The action that `answer` is, until the next call; undefined where it is nothing new; or why it is none. */
  take(answer: unknown): Float64Array | Refusal | undefined {
    if (answer === undefined) return undefined;
    if (!isList(answer)) return this.#refused('ACTION_TYPE', describe(answer), adviceFor(answer));
    const slots = this.#slots;
    // The length and each slot are read once: what was checked is what is sent.
    const { length } = answer;
    const most = Math.min(length, slots.length + 1);
    for (let index = 0; index < most; index += 1) {
      const value = answer[index];
      if (typeof value !== 'number') {
        const received = `${describe(answer)} whose [${index}] is ${describe(value)}`;
        return this.#refused('ACTION_TYPE', received, adviceForItem(answer, value));
      }
      if (index < slots.length) slots[index] = value;
    }
    return length === slots.length ? slots : this.#refused('ACTION_LENGTH', describe(answer), '');
  }

  #refused(code: Refusal['code'], received: string, advice: string): Refusal {
    const expected = `an array or typed array of ${this.#slots.length} numbers`;
    return { code, received, expected, advice };
  }
}

/** What to return instead of something that is no list. */
function adviceFor(answer: unknown): string {
  if (answer === null) return 'Return undefined where there is nothing new';
  if (typeof answer !== 'object') return '';
  const data = read(answer, 'data');
  if (isList(data)) {
    const is64Bit = types.isBigInt64Array(data) || types.isBigUint64Array(data);
    return is64Bit ? 'Return Array.from(tensor.data, Number)' : 'Return tensor.data';
  }
  if (ArrayBuffer.isView(answer)) return 'Return new Float64Array(view.buffer)';
  const isIterable = typeof read(answer, Symbol.iterator) === 'function';
  if (isIterable || typeof read(answer, 'length') === 'number') return 'Return Array.from(answer)';
  return '';
}

/** What to return instead of a list with such an item. */
function adviceForItem(list: ArrayLike<unknown>, item: unknown): string {
  if (isList(item)) return Array.isArray(item) ? 'Return answer.flat()' : 'Return [...answer[0]]';
  switch (typeof item) {
    case 'string':
    case 'boolean':
      return 'Make each a number with Number(x)';
    case 'bigint':
      return Array.isArray(list)
        ? 'Make each a number with Number(x)'
        : 'Return Array.from(answer, Number)';
    case 'undefined':
      return 'Return undefined alone where there is nothing new';
    default:
      return item === null ? 'NaN and Infinity are null once they were JSON' : adviceFor(item);
  }
}
