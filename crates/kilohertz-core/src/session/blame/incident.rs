//! What is known of a bad cycle from its own clock: how long it took too long, and in which phase.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::phases::Phase;
use crate::timing::time::Time;

crate::named! {
    /// What kind of incident it was.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum IncidentKind {
        /// Too long from the begin of a cycle to the begin of the next.
        LongCycle = "longCycle",
        /// An answer of the policy did not come in time.
        LateAnswer = "lateAnswer",
    }
}

/// A stretch of time; an empty one did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// When it began.
    pub from: Time,
    /// When it ended.
    pub to: Time,
}

impl Span {
    /// Returns how long it was.
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }
}

/// A bad cycle, or some in a row for which an answer was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// What kind it was.
    pub kind: IncidentKind,
    /// The cycle in which it began.
    pub tick: u64,
    /// Ticks without a cycle, for a long cycle; cycles without an answer in time, for a late answer.
    pub cycles: u64,
    /// When it began, since the first cycle.
    pub at: Duration,
    /// From the begin of the cycle to the begin of the next; from the question to the answer.
    pub whole: Span,
    /// How much longer than it should have been.
    pub excess: Duration,
    /// How far the next cycle began behind the robot's own time.
    pub behind: Duration,
    /// The parts of it, by [`Phase`].
    pub spans: [Span; Phase::COUNT],
}

impl Incident {
    /// Returns the phase that took the most too long, and when that was.
    pub fn worst(&self) -> (Phase, Span) {
        let excess_of = |phase: Phase| {
            let length = self.spans[phase as usize].length();
            // The wait for the next cycle belongs to it; only what is beyond the time of a cycle is too long.
            match phase {
                Phase::Wait => length.min(self.excess),
                _ => length,
            }
        };
        let worst = Phase::ALL
            .into_iter()
            .max_by_key(|&phase| excess_of(phase))
            .unwrap_or(Phase::Wait);
        let span = self.spans[worst as usize];
        // What was too long of the wait is its end.
        let from = match worst {
            Phase::Wait => span.from.max(span.to - self.excess),
            _ => span.from,
        };
        (worst, Span { from, to: span.to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    fn incident(excess_ms: u64, spans: &[(Phase, u64, u64)]) -> Incident {
        let mut incident = Incident {
            kind: IncidentKind::LongCycle,
            tick: 0,
            cycles: 0,
            at: Duration::ZERO,
            whole: Span::default(),
            excess: Duration::from_millis(excess_ms),
            behind: Duration::ZERO,
            spans: [Span::default(); Phase::COUNT],
        };
        for &(phase, from, to) in spans {
            incident.spans[phase as usize] = Span {
                from: at(from),
                to: at(to),
            };
        }
        incident
    }

    #[test]
    fn the_worst_phase_is_the_one_that_took_the_most_too_long() {
        let long = incident(30, &[(Phase::Policy, 0, 31), (Phase::Wait, 31, 32)]);
        assert_eq!(long.worst().0, Phase::Policy);
    }

    #[test]
    fn a_wait_that_belongs_to_the_cycle_is_not_too_long() {
        let late = incident(3, &[(Phase::Policy, 0, 5), (Phase::Wait, 5, 20)]);
        assert_eq!(late.worst().0, Phase::Policy);
        let waited = incident(8, &[(Phase::Policy, 0, 5), (Phase::Wait, 5, 20)]);
        let end = Span {
            from: at(12),
            to: at(20),
        };
        assert_eq!(waited.worst(), (Phase::Wait, end));
    }
}
