// How openpi writes values: an array of numpy is a map whose keys are bytes.

import { readArray, type ServerArray, toPackable } from './arrays.ts';
import type { Read } from './messages.ts';
import { type Frame, type Packable, pack, type UnpackedMap, unpack } from './msgpack.ts';

const [IS_ARRAY, DATA, DTYPE, SHAPE] = ['__ndarray__', 'data', 'dtype', 'shape'].map((name) =>
  Buffer.from(name),
) as [Buffer, Buffer, Buffer, Buffer];

/** Returns the frame for what a server is told, in `memory` if that is large enough. */
export function openpiFrame(told: unknown, memory?: ArrayBuffer): Frame {
  return pack(toPackable(told, form), memory);
}

function form(dtype: string, shape: readonly number[], bytes: Uint8Array): Packable {
  return new Map<Buffer, Packable>([
    [IS_ARRAY, true],
    [DATA, bytes],
    [DTYPE, dtype],
    [SHAPE, shape],
  ]);
}

/**
 * Returns what is in a frame of a server.
 *
 * @throws {WireError} if it is not what such a server sends
 */
export function fromOpenpi(frame: Uint8Array): Read {
  const arrays: ServerArray[] = [];
  const value = unpack(frame, (map: UnpackedMap) => {
    // A single number of numpy stands for itself.
    if ('__npgeneric__' in map) return map['data'];
    if (!('__ndarray__' in map)) return undefined;
    const array = readArray(map['dtype'], map['shape'], map['data']);
    arrays.push(array);
    return array;
  });
  return { value, arrays };
}
