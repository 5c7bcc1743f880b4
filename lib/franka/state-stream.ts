import { setTimeout as sleep } from 'node:timers/promises';
import { checkSignal, onAbort, throwIfAborted } from '../abort.ts';
import { checkNumber, ownOptions } from '../checks.ts';
import { RobotState } from '../native/robot-state.ts';

/** Options of `robot.states`. */
export interface StatesOptions {
  /** How many states a second [Hz], above 0 to 1000. Default 50. */
  readonly rateHz?: number;
  /** Ends the iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}

/** The name of what a signal aborts, for messages. */
const STATES = 'the iteration of states';

/** What a stream needs from its arm. */
export interface StateSource {
  /** Reads the newest state. */
  read(): Promise<Float64Array>;
  /** The streams that end when the arm is closed. */
  readonly streams: Set<StateStream>;
  readonly isClosed: boolean;
}

/**
 * The states of an arm at a rate, for `for await`. The iteration goes on while sessions begin and end.
 *
 * Each state is a copy of the newest state at the time of its step, and newer than the previous one. A consumer that
 * takes longer than a period misses the states that were due meanwhile; {@link RobotStates.skipped} counts them.
 * Nothing happens between two steps of the iteration. A waiting step keeps the process alive until the arm is closed.
 * Reading the state of an idle arm takes 2 ms of the arm's time, so above about 300 Hz a few states are skipped.
 *
 * The iteration ends when the arm is closed. It throws if the signal aborts or the connection is lost.
 */
export interface RobotStates extends AsyncIterableIterator<RobotState>, AsyncDisposable {
  /** The number of states that were due but not asked for in time. */
  readonly skipped: number;
  /**
   * Returns the next state when it is due. Calls are answered one after the other: a second call waits for the first.
   */
  next(): Promise<IteratorResult<RobotState, void>>;
  /** Ends the iteration, as leaving `for await` does. A waiting step ends too. */
  return(): Promise<IteratorResult<RobotState, void>>;
  [Symbol.asyncIterator](): this;
}

/** The states of one arm. Each is read when it is asked for. */
export class StateStream implements RobotStates {
  readonly #source: StateSource;
  readonly #periodMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #over = new AbortController();
  #stopListening = (): void => undefined;
  /** Whether the signal has ended the iteration, and no step has reported it yet. */
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
    this.#wasAborted = false;
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
    // The abort is thrown once. After that the iteration is over, as after every error that an iteration throws.
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
        // The clock of a simulated arm may stand still; then there is no new state.
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
    this.#stopListening = onAbort(this.#signal, () => this.#aborted());
  }

  #aborted(): void {
    this.#wasAborted = true;
    this.#finish();
  }

  #finish(): void {
    this.#startMs ??= performance.now();
    this.#source.streams.delete(this);
    this.#stopListening();
    this.#over.abort();
  }

  /** Waits until the next state is due. Counts the states whose time has already passed. */
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
