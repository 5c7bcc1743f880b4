//! Points in time at which a wait ends.

use std::time::{Duration, Instant};

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
