import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { entryUrl } from '../entry/entry-url.ts';
import { describeThrown } from '../errors/describe.ts';
import { KilohertzError } from '../errors/errors.ts';
import { threadOptions } from '../offload/node-options.ts';
import { processors } from '../offload/processors.ts';

/** What keeps the machine busy while wakes are measured. */
export type BenchLoad = 'idle' | 'blocked' | 'garbage' | 'busy' | 'io';

/** What the thread of a load is told. */
export interface LoadTask {
  readonly load: 'busy' | 'io';
  /** The file that is written. */
  readonly file: string;
  /** Becomes 1 when the load is over. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

export const BENCH_LOADS: readonly BenchLoad[] = ['idle', 'blocked', 'garbage', 'busy', 'io'];

/** How long the event loop is blocked, and how long it then runs [ms]. */
const BLOCKED_MS = 300;
const PAUSE_MS = 100;
/** How long garbage is made without a pause [ms], and how many objects at a time. */
const GARBAGE_MS = 50;
const OBJECTS = 20_000;

let files = 0;

/** Makes a load while work is done. The event loop of this thread is blocked by some. */
export async function underLoad<T>(load: BenchLoad, work: () => Promise<T>): Promise<T> {
  if (load === 'busy' || load === 'io') return besideThreads(load, work);
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  // Its failure is told below.
  working.catch(() => undefined);
  while (!isOver && load !== 'idle') {
    if (load === 'blocked') block(BLOCKED_MS);
    else makeGarbage();
    await sleep(load === 'blocked' ? PAUSE_MS : 0);
  }
  return working;
}

/** Does work beside threads that compute on all processors, or write to the disk and the loopback. */
async function besideThreads<T>(load: 'busy' | 'io', work: () => Promise<T>): Promise<T> {
  files += 1;
  const file = join(tmpdir(), `kilohertz-bench-${process.pid}-${files}`);
  const count = load === 'busy' ? processors() : 1;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const workerData: LoadTask = { load, file, stop };
  const ends = Array.from({ length: count }, () => {
    return once(new Worker(entryUrl('bench-load'), { workerData, ...threadOptions() }), 'exit');
  });
  try {
    return await Promise.race([work(), failed(load, ends)]);
  } finally {
    Atomics.store(stop, 0, 1);
    await Promise.allSettled(ends);
    rmSync(file, { force: true });
  }
}

/** Rejects if a thread fails, as with a full disk. A thread ends only when it is asked to. */
async function failed(load: BenchLoad, ends: readonly Promise<unknown>[]): Promise<never> {
  try {
    await Promise.all(ends);
  } catch (cause) {
    const advice =
      load === 'io'
        ? `; ${tmpdir()} must be a folder with room for 64 MB, or name one in TMPDIR`
        : '';
    const message = `the load ${load} cannot be made: ${describeThrown(cause)}${advice}`;
    throw new KilohertzError('SYSTEM', message, { cause });
  }
  return new Promise(() => undefined);
}

/** Keeps the whole thread busy, as a long synchronous call would. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Makes objects that outlive the young generation, so that the collector has to look at all of them. */
function makeGarbage(): void {
  const end = performance.now() + GARBAGE_MS;
  let kept: object[] = [];
  while (performance.now() < end) {
    kept = kept.concat(Array.from({ length: OBJECTS }, (_, index) => ({ index, list: [index] })));
    if (kept.length > 50 * OBJECTS) kept = [];
  }
}
