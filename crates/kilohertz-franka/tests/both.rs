//! Sessions whose actions are a motion and the torques that follow it, in lockstep.

mod common;
mod effector;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use effector::{distance, fast, motions, place};
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::session::Config;
use kilohertz_franka::move_to::{Goal, HOME, MovePolicy};
use kilohertz_franka::{Arm, Control, Impedance, MotionOptions};
use kilohertz_sim::{Fault, Simulator};

on_each_arm! {
    the_torques_take_the_arm_where_the_motion_goes,
    without_torques_the_arm_stays_and_the_motion_goes_on,
    a_stop_at_speed_brings_both_to_rest,
    a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told,
    a_violation_names_the_motion_or_the_torques,
    targets_anywhere_are_followed_without_the_arm_objecting,
    lost_packets_are_survived_at_speed_and_while_speeding_up,
    a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again,
    torques_of_a_slow_policy_are_joined_like_its_motion,
    a_move_is_followed_by_the_arms_own_controller,
}

fn set_up(rig: Rig) -> (Arc<Simulator>, Arm) {
    let simulator = lockstep(rig);
    let arm = connect_with(rig, &simulator, Impedance::External);
    (simulator, arm)
}

/// Moves one joint, or the end effector, and then stays there.
fn moving(control: Control) -> Box<dyn Policy> {
    match control.is_cartesian() {
        true => Box::new(effector::move_by(control, [0.0, 0.1, 0.05], 0.0, 1.0)),
        false => Box::new(move_by(control, 0.2, 1.0)),
    }
}

fn the_torques_take_the_arm_where_the_motion_goes(rig: Rig) {
    for control in motions() {
        let (simulator, arm) = set_up(rig);
        let before = arm.state().unwrap();
        let policy = followed(control, moving(control));
        ended_well(&session_until(2_000, &arm, control, policy, || {}));
        let after = arm.state().unwrap();
        if control.is_cartesian() {
            let way = distance(place(&after.O_T_EE), place(&before.O_T_EE));
            assert!((way - 0.1_f64.hypot(0.05)).abs() < 2e-3, "{control}: {way}");
        } else {
            for joint in MOVED {
                let way = after.q[joint] - before.q[joint];
                assert!((way - 0.2).abs() < 4e-3, "{control}: {way}");
            }
        }
        let counters = simulator.counters();
        assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
    }
}

fn without_torques_the_arm_stays_and_the_motion_goes_on(rig: Rig) {
    let (simulator, arm) = set_up(rig);
    let (seen, control) = (Arc::new(AtomicU64::new(0)), Control::JointPosition);
    let (desired, mut motion) = (Arc::clone(&seen), move_by(control, 0.05, 0.3));
    let mut start = None;
    let policy = Native::new(14, move |ask: &Ask<'_>, action: &mut [f64]| {
        let q_d = joints(ask.observation, "q_d")[MOVED[0]];
        let way = q_d - *start.get_or_insert(q_d);
        desired.fetch_max((way * 1e6) as u64, Ordering::Relaxed);
        motion.request(ask);
        motion.poll(None, &false.into(), &mut action[..7]);
        Ok(())
    });
    let before = simulator.joints().q;
    ended_well(&session_until(500, &arm, control, policy, || {}));
    let after = simulator.joints().q;
    assert!((0..7).all(|joint| (after[joint] - before[joint]).abs() < 1e-3));
    let way = seen.load(Ordering::Relaxed);
    assert!((49_990..50_010).contains(&way), "{way} um");
    assert_at_rest_without_reflex(&simulator);
}

fn a_stop_at_speed_brings_both_to_rest(rig: Rig) {
    for control in motions() {
        let (simulator, arm) = set_up(rig);
        let policy = followed(control, fast(control, |_, _| Ok(())));
        let session = session_until(800, &arm, control, policy, || {
            assert!(simulator.joints().dq[0].abs() > 0.1, "{control}");
        });
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told(rig: Rig) {
    for control in motions() {
        let (simulator, arm) = set_up(rig);
        let policy = fast(control, fails_at_speed);
        let session = session(&arm, control, config(), followed(control, policy));
        assert_failed_at_speed(&simulator, &session, control.name());
    }
}

fn a_violation_names_the_motion_or_the_torques(rig: Rig) {
    type Case = (Control, fn(&mut [f64]), (usize, ViolationKind));
    let cases: [Case; 7] = [
        (
            Control::JointPosition,
            |action| action[10] += 5.0,
            (10, ViolationKind::TorqueRate),
        ),
        (
            Control::CartesianPose,
            |action| action[22] = 30.0,
            (22, ViolationKind::Torque),
        ),
        (
            Control::CartesianVelocity,
            |action| action[8] = f64::NAN,
            (8, ViolationKind::NotFinite),
        ),
        (
            Control::JointTarget,
            |action| action[13] = f64::INFINITY,
            (13, ViolationKind::NotFinite),
        ),
        (
            Control::CartesianTarget,
            |action| action[16] = -200.0,
            (16, ViolationKind::Torque),
        ),
        (
            Control::JointVelocity,
            |action| action[3] += 0.1,
            (3, ViolationKind::Acceleration),
        ),
        (
            Control::JointVelocity,
            |action| action[6] = f64::NAN,
            (6, ViolationKind::NotFinite),
        ),
    ];
    for (control, meddle, expected) in cases {
        let (simulator, arm) = set_up(rig);
        let policy = meddled(followed(control, fast(control, |_, _| Ok(()))), meddle);
        let session = session(&arm, control, config(), policy);
        let found = refused(&simulator, &session, control.name());
        assert_eq!(found, expected, "{control}");
    }
}

fn targets_anywhere_are_followed_without_the_arm_objecting(rig: Rig) {
    for control in [Control::JointTarget, Control::CartesianTarget] {
        let (simulator, arm) = set_up(rig);
        let policy = effector::nonsense(control, 7);
        let policy = followed(control, policy);
        let session = clamped_session(&arm, control, policy, 10_000);
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn lost_packets_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in motions() {
        for (count, fault) in [
            (5, Fault::DropStates { count: 5 }),
            (15, Fault::DropCommands { count: 15 }),
        ] {
            let (simulator, arm) = set_up(rig);
            let policy = fast(control, suffering_twice(&simulator, &fault));
            let policy = followed(control, policy);
            let session = session_until(1_000, &arm, control, policy, || {});
            let what = format!("{control}, {fault:?}");
            survived(&simulator, &session, count, &what);
        }
    }
}

fn a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again(rig: Rig) {
    for control in [Control::JointVelocity, Control::JointPosition] {
        let (simulator, arm) = set_up(rig);
        let policy = followed(control, silent(500..800, at_speed(control, |_, _| Ok(()))));
        let session = session_until(2_000, &arm, control, policy, || {
            assert!(simulator.joints().dq[0] > 0.1, "{control} goes on");
        });
        ended_at_rest(&simulator, &session, control.name());
        assert_resumed_once(&session, control.name());
    }
}

fn torques_of_a_slow_policy_are_joined_like_its_motion(rig: Rig) {
    let (simulator, arm) = set_up(rig);
    let control = Control::JointPosition;
    // The torques that the arm reports as commanded, cycle by cycle.
    let steepest = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&steepest);
    let mut start = None;
    let policy = Native::new(14, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        action[..7].copy_from_slice(&from);
        let question = ask.time.as_millis() / 20;
        action[13] = if question.is_multiple_of(2) {
            0.2
        } else {
            -0.2
        };
        Ok(())
    });
    let config = Config {
        policy_rate_hz: Some(50.0),
        record_ticks: 1_000,
        ..config()
    };
    let session = session(&arm, control, config, policy);
    eventually("half a second", || session.stats().iterations > 500);
    session.request_stop();
    ended_well(&session);
    let records = session.take_records();
    let stride = records.len() / (session.stats().iterations as usize).min(1_000);
    let torques: Vec<f64> = records.chunks(stride).map(|row| row[stride - 1]).collect();
    for pair in torques[..500].windows(2) {
        let step = ((pair[1] - pair[0]).abs() * 1e6) as u64;
        seen.fetch_max(step, Ordering::Relaxed);
    }
    // The torque goes from one answer to the next within twenty cycles. Without interpolation it would change by
    // 0.4 N m in one cycle.
    let steepest = steepest.load(Ordering::Relaxed);
    assert!((10_000..50_000).contains(&steepest), "{steepest}");
    assert_at_rest_without_reflex(&simulator);
}

fn a_move_is_followed_by_the_arms_own_controller(rig: Rig) {
    let (simulator, arm) = set_up(rig);
    let goal = HOME.map(|q| q + 0.1);
    let plan = arm.plan_move(&Goal::Joints(goal), 0.3).unwrap();
    let policy = MovePolicy::new(plan, Arc::default());
    let driven = arm.mover(&MotionOptions::default()).unwrap();
    ended_well(&session_on(driven, config(), policy));
    let q = simulator.joints().q;
    assert!((0..7).all(|joint| (q[joint] - goal[joint]).abs() < 4e-3));
    assert_at_rest_without_reflex(&simulator);
}
