//! A table of the faults between an arm and its client. Nothing hangs, nothing panics, and the error tells the
//! fault. If a session survives, the arm never reports an error of its motion.

mod common;

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::*;
use kilohertz_core::session::Cause;
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_franka::{Arm, ArmError, ArmErrorCode, Client, ConnectOptions, Control};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};

on_each_arm! {
    faults_of_datagrams_are_survived_at_speed_and_while_speeding_up,
    late_datagrams_on_the_wall_clock_are_survived_within_the_limits,
    a_command_that_overtakes_another_is_the_one_that_counts,
    an_invalid_state_ends_the_session_and_the_arm_comes_to_rest,
    a_server_that_is_gone_ends_the_session_with_its_loss,
    old_states_alone_end_every_wait_for_a_new_one_within_seconds,
    nonsense_on_the_command_channel_ends_in_an_error_at_the_latest_with_the_motion,
    a_slow_handshake_succeeds_or_is_given_up_in_time,
    an_idle_arm_that_is_gone_is_an_error_for_whoever_asks_it,
}

/// Faults that a session in lockstep survives.
fn survivable(rig: Rig) -> Vec<Fault> {
    let (count, by) = (7, Duration::from_millis(2));
    let mut faults = vec![
        Fault::DropStates { count },
        Fault::DropCommands { count },
        Fault::DelayStates { count, by },
        Fault::DelayCommands { count, by },
        Fault::DuplicateStates { count },
        Fault::DuplicateCommands { count },
        Fault::ReorderCommands { count },
        Fault::TruncateCommands { count },
    ];
    // `libfranka-rs` answers the state that arrived last, even if it is an old one. An arm discards such a
    // command, and in lockstep that counts as lost.
    if rig.client() == Client::FrankaRs {
        faults.push(Fault::ReorderStates { count });
    }
    faults
}

/// Runs a session at speed that suffers `fault` while it speeds up and again at speed.
fn suffering(rig: Rig, simulator: &Arc<Simulator>, control: Control, fault: &Fault) {
    let arm = connect(rig, simulator);
    let policy = at_speed(control, suffering_twice(simulator, fault));
    let session = session_until(900, &arm, control, policy, || {});
    ended_at_rest(simulator, &session, &format!("{control}, {fault:?}"));
}

/// Returns how many datagrams were affected by the faults that these tests inject.
fn disturbed(simulator: &Simulator) -> u64 {
    let counters = simulator.counters();
    counters.states_dropped
        + counters.states_delayed
        + counters.states_disturbed
        + counters.commands_dropped
        + counters.commands_delayed
        + counters.commands_disturbed
}

fn faults_of_datagrams_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in DIRECT {
        for fault in survivable(rig) {
            let simulator = lockstep(rig);
            suffering(rig, &simulator, control, &fault);
            assert_eq!(disturbed(&simulator), 14, "{control}, {fault:?}");
        }
    }
}

/// The lost commands that a loaded machine may add do not end the motion here. The arm's thread has a realtime
/// priority, so that the arm is as punctual as possible.
fn punctual(rig: Rig) -> Arc<Simulator> {
    let options = SimulatorOptions {
        lost_packet_limit: 2_000,
        friction: false,
        prepare_arm_thread: Some(|| {
            make_realtime(&RealtimeRequest {
                priority: Some(60),
                ..ordinary()
            });
        }),
        ..SimulatorOptions::default()
    };
    start(rig, options)
}

fn late_datagrams_on_the_wall_clock_are_survived_within_the_limits(rig: Rig) {
    let (count, by) = (10, Duration::from_millis(3));
    for fault in [
        Fault::DelayStates { count, by },
        Fault::DelayCommands { count, by },
        Fault::ReorderStates { count },
    ] {
        let simulator = punctual(rig);
        suffering(rig, &simulator, Control::JointVelocity, &fault);
        assert!(disturbed(&simulator) > 0, "{fault:?}");
        assert!(simulator.counters().commands_lost > 0, "{fault:?}");
    }
}

fn a_command_that_overtakes_another_is_the_one_that_counts(rig: Rig) {
    let simulator = lockstep(rig);
    let fault = Fault::ReorderCommands { count: 9 };
    suffering(rig, &simulator, Control::JointPosition, &fault);
    let counters = simulator.counters();
    assert_eq!(counters.commands_disturbed, 18, "{counters:?}");
    assert!(counters.commands_late >= 18, "{counters:?}");
}

/// Returns the error of a session that suffers `fault` at speed.
fn struck(
    arm: &Arm,
    simulator: &Arc<Simulator>,
    fault: impl Fn(&Simulator) + Send + 'static,
) -> ArmError {
    let injecting = Arc::clone(simulator);
    let policy = at_speed(Control::JointVelocity, move |tick, _| {
        if tick == 300 {
            fault(&injecting);
        }
        Ok(())
    });
    let session = session(arm, Control::JointVelocity, config(), policy);
    let error = robot_error(&session);
    assert!(matches!(
        ended(&session).cause,
        Some(Cause::RobotFailed { .. })
    ));
    assert!(!ended(&session).last_states.is_empty());
    error
}

fn an_invalid_state_ends_the_session_and_the_arm_comes_to_rest(rig: Rig) {
    for fault in [
        Fault::TruncateStates { count: 1 },
        Fault::NoiseDatagrams { count: 3 },
    ] {
        let simulator = punctual(rig);
        let arm = connect(rig, &simulator);
        let injected = fault.clone();
        let error = struck(&arm, &simulator, move |simulator| {
            simulator.inject(injected.clone()).unwrap();
        });
        // `libfranka-rs` notices it when it reads, or waits for a state in vain.
        let waited =
            rig.client() == Client::LibfrankaRs && error.code == ArmErrorCode::ConnectionLost;
        assert!(
            error.code == ArmErrorCode::Protocol || waited,
            "{fault:?}: {error}"
        );
        if rig.client() == Client::FrankaRs {
            assert!(error.message.contains("is not FCI"), "{fault:?}: {error}");
        }
        eventually("the end of the motion", || {
            simulator.counters().motions_aborted == 1
        });
        assert_at_rest_without_reflex(&simulator);
        eventually("another state", || arm.state().is_ok());
        let policy = at_speed(Control::JointVelocity, |_, _| Ok(()));
        ended_well(&session_until(
            100,
            &arm,
            Control::JointVelocity,
            policy,
            || {},
        ));
    }
}

/// Ends a server, or only its connection.
type Ending = (&'static str, fn(&Simulator));

const FROZEN: Ending = ("it freezes", |simulator| {
    simulator.inject(Fault::Freeze).unwrap();
});

const ENDINGS: [Ending; 4] = [
    ("it dies", |simulator| simulator.inject(Fault::Die).unwrap()),
    ("it is stopped", Simulator::stop),
    FROZEN,
    ("its connection is reset", |simulator| {
        simulator.inject(Fault::ResetConnection).unwrap();
    }),
];

fn a_server_that_is_gone_ends_the_session_with_its_loss(rig: Rig) {
    at_once(ENDINGS, |(what, end)| {
        let simulator = punctual(rig);
        let arm = connect(rig, &simulator);
        let error = struck(&arm, &simulator, end);
        assert_eq!(error.code, ArmErrorCode::ConnectionLost, "{what}: {error}");
        assert!(error.message.contains("lost"), "{what}: {error}");
    });
    let simulator = punctual(rig);
    let arm = connect(rig, &simulator);
    struck(&arm, &simulator, |simulator| {
        simulator.inject(Fault::ResetConnection).unwrap();
    });
    assert_at_rest_without_reflex(&simulator);
    arm.close();
    let policy = at_speed(Control::JointVelocity, |_, _| Ok(()));
    let again = connect(rig, &simulator);
    ended_well(&session_until(
        100,
        &again,
        Control::JointVelocity,
        policy,
        || {},
    ));
}

/// Old datagrams keep coming, so that no wait for a datagram ends.
fn old_states_alone_end_every_wait_for_a_new_one_within_seconds(rig: Rig) {
    let old = |simulator: &Simulator| {
        let count = u32::MAX;
        simulator.inject(Fault::OldStates { count }).unwrap();
    };
    let within = |what, limit, work: &dyn Fn() -> ArmError| {
        let begun = Instant::now();
        let error = work();
        assert_eq!(error.code, ArmErrorCode::ConnectionLost, "{what}: {error}");
        // It takes one second, plus what a loaded machine adds. A request would have ten.
        assert!(begun.elapsed() < limit, "{what}: {:?}", begun.elapsed());
    };
    let simulator = punctual(rig);
    let arm = connect(rig, &simulator);
    within("a session", Duration::from_secs(7), &|| {
        struck(&arm, &simulator, old)
    });
    let simulator = punctual(rig);
    let arm = connect(rig, &simulator);
    old(&simulator);
    within("a state", Duration::from_secs(7), &|| {
        arm.state().expect_err("a state")
    });
    if rig.client() == Client::FrankaRs {
        // `libfranka-rs` connects anew instead.
        within("another", Duration::from_secs(7), &|| {
            arm.state().expect_err("a state")
        });
    }
}

fn header(command: u32, id: u32, size: u32) -> Vec<u8> {
    [command, id, size].map(u32::to_le_bytes).concat()
}

/// Messages that no arm sends: impossible sizes, an answer to no request, an answer whose length is not the
/// declared one, and text.
fn nonsense() -> Vec<Vec<u8>> {
    vec![
        header(1, 0, u32::MAX),
        header(1, 0, 3),
        [header(1, 7_777, 13), vec![0]].concat(),
        [header(9_999, u32::MAX, 12), vec![0xff; 40]].concat(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ]
}

/// A message whose end never comes.
fn endless() -> Vec<u8> {
    header(1, 7_777, 100_000)
}

fn hears(rig: Rig, bytes: &[u8]) {
    let simulator = punctual(rig);
    let arm = connect(rig, &simulator);
    let injecting = Arc::clone(&simulator);
    let said = bytes.to_vec();
    let policy = at_speed(Control::JointVelocity, move |tick, _| {
        if tick == 200 {
            injecting.inject(Fault::NoiseReply(said.clone())).unwrap();
        }
        Ok(())
    });
    let session = session_until(400, &arm, Control::JointVelocity, policy, || {});
    if ended(&session).robot_error.is_some() {
        let error = robot_error(&session);
        let told = [ArmErrorCode::Protocol, ArmErrorCode::ConnectionLost];
        assert!(told.contains(&error.code), "{bytes:?}: {error}");
    }
    assert_at_rest_without_reflex(&simulator);
    drop(arm);
    eventually("another connection", || {
        try_connect(rig, &simulator).is_ok()
    });
}

fn nonsense_on_the_command_channel_ends_in_an_error_at_the_latest_with_the_motion(rig: Rig) {
    at_once(nonsense(), |bytes| hears(rig, &bytes));
}

/// All of them run at the same time, because each takes as long as an answer may take.
#[test]
fn the_wait_for_an_answer_that_never_comes_ends() {
    std::thread::scope(|scope| {
        for &rig in Rig::ALL {
            scope.spawn(move || hears(rig, &endless()));
            scope.spawn(move || asked(rig, FROZEN, ("recovery", Arm::recover)));
        }
        // The same with addresses that are not the form in which a socket reports its peer.
        for host in ["0.0.0.0", "127.1", "localhost"] {
            scope.spawn(move || {
                let simulator = punctual(Rig::Fr3);
                let address = format!("{host}:{}", simulator.address().port());
                let arm = Arm::connect(&address, &ConnectOptions::default()).unwrap();
                asked_of(arm, &simulator, FROZEN, ("recovery", Arm::recover));
            });
        }
    });
}

fn a_slow_handshake_succeeds_or_is_given_up_in_time(rig: Rig) {
    let simulator = punctual(rig);
    let slow = |by| simulator.inject(Fault::SlowConnect { by }).unwrap();
    slow(Duration::from_millis(300));
    drop(connect(rig, &simulator));
    slow(Duration::from_secs(2));
    let options = ConnectOptions {
        timeout: Duration::from_millis(200),
        client: rig.client(),
        ..ConnectOptions::default()
    };
    let given_up = Arm::connect(&simulator.address().to_string(), &options);
    let error = given_up.err().expect("connected");
    assert_eq!(error.code, ArmErrorCode::ConnectTimeout, "{error}");
    eventually("a connection", || try_connect(rig, &simulator).is_ok());
}

type Question = (&'static str, fn(&Arm) -> Result<(), ArmError>);

fn asked(rig: Rig, ending: Ending, question: Question) {
    let simulator = punctual(rig);
    asked_of(connect(rig, &simulator), &simulator, ending, question);
}

fn asked_of(arm: Arm, simulator: &Simulator, (what, end): Ending, (question, ask): Question) {
    end(simulator);
    let (told, answer) = mpsc::channel();
    let asking = std::thread::spawn(move || told.send(ask(&arm)));
    let Ok(answered) = answer.recv_timeout(NEVER / 2) else {
        panic!("{what}: asked for {question}, it hangs");
    };
    asking.join().unwrap().unwrap();
    match answered {
        Err(error) => {
            let told = [ArmErrorCode::ConnectionLost, ArmErrorCode::ConnectFailed];
            assert!(told.contains(&error.code), "{what}, {question}: {error}");
        }
        // `libfranka-rs` makes another connection by itself.
        Ok(()) => assert_eq!(what, "its connection is reset", "{question}"),
    }
}

fn an_idle_arm_that_is_gone_is_an_error_for_whoever_asks_it(rig: Rig) {
    at_once(ENDINGS, |ending| {
        asked(rig, ending, ("its state", |arm| arm.state().map(drop)));
        if ending.0 != FROZEN.0 {
            asked(rig, ending, ("recovery", Arm::recover));
        }
    });
}
