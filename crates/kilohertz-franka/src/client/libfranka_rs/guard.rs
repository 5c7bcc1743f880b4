//! The guard around a call of `libfranka-rs`: it catches panics and limits waits.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![allow(
    unsafe_code,
    reason = "signals to a thread are system calls; each use is argued"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::libfranka_rs::signals::{Masked, waking_signal};

/// How often the watch checks the time, and how often it interrupts a call that has taken too long.
const LOOKING: Duration = Duration::from_millis(100);
const INTERRUPTING: Duration = Duration::from_millis(10);
/// After this many interruptions the connection is ended instead.
const INTERRUPTIONS: u32 = 20;

/// How the client failed without an error. The text of its panic is not passed on, because it is written
/// for its developers.
pub(super) enum Broken {
    Panicked,
    /// It waited for too long.
    Interrupted,
    /// No thread could be started to watch it.
    NoThread(std::io::Error),
}

impl Broken {
    pub fn was_interrupted(&self) -> bool {
        matches!(self, Broken::Interrupted)
    }

    /// Returns what happened to a call, in words of this package.
    pub fn text(&self, call: &str) -> String {
        match self {
            Broken::Panicked => format!("libfranka-rs failed while {call}"),
            Broken::Interrupted => {
                format!("libfranka-rs waited too long while {call}, and was interrupted")
            }
            Broken::NoThread(error) => format!("cannot start a thread: {error}"),
        }
    }
}

thread_local! {
    /// True while the client runs on this thread: its panics are caught and not printed.
    pub(super) static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls the client under the watch. This returns whatever the client does. Panics of other code pass
/// through. `end` ends the client's connection.
pub(super) fn guarded<T>(
    end: &(dyn Fn() + Sync),
    patience: Duration,
    work: impl FnOnce(&Watch) -> T,
) -> Result<T, Broken> {
    silence_guarded_panics();
    let signal = waking_signal();
    let _masked = Masked::all_but(signal);
    let watch = Watch::new(patience);
    // SAFETY: takes no argument and cannot fail.
    let worker = unsafe { libc::pthread_self() };
    let outcome = thread::scope(|scope| {
        let watcher = thread::Builder::new()
            .name("kilohertz-calls".to_owned())
            .spawn_scoped(scope, || watch.keep(worker, signal, end))
            .map_err(Broken::NoThread)?;
        GUARDED.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&watch)));
        let at_work = GUARDED.replace(false);
        watch.over.store(true, Ordering::Release);
        watcher.thread().unpark();
        match outcome {
            Err(panic) if !at_work => Ok(Err(panic)),
            Err(_) if watch.interrupted.load(Ordering::Acquire) => Err(Broken::Interrupted),
            Err(_) => Err(Broken::Panicked),
            Ok(value) => Ok(Ok(value)),
        }
    })?;
    outcome.map_err(|panic| resume_unwind(panic))
}

/// Keeps the client's panics from standard error, because they are reported as errors.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                others(panic);
            }
        }));
    });
}

/// Ends the waits of a client that would otherwise wait forever.
pub(super) struct Watch {
    epoch: Instant,
    /// When the time limit ends, in milliseconds since `epoch`.
    due: AtomicU64,
    interrupted: AtomicBool,
    over: AtomicBool,
}

impl Watch {
    fn new(patience: Duration) -> Watch {
        Watch {
            epoch: Instant::now(),
            due: AtomicU64::new(patience.as_millis() as u64),
            interrupted: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Gives the client this long from now on.
    pub fn patience(&self, patience: Duration) {
        let due = self.epoch.elapsed().saturating_add(patience).as_millis() as u64;
        self.due.store(due, Ordering::Release);
    }

    /// Runs code that is not the client's. It has no time limit, and its panics are not caught here.
    pub fn outside<T>(&self, body: impl FnOnce() -> T) -> T {
        self.due.store(u64::MAX, Ordering::Release);
        GUARDED.set(false);
        let value = body();
        GUARDED.set(true);
        value
    }

    /// Interrupts `worker` repeatedly once its time is up, until the call is over. If that does not help,
    /// ends the connection with `end`.
    fn keep(&self, worker: libc::pthread_t, signal: libc::c_int, end: &dyn Fn()) {
        let mut left_to_interrupt = INTERRUPTIONS;
        while !self.over.load(Ordering::Acquire) {
            let now = self.epoch.elapsed().as_millis() as u64;
            let left = self.due.load(Ordering::Acquire).saturating_sub(now);
            if left > 0 {
                thread::park_timeout(Duration::from_millis(left).min(LOOKING));
                continue;
            }
            self.interrupted.store(true, Ordering::Release);
            // SAFETY: this runs on a scoped thread that `worker` joins before it leaves `guarded`,
            // so `worker` has not ended. The signal has a handler that does nothing.
            unsafe { libc::pthread_kill(worker, signal) };
            thread::park_timeout(INTERRUPTING);
            left_to_interrupt = left_to_interrupt.saturating_sub(1);
            if left_to_interrupt == 0 {
                end();
            }
        }
    }
}
