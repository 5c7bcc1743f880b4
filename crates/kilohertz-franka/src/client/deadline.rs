//! Points in time at which a wait ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long an attempt to connect waits before it checks whether it was given up.
const LOOKING: Duration = Duration::from_millis(20);

/// Ends an attempt to connect before its time limit, from any thread. The attempt then closes what it has opened.
#[derive(Debug, Clone, Default)]
pub struct GiveUp(Arc<AtomicBool>);

impl GiveUp {
    /// Ends the attempt. It has ended some tens of milliseconds later; only the resolution of a host name is not ended.
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The end of an attempt to connect: a moment, or earlier if it is given up.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub at: Instant,
    pub give_up: GiveUp,
}

impl Due {
    /// Returns the end of an attempt that nobody gives up.
    pub fn at(at: Instant) -> Due {
        let give_up = GiveUp::default();
        Due { at, give_up }
    }

    pub fn is_over(&self) -> bool {
        self.give_up.was_asked() || Instant::now() >= self.at
    }

    /// Returns how long to wait before [`Due::is_over`] is checked again. It is never zero, because zero would mean no
    /// limit.
    pub fn next_look(&self) -> Duration {
        left(self.at).min(LOOKING)
    }
}

/// Returns the moment `by` from now, at most about 30 years ahead.
pub(crate) fn later(by: Duration) -> Instant {
    let now = Instant::now();
    let years = Duration::from_secs(1_000_000_000);
    now.checked_add(by.min(years)).unwrap_or(now)
}

/// Returns the time left until `due`. It is never zero, because zero would mean no limit.
pub(crate) fn left(due: Instant) -> Duration {
    let left = due.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1))
}
