//! What an arm may be commanded, and how it is brought to rest.
//!
//! The numbers of each generation are in `generation.rs`; those of torques, which both share, are
//! from libfranka's `rate_limiting.h`, which `franka-rs` carries, and the URDF's `effort`.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk, the position range, distance | the velocity is kept | braked to zero |
//! | position | the same, and the position range | the velocity is kept | braked to zero |
//! | target | the position range, distance; it is moved to within a [`Budget`] | the last target is moved to | braked to zero |
//! | torque | torque, torque rate; of the arm itself position and velocity | the torque is kept | damped, then held in place |
//! | a motion and torques | both, in `combined.rs` | both | both |
//!
//! What is commanded of the end effector has limits of its own, in `cartesian.rs`, and any of them a box
//! around it, in `workspace.rs`.
//!
//! A motion counts as too fast as soon as it could not be braked before the end of a joint's range
//! within acceleration and jerk, even where its velocity alone is allowed.
//!
//! Velocity, acceleration, jerk, torque, torque rate and the range of positions are checked answer by
//! answer, whenever they come; what depends on where the arm is, on what is to be commanded.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod cartesian;
pub(crate) mod combined;
pub(crate) mod workspace;

use std::sync::Arc;

use franka::model::Model;
use franka::rate_limiting::{self, JOINT_VELOCITY_LIMITS_TOLERANCE, fer};
use kilohertz_core::command::interpolation::Between;
use kilohertz_core::command::judge::{Judgement, ORDERS, Sequence};
use kilohertz_core::command::pace::Pace;
use kilohertz_core::limits::{
    APPROACH_GAIN, Approach, JointBounds, JointMotion, LEAST_APPROACH, Limits, Violation,
    ViolationKind, Violations, check_finite, confined, exceeds, largest,
};

use crate::constants::{DT, MAX_TORQUE, OWN_SHARE};
use crate::control::{Control, Impedance, Interface};
use crate::error::ArmError;
use crate::kinematics::differential::Kinematics as Reach;
use crate::kinematics::urdf::Urdf;
use crate::limits::cartesian::{Cartesian, PartBounds};
use crate::limits::combined::Both;
use crate::limits::workspace::{CartesianBox, Course, Fenced, Steered};
use crate::state::{joints, offset};

/// An action that is followed counts as reached when the step to it takes no more than this share
/// of the limits. The step behind it has to take back twice as much, and the policy's own comes on top.
pub(crate) const REACHED_SHARE: f64 = 0.3;
/// Rounding of a command that was computed to be at its limit.
pub(crate) const ROUNDING: f64 = 1e-9;
/// Rounding of a derivative that was computed from answers, as a share of its limit.
pub(crate) const ROUNDING_SHARE: f64 = 1e-6;
/// The arm is as good as at a place where less is missing than this [rad, m].
pub(crate) const NEAR: f64 = 0.01;
/// The arm reports in single precision what it was commanded; closer than this is the same. What
/// differs is not the last command: it got lost, and the arm extrapolated or reused an older one.
const SAME_POSITION: f64 = 2e-6;
const SAME_VELOCITY: f64 = 2e-5;
/// How far a velocity is reported from what it is [rad/s].
const REPORTED_VELOCITY: f64 = 1e-6;
/// Cycles in which it is known how an arm goes on whose commands got lost.
const LONGEST_GAP: f64 = 50.0;
/// The same where positions are commanded: the rounding of the one that a motion starts from, up to
/// 2.4e-7 rad, is gone over in one cycle.
const SAME_VELOCITY_OF_POSITIONS: f64 = 3e-4;
const SAME_TORQUE: f64 = 1e-3;
/// In torque control the arm may be this much faster than its limit before that is a violation
/// [rad/s]: a measured velocity is noisy, and near the end of the range the limit is zero.
const MEASURED_MARGIN: f64 = 0.1;
/// How much faster than its command an arm moves that catches up with it, for each radian behind
/// [1/s].
const CATCH_UP: f64 = 20.0;
/// Joints slower than this are at rest in torque control [rad/s].
const REST_VELOCITY: f64 = 0.01;
/// For how many cycles in a row they have to be.
const REST_CYCLES: u32 = 50;
/// Damping that brings the joints to rest in torque control [N m s/rad].
const REST_DAMPING: [f64; 7] = [40.0, 40.0, 40.0, 40.0, 12.0, 10.0, 6.0];
/// Stiffness that keeps them there [N m/rad].
const REST_STIFFNESS: [f64; 7] = [300.0, 300.0, 300.0, 300.0, 120.0, 80.0, 40.0];
/// Below this velocity a joint's place is taken as the one to keep [rad/s].
const LATCH_VELOCITY: f64 = 0.02;

/// How far a FER stays below its braking curves [rad/s], which an FR3 says of itself: so fast it
/// could be braked within the 5 to 12 mrad that are left to the end of the range, and the measured
/// joint, which the arm watches, is a few mrad off the commanded one.
const FER_MARGIN: f64 = 0.4;

/// How much further a motion stays below its braking curves that torques follow [rad/s].
const SOFT_MARGIN: f64 = 0.4;

/// libfranka 0.21's. It keeps a hundredth off the rotation where poses are commanded; so does this
/// everywhere.
const FR3_CARTESIAN: [PartBounds; 3] = [
    PartBounds {
        velocity: rate_limiting::MAX_TRANSLATIONAL_VELOCITY,
        acceleration: rate_limiting::MAX_TRANSLATIONAL_ACCELERATION,
        jerk: rate_limiting::MAX_TRANSLATIONAL_JERK,
    },
    PartBounds {
        velocity: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_VELOCITY,
        acceleration: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_ACCELERATION,
        jerk: ROTATION_SHARE * rate_limiting::MAX_ROTATIONAL_JERK,
    },
    PartBounds {
        velocity: rate_limiting::MAX_ELBOW_VELOCITY,
        acceleration: rate_limiting::MAX_ELBOW_ACCELERATION,
        jerk: rate_limiting::MAX_ELBOW_JERK,
    },
];
/// libfranka 0.9's, which leave room for three lost packets. The arm allows a translation of 1.7 m/s
/// (FCI documentation, "Robot and interface specifications"), where libfranka takes 2.
const FER_CARTESIAN: [PartBounds; 3] = [
    PartBounds {
        velocity: fer::MAX_TRANSLATIONAL_VELOCITY - 0.3,
        acceleration: fer::MAX_TRANSLATIONAL_ACCELERATION,
        jerk: fer::MAX_TRANSLATIONAL_JERK,
    },
    PartBounds {
        velocity: ROTATION_SHARE * fer::MAX_ROTATIONAL_VELOCITY,
        acceleration: ROTATION_SHARE * fer::MAX_ROTATIONAL_ACCELERATION,
        jerk: ROTATION_SHARE * fer::MAX_ROTATIONAL_JERK,
    },
    PartBounds {
        velocity: fer::MAX_ELBOW_VELOCITY,
        acceleration: fer::MAX_ELBOW_ACCELERATION,
        jerk: fer::MAX_ELBOW_JERK,
    },
];
const ROTATION_SHARE: f64 = rate_limiting::FACTOR_CARTESIAN_ROTATION_POSE_INTERFACE;

/// The limits of an arm, joint by joint and of its end effector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmLimits {
    /// Positions, velocities, accelerations and jerks.
    pub joints: [JointBounds; 7],
    /// Highest torques, either way [N m].
    pub torque: [f64; 7],
    /// Highest torque rates, either way [N m/s].
    pub torque_rate: [f64; 7],
    /// Translation and rotation of the end effector, and its elbow where that is commanded.
    pub cartesian: [PartBounds; 3],
}

impl ArmLimits {
    /// Returns the limits of the FR3 that serves `urdf`: positions, velocities and torques from there, the others from
    /// libfranka 0.21.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`](crate::ArmErrorCode::Protocol) where that is no URDF of an FR3, or where it
    /// allows more than the FR3's data sheet.
    pub fn fr3(urdf: &str) -> Result<ArmLimits, ArmError> {
        Urdf::read(urdf).map(|urdf| ArmLimits::served(&urdf))
    }

    pub(crate) fn served(urdf: &Urdf) -> ArmLimits {
        let joints = std::array::from_fn(|joint| {
            let served = &urdf.joints[joint];
            let tolerance = JOINT_VELOCITY_LIMITS_TOLERANCE[joint];
            JointBounds {
                lower: served.lower_position_limit,
                upper: served.upper_position_limit,
                velocity: served.max_velocity - tolerance,
                margin: served.velocity_offset + tolerance,
                deceleration: served.deceleration_limit,
                acceleration: rate_limiting::MAX_JOINT_ACCELERATION[joint],
                jerk: rate_limiting::MAX_JOINT_JERK[joint],
            }
        });
        ArmLimits {
            torque: urdf.torque,
            ..ArmLimits::with(joints, FR3_CARTESIAN)
        }
    }

    /// Returns the limits of the FER, which serves no URDF: libfranka 0.9's. Velocities leave room for three lost
    /// packets. The arm's velocity limit is the same everywhere; here it falls towards the ends of the
    /// range, so that it can be braked before them.
    pub fn fer() -> ArmLimits {
        let (lower, upper) = fer::JOINT_POSITION_LIMITS;
        let joints = std::array::from_fn(|joint| JointBounds {
            lower: lower[joint],
            upper: upper[joint],
            velocity: fer::MAX_JOINT_VELOCITY[joint],
            margin: FER_MARGIN,
            deceleration: fer::MAX_JOINT_ACCELERATION[joint],
            acceleration: fer::MAX_JOINT_ACCELERATION[joint],
            jerk: fer::MAX_JOINT_JERK[joint],
        });
        ArmLimits::with(joints, FER_CARTESIAN)
    }

    /// The same for a motion that is followed like this.
    pub(crate) fn followed_by(&self, impedance: Impedance) -> ArmLimits {
        match impedance {
            Impedance::Joint | Impedance::Cartesian => *self,
            Impedance::External | Impedance::Law(_) => self.followed_softly(),
        }
    }

    /// The same for a motion that torques follow: they let the arm swing over what is commanded, so that
    /// stays further below the braking curves.
    fn followed_softly(&self) -> ArmLimits {
        ArmLimits {
            joints: self.joints.map(|joint| JointBounds {
                margin: joint.margin + SOFT_MARGIN,
                ..joint
            }),
            ..*self
        }
    }

    /// Torques and their rates are the same for both generations.
    fn with(joints: [JointBounds; 7], cartesian: [PartBounds; 3]) -> ArmLimits {
        ArmLimits {
            joints,
            cartesian,
            torque: MAX_TORQUE,
            torque_rate: rate_limiting::MAX_TORQUE_RATE,
        }
    }
}

/// What a motion to a target may take: shares of the arm's limits, above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Of each joint's velocity.
    pub velocity: f64,
    /// Of each joint's acceleration.
    pub acceleration: f64,
    /// Of each joint's jerk.
    pub jerk: f64,
}

impl Default for Budget {
    /// Half of velocity and acceleration, a tenth of the jerk.
    fn default() -> Budget {
        Budget {
            velocity: 0.5,
            acceleration: 0.5,
            jerk: 0.1,
        }
    }
}

/// What a session chooses about the limits of its arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionOptions {
    /// How far a commanded joint may be from the measured one [rad].
    pub max_distance: f64,
    /// For motions to a target.
    pub budget: Budget,
    /// What the end effector stays in, if anything.
    pub fence: Option<CartesianBox>,
}

impl Default for MotionOptions {
    /// 0.1 rad: an arm with its usual joint stiffness of 2,000 to 3,000 N m/rad would have to give
    /// more than its highest torque at a third of that, so it has stopped following by then.
    fn default() -> MotionOptions {
        MotionOptions {
            max_distance: 0.1,
            budget: Budget::default(),
            fence: None,
        }
    }
}

/// The limits for sessions that drive an arm with this model through `interface`.
pub fn limits(
    interface: Interface,
    arm: &ArmLimits,
    model: &Arc<Model>,
    options: &MotionOptions,
) -> Box<dyn Limits> {
    let reach = Reach::new(Arc::clone(model));
    let torques = || fenced(Torque::new(arm), options, reach.clone());
    let arm = &arm.followed_by(interface.impedance);
    let joints = |quantity| fenced(Motion::new(quantity, arm, options), options, reach.clone());
    let effector = |quantity| -> Box<dyn Limits> {
        let elbow = interface.has_elbow();
        Box::new(Cartesian::new(quantity, elbow, arm, options, reach.clone()))
    };
    let motion = match interface.control {
        Control::JointVelocity => joints(Quantity::Velocity),
        Control::JointPosition => joints(Quantity::Position),
        Control::JointTarget => joints(Quantity::Target),
        Control::CartesianVelocity => effector(cartesian::Quantity::Velocity),
        Control::CartesianPose => effector(cartesian::Quantity::Pose),
        Control::CartesianTarget => effector(cartesian::Quantity::Target),
        Control::Torque => torques(),
    };
    match interface.has_torques() {
        true => Box::new(Both::new((motion, interface.motion_slots()), torques())),
        false => motion,
    }
}

fn fenced(
    limits: impl Steered + 'static,
    options: &MotionOptions,
    reach: Reach,
) -> Box<dyn Limits> {
    match options.fence {
        Some(fence) => Box::new(Fenced::new(limits, fence, reach)),
        None => Box::new(limits),
    }
}

/// The share of the limits that the step to an action may take that is followed, where the last step
/// reached one or not.
pub(crate) fn reached_share(has_reached: bool) -> f64 {
    if has_reached {
        OWN_SHARE
    } else {
        REACHED_SHARE
    }
}

/// Whether the newest answer tells how fast the policy moves by itself.
pub(crate) fn is_own_motion(sequence: &Sequence<'_>, judgement: &Judgement) -> bool {
    !sequence.is_first && !sequence.is_behind_rest && judgement.order.is_none()
}

/// Which quantity of the commanded motion the actions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Velocity,
    Position,
    /// A position that is not to be reached at once.
    Target,
}

/// Limits of joint velocity and joint position control.
#[derive(Clone)]
struct Motion {
    quantity: Quantity,
    arm: [JointBounds; 7],
    /// For commands of our own making.
    own: [JointBounds; 7],
    /// The positions that can be reached with those.
    reach: [(f64, f64); 7],
    /// For following an action.
    following: [JointBounds; 7],
    max_distance: f64,
    joints: [JointMotion; 7],
    /// The motion before the last command, and when that was [s].
    before: ([JointMotion; 7], f64),
    /// Measured positions.
    measured: [f64; 7],
    has_observed: bool,
    /// The action followed last, and how many cycles ago.
    followed: Option<([f64; 7], u32)>,
    /// Whether the last step followed an action and reached it.
    has_reached: bool,
    /// How fast the policy's own answers were lately.
    pace: Pace<7>,
    /// The robot's clock [s].
    time: f64,
}

impl Motion {
    fn new(quantity: Quantity, arm: &ArmLimits, options: &MotionOptions) -> Motion {
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
        Motion {
            quantity,
            arm: arm.joints,
            own,
            reach: own.map(|bounds| bounds.reach()),
            following: match quantity {
                Quantity::Target => share(velocity, acceleration, jerk),
                Quantity::Velocity | Quantity::Position => own,
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

    /// The motion of `joint` with `action` as its next step.
    fn next(&self, joint: usize, action: f64) -> JointMotion {
        match self.quantity {
            Quantity::Velocity => self.joints[joint].with_velocity(action, DT),
            Quantity::Position | Quantity::Target => self.joints[joint].with_position(action, DT),
        }
    }

    /// The motion of an arm that is commanded positions and reports `q_d` and `dq_d` at `time`, and
    /// whether it is the one that was commanded: where commands got lost the arm went on at its
    /// acceleration. Both are known exactly, and what it reports is rounded: by as much as a command with
    /// a jerk of 300 rad/s3 differs from one that got lost.
    fn expected(
        &self,
        q_d: &[f64; 7],
        dq_d: &[f64; 7],
        time: f64,
    ) -> Option<([JointMotion; 7], bool)> {
        let (before, last) = &self.before;
        let cycles = ((time - last) / DT).round();
        if !(1.0..=LONGEST_GAP).contains(&cycles) {
            return None;
        }
        let goes_on = |joints: &[JointMotion; 7], cycles: u32| {
            joints.map(|motion| {
                (0..cycles).fold(motion, |motion, _| {
                    motion.with_velocity(motion.velocity + motion.acceleration * DT, DT)
                })
            })
        };
        let off = |joints: &[JointMotion; 7]| {
            let velocities = joints.iter().zip(dq_d);
            largest(velocities.map(|(motion, dq_d)| motion.velocity - dq_d))
        };
        let cycles = cycles as u32;
        let obeyed = goes_on(&self.joints, cycles.saturating_sub(1));
        let lost = goes_on(before, cycles);
        // Where both are the same nothing is known to be lost.
        let is_obeyed = off(&obeyed) <= off(&lost) + REPORTED_VELOCITY;
        let likely = if is_obeyed { obeyed } else { lost };
        let is_there = likely
            .iter()
            .zip(q_d)
            .all(|(motion, q_d)| (motion.position - q_d).abs() < SAME_POSITION);
        (is_there && off(&likely) < SAME_VELOCITY_OF_POSITIONS)
            .then_some((likely, is_obeyed && cycles == 1))
    }

    /// Where `joint` may be commanded: it may stay where it is.
    fn range(&self, joint: usize) -> (f64, f64) {
        let (lowest, highest) = self.reach[joint];
        let place = self.joints[joint].position;
        (lowest.min(place), highest.max(place))
    }

    /// How far the command of `joint` is ahead of the measured position, where that is too far.
    fn ahead(&self, joint: usize) -> Option<f64> {
        let ahead = self.joints[joint].position - self.measured[joint];
        exceeds(ahead.abs(), self.max_distance).then_some(ahead)
    }

    /// Whether one cycle suffices for the step to `action`, with `share` of the acceleration and of the
    /// jerk; where positions are commanded, and so that it can be braked before the end of the range.
    fn fits(&self, action: &[f64], share: f64) -> bool {
        action.iter().enumerate().all(|(joint, &action)| {
            let (motion, arm) = (self.joints[joint], &self.arm[joint]);
            let next = self.next(joint, action);
            let is_slow = |next: JointMotion| match self.quantity {
                Quantity::Velocity => next.velocity.abs() <= arm.velocity + ROUNDING,
                Quantity::Position | Quantity::Target => {
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

    /// What the step to the velocities `action`, for which one cycle suffices, makes too fast to be
    /// braked before the end of the range.
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

    /// Notes what the derivatives break that the answers mean.
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
            if self.quantity == Quantity::Velocity {
                check(1, ViolationKind::Acceleration, both(arm.acceleration), 1.0);
                check(2, ViolationKind::Jerk, both(arm.jerk), highest);
                continue;
            }
            let fastest = (arm.lower_velocity(previous), arm.upper_velocity(previous));
            check(1, ViolationKind::Velocity, fastest, 1.0);
            check(2, ViolationKind::Acceleration, both(arm.acceleration), 1.0);
            check(ORDERS, ViolationKind::Jerk, both(arm.jerk), highest);
            // How a joint is braked from here is a question only where it can be here.
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

    /// The highest velocities with which a position is approached after a rest.
    fn approach_speeds(&self) -> [f64; 7] {
        let own = self.pace.fastest(self.time);
        std::array::from_fn(|joint| {
            let least = LEAST_APPROACH * self.arm[joint].velocity;
            least.max(APPROACH_GAIN * own[joint])
        })
    }

    /// Takes the step of one cycle towards `wanted`, and writes it out.
    fn step_towards(&mut self, wanted: &[f64; 7], approach: Approach, out: &mut [f64]) {
        let (last, ago) = self.followed.unwrap_or((*wanted, 1));
        let (quantity, mut following) = (self.quantity, self.following);
        if (quantity, approach) == (Quantity::Position, Approach::AfterRest) {
            for (bounds, speed) in following.iter_mut().zip(self.approach_speeds()) {
                bounds.velocity = bounds.velocity.min(speed);
            }
        }
        let ahead: [_; 7] = std::array::from_fn(|joint| self.ahead(joint));
        let measured = self.measured;
        self.step(out, |joint, motion| {
            // An arm that lags behind moves faster than its command once it catches up.
            let behind = (motion.position - measured[joint]).abs();
            let bounds = &JointBounds {
                velocity: (following[joint].velocity - CATCH_UP * behind).max(0.0),
                ..following[joint]
            };
            let target = wanted[joint];
            let next = match quantity {
                Quantity::Velocity => motion.towards_velocity(target, bounds, DT),
                Quantity::Position => {
                    // How fast the target itself moves, as far as that is known.
                    let moved = (target - last[joint]) / (f64::from(ago) * DT);
                    let velocity = confined(moved, -bounds.velocity, bounds.velocity);
                    motion.towards_position(target, velocity, bounds, DT)
                }
                Quantity::Target => motion.towards_position(target, 0.0, bounds, DT),
            };
            // A command that the arm is too far behind waits for it.
            match ahead[joint] {
                Some(ahead) if ahead * next.velocity > 0.0 => {
                    motion.towards_velocity(0.0, bounds, DT)
                }
                _ => next,
            }
        });
    }

    /// Takes one step of every joint and writes it out.
    fn step(&mut self, out: &mut [f64], mut step: impl FnMut(usize, JointMotion) -> JointMotion) {
        for (joint, motion) in self.joints.iter_mut().enumerate() {
            *motion = step(joint, *motion);
        }
        self.last(out);
    }
}

impl Motion {
    fn course_of(&self, joints: [JointMotion; 7]) -> Course {
        // How long an acceleration of now lasts on.
        let delay = (0..7)
            .map(|joint| joints[joint].acceleration.abs() / self.own[joint].jerk)
            .fold(DT, f64::max);
        Course {
            q: joints.map(|motion| motion.position),
            dq: joints.map(|motion| motion.velocity),
            braking: self.own.map(|own| 0.9 * own.acceleration),
            delay,
        }
    }
}

impl Steered for Motion {
    fn course(&self, _observation: &[f64]) -> Course {
        self.course_of(self.joints)
    }

    fn course_with(&self, _observation: &[f64], action: &[f64]) -> Course {
        self.course_of(std::array::from_fn(|joint| self.next(joint, action[joint])))
    }

    fn course_along(&self, observation: &[f64], action: &[f64]) -> Course {
        Course {
            delay: DT,
            ..self.course_with(observation, action)
        }
    }

    fn target(&self, action: &[f64]) -> Option<[f64; 7]> {
        (self.quantity != Quantity::Velocity).then(|| joints(action, 0))
    }
}

impl Steered for Torque {
    fn course(&self, observation: &[f64]) -> Course {
        workspace::measured(
            observation,
            self.arm.joints.map(|joint| 0.5 * joint.acceleration),
        )
    }

    fn course_with(&self, observation: &[f64], _action: &[f64]) -> Course {
        self.course(observation)
    }

    fn course_along(&self, observation: &[f64], _action: &[f64]) -> Course {
        self.course(observation)
    }

    fn target(&self, _action: &[f64]) -> Option<[f64; 7]> {
        None
    }
}

impl Limits for Motion {
    fn between(&self) -> Between {
        match self.quantity {
            Quantity::Velocity => Between::Line,
            Quantity::Position => Between::Spline,
            Quantity::Target => Between::Target,
        }
    }

    fn last(&self, out: &mut [f64]) {
        for (motion, out) in self.joints.iter().zip(out) {
            *out = match self.quantity {
                Quantity::Velocity => motion.velocity,
                Quantity::Position | Quantity::Target => motion.position,
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
        let reported = || {
            std::array::from_fn(|joint| JointMotion {
                position: q_d[joint],
                velocity: dq_d[joint],
                acceleration: ddq_d[joint],
            })
        };
        let in_step = if self.quantity == Quantity::Velocity {
            let commanded = self.joints.iter().zip(dq_d);
            let off = largest(commanded.map(|(motion, dq_d)| motion.velocity - dq_d));
            let in_step = off < SAME_VELOCITY;
            if !in_step {
                self.joints = reported();
            }
            // Where commanded velocities lead is known to the arm alone.
            for (motion, q_d) in self.joints.iter_mut().zip(q_d) {
                motion.position = q_d;
            }
            in_step
        } else {
            let (joints, in_step) = self
                .expected(&q_d, &dq_d, time)
                .unwrap_or_else(|| (reported(), false));
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
            (*first, *second) = match self.quantity {
                Quantity::Velocity => (motion.acceleration, 0.0),
                Quantity::Position | Quantity::Target => (motion.velocity, motion.acceleration),
            };
        }
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        let senseless = check_finite(answer);
        if !senseless.is_empty() {
            return senseless;
        }
        Violations::noted(|found| {
            for (slot, &action) in answer.iter().enumerate() {
                let (kind, lowest, highest) = match self.quantity {
                    Quantity::Velocity => {
                        let fastest = self.arm[slot].velocity + ROUNDING;
                        (ViolationKind::Velocity, -fastest, fastest)
                    }
                    Quantity::Position | Quantity::Target => {
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
        if self.quantity == Quantity::Target {
            return Judgement::none();
        }
        let judgement = Judgement::noted(|judgement| self.look(sequence, judgement));
        if self.quantity == Quantity::Position && is_own_motion(sequence, &judgement) {
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
                if self.quantity == Quantity::Velocity {
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
                        // Its answer was found too fast wherever the arm is.
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
        match self.quantity {
            Quantity::Velocity => Some(self.unbraked(action)),
            Quantity::Position | Quantity::Target => Some(Violations::none()),
        }
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        if self.quantity != Quantity::Position {
            return None;
        }
        let missing = |joint: usize| (action[joint] - self.joints[joint].position).abs();
        let furthest = (0..7).max_by(|&a, &b| missing(a).total_cmp(&missing(b)))?;
        (missing(furthest) > NEAR).then(|| (furthest, missing(furthest)))
    }

    fn commanded(&mut self, action: &[f64]) {
        self.joints = std::array::from_fn(|joint| self.next(joint, action[joint]));
        self.followed = None;
    }

    fn follow(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let reached = self.quantity != Quantity::Target
            && self.fits(action, reached_share(self.has_reached))
            && self.unbraked(action).is_empty()
            && self.check_answer(action).is_empty()
            && self.check_place(observation, action).is_empty();
        self.has_reached = reached;
        let mut wanted = [0.0; 7];
        wanted.copy_from_slice(action);
        if reached {
            self.commanded(action);
            self.followed = Some((wanted, 1));
            out.copy_from_slice(action);
            return true;
        }
        if self.quantity != Quantity::Velocity {
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
        if let (Quantity::Target, Some((target, _))) = (self.quantity, self.followed) {
            return self.step_towards(&target, Approach::Limits, out);
        }
        let own = self.own;
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        self.step(out, |joint, motion| {
            motion.towards_velocity(motion.velocity, &own[joint], DT)
        });
    }

    fn rest(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        let own = self.own;
        self.has_reached = false;
        self.followed = None;
        self.step(out, |joint, motion| {
            motion.towards_velocity(0.0, &own[joint], DT)
        });
        self.joints.iter().all(|motion| motion.is_at_rest())
    }
}

/// Limits of torque control.
#[derive(Debug, Clone)]
struct Torque {
    arm: ArmLimits,
    last: [f64; 7],
    has_observed: bool,
    /// Where each joint is kept while resting, once it is slow.
    kept: [Option<f64>; 7],
    slow_for: u32,
}

impl Torque {
    fn new(arm: &ArmLimits) -> Torque {
        Torque {
            arm: *arm,
            last: [0.0; 7],
            has_observed: false,
            kept: [None; 7],
            slow_for: 0,
        }
    }

    /// What the arm itself, as it is measured, breaks in `joint`: its position or its velocity.
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

    /// Brakes joints that are too fast already: nothing pushes on them.
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

    /// Commands `wanted` as far as the torque rate allows.
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

impl Limits for Torque {
    fn between(&self) -> Between {
        Between::Approach
    }

    fn last(&self, out: &mut [f64]) {
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

    /// A torque between answers has the slope of a line, or is gone to at once: it does not jump where
    /// two pieces meet. Only the first comes out of nothing, within a cycle.
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

    fn commanded(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
        self.moves_again();
    }

    fn follow(
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
            self.commanded(action);
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

    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
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

    /// What is measured may not be believed, so nothing is damped: the torques go to zero, and the
    /// arm holds itself once the motion is finished.
    fn rest_blind(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.moves_again();
        self.step(&[0.0; 7], out);
        out.iter().all(|torque| *torque == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;
    use crate::state::LEN;

    const READY: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];

    fn fr3() -> ArmLimits {
        ArmLimits::fr3(FR3_URDF).unwrap()
    }

    fn limits(control: Control) -> Box<dyn Limits> {
        limits_of(&fr3(), control)
    }

    fn of(control: Control, impedance: Impedance) -> Interface {
        Interface {
            control,
            elbow: false,
            impedance,
        }
    }

    fn limits_of(arm: &ArmLimits, control: Control) -> Box<dyn Limits> {
        let model = Arc::new(Model::from_urdf(FR3_URDF).unwrap());
        let interface = of(control, Impedance::Joint);
        super::limits(interface, arm, &model, &MotionOptions::default())
    }

    /// Each arm, with each of its motion interfaces.
    fn motions() -> impl Iterator<Item = (ArmLimits, Control)> {
        [fr3(), ArmLimits::fer()].into_iter().flat_map(|arm| {
            [Control::JointVelocity, Control::JointPosition].map(|control| (arm, control))
        })
    }

    fn at(q: [f64; 7]) -> Vec<f64> {
        let mut observation = vec![0.0; LEN];
        observation[offset::q..offset::q + 7].copy_from_slice(&q);
        observation[offset::q_d..offset::q_d + 7].copy_from_slice(&q);
        observation
    }

    /// What `action` breaks as an answer, and where the arm is.
    fn value(limits: &dyn Limits, observation: &[f64], action: &[f64]) -> Violations {
        let mut found = limits.check_answer(action);
        found.join(&limits.check_place(observation, action));
        found
    }

    /// Whether `action` is all that the arm needs to be commanded in this cycle.
    fn fits(limits: &dyn Limits, observation: &[f64], action: &[f64]) -> bool {
        let step = limits.check_step(observation, action);
        step.is_some_and(|found| found.is_empty())
    }

    /// What `action` breaks as the first answer, one cycle after what is commanded.
    fn judged(limits: &mut dyn Limits, action: &[f64]) -> Violations {
        let len = action.len();
        let [mut last, mut first, mut second] = [(); 3].map(|()| vec![0.0; len]);
        limits.last(&mut last);
        limits.rates(&mut first, &mut second);
        let parts = limits.motion_slots().unwrap_or(len);
        let mut found = Violations::none();
        for (part, slots) in [0..parts, parts..len].into_iter().enumerate() {
            if slots.is_empty() {
                continue;
            }
            let mut way = vec![0.0; slots.len()];
            limits.way(part, &last[slots.clone()], &action[slots.clone()], &mut way);
            let rates = |before: &[f64], now: &[f64]| -> Vec<f64> {
                now.iter()
                    .zip(before)
                    .map(|(now, before)| (now - before) / DT)
                    .collect()
            };
            let one: Vec<f64> = way.iter().map(|way| way / DT).collect();
            let two = rates(&first[slots.clone()], &one);
            let three = rates(&second[slots.clone()], &two);
            let sequence = Sequence {
                answer: &action[slots.clone()],
                previous: &last[slots],
                derivatives: [&one, &two, &three],
                known: ORDERS,
                ratio: 1.0,
                is_gapless: true,
                is_first: true,
                is_behind_rest: false,
            };
            found.join(&limits.judge(part, &sequence).found);
        }
        found
    }

    /// The gravest violation.
    fn kind(found: Violations) -> Option<(ViolationKind, usize)> {
        let gravest = found.iter().next();
        gravest.map(|violation| (violation.kind, violation.slot))
    }

    #[test]
    fn a_velocity_beyond_the_joints_limit_is_refused_by_name() {
        let observation = at(READY);
        let mut limits = limits(Control::JointVelocity);
        assert!(limits.observe(&observation));
        let mut action = [0.0; 7];
        action[4] = 5.3;
        let refused = value(&*limits, &observation, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Velocity, 4)));
        action[4] = 0.02;
        assert_eq!(kind(value(&*limits, &observation, &action)), None);
        let refused = judged(&mut *limits, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Acceleration, 4)));
    }

    #[test]
    fn each_joint_of_the_fer_has_its_own_limits() {
        let observation = at(READY);
        let mut limits = limits_of(&ArmLimits::fer(), Control::JointVelocity);
        assert!(limits.observe(&observation));
        let only = |joint: usize, dq: f64| {
            let mut action = [0.0; 7];
            action[joint] = dq;
            action
        };
        // An FR3 goes on to 2.62 rad/s here.
        let refused = value(&*limits, &observation, &only(0, 2.2));
        assert_eq!(kind(refused), Some((ViolationKind::Velocity, 0)));
        assert_eq!(kind(value(&*limits, &observation, &only(6, 2.2))), None);
        assert_eq!(kind(judged(&mut *limits, &only(0, 0.006))), None);
        let refused = judged(&mut *limits, &only(1, 0.006));
        assert_eq!(kind(refused), Some((ViolationKind::Jerk, 1)));
    }

    #[test]
    fn the_measured_position_is_no_first_command_but_the_desired_one_is() {
        let mut observation = at(READY);
        observation[offset::q] += 2e-3;
        let mut limits = limits(Control::JointPosition);
        assert!(limits.observe(&observation));
        let q = joints(&observation, offset::q);
        assert!(!fits(&*limits, &observation, &q));
        assert!(fits(&*limits, &observation, &READY));
    }

    #[test]
    fn a_position_out_of_range_is_refused() {
        let observation = at(READY);
        let mut limits = limits(Control::JointPosition);
        assert!(limits.observe(&observation));
        let mut action = READY;
        action[3] = 0.0;
        let refused = value(&*limits, &observation, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Position, 3)));
    }

    /// An arm that does at once what it is commanded, and checks it as an arm does.
    struct Follower {
        control: Control,
        arm: ArmLimits,
        observation: Vec<f64>,
    }

    impl Follower {
        fn new(control: Control, arm: ArmLimits) -> Follower {
            Follower {
                control,
                arm,
                observation: at(READY),
            }
        }

        fn motion(&self, joint: usize) -> JointMotion {
            let slot = |offset: usize| self.observation[offset + joint];
            JointMotion {
                position: slot(offset::q_d),
                velocity: slot(offset::dq_d),
                acceleration: slot(offset::ddq_d),
            }
        }

        fn take(&mut self, command: &[f64; 7]) {
            self.observation[offset::time] += DT;
            for (joint, &command) in command.iter().enumerate() {
                let (motion, bounds) = (self.motion(joint), &self.arm.joints[joint]);
                let next = match self.control {
                    Control::JointPosition => motion.with_position(command, DT),
                    _ => motion.with_velocity(command, DT),
                };
                let what = format!("{}: joint {joint}, {motion:?} to {next:?}", self.control);
                let near = 1e-6;
                assert!(
                    next.velocity <= bounds.upper_velocity(motion.position) + near,
                    "{what}"
                );
                assert!(
                    next.velocity >= bounds.lower_velocity(motion.position) - near,
                    "{what}"
                );
                assert!(
                    next.acceleration.abs() <= bounds.acceleration + near,
                    "{what}"
                );
                assert!(
                    motion.jerk_to(next, DT).abs() <= bounds.jerk + 1e-2,
                    "{what}"
                );
                assert!(
                    (bounds.lower..=bounds.upper).contains(&next.position),
                    "{what}"
                );
                self.observation[offset::q + joint] = next.position;
                self.observation[offset::q_d + joint] = next.position;
                self.observation[offset::dq_d + joint] = next.velocity;
                self.observation[offset::ddq_d + joint] = next.acceleration;
            }
        }
    }

    #[test]
    fn follows_a_target_that_went_on_meanwhile_and_reaches_it() {
        for (bounds, control) in motions() {
            let mut arm = Follower::new(control, bounds);
            let mut limits = limits_of(&bounds, control);
            let mut sent = [0.0; 7];
            let mut reached = None;
            for step in 0..3_000 {
                let time = f64::from(step) * DT;
                let mut action = READY;
                match control {
                    Control::JointPosition => action[0] = 0.15 + 0.1 * (2.0 * time).sin(),
                    _ => action = [0.5 + 0.2 * (2.0 * time).sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                }
                assert!(limits.observe(&arm.observation));
                if limits.follow(&arm.observation, &action, Approach::Limits, &mut sent) {
                    assert_eq!(sent, action);
                    reached = Some(step);
                    break;
                }
                arm.take(&sent);
            }
            assert!(reached.is_some(), "{control} never caught up: {sent:?}");
        }
    }

    /// Numbers from -1 to 1, the same in each run.
    fn numbers() -> impl FnMut() -> f64 {
        let mut random = crate::kinematics::inverse::numbers(0x2545_f491_4f6c_dd1d);
        move || 2.0 * random() - 1.0
    }

    #[test]
    fn what_is_clamped_followed_held_and_rested_in_turns_stays_within_every_limit() {
        for (bounds, control) in motions() {
            let mut random = numbers();
            let mut arm = Follower::new(control, bounds);
            let mut limits = limits_of(&bounds, control);
            let mut sent = [0.0; 7];
            let mut wanted = [0.0; 7];
            let (mut way, mut left) = (0, 0);
            let mut clamped = 0;
            for _ in 0..40_000 {
                if left == 0 {
                    way = ((random() + 1.0) * 3.0) as u32;
                    left = (random().abs() * 300.0) as u32 + 1;
                    for (joint, wanted) in wanted.iter_mut().enumerate() {
                        *wanted = match control {
                            Control::JointPosition => READY[joint] + 4.0 * random(),
                            _ => 6.0 * random(),
                        };
                    }
                }
                left -= 1;
                assert!(limits.observe(&arm.observation));
                let observation = &arm.observation;
                match way {
                    0 => limits.hold(observation, &mut sent),
                    1 => {
                        limits.rest(observation, &mut sent);
                    }
                    _ => {
                        let found = value(&*limits, observation, &wanted);
                        if found.is_empty() && fits(&*limits, observation, &wanted) {
                            limits.commanded(&wanted);
                            sent = wanted;
                        } else {
                            clamped += 1;
                            limits.follow(observation, &wanted, Approach::Limits, &mut sent);
                        }
                    }
                }
                arm.take(&sent);
            }
            assert!(clamped > 5_000, "{control}: only {clamped} were clamped");
        }
    }

    #[test]
    fn a_velocity_that_could_not_be_braked_before_the_end_of_the_range_is_refused_in_time() {
        let control = Control::JointVelocity;
        let mut arm = Follower::new(control, fr3());
        let mut limits = limits(control);
        let mut speed: f64 = 0.0;
        let refused = loop {
            speed = (speed + 4e-3).min(2.6);
            let action = [speed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            assert!(limits.observe(&arm.observation));
            let found = value(&*limits, &arm.observation, &action);
            let step = limits.check_step(&arm.observation, &action);
            let step = step.expect("the speed rises slowly");
            if !found.is_empty() || !step.is_empty() {
                break kind(if found.is_empty() { step } else { found });
            }
            limits.commanded(&action);
            arm.take(&action);
        };
        assert_eq!(refused, Some((ViolationKind::Velocity, 0)));
        // From there the joint comes to rest within its limits, which the arm checks.
        let mut sent = [0.0; 7];
        loop {
            assert!(limits.observe(&arm.observation));
            let rests = limits.rest(&arm.observation, &mut sent);
            arm.take(&sent);
            if rests {
                break;
            }
        }
        assert!(arm.motion(0).position > 2.0, "{:?}", arm.motion(0));
    }

    #[test]
    fn a_command_that_the_arm_does_not_follow_is_noticed_and_waits() {
        for (bounds, control) in motions() {
            let mut arm = Follower::new(control, bounds);
            let mut limits = limits_of(&bounds, control);
            let mut sent = [0.0; 7];
            let mut noticed = None;
            for step in 0..2_000 {
                // Joint 3 is stuck.
                arm.observation[offset::q + 3] = READY[3];
                assert!(limits.observe(&arm.observation));
                let wanted = match control {
                    Control::JointPosition => READY.map(|q| q + 0.4),
                    _ => [0.3; 7],
                };
                let found = value(&*limits, &arm.observation, &wanted);
                if let Some(violation) = found.of(ViolationKind::Distance) {
                    assert_eq!((violation.slot, violation.limit), (3, 0.1));
                    noticed.get_or_insert(step);
                }
                limits.follow(&arm.observation, &wanted, Approach::Limits, &mut sent);
                arm.take(&sent);
            }
            assert!(noticed.is_some(), "{control}");
            let ahead = arm.motion(3).position - READY[3];
            // It was braked from then on.
            assert!(ahead > 0.1 && ahead < 0.3, "{control}: {ahead} rad ahead");
            assert!(
                arm.motion(3).velocity.abs() < 1e-3,
                "{control}: it moves on"
            );
            assert!(
                arm.motion(1).position > READY[1] + 0.3,
                "{control}: the others stay"
            );
        }
    }

    #[test]
    fn in_torque_control_a_joint_that_is_too_fast_is_noticed_and_no_longer_pushed() {
        let mut observation = at(READY);
        observation[offset::dq + 1] = 2.9;
        let mut limits = limits(Control::Torque);
        assert!(limits.observe(&observation));
        let mut action = [0.0; 7];
        action[1] = 20.0;
        let found = value(&*limits, &observation, &action);
        assert_eq!(kind(found), Some((ViolationKind::Velocity, 1)));
        let mut sent = [0.0; 7];
        for _ in 0..200 {
            limits.follow(&observation, &action, Approach::Limits, &mut sent);
        }
        assert!(sent[1] < 0.0, "{sent:?} pushes on");
        observation[offset::dq + 1] = 0.2;
        observation[offset::q + 1] = 1.8;
        let found = value(&*limits, &observation, &[0.0; 7]);
        assert_eq!(kind(found), Some((ViolationKind::Position, 1)));
        observation[offset::dq + 1] = -0.2;
        assert_eq!(kind(value(&*limits, &observation, &[0.0; 7])), None);
    }

    #[test]
    fn goes_on_from_where_the_arm_is_when_a_command_got_lost() {
        let mut observation = at(READY);
        let mut limits = limits(Control::JointVelocity);
        assert!(limits.observe(&observation));
        limits.commanded(&[0.004; 7]);
        // The command was lost: the arm still stands.
        assert!(!limits.observe(&observation));
        let mut sent = [0.0; 7];
        limits.follow(&observation, &[0.008; 7], Approach::Limits, &mut sent);
        assert!(
            sent[0] > 0.0 && sent[0] < 0.005,
            "{sent:?} steps too far from rest"
        );
        observation[offset::dq_d..offset::dq_d + 7].copy_from_slice(&sent);
        assert!(limits.observe(&observation));
    }

    #[test]
    fn a_lost_position_is_noticed_though_the_arm_went_on_almost_alike() {
        let mut limits = limits(Control::JointPosition);
        let mut observation = at(READY);
        assert!(limits.observe(&observation));
        let mut motion = JointMotion {
            position: READY[0],
            ..JointMotion::default()
        };
        for cycle in 0..40 {
            // With a jerk of 250 rad/s3, that differs by 0.25 mrad/s from going on as before.
            let acceleration = motion.acceleration + 250.0 * DT;
            let next = motion.with_velocity(motion.velocity + acceleration * DT, DT);
            let mut action = READY;
            action[0] = next.position;
            limits.commanded(&action);
            let is_lost = cycle == 30;
            motion = if is_lost {
                motion.with_velocity(motion.velocity + motion.acceleration * DT, DT)
            } else {
                next
            };
            observation[offset::time] += DT;
            observation[offset::q_d] = f64::from(motion.position as f32);
            observation[offset::dq_d] = f64::from(motion.velocity as f32);
            observation[offset::ddq_d] = f64::from(motion.acceleration as f32);
            assert_eq!(limits.observe(&observation), !is_lost, "cycle {cycle}");
        }
    }

    #[test]
    fn torques_behind_a_motion_are_held_and_their_loss_is_noticed() {
        let model = Arc::new(Model::from_urdf(FR3_URDF).unwrap());
        let interface = of(Control::JointPosition, Impedance::External);
        let mut limits = super::limits(interface, &fr3(), &model, &MotionOptions::default());
        let mut observation = at(READY);
        assert!(limits.observe(&observation));
        let mut action = [0.5; 14];
        action[..7].copy_from_slice(&READY);
        assert!(fits(&*limits, &observation, &action));
        limits.commanded(&action);
        observation[offset::tau_J_d..offset::tau_J_d + 7].fill(0.5);
        observation[offset::time] += DT;
        assert!(limits.observe(&observation));
        let mut sent = [0.0; 14];
        limits.hold(&observation, &mut sent);
        assert_eq!(sent, action);
        // The next torques got lost.
        action[7..].fill(1.2);
        limits.commanded(&action);
        observation[offset::time] += DT;
        assert!(!limits.observe(&observation));
        action[7..].fill(1.4);
        let jump = judged(&mut *limits, &action);
        assert_eq!(kind(jump), None);
        action[7..].fill(1.6);
        let jump = judged(&mut *limits, &action);
        assert_eq!(kind(jump), Some((ViolationKind::TorqueRate, 7)));
    }

    #[test]
    fn torque_steps_are_bounded_whatever_is_wanted() {
        let observation = at(READY);
        let mut limits = limits(Control::Torque);
        assert!(limits.observe(&observation));
        let mut last = [0.0; 7];
        let mut sent = [0.0; 7];
        for _ in 0..100 {
            limits.follow(
                &observation,
                &[50.0, 0.0, 0.0, 0.0, 0.0, 0.0, -10.0],
                Approach::Limits,
                &mut sent,
            );
            for joint in 0..7 {
                assert!(
                    (sent[joint] - last[joint]).abs() <= rate_limiting::MAX_TORQUE_RATE[joint] * DT
                );
            }
            last = sent;
        }
        assert_eq!(sent, [50.0, 0.0, 0.0, 0.0, 0.0, 0.0, -10.0]);
    }
}
