//! How late a policy's answers were lately, and when that is reported.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::policy::Question;

/// How long lateness is watched before it is reported, how many questions that takes, and the share: more
/// than one answer in `LATE_SHARE` must be late.
const WINDOW: Duration = Duration::from_secs(2);
const LEAST_QUESTIONS: u64 = 20;
const LATE_SHARE: u64 = 10;

/// Watches how late answers are, in windows of the robot's clock.
#[derive(Debug)]
pub(super) struct Lateness {
    /// The robot's period, and the policy's period in periods of the robot.
    cycle: Duration,
    ratio: f64,
    /// How many ticks a window has, and the tick at which the present window began.
    window: u64,
    since: u64,
    /// The session's counters at the start of the window.
    asks: u64,
    lates: u64,
    /// The total time that late answers took [s], and the sum of its squares.
    took_s: f64,
    took_s2: f64,
    /// How many deadlines have passed since the last answer, and the largest such number in this window.
    open: u32,
    longest: u32,
    is_told: bool,
}

impl Lateness {
    /// Creates a watch for a robot with the period `cycle` and a policy that is asked every `ratio` cycles.
    pub fn new(cycle: Duration, ratio: f64) -> Lateness {
        Lateness {
            cycle,
            ratio,
            window: (WINDOW.as_secs_f64() / cycle.as_secs_f64()).ceil() as u64,
            since: 0,
            asks: 0,
            lates: 0,
            took_s: 0.0,
            took_s2: 0.0,
            open: 0,
            longest: 0,
            is_told: false,
        }
    }

    /// Notes that an answer came.
    #[inline]
    pub fn answered(&mut self) {
        self.open = 0;
    }

    /// Notes that a deadline has passed without an answer.
    pub fn missed(&mut self) {
        self.open = self.open.saturating_add(1);
        self.longest = self.longest.max(self.open);
    }

    /// Notes that the answer to `question` came late, at tick `clock`.
    pub fn came_late(&mut self, question: Question, clock: u64) {
        let now = self.cycle.mul_f64(clock as f64);
        let took_s = now.saturating_sub(question.time).as_secs_f64();
        self.took_s += took_s;
        self.took_s2 += took_s * took_s;
    }

    /// Returns how long late answers took, once, at the end of a window in which too many were late.
    /// `counted` returns how many questions the session has had, and how many answers were late.
    #[inline]
    pub fn watch(&mut self, clock: u64, counted: impl FnOnce() -> (u64, u64)) -> Option<Duration> {
        if self.is_told || clock.saturating_sub(self.since) < self.window {
            return None;
        }
        let (asks, lates) = counted();
        let asked = asks.saturating_sub(self.asks);
        let late = lates.saturating_sub(self.lates);
        self.is_told = asked >= LEAST_QUESTIONS && late.saturating_mul(LATE_SHARE) > asked;
        // A long answer weighs as many questions as it leaves open. The longest silence counts if it is
        // longer.
        let silent = f64::from(self.longest) * self.ratio;
        let mean_s = self.took_s2 / self.took_s.max(f64::MIN_POSITIVE);
        let took = Duration::from_secs_f64(mean_s).max(self.cycle.mul_f64(silent));
        (self.since, self.asks, self.lates) = (clock, asks, lates);
        (self.took_s, self.took_s2, self.longest) = (0.0, 0.0, 0);
        self.is_told.then_some(took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(ticks: u64) -> Question {
        Question {
            tick: ticks,
            time: MS * ticks as u32,
        }
    }

    #[test]
    fn tells_once_that_more_than_a_tenth_is_late_and_how_long_late_answers_took() {
        let mut lateness = Lateness::new(MS, 1.0);
        for tick in 0..300 {
            lateness.came_late(at(tick), tick + 5);
        }
        assert_eq!(
            lateness.watch(1_999, || (1_999, 300)),
            None,
            "the window is open"
        );
        assert_eq!(lateness.watch(2_000, || (2_000, 300)), Some(MS * 5));
        assert_eq!(
            lateness.watch(9_000, || (9_000, 9_000)),
            None,
            "it was told"
        );
    }

    #[test]
    fn says_nothing_of_few_late_answers_and_forgets_them_with_their_window() {
        let mut lateness = Lateness::new(MS, 1.0);
        assert_eq!(lateness.watch(2_000, || (2_000, 200)), None);
        assert_eq!(lateness.watch(4_000, || (4_000, 400)), None);
        assert_eq!(
            lateness.watch(6_000, || (4_019, 419)),
            None,
            "too few questions"
        );
    }

    #[test]
    fn a_policy_that_never_answers_took_as_long_as_its_silence() {
        let mut lateness = Lateness::new(MS, 20.0);
        (0..30).for_each(|_| lateness.missed());
        lateness.answered();
        (0..70).for_each(|_| lateness.missed());
        assert_eq!(lateness.watch(2_000, || (100, 100)), Some(MS * 1_400));
    }
}
