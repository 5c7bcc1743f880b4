// What a policy in a worker or a process is given beside the robot's state: named inputs, of which the newest counts.

import { types } from 'node:util';
import { bare, checkNumber, checkObject, ownOptions } from '../checks.ts';
import { describe } from '../errors/describe.ts';
import { OptionRangeError, OptionTypeError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { NativeInputs } from '../native/binding.ts';
import { ARRAY, INPUT } from '../native/contract.ts';
import { hasShape, type Shaped } from '../offload/codec/shape.ts';

/** An array that a policy is given, with its shape by {@link shaped}. */
export type InputArray = (
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
) &
  Shaped;

/** What a policy is given that is no array: what JSON can express, at most 1 MiB of it. */
export type PlainInput =
  | number
  | string
  | boolean
  | null
  | readonly PlainInput[]
  | { readonly [name: string]: PlainInput | undefined };

/** Inputs of a policy by their names. `undefined` or `null` removes an input. */
export type InputValues = Readonly<Record<string, InputArray | PlainInput | undefined>>;

/** Options of {@link ModulePolicy.set}. */
export interface SetInputsOptions {
  /**
   * The time to which the inputs belong, for example that of a camera's image, on the clock of {@link Tick.hostTimeS} [s].
   * Default: now.
   */
  readonly hostTimeS?: number;
}

/** The type of the numbers of an array, as numpy names it. */
export type InputDtype =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64';

/** The form of an input that is an array. */
export interface InputForm {
  readonly dtype: InputDtype;
  /** How many elements there are in each dimension, as for {@link shaped}. */
  readonly shape: readonly number[];
}

/** What was counted of an input. */
export interface InputStats {
  /** How often it was set. */
  readonly set: number;
  /**
   * How many values a session's policy did not look at before they were overwritten or removed, those that came while it
   * was loaded among them. A value may be counted that the policy looked at in the same moment.
   */
  readonly overwritten: number;
}

const KINDS: ReadonlyMap<string, InputDtype> = new Map([
  ['Int8Array', 'int8'],
  ['Uint8Array', 'uint8'],
  ['Uint8ClampedArray', 'uint8'],
  ['Int16Array', 'int16'],
  ['Uint16Array', 'uint16'],
  ['Int32Array', 'int32'],
  ['Uint32Array', 'uint32'],
  ['BigInt64Array', 'int64'],
  ['BigUint64Array', 'uint64'],
  ['Float32Array', 'float32'],
  ['Float64Array', 'float64'],
]);
const DTYPES: readonly InputDtype[] = [...new Set(KINDS.values())];
const NAME = new RegExp(`^[\\w./-]{1,${INPUT.nameBytes}}$`, 'i');
const EXPECTED_NAME = `at most ${INPUT.nameBytes} letters, digits and _ - . /`;
const EXPECTED_VALUE =
  'a typed array, a number, a text, true or false, what JSON can express, or undefined, which removes the input';
const MOST_DIMENSIONS = `at most ${INPUT.dims} whole numbers whose product is the length of the array`;
/** The longest text in JSON [bytes], how deep it may be nested, and how many values it may have. */
const LONGEST_PLAIN = 2 ** 20;
const DEEPEST = 16;
const MOST_VALUES = 100_000;
/** Plain values get at least so much room, because their length changes [bytes]. */
const SMALLEST_ROOM = 1_024;
const DEFAULT_MOST_BYTES = 64 * 2 ** 20;
/** Later than a machine can have run for. */
const LATEST_S = 1e10;

/** A value as it is sent. */
interface Encoded {
  readonly kind: number;
  /** What must not change, in words. */
  readonly form: string;
  readonly shape: readonly number[];
  /** Its bytes; of an array those of the user's own memory. */
  readonly bytes: Uint8Array;
}

/** An input. */
interface Held {
  form: string | undefined;
  readonly isDeclared: boolean;
  /** How many bytes it may have in the memory of the sessions. */
  room: number;
  /** Its newest value, with a copy of the bytes; undefined if there is none. */
  value: Encoded | undefined;
  hostTimeS: number;
  set: number;
  overwritten: number;
}

const held: WeakMap<object, PolicyInputs> = new WeakMap();

/** The inputs of a policy. They outlive its sessions, each of which has its own memory for them. */
export class PolicyInputs {
  readonly #limit: number;
  readonly #inputs = new Map<string, Held>();
  readonly #sessions = new Set<NativeInputs>();

  /** @throws {OptionTypeError | OptionRangeError} if an option is invalid */
  constructor(options: { readonly inputs?: unknown; readonly maxInputBytes?: unknown }) {
    const { inputs = {}, maxInputBytes = DEFAULT_MOST_BYTES } = options;
    const range = { from: 4_096, to: 2 ** 32 - 1, integer: true, unit: 'bytes' };
    this.#limit = checkNumber('maxInputBytes', maxInputBytes, range);
    checkObject('inputs', inputs);
    for (const [name, form] of Object.entries(inputs)) this.#declare(name, form);
  }

  /** Returns the inputs of a policy that {@link belongTo} has told of. */
  static of(policy: object): PolicyInputs {
    return held.get(policy) ?? new PolicyInputs({});
  }

  belongTo<Made extends object>(policy: Made): Made {
    held.set(policy, this);
    return policy;
  }

  /** {@link ModulePolicy.set} */
  readonly set = (values: InputValues, options: SetInputsOptions = {}): void => {
    checkObject('inputs', values);
    const { hostTimeS = Number(process.hrtime.bigint()) / 1e9 } = ownOptions('set()', options, [
      'hostTimeS',
    ]);
    checkNumber('hostTimeS', hostTimeS, { from: 0, to: LATEST_S, unit: 's' });
    // All are checked before one is set: an error leaves everything as it was.
    const rooms = new Map<string, number>();
    const encoded = Object.entries(bare(values)).map(([name, value]) => {
      this.#checkName(name, rooms);
      const sent = value === undefined || value === null ? undefined : encode(name, value);
      if (sent) this.#checkForm(name, value, sent);
      rooms.set(name, this.#roomFor(name, sent));
      return [name, sent] as const;
    });
    this.#checkRoom(rooms);
    for (const [name, sent] of encoded) this.#apply(name, sent, hostTimeS, rooms.get(name) ?? 0);
  };

  /** {@link ModulePolicy.inputStats} */
  get stats(): Readonly<Record<string, InputStats>> {
    const all = [...this.#inputs].map(([name, { set, overwritten }]) => [
      name,
      { set, overwritten },
    ]);
    return Object.fromEntries(all);
  }

  /** Makes memory for a session, which has all inputs and gets those that are set from now on. */
  begin(): NativeInputs {
    const session = calling(() => new NativeInputs(this.#limit));
    for (const [name, input] of this.#inputs) {
      if (input.value) send(session, name, input, input.value);
    }
    this.#sessions.add(session);
    return session;
  }

  /** Frees the memory of a session. */
  end(session: NativeInputs | undefined): void {
    if (!session) return;
    this.#sessions.delete(session);
    session.release();
  }

  #declare(name: string, given: unknown): void {
    this.#checkName(name, new Map());
    const path = `inputs.${name}`;
    const { dtype, shape } = ownOptions(path, given as Partial<InputForm>, ['dtype', 'shape']);
    const found = DTYPES.find((each) => each === dtype);
    if (!found) {
      const expected = `one of ${DTYPES.join(', ')}`;
      throw new OptionTypeError('OPTION_INPUTS', `${path}.dtype`, dtype, expected);
    }
    if (!Array.isArray(shape) || !isShape(shape)) {
      const expected = `at most ${INPUT.dims} whole numbers above 0, as in [480, 640, 3]`;
      throw new OptionTypeError('OPTION_INPUTS', `${path}.shape`, shape, expected);
    }
    const elements = shape.reduce((product, size) => product * size, 1);
    const room = elements * (Number(/\d+$/.exec(found)?.[0]) / 8);
    this.#checkRoom(new Map([[name, room]]));
    const own = { form: formOf(found, shape), isDeclared: true, room };
    this.#inputs.set(name, { ...own, value: undefined, hostTimeS: 0, set: 0, overwritten: 0 });
  }

  #checkName(name: string, others: ReadonlyMap<string, unknown>): void {
    if (!NAME.test(name)) {
      throw new OptionRangeError('OPTION_INPUTS', 'the name of an input', name, EXPECTED_NAME);
    }
    const names = new Set([...this.#inputs.keys(), ...others.keys(), name]);
    if (names.size > INPUT.names) {
      const expected = `one of the ${INPUT.names} names that were given first: a policy has no more inputs`;
      throw new OptionRangeError('OPTION_INPUTS', 'the name of an input', name, expected);
    }
  }

  #checkForm(name: string, value: unknown, { form }: Encoded): void {
    const known = this.#inputs.get(name);
    if (known?.form === undefined || known.form === form) return;
    const remedy = known.isDeclared
      ? 'as the option inputs declares it'
      : `as it was first set; set({ '${name}': undefined }) removes it, and then it may have another form`;
    const path = `inputs.${name}, which is ${form}`;
    throw new OptionTypeError('OPTION_INPUTS', path, value, `${known.form}, ${remedy}`);
  }

  /** Returns how many bytes an input is to have. */
  #roomFor(name: string, sent: Encoded | undefined): number {
    const has = this.#inputs.get(name)?.room ?? 0;
    const needs = sent?.bytes.byteLength ?? 0;
    if (needs <= has) return has;
    // What grows gets room to grow, so that it does not move each time.
    return Math.max(needs, 2 * has, sent?.kind === INPUT.plain ? SMALLEST_ROOM : 0);
  }

  #checkRoom(rooms: ReadonlyMap<string, number>): void {
    const all = new Map([
      ...[...this.#inputs].map(([name, { room }]) => [name, room] as const),
      ...rooms,
    ]);
    const bytes = [...all.values()].reduce((sum, room) => sum + room, 0);
    if (bytes <= this.#limit) return;
    const expected = `at most ${this.#limit} bytes for all inputs; set smaller ones, or raise maxInputBytes`;
    const names = [...rooms.keys()].join(', ');
    throw new OptionRangeError(
      'OPTION_INPUTS',
      `the size of the inputs with ${names}`,
      bytes,
      expected,
      [0, this.#limit],
    );
  }

  #apply(name: string, sent: Encoded | undefined, hostTimeS: number, room: number): void {
    const known = this.#inputs.get(name);
    if (!sent && !known) return;
    const none = { form: undefined, isDeclared: false, value: undefined, set: 0, overwritten: 0 };
    const input: Held = known ?? { ...none, room, hostTimeS };
    this.#inputs.set(name, input);
    if (!sent) {
      input.value = undefined;
      if (!input.isDeclared) input.form = undefined;
      for (const session of this.#sessions) {
        if (calling(() => session.remove(name))) input.overwritten += 1;
      }
      return;
    }
    // The user's array may change at any time.
    const before = input.value?.bytes;
    const bytes =
      before?.byteLength === sent.bytes.byteLength ? before : new Uint8Array(sent.bytes.byteLength);
    bytes.set(sent.bytes);
    const value = { ...sent, bytes };
    Object.assign(input, { form: sent.form, room, value, hostTimeS });
    input.set += 1;
    for (const session of this.#sessions) {
      if (send(session, name, input, value)) input.overwritten += 1;
    }
  }
}

/** Gives a session the value of an input. Returns whether the one before was not looked at. */
function send(
  session: NativeInputs,
  name: string,
  { hostTimeS, room }: Held,
  value: Encoded,
): boolean {
  const { kind, shape, bytes } = value;
  return calling(() => session.set(name, kind, [...shape], hostTimeS, room, bytes));
}

function formOf(dtype: InputDtype, shape: readonly number[]): string {
  return `${dtype} of shape [${shape.join(', ')}]`;
}

function isShape(shape: readonly unknown[]): shape is readonly number[] {
  const isSize = (size: unknown): boolean => Number.isInteger(size) && Number(size) > 0;
  return shape.length <= INPUT.dims && shape.every(isSize);
}

/** @throws {OptionTypeError | OptionRangeError} if a value cannot be an input */
function encode(name: string, value: unknown): Encoded {
  const path = `inputs.${name}`;
  if (ArrayBuffer.isView(value)) return encodeArray(path, value);
  const words: Readonly<Record<string, string>> = {
    number: 'a number',
    string: 'a text',
    boolean: 'true or false',
    object: 'an object or a list',
  };
  const plain = plainOf(value, path, { values: MOST_VALUES }, []);
  const bytes = Buffer.from(JSON.stringify(plain));
  if (bytes.byteLength > LONGEST_PLAIN) {
    const expected = `at most ${LONGEST_PLAIN} bytes as JSON; pass large data as typed arrays`;
    throw new OptionRangeError('OPTION_INPUTS', path, value, expected);
  }
  return { kind: INPUT.plain, form: words[typeof value] ?? '', shape: [], bytes };
}

function encodeArray(path: string, array: ArrayBufferView): Encoded {
  const kind = types.isTypedArray(array) ? array[Symbol.toStringTag] : 'DataView';
  const dtype = KINDS.get(kind);
  if (dtype === undefined) throw new OptionTypeError('OPTION_INPUTS', path, array, EXPECTED_VALUE);
  const { length = 0, shape: given } = array as { length?: number } & Shaped;
  if (length === 0) {
    const expected = 'an array with elements; one that was transferred to another thread has none';
    throw new OptionRangeError('OPTION_INPUTS', path, array, expected);
  }
  const shape = given === undefined ? [length] : Array.from(given);
  if (!isShape(shape) || !hasShape(array, shape)) {
    throw new OptionRangeError('OPTION_INPUTS', `${path}.shape`, given, MOST_DIMENSIONS);
  }
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return { kind: ARRAY[kind as keyof typeof ARRAY], form: formOf(dtype, shape), shape, bytes };
}

/** Returns a copy of a value that JSON expresses as it is. */
function plainOf(
  value: unknown,
  path: string,
  left: { values: number },
  within: readonly object[],
): unknown {
  left.values -= 1;
  const refuse = (expected: string): never => {
    throw new OptionTypeError('OPTION_INPUTS', path, value, expected);
  };
  if (left.values < 0)
    return refuse(`at most ${MOST_VALUES} values within; pass numbers as a typed array`);
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value : refuse('a finite number');
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return refuse(EXPECTED_VALUE);
  if (within.length >= DEEPEST || within.includes(value)) {
    return refuse(`at most ${DEEPEST} levels, and no circle`);
  }
  const all = [...within, value];
  if (Array.isArray(value)) {
    return Array.from(value, (item, nth) => plainOf(item, `${path}[${nth}]`, left, all));
  }
  if (ArrayBuffer.isView(value)) {
    return refuse('an input of its own: an array within another value is not sent');
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return refuse(`${EXPECTED_VALUE}; it is ${describe(value)}`);
  }
  const items = Object.entries(value).filter(([, item]) => item !== undefined);
  return bare(
    Object.fromEntries(
      items.map(([name, item]) => [name, plainOf(item, `${path}.${name}`, left, all)]),
    ),
  );
}
