import type { RobotState } from '../native/robot-state.ts';

/** The places of the numbers in the memory that is shared. */
const PLACES = { movedRad: 0, movedM: 1, behindRad: 2, lostShare: 3 } as const;
/** The share of received commands counts the last 100: before that it has cycles without a motion in it [s]. */
const SETTLED_S = 0.2;

/**
 * What was seen of an arm while it moved, in memory that two threads share: the policy in its worker notes each state,
 * and the thread that has started it reads what came of it.
 */
export class Seen {
  /** For {@link Seen.constructor} in the other thread. */
  readonly shared: Float64Array;
  #start: RobotState | undefined;

  constructor(shared: Float64Array = new Float64Array(new SharedArrayBuffer(4 * 8))) {
    this.shared = shared;
  }

  /** How far a joint went from where it stood [rad]. */
  get movedRad(): number {
    return this.shared[PLACES.movedRad] ?? 0;
  }

  /** How far the end effector went [m]. */
  get movedM(): number {
    return this.shared[PLACES.movedM] ?? 0;
  }

  /** The largest distance of a joint from its command [rad]. */
  get behindRad(): number {
    return this.shared[PLACES.behindRad] ?? 0;
  }

  /** The smallest share of the last 100 commands that the arm received. */
  get receivedShare(): number {
    return 1 - (this.shared[PLACES.lostShare] ?? 0);
  }

  note(state: RobotState): void {
    // The arrays of a state are changed by the next one.
    this.#start ??= state.copy();
    const { q, O_T_EE, time } = this.#start;
    this.#raise(PLACES.movedRad, farthest(state.q, q));
    this.#raise(PLACES.behindRad, farthest(state.q, state.q_d));
    const [x = 0, y = 0, z = 0] = [12, 13, 14].map(
      (at) => (state.O_T_EE[at] ?? 0) - (O_T_EE[at] ?? 0),
    );
    this.#raise(PLACES.movedM, Math.hypot(x, y, z));
    if (state.time < time + SETTLED_S) return;
    this.#raise(PLACES.lostShare, 1 - state.control_command_success_rate);
  }

  #raise(place: number, value: number): void {
    this.shared[place] = Math.max(this.shared[place] ?? 0, value);
  }
}

/** Returns the largest distance of two joints [rad]. */
export function farthest(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return Math.max(...Array.from(one, (value, joint) => Math.abs(value - (other[joint] ?? 0))));
}
