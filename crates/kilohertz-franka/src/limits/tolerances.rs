//! Tolerances of comparisons, and the share of the limits that steps made by this package use.

use kilohertz_core::limits::{Judgement, Sequence};

use crate::constants::OWN_SHARE;

/// An action that is followed counts as reached if the step to it takes at most this share of the limits.
/// The step after it must take back twice as much, and the policy's own motion is added to that.
pub(crate) const REACHED_SHARE: f64 = 0.3;
/// The rounding error of a command that was computed to be at its limit.
pub(crate) const ROUNDING: f64 = 1e-9;
/// The rounding error of a derivative that was computed from answers, as a share of its limit.
pub(crate) const ROUNDING_SHARE: f64 = 1e-6;
/// The arm reports in single precision what it was commanded, so a smaller difference from the commanded
/// position counts as none [rad]. A larger difference means that the last command got lost, and that the arm
/// extrapolated or reused an older one.
pub(crate) const SAME_POSITION: f64 = 2e-6;
/// The arm counts as being at a place if it is closer to it than this [rad, m].
pub(crate) const NEAR: f64 = 0.01;

/// Returns the share of the limits that the step to a followed action may take. It is larger if the last
/// step reached its action.
pub(crate) fn reached_share(has_reached: bool) -> f64 {
    if has_reached {
        OWN_SHARE
    } else {
        REACHED_SHARE
    }
}

/// Returns true if the newest answer shows how fast the policy moves by itself.
pub(crate) fn is_own_motion(sequence: &Sequence<'_>, judgement: &Judgement) -> bool {
    !sequence.is_first && !sequence.is_behind_rest && judgement.order.is_none()
}

#[cfg(test)]
mod tests {
    use kilohertz_core::limits::{ORDERS, Violations};

    use super::*;

    #[test]
    fn an_action_is_reached_by_a_smaller_step_than_it_is_kept_by() {
        assert_eq!(reached_share(false), 0.3);
        assert_eq!(reached_share(true), 0.95);
        // The step after it takes back twice as much.
        assert!(3.0 * reached_share(false) < reached_share(true));
    }

    #[test]
    fn the_policy_moves_by_itself_only_between_answers_that_follow_each_other_within_the_limits() {
        for (is_first, is_behind_rest, order, is_own) in [
            (false, false, None, true),
            (true, false, None, false),
            (false, true, None, false),
            (false, false, Some(0), false),
            (true, true, None, false),
            (true, false, Some(2), false),
            (false, true, Some(2), false),
            (true, true, Some(1), false),
        ] {
            let sequence = Sequence {
                answer: &[],
                previous: &[],
                derivatives: [&[]; ORDERS],
                known: ORDERS,
                ratio: 1.0,
                is_gapless: true,
                is_first,
                is_behind_rest,
            };
            let found = Violations::none();
            let judgement = Judgement { found, order };
            assert_eq!(is_own_motion(&sequence, &judgement), is_own);
        }
    }
}
