// MessagePack, as far as policy servers speak it. Why this package has its own: docs/decisions/policy-servers.md.
//
// Keys of maps may be bytes, as openpi's are. What is read takes memory in proportion to the bytes that are there, however
// much they announce: lists grow as their items are read, and depth and number of values are bounded.

import { describe } from '../errors/describe.ts';
import { badFrame } from './wire-error.ts';

/** A value that can be packed. A `Uint8Array` is bytes; a map may have bytes as keys. */
export type Packable =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Packable[]
  | ReadonlyMap<string | Uint8Array, Packable>;

/** A map that was read. Its keys were texts or bytes; bytes in it are a view of the frame. */
export interface UnpackedMap {
  readonly [key: string]: unknown;
}

/** How deep values may be nested, and how many there may be in a message. The numbers of an array are no values. */
const DEEPEST = 32;
const MOST_VALUES = 200_000;

/** The longest text or list whose length stands in the first byte, and the largest numbers of one and two bytes. */
const FIX = { text: 31, list: 15, number: 127, negative: -32 } as const;
const [BYTE, SHORT] = [0xff, 0xffff];

/** A message. */
export type Frame = Uint8Array<ArrayBuffer>;

/** Memory is allocated in units of so many bytes, so that the next message fits, too. */
const UNIT = 2 ** 16;

/** Returns the bytes of a value, in `memory` if that is large enough: new memory costs more than what is written to it. */
export function pack(value: Packable, memory?: ArrayBuffer): Frame {
  const size = sizeOf(value);
  const isEnough = memory !== undefined && memory.byteLength >= size;
  const used = isEnough ? memory : new ArrayBuffer(UNIT * Math.ceil(size / UNIT));
  const bytes = Buffer.from(used, 0, size);
  new Writer(bytes).write(value);
  return bytes;
}

/** Returns how many bytes a value takes. */
function sizeOf(value: Packable): number {
  if (value === null || typeof value === 'boolean') return 1;
  if (typeof value === 'bigint') return 9;
  if (typeof value === 'number') return numberSize(value);
  if (typeof value === 'string') {
    const length = Buffer.byteLength(value);
    return headSize(length, FIX.text, true) + length;
  }
  if (value instanceof Uint8Array) return headSize(value.length, -1, true) + value.length;
  let size = 0;
  if (isMap(value)) {
    for (const [key, item] of value) size += sizeOf(key) + sizeOf(item);
    return size + headSize(value.size, FIX.list, false);
  }
  for (const item of value) size += sizeOf(item);
  return size + headSize(value.length, FIX.list, false);
}

function isMap(
  value: readonly Packable[] | ReadonlyMap<string | Uint8Array, Packable>,
): value is ReadonlyMap<string | Uint8Array, Packable> {
  return value instanceof Map;
}

function headSize(length: number, within: number, hasByte: boolean): number {
  if (length <= within) return 1;
  if (hasByte && length <= BYTE) return 2;
  return length <= SHORT ? 3 : 5;
}

function numberSize(value: number): number {
  if (!isInt32(value)) return 9;
  return value >= FIX.negative && value <= FIX.number ? 1 : 5;
}

/** Whether a number is written as a whole number of 32 bits. Others take 64. */
function isInt32(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0);
}

class Writer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  write(value: Packable): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#bigint(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) {
      this.#head(value.length, -1, 0, [0xc4, 0xc5, 0xc6]);
      this.#bytes.set(value, this.#at);
      this.#at += value.length;
    } else if (isMap(value)) {
      this.#head(value.size, FIX.list, 0x80, [undefined, 0xde, 0xdf]);
      for (const [key, item] of value) {
        this.write(key);
        this.write(item);
      }
    } else {
      this.#head(value.length, FIX.list, 0x90, [undefined, 0xdc, 0xdd]);
      for (const item of value) this.write(item);
    }
  }

  #byte(byte: number): void {
    this.#at = this.#bytes.writeUInt8(byte, this.#at);
  }

  /** Writes what says of which kind and how long the next value is: codes for lengths of one, two and four bytes. */
  #head(
    length: number,
    within: number,
    fix: number,
    [one, two, four]: readonly [number | undefined, number, number],
  ): void {
    if (length <= within) this.#byte(fix | length);
    else if (one !== undefined && length <= BYTE) {
      this.#byte(one);
      this.#byte(length);
    } else if (length <= SHORT) {
      this.#byte(two);
      this.#at = this.#bytes.writeUInt16BE(length, this.#at);
    } else {
      this.#byte(four);
      this.#at = this.#bytes.writeUInt32BE(length, this.#at);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !isInt32(value) && value !== 0) this.#bigint(BigInt(value));
    else if (!isInt32(value)) {
      this.#byte(0xcb);
      this.#at = this.#bytes.writeDoubleBE(value, this.#at);
    } else if (value >= FIX.negative && value <= FIX.number) {
      this.#at = this.#bytes.writeInt8(value, this.#at);
    } else {
      this.#byte(0xd2);
      this.#at = this.#bytes.writeInt32BE(value, this.#at);
    }
  }

  #bigint(value: bigint): void {
    this.#byte(value < 0n ? 0xd3 : 0xcf);
    this.#at =
      value < 0n
        ? this.#bytes.writeBigInt64BE(value, this.#at)
        : this.#bytes.writeBigUInt64BE(value, this.#at);
  }

  #text(value: string): void {
    this.#head(Buffer.byteLength(value), FIX.text, 0xa0, [0xd9, 0xda, 0xdb]);
    this.#at += this.#bytes.write(value, this.#at);
  }
}

/**
 * Reads the one value of a frame. `each` may replace a map that was read, for example by the array that it stands for.
 *
 * @throws {WireError} if the frame is not one value, or is beyond a bound
 */
export function unpack(frame: Uint8Array, each: (map: UnpackedMap) => unknown): unknown {
  const reader = new Reader(frame, each);
  const value = reader.read(0);
  if (reader.left > 0) {
    throw badFrame(`a message with ${reader.left} bytes behind its end`, 'one value in a frame');
  }
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #each: (map: UnpackedMap) => unknown;
  #at = 0;
  #values = 0;

  constructor(frame: Uint8Array, each: (map: UnpackedMap) => unknown) {
    this.#bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    this.#each = each;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  read(depth: number): unknown {
    if (depth > DEEPEST) {
      throw badFrame(`values nested deeper than ${DEEPEST}`, 'a message of a policy server');
    }
    this.#count();
    const code = this.#bytes[this.#take(1)] ?? 0;
    if (code <= 0x7f) return code;
    if (code >= 0xe0) return code - 0x100;
    if (code <= 0x8f) return this.#map(code & 0x0f, depth);
    if (code <= 0x9f) return this.#list(code & 0x0f, depth);
    if (code <= 0xbf) return this.#text(code & 0x1f);
    return this.#long(code, depth);
  }

  /** Reads a value whose first byte is only its kind. */
  #long(code: number, depth: number): unknown {
    const bytes = this.#bytes;
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return code === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#size(code - 0xc4));
      case 0xca:
        return bytes.readFloatBE(this.#take(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#size(code - 0xcc);
      case 0xcf:
        return narrow(bytes.readBigUInt64BE(this.#take(8)));
      case 0xd0:
        return bytes.readInt8(this.#take(1));
      case 0xd1:
        return bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return narrow(bytes.readBigInt64BE(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#size(code - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#size(code - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#size(code - 0xdd), depth);
      default:
        throw badFrame(
          `a value of the kind 0x${code.toString(16)} of MessagePack`,
          'maps, lists, texts, bytes and numbers',
        );
    }
  }

  /** Moves on by so many bytes. Returns where they begin. */
  #take(count: number): number {
    if (count > this.left) {
      throw badFrame(
        `a message that ends after ${this.#bytes.length} bytes, ${count - this.left} too early`,
        'a whole message',
      );
    }
    const from = this.#at;
    this.#at += count;
    return from;
  }

  /** Reads a whole number without a sign, of 1, 2 or 4 bytes: powers 0, 1 and 2 of two. */
  #size(power: number): number {
    const at = this.#take(1 << power);
    if (power === 0) return this.#bytes.readUInt8(at);
    return power === 1 ? this.#bytes.readUInt16BE(at) : this.#bytes.readUInt32BE(at);
  }

  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  #text(length: number): string {
    const from = this.#take(length);
    return this.#bytes.toString('utf8', from, from + length);
  }

  #list(length: number, depth: number): unknown[] {
    this.#room(length);
    const items: unknown[] = [];
    for (let nth = 0; nth < length; nth += 1) items.push(this.read(depth + 1));
    return items;
  }

  #map(size: number, depth: number): unknown {
    this.#room(2 * size);
    // Without a prototype: a key may be `__proto__`.
    const map: Record<string, unknown> = Object.create(null);
    for (let nth = 0; nth < size; nth += 1) {
      const name = this.#key();
      if (name in map) throw badFrame(`the key ${describe(name)} twice`, 'each key once');
      map[name] = this.read(depth + 1);
    }
    return this.#each(map) ?? map;
  }

  /** Reads the key of a map: a text, or bytes. */
  #key(): string {
    this.#count();
    const code = this.#bytes[this.#take(1)] ?? 0;
    if (code >= 0xa0 && code <= 0xbf) return this.#text(code & 0x1f);
    if (code >= 0xd9 && code <= 0xdb) return this.#text(this.#size(code - 0xd9));
    if (code >= 0xc4 && code <= 0xc6) return this.#text(this.#size(code - 0xc4));
    throw badFrame('a key that is no text', 'texts or bytes');
  }

  #count(): void {
    this.#values += 1;
    if (this.#values > MOST_VALUES) {
      throw badFrame(`more than ${MOST_VALUES} values`, 'numbers in arrays of numpy');
    }
  }

  /** A value takes at least a byte. */
  #room(values: number): void {
    if (values <= this.left) return;
    throw badFrame(`${values} values announced in the last ${this.left} bytes`, 'a whole message');
  }
}

/** Returns a whole number as a number if it is exact as one. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
