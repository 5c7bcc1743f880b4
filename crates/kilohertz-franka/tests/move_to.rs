//! Moves of an arm to a goal.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::*;
use franka::model::Frame;
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::session::{Cause, Session};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::kinematics::model::{ArmModel, Posture, Quantity};
use kilohertz_franka::move_to::{Arrival, Goal, HOME, MovePolicy, Plan, Progress};
use kilohertz_franka::{
    Arm, ArmErrorCode, Control, Gains, Impedance, MotionOptions, Setting, Thresholds,
};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};

on_each_arm! {
    an_arm_arrives_in_the_time_that_was_planned,
    a_pose_is_reached_with_a_tool,
    a_relative_goal_counts_from_where_the_arm_stands,
    a_relative_goal_beyond_a_range_is_refused,
    at_full_speed_no_limit_is_broken_from_anywhere_to_anywhere,
    a_move_that_is_stopped_rests_within_the_limits,
    lost_packets_do_not_keep_an_arm_from_arriving,
    a_reflex_ends_a_move_with_its_name,
    an_arm_that_was_moved_since_does_not_jump,
    a_goal_out_of_reach_is_refused_before_anything_moves,
    the_range_in_the_error_can_be_reached,
    degrees_are_suggested_only_for_values_that_cannot_be_radians,
    a_move_to_where_the_arm_stands_ends_at_once,
    a_heavy_load_arrives_at_full_speed_from_anywhere_to_anywhere,
    an_arm_whose_sessions_follow_softly_arrives_at_any_speed,
    a_move_of_an_arm_that_is_held_off_its_goal_tells_where_it_is,
    a_move_of_an_arm_that_is_held_on_its_way_tells_where_it_is,
    a_pose_in_four_digits_is_reached,
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
    // It moves back to HOME in the same time.
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

fn a_relative_goal_counts_from_where_the_arm_stands(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let by = [0.1, -0.2, 0.0, 0.1, 0.05, 0.0, -0.3];
    for times in 1..=2 {
        let (_, plan) = moved(&arm, Goal::JointsBy(by), 0.5);
        for joint in 0..7 {
            let wanted = HOME[joint] + f64::from(times) * by[joint];
            assert!((plan.goal()[joint] - wanted).abs() < 1e-4, "joint {joint}");
        }
    }

    // The goal is 3 cm along the tool's axis, and rotated about that axis by 0.2 rad.
    let mut tool = Posture::bare(HOME).F_T_EE;
    tool[14] = 0.1;
    arm.configure(&Setting::EndEffector(tool)).unwrap();
    let from = arm.state().unwrap().O_T_EE_d;
    let (sine, cosine) = 0.2_f64.sin_cos();
    let mut by = Posture::bare(HOME).F_T_EE;
    (by[0], by[1], by[4], by[5], by[14]) = (cosine, sine, -sine, cosine, 0.03);
    moved(&arm, Goal::PoseBy(by), 0.5);
    let to = arm.state().unwrap().O_T_EE_d;
    for row in 0..3 {
        let place = from[12 + row] + 0.03 * from[8 + row];
        assert!((to[12 + row] - place).abs() < 1e-4, "{to:?} from {from:?}");
        let x = cosine * from[row] + sine * from[4 + row];
        assert!((to[row] - x).abs() < 1e-4, "{to:?} from {from:?}");
    }
    assert_at_rest_without_reflex(&simulator);
}

fn a_relative_goal_beyond_a_range_is_refused(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let mut by = [0.0; 7];
    by[3] = 3.0;
    let error = arm.plan_move(&Goal::JointsBy(by), 0.5).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::Unreachable, "{error}");
    assert!(error.message.contains("joint 4"), "{error}");
    let mut by = Posture::bare(HOME).F_T_EE;
    by[14] = -2.0;
    let error = arm.plan_move(&Goal::PoseBy(by), 0.5).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::Unreachable, "{error}");
    assert_eq!(simulator.counters().motions_started, 0);
}

fn with_friction(rig: Rig) -> Arc<Simulator> {
    let options = SimulatorOptions {
        lockstep: true,
        friction: true,
        hand: false,
        ..SimulatorOptions::default()
    };
    start(rig, options)
}

fn at_full_speed_no_limit_is_broken_from_anywhere_to_anywhere(rig: Rig) {
    let simulator = with_friction(rig);
    let arm = connect(rig, &simulator);
    let bounds = rig.bounds();
    let mut random = numbers(7);
    for nth in 0..6 {
        // The joints go from one end of their ranges to the other, one after the other.
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
    assert!(trouble.message.contains("moved since"), "{trouble}");
    assert!(away(&simulator.joints().q, &place(0.1)) < 2e-3);
    assert_at_rest_without_reflex(&simulator);
}

fn a_goal_out_of_reach_is_refused_before_anything_moves(rig: Rig) {
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

/// Returns the error of a move to joint positions: HOME with `joint` at `q`.
fn out_of_range(arm: &Arm, joint: usize, q: f64) -> String {
    let mut goal = HOME;
    goal[joint] = q;
    let refused = arm.plan_move(&Goal::Joints(goal), 0.2).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::Unreachable, "{refused}");
    refused.message
}

fn the_range_in_the_error_can_be_reached(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    for joint in 0..7 {
        let message = out_of_range(&arm, joint, 9.0);
        let (_, range) = message.split_once("commanded from ").unwrap();
        let (range, _) = range.split_once(" rad").unwrap();
        for end in range.split(" to ") {
            let mut goal = HOME;
            goal[joint] = end.parse().unwrap();
            arm.plan_move(&Goal::Joints(goal), 0.2).unwrap();
            let beyond = goal[joint] + 2e-3 * (goal[joint] - HOME[joint]).signum();
            out_of_range(&arm, joint, beyond);
        }
    }
}

fn degrees_are_suggested_only_for_values_that_cannot_be_radians(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    for (joint, q, may_be) in [
        (0, 90.0, true),
        (3, -135.0, true),
        (0, 6.3, true),
        (0, 3.2, false),
        (0, -6.2, false),
        (1, -1.9, false),
        (0, 1e6, false),
    ] {
        let message = out_of_range(&arm, joint, q);
        assert_eq!(message.contains("in degrees?"), may_be, "{message}");
    }
}

fn a_move_to_where_the_arm_stands_ends_at_once(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let q_d = arm.state().unwrap().q_d;
    let (session, plan) = moved(&arm, Goal::Joints(q_d), 0.2);
    assert!(plan.duration() < 1e-9);
    assert!(session.stats().iterations < 20);
}

/// Returns random joint positions in the inner nine tenths of the ranges.
fn anywhere(rig: Rig, random: &mut impl FnMut() -> f64) -> [f64; 7] {
    rig.bounds().map(|bounds| {
        let (lower, upper) = bounds.reach();
        lower + (upper - lower) * (0.5 + 0.45 * random())
    })
}

/// Moves an arm as `moveTo` does, in a session for that move.
fn moved_by_mover(simulator: &Simulator, arm: &Arm, goal: [f64; 7], speed: f64) {
    let plan = arm.plan_move(&Goal::Joints(goal), speed).unwrap();
    let progress = Arc::<Progress>::default();
    let policy = MovePolicy::new(plan, Arc::clone(&progress));
    let session = session_on(
        arm.mover(&MotionOptions::default()).unwrap(),
        config(),
        policy,
    );
    ended_well(&session);
    assert!(progress.has_arrived(), "{:?}", progress.trouble());
    let off = away(&simulator.joints().q, &goal);
    assert!(off <= Arrival::default().tolerance, "{off}");
}

fn a_heavy_load_arrives_at_full_speed_from_anywhere_to_anywhere(rig: Rig) {
    let simulator = with_friction(rig);
    let arm = connect(rig, &simulator);
    let load = Setting::Load {
        mass: 3.0,
        centre: [0.0, 0.0, 0.2],
        inertia: [0.003, 0., 0., 0., 0.003, 0., 0., 0., 0.003],
    };
    arm.configure(&load).unwrap();
    let mut random = numbers(7);
    let mut gone = 0;
    while gone < 6 {
        let goal = anywhere(rig, &mut random);
        match arm.plan_move(&Goal::Joints(goal), 1.0) {
            Ok(_) => moved_by_mover(&simulator, &arm, goal, 1.0),
            Err(error) => {
                assert_eq!(error.code, ArmErrorCode::Unreachable, "{error}");
                assert!(error.message.contains("N m on the way"), "{error}");
                continue;
            }
        }
        gone += 1;
    }
    assert_eq!(simulator.counters().reflexes, 0);
}

fn an_arm_whose_sessions_follow_softly_arrives_at_any_speed(rig: Rig) {
    for gains in [Gains::JOINT, Gains::CARTESIAN] {
        let simulator = lockstep(rig);
        let arm = connect_with(rig, &simulator, Impedance::Law(gains));
        let mut random = numbers(3);
        for speed in [0.2, 0.7, 1.0, 1.0] {
            let goal = anywhere(rig, &mut random);
            moved_by_mover(&simulator, &arm, goal, speed);
        }
        assert_eq!(simulator.counters().reflexes, 0);
    }
}

/// Raises the collision thresholds, so that the arm can be pushed hard.
fn patient(arm: &Arm) {
    let all = Thresholds {
        lower_torques: [1e3; 7],
        upper_torques: [1e3; 7],
        lower_forces: [1e3; 6],
        upper_forces: [1e3; 6],
    };
    let setting = Setting::CollisionBehavior {
        nominal: all,
        acceleration: all,
    };
    arm.configure_unchecked(&setting).unwrap();
}

fn a_move_of_an_arm_that_is_held_off_its_goal_tells_where_it_is(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    patient(&arm);
    let goal = place(0.3);
    let plan = arm.plan_move(&Goal::Joints(goal), 0.3).unwrap();
    let pushed = Arc::clone(&simulator);
    let progress = Arc::<Progress>::default();
    let policy = Meddled {
        policy: MovePolicy::new(plan.clone(), Arc::clone(&progress)),
        meddle: move |tick| {
            if tick == 100 {
                let push = [0.0, 60.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                pushed.inject(Fault::Push(push)).unwrap();
            }
        },
    };
    let session = session(&arm, Control::JointPosition, config(), policy);
    assert!(matches!(
        ended(&session).cause,
        Some(Cause::PolicyFailed { .. })
    ));
    assert!(!progress.has_arrived());
    let error = progress.trouble().unwrap();
    assert_eq!(error.code, ArmErrorCode::NotArrived, "{error}");
    assert!(error.message.contains("joint 2"), "{error}");
    let arrival = error.not_arrived.as_deref().unwrap();
    // A push of 60 N m against a stiffness of 3000 N m/rad.
    assert!((arrival.difference() - 0.02).abs() < 2e-3, "{arrival:?}");
    assert_eq!(arrival.goal, goal);
    assert!(away(&arrival.q, &simulator.joints().q) < 2e-3);
    assert!(progress.elapsed() > plan.duration() + 0.9);
    assert_at_rest_without_reflex(&simulator);
    // With a larger tolerance the same position counts as arrived.
    let plan = arm.plan_move(&Goal::Joints(goal), 0.3).unwrap();
    let progress = Arc::<Progress>::default();
    let content = Arrival {
        tolerance: 0.03,
        ..Arrival::default()
    };
    let policy = MovePolicy::new(plan, Arc::clone(&progress)).arriving(content);
    ended_well(&self::session(
        &arm,
        Control::JointPosition,
        config(),
        policy,
    ));
    assert!(progress.has_arrived());
}

fn a_move_of_an_arm_that_is_held_on_its_way_tells_where_it_is(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    patient(&arm);
    arm.configure(&Setting::JointImpedance([500.0; 7])).unwrap();
    let plan = arm.plan_move(&Goal::Joints(place(0.8)), 0.3).unwrap();
    let pushed = Arc::clone(&simulator);
    let progress = Arc::<Progress>::default();
    let policy = Meddled {
        policy: MovePolicy::new(plan, Arc::clone(&progress)),
        meddle: move |tick| {
            if tick == 100 {
                let push = [-80.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                pushed.inject(Fault::Push(push)).unwrap();
            }
        },
    };
    let session = session(&arm, Control::JointPosition, config(), policy);
    let outcome = ended(&session);
    let failed = matches!(outcome.cause, Some(Cause::PolicyFailed { .. }));
    assert!(failed, "{outcome:?}");
    let error = progress.trouble().unwrap();
    assert_eq!(error.code, ArmErrorCode::NotArrived, "{error}");
    assert!(error.message.contains("joint 1"), "{error}");
    assert!(error.message.contains("fell behind"), "{error}");
}

#[allow(clippy::approx_constant, reason = "four digits are what is tested")]
fn a_pose_in_four_digits_is_reached(rig: Rig) {
    let simulator = start(
        rig,
        SimulatorOptions {
            lockstep: true,
            hand: false,
            ..SimulatorOptions::default()
        },
    );
    let arm = connect(rig, &simulator);
    let hand = [
        0.7071, -0.7071, 0., 0., 0.7071, 0.7071, 0., 0., 0., 0., 1., 0., 0., 0., 0.1034, 1.,
    ];
    arm.configure(&Setting::EndEffector(hand)).unwrap();
    assert!((arm.state().unwrap().F_T_EE[0] - hand[0]).abs() < 1e-6);
    // The pose that is printed in libfranka's issue 19, with six digits.
    let pose = [
        0.996423, 0.0434016, 0.0723757, 0., 0.0459562, -0.998355, -0.0340119, 0., 0.0707818,
        0.0372171, -0.996797, 0., 0.498007, -0.0139371, 0.111537, 1.,
    ];
    moved(&arm, Goal::Pose(pose), 0.5);
    let reached = arm.state().unwrap().O_T_EE_d;
    assert!((12..15).all(|slot| (reached[slot] - pose[slot]).abs() < 1e-4));
}
