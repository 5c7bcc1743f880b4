//! Limits of torque control.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{
    Approach, Judgement, Limiter, Sequence, Violation, ViolationKind, Violations, check_finite,
    confined, exceeds,
};

use crate::constants::{DT, OWN_SHARE};
use crate::limits::arm_limits::ArmLimits;
use crate::limits::tolerances::{ROUNDING, ROUNDING_SHARE};
use crate::limits::workspace::{Brakeable, BrakingPath, measured};
use crate::state::{joints, offset};

const SAME_TORQUE: f64 = 1e-3;
/// In torque control the arm may exceed its velocity limit by this much before that is a violation [rad/s].
/// A measured velocity is noisy, and near the end of the range the limit is zero.
const MEASURED_MARGIN: f64 = 0.1;
/// Joints slower than this are at rest in torque control [rad/s].
const REST_VELOCITY: f64 = 0.01;
/// How many cycles in a row the joints must be that slow.
const REST_CYCLES: u32 = 50;
/// The damping that brings the joints to rest in torque control [N m s/rad].
const REST_DAMPING: [f64; 7] = [40.0, 40.0, 40.0, 40.0, 12.0, 10.0, 6.0];
/// The stiffness that keeps the joints at rest [N m/rad].
const REST_STIFFNESS: [f64; 7] = [300.0, 300.0, 300.0, 300.0, 120.0, 80.0, 40.0];
/// A resting joint that is slower than this is kept at the position that it has then [rad/s].
const LATCH_VELOCITY: f64 = 0.02;
/// Limits of torque control.
#[derive(Debug, Clone)]
pub(super) struct TorqueLimiter {
    arm: ArmLimits,
    last: [f64; 7],
    has_observed: bool,
    /// The position at which each joint is kept while resting, once it is slow.
    kept: [Option<f64>; 7],
    slow_for: u32,
}

impl TorqueLimiter {
    pub(super) fn new(arm: &ArmLimits) -> TorqueLimiter {
        TorqueLimiter {
            arm: *arm,
            last: [0.0; 7],
            has_observed: false,
            kept: [None; 7],
            slow_for: 0,
        }
    }

    /// Returns what the measured arm breaks in `joint`: the range of positions or the velocity limit.
    fn strayed(&self, observation: &[f64], joint: usize) -> Option<(ViolationKind, f64, f64)> {
        let q = observation[offset::q..][joint];
        let dq = observation[offset::dq..][joint];
        let bounds = &self.arm.joints[joint];
        let (end, fastest) = if dq > 0.0 {
            (bounds.upper, bounds.upper_velocity(q))
        } else {
            (bounds.lower, bounds.lower_velocity(q))
        };
        let outwards = exceeds(dq.abs(), LATCH_VELOCITY);
        if outwards && !(bounds.lower..=bounds.upper).contains(&q) && (q - end) * dq > 0.0 {
            return Some((ViolationKind::Position, q, end));
        }
        exceeds(dq.abs(), fastest.abs() + MEASURED_MARGIN).then_some((
            ViolationKind::Velocity,
            dq,
            fastest,
        ))
    }

    /// Brakes joints that are too fast already, instead of pushing them further.
    fn spare(&self, observation: &[f64], wanted: &mut [f64; 7]) {
        for (joint, torque) in wanted.iter_mut().enumerate() {
            if self.strayed(observation, joint).is_some() {
                let dq = observation[offset::dq..][joint];
                let brake = -REST_DAMPING[joint] * dq;
                *torque = if dq > 0.0 {
                    torque.min(brake)
                } else {
                    torque.max(brake)
                };
            }
        }
    }

    /// Commands `wanted`, as far as the torque rate allows.
    fn step(&mut self, wanted: &[f64; 7], out: &mut [f64]) {
        for (joint, wanted) in wanted.iter().enumerate() {
            let change = self.arm.torque_rate[joint] * OWN_SHARE * DT;
            let limit = self.arm.torque[joint];
            let (bounded, last) = (confined(*wanted, -limit, limit), self.last[joint]);
            self.last[joint] = confined(bounded, last - change, last + change);
        }
        out.copy_from_slice(&self.last);
    }

    fn moves_again(&mut self) {
        self.kept = [None; 7];
        self.slow_for = 0;
    }
}

impl Limiter for TorqueLimiter {
    fn interpolation(&self) -> Interpolation {
        Interpolation::Approach
    }

    fn last_command(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let tau_j_d = joints(observation, offset::tau_J_d);
        let in_step = (0..7).all(|joint| (self.last[joint] - tau_j_d[joint]).abs() < SAME_TORQUE);
        if !in_step {
            self.last = tau_j_d;
        }
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        let mut found = check_finite(answer);
        if !found.is_empty() {
            return found;
        }
        for (slot, &torque) in answer.iter().enumerate() {
            let limit = self.arm.torque[slot];
            if exceeds(torque.abs(), limit) {
                found.note(Violation {
                    kind: ViolationKind::Torque,
                    slot,
                    action: torque,
                    received: torque,
                    limit,
                    joint: None,
                    flaw: None,
                });
            }
        }
        found
    }

    /// Between answers a torque follows a straight line, or is approached at once, so its slope does not
    /// jump where two pieces meet. Only the first torque starts from nothing, within one cycle.
    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        let factor = if sequence.is_first {
            sequence.ratio
        } else {
            1.0
        };
        let mut judgement = Judgement::none();
        for (slot, &torque) in sequence.answer.iter().enumerate() {
            let limit = self.arm.torque_rate[slot];
            let received = factor * sequence.derivatives[0][slot];
            if exceeds(received.abs(), limit * (1.0 + ROUNDING_SHARE)) {
                judgement.order = Some(1);
                judgement.found.note(Violation {
                    kind: ViolationKind::TorqueRate,
                    slot,
                    action: torque,
                    received,
                    limit,
                    joint: None,
                    flaw: None,
                });
            }
        }
        judgement
    }

    fn check_place(&self, observation: &[f64], action: &[f64]) -> Violations {
        let mut found = Violations::none();
        for (slot, &torque) in action.iter().enumerate() {
            if let Some((kind, received, limit)) = self.strayed(observation, slot) {
                found.note(Violation {
                    kind,
                    slot,
                    action: torque,
                    received,
                    limit,
                    joint: None,
                    flaw: None,
                });
            }
        }
        found
    }

    fn check_step(&self, _observation: &[f64], action: &[f64]) -> Option<Violations> {
        let fits = action.iter().enumerate().all(|(slot, torque)| {
            let rate = (torque - self.last[slot]) / DT;
            rate.abs() <= self.arm.torque_rate[slot] + ROUNDING
        });
        fits.then_some(Violations::none())
    }

    fn accept(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
        self.moves_again();
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        _approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let reached = self.check_step(observation, action).is_some()
            && self.check_answer(action).is_empty()
            && self.check_place(observation, action).is_empty();
        if reached {
            self.accept(action);
            out.copy_from_slice(action);
            return true;
        }
        let mut wanted = [0.0; 7];
        wanted.copy_from_slice(action);
        self.spare(observation, &mut wanted);
        self.moves_again();
        self.step(&wanted, out);
        false
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        let mut wanted = self.last;
        self.spare(observation, &mut wanted);
        self.step(&wanted, out);
    }

    fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let q = joints(observation, offset::q);
        let dq = joints(observation, offset::dq);
        let mut wanted = [0.0; 7];
        for joint in 0..7 {
            if self.kept[joint].is_none() && dq[joint].abs() < LATCH_VELOCITY {
                self.kept[joint] = Some(q[joint]);
            }
            let away = self.kept[joint].map_or(0.0, |place| place - q[joint]);
            wanted[joint] = REST_STIFFNESS[joint] * away - REST_DAMPING[joint] * dq[joint];
        }
        self.step(&wanted, out);
        let slow = dq.iter().all(|velocity| velocity.abs() < REST_VELOCITY);
        self.slow_for = if slow {
            self.slow_for.saturating_add(1)
        } else {
            0
        };
        self.slow_for >= REST_CYCLES
    }

    /// Measured values may be wrong, so nothing is damped. The torques go to zero, and the arm holds itself
    /// once the motion is finished.
    fn brake_blind(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.moves_again();
        self.step(&[0.0; 7], out);
        out.iter().all(|torque| *torque == 0.0)
    }
}

impl Brakeable for TorqueLimiter {
    fn braking_path(&self, observation: &[f64]) -> BrakingPath {
        measured(
            observation,
            self.arm.joints.map(|joint| 0.5 * joint.acceleration),
        )
    }

    fn braking_path_with(&self, observation: &[f64], _action: &[f64]) -> BrakingPath {
        self.braking_path(observation)
    }

    fn braking_path_along(&self, observation: &[f64], _action: &[f64]) -> BrakingPath {
        self.braking_path(observation)
    }

    fn target(&self, _action: &[f64]) -> Option<[f64; 7]> {
        None
    }
}

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;
    use crate::constants::READY;
    use crate::limits::tests::at;

    /// A torque that is never reached in one cycle [N m].
    const PUSH: f64 = 20.0;

    fn arm() -> ArmLimits {
        ArmLimits::fr3(FR3_URDF).unwrap()
    }

    fn limiter() -> TorqueLimiter {
        TorqueLimiter::new(&arm())
    }

    /// Returns what an arm in [`READY`] reports whose `joint` is at `q` and moves at `dq`.
    fn moving(joint: usize, q: f64, dq: f64) -> Vec<f64> {
        let mut observation = at(READY);
        observation[offset::q + joint] = q;
        observation[offset::dq + joint] = dq;
        observation
    }

    /// Returns `torque` in `joint` and zero in the others.
    fn only(joint: usize, torque: f64) -> [f64; 7] {
        let mut torques = [0.0; 7];
        torques[joint] = torque;
        torques
    }

    fn found_at(observation: &[f64]) -> Option<(ViolationKind, usize, f64, f64)> {
        let found = limiter().check_place(observation, &only(3, 1.0));
        let violation = found.iter().next().copied();
        violation.map(|found| (found.kind, found.slot, found.received, found.limit))
    }

    #[test]
    fn a_joint_may_not_go_on_outwards_beyond_its_range_but_may_come_back() {
        // Joint 4, whose range is not symmetric.
        let bounds = arm().joints[3];
        for (end, outwards) in [(bounds.upper, 0.05), (bounds.lower, -0.05)] {
            let beyond = end + 0.01_f64.copysign(outwards);
            let broken = Some((ViolationKind::Position, 3, beyond, end));
            assert_eq!(found_at(&moving(3, beyond, outwards)), broken);
            assert_eq!(found_at(&moving(3, beyond, -outwards)), None);
            // A measured velocity is noisy.
            assert_eq!(found_at(&moving(3, beyond, outwards * 0.3)), None);
            assert_eq!(found_at(&moving(3, end, outwards)), None);
        }
    }

    #[test]
    fn a_joint_may_be_a_little_faster_than_its_limit() {
        let bounds = arm().joints[3];
        let (lowest, highest) = (
            bounds.lower_velocity(READY[3]),
            bounds.upper_velocity(READY[3]),
        );
        for (limit, outwards) in [(highest, 1.0), (lowest, -1.0)] {
            assert_eq!(
                found_at(&moving(3, READY[3], limit + 0.09 * outwards)),
                None
            );
            let fast = limit + 0.11 * outwards;
            let broken = Some((ViolationKind::Velocity, 3, fast, limit));
            assert_eq!(found_at(&moving(3, READY[3], fast)), broken);
        }
    }

    #[test]
    fn a_joint_that_is_too_fast_is_damped_and_braked_as_hard_as_the_action_asks() {
        let bounds = arm().joints[0];
        // At the end of the range the arm's limit of velocity is zero.
        for (end, outwards) in [(bounds.upper, 1.0), (bounds.lower, -1.0)] {
            let observation = moving(0, end, 0.2 * outwards);
            for (asked, commanded) in [(PUSH, -8.0), (-5.0, -8.0), (-PUSH, -PUSH)] {
                let mut limits = limiter();
                let mut out = [0.0; 7];
                let action = only(0, asked * outwards);
                for _ in 0..50 {
                    limits.approach(&observation, &action, Approach::WithinLimits, &mut out);
                }
                assert!(
                    (out[0] - commanded * outwards).abs() < 1e-9,
                    "{asked}: {out:?}"
                );
                assert_eq!(out[1..], [0.0; 6]);

                // The same if the action is kept.
                let mut held = limiter();
                held.accept(&action);
                for _ in 0..50 {
                    held.hold(&observation, &mut out);
                }
                assert!(
                    (out[0] - commanded * outwards).abs() < 1e-9,
                    "{asked}: {out:?}"
                );
            }
        }
    }

    #[test]
    fn a_torque_that_the_arm_reports_otherwise_was_lost() {
        let mut limits = limiter();
        let mut observation = at(READY);
        observation[offset::tau_J_d + 2] = 0.5;
        assert!(
            limits.observe(&observation),
            "the first report is where it starts"
        );
        for (off, in_step) in [(0.9e-3, true), (-0.9e-3, true), (1e-3, false), (0.5, false)] {
            limits.accept(&[0.0; 7]);
            observation[offset::tau_J_d + 2] = off;
            assert_eq!(limits.observe(&observation), in_step, "{off}");
            let mut last = [0.0; 7];
            limits.last_command(&mut last);
            assert_eq!(last[2], if in_step { 0.0 } else { off });
        }
    }

    #[test]
    fn an_answer_has_finite_torques_that_the_motors_have() {
        let limits = limiter();
        assert!(limits.check_answer(&arm().torque).is_empty());
        assert!(
            limits
                .check_answer(&arm().torque.map(|torque| -torque))
                .is_empty()
        );
        for torque in [87.5, -87.5] {
            let found = limits.check_answer(&only(1, torque));
            let violation = found.of(ViolationKind::Torque).unwrap();
            assert_eq!((violation.slot, violation.action), (1, torque));
            assert_eq!((violation.received, violation.limit), (torque, 87.0));
        }
        let mut both = only(1, 100.0);
        both[4] = f64::NAN;
        let found = limits.check_answer(&both);
        assert_eq!(
            found.iter().map(|found| found.kind).collect::<Vec<_>>(),
            [ViolationKind::NotFinite]
        );
    }

    #[test]
    fn torques_change_no_faster_than_the_limit_and_the_first_one_within_a_cycle() {
        let limit = arm().torque_rate[5];
        let judged = |rate: f64, ratio: f64, is_first: bool| {
            let rates = only(5, rate);
            let sequence = Sequence {
                answer: &only(5, 3.0),
                previous: &[0.0; 7],
                derivatives: [&rates; 3],
                known: 3,
                ratio,
                is_gapless: true,
                is_first,
                is_behind_rest: false,
            };
            limiter().judge(0, &sequence)
        };
        for sign in [1.0, -1.0] {
            for (rate, ratio, is_first) in [
                (limit * (1.0 + 0.9e-6), 1.0, true),
                (limit * (1.0 + 0.9e-6), 4.0, false),
                (limit / 4.0, 4.0, true),
            ] {
                let judgement = judged(rate * sign, ratio, is_first);
                assert!(judgement.found.is_empty() && judgement.order.is_none());
            }
            for (rate, ratio, is_first) in [
                (limit * (1.0 + 1.1e-6), 1.0, false),
                (limit * 1.01 / 4.0, 4.0, true),
            ] {
                let judgement = judged(rate * sign, ratio, is_first);
                assert_eq!(judgement.order, Some(1));
                let violation = judgement.found.of(ViolationKind::TorqueRate).unwrap();
                assert_eq!(
                    (violation.slot, violation.action, violation.limit),
                    (5, 3.0, limit)
                );
                let factor = if is_first { ratio } else { 1.0 };
                assert_eq!(violation.received, rate * sign * factor);
            }
        }
    }

    #[test]
    fn a_step_within_the_rate_is_taken_at_once_and_a_larger_one_is_approached() {
        let most = arm().torque_rate[0] * DT;
        for sign in [1.0, -1.0] {
            for (from, change, fits) in [
                (0.0, most, true),
                (10.0, 0.0, true),
                (10.0, 1.01 * most, false),
            ] {
                let mut limits = limiter();
                limits.accept(&only(0, from * sign));
                let action = only(0, (from + change) * sign);
                let step = limits.check_step(&at(READY), &action);
                assert_eq!(step, fits.then(Violations::none));
                let mut out = [0.0; 7];
                let reached =
                    limits.approach(&at(READY), &action, Approach::WithinLimits, &mut out);
                assert_eq!(reached, fits);
                let own = (from + OWN_SHARE * most) * sign;
                assert_eq!(out, if fits { action } else { only(0, own) });
            }
        }
    }

    #[test]
    fn a_resting_joint_is_damped_and_kept_where_it_became_slow() {
        // Stiffness and damping of a large joint and of a small one.
        for (joint, stiffness, damping) in [(0, 300.0, 40.0), (4, 120.0, 12.0)] {
            let mut limits = limiter();
            let mut out = [0.0; 7];
            // Three cycles are enough for each change of the torque.
            let mut brake = |away: f64, dq: f64| {
                let observation = moving(joint, READY[joint] + away, dq);
                (0..3).for_each(|_| _ = limits.brake(&observation, &mut out));
                out[joint]
            };
            let near = |torque: f64, expected: f64| (torque - expected).abs() < 1e-9;
            // A joint that moves is not kept anywhere.
            assert!(near(brake(0.0, 0.02), -damping * 0.02));
            assert!(near(brake(0.005, 0.02), -damping * 0.02));
            assert!(near(brake(0.002, -0.019), damping * 0.019));
            for (away, dq) in [(0.001, 0.005), (0.003, -0.005), (0.002, 0.03)] {
                let expected = stiffness * (0.002 - away) - damping * dq;
                let torque = brake(away, dq);
                assert!(near(torque, expected), "{torque} instead of {expected}");
            }
        }
    }

    #[test]
    fn an_arm_rests_once_all_joints_were_slow_for_fifty_cycles() {
        let mut limits = limiter();
        let mut out = [0.0; 7];
        let mut rests =
            |limits: &mut TorqueLimiter, dq: f64| limits.brake(&moving(6, READY[6], dq), &mut out);
        let mut cycles_until_rest =
            |limits: &mut TorqueLimiter| (1..=100).find(|_| rests(limits, -0.009));
        assert_eq!(cycles_until_rest(&mut limits), Some(50));
        // One faster joint is enough to begin again, and so is a new command.
        let mut out = [0.0; 7];
        assert!(!limits.brake(&moving(6, READY[6], 0.01), &mut out));
        assert_eq!(cycles_until_rest(&mut limits), Some(50));
        limits.accept(&[0.0; 7]);
        assert_eq!(cycles_until_rest(&mut limits), Some(50));
        limits.brake_blind(&at(READY), &mut out);
        assert_eq!(cycles_until_rest(&mut limits), Some(50));
        let far = only(0, PUSH);
        limits.approach(&at(READY), &far, Approach::WithinLimits, &mut out);
        assert_eq!(cycles_until_rest(&mut limits), Some(50));
    }

    #[test]
    fn after_a_command_the_joints_are_kept_at_their_new_places() {
        let mut limits = limiter();
        let mut out = [0.0; 7];
        limits.brake(&at(READY), &mut out);
        limits.accept(&[0.0; 7]);
        limits.brake(&moving(1, READY[1] + 0.002, 0.0), &mut out);
        assert_eq!(out, [0.0; 7]);
    }

    #[test]
    fn if_measured_values_may_be_wrong_the_torques_go_to_zero() {
        let mut limits = limiter();
        limits.accept(&only(2, 2.5));
        let wrong = moving(2, f64::NAN, 100.0);
        let mut out = [0.0; 7];
        let change = arm().torque_rate[2] * OWN_SHARE * DT;
        for (torque, is_over) in [
            (2.5 - change, false),
            (2.5 - 2.0 * change, false),
            (0.0, true),
        ] {
            assert_eq!(limits.brake_blind(&wrong, &mut out), is_over);
            assert!((out[2] - torque).abs() < 1e-9, "{out:?}");
        }
    }

    #[test]
    fn the_measured_joints_brake_with_half_of_their_acceleration() {
        let observation = moving(3, -2.0, 0.5);
        let limits = limiter();
        let expected = arm().joints.map(|joint| joint.acceleration / 2.0);
        for path in [
            limits.braking_path(&observation),
            limits.braking_path_with(&observation, &only(3, PUSH)),
            limits.braking_path_along(&observation, &only(3, PUSH)),
        ] {
            assert_eq!(path.braking, expected);
            assert_eq!((path.q[3], path.dq), (-2.0, only(3, 0.5)));
        }
        assert_eq!(limits.target(&only(3, PUSH)), None);
    }
}
