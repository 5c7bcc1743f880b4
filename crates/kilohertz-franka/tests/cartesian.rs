//! Sessions that command the end effector, in lockstep: where they end, what they may not do, and
//! how they are stopped.

mod common;
mod effector;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::*;
use effector::{at_speed, distance, move_by, place, senseless};
use kilohertz_core::limits::{LimitRules, OnViolation, ViolationKind};
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::session::{Cause, Config};
use kilohertz_franka::{Control, Impedance};
use kilohertz_sim::Fault;

on_each_arm! {
    a_session_ends_where_its_policy_took_the_end_effector,
    either_impedance_follows_either_kind_of_motion,
    a_stop_at_speed_brings_the_arm_to_rest_within_its_limits,
    a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told,
    a_forbidden_command_never_reaches_the_arm,
    a_matrix_that_is_no_pose_is_refused,
    a_refused_pose_is_reported_with_its_deviation,
    a_velocity_that_leads_out_of_reach_ends_the_session_however_late_it_is,
    a_target_out_of_reach_ends_the_session_or_is_clamped_and_the_arm_comes_back,
    lost_packets_are_survived_at_speed_and_while_speeding_up,
    packets_that_are_lost_at_the_start_are_survived,
    a_smooth_policy_that_is_late_now_and_then_is_followed_without_a_jump,
    a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again,
    whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object,
    a_clamped_motion_survives_lost_commands,
    a_slow_policy_moves_the_end_effector_smoothly,
    a_target_that_jumps_is_approached_within_the_budget,
    a_low_pass_filter_removes_an_oscillation,
}

const DIRECT: [Control; 2] = [Control::CartesianVelocity, Control::CartesianPose];

fn a_session_ends_where_its_policy_took_the_end_effector(rig: Rig) {
    for control in Control::CARTESIAN {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let before = arm.state().unwrap().O_T_EE_c;
        let by = [0.05, 0.15, -0.1];
        let policy = move_by(control, by, 0.4, 1.5);
        ended_well(&session_until(3_000, &arm, control, policy, || {}));
        let after = arm.state().unwrap();
        let expected = effector::moved(&before, by, 0.4);
        for (what, pose) in [("commanded", after.O_T_EE_c), ("measured", after.O_T_EE)] {
            let off = distance(place(&pose), place(&expected));
            assert!(off < 2e-3, "{control}: {what} {off} m off");
            for i in 0..12 {
                let off = (pose[i] - expected[i]).abs();
                assert!(off < 4e-3, "{control}: {what} turn off by {off}");
            }
        }
        let counters = simulator.counters();
        assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
        assert_eq!(counters.commands_lost, 0);
    }
}

fn either_impedance_follows_either_kind_of_motion(rig: Rig) {
    for impedance in [Impedance::Joint, Impedance::Cartesian] {
        let simulator = lockstep(rig);
        let arm = connect_with(rig, &simulator, impedance);
        for control in DIRECT {
            let policy = move_by(control, [0.0, 0.05, 0.0], 0.0, 0.5);
            ended_well(&session_until(700, &arm, control, policy, || {}));
        }
        let control = Control::JointVelocity;
        let policy = standing(control, |_| Ok(()));
        ended_well(&session_until(50, &arm, control, policy, || {}));
        assert_at_rest_without_reflex(&simulator);
        assert_eq!(simulator.counters().motions_finished, 3);
    }
}

fn a_stop_at_speed_brings_the_arm_to_rest_within_its_limits(rig: Rig) {
    for control in Control::CARTESIAN {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = at_speed(control, |_, _| Ok(()));
        let session = session_until(800, &arm, control, policy, || {
            assert!(simulator.joints().dq[0].abs() > 0.1, "{control}");
        });
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told(rig: Rig) {
    for control in Control::CARTESIAN {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = at_speed(control, fails_at_speed);
        let session = session(&arm, control, config(), policy);
        assert_failed_at_speed(&simulator, &session, control.name());
    }
}

/// Ends a session by what `meddle` does to a motion at speed in tick 500. Returns the violation.
fn refused(rig: Rig, control: Control, meddle: fn(&mut [f64])) -> (usize, ViolationKind) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let policy = at_speed(control, move |tick, action| {
        if tick >= 500 {
            meddle(action);
        }
        Ok(())
    });
    let session = session(&arm, control, config(), policy);
    common::refused(&simulator, &session, control.name())
}

fn a_forbidden_command_never_reaches_the_arm(rig: Rig) {
    type Case = (Control, fn(&mut [f64]), (usize, ViolationKind));
    let cases: [Case; 8] = [
        (
            Control::CartesianVelocity,
            |action| action[2] += 0.05,
            (2, ViolationKind::Acceleration),
        ),
        (
            Control::CartesianVelocity,
            |action| action[2] += 0.008,
            (2, ViolationKind::Jerk),
        ),
        (
            Control::CartesianVelocity,
            |action| action[3] = 4.0,
            (3, ViolationKind::Velocity),
        ),
        (
            Control::CartesianVelocity,
            |action| action[4] = f64::NAN,
            (4, ViolationKind::NotFinite),
        ),
        (
            Control::CartesianPose,
            |action| action[14] += 0.01,
            (14, ViolationKind::Velocity),
        ),
        (
            Control::CartesianPose,
            |action| action[14] += 8e-6,
            (14, ViolationKind::Jerk),
        ),
        (
            Control::CartesianPose,
            |action| action[0] = f64::INFINITY,
            (0, ViolationKind::NotFinite),
        ),
        (
            Control::CartesianTarget,
            |action| action[12] = f64::NAN,
            (12, ViolationKind::NotFinite),
        ),
    ];
    for (control, meddle, expected) in cases {
        assert_eq!(refused(rig, control, meddle), expected, "{control}");
    }
}

fn a_refused_pose_is_reported_with_its_deviation(rig: Rig) {
    type Case = (fn(&mut [f64]), &'static str, f64);
    let cases: [Case; 3] = [
        (
            |action| action[4..7].iter_mut().for_each(|entry| *entry *= 1.01),
            "the length of its y axis",
            1e-5,
        ),
        (|action| action[15] = 0.0, "its last row", 0.0),
        (
            |action| action[8..11].iter_mut().for_each(|entry| *entry = -*entry),
            "the determinant of its rotation",
            1.0,
        ),
    ];
    for (meddle, flaw, limit) in cases {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let control = Control::CartesianPose;
        let policy = at_speed(control, move |tick, action| {
            if tick >= 500 {
                meddle(action);
            }
            Ok(())
        });
        let session = session(&arm, control, config(), policy);
        let Some(Cause::InvalidAction { violation, .. }) = ended(&session).cause else {
            panic!("{:?}", session.outcome());
        };
        assert_eq!((violation.flaw, violation.limit), (Some(flaw), limit));
        assert!(violation.received > limit, "{violation:?}");
    }
}

fn a_matrix_that_is_no_pose_is_refused(rig: Rig) {
    let broken: [fn(&mut [f64]); 4] = [
        |action| action[5] *= 1.01,
        |action| action[15] = 0.0,
        |action| action.fill(0.0),
        |action| {
            // Row by row instead of column by column.
            for row in 0..4 {
                for column in 0..row {
                    action.swap(4 * row + column, 4 * column + row);
                }
            }
        },
    ];
    for control in [Control::CartesianPose, Control::CartesianTarget] {
        for meddle in broken {
            let refused = refused(rig, control, meddle);
            assert_eq!(refused, (0, ViolationKind::Frame), "{control}");
        }
    }
}

/// Leaves the arm's reach at 0.2 m/s.
fn out_of_reach() -> impl Policy {
    Native::new(6, |_: &Ask<'_>, action: &mut [f64]| {
        action.copy_from_slice(&[0.2, 0.0, 0.0, 0.0, 0.0, 0.0]);
        Ok(())
    })
}

fn a_velocity_that_leads_out_of_reach_ends_the_session_however_late_it_is(rig: Rig) {
    let policies: [Box<dyn Policy>; 2] =
        [Box::new(out_of_reach()), Box::new(belated(out_of_reach()))];
    for policy in policies {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let mut limits = LimitRules::all(OnViolation::Clamp);
        limits.set(ViolationKind::Joints, OnViolation::Stop);
        let config = Config { limits, ..config() };
        let session = session(&arm, Control::CartesianVelocity, config, policy);
        eventually("the end of the arm's reach", || {
            session.has_ended() || session.stats().iterations > 5_000
        });
        session.request_stop();
        let Some(Cause::InvalidAction {
            tick, violation, ..
        }) = ended(&session).cause
        else {
            panic!("{:?}, {:?}", session.outcome(), session.stats());
        };
        assert_eq!(violation.kind, ViolationKind::Joints);
        let place = violation.joint.unwrap();
        assert!(
            place.lower < place.at && place.at < place.upper,
            "{place:?}"
        );
        assert!(!place.is_out_of_reach, "{place:?}");
        assert!(tick > 500, "{violation:?} in cycle {tick}");
        assert_at_rest_without_reflex(&simulator);
    }
}

fn a_target_out_of_reach_ends_the_session_or_is_clamped_and_the_arm_comes_back(rig: Rig) {
    for rule in [OnViolation::Stop, OnViolation::Clamp] {
        for way in [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [-0.2, 1.5, -0.3]] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let before = arm.state().unwrap().O_T_EE_c;
            let policy = Native::new(16, move |ask: &Ask<'_>, action: &mut [f64]| {
                let is_far = (500..6_000).contains(&ask.tick);
                let by = if is_far { way } else { [0.0; 3] };
                action.copy_from_slice(&effector::moved(&before, by, 0.0));
                Ok(())
            });
            let config = Config {
                limits: LimitRules::all(rule),
                ..config()
            };
            let session = session(&arm, Control::CartesianTarget, config, policy);
            eventually("the way there and back", || {
                session.has_ended() || session.stats().iterations > 14_000
            });
            session.request_stop();
            let what = format!("{way:?}, {:?}", session.stats());
            if rule == OnViolation::Stop {
                let Some(Cause::InvalidAction {
                    tick, violation, ..
                }) = ended(&session).cause
                else {
                    panic!("{what}, {:?}", session.outcome());
                };
                assert_eq!(violation.kind, ViolationKind::Joints, "{what}");
                assert!(tick > 1_000 && tick < 6_000, "{what}");
                assert!(violation.joint.unwrap().is_out_of_reach, "{what}");
            } else {
                ended_well(&session);
                let counted = session.stats().violations[ViolationKind::Joints as usize];
                assert!(counted > 100 && counted < 5_000, "{what}");
                let off = distance(place(&arm.state().unwrap().O_T_EE_c), place(&before));
                assert!(off < 1e-3, "{off} m off, {what}");
            }
            assert_at_rest_without_reflex(&simulator);
        }
    }
}

fn lost_packets_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in Control::CARTESIAN {
        for count in [1, 5, 15] {
            for fault in [Fault::DropStates { count }, Fault::DropCommands { count }] {
                let simulator = lockstep(rig);
                let arm = connect(rig, &simulator);
                let policy = at_speed(control, suffering_twice(&simulator, &fault));
                let session = session_until(1_000, &arm, control, policy, || {});
                let what = format!("{control}, {fault:?}");
                survived(&simulator, &session, count, &what);
            }
        }
    }
}

fn packets_that_are_lost_at_the_start_are_survived(rig: Rig) {
    // A constant acceleration of 0.3 m/s2, upwards.
    lost_at_the_start((rig, Control::CartesianVelocity), |time, _, action| {
        action.copy_from_slice(&[0.0, 0.0, 0.3 * time, 0.0, 0.0, 0.0]);
    });
    lost_at_the_start((rig, Control::CartesianPose), |time, first, action| {
        action.copy_from_slice(&field::<16>(first, "O_T_EE_c"));
        action[14] += 0.15 * time * time;
    });
}

fn a_smooth_policy_that_is_late_now_and_then_is_followed_without_a_jump(rig: Rig) {
    for control in DIRECT {
        for seed in 1..=2 {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let policy = erratic(seed, move_by(control, [0.1, 0.2, -0.1], 0.5, 2.5));
            let session = session_until(3_000, &arm, control, policy, || {});
            ended_well(&session);
            assert_at_rest_without_reflex(&simulator);
            let late = session.stats().late_actions;
            assert!(late > 60, "{control}, {seed}: {late} late");
        }
    }
}

fn a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again(rig: Rig) {
    for control in DIRECT {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = silent(500..800, at_speed(control, |_, _| Ok(())));
        let session = session_until(1_800, &arm, control, policy, || {
            assert!(simulator.joints().dq[0].abs() > 0.1, "{control} goes on");
        });
        ended_well(&session);
        assert_resumed_once(&session, control.name());
        let stats = session.stats();
        let counted = (stats.held_commands, stats.late_actions);
        assert_eq!(counted, (20, 300), "{control}");
        assert_at_rest_without_reflex(&simulator);
        let counters = simulator.counters();
        let counted = (counters.commands_lost, counters.motions_finished);
        assert_eq!(counted, (0, 1), "{control}");
    }
}

fn whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object(rig: Rig) {
    for control in Control::CARTESIAN {
        for seed in [7, 13] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let farthest = Arc::new(AtomicU64::new(0));
            let (seen, mut start) = (Arc::clone(&farthest), None);
            let policy = senseless(control, seed, move |ask| {
                let now = place(&field(ask.observation, "O_T_EE"));
                let away = distance(now, *start.get_or_insert(now));
                seen.fetch_max((away * 1e6) as u64, Ordering::Relaxed);
            });
            let session = clamped_session(&arm, control, policy, 12_000);
            ended_well(&session);
            assert_at_rest_without_reflex(&simulator);
            let what = format!("{control}, {seed}: {:?}", session.stats());
            assert_eq!(simulator.counters().motions_finished, 1, "{what}");
            let farthest = farthest.load(Ordering::Relaxed) as f64 * 1e-6;
            assert!(farthest > 0.1, "it hardly moved: {farthest} m, {what}");
            if control != Control::CartesianTarget {
                assert!(session.stats().clamped_commands > 6_000, "{what}");
            }
        }
    }
}

fn a_clamped_motion_survives_lost_commands(rig: Rig) {
    for control in DIRECT {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = senseless(control, 5, losing_commands(&simulator));
        let session = clamped_session(&arm, control, policy, 6_000);
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
        assert!(simulator.counters().commands_lost > 60, "{control}");
    }
}

/// The largest changes of the commanded velocity and of the acceleration, from a session's observations.
#[derive(Default)]
struct Watch {
    last: Option<([f64; 6], [f64; 6])>,
    fastest: f64,
    acceleration: f64,
    jerk: f64,
}

impl Watch {
    fn see(&mut self, observation: &[f64]) {
        let twist: [f64; 6] = field(observation, "O_dP_EE_c");
        let rate: [f64; 6] = field(observation, "O_ddP_EE_c");
        let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        self.fastest = self.fastest.max(length(&twist[..3]));
        self.acceleration = self.acceleration.max(length(&rate[..3]));
        if let Some((_, before)) = self.last {
            let jerk: [f64; 3] = std::array::from_fn(|i| (rate[i] - before[i]) / 1e-3);
            self.jerk = self.jerk.max(length(&jerk));
        }
        self.last = Some((twist, rate));
    }
}

fn a_slow_policy_moves_the_end_effector_smoothly(rig: Rig) {
    for control in DIRECT {
        for rate_hz in [30.0, 333.3] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let before = arm.state().unwrap().O_T_EE_c;
            let by = [0.0, 0.1, -0.05];
            let watch = Arc::new(Mutex::new(Watch::default()));
            let (seen, mut inner) = (Arc::clone(&watch), move_by(control, by, 0.3, 1.5));
            let policy = Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
                seen.lock().unwrap().see(ask.observation);
                inner.request(ask);
                let stop = std::sync::atomic::AtomicBool::new(false);
                inner.poll(None, &stop, action);
                Ok(())
            });
            let config = Config {
                policy_rate_hz: Some(rate_hz),
                deadline: kilohertz_core::session::Deadline::Within(NEVER),
                ..config()
            };
            let session = session_for(2_500, &arm, control, config, policy);
            ended_well(&session);
            assert_at_rest_without_reflex(&simulator);
            let what = format!("{control} at {rate_hz} Hz");
            assert_eq!(session.stats().clamped_commands, 0, "{what}");
            let after = arm.state().unwrap().O_T_EE_c;
            let expected = effector::moved(&before, by, 0.3);
            let off = distance(place(&after), place(&expected));
            assert!(off < 3e-3, "{what}: {off} m off");
            let watch = watch.lock().unwrap();
            assert!(watch.fastest > 0.1 && watch.fastest < 0.2, "{what}");
            // The acceleration of the motion itself is 0.3 m/s2.
            assert!(watch.acceleration < 0.6, "{what}: {}", watch.acceleration);
        }
    }
}

fn a_target_that_jumps_is_approached_within_the_budget(rig: Rig) {
    let control = Control::CartesianTarget;
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let before = arm.state().unwrap().O_T_EE_c;
    let watch = Arc::new(Mutex::new(Watch::default()));
    let seen = Arc::clone(&watch);
    let places = [[0.0, 0.2, 0.0], [0.0, -0.1, 0.1], [0.05, 0.1, -0.1]];
    let turns = [0.5, -0.5, 0.3];
    let policy = Native::new(16, move |ask: &Ask<'_>, action: &mut [f64]| {
        seen.lock().unwrap().see(ask.observation);
        let nth = (ask.tick / 700).min(2) as usize;
        action.copy_from_slice(&effector::moved(&before, places[nth], turns[nth]));
        Ok(())
    });
    let session = session_until(4_500, &arm, control, policy, || {});
    ended_well(&session);
    assert_at_rest_without_reflex(&simulator);
    let after = arm.state().unwrap().O_T_EE_c;
    let expected = effector::moved(&before, places[2], turns[2]);
    let off = distance(place(&after), place(&expected));
    assert!(off < 1e-4, "{off} m off");
    let watch = watch.lock().unwrap();
    let (acceleration, jerk) = match rig {
        Rig::Fr3 => (9.0, 4_500.0),
        _ => (13.0, 6_500.0),
    };
    assert!(
        watch.fastest > 0.15 && watch.fastest < 0.85,
        "{}",
        watch.fastest
    );
    assert!(
        watch.acceleration < 0.5 * acceleration,
        "{}",
        watch.acceleration
    );
    // The budget is a tenth. The rest is the rounding of the state.
    assert!(watch.jerk < 0.11 * jerk + 100.0, "{}", watch.jerk);
}

fn a_low_pass_filter_removes_an_oscillation(rig: Rig) {
    for control in DIRECT {
        // An oscillation by 3 um, or 3 mm/s, every other millisecond. Its jerk is more than allowed.
        let (slot, rattle) = match control {
            Control::CartesianVelocity => (2, 3e-3),
            _ => (14, 3e-6),
        };
        let rattling = move || {
            at_speed(control, move |tick, action| {
                action[slot] += if tick % 2 == 0 { rattle } else { -rattle };
                Ok(())
            })
        };
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let refused = session(&arm, control, config(), rattling());
        let cause = &ended(&refused).cause;
        assert!(
            matches!(cause, Some(Cause::InvalidAction { .. })),
            "{control}: {cause:?}"
        );
        let config = Config {
            cutoff_hz: Some(20.0),
            ..config()
        };
        let session = session(&arm, control, config, rattling());
        eventually("the end of the motion", || {
            session.has_ended() || session.stats().iterations > 800
        });
        session.request_stop();
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
    }
}
