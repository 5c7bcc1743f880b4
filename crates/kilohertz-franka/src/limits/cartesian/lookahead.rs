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
use crate::limits::workspace::{CartesianBox, PLACES, Reach};
use crate::state::{joints, offset};

/// The share of the joints' limits that commands made by this package may use.
const JOINT_SHARE: f64 = 0.8;
/// A motion keeps this distance from singular poses, in the unit of [`JacobianMap::volume`].
const LEAST_VOLUME: f64 = 0.025;
/// A smaller change of the volume is rounding. What is not rounding adds up, cycle by cycle.
const SAME_VOLUME: f64 = 1e-9;
/// An elbow slows down with this time constant \[s\] as it comes to a place beyond which it cannot go.
const EASING: f64 = 0.25;
/// By this factor braking is assumed to be weaker further on.
const WEAKER: f64 = 0.7;
/// A joint that moves this slowly counts as standing, which is allowed everywhere [rad/s].
const STANDING: f64 = 1e-6;
/// A joint counts as able to move this fast where it is told how many times too fast it would be [rad/s].
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
    /// How far the end effector may go, where there is a box.
    pub reach: Reach,
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
            reach: Reach::ANYWHERE,
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
        let mut place = next.place();
        if let Some(left) = self.outside(&place) {
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
                let fastest = (OWN_SHARE * fastest).max(STANDING);
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
            if there < LEAST_VOLUME && there < volume - SAME_VOLUME {
                let joint = largest(&ways);
                return Some(Blocked::Joint(joint, LEAST_VOLUME / there.max(1e-3)));
            }
            volume = volume.min(there);
        }
        None
    }

    /// Takes in where the end effector is, by its last command.
    pub fn is_at(&mut self, place: &[f64; 3]) {
        if let Some(workspace) = &self.workspace {
            self.reach = workspace.reach(&self.reach, place);
        }
    }

    /// Returns how the way to a place leaves the box, if it does.
    pub fn outside(&self, to: &[f64; 3]) -> Option<Blocked> {
        let (axis, at, wall) = self.workspace?.left(&self.reach, to)?;
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
            if asked > STANDING && fastest / asked < share {
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

#[cfg(test)]
mod tests {
    use kilohertz_geometry::Pose;

    use super::*;
    use crate::kinematics::differential::ELBOW;
    use crate::limits::cartesian::tests::{BOX, QUICK, START, assert_near, bare, kinematics, only};
    use crate::limits::tests::at;

    /// Almost stretched: the volume is a little above [`LEAST_VOLUME`].
    const STRETCHED: [f64; 7] = [0.1, 0.5, 0.2, -0.95, 0.3, 1.9, 0.6];
    const OWN: [PartBounds; 3] = [
        part(2.8, 8.5, 4000.0),
        part(2.3, 16.0, 7000.0),
        part(1.4, 9.5, 5000.0),
    ];
    const fn part(velocity: f64, acceleration: f64, jerk: f64) -> PartBounds {
        PartBounds {
            velocity,
            acceleration,
            jerk,
        }
    }

    /// Returns what looks ahead for quick joints which move like this.
    fn observed(leads_elbow: bool, q: [f64; 7], dq: &[f64; 7], ddq: &[f64; 7]) -> Lookahead {
        let bare = bare();
        let mut ahead = Lookahead::new(leads_elbow, [QUICK; 7], OWN, None, bare);
        let mut observation = at(q);
        // What is measured does not count.
        observation[offset::q..offset::q + 7].fill(0.5);
        observation[offset::dq_d..offset::dq_d + 7].copy_from_slice(dq);
        observation[offset::ddq_d..offset::ddq_d + 7].copy_from_slice(ddq);
        let frame: Pose = kinematics().frame;
        observation[offset::F_T_EE..offset::F_T_EE + 16].copy_from_slice(&frame);
        ahead.observe(&observation);
        ahead
    }

    /// Returns a motion, its next step with the same acceleration, and what looks ahead for it.
    fn moving(
        leads_elbow: bool,
        q: [f64; 7],
        rates: Rates,
        acceleration: Rates,
    ) -> (CartesianMotion, CartesianMotion, Lookahead) {
        let (kinematics, map) = (kinematics(), kinematics().joints(&q, leads_elbow));
        let motion = CartesianMotion {
            pose: kinematics.pose(&q),
            elbow: q[ELBOW],
            rates,
            acceleration,
        };
        let next = motion.with_rates(std::array::from_fn(|i| rates[i] + acceleration[i] * DT));
        let ahead = observed(leads_elbow, q, &map.of(&rates), &map.of(&acceleration));
        (motion, next, ahead)
    }

    /// Returns the shares of acceleration and jerk in `bounds` with which the joints need 0.8 of their own
    /// limits, in the direction that is worst for them.
    fn followed(
        ahead: &Lookahead,
        bounds: &[PartBounds; 3],
        map: &JacobianMap,
        bend: &[f64; 7],
    ) -> (f64, f64) {
        let columns: [[f64; 7]; 7] = std::array::from_fn(|i| map.of(&only(i, 1.0)));
        let mut shares = (1.0_f64, 1.0_f64);
        for (joint, arm) in ahead.arm_joints.iter().enumerate() {
            let worst = |part: usize| {
                let squares = PARTS[part].clone().map(|i| columns[i][joint].powi(2));
                squares.sum::<f64>().sqrt()
            };
            let acceleration: f64 = (0..3).map(|i| worst(i) * bounds[i].acceleration).sum();
            let jerk: f64 = (0..3).map(|i| worst(i) * bounds[i].jerk).sum();
            shares.0 = shares
                .0
                .min((0.8 * arm.acceleration - bend[joint].abs()) / acceleration);
            shares.1 = shares.1.min(0.8 * arm.jerk / jerk);
        }
        (shares.0.max(0.05), shares.1.max(0.05))
    }

    #[test]
    fn the_joints_go_on_from_what_the_arm_reports_and_follow_the_jerk_of_the_end_effector() {
        let (dq, ddq) = (
            [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7],
            [3.0, 2.0, -1.0, -4.0, 2.5, 1.5, -3.5],
        );
        let jerk = [900.0, -700.0, 800.0, 1200.0, -1100.0, 600.0, 500.0];
        let motion = CartesianMotion {
            pose: kinematics().pose(&START),
            elbow: START[ELBOW],
            rates: [0.2, 0.1, -0.3, 0.4, 0.1, 0.2, 0.3],
            acceleration: [1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 1.0],
        };
        let next = motion.with_rates(std::array::from_fn(|i| {
            motion.rates[i] + (motion.acceleration[i] + jerk[i] * DT) * DT
        }));
        for leads_elbow in [false, true] {
            let ahead = observed(leads_elbow, START, &dq, &ddq);
            assert_eq!(ahead.q, START);
            let expected = kinematics().joints(&START, leads_elbow).of(&jerk);
            let [velocity, acceleration, followed] = ahead.joint_step(&motion, &next);
            for i in 0..7 {
                assert!((followed[i] - expected[i]).abs() < 1e-3, "{followed:?}");
            }
            for i in 0..7 {
                assert_near(
                    &[(acceleration[i] - ddq[i]) / DT, (velocity[i] - dq[i]) / DT],
                    &[followed[i], acceleration[i]],
                );
            }
        }
    }

    #[test]
    fn own_steps_use_as_much_as_the_joints_can_follow_in_every_direction() {
        for (leads_elbow, acceleration, jerk) in [
            (false, [1e6; 7], [1e9; 7]),
            (false, [10.0; 7], [5000.0; 7]),
            (true, [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0], [9e3; 7]),
            (true, [90.0; 7], [3e3; 7]),
            // Joint 6 has less than it needs.
            (false, [20.0, 20.0, 20.0, 20.0, 20.0, 4.0, 20.0], [100.0; 7]),
        ] {
            let accelerated = [1.0, -2.0, 3.0, 1.0, 2.0, -3.0, 0.5];
            let map = kinematics().joints(&START, leads_elbow);
            let bend = [0.5, -0.4, 1.0, 2.0, -1.5, -3.5, 1.0];
            let through = map.of(&accelerated);
            let ddq = std::array::from_fn(|joint| through[joint] + bend[joint]);
            let (motion, ..) = moving(leads_elbow, START, [0.1; 7], accelerated);
            let mut ahead = observed(leads_elbow, START, &[0.0; 7], &ddq);
            for (joint, arm) in ahead.arm_joints.iter_mut().enumerate() {
                (arm.acceleration, arm.jerk) = (acceleration[joint], jerk[joint]);
            }
            let bounds = OWN.map(|part| part.share(0.5, 0.6, 0.7));
            let shares = followed(&ahead, &bounds, &map, &bend);
            let eased = ahead.eased(&motion, &bounds);
            for (eased, part) in eased.iter().zip(bounds) {
                let expected = [
                    part.velocity,
                    part.acceleration * shares.0,
                    part.jerk * shares.1,
                ];
                assert_near(&[eased.velocity, eased.acceleration, eased.jerk], &expected);
            }
        }
    }

    #[test]
    fn before_the_joints_are_known_nothing_is_asked_of_them() {
        let bare = bare();
        let ahead = Lookahead::new(true, [QUICK; 7], OWN, None, bare);
        let (motion, ..) = moving(true, START, [0.0; 7], [0.0; 7]);
        assert_eq!(ahead.eased(&motion, &OWN), OWN);
    }

    /// The place of a braking motion after some eighths of its time.
    struct Place {
        rates: Rates,
        q: [f64; 7],
        place: [f64; 3],
        map: JacobianMap,
    }

    /// Integrates the braking after `next` in small steps. Returns the time between two places, and the
    /// places. Each part slows down evenly, to zero.
    fn braked(
        ahead: &Lookahead,
        motion: &CartesianMotion,
        next: &CartesianMotion,
    ) -> (f64, Vec<Place>) {
        const STEPS: u32 = 10;
        let kinematics = kinematics();
        let map_at = |q: &[f64; 7]| kinematics.joints(q, ahead.leads_elbow);
        let reported = map_at(&ahead.q).of(&motion.acceleration);
        let bend = std::array::from_fn(|joint| ahead.ddq[joint] - reported[joint]);
        let (acceleration, jerk) = followed(ahead, &OWN, &map_at(&ahead.q), &bend);
        let mut from = [0.0; 7];
        // The time in which each part is braked, with 0.7 of its acceleration, once the jerk has taken back
        // the acceleration that it has.
        let times = std::array::from_fn(|part| {
            let range = PARTS[part].clone();
            let delay = norm(&next.acceleration[range.clone()]) / (jerk * OWN[part].jerk);
            for i in range.clone() {
                from[i] = next.rates[i] + next.acceleration[i] * delay / 2.0;
            }
            norm(&from[range]) / (0.7 * acceleration * OWN[part].acceleration) + delay + 0.002
        });
        let longest = times.iter().fold(0.0_f64, |most, time| most.max(*time));
        let rates_at = |time: f64| {
            let left: [f64; 3] = times.map(|until: f64| (1.0 - time / until).max(0.0));
            std::array::from_fn(|i| from[i] * left[[0, 0, 0, 1, 1, 1, 2][i]])
        };
        let [dq, ..] = ahead.joint_step(motion, next);
        let mut q = std::array::from_fn(|joint| ahead.q[joint] + dq[joint] * DT);
        let mut place = next.place();
        let step = longest / f64::from(8 * STEPS);
        let mut places = Vec::new();
        for nth in 0..=8 * STEPS {
            let time = step * f64::from(nth);
            let map = map_at(if nth == 0 { &ahead.q } else { &q });
            if nth % STEPS == 0 {
                let rates = rates_at(time);
                places.push(Place {
                    rates,
                    q,
                    place,
                    map,
                });
            }
            let rates = rates_at(time + step / 2.0);
            let dq = map.of(&rates);
            q = std::array::from_fn(|joint| q[joint] + dq[joint] * step);
            place = std::array::from_fn(|axis| place[axis] + rates[axis] * step);
        }
        (longest / 8.0, places)
    }

    /// Returns what braking after `next` breaks first: "joint" or "box", which one, and its share or place.
    fn broken(
        ahead: &Lookahead,
        motion: &CartesianMotion,
        next: &CartesianMotion,
    ) -> Option<(&'static str, usize, f64)> {
        let (step, places) = braked(ahead, motion, next);
        let outside = |place: &[f64; 3]| {
            let walls = |axis| ahead.workspace.unwrap_or(BOX).walls(axis);
            let axis =
                (0..3).find(|&i| place[i] < walls(i).0 - 1e-6 || place[i] > walls(i).1 + 1e-6)?;
            Some(("box", axis, place[axis]))
        };
        if let Some(outside) = outside(&next.place()) {
            return Some(outside);
        }
        let start = kinematics().joints(&ahead.q, ahead.leads_elbow);
        let reported = start.of(&motion.acceleration);
        let bend = std::array::from_fn(|joint| ahead.ddq[joint] - reported[joint]);
        let (most, _) = followed(ahead, &OWN, &start, &bend);
        let mut volume = start.volume;
        for nth in 0..8 {
            let (place, later) = (&places[nth], &places[nth + 1]);
            let dq = place.map.of(&place.rates);
            if nth > 0 {
                let before = places[nth - 1].map.of(&place.rates);
                let bend: [f64; 7] = std::array::from_fn(|i| (dq[i] - before[i]) / step);
                let (share, _) = followed(ahead, &OWN, &place.map, &bend);
                if share < 0.7 * most || share <= 0.05 {
                    return Some(("joint", largest(&bend), most / share));
                }
            }
            for (joint, arm) in ahead.arm_joints.iter().enumerate() {
                let fastest = match dq[joint] > 0.0 {
                    true => arm.upper_velocity(place.q[joint]),
                    false => -arm.lower_velocity(place.q[joint]),
                };
                let share = dq[joint].abs() / (0.95 * fastest).max(1e-6);
                if share > 1.0 {
                    return Some(("joint", joint, share));
                }
            }
            if let Some(outside) = outside(&later.place) {
                return Some(outside);
            }
            for there in [place, later] {
                let there = there.map.volume;
                if there < 0.025 && there < volume - 1e-9 {
                    return Some(("joint", largest(&dq), 0.025 / there));
                }
                volume = volume.min(there);
            }
        }
        None
    }

    /// Returns an almost stretched pose whose volume is `more` than the least.
    fn stretched(more: f64) -> [f64; 7] {
        let pose = |elbow: f64| [0.1, 0.5, 0.2, elbow, 0.3, 1.9, 0.6];
        let (mut bent, mut straight) = (-1.0, -0.6);
        for _ in 0..50 {
            let middle = 0.5 * (bent + straight);
            match kinematics().joints(&pose(middle), false).volume > LEAST_VOLUME + more {
                true => bent = middle,
                false => straight = middle,
            }
        }
        pose(bent)
    }

    /// A motion whose braking comes upon an obstacle if it is fast enough.
    struct Case {
        leads_elbow: bool,
        q: [f64; 7],
        way: Rates,
        acceleration: Rates,
        /// Puts the obstacle there.
        obstacle: fn(&mut Lookahead),
        /// The share of `way` at which the obstacle is just reached.
        fastest: f64,
        /// What is reached.
        what: (&'static str, usize),
        /// The share of that speed by which a look at eight places may be wrong.
        tolerance: f64,
    }

    impl Case {
        /// Returns what the integrated motion and the limits find at this share of the speed that just
        /// reaches the obstacle.
        fn found(&self, share: f64) -> [Option<(&'static str, usize, f64)>; 2] {
            let rates = self.way.map(|v| v * self.fastest * share);
            let (motion, next, mut ahead) =
                moving(self.leads_elbow, self.q, rates, self.acceleration);
            (self.obstacle)(&mut ahead);
            ahead.is_at(&motion.place());
            let blocked = ahead.blocked(&motion, &next).map(|blocked| match blocked {
                Blocked::Joint(joint, share) => ("joint", joint, share),
                Blocked::Box(axis, at, wall) => {
                    let (lower, upper) = ahead.workspace.unwrap().walls(axis);
                    assert_eq!(wall, if at > upper { upper } else { lower });
                    ("box", axis, at)
                }
            });
            [broken(&ahead, &motion, &next), blocked]
        }

        fn check(&self) {
            for found in self.found(1.0 - self.tolerance) {
                assert_eq!(found, None, "{:?} is reached too early", self.what);
            }
            let [expected, blocked] = self.found(1.0 + self.tolerance);
            let (what, nth, value) = blocked.expect("the obstacle is reached");
            assert_eq!((what, nth), self.what);
            let expected = expected.expect("the integrated motion reaches it").2;
            let share = value / expected;
            assert!((0.9..1.1).contains(&share), "{value}, {expected}");
        }
    }

    const STILL: Rates = [0.0; 7];
    const TURNING: Rates = [0.0, 0.2, 0.0, 0.5, 0.3, 0.2, 0.4];
    const TURNING_FASTER: Rates = [0.0, 2.0, 0.0, 3.0, 2.0, 0.0, 3.0];

    #[test]
    fn a_motion_that_could_not_be_braked_before_a_wall_is_blocked() {
        let ahead = Case {
            leads_elbow: false,
            q: START,
            way: [1.0, 0.5, -0.3, 0.0, 0.0, 0.0, 0.0],
            acceleration: [4.0, 2.0, -1.2, 0.0, 0.0, 0.0, 0.0],
            obstacle: |ahead| {
                let mut walls = BOX;
                walls.upper[0] = kinematics().place(&ahead.q)[0] + 4e-4;
                ahead.workspace = Some(walls);
            },
            fastest: 0.04617,
            what: ("box", 0),
            tolerance: 1e-3,
        };
        ahead.check();
        let aside = Case {
            leads_elbow: true,
            way: [1.0, -0.5, -0.3, 0.3, 0.2, 0.1, 0.1],
            acceleration: [4.0, -2.0, -1.2, 0.0, 0.0, 0.0, 0.0],
            obstacle: |ahead| {
                let mut walls = BOX;
                walls.lower[1] = kinematics().place(&ahead.q)[1] - 4e-4;
                ahead.workspace = Some(walls);
            },
            fastest: 0.07232,
            what: ("box", 1),
            ..ahead
        };
        aside.check();
    }

    #[test]
    fn a_motion_is_blocked_that_is_too_fast_for_a_joint_now_or_while_it_is_braked() {
        let now = Case {
            leads_elbow: true,
            q: START,
            way: TURNING,
            acceleration: TURNING_FASTER,
            obstacle: |ahead| ahead.arm_joints[4].velocity = 0.2,
            fastest: 0.23565,
            what: ("joint", 4),
            tolerance: 1e-3,
        };
        now.check();
        // As the arm stretches, joint 3 becomes faster.
        let later = Case {
            leads_elbow: false,
            way: [1.0, 0.3, 0.0, 0.0, 0.3, 0.0, 0.0],
            acceleration: STILL,
            obstacle: |ahead| ahead.arm_joints[3].velocity = 3.0,
            fastest: 1.28,
            what: ("joint", 3),
            tolerance: 0.01,
            ..now
        };
        later.check();
    }

    #[test]
    fn a_motion_that_could_not_be_braked_before_the_end_of_a_joints_range_is_blocked() {
        // Each joint begins near the end that it moves away from.
        let near = Case {
            leads_elbow: true,
            q: START,
            way: TURNING,
            acceleration: TURNING_FASTER,
            obstacle: |ahead| {
                let (at, joint) = (ahead.q[1], &mut ahead.arm_joints[1]);
                (joint.lower, joint.upper) = (at - 1e-6, at + 1e-3);
                joint.deceleration = 9.0;
            },
            fastest: 0.437,
            what: ("joint", 1),
            tolerance: 3e-3,
        };
        near.check();
        Case {
            way: TURNING.map(|rate| -rate),
            acceleration: TURNING_FASTER.map(|rate| -rate),
            obstacle: |ahead| {
                let (at, joint) = (ahead.q[1], &mut ahead.arm_joints[1]);
                (joint.lower, joint.upper) = (at - 1e-3, at + 1e-6);
                joint.deceleration = 9.0;
            },
            ..near
        }
        .check();
    }

    #[test]
    fn a_motion_is_blocked_if_the_joints_could_not_brake_as_hard_further_on() {
        fn weak(ahead: &mut Lookahead) {
            ahead
                .arm_joints
                .iter_mut()
                .for_each(|joint| joint.acceleration = 20.0);
        }
        let straight = Case {
            leads_elbow: false,
            q: START,
            way: [1.0, 0.3, 0.3, 0.0, 0.0, 0.0, 0.0],
            acceleration: STILL,
            obstacle: weak,
            fastest: 0.779,
            what: ("joint", 3),
            tolerance: 0.01,
        };
        straight.check();
    }

    #[test]
    fn joints_that_can_hardly_brake_are_blocked_unless_they_come_to_where_they_can() {
        let q = stretched(1e-3);
        let map = kinematics().joints(&q, false);
        let (motion, next, _) = moving(false, q, STILL, STILL);
        for (way, is_free) in [(-1.0, true), (1.0, false)] {
            let mut ahead = observed(false, q, &map.of(&only(0, way)), &[0.0; 7]);
            let mut with = |acceleration: f64| {
                for joint in &mut ahead.arm_joints {
                    joint.acceleration = acceleration;
                }
                let (share, _) = followed(&ahead, &OWN, &map, &[0.0; 7]);
                (share, ahead.blocked(&motion, &next).is_none())
            };
            let (share, _) = with(20.0);
            assert!((0.05..1.0).contains(&share), "{share}");
            // Here they can follow a little less than 0.05 of the end effector's limits.
            assert_eq!(with(20.0 * 0.0499 / share), (0.05, is_free));
        }
    }

    #[test]
    fn a_motion_that_comes_too_close_to_a_singular_pose_is_blocked() {
        let short = Case {
            leads_elbow: false,
            q: stretched(2e-3),
            way: [1.0, 0.1, 0.3, 0.0, 0.0, 0.0, 0.0],
            acceleration: STILL,
            obstacle: |_| (),
            fastest: 0.09656,
            what: ("joint", 3),
            tolerance: 2.5e-3,
        };
        short.check();
        Case {
            q: STRETCHED,
            fastest: 0.432,
            tolerance: 0.02,
            ..short
        }
        .check();
        // Who is too close already may come back, but go no closer, however slowly.
        for fastest in [1e-4, 1e-2] {
            let closer = Case {
                q: stretched(-5e-3),
                fastest,
                ..short
            };
            let [expected, blocked] = closer.found(1.0);
            assert!(expected.is_some());
            assert!(matches!(blocked, Some(("joint", 3, _))), "{blocked:?}");
        }
        let back = Case {
            q: stretched(-5e-3),
            way: [-1.0, -0.1, -0.3, 0.0, 0.0, 0.0, 0.0],
            ..short
        };
        assert_eq!(back.found(2.0), [None; 2]);
    }

    /// Returns `rates` as far as they are allowed at [`START`], with `change` in what looks ahead.
    fn allowed(rates: Rates, change: impl FnOnce(&mut Lookahead)) -> (Rates, Option<(usize, f64)>) {
        let (motion, _, mut ahead) = moving(false, START, STILL, STILL);
        change(&mut ahead);
        ahead.allowed(&motion, rates, &OWN)
    }

    #[test]
    fn each_part_is_allowed_its_velocity() {
        let (fast, slow) = ([3.0, -6.0, 6.0, -0.2, 0.4, 0.4, 0.0], [0.4; 7]);
        let shortened = [2.8 / 3.0, -5.6 / 3.0, 5.6 / 3.0, -0.2, 0.4, 0.4, 0.0];
        let (rates, obstacle) = allowed(fast, |_| ());
        assert_near(&rates, &shortened);
        assert_eq!(obstacle, None);
        assert_eq!(allowed(slow, |_| ()), (slow, None));
    }

    #[test]
    fn half_of_the_acceleration_brakes_the_end_effector_before_a_wall() {
        let place = kinematics().place(&START);
        let (below, above) = ([0.02, 0.005, 3.0], [0.3, 2.0, -0.1]);
        for axis in 0..3 {
            for (left, sign) in [(below[axis], -1.0), (above[axis], 1.0)] {
                let (rates, obstacle) = allowed(only(axis, 2.0 * sign), |ahead| {
                    ahead.workspace = Some(CartesianBox {
                        lower: std::array::from_fn(|axis| place[axis] - below[axis] - 0.01),
                        upper: std::array::from_fn(|axis| place[axis] + above[axis] + 0.01),
                        margin: 0.01,
                    });
                });
                // The last of the way takes at least a thirtieth of a second.
                let left = f64::max(left, 0.0);
                let expected = (OWN[0].acceleration * left)
                    .sqrt()
                    .min(30.0 * left)
                    .min(2.0);
                assert_near(&rates, &only(axis, sign * expected));
                assert_eq!(obstacle, None);
            }
        }
    }

    #[test]
    fn the_joint_that_is_slowest_for_a_motion_limits_all_of_it() {
        let map = kinematics().joints(&START, false);
        for rates in [
            [0.3, -0.2, 0.1, 0.4, 0.5, -0.6, 0.0],
            [-0.3, 0.2, -0.1, -0.4, -0.5, 0.6, 0.0],
        ] {
            let asked = map.of(&rates);
            for joint in 0..7 {
                let slow = JointBounds {
                    lower: START[joint] - 0.5,
                    upper: START[joint] + 0.7,
                    velocity: 0.5 * asked[joint].abs(),
                    ..QUICK
                };
                let weak = JointBounds {
                    lower: START[joint] - 1e-3,
                    upper: START[joint] + 2e-3,
                    acceleration: 0.5,
                    ..QUICK
                };
                for (bounds, is_weak) in [(slow, false), (weak, true)] {
                    let (limited, obstacle) =
                        allowed(rates, |ahead| ahead.arm_joints[joint] = bounds);
                    // 0.8 of the velocity, or what 0.85 of 0.3 of the acceleration brakes in time.
                    let left: f64 = if asked[joint] > 0.0 { 2e-3 } else { 1e-3 };
                    let fastest = match is_weak {
                        true => (2.0 * 0.85 * 0.3 * 0.5 * left).sqrt(),
                        false => 0.8 * bounds.velocity,
                    };
                    let share = fastest / asked[joint].abs();
                    if share < 1.0 {
                        assert_near(&limited, &rates.map(|rate| rate * share));
                        let (slowest, needed) = obstacle.unwrap();
                        assert_eq!(slowest, joint);
                        assert_near(&[needed], &[1.0 / share]);
                    } else {
                        assert_eq!((limited, obstacle), (rates, None));
                    }
                }
            }
            // Of two slow joints the slower one counts, whichever comes first.
            for (slower, slow) in [(1, 3), (3, 1)] {
                let (limited, obstacle) = allowed(rates, |ahead| {
                    ahead.arm_joints[slower].velocity = 0.25 * asked[slower].abs();
                    ahead.arm_joints[slow].velocity = 0.5 * asked[slow].abs();
                });
                assert_near(&limited, &rates.map(|rate| rate * 0.2));
                assert_eq!(obstacle.map(|(joint, _)| joint), Some(slower));
            }
            // At the end of its range a joint allows nothing, and the share stays a number.
            let (limited, obstacle) = allowed(rates, |ahead| {
                ahead.arm_joints[1].lower = START[1];
                ahead.arm_joints[1].upper = START[1];
            });
            assert_near(&limited, &STILL);
            assert_eq!(obstacle, Some((1, asked[1].abs() / 1e-4)));
        }
    }

    #[test]
    fn an_elbow_comes_to_rest_where_the_pose_would_become_singular_and_nothing_else_is_held_up() {
        // Joint 3 has little freedom left, and less if it moves up.
        let mut q = START;
        q[ELBOW] = 0.85;
        let (motion, _, mut ahead) = moving(true, q, STILL, STILL);
        let start = kinematics().joints(&q, true);
        let mut slowed = 0;
        for rate in [-1.2, -0.4, 0.1, 0.4, 0.8, 1.2] {
            let elbow = start.of(&only(6, rate));
            let later = std::array::from_fn(|joint| q[joint] + 0.25 * elbow[joint]);
            let lost = start.volume - kinematics().joints(&later, true).volume;
            let left = start.volume - 0.025;
            let share = if lost > left { left / lost } else { 1.0 };
            slowed += usize::from(share < 0.9);
            let mut rates = [0.1, 0.2, -0.1, 0.1, 0.1, -0.2, rate];
            let (limited, _) = ahead.allowed(&motion, rates, &OWN);
            rates[6] *= share;
            assert_near(&limited, &rates);
        }
        assert!((2..=4).contains(&slowed), "{slowed} were slowed");
        // An elbow that the arm chooses is not looked at.
        ahead.leads_elbow = false;
        let rates = only(6, 1.2);
        assert_eq!(ahead.allowed(&motion, rates, &OWN).0, rates);
        // Where the pose is too close to a singular one, the elbow may only move back.
        q[ELBOW] = 1.14;
        let (motion, _, ahead) = moving(true, q, STILL, STILL);
        for (rate, share) in [(0.2, 0.0), (-0.2, 1.0)] {
            let (limited, _) = ahead.allowed(&motion, only(6, rate), &OWN);
            assert_near(&limited, &only(6, rate * share));
        }
        assert_eq!(ahead.elbow_share(0.0), 1.0);
    }

    #[test]
    fn what_blocks_a_motion_is_told_with_its_place() {
        let (_, _, mut ahead) = moving(false, START, STILL, STILL);
        ahead.arm_joints[5] = JointBounds {
            lower: 0.5,
            upper: 4.5,
            margin: 0.3,
            deceleration: 6.0,
            ..QUICK
        };
        let action = [0.0, 0.7, 0.0, 0.0, 0.0, 0.0];
        let velocity = CartesianCommand::Velocity;
        let joint = ahead.violation_of(Blocked::Joint(5, 1.25), velocity, &action);
        // From the margin the joint brakes within 7.5 mrad.
        let place = JointPlace {
            at: START[5],
            lower: 0.5075,
            upper: 4.4925,
            is_out_of_reach: false,
            too_far: None,
        };
        assert_eq!((joint.kind, joint.slot), (ViolationKind::Joints, 5));
        assert_eq!(
            (joint.action, joint.received, joint.limit),
            (1.25, 1.25, 1.0)
        );
        assert_eq!(joint.joint, Some(place));
        let wall = ahead.violation_of(Blocked::Box(1, 0.45, 0.4), velocity, &action);
        assert_eq!((wall.kind, wall.slot), (ViolationKind::Box, 1));
        assert_eq!((wall.action, wall.received, wall.limit), (0.7, 0.45, 0.4));
    }

    #[test]
    fn a_way_leads_outside_only_if_there_is_a_box() {
        let (_, _, mut ahead) = moving(false, START, STILL, STILL);
        let (inside, outside) = ([0.1; 3], [0.1, 0.1, 5.5]);
        ahead.is_at(&inside);
        assert!(ahead.outside(&outside).is_none());
        ahead.workspace = Some(BOX);
        ahead.is_at(&inside);
        assert!(ahead.outside(&inside).is_none());
        let left = ahead.outside(&outside);
        assert!(matches!(left, Some(Blocked::Box(2, 5.5, 5.0))));
        // Who is outside may stay.
        ahead.is_at(&outside);
        assert!(ahead.outside(&outside).is_none());
    }

    #[test]
    fn a_joint_at_its_end_stops_nothing_that_hardly_moves_it() {
        // In this plane joint 7 turns with the hand alone.
        let q = [0.0, -0.7, 0.0, -2.2, 0.0, 1.5, 0.6];
        let (motion, _, mut ahead) = moving(false, q, STILL, STILL);
        let bounds = ahead.own;
        for (turning, goes_on) in [(1e-7, true), (1e-3, false)] {
            let rates = [0.0, 0.0, 0.01, 0.0, 0.0, turning, 0.0];
            let asked = ahead.map.of(&rates)[6].abs();
            assert!(asked > 0.0 && (asked < STANDING) == goes_on, "{asked}");
            ahead.arm_joints[6].lower = q[6];
            ahead.arm_joints[6].upper = q[6];
            let (allowed, obstacle) = ahead.allowed(&motion, rates, &bounds);
            assert_eq!(allowed[2] > 0.0, goes_on, "{allowed:?}");
            assert_eq!(obstacle.is_none(), goes_on);
        }
    }
}
