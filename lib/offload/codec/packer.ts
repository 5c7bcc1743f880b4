// Writes values as bytes, and reads them, for a line. `lib/offload/python/_kilohertz/codec.py` reads and writes the
// same format.
//
// A value is a tag and the data that belongs to it. Numbers are little-endian. Large arrays are not part of the
// message: they are lent in shared memory. If the other end is Node, a value without a tag of its own is cloned as by
// `postMessage`.

import { TextEncoder, types } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { describe, isError, withArticle } from '../../errors/describe.ts';
import { isOurs, type KilohertzError, OffloadError } from '../../errors/errors.ts';
import { fromNative } from '../../errors/native-call.ts';
import { ARRAY, PACKING, TAG } from '../../native/contract.ts';
import { RobotState, STATE_LAYOUT, STATE_LENGTH, slotsOf } from '../../native/robot-state.ts';
import { fromMessage, toMessage } from './error-message.ts';
import { setOwn } from './own-property.ts';
import { checkShape, hasShape, type Shaped, withShape } from './shape.ts';

/** The largest size at which an array is copied into the message [bytes]. */
const LARGEST_WITHIN = PACKING.largestWithin;
/** The size from which a lent array is read in place [bytes]. A smaller array is copied out of the shared memory. */
const SMALLEST_IN_PLACE = PACKING.smallestInPlace;
/** The objects without properties that V8 clones with what is in them. */
const V8_CLONES: ReadonlySet<string> = new Set(['BigInt', 'Boolean', 'Number', 'RegExp', 'String']);
/** The nesting depth from which a value counts as circular. */
const DEEPEST = PACKING.deepest;

type ArrayClass = {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
};

/** The kinds of arrays, in the order of their numbers. */
const KINDS: readonly ArrayClass[] = Object.keys(ARRAY)
  .filter((name) => name !== 'ArrayBuffer')
  .map((name) => globalThis[name as 'DataView'] as ArrayClass);
const KIND_NUMBERS: ReadonlyMap<unknown, number> = new Map(
  KINDS.map((kind, number): [unknown, number] => [kind, number]),
);
/** The kind of an `ArrayBuffer` itself, which is `bytes` in Python. */
const BUFFER = ARRAY.ArrayBuffer;

/** The shared memory in which large arrays are lent and borrowed. */
export interface Lender {
  /** Lends a copy. Returns its number, or -1 if the array has to be part of the message. */
  lend(bytes: Uint8Array): number;
  /** Takes back an array that was lent with a message that was not sent. */
  retract(number: number): void;
  /** Returns an array that the other end lent, in place, or null if the array has to be copied. */
  borrow(number: number, length: number, revocable: boolean): ArrayBuffer | null;
  /** Detaches a buffer, and gives back the array that was lent under this number, if it is not -1. */
  revoke(buffer: ArrayBuffer, number: number): void;
  /** Copies an array that the other end lent, and gives it back. */
  copy(number: number, into: Uint8Array): void;
}

const utf8: TextEncoder = new TextEncoder();

/** Writes values into a message. */
export class Packer {
  /** The message. Only its first {@link Packer.length} bytes count. */
  bytes: Uint8Array = new Uint8Array(8192);
  length = 0;
  #view: DataView = new DataView(this.bytes.buffer);
  #lent: number[] = [];
  readonly #lender: Lender;
  /** Whether the other end is Node, which can read clones. */
  readonly #clones: boolean;

  constructor(lender: Lender, clones: boolean) {
    this.#lender = lender;
    this.#clones = clones;
  }

  /** Begins a message with the number of its call and its kind. */
  begin(id: number, kind: number): void {
    this.length = 5;
    this.#lent.length = 0;
    this.#view.setUint32(0, id, true);
    this.bytes[4] = kind;
  }

  /** Takes back the arrays that were lent with a message that is not sent. */
  discard(): void {
    for (const number of this.#lent) this.#lender.retract(number);
    this.#lent.length = 0;
  }

  /** Writes a value. `path` names the value in errors. */
  value(value: unknown, path: string): void {
    this.#value(value, path, 0);
  }

  /** Writes the arguments of a call. `nameOf` names each of them in errors. */
  list(list: readonly unknown[], nameOf: (nth: number) => string): void {
    this.#items(list, nameOf, 1);
  }

  /** Writes a thrown value as an error. */
  thrown(thrown: unknown): void {
    this.#error(thrown, 'error', 0);
  }

  #error(thrown: unknown, path: string, depth: number): void {
    this.#tag(TAG.error);
    this.#value(toMessage(thrown), path, depth + 1);
  }

  #reserve(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #tag(tag: number): void {
    const at = this.#reserve(1);
    this.bytes[at] = tag;
  }

  #count(tag: number, count: number): void {
    const at = this.#reserve(5);
    this.bytes[at] = tag;
    this.#view.setUint32(at + 1, count, true);
  }

  #double(tag: number, value: number): void {
    const at = this.#reserve(9);
    this.bytes[at] = tag;
    this.#view.setFloat64(at + 1, value, true);
  }

  #value(value: unknown, path: string, depth: number): void {
    switch (typeof value) {
      case 'undefined':
        this.#tag(TAG.undefined);
        break;
      case 'boolean':
        this.#tag(value ? TAG.true : TAG.false);
        break;
      case 'number':
        this.#number(value);
        break;
      case 'string':
        // Half a surrogate pair cannot be written as UTF-8.
        if (this.#clones && !value.isWellFormed()) this.#serialized(value);
        else this.#text(TAG.text, value);
        break;
      case 'bigint':
        this.#text(TAG.bigint, value.toString());
        break;
      case 'object':
        if (value === null) this.#tag(TAG.null);
        else this.#object(value, path, depth);
        break;
      default:
        throw notCloneable(path, `is a ${typeof value}`);
    }
  }

  #number(value: number): void {
    // Minus zero is not written as an integer: it would lose its sign.
    if ((value | 0) === value && !Object.is(value, -0)) {
      const at = this.#reserve(5);
      this.bytes[at] = TAG.int;
      this.#view.setInt32(at + 1, value, true);
    } else {
      const whole = Number.isSafeInteger(value) && !Object.is(value, -0);
      this.#double(whole ? TAG.whole : TAG.float, value);
    }
  }

  #text(tag: number, value: string): void {
    const { length } = value;
    const at = this.#reserve(5 + length);
    this.bytes[at] = tag;
    if (length < 64) {
      let nth = 0;
      for (; nth < length; nth += 1) {
        const unit = value.charCodeAt(nth);
        if (unit > 127) break;
        this.bytes[at + 5 + nth] = unit;
      }
      if (nth === length) {
        this.#view.setUint32(at + 1, length, true);
        return;
      }
    }
    this.#reserve(2 * length);
    const { written } = utf8.encodeInto(value, this.bytes.subarray(at + 5));
    this.length = at + 5 + written;
    this.#view.setUint32(at + 1, written, true);
  }

  #object(value: object, path: string, depth: number): void {
    if (depth === DEEPEST) throw notCloneable(path, 'lies too deep, or in a circle');
    const prototype = Object.getPrototypeOf(value);
    if (ArrayBuffer.isView(value)) this.#array(value, path);
    else if (Array.isArray(value)) this.#list(value, path, depth);
    else if (prototype === Object.prototype || prototype === null) this.#record(value, path, depth);
    else if (types.isArrayBuffer(value)) this.#bytes(BUFFER, [], bytesOf(value, path));
    else if (types.isDate(value)) this.#double(TAG.date, value.getTime());
    else if (types.isMap(value)) this.#map(value, path, depth);
    else if (types.isSet(value)) this.#set(value, path, depth);
    else if (isError(value)) this.#error(value, path, depth);
    else if (slotsOf(value)) this.#state(slotsOf(value) as Float64Array, path, depth);
    else if ('toJSON' in value && typeof value.toJSON === 'function')
      this.#value(value.toJSON(), path, depth + 1);
    else this.#clone(value, path, depth);
  }

  /** Writes the numbers of a robot's state. Python is told their layout too, because it has no addon. */
  #state(slots: Float64Array, path: string, depth: number): void {
    if (slots.length < STATE_LENGTH) throw hasNoMemory(path);
    this.#tag(TAG.state);
    const own = slots.subarray(0, STATE_LENGTH);
    this.#value(this.#clones ? own : [STATE_LAYOUT, own], path, depth + 1);
  }

  #map(map: ReadonlyMap<unknown, unknown>, path: string, depth: number): void {
    this.#count(TAG.map, map.size);
    for (const [key, item] of map) {
      this.#value(key, `a key of ${path}`, depth + 1);
      this.#value(item, `${path}.get(${describe(key)})`, depth + 1);
    }
  }

  #set(set: ReadonlySet<unknown>, path: string, depth: number): void {
    this.#count(TAG.set, set.size);
    for (const item of set) this.#value(item, `an item of ${path}`, depth + 1);
  }

  #list(list: readonly unknown[], path: string, depth: number): void {
    if (list.length > 0 && typeof list[0] === 'number' && this.#numbers(list)) return;
    this.#items(list, (nth) => `${path}[${nth}]`, depth + 1);
  }

  #items(list: readonly unknown[], nameOf: (nth: number) => string, depth: number): void {
    this.#count(TAG.list, list.length);
    for (let nth = 0; nth < list.length; nth += 1) this.#value(list[nth], nameOf(nth), depth);
  }

  /** Writes a list that contains only numbers in one piece. Returns false for another list. */
  #numbers(list: readonly unknown[]): boolean {
    let ints = true;
    for (const item of list) {
      if (typeof item !== 'number') return false;
      if ((item | 0) !== item || Object.is(item, -0)) ints = false;
    }
    const size = ints ? 4 : 8;
    this.#count(ints ? TAG.ints : TAG.floats, list.length);
    let at = this.#reserve(size * list.length);
    for (const item of list as readonly number[]) {
      if (ints) this.#view.setInt32(at, item, true);
      else this.#view.setFloat64(at, item, true);
      at += size;
    }
    return true;
  }

  #record(value: object, path: string, depth: number): void {
    const keys = Object.keys(value);
    this.#count(TAG.record, keys.length);
    for (const key of keys) {
      this.#text(TAG.text, key);
      this.#value((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1);
    }
  }

  #array(value: ArrayBufferView & Shaped, path: string): void {
    let kind = KIND_NUMBERS.get(value.constructor);
    if (kind === undefined) {
      // An instance of a class derived from a typed array, such as Buffer, arrives as the typed array.
      const name = Object.prototype.toString.call(value).slice(8, -1);
      kind = KINDS.findIndex((Kind) => Kind.name === name);
      if (kind < 0) throw notCloneable(path, `is a ${name}`);
    }
    const { shape = [] } = value;
    if (value.shape !== undefined) checkShape(value, shape, `${path}.shape`);
    this.#bytes(kind, shape, bytesOf(value.buffer, path, value.byteOffset, value.byteLength));
  }

  #bytes(kind: number, shape: readonly number[], bytes: Uint8Array): void {
    const lent = bytes.length > LARGEST_WITHIN ? this.#lender.lend(bytes) : -1;
    if (lent >= 0) this.#lent.push(lent);
    let at = this.#reserve(11 + 8 * shape.length);
    this.bytes[at] = lent < 0 ? TAG.array : TAG.lentArray;
    this.bytes[at + 1] = kind;
    this.bytes[at + 2] = shape.length;
    this.#view.setFloat64(at + 3, bytes.length, true);
    at += 11;
    for (const size of shape) {
      this.#view.setFloat64(at, size, true);
      at += 8;
    }
    if (lent < 0) {
      const start = this.#reserve(bytes.length);
      this.bytes.set(bytes, start);
    } else {
      const start = this.#reserve(8);
      this.#view.setFloat64(start, lent, true);
    }
  }

  #clone(value: object, path: string, depth: number): void {
    // An instance of a class arrives as a plain object with its properties, as with `postMessage`.
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (kind === 'Object') {
      this.#record(value, path, depth);
      return;
    }
    // What has no properties and is no value of V8's own keeps its content to itself, as an AbortSignal does: nothing of it
    // would arrive.
    const isLost = !V8_CLONES.has(kind) && Object.keys(value).length === 0;
    if (!this.#clones || isLost || kind === 'SharedArrayBuffer') {
      throw notCloneable(path, `is ${withArticle(kind)}`);
    }
    try {
      this.#serialized(value);
    } catch {
      throw notCloneable(path, `is ${withArticle(kind)}`);
    }
  }

  #serialized(value: unknown): void {
    const clone = serialize(value);
    this.#count(TAG.clone, clone.length);
    const at = this.#reserve(clone.length);
    this.bytes.set(clone, at);
  }
}

function bytesOf(buffer: ArrayBufferLike, path: string, start = 0, length?: number): Uint8Array {
  try {
    return new Uint8Array(buffer, start, length);
  } catch {
    throw hasNoMemory(path);
  }
}

function hasNoMemory(path: string): OffloadError {
  return notCloneable(path, 'has no memory any more, it was moved or taken back,');
}

function notCloneable(path: string, what: string): OffloadError {
  return new OffloadError(
    'OFFLOAD_NOT_CLONEABLE',
    `${path} ${what} and cannot be sent to another thread or process; pass and return data: numbers, ` +
      'texts, arrays, typed arrays, plain objects',
  );
}

/** Returns the error for a message that cannot be read. `cause` is what reading it threw. */
export function garbled(cause?: unknown): KilohertzError {
  const known = fromNative(cause);
  if (isOurs(known)) return known;
  const message = 'the other end sent what cannot be; use the same version on both';
  return new OffloadError('OFFLOAD_PROTOCOL', message, { cause });
}

/** Options of an {@link Unpacker}. */
export interface UnpackerOptions {
  /** Whether arrays are taken back by {@link Unpacker.revoker}. */
  readonly revocable: boolean;
  /** The largest total size of the arrays of a message [bytes]. */
  readonly longest: number;
  /** Whether the other end is Node. */
  readonly clones: boolean;
}

/** The buffer size that is kept for the next message [bytes]. */
const LARGEST_KEPT = 2 ** 20;

/** Reads values out of a message. */
export class Unpacker {
  /** The buffer into which a message is taken. */
  bytes: Buffer = Buffer.alloc(8192);
  #view: DataView = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  #at = 0;
  #end = 0;
  readonly #lender: Lender;
  readonly #options: UnpackerOptions;
  /** How many bytes the remaining arrays of this message may have. */
  #left = 0;
  #given: { readonly buffer: ArrayBuffer; readonly number: number }[] = [];

  constructor(lender: Lender, options: UnpackerOptions) {
    this.#lender = lender;
    this.#options = options;
  }

  /** Makes room for a message. */
  grow(length: number): void {
    this.bytes = Buffer.alloc(length);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  }

  /** Releases the buffer of a long message. */
  shrink(): void {
    if (this.bytes.length > LARGEST_KEPT) this.grow(8192);
  }

  /** Begins to read a message of this length. Returns the number of its call. */
  begin(length: number): number {
    this.#end = length;
    this.#at = 0;
    this.#left = this.#options.longest;
    if (this.#given.length > 0) this.#given = [];
    return this.#view.getUint32(this.#take(5), true);
  }

  /** The kind of the message. */
  get kind(): number {
    return this.bytes[4] as number;
  }

  /**
   * A function that takes the arrays of this message back; undefined if it has no arrays, or if they are not revocable.
   */
  get revoker(): (() => void) | undefined {
    const given = this.#given;
    if (given.length === 0) return undefined;
    return () => {
      for (const { buffer, number } of given) this.#lender.revoke(buffer, number);
    };
  }

  /**
   * Reads the next value.
   *
   * @throws {KilohertzError} `OFFLOAD_PROTOCOL` if the value cannot be read, `SYSTEM`
   */
  value(): unknown {
    try {
      return this.#value();
    } catch (error) {
      throw garbled(error);
    }
  }

  #value(): unknown {
    switch (this.bytes[this.#take(1)]) {
      case TAG.undefined:
        return undefined;
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.int:
        return this.#view.getInt32(this.#take(4), true);
      case TAG.float:
      case TAG.whole:
        return this.#double();
      case TAG.text:
        return this.#text();
      case TAG.list:
        return this.#list();
      case TAG.record:
        return this.#record();
      case TAG.array:
        return this.#array(false);
      case TAG.lentArray:
        return this.#array(true);
      case TAG.floats:
        return this.#numbers(8, (at) => this.#view.getFloat64(at, true));
      case TAG.ints:
        return this.#numbers(4, (at) => this.#view.getInt32(at, true));
      case TAG.bigint:
        return BigInt(this.#text());
      case TAG.date:
        return new Date(this.#double());
      case TAG.map:
        return new Map(this.#items(() => [this.#value(), this.#value()]));
      case TAG.set:
        return new Set(this.#items(() => this.#value()));
      case TAG.error:
        return fromMessage(this.#value() as Parameters<typeof fromMessage>[0]);
      case TAG.state:
        return this.#state();
      case TAG.clone: {
        if (!this.#options.clones) throw garbled();
        const length = this.#count();
        const at = this.#take(length);
        return deserialize(this.bytes.subarray(at, at + length));
      }
      default:
        throw garbled();
    }
  }

  #take(bytes: number): number {
    const at = this.#at;
    // A length that is NaN, or below zero, is refused too.
    if (!(bytes >= 0 && at + bytes <= this.#end)) throw garbled();
    this.#at += bytes;
    return at;
  }

  #count(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  #double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  #text(): string {
    const length = this.#count();
    const at = this.#take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  #items<T>(next: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#count(); left > 0; left -= 1) items.push(next());
    return items;
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    for (let left = this.#count(); left > 0; left -= 1) items.push(this.#value());
    return items;
  }

  #numbers(size: number, read: (at: number) => number): number[] {
    const count = this.#count();
    const at = this.#take(size * count);
    const numbers = new Array<number>(count);
    for (let nth = 0; nth < count; nth += 1) numbers[nth] = read(at + nth * size);
    return numbers;
  }

  #record(): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let left = this.#count(); left > 0; left -= 1) {
      if (this.bytes[this.#take(1)] !== TAG.text) throw garbled();
      const key = this.#text();
      const value = this.#value();
      if (key === '__proto__') setOwn(record, key, value);
      else record[key] = value;
    }
    return record;
  }

  #state(): RobotState {
    const slots = this.#value();
    if (!(slots instanceof Float64Array && slots.length === STATE_LENGTH)) throw garbled();
    // A copy, which is not taken back as arrays may be.
    return new RobotState(slots.slice());
  }

  #array(lent: boolean): unknown {
    const head = this.#take(10);
    const kind = this.bytes[head] as number;
    const dimensions = this.bytes[head + 1] as number;
    const length = this.#view.getFloat64(head + 2, true);
    if (!Number.isSafeInteger(length) || length < 0) throw garbled();
    const shape: number[] = [];
    for (let left = dimensions; left > 0; left -= 1) shape.push(this.#double());
    const buffer = lent ? this.#lent(length) : this.#within(length);
    if (kind === BUFFER) return buffer;
    const Kind = KINDS[kind];
    if (!Kind) throw garbled();
    const array = new Kind(buffer);
    if (dimensions === 0) return array;
    if (!hasShape(array, shape)) throw garbled();
    return withShape(array, shape);
  }

  #within(length: number): ArrayBuffer {
    const at = this.#take(length);
    const { buffer, byteOffset } = this.bytes;
    return this.#give((buffer as ArrayBuffer).slice(byteOffset + at, byteOffset + at + length), -1);
  }

  #lent(length: number): ArrayBuffer {
    const number = this.#double();
    if (length > this.#left) {
      throw new OffloadError(
        'OFFLOAD_TOO_LARGE',
        `arrays of more than ${this.#options.longest} bytes`,
      );
    }
    this.#left -= length;
    if (length >= SMALLEST_IN_PLACE) {
      const buffer = this.#lender.borrow(number, length, this.#options.revocable);
      if (buffer) return this.#give(buffer, number);
    }
    const copy = new Uint8Array(length);
    this.#lender.copy(number, copy);
    return this.#give(copy.buffer, -1);
  }

  #give(buffer: ArrayBuffer, number: number): ArrayBuffer {
    if (this.#options.revocable) this.#given.push({ buffer, number });
    return buffer;
  }
}
