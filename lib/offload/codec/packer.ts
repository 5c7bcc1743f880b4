// Writes values as bytes, for a line. `unpacker.ts` reads them, and `lib/offload/python/_kilohertz/codec.py` reads and
// writes the same format.
//
// A value is a tag and the data that belongs to it. Numbers are little-endian. Large arrays are not part of the
// message: they are lent in shared memory. If the other end is Node, a regular expression, a boxed value and a text
// with half a surrogate pair are cloned as by `postMessage`.

import { TextEncoder, types } from 'node:util';
import { serialize } from 'node:v8';
import { describe, isError, withArticle } from '../../errors/describe.ts';
import { OffloadError } from '../../errors/errors.ts';
import { ARRAY, PACKING, TAG } from '../../native/contract.ts';
import { STATE_LAYOUT, STATE_LENGTH, slotsOf } from '../../native/robot-state.ts';
import { toMessage } from './error-message.ts';
import { checkShape, type Shaped } from './shape.ts';

/** The largest size at which an array is copied into the message [bytes]. */
const LARGEST_WITHIN = PACKING.largestWithin;
/** The objects without properties that V8 clones with what is in them. */
const V8_CLONES: ReadonlySet<string> = new Set(['BigInt', 'Boolean', 'Number', 'RegExp', 'String']);
/** The nesting depth from which a value counts as circular. */
const DEEPEST = PACKING.deepest;

type ArrayClass = {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
};

/** The kinds of arrays, in the order of their numbers. */
export const KINDS: readonly ArrayClass[] = Object.keys(ARRAY)
  .filter((name) => name !== 'ArrayBuffer')
  .map((name) => globalThis[name as 'DataView'] as ArrayClass);
const KIND_NUMBERS: ReadonlyMap<unknown, number> = new Map(
  KINDS.map((kind, number): [unknown, number] => [kind, number]),
);
/** The kind of an `ArrayBuffer` itself, which is `bytes` in Python. */
export const BUFFER: number = ARRAY.ArrayBuffer;

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
        if (this.#clones && !value.isWellFormed()) this.#cloned(serialize(value));
        else this.#text(TAG.text, value);
        break;
      case 'bigint':
        // Decimal digits would take a time that grows with the square of their number.
        this.#text(TAG.bigint, value.toString(16));
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
    let clone: Uint8Array;
    try {
      clone = serialize(value);
    } catch {
      throw notCloneable(path, `is ${withArticle(kind)}`);
    }
    if (isCloned(clone)) this.#cloned(clone);
    // An object that only has another name for its kind.
    else this.#record(value, path, depth);
  }

  #cloned(clone: Uint8Array): void {
    this.#count(TAG.clone, clone.length);
    const at = this.#reserve(clone.length);
    this.bytes.set(clone, at);
  }
}

/** A clone of V8 begins with a mark and the version of its format. */
const CLONE_MARK = 0xff;
const CLONE_HEAD = 2;
/** V8's tags of texts, boxed values and regular expressions. */
const CLONED: ReadonlySet<number> = new Set(Buffer.from('"cSyxnzsR'));

/**
 * Whether V8's clone is that of a value without further values. Any other could make its reader hold much more than its
 * bytes, in a way that cannot be bounded.
 */
export function isCloned(clone: Uint8Array): boolean {
  // Zeros align what follows.
  const tag = clone.subarray(CLONE_HEAD).find((byte) => byte !== 0);
  return clone[0] === CLONE_MARK && CLONED.has(tag ?? 0);
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
