//! The Franka Hand: a server of its own beside the arm's, the same for both generations.
//!
//! It talks through `franka-rs`'s wire types, and waits by looking rather than by blocking: a wait of
//! `franka-rs`'s own gripper has no end where the hand falls silent, and keeps a stop out while it
//! lasts. No loop thread is involved: sessions go on beside it.

#![warn(clippy::indexing_slicing)]

pub(crate) mod answers;

use std::io::{self, ErrorKind};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use franka::wire::gripper::{
    GRIPPER_COMMAND_PORT, GRIPPER_VERSION, GraspRequest, GripperCommand, GripperCommandResponse,
    GripperConnectRequest, GripperConnectResponse, GripperConnectStatus, GripperMoveRequest,
    GripperState as WireState, GripperStatus,
};
use franka::wire::{HeaderLayout, parse_response};
use franka::{FrankaError, GripperState};
use kilohertz_core::limits::exceeds;
use kilohertz_core::number::{number, number_beside};
use kilohertz_core::session::roll::Place;
use zerocopy::{FromBytes, IntoBytes};

use crate::client::bridge::reached;
use crate::client::source::{Hearing, HostEar};
use crate::error::{ArmError, ArmErrorCode};
use crate::hand::answers::Answers;

/// Openings \[m\]: the fingers open by 80 mm (data sheet), give or take a calibration.
pub const WIDTHS: RangeInclusive<f64> = 0.0..=0.1;
/// The highest speed [m/s]: 50 mm/s for each finger (data sheet).
pub const MAX_SPEED: f64 = 0.1;
/// The highest force \[N\]: for a moment; 70 N lasting (data sheet).
pub const MAX_FORCE: f64 = 140.0;

/// No fingers are said to be further apart \[m\].
const WIDEST: f64 = 1.0;

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(2);
/// A hand sends some 60 states a second; who is silent for this long is gone.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a state may take: as long as libfranka waits for one.
const STATE_PATIENCE: Duration = Duration::from_secs(1);
/// How long closing waits for a motion to stop.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// How long a command that was stopped has for taking its answer then.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// How to connect to a hand.
#[derive(Debug, Clone)]
pub struct HandOptions {
    /// How long connecting may take.
    pub timeout: Duration,
    /// The hand's port; `None` is the one after the arm's, 1338 where the address has none.
    pub port: Option<u16>,
    /// How long a command may take beyond its motion. A hand has been seen to press against what was
    /// in its way for 100 s before it answered.
    pub command_timeout: Duration,
}

impl Default for HandOptions {
    /// 5 s, the port after the arm's, 180 s.
    fn default() -> HandOptions {
        HandOptions {
            timeout: Duration::from_secs(5),
            port: None,
            command_timeout: Duration::from_secs(180),
        }
    }
}

/// Something that moves the fingers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HandCommand {
    /// Finds out how far the fingers open.
    Homing,
    /// Moves the fingers.
    Move {
        /// To this opening \[m\], one of [`WIDTHS`].
        width: f64,
        /// As fast as this [m/s], above 0 to [`MAX_SPEED`].
        speed: f64,
    },
    /// Closes the fingers on an object and presses.
    Grasp {
        /// How wide the object is \[m\], one of [`WIDTHS`].
        width: f64,
        /// As fast as this [m/s], above 0 to [`MAX_SPEED`].
        speed: f64,
        /// How hard \[N\], above 0 to [`MAX_FORCE`].
        force: f64,
        /// How much narrower it may turn out to be \[m\].
        epsilon_inner: f64,
        /// How much wider \[m\].
        epsilon_outer: f64,
    },
}

impl HandCommand {
    const fn name(&self) -> &'static str {
        match self {
            HandCommand::Homing => "homing",
            HandCommand::Move { .. } => "the move",
            HandCommand::Grasp { .. } => "the grasp",
        }
    }

    fn check(&self) -> Result<(), ArmError> {
        let refused = |what: &str, value: f64, from: &str, to: f64, unit: &str| {
            let value = number_beside(value, &[0.0, to]);
            let to = number(to);
            Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                format!("{what} of the hand is {value} {unit}; expected {from} to {to} {unit}"),
            ))
        };
        let width_of = |what: &str, value: f64| match WIDTHS.contains(&value) {
            true => Ok(()),
            false => refused(what, value, "0", *WIDTHS.end(), "m"),
        };
        let above_zero =
            |what: &str, value: f64, to: f64, unit: &str| match value > 0.0 && value <= to {
                true => Ok(()),
                false => refused(what, value, "above 0", to, unit),
            };
        match *self {
            HandCommand::Homing => Ok(()),
            HandCommand::Move { width, speed } => {
                width_of("the width", width)?;
                above_zero("the speed", speed, MAX_SPEED, "m/s")
            }
            HandCommand::Grasp {
                width,
                speed,
                force,
                epsilon_inner,
                epsilon_outer,
            } => {
                width_of("the width", width)?;
                above_zero("the speed", speed, MAX_SPEED, "m/s")?;
                above_zero("the force", force, MAX_FORCE, "N")?;
                width_of("the inner epsilon", epsilon_inner)?;
                width_of("the outer epsilon", epsilon_outer)
            }
        }
    }

    /// How long the fingers are on their way at most.
    fn motion(&self) -> Duration {
        match *self {
            HandCommand::Homing => Duration::ZERO,
            HandCommand::Move { speed, .. } | HandCommand::Grasp { speed, .. } => {
                Duration::try_from_secs_f64(WIDTHS.end() / speed).unwrap_or(Duration::MAX)
            }
        }
    }
}

/// A connected hand. Every call but [`Hand::begin`] blocks; one command runs at a time, and
/// [`Hand::stop`], [`Hand::state`] and [`Hand::close`] are possible beside it.
#[derive(Debug)]
pub struct Hand {
    link: Mutex<Option<Arc<Link>>>,
    hearing: Arc<Hearing>,
    command_timeout: Duration,
    server_version: u16,
}

impl Hand {
    /// Connects to the hand of the arm at `address` (`host` or `host:port`, as for
    /// [`Arm::connect`](crate::Arm::connect)).
    ///
    /// # Errors
    /// What the hand or the network answered; [`ArmErrorCode::ConnectTimeout`] where nothing did.
    pub fn connect(address: &str, options: &HandOptions) -> Result<Hand, ArmError> {
        let (host, port) = place(address, options.port)?;
        let (report, reported) = mpsc::channel();
        let (target, wanted) = (host.clone(), options.clone());
        // Looking up a host's address has no limit of its own.
        thread::Builder::new()
            .name("kilohertz-connect".to_owned())
            .spawn(move || {
                let _ = report.send(Hand::connect_here(&target, port, &wanted));
            })
            .map_err(|error| {
                ArmError::new(
                    ArmErrorCode::ConnectFailed,
                    format!("cannot start a thread: {error}"),
                )
            })?;
        let patience = options.timeout.saturating_add(LOOK * 100);
        reported
            .recv_timeout(patience)
            .unwrap_or_else(|_| Err(no_answer(&host, port, options.timeout)))
    }

    fn connect_here(host: &str, port: u16, wanted: &HandOptions) -> Result<Hand, ArmError> {
        let give_up = later(wanted.timeout);
        let failed = |error: io::Error| connecting(host, port, &error);
        let socket = reached(&at(host, port), port, give_up).map_err(failed)?;
        let hand = socket.peer_addr().map_err(failed)?.ip();
        let states = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?;
        states.set_nonblocking(true).map_err(failed)?;
        // Before anything comes to it.
        let ear = HostEar::to(states.try_clone().map_err(failed)?.into(), hand)?;
        let states_port = states.local_addr().map_err(failed)?.port();
        let link = Link::new(Answers::on(socket).map_err(failed)?, states);
        let request = GripperConnectRequest::new(GRIPPER_VERSION, states_port);
        let id = link.send(GripperCommand::Connect, request.as_bytes())?;
        let late = || no_answer(host, port, wanted.timeout);
        let message = loop {
            if let Some(message) = link.received(id)? {
                break message;
            }
            link.pause(give_up, late)?;
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
            link.pause(give_up, late)?;
        };
        link.hearing.of(ear.at(source)?);
        Ok(Hand {
            hearing: Arc::clone(&link.hearing),
            link: Mutex::new(Some(Arc::new(link))),
            command_timeout: wanted.command_timeout,
            server_version,
        })
    }

    /// The version of the hand's protocol: 3.
    pub fn server_version(&self) -> u16 {
        self.server_version
    }

    /// Whether the connection was closed.
    pub fn is_closed(&self) -> bool {
        lock(&self.link).is_none()
    }

    /// Whether a command runs.
    pub fn is_busy(&self) -> bool {
        let link = lock(&self.link).clone();
        link.is_some_and(|link| link.busy.load(Ordering::Acquire))
    }

    /// How many datagrams came to the socket for the hand's states from somebody else, since it was
    /// connected to. None of them was seen by anything here. Some may be missing: after seconds in which
    /// nobody used the hand they cannot be told from states that found no room. Does not
    /// block.
    pub fn foreign_datagrams(&self) -> u64 {
        self.hearing.foreign()
    }

    fn link(&self) -> Result<Arc<Link>, ArmError> {
        lock(&self.link).clone().ok_or_else(closed)
    }

    /// Closes and opens the fingers as far as they go, and so finds out the widest opening; whether
    /// that was possible. Needed after the fingers were changed.
    ///
    /// # Errors
    /// As [`HandMotion::finish`].
    pub fn homing(&self) -> Result<bool, ArmError> {
        self.begin(HandCommand::Homing)?.finish()
    }

    /// Moves the fingers to an opening \[m\] at a speed [m/s]; whether they got there.
    ///
    /// # Errors
    /// As [`HandMotion::finish`].
    pub fn move_to(&self, width: f64, speed: f64) -> Result<bool, ArmError> {
        self.begin(HandCommand::Move { width, speed })?.finish()
    }

    /// Makes a command the one that runs, without sending it yet: the order of this call and of
    /// [`Hand::stop`] decides, not that of the threads which carry them out. Does not block.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidOperation`] where another command runs, a number is out of its range,
    /// or the hand was closed.
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
            link,
            command,
            stops_before,
            patience,
        })
    }

    /// Ends the command that runs, and lets go of what is held. A command that was begun and not
    /// yet sent will not be.
    ///
    /// # Errors
    /// [`ArmErrorCode::ConnectionLost`] where the hand is gone, [`ArmErrorCode::CommandRejected`]
    /// where it refuses, [`ArmErrorCode::CommandTimeout`] where it does not answer.
    pub fn stop(&self) -> Result<(), ArmError> {
        self.link()?.stop(self.command_timeout)
    }

    /// The state of the hand now. Blocks until the next one comes: some 16 ms.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`] where no hand can be as it says,
    /// [`ArmErrorCode::ConnectionLost`] where none comes within a second.
    pub fn state(&self) -> Result<GripperState, ArmError> {
        let link = self.link()?;
        let before = link.listen()?.count;
        let give_up = later(STATE_PATIENCE);
        loop {
            let heard = link.listen()?;
            if let (Some(state), true) = (heard.state, heard.count > before) {
                return believed(state);
            }
            drop(heard);
            link.answers.go_on().map_err(|error| link.lost(error))?;
            link.pause(give_up, || silent(STATE_PATIENCE))?;
        }
    }

    /// Stops a command that runs, then closes the connection. What is held stays held.
    pub fn close(&self) {
        let Some(link) = lock(&self.link).take() else {
            return;
        };
        if link.busy.load(Ordering::Acquire) {
            let _ = link.stop(CLOSING_PATIENCE);
            // Whoever waits for the command finds its answer before the connection is gone.
            let give_up = later(LAST_ANSWER);
            while link.busy.load(Ordering::Acquire) && Instant::now() < give_up {
                thread::sleep(LOOK);
            }
        }
        link.closed.store(true, Ordering::Release);
        link.answers.end();
        link.hearing.end();
    }
}

/// A state, where a hand can be so.
fn believed(state: GripperState) -> Result<GripperState, ArmError> {
    for (field, width) in [("width", state.width), ("max_width", state.max_width)] {
        if exceeds(width.abs(), WIDEST) {
            return Err(ArmError::new(
                ArmErrorCode::Protocol,
                format!(
                    "{field} of the hand's state is {} m; expected -{1} to {1} m. Check \
                     the hand in Desk, and that nobody else sends to this host, and connect again",
                    number_beside(width, &[WIDEST]),
                    number(WIDEST)
                ),
            ));
        }
    }
    Ok(state)
}

/// A command on its way. Dropping it without [`HandMotion::finish`] does nothing to the hand.
#[derive(Debug)]
pub struct HandMotion {
    place: Option<Arc<Place>>,
    link: Arc<Link>,
    command: HandCommand,
    stops_before: u64,
    patience: Duration,
}

impl HandMotion {
    /// Gives the command a place on the roll, whose stop stops the hand.
    #[must_use]
    pub fn at(mut self, place: Arc<Place>) -> HandMotion {
        self.place = Some(place);
        self
    }

    /// Sends the command and waits for its end: whether homing was possible, the fingers got there,
    /// or an object is held. Blocks.
    ///
    /// # Errors
    /// [`ArmErrorCode::CommandAborted`] where it was stopped, [`ArmErrorCode::CommandRejected`] where
    /// it failed, [`ArmErrorCode::ConnectionLost`] where the hand is gone or silent,
    /// [`ArmErrorCode::CommandTimeout`] where it does not answer.
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
                // What became of it is in the command's own answer.
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

/// The newest state.
#[derive(Debug)]
struct Heard {
    at: Instant,
    count: u64,
    state: Option<GripperState>,
    source: Option<SocketAddr>,
}

/// An open connection. No lock of it is held for longer than a look at a socket, or a write to it.
#[derive(Debug)]
struct Link {
    answers: Answers,
    states: UdpSocket,
    hearing: Arc<Hearing>,
    heard: Mutex<Heard>,
    busy: AtomicBool,
    /// Commands and stops go out one after the other.
    door: Mutex<()>,
    /// How often a stop went out.
    stops: AtomicU64,
    closed: AtomicBool,
}

impl Link {
    fn new(answers: Answers, states: UdpSocket) -> Link {
        Link {
            answers,
            states,
            hearing: Arc::default(),
            heard: Mutex::new(Heard {
                at: Instant::now(),
                count: 0,
                state: None,
                source: None,
            }),
            busy: AtomicBool::new(false),
            door: Mutex::new(()),
            stops: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    fn send(&self, command: GripperCommand, payload: &[u8]) -> Result<u32, ArmError> {
        let sent = self.answers.ask(command, payload);
        sent.map_err(|error| self.lost(error))
    }

    /// The message that answers a request, if it is there.
    fn received(&self, id: u32) -> Result<Option<Vec<u8>>, ArmError> {
        self.answers.to(id).map_err(|error| self.lost(error))
    }

    /// Takes in the states that have come.
    fn listen(&self) -> Result<MutexGuard<'_, Heard>, ArmError> {
        let mut heard = lock(&self.heard);
        self.hearing.emptied(|| self.take_in(&mut heard))?;
        Ok(heard)
    }

    fn take_in(&self, heard: &mut Heard) -> Result<(), ArmError> {
        let mut bytes = [0; size_of::<WireState>() + 1];
        loop {
            let (length, source) = match self.states.recv_from(&mut bytes) {
                Ok(came) => came,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.lost(FrankaError::Network(error.to_string()))),
            };
            let datagram = bytes.get(..length).unwrap_or_default();
            if let Ok(state) = WireState::read_from_bytes(datagram) {
                heard.at = Instant::now();
                heard.count = heard.count.saturating_add(1);
                heard.state = Some(GripperState::from(&state));
                heard.source = Some(source);
            }
        }
    }

    /// The answer to a request; `look` is called again and again until it is there.
    fn answer(
        &self,
        id: u32,
        patience: Duration,
        mut look: impl FnMut(),
    ) -> Result<GripperStatus, ArmError> {
        let give_up = later(patience);
        loop {
            look();
            if let Some(message) = self.received(id)? {
                let answer: GripperCommandResponse =
                    parse_response(HeaderLayout::Gripper, &message)?;
                return GripperStatus::from_u16(answer.status.get()).ok_or_else(|| {
                    ArmError::new(
                        ArmErrorCode::Protocol,
                        "the hand answered with a status that does not exist",
                    )
                });
            }
            if self.listen()?.at.elapsed() > SILENCE {
                self.answers.end();
                return Err(silent(SILENCE));
            }
            self.pause(give_up, || {
                ArmError::new(
                    ArmErrorCode::CommandTimeout,
                    format!(
                        "the hand sends its states but did not answer a command within \
                         {} s, and may still move: stop() it, or connect anew",
                        number(patience.as_secs_f64())
                    ),
                )
            })?;
        }
    }

    fn stop(&self, patience: Duration) -> Result<(), ArmError> {
        let id = {
            let _door = lock(&self.door);
            self.stops.fetch_add(1, Ordering::AcqRel);
            self.send(GripperCommand::Stop, &[])?
        };
        match self.answer(id, patience, || {})? {
            GripperStatus::Success => Ok(()),
            status => Err(ArmError::new(
                ArmErrorCode::CommandRejected,
                format!(
                    "the hand did not stop, and may still move: it answered {status:?}. Press the user stop \
                     where it does"
                ),
            )),
        }
    }

    /// Between two looks; an error where it is over.
    fn pause(&self, give_up: Instant, late: impl FnOnce() -> ArmError) -> Result<(), ArmError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        if Instant::now() >= give_up {
            return Err(late());
        }
        thread::sleep(LOOK);
        Ok(())
    }

    fn lost(&self, error: FrankaError) -> ArmError {
        match error {
            _ if self.closed.load(Ordering::Acquire) => closed(),
            FrankaError::Network(text) => ArmError::new(
                ArmErrorCode::ConnectionLost,
                format!("the connection to the hand was lost: {text}. Connect to it again"),
            ),
            other => other.into(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment that is never too far away to be one.
pub(crate) fn later(by: Duration) -> Instant {
    let now = Instant::now();
    let years = Duration::from_secs(1_000_000_000);
    now.checked_add(by.min(years)).unwrap_or(now)
}

fn closed() -> ArmError {
    ArmError::new(
        ArmErrorCode::InvalidOperation,
        "the hand was closed: connect again with FrankaHand.connect",
    )
}

fn aborted(name: &str) -> ArmError {
    ArmError::new(
        ArmErrorCode::CommandAborted,
        format!("{name} was stopped before its end"),
    )
}

/// What a hand means that refuses a command, by its newest state.
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

fn silent(after: Duration) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectionLost,
        format!(
            "the hand has been silent for {} s: check the network, and that no firewall keeps \
             UDP away. Connect to it again",
            number(after.as_secs_f64())
        ),
    )
}

fn no_answer(host: &str, port: u16, timeout: Duration) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectTimeout,
        format!(
            "{} did not answer as a Franka Hand within {} s: check the network, that a hand is \
             mounted and set up in Desk, and that no firewall keeps UDP away",
            at(host, port),
            number(timeout.as_secs_f64())
        ),
    )
}

fn connecting(host: &str, port: u16, error: &io::Error) -> ArmError {
    let place = at(host, port);
    match error.kind() {
        ErrorKind::ConnectionRefused => ArmError::new(
            ArmErrorCode::ConnectRefused,
            format!(
                "{place} refused the connection: check the address, that a Franka Hand is mounted \
                 and set up in Desk, and that FCI is activated"
            ),
        ),
        ErrorKind::TimedOut => ArmError::new(
            ArmErrorCode::ConnectTimeout,
            format!("{place} did not answer in time: check the network ({error})"),
        ),
        _ => ArmError::new(
            ArmErrorCode::ConnectFailed,
            format!("cannot connect to the hand at {place}: {error}"),
        ),
    }
}

/// Host and port of the hand that belongs to the arm at `address`.
fn place(address: &str, port: Option<u16>) -> Result<(String, u16), ArmError> {
    let (host, of_arm) = if let Ok(socket) = address.parse::<SocketAddr>() {
        (socket.ip().to_string(), Some(socket.port()))
    } else if address.parse::<IpAddr>().is_ok() {
        (address.to_owned(), None)
    } else if let Some((host, Ok(port))) = address
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()))
    {
        (host.to_owned(), Some(port))
    } else {
        (address.to_owned(), None)
    };
    let next = match (port, of_arm) {
        (Some(port), _) => Some(port),
        (None, Some(of_arm)) => of_arm.checked_add(1),
        (None, None) => Some(GRIPPER_COMMAND_PORT),
    };
    next.map(|port| (host, port)).ok_or_else(|| {
        ArmError::new(
            ArmErrorCode::ConnectFailed,
            format!(
                "{address} has no port after it, where the hand would be: give the hand's port"
            ),
        )
    })
}

fn at(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_is_where_its_arm_is_on_the_next_port() {
        let found = |address| place(address, None).unwrap();
        assert_eq!(found("172.16.0.2"), ("172.16.0.2".into(), 1338));
        assert_eq!(found("172.16.0.2:1337"), ("172.16.0.2".into(), 1338));
        assert_eq!(found("robot.local"), ("robot.local".into(), 1338));
        assert_eq!(found("robot.local:4000"), ("robot.local".into(), 4001));
        assert_eq!(found("::1"), ("::1".into(), 1338));
        assert_eq!(found("[::1]:1337"), ("::1".into(), 1338));
        assert_eq!(at("::1", 1338), "[::1]:1338");
        assert_eq!(place("robot:5", Some(9)).unwrap(), ("robot".into(), 9));
        assert!(place("robot:65535", None).is_err());
    }

    #[test]
    fn numbers_out_of_their_range_are_refused_by_name() {
        let grasp = |width, speed, force, epsilon_inner, epsilon_outer| HandCommand::Grasp {
            width,
            speed,
            force,
            epsilon_inner,
            epsilon_outer,
        };
        grasp(0.04, 0.1, 140.0, 0.0, 0.1).check().unwrap();
        for (command, named) in [
            (grasp(-1e-9, 0.1, 20.0, 0.0, 0.0), "width"),
            (grasp(f64::NAN, 0.1, 20.0, 0.0, 0.0), "width"),
            (grasp(0.04, 0.0, 20.0, 0.0, 0.0), "speed"),
            (grasp(0.04, 0.11, 20.0, 0.0, 0.0), "speed"),
            (grasp(0.04, 0.1, 0.0, 0.0, 0.0), "force"),
            (grasp(0.04, 0.1, f64::INFINITY, 0.0, 0.0), "force"),
            (grasp(0.04, 0.1, 20.0, -0.001, 0.0), "inner"),
            (grasp(0.04, 0.1, 20.0, 0.0, f64::NAN), "outer"),
        ] {
            let error = command.check().unwrap_err();
            assert_eq!(error.code, ArmErrorCode::InvalidOperation);
            assert!(error.message.contains(named), "{error}");
        }
    }

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
