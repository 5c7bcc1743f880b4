// Reads the values that `packer.ts` has written as bytes. What the other end sends may be anything: nothing of it is
// believed, and what is read takes no more memory than the reader allows.

import { deserialize } from 'node:v8';
import { isOurs, type KilohertzError, OffloadError } from '../../errors/errors.ts';
import { fromNative } from '../../errors/native-call.ts';
import { PACKING, TAG } from '../../native/contract.ts';
import { RobotState, STATE_LENGTH } from '../../native/robot-state.ts';
import { fromMessage } from './error-message.ts';
import { setOwn } from './own-property.ts';
import { BUFFER, isCloned, KINDS, type Lender } from './packer.ts';
import { hasShape, withShape } from './shape.ts';

/** The size from which a lent array is read in place [bytes]. A smaller array is copied out of the shared memory. */
const SMALLEST_IN_PLACE = PACKING.smallestInPlace;

/** What a value takes in memory at least, beside the bytes of its message, by its tag [bytes]. */
const TAKES: readonly number[] = Object.assign(new Array(256).fill(16), {
  [TAG.text]: 32,
  [TAG.list]: 64,
  [TAG.record]: 128,
  [TAG.array]: 256,
  [TAG.lentArray]: 256,
  [TAG.floats]: 64,
  [TAG.ints]: 64,
  [TAG.bigint]: 64,
  [TAG.date]: 128,
  [TAG.map]: 256,
  [TAG.set]: 256,
  [TAG.error]: 1024,
  [TAG.clone]: 512,
  [TAG.state]: 256,
});
/** What a small message may take, however little is allowed [bytes]. */
const SMALL = 2 ** 16;
/** How many items a list may have. With many more of them V8 ends the process. */
const MOST_ITEMS = 2 ** 26;
/** How many items a list may have that is made at once. A longer one would be slow. */
const MOST_AT_ONCE = 2 ** 25;

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
  /** The largest total size of the arrays of a message, and what its other values may take in memory [bytes]. */
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
  /** How many bytes the remaining values of this message may take in memory. */
  #room = 0;
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
    this.#room = this.#options.longest + SMALL;
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
   * @throws {KilohertzError} `OFFLOAD_PROTOCOL` if the value cannot be read, `OFFLOAD_TOO_LARGE`, `SYSTEM`
   */
  value(): unknown {
    try {
      return this.#value();
    } catch (error) {
      throw garbled(error);
    }
  }

  #value(): unknown {
    const tag = this.bytes[this.#take(1)] as number;
    this.#spend(TAKES[tag] as number);
    switch (tag) {
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
        return this.#bigint();
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
        const clone = this.bytes.subarray(at, at + length);
        if (!isCloned(clone)) throw garbled();
        this.#spend(length);
        return deserialize(clone);
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

  /** Counts what values take in memory. */
  #spend(bytes: number): void {
    this.#room -= bytes;
    if (this.#room < 0) throw this.#tooLarge();
  }

  #tooLarge(): OffloadError {
    const message = `values that take more than ${this.#options.longest} bytes`;
    return new OffloadError('OFFLOAD_TOO_LARGE', message);
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
    this.#spend(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  #bigint(): bigint {
    const digits = this.#text();
    return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  /** Returns how many items follow, each of which has a byte at least. */
  #length(): number {
    const count = this.#count();
    if (count > this.#end - this.#at) throw garbled();
    if (count > MOST_ITEMS) {
      const message = `a list of ${count} values, and at most ${MOST_ITEMS} are read; pass numbers as a typed array`;
      throw new OffloadError('OFFLOAD_TOO_LARGE', message);
    }
    return count;
  }

  #items<T>(next: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#length(); left > 0; left -= 1) items.push(next());
    return items;
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    for (let left = this.#length(); left > 0; left -= 1) items.push(this.#value());
    return items;
  }

  #numbers(size: number, read: (at: number) => number): number[] {
    const count = this.#length();
    const at = this.#take(size * count);
    this.#spend(8 * count);
    const numbers = count > MOST_AT_ONCE ? [] : new Array<number>(count);
    for (let nth = 0; nth < count; nth += 1) numbers[nth] = read(at + nth * size);
    return numbers;
  }

  #record(): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let left = this.#length(); left > 0; left -= 1) {
      if (this.bytes[this.#take(1)] !== TAG.text) throw garbled();
      this.#spend(TAKES[TAG.text] as number);
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
    this.#spend(length);
    const { buffer, byteOffset } = this.bytes;
    return this.#give((buffer as ArrayBuffer).slice(byteOffset + at, byteOffset + at + length), -1);
  }

  #lent(length: number): ArrayBuffer {
    const number = this.#double();
    if (length > this.#left) throw this.#tooLarge();
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
