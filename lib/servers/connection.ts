// The connection to a policy server, as the thread that asks it sees it. A thread of its own keeps it (server-worker.ts).

import { Worker } from 'node:worker_threads';
import { orAborted, throwIfAborted } from '../abort.ts';
import { bare } from '../checks.ts';
import { entryUrl } from '../entry/entry-url.ts';
import { describeThrown } from '../errors/describe.ts';
import { ServerError } from '../errors/errors.ts';
import { numberText } from '../errors/number.ts';
import { checkRoom, refusal } from '../errors/shortage.ts';
import { threadOptions } from '../offload/node-options.ts';
import type { FromLink, LinkTask, Read, ToLink } from './messages.ts';
import type { Frame } from './msgpack.ts';
import type { Fault } from './wire-error.ts';

/** What has happened to a policy server since it was connected to. */
export interface ServerStats {
  /** Whether it is connected to. */
  readonly isConnected: boolean;
  /** How often it was connected to: 1, and 1 for each time that it came back. */
  readonly connects: number;
  /** How many attempts to connect have failed. */
  readonly failedConnects: number;
  /** How often the connection was lost, or was closed because of what came over it. */
  readonly losses: number;
  /** How many questions were sent. */
  readonly questions: number;
  /** How many answers could be used. */
  readonly answers: number;
  /** How many questions had no answer within `timeoutS`. */
  readonly timeouts: number;
  /** How many questions were open when the connection was lost. */
  readonly lostQuestions: number;
  /** How often the server said that it has failed. */
  readonly failures: number;
  /** How many messages could not be read. */
  readonly badFrames: number;
  /** How many answers could be read, and were not what they have to be. */
  readonly badAnswers: number;
}

/** How long the thread may take to close the connection [ms]. */
const CLOSE_LIMIT_MS = 500;
const WHAT = 'the thread of the policy server';

const NOTHING_YET: Fault = { code: 'SERVER_TIMEOUT', message: 'it has not answered' };

interface Waiting {
  readonly answered: (answer: Read) => void;
  readonly failed: (error: Error) => void;
}

/** A connection to a policy server. */
export class ServerConnection {
  /** The server's address, for messages: without what is secret in its URL. */
  readonly place: string;
  readonly #worker: Worker;
  /** Resolves when the thread has ended. */
  readonly #ended: Promise<void>;
  readonly #waiting: Map<number, Waiting> = new Map();
  /** What waits for the connection. */
  readonly #connecting: Set<(fault: Fault | undefined) => void> = new Set();
  readonly #counts = {
    connects: 0,
    failedConnects: 0,
    losses: 0,
    questions: 0,
    answers: 0,
    timeouts: 0,
    lostQuestions: 0,
    failures: 0,
    badFrames: 0,
    badAnswers: 0,
  };
  /** Called when the connection is lost; not for a question that fails with it. */
  #onLost: (error: ServerError) => void = () => undefined;
  #metadata: Read = { value: {}, arrays: [] };
  #isConnected = false;
  #isClosed = false;
  /** What went wrong last, since it was connected to. */
  #fault: Fault = NOTHING_YET;
  #newest = 0;
  /** The memory of a frame that was answered. */
  #memory: ArrayBuffer | undefined;

  private constructor(task: LinkTask) {
    this.place = new URL(task.url).host;
    checkRoom(WHAT);
    const options = { workerData: task, name: 'kilohertz policy server', ...threadOptions() };
    try {
      this.#worker = new Worker(entryUrl('server-worker'), bare(options));
    } catch (error) {
      throw refusal(WHAT, error, '--allow-worker') ?? error;
    }
    let cause: unknown;
    this.#worker.on('error', (error) => {
      cause = error;
    });
    this.#worker.on('message', (message: FromLink) => this.#take(message));
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        const why = cause === undefined ? `with the code ${code}` : `: ${describeThrown(cause)}`;
        this.#end({ code: 'SERVER_UNREACHABLE', message: `its thread has ended ${why}` });
        resolve();
      });
    });
    this.#worker.unref();
  }

  /**
   * Connects. Tries again until `timeoutS` is over, because a server may be starting.
   *
   * @throws {ServerError} if it could not be connected to, with the reason of the last attempt
   * @throws {AbortError} if the signal aborts
   */
  static async open(
    task: LinkTask,
    timeoutS: number,
    signal: AbortSignal | undefined,
  ): Promise<ServerConnection> {
    const what = 'the connection to the policy server';
    throwIfAborted(signal, what);
    const connection = new ServerConnection(task);
    try {
      await orAborted(connection.connected(timeoutS, true), signal, what);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** What the server has told when it was connected to last. */
  get metadata(): Read {
    return this.#metadata;
  }

  get stats(): ServerStats {
    return Object.freeze({ isConnected: this.#isConnected, ...this.#counts });
  }

  /** From now on, `then` is called when the connection is lost while no question is open. */
  onLost(then: (error: ServerError) => void): void {
    this.#onLost = then;
  }

  /** The error of what went wrong last. */
  newestError(): ServerError {
    return this.errorOf(this.#fault);
  }

  errorOf(fault: Fault): ServerError {
    const { code, message, received, expected, traceback } = fault;
    const said = `the policy server ${this.place} cannot be used: ${message}`;
    return new ServerError(code, said, { received, expected, traceback });
  }

  /**
   * Resolves when the server is connected to. Rejects if it is not within `limitS`.
   *
   * @param endsEarly whether to reject at once where another attempt will not help
   */
  async connected(limitS: number, endsEarly = false): Promise<void> {
    if (this.#isConnected) return;
    if (this.#isClosed) throw this.newestError();
    await new Promise<void>((resolve, reject) => {
      const settle = (fault: Fault | undefined): void => {
        const isOver = !fault || this.#isClosed || (endsEarly && fault.isFinal === true);
        if (!isOver) return;
        clearTimeout(overdue);
        this.#connecting.delete(settle);
        this.#hold();
        if (fault) reject(this.errorOf(fault));
        else resolve();
      };
      const overdue = setTimeout(() => {
        this.#connecting.delete(settle);
        this.#hold();
        const tried = `it could not be connected to within ${numberText(limitS)} s: ${this.#fault.message}`;
        reject(this.errorOf({ ...this.#fault, message: tried }));
      }, limitS * 1e3);
      this.#connecting.add(settle);
      this.#hold();
    });
  }

  /** Takes the memory of a frame that was answered, for the next one; undefined if there is none. */
  takeMemory(): ArrayBuffer | undefined {
    const memory = this.#memory;
    this.#memory = undefined;
    return memory;
  }

  /**
   * Sends a frame, whose memory moves, and resolves to the answer.
   *
   * @throws {ServerError}
   */
  ask(frame: Frame, timeoutS: number): Promise<Read> {
    if (!this.#isConnected) return Promise.reject(this.newestError());
    this.#newest += 1;
    const id = this.#newest;
    this.#counts.questions += 1;
    return new Promise((answered, failed) => {
      this.#waiting.set(id, { answered, failed });
      this.#hold();
      this.#send({ kind: 'ask', id, frame, timeoutMs: timeoutS * 1e3 }, [frame.buffer]);
    });
  }

  /** Counts an answer that could be used, or could not. */
  judged(isUsed: boolean): void {
    if (isUsed) this.#counts.answers += 1;
    else this.#counts.badAnswers += 1;
  }

  /** Closes the connection. Questions that are open fail with `SERVER_CLOSED`. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#end({ code: 'SERVER_CLOSED', message: 'its policy was closed' });
      this.#worker.ref();
      this.#send({ kind: 'close' }, []);
      setTimeout(() => void this.#worker.terminate(), CLOSE_LIMIT_MS).unref();
    }
    await this.#ended;
  }

  #send(message: ToLink, moving: ArrayBuffer[]): void {
    this.#worker.postMessage(message, moving);
  }

  #take(message: FromLink): void {
    if (this.#isClosed) return;
    switch (message.kind) {
      case 'connected':
        this.#isConnected = true;
        this.#counts.connects += 1;
        this.#metadata = message.metadata;
        this.#fault = NOTHING_YET;
        for (const settle of [...this.#connecting]) settle(undefined);
        return;
      case 'lost': {
        const { fault, isTold } = message;
        const wasConnected = this.#isConnected;
        if (wasConnected) this.#counts.losses += 1;
        else this.#counts.failedConnects += 1;
        this.#isConnected = false;
        this.#fault = fault;
        for (const settle of [...this.#connecting]) settle(fault);
        if (wasConnected && !isTold) this.#onLost(this.errorOf(fault));
        return;
      }
      case 'answered':
        this.#memory = message.memory;
        this.#settle(message.id)?.answered(message.answer);
        return;
      case 'failed':
        this.#count(message.fault);
        this.#fault = message.fault;
        this.#settle(message.id)?.failed(this.errorOf(message.fault));
    }
  }

  #count({ code }: Fault): void {
    const counts = this.#counts;
    if (code === 'SERVER_TIMEOUT') counts.timeouts += 1;
    else if (code === 'SERVER_FAILED') counts.failures += 1;
    else if (code === 'SERVER_FRAME') counts.badFrames += 1;
    else if (code === 'SERVER_ANSWER') counts.badAnswers += 1;
    else counts.lostQuestions += 1;
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#hold();
    return waiting;
  }

  /** The thread keeps the process alive while something waits for it. */
  #hold(): void {
    if (this.#isClosed) return;
    if (this.#waiting.size + this.#connecting.size > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Nothing can be asked any more. */
  #end(fault: Fault): void {
    if (this.#isClosed) return;
    const wasConnected = this.#isConnected;
    this.#isClosed = true;
    this.#isConnected = false;
    this.#fault = fault;
    for (const settle of [...this.#connecting]) settle(fault);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { failed } of waiting) failed(this.errorOf(fault));
    if (wasConnected && fault.code !== 'SERVER_CLOSED') this.#onLost(this.errorOf(fault));
  }
}
