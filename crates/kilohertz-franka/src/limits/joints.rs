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
                    // What it exceeds its own limit by is rounding, which was found above.
                    velocity: confined(derivative(1), fastest.0, fastest.1),
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
                let (kind, (lowest, highest), tolerance) = match self.kind {
                    JointCommand::Velocity => {
                        let fastest = self.arm[slot].velocity;
                        (ViolationKind::Velocity, (-fastest, fastest), ROUNDING)
                    }
                    JointCommand::Position | JointCommand::Target => {
                        (ViolationKind::Position, self.range(slot), SAME_POSITION)
                    }
                };
                if !(lowest - tolerance..=highest + tolerance).contains(&action) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::tests::at;
    use JointCommand::{Position, Target, Velocity};

    /// The bounds of every joint. The range is not symmetric.
    const BOUNDS: JointBounds = JointBounds {
        lower: -1.0,
        upper: 1.5,
        velocity: 2.0,
        margin: 0.25,
        deceleration: 8.0,
        acceleration: 8.0,
        jerk: 4_000.0,
    };
    /// The ends of the range, each with the direction that leads to it.
    const ENDS: [(f64, f64); 2] = [(BOUNDS.upper, 1.0), (BOUNDS.lower, -1.0)];
    const KINDS: [JointCommand; 3] = [Velocity, Position, Target];
    /// The joint that moves. The others stand at zero.
    const JOINT: usize = 3;

    fn own() -> JointBounds {
        BOUNDS.share(1.0, OWN_SHARE, OWN_SHARE)
    }

    fn only(value: f64) -> [f64; 7] {
        let mut all = [0.0; 7];
        all[JOINT] = value;
        all
    }

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    fn motion(position: f64, velocity: f64, acceleration: f64) -> JointMotion {
        JointMotion {
            position,
            velocity,
            acceleration,
        }
    }

    /// Returns the limits of an arm that follows its commands and whose [`JOINT`] is commanded `motion`.
    fn moving(kind: JointCommand, motion: JointMotion) -> JointLimiter {
        let arm = ArmLimits {
            joints: [BOUNDS; 7],
            ..ArmLimits::fer()
        };
        let mut limits = JointLimiter::new(kind, &arm, &MotionOptions::default());
        limits.joints[JOINT] = motion;
        limits.measured[JOINT] = motion.position;
        limits
    }

    fn resting(kind: JointCommand) -> JointLimiter {
        moving(kind, JointMotion::default())
    }

    /// Returns the action with which [`JOINT`] goes on from `from` at `velocity`.
    fn at_velocity(kind: JointCommand, from: JointMotion, velocity: f64) -> [f64; 7] {
        only(match kind {
            Velocity => velocity,
            Position | Target => from.position + velocity * DT,
        })
    }

    /// Returns the fastest velocity in the direction of `outwards` that `bounds` allow at `place`.
    fn fastest(bounds: &JointBounds, place: f64, outwards: f64) -> f64 {
        match outwards > 0.0 {
            true => bounds.upper_velocity(place),
            false => bounds.lower_velocity(place),
        }
    }

    /// Returns slot, received value and limit of the violation of this kind.
    fn told(found: &Violations, kind: ViolationKind) -> Option<(usize, f64, f64)> {
        let violation = found.of(kind)?;
        Some((violation.slot, violation.received, violation.limit))
    }

    /// Returns true if one cycle is enough for going on from `from` at `velocity`.
    fn takes_one_cycle(kind: JointCommand, from: JointMotion, velocity: f64) -> bool {
        let action = at_velocity(kind, from, velocity);
        moving(kind, from)
            .check_step(&at([0.0; 7]), &action)
            .is_some()
    }

    #[test]
    fn one_cycle_is_enough_for_a_step_at_the_limits() {
        let JointBounds {
            velocity,
            acceleration,
            jerk,
            ..
        } = BOUNDS;
        // From each of these motions, the next velocity takes all of one limit and little of the others.
        let steps = [
            (motion(0.0, velocity, 0.0), velocity),
            (motion(0.0, 0.0, acceleration), acceleration * DT),
            (motion(0.0, 0.0, 0.0), jerk * DT * DT),
        ];
        for kind in KINDS {
            for (from, next) in steps {
                for sign in [1.0, -1.0] {
                    let from = motion(0.0, sign * from.velocity, sign * from.acceleration);
                    let next = sign * next;
                    assert!(takes_one_cycle(kind, from, next), "{kind:?}, {next}");
                    let more = next * (1.0 + 1e-6);
                    assert!(!takes_one_cycle(kind, from, more), "{kind:?}, {more}");
                }
            }
        }
    }

    #[test]
    fn at_the_very_end_of_the_range_one_cycle_is_enough_for_what_is_rounding() {
        for kind in [Position, Target] {
            for (end, outwards) in ENDS {
                let from = motion(end, 0.0, 0.0);
                assert!(takes_one_cycle(kind, from, 0.9e-9 * outwards));
                assert!(!takes_one_cycle(kind, from, 1.1e-9 * outwards));
            }
        }
    }

    #[test]
    fn a_step_leaves_room_for_braking_with_the_share_that_is_used_for_it() {
        for (end, outwards) in ENDS {
            let place = end - 0.1 * outwards;
            let limit = fastest(&own(), place, outwards);
            // The arm would allow this velocity.
            let velocity = (limit + fastest(&BOUNDS, place, outwards)) / 2.0;
            let from = motion(place, velocity, 0.0);
            for kind in [Position, Target] {
                assert!(!takes_one_cycle(kind, from, velocity));
            }
            let step = moving(Velocity, from).check_step(&at([0.0; 7]), &only(velocity));
            let expected = (JOINT, velocity, limit);
            assert_eq!(
                told(&step.unwrap(), ViolationKind::Velocity),
                Some(expected)
            );

            let slower = 0.9 * limit;
            let from = motion(place, slower, 0.0);
            for kind in KINDS {
                let action = at_velocity(kind, from, slower);
                let step = moving(kind, from).check_step(&at([0.0; 7]), &action);
                assert_eq!(step, Some(Violations::none()));
            }
        }
    }

    /// Returns true if approaching `action` reaches it.
    fn reaches(limits: &mut JointLimiter, observation: &[f64], action: &[f64; 7]) -> bool {
        limits.approach(observation, action, Approach::WithinLimits, &mut [0.0; 7])
    }

    #[test]
    fn an_action_is_reached_by_a_small_step_and_kept_by_larger_ones_until_a_command_is_lost() {
        // The velocity after a first step that takes this share of the jerk.
        let first = |share: f64| only(share * BOUNDS.jerk * DT * DT);
        let standing = at([0.0; 7]);
        for (share, is_small) in [(0.29, true), (0.31, false), (-0.29, true), (-0.31, false)] {
            let mut limits = resting(Velocity);
            limits.observe(&standing);
            assert_eq!(
                reaches(&mut limits, &standing, &first(share)),
                is_small,
                "{share}"
            );
        }
        for is_lost in [false, true] {
            let mut limits = resting(Velocity);
            limits.observe(&standing);
            assert!(reaches(&mut limits, &standing, &first(0.29)));
            let mut now = standing.clone();
            if !is_lost {
                now[offset::dq_d + JOINT] = first(0.29)[JOINT];
            }
            assert_eq!(limits.observe(&now), !is_lost);
            // An acceleration that takes another half of the jerk.
            let motion = limits.joints[JOINT];
            let acceleration = motion.acceleration + 0.5 * BOUNDS.jerk * DT;
            let action = only(motion.velocity + acceleration * DT);
            assert_eq!(reaches(&mut limits, &now, &action), !is_lost);
        }
    }

    #[test]
    fn the_further_the_arm_lags_behind_the_slower_its_command_becomes() {
        for lag in [0.02, 0.05] {
            for sign in [1.0, -1.0] {
                let mut limits = resting(Velocity);
                limits.measured[JOINT] = -lag * sign;
                let mut out = [0.0; 7];
                let wanted = only(5.0 * sign);
                for _ in 0..1_000 {
                    // Without its way, the motion stays far from the ends of the range.
                    limits.joints[JOINT].position = 0.0;
                    limits.step_towards(&wanted, Approach::WithinLimits, &mut out);
                }
                // The arm moves 20 rad/s faster than its command, per radian that it is behind.
                let expected = BOUNDS.velocity - 20.0 * lag;
                assert!(near(out[JOINT], expected * sign), "{out:?}");
            }
        }
    }

    #[test]
    fn a_command_that_is_too_far_ahead_waits_for_the_arm_but_may_stop_and_come_back() {
        let own = own();
        // The velocity after a first step with all of the jerk.
        let first = own.jerk * DT * DT;
        // The step that brakes this motion with all of the acceleration ends at rest.
        let stopping = motion(0.0, own.acceleration * DT, -own.acceleration);
        for (from, wanted, expected) in [
            (motion(0.0, 0.0, 0.0), 1.0, 0.0),
            (motion(0.0, 0.0, 0.0), -1.0, -first),
            (stopping, -1.0, 0.0),
        ] {
            for sign in [1.0, -1.0] {
                let from = motion(0.0, sign * from.velocity, sign * from.acceleration);
                let mut limits = moving(Velocity, from);
                limits.max_distance = 0.01;
                limits.measured[JOINT] = -0.02 * sign;
                let mut out = [9.0; 7];
                let wanted = only(wanted * sign);
                limits.approach(&at([0.0; 7]), &wanted, Approach::WithinLimits, &mut out);
                assert!(near(out[JOINT], expected * sign), "{from:?}: {out:?}");
            }
        }
    }

    #[test]
    fn braking_begins_once_the_acceleration_is_undone_and_takes_most_of_what_is_left() {
        let observation = at([0.0; 7]);
        for acceleration in [7.0, -7.0] {
            let now = motion(0.25, 0.5, acceleration);
            let velocity = now.velocity + 0.9 * acceleration * DT;
            for kind in [Velocity, Position] {
                let limits = moving(kind, now);
                let action = at_velocity(kind, now, velocity);
                let next = motion(0.25 + velocity * DT, velocity, 0.9 * acceleration);
                for (path, motion, delay) in [
                    (limits.braking_path(&observation), now, 7.0 / own().jerk),
                    (
                        limits.braking_path_with(&observation, &action),
                        next,
                        6.3 / own().jerk,
                    ),
                    // The acceleration towards the action is ignored.
                    (limits.braking_path_along(&observation, &action), next, DT),
                ] {
                    assert!(near(path.q[JOINT], motion.position), "{path:?}");
                    assert!(near(path.dq[JOINT], motion.velocity), "{path:?}");
                    assert!(near(path.delay, delay), "{path:?}");
                    let braking = 0.9 * OWN_SHARE * BOUNDS.acceleration;
                    assert!(path.braking.iter().all(|joint| near(*joint, braking)));
                }
            }
        }
        let rests = resting(Velocity).braking_path(&observation);
        assert_eq!(rests.delay, DT, "a command takes one cycle");
    }

    #[test]
    fn only_positions_are_places_to_go_to() {
        let action = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        for (kind, target) in [
            (Velocity, None),
            (Position, Some(action)),
            (Target, Some(action)),
        ] {
            assert_eq!(resting(kind).target(&action), target);
        }
    }

    #[test]
    fn a_velocity_that_the_arm_reports_otherwise_was_lost() {
        let mut limits = resting(Velocity);
        let mut observation = at([0.0; 7]);
        limits.observe(&observation);
        for (off, in_step) in [
            (1.9e-5, true),
            (-1.9e-5, true),
            (2e-5, false),
            (-2e-5, false),
            (0.5, false),
        ] {
            limits.joints[JOINT] = JointMotion::default();
            observation[offset::dq_d + JOINT] = off;
            assert_eq!(limits.observe(&observation), in_step, "{off}");
            let velocity = if in_step { 0.0 } else { off };
            assert_eq!(limits.joints[JOINT].velocity, velocity);
        }
    }

    #[test]
    fn the_rates_are_the_derivatives_of_what_is_commanded() {
        for (kind, commanded, rates) in [
            (Velocity, 0.5, (2.0, 0.0)),
            (Position, 0.25, (0.5, 2.0)),
            (Target, 0.25, (0.5, 2.0)),
        ] {
            let limits = moving(kind, motion(0.25, 0.5, 2.0));
            let [mut last, mut first, mut second] = [[9.0; 7]; 3];
            limits.last_command(&mut last);
            limits.rates(&mut first, &mut second);
            assert_eq!(last, only(commanded));
            assert_eq!((first, second), (only(rates.0), only(rates.1)));
        }
    }

    #[test]
    fn the_highest_rates_are_those_that_an_action_is_followed_with() {
        let own = own();
        let budget = Budget::default();
        let shares = [budget.velocity, budget.acceleration, budget.jerk];
        let full = [BOUNDS.velocity, BOUNDS.acceleration, BOUNDS.jerk];
        for (kind, highest) in [
            (Velocity, [own.acceleration, own.jerk, f64::INFINITY]),
            (Position, [own.velocity, own.acceleration, own.jerk]),
            (
                Target,
                std::array::from_fn(|rate| full[rate] * shares[rate]),
            ),
        ] {
            let limits = resting(kind);
            assert_eq!(limits.highest_rates(JOINT), highest);
            assert_eq!(limits.highest_rates(7), [f64::INFINITY; 3]);
        }
    }

    #[test]
    fn an_answer_beyond_the_end_of_the_range_is_found_with_the_end_it_passed() {
        let (lowest, highest) = own().reach();
        for kind in [Position, Target] {
            let limits = resting(kind);
            for (end, outwards) in [(highest, 1.0), (lowest, -1.0)] {
                for beyond in [0.0, 1.9e-6] {
                    let answer = only(end + beyond * outwards);
                    assert!(limits.check_answer(&answer).is_empty(), "{answer:?}");
                }
                for beyond in [2.1e-6, 0.5] {
                    let place = end + beyond * outwards;
                    let found = limits.check_answer(&only(place));
                    let (slot, received, limit) = told(&found, ViolationKind::Position).unwrap();
                    assert_eq!((slot, received), (JOINT, place));
                    assert_eq!(limit, end);
                }
            }
        }
    }

    #[test]
    fn an_answer_that_is_faster_than_the_joint_is_found_with_the_limit_it_passed() {
        let limits = resting(Velocity);
        for sign in [1.0, -1.0] {
            let answer = |faster: f64| only((BOUNDS.velocity + faster) * sign);
            for rounding in [0.0, 0.9e-9] {
                assert!(limits.check_answer(&answer(rounding)).is_empty());
            }
            for faster in [1.1e-9, 1.0] {
                let answer = answer(faster);
                let found = limits.check_answer(&answer);
                let (slot, received, limit) = told(&found, ViolationKind::Velocity).unwrap();
                assert_eq!((slot, received), (JOINT, answer[JOINT]));
                assert_eq!(limit, BOUNDS.velocity * sign);
            }
        }
    }

    /// Returns what is decided about an answer of [`JOINT`] that comes one cycle after the answer
    /// `previous`, with these derivatives, after `change` was made to the sequence.
    fn judged(
        limits: &mut JointLimiter,
        previous: f64,
        derivatives: [f64; ORDERS],
        change: impl FnOnce(&mut Sequence<'_>),
    ) -> Judgement {
        let answer = only(previous + derivatives[0] * DT);
        let (previous, derivatives) = (only(previous), derivatives.map(only));
        let mut sequence = Sequence {
            answer: &answer,
            previous: &previous,
            derivatives: derivatives.each_ref().map(|derivative| &derivative[..]),
            known: ORDERS,
            ratio: 1.0,
            is_gapless: false,
            is_first: false,
            is_behind_rest: false,
        };
        change(&mut sequence);
        limits.judge(0, &sequence)
    }

    /// Returns the limits of the derivatives of answers, from the first order on.
    fn limits_of_orders(kind: JointCommand) -> Vec<(ViolationKind, f64)> {
        let limits = [
            (ViolationKind::Velocity, BOUNDS.velocity),
            (ViolationKind::Acceleration, BOUNDS.acceleration),
            (ViolationKind::Jerk, BOUNDS.jerk),
        ];
        limits[usize::from(kind == Velocity)..].to_vec()
    }

    #[test]
    fn a_derivative_beyond_its_limit_is_found_with_its_order_and_the_limit_it_passed() {
        for kind in [Velocity, Position] {
            for (nth, (broken, limit)) in limits_of_orders(kind).into_iter().enumerate() {
                for limit in [limit, -limit] {
                    let judged = |share: f64, is_gapless: bool| {
                        let mut derivatives = [0.0; ORDERS];
                        derivatives[nth] = limit * share;
                        judged(&mut resting(kind), 0.0, derivatives, |sequence| {
                            sequence.is_gapless = is_gapless;
                        })
                    };
                    // The derivatives of answers are rounded.
                    for is_gapless in [false, true] {
                        let rounded = judged(1.0 + 0.9e-6, is_gapless);
                        assert_eq!(rounded, Judgement::none(), "{broken:?}");
                    }
                    let share = 1.0 + 1.1e-6;
                    let Judgement { found, order } = judged(share, false);
                    assert_eq!(order, Some(nth + 1), "{broken:?}");
                    assert_eq!(told(&found, broken), Some((JOINT, limit * share, limit)));
                    assert_eq!(found.iter().count(), 1);
                }
            }
        }
    }

    #[test]
    fn only_the_derivatives_that_are_known_are_looked_at() {
        for kind in [Velocity, Position] {
            let limits = limits_of_orders(kind);
            for known in 0..=limits.len() {
                let Judgement { found, order } =
                    judged(&mut resting(kind), 0.0, [1e6; ORDERS], |sequence| {
                        sequence.known = known;
                    });
                let kinds: Vec<_> = found.iter().map(|violation| violation.kind).collect();
                let expected: Vec<_> = limits[..known].iter().map(|(kind, _)| *kind).collect();
                assert_eq!((kinds, order), (expected, (known > 0).then_some(1)));
            }
        }
    }

    #[test]
    fn where_two_pieces_of_the_curve_meet_the_jerk_is_higher_by_the_ratio() {
        for kind in [Velocity, Position] {
            let order = limits_of_orders(kind).len();
            let judged = |jerk: f64| {
                let mut derivatives = [0.0; ORDERS];
                derivatives[order - 1] = jerk;
                judged(&mut resting(kind), 0.0, derivatives, |sequence| {
                    sequence.ratio = 4.0;
                })
            };
            let limit = BOUNDS.jerk;
            assert_eq!(judged(0.99 * limit / 4.0), Judgement::none());
            let judgement = judged(1.01 * limit / 4.0);
            assert_eq!(judgement.order, Some(order));
            let (slot, received, told) = told(&judgement.found, ViolationKind::Jerk).unwrap();
            assert_eq!((slot, told), (JOINT, limit));
            assert!(near(received, 1.01 * limit), "{received}");
        }
    }

    #[test]
    fn at_the_very_end_of_the_range_an_answer_may_stand_still_up_to_rounding() {
        for (end, outwards) in ENDS {
            let judged = |velocity: f64| {
                let derivatives = [velocity * outwards, 0.0, 0.0];
                judged(&mut resting(Position), end, derivatives, |_| {})
            };
            assert_eq!(judged(0.0), Judgement::none());
            assert_eq!(judged(0.9e-9), Judgement::none());
            let broken = judged(1.1e-9).found.of(ViolationKind::Velocity);
            assert_eq!(broken.unwrap().limit, 0.0);
        }
    }

    #[test]
    fn an_answer_leaves_room_for_braking_from_the_one_before_it_if_no_limit_is_broken_so_far() {
        for (end, outwards) in ENDS {
            let place = end - 0.1 * outwards;
            let limit = fastest(&own(), place, outwards);
            // The arm would allow this velocity.
            let velocity = (limit + fastest(&BOUNDS, place, outwards)) / 2.0;
            let judged = |jerk: f64, is_gapless: bool| {
                let derivatives = [velocity, 0.0, jerk];
                judged(&mut resting(Position), place, derivatives, |sequence| {
                    sequence.is_gapless = is_gapless;
                })
            };
            assert_eq!(judged(0.0, false), Judgement::none());
            let Judgement { found, order } = judged(0.0, true);
            assert_eq!(order, Some(1));
            let expected = Some((JOINT, velocity, limit));
            assert_eq!(told(&found, ViolationKind::Velocity), expected);

            let Judgement { found, order } = judged(2.0 * BOUNDS.jerk, true);
            assert_eq!(order, Some(3));
            assert_eq!(found.of(ViolationKind::Velocity), None);
        }
    }

    #[test]
    fn the_pace_of_a_policy_is_that_of_its_own_positions() {
        for (kind, is_first, pace) in [
            (Position, false, 0.5),
            (Position, true, 0.0),
            (Velocity, false, 0.0),
        ] {
            let mut limits = resting(kind);
            judged(&mut limits, 0.0, [0.5, 0.0, 0.0], |sequence| {
                sequence.is_first = is_first;
            });
            assert_eq!(limits.pace.fastest(limits.time), only(pace), "{kind:?}");
        }
    }

    #[test]
    fn a_velocity_that_leads_beyond_the_end_of_the_range_is_found_with_the_end_it_passes() {
        let (lowest, highest) = own().reach();
        for (end, outwards) in [(highest, 1.0), (lowest, -1.0)] {
            let limits = moving(Velocity, motion(end, 0.0, 0.0));
            let found = |beyond: f64| {
                let action = only(beyond * outwards / DT);
                let found = limits.check_place(&at([0.0; 7]), &action);
                told(&found, ViolationKind::Position)
            };
            for beyond in [-3e-6, 0.0, 1.9e-6] {
                assert_eq!(found(beyond), None, "{beyond}");
            }
            let (slot, received, limit) = found(2.1e-6).unwrap();
            assert_eq!((slot, limit), (JOINT, end));
            assert!(near(received, end + 2.1e-6 * outwards), "{received}");
        }
    }

    #[test]
    fn a_velocity_is_found_if_it_is_too_fast_for_the_end_that_it_leads_to() {
        for (end, outwards) in ENDS {
            let place = end - 0.1 * outwards;
            let limit = fastest(&BOUNDS, place, outwards);
            let limits = moving(Velocity, motion(place, 0.0, 0.0));
            let found = |velocity: f64| {
                let found = limits.check_place(&at([0.0; 7]), &only(velocity));
                told(&found, ViolationKind::Velocity)
            };
            for allowed in [limit, -BOUNDS.velocity * outwards] {
                assert_eq!(found(allowed), None, "{allowed}");
            }
            for fast in [1.1 * limit, BOUNDS.velocity * outwards] {
                assert_eq!(found(fast), Some((JOINT, fast, limit)));
            }
            // This was already found in the answer, wherever the arm is.
            assert_eq!(found(1.1 * BOUNDS.velocity * outwards), None);
        }
    }

    #[test]
    fn the_joint_that_is_furthest_behind_an_action_is_told_with_its_distance() {
        let behind = |kind, action: &[f64; 7]| moving(kind, motion(0.25, 0.0, 0.0)).behind(action);
        let mut action = only(-0.5);
        action[1] = 0.5;
        assert_eq!(behind(Position, &action), Some((JOINT, 0.75)));
        action[1] = -1.0;
        assert_eq!(behind(Position, &action), Some((1, 1.0)));
        assert_eq!(behind(Velocity, &action), None);
        assert_eq!(behind(Target, &action), None);
        // A joint that is as near as this is there.
        for (distance, is_behind) in [(0.01, false), (0.0101, true), (-0.0101, true)] {
            let mut action = only(0.25);
            action[5] = distance;
            let expected = is_behind.then_some((5, 0.0101));
            assert_eq!(behind(Position, &action), expected);
        }
    }
}
