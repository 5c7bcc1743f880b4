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
