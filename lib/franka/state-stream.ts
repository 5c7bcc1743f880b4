import { setTimeout as sleep } from 'node:timers/promises';
import { checkSignal, throwIfAborted } from '../abort.ts';
import { checkNumber, ownOptions } from '../checks.ts';
import { RobotState } from '../native/robot-state.ts';

/** How an arm's states are read, for `robot.states`. */
export interface StatesOptions {
  /** How often [Hz], above 0 to 1000. Default 50. */
  readonly rateHz?: number;
  /** Ends the iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}

/** What a signal aborts. */
const STATES = 'the iteration of states';

/** What a stream needs of its arm. */
export interface StateSource {
  /** Reads the newest state. */
  read(): Promise<Float64Array>;
  /** The streams to be ended when the arm is closed. */
  readonly streams: Set<StateStream>;
  readonly isClosed: boolean;
}

/**
 * The states of an arm at a rate, for `for await`; idle, in sessions, and from one to the other.
 *
 * Each state is a copy, the newest at the time of its step, and newer than the one before. A consumer that takes
 * longer than a period misses the states that were due meanwhile; {@link RobotStates.skipped} counts them.
 * Nothing happens between two steps of the iteration. A step that waits keeps the process alive, until the arm is
 * closed. Reading an idle arm takes two of its milliseconds, so above some 300 Hz a few are skipped.
 *
 * The iteration ends when the arm is closed, and throws where the signal aborts or the arm is lost.
 */
export interface RobotStates
  extends AsyncIterableIterator<RobotState, void, void>,
    AsyncDisposable {
  /** States that were due and not asked for in time. */
  readonly skipped: number;
  /** The next state, when it is due. One at a time: a second call waits for the first. */
  next(): Promise<IteratorResult<RobotState, void>>;
  /** Ends the iteration, as leaving `for await` does; a step that waits ends too. */
  return(): Promise<IteratorResult<RobotState, void>>;
  [Symbol.asyncIterator](): this;
}

/** The states of one arm, read as they are asked for. */
export class StateStream implements RobotStates {
  readonly #source: StateSource;
  readonly #periodMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #over = new AbortController();
  readonly #end = (): void => this.#aborted();
  /** Whether the signal has ended it, and nobody was told yet. */
  #wasAborted = false;
  #last: Promise<unknown> = Promise.resolve();
  #startMs: number | undefined;
  /** The number of the state that was due last. */
  #due = -1;
  #skipped = 0;
  #timeS = Number.NEGATIVE_INFINITY;

  constructor(source: StateSource, options: StatesOptions) {
    const own = ownOptions('states()', options, ['rateHz', 'signal']);
    const { rateHz = 50, signal } = own;
    checkNumber('rateHz', rateHz, { from: 0, to: 1000, above: true, unit: 'Hz' });
    checkSignal(signal);
    this.#source = source;
    this.#periodMs = 1e3 / rateHz;
    this.#signal = signal;
  }

  get skipped(): number {
    return this.#skipped;
  }

  next(): Promise<IteratorResult<RobotState, void>> {
    const next = this.#last.then(() => this.#next());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async return(): Promise<IteratorResult<RobotState, void>> {
    this.#finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#finish();
  }

  async #next(): Promise<IteratorResult<RobotState, void>> {
    if (this.#startMs === undefined) this.#begin();
    const result = await this.#step();
    // Once: behind that it is over, as behind everything that an iteration throws.
    const wasAborted = this.#wasAborted;
    this.#wasAborted = false;
    if (wasAborted) throwIfAborted(this.#signal, STATES);
    return result;
  }

  async #step(): Promise<IteratorResult<RobotState, void>> {
    try {
      while (!this.#isOver) {
        await this.#untilDue();
        if (this.#isOver) break;
        const state = new RobotState(await this.#source.read());
        if (this.#isOver) break;
        // An arm whose clock stands, as a simulated one may, has nothing new to say.
        if (state.time <= this.#timeS) continue;
        this.#timeS = state.time;
        return { done: false, value: state };
      }
    } catch (error) {
      const wasOver = this.#isOver;
      this.#finish();
      if (!wasOver) throw error;
    }
    return { done: true, value: undefined };
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #begin(): void {
    this.#startMs = performance.now();
    if (this.#signal?.aborted && !this.#isOver) this.#aborted();
    if (this.#isOver || this.#source.isClosed) {
      this.#finish();
      return;
    }
    this.#source.streams.add(this);
    this.#signal?.addEventListener('abort', this.#end, { once: true });
  }

  #aborted(): void {
    this.#wasAborted = true;
    this.#finish();
  }

  #finish(): void {
    this.#startMs ??= performance.now();
    this.#source.streams.delete(this);
    this.#signal?.removeEventListener('abort', this.#end);
    this.#over.abort();
  }

  /** Waits for the time of the next state; counts those whose time is over already. */
  async #untilDue(): Promise<void> {
    const elapsed = performance.now() - (this.#startMs ?? 0);
    const next = this.#due + 1;
    this.#due = Math.max(next, Math.floor(elapsed / this.#periodMs));
    this.#skipped += this.#due - next;
    const waitMs = this.#due * this.#periodMs - elapsed;
    if (waitMs <= 0) return;
    const { signal } = this.#over;
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
