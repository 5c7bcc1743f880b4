//! The limits of each generation of the arm.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::rate_limiting::{self, JOINT_VELOCITY_LIMITS_TOLERANCE, fer};
use kilohertz_core::limits::JointBounds;

use crate::constants::MAX_TORQUE;
use crate::control::Impedance;
use crate::error::ArmError;
use crate::kinematics::urdf::Urdf;

/// How far a FER's commands stay below its braking curves [rad/s]; an FR3 reports this number itself. From
/// this speed the joint can be braked within the 4 to 11 mrad that are left to the end of the range. The
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

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;
    use crate::control::gains::Gains;

    /// How far the limits of libfranka are below the round numbers of the data sheets.
    const BELOW: f64 = 1e-3;
    /// The time that three lost packets take \[s\].
    const LOST: f64 = 3e-3;

    fn fr3() -> ArmLimits {
        ArmLimits::fr3(FR3_URDF).unwrap()
    }

    fn close<const N: usize>(values: [f64; N], expected: [f64; N]) {
        for (value, expected) in values.iter().zip(expected) {
            let distance = (value - expected).abs();
            assert!(distance < 1e-9, "{values:?} instead of {expected}");
        }
    }

    fn rates(part: &PartBounds) -> [f64; 3] {
        [part.velocity, part.acceleration, part.jerk]
    }

    #[test]
    fn the_end_effector_of_an_fr3_has_the_limits_of_its_data_sheet() {
        let [translation, rotation, elbow] = fr3().cartesian;
        close(rates(&translation), [3.0, 9.0, 4500.0].map(|x| x - BELOW));
        let whole = [2.5, 17.0, 8500.0].map(|x| x - BELOW);
        close(rates(&rotation), whole.map(|x| 0.99 * x));
        close(rates(&elbow), [1.5, 10.0, 5000.0].map(|x| x - BELOW));
    }

    #[test]
    fn the_end_effector_of_a_fer_has_the_limits_of_its_data_sheet_with_room_for_lost_packets() {
        let [translation, rotation, elbow] = ArmLimits::fer().cartesian;
        let with_room = |limits: [f64; 3]| {
            let [velocity, acceleration, jerk] = limits.map(|limit| limit - BELOW);
            [velocity - LOST * acceleration, acceleration, jerk]
        };
        close(rates(&translation), with_room([1.7, 13.0, 6500.0]));
        let whole = with_room([2.5, 25.0, 12_500.0]);
        close(rates(&rotation), whole.map(|x| 0.99 * x));
        close(rates(&elbow), with_room([2.175, 10.0, 5000.0]));
    }

    #[test]
    fn the_joints_of_an_fr3_have_the_limits_that_it_serves() {
        let joints = fr3().joints;
        let upper = [2.7501, 1.7918, 2.9065, -0.1458, 2.8101, 4.5205, 3.0196];
        let lower = [
            -2.7501, -1.7918, -2.9065, -3.0481, -2.8101, 0.54092, -3.0196,
        ];
        close(joints.map(|joint| joint.upper), upper);
        close(joints.map(|joint| joint.lower), lower);
        // The tolerance is on the safe side of both.
        let velocity = [2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26];
        let offset = [0.3, 0.2, 0.2, 0.3, 0.35, 0.35, 0.35];
        close(
            joints.map(|joint| joint.velocity),
            velocity.map(|x| x - BELOW),
        );
        close(joints.map(|joint| joint.margin), offset.map(|x| x + BELOW));
        let deceleration = [6.0, 2.585, 3.5, 4.0, 17.0, 5.5, 17.0];
        close(joints.map(|joint| joint.deceleration), deceleration);
        close(joints.map(|joint| joint.acceleration), [10.0 - BELOW; 7]);
        close(joints.map(|joint| joint.jerk), [5000.0 - BELOW; 7]);
    }

    #[test]
    fn the_joints_of_a_fer_have_the_limits_of_libfranka_and_brake_before_the_ends_of_their_ranges()
    {
        let joints = ArmLimits::fer().joints;
        let upper = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973];
        let lower = [
            -2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973,
        ];
        close(joints.map(|joint| joint.upper), upper);
        close(joints.map(|joint| joint.lower), lower);
        let acceleration = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0].map(|x| x - BELOW);
        close(joints.map(|joint| joint.acceleration), acceleration);
        close(joints.map(|joint| joint.deceleration), acceleration);
        let velocity: [f64; 7] = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];
        let with_room =
            std::array::from_fn(|joint| velocity[joint] - BELOW - LOST * acceleration[joint]);
        close(joints.map(|joint| joint.velocity), with_room);
        let jerk = [7.5, 3.75, 5.0, 6.25, 7.5, 10.0, 10.0].map(|x| 1e3 * x - BELOW);
        close(joints.map(|joint| joint.jerk), jerk);
        // What is left of the range when a joint has slowed down to the margin.
        for joint in joints {
            let left = joint.margin * joint.margin / (2.0 * joint.deceleration);
            assert!((4e-3..12e-3).contains(&left), "{left}");
        }
    }

    #[test]
    fn both_arms_take_the_torques_of_their_data_sheets_and_a_stricter_fr3_less() {
        let torque = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
        for arm in [fr3(), ArmLimits::fer()] {
            assert_eq!(arm.torque, torque);
            close(arm.torque_rate, [1000.0 - BELOW; 7]);
        }
        let stricter = FR3_URDF.replacen(r#"effort="87.0""#, r#"effort="50.0""#, 1);
        let stricter = ArmLimits::fr3(&stricter).unwrap();
        assert_eq!(stricter.torque[0], 50.0);
        assert_eq!(stricter.torque[1..], torque[1..]);
    }

    #[test]
    fn a_motion_that_torques_follow_stays_further_below_the_braking_curves() {
        for arm in [fr3(), ArmLimits::fer()] {
            for own in [Impedance::Joint, Impedance::Cartesian] {
                assert_eq!(arm.followed_by(own), arm);
            }
            for softly in [Impedance::External, Impedance::Law(Gains::JOINT)] {
                let limits = arm.followed_by(softly);
                let margin = arm.joints.map(|joint| joint.margin + 0.4);
                close(limits.joints.map(|joint| joint.margin), margin);
                // Nothing else differs.
                let mut same = limits;
                for (joint, own) in same.joints.iter_mut().zip(arm.joints) {
                    joint.margin = own.margin;
                }
                assert_eq!(same, arm);
            }
        }
    }

    #[test]
    fn a_share_of_the_limits_is_taken_of_each_rate() {
        let part = PartBounds {
            velocity: 3.0,
            acceleration: 8.0,
            jerk: 500.0,
        };
        assert_eq!(rates(&part.share(0.5, 0.25, 0.125)), [1.5, 2.0, 62.5]);
        assert_eq!(part.share(1.0, 1.0, 1.0), part);
    }
}
