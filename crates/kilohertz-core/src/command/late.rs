//! What happens when the policy's answer is not there in time. This is the only place that decides it.
//!
//! ```text
//! fresh action ──▶ used as it is if one cycle is enough for it, otherwise followed
//! late action  ──▶ followed within the limits     (also a fresh one after a gap, or after a lost
//!                  command, until caught up)
//! no action    ──▶ held: the robot moves on as last commanded, at most `max_held` cycles in a row
//!              ──▶ rest: the robot is brought to rest within its limits and kept there
//!              ──▶ with `OnLate::Stop`, the session ends with an error instead of waiting
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// The state of the answer that a cycle needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The answer is there, in time.
    Fresh,
    /// The answer is there, but late.
    Late {
        /// How many cycles late it is, at least 1.
        age: u64,
    },
    /// There is no answer.
    None,
}

/// What happens to a session whose policy has been late for longer than the rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLate {
    /// The session goes on: the robot rests, and when actions come again it follows them smoothly.
    #[default]
    Hold,
    /// The session ends with an error once the robot rests.
    Stop,
}

/// The rule for late answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRule {
    /// How many cycles in a row may be held. A late action that is older than this many cycles is
    /// discarded, because it answers a state that is long past.
    pub max_held: u32,
    /// What happens after that.
    pub on_late: OnLate,
}

impl LateRule {
    /// Returns true if the answer is late and too old to be used.
    pub fn is_stale(&self, arrival: Arrival) -> bool {
        matches!(arrival, Arrival::Late { age } if age > u64::from(self.max_held))
    }
}

impl Default for LateRule {
    /// Holds 20 cycles, as many as the lost commands that a Franka arm tolerates; then rest.
    fn default() -> LateRule {
        LateRule {
            max_held: 20,
            on_late: OnLate::Hold,
        }
    }
}

/// What to do in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Use the action as it is. It must be within the limits.
    Use,
    /// Approach the action as fast as the limits allow.
    Follow,
    /// Keep moving as last commanded.
    Hold,
    /// Come to rest, or stay there.
    Rest,
    /// Come to rest and end the session with an error.
    Stop,
}

/// How many fresh actions in a row must be reached before the robot counts as caught up. The jerk of a
/// position depends on the three positions before it: after this many, all of them are the policy's own.
const FITTING: u32 = 4;

/// Tracks how many actions in a row are missing, and whether the robot is in step with the policy.
#[derive(Debug, Clone)]
pub struct LateTracker {
    rule: LateRule,
    without: u32,
    /// How many more fresh actions must be reached before actions are used as they are.
    to_fit: u32,
}

impl LateTracker {
    /// Creates a tracker for the start of a session: the first action is used as it is if it comes in time.
    pub fn new(rule: LateRule) -> LateTracker {
        LateTracker {
            rule,
            without: 0,
            to_fit: 0,
        }
    }

    /// Returns what to do in a cycle whose answer has this arrival.
    pub fn step(&mut self, arrival: Arrival) -> Step {
        if arrival == Arrival::None || self.rule.is_stale(arrival) {
            self.without = self.without.saturating_add(1);
            self.lost_sync();
            return match self.rule.on_late {
                _ if self.without <= self.rule.max_held => Step::Hold,
                OnLate::Hold => Step::Rest,
                OnLate::Stop => Step::Stop,
            };
        }
        self.without = 0;
        if arrival != Arrival::Fresh {
            self.lost_sync();
        }
        if self.to_fit > 0 {
            Step::Follow
        } else {
            Step::Use
        }
    }

    /// Notes that the robot is not where it was meant to be: an answer or a command is missing, or an
    /// action is not reached yet. From now on actions are followed until the robot has caught up.
    pub fn lost_sync(&mut self) {
        self.to_fit = FITTING;
    }

    /// Notes that the fresh action that was just followed is reached.
    pub fn step_fitted(&mut self) {
        self.to_fit = self.to_fit.saturating_sub(1);
    }

    /// Notes that the action that is followed is as good as reached: fresh actions are used as they are
    /// again.
    pub fn resynced(&mut self) {
        self.to_fit = 0;
    }

    /// Returns the number of cycles in a row without a usable action.
    pub fn without_action(&self) -> u32 {
        self.without
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracker(max_held: u32, on_late: OnLate) -> LateTracker {
        LateTracker::new(LateRule { max_held, on_late })
    }

    #[test]
    fn holds_as_often_as_allowed_and_then_rests() {
        let mut tracker = tracker(3, OnLate::Hold);
        assert_eq!(tracker.step(Arrival::Fresh), Step::Use);
        for _ in 0..3 {
            assert_eq!(tracker.step(Arrival::None), Step::Hold);
        }
        for _ in 0..1_000 {
            assert_eq!(tracker.step(Arrival::None), Step::Rest);
        }
        assert_eq!(tracker.without_action(), 1_003);
    }

    #[test]
    fn ends_instead_where_the_user_chose_that() {
        let mut tracker = tracker(2, OnLate::Stop);
        let steps: Vec<Step> = (0..3).map(|_| tracker.step(Arrival::None)).collect();
        assert_eq!(steps, [Step::Hold, Step::Hold, Step::Stop]);
    }

    #[test]
    fn follows_after_a_gap_until_caught_up() {
        let mut tracker = tracker(2, OnLate::Hold);
        tracker.step(Arrival::None);
        assert_eq!(tracker.step(Arrival::Fresh), Step::Follow);
        assert_eq!(tracker.step(Arrival::Fresh), Step::Follow);
        tracker.resynced();
        assert_eq!(tracker.step(Arrival::Fresh), Step::Use);
    }

    #[test]
    fn is_caught_up_after_as_many_actions_that_fit_as_a_jerk_goes_by() {
        let mut tracker = tracker(2, OnLate::Hold);
        tracker.lost_sync();
        for _ in 1..FITTING {
            tracker.step(Arrival::Fresh);
            tracker.step_fitted();
        }
        assert_eq!(tracker.step(Arrival::Fresh), Step::Follow);
        tracker.lost_sync();
        for _ in 0..FITTING {
            assert_eq!(tracker.step(Arrival::Fresh), Step::Follow);
            tracker.step_fitted();
        }
        assert_eq!(tracker.step(Arrival::Fresh), Step::Use);
    }

    #[test]
    fn a_late_action_ends_the_gap_and_is_followed() {
        let mut tracker = tracker(2, OnLate::Hold);
        tracker.step(Arrival::None);
        tracker.step(Arrival::None);
        assert_eq!(tracker.step(Arrival::Late { age: 1 }), Step::Follow);
        assert_eq!(tracker.without_action(), 0);
        assert_eq!(tracker.step(Arrival::None), Step::Hold);
    }

    #[test]
    fn an_action_for_a_state_long_gone_is_not_used() {
        let mut tracker = tracker(2, OnLate::Hold);
        assert_eq!(tracker.step(Arrival::Late { age: 3 }), Step::Hold);
        assert_eq!(tracker.step(Arrival::Late { age: 2 }), Step::Follow);
    }
}
