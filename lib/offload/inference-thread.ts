import { Worker } from 'node:worker_threads';
import { bare, checkNumber, checkText, ownOptions } from '../checks.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { describeThrown } from '../errors/describe.ts';
import { type KilohertzError, OffloadError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { checkRoom, refusal, shortage } from '../errors/shortage.ts';
import { NativeLine } from '../native/binding.ts';
import { CALL } from '../native/contract.ts';
import { within } from '../promise.ts';
import type { AnyFunction } from './asyncify.ts';
import { type CallLimits, checkCallLimits } from './call-limits.ts';
import { gone } from './left-behind.ts';
import { Line, MOST_CALLS } from './line.ts';
import { checkModule } from './module.ts';
import { threadOptions } from './node-options.ts';
import { checkRuntime } from './node-program.ts';
import { checkSharedBytes, DEFAULT_SHARED_BYTES } from './shared-bytes.ts';

const DEFAULT_QUEUE = 64;
const DEFAULT_STOP_S = 1;

/** The names of what a module exports as functions. */
export type FunctionNames<Module> = {
  [Name in keyof Module & string]: Module[Name] extends AnyFunction ? Name : never;
}[keyof Module & string];

/** The result of a function that is called in another thread. */
type Answer<F> = F extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given<F> = F extends (...args: infer Args) => unknown ? Args : never;

/** An export of the module as a function, made by {@link InferenceThread.wrap}. */
export interface Wrapped<Work extends AnyFunction> {
  /** Calls the export on the thread. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** Calls the export on the thread, and blocks the calling thread until the answer is there. */
  sync(...args: Parameters<Work>): Awaited<ReturnType<Work>>;
  /** Returns the function with limits for its calls, for example `infer.with({ timeoutS: 0.1 })(image)`. */
  with(limits: CallLimits): (...args: Parameters<Work>) => Promise<Awaited<ReturnType<Work>>>;
}

/** Options of an {@link InferenceThread}. */
export interface InferenceThreadOptions {
  /** How many calls may wait for their answer, 1 to 128. Further calls are refused. Default 64. */
  readonly maxQueued?: number;
  /**
   * The size of the shared memory for large arrays, in each direction [bytes]. Arrays that do not fit are still sent,
   * but slower. The system allocates only what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
}

interface Thread {
  readonly worker: Worker;
  readonly line: Line;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;
  stopped: boolean;
}

/**
 * A thread for the inference of a model. The thread loads a module once, so the state of the module stays warm, for
 * example a session of onnxruntime or a context of CUDA. Calls are answered in order, one at a time, also those of
 * asynchronous functions. A call costs one hand-over through shared memory and one wake.
 *
 * Arguments and results are copied once: the other side reads typed arrays from 64 kB on directly from shared memory. A
 * function may use the arrays that it receives until it has answered, a generator until it ends. After that the arrays
 * are empty, so copy what you want to keep. If a function throws, the call rejects with an error as with
 * {@link asyncify}. An idle thread uses no processor time and does not keep the process alive.
 *
 * @example
 * await using thread = new InferenceThread<typeof import('../franka/model.js')>(
 *   new URL('../franka/model.js', import.meta.url),
 * );
 * await thread.start();
 * const action = await thread.run('infer', image);
 */
export class InferenceThread<Module extends object = Record<string, AnyFunction>> {
  readonly #url: string;
  readonly #maxQueued: number;
  readonly #sharedBytes: number;
  #thread: Thread | undefined;
  #starting: Promise<void> | undefined;
  /** Whether calls are refused because the thread was stopped, not because it was never started. */
  #stopped = false;

  /**
   * @param module the URL of the module
   * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
   * @throws {OffloadError} `OFFLOAD_ENTRY_POINT` if the module is the program itself
   */
  constructor(module: string | URL, options: InferenceThreadOptions = {}) {
    this.#url = checkModule(module);
    const own = ownOptions('InferenceThread()', options, ['maxQueued', 'sharedBytes']);
    const { maxQueued = DEFAULT_QUEUE, sharedBytes = DEFAULT_SHARED_BYTES } = own;
    const range = { from: 1, to: MOST_CALLS, integer: true };
    this.#maxQueued = checkNumber('maxQueued', maxQueued, range);
    this.#sharedBytes = checkSharedBytes(sharedBytes);
  }

  /** How many calls wait for their answer, including the one that is being answered. */
  get queued(): number {
    return this.#thread?.line.waiting ?? 0;
  }

  /**
   * Starts the thread and loads the module. Rejects with the error that loading throws. A thread that was stopped can
   * be started again; it then loads the module again.
   */
  start(): Promise<void> {
    if (this.#starting) return this.#starting;
    const starting = this.#start().catch((error: unknown) => {
      // It may have been stopped meanwhile, and started again.
      if (this.#starting === starting) this.#starting = undefined;
      throw error;
    });
    this.#starting = starting;
    return starting;
  }

  async #start(): Promise<void> {
    checkRuntime('an InferenceThread');
    checkRoom('the inference thread');
    const native = calling(() => NativeLine.make(this.#sharedBytes));
    // The thread belongs to this process. It could take any amount of memory anyway, so its answers have no size limit.
    const longest = Number.POSITIVE_INFINITY;
    const line = new Line(native, this.#url, { most: this.#maxQueued, longest, clones: true });
    const workerData = { line: native.number };
    const threads = { name: 'kilohertz inference', ...threadOptions() };
    const options = bare({ workerData, ...threads });
    const worker = started(() => new Worker(entryUrl('inference-worker'), options), line);
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    const ended = new Promise<void>((resolve) => {
      worker.on('exit', (code) => {
        if (this.#thread === thread) {
          this.#thread = undefined;
          this.#starting = undefined;
        }
        line.break(thread.stopped ? stopped() : crashed(code, cause));
        resolve();
      });
    });
    const thread: Thread = { worker, line, ended, stopped: false };
    this.#thread = thread;
    this.#stopped = false;
    // Waiting calls keep the process alive. The thread does not.
    worker.unref();
    try {
      await line.call(CALL.make, '', [this.#url]);
    } catch (error) {
      await this.#end(thread, 0);
      // Loading the module may need more descriptors than were there.
      throw shortage('the inference thread', error) ?? error;
    }
  }

  /**
   * Calls an export of the module on the thread.
   *
   * @throws {OffloadError} `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`, `OFFLOAD_QUEUE_FULL`,
   * `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_CRASHED`
   */
  async run<Name extends FunctionNames<Module>>(
    name: Name,
    ...args: Given<Module[Name]>
  ): Promise<Answer<Module[Name]>> {
    checkText('name', name, 'the name of an export');
    return this.#line().call(CALL.call, name, args) as Promise<Answer<Module[Name]>>;
  }

  /**
   * Returns an export of the module as a function. It may be called before the thread is started.
   *
   * @example
   * const infer = thread.wrap('infer');
   * await infer(image);
   * await infer.with({ timeoutS: 0.1 })(image);
   * infer.sync(image); // blocks
   */
  wrap<Name extends FunctionNames<Module>>(
    name: Name,
  ): Module[Name] extends AnyFunction ? Wrapped<Module[Name]> : never {
    checkText('name', name, 'the name of an export');
    const call = async (...args: unknown[]): Promise<unknown> =>
      this.#line().call(CALL.call, name, args);
    const wrapped = Object.assign(call, {
      sync: (...args: unknown[]) => this.#line().callNow(CALL.call, name, args),
      with: (limits: CallLimits) => {
        const checked = checkCallLimits(limits);
        return async (...args: unknown[]) =>
          this.#line().callWithin(checked, CALL.call, name, args);
      },
    });
    Object.defineProperty(wrapped, 'name', { value: name, configurable: true });
    return wrapped as Wrapped<AnyFunction> as Module[Name] extends AnyFunction
      ? Wrapped<Module[Name]>
      : never;
  }

  /**
   * Ends the thread. Waiting calls are still answered, at most for `timeoutS` [s], default 1. Then the thread is
   * terminated, and the calls that are left reject with `OFFLOAD_STOPPED`.
   * A thread that is in a call into native code which does not return is left behind after 3 s, and a warning with code
   * `KILOHERTZ_LEFT_BEHIND` says so.
   */
  async stop(options: { readonly timeoutS?: number } = {}): Promise<void> {
    const { timeoutS = DEFAULT_STOP_S } = ownOptions('stop()', options, ['timeoutS']);
    checkNumber('timeoutS', timeoutS, { from: 0, to: 3600, unit: 's' });
    const thread = this.#thread;
    this.#stopped ||= thread !== undefined;
    this.#starting = undefined;
    if (thread) await this.#end(thread, timeoutS);
  }

  /** Ends the thread, as {@link InferenceThread.stop} does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Asks a thread to end, and terminates it after `timeoutS`. */
  async #end(thread: Thread, timeoutS: number): Promise<void> {
    thread.stopped = true;
    thread.line.close();
    if (await within(timeoutS * 1e3, thread.ended)) return;
    void thread.worker.terminate();
    await gone('the inference thread', thread.ended);
    // A call into native code that does not return holds the thread up. What waits for it is given up.
    thread.line.break(stopped());
    if (this.#thread === thread) this.#thread = undefined;
  }

  #line(): Line {
    if (this.#thread && !this.#stopped) return this.#thread.line;
    throw this.#stopped ? stopped() : notStarted();
  }
}

/** Returns the worker at the other end of a line. If it cannot be started, the line is given up. */
function started(start: () => Worker, line: Line): Worker {
  try {
    return start();
  } catch (error) {
    const told = crashed(1, error);
    line.break(told);
    throw told;
  }
}

function notStarted(): OffloadError {
  const message = 'the inference thread was not started, or has crashed; await start() first';
  return new OffloadError('OFFLOAD_NOT_STARTED', message);
}

function stopped(): OffloadError {
  const message = 'the inference thread was stopped; start() starts it again';
  return new OffloadError('OFFLOAD_STOPPED', message);
}

function crashed(code: number, cause: unknown): KilohertzError {
  const refused = refusal('the inference thread', cause, '--allow-worker');
  if (refused) return refused;
  const why =
    cause === undefined
      ? `ended with code ${code}; what it runs must not call process.exit()`
      : `crashed: ${describeThrown(cause)}`;
  return new OffloadError('OFFLOAD_CRASHED', `the inference thread ${why}`, { cause });
}
