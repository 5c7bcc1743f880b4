//! An FCI server on loopback with a rigid-body arm behind it: an FR3, which speaks version 10, or a
//! FER (Panda), which speaks version 5.
//!
//! It speaks the bytes of Franka's control box over real TCP and UDP, moves an arm that has mass,
//! friction and limits, refuses what a real arm refuses, and can delay, drop, freeze or die on
//! request.
//!
//! ```no_run
//! use franka::{RealtimeConfig, Robot};
//! use kilohertz_sim::{Fault, Simulator, SimulatorOptions};
//!
//! let simulator = Simulator::start(SimulatorOptions::default())?;
//! // Raises the priority of its thread: give it one of its own.
//! let robot = Robot::new(&simulator.address().to_string(), RealtimeConfig::Ignore)?;
//! println!("{:?}", robot.read_once()?.q);
//! simulator.inject(Fault::DropStates { count: 3 })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The flow
//!
//! ```text
//!                        TCP                                                     UDP
//!   client ─wire/─▶ server/commands.rs ──wire/request.rs──▶ ┌───────────────┐ ◀──────── client's command
//!          ◀─wire/─ (tokio)            ◀──────reply──────── │ server/arm.rs │
//!                                                           │ (own thread)  │ ─wire/─▶ next state
//!   Simulator::inject ───────────fault.rs─────────────────▶ └───────┬───────┘
//!   Simulator::joints, counters ◀────counters.rs────────────────────┤ server/pace.rs: when the next tick is
//!                                                                   │ server/fault_injector.rs: what is lost
//!                                                                   ▼
//!                        control_box/: requests, replies, one tick of a millisecond
//!                          │ modes.rs: the mode, and what belongs to it
//!                          │ rules.rs: limits, lost-packet rule → violation.rs: error flags
//!                          │ cartesian.rs: poses and twists; inverse.rs: → joints; asynchronous.rs: targets → joints
//!                          │ state.rs: what the state reports
//!                          ▼
//!                        body/arm.rs: impedance control or the client's torques, saturation
//!                          │ reference.rs: what the joints are controlled to, and how they brake
//!                          │ payload.rs: what hangs on the flange
//!                          │ contact.rs: contacts and collisions
//!                          ▼
//!                        body/dynamics.rs: torques → accelerations → the next pose
//! ```
//!
//! Everything from `control_box/` down is pure: time passes only when it is told to tick.
//!
//! The two generations are one arm with other numbers (`generation.rs`) behind another wire format:
//! `wire/v10.rs` and `wire/v5.rs` are the only places that know the bytes.
//!
//! # The hand
//!
//! Beside the arm there is a Franka Hand (`hand.rs`, pure; `server/hand.rs`), on the TCP port after
//! the arm's: 1338 for an arm on 1337. It has its own protocol, the same for both generations, its
//! own client, and its own time, which is the wall clock's in lockstep too. An object of a chosen
//! width can be put between its fingers and taken away.
//!
//! - A grasp closes the fingers at its speed until they meet the object or each other, presses for
//!   50 ms and is successful if `width - inner < opening < width + outer`, which nothing but the
//!   fingers themselves may satisfy too. It keeps pressing then: if the object is taken away, the
//!   fingers close and are judged anew.
//! - A move onto the object is unsuccessful after it has pressed for 1 s. (A hand was seen to press for
//!   100 s.) Homing closes and opens the fingers at 0.1 m/s; an object makes it unsuccessful.
//! - A stop ends a motion at once and lets go of what is held. (A hand was seen to finish the motion
//!   first.) A command that comes during another one aborts it. A client that leaves ends a motion
//!   and leaves a grip as it is.
//! - Widths beyond 0 to 0.08 m, speeds and forces that are not positive fail. Faster than
//!   0.1 m/s and stronger than 140 N it does not get. It is homed from the start, and 30 °C warm.
//!
//! # Time
//!
//! A state's number is the arm's time in milliseconds, and each state is one step of 1 ms.
//!
//! *Wall clock* (the default): a tick at each absolute deadline, 1 ms apart. A deadline that the
//! machine makes the thread miss is skipped and counted (`missed_ticks`); the arm's time stands
//! still meanwhile, so that a stall of the simulator is never a loss of the client's.
//!
//! *Lockstep*: in a motion the next state follows the command for the last one at once, and every
//! command advances the arm by 1 ms; without a motion the wall clock ticks. Before the first command
//! a client needs a state or two: time goes on after 25 ms there. A command counts if its state shows the last one, however late it comes, and each counts
//! once: where a motion ends depends on the commands alone. After `lockstep_timeout` without a command time goes on, and
//! the lost-packet rule applies.
//!
//! # The lost-packet rule
//!
//! On the wall clock a command is for the newest state; one for an older state is late and
//! dropped. A tick without a command extrapolates a motion with constant acceleration, within the
//! limits on velocity and position, or uses the last torques again. The twentieth in a row
//! (`lost_packet_limit`) ends the motion with `communication_constraints_violation`.
//! `control_command_success_rate` is the share of the last 100 ticks that had a command. Nothing
//! is lost before a motion's first command, unless that takes longer than `first_command_grace`:
//! a client sees the motion in the state before it can answer.
//!
//! # Modes
//!
//! - A motion's setpoints are checked against the arm's limits on position, velocity (the FR3's by
//!   position), acceleration and jerk, and torques against their range and rate. Tolerances absorb
//!   the 32-bit floats of version 10's state: 0.05 rad/s² and 50 rad/s³ for velocities, 0.5 rad/s²
//!   and 500 rad/s³ for positions, 1 N m/s for torques. A violation is a reflex: error flags,
//!   `ReflexAborted`, and the arm brakes within its limits. Only `AutomaticErrorRecovery` allows the
//!   next motion.
//! - Cartesian setpoints are checked as well: a rigid transform (axes and rows of length 1 within 1e-5,
//!   right angles within 2e-5, right-handed), a start within 1 mm and 1 mrad of `O_T_EE_c`, velocity, acceleration and jerk of translation and rotation by their norms
//!   (tolerances as above, in metres and radians), and all limits of the joints that they take.
//!   Without a command a Cartesian motion goes on with constant acceleration, too; where its joints
//!   could not, they go on instead.
//! - An asynchronous motion (version 10) has targets instead of setpoints, at any rate: the arm goes to the newest by
//!   itself, no command is lost, and the motion ends when it has braked after the last one.
//! - A motion that finishes at more commanded velocity than can be shed within a millisecond
//!   (10.5 mrad/s on an FR3) is a `joint_motion_generator_velocity_discontinuity`. Torque control
//!   may finish at any speed; the arm then brakes by itself.
//! - `StopMove` brakes within the limits and is answered at rest, after the `Move` (`Preempted`).
//! - A client that vanishes leaves an arm that brakes. A `Move` that arrives meanwhile starts once
//!   the arm is at rest.
//! - A command that is not a number ends the motion as `InputErrorAborted`, without a reflex.
//!
//! - `SetCollisionBehavior` decides what of the external torques and of the wrench is a contact, and in a motion what
//!   is a reflex (`joint_reflex`, `cartesian_reflex`). A contact is reported while it lasts, a collision until
//!   `AutomaticErrorRecovery`.
//! - `StopMove` without a motion succeeds; in a reflex it is not possible. A command number that
//!   does not exist is answered as not possible; a message that cannot be framed, or one before
//!   `Connect`, ends the connection.
//!
//! - A FER serves a model library: `model-library/fer.rs`, which the build script compiles into a shared object. A
//!   request for another machine than the one that it was built on is answered with an error.
//!
//! Known differences from a real arm are listed in `docs/simulator.md`, each with its source and its effect.

#![forbid(unsafe_code)]

mod body;
mod control_box;
mod corruption;
mod counters;
mod end_effector;
mod error;
mod fault;
#[cfg(test)]
mod fuzz;
mod generation;
mod hand;
mod joints;
#[doc(hidden)]
pub mod measured;
mod options;
mod server;
mod simulator;
mod violation;
mod wire;

pub use corruption::Corruption;
pub use counters::Counters;
pub use end_effector::EndEffector;
pub use error::SimulatorError;
pub use fault::{Fault, FaultFields, HandFault};
pub use generation::Generation;
pub use hand::Fingers;
pub use options::SimulatorOptions;
pub use server::arm::JointState;
pub use simulator::Simulator;
