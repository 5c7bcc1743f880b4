//! A Franka arm as a kilohertz robot, over FCI, on Linux.
//!
//! ```text
//! arm/              the connection: connect, state, set up, recover, drive, close
//! client/           the libraries that talk to an arm, and the code around them
//! control/          the interfaces an arm can be driven through, and the impedance controller
//! limits/           what an arm may be commanded, and how it is brought to rest
//! kinematics/       the rigid-body model, and the way between poses and joint positions
//! move_to/          moving an arm to a place: the plan, and the policy that follows it
//! jog.rs            one joint that turns slowly while a person says so
//! hand/             the Franka Hand: connect, homing, move, grasp, stop, state, close
//! setting/          what an arm can be set up with between motions
//! state/            libfranka's robot state as flat slots, and the gate where states enter
//! seam/             tests of a whole cycle, with a scripted arm and a scripted policy
//! generation.rs     the two generations of the arm
//! constants.rs      numbers that several folders share
//! invalid_value.rs  what is wrong with a value that was refused
//! measured.rs       what benches measure
//! error.rs          what can go wrong, with the robot's own names
//! ```
//!
//! ```
//! use kilohertz_franka::{Arm, ConnectOptions, Generation};
//! use kilohertz_sim::{Simulator, SimulatorOptions};
//!
//! let simulator = Simulator::start(SimulatorOptions::default())?;
//! let arm = Arm::connect(&simulator.address().to_string(), &ConnectOptions::default())?;
//! assert_eq!(arm.generation(), Generation::Fr3);
//! let off = arm.state()?.q[3] - simulator.joints().q[3];
//! assert!(off.abs() < 1e-4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `franka-rs` is read and written. `libfranka-rs` calls back, and its callback calls the loop. No code
//! outside this crate depends on either. `franka-rs` also writes the text of an aborted motion to standard
//! error, and `libfranka-rs` writes the error of its socket there when the connection to an arm is lost.
//! Neither can be turned off.

pub mod arm;
pub mod client;
mod constants;
pub mod control;
pub mod error;
pub mod generation;
pub mod hand;
mod invalid_value;
pub mod jog;
pub mod kinematics;
pub mod limits;
#[doc(hidden)]
pub mod measured;
pub mod move_to;
#[cfg(test)]
mod seam;
pub mod setting;
pub mod state;

pub use arm::{Arm, ConnectOptions};
pub use client::Client;
pub use client::deadline::GiveUp;
pub use control::gains::Gains;
pub use control::{Control, Impedance, Interface};
pub use error::{ArmError, ArmErrorCode};
pub use generation::Generation;
pub use hand::follower::{GripRule, follow};
pub use hand::{Hand, HandCommand, HandMotion, HandOptions};
pub use invalid_value::InvalidValue;
pub use limits::workspace::CartesianBox;
pub use limits::{Budget, MotionOptions, PartBounds};
pub use setting::{Setting, Thresholds};
