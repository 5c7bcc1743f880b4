//! When the policy's thread stood still for its runtime's own work: garbage collections of a policy in JavaScript.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::timing::time::Time;

/// How many of the newest pauses are kept, and how many of the longest.
const NEWEST: usize = 256;
const LONGEST: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    from: Time,
    to: Time,
}

impl Pause {
    fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// Returns how much of it lies between two times.
    fn within(self, from: Time, to: Time) -> Duration {
        self.to.min(to).since(self.from.max(from))
    }
}

#[derive(Debug, Default)]
struct Kept {
    newest: VecDeque<Pause>,
    longest: Vec<Pause>,
    count: u64,
    sum: Duration,
}

/// The newest and the longest pauses of a run. The loop thread never touches them.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<Kept>);

impl Pauses {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a pause. It may have ended some time ago.
    pub fn note(&self, from: Time, to: Time) {
        let pause = Pause { from, to };
        let mut kept = self.kept();
        kept.count = kept.count.saturating_add(1);
        kept.sum = kept.sum.saturating_add(pause.length());
        kept.longest.push(pause);
        if kept.longest.len() > LONGEST {
            kept.longest
                .sort_unstable_by_key(|pause| std::cmp::Reverse(pause.length()));
            kept.longest.truncate(LONGEST);
        }
        kept.newest.push_back(pause);
        if kept.newest.len() > NEWEST {
            kept.newest.pop_front();
        }
    }

    /// Returns how much of the time between two times was paused, as far as the pauses are kept.
    pub fn within(&self, from: Time, to: Time) -> Duration {
        let kept = self.kept();
        let sum = |pauses: &mut dyn Iterator<Item = &Pause>| {
            pauses
                .map(|pause| pause.within(from, to))
                .fold(Duration::ZERO, Duration::saturating_add)
        };
        // Each list may have pauses that the other has not, and most of the same ones.
        sum(&mut kept.newest.iter()).max(sum(&mut kept.longest.iter()))
    }

    /// Returns how many pauses there were, and how long they were together.
    pub fn total(&self) -> (u64, Duration) {
        let kept = self.kept();
        (kept.count, kept.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn a_pause_counts_as_far_as_it_lies_within_the_time() {
        let pauses = Pauses::default();
        pauses.note(at(10), at(20));
        pauses.note(at(30), at(31));
        assert_eq!(pauses.within(at(15), at(40)), Duration::from_millis(6));
        assert_eq!(pauses.within(at(21), at(29)), Duration::ZERO);
        assert_eq!(pauses.total(), (2, Duration::from_millis(11)));
    }

    #[test]
    fn the_longest_are_kept_however_many_come_after_them() {
        let pauses = Pauses::default();
        pauses.note(at(0), at(50));
        for ms in 100..2_000 {
            pauses.note(at(ms), at(ms) + Duration::from_micros(10));
        }
        assert_eq!(pauses.within(at(0), at(60)), Duration::from_millis(50));
        assert_eq!(pauses.kept().longest.len(), LONGEST);
        assert_eq!(pauses.kept().newest.len(), NEWEST);
    }
}
