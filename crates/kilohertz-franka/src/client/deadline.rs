//! Points in time until which something is waited for.

use std::time::{Duration, Instant};

/// A moment that is never too far away to be one.
pub(crate) fn later(by: Duration) -> Instant {
    let now = Instant::now();
    let years = Duration::from_secs(1_000_000_000);
    now.checked_add(by.min(years)).unwrap_or(now)
}

/// What is left of the time, and never nothing: that would be no limit.
pub(crate) fn left(due: Instant) -> Duration {
    let left = due.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1))
}
