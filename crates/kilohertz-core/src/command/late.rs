//! What happens when the policy's answer is not there in time. Written once, here.
//!
//! ```text
//! fresh action ──▶ used as it is where one cycle suffices for it, otherwise followed
//! late action  ──▶ followed within the limits     (also a fresh one after a gap, or after a lost
//!                  command, until caught up)
//! no action    ──▶ held: the robot moves on as last commanded, at most `max_held` cycles in a row
//!              ──▶ rest: the robot is brought to rest within its limits and kept there
//!              ──▶ with `OnLate::Stop`, the session ends with an error instead of waiting
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// How the answer stands that a cycle needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is there, in time.
    Fresh,
    /// It is there, but late.
    Late {
        /// By how many cycles, at least 1.
        age: u64,
    },
    /// There is none.
    None,
}

/// What ends the wait for a policy that is too late for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLate {
    /// Nothing does: the robot rests, and actions that come again are taken up smoothly.
    #[default]
    Hold,
    /// The session ends with an error once the robot rests.
    Stop,
}

/// The rule for late answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRule {
    /// Cycles in a row that may be held. Also the age in cycles beyond which a late action is
    /// discarded: it answers a state that is long gone.
    pub max_held: u32,
    /// What happens after that.
    pub on_late: OnLate,
}

impl LateRule {
    /// Whether a late action of this age is too old to be used.
    pub fn is_stale(&self, arrival: Arrival) -> bool {
        matches!(arrival, Arrival::Late { age } if age > u64::from(self.max_held))
    }
}

impl Default for LateRule {
    /// 20 cycles, as many lost commands as a Franka arm tolerates, then rest.
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
    /// Use the action as it is: it must be within the limits.
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

/// Fresh actions in a row that have to be reached until the robot is caught up with. The jerk of a
/// position goes by the three before it: after so many, what is commanded is the policy's alone.
const FITTING: u32 = 4;

/// Tracks how many actions in a row are missing, and whether the robot is in step with the policy.
#[derive(Debug, Clone)]
pub struct LateTracker {
    rule: LateRule,
    without: u32,
    /// How many fresh actions have to be reached until they are used as they are.
    to_fit: u32,
}

impl LateTracker {
    /// A session at its start: the first action is used as it is if it comes in time.
    pub fn new(rule: LateRule) -> LateTracker {
        LateTracker {
            rule,
            without: 0,
            to_fit: 0,
        }
    }

    /// What to do where the answer stands so.
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

    /// Tells that the robot is not where it is to be: an answer or a command is missing, or an
    /// action is not reached yet. Actions are followed until caught up.
    pub fn lost_sync(&mut self) {
        self.to_fit = FITTING;
    }

    /// Tells that the fresh action just followed was reached.
    pub fn step_fitted(&mut self) {
        self.to_fit = self.to_fit.saturating_sub(1);
    }

    /// Tells that what is followed is as good as reached: fresh actions are used as they are again.
    pub fn resynced(&mut self) {
        self.to_fit = 0;
    }

    /// Cycles in a row without a usable action.
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
