//! How late this machine wakes a thread that only sleeps: what the wait of a loop is compared with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::thread::{RealtimeReport, RealtimeRequest, block_signals, make_realtime};
use crate::timing::clock::sleep_until;
use crate::timing::pacer::Pacer;
use crate::timing::time::{Time, nanos};

/// The longest lateness that is told apart from longer ones \[ns\]: an hour.
const LONGEST: u64 = 3_600_000_000_000;

/// How late the wakes of a thread were.
#[derive(Debug)]
pub struct Wakes {
    /// How late each wake was \[ns\].
    pub lateness: Histogram<u64>,
    /// Deadlines that passed before the wake before them.
    pub missed: u64,
    /// What was asked of the system for the thread, and what it granted.
    pub realtime: RealtimeReport,
}

/// Sleeps from deadline to deadline with `clock_nanosleep` on the calling thread, one every `period`, for
/// `lasts` or until `stopped` is set. Gives the thread what `request` asks for, which it keeps.
///
/// # Panics
/// Panics if `period` is zero.
pub fn measure(
    period: Duration,
    lasts: Duration,
    request: &RealtimeRequest,
    stopped: &AtomicBool,
) -> Wakes {
    block_signals();
    let realtime = make_realtime(request);
    let mut lateness =
        Histogram::new_with_max(LONGEST, 3).expect("the bounds are constants that it accepts");
    let mut missed: u64 = 0;
    let mut now = Time::now();
    let end = now + lasts;
    let mut pacer = Pacer::new(now + period, period);
    loop {
        let due = pacer.next(now);
        if due.deadline > end || stopped.load(Ordering::Relaxed) {
            break;
        }
        missed = missed.saturating_add(due.missed);
        while now < due.deadline {
            sleep_until(due.deadline.as_nanos());
            now = Time::now();
        }
        lateness.saturating_record(nanos(now.since(due.deadline)));
    }
    Wakes {
        lateness,
        missed,
        realtime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const ORDINARY: RealtimeRequest = RealtimeRequest {
        priority: None,
        cpu: None,
        lock_memory: false,
        timer_slack: None,
    };

    #[test]
    fn each_deadline_is_a_wake_or_missed() {
        let wakes = measure(MS, 50 * MS, &ORDINARY, &AtomicBool::new(false));
        let passed = wakes.lateness.len() + wakes.missed;
        assert!(!wakes.lateness.is_empty());
        // Deadlines that passed after the last wake are not counted.
        assert!(passed <= 50, "{passed}");
        assert!(wakes.lateness.max() > 0);
    }

    #[test]
    fn a_measurement_that_is_stopped_measures_nothing_more() {
        let started = Time::now();
        let wakes = measure(MS, 3_600_000 * MS, &ORDINARY, &AtomicBool::new(true));
        assert!(wakes.lateness.is_empty());
        assert!(Time::now().since(started) < Duration::from_secs(60));
    }
}
