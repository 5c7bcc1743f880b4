/** What the actions of a session on an arm are. */
export type FrankaControl =
  | 'jointVelocity'
  | 'jointPosition'
  | 'jointTarget'
  | 'cartesianVelocity'
  | 'cartesianPose'
  | 'cartesianTarget'
  | 'torque';

/** The arm's own controller that follows what is commanded. */
export type FrankaImpedance = 'joint' | 'cartesian';

export const IMPEDANCES: readonly FrankaImpedance[] = ['joint', 'cartesian'];

/** How many numbers an action of each control interface has. */
const ACTION_LENGTHS: Readonly<Record<FrankaControl, number>> = {
  jointVelocity: 7,
  jointPosition: 7,
  jointTarget: 7,
  cartesianVelocity: 6,
  cartesianPose: 16,
  cartesianTarget: 16,
  torque: 7,
};

export const CONTROLS = Object.keys(ACTION_LENGTHS) as readonly FrankaControl[];

/** How many numbers an action has. */
export function actionLength(control: FrankaControl): number {
  return ACTION_LENGTHS[control];
}

/**
 * The share of the jerk that a motion to a target takes by default; nothing where actions are none.
 * More of it only makes the torques jump.
 */
export function targetJerkShare(control: FrankaControl): number | undefined {
  if (control === 'jointTarget') return 0.1;
  return control === 'cartesianTarget' ? 0.03 : undefined;
}
