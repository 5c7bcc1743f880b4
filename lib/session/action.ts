import { types } from 'node:util';
import { isList } from '../checks.ts';
import { describe, read } from '../errors/describe.ts';
import { numberText } from '../errors/number.ts';
import { isUnit, QUATERNION, quaternionLength, writeMatrix } from '../franka/pose.ts';
import type { RefusalCode } from '../native/contract.ts';
import { type Tick, tickOf } from './robot.ts';

/** Why an answer is not a valid action. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly received: string;
  readonly expected: string;
  /** What to return instead; empty if `expected` already says it. */
  readonly advice: string;
}

/** How many numbers a pose has. */
const POSE = 16;
/** How many torques follow a motion, one for each joint. */
const TORQUES = 7;

/** Converts answers of a policy to the form that the native side takes. */
export class ActionBuffer {
  readonly #slots: Float64Array;
  readonly #isPose: boolean;
  readonly #xyz = new Float64Array(3);
  readonly #quat = new Float64Array(4);
  readonly #elbow = new Float64Array(1);
  readonly #torques = new Float64Array(TORQUES);

  /**
   * @param length how many numbers an action has
   * @param isPose whether actions begin with a pose, which may then be given as `{ xyz, quat }`
   */
  constructor(length: number, isPose = false) {
    this.#slots = new Float64Array(length);
    this.#isPose = isPose;
  }

  /**
   * Returns the action in `answer`, valid until the next call; undefined if the policy has nothing new; or why the
   * answer is not a valid action.
   */
  take(answer: unknown): Float64Array | Refusal | undefined {
    if (answer === undefined) return undefined;
    if (isList(answer)) return this.#fill(answer, this.#slots) ?? this.#slots;
    if (this.#isPose && answer !== null && typeof answer === 'object') {
      if (Object.hasOwn(answer, 'xyz') || Object.hasOwn(answer, 'quat')) return this.#pose(answer);
    }
    return this.#refused('ACTION_TYPE', describe(answer), adviceFor(answer));
  }

  /** Returns what a policy is told beside the observation. */
  tick(clock: Float64Array): Tick {
    return tickOf(clock);
  }

  /** A policy that answers with one action has one episode in a session. */
  beginsEpisode(): boolean {
    return false;
  }

  /** Copies numbers. Returns a refusal if an item is not a number, or if the length is wrong. */
  #fill(list: ArrayLike<unknown>, slots: Float64Array, name?: string): Refusal | undefined {
    // The length and each slot are read once: what was checked is what is sent.
    const { length } = list;
    const most = Math.min(length, slots.length + 1);
    for (let index = 0; index < most; index += 1) {
      const value = list[index];
      if (typeof value !== 'number') {
        const what =
          name === undefined ? describe(list) : `a pose whose ${name} is ${describe(list)}`;
        const received = `${what} whose [${index}] is ${describe(value)}`;
        return this.#refused('ACTION_TYPE', received, adviceForItem(list, value));
      }
      if (index < slots.length) slots[index] = value;
    }
    if (length === slots.length) return undefined;
    const what = name === undefined ? '' : `a pose whose ${name} is `;
    return this.#refused('ACTION_LENGTH', `${what}${describe(list)}`, '');
  }

  /** Converts a pose that is given as an object. Allocates nothing if it is valid. */
  #pose(answer: object): Float64Array | Refusal {
    const slots = this.#slots;
    const hasElbow = (slots.length - POSE) % TORQUES === 1;
    const hasTorques = slots.length - POSE >= TORQUES;
    const wrong =
      this.#part(answer, 'xyz', this.#xyz) ??
      this.#part(answer, 'quat', this.#quat) ??
      this.#elbowOf(answer, hasElbow) ??
      this.#part(answer, 'tau_J', this.#torques, hasTorques);
    if (wrong) return wrong;
    const quat = this.#quat;
    const length = quaternionLength(
      quat[0] as number,
      quat[1] as number,
      quat[2] as number,
      quat[3] as number,
    );
    if (!isUnit(length)) {
      const received = `a pose whose quat has the length ${numberText(length, 1)}`;
      return { code: 'ACTION_FRAME', received, expected: QUATERNION, advice: '' };
    }
    writeMatrix(slots, this.#xyz, quat);
    if (hasElbow) slots[POSE] = this.#elbow[0] as number;
    if (hasTorques) slots.set(this.#torques, slots.length - TORQUES);
    return slots;
  }

  /** Copies the numbers of a field that a pose must have. With `isTaken` false it refuses a pose that has the field. */
  #part(answer: object, name: string, into: Float64Array, isTaken = true): Refusal | undefined {
    const value: unknown = Object.hasOwn(answer, name) ? Reflect.get(answer, name) : undefined;
    if (!isTaken && value === undefined) return undefined;
    if (!isTaken || !isList(value)) return this.#refusedField(name, value);
    const wrong = this.#fill(value, into, name);
    if (wrong) return wrong;
    for (let index = 0; index < into.length; index += 1) {
      if (!Number.isFinite(into[index])) {
        const received = `a pose whose ${name}[${index}] is ${into[index]}`;
        return this.#refused('ACTION_NOT_FINITE', received, '');
      }
    }
    return undefined;
  }

  #elbowOf(answer: object, isTaken: boolean): Refusal | undefined {
    const value: unknown = Object.hasOwn(answer, 'elbow')
      ? Reflect.get(answer, 'elbow')
      : undefined;
    if (!isTaken && value === undefined) return undefined;
    if (!isTaken || typeof value !== 'number') return this.#refusedField('elbow', value);
    if (!Number.isFinite(value)) {
      return this.#refused('ACTION_NOT_FINITE', `a pose whose elbow is ${value}`, '');
    }
    this.#elbow[0] = value;
    return undefined;
  }

  #refusedField(name: string, value: unknown): Refusal {
    return this.#refused('ACTION_TYPE', `a pose whose ${name} is ${describe(value)}`, '');
  }

  #refused(code: Refusal['code'], received: string, advice: string): Refusal {
    const { length } = this.#slots;
    const list = `an array or typed array of ${length} numbers`;
    if (!this.#isPose) return { code, received, expected: list, advice };
    const fields = ['xyz: 3 numbers', 'quat: 4 numbers'];
    if ((length - POSE) % TORQUES === 1) fields.push('elbow: a number');
    if (length - POSE >= TORQUES) fields.push('tau_J: 7 numbers');
    return { code, received, expected: `${list}, or { ${fields.join(', ')} }`, advice };
  }
}

/** Returns the advice for an answer that is not a list. */
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

/** Returns the advice for a list with such an item. */
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
