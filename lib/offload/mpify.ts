import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkNumber, checkText, ownOptions } from '../checks.ts';
import { OffloadError } from '../errors/errors.ts';
import { CALL } from '../native/contract.ts';
import type { AnyFunction } from './asyncify.ts';
import { CALLED, type CallLimits, checkCallLimits, LONGEST_S } from './call-limits.ts';
import { Child, type ChildSpec, checkPlace, checkStart, placeOf, stopped } from './child.ts';
import type { Line } from './line.ts';
import { checkModule } from './module.ts';
import { makeProxy, type ProcessProxy, type Remote } from './process-proxy.ts';
import { checkSharedBytes, DEFAULT_SHARED_BYTES } from './shared-bytes.ts';

const DEFAULT_STOP_S = 1;
const DEFAULT_ANSWER: number = 2 ** 30;

/** Options of {@link mpify}. */
export interface MpifyOptions {
  /**
   * The Python interpreter, for a Python module. Default: the first that is found, of `VIRTUAL_ENV`, `CONDA_PREFIX`,
   * `UV_PROJECT_ENVIRONMENT`, a `.venv` beside the module or above it, and `PATH`.
   */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The Node that is started for a Node module, for a program whose own file does not start Node: a single executable,
   * an Electron without `runAsNode`. Default: `process.execPath`.
   */
  readonly execPath?: string;
  /**
   * Whether the process leads a process group. When it ends or is stopped, what it has started ends too: it gets
   * `SIGTERM`, and after `timeoutS` of `stop()`, or 1 s, `SIGKILL`. When this program ends, in whatever way, the group is
   * killed. Signals of the terminal, such as Ctrl+C, do not reach the group. Default false.
   */
  readonly processGroup?: boolean;
  /** How often the object is made again, with the same arguments, if its process dies. Default 0. */
  readonly restarts?: number;
  /** How long making the object may take [s]. After that the process is killed. Default: no limit. */
  readonly startTimeoutS?: number;
  /**
   * Kills the process if the signal aborts while the object is made; the promise then rejects with an
   * {@link AbortError}.
   */
  readonly signal?: AbortSignal;
  /**
   * The size of the shared memory for large arrays, in each direction [bytes]. Arrays that do not fit are still sent,
   * but slower. The system allocates only what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
  /**
   * How large an answer may be, including its arrays [bytes], from 1 kB to 4 GB, and how much memory its other values
   * may take. A process that sends a larger answer is ended, and calls reject with `OFFLOAD_TOO_LARGE`. Default 1 GiB.
   */
  readonly maxAnswerBytes?: number;
}

type Made<Factory> = Factory extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given<Factory> = Factory extends (...args: infer Args) => unknown ? Args : never;

/**
 * Starts a process that loads a module and calls one of its exports, a factory, to make an object. Resolves to a proxy
 * of this object. Every access to the proxy goes to the process and must be awaited. The factory may be asynchronous.
 *
 * If the URL ends in `.py`, the process is Python (3.9 or newer; the standard library is enough). If numpy is installed
 * there, typed arrays arrive as numpy arrays with the shape that {@link shaped} gave them. Arrays come back as typed
 * arrays, with a `shape` if they have more than one dimension. {@link MpifyOptions.python} says which interpreter
 * runs.
 *
 * Calls are made in order. Calls of asynchronous methods run at the same time in Node, and one after the other in
 * Python. Arguments and results are copied; arrays from 64 kB on are copied once, through shared memory, without
 * pickling. If a method throws, the call rejects with an error as with {@link asyncify}; in Python its
 * stack is the traceback. If the process dies, calls reject with `OFFLOAD_CRASHED`; the message says how the
 * process ended, and has the last lines that it wrote to stderr.
 *
 * The process ends when this process ends, in whatever way. An idle process uses no processor time and does not keep
 * this process alive.
 *
 * @example
 * const policy = await mpify<typeof import('./policy.js').makePolicy>(
 *   new URL('./policy.js', import.meta.url),
 *   'makePolicy',
 *   'checkpoint.onnx',
 * );
 * const action = await policy.getAction(observation);
 * const timing = await policy.timing;
 * policy.gain = 2;
 * for await (const step of policy.rollOut(10)) console.log(step);
 * policy.stop();
 * @param module the URL of the module
 * @param name the export that makes the object
 * @param args the arguments of this export
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND`, `OFFLOAD_PYTHON`, `OFFLOAD_CRASHED`,
 * `OFFLOAD_TIMEOUT`
 */
// biome-ignore lint/suspicious/noExplicitAny: an untyped factory makes anything
export type MpifyCall = <Factory extends AnyFunction = (...args: any[]) => any>(
  module: string | URL,
  name: string,
  ...args: Given<Factory>
) => Promise<ProcessProxy<Made<Factory>>>;

/** The type of {@link mpify}. */
export interface Mpify extends MpifyCall {
  /** Returns `mpify` with options, for example `mpify.with({ restarts: 1 })(url, 'makePolicy')`. */
  with(options: MpifyOptions): MpifyCall;
}

async function begin(
  options: MpifyOptions,
  module: string | URL,
  name: string,
  args: readonly unknown[],
): Promise<ProcessProxy<unknown>> {
  const url = checkModule(module);
  checkPlace('module', url);
  checkText('name', name, 'the name of an export');
  const process = new RemoteProcess(url, name, args, options);
  await process.start(options.signal);
  return makeProxy(process, `${name} in ${url.split('/').at(-1)}`);
}

const MPIFY_OPTIONS = [
  'python',
  'env',
  'execPath',
  'processGroup',
  'restarts',
  'startTimeoutS',
  'signal',
  'sharedBytes',
  'maxAnswerBytes',
] as const satisfies readonly (keyof MpifyOptions)[];

function withOptions(given: MpifyOptions): MpifyCall {
  const options = ownOptions('mpify.with()', given, MPIFY_OPTIONS);
  const { restarts = 0, startTimeoutS, signal } = options;
  checkStart(options);
  checkNumber('restarts', restarts, { from: 0, to: 1e6, integer: true });
  checkSignal(signal);
  if (startTimeoutS !== undefined) {
    checkNumber('startTimeoutS', startTimeoutS, { from: 0, to: LONGEST_S, above: true, unit: 's' });
  }
  const { sharedBytes = DEFAULT_SHARED_BYTES, maxAnswerBytes = DEFAULT_ANSWER } = options;
  checkSharedBytes(sharedBytes);
  const range = { from: 1000, to: 4e9, integer: true, unit: 'bytes' };
  checkNumber('maxAnswerBytes', maxAnswerBytes, range);
  return ((module: string | URL, name: string, ...args: unknown[]) =>
    begin(options, module, name, args)) as MpifyCall;
}

/** Makes an object in another process, and a proxy of it in this process. */
export const mpify: Mpify = Object.assign(withOptions({}), { with: withOptions }) as Mpify;

/** A process, and the process that replaces it if it dies. */
class RemoteProcess implements Remote {
  readonly #url: string;
  readonly #make: readonly unknown[];
  readonly #spec: ChildSpec;
  readonly #options: MpifyOptions;
  #child: Child | undefined;
  #restartsLeft: number;
  /** Set while a new process is being started: calls wait for it. */
  #restarting: Promise<void> | undefined;
  /** The first assignment that failed while a new process was being started, until a call reports it. */
  #failedSet: { readonly error: unknown } | undefined;
  /** Why no new process will be started, if so. */
  #over: OffloadError | undefined;

  constructor(url: string, name: string, args: readonly unknown[], options: MpifyOptions) {
    const { python, env, execPath, processGroup, restarts = 0 } = options;
    const { sharedBytes = DEFAULT_SHARED_BYTES, maxAnswerBytes: longest = DEFAULT_ANSWER } =
      options;
    this.#url = url;
    this.#make = [placeOf(url), name, args];
    const bounds = { sharedBytes, longest, longestOption: 'maxAnswerBytes' };
    this.#spec = { url, python, env, execPath, processGroup, ...bounds };
    this.#options = options;
    this.#restartsLeft = restarts;
  }

  async start(signal?: AbortSignal): Promise<void> {
    const { startTimeoutS: timeoutS } = this.#options;
    throwIfAborted(signal, CALLED);
    let made = false;
    const child = new Child(this.#spec, (error) => {
      // A caller that calls again as soon as a call is rejected must find the next process.
      if (made) this.#died(error);
    });
    this.#child = child;
    try {
      await child.line.callWithin({ signal, timeoutS }, CALL.make, 'make', this.#make);
    } catch (error) {
      await child.stopLater(0);
      throw error;
    }
    made = true;
    if (this.#over) await child.stopLater(0);
  }

  #died(error: OffloadError): void {
    this.#child = undefined;
    if (this.#over) return;
    if (this.#restartsLeft === 0) {
      this.#over = error;
      return;
    }
    this.#restartsLeft -= 1;
    this.#restarting = this.start()
      .catch((failure: unknown) => {
        const message = `the process of ${this.#url} could not be made again`;
        this.#over ??= new OffloadError('OFFLOAD_CRASHED', message, { cause: failure });
      })
      .finally(() => {
        this.#restarting = undefined;
      });
  }

  #running(): Child {
    if (this.#child && !this.#over) return this.#child;
    throw this.#over ?? stopped(this.#url);
  }

  async call(
    path: readonly string[],
    args: readonly unknown[],
    limits?: CallLimits,
  ): Promise<unknown> {
    if (this.#restarting) await this.#restarting;
    const line = this.#line();
    const named = path.length === 1 ? (path[0] as string) : path;
    return limits
      ? line.callWithin(limits, CALL.call, named, args)
      : line.call(CALL.call, named, args);
  }

  async get(path: readonly string[]): Promise<unknown> {
    if (this.#restarting) await this.#restarting;
    return this.#line().call(CALL.get, path, []);
  }

  set(path: readonly string[], value: unknown): void {
    const tell = (): void => this.#running().line.tell(CALL.set, path, [value]);
    if (!this.#restarting) {
      tell();
      return;
    }
    void this.#restarting.then(() => {
      // The assignment is sent in this turn, so that the calls that wait after it see its effect.
      try {
        tell();
      } catch (error) {
        this.#failedSet ??= { error };
      }
    });
  }

  /** Returns the line for the next call. Throws the error of an earlier assignment that failed. */
  #line(): Line {
    if (!this.#failedSet) return this.#running().line;
    const { error } = this.#failedSet;
    this.#failedSet = undefined;
    throw error;
  }

  checkLimits(limits: CallLimits): CallLimits {
    return checkCallLimits(limits);
  }

  stop(options: { readonly timeoutS?: number } = {}): void {
    const { timeoutS = DEFAULT_STOP_S } = ownOptions('stop()', options, ['timeoutS']);
    checkNumber('timeoutS', timeoutS, { from: 0, to: 3600, unit: 's' });
    this.#over ??= stopped(this.#url);
    this.#child?.stop(timeoutS);
  }

  async stopLater(): Promise<void> {
    this.#over ??= stopped(this.#url);
    await this.#child?.stopLater(DEFAULT_STOP_S);
  }
}
