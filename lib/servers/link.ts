// What the connections of all protocols have in common: questions and their time limits, and trying again. Answers come in
// the order of their questions; no protocol has numbers that say which question an answer is for. So a connection with a
// question that is overdue is given up, and another one is made.

import { inOneLine, isBlank } from '../errors/describe.ts';
import { numberText } from '../errors/number.ts';
import { type FromLink, type LinkTask, movingOf, type Read } from './messages.ts';
import type { Frame } from './msgpack.ts';
import { type Fault, WireError } from './wire-error.ts';

/** How long to wait before the next attempt to connect: it doubles with each attempt [ms]. */
const SHORTEST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;
/** What is kept of a traceback: its end, which says what happened. */
const LONGEST_TRACEBACK = 4_000;

export type Tell = (message: FromLink, moving?: ArrayBuffer[]) => void;

/** A question that waits for its answer. */
export interface Question {
  readonly id: number;
  readonly overdue: NodeJS.Timeout;
  /** The memory of its frame, once that was sent and may be used again. */
  sent: ArrayBuffer | undefined;
}

/** A connection that is made again when it is lost. */
export abstract class Link {
  protected readonly task: LinkTask;
  readonly #tell: Tell;
  #isReady = false;
  #questions: Question[] = [];
  /** Why the connection was lost last. */
  #lost: Fault = { code: 'SERVER_UNREACHABLE', message: 'it was never connected to' };
  #pauseMs = SHORTEST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(task: LinkTask, tell: Tell) {
    this.task = task;
    this.#tell = tell;
  }

  /** Begins an attempt to connect, which calls {@link ready} or {@link lose}. */
  protected abstract open(): void;
  protected abstract send(question: Question, frame: Frame): void;
  /** Gives the connection up: from now on nothing that happens to it counts. */
  protected abstract drop(): void;
  /** Closes the connection as the protocol has it. */
  protected abstract finish(): void;

  /** Connects, once. */
  start(): void {
    const { timeoutMs } = this.task;
    this.#timer = setTimeout(() => this.lose(late('no metadata', timeoutMs)), timeoutMs);
    this.open();
  }

  ask(id: number, frame: Frame, timeoutMs: number): void {
    if (!this.#isReady) {
      // The connection was lost while the question was on its way to this thread.
      this.#tell({ kind: 'failed', id, fault: this.#lost });
      return;
    }
    const overdue = setTimeout(() => this.lose(late('no answer', timeoutMs)), timeoutMs);
    const question: Question = { id, overdue, sent: undefined };
    this.#questions.push(question);
    this.send(question, frame);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { overdue } of this.#questions) clearTimeout(overdue);
    this.finish();
  }

  /** Takes a message: the metadata, if there was none, or the answer to the oldest question. */
  protected take(reads: () => Read): void {
    let taken: Read;
    try {
      taken = reads();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const question = this.#answered();
      if (question === undefined) this.lose(error.fault);
      else this.#tell({ kind: 'failed', id: question.id, fault: error.fault });
      return;
    }
    if (!this.#isReady) {
      clearTimeout(this.#timer);
      this.#isReady = true;
      this.#pauseMs = SHORTEST_PAUSE_MS;
      this.#tell({ kind: 'connected', metadata: taken }, movingOf(taken));
      return;
    }
    const question = this.#answered();
    if (question === undefined) {
      this.lose({ code: 'SERVER_FRAME', message: 'it sent a message that nobody has asked for' });
      return;
    }
    const { id, sent: memory } = question;
    const moving = movingOf(taken);
    if (memory) moving.push(memory);
    this.#tell({ kind: 'answered', id, answer: taken, memory }, moving);
  }

  /** Gives the connection up, and makes another one. */
  protected lose(fault: Fault): void {
    clearTimeout(this.#timer);
    this.drop();
    this.#isReady = false;
    this.#lost = fault;
    const isTold = this.#questions.length > 0;
    for (const { id, overdue } of this.#questions) {
      clearTimeout(overdue);
      this.#tell({ kind: 'failed', id, fault });
    }
    this.#questions = [];
    this.#tell({ kind: 'lost', fault, isTold });
    this.#timer = setTimeout(() => this.start(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  /** Removes the question that the next message answers. */
  #answered(): Question | undefined {
    const question = this.#questions.shift();
    clearTimeout(question?.overdue);
    return question;
  }
}

function late(what: string, timeoutMs: number): Fault {
  const message = `${what} came within ${numberText(timeoutMs / 1e3)} s`;
  return { code: 'SERVER_TIMEOUT', message };
}

/** The fault of a server that says that it has failed. */
export function failed(text: string): Fault {
  const end = text.slice(-LONGEST_TRACEBACK).trim();
  const traceback = end.split('\n').map(inOneLine).join('\n');
  const message = `it failed, and says:\n${isBlank(traceback) ? '(nothing)' : traceback}`;
  return { code: 'SERVER_FAILED', message, traceback };
}
