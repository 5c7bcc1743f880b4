//! The goal of a move and the way there, planned before the arm moves. The way is straight in joint
//! positions: all joints move together from rest to rest (`profile.rs`).
//!
//! A plan is checked cycle by cycle against the limits of the session that will follow it, whose velocity
//! limits depend on the position, and against the torques that the arm can give with its load. The plan is
//! slowed down until it keeps both.

use franka::RobotState;
use franka::model::{DEFAULT_GRAVITY_EARTH, Frame, Model};
use kilohertz_core::limits::{JointBounds, JointMotion};

use crate::constants::{DT, OWN_SHARE};
use crate::invalid_value::{InvalidValue, finite, rigid};
use crate::kinematics::inverse::Ranges;
use crate::limits::ArmLimits;
use crate::move_to::profile::{Bounds, Profile};

/// The share of the arm's velocities and accelerations at speed 1: that of commands made by this package.
const FULL: f64 = OWN_SHARE;
/// The share of the arm's jerk at speed 1: more makes the torques jump and saves little time.
const JERK: f64 = 0.1 * FULL;
/// The lowest speed. At this speed a way of 1 rad takes minutes.
pub const LEAST_SPEED: f64 = 0.01;
/// A plan that breaks a limit is slowed down by this factor.
const SLOWER: f64 = 0.9;
/// The largest magnitude of a joint position [rad].
const FARTHEST: f64 = 10.0;
/// How far a goal stays away from the place where a joint's velocity limit is zero [rad]. Closer to it, the
/// joint would be extremely slow.
const END: f64 = 0.01;
/// The rounding error of a velocity that was computed to be at its limit [rad/s].
const ROUNDING: f64 = 1e-9;
/// The share of the torque left after gravity that a motion may use. The rest is for friction, for the
/// rotors, which are not in the model, and for the controller.
const TORQUE_SHARE: f64 = 0.7;
/// Torques are checked every `STRIDE` cycles, or at `PLACES` places of a long way.
const STRIDE: u64 = 8;
const PLACES: u64 = 1_000;

/// A goal of a move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Joint positions [rad].
    Joints([f64; 7]),
    /// The pose of the end effector in the base frame, `O_T_EE`: 4x4 column-major.
    Pose([f64; 16]),
    /// Offsets from the present desired joint positions `q_d` of the standing arm [rad].
    JointsBy([f64; 7]),
    /// A pose in the present end effector frame of the standing arm, 4x4 column-major.
    PoseBy([f64; 16]),
}

impl Goal {
    /// Checks that the goal makes sense for any arm.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub fn check(&self) -> Result<(), InvalidValue> {
        match self {
            Goal::Joints(q) | Goal::JointsBy(q) => finite("q", q),
            Goal::Pose(pose) | Goal::PoseBy(pose) => rigid("pose", pose),
        }
    }

    /// Returns this goal as an absolute one; `state` says where the arm stands.
    pub(crate) fn absolute(&self, model: &Model, state: &RobotState) -> Goal {
        match self {
            Goal::JointsBy(by) => Goal::Joints(std::array::from_fn(|i| state.q_d[i] + by[i])),
            // The model's stiffness frame may be any frame relative to the end effector.
            Goal::PoseBy(by) => {
                Goal::Pose(model.pose_q(Frame::Stiffness, &state.q_d, &state.F_T_EE, by))
            }
            goal => *goal,
        }
    }
}

/// The torques that an arm can give, and its load.
#[derive(Clone, Copy)]
pub(crate) struct Strength<'a> {
    model: &'a Model,
    /// The highest torques [N m].
    most: [f64; 7],
    mass: f64,
    centre: [f64; 3],
    inertia: [f64; 9],
}

impl<'a> Strength<'a> {
    /// Returns the strength of an arm with the load that `state` reports.
    pub fn new(model: &'a Model, arm: &ArmLimits, state: &RobotState) -> Strength<'a> {
        Strength {
            model,
            most: arm.torque,
            mass: state.m_total,
            centre: state.F_x_Ctotal,
            inertia: state.I_total,
        }
    }

    /// Returns true if the arm can move like this.
    ///
    /// # Errors
    /// Returns an error if the arm cannot even stand there.
    fn suffices(&self, motions: &[JointMotion; 7]) -> Result<bool, NoWay> {
        let Strength {
            model,
            mass,
            centre,
            inertia,
            ..
        } = self;
        let q = motions.map(|motion| motion.position);
        let dq = motions.map(|motion| motion.velocity);
        let gravity = model.gravity_q(&q, *mass, centre, &DEFAULT_GRAVITY_EARTH);
        for (joint, (torque, most)) in gravity.iter().zip(self.most).enumerate() {
            if torque.abs() > most {
                return Err(NoWay::TooHeavy {
                    joint,
                    torque: torque.abs(),
                    most,
                });
            }
        }
        // Without gravity, the model's difference of two recursions loses no digits.
        let coriolis = model.coriolis_q(&q, &dq, inertia, *mass, centre, &[0.0; 3]);
        let matrix = model.mass_q(&q, inertia, *mass, centre);
        Ok((0..7).all(|joint| {
            let accelerated: f64 = (0..7)
                .map(|other| matrix[7 * other + joint] * motions[other].acceleration)
                .sum();
            let left = self.most[joint] - gravity[joint].abs();
            (accelerated + coriolis[joint]).abs() <= TORQUE_SHARE * left
        }))
    }
}

/// Why there is no way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NoWay {
    /// No speed keeps the joints' limits.
    TooFast,
    /// The joint, counted from 0, would need more torque than it has [N m].
    TooHeavy {
        joint: usize,
        torque: f64,
        most: f64,
    },
}

/// A way that keeps the arm's limits.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) from: [f64; 7],
    pub(crate) to: [f64; 7],
    /// The profile of a way of length 1.
    profile: Profile,
}

impl Plan {
    /// Plans the fastest straight way with `speed`, a share of the limits.
    ///
    /// # Errors
    /// Returns an error if no speed keeps the limits.
    pub(crate) fn new(
        bounds: &[JointBounds; 7],
        strength: &Strength<'_>,
        (from, to): ([f64; 7], [f64; 7]),
        speed: f64,
    ) -> Result<Plan, NoWay> {
        if !from.iter().chain(&to).all(|place| place.abs() <= FARTHEST) {
            return Err(NoWay::TooFast);
        }
        let mut share = speed;
        while share > 1e-3 * LEAST_SPEED {
            let profile = fastest(bounds, &from, &to, share);
            let plan = Plan { from, to, profile };
            if plan.keeps(bounds) && plan.is_borne(strength)? {
                return Ok(plan);
            }
            share *= SLOWER;
        }
        Err(NoWay::TooFast)
    }

    /// Returns how long the way takes [s].
    pub fn duration(&self) -> f64 {
        self.profile.duration()
    }

    /// Returns where the way ends [rad].
    pub fn goal(&self) -> [f64; 7] {
        self.to
    }

    /// Returns where the joints are meant to be at `time` [s] if they began at `from`.
    pub(crate) fn at(&self, from: &[f64; 7], time: f64) -> [f64; 7] {
        let share = self.profile.at(time);
        if share >= 1.0 {
            return self.to;
        }
        std::array::from_fn(|i| from[i] + share * (self.to[i] - from[i]))
    }

    fn cycles(&self) -> u64 {
        ((self.duration() / DT).ceil() as u64).saturating_add(2)
    }

    fn keeps(&self, bounds: &[JointBounds; 7]) -> bool {
        let mut motions = self.from.map(|position| JointMotion {
            position,
            ..JointMotion::default()
        });
        (1..=self.cycles()).all(|cycle| {
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

    fn is_borne(&self, strength: &Strength<'_>) -> Result<bool, NoWay> {
        let cycles = self.cycles();
        let stride = STRIDE.max(cycles / PLACES);
        for cycle in (0..=cycles).step_by(stride as usize) {
            let [before, now, after] =
                [-1.0, 0.0, 1.0].map(|by| self.at(&self.from, (cycle as f64 + by) * DT));
            let motions = std::array::from_fn(|i| JointMotion {
                position: now[i],
                velocity: (after[i] - before[i]) / (2.0 * DT),
                acceleration: (after[i] - 2.0 * now[i] + before[i]) / (DT * DT),
            });
            if !strength.suffices(&motions)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns the profile of the line between two places, as a way of length 1: the limits of each joint are
/// divided by the distance that it moves.
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
        // The joints are there already.
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

/// Returns the ranges in which the goal of each joint may be.
pub(crate) fn ranges(bounds: &[JointBounds; 7]) -> Ranges {
    bounds.map(|bounds| {
        let (lower, upper) = bounds.share(1.0, FULL, FULL).reach();
        (lower + END, upper - END)
    })
}

#[cfg(test)]
mod tests {
    use crate::move_to::HOME;

    use super::*;

    fn each_arm() -> [(ArmLimits, Model); 2] {
        let fr3 = franka::model::FR3_URDF;
        [
            (ArmLimits::fr3(fr3).unwrap(), Model::from_urdf(fr3).unwrap()),
            (ArmLimits::fer(), Model::native_fer()),
        ]
    }

    /// Returns the strength of an arm that carries `mass` \[kg\].
    fn carrying<'a>((limits, model): &'a (ArmLimits, Model), mass: f64) -> Strength<'a> {
        Strength {
            model,
            most: limits.torque,
            mass,
            centre: [0.0, 0.0, 0.2],
            inertia: [0.0; 9],
        }
    }

    fn planned(
        arm: &(ArmLimits, Model),
        from: [f64; 7],
        to: [f64; 7],
        speed: f64,
    ) -> Result<Plan, NoWay> {
        Plan::new(&arm.0.joints, &carrying(arm, 0.0), (from, to), speed)
    }

    /// Returns numbers from 0 to 1 that are the same in each run.
    fn numbers() -> impl FnMut() -> f64 {
        crate::kinematics::inverse::numbers(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a place anywhere in the ranges, including their ends.
    fn place(bounds: &[JointBounds; 7], random: &mut impl FnMut() -> f64) -> [f64; 7] {
        ranges(bounds).map(|(lower, upper)| match random() {
            end if end < 0.05 => lower,
            end if end > 0.95 => upper,
            _ => lower + (upper - lower) * random(),
        })
    }

    #[test]
    fn every_plan_keeps_every_limit_of_the_arm_and_ends_at_its_goal() {
        for arm in each_arm() {
            let bounds = arm.0.joints;
            let mut random = numbers();
            for _ in 0..100 {
                let (from, to) = (place(&bounds, &mut random), place(&bounds, &mut random));
                let speed = 0.05 + 0.95 * random();
                let plan = planned(&arm, from, to, speed).unwrap();
                assert!(plan.keeps(&bounds), "{from:?} to {to:?} at {speed}");
                assert_eq!(plan.at(&from, plan.duration() + DT), to);
                assert_eq!(plan.at(&from, 0.0), from);
            }
        }
    }

    /// Returns the shortest time of any motion that gets there, straight or not: that of the slowest joint
    /// alone.
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
        for arm in each_arm() {
            let bounds = arm.0.joints;
            let mut random = numbers();
            let mut ratios: Vec<f64> = (0..400)
                .map(|_| {
                    // The inner nine tenths of the ranges, where the ends of the ranges do not limit the
                    // velocity.
                    let mut inner =
                        || bounds.map(|b| b.lower + (b.upper - b.lower) * (0.05 + 0.9 * random()));
                    let (from, to) = (inner(), inner());
                    let plan = planned(&arm, from, to, 0.5).unwrap();
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
    fn no_way_begins_or_ends_at_what_is_no_number() {
        for arm in each_arm() {
            for value in [f64::NAN, f64::INFINITY, 1e300, -1e30] {
                let mut nowhere = HOME;
                nowhere[2] = value;
                assert!(planned(&arm, nowhere, HOME, 0.5).is_err(), "{value}");
                assert!(planned(&arm, HOME, nowhere, 0.5).is_err(), "{value}");
            }
        }
    }

    #[test]
    fn a_plan_to_where_the_arm_stands_takes_no_time() {
        for arm in each_arm() {
            let stays = planned(&arm, HOME, HOME, 0.5).unwrap();
            assert_eq!(stays.duration(), 0.0);
        }
    }

    #[test]
    fn twice_the_speed_takes_about_half_the_time_of_a_long_way() {
        for arm in each_arm() {
            let to = HOME.map(|q| q + 0.4);
            let slow = planned(&arm, HOME, to, 0.05).unwrap().duration();
            let fast = planned(&arm, HOME, to, 0.1).unwrap().duration();
            assert!(slow / fast > 1.6 && slow / fast < 2.01, "{slow}, {fast}");
        }
    }

    #[test]
    fn a_plan_asks_no_joint_for_more_than_it_can_give_with_what_the_arm_carries() {
        for arm in each_arm() {
            let bounds = arm.0.joints;
            let mut random = numbers();
            let mut slowed = 0;
            for _ in 0..40 {
                let (from, to) = (place(&bounds, &mut random), place(&bounds, &mut random));
                let strength = carrying(&arm, 3.0);
                let plan = match Plan::new(&bounds, &strength, (from, to), 1.0) {
                    Ok(plan) => plan,
                    Err(NoWay::TooHeavy { torque, most, .. }) => {
                        assert!(torque > most);
                        continue;
                    }
                    Err(other) => panic!("{other:?}"),
                };
                assert_eq!(plan.is_borne(&strength), Ok(true));
                let light = planned(&arm, from, to, 1.0).unwrap();
                assert!(plan.duration() >= light.duration());
                slowed += u32::from(plan.duration() > 1.05 * light.duration());
            }
            assert!(slowed > 3, "{slowed}");
        }
    }

    #[test]
    fn what_is_too_heavy_to_be_held_is_told_with_the_joint() {
        for arm in each_arm() {
            let mut stretched = HOME;
            (stretched[1], stretched[3]) = (1.5, -0.3);
            let strength = carrying(&arm, 12.0);
            let none = Plan::new(&arm.0.joints, &strength, (HOME, stretched), 0.5).unwrap_err();
            let NoWay::TooHeavy { torque, most, .. } = none else {
                panic!("{none:?}");
            };
            assert!(torque > most);
        }
    }
}
