//! An open connection to a hand: what is sent, what is answered, and the newest state.

#![warn(clippy::indexing_slicing)]

use std::io::ErrorKind;
use std::mem::size_of;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use franka::wire::gripper::{
    GripperCommand, GripperCommandResponse, GripperState as WireState, GripperStatus,
};
use franka::wire::{HeaderLayout, parse_response};
use franka::{FrankaError, GripperState};
use kilohertz_core::number::number;
use zerocopy::FromBytes;

use crate::client::deadline::{Due, later};
use crate::client::source::StateSource;
use crate::error::{ArmError, ArmErrorCode};
use crate::hand::answers::Answers;

/// How often a wait checks for an answer.
pub(super) const LOOK: Duration = Duration::from_millis(2);
/// A hand sends about 60 states a second. If it sends nothing for this long, the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(3);

/// The newest state of the hand.
#[derive(Debug)]
pub(super) struct Heard {
    pub at: Instant,
    pub count: u64,
    pub state: Option<GripperState>,
    pub source: Option<SocketAddr>,
}

/// An open connection. Its locks are held only for short, non-blocking reads and writes of a socket.
#[derive(Debug)]
pub(super) struct Link {
    pub answers: Answers,
    states: UdpSocket,
    pub source: Arc<StateSource>,
    pub heard: Mutex<Heard>,
    pub busy: AtomicBool,
    /// Held while a command or a stop is sent, so that they go out one after the other.
    pub door: Mutex<()>,
    /// How many stops were sent.
    pub stops: AtomicU64,
    pub closed: AtomicBool,
}

impl Link {
    pub fn new(answers: Answers, states: UdpSocket) -> Link {
        Link {
            answers,
            states,
            source: Arc::default(),
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

    pub fn send(&self, command: GripperCommand, payload: &[u8]) -> Result<u32, ArmError> {
        let sent = self.answers.ask(command, payload);
        sent.map_err(|error| self.lost(error))
    }

    /// Returns the message that answers request `id`, if it has come.
    pub fn received(&self, id: u32) -> Result<Option<Vec<u8>>, ArmError> {
        self.answers.to(id).map_err(|error| self.lost(error))
    }

    /// Takes in the states that have come.
    pub fn listen(&self) -> Result<MutexGuard<'_, Heard>, ArmError> {
        let mut heard = lock(&self.heard);
        self.source.emptied(|| self.take_in(&mut heard))?;
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

    /// Waits for the answer to request `id`. `look` is called repeatedly until the answer has come.
    pub fn answer(
        &self,
        id: u32,
        patience: Duration,
        mut look: impl FnMut(),
    ) -> Result<GripperStatus, ArmError> {
        let due = Due::at(later(patience));
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
            self.pause(&due, || {
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

    pub fn stop(&self, patience: Duration) -> Result<(), ArmError> {
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

    /// Pauses between two checks. Returns an error if the connection was closed or `due` has passed.
    pub fn pause(&self, due: &Due, late: impl FnOnce() -> ArmError) -> Result<(), ArmError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        if due.is_over() {
            return Err(late());
        }
        thread::sleep(LOOK);
        Ok(())
    }

    pub fn lost(&self, error: FrankaError) -> ArmError {
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn closed() -> ArmError {
    ArmError::new(
        ArmErrorCode::InvalidOperation,
        "the hand was closed: connect again with FrankaHand.connect",
    )
}

pub(super) fn silent(after: Duration) -> ArmError {
    ArmError::new(
        ArmErrorCode::ConnectionLost,
        format!(
            "the hand has been silent for {} s: check the network, and that no firewall keeps \
             UDP away. Connect to it again",
            number(after.as_secs_f64())
        ),
    )
}
