//! Nothing of a session or a connection is left, however it ended. The tests run one at a time, because they
//! count the threads and files of the whole process.

mod common;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::*;
use kilohertz_core::command::late::LateRule;
use kilohertz_core::session::{Cause, Config, EventKind};
use kilohertz_franka::{ArmErrorCode, Control};
use kilohertz_sim::Fault;

on_each_arm! {
    a_dead_or_frozen_arm_ends_the_session_in_bounded_time,
    forty_rounds_of_connecting_driving_and_closing_leave_nothing_behind,
    a_connection_that_was_refused_leaves_nothing_behind,
    a_blocked_policy_costs_the_arm_no_command,
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of threads and of open files of this process, without the threads that run tests.
fn held() -> (usize, usize) {
    let names = std::fs::read_dir("/proc/self/task").unwrap();
    let ours = names.filter(|entry| {
        let name = entry.as_ref().unwrap().path().join("comm");
        std::fs::read_to_string(name).is_ok_and(|name| name.starts_with("kilohertz"))
    });
    (
        ours.count(),
        std::fs::read_dir("/proc/self/fd").unwrap().count(),
    )
}

/// Returns the same once both threads of a simulator have set their names.
fn held_by_simulator() -> (usize, usize) {
    eventually("two threads of the simulator", || held().0 >= 2);
    held()
}

/// Waits until threads and files are no more than `before`. A thread ends a little after its work, and a thread
/// of another test may have been counted before.
fn assert_gone(before: (usize, usize)) {
    let give_up = Instant::now() + NEVER;
    loop {
        let (threads, files) = held();
        if threads <= before.0 && files <= before.1 {
            return;
        }
        assert!(Instant::now() < give_up, "{before:?} became {:?}", held());
        std::thread::sleep(MS);
    }
}

fn a_dead_or_frozen_arm_ends_the_session_in_bounded_time(rig: Rig) {
    let _alone = alone();
    let before = held();
    let cases = Control::JOINTS.map(|control| [(control, Fault::Die), (control, Fault::Freeze)]);
    at_once(cases.into_iter().flatten(), |(control, fault)| {
        let simulator = by_the_wall_clock(rig);
        let arm = connect(rig, &simulator);
        let session = session(&arm, control, config(), at_speed(control, |_, _| Ok(())));
        eventually("a motion", || {
            session.has_ended() || session.stats().iterations > 300
        });
        simulator.inject(fault.clone()).unwrap();
        let what = format!("{control}, {fault:?}");
        assert!(
            session.join(Duration::from_secs(20)),
            "{what}: the session hangs"
        );
        let outcome = session.outcome().unwrap();
        assert!(
            matches!(outcome.cause, Some(Cause::RobotFailed { .. })),
            "{outcome:?}"
        );
        let error = robot_error(&session);
        assert_eq!(error.code, ArmErrorCode::ConnectionLost, "{what}: {error}");
        assert!(!arm.is_driven());
    });
    assert_gone(before);
}

fn forty_rounds_of_connecting_driving_and_closing_leave_nothing_behind(rig: Rig) {
    let _alone = alone();
    let before = held();
    let simulator = lockstep(rig);
    let running = held_by_simulator();
    for round in 0..40 {
        let arm = connect(rig, &simulator);
        let control = Control::JOINTS[round % 4];
        let policy = standing(control, move |tick| {
            if round % 4 == 3 && tick == 30 {
                return Err(kilohertz_core::policy::PolicyFailed);
            }
            Ok(())
        });
        let session = session(&arm, control, run_for(5), policy);
        if round % 4 == 1 {
            arm.close();
        }
        if round % 4 != 2 {
            ended(&session);
        }
    }
    assert_gone(running);
    assert_eq!(simulator.counters().reflexes, 0);
    assert_eq!(simulator.counters().clients, 40 * rig.connections());
    drop(simulator);
    assert_gone(before);
}

fn a_connection_that_was_refused_leaves_nothing_behind(rig: Rig) {
    let _alone = alone();
    let simulator = lockstep(rig);
    let before = held_by_simulator();
    for _ in 0..10 {
        simulator
            .inject(Fault::RejectConnect { version: 9 })
            .unwrap();
        assert!(try_connect(rig, &simulator).is_err());
    }
    assert_gone(before);
}

/// A policy on a thread of its own does not answer for 300 ms, twice, on the wall clock. If the arm waited for
/// it, 300 commands in a row would be lost.
fn a_blocked_policy_costs_the_arm_no_command(rig: Rig) {
    let _alone = alone();
    for control in Control::JOINTS {
        passes_once(|| drives_through_a_blocked_policy(rig, control));
    }
}

fn drives_through_a_blocked_policy(rig: Rig, control: Control) {
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    let config = Config {
        late: LateRule::default(),
        ..run_for(1_500)
    };
    let session = blocked_session(&arm, control, config, [400..700, 900..1_200]);
    ended_well(&session);
    let told = event_kinds(&session);
    let rests = told
        .iter()
        .filter(|&&kind| kind == EventKind::Resting)
        .count();
    assert!(rests >= 1, "{control}: {told:?}");
    assert!(session.stats().held_commands >= 20, "{control}");
    assert_at_rest_without_reflex(&simulator);
    let counters = simulator.counters();
    assert!(counters.longest_lost_run < 150, "{control}: {counters:?}");
    assert_eq!(counters.motions_finished, 1, "{control}");
}

/// A session whose policy answers from another thread, which sleeps during `blocks` [ms].
fn blocked_session(
    arm: &kilohertz_franka::Arm,
    control: Control,
    config: Config,
    blocks: [std::ops::Range<u64>; 2],
) -> kilohertz_core::session::Session {
    use kilohertz_core::channel::notify::{Signals, start_notifier};
    let (robot, limits) = arm.robot(control).unwrap();
    let recorder = Arc::new(kilohertz_core::stats::Recorder::new(MS, 10_000));
    let (lengths, schema) = (robot.observation().len(), robot.action().len());
    let (tell, heard) = std::sync::mpsc::channel();
    let notifier = start_notifier(|| {}, move |news| tell.send(news).unwrap_or(())).unwrap();
    let (inside, mut outside) = kilohertz_core::channel::mailbox::mailbox(
        lengths,
        schema,
        notifier.clone(),
        Arc::clone(&recorder),
    );
    std::thread::spawn(move || {
        let mut policy = AtSpeed::new(control);
        while let Ok(news) = heard.recv() {
            if news.has(Signals::ENDED) {
                return;
            }
            let Some(frame) = outside.take() else {
                continue;
            };
            let (question, now) = (frame.question(), frame.time.as_millis() as u64);
            let mut action = [0.0; 7];
            policy.act(&frame.slots, &mut action);
            if let Some(block) = blocks.iter().find(|block| block.contains(&now)) {
                std::thread::sleep(Duration::from_millis(block.end - now));
                // Torques that catch up would have to change faster than the limits allow.
                if control == Control::Torque {
                    policy = AtSpeed::new(control);
                }
            }
            outside.answer(question, |slots| slots.copy_from_slice(&action));
        }
    });
    kilohertz_core::session::Session::start(
        robot,
        Box::new(inside),
        limits,
        config,
        recorder,
        notifier,
    )
    .unwrap()
}
