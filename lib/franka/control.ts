import {
  CARTESIAN_CONTROLS,
  type FrankaControl,
  POSE_CONTROLS,
  TARGET_JERK_SHARES,
  VELOCITY_CONTROLS,
} from '../native/contract.ts';

/** Whether the actions of a control mode are poses. */
export function isPose(control: FrankaControl): boolean {
  return POSE_CONTROLS.some((pose) => pose === control);
}

/** Whether the actions of a control mode are velocities. */
export function isVelocity(control: FrankaControl): boolean {
  return VELOCITY_CONTROLS.some((velocity) => velocity === control);
}

/** Whether a control mode commands the end effector. */
export function isCartesian(control: FrankaControl): boolean {
  return CARTESIAN_CONTROLS.some((cartesian) => cartesian === control);
}

/**
 * Returns the share of the jerk that a motion to a target takes by default, or undefined if actions are not targets.
 */
export function targetJerkShare(control: FrankaControl): number | undefined {
  const shares: Readonly<Partial<Record<FrankaControl, number>>> = TARGET_JERK_SHARES;
  return shares[control];
}
