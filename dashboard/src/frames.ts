// Frames: what an arm measured and was commanded, as the server sends it in binary.

import { type ArmInfo, type FieldInfo, FRAME, FRAME_HEADER } from './protocol.ts';

/** How many cycles of each kind a session has had. `fresh` ones used the policy's action as it is. */
export interface Counts {
  cycles: number;
  fresh: number;
  followed: number;
  held: number;
  rest: number;
  /** Ticks that the loop missed. */
  lost: number;
}

/** The width between the fingers of a hand [m], as the hand measures it, and as the policy wants it. */
export const GRIPPER_WIDTH = 'gripper_width';
export const GRIPPER_WANTED = 'gripper_width_d';

/** The kinds of cycles, from good to bad. */
export const KINDS = ['fresh', 'followed', 'held', 'rest', 'lost'] as const;
export type Kind = (typeof KINDS)[number];

export interface Frame {
  arm: number;
  /** The robot's time [s]. */
  timeS: number;
  /** The host's wall time [s]. */
  wallTimeS: number;
  counts: Counts;
  /** The values of all fields, one after the other; `Fields` says where each is. */
  values: Float32Array;
}

/** Where in a frame's values a field is. */
export class Fields {
  readonly length: number;
  readonly #places = new Map<string, { start: number; length: number }>();

  constructor(fields: readonly FieldInfo[]) {
    let start = 0;
    for (const { name, length } of fields) {
      this.#places.set(name, { start, length });
      start += length;
    }
    this.length = start;
  }

  /** Returns where a field begins, or -1 if there is none of this name and at least this length. */
  start(name: string, length: number): number {
    const place = this.#places.get(name);
    return place !== undefined && place.length >= length ? place.start : -1;
  }

  /** Returns a field's values, or none. */
  of(values: Float32Array, name: string, length: number): Float32Array | undefined {
    const start = this.start(name, length);
    return start < 0 ? undefined : values.subarray(start, start + length);
  }
}

/** Returns the width of the hand [m]: as it is measured, or else as it is wanted; NaN if neither is known. */
export function gripperOf(
  fields: Fields,
  values: Float32Array,
): { width: number; isMeasured: boolean } {
  const width = fields.of(values, GRIPPER_WIDTH, 1)?.[0] ?? NaN;
  if (Number.isFinite(width)) return { width, isMeasured: true };
  return { width: fields.of(values, GRIPPER_WANTED, 1)?.[0] ?? NaN, isMeasured: false };
}

export type Layouts = ReadonlyMap<number, Fields>;

export function layoutsOf(arms: readonly ArmInfo[]): Map<number, Fields> {
  return new Map(arms.map((arm) => [arm.id, new Fields(arm.fields)]));
}

/**
 * Reads the frame that begins at `offset`. Returns nothing if it is not a frame of one of the arms, as long as the
 * header and the arm's fields say, with times and counts that are numbers.
 */
export function readFrame(
  bytes: ArrayBuffer,
  offset: number,
  layouts: Layouts,
): { frame: Frame; end: number } | undefined {
  if (bytes.byteLength - offset < FRAME_HEADER) return undefined;
  const view = new DataView(bytes, offset, FRAME_HEADER);
  if (view.getUint8(0) !== FRAME || view.getUint8(1) !== 0) return undefined;
  const arm = view.getUint16(2, true);
  const length = view.getUint32(4, true);
  const fields = layouts.get(arm);
  const end = offset + FRAME_HEADER + 4 * length;
  if (fields === undefined || length !== fields.length || end > bytes.byteLength) return undefined;
  const [timeS = NaN, wallTimeS = NaN, ...counted] = [8, 16, 24, 32, 40, 48, 56].map((place) =>
    view.getFloat64(place, true),
  );
  const [cycles = NaN, followed = NaN, held = NaN, rest = NaN, lost = NaN] = counted;
  if (![timeS, wallTimeS, ...counted].every(Number.isFinite)) return undefined;
  const values = new Float32Array(length);
  const data = new DataView(bytes, offset + FRAME_HEADER, 4 * length);
  for (let nth = 0; nth < length; nth += 1) values[nth] = data.getFloat32(4 * nth, true);
  const fresh = Math.max(0, cycles - followed - held - rest);
  const counts = { cycles, fresh, followed, held, rest, lost };
  return { frame: { arm, timeS, wallTimeS, counts, values }, end };
}

/** Reads a message that is one frame and nothing else. */
export function decodeFrame(bytes: ArrayBuffer, layouts: Layouts): Frame | undefined {
  const read = readFrame(bytes, 0, layouts);
  return read?.end === bytes.byteLength ? read.frame : undefined;
}

/** Reads frames that stand one after the other. Returns nothing if one of them is none. */
export function decodeFrames(bytes: ArrayBuffer, layouts: Layouts): Frame[] | undefined {
  const frames: Frame[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    const read = readFrame(bytes, offset, layouts);
    if (read === undefined) return undefined;
    frames.push(read.frame);
    offset = read.end;
  }
  return frames;
}
