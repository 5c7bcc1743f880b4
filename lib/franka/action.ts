import type { FrankaControl, FrankaImpedance } from '../native/contract.ts';
import type { JointVector, Numbers } from '../numbers.ts';
import type { ImpedanceLaw } from './impedance.ts';
import type { Pose } from './pose.ts';

/** The controller that makes the arm follow a commanded motion. */
export type AnyImpedance = FrankaImpedance | ImpedanceLaw;

/**
 * The action that a policy of an arm returns. It depends on the control mode: seven numbers, one for each joint; six
 * numbers, the velocity of the end effector; or a pose, as sixteen numbers or as `{ xyz, quat }`. With
 * {@link FrankaOptions.elbow} a number for the elbow follows, or the field `elbow` in a pose. With
 * `impedance: 'external'` seven torques follow at the end, or the field `tau_J` in a pose.
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
  /** The commanded position of joint 3 [rad]. */
  readonly elbow: number;
}

interface WithoutElbow {
  readonly elbow?: undefined;
}

interface WithTorque {
  /** The torques that follow the motion [N m], 7. */
  readonly tau_J: JointVector;
}
