// What a policy in a process logs, on its way: the child sends it, bounded; its parent trusts none of it.

import { KilohertzError, OffloadError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import type { NativeSession, NativeValue } from '../native/binding.ts';
import { LOGGED } from '../native/contract.ts';
import { garbled } from '../offload/codec/unpacker.ts';
import { checkLogged, type Logged, type LogValue } from '../session/recording.ts';
import { Allowance } from './allowance.ts';

const NAME = /^(?!kilohertz\/)[\w-][\w\-./]{0,199}$/;

/** The robot's times of the first question that the policy took, and of the last [s]. */
interface Clock {
  readonly firstS: number;
  readonly askedS: number;
}

/** The child's end. */
export class LoggedOut {
  readonly #tell: (message: readonly unknown[]) => boolean;
  readonly #port: Clock;
  readonly #allowance = new Allowance(LOGGED.aSecond, LOGGED.aSecond / 4);
  readonly #channels: Set<string> = new Set();
  #dropped = 0;
  #told = 0;

  /**
   * @param tell sends a message; returns false if there is no room
   */
  constructor(tell: (message: readonly unknown[]) => boolean, port: Clock) {
    this.#tell = tell;
    this.#port = port;
  }

  /** Sends a value. Returns false if it was dropped. */
  send({ channel, timeS, value: checked }: Logged, value: LogValue): boolean {
    this.#check(channel, checked);
    const { firstS, askedS } = this.#port;
    const robotTimeS = timeS === undefined ? askedS : timeS + firstS;
    const told = this.#dropped;
    const isSent = this.#allowance.take() && this.#tell([told, channel, robotTimeS, value]);
    if (isSent) this.#told = told;
    else this.#dropped += 1;
    return isSent;
  }

  /** Sends how many were dropped since the last value. */
  end(): void {
    if (this.#dropped > this.#told) this.#tell([this.#dropped]);
  }

  #check(channel: string, { numbers, bytes }: NativeValue): void {
    const length = numbers?.byteLength ?? bytes?.byteLength ?? 0;
    if (length > LOGGED.largest) {
      throw invalid(
        `a value of channel ${channel} has ${length} bytes`,
        `at most ${LOGGED.largest}`,
      );
    }
    if (this.#channels.has(channel)) return;
    if (!NAME.test(channel)) {
      const expected =
        '1 to 200 letters, digits and _ - . /, not beginning with / or . or kilohertz/';
      throw invalid(`the name of a channel is ${JSON.stringify(channel)}`, expected);
    }
    if (this.#channels.size >= LOGGED.channels) {
      const expected = `one of the ${LOGGED.channels} channels that it has: put what changes into the value`;
      throw invalid(`${channel} is a new channel of the policy`, expected);
    }
    this.#channels.add(channel);
  }
}

function invalid(received: string, expected: string): KilohertzError {
  return new KilohertzError('RECORD_INVALID_ARGUMENT', `${received}; expected ${expected}`);
}

/** The parent's end. What cannot be recorded is counted; a child that sends too much, or no messages, is refused. */
export class LoggedIn {
  readonly #native: NativeSession;
  // Twice what a child sends: messages that waited come at once.
  readonly #allowance = new Allowance(2 * LOGGED.aSecond, 2 * LOGGED.aSecond);
  readonly #channels: Set<string> = new Set();
  #dropped = 0;

  constructor(native: NativeSession) {
    this.#native = native;
  }

  /**
   * Records what a child sent.
   *
   * @throws {OffloadError} `OFFLOAD_PROTOCOL` if it is no message, or one too many
   */
  take(message: unknown): void {
    if (!this.#allowance.take()) {
      const most = `more than ${LOGGED.aSecond} values a second`;
      throw new OffloadError(
        'OFFLOAD_PROTOCOL',
        `the policy's process sent ${most} to be recorded`,
      );
    }
    if (!Array.isArray(message)) throw garbled();
    const [dropped, channel, timeS, value] = message as readonly unknown[];
    if (!Number.isSafeInteger(dropped)) throw garbled();
    const since = Math.min(Number(dropped) - this.#dropped, 2 ** 32 - 1);
    if (since > 0) this.#count(since);
    this.#dropped = Math.max(this.#dropped, Number(dropped));
    if (message.length > 1) this.#record(channel, timeS, value);
  }

  #record(channel: unknown, timeS: unknown, value: unknown): void {
    try {
      const given = typeof timeS === 'number' ? { timeS } : {};
      const logged = checkLogged(channel, value, given);
      const isKnown = this.#channels.has(logged.channel);
      if (!isKnown && this.#channels.size >= LOGGED.channels) throw garbled();
      const at = logged.timeS ?? this.#native.robotTimeS;
      calling(() => this.#native.log(logged.channel, at, logged.value));
      this.#channels.add(logged.channel);
    } catch {
      this.#count(1);
    }
  }

  #count(values: number): void {
    calling(() => this.#native.countDropped(values));
  }
}
