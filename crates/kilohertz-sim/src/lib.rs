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
//!             TCP                                                    UDP
//!   client ─wire.rs▶ session.rs ──request.rs──▶ ┌─────────────┐ ◀──────── client's command
//!          ◀─wire.rs (tokio)    ◀────reply───── │  server.rs  │
//!                                               │ (own thread)│ state.rs ─wire.rs▶ next state
//!   Simulator::inject ──────fault.rs──────────▶ └──────┬──────┘
//!   Simulator::joints, counters ◀──counters.rs─────────┤   pace.rs: when the next tick is
//!                                                      ▼
//!                        control_box.rs: modes, replies, one tick of a millisecond
//!                          │ motion.rs: limits, lost-packet rule → violation.rs: error flags
//!                          │ reference.rs: braking
//!                          ▼
//!                        arm.rs: impedance control or the client's torques, saturation
//!                          │ payload.rs: what hangs on the flange
//!                          ▼
//!                        dynamics.rs: torques → accelerations → the next pose
//! ```
//!
//! Everything from `control_box.rs` down is pure: time passes only when it is told to tick.
//!
//! The two generations are one arm with other numbers (`generation.rs`) behind another wire format:
//! `wire/v10.rs` and `wire/v5.rs` are the only places that know the bytes.
//!
//! # Time
//!
//! A state's number is the arm's time in milliseconds, and each state is one step of 1 ms.
//!
//! *Wall clock* (the default): a tick at each absolute deadline, 1 ms apart. A deadline that the
//! machine makes the thread miss is skipped and counted (`missed_ticks`); the arm's time stands
//! still meanwhile, so that a stall of the simulator is never a loss of the client's.
//!
//! *Lockstep*: from the first command of a motion on, the next state follows the command for the
//! last one at once, and every command advances the arm by 1 ms; without a motion the wall clock
//! ticks. A command for an older state counts too, but each counts once: where a motion ends
//! depends on the commands alone. After `lockstep_timeout` without a command time goes on, and
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
//! - A motion that finishes at more commanded velocity than can be shed within a millisecond
//!   (10.5 mrad/s on an FR3) is a `joint_motion_generator_velocity_discontinuity`. Torque control
//!   may finish at any speed; the arm then brakes by itself.
//! - `StopMove` brakes within the limits and is answered at rest, after the `Move` (`Preempted`).
//! - A client that vanishes leaves an arm that brakes. A `Move` that arrives meanwhile starts once
//!   the arm is at rest.
//! - A command that is not a number ends the motion as `InputErrorAborted`, without a reflex.
//!
//! # Known differences from a real arm
//!
//! - No Cartesian motion generators: their `Move` is refused as not possible. The Cartesian impedance
//!   controller is accepted for joint motions and behaves as the joint impedance controller.
//! - Nothing touches the arm: contacts, collisions and external wrenches are zero, thresholds of
//!   `SetCollisionBehavior` are checked and have no effect, and `tau_ext_hat_filtered` shows the hard
//!   stops alone. Nobody guides it by hand. Self-collision and Cartesian limits are not watched.
//! - In torque control gravity is compensated and friction is not, where a real arm compensates part
//!   of it. Start with `friction: false` for an ideally compensated arm.
//! - Joints are rigid: `theta` is `q`. Friction and armature are those of MuJoCo's FR3 for both arms,
//!   not a measured arm's.
//!   Sensors are free of noise and delay. Accelerometers read zero.
//! - The load of `SetLoad` is also what hangs on the flange; a wrong load cannot be declared.
//! - `tau_J_range_violation` watches the commanded torques without gravity; motors saturate at 87 and
//!   12 N m with gravity included.
//! - The numbers behind start-pose (1 mrad), velocity (2 mrad/s) and measured-velocity (0.2 rad/s)
//!   tolerances are this simulator's. The hard stops are 0.05 rad behind the limits.
//! - `StopMove` without a motion succeeds; in a reflex it is not possible. A command number that
//!   does not exist is answered as not possible; a message that cannot be framed, or one before
//!   `Connect`, ends the connection.
//! - Version 5: `SetFilters` is checked and filters nothing, every virtual wall is switched off, and
//!   no model library is served.
//! - A second client is disconnected at once. There is no hand.
//! - The user stop is released at once, without brakes to open.

#![forbid(unsafe_code)]

mod arm;
mod control_box;
mod counters;
mod dynamics;
mod error;
mod fault;
#[cfg(test)]
mod fuzz;
mod generation;
mod motion;
mod options;
mod pace;
mod payload;
mod reference;
mod request;
mod server;
mod session;
mod simulator;
mod state;
mod violation;
mod way;
mod wire;

pub use counters::Counters;
pub use error::SimulatorError;
pub use fault::Fault;
pub use generation::Generation;
pub use options::SimulatorOptions;
pub use server::JointState;
pub use simulator::Simulator;
