//! Limits of joint velocity, joint position and joint target control.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::command::pace::Pace;
use kilohertz_core::limits::{
    Approach, JointBounds, JointMotion, Judgement, Limiter, ORDERS, Sequence, Violation,
    ViolationKind, Violations, check_finite, confined, exceeds, largest,
};

use crate::constants::{DT, OWN_SHARE};
use crate::limits::arm_limits::ArmLimits;
use crate::limits::likely::likely;
use crate::limits::options::{Budget, MotionOptions};
use crate::limits::tolerances::{
    NEAR, ROUNDING, ROUNDING_SHARE, SAME_POSITION, is_own_motion, reached_share,
};
use crate::limits::workspace::{Brakeable, BrakingPath};
use crate::state::{joints, offset};

/// A smaller difference from the commanded velocity counts as none; see [`SAME_POSITION`].
const SAME_VELOCITY: f64 = 2e-5;
/// How much faster than its command an arm moves while it catches up, per radian behind [1/s].
const CATCH_UP: f64 = 20.0;

/// The kind of the actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JointCommand {
    Velocity,
    Position,
    /// A position that need not be reached at once.
    Target,
}

/// Limits of joint velocity and joint position control.
#[derive(Clone)]
pub(super) struct JointLimiter {
    kind: JointCommand,
    arm: [JointBounds; 7],
    /// Bounds for commands that this package makes.
    own: [JointBounds; 7],
    /// The positions that can be reached with these bounds.
    reach: [(f64, f64); 7],
    /// Bounds for following an action.
    following: [JointBounds; 7],
    max_distance: f64,
    joints: [JointMotion; 7],
    /// The motion before the last command, and the time of that command [s].
    before: ([JointMotion; 7], f64),
    /// The measured positions.
    measured: [f64; 7],
    has_observed: bool,
    /// The last action that was followed, and how many cycles ago.
    followed: Option<([f64; 7], u32)>,
    /// True if the last step followed an action and reached it.
    has_reached: bool,
    /// How fast the policy's own answers were in the last second.
    pace: Pace<7>,
    /// The time on the robot's clock [s].
    time: f64,
}

impl JointLimiter {
    pub(super) fn new(kind: JointCommand, arm: &ArmLimits, options: &MotionOptions) -> Self {
        let share = |velocity: f64, acceleration: f64, jerk: f64| {
            let own = |share: f64| share.min(OWN_SHARE);
            let joints = arm.joints;
            joints.map(|bounds| bounds.share(velocity, own(acceleration), own(jerk)))
        };
        let Budget {
            velocity,
            acceleration,
            jerk,
        } = options.budget;
        let own = share(1.0, 1.0, 1.0);
        JointLimiter {
            kind,
            arm: arm.joints,
            own,
            reach: own.map(|bounds| bounds.reach()),
            following: match kind {
                JointCommand::Target => share(velocity, acceleration, jerk),
                JointCommand::Velocity | JointCommand::Position => own,
            },
            max_distance: options.max_distance,
            joints: [JointMotion::default(); 7],
            before: ([JointMotion::default(); 7], 0.0),
            measured: [0.0; 7],
            has_observed: false,
            followed: None,
            has_reached: false,
            pace: Pace::STILL,
            time: 0.0,
        }
    }

    /// Returns the motion of `joint` with `action` as its next step.
    fn next(&self, joint: usize, action: f64) -> JointMotion {
        let motion = self.joints[joint];
        match self.kind {
            JointCommand::Velocity => motion.with_velocity(action, DT),
            JointCommand::Position | JointCommand::Target => motion.with_position(action, DT),
        }
    }

    /// Returns the range in which `joint` may be commanded. The joint may always stay where it is.
    fn range(&self, joint: usize) -> (f64, f64) {
        let (lowest, highest) = self.reach[joint];
        let place = self.joints[joint].position;
        (lowest.min(place), highest.max(place))
    }

    /// Returns how far the command of `joint` is ahead of the measured position, if that is too far.
    fn ahead(&self, joint: usize) -> Option<f64> {
        let ahead = self.joints[joint].position - self.measured[joint];
        exceeds(ahead.abs(), self.max_distance).then_some(ahead)
    }

    /// Returns true if one cycle is enough for the step to `action`, with `share` of the acceleration and
    /// of the jerk. If positions are commanded, the joint must also be able to brake before the end of the
    /// range.
    fn fits(&self, action: &[f64], share: f64) -> bool {
        action.iter().enumerate().all(|(joint, &action)| {
            let (motion, arm) = (self.joints[joint], &self.arm[joint]);
            let next = self.next(joint, action);
            let is_slow = |next: JointMotion| match self.kind {
                JointCommand::Velocity => next.velocity.abs() <= arm.velocity + ROUNDING,
                JointCommand::Position | JointCommand::Target => {
                    let upper = arm.upper_velocity(motion.position) + ROUNDING;
                    let lower = arm.lower_velocity(motion.position) - ROUNDING;
                    (lower..=upper).contains(&next.velocity)
                        && motion.too_fast(next, &self.own[joint], DT).is_none()
                }
            };
            next.acceleration.abs() <= arm.acceleration * share + ROUNDING
                && motion.jerk_to(next, DT).abs() <= arm.jerk * share + ROUNDING
                && is_slow(next)
        })
    }

    /// Returns which joints the step to the velocities `action` makes too fast to be braked before the end
    /// of their range. One cycle must be enough for the step.
    fn unbraked(&self, action: &[f64]) -> Violations {
        Violations::noted(|found| {
            for (slot, action) in joints(action, 0).into_iter().enumerate() {
                let next = self.next(slot, action);
                let (motion, own) = (&self.joints[slot], &self.own[slot]);
                if let Some((received, limit)) = motion.too_fast(next, own, DT) {
                    found.note(Violation {
                        kind: ViolationKind::Velocity,
                        slot,
                        action,
                        received,
                        limit,
                        joint: None,
                        flaw: None,
                    });
                }
            }
        })
    }

    /// Notes which limits the derivatives of the answers break.
    fn look(&self, sequence: &Sequence<'_>, judgement: &mut Judgement) {
        for (slot, &action) in sequence.answer.iter().enumerate() {
            let arm = &self.arm[slot];
            let previous = sequence.previous[slot];
            let derivative = |order: usize| sequence.derivatives[order.saturating_sub(1)][slot];
            let mut check = |order: usize, kind, (lower, upper): (f64, f64), factor: f64| {
                let received = derivative(order) * factor;
                let most = |limit: f64| limit + limit.abs() * ROUNDING_SHARE + ROUNDING;
                if order > sequence.known || (received <= most(upper) && received >= -most(-lower))
                {
                    return;
                }
                judgement.order = Some(judgement.order.map_or(order, |other| other.min(order)));
                judgement.found.note(Violation {
                    kind,
                    slot,
                    action,
                    received,
                    limit: if received < 0.0 { lower } else { upper },
                    joint: None,
                    flaw: None,
                });
            };
            let both = |limit: f64| (-limit, limit);
            let highest = sequence.ratio;
            if self.kind == JointCommand::Velocity {
                check(1, ViolationKind::Acceleration, both(arm.acceleration), 1.0);
                check(2, ViolationKind::Jerk, both(arm.jerk), highest);
                continue;
            }
            let fastest = (arm.lower_velocity(previous), arm.upper_velocity(previous));
            check(1, ViolationKind::Velocity, fastest, 1.0);
            check(2, ViolationKind::Acceleration, both(arm.acceleration), 1.0);
            check(ORDERS, ViolationKind::Jerk, both(arm.jerk), highest);
            // Braking from the previous answer matters only if the joint can be there: no answer is
            // missing, and the derivatives keep their limits.
            if sequence.is_gapless && judgement.order.is_none() {
                let from = JointMotion {
                    position: previous,
                    ..JointMotion::default()
                };
                let next = JointMotion {
                    position: action,
                    velocity: derivative(1),
                    acceleration: derivative(2),
                };
                if let Some((received, limit)) = from.too_fast(next, &self.own[slot], DT) {
                    judgement.order = Some(1);
                    judgement.found.note(Violation {
                        kind: ViolationKind::Velocity,
                        slot,
                        action,
                        received,
                        limit,
                        joint: None,
                        flaw: None,
                    });
                }
            }
        }
    }

    /// Takes one cycle's step towards `wanted`, and writes it to `out`.
    fn step_towards(&mut self, wanted: &[f64; 7], approach: Approach, out: &mut [f64]) {
        let (last, ago) = self.followed.unwrap_or((*wanted, 1));
        let (kind, mut following) = (self.kind, self.following);
        if (kind, approach) == (JointCommand::Position, Approach::AfterRest) {
            let most = self
                .pace
                .approach(self.time, self.arm.map(|joint| joint.velocity));
            for (bounds, speed) in following.iter_mut().zip(most) {
                bounds.velocity = bounds.velocity.min(speed);
            }
        }
        let ahead: [_; 7] = std::array::from_fn(|joint| self.ahead(joint));
        let measured = self.measured;
        self.step(out, |joint, motion| {
            // An arm that lags behind moves faster than its command while it catches up.
            let behind = (motion.position - measured[joint]).abs();
            let bounds = &JointBounds {
                velocity: (following[joint].velocity - CATCH_UP * behind).max(0.0),
                ..following[joint]
            };
            let target = wanted[joint];
            let next = match kind {
                JointCommand::Velocity => motion.towards_velocity(target, bounds, DT),
                JointCommand::Position => {
                    // How fast the target itself moves, if that is known.
                    let moved = (target - last[joint]) / (f64::from(ago) * DT);
                    let velocity = confined(moved, -bounds.velocity, bounds.velocity);
                    motion.towards_position(target, velocity, bounds, DT)
                }
                JointCommand::Target => motion.towards_position(target, 0.0, bounds, DT),
            };
            // If the arm is too far behind the command, the command waits for the arm.
            match ahead[joint] {
                Some(ahead) if ahead * next.velocity > 0.0 => {
                    motion.towards_velocity(0.0, bounds, DT)
                }
                _ => next,
            }
        });
    }

    /// Takes one step of every joint, and writes it to `out`.
    fn step(&mut self, out: &mut [f64], mut step: impl FnMut(usize, JointMotion) -> JointMotion) {
        for (joint, motion) in self.joints.iter_mut().enumerate() {
            *motion = step(joint, *motion);
        }
        self.last_command(out);
    }

    fn braking_path_of(&self, joints: [JointMotion; 7]) -> BrakingPath {
        // How long the present acceleration can last.
        let delay = (0..7)
            .map(|joint| joints[joint].acceleration.abs() / self.own[joint].jerk)
            .fold(DT, f64::max);
        BrakingPath {
            q: joints.map(|motion| motion.position),
            dq: joints.map(|motion| motion.velocity),
            braking: self.own.map(|own| 0.9 * own.acceleration),
            delay,
        }
    }
}

impl Brakeable for JointLimiter {
    fn braking_path(&self, _observation: &[f64]) -> BrakingPath {
        self.braking_path_of(self.joints)
    }

    fn braking_path_with(&self, _observation: &[f64], action: &[f64]) -> BrakingPath {
        self.braking_path_of(std::array::from_fn(|joint| self.next(joint, action[joint])))
    }

    fn braking_path_along(&self, observation: &[f64], action: &[f64]) -> BrakingPath {
        BrakingPath {
            delay: DT,
            ..self.braking_path_with(observation, action)
        }
    }

    fn target(&self, action: &[f64]) -> Option<[f64; 7]> {
        (self.kind != JointCommand::Velocity).then(|| joints(action, 0))
    }
}

impl Limiter for JointLimiter {
    fn interpolation(&self) -> Interpolation {
        match self.kind {
            JointCommand::Velocity => Interpolation::Line,
            JointCommand::Position => Interpolation::Spline,
            JointCommand::Target => Interpolation::Target,
        }
    }

    fn last_command(&self, out: &mut [f64]) {
        for (motion, out) in self.joints.iter().zip(out) {
            *out = match self.kind {
                JointCommand::Velocity => motion.velocity,
                JointCommand::Position | JointCommand::Target => motion.position,
            };
        }
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let q_d = joints(observation, offset::q_d);
        let dq_d = joints(observation, offset::dq_d);
        let ddq_d = joints(observation, offset::ddq_d);
        self.measured = joints(observation, offset::q);
        let time = observation[offset::time];
        self.time = time;
        let reported = std::array::from_fn(|joint| JointMotion {
            position: q_d[joint],
            velocity: dq_d[joint],
            acceleration: ddq_d[joint],
        });
        let in_step = if self.kind == JointCommand::Velocity {
            let commanded = self.joints.iter().zip(dq_d);
            let off = largest(commanded.map(|(motion, dq_d)| motion.velocity - dq_d));
            let in_step = off < SAME_VELOCITY;
            if !in_step {
                self.joints = reported;
            }
            // Only the arm knows which positions the commanded velocities lead to.
            for (motion, q_d) in self.joints.iter_mut().zip(q_d) {
                motion.position = q_d;
            }
            in_step
        } else {
            let (before, last) = &self.before;
            let cycles = ((time - last) / DT).round();
            let likely = likely(before, &self.joints, cycles, &reported);
            let (joints, in_step) = likely.unwrap_or((reported, false));
            self.joints = joints;
            in_step
        };
        self.before = (self.joints, time);
        self.has_reached &= in_step;
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        let rates = first.iter_mut().zip(second);
        for (motion, (first, second)) in self.joints.iter().zip(rates) {
            (*first, *second) = match self.kind {
                JointCommand::Velocity => (motion.acceleration, 0.0),
                JointCommand::Position | JointCommand::Target => {
                    (motion.velocity, motion.acceleration)
                }
            };
        }
    }

    fn highest_rates(&self, joint: usize) -> [f64; 3] {
        let Some(own) = self.following.get(joint) else {
            return [f64::INFINITY; 3];
        };
        match self.kind {
            JointCommand::Velocity => [own.acceleration, own.jerk, f64::INFINITY],
            JointCommand::Position | JointCommand::Target => {
                [own.velocity, own.acceleration, own.jerk]
            }
        }
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        let senseless = check_finite(answer);
        if !senseless.is_empty() {
            return senseless;
        }
        Violations::noted(|found| {
            for (slot, &action) in answer.iter().enumerate() {
                let (kind, lowest, highest) = match self.kind {
                    JointCommand::Velocity => {
                        let fastest = self.arm[slot].velocity + ROUNDING;
                        (ViolationKind::Velocity, -fastest, fastest)
                    }
                    JointCommand::Position | JointCommand::Target => {
                        let (lowest, highest) = self.range(slot);
                        let (lowest, highest) = (lowest - SAME_POSITION, highest + SAME_POSITION);
                        (ViolationKind::Position, lowest, highest)
                    }
                };
                if !(lowest..=highest).contains(&action) {
                    found.note(Violation {
                        kind,
                        slot,
                        action,
                        received: action,
                        limit: if action < lowest { lowest } else { highest },
                        joint: None,
                        flaw: None,
                    });
                }
            }
        })
    }

    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        if self.kind == JointCommand::Target {
            return Judgement::none();
        }
        let judgement = Judgement::noted(|judgement| self.look(sequence, judgement));
        if self.kind == JointCommand::Position && is_own_motion(sequence, &judgement) {
            self.pace
                .note(self.time, joints(sequence.derivatives[0], 0));
        }
        judgement
    }

    fn check_place(&self, _observation: &[f64], action: &[f64]) -> Violations {
        Violations::noted(|found| {
            for (slot, action) in joints(action, 0).into_iter().enumerate() {
                let next = self.next(slot, action);
                let mut note = |kind, received, limit| {
                    found.note(Violation {
                        kind,
                        slot,
                        action,
                        received,
                        limit,
                        joint: None,
                        flaw: None,
                    });
                };
                if self.kind == JointCommand::Velocity {
                    let (lowest, highest) = self.reach[slot];
                    if !(lowest..=highest).contains(&next.position) {
                        let (lowest, highest) = self.range(slot);
                        if exceeds(next.position, highest + SAME_POSITION) {
                            note(ViolationKind::Position, next.position, highest);
                        } else if exceeds(-next.position, SAME_POSITION - lowest) {
                            note(ViolationKind::Position, next.position, lowest);
                        }
                    }
                    let arm = &self.arm[slot];
                    let place = self.joints[slot].position;
                    // Standing still is allowed everywhere.
                    let bound = match next.velocity > 0.0 {
                        true => arm.upper_velocity(place),
                        false => arm.lower_velocity(place),
                    };
                    if exceeds(next.velocity.abs(), arm.velocity + ROUNDING) {
                        // The answer was already found too fast, wherever the arm is.
                    } else if exceeds(next.velocity.abs(), bound.abs() + ROUNDING) {
                        note(ViolationKind::Velocity, next.velocity, bound);
                    }
                }
                if let Some(ahead) = self.ahead(slot) {
                    note(ViolationKind::Distance, ahead.abs(), self.max_distance);
                }
            }
        })
    }

    fn check_step(&self, _observation: &[f64], action: &[f64]) -> Option<Violations> {
        if !self.fits(action, 1.0) {
            return None;
        }
        match self.kind {
            JointCommand::Velocity => Some(self.unbraked(action)),
            JointCommand::Position | JointCommand::Target => Some(Violations::none()),
        }
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        if self.kind != JointCommand::Position {
            return None;
        }
        let missing = |joint: usize| (action[joint] - self.joints[joint].position).abs();
        let furthest = (0..7).max_by(|&a, &b| missing(a).total_cmp(&missing(b)))?;
        (missing(furthest) > NEAR).then(|| (furthest, missing(furthest)))
    }

    fn accept(&mut self, action: &[f64]) {
        self.joints = std::array::from_fn(|joint| self.next(joint, action[joint]));
        self.followed = None;
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let reached = self.kind != JointCommand::Target
            && self.fits(action, reached_share(self.has_reached))
            && self.unbraked(action).is_empty()
            && self.check_answer(action).is_empty()
            && self.check_place(observation, action).is_empty();
        self.has_reached = reached;
        let mut wanted = [0.0; 7];
        wanted.copy_from_slice(action);
        if reached {
            self.accept(action);
            self.followed = Some((wanted, 1));
            out.copy_from_slice(action);
            return true;
        }
        if self.kind != JointCommand::Velocity {
            for (joint, target) in wanted.iter_mut().enumerate() {
                let (lowest, highest) = self.range(joint);
                *target = confined(*target, lowest, highest);
            }
        }
        self.step_towards(&wanted, approach, out);
        self.followed = Some((wanted, 1));
        false
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        self.has_reached = false;
        if let (JointCommand::Target, Some((target, _))) = (self.kind, self.followed) {
            return self.step_towards(&target, Approach::WithinLimits, out);
        }
        let own = self.own;
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        self.step(out, |joint, motion| {
            motion.towards_velocity(motion.velocity, &own[joint], DT)
        });
    }

    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        let own = self.own;
        self.has_reached = false;
        self.followed = None;
        self.step(out, |joint, motion| {
            motion.towards_velocity(0.0, &own[joint], DT)
        });
        self.joints.iter().all(|motion| motion.is_at_rest())
    }
}
