//! Motion generators: how a client commands a motion, and the names of the errors of each.

use franka::wire::robot::MoveMotionGeneratorMode;

use crate::violation;

/// The values with which a motion is commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    JointPosition,
    JointVelocity,
    CartesianPose,
    CartesianVelocity,
    /// No motion generator: torques only.
    None,
}

impl Generator {
    /// Returns the motion generator that a client asks for.
    pub fn of(mode: MoveMotionGeneratorMode) -> Generator {
        match mode {
            MoveMotionGeneratorMode::JointPosition => Generator::JointPosition,
            MoveMotionGeneratorMode::JointVelocity => Generator::JointVelocity,
            MoveMotionGeneratorMode::CartesianPosition => Generator::CartesianPose,
            MoveMotionGeneratorMode::CartesianVelocity => Generator::CartesianVelocity,
            MoveMotionGeneratorMode::None => Generator::None,
        }
    }

    /// Returns the tolerances on acceleration [rad/s2] and jerk [rad/s3]. A client computes from the state's
    /// 32-bit floats. The second or third difference over 1 ms magnifies their rounding.
    pub fn tolerances(self) -> (f64, f64) {
        match self {
            Generator::JointPosition | Generator::CartesianPose => (0.5, 500.0),
            Generator::JointVelocity | Generator::CartesianVelocity | Generator::None => {
                (0.05, 50.0)
            }
        }
    }

    pub fn is_cartesian(self) -> bool {
        matches!(
            self,
            Generator::CartesianPose | Generator::CartesianVelocity
        )
    }

    /// Returns the arm's names for violations of the joints.
    pub fn names(self) -> JointNames {
        if self.is_cartesian() {
            JointNames {
                position: violation::CARTESIAN_JOINT_POSITION,
                velocity: violation::CARTESIAN_JOINT_VELOCITY,
                velocity_discontinuity: violation::CARTESIAN_JOINT_VELOCITY_DISCONTINUITY,
                acceleration_discontinuity: violation::CARTESIAN_JOINT_ACCELERATION_DISCONTINUITY,
            }
        } else {
            JointNames {
                position: violation::COMMANDED_POSITION,
                velocity: violation::COMMANDED_VELOCITY,
                velocity_discontinuity: violation::VELOCITY_DISCONTINUITY,
                acceleration_discontinuity: violation::ACCELERATION_DISCONTINUITY,
            }
        }
    }
}

/// The names of the error flags for violations of the joints.
pub(crate) struct JointNames {
    pub position: &'static str,
    pub velocity: &'static str,
    pub velocity_discontinuity: &'static str,
    pub acceleration_discontinuity: &'static str,
}
