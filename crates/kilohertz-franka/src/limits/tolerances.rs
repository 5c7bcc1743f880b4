//! How close is the same, and how much of the limits steps of our own take.

use kilohertz_core::limits::{Judgement, Sequence};

use crate::constants::OWN_SHARE;

/// An action that is followed counts as reached when the step to it takes no more than this share
/// of the limits. The step behind it has to take back twice as much, and the policy's own comes on top.
pub(crate) const REACHED_SHARE: f64 = 0.3;
/// Rounding of a command that was computed to be at its limit.
pub(crate) const ROUNDING: f64 = 1e-9;
/// Rounding of a derivative that was computed from answers, as a share of its limit.
pub(crate) const ROUNDING_SHARE: f64 = 1e-6;
/// The arm is as good as at a place where less is missing than this [rad, m].
pub(crate) const NEAR: f64 = 0.01;

/// The share of the limits that the step to an action may take that is followed, where the last step
/// reached one or not.
pub(crate) fn reached_share(has_reached: bool) -> f64 {
    if has_reached {
        OWN_SHARE
    } else {
        REACHED_SHARE
    }
}

/// Whether the newest answer tells how fast the policy moves by itself.
pub(crate) fn is_own_motion(sequence: &Sequence<'_>, judgement: &Judgement) -> bool {
    !sequence.is_first && !sequence.is_behind_rest && judgement.order.is_none()
}
