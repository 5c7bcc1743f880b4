// Copies of values that belong to an error, of which nothing is known: they may be built to harm the code that reads
// them. A copy is data, which every thread and process can be sent, and has a bounded size.

import { inspect, types } from 'node:util';
import { cut, describe, describeThrown, isError } from '../../errors/describe.ts';
import { PACKING } from '../../native/contract.ts';
import { setOwn } from './own-property.ts';

/** The longest text that is sent. */
const LONGEST = PACKING.longestText;
/** The nesting depth from which a value is described instead. */
const DEEPEST = 10;

/** How much may still be copied for one thrown value. */
export interface Room {
  /** Errors. */
  errors: number;
  /** Values, those within others included. */
  values: number;
  /** Bytes of texts and arrays. */
  bytes: number;
}

/** Returns the room for one thrown value. */
export function wholeRoom(): Room {
  return { errors: 500, values: 10_000, bytes: 8 * LONGEST };
}

/** Returns a text of bounded length that every encoding can represent. */
export function sendable(text: string): string {
  return cut(text, LONGEST).toWellFormed();
}

/**
 * Returns a value that is not an error as a text. `{ status: 404 }`, for example, does not become `[object Object]`.
 */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return sendable(value);
  // Computing the digits of a large number may take seconds.
  if (typeof value === 'bigint') return describe(value);
  try {
    return sendable(inspect(value));
  } catch {
    return describe(value);
  }
}

/** Returns a copy of a value as data. What is no data is described by a text. */
export function dataOf(value: unknown, room: Room, within: readonly object[] = []): unknown {
  room.values -= 1;
  if (room.values < 0) return '…';
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
      return value;
    case 'string':
      if (value.length > room.bytes) return describe(value);
      room.bytes -= value.length;
      return sendable(value);
    case 'bigint':
      return value === BigInt.asIntN(256, value) ? value : describe(value);
    case 'object':
      if (value === null) return null;
      if (within.includes(value)) return '[circular]';
      if (isError(value)) return describeThrown(value);
      if (within.length >= DEEPEST) return describe(value);
      try {
        return copyOf(value, room, [...within, value]);
      } catch {
        return describe(value);
      }
    default:
      return describe(value);
  }
}

function copyOf(value: object, room: Room, within: readonly object[]): unknown {
  const copied = (item: unknown): unknown => dataOf(item, room, within);
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return bytesOf(value, room);
  if (Array.isArray(value)) return Array.from(value.slice(0, room.values), copied);
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value)) {
    return new Map([...value].map(([key, item]) => [copied(key), copied(item)]));
  }
  if (types.isSet(value)) return new Set([...value].map(copied));
  if ('toJSON' in value && typeof value.toJSON === 'function') return copied(value.toJSON());
  if (Object.prototype.toString.call(value) !== '[object Object]') return textOf(value);
  const record: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    if (room.values < 0) break;
    setOwn(record, name, copied((value as Record<string, unknown>)[name]));
  }
  return record;
}

function bytesOf(value: ArrayBufferView | ArrayBufferLike, room: Room): unknown {
  if (value.byteLength > room.bytes) return describe(value);
  room.bytes -= value.byteLength;
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value).slice().buffer;
  const { buffer, byteOffset, byteLength } = value;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice();
  // A class derived from a typed array, such as Buffer, arrives as the typed array.
  const kind = Object.prototype.toString.call(value).slice(8, -1) as 'Uint8Array';
  return new globalThis[kind](bytes.buffer);
}
