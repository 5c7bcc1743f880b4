// The threads on which asyncified functions run. They are started when needed, and ended when they are idle.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type TransferListItem, workerData } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { onAbort } from '../abort.ts';
import { bare, checkNumber, ownOptions } from '../checks.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { describeThrown, isError, read, textIn } from '../errors/describe.ts';
import { KilohertzError, OffloadError } from '../errors/errors.ts';
import { checkRoom, refusal, shortage } from '../errors/shortage.ts';
import { LONGEST_S } from './call-limits.ts';
import type { Carried } from './codec/carried.ts';
import { type ErrorMessage, fromMessage } from './codec/error-message.ts';
import { type Place, partsOf } from './module.ts';
import { threadOptions } from './node-options.ts';
import { processors } from './processors.ts';

/** One call, as it is sent to a thread. It is an array, because arrays are sent fastest. */
export type Job = readonly [place: Place, args: readonly unknown[], carried?: Carried];

/** The outcome of a call. */
export type Outcome =
  | readonly [values: readonly unknown[], carried?: Carried]
  | { readonly kind: 'threw' | 'unloaded'; readonly error: ErrorMessage }
  | { readonly kind: 'missing'; readonly exported: readonly string[] };

/** Settings of the pool of threads on which asyncified functions run. */
export interface PoolOptions {
  /**
   * How many threads may run at the same time, 1 to 1024. Default: as many as this process may use processors. The
   * processors that `taskset` allows count, and the quota of the process's cgroup, rounded down.
   */
  readonly threads?: number;
  /** How long a thread waits for another call before it is ended [s], 0 to 2147483. Default 10. */
  readonly idleS?: number;
  /**
   * How large the heap of JavaScript may become in each thread [MiB], 16 to 65536. A call whose thread needs more rejects
   * with `OFFLOAD_CRASHED`, and the thread is ended. Default: Node's own limit.
   */
  readonly memoryMb?: number;
}

/** What the pool of threads does and has done. Counts are since the program's start. */
export interface PoolStats {
  /** How many threads may run at the same time. */
  readonly maxThreads: number;
  /** How many threads exist now. */
  readonly threads: number;
  /** How many calls run now. */
  readonly running: number;
  /** How many calls wait for a thread now. */
  readonly waiting: number;
  /** How many calls have been answered, also with what the function threw. */
  readonly answered: number;
  /** How many calls had no answer: their thread ended, could not be started, or their arguments could not be sent. */
  readonly failed: number;
  /** How many calls were ended by their `signal` or `timeoutS`. */
  readonly aborted: number;
}

const POOL_OPTIONS = [
  'threads',
  'idleS',
  'memoryMb',
] as const satisfies readonly (keyof PoolOptions)[];
const DEFAULT_IDLE_S = 10;

const MARK = 'kilohertz pool';
/** What is started, for messages. */
const THREAD = 'a thread of the pool';

/** Whether this thread belongs to a pool. */
export const isPoolThread: boolean = workerData === MARK;

class Pool {
  #options: PoolOptions = {};
  #maxThreads: number | undefined;
  #threads: Piscina | undefined;
  /** The calls that run, by the threads that they run on, those with earlier options included. */
  readonly #calls = new Map<Piscina, number>();
  /** Why a thread could not be started. */
  readonly #startFailures = new WeakMap<Piscina, unknown>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #answered = 0;
  #failed = 0;
  #aborted = 0;

  configure(options: PoolOptions): void {
    this.#options = options;
    this.#maxThreads = undefined;
    const old = this.#threads;
    this.#threads = undefined;
    if (old) this.#leave(old);
    // There may be more room now.
    while (this.#waiting.length > 0 && this.#running < this.maxThreads) {
      this.#running += 1;
      this.#waiting.shift()?.();
    }
  }

  get maxThreads(): number {
    this.#maxThreads ??= this.#options.threads ?? processors();
    return this.#maxThreads;
  }

  get stats(): PoolStats {
    const pools = new Set(this.#calls.keys());
    if (this.#threads) pools.add(this.#threads);
    return {
      maxThreads: this.maxThreads,
      threads: [...pools].reduce((sum, { threads }) => sum + threads.length, 0),
      running: this.#running,
      waiting: this.#waiting.length,
      answered: this.#answered,
      failed: this.#failed,
      aborted: this.#aborted,
    };
  }

  /**
   * Runs a job on a thread. Calls that have to wait for a thread are served in order. When `end` aborts, the call
   * rejects at once, and its thread is ended, because nothing else stops a computation.
   */
  async run(job: Job, moving: object[], end?: AbortSignal): Promise<Outcome> {
    try {
      const outcome = await this.#run(job, moving, end);
      this.#answered += 1;
      return outcome;
    } catch (error) {
      if (end?.aborted) this.#aborted += 1;
      else this.#failed += 1;
      throw error;
    }
  }

  async #run(job: Job, moving: object[], end: AbortSignal | undefined): Promise<Outcome> {
    // This class has its own queue, because piscina loses its queue when the last of its threads crashes.
    if (this.#running < this.maxThreads) this.#running += 1;
    else await this.#turn(end);
    let threads: Piscina | undefined;
    try {
      threads = this.#made();
      this.#calls.set(threads, (this.#calls.get(threads) ?? 0) + 1);
      if (this.#running > threads.threads.length) checkRoom(THREAD);
      const outcome: Outcome = await (moving.length === 0 && end === undefined
        ? threads.run(job)
        : threads.run(job, {
            transferList: moving as TransferListItem[],
            signal: end ?? null,
          }));
      this.#expectLoaded(outcome, threads, job[0]);
      return outcome;
    } catch (error) {
      if (end?.aborted) throw error;
      if (error instanceof KilohertzError) throw error;
      const startFailure = threads && this.#startFailures.get(threads);
      throw this.#lost(partsOf(job[0]).name, startFailure ?? error);
    } finally {
      if (threads) this.#left(threads);
      // After `configure` there may be more calls than threads.
      const next = this.#running > this.maxThreads ? undefined : this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /**
   * Throws `SYSTEM` if a thread had no descriptors left to load a module. That thread never loads it, because Node keeps
   * the failure. So the threads get no further call, and new ones are started.
   */
  #expectLoaded(outcome: Outcome, threads: Piscina, place: Place): void {
    if (!('kind' in outcome) || outcome.kind !== 'unloaded') return;
    const short = shortage(`${THREAD}, for ${partsOf(place).name},`, fromMessage(outcome.error));
    if (!short) return;
    if (threads === this.#threads) this.#threads = undefined;
    throw short;
  }

  /** A call on these threads is over. */
  #left(threads: Piscina): void {
    const calls = (this.#calls.get(threads) ?? 0) - 1;
    if (calls > 0) this.#calls.set(threads, calls);
    else this.#calls.delete(threads);
    if (threads !== this.#threads) this.#leave(threads);
  }

  /** Ends threads that get no further call, once their calls are over. */
  #leave(threads: Piscina): void {
    if (!this.#calls.has(threads)) void threads.destroy();
  }

  /** Waits until a thread is free and reserves it for this call. */
  #turn(end: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopListening = onAbort(end, () => {
        const place = this.#waiting.indexOf(begin);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(end?.reason);
      });
      const begin = (): void => {
        stopListening();
        resolve();
      };
      this.#waiting.push(begin);
    });
  }

  #made(): Piscina {
    if (this.#threads) return this.#threads;
    // Without descriptors Node would not find piscina, now and at later calls.
    checkRoom(THREAD);
    const { idleS = DEFAULT_IDLE_S, memoryMb } = this.#options;
    // Loaded at the first call, so that programs without a call do not load it.
    const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina');
    const threads = new Piscina(
      bare({
        filename: fileURLToPath(entryUrl('pool-worker')),
        minThreads: 0,
        maxThreads: this.maxThreads,
        idleTimeout: idleS * 1e3,
        workerData: MARK,
        ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
        ...threadOptions(),
      }),
    );
    // If a thread fails before it takes a call, the call for which it was started would wait forever.
    threads.on('error', (error: unknown) => {
      if (!this.#startFailures.has(threads)) this.#startFailures.set(threads, error);
      if (threads === this.#threads) this.#threads = undefined;
      void threads.destroy();
    });
    this.#threads = threads;
    return threads;
  }

  /** Returns the error of a call whose thread gave no answer. */
  #lost(name: string, cause: unknown): KilohertzError {
    const uncloneable = whyUncloneable(cause);
    if (uncloneable !== undefined) {
      return new OffloadError(
        'OFFLOAD_NOT_CLONEABLE',
        `an argument or the result of ${name} cannot be sent to another thread: ${uncloneable}; pass ` +
          'and return data, without functions, and transfer only what can be moved',
        { cause },
      );
    }
    const refused = refusal(`${THREAD}, for ${name},`, cause, '--allow-worker');
    if (refused) return refused;
    const code = isError(cause) ? read(cause, 'code') : undefined;
    const { memoryMb } = this.#options;
    const more =
      memoryMb === undefined
        ? 'start node with a larger --max-old-space-size'
        : `raise memoryMb, which is ${memoryMb}, with configurePool()`;
    const why =
      code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `ran out of memory; give it less at a time, or ${more}`
        : `ended before it answered: ${describeThrown(cause)}; a function on a thread of the pool must catch its ` +
          'errors and must not call process.exit()';
    return new OffloadError('OFFLOAD_CRASHED', `the thread that ran ${name} ${why}`, { cause });
  }
}

/** The one pool of this thread. */
export const pool: Pool = new Pool();

/**
 * Sets how the pool of threads works on which asyncified functions run. Options that are left out have their defaults
 * again. Calls that run go on and are answered; later calls, also those that wait, run on threads with the new options.
 * Each thread of a program has a pool of its own, which it configures itself.
 *
 * @example
 * configurePool({ threads: 2, idleS: 60, memoryMb: 512 });
 * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid; nothing has changed then
 */
export function configurePool(options: PoolOptions): void {
  const own = ownOptions('configurePool()', options, POOL_OPTIONS);
  const { threads, idleS, memoryMb } = own;
  if (threads !== undefined) checkNumber('threads', threads, { from: 1, to: 1024, integer: true });
  if (idleS !== undefined) checkNumber('idleS', idleS, { from: 0, to: LONGEST_S, unit: 's' });
  if (memoryMb !== undefined) {
    checkNumber('memoryMb', memoryMb, { from: 16, to: 65_536, unit: 'MiB' });
  }
  pool.configure(own);
}

/**
 * Returns what the pool of threads does and has done.
 *
 * @example
 * const { running, waiting, maxThreads } = poolStats();
 */
export function poolStats(): PoolStats {
  return pool.stats;
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
