import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { entryUrl } from '../entry/entry-url.ts';
import { threadOptions } from '../offload/node-options.ts';
import type { RealtimeOptions } from '../session/realtime.ts';

/** What the thread of a measurement is told. */
export interface BenchTask {
  /** What waits for the deadlines: a session, a thread that only spins, Node's own way to sleep in a thread. */
  readonly method: 'kilohertz' | 'spin' | 'Atomics.wait';
  readonly rateHz: number;
  readonly durationS: number;
  readonly realtime: RealtimeOptions | false;
}

/** What it measured. */
export interface BenchWakes {
  /** The counts of {@link Lateness}. */
  readonly counts: Float64Array;
  readonly maxS: number;
  /** Deadlines that passed before the cycle before them was over. */
  readonly missed: number;
  /** How it was scheduled, in words. */
  readonly note: string;
}

/** Measures the wakes of a thread of its own. Resolves to undefined if the signal ends it. */
export async function wakesOf(
  task: BenchTask,
  signal: AbortSignal | undefined,
): Promise<BenchWakes | undefined> {
  const worker = new Worker(entryUrl('bench-worker'), { workerData: task, ...threadOptions() });
  const end = (): void => void worker.terminate();
  signal?.addEventListener('abort', end, { once: true });
  try {
    const measured = once(worker, 'message').then(([wakes]): BenchWakes => wakes);
    const ended = once(worker, 'exit').then(() => undefined);
    return await Promise.race([measured, ended]);
  } catch (error) {
    // A signal of the terminal ends the session in the thread too.
    if (signal?.aborted) return undefined;
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
    await worker.terminate();
  }
}
