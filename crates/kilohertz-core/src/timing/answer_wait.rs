//! Decides when to sleep and when to spin while waiting for an answer, from how long answers took before.
//! Pure: times are passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::timing::time::{Time, nanos};

/// How long the loop spins after the question before anything is known [ns].
const FIRST_NS: f64 = 15_000.0;
/// The loop spins for at most this share of a period for one answer, and at most this long [ns].
const MAX_SHARE: f64 = 0.2;
const MAX_NS: f64 = 200_000.0;
/// The share of answers that come before the spin begins, and the share that come before it ends.
const EARLY: f64 = 0.05;
const LATE: f64 = 0.95;
/// How far one answer moves a learnt value: by this share of the value, but at least by this much [ns].
const STEP_SHARE: f64 = 0.02;
const STEP_NS: f64 = 1_000.0;
/// Added to the usual latency, for the time between a check and the answer [ns].
const MARGIN_NS: f64 = 2_000.0;
/// The factors for the longest spin if the answer came within it, after it, or not at all.
const OF_USE: f64 = 1.05;
const TOO_SHORT: f64 = 0.97;
const IN_VAIN: f64 = 0.5;

/// How to wait for the answer to one question: sleep until the first time, spin until the second, then
/// sleep until the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitPlan {
    /// No answer is expected before this time.
    pub sleep_until: Time,
    /// After this time spinning is not worth a core.
    pub spin_until: Time,
}

/// Learns how long the answers of a policy take.
///
/// It follows a low and a high quantile of their latency, each by a stochastic approximation. A spin
/// without an answer shortens the next spins. If a policy does not answer, or needs the very core that
/// spins, the loop therefore sleeps.
#[derive(Debug, Clone)]
pub struct AnswerWait {
    early_ns: f64,
    late_ns: f64,
    budget_ns: f64,
    max_ns: f64,
    asked: Time,
    /// The cycle of the open question.
    open: Option<u64>,
}

impl AnswerWait {
    /// Creates a wait for answers to questions that are at least `period` apart. If `may_spin` is false, as
    /// on a machine with one core, it always sleeps.
    pub fn new(period: Duration, may_spin: bool) -> AnswerWait {
        let max_ns = match may_spin {
            true => (nanos(period) as f64 * MAX_SHARE).min(MAX_NS),
            false => 0.0,
        };
        AnswerWait {
            early_ns: 0.0,
            late_ns: FIRST_NS,
            budget_ns: max_ns,
            max_ns,
            asked: Time::default(),
            open: None,
        }
    }

    /// Notes that a question is asked in cycle `tick`. An open question counts as not answered.
    pub fn asked(&mut self, tick: u64, now: Time) {
        if self.open.is_some() {
            self.learn(now, IN_VAIN);
        }
        self.asked = now;
        self.open = Some(tick);
    }

    /// Returns how to wait for the answer; `lateness` is how much later than asked a sleep may end.
    pub fn plan(&self, lateness: Duration) -> WaitPlan {
        let lateness_ns = nanos(lateness) as f64;
        // A sleep that is shorter than its own lateness is left out.
        let sleep_ns = self.early_ns - lateness_ns;
        let from_ns = if sleep_ns > lateness_ns {
            sleep_ns
        } else {
            0.0
        };
        let to_ns = (self.late_ns + MARGIN_NS).min(from_ns + self.budget_ns);
        WaitPlan {
            sleep_until: self.asked + Duration::from_nanos(from_ns as u64),
            spin_until: self.asked + Duration::from_nanos(to_ns.max(from_ns) as u64),
        }
    }

    /// Notes that the answer to the question of cycle `tick` has come.
    pub fn answered(&mut self, tick: u64, now: Time, lateness: Duration) {
        if self.open != Some(tick) {
            return;
        }
        self.open = None;
        let plan = self.plan(lateness);
        let longest = plan.sleep_until + Duration::from_nanos(self.budget_ns as u64);
        let change = match now {
            now if now <= plan.spin_until => OF_USE,
            now if now <= longest => 1.0,
            _ => TOO_SHORT,
        };
        self.learn(now, change);
    }

    fn learn(&mut self, now: Time, change: f64) {
        let took_ns = nanos(now.since(self.asked)) as f64;
        let toward = |value: f64, quantile: f64| {
            let step = STEP_NS.max(value * STEP_SHARE);
            match took_ns < value {
                true => (value - step * (1.0 - quantile)).max(took_ns),
                false => (value + step * quantile).min(took_ns),
            }
        };
        self.early_ns = toward(self.early_ns, EARLY);
        self.late_ns = toward(self.late_ns, LATE);
        self.budget_ns = (self.budget_ns * change).clamp(FIRST_NS.min(self.max_ns), self.max_ns);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIOD: Duration = Duration::from_millis(1);
    const LATENESS: Duration = Duration::from_micros(5);

    fn at(us: u64) -> Time {
        Time::from_nanos(1_000_000_000 + us * 1_000)
    }

    /// Asks `times` questions, each answered after the time that `took_us` returns.
    fn taught(wait: &mut AnswerWait, times: u64, took_us: impl Fn(u64) -> Option<u64>) {
        for number in 0..times {
            let asked = number * 1_000;
            wait.asked(number, at(asked));
            if let Some(took) = took_us(number) {
                wait.answered(number, at(asked + took), LATENESS);
            }
        }
        wait.asked(times, at(times * 1_000));
    }

    #[test]
    fn an_answer_that_always_takes_as_long_is_met_spinning() {
        for took in [4, 30, 100, 250] {
            let mut wait = AnswerWait::new(PERIOD, true);
            taught(&mut wait, 5_000, |_| Some(took));
            let plan = wait.plan(LATENESS);
            let comes = wait.asked + Duration::from_micros(took);
            assert!(
                plan.sleep_until <= comes && comes <= plan.spin_until,
                "{took}: {plan:?}"
            );
            let spun = plan.spin_until.since(plan.sleep_until);
            assert!(spun <= Duration::from_micros(30), "{took}: {spun:?}");
        }
    }

    #[test]
    fn what_varies_is_met_within_its_spread() {
        let mut wait = AnswerWait::new(PERIOD, true);
        taught(&mut wait, 20_000, |number| Some(60 + (number * 7_919) % 60));
        let plan = wait.plan(LATENESS);
        let spun = plan.spin_until.since(plan.sleep_until);
        assert!(spun <= Duration::from_micros(90), "{spun:?}");
        let middle = wait.asked + Duration::from_micros(90);
        assert!(
            plan.sleep_until <= middle && middle <= plan.spin_until,
            "{plan:?}"
        );
    }

    #[test]
    fn a_policy_that_never_answers_is_soon_waited_for_asleep() {
        let mut wait = AnswerWait::new(PERIOD, true);
        taught(&mut wait, 1_000, |_| Some(100));
        taught(&mut wait, 10, |_| None);
        let plan = wait.plan(LATENESS);
        let spun = plan.spin_until.since(plan.sleep_until);
        assert!(spun <= Duration::from_micros(15), "{spun:?}");
    }

    #[test]
    fn with_one_core_nothing_is_spun() {
        let mut wait = AnswerWait::new(PERIOD, false);
        taught(&mut wait, 1_000, |_| Some(20));
        let plan = wait.plan(LATENESS);
        assert_eq!(plan.sleep_until, plan.spin_until);
    }

    #[test]
    fn an_answer_to_nothing_teaches_nothing() {
        let mut wait = AnswerWait::new(PERIOD, true);
        wait.answered(0, at(500), LATENESS);
        wait.asked(7, at(0));
        wait.answered(6, at(500), LATENESS);
        let mut untaught = AnswerWait::new(PERIOD, true);
        untaught.asked(7, at(0));
        assert_eq!(wait.plan(LATENESS), untaught.plan(LATENESS));
    }

    proptest! {
        #[test]
        fn whatever_answers_take_no_more_than_a_fifth_of_a_period_is_spun(
            period_us in 100_u64..100_000,
            took in proptest::collection::vec(proptest::option::of(0_u64..10_000_000_000), 0..200),
            lateness_us in 0_u64..100_000,
        ) {
            let period = Duration::from_micros(period_us);
            let lateness = Duration::from_micros(lateness_us);
            let mut wait = AnswerWait::new(period, true);
            let mut now = at(0);
            for (tick, took) in (0..).zip(took) {
                wait.asked(tick, now);
                let plan = wait.plan(lateness);
                prop_assert!(plan.sleep_until >= now && plan.spin_until >= plan.sleep_until);
                let most = period.mul_f64(0.2).min(Duration::from_micros(200));
                prop_assert!(plan.spin_until.since(plan.sleep_until) <= most);
                match took {
                    Some(took) => {
                        now = now + Duration::from_nanos(took);
                        wait.answered(tick, now, lateness);
                    }
                    None => now = now + period,
                }
            }
        }
    }
}
