//! A Franka arm as a kilohertz robot, over FCI.
//!
//! ```text
//! arm.rs     the connection: connect, state, recover, close
//! control.rs the interfaces it can be driven through, and their actions
//! drive.rs   read a state, run the loop body, write its command; on failure stop, then tell
//! state.rs   libfranka's robot state as flat slots with libfranka's names
//! limits.rs  what the arm may be commanded, and how it is brought to rest
//! error.rs   what can go wrong, in the robot's own words
//! ```
//!
//! ```
//! use kilohertz_franka::{Arm, ConnectOptions};
//! use kilohertz_sim::{Simulator, SimulatorOptions};
//!
//! let simulator = Simulator::start(SimulatorOptions::default())?;
//! let arm = Arm::connect(&simulator.address().to_string(), &ConnectOptions::default())?;
//! assert_eq!(arm.server_version(), 10);
//! let off = arm.state()?.q[3] - simulator.joints().q[3];
//! assert!(off.abs() < 1e-4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The client is `franka-rs`; nothing outside this crate knows of it. A client that calls back, as
//! `libfranka-rs` does, fits the same seam: its callback calls the loop body. `franka-rs` writes the
//! text of an aborted motion to standard error too, and cannot be told not to.

pub mod arm;
pub mod control;
mod drive;
pub mod error;
pub mod limits;
pub mod state;

pub use arm::{Arm, ConnectOptions};
pub use control::Control;
pub use error::{ArmError, ArmErrorCode};
pub use limits::{Budget, MotionOptions};
