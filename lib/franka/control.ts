/** What the actions of a session on an arm are. */
export type FrankaControl =
  | 'jointVelocity'
  | 'jointPosition'
  | 'jointTarget'
  | 'cartesianVelocity'
  | 'cartesianPose'
  | 'cartesianTarget'
  | 'torque';

export const CONTROLS: readonly FrankaControl[] = [
  'jointVelocity',
  'jointPosition',
  'jointTarget',
  'cartesianVelocity',
  'cartesianPose',
  'cartesianTarget',
  'torque',
];

/** Whether actions are poses. */
export function isPose(control: FrankaControl): boolean {
  return control === 'cartesianPose' || control === 'cartesianTarget';
}

/** Whether it is the end effector that is commanded. */
export function isCartesian(control: FrankaControl): boolean {
  return control.startsWith('cartesian');
}

/**
 * The share of the jerk that a motion to a target takes by default; nothing where actions are none.
 * More of it only makes the torques jump.
 */
export function targetJerkShare(control: FrankaControl): number | undefined {
  if (control === 'jointTarget') return 0.1;
  return control === 'cartesianTarget' ? 0.03 : undefined;
}
