// A child process, Node or Python, at the other end of a line.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { bare, checkBoolean, checkObject, checkText } from '../checks.ts';
import {
  codeOf,
  type KilohertzError,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
} from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { checkRoom, refusal } from '../errors/shortage.ts';
import { endChild, NativeChild, NativeLine } from '../native/binding.ts';
import { EXIT } from '../native/contract.ts';
import { within } from '../promise.ts';
import { workingFolder } from './folders.ts';
import { findInterpreter, type Interpreter } from './interpreter.ts';
import { GONE_LIMIT_MS, gone } from './left-behind.ts';
import { Line, MOST_CALLS } from './line.ts';
import { checkRuntime, NOT_NODE, type NodeProgram, nodeProgram, notNode } from './node-program.ts';
import { endGroup, endGroupLater, endWithProgram } from './process-group.ts';

const PYTHON_MAIN: string = fileURLToPath(new URL('./python/child.py', import.meta.url));

/** How much of the end of a child's stderr is shown in the error if the child dies. */
const TAIL_LINES = 20;
const TAIL_LENGTH = 4096;
/** How long to wait for the end of a dead child's stderr [ms]. A grandchild may keep the stream open. */
const LAST_WORDS_MS = 200;

/** Options with which a child is started. */
export interface ChildSpec {
  /** The URL of the module. */
  readonly url: string;
  /** The Python interpreter. Default: the first that is found, in the order of `interpreter.ts`. */
  readonly python: string | undefined;
  /** Environment variables beside the parent's. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** The Node to be started, for a Node module. Default: this program's own. */
  readonly execPath: string | undefined;
  /** Whether the child leads a process group, which ends with it. */
  readonly processGroup: boolean | undefined;
  readonly sharedBytes: number;
  /** The largest size of an answer, including its arrays [bytes]. */
  readonly longest: number;
  /** The option that allows more, if there is one. */
  readonly longestOption?: string;
  /** The descriptors of the memory through which a session's loop asks the child's policy, and of the policy's inputs. */
  readonly policyMemory?: readonly [port: number, inputs: number];
}

function checkEnvironment(env: unknown): void {
  checkObject('env', env);
  for (const [name, value] of Object.entries(env)) {
    if (typeof value !== 'string') {
      throw new OptionTypeError('OPTION_ENV', `env.${name}`, value, 'a text');
    }
    if (/[=\0]/.test(name) || name === '') {
      const expected = 'names of variables, without = and without the character NUL';
      throw new OptionRangeError('OPTION_ENV', 'a name in env', name, expected);
    }
    if (value.includes('\0')) {
      const expected = 'a text without the character NUL';
      throw new OptionRangeError('OPTION_ENV', `env.${name}`, value, expected);
    }
  }
}

function checkProgram(option: string, path: unknown, expected: string): void {
  if (checkText(option, path, expected).includes('\0')) {
    throw new OptionRangeError(codeOf(option), option, path, expected);
  }
}

/** Checks how a child is to be started. */
export function checkStart(options: {
  python?: unknown;
  execPath?: unknown;
  env?: unknown;
  processGroup?: unknown;
}): void {
  const { python, execPath, env, processGroup } = options;
  if (python !== undefined) checkProgram('python', python, 'the path of an interpreter');
  if (execPath !== undefined) checkProgram('execPath', execPath, 'the path of a Node');
  if (env !== undefined) checkEnvironment(env);
  if (processGroup !== undefined) checkBoolean('processGroup', processGroup);
}

/** Checks that Python can load a module from its place, if it is a Python module. */
export function checkPlace(option: string, url: string): void {
  if (!isPython(url)) return;
  try {
    fileURLToPath(url);
  } catch {
    const expected =
      "the URL of a file on this computer, as in new URL('./policy.py', import.meta.url)";
    throw new OptionTypeError(codeOf(option), option, url, expected);
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
  const cwd = workingFolder();
  return findInterpreter(url, python, {
    env: { ...process.env, ...env },
    cwd,
    program: program === undefined ? undefined : resolve(cwd, program),
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

/** Where children print what they do not print to stderr. */
let stdout: 'inherit' | 2 = 'inherit';

/** From now on children print to this process's stderr alone, for a program whose stdout is for its result. */
export function keepStdout(): void {
  stdout = 2;
}

/** Returns what the child is started with. */
function programOf(spec: ChildSpec, python: Interpreter | undefined): NodeProgram {
  if (!python) return nodeProgram(spec.execPath, spec.env);
  const args = ['-u', PYTHON_MAIN];
  return { program: python.path, args, env: { ...process.env, ...spec.env } };
}

/** A child process. */
export class Child {
  readonly line: Line;
  /** Resolves when the child has ended, with an error that says how it ended. */
  readonly ended: Promise<OffloadError>;
  readonly #process: ChildProcess;
  readonly #program: string;
  readonly #spec: ChildSpec;
  /** The interpreter of a Python child. */
  readonly #python: Interpreter | undefined;
  readonly #whenEnded: (error: OffloadError) => void;
  #tail = '';
  #stopped = false;
  /** How long what the child started may take to end when it is asked to [s]. */
  #groupLimitS = 1;
  /** To be called when the process group has ended. */
  #groupEnded: (() => void) | undefined;
  /** The violation of the line's protocol that the child committed, if it did. */
  #fault: KilohertzError | undefined;

  /**
   * @param whenEnded called with the error that says how the child ended, before calls reject with it
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors, processes or memory left for the child
   * @throws {OffloadError} `OFFLOAD_PYTHON` if there is no Python
   */
  constructor(spec: ChildSpec, whenEnded: (error: OffloadError) => void) {
    checkRuntime('a child process');
    this.#python = isPython(spec.url) ? interpreterFor(spec) : undefined;
    const { program, args, env } = programOf(spec, this.#python);
    this.#program = program;
    this.#spec = spec;
    this.#whenEnded = whenEnded;
    const what = `the process of ${fileName(spec.url)}`;
    checkRoom(what);
    const native = calling(() => NativeLine.make(spec.sharedBytes, spec.longest));
    const { memory, callEvent, answerEvent } = native.descriptors;
    const descriptors = [memory, callEvent, answerEvent, ...(spec.policyMemory ?? [])];
    // In the child these descriptors follow those of the standard streams.
    const numbers = descriptors.map((_, nth) => String(nth + 3));
    const options = bare({
      stdio: ['ignore', stdout, 'pipe', ...descriptors] satisfies StdioOptions,
      env: bare(env),
      detached: spec.processGroup === true,
    });
    try {
      this.#process = spawn(program, [...args, String(process.pid), ...numbers], options);
    } catch (error) {
      native.release();
      throw this.#unstartable(error as Error);
    }
    this.line = new Line(native, fileName(spec.url), {
      most: MOST_CALLS,
      longest: spec.longest,
      longestOption: spec.longestOption,
      clones: !isPython(spec.url),
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
    try {
      this.#hold();
    } catch (error) {
      this.#process.on('error', () => undefined);
      this.#process.kill('SIGKILL');
      this.#process.unref();
      this.line.break(stopped(spec.url));
      throw error;
    }
    // Waiting calls keep the parent alive. The child does not.
    this.#process.unref();
    (stderr as { unref?: () => void } | null)?.unref?.();
    this.ended = this.#watch();
  }

  /** The child's process id; undefined if the child could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Has the child end with this thread, and what it started with this process. */
  #hold(): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    const held = calling(() => new NativeChild(pid));
    this.#process.once('exit', () => held.release());
    if (this.#spec.processGroup) this.#groupEnded = endWithProgram(pid);
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
    const { pid } = this.#process;
    if (this.#spec.processGroup && pid !== undefined) await endGroupLater(pid, this.#groupLimitS);
    this.#groupEnded?.();
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
    if (code === NOT_NODE && !isPython(this.#spec.url)) return notNode(this.#program);
    const how =
      signal === null ? `ended with code ${code}${scriptSays(code)}` : `was killed by ${signal}`;
    return Object.assign(
      new OffloadError(
        'OFFLOAD_CRASHED',
        `the process of ${fileName(this.#spec.url)} ${how}${words ? `; its last words:\n${words}` : ''}`,
      ),
      { exitCode: code, signal, stderr: words },
    );
  }

  #unstartable(cause: Error): OffloadError {
    const refused = refusal(
      `the process of ${fileName(this.#spec.url)}`,
      cause,
      '--allow-child-process',
    );
    if (refused) return refused;
    if (!isPython(this.#spec.url)) {
      const message = `the process of ${fileName(this.#spec.url)}, ${this.#program}, cannot be started: ${cause.message}`;
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
    if (pid !== undefined && !this.#isOver()) {
      calling(() => endChild(pid, limitS));
      if (this.#spec.processGroup) endGroup(pid, limitS);
    }
    this.line.break(stopped(this.#spec.url));
  }

  /** Asks the child to end, as `stop()` does, without blocking. */
  async stopLater(limitS: number): Promise<void> {
    this.#stopped = true;
    this.#groupLimitS = limitS;
    this.line.close();
    // This process must stay alive for those who wait for the child's end.
    this.#process.ref();
    if (await within(limitS * 1e3, this.ended)) return;
    this.#process.kill('SIGKILL');
    const what = `the process of ${fileName(this.#spec.url)}, ${this.pid ?? 'which never ran'},`;
    // Its group gets its own time.
    await gone(what, this.ended, GONE_LIMIT_MS + limitS * 1e3);
  }

  #isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Returns the signal that a shell script tells of by its exit code, in words. */
function scriptSays(code: number | null): string {
  const number = (code ?? 0) - 128;
  const name = Object.entries(constants.signals).find(([, its]) => its === number)?.[0];
  return name === undefined ? '' : `, with which a script says that ${name} killed what it ran`;
}

/** Returns the error with which calls reject after a stop. */
export function stopped(url: string): OffloadError {
  return new OffloadError('OFFLOAD_STOPPED', `the process of ${fileName(url)} was stopped`);
}

function fileName(url: string): string {
  return new URL(url).pathname.split('/').at(-1) ?? url;
}
