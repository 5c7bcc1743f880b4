// The states of the last second, to find the one that belongs to a picture of a camera.

import { checkNumber, checkObject, ownOptions } from '../checks.ts';
import { OptionTypeError } from '../errors/errors.ts';
import { RobotState, STATE_LENGTH, slotsOf } from '../native/robot-state.ts';
import type { Tick } from '../session/robot.ts';

/** Options of a {@link StateHistory}. */
export interface StateHistoryOptions {
  /** How long a state is kept [s], above 0 to 60. Default 1. */
  readonly seconds?: number;
  /** How many states are kept at most, 1 to 60,000. Default 1,000 for each second. */
  readonly maxStates?: number;
}

/** A state that was kept. */
export interface AlignedState {
  readonly state: RobotState;
  /** When it came, as {@link Tick.hostTimeS} [s]. */
  readonly hostTimeS: number;
}

/**
 * The states that a policy has seen in the last second. A picture is of the time when the camera took it, and the arm has
 * moved since: {@link StateHistory.alignedTo} gives the state that was there then.
 *
 * @example
 * const history = new StateHistory();
 * const policy = (state: RobotState, tick: Tick) => {
 *   history.add(state, tick);
 *   const seen = history.alignedTo(frame.hostTimeS);
 *   return infer(frame.image, seen?.state ?? state);
 * };
 */
export class StateHistory {
  readonly #seconds: number;
  readonly #slots: Float64Array;
  readonly #times: Float64Array;
  /** The place of the next state, and how many there are. */
  #next = 0;
  #count = 0;

  /** @throws {OptionTypeError | OptionRangeError} if an option is invalid */
  constructor(given: StateHistoryOptions = {}) {
    const options = ownOptions('StateHistory()', given, ['seconds', 'maxStates']);
    const { seconds = 1 } = options;
    this.#seconds = checkNumber('seconds', seconds, { from: 0, to: 60, above: true, unit: 's' });
    const { maxStates = Math.ceil(1_000 * seconds) } = options;
    const most = checkNumber('maxStates', maxStates, { from: 1, to: 60_000, integer: true });
    this.#times = new Float64Array(most);
    this.#slots = new Float64Array(most * STATE_LENGTH);
  }

  /**
   * Keeps a copy of the state of a question. Call it in each question.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_STATE` if it is no {@link RobotState}, `OPTION_TYPE` if the tick
   * is no object, `OPTION_HOST_TIME_S` if its time is no number
   */
  add(state: RobotState, tick: Pick<Tick, 'hostTimeS'>): void {
    const slots = typeof state === 'object' && state !== null ? slotsOf(state) : undefined;
    if (!slots) throw new OptionTypeError('OPTION_STATE', 'state', state, 'a RobotState');
    checkObject('tick', tick);
    const { hostTimeS } = tick;
    this.#times[this.#next] = checkNumber('hostTimeS', hostTimeS, { from: 0, to: 1e12, unit: 's' });
    this.#slots.set(slots.subarray(0, STATE_LENGTH), this.#next * STATE_LENGTH);
    this.#next = (this.#next + 1) % this.#times.length;
    this.#count = Math.min(this.#count + 1, this.#times.length);
  }

  /**
   * Returns the kept state that came nearest to a time, which is on the clock of {@link Tick.hostTimeS} [s]; undefined if
   * no state was kept in the last `seconds`. Compare its `hostTimeS` with yours where the difference matters.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_HOST_TIME_S` if the time is no number
   */
  alignedTo(hostTimeS: number): AlignedState | undefined {
    const asked = checkNumber('hostTimeS', hostTimeS, { from: 0, to: 1e12, unit: 's' });
    const most = this.#times.length;
    const timeAt = (at: number): number => this.#times[at] ?? Number.NEGATIVE_INFINITY;
    const newest = timeAt((this.#next + most - 1) % most);
    let nearest: number | undefined;
    for (let back = 1; back <= this.#count; back += 1) {
      const at = (this.#next + most - back) % most;
      if (timeAt(at) < newest - this.#seconds) break;
      const isNearer =
        nearest === undefined || Math.abs(timeAt(at) - asked) < Math.abs(timeAt(nearest) - asked);
      // They are in order: from the nearest on, each older one is further away.
      if (!isNearer) break;
      nearest = at;
    }
    if (nearest === undefined) return undefined;
    const slots = this.#slots.slice(nearest * STATE_LENGTH, (nearest + 1) * STATE_LENGTH);
    return { state: new RobotState(slots), hostTimeS: timeAt(nearest) };
  }
}
