//! A Franka arm as a kilohertz robot, over FCI.
//!
//! ```text
//! arm.rs           the connection: connect, state, recover, close
//! generation.rs    the two generations of the arm, and what their joints may be commanded
//! control.rs       the interfaces it can be driven through, and their actions
//! drive.rs         an arm as the robot of one session
//! client.rs        the libraries that can talk to an arm, and what is needed of them
//! franka_rs.rs     one of them: read a state, run the loop body, write its command
//! libfranka_rs.rs  the other, and the fence around it
//! plug.rs          the plug of a connection, pulled when the arm does not answer
//! model.rs         the rigid-body model: poses, Jacobians, dynamics
//! state.rs         libfranka's robot state as flat slots with libfranka's names
//! limits.rs        what the arm may be commanded, and how it is brought to rest
//! error.rs         what can go wrong, in the robot's own words
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
pub mod control;
mod drive;
pub mod error;
mod franka_rs;
pub mod generation;
#[cfg(all(feature = "libfranka-rs", target_os = "linux"))]
mod libfranka_rs;
pub mod limits;
pub mod model;
mod plug;
pub mod state;

pub use arm::{Arm, ConnectOptions};
pub use client::Client;
pub use control::Control;
pub use error::{ArmError, ArmErrorCode};
pub use generation::Generation;
pub use limits::{Budget, MotionOptions};
