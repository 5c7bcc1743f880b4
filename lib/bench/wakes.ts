import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onAbort } from '../abort.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { type NativeGrant, NativeWakes } from '../native/binding.ts';
import { threadOptions } from '../offload/node-options.ts';
import { checkRealtime, type RealtimeOptions } from '../session/realtime.ts';
import { Lateness } from './lateness.ts';

/** What the thread of a measurement is told. */
export interface BenchTask {
  /** What waits for the deadlines: a session, a thread that only spins, a thread that only sleeps. */
  readonly method: 'kilohertz' | 'spin' | 'clock_nanosleep';
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
export function wakesOf(
  task: BenchTask,
  signal: AbortSignal | undefined,
): Promise<BenchWakes | undefined> {
  return task.method === 'clock_nanosleep' ? sleeping(task, signal) : inWorker(task, signal);
}

async function inWorker(
  task: BenchTask,
  signal: AbortSignal | undefined,
): Promise<BenchWakes | undefined> {
  const worker = new Worker(entryUrl('bench-worker'), { workerData: task, ...threadOptions() });
  const stopListening = onAbort(signal, () => void worker.terminate());
  try {
    const measured = once(worker, 'message').then(([wakes]): BenchWakes => wakes);
    const ended = once(worker, 'exit').then(() => undefined);
    return await Promise.race([measured, ended]);
  } catch (error) {
    // A signal of the terminal ends the session in the thread too.
    if (signal?.aborted) return undefined;
    throw error;
  } finally {
    stopListening();
    await worker.terminate();
  }
}

/** A native thread that sleeps with `clock_nanosleep`, with the scheduling of the session's loop. */
async function sleeping(
  { rateHz, durationS, realtime }: BenchTask,
  signal: AbortSignal | undefined,
): Promise<BenchWakes | undefined> {
  const { priority, cpu, lockMemory, timerSlackS } = checkRealtime(realtime);
  const wakes = new NativeWakes();
  const stopListening = onAbort(signal, () => wakes.stop());
  try {
    const asked = {
      ...(priority === undefined ? {} : { priority }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(timerSlackS === undefined ? {} : { timerSlackS }),
    };
    const measured = await wakes.measure({ rateHz, durationS, lockMemory, ...asked });
    if (signal?.aborted) return undefined;
    const lateness = new Lateness();
    for (const [bucket, upperS] of measured.upperS.entries()) {
      lateness.add(upperS, measured.counts[bucket]);
    }
    const note = schedulingNote([
      ['priority', priority, measured.priority],
      ['cpu', cpu, measured.cpu],
    ]);
    const { maxS, missed } = measured;
    return { counts: lateness.counts, maxS, missed, note };
  } finally {
    stopListening();
  }
}

type Asked = readonly [name: string, value: unknown, grant: NativeGrant | { granted: boolean }];

/** Returns what a thread asked of the system, and what was refused, in words. */
export function schedulingNote(asked: readonly Asked[], ...more: readonly string[]): string {
  const parts = asked.flatMap(([name, value, grant]) => {
    if (value === undefined) return [];
    const isGranted = 'granted' in grant ? grant.granted : grant.status === 'granted';
    return [`${name} ${value}${isGranted ? '' : ' refused'}`];
  });
  return [...parts, ...more].join(', ') || 'ordinary scheduling';
}
