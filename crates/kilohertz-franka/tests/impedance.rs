//! Sessions whose motion is followed by the impedance law of this crate, in lockstep.

mod common;
mod effector;

use std::sync::Arc;

use common::*;
use effector::{distance, fast, motions, place};
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::policy::Policy;
use kilohertz_core::session::Cause;
use kilohertz_franka::{Arm, Control, Gains, Impedance, MotionOptions, Setting, Thresholds};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};

on_each_arm! {
    the_law_takes_the_arm_where_the_motion_goes,
    an_arm_gives_way_as_the_gains_say_and_comes_back,
    the_highest_gains_come_to_rest,
    an_arm_that_is_pushed_too_far_ends_the_session,
    a_stop_at_speed_brings_the_arm_to_rest,
    a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told,
    targets_anywhere_are_followed_without_the_arm_objecting,
    lost_packets_are_survived_at_speed_and_while_speeding_up,
    a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again,
}

fn gains_for(control: Control) -> Gains {
    match control.is_cartesian() {
        true => Gains::CARTESIAN,
        false => Gains::JOINT,
    }
}

fn set_up(rig: Rig, control: Control) -> (Arc<Simulator>, Arm) {
    set_up_with(rig, gains_for(control))
}

fn set_up_with(rig: Rig, gains: Gains) -> (Arc<Simulator>, Arm) {
    let simulator = lockstep(rig);
    let arm = connect_with(rig, &simulator, Impedance::Law(gains));
    (simulator, arm)
}

fn the_law_takes_the_arm_where_the_motion_goes(rig: Rig) {
    for friction in [false, true] {
        for control in motions() {
            let options = SimulatorOptions {
                lockstep: true,
                friction,
                ..SimulatorOptions::default()
            };
            let simulator = start(rig, options);
            let arm = connect_with(rig, &simulator, Impedance::Law(gains_for(control)));
            let before = arm.state().unwrap();
            let policy: Box<dyn Policy> = match control.is_cartesian() {
                true => Box::new(effector::move_by(control, [0.0, 0.1, 0.05], 0.0, 1.0)),
                false => Box::new(move_by(control, 0.2, 1.0)),
            };
            ended_well(&session_until(2_000, &arm, control, policy, || {}));
            let after = arm.state().unwrap();
            let what = format!("{control}, friction: {friction}");
            if control.is_cartesian() {
                let way = distance(place(&after.O_T_EE), place(&before.O_T_EE));
                let off = (way - 0.1_f64.hypot(0.05)).abs();
                // The largest error that friction causes with the softest spring.
                let most = if friction { 8e-3 } else { 2e-3 };
                assert!(off < most, "{what}: {off} m");
            } else {
                for joint in MOVED {
                    let off = (after.q[joint] - before.q[joint] - 0.2).abs();
                    let most = if friction { 6e-3 } else { 2e-3 };
                    assert!(off < most, "{what}: {off} rad");
                }
            }
            let counters = simulator.counters();
            assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
        }
    }
}

/// Returns an arm for which no push is a collision.
fn pushable(rig: Rig, gains: Gains) -> (Arc<Simulator>, Arm) {
    let (simulator, arm) = set_up_with(rig, gains);
    let never = Thresholds {
        lower_torques: [100.0; 7],
        upper_torques: [100.0; 7],
        lower_forces: [100.0; 6],
        upper_forces: [100.0; 6],
    };
    arm.configure(&Setting::CollisionBehavior {
        nominal: never,
        acceleration: never,
    })
    .unwrap();
    (simulator, arm)
}

fn an_arm_gives_way_as_the_gains_say_and_comes_back(rig: Rig) {
    let control = Control::JointTarget;
    let (simulator, arm) = pushable(rig, Gains::JOINT);
    let before = simulator.joints().q;
    let pushing = Arc::clone(&simulator);
    let policy = standing(control, move |tick| {
        let push = |newton_metres| {
            let mut torques = [0.0; 7];
            torques[0] = newton_metres;
            pushing.inject(Fault::Push(torques)).unwrap();
        };
        match tick {
            100 => push(12.0),
            1_500 => push(0.0),
            _ => {}
        }
        Ok(())
    });
    let session = session_until(1_499, &arm, control, policy, || {
        let away = simulator.joints().q[0] - before[0];
        assert!((away - 12.0 / 600.0).abs() < 1e-3, "{away} rad");
    });
    ended_well(&session);
    simulator.inject(Fault::Push([0.0; 7])).unwrap();
    assert_at_rest_without_reflex(&simulator);
}

fn the_highest_gains_come_to_rest(rig: Rig) {
    let control = Control::JointTarget;
    let stiff = [5000.0, 5000.0, 5000.0, 300.0, 300.0, 300.0];
    for gains in [
        Gains::JOINT.with_stiffness(Some([2000.0; 7]), None),
        Gains::CARTESIAN.with_stiffness(None, Some(stiff)),
    ] {
        let (simulator, arm) = pushable(rig, gains);
        let pushing = Arc::clone(&simulator);
        let policy = standing(control, move |tick| {
            let push = |torques| pushing.inject(Fault::Push(torques)).unwrap();
            match tick {
                100 => push([8.0, 8.0, 8.0, 8.0, 1.5, 1.5, 1.5]),
                300 => push([0.0; 7]),
                _ => {}
            }
            Ok(())
        });
        let session = session_until(2_000, &arm, control, policy, || {
            let fastest = simulator.joints().dq.map(f64::abs);
            let fastest = fastest.into_iter().fold(0.0, f64::max);
            assert!(fastest < 1e-3, "{gains:?}: {fastest} rad/s");
        });
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
    }
}

fn an_arm_that_is_pushed_too_far_ends_the_session(rig: Rig) {
    let control = Control::JointTarget;
    let (simulator, arm) = pushable(rig, Gains::JOINT);
    let pushing = Arc::clone(&simulator);
    let policy = standing(control, move |tick| {
        if tick == 100 {
            let push = [40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            pushing.inject(Fault::Push(push)).unwrap();
        }
        Ok(())
    });
    let options = MotionOptions {
        max_distance: 0.05,
        ..MotionOptions::default()
    };
    let session = session_with(&arm, control, &options, config(), policy);
    let Some(Cause::InvalidAction { violation, .. }) = ended(&session).cause else {
        panic!("{:?}", session.outcome());
    };
    assert_eq!(
        (violation.slot, violation.kind),
        (0, ViolationKind::Distance)
    );
    simulator.inject(Fault::Push([0.0; 7])).unwrap();
    assert_at_rest_without_reflex(&simulator);
}

fn a_stop_at_speed_brings_the_arm_to_rest(rig: Rig) {
    for control in motions() {
        let (simulator, arm) = set_up(rig, control);
        let policy = fast(control, |_, _| Ok(()));
        let session = session_until(800, &arm, control, policy, || {
            assert!(simulator.joints().dq[0].abs() > 0.1, "{control}");
        });
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told(rig: Rig) {
    for control in motions() {
        let (simulator, arm) = set_up(rig, control);
        let policy = fast(control, fails_at_speed);
        let session = session(&arm, control, config(), policy);
        assert_failed_at_speed(&simulator, &session, control.name());
    }
}

fn targets_anywhere_are_followed_without_the_arm_objecting(rig: Rig) {
    for control in [Control::JointTarget, Control::CartesianTarget] {
        for seed in [7, 11] {
            let (simulator, arm) = set_up(rig, control);
            let policy = effector::nonsense(control, seed);
            let session = clamped_session(&arm, control, policy, 10_000);
            ended_at_rest(&simulator, &session, control.name());
        }
    }
}

fn lost_packets_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in motions() {
        for (count, fault) in [
            (5, Fault::DropStates { count: 5 }),
            (15, Fault::DropCommands { count: 15 }),
        ] {
            let (simulator, arm) = set_up(rig, control);
            let policy = fast(control, suffering_twice(&simulator, &fault));
            let session = session_until(1_000, &arm, control, policy, || {});
            let what = format!("{control}, {fault:?}");
            survived(&simulator, &session, count, &what);
        }
    }
}

fn a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again(rig: Rig) {
    for control in [Control::JointVelocity, Control::JointPosition] {
        let (simulator, arm) = set_up(rig, control);
        let policy = silent(500..800, at_speed(control, |_, _| Ok(())));
        let session = session_until(2_000, &arm, control, policy, || {
            assert!(simulator.joints().dq[0] > 0.1, "{control} goes on");
        });
        ended_at_rest(&simulator, &session, control.name());
        assert_resumed_once(&session, control.name());
    }
}
