// How long the thread of a policy collects garbage. An observer of `node:perf_hooks` is told by the event loop, which
// does not turn while the policy waits inside the addon. So V8 is asked after calls that took long.

import v8 from 'node:v8';

/** A call that is shorter explains no bad cycle [s]. */
const SHORT_S = 0.5e-3;
/** After so many short calls what was noted of them is thrown away. */
const MOST_SHORT = 1_000;

/** Watches the garbage collections of this thread. */
export class GarbageWatch {
  // Earlier versions of Bun do not have it, and could not load this package if it were imported by its name.
  readonly #profiler = new v8.GCProfiler();
  #calls = 0;

  constructor() {
    this.#profiler.start();
  }

  /**
   * Returns how long each garbage collection took in a call of the policy [s], which took `tookS` and has just ended. A
   * collection that is not longer than a short call is left out: V8 does not tell in which call it was.
   */
  in(tookS: number): readonly number[] {
    const isShort = tookS < SHORT_S;
    this.#calls += 1;
    if (isShort && this.#calls < MOST_SHORT) return [];
    this.#calls = 0;
    const { statistics } = this.#profiler.stop();
    this.#profiler.start();
    if (isShort) return [];
    return statistics.map(({ cost }) => cost * 1e-6).filter((lastedS) => lastedS >= SHORT_S);
  }
}
