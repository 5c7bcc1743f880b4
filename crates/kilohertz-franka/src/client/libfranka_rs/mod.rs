//! `libfranka-rs` as the client, and the guard around it.
//!
//! It is a port of libfranka 0.9 for the FER. It calls back, which fits the loop. This module corrects what
//! does not fit:
//!
//! | what it does | what is done about it |
//! | --- | --- |
//! | panics: on a host without an address, a wrong first state, a refused stop, a closed socket, NaN | `franka-rs` connects first and reports what is wrong; actions are checked; a panic is caught, kept from standard error, and returned as an error |
//! | waits forever for an answer that does not come | each wait has a limit, after which a signal interrupts it, and the client's unwrap makes that a panic. If it still waits, its connection is ended |
//! | panics when any other signal arrives | other signals are blocked on its thread |
//! | loses the reason why a motion ended if the stop after it fails | the arm is asked for its state |
//! | supports only port 1337, and only a log of at least one record | other ports are refused with an error; the log has one record |
//! | cannot be stopped from another thread | a session finishes through its callback |
//!
//! A connection on which a call has failed is not used again: the next call makes a new one. The client
//! allocates in each cycle, which cannot be changed from outside.
//!
//! ```text
//! address.rs  the addresses that it can connect to
//! convert.rs  converts its states to those of `franka-rs`
//! guard.rs    around each call: catches panics, limits waits
//! signals.rs  the signal that wakes it, and the signals that are blocked
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![cfg_attr(
    test,
    allow(
        unsafe_code,
        reason = "signals to a thread are system calls; each use is argued"
    )
)]

pub(crate) mod address;
mod convert;
mod guard;
mod signals;

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use franka::{RobotMode, RobotState};
use kilohertz_core::robot::{Flow, Tick};
use kilohertz_core::timing::time::Time;
use kilohertz_geometry::orthonormal;
use libfranka::exception::FrankaException;
use libfranka::{
    CartesianPose, CartesianVelocities, ControllerMode, JointPositions, JointVelocities,
    MAX_CUTOFF_FREQUENCY, MotionFinished, RealtimeConfig, Torques,
};

use crate::client::Connection;
use crate::client::deadline::{Due, later};
use crate::client::entrance::{Drive, Entrance};
use crate::client::libfranka_rs::convert::shared;
use crate::client::libfranka_rs::guard::{Broken, Watch, guarded};
use crate::client::source::HostSocket;
use crate::client::source::sockets::Before;
use crate::client::watchdog::{READING, REQUEST, STATE, Watchdog};
use crate::control::{Control, Impedance, Interface, leading};
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::setting::Setting;
use crate::state::offset;

/// With a log size of 0 the client panics.
const LOG_SIZE: usize = 1;

/// How long a connection may take, and how many attempts are made. An arm accepts one client at a time and
/// may still be busy with the last one.
const OPENING: Duration = Duration::from_secs(1);
const OPENINGS: u32 = 3;
const OPENING_AGAIN: Duration = OPENING.saturating_mul(OPENINGS);

/// A connection to a FER that accepts states from it only.
pub(crate) struct LibfrankaClient {
    /// The arm's end of the command socket.
    there: SocketAddr,
    /// `None` after a failure, until the next call.
    robot: Mutex<Option<libfranka::Robot>>,
    watchdog: Arc<Watchdog>,
}

impl LibfrankaClient {
    /// Connects to the arm whose command socket is `there`, and starts the watchdog of the connection.
    pub(crate) fn connect(
        there: SocketAddr,
        watchdog: Arc<Watchdog>,
        due: Instant,
    ) -> Result<LibfrankaClient, ArmError> {
        Ok(LibfrankaClient {
            there,
            robot: Mutex::new(Some(open(there, &watchdog, due)?)),
            watchdog,
        })
    }

    /// Does `work` on the connection, for at most `patience` unless `work` changes the limit.
    ///
    /// `call` names what `work` does, for errors.
    fn with<T>(
        &self,
        call: &str,
        patience: Duration,
        work: impl FnOnce(&mut libfranka::Robot, &Watch) -> Result<T, FrankaException>,
    ) -> Result<T, ArmError> {
        let mut slot = self.robot.lock().unwrap_or_else(PoisonError::into_inner);
        let mut robot = match slot.take() {
            Some(robot) => robot,
            None => open(self.there, &self.watchdog, later(OPENING_AGAIN))?,
        };
        let failed = match guarded(&|| self.watchdog.disconnect(), patience, |watch| {
            work(&mut robot, watch)
        }) {
            Ok(Ok(value)) => {
                *slot = Some(robot);
                return Ok(value);
            }
            Ok(Err(told)) => Failed::Told(told),
            Err(broken) => Failed::Broken(broken),
        };
        let why = why(&self.watchdog, robot, call, failed);
        self.watchdog.detach();
        Err(why)
    }
}

impl Drop for LibfrankaClient {
    fn drop(&mut self) {
        self.watchdog.detach();
    }
}

fn open(
    there: SocketAddr,
    watchdog: &Watchdog,
    due: Instant,
) -> Result<libfranka::Robot, ArmError> {
    let host = match there.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let mut text = "there was no time left".to_owned();
    for _ in 0..OPENINGS {
        let patience = OPENING.min(due.saturating_duration_since(Instant::now()));
        if patience.is_zero() {
            break;
        }
        let Some(before) = Before::connecting(there, due) else {
            "something else here connects to it already".clone_into(&mut text);
            break;
        };
        let end = || before.made().into_iter().for_each(|line| line.cut());
        let opening = guarded(&end, patience, |_| {
            libfranka::Robot::new(&host, RealtimeConfig::Ignore, LOG_SIZE)
        });
        let opened = opening.map_err(|broken| broken.text("connecting"));
        let opened = opened.and_then(|told| told.map_err(|error| error.to_string()));
        let heard = opened.and_then(|robot| hears_the_arm(robot, &before, watchdog, due));
        text = match heard {
            Ok(robot) => return Ok(robot),
            Err(text) => text,
        };
    }
    Err(ArmError::new(
        ArmErrorCode::ConnectFailed,
        format!("cannot connect to {host} with libfranka-rs: {text}; check the network"),
    ))
}

/// Restricts the connection that was made after `before` to the arm's states, and reads a state again: the
/// first state may have come from another sender, with a clock far ahead.
fn hears_the_arm(
    mut robot: libfranka::Robot,
    before: &Before,
    watchdog: &Watchdog,
    due: Instant,
) -> Result<libfranka::Robot, String> {
    let due = due.min(later(OPENING));
    let length = Generation::Fer.state_length();
    let line = before.made();
    let line = line.ok_or("/proc/self/fd has not one new connection to it")?;
    let socket = before.takes_states(length, due);
    let socket = socket
        .and_then(|socket| HostSocket::to(socket, line.there.ip())?.learned(length, &Due::at(due)))
        .map_err(|error| error.message)?;
    watchdog.attach(line, socket);
    let text = match guarded(&|| watchdog.disconnect(), OPENING, |_| robot.read_once()) {
        Ok(Ok(_)) => return Ok(robot),
        Ok(Err(told)) => told.to_string(),
        Err(broken) => broken.text("reading the first state"),
    };
    watchdog.detach();
    Err(text)
}

impl Connection for LibfrankaClient {
    fn state(&self) -> Result<RobotState, ArmError> {
        self.with("reading the state", READING, |robot, _| {
            let source = self.watchdog.source();
            Ok(shared(&source.emptied(|| robot.read_once())?))
        })
    }

    fn recover(&self) -> Result<(), ArmError> {
        self.with("recovering the arm", REQUEST, |robot, _| {
            robot.automatic_error_recovery()
        })
    }

    fn configure(&self, setting: &Setting) -> Result<(), ArmError> {
        let call = format!("sending {}", setting.name());
        self.with(&call, REQUEST, |robot, _| {
            configured!(robot, setting, set_EE, set_K)
        })
    }

    fn drive(&self, drive: &Drive, tick: &mut dyn Tick) -> Result<(), ArmError> {
        // This discards what the last motion left in the client's view of the arm.
        let before = self.state()?;
        let mut entrance = Entrance::new(drive, before)?;
        let driven = self.move_through(drive.interface, &mut entrance, tick);
        entrance.outcome(driven)
    }
}

impl LibfrankaClient {
    fn move_through(
        &self,
        interface: Interface,
        entrance: &mut Entrance<'_>,
        tick: &mut dyn Tick,
    ) -> Result<(), ArmError> {
        let not_finite = self.with("driving the arm", REQUEST, |robot, watch| {
            let mut tick = self.watchdog.source().driven(tick);
            let torques = Cell::new([0.0; 7]);
            let mut body = Body {
                tick: &mut tick,
                watch,
                interface,
                entrance,
                action: [0.0; Control::MOST_SLOTS],
                torques: &torques,
                not_finite: false,
            };
            // The client's own filter and limits would change what the session has decided.
            let (limited, cutoff) = (false, MAX_CUTOFF_FREQUENCY);
            // The client asks for torques after the motion of the same cycle, which has decided both.
            let behind = |_: &_, _: &_| Torques::new(torques.get());
            let controller = match interface.impedance {
                Impedance::Joint => Some(ControllerMode::JointImpedance),
                Impedance::Cartesian => Some(ControllerMode::CartesianImpedance),
                Impedance::External | Impedance::Law(_) => None,
            };
            match interface.control {
                Control::JointVelocity => {
                    let motion = |state: &_, step: &_| {
                        body.cycle(state, step, |action, _| {
                            JointVelocities::new(leading(action))
                        })
                    };
                    match controller {
                        Some(own) => robot.control_joint_velocities(motion, own, limited, cutoff),
                        None => robot
                            .control_torques_and_joint_velocities(behind, motion, limited, cutoff),
                    }
                }
                Control::JointPosition | Control::JointTarget => {
                    let motion = |state: &_, step: &_| {
                        body.cycle(state, step, |action, _| {
                            JointPositions::new(leading(action))
                        })
                    };
                    match controller {
                        Some(own) => robot.control_joint_positions(motion, own, limited, cutoff),
                        None => robot
                            .control_torques_and_joint_positions(behind, motion, limited, cutoff),
                    }
                }
                Control::CartesianVelocity => {
                    let motion = |state: &_, step: &_| {
                        body.cycle(state, step, |action, elbow| {
                            CartesianVelocities::new(leading(action), elbow)
                        })
                    };
                    match controller {
                        Some(own) => {
                            robot.control_cartesian_velocities(motion, own, limited, cutoff)
                        }
                        None => robot.control_torques_and_cartesian_velocities(
                            behind, motion, limited, cutoff,
                        ),
                    }
                }
                Control::CartesianPose | Control::CartesianTarget => {
                    // The pose is made exactly rigid, as the client requires.
                    let motion = |state: &_, step: &_| {
                        body.cycle(state, step, |action, elbow| {
                            CartesianPose::new(orthonormal(&leading(action)), elbow)
                        })
                    };
                    match controller {
                        Some(own) => robot.control_cartesian_pose(motion, own, limited, cutoff),
                        None => robot
                            .control_torques_and_cartesian_pose(behind, motion, limited, cutoff),
                    }
                }
                Control::Torque => robot.control_torques(
                    |state, step| {
                        body.cycle(state, step, |action, _| Torques::new(leading(action)))
                    },
                    limited,
                    cutoff,
                ),
            }?;
            Ok(body.not_finite)
        })?;
        if not_finite {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "an action was not finite: the motion was ended instead of commanding it",
            ));
        }
        Ok(())
    }
}

/// The loop as the client's callback.
struct Body<'a, 'b> {
    tick: &'a mut dyn Tick,
    watch: &'a Watch,
    interface: Interface,
    entrance: &'a mut Entrance<'b>,
    action: [f64; Control::MOST_SLOTS],
    /// The torques that go with the motion.
    torques: &'a Cell<[f64; 7]>,
    not_finite: bool,
}

impl Body<'_, '_> {
    fn cycle<T: MotionFinished>(
        &mut self,
        arrived: &libfranka::RobotState,
        _elapsed: &Duration,
        command: impl Fn(&[f64], Option<[f64; 2]>) -> T,
    ) -> T {
        let started = Time::now();
        let arrived = shared(arrived);
        let slots = self.interface.slots();
        let mut action = [0.0; Control::MOST_SLOTS];
        let mut flow = self.watch.outside(|| {
            self.entrance
                .cycle(self.tick, started, &arrived, &mut action[..slots])
        });
        if action.iter().all(|value| value.is_finite()) {
            self.action = action;
        } else {
            // The motion ends with its last command; for a position or a pose, with the place where the arm
            // is.
            self.not_finite = true;
            flow = Flow::Finish;
            let known = self.entrance.slots();
            let standing: &[f64] = match self.interface.control {
                Control::JointPosition | Control::JointTarget => &known[offset::q_d..][..7],
                Control::CartesianPose | Control::CartesianTarget => {
                    &known[offset::O_T_EE_c..][..16]
                }
                Control::JointVelocity | Control::CartesianVelocity | Control::Torque => &[],
            };
            self.action[..standing.len()].copy_from_slice(standing);
            if self.interface.has_elbow() && !standing.is_empty() {
                self.action[standing.len()] = known[offset::elbow_c];
            }
        }
        let (motion, behind) = self.action[..slots].split_at(self.interface.motion_slots());
        let elbow = self.entrance.elbow(motion);
        if let Some(torques) = self.entrance.torques(behind) {
            self.torques.set(torques);
        }
        self.tick.sent(Time::now());
        match flow {
            Flow::Continue => {
                self.watch.patience(STATE);
                command(motion, elbow)
            }
            Flow::Finish => {
                self.watch.patience(REQUEST);
                command(motion, elbow).motion_finished()
            }
        }
    }
}

/// Why a call on the connection failed.
enum Failed {
    /// The client returned an error.
    Told(FrankaException),
    /// The client panicked or waited for too long.
    Broken(Broken),
}

/// Returns the error that a failure means. The arm is asked, because the client often does not know.
fn why(watchdog: &Watchdog, mut robot: libfranka::Robot, call: &str, failed: Failed) -> ArmError {
    if let Failed::Told(FrankaException::CommandException { message }) = failed {
        return ArmError::new(ArmErrorCode::CommandRejected, message);
    }
    let (text, interrupted) = match &failed {
        Failed::Told(told) => (told.to_string(), false),
        Failed::Broken(broken) => (broken.text(call), broken.was_interrupted()),
    };
    let state =
        (!interrupted).then(|| guarded(&|| watchdog.disconnect(), STATE, |_| robot.read_once()));
    let Some(Ok(Ok(state))) = state else {
        return ArmError::new(
            ArmErrorCode::ConnectionLost,
            format!("the connection to the arm was lost: {text}"),
        );
    };
    let state = shared(&state);
    let aborted = |status: &str, message: String| ArmError {
        errors: state.last_motion_errors.names(),
        move_status: Some(status.to_owned()),
        ..ArmError::new(ArmErrorCode::MotionAborted, message)
    };
    match (state.robot_mode, failed) {
        (RobotMode::Reflex, _) => {
            let names = state.last_motion_errors.names().join(", ");
            let advice = "remove the cause, then call recover()";
            ArmError {
                code: ArmErrorCode::Reflex,
                ..aborted(
                    "ReflexAborted",
                    format!("the motion was aborted by a reflex: {names}; {advice}"),
                )
            }
        }
        (RobotMode::UserStopped, _) => aborted(
            "EmergencyAborted",
            "the motion was aborted: the user stop is pressed".to_owned(),
        ),
        (_, Failed::Told(FrankaException::ControlException { error, .. })) => {
            // The client gives only a text. Only the reported status depends on that text.
            let status = if error.contains("preempted") {
                "Preempted"
            } else if error.contains("invalid input") {
                "InputErrorAborted"
            } else {
                "Aborted"
            };
            aborted(status, error)
        }
        _ => ArmError::new(
            ArmErrorCode::Protocol,
            format!(
                "{text}, and the arm is in mode {:?}. The connection is made anew with the next call; look at \
                 the arm first",
                state.robot_mode
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, UdpSocket};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    use std::thread;

    use franka::wire::robot::{ConnectResponse, ConnectStatus, v5};
    use kilohertz_sim::{Fault, Generation as Kind, Simulator, SimulatorOptions};
    use zerocopy::IntoBytes;

    use super::*;
    use crate::client::libfranka_rs::address::PORT;
    use crate::client::libfranka_rs::guard::GUARDED;
    use crate::limits::ArmLimits;
    use kilohertz_core::robot::Cycle;

    /// Returns an address that no other test uses.
    fn own_host() -> Ipv4Addr {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Ipv4Addr::new(127, 30 + high % 90, low, next)
    }

    fn simulator() -> Simulator {
        Simulator::start(SimulatorOptions {
            generation: Kind::Fer,
            host: own_host().into(),
            port: PORT,
            // A stall of the test machine must not end the motion.
            lost_packet_limit: 10_000,
            ..SimulatorOptions::default()
        })
        .unwrap()
    }

    fn connect(simulator: &Simulator) -> LibfrankaClient {
        reached(simulator.address()).unwrap()
    }

    fn reached(there: SocketAddr) -> Result<LibfrankaClient, ArmError> {
        LibfrankaClient::connect(there, Arc::default(), later(REQUEST))
    }

    /// A loop that stands still until `cycle` ends it.
    struct Standing<F>(F);

    impl<F: FnMut(&mut [f64]) -> Flow> Tick for Standing<F> {
        fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
            cycle.action.fill(0.0);
            (self.0)(cycle.action)
        }

        fn sent(&mut self, _at: Time) {}

        fn is_stopping(&self) -> bool {
            false
        }

        fn distrust(&mut self) {}
    }

    fn drive(
        client: &LibfrankaClient,
        cycle: impl FnMut(&mut [f64]) -> Flow,
    ) -> Result<(), ArmError> {
        let interface = Interface {
            control: Control::JointVelocity,
            elbow: false,
            impedance: Impedance::Joint,
        };
        let drive = Drive {
            interface,
            impedance: None,
            arm: ArmLimits::fer(),
        };
        client.drive(&drive, &mut Standing(cycle))
    }

    fn for_cycles(cycles: u32) -> impl FnMut(&mut [f64]) -> Flow {
        let mut left = cycles;
        move |_| {
            left -= 1;
            if left == 0 {
                Flow::Finish
            } else {
                Flow::Continue
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_never_commanded() {
        let simulator = simulator();
        let client = connect(&simulator);
        for value in [f64::NAN, f64::INFINITY] {
            let mut cycles = 0;
            let error = drive(&client, |action| {
                cycles += 1;
                if cycles == 50 {
                    action[3] = value;
                }
                Flow::Continue
            })
            .unwrap_err();
            assert_eq!(error.code, ArmErrorCode::InvalidOperation, "{error}");
            assert_eq!(cycles, 50);
        }
        assert_eq!(simulator.counters().motions_finished, 2);
    }

    #[test]
    fn a_panic_of_somebody_else_goes_on_and_the_next_motion_is_possible() {
        let simulator = simulator();
        let client = connect(&simulator);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            drive(&client, |_| panic!("not the client's"))
        }));
        let panic = panic.expect_err("it goes on");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"not the client's"));
        assert!(!GUARDED.get());
        drive(&client, for_cycles(20)).unwrap();
    }

    #[test]
    fn signals_to_its_thread_do_not_end_a_motion() {
        extern "C" fn nothing(_signal: libc::c_int) {}
        // SAFETY: all-zero bytes are a valid sigaction, and the handler does nothing.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as libc::sighandler_t;
            libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut());
        }
        let simulator = simulator();
        let client = connect(&simulator);
        let over = AtomicBool::new(false);
        // SAFETY: takes no argument and cannot fail.
        let worker = unsafe { libc::pthread_self() };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    // SAFETY: `worker` joins this thread, so it has not ended.
                    unsafe { libc::pthread_kill(worker, libc::SIGUSR2) };
                    thread::sleep(Duration::from_micros(300));
                }
            });
            let driven = drive(&client, for_cycles(300));
            over.store(true, Ordering::Release);
            driven.unwrap();
        });
    }

    #[test]
    fn a_wait_that_would_never_end_ends_as_a_lost_connection() {
        let simulator = simulator();
        let client = connect(&simulator);
        let mut cycles = 0;
        let error = drive(&client, |_| {
            cycles += 1;
            if cycles == 50 {
                simulator.inject(Fault::Freeze).unwrap();
            }
            Flow::Continue
        })
        .unwrap_err();
        assert_eq!(error.code, ArmErrorCode::ConnectionLost, "{error}");
        assert!(client.robot.lock().unwrap().is_none());
    }

    #[test]
    fn a_connection_is_made_anew_after_a_failure() {
        let simulator = simulator();
        let client = connect(&simulator);
        let mut cycles = 0;
        let error = drive(&client, |_| {
            cycles += 1;
            if cycles == 20 {
                simulator.inject(Fault::UserStop(true)).unwrap();
            }
            Flow::Continue
        })
        .unwrap_err();
        assert_eq!(error.code, ArmErrorCode::MotionAborted, "{error}");
        assert_eq!(error.move_status.as_deref(), Some("EmergencyAborted"));
        assert!(error.message.contains("user stop"), "{error}");
        simulator.inject(Fault::UserStop(false)).unwrap();
        assert_eq!(client.state().unwrap().robot_mode, RobotMode::Idle);
        drive(&client, for_cycles(20)).unwrap();
        assert_eq!(simulator.counters().clients, 2);
    }

    /// Starts a server that answers every `Connect` as a FER does, and then sends `state` repeatedly.
    fn server_of(state: Vec<u8>) -> Ipv4Addr {
        use std::io::{Read, Write};
        let host = own_host();
        let listener = TcpListener::bind((host, PORT)).unwrap();
        thread::spawn(move || {
            while let Ok((mut client, peer)) = listener.accept() {
                let mut request = [0; 16];
                if client.read_exact(&mut request).is_err() {
                    continue;
                }
                let port = u16::from_le_bytes([request[14], request[15]]);
                let response = ConnectResponse::new(ConnectStatus::Success, 5);
                let mut answer = request[..8].to_vec();
                answer.extend_from_slice(&15_u32.to_le_bytes());
                answer.extend_from_slice(response.as_bytes());
                let _ = client.write_all(&answer);
                let udp = UdpSocket::bind((host, 0)).unwrap();
                for _ in 0..100 {
                    let _ = udp.send_to(&state, (peer.ip(), port));
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        host
    }

    #[test]
    fn what_the_client_panics_with_is_caught_and_not_told() {
        let broken = guarded(&|| {}, REQUEST, |_| -> u32 {
            panic!("called `Option::unwrap()` on a `None` value")
        })
        .expect_err("it panics");
        assert_eq!(
            broken.text("sending Set Load"),
            "libfranka-rs failed while sending Set Load"
        );
        assert!(!broken.was_interrupted());
        let mut nonsense = v5::RobotState::default().as_bytes().to_vec();
        nonsense.fill(0xff);
        let error = reached((server_of(nonsense), PORT).into())
            .err()
            .expect("no arm");
        for words in ["unwrap", "panick", "Result::", "called `"] {
            assert!(!error.message.contains(words), "{error}");
        }
        assert!(error.message.contains("while"), "{error}");
    }

    #[test]
    fn a_first_state_that_is_none_is_an_error() {
        let mut nonsense = v5::RobotState::default().as_bytes().to_vec();
        nonsense.fill(0xff);
        let short = v5::RobotState::default().as_bytes()[..100].to_vec();
        for state in [nonsense, short] {
            let refused = reached((server_of(state), PORT).into());
            let error = refused.err().expect("no arm");
            assert_eq!(error.code, ArmErrorCode::ConnectFailed, "{error}");
        }
    }
}
