import type { RobotState } from '../native/robot-state.ts';

/** What was seen of an arm while it moved. */
export class Seen {
  readonly #start: RobotState;
  /** How far a joint went from where it stood [rad], and the end effector [m]. */
  movedRad = 0;
  movedM = 0;
  /** The largest distance of a joint from its command [rad]. */
  behindRad = 0;
  /** The smallest share of the last 100 commands that the arm received. */
  receivedShare = 1;

  /** @param start where the arm stood before */
  constructor(start: RobotState) {
    this.#start = start;
  }

  note(state: RobotState): void {
    const { q, O_T_EE, time } = this.#start;
    this.movedRad = Math.max(this.movedRad, farthest(state.q, q));
    this.behindRad = Math.max(this.behindRad, farthest(state.q, state.q_d));
    const [x = 0, y = 0, z = 0] = [12, 13, 14].map(
      (at) => (state.O_T_EE[at] ?? 0) - (O_T_EE[at] ?? 0),
    );
    this.movedM = Math.max(this.movedM, Math.hypot(x, y, z));
    // An idle arm receives no commands, and the share counts the last 100.
    if (state.robot_mode !== 'Move' || state.time < time + 0.5) return;
    this.receivedShare = Math.min(this.receivedShare, state.control_command_success_rate);
  }

  /** How far from where it stood the arm is now, the farthest joint [rad]. */
  away(state: RobotState): number {
    return farthest(state.q, this.#start.q);
  }
}

/** Returns the largest distance of two joints [rad]. */
function farthest(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return Math.max(...Array.from(one, (value, joint) => Math.abs(value - (other[joint] ?? 0))));
}
