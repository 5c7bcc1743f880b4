//! A Franka arm as a kilohertz robot, over FCI, on Linux.
//!
//! ```text
//! arm/           the connection: connect, state, set up, recover, drive, close
//! client/        the libraries that can talk to an arm, and what is around them
//! control/       the interfaces an arm can be driven through, and the impedance controller
//! limits/        what an arm may be commanded, and how it is brought to rest
//! kinematics/    poses, the rigid-body model, and the way between poses and joint positions
//! move_to/       moving an arm to a place: the plan, and the policy that follows it
//! hand/          the Franka Hand: connect, homing, move, grasp, stop, state, close
//! setting/       what an arm can be set up with between motions
//! state/         libfranka's robot state as flat slots, and the gate where states enter
//! seam/          tests of all that a cycle goes through, with an arm and a policy of scripts
//! generation.rs  the two generations of the arm, and what their joints may be commanded
//! constants.rs   numbers that several folders share
//! refusal.rs     what is wrong with a value that was given
//! measured.rs    what benches measure
//! error.rs       what can go wrong, in the robot's own words
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
//! `franka-rs` is read and written; `libfranka-rs` calls back, and its callback calls the loop body.
//! Nothing outside this crate knows of either. `franka-rs` writes the text of an aborted motion to
//! standard error too, and `libfranka-rs` what its socket says when an arm is gone; neither can be
//! told not to.

pub mod arm;
pub mod client;
mod constants;
pub mod control;
pub mod error;
pub mod generation;
pub mod hand;
pub mod kinematics;
pub mod limits;
#[doc(hidden)]
pub mod measured;
pub mod move_to;
mod refusal;
#[cfg(test)]
mod seam;
pub mod setting;
pub mod state;

pub use arm::{Arm, ConnectOptions};
pub use client::Client;
pub use control::gains::Gains;
pub use control::{Control, Impedance, Interface};
pub use error::{ArmError, ArmErrorCode};
pub use generation::Generation;
pub use hand::{Hand, HandCommand, HandMotion, HandOptions};
pub use limits::workspace::CartesianBox;
pub use limits::{Budget, MotionOptions, PartBounds};
pub use refusal::Refusal;
pub use setting::{Setting, Thresholds};
