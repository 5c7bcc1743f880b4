// A way that goes somewhere and comes back: four joints, out slowly, back faster, from rest to rest.

import type { RobotState } from '../../native/robot-state.ts';
import type { Policy } from '../../session/robot.ts';

/** How long the way takes [s]. */
export const DURATION_S = 10;
/** How far each joint goes [rad]. */
export const AMPLITUDE: readonly number[] = [0.6, 0.25, 0, 0.35, 0, 0.4, 0];

/** The share of the time after which the way leads back. */
const TURN = 0.7;
/** How fast the policy closes in on the way [1/s]. */
const GAIN = 2;

/** The policy: joint velocities along the way, and back to it when off. One that goes on takes the way again and again. */
export function followPath(start: Float64Array, goesOn = false): Policy<RobotState, Float64Array> {
  const velocity = new Float64Array(AMPLITUDE.length);
  return ({ q_d }, { timeS }) => {
    const share = timeS / DURATION_S;
    const { way, speed } = out(goesOn ? share % 1 : Math.min(share, 1));
    for (const [joint, amplitude] of AMPLITUDE.entries()) {
      const wanted = (start[joint] ?? 0) + amplitude * way;
      velocity[joint] = (amplitude * speed) / DURATION_S + GAIN * (wanted - (q_d[joint] ?? 0));
    }
    return velocity;
  };
}

/** The share of the way at a share of the time, both 0 to 1, and how fast it changes. */
function out(share: number): { way: number; speed: number } {
  if (share < TURN) {
    const phase = (Math.PI * share) / TURN;
    return { way: (1 - Math.cos(phase)) / 2, speed: (Math.PI / TURN / 2) * Math.sin(phase) };
  }
  const phase = (Math.PI * (share - TURN)) / (1 - TURN);
  return { way: (1 + Math.cos(phase)) / 2, speed: (-Math.PI / (1 - TURN) / 2) * Math.sin(phase) };
}
