// Policies whose ends are not of their own choosing.

import type { RobotState, Tick } from 'kilohertz';

/** After so many questions they end. */
const QUESTIONS = 100;

function until(end: () => void): (state: RobotState, tick: Tick) => number[] {
  let asked = 0;
  return () => {
    asked += 1;
    if (asked >= QUESTIONS) end();
    return [0, 0, 0, 0, 0, 0, 0];
  };
}

/** Throws. */
export function makeThrowing(): (state: RobotState, tick: Tick) => number[] {
  return until(() => {
    throw new Error('the policy throws, as it is meant to');
  });
}

/** Ends its worker. */
export function makeExiting(): (state: RobotState, tick: Tick) => number[] {
  return until(() => process.exit(1));
}
