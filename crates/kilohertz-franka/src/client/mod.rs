//! The libraries that can talk to an arm, and what a session needs of them.
//!
//! ```text
//! franka_rs.rs         the client `franka-rs`: read a state, run the loop, write its command
//! libfranka_rs/        the client `libfranka-rs`, and the guard around it
//! bridge.rs            the connection between an arm and franka-rs while the two connect
//! entrance.rs          a cycle around the loop, for both clients
//! elbow.rs             the elbow, in the form that the arm expects
//! source/              restricts the socket for states to the arm
//! watchdog.rs          disconnects if the arm does not answer
//! rejected_command.rs  what it means when an arm refuses a command
//! deadline.rs          points in time at which a wait ends
//! ```

/// Sends a [`Setting`] with the calls of a client. Both clients have the same calls; two of them have other
/// names.
macro_rules! configured {
    ($robot:expr, $setting:expr, $set_ee:ident, $set_k:ident) => {
        match $setting {
            Setting::CollisionBehavior {
                nominal,
                acceleration,
            } => $robot.set_collision_behavior(
                acceleration.lower_torques,
                acceleration.upper_torques,
                nominal.lower_torques,
                nominal.upper_torques,
                acceleration.lower_forces,
                acceleration.upper_forces,
                nominal.lower_forces,
                nominal.upper_forces,
            ),
            Setting::JointImpedance(stiffness) => $robot.set_joint_impedance(*stiffness),
            Setting::CartesianImpedance(stiffness) => $robot.set_cartesian_impedance(*stiffness),
            Setting::GuidingMode { axes, elbow } => $robot.set_guiding_mode(*axes, *elbow),
            Setting::EndEffector(frame) => $robot.$set_ee(*frame),
            Setting::StiffnessFrame(frame) => $robot.$set_k(*frame),
            Setting::Load {
                mass,
                centre,
                inertia,
            } => $robot.set_load(*mass, *centre, *inertia),
            #[allow(deprecated, reason = "a FER has them all the same")]
            Setting::Filters([joint, joint_rate, pose, twist, controller]) => {
                $robot.set_filters(*joint, *joint_rate, *pose, *twist, *controller)
            }
        }
    };
}

pub(crate) mod bridge;
pub(crate) mod deadline;
pub(crate) mod elbow;
pub(crate) mod entrance;
pub(crate) mod franka_rs;
#[cfg(all(feature = "libfranka-rs", target_os = "linux"))]
pub(crate) mod libfranka_rs;
pub(crate) mod rejected_command;
pub(crate) mod source;
pub(crate) mod watchdog;

use std::fmt;
use std::str::FromStr;

use franka::RobotState;
use kilohertz_core::robot::Tick;

use crate::client::entrance::Drive;
use crate::error::ArmError;
use crate::setting::Setting;

/// The library that talks to the arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Client {
    /// `franka-rs`: both generations, any port.
    #[default]
    FrankaRs,
    /// `libfranka-rs`: the FER only, on port 1337 only, on Linux only.
    LibfrankaRs,
}

impl Client {
    /// Both clients.
    pub const ALL: [Client; 2] = [Client::FrankaRs, Client::LibfrankaRs];

    /// Returns the client's name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Client::FrankaRs => "franka-rs",
            Client::LibfrankaRs => "libfranka-rs",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(name: &str) -> Result<Client, String> {
        Client::ALL
            .into_iter()
            .find(|client| client.name() == name)
            .ok_or_else(|| format!("{name:?} is no client; there are franka-rs and libfranka-rs"))
    }
}

/// An open connection to an arm. Each call blocks. Only one call may run at a time.
pub(crate) trait Connection: Send + Sync {
    /// Returns the robot's present state.
    fn state(&self) -> Result<RobotState, ArmError>;

    /// Clears the errors of a reflex.
    fn recover(&self) -> Result<(), ArmError>;

    /// Sends a setting that was already checked.
    fn configure(&self, setting: &Setting) -> Result<(), ArmError>;

    /// Starts a motion and runs cycles until `tick` ends it. When this returns, in whichever way, the
    /// motion has ended.
    fn drive(&self, drive: &Drive, tick: &mut dyn Tick) -> Result<(), ArmError>;
}
