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
> = Impedance extends 'external' ? WithTorques<Elbow>[Control] : Motion<Elbow>[Control];

/** The actions of each control mode. */
interface Motion<Elbow extends boolean> {
  readonly jointVelocity: JointVector;
  readonly jointPosition: JointVector;
  readonly jointTarget: JointVector;
  readonly cartesianVelocity: Elbow extends true ? Numbers<7> : Numbers<6>;
  readonly cartesianPose: PoseAction<Elbow>;
  readonly cartesianTarget: PoseAction<Elbow>;
  readonly torque: JointVector;
}

/** The same with the torques of a controller outside the arm. In torque control there is no motion to follow. */
interface WithTorques<Elbow extends boolean> {
  readonly jointVelocity: Numbers<14>;
  readonly jointPosition: Numbers<14>;
  readonly jointTarget: Numbers<14>;
  readonly cartesianVelocity: Elbow extends true ? Numbers<14> : Numbers<13>;
  readonly cartesianPose: PoseWithTorques<Elbow>;
  readonly cartesianTarget: PoseWithTorques<Elbow>;
  readonly torque: JointVector;
}

type PoseAction<Elbow extends boolean> = Elbow extends true
  ? Numbers<17> | (Pose & WithElbow)
  : Numbers<16> | (Pose & WithoutElbow);

type PoseWithTorques<Elbow extends boolean> = Elbow extends true
  ? Numbers<24> | (Pose & WithElbow & WithTorque)
  : Numbers<23> | (Pose & WithoutElbow & WithTorque);

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
