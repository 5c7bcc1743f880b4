// What every contender does on the other side: next to nothing, so that the way there and back is
// what is measured.

export interface Observation {
  readonly q: Float64Array;
  readonly dq: Float64Array;
  readonly step: number;
}

export function noop(): void {}

/** A small call: an observation for an action of 7 numbers. */
export function observe({ q, step }: Observation): Float64Array {
  return q.map((angle) => angle + step);
}

/** A large argument for a small reply. */
export function look(image: Uint8Array): number {
  return image[image.length - 1] ?? 0;
}

/** The same as methods, for those that call an object. */
export function makeWork(): object {
  return { noop, observe, look };
}
