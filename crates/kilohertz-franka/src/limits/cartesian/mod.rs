//! The limits of the end effector, and how it is brought to rest.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk, joints, box, distance | the velocity is kept | braked to zero |
//! | pose | velocity, acceleration, jerk, joints, box, distance, and that it is a rigid transform | the velocity is kept | braked to zero |
//! | target | rigid transform, box, distance; it is moved to within a [`Budget`] | the last target is moved to | braked to zero |
//!
//! The limits of velocity, acceleration and jerk apply to the translation and to the rotation, each as the
//! length of its vector, and to the elbow (joint 3) if that is commanded. What they require of the joints
//! follows from the Jacobian. A motion is too much for the joints if one of them would break its own
//! limits, now or before the end effector could be braked, or if the arm would come too close to a singular
//! pose.

// long: following and judging share the motion and its bounds.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod command;
mod lookahead;
mod motion;

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::command::pace::Pace;
use kilohertz_core::limits::{
    Approach, Judgement, Limiter, Sequence, TooFar, Violation, ViolationKind, Violations,
    check_finite, confined, difference, exceeds, largest as most_of,
};
use kilohertz_geometry::{Pose, check_pose, norm, orthonormal, pose_error};

use crate::constants::{DT, OWN_SHARE};
use crate::control::leading;
use crate::kinematics::differential::{ELBOW, Kinematics, PARTS, Rates, joined};
use crate::limits::arm_limits::{ArmLimits, PartBounds};
pub(crate) use crate::limits::cartesian::command::CartesianCommand;
use crate::limits::cartesian::lookahead::{Blocked, Lookahead};
use crate::limits::cartesian::motion::CartesianMotion;
use crate::limits::options::{Budget, MotionOptions};
use crate::limits::tolerances::{NEAR, ROUNDING, ROUNDING_SHARE, is_own_motion, reached_share};
use crate::state::{joints, offset};

/// A smaller difference from what was commanded counts as none, because the arm reports in single
/// precision. A larger difference means that the last command got lost and that the arm extrapolated. The
/// acceleration [m/s2, rad/s2] shows that first. If a motion starts from a rounded pose, it shows a loss
/// that did not happen, which does no harm.
const SAME_POSE: f64 = 2e-6;
const SAME_TWIST: f64 = 3e-4;
const SAME_ACCELERATION: f64 = 0.05;
/// If a pose is not reached after this many cycles at a standstill, it is out of reach.
const STANDSTILL: u32 = 200;
/// A standstill: the highest velocity [m/s, rad/s], and the least distance from the wanted pose [m, rad].
const STILL: f64 = 2e-3;
const MISSING: f64 = 2e-3;

/// The arm's own inverse kinematics adds to what a step asks of the joints, and how much is not known. A step that
/// asks for no more than this share of their acceleration and jerk is taken as it is; one that asks for more is
/// approached.
const FORESEEN_SHARE: f64 = 0.95;

/// The number of slots of the longest action: a pose and the elbow.
const LONGEST: usize = 17;

/// Limits of Cartesian velocity, pose and target control.
#[derive(Clone)]
pub(crate) struct CartesianLimiter {
    command: CartesianCommand,
    arm: [PartBounds; 3],
    /// Bounds for following an action.
    following: [PartBounds; 3],
    max_distance: f64,
    ahead: Lookahead,
    motion: CartesianMotion,
    /// The joint that is too far behind its command, and by how much.
    behind: Option<(usize, f64)>,
    has_observed: bool,
    /// The last action that was followed, and how many cycles ago.
    followed: Option<([f64; LONGEST], u32)>,
    /// True if the last step followed an action and reached it.
    has_reached: bool,
    /// The joint that keeps the motion from what is wanted, and the multiple of its limits that it would
    /// need.
    obstacle: Option<(usize, f64)>,
    /// For how many cycles that joint has kept the motion at a standstill.
    standing: u32,
    /// How fast the parts of the policy's own answers were in the last second.
    pace: Pace<3>,
    /// The time on the robot's clock [s].
    time: f64,
}

impl CartesianLimiter {
    pub fn new(
        command: CartesianCommand,
        leads_elbow: bool,
        arm: &ArmLimits,
        options: &MotionOptions,
        kinematics: Kinematics,
    ) -> CartesianLimiter {
        let share = |velocity: f64, acceleration: f64, jerk: f64| {
            arm.cartesian.map(|bounds| {
                bounds.share(
                    velocity.min(OWN_SHARE),
                    acceleration.min(OWN_SHARE),
                    jerk.min(OWN_SHARE),
                )
            })
        };
        let Budget {
            velocity,
            acceleration,
            jerk,
        } = options.budget;
        let own = share(1.0, 1.0, 1.0);
        CartesianLimiter {
            command,
            arm: arm.cartesian,
            following: match command {
                CartesianCommand::Target => share(velocity, acceleration, jerk),
                CartesianCommand::Velocity | CartesianCommand::Pose => own,
            },
            max_distance: options.max_distance,
            motion: CartesianMotion {
                pose: kinematics.frame,
                elbow: 0.0,
                rates: [0.0; 7],
                acceleration: [0.0; 7],
            },
            ahead: Lookahead::new(leads_elbow, arm.joints, own, options.workspace, kinematics),
            behind: None,
            has_observed: false,
            followed: None,
            has_reached: false,
            obstacle: None,
            standing: 0,
            pace: Pace::STILL,
            time: 0.0,
        }
    }

    /// Returns the motion with `action` as its next step.
    fn next(&self, action: &[f64]) -> CartesianMotion {
        match self.command {
            CartesianCommand::Velocity => self.motion.with_rates(self.command.rates_in(action)),
            CartesianCommand::Pose | CartesianCommand::Target => self
                .motion
                .with_pose(&leading(action), self.command.elbow_in(action)),
        }
    }

    /// Returns the parts of a motion that exceed their bounds, with `share` of the acceleration and of the
    /// jerk: the order of the derivative, the part, its vector, its length and the bound.
    fn exceeded<'a>(
        &'a self,
        derivatives: [&'a [f64]; 3],
        share: f64,
    ) -> impl Iterator<Item = (usize, usize, &'a [f64], f64, f64)> {
        let parts = PARTS.into_iter().zip(&self.arm).enumerate();
        parts.flat_map(move |(part, (range, arm))| {
            let limits = [arm.velocity, share * arm.acceleration, share * arm.jerk];
            (0..3).filter_map(move |order| {
                let vector = &derivatives[order][range.clone()];
                let length = norm(vector);
                let most = limits[order] * (1.0 + ROUNDING_SHARE) + ROUNDING;
                exceeds(length, most).then_some((order, part, vector, length, limits[order]))
            })
        })
    }

    /// Returns what the step to `action` breaks, with `share` of the acceleration and of the jerk; `None`
    /// if one cycle is not enough for it.
    fn broken(&self, action: &[f64], share: f64) -> Option<Violations> {
        let next = self.next(action);
        let jerk = self.motion.jerk_to(&next);
        let derivatives = [&next.rates[..], &next.acceleration[..], &jerk[..]];
        if self.exceeded(derivatives, share).next().is_some() {
            return None;
        }
        let (mut found, mut is_close) = (Violations::none(), false);
        let [dq, ddq, dddq] = self.ahead.joint_step(&self.motion, &next);
        for (joint, arm) in self.ahead.arm_joints.iter().enumerate() {
            let fastest = if dq[joint] > 0.0 {
                arm.upper_velocity(self.ahead.q[joint])
            } else {
                -arm.lower_velocity(self.ahead.q[joint])
            };
            let rates = most_of([
                ddq[joint] / (share * arm.acceleration),
                dddq[joint] / (share * arm.jerk),
            ]);
            let most = most_of([dq[joint] / fastest.max(1e-2), rates]);
            if exceeds(most, 1.0 + ROUNDING) {
                found.note(self.ahead.joints_break(joint, most));
            }
            is_close |= exceeds(rates, FORESEEN_SHARE);
        }
        if is_close && found.is_empty() {
            return None;
        }
        if let (true, Some(blocked)) = (found.is_empty(), self.ahead.blocked(&self.motion, &next)) {
            found.note(self.ahead.violation_of(blocked, self.command, action));
        }
        Some(found)
    }

    /// Returns how far away the place of a pose is, if no posture reaches it.
    fn too_far(&self, action: &[f64]) -> Option<TooFar> {
        let is_place = self.command != CartesianCommand::Velocity;
        let place = is_place.then(|| [action[12], action[13], action[14]])?;
        self.ahead.kinematics.span().beyond(&place)
    }

    /// Takes one step towards the velocities `rates`, or brakes if the arm could not be braked within the
    /// limits after that step. Writes the step to `out`.
    fn step(&mut self, rates: Rates, bounds: &[PartBounds; 3], out: &mut [f64]) {
        let bounds = self.ahead.eased(&self.motion, bounds);
        let (rates, obstacle) = self.ahead.allowed(&self.motion, rates, &bounds);
        let next = self.motion.towards(&rates, &bounds);
        let blocked = self.ahead.blocked(&self.motion, &next);
        self.motion = if blocked.is_none() {
            next
        } else {
            self.motion
                .towards(&[0.0; 7], &self.ahead.eased(&self.motion, &self.ahead.own))
        };
        self.obstacle = match blocked {
            Some(Blocked::Joint(joint, share)) => Some((joint, share)),
            _ => obstacle,
        };
        self.last_command(out);
    }

    /// Counts how long the motion has stood still away from what is wanted.
    fn stands(&mut self, (target, elbow): &(Pose, f64)) {
        let missing = self.motion.way_to(target, *elbow);
        let far = PARTS.into_iter().any(|part| norm(&missing[part]) > MISSING);
        let still = norm(&self.motion.rates) < STILL && self.behind.is_none();
        self.standing = if far && still && self.obstacle.is_some() {
            self.standing.saturating_add(1)
        } else {
            0
        };
    }

    /// Returns the pose and the elbow of an action, kept inside the box and the range of joint 3.
    fn inside(&self, action: &[f64]) -> (Pose, f64) {
        let mut target: Pose = orthonormal(&leading(action));
        if let Some(workspace) = &self.ahead.workspace {
            let place = self.motion.place();
            for (axis, at) in target[12..15].iter_mut().enumerate() {
                let (lowest, highest) = workspace.walls(axis);
                let (lowest, highest) = (lowest.min(place[axis]), highest.max(place[axis]));
                *at = confined(*at, lowest, highest);
            }
        }
        let (lowest, highest) = self.elbow_range();
        (
            target,
            confined(self.command.elbow_in(action), lowest, highest),
        )
    }

    /// Returns the range in which the elbow may be commanded. The elbow may always stay where it is.
    fn elbow_range(&self) -> (f64, f64) {
        let (lowest, highest) = self.ahead.arm_joints[ELBOW].reach();
        let elbow = self.motion.elbow;
        (lowest.min(elbow), highest.max(elbow))
    }

    /// Takes one cycle's step towards `action`, and writes it to `out`.
    fn step_towards(&mut self, action: &[f64], approach: Approach, out: &mut [f64]) {
        let mut following = self.following;
        if (self.command, approach) == (CartesianCommand::Pose, Approach::AfterRest) {
            let most = self
                .pace
                .approach(self.time, self.arm.map(|part| part.velocity));
            for (bounds, speed) in following.iter_mut().zip(most) {
                bounds.velocity = bounds.velocity.min(speed);
            }
        }
        let target = (self.command != CartesianCommand::Velocity).then(|| self.inside(action));
        let mut rates = match (&target, self.command) {
            (None, _) => self.command.rates_in(action),
            (Some(target), CartesianCommand::Target) => self.motion.rates_to(
                target,
                &[0.0; 7],
                &self.ahead.eased(&self.motion, &following),
            ),
            (Some(target), _) => {
                let moving = match self.followed {
                    // A step of the target is not a velocity.
                    Some((last, ago)) => {
                        let way =
                            joined(pose_error(&leading(&last), &target.0), target.1 - last[16]);
                        let moving = way.map(|v| v / (f64::from(ago) * DT));
                        let too_fast = PARTS
                            .into_iter()
                            .zip(&self.arm)
                            .any(|(part, arm)| norm(&moving[part]) > arm.velocity);
                        if too_fast { [0.0; 7] } else { moving }
                    }
                    None => [0.0; 7],
                };
                self.motion
                    .rates_to(target, &moving, &self.ahead.eased(&self.motion, &following))
            }
        };
        if self.behind.is_some() {
            // The command waits for the arm.
            rates = [0.0; 7];
        }
        self.step(rates, &following, out);
        if let Some(target) = target {
            self.stands(&target);
        }
    }

    fn remembered(&self, action: &[f64]) -> [f64; LONGEST] {
        let mut kept = [0.0; LONGEST];
        if self.command == CartesianCommand::Velocity {
            kept[..action.len()].copy_from_slice(action);
        } else {
            let (pose, elbow) = self.inside(action);
            kept[..16].copy_from_slice(&pose);
            kept[16] = elbow;
        }
        kept
    }
}

impl Limiter for CartesianLimiter {
    fn interpolation(&self) -> Interpolation {
        match self.command {
            CartesianCommand::Velocity => Interpolation::Line,
            CartesianCommand::Pose => Interpolation::Pose,
            CartesianCommand::Target => Interpolation::Target,
        }
    }

    fn last_command(&self, out: &mut [f64]) {
        match self.command {
            CartesianCommand::Velocity => out.copy_from_slice(&self.motion.rates[..out.len()]),
            CartesianCommand::Pose | CartesianCommand::Target => {
                out[..16].copy_from_slice(&self.motion.pose);
                if let Some(elbow) = out.get_mut(16) {
                    *elbow = self.motion.elbow;
                }
            }
        }
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        // If the arm chooses the elbow, the elbow's part is zero.
        let elbow_at = |slot: usize| {
            if self.ahead.leads_elbow {
                observation[slot]
            } else {
                0.0
            }
        };
        let of_both = |twist: usize, elbow: usize| -> Rates {
            joined(leading(&observation[twist..]), elbow_at(elbow))
        };
        let pose: Pose = orthonormal(&leading(&observation[offset::O_T_EE_c..]));
        let elbow = elbow_at(offset::elbow_c);
        let rates = of_both(offset::O_dP_EE_c, offset::delbow_c);
        let acceleration = of_both(offset::O_ddP_EE_c, offset::ddelbow_c);
        let before = std::mem::replace(&mut self.time, observation[offset::time]);
        self.ahead.observe(observation);
        let measured = joints(observation, offset::q);
        self.behind = (0..7)
            .map(|joint| (joint, (self.ahead.q[joint] - measured[joint]).abs()))
            .find(|(_, behind)| exceeds(*behind, self.max_distance));
        let apart = |a: &Rates, b: &Rates| {
            let off: Rates = std::array::from_fn(|i| a[i] - b[i]);
            norm(&off)
        };
        let same_place = self.command == CartesianCommand::Velocity
            || norm(&self.motion.way_to(&pose, elbow)) < SAME_POSE;
        let is_expected = same_place
            && apart(&rates, &self.motion.rates) < SAME_TWIST
            && apart(&acceleration, &self.motion.acceleration) < SAME_ACCELERATION;
        if !is_expected {
            self.motion = CartesianMotion {
                pose,
                elbow,
                rates,
                acceleration,
            };
        } else if self.command == CartesianCommand::Velocity {
            // Only the arm knows which pose the commanded velocities lead to.
            self.motion.pose = pose;
            self.motion.elbow = elbow;
        }
        // After cycles without a state the next action is further away than one step of the policy's motion,
        // even if the arm stands where it was commanded.
        let in_step = is_expected && (self.time - before) / DT < 1.5;
        self.has_reached &= in_step;
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        first.fill(0.0);
        second.fill(0.0);
        let parts = if self.ahead.leads_elbow { 7 } else { 6 };
        let CartesianMotion {
            rates,
            acceleration,
            ..
        } = &self.motion;
        if self.command == CartesianCommand::Velocity {
            first[..parts].copy_from_slice(&acceleration[..parts]);
        } else {
            first[..parts].copy_from_slice(&rates[..parts]);
            second[..parts].copy_from_slice(&acceleration[..parts]);
        }
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        let mut found = check_finite(answer);
        if !found.is_empty() {
            return found;
        }
        if self.command == CartesianCommand::Velocity {
            let rates = self.command.rates_in(answer);
            for (part, range) in PARTS.into_iter().enumerate() {
                let received = norm(&rates[range.clone()]);
                let limit = self.arm[part].velocity;
                if exceeds(received, limit + ROUNDING) {
                    let slot = self.command.slot(part, &rates[range]);
                    found.note(Violation {
                        kind: ViolationKind::Velocity,
                        slot,
                        action: answer[slot],
                        received,
                        limit,
                        joint: None,
                        flaw: None,
                    });
                }
            }
            return found;
        }
        if let Err(flawed) = check_pose(&leading(answer)) {
            found.note(Violation {
                kind: ViolationKind::Frame,
                slot: 0,
                action: answer[0],
                received: (flawed.received - flawed.expected).abs(),
                limit: flawed.tolerance,
                joint: None,
                flaw: Some(flawed.flaw.name()),
            });
            return found;
        }
        let (elbow, (lowest, highest)) = (self.command.elbow_in(answer), self.elbow_range());
        let inside = confined(elbow, lowest, highest);
        if exceeds((elbow - inside).abs(), SAME_POSE) {
            found.note(Violation {
                kind: ViolationKind::Position,
                slot: 16,
                action: elbow,
                received: elbow,
                limit: inside,
                joint: None,
                flaw: None,
            });
        }
        found
    }

    /// Writes the displacement between two poses: translation, rotation vector, elbow.
    /// Each coordinate of a vector has what is left for it if all three are as large.
    fn highest_rates(&self, coordinate: usize) -> [f64; 3] {
        let part = PARTS.iter().position(|range| range.contains(&coordinate));
        let Some(own) = part.and_then(|part| self.following.get(part)) else {
            return [f64::INFINITY; 3];
        };
        let share = 1.0 / (PARTS[part.unwrap_or(0)].len() as f64).sqrt();
        let PartBounds {
            velocity,
            acceleration,
            jerk,
        } = own.share(share, share, share);
        match self.command {
            CartesianCommand::Velocity => [acceleration, jerk, f64::INFINITY],
            CartesianCommand::Pose | CartesianCommand::Target => [velocity, acceleration, jerk],
        }
    }

    fn displacement(&self, _part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        if self.command == CartesianCommand::Velocity {
            return difference(from, to, out);
        }
        out.fill(0.0);
        let there = pose_error(&orthonormal(&leading(from)), &orthonormal(&leading(to)));
        out[..6].copy_from_slice(&there);
        out[6] = self.command.elbow_in(to) - self.command.elbow_in(from);
    }

    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        let mut judgement = Judgement::none();
        if self.command == CartesianCommand::Target {
            return judgement;
        }
        let mut rates = [[0.0; 7]; 3];
        // The first-order derivative of velocities is an acceleration.
        let lowest = usize::from(self.command == CartesianCommand::Velocity);
        for (order, rates) in rates.iter_mut().enumerate().skip(lowest) {
            let order_of_answers = order.saturating_sub(lowest);
            if order_of_answers < sequence.known {
                let derivative = sequence.derivatives[order_of_answers];
                let len = derivative.len().min(7);
                rates[..len].copy_from_slice(&derivative[..len]);
            }
        }
        let speeds = PARTS.map(|part| norm(&rates[0][part]));
        rates[2] = rates[2].map(|jerk| jerk * sequence.ratio);
        let kinds = [
            ViolationKind::Velocity,
            ViolationKind::Acceleration,
            ViolationKind::Jerk,
        ];
        let derivatives = [&rates[0][..], &rates[1][..], &rates[2][..]];
        for (order, part, vector, received, limit) in self.exceeded(derivatives, 1.0) {
            let order_of_answers = order.saturating_add(1).saturating_sub(lowest);
            let lowest_order = judgement.order.unwrap_or(order_of_answers);
            judgement.order = Some(lowest_order.min(order_of_answers));
            let slot = self.command.slot(part, vector);
            judgement.found.note(Violation {
                kind: kinds[order],
                slot,
                action: sequence.answer[slot],
                received,
                limit,
                joint: None,
                flaw: None,
            });
        }
        if self.command == CartesianCommand::Pose && is_own_motion(sequence, &judgement) {
            self.pace.note(self.time, speeds);
        }
        judgement
    }

    fn check_place(&self, _observation: &[f64], action: &[f64]) -> Violations {
        let mut found = Violations::none();
        if self.command != CartesianCommand::Velocity {
            let place = [action[12], action[13], action[14]];
            if let Some(Blocked::Box(axis, at, wall)) =
                self.ahead.outside(&self.motion.place(), &place)
            {
                found.note(self.command.box_left(action, axis, at, wall));
            }
        }
        if let Some((joint, behind)) = self.behind {
            found.note(Violation {
                kind: ViolationKind::Distance,
                slot: joint,
                action: behind,
                received: behind,
                limit: self.max_distance,
                joint: None,
                flaw: None,
            });
        }
        found
    }

    fn check_step(&self, _observation: &[f64], action: &[f64]) -> Option<Violations> {
        self.broken(action, 1.0)
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        if self.command != CartesianCommand::Pose {
            return None;
        }
        let missing = self
            .motion
            .way_to(&leading(action), self.command.elbow_in(action));
        let furthest = |most: usize, part: usize| {
            let of = |part: usize| norm(&missing[PARTS[part].clone()]);
            if of(part) > of(most) { part } else { most }
        };
        let part = (1..PARTS.len()).fold(0, furthest);
        let vector = &missing[PARTS[part].clone()];
        (norm(vector) > NEAR).then(|| (self.command.slot(part, vector), norm(vector)))
    }

    fn check_destination(&self, _observation: &[f64], action: &[f64]) -> Violations {
        let mut found = Violations::none();
        if let (true, Some((joint, share))) = (self.standing > STANDSTILL, self.obstacle) {
            let mut broken = self.ahead.joints_break(joint, share);
            if let Some(place) = &mut broken.joint {
                place.is_out_of_reach = true;
                place.too_far = self.too_far(action);
            }
            found.note(broken);
        }
        if self.command == CartesianCommand::Velocity {
            let steady = CartesianMotion {
                acceleration: [0.0; 7],
                ..self.next(action)
            };
            if let Some(blocked) = self.ahead.blocked(&self.motion, &steady) {
                found.note(self.ahead.violation_of(blocked, self.command, action));
            }
        }
        found
    }

    fn accept(&mut self, action: &[f64]) {
        self.motion = self.next(action);
        self.followed = None;
        self.standing = 0;
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let is_fitting = |found: Option<Violations>| found.is_some_and(|found| found.is_empty());
        let reached = self.command != CartesianCommand::Target
            && self.check_answer(action).is_empty()
            && self.check_place(observation, action).is_empty()
            && is_fitting(self.broken(action, reached_share(self.has_reached)));
        self.has_reached = reached;
        if reached {
            self.accept(action);
            self.followed = Some((self.remembered(action), 1));
            out.copy_from_slice(action);
            return true;
        }
        self.step_towards(action, approach, out);
        self.followed = Some((self.remembered(action), 1));
        false
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        self.has_reached = false;
        if let (CartesianCommand::Target, Some((target, _))) = (self.command, self.followed) {
            return self.step_towards(&target, Approach::WithinLimits, out);
        }
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        let own = self.ahead.own;
        self.step(self.motion.rates, &own, out);
    }

    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.followed = None;
        self.has_reached = false;
        self.standing = 0;
        self.motion = self
            .motion
            .towards(&[0.0; 7], &self.ahead.eased(&self.motion, &self.ahead.own));
        self.last_command(out);
        self.motion.is_at_rest()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use franka::model::{FR3_URDF, Model};
    use kilohertz_core::limits::{JointBounds, ORDERS};
    use kilohertz_geometry::integrate;

    use super::*;
    use crate::limits::tests::at;
    use crate::limits::workspace::CartesianBox;

    static MODEL: LazyLock<Arc<Model>> =
        LazyLock::new(|| Arc::new(Model::from_urdf(FR3_URDF).unwrap()));

    pub(super) const START: [f64; 7] = [0.1, -0.7, 0.2, -2.2, 0.3, 1.5, 0.6];
    const KINDS: [CartesianCommand; 3] = [
        CartesianCommand::Velocity,
        CartesianCommand::Pose,
        CartesianCommand::Target,
    ];
    pub(super) const BOX: CartesianBox = CartesianBox {
        lower: [-5.0; 3],
        upper: [5.0; 3],
        margin: 0.0,
    };
    /// A joint that follows everything.
    pub(super) const QUICK: JointBounds = JointBounds {
        lower: -100.0,
        upper: 100.0,
        velocity: 90.0,
        margin: 0.0,
        deceleration: 1e3,
        acceleration: 1e6,
        jerk: 1e9,
    };

    pub(super) fn bare() -> Kinematics {
        Kinematics::new(Arc::clone(&MODEL))
    }

    /// The tool extends to the side and ahead.
    pub(super) fn kinematics() -> Kinematics {
        let mut kinematics = bare();
        kinematics.frame[12..15].copy_from_slice(&[0.05, -0.03, 0.1]);
        kinematics
    }

    fn fr3() -> ArmLimits {
        ArmLimits::fr3(FR3_URDF).unwrap()
    }

    /// An arm that is limited by its end effector only.
    fn quick() -> ArmLimits {
        ArmLimits {
            joints: [QUICK; 7],
            ..fr3()
        }
    }

    /// An arm that carries out its command at once, and checks it as a real arm does.
    struct Arm {
        limits: CartesianLimiter,
        bounds: ArmLimits,
        kinematics: Kinematics,
        observation: Vec<f64>,
    }

    impl Arm {
        /// Returns an arm at rest at [`START`], with a tool.
        fn new(
            command: CartesianCommand,
            leads_elbow: bool,
            bounds: ArmLimits,
            options: &MotionOptions,
        ) -> Arm {
            let kinematics = kinematics();
            let limits = CartesianLimiter::new(command, leads_elbow, &bounds, options, bare());
            let mut observation = at(START);
            let frame: Pose = kinematics.frame;
            observation[offset::time] = 10.0;
            observation[offset::F_T_EE..offset::F_T_EE + 16].copy_from_slice(&frame);
            let mut arm = Arm {
                limits,
                bounds,
                kinematics,
                observation,
            };
            let pose = arm.kinematics.pose(&START);
            arm.set(offset::O_T_EE_c, &pose);
            arm.set(offset::elbow_c, &[START[ELBOW]]);
            assert!(arm.limits.observe(&arm.observation));
            arm
        }

        fn plain(command: CartesianCommand, leads_elbow: bool) -> Arm {
            Arm::new(command, leads_elbow, fr3(), &MotionOptions::default())
        }

        fn set(&mut self, slot: usize, values: &[f64]) {
            self.observation[slot..slot + values.len()].copy_from_slice(values);
        }

        fn pose(&self) -> Pose {
            leading(&self.observation[offset::O_T_EE_c..])
        }

        fn slots(&self) -> usize {
            match (self.limits.command, self.limits.ahead.leads_elbow) {
                (CartesianCommand::Velocity, false) => 6,
                (CartesianCommand::Velocity, true) => 7,
                (_, false) => 16,
                (_, true) => 17,
            }
        }

        /// Returns the action that leads to a pose `way` from here.
        fn action(&self, way: Rates) -> Vec<f64> {
            let mut action = integrate(&self.pose(), &leading(&way)).to_vec();
            action.push(self.observation[offset::elbow_c] + way[6]);
            action.truncate(self.slots());
            action
        }

        /// Makes the arm carry out a command.
        fn take(&mut self, sent: &[f64]) {
            let leads_elbow = self.limits.ahead.leads_elbow;
            let (pose, elbow) = (self.pose(), self.observation[offset::elbow_c]);
            let (next, next_elbow) = match self.limits.command {
                CartesianCommand::Velocity => {
                    let mut way = [0.0; 7];
                    way[..sent.len()].copy_from_slice(sent);
                    let way = way.map(|rate| rate * DT);
                    (integrate(&pose, &leading(&way)), elbow + way[6])
                }
                _ => (leading(sent), sent.get(16).copied().unwrap_or(elbow)),
            };
            let rates = joined(pose_error(&pose, &next), next_elbow - elbow).map(|way| way / DT);
            let before: Rates = joined(
                leading(&self.observation[offset::O_dP_EE_c..]),
                self.observation[offset::delbow_c],
            );
            let accelerated: Rates = joined(
                leading(&self.observation[offset::O_ddP_EE_c..]),
                self.observation[offset::ddelbow_c],
            );
            let acceleration: Rates = std::array::from_fn(|i| (rates[i] - before[i]) / DT);
            let jerk: Rates = std::array::from_fn(|i| (acceleration[i] - accelerated[i]) / DT);
            let what = format!("{:?}, {leads_elbow}", self.limits.command);
            for (part, bounds) in PARTS.into_iter().zip(self.bounds.cartesian) {
                let within = |vector: &Rates, most: f64, noise: f64| {
                    let length = norm(&vector[part.clone()]);
                    assert!(
                        length <= most + noise,
                        "{what}: {part:?}, {length} of {most}"
                    );
                };
                within(&rates, bounds.velocity, 1e-9);
                within(&acceleration, bounds.acceleration, 1e-6);
                within(&jerk, bounds.jerk, 1e-3);
            }
            let q: [f64; 7] = joints(&self.observation, offset::q_d);
            let (dq, ddq) = (
                joints(&self.observation, offset::dq_d),
                joints(&self.observation, offset::ddq_d),
            );
            let way = joined(
                pose_error(&self.kinematics.pose(&q), &next),
                next_elbow - q[ELBOW],
            );
            let velocity = self
                .kinematics
                .joints(&q, leads_elbow)
                .of(&way.map(|way| way / DT));
            let mut accelerations = [0.0; 7];
            for joint in 0..7 {
                let bounds = &self.bounds.joints[joint];
                let acceleration = (velocity[joint] - dq[joint]) / DT;
                let jerk = (acceleration - ddq[joint]) / DT;
                let what = format!(
                    "{what}: joint {joint}, {} {acceleration} {jerk}",
                    velocity[joint]
                );
                assert!(
                    velocity[joint] <= bounds.upper_velocity(q[joint]) + 1e-6,
                    "{what}"
                );
                assert!(
                    velocity[joint] >= bounds.lower_velocity(q[joint]) - 1e-6,
                    "{what}"
                );
                assert!(acceleration.abs() <= bounds.acceleration, "{what}");
                assert!(jerk.abs() <= bounds.jerk, "{what}");
                accelerations[joint] = acceleration;
            }
            let q = std::array::from_fn::<f64, 7, _>(|joint| q[joint] + velocity[joint] * DT);
            self.observation[offset::time] += DT;
            for (slot, values) in [
                (offset::q, q),
                (offset::q_d, q),
                (offset::dq_d, velocity),
                (offset::ddq_d, accelerations),
            ] {
                self.set(slot, &values);
            }
            self.set(offset::O_T_EE_c, &next);
            self.set(offset::O_dP_EE_c, &rates[..6]);
            self.set(offset::O_ddP_EE_c, &acceleration[..6]);
            self.set(offset::elbow_c, &[next_elbow]);
            self.set(offset::delbow_c, &[rates[6]]);
            self.set(offset::ddelbow_c, &[acceleration[6]]);
        }

        fn is_near(&self, action: &[f64], distance: f64) -> bool {
            let elbow = action.get(16).copied();
            let elbow = elbow.map_or(0.0, |elbow| elbow - self.observation[offset::elbow_c]);
            norm(&pose_error(&self.pose(), &leading(action))).hypot(elbow) < distance
        }

        /// Lets the limits take a step after the arm was observed, and takes it.
        fn step<T>(
            &mut self,
            step: impl FnOnce(&mut CartesianLimiter, &[f64], &mut [f64]) -> T,
        ) -> T {
            let mut sent = vec![0.0; self.slots()];
            assert!(self.limits.observe(&self.observation));
            let result = step(&mut self.limits, &self.observation, &mut sent);
            self.take(&sent);
            result
        }

        fn hold(&mut self) {
            self.step(|limits, observation, sent| limits.hold(observation, sent));
        }

        fn brake(&mut self) -> bool {
            self.step(|limits, observation, sent| limits.brake(observation, sent))
        }

        /// Approaches `action` for one cycle. Returns true if it is reached.
        fn approach(&mut self, action: &[f64]) -> bool {
            self.step(|limits, observation, sent| {
                limits.approach(observation, action, Approach::WithinLimits, sent)
            })
        }
    }

    pub(super) fn only(coordinate: usize, value: f64) -> Rates {
        let mut rates = [0.0; 7];
        rates[coordinate] = value;
        rates
    }

    pub(super) fn assert_near(values: &[f64], expected: &[f64]) {
        let is_near = |(value, expected): (&f64, &f64)| {
            (value - expected).abs() <= 1e-9 * expected.abs().max(1.0)
        };
        let are_near = values.iter().zip(expected).all(is_near);
        assert!(
            are_near && values.len() == expected.len(),
            "{values:?} instead of {expected:?}"
        );
    }

    /// Returns each violation as its kind, slot, received value and limit.
    fn told(found: &Violations) -> Vec<(ViolationKind, usize, f64, f64)> {
        found
            .iter()
            .map(|found| (found.kind, found.slot, found.received, found.limit))
            .collect()
    }

    #[test]
    fn what_is_too_fast_is_followed_within_every_limit_and_reached_soon() {
        let way = [0.1, -0.15, 0.1, 0.3, 0.2, -0.4, 0.3];
        for command in KINDS {
            for (leads_elbow, bounds) in [(false, fr3()), (true, fr3()), (true, ArmLimits::fer())] {
                let mut arm = Arm::new(command, leads_elbow, bounds, &MotionOptions::default());
                let (action, most) = match command {
                    CartesianCommand::Velocity => (way[..arm.slots()].to_vec(), 350),
                    CartesianCommand::Pose => (arm.action(way), 1_600),
                    CartesianCommand::Target => (arm.action(way), 1_500),
                };
                let mut cycles = 0;
                loop {
                    let reached = arm.approach(&action);
                    let is_there = match command {
                        CartesianCommand::Target => {
                            assert!(!reached, "a target is never used as it is");
                            arm.is_near(&action, 1e-4)
                        }
                        _ => reached,
                    };
                    if is_there {
                        break;
                    }
                    cycles += 1;
                    assert!(cycles < most, "{command:?}, {leads_elbow}");
                }
            }
        }
    }

    #[test]
    fn a_pose_that_goes_on_meanwhile_is_caught_up_with_and_then_kept_to() {
        for leads_elbow in [false, true] {
            let mut arm = Arm::plain(CartesianCommand::Pose, leads_elbow);
            let start = arm.action(only(1, 0.03));
            let speeds = [0.05, 0.08, -0.06, 0.1, -0.2, 0.15, 0.1];
            let at = |time: f64| {
                let way = speeds.map(|speed| speed * time);
                let mut action = integrate(&leading(&start), &leading(&way)).to_vec();
                if leads_elbow {
                    action.push(start[16] + way[6]);
                }
                action
            };
            let mut caught_up = None;
            for cycle in 0..900 {
                let reached = arm.approach(&at(f64::from(cycle) * DT));
                if reached {
                    caught_up.get_or_insert(cycle);
                }
                assert!(
                    reached || caught_up.is_none(),
                    "lost again in cycle {cycle}"
                );
            }
            assert!(
                caught_up.is_some_and(|cycle| cycle < 600),
                "{leads_elbow}: {caught_up:?}"
            );
        }
    }

    #[test]
    fn a_motion_is_kept_without_an_action_and_braked_within_every_limit() {
        let rates = [0.1, -0.2, 0.05, 0.2, -0.1, 0.3, 0.2];
        for command in [CartesianCommand::Velocity, CartesianCommand::Pose] {
            for leads_elbow in [false, true] {
                let mut arm = Arm::plain(command, leads_elbow);
                let action = match command {
                    CartesianCommand::Velocity => rates[..arm.slots()].to_vec(),
                    _ => arm.action(rates),
                };
                for _ in 0..300 {
                    arm.approach(&action);
                }
                let moving = arm.limits.motion.rates;
                assert!(norm(&moving) > 0.1, "{moving:?}");
                arm.limits.has_reached = true;
                for _ in 0..20 {
                    arm.hold();
                }
                assert!(!arm.limits.has_reached);
                for (rate, before) in arm.limits.motion.rates.iter().zip(moving) {
                    assert!((rate - before).abs() < 1e-3, "{:?}", arm.limits.motion);
                }
                let mut cycles = 0;
                while !arm.brake() {
                    cycles += 1;
                    assert!(cycles < 400, "{:?}", arm.limits.motion);
                }
                assert!(norm(&arm.limits.motion.rates) < 1e-4);
                assert!(cycles > 50, "{cycles}");
            }
        }
    }

    #[test]
    fn the_last_target_is_moved_to_without_an_action() {
        let mut arm = Arm::plain(CartesianCommand::Target, true);
        let action = arm.action([0.05, -0.1, 0.05, 0.2, 0.0, -0.2, 0.2]);
        arm.approach(&action);
        for _ in 0..1_200 {
            arm.hold();
        }
        assert!(arm.is_near(&action, 1e-4), "{:?}", arm.limits.motion);
    }

    #[test]
    fn a_pose_that_no_posture_reaches_is_told_once_the_arm_stands_before_it() {
        for (command, bounds) in [
            (CartesianCommand::Pose, quick()),
            (CartesianCommand::Target, fr3()),
        ] {
            // Only that it would be stretched too far keeps the first arm from going on.
            let options = MotionOptions::default();
            let mut arm = Arm::new(command, false, bounds, &options);
            let action = arm.action([1.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0]);
            let mut cycles = 0;
            let found = loop {
                arm.approach(&action);
                let found = arm.limits.check_destination(&arm.observation, &action);
                cycles += 1;
                if !found.is_empty() {
                    break found;
                }
                assert!(cycles < 2_000, "{:?}", arm.limits.motion);
            };
            assert!(norm(&arm.limits.motion.rates) < 2e-3);
            let place = found.of(ViolationKind::Joints).unwrap().joint.unwrap();
            assert!(place.is_out_of_reach && place.too_far.unwrap().distance > 1.4);
            assert!(cycles > 400, "{cycles}");
        }
    }

    #[test]
    fn before_a_pose_out_of_reach_an_arm_comes_no_closer_to_a_singular_pose() {
        for (command, leads_elbow) in [
            (CartesianCommand::Pose, false),
            (CartesianCommand::Pose, true),
            (CartesianCommand::Target, false),
        ] {
            let mut arm = Arm::new(command, leads_elbow, fr3(), &MotionOptions::default());
            let action = arm.action([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
            let mut told = None;
            for cycle in 0..2_500 {
                arm.approach(&action);
                let found = arm.limits.check_destination(&arm.observation, &action);
                if !found.is_empty() {
                    told.get_or_insert(cycle);
                }
            }
            let q = joints(&arm.observation, offset::q);
            // It is 0.025 where the arm has to stop.
            let volume = kinematics().joints(&q, leads_elbow).volume;
            assert!((0.0249..0.027).contains(&volume), "{command:?}: {volume}");
            assert!(told.is_some_and(|cycle| cycle < 2_000), "{told:?}");
        }
    }

    #[test]
    fn at_the_end_of_its_range_a_joint_goes_no_further_however_slowly() {
        let mut bounds = fr3();
        let elbow = &mut bounds.joints[ELBOW];
        let near = START[ELBOW] + 1e-4;
        elbow.upper = near + elbow.margin * elbow.margin / (2.0 * elbow.deceleration);
        let options = MotionOptions::default();
        let mut arm = Arm::new(CartesianCommand::Velocity, true, bounds, &options);
        let action = only(6, 9e-5);
        // Without an end it would be there after 1,112 cycles, and three times as far at the end.
        for _ in 0..3_400 {
            arm.approach(&action);
        }
        assert!(arm.observation[offset::q_d + ELBOW] < near + 1e-6);
        // Back it goes.
        let action = only(6, -0.1);
        for _ in 0..200 {
            arm.approach(&action);
        }
        assert!(arm.observation[offset::q_d + ELBOW] < near - 1e-2);
    }

    #[test]
    fn a_command_is_a_line_of_velocities_or_a_pose() {
        let kinds = [
            Interpolation::Line,
            Interpolation::Pose,
            Interpolation::Target,
        ];
        for (command, interpolation) in KINDS.into_iter().zip(kinds) {
            for leads_elbow in [false, true] {
                let arm = Arm::plain(command, leads_elbow);
                assert_eq!(arm.limits.interpolation(), interpolation);
                let mut last = vec![9.0; arm.slots()];
                arm.limits.last_command(&mut last);
                let expected = match command {
                    CartesianCommand::Velocity => vec![0.0; arm.slots()],
                    _ => arm.action([0.0; 7]),
                };
                assert_near(&last, &expected);
            }
        }
    }

    #[test]
    fn the_rates_of_a_command_are_its_own_derivatives() {
        let (rates, acceleration) = (
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        );
        for command in KINDS {
            for leads_elbow in [false, true] {
                let mut arm = Arm::plain(command, leads_elbow);
                (arm.limits.motion.rates, arm.limits.motion.acceleration) = (rates, acceleration);
                let (mut first, mut second) = (vec![9.0; arm.slots()], vec![9.0; arm.slots()]);
                arm.limits.rates(&mut first, &mut second);
                let padded = |values: Rates| {
                    let mut slots = vec![0.0; arm.slots()];
                    let parts = if leads_elbow { 7 } else { 6 };
                    slots[..parts].copy_from_slice(&values[..parts]);
                    slots
                };
                let expected = match command {
                    CartesianCommand::Velocity => (padded(acceleration), padded([0.0; 7])),
                    _ => (padded(rates), padded(acceleration)),
                };
                assert_eq!((first, second), expected);
            }
        }
    }

    /// Returns an arm after some steps of a motion, about to observe what it was commanded.
    fn under_way(command: CartesianCommand, leads_elbow: bool) -> Arm {
        let mut arm = Arm::plain(command, leads_elbow);
        let action = match command {
            CartesianCommand::Velocity => vec![0.1; arm.slots()],
            _ => arm.action([0.1; 7]),
        };
        for _ in 0..20 {
            arm.approach(&action);
        }
        arm
    }

    #[test]
    fn a_state_that_differs_from_the_command_shows_a_lost_command_and_is_gone_on_from() {
        let (pose, elbow) = (offset::O_T_EE_c + 12, offset::elbow_c);
        for command in KINDS {
            let is_velocity = command == CartesianCommand::Velocity;
            for (slot, near, far) in [
                (pose, 1.9e-6, 2.1e-6),
                (elbow, 1.9e-6, 2.1e-6),
                (offset::O_dP_EE_c + 4, 2.9e-4, 3.1e-4),
                (offset::delbow_c, 2.9e-4, 3.1e-4),
                (offset::O_ddP_EE_c + 1, 0.049, 0.051),
                (offset::ddelbow_c, 0.049, 0.051),
            ] {
                for (off, is_near) in [(near, true), (-near, true), (far, false), (-far, false)] {
                    let mut arm = under_way(command, true);
                    arm.observation[slot] += off;
                    let before = arm.limits.motion;
                    let is_place = slot == pose || slot == elbow;
                    let expected = is_near || is_velocity && is_place;
                    let in_step = arm.limits.observe(&arm.observation);
                    assert_eq!(in_step, expected, "{command:?}, {slot}, {off}");
                    let motion = arm.limits.motion;
                    let observed = leading(&arm.observation[offset::O_dP_EE_c..]);
                    let (rates, seen) = (
                        joined(observed, arm.observation[offset::delbow_c]),
                        joined(
                            leading(&arm.observation[offset::O_ddP_EE_c..]),
                            arm.observation[offset::ddelbow_c],
                        ),
                    );
                    if expected {
                        assert_eq!(
                            (motion.rates, motion.acceleration),
                            (before.rates, before.acceleration)
                        );
                    } else {
                        assert_eq!((motion.rates, motion.acceleration), (rates, seen));
                    }
                    // Only the arm knows which pose the velocities led to.
                    if !expected || is_velocity {
                        assert_near(&motion.pose, &arm.pose());
                        assert_eq!(motion.elbow, arm.observation[elbow]);
                    } else {
                        assert_eq!((motion.pose, motion.elbow), (before.pose, before.elbow));
                    }
                }
            }
            // An elbow that the arm chooses may be anywhere.
            let mut arm = under_way(command, false);
            arm.set(offset::elbow_c, &[0.7]);
            arm.set(offset::delbow_c, &[0.7]);
            arm.set(offset::ddelbow_c, &[0.7]);
            assert!(arm.limits.observe(&arm.observation));
        }
    }

    #[test]
    fn after_a_cycle_without_a_state_no_action_counts_as_kept_to() {
        for command in KINDS {
            for (cycles_more, in_step) in [(0.0, true), (0.4, true), (0.6, false), (1.0, false)] {
                let mut arm = under_way(command, true);
                arm.limits.has_reached = true;
                arm.observation[offset::time] += cycles_more * DT;
                let before = arm.limits.motion.rates;
                assert_eq!(arm.limits.observe(&arm.observation), in_step);
                assert_eq!(arm.limits.has_reached, in_step);
                assert_eq!(arm.limits.motion.rates, before);
            }
            let mut arm = under_way(command, true);
            arm.limits.has_reached = false;
            assert!(arm.limits.observe(&arm.observation));
            assert!(!arm.limits.has_reached);
        }
    }

    #[test]
    fn a_joint_that_is_too_far_behind_is_told_and_waited_for() {
        for command in KINDS {
            for (off, is_behind) in [(0.09, false), (0.11, true), (-0.11, true)] {
                let mut arm = under_way(command, true);
                let action = match command {
                    CartesianCommand::Velocity => vec![0.1; 7],
                    _ => arm.action([0.1; 7]),
                };
                arm.observation[offset::q + 3] += off;
                assert!(arm.limits.observe(&arm.observation));
                let found = told(&arm.limits.check_place(&arm.observation, &action));
                let moving = norm(&arm.limits.motion.rates);
                for _ in 0..50 {
                    arm.approach(&action);
                    arm.observation[offset::q + 3] += off;
                }
                let later = norm(&arm.limits.motion.rates);
                if is_behind {
                    let [(kind, joint, received, limit)] = found[..] else {
                        panic!("{found:?}");
                    };
                    assert_eq!((kind, joint), (ViolationKind::Distance, 3));
                    assert_near(&[received, limit], &[0.11, 0.1]);
                    assert!(later < 0.9 * moving, "{command:?}: {later}, {moving}");
                } else {
                    assert_eq!(found, []);
                    assert!(later > 1.1 * moving, "{command:?}: {later}, {moving}");
                }
            }
        }
    }

    #[test]
    fn an_answer_must_be_numbers_and_a_velocity_within_the_end_effectors_limit() {
        for leads_elbow in [false, true] {
            let arm = Arm::plain(CartesianCommand::Velocity, leads_elbow);
            let found = |rates: Rates| told(&arm.limits.check_answer(&rates[..arm.slots()]));
            assert_eq!(found([0.1; 7]), []);
            let parts = if leads_elbow { 3 } else { 2 };
            for part in 0..parts {
                let most = fr3().cartesian[part].velocity;
                let coordinate = [1, 5, 6][part];
                for sign in [1.0, -1.0] {
                    let just = most + 0.5e-9;
                    assert_eq!(found(only(coordinate, sign * just)), []);
                    let fast = most + 2e-9;
                    assert_eq!(
                        found(only(coordinate, sign * fast)),
                        [(ViolationKind::Velocity, coordinate, fast, most)]
                    );
                }
            }
            // The length of the vector counts.
            let together = found([2.0, 2.0, -2.0, 0.0, 0.0, 0.0, 0.0]);
            assert_eq!(together[0].0, ViolationKind::Velocity);
            let undefined = found(only(2, f64::NAN));
            assert_eq!(
                (undefined.len(), undefined[0].0, undefined[0].1),
                (1, ViolationKind::NotFinite, 2)
            );
        }
    }

    #[test]
    fn a_pose_must_be_rigid_and_its_elbow_within_reach() {
        let (lowest, highest) = fr3().joints[ELBOW].reach();
        for command in [CartesianCommand::Pose, CartesianCommand::Target] {
            let arm = Arm::plain(command, true);
            let found = |change: &dyn Fn(&mut Vec<f64>)| {
                let mut action = arm.action([0.1; 7]);
                change(&mut action);
                arm.limits.check_answer(&action)
            };
            assert!(found(&|_| ()).is_empty());
            let flawed = found(&|action| action[15] = 1.25)
                .of(ViolationKind::Frame)
                .unwrap();
            assert_eq!((flawed.slot, flawed.received, flawed.limit), (0, 0.25, 0.0));
            assert_eq!(flawed.flaw, Some("its last row"));
            assert!(!found(&|action| action[13] = f64::INFINITY).is_empty());
            for (elbow, inside) in [
                (lowest, true),
                (highest, true),
                (lowest - 1e-6, true),
                (highest + 1e-6, true),
                (lowest - 1e-3, false),
                (highest + 1e-3, false),
            ] {
                let expected = match inside {
                    true => vec![],
                    false => vec![(
                        ViolationKind::Position,
                        16,
                        elbow,
                        if elbow > 0.0 { highest } else { lowest },
                    )],
                };
                assert_eq!(told(&found(&|action| action[16] = elbow)), expected);
            }
        }
    }

    #[test]
    fn the_elbow_may_be_commanded_within_its_reach_or_stay_outside() {
        let (lowest, highest) = fr3().joints[ELBOW].reach();
        let mut arm = Arm::plain(CartesianCommand::Pose, true);
        for (elbow, expected) in [
            (0.5, (lowest, highest)),
            (-2.95, (-2.95, highest)),
            (2.95, (lowest, 2.95)),
        ] {
            arm.limits.motion.elbow = elbow;
            assert_eq!(arm.limits.elbow_range(), expected);
        }
    }

    #[test]
    fn each_coordinate_has_its_share_of_what_a_vector_may_use() {
        let [translation, rotation, elbow] = fr3().cartesian;
        let third = 0.95 / 3.0_f64.sqrt();
        for command in KINDS {
            let arm = Arm::plain(command, true);
            for coordinate in 0..7 {
                let (part, share) = match coordinate {
                    0..3 => (translation, third),
                    3..6 => (rotation, third),
                    _ => (elbow, 0.95),
                };
                let rates = [part.velocity, part.acceleration, part.jerk].map(|most| most * share);
                let expected = match command {
                    CartesianCommand::Velocity => [rates[1], rates[2], f64::INFINITY],
                    CartesianCommand::Pose => rates,
                    // The budget of a motion to a target.
                    CartesianCommand::Target => {
                        [rates[0] * 0.5, rates[1] * 0.5, rates[2] * 0.1].map(|most| most / 0.95)
                    }
                };
                let most = arm.limits.highest_rates(coordinate);
                assert_near(&most[..2], &expected[..2]);
                assert!(most[2] == expected[2] || (most[2] - expected[2]).abs() < 1e-9);
            }
            assert_eq!(arm.limits.highest_rates(7), [f64::INFINITY; 3]);
        }
    }

    #[test]
    fn the_way_between_poses_is_a_twist_and_that_between_velocities_their_difference() {
        let way = [0.1, -0.2, 0.3, 0.4, -0.1, 0.2, 0.25];
        let arm = Arm::plain(CartesianCommand::Pose, true);
        let (from, to) = (arm.action([0.0; 7]), arm.action(way));
        let mut out = [9.0; 17];
        arm.limits.displacement(0, &from, &to, &mut out);
        assert_near(&out[..7], &way);
        assert_eq!(out[7..], [0.0; 10]);
        let arm = Arm::plain(CartesianCommand::Velocity, true);
        let mut out = [9.0; 7];
        arm.limits.displacement(0, &[0.5; 7], &way, &mut out);
        assert_near(&out, &way.map(|rate| rate - 0.5));
    }

    /// Returns what `limits` judge of answers with these derivatives.
    fn judged(
        limits: &mut CartesianLimiter,
        derivatives: &[Rates; 3],
        (known, ratio, is_first): (usize, f64, bool),
    ) -> Judgement {
        let answer: [f64; 17] = std::array::from_fn(|slot| slot as f64);
        let [first, second, third] = derivatives;
        limits.judge(
            0,
            &Sequence {
                answer: &answer,
                previous: &answer,
                derivatives: [first, second, third],
                known,
                ratio,
                is_gapless: true,
                is_first,
                is_behind_rest: false,
            },
        )
    }

    #[test]
    fn answers_are_judged_by_each_derivative_of_each_part() {
        let kinds = [
            ViolationKind::Velocity,
            ViolationKind::Acceleration,
            ViolationKind::Jerk,
        ];
        for command in KINDS {
            let mut arm = Arm::plain(command, true);
            // The first derivative of velocities is an acceleration.
            let lowest = usize::from(command == CartesianCommand::Velocity);
            for (part, coordinate) in [(0, 1), (1, 5), (2, 6)] {
                let bounds = fr3().cartesian[part];
                let limits = [bounds.velocity, bounds.acceleration, bounds.jerk];
                let slot = match command {
                    CartesianCommand::Velocity => coordinate,
                    _ => [13, 0, 16][part],
                };
                for order in lowest..ORDERS {
                    let mut check = |value: f64, known: usize, ratio: f64| {
                        let mut derivatives = [[0.0; 7]; 3];
                        derivatives[order - lowest] = only(coordinate, value);
                        judged(&mut arm.limits, &derivatives, (known, ratio, false))
                    };
                    let limit = limits[order];
                    // A millionth of the limit and 1e-9 count as rounding.
                    for share in [1.0, -1.0] {
                        let rounded = share * (limit * (1.0 + 1e-6) + 0.5e-9);
                        assert_eq!(check(rounded, 3, 1.0), Judgement::none());
                        let too_much = limit * (1.0 + 1e-6) + 2e-9;
                        let judgement = check(share * too_much, 3, 1.0);
                        if command == CartesianCommand::Target {
                            assert_eq!(judgement, Judgement::none());
                            continue;
                        }
                        assert_eq!(
                            told(&judgement.found),
                            [(kinds[order], slot, too_much, limit)]
                        );
                        let found = judgement.found.of(kinds[order]).unwrap();
                        assert_eq!(found.action, slot as f64);
                        assert_eq!(judgement.order, Some(order + 1 - lowest));
                    }
                    // What is not known does not count.
                    let unknown = check(2.0 * limit, order - lowest, 1.0);
                    assert_eq!(unknown, Judgement::none());
                    // Where two pieces meet, the jerk jumps by the ratio more.
                    let is_jerk = order == 2 && command != CartesianCommand::Target;
                    let judgement = check(0.6 * limit, 3, 2.0);
                    assert_eq!(judgement.order.is_some(), is_jerk);
                    if is_jerk {
                        assert_near(&[told(&judgement.found)[0].2], &[1.2 * limit]);
                    }
                }
            }
            // The lowest order is told.
            let all = [only(0, 1e4), only(0, 1e4), only(0, 1e4)];
            let order = judged(&mut arm.limits, &all, (3, 1.0, false)).order;
            assert_eq!(order, (command != CartesianCommand::Target).then_some(1));
        }
    }

    #[test]
    fn how_fast_the_policy_moves_by_itself_is_kept_for_poses() {
        let derivatives = [[0.3, 0.4, 0.0, 0.0, -0.2, 0.0, 0.1], [0.0; 7], [0.0; 7]];
        for command in KINDS {
            for is_first in [false, true] {
                let mut arm = Arm::plain(command, true);
                let judgement = judged(&mut arm.limits, &derivatives, (3, 1.0, is_first));
                assert_eq!(judgement, Judgement::none());
                let own = match (command, is_first) {
                    (CartesianCommand::Pose, false) => [0.5, 0.2, 0.1],
                    _ => [0.0; 3],
                };
                assert_near(&arm.limits.pace.fastest(10.0), &own);
            }
        }
    }

    /// Returns an arm with a wall that is `distance` ahead of its end effector along x.
    fn before_a_wall(command: CartesianCommand, distance: f64) -> Arm {
        let arm = Arm::new(command, true, quick(), &MotionOptions::default());
        let mut walls = BOX;
        walls.upper[0] = arm.pose()[12] + distance;
        let options = MotionOptions {
            workspace: Some(walls),
            ..MotionOptions::default()
        };
        Arm::new(command, true, quick(), &options)
    }

    #[test]
    fn a_pose_outside_the_box_is_told_and_moved_to_as_far_as_the_wall() {
        for command in KINDS {
            let mut arm = before_a_wall(command, 0.02);
            let wall = arm.pose()[12] + 0.02;
            for (way, is_outside) in [(0.019, false), (0.03, true)] {
                let action = match command {
                    CartesianCommand::Velocity => vec![way; 7],
                    _ => arm.action(only(0, way)),
                };
                let found = arm.limits.check_place(&arm.observation, &action);
                let expected = match is_outside && command != CartesianCommand::Velocity {
                    true => vec![(ViolationKind::Box, 12, action[12], wall)],
                    false => vec![],
                };
                assert_eq!(told(&found), expected);
            }
            if command != CartesianCommand::Velocity {
                let action = arm.action([0.03, 0.0, 0.01, 0.0, 0.0, 0.1, 0.0]);
                let mut at_wall = action.clone();
                at_wall[12] = wall;
                let mut reached = 0;
                for _ in 0..1_500 {
                    reached += usize::from(arm.approach(&action));
                    assert!(arm.pose()[12] < wall + 1e-6);
                }
                assert_eq!(reached, 0);
                assert!(arm.is_near(&at_wall, 1e-3), "{:?}", arm.limits.motion);
            }
        }
    }

    #[test]
    fn a_velocity_is_checked_for_where_it_leads_if_it_is_kept_to() {
        // 0.3 m/s is braked within 8 mm.
        for (distance, is_free) in [(0.05, true), (2e-3, false)] {
            let arm = before_a_wall(CartesianCommand::Velocity, distance);
            let action = only(0, 0.3);
            let found = arm.limits.check_destination(&arm.observation, &action);
            match is_free {
                true => assert!(found.is_empty()),
                false => {
                    let found = found.of(ViolationKind::Box).unwrap();
                    assert_eq!((found.slot, found.action), (0, 0.3));
                }
            }
            // A pose is only a place.
            let arm = before_a_wall(CartesianCommand::Pose, distance);
            let action = arm.action(only(0, 0.3));
            let found = arm.limits.check_destination(&arm.observation, &action);
            assert!(found.is_empty());
        }
    }

    #[test]
    fn an_obstacle_is_out_of_reach_after_two_hundred_cycles_at_a_standstill() {
        for command in KINDS {
            for (standing, distance) in [(200, 1.0), (201, 1.0), (201, 0.1)] {
                let mut arm = Arm::plain(command, false);
                let action = match command {
                    CartesianCommand::Velocity => vec![0.0; 6],
                    _ => arm.action(only(0, distance)),
                };
                (arm.limits.standing, arm.limits.obstacle) = (standing, Some((3, 1.5)));
                let found = arm.limits.check_destination(&arm.observation, &action);
                if standing == 200 {
                    assert!(found.is_empty());
                    continue;
                }
                assert_eq!(told(&found), [(ViolationKind::Joints, 3, 1.5, 1.0)]);
                let place = found.iter().next().unwrap().joint.unwrap();
                assert!(place.is_out_of_reach);
                let is_far = command != CartesianCommand::Velocity && distance > 0.5;
                let too_far = is_far.then(|| {
                    let place = [action[12], action[13], action[14]];
                    arm.kinematics.span().beyond(&place).unwrap()
                });
                assert_eq!(place.too_far, too_far);
                arm.limits.obstacle = None;
                let found = arm.limits.check_destination(&arm.observation, &action);
                assert!(found.is_empty());
            }
        }
    }

    #[test]
    fn an_arm_stands_if_it_is_still_and_away_from_what_is_wanted_and_something_is_in_its_way() {
        let counted = |way: Rates, rates: Rates, is_behind: bool, has_obstacle: bool| {
            let mut arm = Arm::plain(CartesianCommand::Pose, true);
            let target = arm.action(way);
            arm.limits.motion.rates = rates;
            arm.limits.behind = is_behind.then_some((1, 0.2));
            arm.limits.obstacle = has_obstacle.then_some((1, 1.2));
            arm.limits.standing = 7;
            arm.limits.stands(&(leading(&target), target[16]));
            arm.limits.standing
        };
        let still = [0.0; 7];
        for coordinate in [1, 4, 6] {
            assert_eq!(counted(only(coordinate, 2.1e-3), still, false, true), 8);
            assert_eq!(counted(only(coordinate, 1.9e-3), still, false, true), 0);
        }
        let far = only(1, 0.1);
        assert_eq!(counted(far, only(4, 1.9e-3), false, true), 8);
        assert_eq!(counted(far, only(4, 2.1e-3), false, true), 0);
        assert_eq!(counted(far, still, true, true), 0);
        assert_eq!(counted(far, still, false, false), 0);
        assert_eq!(counted(still, only(4, 0.1), true, true), 0);
    }

    #[test]
    fn a_pose_is_behind_if_one_of_its_parts_is_a_hundredth_away() {
        for command in KINDS {
            let arm = Arm::plain(command, true);
            for (way, slot, distance) in [
                ([0.0, -0.02, 0.0, 0.0, 0.0, 0.0, 0.0], 13, 0.02),
                ([0.0, 0.011, 0.0, 0.0, 0.03, 0.0, 0.01], 0, 0.03),
                ([0.0, 0.02, 0.0, 0.0, 0.03, 0.0, -0.3], 16, 0.3),
                ([0.0, 0.02, 0.0, 0.0, 0.0, 0.0, 0.015], 13, 0.02),
            ] {
                let action = match command {
                    CartesianCommand::Velocity => vec![0.5; 7],
                    _ => arm.action(way),
                };
                let behind = arm.limits.behind(&action);
                if command == CartesianCommand::Pose {
                    let (furthest, off) = behind.unwrap();
                    assert_eq!(furthest, slot);
                    assert_near(&[off], &[distance]);
                } else {
                    assert_eq!(behind, None);
                }
            }
        }
        let arm = Arm::plain(CartesianCommand::Pose, true);
        let near = arm.action([0.009, 0.0, 0.0, 0.009, 0.0, 0.0, 0.009]);
        assert_eq!(arm.limits.behind(&near), None);
    }

    /// Returns an arm at [`START`] whose end effector has no limits, and which moves like this.
    fn free(leads_elbow: bool, rates: Rates, acceleration: Rates) -> Arm {
        const FREE: PartBounds = PartBounds {
            velocity: 1e3,
            acceleration: 1e4,
            jerk: 1e7,
        };
        let bounds = ArmLimits {
            cartesian: [FREE; 3],
            ..quick()
        };
        let options = MotionOptions::default();
        let mut arm = Arm::new(CartesianCommand::Velocity, leads_elbow, bounds, &options);
        let map = arm.kinematics.joints(&START, leads_elbow);
        for (slot, values) in [
            (offset::O_dP_EE_c, &rates[..6]),
            (offset::delbow_c, &rates[6..]),
            (offset::O_ddP_EE_c, &acceleration[..6]),
            (offset::ddelbow_c, &acceleration[6..]),
            (offset::dq_d, &map.of(&rates)),
            (offset::ddq_d, &map.of(&acceleration)),
        ] {
            arm.set(slot, values);
        }
        arm.limits.observe(&arm.observation);
        arm
    }

    #[test]
    fn a_step_breaks_a_joints_limits_if_it_takes_more_than_their_share() {
        let (rates, acceleration, jerk) = (
            [0.2, -0.1, 0.15, 0.3, -0.2, 0.1, 0.2],
            [1.0, 2.0, -1.5, 2.0, 1.0, -2.0, 1.0],
            [300.0, -200.0, 400.0, 500.0, 300.0, -600.0, 400.0],
        );
        for sign in [1.0, -1.0] {
            let signed = |values: Rates| values.map(|value| sign * value);
            let mut arm = free(true, signed(rates), signed(acceleration));
            let action: Rates =
                std::array::from_fn(|i| sign * (rates[i] + (acceleration[i] + jerk[i] * DT) * DT));
            let next = arm.limits.next(&action);
            let needed = arm.limits.ahead.joint_step(&arm.limits.motion, &next);
            for joint in 0..7 {
                let [velocity, acceleration, jerk] = needed.map(|needed| needed[joint]);
                let mut found = |share: f64, change: &dyn Fn(&mut JointBounds)| {
                    let mut bounds = QUICK;
                    // A joint is near the end that it moves away from.
                    match velocity > 0.0 {
                        true => bounds.lower = START[joint] - 1e-9,
                        false => bounds.upper = START[joint] + 1e-9,
                    }
                    change(&mut bounds);
                    arm.limits.ahead.arm_joints = [QUICK; 7];
                    arm.limits.ahead.arm_joints[joint] = bounds;
                    arm.limits.broken(&action, share)
                };
                let too_much = |broken: Option<Violations>, expected: f64| {
                    let found = told(&broken.expect("what is broken is told"));
                    let [(kind, slot, share, limit)] = found[..] else {
                        panic!("joint {joint}: {found:?}");
                    };
                    assert_eq!((kind, slot, limit), (ViolationKind::Joints, joint, 1.0));
                    assert_near(&[share], &[expected]);
                };
                let none = Some(Violations::none());
                assert_eq!(found(1.0, &|_| ()), none);
                let velocity = velocity.abs();
                assert_eq!(found(1.0, &|joint| joint.velocity = velocity / 0.9), none);
                too_much(found(1.0, &|joint| joint.velocity = velocity / 1.2), 1.2);
                // The share is of the acceleration and the jerk only.
                assert_eq!(found(0.1, &|joint| joint.velocity = velocity / 0.9), none);
                for share in [1.0, 0.5] {
                    for (is_jerk, needed) in [(false, acceleration.abs()), (true, jerk.abs())] {
                        let with = |part: f64| {
                            move |joint: &mut JointBounds| match is_jerk {
                                true => joint.jerk = needed / part / share,
                                false => joint.acceleration = needed / part / share,
                            }
                        };
                        assert!(found(share, &with(0.9)).is_some());
                        // The arm adds to what a step asks for, so a step that asks for almost all is approached.
                        assert_eq!(found(share, &with(0.97)), None);
                        too_much(found(share, &with(1.2)), 1.2);
                    }
                }
                // Exactly the limit is not beyond it. What is found then is that it cannot be braked.
                let exactly = found(1.0, &|joint| joint.velocity = velocity);
                let exactly = exactly.unwrap().of(ViolationKind::Joints).unwrap();
                assert!((exactly.received - 1.0 / 0.95).abs() < 1e-4);
                assert_eq!(
                    found(1.0, &|joint| joint.acceleration = acceleration.abs()),
                    None
                );
            }
        }
    }

    #[test]
    fn one_cycle_is_not_enough_for_more_than_the_share_of_the_end_effectors_limits() {
        for (part, coordinate) in [(0, 1), (1, 5), (2, 6)] {
            let bounds = fr3().cartesian[part];
            for share in [1.0, 0.5] {
                for used in [0.9_f64, -0.9, 1.1, -1.1] {
                    let is_enough = used.abs() < 1.0;
                    let options = MotionOptions::default();
                    let command = CartesianCommand::Velocity;
                    let mut arm = Arm::new(command, true, quick(), &options);
                    let jerk = share * used * bounds.jerk;
                    let action = only(coordinate, jerk * DT * DT);
                    let broken = arm.limits.broken(&action, share);
                    assert_eq!(broken, is_enough.then(Violations::none));
                    // At this acceleration already, so without any jerk.
                    let acceleration = share * used * bounds.acceleration;
                    arm.limits.motion.acceleration = only(coordinate, acceleration);
                    let action = only(coordinate, acceleration * DT);
                    let broken = arm.limits.broken(&action, share);
                    assert_eq!(broken, is_enough.then(Violations::none));
                }
            }
        }
    }

    #[test]
    fn a_step_into_a_wall_is_told() {
        let arm = before_a_wall(CartesianCommand::Velocity, 1e-6);
        let found = arm.limits.check_step(&arm.observation, &only(0, 4e-3));
        let found = found.unwrap().of(ViolationKind::Box).unwrap();
        assert_eq!((found.slot, found.action), (0, 4e-3));
        let back = arm.limits.check_step(&arm.observation, &only(0, -4e-3));
        assert_eq!(back, Some(Violations::none()));
        let too_fast = arm.limits.check_step(&arm.observation, &only(0, 0.1));
        assert_eq!(too_fast, None);
    }

    #[test]
    fn an_accepted_action_is_the_next_command() {
        for command in KINDS {
            let mut arm = Arm::plain(command, true);
            let action = match command {
                CartesianCommand::Velocity => vec![1e-3; 7],
                _ => arm.action([1e-6; 7]),
            };
            arm.limits.followed = Some(([0.0; LONGEST], 3));
            arm.limits.standing = 150;
            arm.limits.accept(&action);
            let mut last = vec![0.0; arm.slots()];
            arm.limits.last_command(&mut last);
            assert_near(&last, &action);
            assert_near(&arm.limits.motion.rates, &[1e-3; 7]);
            assert_eq!((arm.limits.followed, arm.limits.standing), (None, 0));
        }
    }

    #[test]
    fn an_action_is_reached_only_if_nothing_forbids_it_and_a_step_is_small_until_then() {
        let jerk = fr3().cartesian[0].jerk;
        let share = |share: f64| [0.0, share * jerk * DT * DT * DT, 0.0, 0.0, 0.0, 0.0, 0.0];
        let reached = |way: Rates, has_reached: bool, change: &dyn Fn(&mut Arm, &mut Vec<f64>)| {
            let (command, options) = (CartesianCommand::Pose, MotionOptions::default());
            let mut arm = Arm::new(command, true, quick(), &options);
            let mut action = arm.action(way);
            change(&mut arm, &mut action);
            arm.limits.has_reached = has_reached;
            let mut sent = vec![0.0; 17];
            let (limits, within) = (&mut arm.limits, Approach::WithinLimits);
            let reached = limits.approach(&arm.observation, &action, within, &mut sent);
            assert_eq!(arm.limits.has_reached, reached);
            assert_eq!(sent == action, reached);
            reached
        };
        let same = |_: &mut Arm, _: &mut Vec<f64>| ();
        assert!(reached(share(0.29), false, &same));
        assert!(!reached(share(0.31), false, &same));
        assert!(reached(share(0.94), true, &same));
        assert!(!reached(share(0.96), true, &same));
        // A matrix that is not rigid, and an arm that is too far behind.
        assert!(!reached(share(0.1), true, &|_, action| action[8] += 1e-3));
        let behind = Some((3, 0.2));
        assert!(!reached(share(0.1), true, &|arm, _| arm.limits.behind = behind));
    }

    #[test]
    fn after_a_rest_a_pose_is_approached_slower_unless_the_policy_is_fast_itself() {
        let fastest = |command, approach, own: f64| {
            let mut arm = Arm::new(command, true, quick(), &MotionOptions::default());
            arm.limits.pace.note(10.0, [own; 3]);
            let action = arm.action([0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
            let mut fastest: f64 = 0.0;
            for _ in 0..450 {
                arm.step(|limits, observation, sent| {
                    limits.approach(observation, &action, approach, sent)
                });
                fastest = fastest.max(norm(&arm.limits.motion.rates[..3]));
            }
            fastest
        };
        let most = fr3().cartesian[0].velocity;
        let (pose, after) = (CartesianCommand::Pose, Approach::AfterRest);
        assert_near(&[fastest(pose, after, 0.0)], &[0.2 * most]);
        assert_near(&[fastest(pose, after, 0.5)], &[1.0]);
        let free = fastest(pose, Approach::WithinLimits, 0.0);
        assert!(free > 1.5, "{free}");
        let target = fastest(CartesianCommand::Target, after, 0.0);
        assert!(target > 1.2, "{target}");
    }

    #[test]
    fn a_jump_of_an_answer_is_not_the_velocity_of_its_motion() {
        // The answer jumps back from a centimetre away, by more than the end effector could move.
        for (coordinate, away) in [(0, 0.01), (3, 0.01), (6, 0.01)] {
            let (command, options) = (CartesianCommand::Pose, MotionOptions::default());
            let mut arm = Arm::new(command, true, quick(), &options);
            let far: [f64; LONGEST] = leading(&arm.action(only(coordinate, away)));
            let near = arm.action(only(1, 2e-4));
            arm.limits.followed = Some((far, 1));
            assert!(!arm.approach(&near));
            let rates = arm.limits.motion.rates;
            assert_near(&rates, &only(1, rates[1]));
            assert!(rates[1] > 1e-4);
        }
    }

    #[test]
    fn what_is_followed_is_kept_as_it_would_be_commanded() {
        let arm = Arm::plain(CartesianCommand::Velocity, true);
        let rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        let kept = arm.limits.remembered(&rates);
        assert_eq!((&kept[..7], &kept[7..]), (&rates[..], &[0.0; 10][..]));
        // Poses are kept inside the box, and elbows within their reach.
        let arm = before_a_wall(CartesianCommand::Pose, 0.02);
        let mut action = arm.action([0.1, 0.2, -0.1, 0.3, 0.0, 0.1, 0.0]);
        action[16] = 200.0;
        let kept = arm.limits.remembered(&action);
        action[12] = arm.pose()[12] + 0.02;
        action[16] = QUICK.upper;
        assert_near(&kept, &action);
    }

    #[test]
    fn who_is_outside_the_box_may_be_sent_anywhere_between_there_and_the_box() {
        let arm = before_a_wall(CartesianCommand::Pose, -0.1);
        for (way, inside) in [(0.05, 0.0), (-0.05, -0.05), (-0.2, -0.2)] {
            let (pose, _) = arm.limits.inside(&arm.action(only(0, way)));
            assert_near(&pose, &arm.action(only(0, inside))[..16]);
        }
    }
}
