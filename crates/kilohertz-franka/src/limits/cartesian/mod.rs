//! What may be commanded of the end effector, and how it is brought to rest.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk, joints, box, distance | the velocity is kept | braked to zero |
//! | pose | the same, and that it is a rigid transform | the velocity is kept | braked to zero |
//! | target | rigid transform, box, distance; it is moved to within a [`Budget`] | the last target is moved to | braked to zero |
//!
//! Velocity, acceleration and jerk are those of the translation and of the rotation, each as the
//! length of its vector, and of the elbow (joint 3) where that is commanded. What they ask of the
//! joints follows from the Jacobian: a motion is too much for the joints where one of them would break
//! its own limits, now or before the end effector could be braked, or where the arm would come too
//! close to a singular pose.

// long: looking ahead, stepping and judging share the motion, its bounds and the joints' map.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod motion;

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::command::pace::Pace;
use kilohertz_core::limits::{
    APPROACH_GAIN, Approach, JointBounds, JointPlace, Judgement, LEAST_APPROACH, Limiter, Sequence,
    TooFar, Violation, ViolationKind, Violations, check_finite, confined, difference, exceeds,
    largest as most_of,
};

use crate::constants::{DT, OWN_SHARE};
use crate::control::leading;
use crate::kinematics::differential::{ELBOW, JacobianMap, Kinematics, PARTS, Rates, joined};
use crate::kinematics::geometry::{Pose, check_pose, norm, orthonormal, pose_error};
use crate::limits::arm_limits::{ArmLimits, PartBounds};
use crate::limits::cartesian::motion::{CartesianMotion, shorten};
use crate::limits::options::{Budget, MotionOptions};
use crate::limits::tolerances::{NEAR, ROUNDING, ROUNDING_SHARE, is_own_motion, reached_share};
use crate::limits::workspace::{CartesianBox, PLACES};
use crate::state::{joints, offset};

/// How much of the joints' limits commands of our own making may take.
const JOINT_SHARE: f64 = 0.8;
/// Closer than this is what was commanded; the arm reports it in single precision. What differs is
/// not the last command: it got lost, and the arm extrapolated. The acceleration [m/s2, rad/s2] tells
/// that first. Where a motion starts from a rounded pose it does so in vain, which does no harm.
const SAME_POSE: f64 = 2e-6;
const SAME_TWIST: f64 = 3e-4;
const SAME_ACCELERATION: f64 = 0.05;
/// A motion stays this far away from singular poses; [`JacobianMap::volume`].
const LEAST_VOLUME: f64 = 0.025;
/// An elbow goes on towards where it can go no further as slowly as if it took this long \[s\].
const EASING: f64 = 0.25;
/// How much weaker braking is taken to be there.
const WEAKER: f64 = 0.7;
/// This slow [rad/s] a joint may always be.
const CREEP: f64 = 1e-4;
/// A pose that is no nearer to after as many cycles at a standstill is out of reach.
const STANDSTILL: u32 = 200;
/// A standstill: so slow [m/s, rad/s], and so far [m, rad] from what is wanted.
const STILL: f64 = 2e-3;
const MISSING: f64 = 2e-3;
/// However close to their limits the joints are, the end effector may be braked with this share.
const LEAST_SHARE: f64 = 0.05;

/// Slots of the longest action: a pose and the elbow.
const LONGEST: usize = 17;

/// Which quantity of the commanded motion the actions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CartesianCommand {
    Velocity,
    Pose,
    /// A pose that is not to be reached at once.
    Target,
}

/// Why a motion may not go on.
enum Blocked {
    Joint(usize, f64),
    Box(usize, f64, f64),
}

/// Limits of Cartesian velocity, pose and target control.
#[derive(Clone)]
pub(crate) struct CartesianLimiter {
    quantity: CartesianCommand,
    /// Whether the elbow is commanded, in the slot behind the end effector.
    leads_elbow: bool,
    arm: [PartBounds; 3],
    /// For following an action.
    following: [PartBounds; 3],
    /// For everything else of our own making.
    own: [PartBounds; 3],
    arm_joints: [JointBounds; 7],
    max_distance: f64,
    fence: Option<CartesianBox>,
    reach: Kinematics,
    motion: CartesianMotion,
    q: [f64; 7],
    dq: [f64; 7],
    ddq: [f64; 7],
    map: JacobianMap,
    /// The joint that is too far behind its command, and how far.
    behind: Option<(usize, f64)>,
    has_observed: bool,
    /// The action followed last, and how many cycles ago.
    followed: Option<([f64; LONGEST], u32)>,
    /// Whether the last step followed an action and reached it.
    has_reached: bool,
    /// The joint that keeps the motion from what is wanted, and how many times over.
    obstacle: Option<(usize, f64)>,
    /// For how many cycles it has kept it at a standstill.
    standing: u32,
    /// How fast the parts of the policy's own answers were lately.
    pace: Pace<3>,
    /// The robot's clock [s].
    time: f64,
}

impl CartesianLimiter {
    pub fn new(
        quantity: CartesianCommand,
        leads_elbow: bool,
        arm: &ArmLimits,
        options: &MotionOptions,
        reach: Kinematics,
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
            quantity,
            leads_elbow,
            arm: arm.cartesian,
            following: match quantity {
                CartesianCommand::Target => share(velocity, acceleration, jerk),
                CartesianCommand::Velocity | CartesianCommand::Pose => own,
            },
            own,
            arm_joints: arm.joints,
            max_distance: options.max_distance,
            fence: options.fence,
            motion: CartesianMotion {
                pose: reach.frame,
                elbow: 0.0,
                rates: [0.0; 7],
                acceleration: [0.0; 7],
            },
            reach,
            q: [0.0; 7],
            dq: [0.0; 7],
            ddq: [0.0; 7],
            map: JacobianMap::NONE,
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

    /// The motion with `action` as its next step.
    fn next(&self, action: &[f64]) -> CartesianMotion {
        match self.quantity {
            CartesianCommand::Velocity => self.motion.with_rates(self.rates_in(action)),
            CartesianCommand::Pose | CartesianCommand::Target => self
                .motion
                .with_pose(&leading(action), self.elbow_in(action)),
        }
    }

    /// The velocities that an action is.
    fn rates_in(&self, action: &[f64]) -> Rates {
        let mut rates = [0.0; 7];
        rates[..action.len()].copy_from_slice(action);
        rates
    }

    /// Where a pose's action wants the elbow; 0 where that is the arm's choice.
    fn elbow_in(&self, action: &[f64]) -> f64 {
        action.get(16).copied().unwrap_or(0.0)
    }

    /// The slot of an action that stands for a part of it: where that part is largest.
    fn slot(&self, part: usize, vector: &[f64]) -> usize {
        let largest = (1..vector.len()).fold(0, |most, i| {
            if vector[i].abs() > vector[most].abs() {
                i
            } else {
                most
            }
        });
        match (self.quantity, part) {
            (CartesianCommand::Velocity, _) => PARTS[part].start.saturating_add(largest),
            (_, 0) => largest.saturating_add(12),
            (_, 1) => 0,
            _ => 16,
        }
    }

    /// The slot of a place along an axis.
    fn axis_slot(&self, axis: usize) -> usize {
        match self.quantity {
            CartesianCommand::Velocity => axis,
            CartesianCommand::Pose | CartesianCommand::Target => axis.saturating_add(12),
        }
    }

    /// What the joints do in the step to `next`: velocities, accelerations and jerks. The arm says
    /// what they do now, so its choice of the elbow is in it.
    fn joint_step(&self, next: &CartesianMotion) -> [[f64; 7]; 3] {
        let jerk = self.map.of(&self.motion.jerk_to(next));
        let ddq = std::array::from_fn(|i| self.ddq[i] + jerk[i] * DT);
        let dq = std::array::from_fn(|i| self.dq[i] + ddq[i] * DT);
        [dq, ddq, jerk]
    }

    /// What each joint accelerates by [rad/s2] because the arm bends, although its hand does not.
    fn bend(&self) -> [f64; 7] {
        let through = self.map.of(&self.motion.acceleration);
        std::array::from_fn(|joint| self.ddq[joint] - through[joint])
    }

    /// The shares of the acceleration and of the jerk in `bounds` that the joints can follow whatever
    /// their direction, where `map` holds and the joints bend by `bend`.
    fn shares(&self, bounds: &[PartBounds; 3], map: &JacobianMap, bend: &[f64; 7]) -> (f64, f64) {
        let (mut acceleration, mut jerk): (f64, f64) = (1.0, 1.0);
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let parts = map.most(joint);
            let most = |of: fn(&PartBounds) -> f64| {
                let asked = parts.iter().zip(bounds).map(|(most, part)| most * of(part));
                asked.sum::<f64>() + 1e-9
            };
            let left = JOINT_SHARE * arm.acceleration - bend[joint].abs();
            acceleration = acceleration.min(left / most(|part| part.acceleration));
            jerk = jerk.min(JOINT_SHARE * arm.jerk / most(|part| part.jerk));
        }
        (acceleration.max(LEAST_SHARE), jerk.max(LEAST_SHARE))
    }

    /// The bounds for a step of our own, small enough for the joints whatever its direction.
    fn eased(&self, bounds: &[PartBounds; 3]) -> [PartBounds; 3] {
        let (acceleration, jerk) = self.shares(bounds, &self.map, &self.bend());
        bounds.map(|part| part.share(1.0, acceleration, jerk))
    }

    fn map_at(&self, q: &[f64; 7]) -> JacobianMap {
        self.reach.joints(q, self.leads_elbow)
    }

    /// Where `next` would lead out of what the joints or the box allow, however soon it is braked.
    fn blocked(&self, next: &CartesianMotion) -> Option<Blocked> {
        let [dq, ..] = self.joint_step(next);
        let (most, jerk) = self.shares(&self.own, &self.map, &self.bend());
        let bounds = self.own.map(|part| part.share(1.0, most, jerk));
        let mut q: [f64; 7] = std::array::from_fn(|i| self.q[i] + dq[i] * DT);
        let mut place = next.place();
        if let Some(left) = self.outside(&place) {
            return Some(left);
        }
        // Each part is braked for itself, from the velocity that it has by then.
        let phases: [(Rates, f64); 3] = std::array::from_fn(|part| {
            let range = PARTS[part].clone();
            let PartBounds {
                acceleration, jerk, ..
            } = bounds[part];
            let delay = norm(&next.acceleration[range.clone()]) / jerk;
            let mut rates = [0.0; 7];
            for i in range {
                rates[i] = next.rates[i] + 0.5 * next.acceleration[i] * delay;
            }
            let time = norm(&rates) / (WEAKER * acceleration) + delay + 2.0 * DT;
            (rates, time)
        });
        let longest = phases.iter().map(|(_, time)| *time).fold(0.0, f64::max);
        let step = longest / f64::from(PLACES);
        let left = |time: f64, until: f64| (1.0 - time / until).max(0.0);
        let mut volume = self.map.volume;
        let mut last = self.map;
        for place_nth in 0..PLACES {
            let time = step * f64::from(place_nth);
            let mean: Rates = std::array::from_fn(|i| {
                phases
                    .iter()
                    .map(|(rates, until)| {
                        rates[i] * 0.5 * (left(time, *until) + left(time + step, *until))
                    })
                    .sum()
            });
            let now: Rates = std::array::from_fn(|i| {
                phases
                    .iter()
                    .map(|(rates, until)| rates[i] * left(time, *until))
                    .sum()
            });
            let map = if place_nth == 0 {
                self.map
            } else {
                self.map_at(&q)
            };
            let (faster, ways) = (map.of(&now), map.of(&mean));
            if place_nth > 0 {
                // On the way the joints have to be able to brake as hard as it is counted on.
                let before = last.of(&now);
                let bend = std::array::from_fn(|i| (faster[i] - before[i]) / step);
                let (share, _) = self.shares(&self.own, &map, &bend);
                if share < WEAKER * most || share <= LEAST_SHARE {
                    return Some(Blocked::Joint(largest(&bend), most / share));
                }
                last = map;
            }
            for (joint, arm) in self.arm_joints.iter().enumerate() {
                let (speed, at) = (faster[joint], q[joint]);
                let fastest = if speed > 0.0 {
                    arm.upper_velocity(at)
                } else {
                    -arm.lower_velocity(at)
                };
                let fastest = (OWN_SHARE * fastest).max(CREEP);
                if exceeds(speed.abs(), fastest) {
                    return Some(Blocked::Joint(joint, speed.abs() / fastest));
                }
                q[joint] += ways[joint] * step;
            }
            for axis in 0..3 {
                place[axis] += mean[axis] * step;
            }
            if let Some(left) = self.outside(&place) {
                return Some(left);
            }
            let there = if place_nth == PLACES.saturating_sub(1) {
                self.map_at(&q).volume
            } else {
                map.volume
            };
            if there < LEAST_VOLUME && there < volume - 1e-5 {
                let joint = largest(&ways);
                return Some(Blocked::Joint(joint, LEAST_VOLUME / there.max(1e-3)));
            }
            volume = volume.min(there);
        }
        None
    }

    fn outside(&self, place: &[f64; 3]) -> Option<Blocked> {
        let (axis, at, wall) = self.fence?.left(&self.motion.place(), place)?;
        Some(Blocked::Box(axis, at, wall))
    }

    /// The parts of a motion that exceed their bounds, with `share` of the acceleration and of the jerk:
    /// the order of the derivative, the part, its vector, its length and the bound.
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

    /// What the step to `action` breaks, with `share` of the acceleration and of the jerk. `None` where
    /// one cycle does not suffice for it.
    fn broken(&self, action: &[f64], share: f64) -> Option<Violations> {
        let next = self.next(action);
        let jerk = self.motion.jerk_to(&next);
        let derivatives = [&next.rates[..], &next.acceleration[..], &jerk[..]];
        if self.exceeded(derivatives, share).next().is_some() {
            return None;
        }
        let mut found = Violations::none();
        let [dq, ddq, dddq] = self.joint_step(&next);
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let fastest = if dq[joint] > 0.0 {
                arm.upper_velocity(self.q[joint])
            } else {
                -arm.lower_velocity(self.q[joint])
            };
            let most = most_of([
                dq[joint] / fastest.max(1e-2),
                ddq[joint] / (share * arm.acceleration),
                dddq[joint] / (share * arm.jerk),
            ]);
            if exceeds(most, 1.0 + ROUNDING) {
                found.note(self.joints_break(joint, most));
            }
        }
        if let (true, Some(blocked)) = (found.is_empty(), self.blocked(&next)) {
            found.note(self.violation_of(blocked, action));
        }
        Some(found)
    }

    /// The highest velocities of the parts with which a pose is approached after a rest.
    fn approach_speeds(&self) -> [f64; 3] {
        let own = self.pace.fastest(self.time);
        std::array::from_fn(|part| {
            let least = LEAST_APPROACH * self.arm[part].velocity;
            least.max(APPROACH_GAIN * own[part])
        })
    }

    fn violation_of(&self, blocked: Blocked, action: &[f64]) -> Violation {
        match blocked {
            Blocked::Joint(joint, share) => self.joints_break(joint, share),
            Blocked::Box(axis, at, wall) => self.box_left(action, axis, at, wall),
        }
    }

    /// That `joint` would take `share` of what it can do.
    fn joints_break(&self, joint: usize, share: f64) -> Violation {
        let (lower, upper) = self.arm_joints[joint].reach();
        Violation {
            kind: ViolationKind::Joints,
            slot: joint,
            action: share,
            received: share,
            limit: 1.0,
            joint: Some(JointPlace {
                at: self.q[joint],
                lower,
                upper,
                is_out_of_reach: false,
                too_far: None,
            }),
            flaw: None,
        }
    }

    /// How far away the place of a pose is, where no posture reaches it.
    fn too_far(&self, action: &[f64]) -> Option<TooFar> {
        let is_place = self.quantity != CartesianCommand::Velocity;
        let place = is_place.then(|| [action[12], action[13], action[14]])?;
        self.reach.span().beyond(&place)
    }

    fn box_left(&self, action: &[f64], axis: usize, received: f64, limit: f64) -> Violation {
        let slot = self.axis_slot(axis);
        Violation {
            kind: ViolationKind::Box,
            slot,
            action: action[slot],
            received,
            limit,
            joint: None,
            flaw: None,
        }
    }

    /// `rates` as far as the joints and the box let it, and which joint lets it no further.
    fn allowed(&self, mut rates: Rates, bounds: &[PartBounds; 3]) -> (Rates, Option<(usize, f64)>) {
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            shorten(&mut rates[part], bounds.velocity);
        }
        if let Some(fence) = &self.fence {
            let braking = 0.5 * bounds[0].acceleration;
            for (axis, place) in self.motion.place().into_iter().enumerate() {
                let (lowest, highest) = fence.walls(axis);
                let most = |left: f64| {
                    (2.0 * braking * left.max(0.0))
                        .sqrt()
                        .min(30.0 * left.max(0.0))
                };
                rates[axis] = confined(rates[axis], -most(place - lowest), most(highest - place));
            }
        }
        let asked = self.map.of(&rates);
        let mut share: f64 = 1.0;
        let mut obstacle = None;
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let arm = arm.share(JOINT_SHARE, 0.3, 1.0);
            let fastest = if asked[joint] > 0.0 {
                arm.upper_velocity(self.q[joint])
            } else {
                -arm.lower_velocity(self.q[joint])
            };
            let asked = asked[joint].abs();
            if fastest / asked < share {
                share = fastest / asked;
                obstacle = Some((joint, asked / fastest.max(CREEP)));
            }
        }
        rates = rates.map(|v| v * share);
        if self.leads_elbow {
            rates[6] *= self.elbow_share(rates[6]);
        }
        (rates, obstacle)
    }

    /// The share of an elbow's velocity with which it comes to rest where it can go no further, and
    /// does not keep the hand.
    fn elbow_share(&self, rate: f64) -> f64 {
        let bends = self.map.of(&joined([0.0; 6], rate));
        let q = std::array::from_fn(|joint| self.q[joint] + bends[joint] * EASING);
        let lost = self.map.volume - self.map_at(&q).volume;
        let left = self.map.volume - LEAST_VOLUME;
        if lost > 0.0 {
            confined(left / lost, 0.0, 1.0)
        } else {
            1.0
        }
    }

    /// Takes one step towards the velocities `rates`, or brakes where that could no longer be done
    /// within the limits, and writes it out.
    fn step(&mut self, rates: Rates, bounds: &[PartBounds; 3], out: &mut [f64]) {
        let bounds = self.eased(bounds);
        let (rates, obstacle) = self.allowed(rates, &bounds);
        let next = self.motion.towards(&rates, &bounds);
        let blocked = self.blocked(&next);
        self.motion = if blocked.is_none() {
            next
        } else {
            self.motion.towards(&[0.0; 7], &self.eased(&self.own))
        };
        self.obstacle = match blocked {
            Some(Blocked::Joint(joint, share)) => Some((joint, share)),
            _ => obstacle,
        };
        self.last_command(out);
    }

    /// Counts for how long the motion has stood still away from what is wanted.
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

    /// The velocities that lead to `target` and its elbow, which move with `moving` themselves.
    fn approach_rates(
        &self,
        (target, elbow): &(Pose, f64),
        moving: &Rates,
        following: &[PartBounds; 3],
    ) -> Rates {
        let eased = self.eased(following);
        let ahead = self.motion.with_rates(self.motion.rates);
        let missing = ahead.way_to(target, *elbow);
        let mut rates = *moving;
        for (part, bounds) in PARTS.into_iter().zip(&eased) {
            // The law of `JointMotion::towards_position`, along the way.
            let gain = (bounds.jerk / bounds.acceleration / 6.0).min(60.0);
            let brake = 0.6 * bounds.acceleration;
            let knee = brake / (gain * gain);
            let distance = norm(&missing[part.clone()]);
            let speed = if distance <= knee {
                gain * distance
            } else {
                (2.0 * brake * (distance - knee / 2.0)).sqrt()
            };
            for i in part {
                rates[i] += missing[i] * speed / distance.max(1e-12);
            }
        }
        rates
    }

    /// The pose of an action and its elbow, no further out than the box and the range of joint 3.
    fn inside(&self, action: &[f64]) -> (Pose, f64) {
        let mut target: Pose = orthonormal(&leading(action));
        if let Some(fence) = &self.fence {
            let place = self.motion.place();
            for (axis, at) in target[12..15].iter_mut().enumerate() {
                let (lowest, highest) = fence.walls(axis);
                let (lowest, highest) = (lowest.min(place[axis]), highest.max(place[axis]));
                *at = confined(*at, lowest, highest);
            }
        }
        let (lowest, highest) = self.elbow_range();
        (target, confined(self.elbow_in(action), lowest, highest))
    }

    /// Where the elbow may be commanded: it may stay where it is.
    fn elbow_range(&self) -> (f64, f64) {
        let (lowest, highest) = self.arm_joints[ELBOW].reach();
        let elbow = self.motion.elbow;
        (lowest.min(elbow), highest.max(elbow))
    }

    /// Takes the step of one cycle towards `action`, and writes it out.
    fn step_towards(&mut self, action: &[f64], approach: Approach, out: &mut [f64]) {
        let mut following = self.following;
        if (self.quantity, approach) == (CartesianCommand::Pose, Approach::AfterRest) {
            for (bounds, speed) in following.iter_mut().zip(self.approach_speeds()) {
                bounds.velocity = bounds.velocity.min(speed);
            }
        }
        let target = (self.quantity != CartesianCommand::Velocity).then(|| self.inside(action));
        let mut rates = match (&target, self.quantity) {
            (None, _) => self.rates_in(action),
            (Some(target), CartesianCommand::Target) => {
                self.approach_rates(target, &[0.0; 7], &following)
            }
            (Some(target), _) => {
                let moving = match self.followed {
                    // A step is no velocity.
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
                self.approach_rates(target, &moving, &following)
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
        if self.quantity == CartesianCommand::Velocity {
            kept[..action.len()].copy_from_slice(action);
        } else {
            let (pose, elbow) = self.inside(action);
            kept[..16].copy_from_slice(&pose);
            kept[16] = elbow;
        }
        kept
    }
}

fn largest(values: &[f64; 7]) -> usize {
    (1..7).fold(0, |most, i| {
        if values[i].abs() > values[most].abs() {
            i
        } else {
            most
        }
    })
}

impl Limiter for CartesianLimiter {
    fn interpolation(&self) -> Interpolation {
        match self.quantity {
            CartesianCommand::Velocity => Interpolation::Line,
            CartesianCommand::Pose => Interpolation::Pose,
            CartesianCommand::Target => Interpolation::Target,
        }
    }

    fn last_command(&self, out: &mut [f64]) {
        match self.quantity {
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
        // Where the elbow is the arm's choice its part is zero.
        let elbow_at = |slot: usize| {
            if self.leads_elbow {
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
        self.q = joints(observation, offset::q_d);
        self.dq = joints(observation, offset::dq_d);
        self.ddq = joints(observation, offset::ddq_d);
        self.time = observation[offset::time];
        self.reach.frame = leading(&observation[offset::F_T_EE..]);
        self.map = self.map_at(&self.q);
        let measured = joints(observation, offset::q);
        self.behind = (0..7)
            .map(|joint| (joint, (self.q[joint] - measured[joint]).abs()))
            .find(|(_, behind)| exceeds(*behind, self.max_distance));
        let apart = |a: &Rates, b: &Rates| {
            let off: Rates = std::array::from_fn(|i| a[i] - b[i]);
            norm(&off)
        };
        let same_place = self.quantity == CartesianCommand::Velocity
            || norm(&self.motion.way_to(&pose, elbow)) < SAME_POSE;
        let in_step = same_place
            && apart(&rates, &self.motion.rates) < SAME_TWIST
            && apart(&acceleration, &self.motion.acceleration) < SAME_ACCELERATION;
        if !in_step {
            self.motion = CartesianMotion {
                pose,
                elbow,
                rates,
                acceleration,
            };
        } else if self.quantity == CartesianCommand::Velocity {
            // Where commanded velocities lead is known to the arm alone.
            self.motion.pose = pose;
            self.motion.elbow = elbow;
        }
        self.has_reached &= in_step;
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        first.fill(0.0);
        second.fill(0.0);
        let parts = if self.leads_elbow { 7 } else { 6 };
        let CartesianMotion {
            rates,
            acceleration,
            ..
        } = &self.motion;
        if self.quantity == CartesianCommand::Velocity {
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
        if self.quantity == CartesianCommand::Velocity {
            let rates = self.rates_in(answer);
            for (part, range) in PARTS.into_iter().enumerate() {
                let received = norm(&rates[range.clone()]);
                let limit = self.arm[part].velocity;
                if exceeds(received, limit + ROUNDING) {
                    let slot = self.slot(part, &rates[range]);
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
        let (elbow, (lowest, highest)) = (self.elbow_in(answer), self.elbow_range());
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

    /// Between two poses: translation, rotation vector, elbow.
    fn displacement(&self, _part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        if self.quantity == CartesianCommand::Velocity {
            return difference(from, to, out);
        }
        out.fill(0.0);
        let there = pose_error(&orthonormal(&leading(from)), &orthonormal(&leading(to)));
        out[..6].copy_from_slice(&there);
        out[6] = self.elbow_in(to) - self.elbow_in(from);
    }

    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        let mut judgement = Judgement::none();
        if self.quantity == CartesianCommand::Target {
            return judgement;
        }
        let mut rates = [[0.0; 7]; 3];
        // Of velocities the derivative of first order is an acceleration.
        let lowest = usize::from(self.quantity == CartesianCommand::Velocity);
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
            let slot = self.slot(part, vector);
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
        if self.quantity == CartesianCommand::Pose && is_own_motion(sequence, &judgement) {
            self.pace.note(self.time, speeds);
        }
        judgement
    }

    fn check_place(&self, _observation: &[f64], action: &[f64]) -> Violations {
        let mut found = Violations::none();
        if self.quantity != CartesianCommand::Velocity {
            let place = [action[12], action[13], action[14]];
            if let Some(Blocked::Box(axis, at, wall)) = self.outside(&place) {
                found.note(self.box_left(action, axis, at, wall));
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
        if self.quantity != CartesianCommand::Pose {
            return None;
        }
        let missing = self.motion.way_to(&leading(action), self.elbow_in(action));
        let furthest = |most: usize, part: usize| {
            let of = |part: usize| norm(&missing[PARTS[part].clone()]);
            if of(part) > of(most) { part } else { most }
        };
        let part = (1..PARTS.len()).fold(0, furthest);
        let vector = &missing[PARTS[part].clone()];
        (norm(vector) > NEAR).then(|| (self.slot(part, vector), norm(vector)))
    }

    fn check_destination(&self, _observation: &[f64], action: &[f64]) -> Violations {
        let mut found = Violations::none();
        if let (true, Some((joint, share))) = (self.standing > STANDSTILL, self.obstacle) {
            let mut broken = self.joints_break(joint, share);
            if let Some(place) = &mut broken.joint {
                place.is_out_of_reach = true;
                place.too_far = self.too_far(action);
            }
            found.note(broken);
        }
        if self.quantity == CartesianCommand::Velocity {
            let steady = CartesianMotion {
                acceleration: [0.0; 7],
                ..self.next(action)
            };
            if let Some(blocked) = self.blocked(&steady) {
                found.note(self.violation_of(blocked, action));
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
        let reached = self.quantity != CartesianCommand::Target
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
        if let (CartesianCommand::Target, Some((target, _))) = (self.quantity, self.followed) {
            return self.step_towards(&target, Approach::WithinLimits, out);
        }
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        let own = self.own;
        self.step(self.motion.rates, &own, out);
    }

    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.followed = None;
        self.has_reached = false;
        self.standing = 0;
        self.motion = self.motion.towards(&[0.0; 7], &self.eased(&self.own));
        self.last_command(out);
        self.motion.is_at_rest()
    }
}
