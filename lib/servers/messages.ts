// The messages between the thread of a policy server's connection and the thread that asks.

import type { ServerArray } from './arrays.ts';
import type { Frame } from './msgpack.ts';
import type { Fault } from './wire-error.ts';

/** What was read of a frame, and the objects in it that are arrays. */
export interface Read {
  readonly value: unknown;
  readonly arrays: readonly ServerArray[];
}

/** The connection that a thread keeps. */
export interface LinkTask {
  readonly protocol: 'openpi' | 'gr00t';
  readonly url: string;
  /** How long connecting may take once. */
  readonly timeoutMs: number;
  /** The largest frame that is read. */
  readonly maxAnswerBytes: number;
  /**
   * Whether what is sent is masked. The mask of a WebSocket keeps proxies from taking it for requests of their own; on this
   * machine and inside TLS there is none that could.
   */
  readonly isMasked: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly apiKey: string | undefined;
  /** The authorities to trust; undefined for those that Node knows. */
  readonly ca: string | readonly string[] | undefined;
}

/** What the thread of a connection is told. */
export type ToLink =
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly frame: Frame;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'close' };

/** What the thread of a connection tells. */
export type FromLink =
  | { readonly kind: 'connected'; readonly metadata: Read }
  | {
      /** The connection is lost, or could not be made; the thread tries again. */
      readonly kind: 'lost';
      readonly fault: Fault;
      /** Whether questions have failed with it, each of which tells it. */
      readonly isTold: boolean;
    }
  | {
      readonly kind: 'answered';
      readonly id: number;
      readonly answer: Read;
      /** The memory of the question's frame, for another one. */
      readonly memory: ArrayBuffer | undefined;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: Fault };

/** From how many bytes on the memory of an array moves: to move it costs more than to copy a small one. */
const SMALLEST_MOVED = 2 ** 16;

/** Returns the memory that moves with what was read. */
export function movingOf({ arrays }: Read): ArrayBuffer[] {
  const buffers = arrays.map(({ data }) => data.buffer as ArrayBuffer);
  return buffers.filter(({ byteLength }) => byteLength >= SMALLEST_MOVED);
}
