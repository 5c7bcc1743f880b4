// The connection to a GR00T server, in a thread of its own: requests and replies of ZeroMQ. Its first reply is the modality
// configuration, which stands for metadata.

import { describe, textIn } from '../errors/describe.ts';
import { fromGr00t, gr00tRequest } from './gr00t-form.ts';
import { failed, Link, type Question } from './link.ts';
import type { Read } from './messages.ts';
import type { Frame } from './msgpack.ts';
import { WireError } from './wire-error.ts';
import { ZmtpConnection } from './zmtp.ts';

export class Gr00tLink extends Link {
  #connection: ZmtpConnection | undefined;

  protected override open(): void {
    const { url, maxAnswerBytes, apiKey } = this.task;
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    const connection = new ZmtpConnection(host, Number(port), maxAnswerBytes, {
      ready: () => connection.send(gr00tRequest('get_modality_config', apiKey)),
      reply: (message) => this.take(() => resultIn(message)),
      over: (fault) => this.lose(fault),
    });
    this.#connection = connection;
  }

  protected override send(_question: Question, frame: Frame): void {
    this.#connection?.send(frame);
  }

  protected override drop(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  protected override finish(): void {
    this.drop();
  }
}

/**
 * Returns the result in a reply: of `get_action` its actions, without the information beside them.
 *
 * @throws {WireError} if it cannot be read, or says that the server has failed
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
