//! What is promised of the limits of the end effector, on an arm that carries out each command at once.

use std::sync::{Arc, LazyLock};

use franka::model::{FR3_URDF, Model};
use kilohertz_core::limits::{JointBounds, ORDERS};
use kilohertz_geometry::integrate;

use super::*;
use crate::limits::tests::at;
use crate::limits::workspace::{CartesianBox, Reach};

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
    fn step<T>(&mut self, step: impl FnOnce(&mut CartesianLimiter, &[f64], &mut [f64]) -> T) -> T {
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

#[test]
fn an_arm_outside_the_box_is_not_refused_for_the_single_precision_of_its_report() {
    for command in [CartesianCommand::Pose, CartesianCommand::Target] {
        let mut arm = before_a_wall(command, -0.1);
        let aside = arm.action(only(1, 1e-3));
        arm.limits.motion.pose[12] -= 3e-8;
        arm.limits.ahead.reach = Reach::ANYWHERE;
        arm.limits.ahead.is_at(&arm.limits.motion.place());
        let found = arm.limits.check_place(&arm.observation, &aside);
        assert_eq!(told(&found), []);
        for _ in 0..500 {
            arm.approach(&aside);
        }
        assert!(arm.is_near(&aside, 1e-4), "{:?}", arm.limits.motion);
    }
}

#[test]
fn an_arm_outside_the_box_is_granted_rounding_once() {
    const STEP: f64 = 0.4e-6;
    let mut arm = before_a_wall(CartesianCommand::Pose, -0.1);
    let mut steps = 0;
    loop {
        let further = arm.action(only(0, STEP));
        if !arm
            .limits
            .check_place(&arm.observation, &further)
            .is_empty()
        {
            break;
        }
        arm.limits.motion.pose[12] = further[12];
        arm.observation[offset::O_T_EE_c + 12] = further[12];
        arm.limits.observe(&arm.observation);
        steps += 1;
        assert!(steps < 10, "it goes on");
    }
    assert_eq!(steps, 2);
}
