//! The interfaces that an arm can be driven through, and the impedance controller.
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

/// What the actions of a session are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Joint velocities `dq` [rad/s], tracked by the arm's joint impedance controller.
    JointVelocity,
    /// Joint positions `q` [rad], tracked by the arm's joint impedance controller.
    JointPosition,
    /// Targets for the joint positions `q` [rad], in steps of any size at any rate: the arm is moved
    /// there with bounded velocity, acceleration and jerk, through its joint position interface.
    JointTarget,
    /// Twist `O_dP_EE` of the end effector in the base frame [m/s, rad/s].
    CartesianVelocity,
    /// Pose `O_T_EE` of the end effector in the base frame, 4x4 column-major \[m\].
    CartesianPose,
    /// Targets for the pose, in steps of any size at any rate: the end effector is moved there with
    /// bounded velocity, acceleration and jerk, through the arm's Cartesian pose interface.
    CartesianTarget,
    /// Joint torques `tau_J` [N m]; the arm adds what gravity and friction take.
    Torque,
}

impl Control {
    /// All of them.
    pub const ALL: [Control; 7] = [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
        Control::CartesianVelocity,
        Control::CartesianPose,
        Control::CartesianTarget,
        Control::Torque,
    ];
    /// Those whose actions are values of the seven joints.
    pub const JOINTS: [Control; 4] = [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
        Control::Torque,
    ];
    /// Those whose actions are of the end effector.
    pub const CARTESIAN: [Control; 3] = [
        Control::CartesianVelocity,
        Control::CartesianPose,
        Control::CartesianTarget,
    ];
    /// Slots of the longest action: a pose, the elbow, and torques behind them.
    pub const MOST_SLOTS: usize = 16 + 1 + TORQUES.len;

    /// The name, as in the TypeScript API.
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

    /// What is commanded: the layout of an action, but for what may come behind it.
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

    /// How many slots that has.
    pub const fn slots(self) -> usize {
        self.field().len
    }

    /// The share of the jerk that a motion to a target takes by default; none where actions are no targets.
    pub const fn target_jerk(self) -> Option<f64> {
        match self {
            Control::JointTarget => Some(Budget::JOINT_JERK),
            Control::CartesianTarget => Some(Budget::CARTESIAN_JERK),
            _ => None,
        }
    }

    /// Whether it is the end effector that is commanded.
    pub const fn is_cartesian(self) -> bool {
        matches!(
            self,
            Control::CartesianVelocity | Control::CartesianPose | Control::CartesianTarget
        )
    }
}

/// How a session drives an arm: what its actions are, and what follows them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interface {
    /// What is commanded.
    pub control: Control,
    /// Whether the elbow is commanded beside the end effector. It is the arm's choice in joint modes.
    pub elbow: bool,
    /// What follows it.
    pub impedance: Impedance,
}

impl Interface {
    /// Whether an action has an elbow behind the end effector.
    pub const fn has_elbow(self) -> bool {
        self.elbow && self.control.is_cartesian()
    }

    /// Whether an action has torques behind the motion.
    pub fn has_torques(self) -> bool {
        self.is_motion() && self.impedance == Impedance::External
    }

    /// Whether a motion is commanded, for a controller to follow.
    pub fn is_motion(self) -> bool {
        self.control != Control::Torque
    }

    /// How many slots come before the torques.
    pub const fn motion_slots(self) -> usize {
        self.control
            .slots()
            .saturating_add(self.has_elbow() as usize)
    }

    /// How many slots an action has.
    pub fn slots(self) -> usize {
        let torques = if self.has_torques() { TORQUES.len } else { 0 };
        self.motion_slots().saturating_add(torques)
    }

    /// The layout of an action.
    pub fn action(self) -> Schema {
        let (name, unit) = match self.control {
            Control::CartesianVelocity => ("delbow", "rad/s"),
            _ => ("elbow", "rad"),
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

/// The numbers that an action begins with.
///
/// # Panics
/// Where there are fewer.
pub(crate) fn leading<const N: usize>(action: &[f64]) -> [f64; N] {
    let mut taken = [0.0; N];
    taken.copy_from_slice(&action[..N]);
    taken
}

/// The controller that follows what is commanded, whichever of the arm's motion generators
/// commands. In torque control there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one per arm, and one that can be copied is easier to use"
)]
pub enum Impedance {
    /// A spring and a damper at each joint.
    #[default]
    Joint,
    /// A spring and a damper at the end effector.
    Cartesian,
    /// None of the arm's: an action has joint torques `tau_J` [N m] behind the motion, and they
    /// move the arm. The motion is what the arm reports as desired, for them to follow.
    External,
    /// None of the arm's: an impedance law of this crate's, computed in the loop.
    Law(Gains),
}

impl Impedance {
    /// Those that have no gains of their own.
    pub const NAMED: [Impedance; 3] = [Impedance::Joint, Impedance::Cartesian, Impedance::External];

    /// The arm's own controller for a motion without torques: the joint one where there is none.
    pub fn of_the_arm(self) -> Impedance {
        match self {
            Impedance::External | Impedance::Law(_) => Impedance::Joint,
            own @ (Impedance::Joint | Impedance::Cartesian) => own,
        }
    }

    /// The name, as in the TypeScript API.
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
