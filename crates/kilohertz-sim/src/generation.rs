//! The two generations of the arm: their names, their protocol versions and their limits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use franka::model::{FER_URDF, FR3_URDF, Model};
use franka::rate_limiting;
use franka::wire;

use crate::error::SimulatorError;
use crate::joints::Joints;

/// The generation of the simulated arm. It determines the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Generation {
    /// Franka Research 3, FCI version 10.
    #[default]
    Fr3,
    /// Franka Emika Robot, also called Panda, FCI version 5.
    Fer,
}

/// The position of joint 4 \[rad\] at which both arms are stretched and the elbow flips. Sources: libfranka's
/// `control_types.h` and Franka's page on robot limits.
const ELBOW_FLIP: f64 = -0.467_002_423_653_011;

/// Returns the elbow of an arm at `q`, as an arm reports it: the position of joint 3, and the side to which
/// joint 4 bends.
pub(crate) fn elbow(q: &Joints) -> [f64; 2] {
    let side = match q[3].total_cmp(&ELBOW_FLIP) {
        Ordering::Less => -1.0,
        Ordering::Equal => 0.0,
        Ordering::Greater => 1.0,
    };
    [q[2], side]
}

/// The limits of an arm's joints.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Positions \[rad\].
    pub lower: Joints,
    pub upper: Joints,
    /// Velocities [rad/s], at the positions where they are largest.
    pub velocity: Joints,
    /// Acceleration [rad/s2].
    pub acceleration: Joints,
    /// Jerk [rad/s3].
    pub jerk: Joints,
}

/// The limits of the end effector's translation or rotation, or of the elbow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Velocity [m/s, rad/s].
    pub velocity: f64,
    /// Acceleration [m/s2, rad/s2].
    pub acceleration: f64,
    /// Jerk [m/s3, rad/s3].
    pub jerk: f64,
}

/// The limits of an arm's end effector.
#[derive(Debug)]
pub(crate) struct CartesianEnvelope {
    pub translation: Bounds,
    pub rotation: Bounds,
    /// The limits of joint 3 if the elbow is commanded [rad].
    pub elbow: Bounds,
}

/// The limits on which libfranka 0.21's `rate_limiting.h` is based; that file's own limits are a little
/// lower. It has 1.5 rad/s for the elbow, while Franka's page on robot limits has 2.62.
const FR3_CARTESIAN: CartesianEnvelope = CartesianEnvelope {
    translation: Bounds {
        velocity: 3.0,
        acceleration: 9.0,
        jerk: 4500.0,
    },
    rotation: Bounds {
        velocity: 2.5,
        acceleration: 17.0,
        jerk: 8500.0,
    },
    elbow: Bounds {
        velocity: 1.5,
        acceleration: 10.0,
        jerk: 5000.0,
    },
};

/// The limits on which libfranka 0.9's `rate_limiting.h` is based. Only the velocity of the translation, 1.7
/// m/s, comes from Franka's page on robot limits; libfranka has 2.
const FER_CARTESIAN: CartesianEnvelope = CartesianEnvelope {
    translation: Bounds {
        velocity: 1.7,
        acceleration: 13.0,
        jerk: 6500.0,
    },
    rotation: Bounds {
        velocity: 2.5,
        acceleration: 25.0,
        jerk: 12_500.0,
    },
    elbow: Bounds {
        velocity: 2.175,
        acceleration: 10.0,
        jerk: 5000.0,
    },
};

/// The velocities come from the URDF, acceleration and jerk from libfranka 0.21's `rate_limiting.h`.
const FR3: Envelope = Envelope {
    lower: rate_limiting::JOINT_POSITION_LIMITS.0,
    upper: rate_limiting::JOINT_POSITION_LIMITS.1,
    velocity: [2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26],
    acceleration: [10.0; 7],
    jerk: [5000.0; 7],
};

/// The velocities come from the data sheet, acceleration and jerk from libfranka 0.9's `rate_limiting.h`.
const FER: Envelope = Envelope {
    lower: rate_limiting::fer::JOINT_POSITION_LIMITS.0,
    upper: rate_limiting::fer::JOINT_POSITION_LIMITS.1,
    velocity: [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61],
    acceleration: [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0],
    jerk: [7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10_000.0, 10_000.0],
};

impl Generation {
    /// Both generations.
    pub const ALL: [Generation; 2] = [Generation::Fr3, Generation::Fer];

    /// Returns the name in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Generation::Fr3 => "fr3",
            Generation::Fer => "fer",
        }
    }

    /// Returns the version of FCI that the arm speaks.
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

    pub(crate) const fn cartesian_envelope(self) -> &'static CartesianEnvelope {
        match self {
            Generation::Fr3 => &FR3_CARTESIAN,
            Generation::Fer => &FER_CARTESIAN,
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
    fn an_elbow_flips_where_the_arm_is_stretched() {
        let bent = |q4| elbow(&[0.0, 0.0, 0.3, q4, 0.0, 0.0, 0.0]);
        assert_eq!(bent(-0.4671), [0.3, -1.0]);
        assert_eq!(bent(ELBOW_FLIP), [0.3, 0.0]);
        assert_eq!(bent(-0.4669), [0.3, 1.0]);
        // At this position the links on both sides of joint 4 lie in one line.
        for generation in Generation::ALL {
            let model = generation.model().unwrap();
            let reach = |q4| {
                let q = [0.0, 0.0, 0.0, q4, 0.0, 0.0, 0.0];
                let unit = &franka::robot_state::IDENTITY_TRANSFORM;
                let wrist = model.pose_q(franka::model::Frame::Joint5, &q, unit, unit);
                wrist[12].hypot(wrist[14] - 0.333)
            };
            let most = reach(ELBOW_FLIP);
            assert!(reach(ELBOW_FLIP - 0.01) < most && reach(ELBOW_FLIP + 0.01) < most);
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

    #[test]
    fn cartesian_limits_are_those_that_a_client_keeps_just_below() {
        use rate_limiting as fr3;
        use rate_limiting::fer;
        let eps = fr3::LIMIT_EPS + 1e-9;
        let near = |ours: f64, theirs: f64| assert!((0.0..eps).contains(&(ours - theirs)));
        let bounds = &FR3_CARTESIAN;
        near(bounds.translation.velocity, fr3::MAX_TRANSLATIONAL_VELOCITY);
        near(
            bounds.translation.acceleration,
            fr3::MAX_TRANSLATIONAL_ACCELERATION,
        );
        near(bounds.translation.jerk, fr3::MAX_TRANSLATIONAL_JERK);
        near(bounds.rotation.velocity, fr3::MAX_ROTATIONAL_VELOCITY);
        near(
            bounds.rotation.acceleration,
            fr3::MAX_ROTATIONAL_ACCELERATION,
        );
        near(bounds.rotation.jerk, fr3::MAX_ROTATIONAL_JERK);
        assert!(bounds.elbow.velocity > fr3::MAX_ELBOW_VELOCITY);
        near(bounds.elbow.acceleration, fr3::MAX_ELBOW_ACCELERATION);
        near(bounds.elbow.jerk, fr3::MAX_ELBOW_JERK);
        let bounds = &FER_CARTESIAN;
        assert_eq!(bounds.translation.velocity, 1.7);
        near(
            bounds.translation.acceleration,
            fer::MAX_TRANSLATIONAL_ACCELERATION,
        );
        near(bounds.translation.jerk, fer::MAX_TRANSLATIONAL_JERK);
        assert!(bounds.rotation.velocity > fer::MAX_ROTATIONAL_VELOCITY);
        near(
            bounds.rotation.acceleration,
            fer::MAX_ROTATIONAL_ACCELERATION,
        );
        near(bounds.rotation.jerk, fer::MAX_ROTATIONAL_JERK);
        assert!(bounds.elbow.velocity > fer::MAX_ELBOW_VELOCITY);
        near(bounds.elbow.acceleration, fer::MAX_ELBOW_ACCELERATION);
        near(bounds.elbow.jerk, fer::MAX_ELBOW_JERK);
    }
}
