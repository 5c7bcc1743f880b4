// How much another process may send.

/** Allows so many a second on average, and so many at once. */
export class Allowance {
  readonly #aSecond: number;
  readonly #atOnce: number;
  #left: number;
  #at = performance.now();

  constructor(aSecond: number, atOnce: number) {
    this.#aSecond = aSecond;
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  /** Takes one. Returns false if none is left. */
  take(): boolean {
    const now = performance.now();
    const since = ((now - this.#at) / 1e3) * this.#aSecond;
    this.#left = Math.min(this.#atOnce, this.#left + since);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
