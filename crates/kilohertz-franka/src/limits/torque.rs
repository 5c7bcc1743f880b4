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
