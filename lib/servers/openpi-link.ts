// The connection to an openpi server, in a thread of its own. After the server's metadata, each message is answered by
// one message, in order: there are no numbers that say which question an answer is for. So a connection with a question
// that is overdue is closed, and a new one is opened.

import type { IncomingMessage } from 'node:http';
import { type RawData, WebSocket } from 'ws';
import { inOneLine, isBlank, read, textIn } from '../errors/describe.ts';
import { numberText } from '../errors/number.ts';
import { type FromLink, type LinkTask, movingOf, type Read } from './messages.ts';
import type { Frame } from './msgpack.ts';
import { fromOpenpi } from './openpi-form.ts';
import { type Fault, WireError } from './wire-error.ts';

/** How long to wait before the next attempt to connect: it doubles with each attempt [ms]. */
const SHORTEST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;
/** What is kept of a traceback: its end, which says what happened. */
const LONGEST_TRACEBACK = 4_000;

interface Question {
  readonly id: number;
  readonly overdue: NodeJS.Timeout;
  /** The memory of its frame, once it was sent. */
  sent: ArrayBuffer | undefined;
}

/** A connection that is made again when it is lost. */
export class OpenpiLink {
  readonly #task: LinkTask;
  readonly #tell: (message: FromLink, moving?: ArrayBuffer[]) => void;
  #socket: WebSocket | undefined;
  #isReady = false;
  #questions: Question[] = [];
  /** Why the connection was lost last. */
  #lost: Fault = { code: 'SERVER_UNREACHABLE', message: 'it was never connected to' };
  #pauseMs = SHORTEST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(task: LinkTask, tell: (message: FromLink, moving?: ArrayBuffer[]) => void) {
    this.#task = task;
    this.#tell = tell;
    this.#connect();
  }

  ask(id: number, frame: Frame, timeoutMs: number): void {
    if (!this.#isReady || !this.#socket) {
      // It was lost while the question was on its way to this thread.
      this.#tell({ kind: 'failed', id, fault: this.#lost });
      return;
    }
    const overdue = setTimeout(() => this.#lose(late('no answer', timeoutMs)), timeoutMs);
    const question: Question = { id, overdue, sent: undefined };
    this.#questions.push(question);
    // A view of the same memory: a plain array would be copied.
    this.#socket.send(Buffer.from(frame.buffer, 0, frame.length), () => {
      question.sent = frame.buffer;
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    const socket = this.#forget();
    if (socket?.readyState === WebSocket.OPEN) socket.close(1000);
    else socket?.terminate();
  }

  #connect(): void {
    const { url, headers, ca, timeoutMs, maxAnswerBytes, isMasked } = this.#task;
    const socket = new WebSocket(url, {
      headers,
      maxPayload: maxAnswerBytes,
      perMessageDeflate: false,
      ...(isMasked ? {} : { generateMask: noMask }),
      ...(ca === undefined ? {} : { ca: ca as string | string[] }),
    });
    this.#socket = socket;
    // Until the server has told its metadata.
    this.#timer = setTimeout(() => {
      const isOpen = socket.readyState === WebSocket.OPEN;
      this.#lose(late(isOpen ? 'no metadata' : 'no connection', timeoutMs));
    }, timeoutMs);
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('unexpected-response', (_request, response) => this.#lose(refused(response)));
    socket.on('error', (error) => this.#lose(failure(error)));
    socket.on('close', (code, reason) => this.#lose(closed(code, reason.toString())));
  }

  #take(data: RawData, isBinary: boolean): void {
    if (!isBinary) {
      // A server closes the connection after it.
      this.#lose(told(String(data)));
      return;
    }
    let taken: Read;
    try {
      taken = fromOpenpi(data as Buffer);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#fail(error.fault);
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
      this.#lose({ code: 'SERVER_FRAME', message: 'it sent a message that nobody has asked for' });
      return;
    }
    const { id, sent: memory } = question;
    const moving = movingOf(taken);
    if (memory) moving.push(memory);
    this.#tell({ kind: 'answered', id, answer: taken, memory }, moving);
  }

  /** Removes the question that the next message answers. */
  #answered(): Question | undefined {
    const question = this.#questions.shift();
    clearTimeout(question?.overdue);
    return question;
  }

  /** A message cannot be used. The ones behind it can. */
  #fail(fault: Fault): void {
    const question = this.#isReady ? this.#answered() : undefined;
    if (question === undefined) this.#lose(fault);
    else this.#tell({ kind: 'failed', id: question.id, fault });
  }

  /** Gives the connection up, and makes another one. */
  #lose(fault: Fault): void {
    this.#forget()?.terminate();
    this.#lost = fault;
    for (const { id, overdue } of this.#questions) {
      clearTimeout(overdue);
      this.#tell({ kind: 'failed', id, fault });
    }
    this.#questions = [];
    this.#tell({ kind: 'lost', fault });
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  /** From now on nothing that happens to the socket counts. */
  #forget(): WebSocket | undefined {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isReady = false;
    socket?.removeAllListeners();
    // What still goes wrong with it is of no interest, but an error without a listener would be thrown.
    socket?.on('error', () => undefined);
    return socket;
  }
}

/** A mask of zeros: `ws` then spares the masking, which costs more than everything else for a picture. */
function noMask(mask: Buffer): void {
  mask.fill(0);
}

function late(what: string, timeoutMs: number): Fault {
  const message = `${what} came within ${numberText(timeoutMs / 1e3)} s`;
  return { code: 'SERVER_TIMEOUT', message };
}

function told(text: string): Fault {
  const end = text.slice(-LONGEST_TRACEBACK).trim();
  const traceback = end.split('\n').map(inOneLine).join('\n');
  const message = `it failed, and says:\n${isBlank(traceback) ? '(nothing)' : traceback}`;
  return { code: 'SERVER_FAILED', message, traceback };
}

function refused({ statusCode = 0, statusMessage = '' }: IncomingMessage): Fault {
  const isKey = statusCode === 401 || statusCode === 403;
  const advice = isKey ? '. Is apiKey right?' : '. Is it a policy server?';
  return {
    code: 'SERVER_UNREACHABLE',
    message: `it refused the connection with HTTP ${statusCode} ${statusMessage}${advice}`,
    // A server that is starting, or a gateway in front of one, answers 5xx.
    isFinal: statusCode < 500,
  };
}

function failure(error: Error): Fault {
  const [code = '', message = ''] = [textIn(error, 'code'), textIn(error, 'message')];
  if (code.startsWith('WS_ERR_')) return { code: 'SERVER_FRAME', message: `${message} (${code})` };
  // Where a name has several addresses, each has its own error.
  const [first] = (read(error, 'errors') ?? []) as Error[];
  const said = isBlank(message) ? (first?.message ?? '') : message;
  return {
    code: 'SERVER_UNREACHABLE',
    message: code === '' || said.includes(code) ? said : `${said} (${code})`,
    isFinal: code.includes('CERT') || code.startsWith('ERR_TLS'),
  };
}

function closed(code: number, reason: string): Fault {
  const why = isBlank(reason) ? '' : `, because of ${JSON.stringify(reason)}`;
  const message = `it closed the connection with the code ${code}${why}`;
  return { code: 'SERVER_UNREACHABLE', message };
}
