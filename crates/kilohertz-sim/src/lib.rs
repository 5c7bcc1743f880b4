//! An FCI server on a loopback address with a simulated arm of rigid bodies: an FR3, which speaks version 10,
//! or a FER (Panda), which speaks version 5.
//!
//! It speaks the protocol of Franka's control box over real TCP and UDP. It moves an arm that has mass,
//! friction and limits. It refuses what a real arm refuses, and can delay, drop, freeze or die on request.
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
//!                                                                   │ server/datagram_faults.rs: what is lost
//!                                                                   │ server/schedule.rs: faults that wait for a cycle
//!                                                                   ▼
//!                        control_box/: requests, replies, one tick of a millisecond
//!                          │ modes.rs: the mode, and what belongs to it
//!                          │ rules.rs: limits, lost-packet rule → violation.rs: error flags
//!                          │ cartesian.rs: poses and twists; inverse.rs: → joints; asynchronous.rs: targets → joints
//!                          │ state.rs: what the state reports, with the noise of noise.rs
//!                          │ episode.rs: the cycles of a motion, the reset between two runs
//!                          ▼
//!                        body/arm.rs: impedance control or the client's torques, saturation
//!                          │ reference.rs: what the joints are controlled to, and how they brake
//!                          │ payload.rs: what hangs on the flange
//!                          │ contact.rs: contacts and collisions
//!                          ▼
//!                        body/dynamics.rs: torques → accelerations → the next pose
//! ```
//!
//! Everything from `control_box/` down is pure: time passes only in its `tick` function.
//!
//! The two generations are the same arm with different numbers (`generation.rs`) and a different wire format.
//! Only `wire/v10.rs` and `wire/v5.rs` know the bytes.
//!
//! # The hand
//!
//! Beside the arm there is a Franka Hand (`hand.rs`, pure; `server/hand.rs`), on the TCP port after the
//! arm's: 1338 for an arm on 1337. It has its own protocol, which is the same for both generations, and its
//! own client. Its time follows the wall clock, also in lockstep. An object of a chosen width can be put
//! between its fingers and removed.
//!
//! - A grasp closes the fingers at its speed until they meet the object or each other, and presses for 50 ms.
//!   It is successful if `width - inner < opening < width + outer`. Fingers without an object may satisfy
//!   this too. After a success it keeps pressing: if the object is removed, the fingers close, and the
//!   condition is checked again.
//! - A move that meets the object fails after it has pressed for 1 s. (A real hand was seen to press for 100
//!   s.) Homing closes and opens the fingers at 0.1 m/s; it fails if there is an object.
//! - A stop ends a motion at once and releases the object. (A real hand was seen to finish the motion first.)
//!   A command that comes during another one aborts that one. If a client disconnects, a motion ends and a
//!   grip stays.
//! - Commands with a width outside 0 to 0.08 m, or with a speed or force that is not positive, fail. The
//!   speed is at most 0.1 m/s and the force at most 140 N. The hand is homed from the start, and its
//!   temperature is 30 °C.
//!
//! # Time
//!
//! The number of a state is the arm's time in milliseconds. Each state is one step of 1 ms.
//!
//! *Wall clock* (the default): ticks are at absolute deadlines, 1 ms apart. A deadline that the thread misses
//! because the machine is busy is skipped and counted (`missed_ticks`). The arm's time stands still
//! meanwhile, so that a stall of the simulator never counts as a lost command.
//!
//! *Lockstep*: in a motion the next state is sent as soon as the command for the last one has arrived, and
//! every command advances the arm by 1 ms. Without a motion the time follows the wall clock. A client needs a
//! state or two before its first command. So the first state of a motion waits at most 25 ms for that command,
//! and each further one 0.5 s. A command counts if
//! it answers a state that shows the last command, however late it comes. Each counts once, so the end of a
//! motion depends only on the commands. After `lockstep_timeout` without a command time goes on, and the
//! lost-packet rule applies. An arm that has come to rest stands still to the last bit, and a motion starts
//! only then. So the second motion of a program begins the same in each run too, however long the pause before
//! it was. If a motion waits for the arm to come to rest, the arm's time runs as fast as it can.
//!
//! # The lost-packet rule
//!
//! On the wall clock a command must answer the newest state. A command for an older state is late and is
//! dropped. In a tick without a command the motion is extrapolated with constant acceleration, within the
//! limits on velocity and position, or the last torques are used again. The twentieth such tick in a row
//! (`lost_packet_limit`) ends the motion with `communication_constraints_violation`.
//! `control_command_success_rate` is the share of the last 100 ticks that had a command. Before a motion's
//! first command no tick counts as lost, unless that command takes longer than `first_command_grace`: a
//! client first has to see the motion in a state before it can answer.
//!
//! # Modes
//!
//! - A motion's setpoints are checked against the arm's limits on position, velocity (the FR3's by position),
//!   acceleration and jerk, and torques against their range and rate. Tolerances cover the rounding of
//!   version 10's state to 32-bit floats: 0.05 rad/s² and 50 rad/s³ for velocities, 0.5 rad/s² and 500 rad/s³
//!   for positions, 1 N m/s for torques. A violation causes a reflex: error flags are set, the motion ends
//!   with `ReflexAborted`, and the arm brakes within its limits. Only `AutomaticErrorRecovery` allows the
//!   next motion.
//! - Cartesian setpoints are checked too. A pose must be a rigid transform (axes and rows of length 1 within
//!   1e-5, right angles within 2e-5, right-handed), and the motion must start within 1 mm and 1 mrad of
//!   `O_T_EE_c`. Velocity, acceleration and jerk of translation and rotation are checked by their norms
//!   (tolerances as above, in metres and radians), and the joints by all their limits. Without a command a
//!   Cartesian motion goes on with constant acceleration, too. If the joints could not follow that, the
//!   joints go on with constant acceleration instead.
//! - An asynchronous motion (version 10) has targets instead of setpoints, at any rate. The arm moves to the
//!   newest target by itself. No command counts as lost. After the last command the arm brakes, and then the
//!   motion ends.
//! - A motion must not finish at a commanded velocity that cannot be braked to zero within a millisecond
//!   (10.5 mrad/s on an FR3). Otherwise it ends with `joint_motion_generator_velocity_discontinuity`. Torque
//!   control may finish at any velocity; the arm then brakes by itself.
//! - `StopMove` brakes within the limits. It is answered when the arm is at rest, after the `Move`
//!   (`Preempted`).
//! - If the client disconnects, the arm brakes. A `Move` that arrives meanwhile starts once the arm is at
//!   rest.
//! - A command that is not a number ends the motion as `InputErrorAborted`, without a reflex.
//!
//! - `SetCollisionBehavior` sets from when external torques and the external wrench count as a contact, and
//!   from when they cause a reflex in a motion (`joint_reflex`, `cartesian_reflex`). A contact is reported
//!   while it lasts, a collision until `AutomaticErrorRecovery`.
//! - `StopMove` without a motion succeeds; in a reflex it is not possible. An unknown command number is
//!   answered as not possible. A message that cannot be framed, or one before `Connect`, ends the connection.
//!
//! - A FER serves a model library: a file that was handed in, or `model-library/fer.rs`, which the build script
//!   compiles to a shared object. A request for another type of machine than the one that built it is answered with an error.
//!
//! # The same run twice
//!
//! [`Simulator::inject_at`] injects a fault in a cycle of a motion. [`SimulatorOptions::noise`] adds noise to
//! what the arm measures: a function of the seed, the motion and the cycle, so it does not depend on how many
//! states were sent before. [`Simulator::reset`] begins the next episode over the same connection. In lockstep
//! the same program receives the same states in each run, bit by bit.
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
mod freedom;
#[cfg(test)]
mod fuzz;
mod generation;
mod hand;
mod joints;
#[doc(hidden)]
pub mod measured;
mod noise;
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
pub use noise::Noise;
pub use options::SimulatorOptions;
pub use server::arm::JointState;
pub use simulator::{Reset, Simulator};
