//! Moving an arm to joint positions or to a pose: planned before anything moves, then a session whose
//! policy is the plan.
//!
//! The way is the straight line between the joint positions, gone by all joints together from rest to
//! rest (`profile.rs`). The plan is checked cycle by cycle against the arm's limits, whose velocity
//! depends on the position, and slowed down until it keeps them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use franka::RobotState;
use kilohertz_core::limits::{JointBounds, JointMotion, exceeds, largest};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::time::Time;

use crate::arm::Arm;
use crate::configuration::{Refusal, check_rigid, finite};
use crate::error::{ArmError, ArmErrorCode};
use crate::gate::{self, Fault};
use crate::inverse::{Ranges, joints_for};
use crate::limits::{DT, OWN_SHARE};
use crate::model::ArmModel;
use crate::profile::{Bounds, Profile};
use crate::state::{joints, offset};

/// What speed 1 is of the arm's velocities and accelerations: those of our own making stay so far
/// within.
const FULL: f64 = OWN_SHARE;
/// And of its jerk, at speed 1: more makes the torques jump and gains little time.
const JERK: f64 = 0.1 * FULL;
/// The lowest speed. A way of 1 rad takes minutes with it.
pub const LEAST_SPEED: f64 = 0.01;
/// A plan that breaks a limit is slowed down to this.
const SLOWER: f64 = 0.9;
/// How far from where the plan begins the arm may stand when it starts [rad].
const SAME_PLACE: f64 = 2e-3;
/// No joint stands further from zero [rad].
const FARTHEST: f64 = 10.0;
/// So close and slow the commanded motion has arrived [rad], [rad/s].
const ARRIVED: f64 = 1e-5;
const AT_REST: f64 = 2e-3;
/// How long that may take behind the end of the plan [s].
const PATIENCE: f64 = 5.0;

/// Where an arm can be told to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Joint positions [rad].
    Joints([f64; 7]),
    /// `O_T_EE`: a pose of the end effector in the base frame, 4x4 column-major.
    Pose([f64; 16]),
}

impl Goal {
    /// Whether it is a place at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Goal::Joints(q) => finite("q", q),
            Goal::Pose(pose) => check_rigid("pose", pose),
        }
    }
}

/// libfranka's ready pose [rad]: the elbow bent, the hand pointing down.
pub const HOME: [f64; 7] = {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
    [
        0.0,
        -FRAC_PI_4,
        0.0,
        -3.0 * FRAC_PI_4,
        0.0,
        FRAC_PI_2,
        FRAC_PI_4,
    ]
};

/// A way that is known to keep the arm's limits.
#[derive(Debug, Clone)]
pub struct Plan {
    from: [f64; 7],
    to: [f64; 7],
    /// Of a way of length 1.
    profile: Profile,
}

impl Plan {
    /// The fastest straight way with `speed`, a share of the limits; none where no speed keeps them.
    fn new(bounds: &[JointBounds; 7], from: [f64; 7], to: [f64; 7], speed: f64) -> Option<Plan> {
        if !from.iter().chain(&to).all(|place| place.abs() <= FARTHEST) {
            return None;
        }
        let shares = std::iter::successors(Some(speed), |share| Some(share * SLOWER));
        shares
            .take_while(|&share| share > 1e-3 * LEAST_SPEED)
            .map(|share| {
                let profile = fastest(bounds, &from, &to, share);
                Plan { from, to, profile }
            })
            .find(|plan| plan.keeps(bounds))
    }

    /// How long the way takes [s].
    pub fn duration(&self) -> f64 {
        self.profile.duration()
    }

    /// Where it ends [rad].
    pub fn goal(&self) -> [f64; 7] {
        self.to
    }

    /// Where the joints are to be at `time` [s], when they began at `from`.
    fn at(&self, from: &[f64; 7], time: f64) -> [f64; 7] {
        let share = self.profile.at(time);
        if share >= 1.0 {
            return self.to;
        }
        std::array::from_fn(|i| from[i] + share * (self.to[i] - from[i]))
    }

    fn keeps(&self, bounds: &[JointBounds; 7]) -> bool {
        let cycles = ((self.duration() / DT).ceil() as u64).saturating_add(2);
        let mut motions = self.from.map(|position| JointMotion {
            position,
            ..JointMotion::default()
        });
        (1..=cycles).all(|cycle| {
            let place = self.at(&self.from, cycle as f64 * DT);
            (0..7).all(|i| {
                let (motion, bounds) = (motions[i], &bounds[i]);
                let next = motion.with_position(place[i], DT);
                motions[i] = next;
                next.velocity <= bounds.upper_velocity(motion.position) + ROUNDING
                    && next.velocity >= bounds.lower_velocity(motion.position) - ROUNDING
                    && motion
                        .too_fast(next, &bounds.share(1.0, FULL, FULL), DT)
                        .is_none()
            })
        })
    }
}

/// How far a goal stays away from where a joint's velocity limit is zero [rad]: closer, a joint would have to creep.
const END: f64 = 0.01;
/// Of a velocity that was computed to be at its limit [rad/s].
const ROUNDING: f64 = 1e-9;

/// The profile of the line between two places, as a way of length 1: what each joint may do divided by
/// how far it goes.
fn fastest(bounds: &[JointBounds; 7], from: &[f64; 7], to: &[f64; 7], speed: f64) -> Profile {
    let mut least = Bounds {
        velocity: f64::INFINITY,
        acceleration: f64::INFINITY,
        jerk: f64::INFINITY,
    };
    for joint in 0..7 {
        let way = (to[joint] - from[joint]).abs();
        if way > 0.0 {
            let bounds = &bounds[joint];
            least.velocity = least.velocity.min(FULL * speed * bounds.velocity / way);
            least.acceleration = least
                .acceleration
                .min(FULL * speed * bounds.acceleration / way);
            least.jerk = least.jerk.min(JERK * speed * bounds.jerk / way);
        }
    }
    if least.velocity.is_infinite() {
        // It is there already.
        return Profile::new(
            0.0,
            &Bounds {
                velocity: 1.0,
                acceleration: 1.0,
                jerk: 1.0,
            },
        );
    }
    Profile::new(1.0, &least)
}

/// Where the joints may be told to go.
fn ranges(bounds: &[JointBounds; 7]) -> Ranges {
    bounds.map(|bounds| {
        let (lower, upper) = bounds.share(1.0, FULL, FULL).reach();
        (lower + END, upper - END)
    })
}

/// How far a move has come, for those who watch it.
#[derive(Debug, Default)]
pub struct Progress {
    elapsed_ms: AtomicU64,
    arrived: AtomicBool,
    trouble: AtomicU32,
}

const NOT_WHERE_PLANNED: u32 = 1;
const NEVER_ARRIVED: u32 = 2;

impl Progress {
    /// For how long it has moved, on the robot's clock [s].
    pub fn elapsed(&self) -> f64 {
        self.elapsed_ms.load(Ordering::Relaxed) as f64 * 1e-3
    }

    /// Whether the commanded motion has come to its end.
    pub fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Acquire)
    }

    /// Why the plan was given up, if it was.
    pub fn trouble(&self) -> Option<ArmError> {
        let text = match self.trouble.load(Ordering::Acquire) {
            NOT_WHERE_PLANNED => {
                "the arm does not stand where it stood when the move was planned: somebody has moved it \
                 since. Call moveTo again"
            }
            NEVER_ARRIVED => {
                "the arm did not arrive, although the plan was over: commands get lost all the time. See \
                 to the network"
            }
            _ => return None,
        };
        Some(ArmError::new(ArmErrorCode::InvalidOperation, text))
    }
}

/// A plan as the policy of a session with joint positions.
pub struct MovePolicy {
    plan: Plan,
    progress: Arc<Progress>,
    from: Option<[f64; 7]>,
    action: [f64; 7],
    answer: Answer,
    has_arrived: bool,
}

impl MovePolicy {
    /// Follows `plan`, ends its session at the goal, and says how it goes in `progress`.
    pub fn new(plan: Plan, progress: Arc<Progress>) -> MovePolicy {
        MovePolicy {
            action: plan.from,
            plan,
            progress,
            from: None,
            answer: Answer::None,
            has_arrived: false,
        }
    }

    fn decide(&mut self, ask: &Ask<'_>) -> Result<(), u32> {
        let q_d = joints(ask.observation, offset::q_d);
        let dq_d = joints(ask.observation, offset::dq_d);
        let from = *self.from.get_or_insert(q_d);
        if exceeds(largest_difference(&from, &self.plan.from), SAME_PLACE) {
            return Err(NOT_WHERE_PLANNED);
        }
        let time = ask.time.as_secs_f64();
        let elapsed_ms = (time * 1e3).round() as u64;
        self.progress
            .elapsed_ms
            .store(elapsed_ms, Ordering::Relaxed);
        let duration = self.plan.duration();
        self.has_arrived = time >= duration
            && largest_difference(&q_d, &self.plan.to) < ARRIVED
            && largest_difference(&dq_d, &[0.0; 7]) < AT_REST;
        if time > duration + PATIENCE {
            return Err(NEVER_ARRIVED);
        }
        self.action = self.plan.at(&from, time + DT);
        Ok(())
    }
}

fn largest_difference(one: &[f64; 7], other: &[f64; 7]) -> f64 {
    largest((0..7).map(|i| one[i] - other[i]))
}

impl Policy for MovePolicy {
    fn request(&mut self, ask: &Ask<'_>) {
        self.answer = match self.decide(ask) {
            Ok(()) => Answer::Action(ask.question()),
            Err(trouble) => {
                self.progress.trouble.store(trouble, Ordering::Release);
                Answer::Failed
            }
        };
    }

    fn poll(&mut self, _until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if self.has_arrived {
            self.progress.arrived.store(true, Ordering::Release);
            stop.store(true, Ordering::Relaxed);
        }
        if let Answer::Action(_) = self.answer {
            action.copy_from_slice(&self.action);
            return std::mem::replace(&mut self.answer, Answer::None);
        }
        self.answer
    }
}

impl Arm {
    /// Plans the way from where the arm stands to `goal` with `speed`, from [`LEAST_SPEED`] to 1: the
    /// share of the arm's velocities and accelerations that may be used, and a tenth of it of the jerk.
    /// Blocks for some milliseconds, moves nothing.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidArgument`] for what is no speed, or no pose;
    /// [`ArmErrorCode::Unreachable`] where the goal is out of the joints' ranges or of the arm's reach;
    /// [`ArmErrorCode::Protocol`] where the arm says that it stands where none can; and as
    /// [`Arm::state`].
    pub fn plan_move(&self, goal: &Goal, speed: f64) -> Result<Plan, ArmError> {
        let invalid = |text: String| ArmError::new(ArmErrorCode::InvalidArgument, text);
        if !(LEAST_SPEED..=1.0).contains(&speed) {
            let text = format!("speed is {speed}; expected a number from {LEAST_SPEED} to 1");
            return Err(invalid(text));
        }
        goal.check()
            .map_err(|refusal| invalid(refusal.to_string()))?;
        let state = self.while_idle("cannot move the arm", |client| client.state())?;
        gate::can_stand(self.limits(), &state).map_err(Fault::standing)?;
        let bounds = &self.limits().joints;
        let to = self.joints_of(goal, &state)?;
        Plan::new(bounds, state.q_d, to, speed).ok_or_else(|| {
            ArmError::new(
                ArmErrorCode::Unreachable,
                "at no speed the way there keeps the arm's velocity limits. Nothing has moved; guide the \
                 arm away from the ends of its joints' ranges by hand",
            )
        })
    }

    /// Where the joints are to go, checked against their ranges.
    fn joints_of(&self, goal: &Goal, state: &RobotState) -> Result<[f64; 7], ArmError> {
        let ranges = ranges(&self.limits().joints);
        match goal {
            Goal::Joints(q) => {
                for (joint, (&q, (lower, upper))) in q.iter().zip(ranges).enumerate() {
                    if !(lower..=upper).contains(&q) {
                        return Err(ArmError::new(
                            ArmErrorCode::Unreachable,
                            format!(
                                "joint {} cannot go to {q} rad: it may be commanded from {lower:.4} to \
                                 {upper:.4} rad. Nothing has moved",
                                joint + 1
                            ),
                        ));
                    }
                }
                Ok(*q)
            }
            Goal::Pose(pose) => {
                let model = ArmModel::new(self.generation())?;
                joints_for(&model, &ranges, &state.F_T_EE, &state.q_d, pose)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::ArmLimits;

    use super::*;

    fn each_arm() -> [[JointBounds; 7]; 2] {
        [
            ArmLimits::fr3(franka::model::FR3_URDF).unwrap().joints,
            ArmLimits::fer().joints,
        ]
    }

    /// Numbers from 0 to 1, the same in each run.
    fn numbers() -> impl FnMut() -> f64 {
        crate::inverse::numbers(0x2545_f491_4f6c_dd1d)
    }

    /// Anywhere in the range, up to its ends.
    fn place(bounds: &[JointBounds; 7], random: &mut impl FnMut() -> f64) -> [f64; 7] {
        ranges(bounds).map(|(lower, upper)| match random() {
            end if end < 0.05 => lower,
            end if end > 0.95 => upper,
            _ => lower + (upper - lower) * random(),
        })
    }

    #[test]
    fn every_plan_keeps_every_limit_of_the_arm_and_ends_at_its_goal() {
        for bounds in each_arm() {
            let mut random = numbers();
            for _ in 0..100 {
                let (from, to) = (place(&bounds, &mut random), place(&bounds, &mut random));
                let speed = 0.05 + 0.95 * random();
                let plan = Plan::new(&bounds, from, to, speed).unwrap();
                assert!(plan.keeps(&bounds), "{from:?} to {to:?} at {speed}");
                assert_eq!(plan.at(&from, plan.duration() + DT), to);
                assert_eq!(plan.at(&from, 0.0), from);
            }
        }
    }

    /// The time below which no motion gets there, straight or not: that of the slowest joint alone.
    fn least(bounds: &[JointBounds; 7], from: &[f64; 7], to: &[f64; 7], speed: f64) -> f64 {
        (0..7)
            .map(|joint| {
                let mut alone = *from;
                alone[joint] = to[joint];
                fastest(bounds, from, &alone, speed).duration()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn a_plan_takes_hardly_longer_than_any_motion_must() {
        for bounds in each_arm() {
            let mut random = numbers();
            let mut ratios: Vec<f64> = (0..400)
                .map(|_| {
                    // The inner nine tenths of the ranges, where the velocity limit is not the end's.
                    let mut inner =
                        || bounds.map(|b| b.lower + (b.upper - b.lower) * (0.05 + 0.9 * random()));
                    let (from, to) = (inner(), inner());
                    let plan = Plan::new(&bounds, from, to, 0.5).unwrap();
                    plan.duration() / least(&bounds, &from, &to, 0.5)
                })
                .collect();
            ratios.sort_by(f64::total_cmp);
            println!(
                "median {:.4}, 95 % {:.4}, most {:.4}",
                ratios[200], ratios[380], ratios[399]
            );
            assert!(ratios[0] >= 1.0 - 1e-9);
            assert!(ratios[200] < 1.02, "median {}", ratios[200]);
            assert!(ratios[380] < 1.15, "19 of 20 {}", ratios[380]);
        }
    }

    #[test]
    fn a_move_is_given_up_where_the_arm_says_that_it_stands_nowhere() {
        let bounds = &each_arm()[0];
        let plan = Plan::new(bounds, HOME, HOME.map(|q| q + 0.1), 0.5).unwrap();
        for value in [
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
            1e300,
            HOME[3] + 0.01,
        ] {
            let progress = Arc::new(Progress::default());
            let mut policy = MovePolicy::new(plan.clone(), Arc::clone(&progress));
            let mut observation = vec![0.0; crate::state::LEN];
            observation[offset::q_d..offset::q_d + 7].copy_from_slice(&HOME);
            observation[offset::q_d + 3] = value;
            policy.request(&Ask {
                tick: 0,
                time: std::time::Duration::ZERO,
                period: std::time::Duration::ZERO,
                observation: &observation,
            });
            assert_eq!(policy.answer, Answer::Failed, "{value}");
            assert!(progress.trouble().is_some(), "{value}");
        }
    }

    #[test]
    fn no_way_begins_or_ends_at_what_is_no_number() {
        for bounds in each_arm() {
            for value in [f64::NAN, f64::INFINITY, 1e300, -1e30] {
                let mut nowhere = HOME;
                nowhere[2] = value;
                assert!(Plan::new(&bounds, nowhere, HOME, 0.5).is_none(), "{value}");
                assert!(Plan::new(&bounds, HOME, nowhere, 0.5).is_none(), "{value}");
            }
        }
    }

    #[test]
    fn a_plan_to_where_the_arm_stands_takes_no_time() {
        for bounds in each_arm() {
            let stays = Plan::new(&bounds, HOME, HOME, 0.5).unwrap();
            assert_eq!(stays.duration(), 0.0);
        }
    }

    #[test]
    fn twice_the_speed_takes_about_half_the_time_of_a_long_way() {
        for bounds in each_arm() {
            let to = HOME.map(|q| q + 0.4);
            let slow = Plan::new(&bounds, HOME, to, 0.05).unwrap().duration();
            let fast = Plan::new(&bounds, HOME, to, 0.1).unwrap().duration();
            assert!(slow / fast > 1.6 && slow / fast < 2.01, "{slow}, {fast}");
        }
    }
}
