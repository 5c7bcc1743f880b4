//! The Franka Hand. It has its own server beside the arm's, and is the same for both generations.
//!
//! This uses the wire types of `franka-rs`, and waits by polling instead of blocking. A wait in
//! `franka-rs`'s own gripper never ends if the hand falls silent, and it blocks a stop while it lasts. No
//! loop thread is involved: sessions continue while a hand is used.
//!
//! ```text
//! address.rs  the address of a hand, and the errors of connecting to it
//! command.rs  the commands that move the fingers, and their ranges
//! follower.rs  a hand that follows what a policy wants of it
//! link.rs     an open connection: what is sent and answered, and the newest state
//! answers.rs  the answers of a hand: bounded in size, and only to open requests
//! ```

#![warn(clippy::indexing_slicing)]

pub(crate) mod address;
pub(crate) mod answers;
pub(crate) mod command;
pub mod follower;
pub(crate) mod link;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use franka::GripperState;
use franka::wire::gripper::{
    GRIPPER_VERSION, GraspRequest, GripperCommand, GripperConnectRequest, GripperConnectResponse,
    GripperConnectStatus, GripperMoveRequest, GripperStatus,
};
use franka::wire::{HeaderLayout, parse_response};
use kilohertz_core::limits::exceeds;
use kilohertz_core::number::{number, number_beside};
use kilohertz_core::session::roll::Place;
use kilohertz_core::shortage::advice;
use zerocopy::IntoBytes;

use crate::arm::connect::outcome;
use crate::client::bridge::reached;
use crate::client::deadline::{Due, GiveUp, later};
use crate::client::source::{HostSocket, StateSource};
use crate::error::{ArmError, ArmErrorCode};
use crate::hand::address::{Place as HandPlace, at, connecting, no_answer, place};
use crate::hand::answers::Answers;
use crate::hand::link::{LOOK, Link, closed, lock, silent};

pub use crate::hand::command::{HandCommand, MAX_FORCE, MAX_SPEED, WIDTHS};

/// The largest opening that a state may report \[m\].
const WIDEST: f64 = 1.0;

/// How long to wait for a state, as in libfranka.
const STATE_PATIENCE: Duration = Duration::from_secs(1);
/// How long closing waits until a motion has stopped.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// How long the thread of a stopped command has to take its answer before the connection closes.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Options of a connection to a hand.
#[derive(Debug, Clone)]
pub struct HandOptions {
    /// How long connecting may take.
    pub timeout: Duration,
    /// The hand's port. `None` means the port after the arm's: 1338 if the address has no port.
    pub port: Option<u16>,
    /// How long a command may take beyond the time of its motion. In one case a hand pressed against an
    /// obstacle for 100 s before it answered.
    pub command_timeout: Duration,
    /// Ends the attempt to connect.
    pub give_up: GiveUp,
}

impl Default for HandOptions {
    /// 5 s, the port after the arm's, 180 s.
    fn default() -> HandOptions {
        HandOptions {
            timeout: Duration::from_secs(5),
            port: None,
            command_timeout: Duration::from_secs(180),
            give_up: GiveUp::default(),
        }
    }
}

/// A connected hand. Every call except [`Hand::begin`] blocks. One command runs at a time; [`Hand::stop`],
/// [`Hand::state`] and [`Hand::close`] may be called while it runs.
#[derive(Debug)]
pub struct Hand {
    link: Mutex<Option<Arc<Link>>>,
    source: Arc<StateSource>,
    command_timeout: Duration,
    server_version: u16,
    arm: SocketAddr,
}

impl Hand {
    /// Connects to the hand of the arm at `address` (`host` or `host:port`, as for
    /// [`Arm::connect`](crate::Arm::connect)).
    ///
    /// # Errors
    /// Returns what the hand or the network answered; [`ArmErrorCode::ConnectTimeout`] if nothing answered.
    pub fn connect(address: &str, options: &HandOptions) -> Result<Hand, ArmError> {
        let HandPlace { host, port, of_arm } = place(address, options.port)?;
        let (report, reported) = mpsc::channel();
        let (target, wanted) = (host.clone(), options.clone());
        // Resolving a host name has no time limit of its own.
        thread::Builder::new()
            .name("kilohertz-connect".to_owned())
            .spawn(move || {
                let _ = report.send(Hand::connect_here(&target, port, of_arm, &wanted));
            })
            .map_err(|error| {
                ArmError::new(
                    ArmErrorCode::ConnectFailed,
                    format!("cannot start a thread: {error}{}", advice(&error)),
                )
            })?;
        outcome(&reported, options.timeout, &options.give_up)
            .unwrap_or_else(|| Err(no_answer(&host, port, options.timeout)))
    }

    fn connect_here(
        host: &str,
        port: u16,
        of_arm: u16,
        wanted: &HandOptions,
    ) -> Result<Hand, ArmError> {
        let due = Due {
            at: later(wanted.timeout),
            give_up: wanted.give_up.clone(),
        };
        let failed = |error: io::Error| connecting(host, port, &error);
        let socket = reached(&at(host, port), port, &due).map_err(failed)?;
        let hand = socket.peer_addr().map_err(failed)?.ip();
        let states = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?;
        states.set_nonblocking(true).map_err(failed)?;
        // This comes before any datagram can arrive at the socket.
        let state_socket = HostSocket::to(states.try_clone().map_err(failed)?.into(), hand)?;
        let states_port = states.local_addr().map_err(failed)?.port();
        let link = Link::new(Answers::on(socket).map_err(failed)?, states);
        let request = GripperConnectRequest::new(GRIPPER_VERSION, states_port);
        let id = link.send(GripperCommand::Connect, request.as_bytes())?;
        let late = || no_answer(host, port, wanted.timeout);
        let message = loop {
            if let Some(message) = link.received(id)? {
                break message;
            }
            link.pause(&due, late)?;
        };
        let answer: GripperConnectResponse = parse_response(HeaderLayout::Gripper, &message)?;
        let server_version = answer.version.get();
        match GripperConnectStatus::from_u16(answer.status.get()) {
            Some(GripperConnectStatus::Success) => {}
            Some(GripperConnectStatus::IncompatibleLibraryVersion) => {
                return Err(ArmError::new(
                    ArmErrorCode::IncompatibleVersion,
                    format!(
                        "the hand at {} speaks version {server_version} of its protocol; version \
                         {GRIPPER_VERSION} is expected. Update the robot's system image, or use the \
                         kilohertz release for it",
                        at(host, port)
                    ),
                ));
            }
            None => {
                return Err(ArmError::new(
                    ArmErrorCode::Protocol,
                    format!("{} answered as no Franka Hand does", at(host, port)),
                ));
            }
        }
        let source = loop {
            if let Some(SocketAddr::V4(source)) = link.listen()?.source {
                break source;
            }
            link.pause(&due, late)?;
        };
        link.source.of(state_socket.at(source)?);
        Ok(Hand {
            source: Arc::clone(&link.source),
            link: Mutex::new(Some(Arc::new(link))),
            command_timeout: wanted.command_timeout,
            server_version,
            arm: SocketAddr::new(hand, of_arm),
        })
    }

    /// Returns the version of the hand's protocol, which is 3.
    pub fn server_version(&self) -> u16 {
        self.server_version
    }

    /// Returns the address of the arm that the hand belongs to.
    pub fn arm(&self) -> SocketAddr {
        self.arm
    }

    /// Returns true if the connection was closed.
    pub fn is_closed(&self) -> bool {
        lock(&self.link).is_none()
    }

    /// Returns true if a command is running.
    pub fn is_busy(&self) -> bool {
        let link = lock(&self.link).clone();
        link.is_some_and(|link| link.busy.load(Ordering::Acquire))
    }

    /// Returns how many datagrams other senders have sent to the socket for the hand's states since the
    /// connection was made. No code here read any of them. The count may be too low: after seconds in which
    /// the hand was not used, such datagrams cannot be told from states for which the queue had no room.
    /// Does not block.
    pub fn foreign_datagrams(&self) -> u64 {
        self.source.foreign()
    }

    fn link(&self) -> Result<Arc<Link>, ArmError> {
        lock(&self.link).clone().ok_or_else(closed)
    }

    /// Closes and opens the fingers as far as they go, to find the widest opening. Returns true if that was
    /// possible. Needed after the fingers were changed.
    ///
    /// # Errors
    /// See [`HandMotion::finish`].
    pub fn homing(&self) -> Result<bool, ArmError> {
        self.begin(HandCommand::Homing)?.finish()
    }

    /// Moves the fingers to an opening \[m\] at a speed [m/s]. Returns true if they got there.
    ///
    /// # Errors
    /// See [`HandMotion::finish`].
    pub fn move_to(&self, width: f64, speed: f64) -> Result<bool, ArmError> {
        self.begin(HandCommand::Move { width, speed })?.finish()
    }

    /// Registers a command as the running one, without sending it yet. So the order of this call and of
    /// [`Hand::stop`] counts, and not the order in which their threads run. Does not block.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidOperation`] if another command is running, a number is out of its range, or
    /// the hand was closed.
    pub fn begin(&self, command: HandCommand) -> Result<HandMotion, ArmError> {
        command.check()?;
        let link = self.link()?;
        let stops_before = link.stops.load(Ordering::Acquire);
        if link.busy.swap(true, Ordering::AcqRel) {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "the hand is busy with another command: wait for its end, or stop() it",
            ));
        }
        let patience = self.command_timeout.saturating_add(command.motion());
        Ok(HandMotion {
            place: None,
            over: None,
            link,
            command,
            stops_before,
            patience,
        })
    }

    /// Ends the running command, and releases the object that is held. A command that was begun but not
    /// sent yet is never sent.
    ///
    /// # Errors
    /// [`ArmErrorCode::ConnectionLost`] if the connection to the hand is lost,
    /// [`ArmErrorCode::CommandRejected`] if the hand refuses, [`ArmErrorCode::CommandTimeout`] if it does
    /// not answer.
    pub fn stop(&self) -> Result<(), ArmError> {
        self.link()?.stop(self.command_timeout)
    }

    /// Returns the present state of the hand. Blocks until the next state comes: about 16 ms.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`] if no hand can be in the reported state, [`ArmErrorCode::ConnectionLost`]
    /// if no state comes within a second.
    pub fn state(&self) -> Result<GripperState, ArmError> {
        let link = self.link()?;
        let before = link.listen()?.count;
        let due = Due::at(later(STATE_PATIENCE));
        loop {
            let heard = link.listen()?;
            if let (Some(state), true) = (heard.state, heard.count > before) {
                return believed(state);
            }
            drop(heard);
            link.answers.go_on().map_err(|error| link.lost(error))?;
            link.pause(&due, || silent(STATE_PATIENCE))?;
        }
    }

    /// Returns the newest state that has come, if that was within the last second. Does not wait for one.
    pub fn newest(&self) -> Option<GripperState> {
        let link = lock(&self.link).clone()?;
        let heard = link.listen().ok()?;
        let state = heard
            .state
            .filter(|_| heard.at.elapsed() < STATE_PATIENCE)?;
        believed(state).ok()
    }

    /// Stops a running command, then closes the connection. The hand keeps holding an object that it holds.
    ///
    /// # Errors
    /// Those of [`Hand::stop`], if a running command could not be stopped. The connection is closed all the same.
    pub fn close(&self) -> Result<(), ArmError> {
        let Some(link) = lock(&self.link).take() else {
            return Ok(());
        };
        let mut stopped = Ok(());
        if link.busy.load(Ordering::Acquire) {
            stopped = link.stop(CLOSING_PATIENCE);
            // The thread that waits for the command must get its answer before the connection closes.
            let give_up = later(LAST_ANSWER);
            while link.busy.load(Ordering::Acquire) && Instant::now() < give_up {
                thread::sleep(LOOK);
            }
        }
        link.closed.store(true, Ordering::Release);
        link.answers.end();
        link.source.end();
        stopped
    }
}

/// Returns the state if a hand can be in it, and an error otherwise.
fn believed(state: GripperState) -> Result<GripperState, ArmError> {
    for (field, width) in [("width", state.width), ("max_width", state.max_width)] {
        if exceeds(width.abs(), WIDEST) {
            return Err(ArmError::new(
                ArmErrorCode::Protocol,
                format!(
                    "{field} of the hand's state is {} m; expected -{1} to {1} m. Check \
                     the hand in Desk, and that no other host sends to this one, and connect again",
                    number_beside(width, &[WIDEST]),
                    number(WIDEST)
                ),
            ));
        }
    }
    Ok(state)
}

/// A command that was begun. Dropping it without [`HandMotion::finish`] does nothing to the hand.
#[derive(Debug)]
pub struct HandMotion {
    place: Option<Arc<Place>>,
    over: Option<Arc<AtomicBool>>,
    link: Arc<Link>,
    command: HandCommand,
    stops_before: u64,
    patience: Duration,
}

impl HandMotion {
    /// Gives the command a place on the roll. A stop of that place stops the hand.
    #[must_use]
    pub fn at(mut self, place: Arc<Place>) -> HandMotion {
        self.place = Some(place);
        self
    }

    /// Stops the hand, too, once `over` is true.
    #[must_use]
    pub(crate) fn until(mut self, over: Arc<AtomicBool>) -> HandMotion {
        self.over = Some(over);
        self
    }

    /// Sends the command and waits for its end. Returns true if homing was possible, the fingers got there,
    /// or an object is held. Blocks.
    ///
    /// # Errors
    /// [`ArmErrorCode::CommandAborted`] if the command was stopped, [`ArmErrorCode::CommandRejected`] if it
    /// failed, [`ArmErrorCode::ConnectionLost`] if the connection is lost or the hand is silent,
    /// [`ArmErrorCode::CommandTimeout`] if the hand does not answer.
    pub fn finish(self) -> Result<bool, ArmError> {
        let link = &*self.link;
        let name = self.command.name();
        let id = {
            let _door = lock(&link.door);
            if let Some(place) = &self.place {
                place.drives();
            }
            if link.stops.load(Ordering::Acquire) != self.stops_before || self.is_to_end() {
                return Err(aborted(name));
            }
            self.send()?
        };
        let mut is_stopped = false;
        let status = link.answer(id, self.patience, || {
            if self.is_to_end() && !std::mem::replace(&mut is_stopped, true) {
                // The command's own answer shows what became of it.
                let _ = link.stop(CLOSING_PATIENCE);
            }
        });
        match status? {
            GripperStatus::Success => Ok(true),
            GripperStatus::Unsuccessful => Ok(false),
            GripperStatus::Aborted => Err(aborted(name)),
            GripperStatus::Fail => Err(refused(name, lock(&link.heard).state)),
        }
    }

    fn is_to_end(&self) -> bool {
        let place = self.place.as_ref();
        place.is_some_and(|place| place.stop().load(Ordering::Acquire))
            || self
                .over
                .as_ref()
                .is_some_and(|over| over.load(Ordering::Acquire))
    }

    fn send(&self) -> Result<u32, ArmError> {
        match self.command {
            HandCommand::Homing => self.link.send(GripperCommand::Homing, &[]),
            HandCommand::Move { width, speed } => {
                let request = GripperMoveRequest::new(width, speed);
                self.link.send(GripperCommand::Move, request.as_bytes())
            }
            HandCommand::Grasp {
                width,
                speed,
                force,
                epsilon_inner,
                epsilon_outer,
            } => {
                let request = GraspRequest::new(width, epsilon_inner, epsilon_outer, speed, force);
                self.link.send(GripperCommand::Grasp, request.as_bytes())
            }
        }
    }
}

impl Drop for HandMotion {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.rests();
        }
        self.link.busy.store(false, Ordering::Release);
    }
}

fn aborted(name: &str) -> ArmError {
    ArmError::new(
        ArmErrorCode::CommandAborted,
        format!("{name} was stopped before its end"),
    )
}

/// Returns the error for a hand that refuses a command, with its newest state.
fn refused(name: &str, now: Option<GripperState>) -> ArmError {
    let place = match now {
        None => "it has sent no state".to_owned(),
        Some(state) => format!(
            "its fingers are now {} m open of {} m, and {} is grasped",
            number(state.width),
            number(state.max_width),
            if state.is_grasped {
                "something"
            } else {
                "nothing"
            }
        ),
    };
    ArmError::new(
        ArmErrorCode::CommandRejected,
        format!(
            "{name} failed: the hand refused it; {place}. Call stop() to let go of what is held; after a change \
             of the fingers, or where they stop short, call homing()"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_width_is_believed_that_no_hand_has() {
        let state = GripperState {
            width: 0.04,
            max_width: 0.08,
            is_grasped: false,
            temperature: 30,
            time: franka::Duration::from_millis(1),
        };
        assert!(believed(state).is_ok());
        for wrong in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, 1.1] {
            for (field, state) in [
                (
                    "width",
                    GripperState {
                        width: wrong,
                        ..state
                    },
                ),
                (
                    "max_width",
                    GripperState {
                        max_width: wrong,
                        ..state
                    },
                ),
            ] {
                let error = believed(state).unwrap_err();
                assert_eq!(error.code, ArmErrorCode::Protocol);
                assert!(error.message.starts_with(field), "{error}");
            }
        }
    }

    #[test]
    fn a_refusal_says_how_the_fingers_stand_and_what_to_do() {
        let state = GripperState {
            width: 0.020_000_001,
            max_width: 0.08,
            is_grasped: true,
            temperature: 30,
            time: franka::Duration::from_millis(0),
        };
        let error = refused("the grasp", Some(state));
        assert_eq!(error.code, ArmErrorCode::CommandRejected);
        for words in [
            "the grasp failed",
            "0.02 m open of 0.08 m",
            "something is grasped",
            "homing()",
        ] {
            assert!(error.message.contains(words), "{words}: {error}");
        }
        assert!(refused("homing", None).message.contains("no state"));
    }
}
