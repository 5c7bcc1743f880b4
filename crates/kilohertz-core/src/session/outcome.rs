//! How a session ended, and what happened during it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::command::chunk::ChunkFault;
use crate::limits::Violation;
use crate::robot::RobotError;

/// Why a session ended although it was not asked to. The first cause counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// The policy failed.
    PolicyFailed {
        /// The cycle in which the loop noticed it.
        tick: u64,
    },
    /// The policy's action was not allowed.
    InvalidAction {
        /// The cycle that the action was for.
        tick: u64,
        /// What was wrong with it.
        violation: Violation,
    },
    /// The policy's chunk could not be played.
    BadChunk {
        /// The cycle in which it came.
        tick: u64,
        /// What is wrong with it.
        fault: ChunkFault,
    },
    /// The policy was late for longer than its rule allows.
    TooLate {
        /// The cycle in which the loop gave up.
        tick: u64,
        /// Cycles in a row without an action, this one included.
        without_action: u32,
        /// True if the policy answered, but with nothing new.
        had_nothing: bool,
    },
    /// Catching up with the policy's actions took longer than it may, and lateness ends the session.
    Behind {
        /// The cycle in which the loop gave up.
        tick: u64,
        /// The slot that is furthest from the action.
        slot: usize,
        /// The distance, in the slot's unit.
        distance: f64,
    },
    /// In its first second the policy answered every question with nothing new.
    NoAction {
        /// The cycle in which the loop gave up.
        tick: u64,
    },
    /// The robot failed; the error is in [`Outcome::robot_error`].
    RobotFailed {
        /// The number of cycles that had started.
        tick: u64,
    },
    /// The loop thread panicked: a defect of this program or of a client library.
    Panicked {
        /// The panic's message.
        message: String,
    },
}

/// How a session ended.
pub struct Outcome {
    /// Why the session ended; `None` if it was asked to.
    pub cause: Option<Cause>,
    /// The row of the chunk whose violation is the cause, if it was a chunk.
    pub row: Option<u32>,
    /// What the robot reported, as the cause, or while it was being stopped for another cause.
    pub robot_error: Option<RobotError>,
    /// The last observations, oldest first, each preceded by its cycle's number and its time [s].
    pub last_states: Vec<f64>,
}

impl std::fmt::Debug for Outcome {
    /// Leaves the last states out: they would hide the cause.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcome")
            .field("cause", &self.cause)
            .field("robot_error", &self.robot_error)
            .finish_non_exhaustive()
    }
}

impl Outcome {
    /// Returns the outcome of a panic outside the cycles: before the first, or while the robot was dropped.
    pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Outcome {
        let message = panic_message(panic);
        Outcome {
            cause: Some(Cause::Panicked { message }),
            row: None,
            robot_error: None,
            last_states: Vec::new(),
        }
    }
}

/// Something that is reported while a session runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// The cycle in which it happened.
    pub tick: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EventKind {
    /// The first cycle without an action after one with an action: the last motion is held.
    Held,
    /// The robot is being brought to rest because no action came for too long.
    Resting,
    /// Actions are used as they come again.
    Resumed,
    /// Catching up with the policy's actions has taken
    /// [`Config::catch_up`](crate::session::Config::catch_up).
    Behind {
        /// The slot that is furthest from the action.
        slot: usize,
        /// The distance, in the slot's unit.
        distance: f64,
    },
    /// A chunk of the policy could not be played, and was left out.
    BadChunk {
        /// What is wrong with it.
        fault: ChunkFault,
    },
    /// More than a tenth of the questions of two seconds, with at least 20 questions, were answered late.
    /// Reported once.
    Late {
        /// How long those answers took: the mean, weighted by the questions that each left open. If there
        /// was a longer time without any answer, that time instead.
        took: Duration,
    },
}

crate::named! {
    /// The names of the kinds of events.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum EventName {
        /// Of [`EventKind::Held`].
        Held = "held",
        /// Of [`EventKind::Resting`].
        Resting = "resting",
        /// Of [`EventKind::Resumed`].
        Resumed = "resumed",
        /// Of [`EventKind::Behind`].
        Behind = "behind",
        /// Of [`EventKind::Late`].
        Late = "late",
        /// Of [`EventKind::BadChunk`].
        BadChunk = "badChunk",
    }
}

impl EventKind {
    /// Returns the name of the kind.
    pub const fn name(&self) -> EventName {
        match self {
            EventKind::Held => EventName::Held,
            EventKind::Resting => EventName::Resting,
            EventKind::Resumed => EventName::Resumed,
            EventKind::Behind { .. } => EventName::Behind,
            EventKind::BadChunk { .. } => EventName::BadChunk,
            EventKind::Late { .. } => EventName::Late,
        }
    }
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Runs `work` and catches its panic. State that `work` left inconsistent must not be used after that.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}
