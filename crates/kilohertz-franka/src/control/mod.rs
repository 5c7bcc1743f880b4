//! The interfaces through which an arm can be driven, and the impedance controller.
//!
//! ```text
//! gains.rs      stiffness and damping of the controller
//! impedance.rs  the controller: torques that follow a motion
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod gains;
pub(crate) mod impedance;

use std::fmt;
use std::str::FromStr;

use kilohertz_core::schema::{Field, Schema};

use crate::control::gains::Gains;
use crate::limits::options::Budget;

/// What the actions of a session mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Joint velocities `dq` [rad/s], tracked by the arm's joint impedance controller.
    JointVelocity,
    /// Joint positions `q` [rad], tracked by the arm's joint impedance controller.
    JointPosition,
    /// Targets for the joint positions `q` [rad], in steps of any size at any rate. The arm is moved there
    /// with bounded velocity, acceleration and jerk, through its joint position interface.
    JointTarget,
    /// Twist `O_dP_EE` of the end effector in the base frame [m/s, rad/s].
    CartesianVelocity,
    /// Pose `O_T_EE` of the end effector in the base frame, 4x4 column-major \[m\].
    CartesianPose,
    /// Targets for the pose, in steps of any size at any rate. The end effector is moved there with bounded
    /// velocity, acceleration and jerk, through the arm's Cartesian pose interface.
    CartesianTarget,
    /// Joint torques `tau_J` [N m]; the arm adds the torques for gravity and friction.
    Torque,
}

impl Control {
    /// All control modes.
    pub const ALL: [Control; 7] = [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
        Control::CartesianVelocity,
        Control::CartesianPose,
        Control::CartesianTarget,
        Control::Torque,
    ];
    /// The modes whose actions are values of the seven joints.
    pub const JOINTS: [Control; 4] = [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
        Control::Torque,
    ];
    /// The modes whose actions describe the end effector.
    pub const CARTESIAN: [Control; 3] = [
        Control::CartesianVelocity,
        Control::CartesianPose,
        Control::CartesianTarget,
    ];
    /// The number of slots of the longest action: a pose, the elbow and torques.
    pub const MOST_SLOTS: usize = 16 + 1 + TORQUES.len;

    /// Returns the mode's name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Control::JointVelocity => "jointVelocity",
            Control::JointPosition => "jointPosition",
            Control::JointTarget => "jointTarget",
            Control::CartesianVelocity => "cartesianVelocity",
            Control::CartesianPose => "cartesianPose",
            Control::CartesianTarget => "cartesianTarget",
            Control::Torque => "torque",
        }
    }

    /// Returns the field that is commanded: the layout of an action without elbow and torques.
    const fn field(self) -> Field {
        let (name, len, unit) = match self {
            Control::JointVelocity => ("dq", 7, "rad/s"),
            Control::JointPosition | Control::JointTarget => ("q", 7, "rad"),
            Control::CartesianVelocity => ("O_dP_EE", 6, "m/s, rad/s"),
            Control::CartesianPose | Control::CartesianTarget => ("O_T_EE", 16, "m"),
            Control::Torque => return TORQUES,
        };
        Field { name, len, unit }
    }

    /// Returns how many slots that field has.
    pub const fn slots(self) -> usize {
        self.field().len
    }

    /// Returns the share of the jerk that a motion to a target uses by default; `None` if actions are not
    /// targets.
    pub const fn target_jerk(self) -> Option<f64> {
        match self {
            Control::JointTarget => Some(Budget::JOINT_JERK),
            Control::CartesianTarget => Some(Budget::CARTESIAN_JERK),
            Control::JointVelocity
            | Control::JointPosition
            | Control::CartesianVelocity
            | Control::CartesianPose
            | Control::Torque => None,
        }
    }

    /// Returns true if the end effector is commanded.
    pub const fn is_cartesian(self) -> bool {
        match self {
            Control::CartesianVelocity | Control::CartesianPose | Control::CartesianTarget => true,
            Control::JointVelocity
            | Control::JointPosition
            | Control::JointTarget
            | Control::Torque => false,
        }
    }

    /// Returns true if actions are poses.
    pub const fn is_pose(self) -> bool {
        match self {
            Control::CartesianPose | Control::CartesianTarget => true,
            Control::JointVelocity
            | Control::JointPosition
            | Control::JointTarget
            | Control::CartesianVelocity
            | Control::Torque => false,
        }
    }

    /// Returns true if actions are velocities.
    pub const fn is_velocity(self) -> bool {
        match self {
            Control::JointVelocity | Control::CartesianVelocity => true,
            Control::JointPosition
            | Control::JointTarget
            | Control::CartesianPose
            | Control::CartesianTarget
            | Control::Torque => false,
        }
    }
}

/// How a session drives an arm: what its actions mean, and which controller follows them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interface {
    /// What is commanded.
    pub control: Control,
    /// True if the elbow is commanded together with the end effector. Has no effect in joint modes.
    pub elbow: bool,
    /// The controller that follows the motion.
    pub impedance: Impedance,
}

impl Interface {
    /// Returns true if an action has an elbow after the end effector's slots.
    pub const fn has_elbow(self) -> bool {
        self.elbow && self.control.is_cartesian()
    }

    /// Returns true if an action has torques after the motion.
    pub fn has_torques(self) -> bool {
        self.is_motion() && self.impedance == Impedance::External
    }

    /// Returns true if a motion is commanded, which a controller follows.
    pub fn is_motion(self) -> bool {
        self.control != Control::Torque
    }

    /// Returns how many slots come before the torques.
    pub const fn motion_slots(self) -> usize {
        self.control
            .slots()
            .saturating_add(self.has_elbow() as usize)
    }

    /// Returns how many slots an action has.
    pub fn slots(self) -> usize {
        let torques = if self.has_torques() { TORQUES.len } else { 0 };
        self.motion_slots().saturating_add(torques)
    }

    /// Returns the layout of an action.
    pub fn action(self) -> Schema {
        let (name, unit) = match self.control.is_velocity() {
            true => ("delbow", "rad/s"),
            false => ("elbow", "rad"),
        };
        let elbow = Field { name, len: 1, unit };
        let elbow = self.has_elbow().then_some(elbow);
        let torques = self.has_torques().then_some(TORQUES);
        Schema::new(
            [self.control.field()]
                .into_iter()
                .chain(elbow)
                .chain(torques),
        )
    }
}

const TORQUES: Field = Field {
    name: "tau_J",
    len: 7,
    unit: "N m",
};

/// Returns the first `N` numbers of an action.
///
/// # Panics
/// Panics if there are fewer.
pub(crate) fn leading<const N: usize>(action: &[f64]) -> [f64; N] {
    let mut taken = [0.0; N];
    taken.copy_from_slice(&action[..N]);
    taken
}

/// The controller that follows the commanded motion, for all of the arm's motion generators. Torque control
/// has none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one per arm, and one that can be copied is easier to use"
)]
pub enum Impedance {
    /// The arm's own controller with a spring and a damper at each joint.
    #[default]
    Joint,
    /// The arm's own controller with a spring and a damper at the end effector.
    Cartesian,
    /// No controller of the arm: an action has joint torques `tau_J` [N m] after the motion, and these move
    /// the arm. The arm reports the motion as desired, so that the torques can follow it.
    External,
    /// No controller of the arm: an impedance law of this crate, computed in the loop.
    Law(Gains),
}

impl Impedance {
    /// The controllers without gains of their own.
    pub const NAMED: [Impedance; 3] = [Impedance::Joint, Impedance::Cartesian, Impedance::External];

    /// Returns the arm's own controller for a motion without torques. If `self` is not one of the arm's
    /// controllers, this is the joint controller.
    pub fn of_the_arm(self) -> Impedance {
        match self {
            Impedance::External | Impedance::Law(_) => Impedance::Joint,
            own @ (Impedance::Joint | Impedance::Cartesian) => own,
        }
    }

    /// Returns the controller's name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Impedance::Joint => "joint",
            Impedance::Cartesian => "cartesian",
            Impedance::External => "external",
            Impedance::Law(_) => "law",
        }
    }
}

impl FromStr for Impedance {
    type Err = String;

    fn from_str(name: &str) -> Result<Impedance, String> {
        Impedance::NAMED
            .into_iter()
            .find(|impedance| impedance.name() == name)
            .ok_or_else(|| {
                format!("{name:?} is no impedance; there are joint, cartesian and external")
            })
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Control {
    type Err = String;

    fn from_str(name: &str) -> Result<Control, String> {
        Control::ALL
            .into_iter()
            .find(|control| control.name() == name)
            .ok_or_else(|| format!("{name:?} is no control interface; there are {}", names()))
    }
}

fn names() -> String {
    Control::ALL.map(Control::name).join(", ")
}
