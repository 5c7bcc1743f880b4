// The calling end of a line: calls go out as messages, answers come back as promises.

import { isError } from '../errors/describe.ts';
import { type KilohertzError, OffloadError } from '../errors/errors.ts';
import { calling } from '../errors/native-call.ts';
import { numberText } from '../errors/number.ts';
import { MORE, type NativeLine } from '../native/binding.ts';
import { ANSWER, CALL } from '../native/contract.ts';
import type { CallLimits } from './call-limits.ts';
import { limited } from './call-limits.ts';
import { Packer } from './codec/packer.ts';
import { garbled, Unpacker } from './codec/unpacker.ts';

/** How long a call polls for its answer if the other end is awake [s]. It is shorter than a wake. */
const ANSWER_SPIN_S = 0;
/** How many calls in a row are answered at once. After them timers and sockets get a turn of the event loop. */
const CALLS_A_TURN = 16;
const FULL = -2;

/** How long a blocking call polls for its answer before it sleeps [s]. */
const SPIN_S = 50e-6;
/** How long a blocking call sleeps at a time [s]. */
const SLEEP_S = 0.1;

/** The largest number of pending calls. A line has room for more messages than this, as many more as both ends need. */
export const MOST_CALLS = 128;

/** A method's name, or the names on the path to it. */
export type Path = string | readonly string[];

interface Waiting {
  /** Whether this thread is blocked until the answer is there. */
  readonly blocks: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Takes what the other end tells while the call goes on. */
  readonly told?: Told | undefined;
}

/** Takes what the process of a policy tells while the session runs. */
export interface Told {
  readonly logged: (message: unknown) => void;
  readonly collected: (message: unknown) => void;
}

/** Options of a line. */
export interface LineOptions {
  /** The largest number of pending calls. */
  readonly most: number;
  /** The largest size of an answer, including its arrays, and what it may take in memory [bytes]. */
  readonly longest: number;
  /** The option that allows more, if there is one. */
  readonly longestOption?: string | undefined;
  /** Whether the other end is Node. */
  readonly clones: boolean;
  /** Called when the other end has violated the protocol, before calls reject with this error. */
  readonly onFault?: (error: KilohertzError) => void;
}

/**
 * Reads all messages that are there. `take` takes the next message and returns its length, as the addon does.
 *
 * @param taken what `take` has already returned
 */
export function readAll(
  unpacker: Unpacker,
  take: () => number,
  read: (length: number) => void,
  taken: number = calling(take),
): void {
  let next = taken;
  while (next >= 0) {
    const hasMore = next >= MORE;
    const length = hasMore ? next - MORE : next;
    if (length > unpacker.bytes.length) {
      unpacker.grow(length);
    } else {
      read(length);
      if (!hasMore) return;
    }
    next = calling(take);
  }
}

/** Calls over one line. */
export class Line {
  readonly #native: NativeLine;
  readonly #packer: Packer;
  readonly #unpacker: Unpacker;
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #name: string;
  readonly #options: LineOptions;
  #nextId = 0;
  /** How many answers may still come, including those for calls that nothing waits for any more. */
  #owed = 0;
  /** How many calls in a row were answered without a turn of the event loop. */
  #sinceTurn = 0;
  /** Whether calls keep the process alive now. */
  #held = false;
  #broken: KilohertzError | undefined;

  /** @param name the name of what is called, for errors */
  constructor(native: NativeLine, name: string, options: LineOptions) {
    const { clones, longest } = options;
    this.#native = native;
    this.#name = name;
    this.#options = options;
    this.#packer = new Packer(native, clones);
    this.#unpacker = new Unpacker(native, { revocable: false, longest, clones });
    calling(() =>
      native.listen(() => {
        this.#sinceTurn = 0;
        this.#listen();
      }),
    );
    this.drain();
  }

  /** How many calls wait for their answer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Sends a call, and awaits its answer. */
  call(kind: number, path: Path, args: readonly unknown[], end?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#send(kind, path, args, { blocks: false, resolve, reject });
      end?.addEventListener('abort', () => {
        if (this.#forget(id)) this.#tell(CALL.cancel, id);
        reject(end.reason);
      });
    });
  }

  /** Sends a call, and awaits its answer. Until then `told` takes what the other end tells, if it may tell anything. */
  callTelling(
    kind: number,
    path: Path,
    args: readonly unknown[],
    told: Told | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#send(kind, path, args, { blocks: false, resolve, reject, told });
    });
  }

  /** Sends a call, and awaits its answer within limits. */
  callWithin(
    limits: CallLimits,
    kind: number,
    path: Path,
    args: readonly unknown[],
  ): Promise<unknown> {
    return limited(
      limits,
      () => this.#late(path, limits),
      (end) => this.call(kind, path, args, end),
    );
  }

  /** Sends a call, and blocks this thread until its answer is there. */
  callNow(kind: number, path: Path, args: readonly unknown[]): unknown {
    let outcome: { value: unknown } | { error: unknown } | undefined;
    this.#send(kind, path, args, {
      blocks: true,
      resolve: (value) => {
        outcome = { value };
      },
      reject: (error) => {
        outcome = { error };
      },
    });
    while (!outcome) {
      this.#native.wait(SPIN_S, SLEEP_S);
      // `closed` is read before the answers: then all answers that were sent before the line closed are there.
      const { closed } = this.#native;
      this.#listen();
      if (!outcome && closed) {
        this.break(new OffloadError('OFFLOAD_CRASHED', `${this.#name} ended before it answered`));
      }
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Sends the other end a message that has no answer. */
  tell(kind: number, path: Path, args: readonly unknown[]): void {
    this.#send(kind, path, args, undefined);
  }

  /** Takes all answers that are there. The next answer then wakes this thread. */
  drain(): void {
    if (!this.#broken) readAll(this.#unpacker, this.#take, this.#answered);
  }

  readonly #take = (): number =>
    this.#broken ? -1 : this.#native.take(this.#unpacker.bytes, true);

  /** Breaks a line whose other end has violated the protocol. */
  #fault(thrown: unknown): void {
    const known = garbled(thrown);
    const isBounded = this.#options.longest < Number.POSITIVE_INFINITY;
    const isTooLarge = isBounded && known.code === 'OFFLOAD_TOO_LARGE';
    const error = isTooLarge ? this.#tooLarge() : known;
    this.#options.onFault?.(error);
    this.break(error);
  }

  /**
   * Rejects all calls, also future ones. Calls that were already answered are resolved first. Shared memory and
   * descriptors are released.
   */
  break(error: KilohertzError): void {
    if (this.#broken) return;
    try {
      this.drain();
    } catch {
      // The cause that broke the line may have damaged its last message too.
    }
    this.#broken = error;
    for (const id of [...this.#waiting.keys()]) {
      const waiting = this.#waiting.get(id);
      this.#forget(id);
      waiting?.reject(error);
    }
    this.#native.release();
  }

  /** Asks the other end to finish what it is doing and to end. */
  close(): void {
    this.#native.close();
  }

  /** Reads the answers that are there. With `taken`, the first of them was already taken. */
  #listen(taken?: number): void {
    if (this.#broken) return;
    try {
      readAll(this.#unpacker, this.#take, this.#answered, taken);
    } catch (error) {
      this.#fault(error);
    }
  }

  #send(kind: number, path: Path, args: readonly unknown[], waiting?: Waiting): number {
    if (this.#broken) throw this.#broken;
    if (waiting && this.#waiting.size >= this.#options.most) throw this.#full();
    const packer = this.#packer;
    this.#nextId = (this.#nextId + 1) >>> 0;
    const id = this.#nextId;
    packer.begin(id, kind);
    let answer = FULL;
    try {
      packer.value(path, 'path');
      packer.list(args, argumentNames(kind, path, args));
      // Only if a single call is pending, the next answer is certain to be its answer.
      const spinS = waiting && this.#waiting.size === 0 ? ANSWER_SPIN_S : 0;
      answer = calling(() =>
        this.#native.ask(packer.bytes, packer.length, this.#unpacker.bytes, spinS),
      );
    } finally {
      if (answer === FULL) packer.discard();
    }
    if (answer === FULL) throw this.#full();
    if (kind !== CALL.set && kind !== CALL.cancel) this.#owed += 1;
    if (waiting) this.#waiting.set(id, waiting);
    if (answer >= 0) {
      this.#sinceTurn += 1;
      this.#listen(answer);
    }
    // The answer may belong to another call, for which nothing waits any more.
    if (!this.#held && this.#waiting.size > 0) this.#hold(true);
    return id;
  }

  #tell(kind: number, id: number): void {
    try {
      this.tell(kind, '', [id]);
    } catch {
      // The other end has ended, or is so far behind that the message does not matter.
    }
  }

  readonly #answered = (length: number): void => {
    const unpacker = this.#unpacker;
    const id = unpacker.begin(length);
    // Call numbers wrap around: the half before the current number counts as earlier calls.
    const wasAsked = (this.#nextId - id) >>> 0 < 2 ** 31;
    if (this.#owed === 0 || !wasAsked) throw garbled();
    const { kind } = unpacker;
    // The value is read in any case, so that the memory that was lent with it is given back.
    const value = unpacker.value();
    unpacker.shrink();
    if (!fits(kind, value)) throw garbled();
    const waiting = this.#waiting.get(id);
    if (kind === ANSWER.logged || kind === ANSWER.collected) {
      if (!waiting?.told) throw garbled();
      if (kind === ANSWER.logged) waiting.told.logged(value);
      else waiting.told.collected(value);
      return;
    }
    this.#owed -= 1;
    this.#forget(id);
    if (!waiting) {
      if (kind === ANSWER.iterator) this.#tell(CALL.return, value as number);
      return;
    }
    if (waiting.blocks || this.#sinceTurn < CALLS_A_TURN) {
      this.#settle(waiting, kind, value);
    } else {
      this.#sinceTurn = 0;
      setImmediate(() => this.#settle(waiting, kind, value));
    }
  };

  #settle(waiting: Waiting, kind: number, value: unknown): void {
    if (kind === ANSWER.error) waiting.reject(value);
    else waiting.resolve(kind === ANSWER.iterator ? this.#iterate(value as number) : value);
  }

  /** Iterates over an iterator at the other end, with one call for each step. */
  async *#iterate(iterator: number): AsyncGenerator<unknown, unknown> {
    let over = false;
    try {
      for (;;) {
        const step = (await this.call(CALL.next, '', [iterator])) as IteratorResult<unknown>;
        over = step.done === true;
        if (over) return step.value;
        yield step.value;
      }
    } catch (error) {
      over = true;
      // If only the value of a step could not be sent, the iterator is still alive at the other end.
      await this.call(CALL.return, '', [iterator]).catch(() => undefined);
      throw error;
    } finally {
      if (!over && !this.#broken) await this.call(CALL.return, '', [iterator]);
    }
  }

  #forget(id: number): boolean {
    const was = this.#waiting.delete(id);
    if (was && this.#held && this.#waiting.size === 0) this.#hold(false);
    return was;
  }

  #hold(hold: boolean): void {
    this.#held = hold;
    this.#native.hold(hold);
  }

  #full(): OffloadError {
    return new OffloadError(
      'OFFLOAD_QUEUE_FULL',
      `${this.#waiting.size} calls to ${this.#name} wait for their answer, and ${this.#options.most} may; ` +
        'await some before calling again',
    );
  }

  #tooLarge(): OffloadError {
    const { longest, longestOption } = this.#options;
    const orMore = longestOption === undefined ? '' : `, or allow more with ${longestOption}`;
    return new OffloadError(
      'OFFLOAD_TOO_LARGE',
      `an answer of ${this.#name} has more than the ${longest} bytes that are taken, or needs more memory than that, ` +
        `and it was ended; return less at a time${orMore}`,
    );
  }

  #late(path: Path, { timeoutS = Infinity }: CallLimits): OffloadError {
    return new OffloadError(
      'OFFLOAD_TIMEOUT',
      `${nameOf(path)} of ${this.#name} did not answer within ${numberText(timeoutS)} s; it may still be at it, and ` +
        'later calls wait for it. Raise timeoutS, or stop() the other end',
    );
  }
}

/** Whether an answer of this kind may have this value. */
function fits(kind: number, value: unknown): boolean {
  if (kind === ANSWER.error) return isError(value);
  if (kind === ANSWER.iterator) return Number.isSafeInteger(value);
  return kind === ANSWER.value || kind === ANSWER.logged || kind === ANSWER.collected;
}

function nameOf(path: Path): string {
  return typeof path === 'string' ? path : path.join('.');
}

/** Returns a function that names the arguments of a call for errors, as its caller knows them. */
function argumentNames(
  kind: number,
  path: Path,
  args: readonly unknown[],
): (nth: number) => string {
  // The first arguments of `make` are the module and the name of its export.
  if (kind === CALL.make) return () => `${args[1]}: args`;
  if (kind === CALL.set) return () => nameOf(path);
  return (nth) => `${nameOf(path)}: args[${nth}]`;
}
