import type { RobotState, Tick } from 'kilohertz';

/** A policy for a worker: swings joint 1 once every two seconds, up to `amplitude` [rad/s]. */
export function makePolicy(amplitude: number): (state: RobotState, tick: Tick) => Float64Array {
  const velocity = new Float64Array(7);
  return (_state, { timeS }) => {
    velocity[0] = amplitude * Math.sin(Math.PI * timeS);
    return velocity;
  };
}
