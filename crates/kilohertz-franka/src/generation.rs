//! The two generations of the arm, and what their joints may be commanded.

use std::fmt;
use std::str::FromStr;

use franka::rate_limiting::{self, fer};
use franka::{FciVersion, FrankaResult, JointVelocityLimitsConfig};

/// Which arm it is, and with it the version of FCI that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Franka Research 3, FCI version 10.
    Fr3,
    /// Franka Emika Robot, also called Panda, FCI version 5.
    Fer,
}

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
            Generation::Fr3 => 10,
            Generation::Fer => 5,
        }
    }

    pub(crate) const fn wire(self) -> FciVersion {
        match self {
            Generation::Fr3 => FciVersion::V10,
            Generation::Fer => FciVersion::V5,
        }
    }

    pub(crate) const fn of(wire: FciVersion) -> Generation {
        match wire {
            FciVersion::V10 => Generation::Fr3,
            FciVersion::V5 => Generation::Fer,
        }
    }

    /// The generation that speaks this version, if one does.
    pub(crate) fn speaking(version: u16) -> Option<Generation> {
        Generation::ALL
            .into_iter()
            .find(|generation| generation.fci_version() == version)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Generation {
    type Err = String;

    fn from_str(name: &str) -> Result<Generation, String> {
        Generation::ALL
            .into_iter()
            .find(|generation| generation.name() == name)
            .ok_or_else(|| format!("{name:?} is no generation of the arm; there are fr3 and fer"))
    }
}

/// What the joints of an arm may be commanded. Torques and their rates are the same for both
/// generations.
#[derive(Debug, Clone, Copy)]
pub struct JointLimits {
    velocity: Velocity,
    /// Lowest and highest position \[rad\].
    pub(crate) range: [(f64, f64); 7],
    /// Acceleration [rad/s^2].
    pub(crate) acceleration: [f64; 7],
    /// Jerk [rad/s^3].
    pub(crate) jerk: [f64; 7],
}

#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "the loop reads it every cycle, and an arm has one"
)]
enum Velocity {
    /// Slower near the ends of the range.
    ByPosition(JointVelocityLimitsConfig),
    /// The same everywhere [rad/s].
    Flat([f64; 7]),
}

impl JointLimits {
    /// Those of the FR3 that serves `urdf`: positions and velocities from there, the others from
    /// libfranka 0.21.
    ///
    /// # Errors
    /// Where the URDF lacks a joint or one of its limits.
    pub fn fr3(urdf: &str) -> FrankaResult<JointLimits> {
        let by_position = JointVelocityLimitsConfig::from_urdf(urdf)?;
        let joints = by_position.joint_params();
        Ok(JointLimits {
            velocity: Velocity::ByPosition(by_position),
            range: joints.map(|joint| (joint.lower_position_limit, joint.upper_position_limit)),
            acceleration: rate_limiting::MAX_JOINT_ACCELERATION,
            jerk: rate_limiting::MAX_JOINT_JERK,
        })
    }

    /// Those of the FER, which serves none: libfranka 0.9's. Velocities leave room for three lost
    /// packets.
    pub fn fer() -> JointLimits {
        let (lower, upper) = fer::JOINT_POSITION_LIMITS;
        JointLimits {
            velocity: Velocity::Flat(fer::MAX_JOINT_VELOCITY),
            range: std::array::from_fn(|joint| (lower[joint], upper[joint])),
            acceleration: fer::MAX_JOINT_ACCELERATION,
            jerk: fer::MAX_JOINT_JERK,
        }
    }

    /// The lowest and the highest velocities at `q` [rad/s].
    pub(crate) fn velocities(&self, q: &[f64; 7]) -> ([f64; 7], [f64; 7]) {
        match &self.velocity {
            Velocity::ByPosition(limits) => (limits.lower_limits(q), limits.upper_limits(q)),
            Velocity::Flat(fastest) => (fastest.map(|velocity| -velocity), *fastest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_goes_by_its_name_and_its_version() {
        for generation in Generation::ALL {
            assert_eq!(generation.name().parse(), Ok(generation));
            assert_eq!(Generation::of(generation.wire()), generation);
            let version = generation.fci_version();
            assert_eq!(Generation::speaking(version), Some(generation));
        }
        assert_eq!(Generation::speaking(9), None);
        let refused = "panda".parse::<Generation>().unwrap_err();
        assert!(refused.contains("panda") && refused.contains("fr3 and fer"));
    }
}
