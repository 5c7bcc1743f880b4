// ZeroMQ's protocol on the wire (ZMTP 3.0, RFC 23), as far as requests to a server need it: the mechanism NULL, a request of
// one part, a reply of one part. Why this package has its own: docs/decisions/policy-servers.md.

import { connect, type Socket } from 'node:net';
import { describe } from '../errors/describe.ts';
import type { Fault } from './wire-error.ts';

/** What happens to a connection. */
export interface ZmtpEvents {
  /** Requests can be sent. */
  readonly ready: () => void;
  readonly reply: (message: Buffer) => void;
  /** The connection is over. */
  readonly over: (fault: Fault) => void;
}

const GREETING_BYTES = 64;
const MECHANISM_AT = 12;
const MECHANISM_BYTES = 20;
const FLAG = { more: 1, long: 2, command: 4 } as const;
/** A flag of a frame, and its size: one byte, or eight. */
const SHORT_HEAD = 2;
const LONG_HEAD = 9;
const NO_SERVER = 'a server that speaks ZeroMQ 4 without encryption (ZMTP 3, NULL)';

/** The signature, version 3.0, the mechanism; we are no server. */
function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]);
  bytes.write('NULL', MECHANISM_AT, 'latin1');
  return bytes;
}

function headOf(flags: number, size: number): Buffer {
  if (size <= 0xff) return Buffer.from([flags, size]);
  const head = Buffer.alloc(LONG_HEAD);
  head[0] = flags | FLAG.long;
  head.writeBigUInt64BE(BigInt(size), 1);
  return head;
}

function command(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), data]);
  return Buffer.concat([headOf(FLAG.command, body.length), body]);
}

/** A socket that sends requests without waiting for the reply to the one before is a dealer. */
function readyCommand(): Buffer {
  const [name, value] = ['Socket-Type', 'DEALER'];
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return command(
    'READY',
    Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]),
  );
}

/** A connection to a socket of ZeroMQ that replies. Replies come in the order of the requests. */
export class ZmtpConnection {
  readonly #socket: Socket;
  readonly #events: ZmtpEvents;
  readonly #longest: number;
  /** What has come and was not read, and how many bytes are needed to go on. */
  #chunks: Buffer[] = [];
  #has = 0;
  #needs = GREETING_BYTES;
  #step: (bytes: Buffer) => number = (bytes) => this.#greeted(bytes);
  #isReady = false;
  /** Whether the part that comes next is the message: an empty one is before it. */
  #isInMessage = false;
  #isOver = false;

  /** @param longest the largest part that is read [bytes] */
  constructor(host: string, port: number, longest: number, events: ZmtpEvents) {
    this.#events = events;
    this.#longest = longest;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('connect', () => this.#socket.write(greeting()));
    this.#socket.on('data', (chunk) => this.#take(chunk as Buffer));
    this.#socket.on('error', (error) => this.#end('SERVER_UNREACHABLE', reasonOf(error)));
    this.#socket.on('close', () => this.#end('SERVER_UNREACHABLE', 'it closed the connection'));
  }

  send(message: Uint8Array): void {
    this.#socket.cork();
    // The empty part ends the addresses, of which there are none.
    this.#socket.write(headOf(FLAG.more, 0));
    this.#socket.write(headOf(0, message.length));
    this.#socket.write(message);
    this.#socket.uncork();
  }

  /** Ends the connection. Nothing is told of it any more. */
  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #end(code: Fault['code'], message: string): void {
    if (this.#isOver) return;
    this.destroy();
    this.#events.over({ code, message });
  }

  #refuse(received: string, expected: string): number {
    this.#end('SERVER_FRAME', `${received}; expected ${expected}`);
    return 0;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#has += chunk.length;
    while (!this.#isOver && this.#has >= this.#needs) {
      const all =
        this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      const taken = this.#needs;
      this.#chunks = [all.subarray(taken)];
      this.#has -= taken;
      this.#needs = this.#step(all.subarray(0, taken));
    }
  }

  /** Takes the server's greeting. Like every step, it returns how many bytes the next one needs. */
  #greeted(bytes: Buffer): number {
    const mechanism = bytes
      .toString('latin1', MECHANISM_AT, MECHANISM_AT + MECHANISM_BYTES)
      .replace(/\0+$/, '');
    const isOne = bytes[0] === 0xff && bytes[9] === 0x7f && (bytes[10] ?? 0) >= 3;
    if (!isOne) return this.#refuse('a greeting of something else', NO_SERVER);
    if (mechanism !== 'NULL')
      return this.#refuse(`the mechanism ${describe(mechanism)}`, NO_SERVER);
    this.#socket.write(readyCommand());
    return this.#next();
  }

  /** A frame comes next. */
  #next(): number {
    this.#step = (bytes) => this.#headed(bytes);
    return SHORT_HEAD;
  }

  #headed([flags = 0, size = 0]: Buffer): number {
    if ((flags & FLAG.long) === 0) return this.#body(flags, size);
    this.#step = (bytes) => {
      const all = Buffer.concat([Buffer.from([size]), bytes]);
      return this.#body(flags, Number(all.readBigUInt64BE()));
    };
    return LONG_HEAD - SHORT_HEAD;
  }

  #body(flags: number, size: number): number {
    if (size > this.#longest) {
      return this.#refuse(
        `a message of ${size} bytes`,
        `at most ${this.#longest} (maxAnswerBytes)`,
      );
    }
    this.#step = (bytes) => {
      if (flags & FLAG.command) this.#commanded(bytes);
      else this.#part(bytes, (flags & FLAG.more) !== 0);
      return this.#isOver ? 0 : this.#next();
    };
    return size;
  }

  #commanded(body: Buffer): void {
    const name = body.toString('latin1', 1, 1 + (body[0] ?? 0));
    const data = body.subarray(1 + name.length);
    if (name === 'READY' && !this.#isReady) {
      this.#isReady = true;
      this.#events.ready();
    } else if (name === 'ERROR') {
      const why = data.toString('latin1', 1);
      this.#end('SERVER_UNREACHABLE', `it refused the connection: ${describe(why)}`);
    } else if (name === 'PING') {
      // The time for which it waits is before what is sent back.
      this.#socket.write(command('PONG', data.subarray(2)));
    }
  }

  #part(bytes: Buffer, hasMore: boolean): void {
    const isEmpty = bytes.length === 0 && hasMore;
    if (!this.#isReady || isEmpty === this.#isInMessage || hasMore !== isEmpty) {
      this.#refuse('parts of a message in another order', 'an empty one, and a reply');
      return;
    }
    this.#isInMessage = isEmpty;
    if (!isEmpty) this.#events.reply(bytes);
  }
}

function reasonOf(error: Error): string {
  const { errors } = error as { errors?: readonly Error[] };
  return error.message || (errors?.[0]?.message ?? error.name);
}
