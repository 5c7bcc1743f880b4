import type { FrankaControl, FrankaImpedance } from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import type { ImpedanceLaw } from './impedance.ts';
import type { Pose } from './pose.ts';

/** What follows a motion that is commanded. */
export type AnyImpedance = FrankaImpedance | ImpedanceLaw;

/**
 * The action that a policy of an arm returns: seven numbers, one a joint; six of a velocity of the end effector; a pose
 * as sixteen numbers or as `{ xyz, quat }`. With {@link FrankaOptions.elbow} there is one of the elbow behind them, or
 * as `elbow` in a pose, and with `impedance: 'external'` there are then seven torques, or as `tau_J` in a pose.
 */
export type FrankaAction<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> = Control extends 'torque'
  ? JointVector
  : Impedance extends 'external'
    ? WithTorques<Control, Elbow>
    : Motion<Control, Elbow>;

type Motion<
  Control extends FrankaControl,
  Elbow extends boolean,
> = Control extends 'cartesianVelocity'
  ? Elbow extends true
    ? Numbers<7>
    : Numbers<6>
  : Control extends 'cartesianPose' | 'cartesianTarget'
    ? Elbow extends true
      ? Numbers<17> | (Pose & WithElbow)
      : Numbers<16> | (Pose & WithoutElbow)
    : JointVector;

type WithTorques<
  Control extends FrankaControl,
  Elbow extends boolean,
> = Control extends 'cartesianVelocity'
  ? Elbow extends true
    ? Numbers<14>
    : Numbers<13>
  : Control extends 'cartesianPose' | 'cartesianTarget'
    ? Elbow extends true
      ? Numbers<24> | (Pose & WithElbow & WithTorque)
      : Numbers<23> | (Pose & WithoutElbow & WithTorque)
    : Numbers<14>;

interface WithElbow {
  /** Where joint 3 is to be [rad]. */
  readonly elbow: number;
}

interface WithoutElbow {
  readonly elbow?: undefined;
}

interface WithTorque {
  /** The torques behind the motion [N m]. */
  readonly tau_J: JointVector;
}
