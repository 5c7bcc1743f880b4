//! What may be commanded of the end effector, and how it is brought to rest.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk, joints, box, distance | the velocity is kept | braked to zero |
//! | pose | the same, and that it is a rigid transform | the velocity is kept | braked to zero |
//! | target | rigid transform, box, distance; it is moved to within a [`Budget`] | the last target is moved to | braked to zero |
//!
//! Velocity, acceleration and jerk are those of the translation and of the rotation, each as the
//! length of its vector. What they ask of the joints follows from the Jacobian: a motion is too much
//! for the joints where one of them would break its own limits, now or before the end effector could
//! be braked, or where the arm would come too close to a singular pose.

use kilohertz_core::between::Between;
use kilohertz_core::limits::{
    JointBounds, Limits, Violation, ViolationKind, Violations, check_finite,
};

use crate::control::taken;
use crate::fence::{CartesianBox, PLACES};
use crate::geometry::{PARTS, Pose, Twist, moved, norm, off_rigid, orthonormal, way};
use crate::limits::{ArmLimits, Budget, DT, MotionOptions, OWN_SHARE, REACHED_SHARE, ROUNDING};
use crate::reach::{JointMap, Reach};
use crate::state::{joints, offset};

/// How much of the joints' limits commands of our own making may take.
const JOINT_SHARE: f64 = 0.8;
/// How far a matrix may be from a rigid transform, as libfranka checks it.
const RIGID: f64 = 1e-5;
/// Closer than this is what was commanded; the arm reports it in single precision. What differs is
/// not the last command: it got lost, and the arm extrapolated. The acceleration [m/s2, rad/s2] tells
/// that first. Where a motion starts from a rounded pose it does so in vain, which does no harm.
const SAME_POSE: f64 = 2e-6;
const SAME_TWIST: f64 = 3e-4;
const SAME_ACCELERATION: f64 = 0.05;
/// A motion stays this far away from singular poses; [`JointMap::volume`].
const LEAST_VOLUME: f64 = 0.025;
/// How much weaker braking is taken to be there.
const WEAKER: f64 = 0.7;
/// This slow [rad/s] a joint may always be.
const CREEP: f64 = 1e-4;
/// However close to their limits the joints are, the end effector may be braked with this share.
const LEAST_SHARE: f64 = 0.05;

/// What the translation or the rotation of the end effector may do at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartBounds {
    /// Velocity [m/s, rad/s].
    pub velocity: f64,
    /// Acceleration [m/s2, rad/s2].
    pub acceleration: f64,
    /// Jerk [m/s3, rad/s3].
    pub jerk: f64,
}

impl PartBounds {
    fn share(self, velocity: f64, acceleration: f64, jerk: f64) -> PartBounds {
        PartBounds {
            velocity: self.velocity * velocity,
            acceleration: self.acceleration * acceleration,
            jerk: self.jerk * jerk,
        }
    }
}

/// Which quantity of the commanded motion the actions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Velocity,
    Pose,
    /// A pose that is not to be reached at once.
    Target,
}

/// The commanded motion, advanced in steps of one cycle.
#[derive(Debug, Clone, Copy)]
struct Motion {
    pose: Pose,
    twist: Twist,
    acceleration: Twist,
}

impl Motion {
    fn with_twist(&self, twist: Twist) -> Motion {
        self.followed_by(moved(&self.pose, &twist.map(|v| v * DT)), twist)
    }

    fn with_pose(&self, pose: &Pose) -> Motion {
        let pose = orthonormal(pose);
        self.followed_by(pose, way(&self.pose, &pose).map(|way| way / DT))
    }

    fn followed_by(&self, pose: Pose, twist: Twist) -> Motion {
        Motion {
            pose,
            twist,
            acceleration: std::array::from_fn(|i| (twist[i] - self.twist[i]) / DT),
        }
    }

    fn jerk_to(&self, next: &Motion) -> Twist {
        std::array::from_fn(|i| (next.acceleration[i] - self.acceleration[i]) / DT)
    }

    fn place(&self) -> [f64; 3] {
        [self.pose[12], self.pose[13], self.pose[14]]
    }

    /// One cycle towards the velocity `target`, within `bounds`.
    fn towards(&self, target: &Twist, bounds: &[PartBounds; 2]) -> Motion {
        let mut twist = self.twist;
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            // As for joints: close to the target the acceleration dies out as fast as the jerk allows.
            let gain = bounds.jerk / bounds.acceleration;
            let mut wanted: [f64; 3] = std::array::from_fn(|i| {
                let i = part.start + i;
                (target[i] - self.twist[i]) * gain
            });
            shorten(&mut wanted, bounds.acceleration);
            let mut change: [f64; 3] =
                std::array::from_fn(|i| wanted[i] - self.acceleration[part.start + i]);
            shorten(&mut change, bounds.jerk * DT);
            for (i, change) in part.zip(change) {
                twist[i] += (self.acceleration[i] + change) * DT;
            }
        }
        self.with_twist(twist)
    }

    fn is_at_rest(&self) -> bool {
        norm(&self.twist) < 1e-4 && norm(&self.acceleration) < 0.1
    }
}

fn shorten(vector: &mut [f64], longest: f64) {
    let length = norm(vector);
    if length > longest {
        vector.iter_mut().for_each(|v| *v *= longest / length);
    }
}

/// Why a motion may not go on.
enum Blocked {
    Joint(usize, f64),
    Box(usize, f64, f64),
}

/// Limits of Cartesian velocity, pose and target control.
#[derive(Clone)]
pub(crate) struct Cartesian {
    quantity: Quantity,
    arm: [PartBounds; 2],
    /// For following an action.
    following: [PartBounds; 2],
    /// For everything else of our own making.
    own: [PartBounds; 2],
    arm_joints: [JointBounds; 7],
    max_distance: f64,
    fence: Option<CartesianBox>,
    reach: Reach,
    motion: Motion,
    q: [f64; 7],
    dq: [f64; 7],
    ddq: [f64; 7],
    map: JointMap,
    /// The joint that is too far behind its command, and how far.
    behind: Option<(usize, f64)>,
    has_observed: bool,
    /// The action followed last, and how many cycles ago.
    followed: Option<([f64; 16], u32)>,
}

impl Cartesian {
    pub fn new(
        quantity: Quantity,
        arm: &ArmLimits,
        options: &MotionOptions,
        reach: Reach,
    ) -> Cartesian {
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
        Cartesian {
            quantity,
            arm: arm.cartesian,
            following: match quantity {
                Quantity::Target => share(velocity, acceleration, jerk),
                Quantity::Velocity | Quantity::Pose => own,
            },
            own,
            arm_joints: arm.joints,
            max_distance: options.max_distance,
            fence: options.fence,
            motion: Motion {
                pose: reach.frame,
                twist: [0.0; 6],
                acceleration: [0.0; 6],
            },
            reach,
            q: [0.0; 7],
            dq: [0.0; 7],
            ddq: [0.0; 7],
            map: JointMap::NONE,
            behind: None,
            has_observed: false,
            followed: None,
        }
    }

    /// The motion with `action` as its next step.
    fn next(&self, action: &[f64]) -> Motion {
        match self.quantity {
            Quantity::Velocity => self.motion.with_twist(taken(action)),
            Quantity::Pose | Quantity::Target => self.motion.with_pose(&taken(action)),
        }
    }

    /// The slot of an action that stands for a part of it: where that part is largest.
    fn slot(&self, part: usize, vector: &[f64]) -> usize {
        let largest = (1..3).fold(0, |most, i| {
            if vector[i].abs() > vector[most].abs() {
                i
            } else {
                most
            }
        });
        match (self.quantity, part) {
            (Quantity::Velocity, _) => 3 * part + largest,
            (_, 0) => 12 + largest,
            _ => 0,
        }
    }

    /// The slot of a place along an axis.
    fn axis_slot(&self, axis: usize) -> usize {
        match self.quantity {
            Quantity::Velocity => axis,
            Quantity::Pose | Quantity::Target => 12 + axis,
        }
    }

    /// What the joints do in the step to `next`: velocities, accelerations and jerks. The arm says
    /// what they do now, so its choice of the elbow is in it.
    fn joint_step(&self, next: &Motion) -> [[f64; 7]; 3] {
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
    fn shares(&self, bounds: &[PartBounds; 2], map: &JointMap, bend: &[f64; 7]) -> (f64, f64) {
        let (mut acceleration, mut jerk): (f64, f64) = (1.0, 1.0);
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let [translation, rotation] = map.most(joint);
            let most = |of: fn(&PartBounds) -> f64| {
                translation * of(&bounds[0]) + rotation * of(&bounds[1]) + 1e-9
            };
            let left = JOINT_SHARE * arm.acceleration - bend[joint].abs();
            acceleration = acceleration.min(left / most(|part| part.acceleration));
            jerk = jerk.min(JOINT_SHARE * arm.jerk / most(|part| part.jerk));
        }
        (acceleration.max(LEAST_SHARE), jerk.max(LEAST_SHARE))
    }

    /// The bounds for a step of our own, small enough for the joints whatever its direction.
    fn eased(&self, bounds: &[PartBounds; 2]) -> [PartBounds; 2] {
        let (acceleration, jerk) = self.shares(bounds, &self.map, &self.bend());
        bounds.map(|part| part.share(1.0, acceleration, jerk))
    }

    /// Where `next` would lead out of what the joints or the box allow, however soon it is braked.
    fn blocked(&self, next: &Motion) -> Option<Blocked> {
        let [dq, ..] = self.joint_step(next);
        let (most, jerk) = self.shares(&self.own, &self.map, &self.bend());
        let bounds = self.own.map(|part| part.share(1.0, most, jerk));
        let mut q: [f64; 7] = std::array::from_fn(|i| self.q[i] + dq[i] * DT);
        let mut place = next.place();
        if let Some(left) = self.outside(&place) {
            return Some(left);
        }
        // Each part is braked for itself, from the velocity that it has by then.
        let phases: [(Twist, f64); 2] = std::array::from_fn(|part| {
            let range = PARTS[part].clone();
            let PartBounds {
                acceleration, jerk, ..
            } = bounds[part];
            let delay = norm(&next.acceleration[range.clone()]) / jerk;
            let mut twist = [0.0; 6];
            for i in range {
                twist[i] = next.twist[i] + 0.5 * next.acceleration[i] * delay;
            }
            let time = norm(&twist) / (WEAKER * acceleration) + delay + 2.0 * DT;
            (twist, time)
        });
        let longest = phases[0].1.max(phases[1].1);
        let step = longest / f64::from(PLACES);
        let left = |time: f64, until: f64| (1.0 - time / until).max(0.0);
        let mut volume = self.map.volume;
        let mut last = self.map;
        for place_nth in 0..PLACES {
            let time = step * f64::from(place_nth);
            let mean: Twist = std::array::from_fn(|i| {
                phases
                    .iter()
                    .map(|(twist, until)| {
                        twist[i] * 0.5 * (left(time, *until) + left(time + step, *until))
                    })
                    .sum()
            });
            let now: Twist = std::array::from_fn(|i| {
                phases
                    .iter()
                    .map(|(twist, until)| twist[i] * left(time, *until))
                    .sum()
            });
            let map = if place_nth == 0 {
                self.map
            } else {
                self.reach.joints(&q)
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
                if speed.abs() > fastest {
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
            let there = if place_nth + 1 == PLACES {
                self.reach.joints(&q).volume
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

    /// Where the end effector would leave its box if it were braked behind the step to `next`.
    fn leads_out(&self, next: &Motion) -> Option<(usize, f64, f64)> {
        let braking = WEAKER * self.eased(&self.own)[0].acceleration;
        let time = norm(&next.twist[..3]) / (2.0 * braking);
        let mut place = next.place();
        for (place, velocity) in place.iter_mut().zip(next.twist) {
            *place += velocity * time;
        }
        self.fence?.left(&self.motion.place(), &place)
    }

    fn outside(&self, place: &[f64; 3]) -> Option<Blocked> {
        let (axis, at, wall) = self.fence?.left(&self.motion.place(), place)?;
        Some(Blocked::Box(axis, at, wall))
    }

    /// What the step to `action` breaks, with `share` of the acceleration and of the jerk.
    fn broken(&self, action: &[f64], share: f64) -> Violations {
        let mut found = Violations::NONE;
        let next = self.next(action);
        let jerk = self.motion.jerk_to(&next);
        for (part, range) in PARTS.into_iter().enumerate() {
            let arm = &self.arm[part];
            let quantities = [
                (ViolationKind::Velocity, &next.twist, arm.velocity, 1.0),
                (
                    ViolationKind::Acceleration,
                    &next.acceleration,
                    arm.acceleration,
                    share,
                ),
                (ViolationKind::Jerk, &jerk, arm.jerk, share),
            ];
            for (kind, vector, limit, share) in quantities {
                let vector = &vector[range.clone()];
                let received = norm(vector);
                if received > share * limit + ROUNDING {
                    let slot = self.slot(part, vector);
                    found.note(Violation {
                        kind,
                        slot,
                        action: action[slot],
                        received,
                        limit,
                    });
                }
            }
        }
        if !found.is_empty() {
            // What the joints would do is a question only where the end effector can do it; where it
            // would be braked is one always.
            if let Some((axis, at, wall)) = self.leads_out(&next) {
                found.note(self.box_left(action, axis, at, wall));
            }
            return found;
        }
        let [dq, ddq, dddq] = self.joint_step(&next);
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let fastest = if dq[joint] > 0.0 {
                arm.upper_velocity(self.q[joint])
            } else {
                -arm.lower_velocity(self.q[joint])
            };
            let most = [
                dq[joint].abs() / fastest.max(1e-2),
                ddq[joint].abs() / (share * arm.acceleration),
                dddq[joint].abs() / (share * arm.jerk),
            ]
            .into_iter()
            .fold(0.0, f64::max);
            if most > 1.0 + ROUNDING {
                found.note(joints_break(joint, most));
            }
        }
        if found.is_empty() {
            match self.blocked(&next) {
                None => {}
                Some(Blocked::Joint(joint, share)) => found.note(joints_break(joint, share)),
                Some(Blocked::Box(axis, at, wall)) => {
                    found.note(self.box_left(action, axis, at, wall));
                }
            }
        }
        found
    }

    fn box_left(&self, action: &[f64], axis: usize, received: f64, limit: f64) -> Violation {
        let slot = self.axis_slot(axis);
        Violation {
            kind: ViolationKind::Box,
            slot,
            action: action[slot],
            received,
            limit,
        }
    }

    /// `twist` as far as the joints and the box let it.
    fn allowed(&self, mut twist: Twist, bounds: &[PartBounds; 2]) -> Twist {
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            shorten(&mut twist[part], bounds.velocity);
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
                twist[axis] = twist[axis].clamp(-most(place - lowest), most(highest - place));
            }
        }
        let asked = self.map.of(&twist);
        let mut share: f64 = 1.0;
        for (joint, arm) in self.arm_joints.iter().enumerate() {
            let arm = arm.share(JOINT_SHARE, 0.3, 1.0);
            let fastest = if asked[joint] > 0.0 {
                arm.upper_velocity(self.q[joint])
            } else {
                -arm.lower_velocity(self.q[joint])
            };
            if asked[joint].abs() > fastest {
                share = share.min(fastest / asked[joint].abs());
            }
        }
        twist.map(|v| v * share)
    }

    /// Takes one step towards the velocity `twist`, or brakes where that could no longer be done
    /// within the limits, and writes it out.
    fn step(&mut self, twist: Twist, bounds: &[PartBounds; 2], out: &mut [f64]) {
        let bounds = self.eased(bounds);
        let twist = self.allowed(twist, &bounds);
        let next = self.motion.towards(&twist, &bounds);
        self.motion = if self.blocked(&next).is_none() {
            next
        } else {
            self.motion.towards(&[0.0; 6], &self.eased(&self.own))
        };
        self.last(out);
    }

    /// The velocity that leads to `target`, which itself moves with `moving`.
    fn approach(&self, target: &Pose, moving: &Twist) -> Twist {
        let eased = self.eased(&self.following);
        let ahead = moved(&self.motion.pose, &self.motion.twist.map(|v| v * DT));
        let missing = way(&ahead, target);
        let mut twist = *moving;
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
                twist[i] += missing[i] * speed / distance.max(1e-12);
            }
        }
        twist
    }

    /// `target` no further out than the box.
    fn inside(&self, target: &Pose) -> Pose {
        let mut target = *target;
        if let Some(fence) = &self.fence {
            let place = self.motion.place();
            for axis in 0..3 {
                let (lowest, highest) = fence.walls(axis);
                let (lowest, highest) = (lowest.min(place[axis]), highest.max(place[axis]));
                target[12 + axis] = target[12 + axis].clamp(lowest, highest);
            }
        }
        target
    }

    /// Takes the step of one cycle towards `action`, and writes it out.
    fn step_towards(&mut self, action: &[f64], out: &mut [f64]) {
        let mut twist = match self.quantity {
            Quantity::Velocity => taken(action),
            Quantity::Target => {
                let target = self.inside(&orthonormal(&taken(action)));
                self.approach(&target, &[0.0; 6])
            }
            Quantity::Pose => {
                let target = self.inside(&orthonormal(&taken(action)));
                let moving = match self.followed {
                    // A step is no velocity.
                    Some((last, ago)) => {
                        let moving = way(&taken(&last), &target).map(|v| v / (f64::from(ago) * DT));
                        let too_fast = PARTS
                            .into_iter()
                            .zip(&self.arm)
                            .any(|(part, arm)| norm(&moving[part]) > arm.velocity);
                        if too_fast { [0.0; 6] } else { moving }
                    }
                    None => [0.0; 6],
                };
                self.approach(&target, &moving)
            }
        };
        if self.behind.is_some() {
            // The command waits for the arm.
            twist = [0.0; 6];
        }
        let following = self.following;
        self.step(twist, &following, out);
    }

    fn remembered(&self, action: &[f64]) -> [f64; 16] {
        match self.quantity {
            Quantity::Velocity => {
                let mut kept = [0.0; 16];
                kept[..6].copy_from_slice(action);
                kept
            }
            Quantity::Pose | Quantity::Target => self.inside(&orthonormal(&taken(action))),
        }
    }
}

fn joints_break(joint: usize, share: f64) -> Violation {
    Violation {
        kind: ViolationKind::Joints,
        slot: joint,
        action: share,
        received: share,
        limit: 1.0,
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

impl Limits for Cartesian {
    fn between(&self) -> Between {
        match self.quantity {
            Quantity::Velocity => Between::Line,
            Quantity::Pose => Between::Pose,
            Quantity::Target => Between::Target,
        }
    }

    fn last(&self, out: &mut [f64]) {
        match self.quantity {
            Quantity::Velocity => out.copy_from_slice(&self.motion.twist),
            Quantity::Pose | Quantity::Target => out.copy_from_slice(&self.motion.pose),
        }
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let pose: Pose = taken(&observation[offset::O_T_EE_c..]);
        let twist: Twist = taken(&observation[offset::O_dP_EE_c..]);
        self.q = joints(observation, offset::q_d);
        self.dq = joints(observation, offset::dq_d);
        self.ddq = joints(observation, offset::ddq_d);
        self.reach.frame = taken(&observation[offset::F_T_EE..]);
        self.map = self.reach.joints(&self.q);
        let measured = joints(observation, offset::q);
        self.behind = (0..7)
            .map(|joint| (joint, (self.q[joint] - measured[joint]).abs()))
            .find(|(_, behind)| *behind > self.max_distance);
        let acceleration: Twist = taken(&observation[offset::O_ddP_EE_c..]);
        let apart = |a: &Twist, b: &Twist| {
            let off: Twist = std::array::from_fn(|i| a[i] - b[i]);
            norm(&off)
        };
        let same_place = self.quantity == Quantity::Velocity
            || norm(&way(&self.motion.pose, &orthonormal(&pose))) < SAME_POSE;
        let in_step = same_place
            && apart(&twist, &self.motion.twist) < SAME_TWIST
            && apart(&acceleration, &self.motion.acceleration) < SAME_ACCELERATION;
        if !in_step {
            self.motion = Motion {
                pose: orthonormal(&pose),
                twist,
                acceleration,
            };
        } else if self.quantity == Quantity::Velocity {
            // Where commanded velocities lead is known to the arm alone.
            self.motion.pose = orthonormal(&pose);
        }
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn check_value(&self, _observation: &[f64], action: &[f64]) -> Violations {
        let mut found = check_finite(action);
        if !found.is_empty() {
            return found;
        }
        if self.quantity == Quantity::Velocity {
            for (part, range) in PARTS.into_iter().enumerate() {
                let received = norm(&action[range.clone()]);
                let limit = self.arm[part].velocity;
                if received > limit + ROUNDING {
                    let slot = self.slot(part, &action[range]);
                    found.note(Violation {
                        kind: ViolationKind::Velocity,
                        slot,
                        action: action[slot],
                        received,
                        limit,
                    });
                }
            }
        } else {
            let pose: Pose = taken(action);
            let off = off_rigid(&pose);
            if off > RIGID {
                found.note(Violation {
                    kind: ViolationKind::Frame,
                    slot: 0,
                    action: action[0],
                    received: off,
                    limit: RIGID,
                });
                return found;
            }
            let place = [pose[12], pose[13], pose[14]];
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
            });
        }
        found
    }

    fn check_rate(&self, _observation: &[f64], action: &[f64]) -> Violations {
        if self.quantity != Quantity::Velocity && off_rigid(&taken(action)) > RIGID {
            // Its value says so; it means no motion.
            return Violations::NONE;
        }
        self.broken(action, 1.0)
    }

    fn commanded(&mut self, action: &[f64]) {
        self.motion = self.next(action);
        self.followed = None;
    }

    fn follow(&mut self, observation: &[f64], action: &[f64], out: &mut [f64]) -> bool {
        let reached = self.quantity != Quantity::Target
            && self.check_value(observation, action).is_empty()
            && self.broken(action, REACHED_SHARE).is_empty();
        if reached {
            self.commanded(action);
            out.copy_from_slice(action);
            return true;
        }
        self.step_towards(action, out);
        self.followed = Some((self.remembered(action), 1));
        false
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        if let (Quantity::Target, Some((target, _))) = (self.quantity, self.followed) {
            return self.step_towards(&target, out);
        }
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        let own = self.own;
        self.step(self.motion.twist, &own, out);
    }

    fn rest(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.followed = None;
        self.motion = self.motion.towards(&[0.0; 6], &self.eased(&self.own));
        self.last(out);
        self.motion.is_at_rest()
    }
}
