// The connection to an openpi server, in a thread of its own: a WebSocket. Its first message is the server's metadata.

import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { isBlank, read, textIn } from '../errors/describe.ts';
import { failed, Link, type Question } from './link.ts';
import type { Frame } from './msgpack.ts';
import { fromOpenpi } from './openpi-form.ts';
import type { Fault } from './wire-error.ts';

export class OpenpiLink extends Link {
  #socket: WebSocket | undefined;

  protected override open(): void {
    const { url, headers, ca, maxAnswerBytes, isMasked } = this.task;
    const socket = new WebSocket(url, {
      headers,
      maxPayload: maxAnswerBytes,
      perMessageDeflate: false,
      ...(isMasked ? {} : { generateMask: noMask }),
      ...(ca === undefined ? {} : { ca: ca as string | string[] }),
    });
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.take(() => fromOpenpi(data as Buffer));
      // A server closes the connection after a text.
      else this.lose(failed(String(data)));
    });
    socket.on('unexpected-response', (_request, response) => this.lose(refused(response)));
    socket.on('error', (error) => this.lose(failure(error)));
    socket.on('close', (code, reason) => this.lose(closed(code, reason.toString())));
  }

  protected override send(question: Question, frame: Frame): void {
    // A view of the same memory: a plain array would be copied.
    this.#socket?.send(Buffer.from(frame.buffer, 0, frame.length), () => {
      question.sent = frame.buffer;
    });
  }

  protected override drop(): void {
    this.#forget()?.terminate();
  }

  protected override finish(): void {
    const socket = this.#forget();
    if (socket?.readyState === WebSocket.OPEN) socket.close(1000);
    else socket?.terminate();
  }

  #forget(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
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
