//! What a robot may be commanded, and how it is brought to rest.
//!
//! The loop asks its robot's limits four things. What does this answer break? How far towards it may the
//! robot go in one cycle? How does the robot keep moving without an answer? How does it come to rest? A
//! robot's crate answers them for its own kinds of commands; [`JointMotion`] is the arithmetic that they
//! share. Whether an action that breaks a limit ends the session or is carried out as far as the limits
//! allow is the session's choice, kind by kind: [`LimitRules`].

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod comparing;
pub mod joint_motion;
pub mod judgement;
pub mod rules;
pub mod violation;

use crate::command::interpolation::Interpolation;
#[cfg(doc)]
use crate::command::pace::Pace;

pub use comparing::{confined, difference, exceeds, largest};
pub use joint_motion::{JointBounds, JointMotion};
pub use judgement::{Judgement, ORDERS, Sequence};
pub use rules::{LimitRules, OnViolation};
pub use violation::{
    JointPlace, LARGEST_NUMBER, TooFar, Violation, ViolationKind, Violations, check_finite,
};

/// How an action is approached that cannot be reached in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    /// As fast as the limits allow.
    WithinLimits,
    /// For a position or a pose, after a rest: no faster than [`Pace::approach`] allows.
    AfterRest,
}

/// A robot's limits, as the loop uses them. All calls come from the loop thread. None may block or
/// allocate. `observation` is always that of the cycle; `action` and `out` have the slots of an action.
///
/// What a policy asks for is checked answer by answer, wherever the robot is and however late the answers
/// come: [`Limiter::check_answer`] and [`Limiter::judge`]. What depends on where the robot is, is checked
/// for the command of each cycle: [`Limiter::check_place`], [`Limiter::check_step`] and
/// [`Limiter::check_destination`].
pub trait Limiter: Send {
    /// Returns how a command gets from one action to the next if the policy is slower than the robot.
    fn interpolation(&self) -> Interpolation;

    /// Returns the number of slots of the action's first part, if the action has a second part that is
    /// judged separately.
    fn motion_slots(&self) -> Option<usize> {
        None
    }

    /// Writes the last command. Before the first command it writes the action that changes nothing.
    fn last_command(&self, out: &mut [f64]);

    /// Writes the first and the second derivative of what [`Limiter::last_command`] writes, in the coordinates
    /// of [`Limiter::displacement`].
    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        first.fill(0.0);
        second.fill(0.0);
    }

    /// Takes in how the robot stands and moves, at the start of every cycle. Returns true if that is what
    /// it was commanded. It is not if a command got lost and the robot went on by itself.
    fn observe(&mut self, observation: &[f64]) -> bool;

    /// Returns what `answer` breaks by itself, wherever the robot is.
    fn check_answer(&self, answer: &[f64]) -> Violations;

    /// Writes the displacement from one answer to another for part `part`: the difference of their slots,
    /// unless the slots have a geometry of their own. If the displacement has fewer coordinates than the
    /// part has slots, the others are zero.
    fn displacement(&self, _part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        difference(from, to, out);
    }

    /// Returns the highest first, second and third derivative of coordinate `coordinate` of a command, in the
    /// coordinates of [`Limiter::displacement`]; infinity where there is no limit.
    fn highest_rates(&self, _coordinate: usize) -> [f64; 3] {
        [f64::INFINITY; 3]
    }

    /// Returns what part `part` of the newest answer breaks relative to the answers before it. Called once
    /// for each answer, in order.
    fn judge(&mut self, _part: usize, _sequence: &Sequence<'_>) -> Judgement {
        Judgement::none()
    }

    /// Returns what commanding `action` breaks where the robot is now, however it gets there.
    fn check_place(&self, _observation: &[f64], _action: &[f64]) -> Violations {
        Violations::none()
    }

    /// Returns what going to `action` within this cycle breaks where the robot is now; `None` if one cycle
    /// is not enough to reach it.
    fn check_step(&self, _observation: &[f64], _action: &[f64]) -> Option<Violations> {
        Some(Violations::none())
    }

    /// Returns what keeping to `action` breaks, however smoothly the robot approached it: what the robot
    /// would run into. Called for actions that are followed. For an action that is used as it is,
    /// [`Limiter::check_step`] covers this.
    fn check_destination(&self, _observation: &[f64], _action: &[f64]) -> Violations {
        Violations::none()
    }

    /// Records that `action` is commanded in this cycle.
    fn accept(&mut self, action: &[f64]);

    /// Commands as much of the way to `action`, which is finite, as one cycle allows. Returns true if
    /// `action` is reached.
    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool;

    /// Returns how far the last command is from `action`: the slot with the largest distance, and the
    /// distance in its unit. `None` if the robot is as good as there, or if actions are not places.
    fn behind(&self, _action: &[f64]) -> Option<(usize, f64)> {
        None
    }

    /// Commands the robot to keep moving as last commanded.
    fn hold(&mut self, observation: &[f64], out: &mut [f64]);

    /// Commands the next step to rest. Returns true if the robot rests after it.
    fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool;

    /// Does what [`Limiter::brake`] does when observations are no longer believed. `observation` is the
    /// last one that was believed, and stays the same. It brakes by what was commanded. Limits whose
    /// braking depends on measured values implement another way here.
    fn brake_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        self.brake(observation, out)
    }
}

/// The limits of a robot about which nothing is known: any finite action is allowed. Without a new action
/// the last one is repeated.
#[derive(Debug, Clone)]
pub struct Unlimited {
    last: Vec<f64>,
}

impl Unlimited {
    /// Creates limits for actions of `action_len` slots; the action before the first is all zeros.
    pub fn new(action_len: usize) -> Unlimited {
        Unlimited {
            last: vec![0.0; action_len],
        }
    }
}

impl Limiter for Unlimited {
    fn interpolation(&self) -> Interpolation {
        Interpolation::Line
    }

    fn last_command(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn observe(&mut self, _observation: &[f64]) -> bool {
        true
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        check_finite(answer)
    }

    fn accept(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
    }

    fn approach(
        &mut self,
        _observation: &[f64],
        action: &[f64],
        _approach: Approach,
        out: &mut [f64],
    ) -> bool {
        self.accept(action);
        out.copy_from_slice(action);
        true
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        out.copy_from_slice(&self.last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_about_which_nothing_is_known_does_what_it_is_told_and_repeats_it() {
        let mut limits = Unlimited::new(2);
        let mut out = [9.0; 2];
        limits.last_command(&mut out);
        assert_eq!(out, [0.0; 2]);
        assert_eq!(limits.interpolation(), Interpolation::Line);
        assert_eq!(limits.motion_slots(), None);
        let (mut first, mut second) = ([9.0; 2], [9.0; 2]);
        limits.rates(&mut first, &mut second);
        assert_eq!((first, second), ([0.0; 2], [0.0; 2]));
        assert_eq!(limits.highest_rates(0), [f64::INFINITY; 3]);
        assert!(limits.observe(&[5.0]));
        let action = [1e9, -3.0];
        assert!(limits.check_place(&[], &action).is_empty());
        assert!(limits.check_destination(&[], &action).is_empty());
        assert_eq!(limits.check_step(&[], &action), Some(Violations::none()));
        assert_eq!(limits.behind(&action), None);
        assert!(limits.approach(&[], &action, Approach::AfterRest, &mut out));
        assert_eq!(out, action);
        limits.accept(&[4.0, 5.0]);
        for step in [Unlimited::brake, Unlimited::brake_blind] {
            out = [0.0; 2];
            assert!(step(&mut limits, &[], &mut out));
            assert_eq!(out, [4.0, 5.0]);
        }
        out = [0.0; 2];
        limits.hold(&[], &mut out);
        assert_eq!(out, [4.0, 5.0]);
        limits.last_command(&mut out);
        assert_eq!(out, [4.0, 5.0]);
        limits.displacement(0, &[1.0, 2.0], &[4.0, 8.0], &mut out);
        assert_eq!(out, [3.0, 6.0]);
    }

    #[test]
    fn refuses_what_is_not_a_number_and_says_which_slot() {
        let found = Unlimited::new(3).check_answer(&[1.0, f64::NAN, 0.0]);
        let refused = found.of(ViolationKind::NotFinite).unwrap();
        assert_eq!(refused.slot, 1);
        assert_eq!(found.iter().count(), 1);
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names = ViolationKind::ALL.map(ViolationKind::as_str);
        for (nth, name) in names.iter().enumerate() {
            assert!(!name.is_empty() && !names[..nth].contains(name), "{name}");
        }
    }

    #[test]
    fn each_kind_has_its_rule_and_what_is_no_number_cannot_be_clamped() {
        for (index, kind) in ViolationKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        let mut rules = LimitRules::all(OnViolation::Clamp);
        rules.set(ViolationKind::Jerk, OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::NotFinite), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Frame), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Jerk), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Velocity), OnViolation::Clamp);
        assert!(ViolationKind::Velocity.can_be_clamped());
    }
}
