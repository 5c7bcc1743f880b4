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
        self.ahead.is_at(&self.motion.place());
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
            if let Some(Blocked::Box(axis, at, wall)) = self.ahead.outside(&place) {
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
mod tests;
