//! The limits of each generation of the arm.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::rate_limiting::{self, JOINT_VELOCITY_LIMITS_TOLERANCE, fer};
use kilohertz_core::limits::JointBounds;

use crate::constants::MAX_TORQUE;
use crate::control::Impedance;
use crate::error::ArmError;
use crate::kinematics::urdf::Urdf;

/// How far a FER's commands stay below its braking curves [rad/s]; an FR3 reports this number itself. From
/// this speed the joint can be braked within the 5 to 12 mrad that are left to the end of the range. The
/// arm watches the measured joint, which is a few mrad off the commanded one.
const FER_MARGIN: f64 = 0.4;
/// How much further below its braking curves a motion stays if torques follow it [rad/s].
const SOFT_MARGIN: f64 = 0.4;
/// The limits of libfranka 0.21. libfranka takes one hundredth off the limits of the rotation when poses
/// are commanded; these limits do so in every mode.
const FR3_CARTESIAN: [PartBounds; 3] = [
    PartBounds {
        velocity: rate_limiting::MAX_TRANSLATIONAL_VELOCITY,
        acceleration: rate_limiting::MAX_TRANSLATIONAL_ACCELERATION,
        jerk: rate_limiting::MAX_TRANSLATIONAL_JERK,
    },
    PartBounds {
        velocity: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_VELOCITY,
        acceleration: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_ACCELERATION,
        jerk: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_JERK,
    },
    PartBounds {
        velocity: rate_limiting::MAX_ELBOW_VELOCITY,
        acceleration: rate_limiting::MAX_ELBOW_ACCELERATION,
        jerk: rate_limiting::MAX_ELBOW_JERK,
    },
];
/// The limits of libfranka 0.9, which leave room for three lost packets. The arm allows a translation of
/// 1.7 m/s (FCI documentation, "Robot and interface specifications"), although libfranka uses 2.
const FER_CARTESIAN: [PartBounds; 3] = [
    PartBounds {
        velocity: fer::MAX_TRANSLATIONAL_VELOCITY - 0.3,
        acceleration: fer::MAX_TRANSLATIONAL_ACCELERATION,
        jerk: fer::MAX_TRANSLATIONAL_JERK,
    },
    PartBounds {
        velocity: ROTATION_SHARE * fer::MAX_ROTATIONAL_VELOCITY,
        acceleration: ROTATION_SHARE * fer::MAX_ROTATIONAL_ACCELERATION,
        jerk: ROTATION_SHARE * fer::MAX_ROTATIONAL_JERK,
    },
    PartBounds {
        velocity: fer::MAX_ELBOW_VELOCITY,
        acceleration: fer::MAX_ELBOW_ACCELERATION,
        jerk: fer::MAX_ELBOW_JERK,
    },
];
const ROTATION_SHARE: f64 = rate_limiting::FACTOR_CARTESIAN_ROTATION_POSE_INTERFACE;

/// The highest rates of one part of the motion: the translation or the rotation of the end effector, or the
/// elbow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartBounds {
    /// Velocity [m/s, rad/s].
    pub velocity: f64,
    /// Acceleration [m/s2, rad/s2].
    pub acceleration: f64,
    /// Jerk [m/s3, rad/s3].
    pub jerk: f64,
}

impl PartBounds {
    pub(super) fn share(self, velocity: f64, acceleration: f64, jerk: f64) -> PartBounds {
        PartBounds {
            velocity: self.velocity * velocity,
            acceleration: self.acceleration * acceleration,
            jerk: self.jerk * jerk,
        }
    }
}

/// The limits of an arm: of each joint and of the end effector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmLimits {
    /// Positions, velocities, accelerations and jerks.
    pub joints: [JointBounds; 7],
    /// Highest torques, either way [N m].
    pub torque: [f64; 7],
    /// Highest torque rates, either way [N m/s].
    pub torque_rate: [f64; 7],
    /// The limits of the end effector's translation and rotation, and of the elbow if it is commanded.
    pub cartesian: [PartBounds; 3],
}

impl ArmLimits {
    /// Returns the limits of the FR3 that serves `urdf`: positions, velocities and torques from that URDF,
    /// the others from libfranka 0.21.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`](crate::ArmErrorCode::Protocol) if the text is not the URDF of an FR3, or
    /// if it allows more than the FR3's data sheet.
    pub fn fr3(urdf: &str) -> Result<ArmLimits, ArmError> {
        Urdf::read(urdf).map(|urdf| ArmLimits::served(&urdf))
    }

    pub(crate) fn served(urdf: &Urdf) -> ArmLimits {
        let joints = std::array::from_fn(|joint| {
            let served = &urdf.joints[joint];
            let tolerance = JOINT_VELOCITY_LIMITS_TOLERANCE[joint];
            JointBounds {
                lower: served.lower_position_limit,
                upper: served.upper_position_limit,
                velocity: served.max_velocity - tolerance,
                margin: served.velocity_offset + tolerance,
                deceleration: served.deceleration_limit,
                acceleration: rate_limiting::MAX_JOINT_ACCELERATION[joint],
                jerk: rate_limiting::MAX_JOINT_JERK[joint],
            }
        });
        ArmLimits {
            torque: urdf.torque,
            ..ArmLimits::with(joints, FR3_CARTESIAN)
        }
    }

    /// Returns the limits of the FER, which serves no URDF: those of libfranka 0.9. Velocities leave room
    /// for three lost packets. The arm's velocity limit is the same at every position. Here it falls
    /// towards the ends of the range, so that the joint can be braked before them.
    pub fn fer() -> ArmLimits {
        let (lower, upper) = fer::JOINT_POSITION_LIMITS;
        let joints = std::array::from_fn(|joint| JointBounds {
            lower: lower[joint],
            upper: upper[joint],
            velocity: fer::MAX_JOINT_VELOCITY[joint],
            margin: FER_MARGIN,
            deceleration: fer::MAX_JOINT_ACCELERATION[joint],
            acceleration: fer::MAX_JOINT_ACCELERATION[joint],
            jerk: fer::MAX_JOINT_JERK[joint],
        });
        ArmLimits::with(joints, FER_CARTESIAN)
    }

    /// Returns these limits for a motion that is followed by this controller.
    pub(crate) fn followed_by(&self, impedance: Impedance) -> ArmLimits {
        match impedance {
            Impedance::Joint | Impedance::Cartesian => *self,
            Impedance::External | Impedance::Law(_) => self.followed_softly(),
        }
    }

    /// Returns these limits for a motion that torques follow. Torques let the arm overshoot the command, so
    /// the motion stays further below the braking curves.
    fn followed_softly(&self) -> ArmLimits {
        ArmLimits {
            joints: self.joints.map(|joint| JointBounds {
                margin: joint.margin + SOFT_MARGIN,
                ..joint
            }),
            ..*self
        }
    }

    /// Torques and their rates are the same for both generations.
    fn with(joints: [JointBounds; 7], cartesian: [PartBounds; 3]) -> ArmLimits {
        ArmLimits {
            joints,
            cartesian,
            torque: MAX_TORQUE,
            torque_rate: rate_limiting::MAX_TORQUE_RATE,
        }
    }
}
