// When this thread collects garbage, as Node tells it: a policy on this thread stands still meanwhile.

import { PerformanceObserver } from 'node:perf_hooks';
import { monotonicS } from './monotonic.ts';

/** Receives the begin and the end of a collection, on the monotonic clock [s]. */
export type OnGarbage = (fromS: number, toS: number) => void;

const listeners = new Set<OnGarbage>();
let observer: PerformanceObserver | undefined;

/** Tells of each garbage collection of this thread from now on. Returns what ends that. */
export function onGarbage(listener: OnGarbage): () => void {
  listeners.add(listener);
  observer ??= observed();
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    observer?.disconnect();
    observer = undefined;
  };
}

function observed(): PerformanceObserver {
  const watch = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      const fromS = monotonicS(startTime);
      for (const listener of listeners) listener(fromS, fromS + duration * 1e-3);
    }
  });
  watch.observe({ entryTypes: ['gc'] });
  return watch;
}
