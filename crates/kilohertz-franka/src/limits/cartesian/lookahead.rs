//! Looking ahead: what a motion of the end effector requires of the joints, and whether it can still be
//! braked within the limits of the joints and the box.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::limits::{
    JointBounds, JointPlace, Violation, ViolationKind, confined, exceeds,
};
use kilohertz_geometry::norm;

use crate::constants::{DT, OWN_SHARE};
use crate::control::leading;
use crate::kinematics::differential::{JacobianMap, Kinematics, PARTS, Rates, joined};
use crate::limits::arm_limits::PartBounds;
use crate::limits::cartesian::command::{CartesianCommand, largest};
use crate::limits::cartesian::motion::{CartesianMotion, shorten};
use crate::limits::workspace::{CartesianBox, PLACES};
use crate::state::{joints, offset};

/// The share of the joints' limits that commands made by this package may use.
const JOINT_SHARE: f64 = 0.8;
/// A motion keeps this distance from singular poses, in the unit of [`JacobianMap::volume`].
const LEAST_VOLUME: f64 = 0.025;
/// An elbow slows down with this time constant \[s\] as it comes to a place beyond which it cannot go.
const EASING: f64 = 0.25;
/// By this factor braking is assumed to be weaker further on.
const WEAKER: f64 = 0.7;
/// A joint may always move this slowly [rad/s].
const CREEP: f64 = 1e-4;
/// However close to their limits the joints are, the end effector may be braked with this share of its
/// limits.
const LEAST_SHARE: f64 = 0.05;

/// Why a motion may not go on.
pub(super) enum Blocked {
    Joint(usize, f64),
    Box(usize, f64, f64),
}

/// The joints as the arm reports them, and what looking ahead needs.
#[derive(Clone)]
pub(super) struct Lookahead {
    /// True if the elbow is commanded.
    pub leads_elbow: bool,
    pub arm_joints: [JointBounds; 7],
    /// The bounds for all motions made by this package, braking included.
    pub own: [PartBounds; 3],
    pub workspace: Option<CartesianBox>,
    pub kinematics: Kinematics,
    pub q: [f64; 7],
    dq: [f64; 7],
    ddq: [f64; 7],
    map: JacobianMap,
}

impl Lookahead {
    pub fn new(
        leads_elbow: bool,
        arm_joints: [JointBounds; 7],
        own: [PartBounds; 3],
        workspace: Option<CartesianBox>,
        kinematics: Kinematics,
    ) -> Lookahead {
        Lookahead {
            leads_elbow,
            arm_joints,
            own,
            workspace,
            kinematics,
            q: [0.0; 7],
            dq: [0.0; 7],
            ddq: [0.0; 7],
            map: JacobianMap::NONE,
        }
    }

    /// Takes in the positions, velocities and accelerations of the joints.
    pub fn observe(&mut self, observation: &[f64]) {
        self.q = joints(observation, offset::q_d);
        self.dq = joints(observation, offset::dq_d);
        self.ddq = joints(observation, offset::ddq_d);
        self.kinematics.frame = leading(&observation[offset::F_T_EE..]);
        self.map = self.map_at(&self.q);
    }

    /// Returns velocities, accelerations and jerks of the joints in the step to `next`. They start from
    /// what the arm reports of the joints, so they include the arm's own choice of the elbow.
    pub fn joint_step(&self, motion: &CartesianMotion, next: &CartesianMotion) -> [[f64; 7]; 3] {
        let jerk = self.map.of(&motion.jerk_to(next));
        let ddq = std::array::from_fn(|i| self.ddq[i] + jerk[i] * DT);
        let dq = std::array::from_fn(|i| self.dq[i] + ddq[i] * DT);
        [dq, ddq, jerk]
    }

    /// Returns the acceleration of each joint [rad/s2] that comes from the changing posture and not from an
    /// acceleration of the end effector.
    fn bend(&self, motion: &CartesianMotion) -> [f64; 7] {
        let through = self.map.of(&motion.acceleration);
        std::array::from_fn(|joint| self.ddq[joint] - through[joint])
    }

    /// Returns the shares of the acceleration and of the jerk in `bounds` that the joints can follow in
    /// every direction. `map` is the map at that place, and `bend` the acceleration of the joints from the
    /// changing posture.
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

    /// Returns the bounds for a step made by this package, small enough for the joints in every direction.
    pub fn eased(&self, motion: &CartesianMotion, bounds: &[PartBounds; 3]) -> [PartBounds; 3] {
        let (acceleration, jerk) = self.shares(bounds, &self.map, &self.bend(motion));
        bounds.map(|part| part.share(1.0, acceleration, jerk))
    }

    /// Returns the map of the joints at `q`.
    fn map_at(&self, q: &[f64; 7]) -> JacobianMap {
        self.kinematics.joints(q, self.leads_elbow)
    }

    /// Returns why `next` must not follow `motion`: after it the end effector could not be braked within
    /// the limits of the joints and the box.
    pub fn blocked(&self, motion: &CartesianMotion, next: &CartesianMotion) -> Option<Blocked> {
        let [dq, ..] = self.joint_step(motion, next);
        let (most, jerk) = self.shares(&self.own, &self.map, &self.bend(motion));
        let bounds = self.own.map(|part| part.share(1.0, most, jerk));
        let mut q: [f64; 7] = std::array::from_fn(|i| self.q[i] + dq[i] * DT);
        let (from, mut place) = (motion.place(), next.place());
        if let Some(left) = self.outside(&from, &place) {
            return Some(left);
        }
        // Each part is braked separately, from the velocity that it has when its braking begins.
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
                // On the way the joints must be able to brake as hard as is assumed here.
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
            if let Some(left) = self.outside(&from, &place) {
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

    /// Returns how the way between two places leaves the box, if it does.
    pub fn outside(&self, from: &[f64; 3], to: &[f64; 3]) -> Option<Blocked> {
        let (axis, at, wall) = self.workspace?.left(from, to)?;
        Some(Blocked::Box(axis, at, wall))
    }

    /// Returns `rates` as far as the joints and the box allow, and the joint that limits them, if one does.
    pub fn allowed(
        &self,
        motion: &CartesianMotion,
        mut rates: Rates,
        bounds: &[PartBounds; 3],
    ) -> (Rates, Option<(usize, f64)>) {
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            shorten(&mut rates[part], bounds.velocity);
        }
        if let Some(workspace) = &self.workspace {
            let braking = 0.5 * bounds[0].acceleration;
            for (axis, place) in motion.place().into_iter().enumerate() {
                let (lowest, highest) = workspace.walls(axis);
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

    /// Returns the share of an elbow's velocity with which it comes to rest where it can go no further,
    /// without holding up the end effector.
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

    /// Returns the violation of an action that leads to where the motion is `blocked`.
    pub fn violation_of(
        &self,
        blocked: Blocked,
        command: CartesianCommand,
        action: &[f64],
    ) -> Violation {
        match blocked {
            Blocked::Joint(joint, share) => self.joints_break(joint, share),
            Blocked::Box(axis, at, wall) => command.box_left(action, axis, at, wall),
        }
    }

    /// Returns the violation that `joint` would need `share` times its limits.
    pub fn joints_break(&self, joint: usize, share: f64) -> Violation {
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
}
