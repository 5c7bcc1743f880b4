//! The interfaces an arm can be driven through.

use std::fmt;
use std::str::FromStr;

use kilohertz_core::schema::{Field, Schema};

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
    /// Joint torques `tau_J` [N m]; the arm adds what gravity and friction take.
    Torque,
}

impl Control {
    /// All of them.
    pub const ALL: [Control; 4] = [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
        Control::Torque,
    ];

    /// The name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Control::JointVelocity => "jointVelocity",
            Control::JointPosition => "jointPosition",
            Control::JointTarget => "jointTarget",
            Control::Torque => "torque",
        }
    }

    /// The layout of an action.
    pub fn action(self) -> Schema {
        let (name, unit) = match self {
            Control::JointVelocity => ("dq", "rad/s"),
            Control::JointPosition | Control::JointTarget => ("q", "rad"),
            Control::Torque => ("tau_J", "N m"),
        };
        Schema::new([Field { name, len: 7, unit }])
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
