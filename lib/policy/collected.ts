// When the process of a policy collects garbage, on its way: the child tells it, bounded; its parent trusts none of it.

import { OffloadError } from '../errors/errors.ts';
import { COLLECTED } from '../native/contract.ts';
import { garbled } from '../offload/codec/unpacker.ts';
import { monotonicS } from '../session/monotonic.ts';
import { Allowance } from './allowance.ts';

/** The child's end. */
export class CollectedOut {
  readonly #tell: (times: readonly number[]) => boolean;
  /** The begins and ends that were not sent yet, on the monotonic clock [s]. */
  #times: number[] = [];

  /**
   * @param tell sends a message; returns false if there is no room
   */
  constructor(tell: (times: readonly number[]) => boolean) {
    this.#tell = tell;
  }

  /** Tells of a collection. If there is no room, it is told with the next; then the oldest are left out. */
  add(fromS: number, lengthS: number): void {
    const times = [...this.#times, fromS, fromS + lengthS].slice(-2 * COLLECTED.most);
    this.#times = this.#tell(times) ? [] : times;
  }
}

/** The parent's end. */
export class CollectedIn {
  readonly #note: (fromS: number, toS: number) => void;
  // Twice what a child sends: messages that waited come at once.
  readonly #allowance = new Allowance(2 / COLLECTED.shortestS, 2 / COLLECTED.shortestS);
  /** The end of the newest collection; before the first, when this was made [s]. */
  #untilS: number = monotonicS();

  /**
   * @param note takes the begin and the end of a collection, on the monotonic clock [s]
   */
  constructor(note: (fromS: number, toS: number) => void) {
    this.#note = note;
  }

  /**
   * Notes the collections that a child told of, as far as they can be: one after another, and none in the future. So they
   * are never more, nor together longer, than the time that has passed.
   *
   * @throws {OffloadError} `OFFLOAD_PROTOCOL` if it is no message, or one too many
   */
  take(message: unknown): void {
    if (!this.#allowance.take()) {
      const most = `more than ${1 / COLLECTED.shortestS} garbage collections a second`;
      throw new OffloadError('OFFLOAD_PROTOCOL', `the policy's process told of ${most}`);
    }
    const times = timesIn(message);
    const nowS = monotonicS();
    for (let nth = 0; nth < times.length; nth += 2) {
      const fromS = Math.max(times[nth] ?? 0, this.#untilS);
      const toS = Math.min(times[nth + 1] ?? 0, nowS);
      if (toS - fromS < COLLECTED.shortestS) continue;
      this.#untilS = toS;
      this.#note(fromS, toS);
    }
  }
}

/** Returns the begins and ends in a message. */
function timesIn(message: unknown): readonly number[] {
  if (!Array.isArray(message) || message.length > 2 * COLLECTED.most) throw garbled();
  if (message.length % 2 !== 0 || !message.every(Number.isFinite)) throw garbled();
  return message;
}
