//! The two generations of the arm: what they are called, what they speak, what their joints may do.

use std::fmt;
use std::str::FromStr;

use franka::model::{FER_URDF, FR3_URDF, Model};
use franka::rate_limiting;
use franka::wire;

use crate::dynamics::Joints;
use crate::error::SimulatorError;

/// Which arm is simulated, and with it the protocol that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Generation {
    /// Franka Research 3, FCI version 10.
    #[default]
    Fr3,
    /// Franka Emika Robot, also called Panda, FCI version 5.
    Fer,
}

/// What the joints of an arm may do at most.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Positions \[rad\].
    pub lower: Joints,
    pub upper: Joints,
    /// Velocity [rad/s] at the positions where it is largest.
    pub velocity: Joints,
    /// Acceleration [rad/s2].
    pub acceleration: Joints,
    /// Jerk [rad/s3].
    pub jerk: Joints,
}

/// Velocities of the URDF; acceleration and jerk of libfranka 0.21's `rate_limiting.h`.
const FR3: Envelope = Envelope {
    lower: rate_limiting::JOINT_POSITION_LIMITS.0,
    upper: rate_limiting::JOINT_POSITION_LIMITS.1,
    velocity: [2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26],
    acceleration: [10.0; 7],
    jerk: [5000.0; 7],
};

/// Velocities of the data sheet; acceleration and jerk of libfranka 0.9's `rate_limiting.h`.
const FER: Envelope = Envelope {
    lower: rate_limiting::fer::JOINT_POSITION_LIMITS.0,
    upper: rate_limiting::fer::JOINT_POSITION_LIMITS.1,
    velocity: [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61],
    acceleration: [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0],
    jerk: [7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10_000.0, 10_000.0],
};

impl Generation {
    /// Both of them.
    pub const ALL: [Generation; 2] = [Generation::Fr3, Generation::Fer];

    /// The name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Generation::Fr3 => "fr3",
            Generation::Fer => "fer",
        }
    }

    /// The version of FCI that it speaks.
    pub const fn fci_version(self) -> u16 {
        match self {
            Generation::Fr3 => wire::ROBOT_VERSION,
            Generation::Fer => wire::robot::v5::ROBOT_VERSION,
        }
    }

    pub(crate) const fn envelope(self) -> &'static Envelope {
        match self {
            Generation::Fr3 => &FR3,
            Generation::Fer => &FER,
        }
    }

    pub(crate) fn model(self) -> Result<Model, SimulatorError> {
        let urdf = match self {
            Generation::Fr3 => FR3_URDF,
            Generation::Fer => FER_URDF,
        };
        Model::from_urdf(urdf).map_err(|e| SimulatorError::Model {
            message: e.to_string(),
        })
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Generation {
    type Err = SimulatorError;

    fn from_str(name: &str) -> Result<Generation, SimulatorError> {
        Generation::ALL
            .into_iter()
            .find(|generation| generation.name() == name)
            .ok_or_else(|| SimulatorError::Option {
                option: "generation",
                received: format!("{name:?}"),
                expected: "fr3 or fer".into(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_arms_is_refused_with_those_that_are() {
        let error = "panda".parse::<Generation>().unwrap_err();
        assert_eq!(error.code(), "SIM_OPTION");
        assert!(error.to_string().contains("panda"));
        assert!(error.to_string().contains("fr3 or fer"));
        for generation in Generation::ALL {
            assert_eq!(generation.name().parse::<Generation>().unwrap(), generation);
        }
    }

    #[test]
    fn what_a_client_of_the_fer_keeps_to_is_within_what_its_arm_allows() {
        let client = &rate_limiting::fer::MAX_JOINT_VELOCITY;
        for (joint, velocity) in client.iter().enumerate() {
            assert!(*velocity < FER.velocity[joint]);
            let eps = rate_limiting::LIMIT_EPS + 1e-9;
            let acceleration = rate_limiting::fer::MAX_JOINT_ACCELERATION[joint];
            assert!((FER.acceleration[joint] - acceleration).abs() < eps);
            let jerk = rate_limiting::fer::MAX_JOINT_JERK[joint];
            assert!((FER.jerk[joint] - jerk).abs() < eps);
        }
    }
}
