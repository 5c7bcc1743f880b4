//! Deadlines of the wall clock. Pure: the caller sleeps.

use std::time::{Duration, Instant};

/// One tick.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Absolute deadlines, a tick apart. Missed deadlines are skipped and not made up for.
#[derive(Debug)]
pub(crate) struct Pace {
    deadline: Instant,
}

impl Pace {
    pub fn new(now: Instant) -> Pace {
        Pace { deadline: now }
    }

    /// Returns the next deadline, and how many deadlines were skipped since the last one.
    pub fn next(&mut self, now: Instant) -> (Instant, u64) {
        self.deadline += TICK;
        let behind = now.saturating_duration_since(self.deadline);
        let skipped = (behind.as_nanos() / TICK.as_nanos()) as u64;
        self.deadline += TICK * u32::try_from(skipped).unwrap_or(u32::MAX);
        (self.deadline, skipped)
    }

    /// Restarts the deadlines: the next one is a tick after `now`.
    pub fn restart(&mut self, now: Instant) {
        self.deadline = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_do_not_drift_with_the_lateness_of_a_wake() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for tick in 1..=100 {
            let late = start + TICK * (tick - 1) + Duration::from_micros(900);
            assert_eq!(pace.next(late), (start + TICK * tick, 0));
        }
    }

    #[test]
    fn missed_deadlines_are_skipped_and_counted() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let stalled = start + Duration::from_micros(5_300);
        let (deadline, skipped) = pace.next(stalled);
        assert_eq!(skipped, 4);
        assert_eq!(deadline, start + TICK * 5);
        assert_eq!(pace.next(stalled), (start + TICK * 6, 0));
    }
}
