// A child process, Node or Python, at the other end of a line.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { bare, checkObject } from '../checks.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { type KilohertzError, OffloadError, OptionTypeError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { checkRoom, shortage } from '../errors/shortage.ts';
import { endChild, NativeLine } from '../native/binding.ts';
import { EXIT } from '../native/contract.ts';
import { within } from '../promise.ts';
import { findInterpreter, type Interpreter } from './interpreter.ts';
import { Line, MOST_CALLS } from './line.ts';

const PYTHON_MAIN: string = fileURLToPath(new URL('./python/child.py', import.meta.url));

/** How much of the end of a child's stderr is shown in the error if the child dies. */
const TAIL_LINES = 20;
const TAIL_LENGTH = 4096;
/** How long to wait for the end of a dead child's stderr [ms]. A grandchild may keep the stream open. */
const LAST_WORDS_MS = 200;

/** Node options that concern the program itself, not how modules are loaded. */
const OWN_OPTIONS =
  /^(-e|-p|-pe|-i|-c|--eval|--print|--check|--interactive|--test|--watch|--inspect)\b/;

/** Options with which a child is started. */
export interface ChildSpec {
  /** The URL of the module. */
  readonly url: string;
  /** The Python interpreter. Default: the first that is found, in the order of `interpreter.ts`. */
  readonly python: string | undefined;
  /** Environment variables beside the parent's. */
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly sharedBytes: number;
  /** The largest size of an answer, including its arrays [bytes]. */
  readonly longest: number;
  /** The descriptor of the memory through which a session's loop asks the child's policy. */
  readonly policyMemory?: number;
}

/** Checks environment variables. */
export function checkEnvironment(env: unknown): void {
  checkObject('env', env);
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== 'string') {
      throw new OptionTypeError('OPTION_ENV', `env.${name}`, value, 'a text');
    }
  }
}

/** Whether a module is a Python module. */
export function isPython(url: string): boolean {
  return new URL(url).pathname.endsWith('.py');
}

/** Returns the name by which a module is loaded: for Python a file path, else the URL. */
export function placeOf(url: string): string {
  return isPython(url) ? fileURLToPath(url) : url;
}

function interpreterFor({ url, python, env }: ChildSpec): Interpreter {
  const program = process.argv[1];
  return findInterpreter(url, python, {
    env: { ...process.env, ...env },
    cwd: process.cwd(),
    program: program === undefined ? undefined : resolve(program),
  });
}

/** The outputs of children that wait until this process's stderr takes more. */
const paused = new Set<Readable>();

/** Passes output of a child on to this process's stderr, which may take it slowly. */
function passOn(data: Buffer, from: Readable): void {
  if (process.stderr.write(data)) return;
  // What is not taken away there stays with the child.
  from.pause();
  // One listener serves all children.
  if (paused.size === 0) process.stderr.once('drain', resumeAll);
  paused.add(from);
}

function resumeAll(): void {
  for (const stream of paused) stream.resume();
  paused.clear();
}

/** Returns the Node options with which this program loads modules, without those that concern the program itself. */
function loaderOptions(): string[] {
  const kept: string[] = [];
  for (let nth = 0; nth < process.execArgv.length; nth += 1) {
    const option = process.execArgv[nth] as string;
    if (!OWN_OPTIONS.test(option)) kept.push(option);
    // The program text of `--eval` is the next argument.
    else if (/^(-e|-p|-pe|--eval|--print)$/.test(option)) nth += 1;
  }
  return kept;
}

/** A child process. */
export class Child {
  readonly line: Line;
  /** Resolves when the child has ended, with an error that says how it ended. */
  readonly ended: Promise<OffloadError>;
  readonly #process: ChildProcess;
  readonly #spec: ChildSpec;
  /** The interpreter of a Python child. */
  readonly #python: Interpreter | undefined;
  readonly #whenEnded: (error: OffloadError) => void;
  #tail = '';
  #stopped = false;
  /** The violation of the line's protocol that the child committed, if it did. */
  #fault: KilohertzError | undefined;

  /**
   * @param whenEnded called with the error that says how the child ended, before calls reject with it
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors, processes or memory left for the child
   * @throws {OffloadError} `OFFLOAD_PYTHON` if there is no Python
   */
  constructor(spec: ChildSpec, whenEnded: (error: OffloadError) => void) {
    this.#spec = spec;
    this.#whenEnded = whenEnded;
    const what = `the process of ${fileName(spec.url)}`;
    const python = isPython(spec.url);
    this.#python = python ? interpreterFor(spec) : undefined;
    checkRoom(what);
    const native = calling(() => NativeLine.make(spec.sharedBytes, spec.longest));
    const { memory, callEvent, answerEvent } = native.descriptors;
    const policy = spec.policyMemory === undefined ? [] : [spec.policyMemory];
    const descriptors = [memory, callEvent, answerEvent, ...policy];
    const [program, main] = this.#python
      ? [this.#python.path, ['-u', PYTHON_MAIN]]
      : [process.execPath, [...loaderOptions(), fileURLToPath(entryUrl('child'))]];
    // In the child these descriptors follow those of the standard streams.
    const numbers = descriptors.map((_, nth) => String(nth + 3));
    const options = bare({
      stdio: ['ignore', 'inherit', 'pipe', ...descriptors] satisfies StdioOptions,
      env: bare({ ...process.env, ...spec.env }),
    });
    try {
      this.#process = spawn(program, [...main, String(process.pid), ...numbers], options);
    } catch (error) {
      native.release();
      throw shortage(what, error) ?? error;
    }
    this.line = new Line(native, fileName(spec.url), {
      most: MOST_CALLS,
      longest: spec.longest,
      clones: !python,
      onFault: (error) => {
        this.#fault = error;
        this.#process.kill('SIGKILL');
      },
    });
    const { stderr } = this.#process;
    stderr?.on('data', (data: Buffer) => {
      passOn(data, stderr);
      this.#tail = (this.#tail + data.toString()).slice(-TAIL_LENGTH);
    });
    // Waiting calls keep the parent alive. The child does not.
    this.#process.unref();
    (stderr as { unref?: () => void } | null)?.unref?.();
    this.ended = this.#watch();
  }

  /** The child's process id; undefined if the child could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  async #watch(): Promise<OffloadError> {
    const closed = once(this.#process, 'close').catch(() => undefined);
    let error: OffloadError;
    try {
      const [code, signal] = (await once(this.#process, 'exit')) as [number | null, string | null];
      await within(LAST_WORDS_MS, closed);
      error = this.#stopped
        ? stopped(this.#spec.url)
        : (this.#faulted() ?? this.#died(code, signal));
    } catch (cause) {
      error = this.#unstartable(cause as Error);
    }
    this.#whenEnded(error);
    this.line.break(error);
    return error;
  }

  /** Returns the error for the fault for which the child was killed. It replaces the error about the kill itself. */
  #faulted(): OffloadError | undefined {
    const cause = this.#fault;
    return cause && new OffloadError(cause.code, cause.message, { cause });
  }

  #died(code: number | null, signal: string | null): OffloadError {
    const words = this.#tail.trim().split('\n').slice(-TAIL_LINES).join('\n');
    if (code === EXIT.unfit && isPython(this.#spec.url)) {
      return new OffloadError(
        'OFFLOAD_PYTHON',
        `${this.#python?.path}, found by ${this.#python?.by}: ${words}. Choose another with { python: ... } or VIRTUAL_ENV`,
      );
    }
    const how = signal === null ? `ended with code ${code}` : `was killed by ${signal}`;
    return Object.assign(
      new OffloadError(
        'OFFLOAD_CRASHED',
        `the process of ${fileName(this.#spec.url)} ${how}${words ? `; its last words:\n${words}` : ''}`,
      ),
      { exitCode: code, signal, stderr: words },
    );
  }

  #unstartable(cause: Error): OffloadError {
    const short = shortage(`the process of ${fileName(this.#spec.url)}`, cause);
    if (short) return short;
    if (!isPython(this.#spec.url)) {
      const message = `the process of ${fileName(this.#spec.url)} cannot be started: ${cause.message}`;
      return new OffloadError('OFFLOAD_CRASHED', message, { cause });
    }
    return new OffloadError(
      'OFFLOAD_PYTHON',
      `${this.#python?.path} cannot be started: ${cause.message}. It was found by ${this.#python?.by}. Install Python 3.9 or newer, or ` +
        'name one with { python: ... } or VIRTUAL_ENV',
      { cause },
    );
  }

  /** Asks the child to end, and blocks until it has ended, at most for `limitS`. Then the child is killed. */
  stop(limitS: number): void {
    this.#stopped = true;
    const { pid } = this.#process;
    this.line.close();
    if (pid !== undefined && !this.#isOver()) calling(() => endChild(pid, limitS));
    this.line.break(stopped(this.#spec.url));
  }

  /** Asks the child to end, as `stop()` does, without blocking. */
  async stopLater(limitS: number): Promise<void> {
    this.#stopped = true;
    this.line.close();
    // This process must stay alive for those who wait for the child's end.
    this.#process.ref();
    if (!(await within(limitS * 1e3, this.ended))) this.#process.kill('SIGKILL');
    await this.ended;
  }

  #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Returns the error with which calls reject after a stop. */
export function stopped(url: string): OffloadError {
  return new OffloadError('OFFLOAD_STOPPED', `the process of ${fileName(url)} was stopped`);
}

function fileName(url: string): string {
  return new URL(url).pathname.split('/').at(-1) ?? url;
}
