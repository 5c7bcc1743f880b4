import { CARTESIAN_CONTROLS, type FrankaControl, TARGET_JERK_SHARES } from '../native/contract.ts';

/** Whether actions are poses. */
export function isPose(control: FrankaControl): boolean {
  return control === 'cartesianPose' || control === 'cartesianTarget';
}

/** Whether it is the end effector that is commanded. */
export function isCartesian(control: FrankaControl): boolean {
  return CARTESIAN_CONTROLS.some((cartesian) => cartesian === control);
}

/** The share of the jerk that a motion to a target takes by default; nothing where actions are none. */
export function targetJerkShare(control: FrankaControl): number | undefined {
  const shares: Readonly<Partial<Record<FrankaControl, number>>> = TARGET_JERK_SHARES;
  return shares[control];
}
