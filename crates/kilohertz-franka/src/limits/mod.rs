//! What an arm may be commanded, and how it is brought to rest.
//!
//! `arm_limits.rs` has the numbers of each generation. Those of torques, which both share, are from
//! libfranka's `rate_limiting.h`, which `franka-rs` includes, and from the URDF's `effort`.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk, the position range, distance | the velocity is kept | braked to zero |
//! | position | velocity, acceleration, jerk, the position range, distance | the velocity is kept | braked to zero |
//! | target | the position range, distance; it is moved to within a [`Budget`] | the last target is moved to | braked to zero |
//! | torque | torque, torque rate; of the arm itself position and velocity | the torque is kept | damped, then held in place |
//! | a motion and torques | both, in `combined.rs` | both | both |
//!
//! The folder `cartesian/` has the limits of the end effector, and `workspace.rs` the box that it can be
//! kept in.
//!
//! A motion counts as too fast as soon as it could not be braked before the end of a joint's range within
//! the limits of acceleration and jerk, even if its velocity alone is allowed.
//!
//! Velocity, acceleration, jerk, torque, torque rate and the position range are checked for each answer,
//! whenever it comes. What depends on where the arm is, is checked for what is to be commanded.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod arm_limits;
pub(crate) mod cartesian;
pub(crate) mod combined;
pub(crate) mod joints;
mod likely;
pub(crate) mod options;
pub(crate) mod tolerances;
pub(crate) mod torque;
pub(crate) mod workspace;

use std::sync::Arc;

use franka::model::Model;
use kilohertz_core::limits::Limiter;

use crate::control::{Control, Interface};
use crate::kinematics::differential::Kinematics;
use crate::limits::cartesian::{CartesianCommand, CartesianLimiter};
use crate::limits::combined::MotionWithTorques;
use crate::limits::joints::{JointCommand, JointLimiter};
use crate::limits::torque::TorqueLimiter;
use crate::limits::workspace::{Brakeable, WorkspaceLimiter};

pub use arm_limits::{ArmLimits, PartBounds};
pub use options::{Budget, MotionOptions};

/// Returns the limits for sessions that drive an arm with this model through `interface`.
pub fn limits(
    interface: Interface,
    arm: &ArmLimits,
    model: &Arc<Model>,
    options: &MotionOptions,
) -> Box<dyn Limiter> {
    let kinematics = Kinematics::new(Arc::clone(model));
    let torques = || in_workspace(TorqueLimiter::new(arm), options, kinematics.clone());
    let arm = &arm.followed_by(interface.impedance);
    let joints = |quantity| {
        in_workspace(
            JointLimiter::new(quantity, arm, options),
            options,
            kinematics.clone(),
        )
    };
    let effector = |quantity| -> Box<dyn Limiter> {
        let elbow = interface.has_elbow();
        Box::new(CartesianLimiter::new(
            quantity,
            elbow,
            arm,
            options,
            kinematics.clone(),
        ))
    };
    let motion = match interface.control {
        Control::JointVelocity => joints(JointCommand::Velocity),
        Control::JointPosition => joints(JointCommand::Position),
        Control::JointTarget => joints(JointCommand::Target),
        Control::CartesianVelocity => effector(CartesianCommand::Velocity),
        Control::CartesianPose => effector(CartesianCommand::Pose),
        Control::CartesianTarget => effector(CartesianCommand::Target),
        Control::Torque => torques(),
    };
    match interface.has_torques() {
        true => Box::new(MotionWithTorques::new(
            (motion, interface.motion_slots()),
            torques(),
        )),
        false => motion,
    }
}

fn in_workspace(
    limits: impl Brakeable + 'static,
    options: &MotionOptions,
    kinematics: Kinematics,
) -> Box<dyn Limiter> {
    match options.workspace {
        Some(workspace) => Box::new(WorkspaceLimiter::new(limits, workspace, kinematics)),
        None => Box::new(limits),
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;
    use franka::rate_limiting;

    use kilohertz_core::limits::{
        Approach, JointMotion, ORDERS, Sequence, ViolationKind, Violations,
    };

    use super::*;
    use crate::constants::DT;
    use crate::constants::READY;
    use crate::control::Impedance;
    use crate::state::{LEN, joints, offset};

    fn fr3() -> ArmLimits {
        ArmLimits::fr3(FR3_URDF).unwrap()
    }

    fn limits(control: Control) -> Box<dyn Limiter> {
        limits_of(&fr3(), control)
    }

    fn of(control: Control, impedance: Impedance) -> Interface {
        Interface {
            control,
            elbow: false,
            impedance,
        }
    }

    fn limits_of(arm: &ArmLimits, control: Control) -> Box<dyn Limiter> {
        let model = Arc::new(Model::from_urdf(FR3_URDF).unwrap());
        let interface = of(control, Impedance::Joint);
        super::limits(interface, arm, &model, &MotionOptions::default())
    }

    /// Returns each arm with each of its motion interfaces.
    fn motions() -> impl Iterator<Item = (ArmLimits, Control)> {
        [fr3(), ArmLimits::fer()].into_iter().flat_map(|arm| {
            [Control::JointVelocity, Control::JointPosition].map(|control| (arm, control))
        })
    }

    pub(super) fn at(q: [f64; 7]) -> Vec<f64> {
        let mut observation = vec![0.0; LEN];
        observation[offset::q..offset::q + 7].copy_from_slice(&q);
        observation[offset::q_d..offset::q_d + 7].copy_from_slice(&q);
        observation
    }

    /// Returns what `action` breaks as an answer, and at the arm's place.
    fn value(limits: &dyn Limiter, observation: &[f64], action: &[f64]) -> Violations {
        let mut found = limits.check_answer(action);
        found.join(&limits.check_place(observation, action));
        found
    }

    /// Returns true if the arm needs no other command than `action` in this cycle.
    fn fits(limits: &dyn Limiter, observation: &[f64], action: &[f64]) -> bool {
        let step = limits.check_step(observation, action);
        step.is_some_and(|found| found.is_empty())
    }

    /// Returns what `action` breaks as the first answer, one cycle after the last command.
    fn judged(limits: &mut dyn Limiter, action: &[f64]) -> Violations {
        let len = action.len();
        let [mut last, mut first, mut second] = [(); 3].map(|()| vec![0.0; len]);
        limits.last_command(&mut last);
        limits.rates(&mut first, &mut second);
        let parts = limits.motion_slots().unwrap_or(len);
        let mut found = Violations::none();
        for (part, slots) in [0..parts, parts..len].into_iter().enumerate() {
            if slots.is_empty() {
                continue;
            }
            let mut way = vec![0.0; slots.len()];
            limits.displacement(part, &last[slots.clone()], &action[slots.clone()], &mut way);
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

    /// Returns the most serious violation.
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

    /// An arm that carries out its command at once, and checks it as a real arm does.
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
                if limits.approach(&arm.observation, &action, Approach::WithinLimits, &mut sent) {
                    assert_eq!(sent, action);
                    reached = Some(step);
                    break;
                }
                arm.take(&sent);
            }
            assert!(reached.is_some(), "{control} never caught up: {sent:?}");
        }
    }

    /// Returns numbers from -1 to 1 that are the same in each run.
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
                        limits.brake(observation, &mut sent);
                    }
                    _ => {
                        let found = value(&*limits, observation, &wanted);
                        if found.is_empty() && fits(&*limits, observation, &wanted) {
                            limits.accept(&wanted);
                            sent = wanted;
                        } else {
                            clamped += 1;
                            limits.approach(
                                observation,
                                &wanted,
                                Approach::WithinLimits,
                                &mut sent,
                            );
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
            limits.accept(&action);
            arm.take(&action);
        };
        assert_eq!(refused, Some((ViolationKind::Velocity, 0)));
        // From there the joint comes to rest within its limits, which the arm checks.
        let mut sent = [0.0; 7];
        loop {
            assert!(limits.observe(&arm.observation));
            let rests = limits.brake(&arm.observation, &mut sent);
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
                limits.approach(&arm.observation, &wanted, Approach::WithinLimits, &mut sent);
                arm.take(&sent);
            }
            assert!(noticed.is_some(), "{control}");
            let ahead = arm.motion(3).position - READY[3];
            // The joint was braked from then on.
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
            limits.approach(&observation, &action, Approach::WithinLimits, &mut sent);
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
        limits.accept(&[0.004; 7]);
        // The command was lost: the arm still stands.
        assert!(!limits.observe(&observation));
        let mut sent = [0.0; 7];
        limits.approach(&observation, &[0.008; 7], Approach::WithinLimits, &mut sent);
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
            limits.accept(&action);
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
        limits.accept(&action);
        observation[offset::tau_J_d..offset::tau_J_d + 7].fill(0.5);
        observation[offset::time] += DT;
        assert!(limits.observe(&observation));
        let mut sent = [0.0; 14];
        limits.hold(&observation, &mut sent);
        assert_eq!(sent, action);
        // The next torques got lost.
        action[7..].fill(1.2);
        limits.accept(&action);
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
            limits.approach(
                &observation,
                &[50.0, 0.0, 0.0, 0.0, 0.0, 0.0, -10.0],
                Approach::WithinLimits,
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
