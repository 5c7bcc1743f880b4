//! Moving an arm to a place.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::*;
use franka::model::Frame;
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::session::{Cause, Session};
use kilohertz_core::time::Time;
use kilohertz_franka::model::{ArmModel, Posture, Quantity};
use kilohertz_franka::move_to::{Goal, HOME, MovePolicy, Plan, Progress};
use kilohertz_franka::{Arm, ArmErrorCode, Control};
use kilohertz_sim::{Fault, SimulatorOptions};

on_each_arm! {
    an_arm_arrives_in_the_time_that_was_planned,
    a_pose_is_reached_with_a_tool,
    at_full_speed_no_limit_is_broken_from_anywhere_to_anywhere,
    a_move_that_is_stopped_rests_within_the_limits,
    lost_packets_do_not_keep_an_arm_from_arriving,
    a_reflex_ends_a_move_with_its_name,
    an_arm_that_was_moved_since_does_not_jump,
    what_cannot_be_reached_is_refused_before_anything_moves,
    a_place_that_the_arm_is_at_is_reached_at_once,
}

fn moved(arm: &Arm, goal: Goal, speed: f64) -> (Session, Plan) {
    let plan = arm.plan_move(&goal, speed).unwrap();
    let progress = Arc::<Progress>::default();
    let policy = MovePolicy::new(plan.clone(), Arc::clone(&progress));
    let session = session(arm, Control::JointPosition, config(), policy);
    ended_well(&session);
    assert!(progress.has_arrived());
    assert!(progress.trouble().is_none());
    (session, plan)
}

fn away(one: &[f64; 7], other: &[f64; 7]) -> f64 {
    (0..7)
        .map(|i| (one[i] - other[i]).abs())
        .fold(0.0, f64::max)
}

fn place(by: f64) -> [f64; 7] {
    let mut q = HOME.map(|q| q + by);
    q[3] = HOME[3] + 0.5 * by;
    q
}

fn an_arm_arrives_in_the_time_that_was_planned(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let goal = place(0.5);
    let (session, plan) = moved(&arm, Goal::Joints(goal), 0.3);
    let cycles = session.stats().iterations as f64;
    let planned = plan.duration() * 1e3;
    assert!(
        cycles >= planned && cycles < planned + 20.0,
        "{cycles} cycles of {planned}"
    );
    assert_eq!(plan.goal(), goal);
    assert!(away(&simulator.joints().q, &goal) < 2e-3);
    assert_at_rest_without_reflex(&simulator);
    // And home again, in the same time.
    let (_, back) = moved(&arm, Goal::Joints(HOME), 0.3);
    assert!((back.duration() - plan.duration()).abs() < 1e-3);
    assert!(away(&simulator.joints().q, &HOME) < 2e-3);
}

fn a_pose_is_reached_with_a_tool(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let mut tool = Posture::bare(HOME).F_T_EE;
    tool[14] = 0.1;
    arm.configure(&kilohertz_franka::Setting::EndEffector(tool))
        .unwrap();
    let mut pose = [0.0; 16];
    let at = Posture {
        F_T_EE: tool,
        ..Posture::bare(place(0.2))
    };
    let model = ArmModel::new(rig.generation()).unwrap();
    model.compute(Quantity::Pose(Frame::EndEffector), &at, &mut pose);
    moved(&arm, Goal::Pose(pose), 0.5);
    let reached = arm.state().unwrap().O_T_EE_d;
    for (ours, wanted) in reached.iter().zip(pose) {
        assert!((ours - wanted).abs() < 1e-4, "{reached:?} of {pose:?}");
    }
}

fn at_full_speed_no_limit_is_broken_from_anywhere_to_anywhere(rig: Rig) {
    let simulator = start(
        rig,
        SimulatorOptions {
            lockstep: true,
            friction: true,
            ..SimulatorOptions::default()
        },
    );
    let arm = connect(rig, &simulator);
    let bounds = rig.bounds();
    let mut random = numbers(7);
    for nth in 0..6 {
        // One after the other from one end of the ranges to the other.
        let q = bounds.map(|bounds| {
            let (lower, upper) = bounds.reach();
            let share = match nth {
                0 => 0.2,
                1 => 0.8,
                _ => 0.5 + 0.45 * random(),
            };
            lower + (upper - lower) * share
        });
        let (session, plan) = moved(&arm, Goal::Joints(q), 1.0);
        assert!(away(&simulator.joints().q, &q) < 5e-3, "{nth}");
        assert!(session.recorder().first_violation().is_none());
        assert!(plan.duration() < 5.0);
    }
    assert_at_rest_without_reflex(&simulator);
}

fn a_move_that_is_stopped_rests_within_the_limits(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let goal = place(0.8);
    let plan = arm.plan_move(&Goal::Joints(goal), 1.0).unwrap();
    let progress = Arc::<Progress>::default();
    let policy = MovePolicy::new(plan, Arc::clone(&progress));
    let session = session_until(200, &arm, Control::JointPosition, policy, || {
        let dq = simulator.joints().dq;
        assert!(dq.iter().any(|dq| dq.abs() > 0.5), "{dq:?}");
    });
    ended_well(&session);
    assert!(!progress.has_arrived());
    assert!(
        (progress.elapsed() - 0.2).abs() < 0.01,
        "{}",
        progress.elapsed()
    );
    assert!(away(&simulator.joints().q, &goal) > 0.1);
    assert_at_rest_without_reflex(&simulator);
}

fn lost_packets_do_not_keep_an_arm_from_arriving(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let goal = place(-0.4);
    let plan = arm.plan_move(&Goal::Joints(goal), 0.4).unwrap();
    let progress = Arc::<Progress>::default();
    let policy = MovePolicy::new(plan, Arc::clone(&progress));
    let disturbed = Arc::clone(&simulator);
    let policy = Meddled {
        policy,
        meddle: move |tick| {
            if tick % 50 == 49 {
                let count = 1 + (tick / 50 % 3) as u32;
                disturbed.inject(Fault::DropStates { count }).unwrap();
            }
        },
    };
    let session = session(&arm, Control::JointPosition, config(), policy);
    ended_well(&session);
    assert!(progress.has_arrived());
    assert!(away(&simulator.joints().q, &goal) < 2e-3);
    assert!(simulator.counters().commands_lost > 10);
    assert_at_rest_without_reflex(&simulator);
}

/// A policy, and something that happens before each of its cycles.
struct Meddled<P, F> {
    policy: P,
    meddle: F,
}

impl<P: Policy, F: FnMut(u64) + Send> Policy for Meddled<P, F> {
    fn request(&mut self, ask: &Ask<'_>) {
        (self.meddle)(ask.tick);
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        self.policy.poll(until, stop, action)
    }
}

fn a_reflex_ends_a_move_with_its_name(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let plan = arm.plan_move(&Goal::Joints(place(0.5)), 0.3).unwrap();
    let pushed = Arc::clone(&simulator);
    let policy = Meddled {
        policy: MovePolicy::new(plan, Arc::default()),
        meddle: move |tick| {
            if tick == 100 {
                let push = [0.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                pushed.inject(Fault::Push(push)).unwrap();
            }
        },
    };
    let session = session(&arm, Control::JointPosition, config(), policy);
    let error = robot_error(&session);
    assert_eq!(error.code, ArmErrorCode::Reflex);
    assert!(error.errors.contains(&"joint_reflex"), "{error:?}");
}

fn an_arm_that_was_moved_since_does_not_jump(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let old = arm.plan_move(&Goal::Joints(place(0.5)), 0.3).unwrap();
    moved(&arm, Goal::Joints(place(0.1)), 0.3);
    let progress = Arc::<Progress>::default();
    let policy = MovePolicy::new(old, Arc::clone(&progress));
    let session = session(&arm, Control::JointPosition, config(), policy);
    let outcome = ended(&session);
    assert!(matches!(
        outcome.cause,
        Some(Cause::PolicyFailed { tick: 0 })
    ));
    let trouble = progress.trouble().unwrap();
    assert!(trouble.message.contains("moved it since"), "{trouble}");
    assert!(away(&simulator.joints().q, &place(0.1)) < 2e-3);
    assert_at_rest_without_reflex(&simulator);
}

fn what_cannot_be_reached_is_refused_before_anything_moves(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let refused = |goal: Goal, speed: f64| arm.plan_move(&goal, speed).unwrap_err();
    let mut far = HOME;
    far[3] = 0.5;
    let error = refused(Goal::Joints(far), 0.5);
    assert_eq!(error.code, ArmErrorCode::Unreachable, "{error}");
    assert!(error.message.contains("joint 4"), "{error}");
    let mut pose = arm.state().unwrap().O_T_EE_d;
    pose[12] = 3.0;
    let error = refused(Goal::Pose(pose), 0.5);
    assert_eq!(error.code, ArmErrorCode::Unreachable, "{error}");
    pose[0] = 0.5;
    let error = refused(Goal::Pose(pose), 0.5);
    assert_eq!(error.code, ArmErrorCode::InvalidArgument, "{error}");
    for speed in [0.0, -1.0, 1.1, f64::NAN] {
        let error = refused(Goal::Joints(HOME), speed);
        assert_eq!(error.code, ArmErrorCode::InvalidArgument, "{error}");
    }
    let error = refused(Goal::Joints([f64::NAN; 7]), 0.5);
    assert_eq!(error.code, ArmErrorCode::InvalidArgument, "{error}");
    assert_eq!(simulator.counters().motions_started, 0);
}

fn a_place_that_the_arm_is_at_is_reached_at_once(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let q_d = arm.state().unwrap().q_d;
    let (session, plan) = moved(&arm, Goal::Joints(q_d), 0.2);
    assert!(plan.duration() < 1e-9);
    assert!(session.stats().iterations < 20);
}
