//! Why a session ended, for its files and for who is shown it. JavaScript tells it, with the code and the words of its
//! error, once the robot is stopped. If it does not, because it is blocked or its thread is gone, what the loop knows is
//! used.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kilohertz_core::command::chunk::ChunkFault;
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::robot::RobotError;
use kilohertz_core::session::roll::{self, AskedBy, Place};
use kilohertz_core::session::{Cause, Config, Outcome, Session};
use kilohertz_franka::ArmError;
use kilohertz_record::live::{LateReason, Reason};

use crate::error::Code;

/// How long JavaScript may take to say that it will tell why a session ended: it is blocked if it takes longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take to tell it, because it stops the robot first: the slowest robot or policy takes 6 s.
const TELL_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take if the end of the process waits for the files.
const HURRIED_LIMIT: Duration = Duration::from_millis(100);
/// How often it is looked whether the end of the process waits for them.
const LOOK: Duration = Duration::from_millis(10);

/// Why a session ended, from the end of its loop on.
pub struct Ending {
    told: Mutex<Told>,
    changed: Condvar,
    /// What the files have of it.
    reason: LateReason,
    place: Option<Arc<Place>>,
    run_for: Option<Duration>,
}

/// What JavaScript has told.
#[derive(Default)]
struct Told {
    reason: Option<Reason>,
    /// True once JavaScript has said that it will tell.
    is_expected: bool,
    /// True if there is nobody left who could.
    is_gone: bool,
}

impl Ending {
    /// Creates it for a session that runs with `config`.
    pub fn new(config: &Config) -> Ending {
        Ending {
            told: Mutex::default(),
            changed: Condvar::new(),
            reason: LateReason::default(),
            place: config.place.clone(),
            run_for: config.run_for,
        }
    }

    /// Returns what is set once the files may know why the session ended.
    pub fn reason(&self) -> LateReason {
        Arc::clone(&self.reason)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.changed.notify_all();
    }

    /// Notes that JavaScript knows that the loop has ended, and will tell why.
    pub fn expect(&self) {
        self.change(|told| told.is_expected = true);
    }

    /// Takes from JavaScript why the session ended.
    pub fn tell(&self, reason: Reason) {
        self.change(|told| told.reason = Some(reason));
    }

    /// Notes that the thread of JavaScript is gone.
    pub fn abandon(&self) {
        self.change(|told| told.is_gone = true);
    }

    /// Waits until JavaScript has told why the session ended, and lets the files know it. Call this when the loop has
    /// ended.
    pub fn settle(&self, ended: &Session) {
        let since = Instant::now();
        let mut told = self.told();
        loop {
            let limit = match *told {
                Told { is_gone: true, .. } => Duration::ZERO,
                _ if roll::hurries() => HURRIED_LIMIT,
                Told {
                    is_expected: true, ..
                } => TELL_LIMIT,
                _ => ANSWER_LIMIT,
            };
            let left = limit.saturating_sub(since.elapsed());
            if told.reason.is_some() || left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(told, left.min(LOOK));
            (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let reason = told.reason.clone();
        let reason = reason.unwrap_or_else(|| self.known(ended, told.is_gone));
        // The cell is empty: only this code writes it, once.
        let _ = self.reason.set(reason);
    }

    /// Returns why the session ended, in the words of JavaScript if it has told it by now.
    pub fn newest(&self, ended: &Session) -> Reason {
        let told = self.told();
        let newest = told.reason.as_ref().or_else(|| self.reason.get()).cloned();
        newest.unwrap_or_else(|| self.known(ended, told.is_gone))
    }

    /// Returns what is known here.
    fn known(&self, ended: &Session, is_gone: bool) -> Reason {
        let outcome = ended.outcome();
        if let Some(outcome) = outcome
            && let Some(cause) = &outcome.cause
        {
            return error(code_of(cause, outcome.robot_error.as_ref()), words(outcome));
        }
        let place = self.place.as_deref();
        if let Some(signal) = place.and_then(Place::signal) {
            let name = signal_name(signal);
            let text = format!("the session was ended by {name}, and is at rest");
            return error(Code::SessionInterrupted.as_str(), Some(text));
        }
        let is_asked = place.is_some_and(|place| place.stop().load(Ordering::SeqCst));
        let text = match (place.and_then(Place::asked_by), self.run_for) {
            (Some(AskedBy::Page), _) => "a stop was pressed on a page".to_owned(),
            (Some(AskedBy::Interrupt), _) => {
                "Ctrl+C was pressed, which ends a run without durationS".to_owned()
            }
            (None, _) if is_gone => "the thread of the session was ended".to_owned(),
            (None, Some(run_for)) if !is_asked => {
                format!("its time was over: durationS is {}", run_for.as_secs_f64())
            }
            (None, _) => "the session was asked to end".to_owned(),
        };
        Reason {
            code: String::new(),
            text,
        }
    }
}

/// Returns the reason of a session that ended with an error, with the place that explains its code.
fn error(code: &str, text: Option<String>) -> Reason {
    let text = text.unwrap_or_default();
    Reason {
        code: code.to_owned(),
        text: format!("{text} (docs/errors.md#{})", code.to_lowercase()),
    }
}

/// Says in words why a session ended; `None` if it was asked to. JavaScript tells it with its advice, once it runs
/// again.
pub fn words(outcome: &Outcome) -> Option<String> {
    let words = match outcome.cause.as_ref()? {
        Cause::PolicyFailed { .. } => "the policy failed; the robot was brought to rest",
        Cause::InvalidAction { .. } => "an action was refused; the robot was brought to rest",
        Cause::BadChunk { .. } => "a chunk of actions was refused; the robot was brought to rest",
        Cause::TooLate { .. } => "the policy was too late; the robot was brought to rest",
        Cause::Behind { .. } => {
            "the robot did not catch up with the policy, and was brought to rest"
        }
        Cause::NoAction { .. } => {
            "the policy has not given an action; the robot was brought to rest"
        }
        Cause::RobotFailed { .. } => "the robot failed",
        Cause::Panicked { .. } => {
            "the loop failed: a defect of this program; the robot stops by itself"
        }
    };
    Some(match &outcome.robot_error {
        Some(error) => format!("{words}: {error}"),
        None => words.to_owned(),
    })
}

/// Returns the code of the error that `lib/session/run.ts` makes of a cause. Whatever failed in JavaScript has that of
/// a policy: only JavaScript knows more.
fn code_of(cause: &Cause, robot_error: Option<&RobotError>) -> &'static str {
    match cause {
        Cause::PolicyFailed { .. } => "POLICY_THREW",
        Cause::InvalidAction { violation, .. } => match violation.kind {
            ViolationKind::NotFinite => "ACTION_NOT_FINITE",
            ViolationKind::Frame => "ACTION_FRAME",
            _ => "ACTION_LIMIT",
        },
        Cause::BadChunk { fault, .. } => match fault {
            ChunkFault::Empty => "CHUNK_EMPTY",
            ChunkFault::Malformed { .. } => "ACTION_TYPE",
            ChunkFault::Frame { .. } => "ACTION_FRAME",
            ChunkFault::TooLong { .. } => "CHUNK_LENGTH",
            ChunkFault::Step { .. } => "CHUNK_STEP",
            ChunkFault::NotFinite { .. } => "ACTION_NOT_FINITE",
            ChunkFault::Future { .. } | ChunkFault::Backwards { .. } => "CHUNK_TIME",
            ChunkFault::Seam { .. } => "CHUNK_SEAM",
        },
        Cause::TooLate { .. } => "POLICY_LATE",
        Cause::Behind { .. } => "POLICY_BEHIND",
        Cause::NoAction { .. } => "ACTION_TYPE",
        Cause::RobotFailed { .. } => {
            let arm = robot_error.and_then(|error| error.downcast_ref::<ArmError>());
            arm.map_or(Code::Robot.as_str(), |error| error.code.as_str())
        }
        Cause::Panicked { .. } => "INTERNAL",
    }
}

/// Returns the name of a signal that programs are ended by, or its number.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTSTP => "SIGTSTP",
        libc::SIGTTIN => "SIGTTIN",
        libc::SIGTTOU => "SIGTTOU",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGIO => "SIGIO",
        libc::SIGSYS => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
