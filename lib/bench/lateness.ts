import type { Histogram } from '../session/records.ts';

/** Each bucket's upper edge is so many times that of the one before, from this lowest one on [s]. */
const STEP = 1.02;
const LOWEST_S = 1e-8;
const BUCKETS = 1_100;

/** How late wakes were: counts in buckets that are 2 % wide, so that hours take no more memory than seconds. */
export class Lateness {
  readonly #counts: Float64Array;
  #cycles = 0;
  #maxS = 0;

  constructor(counts: Float64Array = new Float64Array(BUCKETS), maxS = 0) {
    this.#counts = counts;
    this.#cycles = counts.reduce((sum, count) => sum + count, 0);
    this.#maxS = maxS;
  }

  /** Adds wakes that were so late [s]. One that was early was not late. */
  add(latenessS: number, wakes = 1): void {
    const bucket = Math.ceil(Math.log(Math.max(latenessS, LOWEST_S) / LOWEST_S) / Math.log(STEP));
    const at = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + wakes;
    this.#cycles += wakes;
    this.#maxS = Math.max(this.#maxS, latenessS);
  }

  /** The counts, for {@link Lateness.constructor} in another thread. */
  get counts(): Float64Array {
    return this.#counts;
  }

  get cycles(): number {
    return this.#cycles;
  }

  get maxS(): number {
    return this.#maxS;
  }

  /** Returns how late at most this share of the wakes was [s]; NaN without wakes. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#cycles));
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(edgeS(bucket), this.#maxS);
    }
    return Number.NaN;
  }

  /** The buckets that are not empty. */
  get histogram(): Histogram {
    const filled = [...this.#counts.keys()].filter((bucket) => (this.#counts[bucket] ?? 0) > 0);
    return {
      upperS: Float64Array.from(filled, edgeS),
      counts: Float64Array.from(filled, (bucket) => this.#counts[bucket] ?? 0),
    };
  }
}

function edgeS(bucket: number): number {
  return LOWEST_S * STEP ** bucket;
}
