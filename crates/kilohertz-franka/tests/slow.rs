//! Policies that are slower than the arm, and targets that change in steps. The commands to the arm are smooth.

mod common;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::*;
use kilohertz_core::channel::records::RECORD_HEADER;
use kilohertz_core::policy::{Answer, Ask, Native, Policy, Question};
use kilohertz_core::session::{Config, Deadline, Session};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{Arm, Control};

on_each_arm! {
    a_slow_policy_moves_the_arm_as_smoothly_as_a_fast_one,
    torques_of_a_slow_policy_are_approached_at_the_limited_rate,
    an_answer_that_takes_as_long_as_its_budget_is_in_time,
    steps_of_a_target_become_one_motion_within_the_budget_that_gets_there,
    targets_anywhere_at_any_rate_never_make_the_arm_object,
    a_target_without_a_new_answer_is_approached_while_it_is_held_and_then_the_arm_rests,
}

const RATES: [f64; 4] = [30.0, 50.0, 333.3, 900.0];
const DT: f64 = 1e-3;

fn at_rate(rate_hz: f64) -> Config {
    Config {
        policy_rate_hz: Some(rate_hz),
        record_ticks: 100_000,
        ..config()
    }
}

/// Runs until the arm has been sent `ticks` commands. Returns the session and the commands.
fn driven(
    arm: &Arm,
    control: Control,
    config: Config,
    policy: impl Policy + 'static,
    ticks: u64,
) -> (Session, Vec<[f64; 7]>) {
    let session = session(arm, control, config, policy);
    eventually("the end of the motion", || {
        session.has_ended() || session.stats().iterations >= ticks
    });
    session.request_stop();
    ended_well(&session);
    let records = session.take_records();
    let commands = records
        .chunks(RECORD_HEADER + 7)
        .map(|record| std::array::from_fn(|joint| record[RECORD_HEADER + joint]))
        .collect();
    (session, commands)
}

/// Returns the largest change from one value to the next, divided by `DT`.
fn steepest(values: &[f64]) -> f64 {
    let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs() / DT);
    steps.fold(0.0, f64::max)
}

fn rates(values: &[f64]) -> Vec<f64> {
    values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / DT)
        .collect()
}

fn column(commands: &[[f64; 7]], joint: usize) -> Vec<f64> {
    commands.iter().map(|command| command[joint]).collect()
}

/// Half a period of a cosine, 0.3 rad within 1.5 s, in the policy's own time.
fn swing(control: Control) -> impl Policy {
    let mut start = None;
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        let (q, dq) = (joints(ask.observation, "q"), joints(ask.observation, "dq"));
        let phase = std::f64::consts::PI * (ask.time.as_secs_f64() / 1.5).min(1.0);
        let way = 0.15 * (1.0 - phase.cos());
        let speed = 0.15 * std::f64::consts::PI / 1.5 * phase.sin();
        for joint in 0..7 {
            let moves = f64::from(u8::from(MOVED.contains(&joint)));
            let target = from[joint] + moves * way;
            action[joint] = match control {
                Control::JointVelocity => moves * speed,
                Control::Torque => {
                    torque(joint, target - q[joint], moves * speed - dq[joint]) / 3.0
                }
                _ => target,
            };
        }
        Ok(())
    })
}

fn a_slow_policy_moves_the_arm_as_smoothly_as_a_fast_one(rig: Rig) {
    // The acceleration of the motion itself is up to 0.66 rad/s^2. A staircase of its positions at 30 Hz would
    // need more than 10 rad/s^2, and the limits would refuse it.
    for control in [Control::JointVelocity, Control::JointPosition] {
        for rate_hz in RATES {
            let what = format!("{control} at {rate_hz} Hz");
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let before = simulator.joints().q;
            let (session, commands) =
                driven(&arm, control, at_rate(rate_hz), swing(control), 2_200);
            assert_finished(&simulator, &what);
            let after = simulator.joints().q;
            for joint in MOVED {
                let off = after[joint] - before[joint] - 0.3;
                assert!(off.abs() < 4e-3, "{what}: joint {joint} is off by {off}");
                let velocity = match control {
                    Control::JointVelocity => column(&commands, joint),
                    _ => rates(&column(&commands, joint)),
                };
                let acceleration = steepest(&velocity);
                assert!(acceleration < 1.0, "{what}: up to {acceleration} rad/s^2");
            }
            let stats = session.stats();
            let expected = stats.iterations as f64 * 1e-3 * rate_hz;
            // The cycles in which the arm comes to rest belong to no question.
            assert!(
                (stats.policy_asks as f64 - expected).abs() < 0.1 * expected,
                "{what}: {stats:?}"
            );
            assert_eq!((stats.late_actions, stats.held_commands), (0, 0), "{what}");
            assert_eq!(
                stats.violations,
                [0; kilohertz_core::limits::ViolationKind::COUNT],
                "{what}"
            );
        }
    }
}

fn torques_of_a_slow_policy_are_approached_at_the_limited_rate(rig: Rig) {
    for rate_hz in [100.0, 333.3] {
        let what = format!("{rate_hz} Hz");
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let control = Control::Torque;
        let mut wave = 0_u64;
        let policy = Native::new(7, move |_: &Ask<'_>, action: &mut [f64]| {
            wave += 1;
            action[6] = if wave.is_multiple_of(2) { 0.75 } else { -0.75 };
            Ok(())
        });
        let (session, commands) = driven(&arm, control, at_rate(rate_hz), policy, 1_000);
        assert_finished(&simulator, &what);
        let torques = column(&commands, 6);
        assert!(steepest(&torques) <= 1_000.0, "{what}");
        let reached = torques.iter().filter(|torque| torque.abs() == 0.75).count();
        assert!(reached > 200, "{what}: {reached}");
        assert_eq!(
            session.stats().violations,
            [0; kilohertz_core::limits::ViolationKind::COUNT],
            "{what}"
        );
    }
    // A policy with a low rate still takes the arm to its goal.
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let before = simulator.joints().q;
    let (..) = driven(
        &arm,
        Control::Torque,
        at_rate(200.0),
        swing(Control::Torque),
        3_500,
    );
    assert_finished(&simulator, "a swing");
    for joint in MOVED {
        let off = simulator.joints().q[joint] - before[joint] - 0.3;
        assert!(off.abs() < 0.02, "joint {joint} is off by {off}");
    }
}

fn an_answer_that_takes_as_long_as_its_budget_is_in_time(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let control = Control::JointPosition;
    let config = Config {
        deadline: Deadline::Within(Duration::from_millis(30)),
        ..at_rate(30.0)
    };
    let (session, commands) = driven(&arm, control, config, swing(control), 2_300);
    assert_finished(&simulator, "late");
    assert!(steepest(&rates(&column(&commands, 0))) < 1.0);
    assert_eq!(session.stats().late_actions, 0);
}

/// Adds `step` to the target of joint 1 with each answer, `steps` times.
fn steps(step: f64, steps: u32) -> impl Policy {
    let mut start = None;
    let mut taken = 0;
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        taken = (taken + 1).min(steps);
        action.copy_from_slice(&from);
        action[0] += step * f64::from(taken);
        Ok(())
    })
}

fn steps_of_a_target_become_one_motion_within_the_budget_that_gets_there(rig: Rig) {
    // The arm cannot move by 0.1 rad 30 times a second. It falls behind, and still arrives.
    for (step, count, rate_hz) in [
        (0.1, 1, 30.0),
        (0.1, 12, 30.0),
        (-0.1, 15, 30.0),
        (1.5, 1, 1_000.0),
    ] {
        let what = format!("{count} steps of {step} rad at {rate_hz} Hz");
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let before = simulator.joints().q[0];
        let control = Control::JointTarget;
        let policy = steps(step, count);
        let (session, commands) = driven(&arm, control, at_rate(rate_hz), policy, 3_500);
        assert_finished(&simulator, &what);
        let off = simulator.joints().q[0] - before - step * f64::from(count);
        assert!(off.abs() < 2e-3, "{what}: off by {off}");
        // The default shares: half of the arm's velocity and acceleration, a tenth of its jerk.
        let bounds = rig.bounds()[0];
        let velocity = rates(&column(&commands, 0));
        let acceleration = rates(&velocity);
        let fastest = velocity
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        assert!(
            fastest <= 0.5 * bounds.velocity + 1e-6 && fastest > 0.2,
            "{what}: {fastest} rad/s"
        );
        assert!(
            steepest(&velocity) <= 0.5 * bounds.acceleration + 1e-6,
            "{what}: {} rad/s^2",
            steepest(&velocity)
        );
        assert!(
            steepest(&acceleration) <= 0.1 * bounds.jerk + 1e-2,
            "{what}: {}",
            steepest(&acceleration)
        );
        let stats = session.stats();
        assert_eq!(
            (stats.violations, stats.late_actions),
            ([0; kilohertz_core::limits::ViolationKind::COUNT], 0),
            "{what}"
        );
    }
}

fn targets_anywhere_at_any_rate_never_make_the_arm_object(rig: Rig) {
    for (seed, rate_hz) in [(3, 30.0), (5, 7.0), (7, 333.3), (9, 1_000.0)] {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let control = Control::JointTarget;
        let mut random = numbers(seed);
        let mut start = None;
        let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
            let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
            for joint in 0..7 {
                action[joint] = from[joint] + 0.6 * random();
            }
            Ok(())
        });
        let (_, commands) = driven(&arm, control, at_rate(rate_hz), policy, 8_000);
        assert_finished(&simulator, &format!("{rate_hz} Hz"));
        for joint in 0..7 {
            let velocity = rates(&column(&commands, joint));
            let bounds = rig.bounds()[joint];
            // On a loaded machine the arm may report its start twice. Then the second command starts there
            // again. The last cycles bring the arm to rest within its own limits, not those of the budget.
            let moving = &velocity[5..velocity.len() - 600];
            let (acceleration, jerk) = (steepest(moving), steepest(&rates(moving)));
            assert!(
                acceleration <= 0.5 * bounds.acceleration + 1e-6,
                "{rate_hz} Hz"
            );
            assert!(jerk <= 0.1 * bounds.jerk + 1e-2, "{rate_hz} Hz");
        }
    }
}

fn a_target_without_a_new_answer_is_approached_while_it_is_held_and_then_the_arm_rests(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let control = Control::JointTarget;
    let before = simulator.joints().q[0];
    let mut config = config();
    config.late.max_held = 1_500;
    let stepping = Once {
        target: 0.3,
        answered: false,
        action: None,
    };
    let (session, _) = driven(&arm, control, config, stepping, 3_000);
    assert_finished(&simulator, "held");
    let off = simulator.joints().q[0] - before - 0.3;
    assert!(off.abs() < 2e-3, "off by {off}");
    assert_eq!(session.stats().held_commands, 1_500);
}

/// Answers once.
struct Once {
    target: f64,
    answered: bool,
    action: Option<(Question, [f64; 7])>,
}

impl Policy for Once {
    fn request(&mut self, ask: &Ask<'_>) {
        if !std::mem::replace(&mut self.answered, true) {
            let mut action = joints(ask.observation, "q_d");
            action[0] += self.target;
            self.action = Some((ask.question(), action));
        }
    }

    fn poll(&mut self, _: Option<Time>, _: &AtomicBool, action: &mut [f64]) -> Answer {
        match self.action.take() {
            Some((question, answer)) => {
                action.copy_from_slice(&answer);
                Answer::Action(question)
            }
            None => Answer::None,
        }
    }
}
