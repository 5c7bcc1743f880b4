import type { RobotState, Tick } from 'kilohertz';

/** Swings joint 1 gently, once a second and back to where it was. */
export default function swing(_state: RobotState, { timeS }: Tick): number[] {
  return [0.3 * Math.sin(2 * Math.PI * timeS), 0, 0, 0, 0, 0, 0];
}
