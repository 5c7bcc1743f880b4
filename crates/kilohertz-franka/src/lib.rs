//! A Franka arm as a kilohertz robot, over FCI, on Linux.
//!
//! ```text
//! arm.rs           the connection: connect, state, recover, close
//! generation.rs    the two generations of the arm, and what their joints may be commanded
//! configuration.rs what the arm can be set up with between motions
//! control.rs       the interfaces it can be driven through, and their actions
//! desk.rs          who uses the connection, and what a session's loop has seen
//! drive.rs         an arm as the robot of one session
//! gate.rs          what an arm's state must be to enter the loop
//! entrance.rs      a cycle around the loop body, whichever client runs it
//! elbow.rs         the elbow, as the arm wants it commanded
//! law.rs           an impedance law on torques, which follow a motion
//! client.rs        the libraries that can talk to an arm, and what is needed of them
//! franka_rs.rs     one of them: read a state, run the loop body, write its command
//! libfranka_rs.rs  the other, and the fence around it
//! hand.rs          the Franka Hand: connect, homing, move, grasp, stop, state, close
//! answers.rs       a hand's answers: bounded, and only to what was asked
//! finding.rs       the sockets that a client keeps to itself
//! hearing.rs       who is heard there: the arm alone; how much came from others
//! source_filter.rs what a socket lets in, decided by the kernel
//! plug.rs          the plug of a connection, pulled when the arm does not answer
//! model.rs         the rigid-body model: poses, Jacobians, dynamics
//! urdf.rs          the model that an FR3 serves, checked before it is relied on
//! bridge.rs        the way between an arm and franka-rs while they get to know each other
//! move_to.rs       moving an arm to a place: the plan, and the policy that follows it
//! profile.rs       the fastest way from rest to rest
//! inverse.rs       joint positions for a pose
//! state.rs         libfranka's robot state as flat slots with libfranka's names
//! limits.rs        what the arm's joints may be commanded, and how they are brought to rest
//! cartesian.rs     the same for the end effector
//! both.rs          the same for a motion with torques behind it
//! reach.rs         what its motions ask of the joints
//! fence.rs         a box that it stays in, whatever is commanded through
//! geometry.rs      poses, twists, and the ways between them
//! measured.rs      what benches measure of it
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
pub use limits::cartesian::PartBounds;
pub use limits::workspace::CartesianBox;
pub use limits::{Budget, MotionOptions};
pub use refusal::Refusal;
pub use setting::{Setting, Thresholds};
