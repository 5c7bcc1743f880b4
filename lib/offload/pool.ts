// The threads on which asyncified functions run. They are started when needed, and ended when they are idle.

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type TransferListItem, workerData } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { bare } from '../checks.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { describeThrown, isError, read, textIn } from '../errors/describe.ts';
import { OffloadError } from '../errors/errors.ts';
import type { ErrorMessage } from './codec/error-message.ts';
import { type Place, partsOf } from './module.ts';
import { threadOptions } from './node-options.ts';

/** One call, as it is sent to a thread. It is an array, because arrays are sent fastest. */
export type Job = readonly [place: Place, args: readonly unknown[]];

/** The outcome of a call. */
export type Outcome =
  | readonly [value: unknown]
  | { readonly kind: 'threw'; readonly error: ErrorMessage }
  | { readonly kind: 'missing'; readonly exported: readonly string[] };

const THREADS: number = availableParallelism();

/** How long a thread waits for another call before it is ended [ms]. */
const IDLE_MS = 10_000;

const MARK = 'kilohertz pool';

/** Whether this thread belongs to a pool. */
export const isPoolThread: boolean = workerData === MARK;

class Pool {
  #threads: Piscina | undefined;
  #startFailure: unknown;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs a job on a thread. Calls that have to wait for a thread are served in order. When `end` aborts, the call
   * rejects at once, and its thread is ended, because nothing else stops a computation.
   */
  async run(job: Job, moving: object[], end?: AbortSignal): Promise<Outcome> {
    // This class has its own queue, because piscina loses its queue when the last of its threads crashes.
    if (this.#running < THREADS) this.#running += 1;
    else await this.#turn(end);
    let threads: Piscina | undefined;
    try {
      threads = this.#made();
      if (moving.length === 0 && end === undefined) return await threads.run(job);
      return await threads.run(job, {
        transferList: moving as TransferListItem[],
        signal: end ?? null,
      });
    } catch (error) {
      if (end?.aborted) throw error;
      throw lost(partsOf(job[0]).name, threads === this.#threads ? error : this.#startFailure);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /** Waits until a thread is free and reserves it for this call. */
  #turn(end: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      end?.addEventListener('abort', () => {
        const place = this.#waiting.indexOf(resolve);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(end.reason);
      });
    });
  }

  #made(): Piscina {
    if (this.#threads) return this.#threads;
    // Loaded at the first call, so that programs without a call do not load it.
    const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina');
    const threads = new Piscina(
      bare({
        filename: fileURLToPath(entryUrl('pool-worker')),
        minThreads: 0,
        maxThreads: THREADS,
        idleTimeout: IDLE_MS,
        workerData: MARK,
        ...threadOptions(),
      }),
    );
    // If a thread fails before it takes a call, the call for which it was started would wait forever.
    threads.on('error', (error: unknown) => {
      if (threads !== this.#threads) return;
      this.#startFailure = error;
      this.#threads = undefined;
      void threads.destroy();
    });
    this.#threads = threads;
    return threads;
  }
}

/** The one pool of this thread. */
export const pool: Pool = new Pool();

/** Returns the error of a call whose thread gave no answer. */
function lost(name: string, cause: unknown): OffloadError {
  const uncloneable = whyUncloneable(cause);
  if (uncloneable !== undefined) {
    return new OffloadError(
      'OFFLOAD_NOT_CLONEABLE',
      `an argument or the result of ${name} cannot be sent to another thread: ${uncloneable}; pass ` +
        'and return data, without functions, and transfer only what can be moved',
      { cause },
    );
  }
  const code = isError(cause) ? read(cause, 'code') : undefined;
  const why =
    code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? 'ran out of memory; give it less at a time, or start node with a larger --max-old-space-size'
      : `ended before it answered: ${describeThrown(cause)}; a function on a thread of the pool must catch its ` +
        'errors and must not call process.exit()';
  return new OffloadError('OFFLOAD_CRASHED', `the thread that ran ${name} ${why}`, { cause });
}

/** Returns why a value could not be sent, or undefined if the failure has another cause. */
function whyUncloneable(cause: unknown): string | undefined {
  // An error that is thrown in the thread loses its name on the way: on Node 20 nothing of it is left, on later
  // versions only the stack.
  if (!isError(cause)) return 'it is no data';
  const isOfTransfer = read(cause, 'code') === 'ERR_INVALID_TRANSFER_OBJECT';
  if (textIn(cause, 'name') === 'DataCloneError' || isOfTransfer) return textIn(cause, 'message');
  return /^DataCloneError: (.*)/.exec(textIn(cause, 'stack') ?? '')?.[1];
}
