//! When the next cycle of a robot without a clock of its own is due. Pure: time is passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::num::NonZeroU64;
use std::time::Duration;

use crate::timing::time::{Time, nanos};

/// A deadline, and how many deadlines were missed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When the next cycle starts.
    pub deadline: Time,
    /// Deadlines that passed before the previous cycle had finished. They are skipped.
    pub missed: u64,
}

/// Deadlines at a fixed rate from a fixed start.
///
/// Every deadline is computed from the start, in whole nanoseconds, so no error accumulates.
#[derive(Debug, Clone)]
pub struct Pacer {
    start: Time,
    period_ns: NonZeroU64,
    taken: u64,
}

impl Pacer {
    /// Creates a schedule whose first deadline is `start`, with one more every `period`.
    ///
    /// # Panics
    /// Panics if `period` is zero.
    pub fn new(start: Time, period: Duration) -> Pacer {
        Pacer {
            start,
            period_ns: NonZeroU64::new(nanos(period)).expect("a pacer needs a period above zero"),
            taken: 0,
        }
    }

    /// Returns the first deadline that is not before `now` and was not returned yet.
    ///
    /// Deadlines before `now` are missed: they are counted, and not made up for.
    pub fn next(&mut self, now: Time) -> Due {
        let first_after = nanos(now.since(self.start)).div_ceil(self.period_ns.get());
        let index = self.taken.max(first_after);
        let missed = index.saturating_sub(self.taken);
        self.taken = index.saturating_add(1);
        let since_start = index.saturating_mul(self.period_ns.get());
        Due {
            deadline: self.start + Duration::from_nanos(since_start),
            missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ms: f64) -> Time {
        Time::from_nanos((1e9 + ms * 1e6) as u64)
    }

    #[test]
    fn hands_out_every_deadline_once_when_on_time() {
        let mut pacer = Pacer::new(at(0.0), MS);
        for tick in 0..10_000 {
            let due = pacer.next(at(f64::from(tick) - 0.3));
            assert_eq!(
                due,
                Due {
                    deadline: at(f64::from(tick)),
                    missed: 0
                }
            );
        }
    }

    #[test]
    fn skips_and_counts_what_passed_while_a_cycle_ran() {
        let mut pacer = Pacer::new(at(0.0), MS);
        assert_eq!(pacer.next(at(0.0)).deadline, at(0.0));
        assert_eq!(
            pacer.next(at(3.5)),
            Due {
                deadline: at(4.0),
                missed: 3
            }
        );
        assert_eq!(
            pacer.next(at(4.1)),
            Due {
                deadline: at(5.0),
                missed: 0
            }
        );
    }

    #[test]
    fn keeps_the_phase_after_a_stall() {
        let mut pacer = Pacer::new(at(0.0), MS);
        let mut missed = 0;
        let mut now = at(0.0);
        let mut taken = 0;
        for step in 0..1_000_u32 {
            let due = pacer.next(now);
            taken += 1;
            missed += due.missed;
            let stall = if step % 100 == 7 { 25.4 } else { 0.4 };
            now = due.deadline + Duration::from_secs_f64(stall / 1e3);
        }
        let last = pacer.next(now);
        assert_eq!(last.deadline, at((taken + missed + last.missed) as f64));
        assert_eq!(missed + last.missed, 250);
    }

    #[test]
    fn does_not_drift_at_a_rate_without_a_whole_period() {
        let mut pacer = Pacer::new(at(0.0), Duration::from_secs_f64(1.0 / 333.3));
        let mut last = at(0.0);
        for _ in 0..=333_300 {
            last = pacer.next(last).deadline;
        }
        let error = last.since(at(0.0)).as_secs_f64() - 1_000.0;
        assert!(error.abs() < 1e-3, "{error} s off after 1,000 s");
    }
}
