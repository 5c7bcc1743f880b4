// The connection to a GR00T server, in a thread of its own: ZeroMQ, a request and its reply, one after the other. Its first
// reply is the modality configuration, which stands for metadata.

import type { Request } from 'zeromq';
import { describe, describeThrown, textIn } from '../errors/describe.ts';
import { fromGr00t, gr00tRequest } from './gr00t-form.ts';
import { failed, Link, type Question } from './link.ts';
import type { Read } from './messages.ts';
import type { Frame } from './msgpack.ts';
import { WireError } from './wire-error.ts';

export class Gr00tLink extends Link {
  #socket: Request | undefined;
  /** Requests that wait until the one before has its reply. */
  #waiting: Frame[] = [];
  #isAsking = false;

  protected override open(): void {
    void this.#open();
  }

  protected override send(_question: Question, frame: Frame): void {
    this.#waiting.push(frame);
    void this.#ask();
  }

  protected override drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#waiting = [];
    this.#isAsking = false;
    socket?.close();
  }

  protected override finish(): void {
    this.drop();
  }

  async #open(): Promise<void> {
    const { url, maxAnswerBytes, apiKey } = this.task;
    let socket: Request;
    try {
      const zeromq = await import('zeromq');
      socket = new zeromq.Request({ linger: 0, maxMessageSize: maxAnswerBytes });
    } catch (error) {
      const message = `the package zeromq cannot be loaded: ${describeThrown(error)}. Run npm install zeromq`;
      this.lose({ code: 'SERVER_NO_ZEROMQ', message, isFinal: true });
      return;
    }
    this.#socket = socket;
    const lose = (message: string): void => {
      if (this.#socket === socket) this.lose({ code: 'SERVER_UNREACHABLE', message });
    };
    socket.events.on('connect:retry', () => lose('nothing listens at its address'));
    socket.events.on('disconnect', () =>
      lose('it closed the connection; so does a message above maxAnswerBytes'),
    );
    for (const kind of ['protocol', 'auth', 'other'] as const) {
      socket.events.on(`handshake:error:${kind}`, () => lose('it is no server of ZeroMQ'));
    }
    try {
      socket.connect(url);
    } catch (error) {
      lose(describeThrown(error));
      return;
    }
    this.#waiting.unshift(gr00tRequest('get_modality_config', apiKey));
    void this.#ask();
  }

  /** Sends the next request, and takes its reply. */
  async #ask(): Promise<void> {
    const socket = this.#socket;
    if (this.#isAsking || !socket) return;
    const frame = this.#waiting.shift();
    if (frame === undefined) return;
    this.#isAsking = true;
    try {
      await socket.send(Buffer.from(frame.buffer, 0, frame.length));
      const [reply] = await socket.receive();
      // It was given up meanwhile.
      if (this.#socket !== socket) return;
      this.#isAsking = false;
      this.take(() => resultIn(reply as Buffer));
      void this.#ask();
    } catch (error) {
      if (this.#socket !== socket) return;
      this.lose({ code: 'SERVER_UNREACHABLE', message: describeThrown(error) });
    }
  }
}

/**
 * Returns the result in a reply: of `get_action` its actions, without the information beside them.
 *
 * @throws {WireError} if the server has failed
 */
function resultIn(reply: Buffer): Read {
  if (reply.equals(Buffer.from('ERROR'))) throw new WireError(failed('ERROR'));
  const read = fromGr00t(reply);
  const { value } = read;
  if (Array.isArray(value)) return { value: value[0], arrays: read.arrays };
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'error')) {
    throw new WireError(failed(textIn(value, 'error') ?? describe(Reflect.get(value, 'error'))));
  }
  return read;
}
