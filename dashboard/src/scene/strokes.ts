// Lines that are wider than a pixel, and change with each picture.

import { type Color, InstancedInterleavedBuffer, InterleavedBufferAttribute } from 'three';
import { LineMaterial } from 'three/examples/jsm/lines/LineMaterial.js';
import { LineSegments2 } from 'three/examples/jsm/lines/LineSegments2.js';
import { LineSegmentsGeometry } from 'three/examples/jsm/lines/LineSegmentsGeometry.js';

/** A number of segments, at most `capacity`, in memory that is taken once. */
export class Strokes {
  readonly object: LineSegments2;
  readonly #places: InstancedInterleavedBuffer;
  readonly #colors: InstancedInterleavedBuffer;
  readonly #geometry = new LineSegmentsGeometry();
  readonly #capacity: number;
  #count = 0;

  constructor(capacity: number, width: number) {
    this.#capacity = capacity;
    this.#places = new InstancedInterleavedBuffer(new Float32Array(6 * capacity), 6, 1);
    this.#colors = new InstancedInterleavedBuffer(new Float32Array(6 * capacity), 6, 1);
    for (const [name, buffer] of [
      ['instance', this.#places],
      ['instanceColor', this.#colors],
    ] as const) {
      this.#geometry.setAttribute(`${name}Start`, new InterleavedBufferAttribute(buffer, 3, 0));
      this.#geometry.setAttribute(`${name}End`, new InterleavedBufferAttribute(buffer, 3, 3));
    }
    this.#geometry.instanceCount = 0;
    this.object = new LineSegments2(
      this.#geometry,
      new LineMaterial({ linewidth: width, vertexColors: true }),
    );
    // Its bounds would be those of the first picture.
    this.object.frustumCulled = false;
  }

  /** How many segments there are. */
  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Adds a segment; one for which there is no room is left out. */
  add(from: ArrayLike<number>, to: ArrayLike<number>, start: Color, end: Color = start): void {
    if (this.#count === this.#capacity) return;
    const at = 6 * this.#count;
    this.#places.array.set([from[0] ?? NaN, from[1] ?? NaN, from[2] ?? NaN], at);
    this.#places.array.set([to[0] ?? NaN, to[1] ?? NaN, to[2] ?? NaN], at + 3);
    this.#colors.array.set([start.r, start.g, start.b, end.r, end.g, end.b], at);
    this.#count += 1;
  }

  /** Shows what was added since `clear`. */
  show(): void {
    this.#places.needsUpdate = true;
    this.#colors.needsUpdate = true;
    this.#geometry.instanceCount = this.#count;
    this.object.visible = this.#count > 0;
  }

  dispose(): void {
    this.#geometry.dispose();
    this.object.material.dispose();
  }
}

/** Three axes, x, y and z, of a length [m]. */
export function axes(length: number, colors: readonly Color[]): Strokes {
  const strokes = new Strokes(3, 3);
  for (const [axis, color] of colors.entries()) {
    const tip = [0, 0, 0];
    tip[axis] = length;
    strokes.add([0, 0, 0], tip, color);
  }
  strokes.show();
  return strokes;
}
