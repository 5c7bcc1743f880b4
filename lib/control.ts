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

/** Whether actions are targets, which a motion of its own leads to. */
export function hasTargets(control: FrankaControl): boolean {
  return control === 'jointTarget' || control === 'cartesianTarget';
}
