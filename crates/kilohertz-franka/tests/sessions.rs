//! Sessions on a simulated arm in lockstep: where they end, and how they are stopped.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::*;
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::policy::{Answer, Ask, Native, Policy, Question};
use kilohertz_core::session::{Cause, EventKind, Session};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{ArmErrorCode, Control};
use kilohertz_sim::{Fault, Simulator};

on_each_arm! {
    a_session_ends_where_its_policy_took_the_arm,
    a_stop_at_speed_brings_the_arm_to_rest_within_its_limits,
    a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told,
    a_forbidden_command_never_reaches_the_arm,
    whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object,
    a_clamped_motion_survives_lost_commands,
    torques_beyond_the_limits_are_clamped_to_them,
    lost_packets_are_survived_at_speed_and_while_speeding_up,
    packets_that_are_lost_at_the_start_are_survived,
    torques_that_change_as_fast_as_they_may_are_followed_from_what_the_arm_was_left_with,
    a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again,
    a_silence_shorter_than_may_be_held_is_held_and_resumed_without_rest,
    answers_that_come_late_and_then_in_time_again_are_followed,
    a_smooth_policy_that_is_late_now_and_then_is_followed_without_a_jump,
    lateness_and_lost_packets_together_are_survived,
    a_reflex_is_named_and_recovered_from,
    a_driven_or_closed_arm_refuses_with_the_reason,
    the_state_is_readable_between_sessions,
}

fn a_session_ends_where_its_policy_took_the_arm(rig: Rig) {
    for control in Control::JOINTS {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let before = simulator.joints().q;
        let steps = 2_500;
        let policy = move_by(control, 0.3, 1.5);
        let session = session_until(steps, &arm, control, policy, || {});
        ended_well(&session);
        let after = simulator.joints().q;
        for joint in 0..7 {
            let expected = before[joint] + if MOVED.contains(&joint) { 0.3 } else { 0.0 };
            let off = after[joint] - expected;
            assert!(off.abs() < 4e-3, "{control}: joint {joint} is off by {off}");
        }
        let counters = simulator.counters();
        assert_eq!(
            (counters.motions_finished, counters.motions_aborted),
            (1, 0)
        );
        assert_eq!((counters.reflexes, counters.commands_lost), (0, 0));
        assert!(session.stats().iterations > steps);
        assert!(!arm.is_driven());
    }
}

fn a_stop_at_speed_brings_the_arm_to_rest_within_its_limits(rig: Rig) {
    for control in Control::JOINTS {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = at_speed(control, |_, _| Ok(()));
        let session = session_until(700, &arm, control, policy, || {
            assert!(simulator.joints().dq[0] > 0.9 * SPEED, "{control}");
        });
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn a_policy_that_fails_at_speed_leaves_the_arm_at_rest_and_is_told(rig: Rig) {
    for control in Control::JOINTS {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = at_speed(control, fails_at_speed);
        let session = session(&arm, control, config(), policy);
        assert_failed_at_speed(&simulator, &session, control.name());
    }
}

fn a_forbidden_command_never_reaches_the_arm(rig: Rig) {
    let beyond = |control| match control {
        Control::JointVelocity => (0.1, ViolationKind::Acceleration),
        Control::JointPosition => (0.01, ViolationKind::Velocity),
        _ => (5.0, ViolationKind::TorqueRate),
    };
    let out_of_range = |control| match control {
        Control::JointVelocity => (9.0, ViolationKind::Velocity),
        Control::JointPosition => (9.0, ViolationKind::Position),
        _ => (99.0, ViolationKind::Torque),
    };
    let nan = |_| (f64::NAN, ViolationKind::NotFinite);
    for control in DIRECT {
        for (added, expected) in [beyond(control), out_of_range(control), nan(control)] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let policy = at_speed(control, move |tick, action| {
                if tick >= 500 {
                    action[3] += added;
                }
                Ok(())
            });
            let session = session(&arm, control, config(), policy);
            let what = format!("{control}, {added} more");
            let found = refused(&simulator, &session, &what);
            assert_eq!(found, (3, expected), "{what}");
        }
    }
}

fn whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object(rig: Rig) {
    for control in [Control::JointVelocity, Control::JointPosition] {
        for seed in [7, 13, 19] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let policy = senseless(control, seed, |_| {});
            let session = clamped_session(&arm, control, policy, 20_000);
            ended_at_rest(&simulator, &session, control.name());
            let stats = session.stats();
            assert!(stats.clamped_commands > 10_000, "{control}: {stats:?}");
            // After a jump the jerk is known again with the second answer after it.
            for (kind, least) in [
                (ViolationKind::Velocity, 1_000),
                (ViolationKind::Acceleration, 20),
                (ViolationKind::Jerk, 20),
            ] {
                let counted = stats.violations[kind as usize];
                assert!(
                    counted > least && counted <= stats.clamped_commands,
                    "{control}: {stats:?}"
                );
            }
            let (tick, _) = session.recorder().first_violation().unwrap();
            assert!(tick < 1_000, "{control}: {tick}");
        }
    }
}

fn a_clamped_motion_survives_lost_commands(rig: Rig) {
    for control in [Control::JointVelocity, Control::JointPosition] {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = senseless(control, 5, losing_commands(&simulator));
        let session = clamped_session(&arm, control, policy, 10_000);
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
        assert!(simulator.counters().commands_lost > 100, "{control}");
    }
}

fn torques_beyond_the_limits_are_clamped_to_them(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    // The torque of the last joint goes up and down in steps. In ten cycles it is larger than the joint's limit.
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        action[6] = match ask.tick {
            300..310 => 50.0,
            tick if tick / 20 % 2 == 0 => 1.5,
            _ => -1.5,
        };
        Ok(())
    });
    let session = clamped_session(&arm, Control::Torque, policy, 1_000);
    ended_well(&session);
    assert_at_rest_without_reflex(&simulator);
    let counted = session.stats().violations;
    assert_eq!(counted[ViolationKind::Torque as usize], 10);
    assert!(
        counted[ViolationKind::TorqueRate as usize] > 50,
        "{counted:?}"
    );
}

fn lost_packets_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in Control::JOINTS {
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
    // Constant accelerations of 1.4 rad/s2.
    lost_at_the_start((rig, Control::JointVelocity), |time, _, action| {
        action.copy_from_slice(&[1.4, -1.4, 1.4, 1.4, -1.4, 1.4, -1.4].map(|rate| rate * time));
    });
    lost_at_the_start((rig, Control::JointPosition), |time, first, action| {
        for (joint, from) in joints(first, "q_d").into_iter().enumerate() {
            action[joint] = from + if joint % 2 == 0 { 0.7 } else { -0.7 } * time * time;
        }
    });
}

fn torques_that_change_as_fast_as_they_may_are_followed_from_what_the_arm_was_left_with(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let injecting = Arc::clone(&simulator);
    // A triangular wave on the last joint. It changes by 0.8 N m a tick; 1.0 is allowed.
    let wave = |tick: u64| {
        let phase = (tick % 16) as f64;
        0.8 * (4.0 - (phase - 8.0).abs())
    };
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        if (200..1_000).contains(&ask.tick) && ask.tick.is_multiple_of(53) {
            let count = 1 + (ask.tick % 11) as u32;
            injecting.inject(Fault::DropCommands { count }).unwrap();
        }
        // The wave starts at zero.
        action[6] = wave(ask.tick + 4);
        Ok(())
    });
    let session = session_until(1_200, &arm, Control::Torque, policy, || {});
    ended_well(&session);
    assert_at_rest_without_reflex(&simulator);
    let counters = simulator.counters();
    assert!(counters.commands_lost > 50, "{counters:?}");
    assert_eq!(counters.motions_finished, 1);
}

fn a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again(rig: Rig) {
    for control in DIRECT {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = silent(500..800, at_speed(control, |_, _| Ok(())));
        let mut speed = 0.0;
        // A joint that is 0.2 rad behind its target needs a larger torque than the rate limit allows.
        let rules = match control {
            Control::Torque => clamping(),
            _ => config(),
        };
        let session = session_until_with(2_000, &arm, control, rules, policy, || {
            speed = simulator.joints().dq[0];
        });
        ended_well(&session);
        assert_resumed_once(&session, control.name());
        let stats = session.stats();
        assert_eq!(
            (stats.held_commands, stats.late_actions),
            (20, 300),
            "{control}"
        );
        assert!(
            (speed - SPEED).abs() < 0.1,
            "{control} goes on at {speed} rad/s"
        );
        assert_at_rest_without_reflex(&simulator);
        let counters = simulator.counters();
        assert_eq!(
            (counters.commands_lost, counters.motions_finished),
            (0, 1),
            "{control}"
        );
    }
}

fn a_silence_shorter_than_may_be_held_is_held_and_resumed_without_rest(rig: Rig) {
    for control in DIRECT {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = silent(600..615, at_speed(control, |_, _| Ok(())));
        let session = session_until(1_000, &arm, control, policy, || {});
        ended_well(&session);
        let told = event_kinds(&session);
        assert_eq!(told, [EventKind::Held, EventKind::Resumed], "{control}");
        assert_eq!(session.stats().held_commands, 15, "{control}");
        assert_at_rest_without_reflex(&simulator);
    }
}

/// Answers in every tenth cycle the question of five cycles before.
struct Lagging {
    policy: AtSpeed,
    /// The answers that have not yet been given.
    answers: [Option<(Question, [f64; 7])>; 10],
    tick: u64,
}

impl Policy for Lagging {
    fn request(&mut self, ask: &Ask<'_>) {
        self.tick = ask.tick;
        let mut answer = [0.0; 7];
        self.policy.act(ask.observation, &mut answer);
        self.answers[(ask.tick % 10) as usize] = Some((ask.question(), answer));
    }

    fn poll(&mut self, _until: Option<Time>, _stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let given = match self.tick % 10 {
            0..5 => None,
            5 => self.answers[0].take(),
            now => self.answers[now as usize].take(),
        };
        let Some((question, answer)) = given else {
            return Answer::None;
        };
        action.copy_from_slice(&answer);
        Answer::Action(question)
    }
}

fn answers_that_come_late_and_then_in_time_again_are_followed(rig: Rig) {
    for control in DIRECT {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let policy = Lagging {
            policy: AtSpeed::new(control),
            answers: [None; 10],
            tick: 0,
        };
        // If the first answer in time were refused as too large a step, the session would end.
        let session = session_until(1_000, &arm, control, policy, || {});
        ended_well(&session);
        assert!(session.stats().held_commands >= 400, "{control}");
        assert_at_rest_without_reflex(&simulator);
    }
}

/// Moves to and fro, smoothly, starting at rest.
fn swing(control: Control, start: [f64; 7], ask: &Ask<'_>, action: &mut [f64]) {
    let (amplitude, time) = (0.15, ask.time.as_secs_f64());
    let (ramp, turn) = (smooth(time).0, 2.0 * time);
    for (joint, slot) in action.iter_mut().enumerate() {
        *slot = match control {
            Control::JointVelocity => 2.0 * amplitude * ramp * turn.cos(),
            _ => start[joint] + amplitude * ramp * turn.sin(),
        };
    }
}

/// Runs a session with a swinging policy that is sometimes late. `meddle` does something to the arm before each
/// answer. The session has to end without an error.
fn swung(
    rig: Rig,
    control: Control,
    seed: u64,
    mut meddle: impl FnMut(&Simulator) + Send + 'static,
) -> (Arc<Simulator>, Session) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let start = arm.state().unwrap().q_d;
    let meddled = Arc::clone(&simulator);
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        swing(control, start, ask, action);
        meddle(&meddled);
        Ok(())
    });
    let session = session_until(5_000, &arm, control, erratic(seed, policy), || {});
    ended_well(&session);
    assert_at_rest_without_reflex(&simulator);
    (simulator, session)
}

fn a_smooth_policy_that_is_late_now_and_then_is_followed_without_a_jump(rig: Rig) {
    for control in [Control::JointVelocity, Control::JointPosition] {
        for seed in 1..=2 {
            let (_, session) = swung(rig, control, seed, |_| {});
            let late = session.stats().late_actions;
            assert!(late > 100, "{control}, {seed}: {late} late");
        }
    }
}

fn lateness_and_lost_packets_together_are_survived(rig: Rig) {
    for control in [
        Control::JointVelocity,
        Control::JointPosition,
        Control::JointTarget,
    ] {
        for seed in 1..=2 {
            let mut random = numbers(seed);
            let (simulator, _) = swung(rig, control, seed, move |simulator| {
                if random() > 0.95 {
                    let count = 1 + (random().abs() * 2.5) as u32;
                    let fault = if random() > 0.0 {
                        Fault::DropStates { count }
                    } else {
                        Fault::DropCommands { count }
                    };
                    simulator.inject(fault).unwrap();
                }
            });
            let lost = simulator.counters().commands_lost;
            assert!(lost > 50, "{control}, {seed}: {lost} lost");
        }
    }
}

fn a_reflex_is_named_and_recovered_from(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    for control in Control::JOINTS {
        let injecting = Arc::clone(&simulator);
        let policy = at_speed(control, move |tick, _| {
            if tick == 300 {
                let error = "joint_reflex".into();
                injecting.inject(Fault::Reflex { error }).unwrap();
            }
            Ok(())
        });
        let failed = session(&arm, control, config(), policy);
        let error = robot_error(&failed);
        assert_eq!(error.code.as_str(), "FRANKA_REFLEX", "{error}");
        assert_eq!(error.errors, ["joint_reflex"]);
        assert_eq!(error.move_status.as_deref(), Some("ReflexAborted"));
        assert!(error.message.contains("recover()"), "{error}");
        assert!(matches!(
            ended(&failed).cause,
            Some(Cause::RobotFailed { .. })
        ));
        assert!(!ended(&failed).last_states.is_empty());

        let refused = session(&arm, control, config(), at_speed(control, |_, _| Ok(())));
        let error = robot_error(&refused);
        assert_eq!(error.code, ArmErrorCode::CommandRejected, "{error}");

        arm.recover().unwrap();
        let policy = at_speed(control, |_, _| Ok(()));
        ended_well(&session_until(100, &arm, control, policy, || {}));
    }
}

fn a_driven_or_closed_arm_refuses_with_the_reason(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let control = Control::JointVelocity;
    let running = session(&arm, control, config(), standing(control, |_| Ok(())));
    let refusals = [
        arm.robot(control).err(),
        arm.state().err(),
        arm.recover().err(),
    ];
    for refused in refusals {
        let error = refused.expect("refused while driven");
        assert_eq!(error.code, ArmErrorCode::InvalidOperation);
        assert!(
            error.message.contains("a session drives the arm"),
            "{error}"
        );
    }
    arm.close();
    assert!(arm.is_closed() && arm.is_driven());
    running.request_stop();
    ended_well(&running);
    assert!(!arm.is_driven());
    let error = arm.robot(control).err().expect("refused after the close");
    assert_eq!(error.code, ArmErrorCode::InvalidOperation);
}

fn the_state_is_readable_between_sessions(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let control = Control::JointVelocity;
    for _ in 0..3 {
        let state = arm.state().unwrap();
        let q = simulator.joints().q;
        assert!(
            (state.q[0] - q[0]).abs() < 1e-3,
            "{:?} is not {q:?}",
            state.q
        );
        let policy = at_speed(control, |_, _| Ok(()));
        ended_well(&session_until(300, &arm, control, policy, || {}));
    }
    assert_eq!(simulator.counters().motions_finished, 3);
}
