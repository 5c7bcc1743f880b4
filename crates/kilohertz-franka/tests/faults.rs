//! What can go wrong between an arm and its client, from a table: nothing hangs, nothing panics, and
//! the error says what happened. Where a session survives, the arm never objects to its motion.

mod common;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use kilohertz_core::session::Cause;
use kilohertz_franka::{Arm, ArmError, ArmErrorCode, ConnectOptions, Control};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};

on_each_arm! {
    what_happens_to_datagrams_is_survived_at_speed_and_while_speeding_up,
    delays_by_the_wall_clock_are_survived_within_the_limits,
    a_command_that_overtakes_another_is_the_one_that_counts,
    a_state_that_is_none_ends_the_session_and_the_arm_comes_to_rest,
    a_server_that_is_gone_ends_the_session_with_its_loss,
    nonsense_on_the_command_channel_ends_in_an_error_at_the_latest_with_the_motion,
    a_slow_handshake_is_waited_for_or_given_up_in_time,
    an_idle_arm_that_is_gone_is_an_error_for_whoever_asks_it,
}

/// What a session survives.
fn survivable() -> Vec<Fault> {
    let (count, by) = (7, Duration::from_millis(2));
    vec![
        Fault::DropStates { count },
        Fault::DropCommands { count },
        Fault::DelayStates { count, by },
        Fault::DelayCommands { count, by },
        Fault::DuplicateStates { count },
        Fault::DuplicateCommands { count },
        Fault::ReorderStates { count },
        Fault::ReorderCommands { count },
        Fault::TruncateCommands { count },
    ]
}

/// A session at speed that suffers `fault` while it speeds up and again at speed.
fn suffering(rig: Rig, simulator: &Arc<Simulator>, control: Control, fault: &Fault) {
    let arm = connect(rig, simulator);
    let injecting = Arc::clone(simulator);
    let injected = fault.clone();
    let policy = at_speed(control, move |tick, _| {
        if tick == 150 || tick == 600 {
            injecting.inject(injected.clone()).unwrap();
        }
        Ok(())
    });
    let session = session_until(900, &arm, control, policy, || {
        assert!(
            simulator.joints().dq[0] > 0.8 * SPEED,
            "{control}, {fault:?}"
        );
    });
    let outcome = ended(&session);
    assert!(outcome.cause.is_none(), "{control}, {fault:?}: {outcome:?}");
    assert!(
        outcome.robot_error.is_none(),
        "{control}, {fault:?}: {outcome:?}"
    );
    assert_at_rest_without_reflex(simulator);
    let counters = simulator.counters();
    assert_eq!(
        (counters.motions_finished, counters.motions_aborted),
        (1, 0),
        "{control}, {fault:?}"
    );
}

/// Datagrams that the faults here were for.
fn disturbed(simulator: &Simulator) -> u64 {
    let counters = simulator.counters();
    counters.states_dropped
        + counters.states_delayed
        + counters.states_disturbed
        + counters.commands_dropped
        + counters.commands_delayed
        + counters.commands_disturbed
}

fn what_happens_to_datagrams_is_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in Control::ALL {
        for fault in survivable() {
            let simulator = lockstep(rig);
            suffering(rig, &simulator, control, &fault);
            assert_eq!(disturbed(&simulator), 14, "{control}, {fault:?}");
        }
    }
}

/// As many lost commands as a loaded machine may add do not end the motion here.
fn by_the_wall_clock(rig: Rig) -> Arc<Simulator> {
    let options = SimulatorOptions {
        lost_packet_limit: 2_000,
        friction: false,
        ..SimulatorOptions::default()
    };
    start(rig, options)
}

fn delays_by_the_wall_clock_are_survived_within_the_limits(rig: Rig) {
    let (count, by) = (10, Duration::from_millis(3));
    for fault in [
        Fault::DelayStates { count, by },
        Fault::DelayCommands { count, by },
    ] {
        let simulator = by_the_wall_clock(rig);
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

/// The error of a session that suffers `fault` at speed.
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

fn a_state_that_is_none_ends_the_session_and_the_arm_comes_to_rest(rig: Rig) {
    for fault in [
        Fault::TruncateStates { count: 1 },
        Fault::NoiseDatagrams { count: 3 },
    ] {
        let simulator = by_the_wall_clock(rig);
        let arm = connect(rig, &simulator);
        let injected = fault.clone();
        let error = struck(&arm, &simulator, move |simulator| {
            simulator.inject(injected.clone()).unwrap();
        });
        assert_eq!(error.code, ArmErrorCode::Protocol, "{fault:?}: {error}");
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

/// What ends a server, or only its connection.
type Ending = (&'static str, fn(&Simulator));

const ENDINGS: [Ending; 4] = [
    ("it dies", |simulator| simulator.inject(Fault::Die).unwrap()),
    ("it is stopped", Simulator::stop),
    ("it freezes", |simulator| {
        simulator.inject(Fault::Freeze).unwrap();
    }),
    ("its connection is reset", |simulator| {
        simulator.inject(Fault::ResetConnection).unwrap();
    }),
];

fn a_server_that_is_gone_ends_the_session_with_its_loss(rig: Rig) {
    for (what, end) in ENDINGS {
        let simulator = by_the_wall_clock(rig);
        let arm = connect(rig, &simulator);
        let error = struck(&arm, &simulator, end);
        assert_eq!(error.code, ArmErrorCode::ConnectionLost, "{what}: {error}");
        assert!(error.message.contains("lost"), "{what}: {error}");
    }
    let simulator = by_the_wall_clock(rig);
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

/// Messages that no arm sends: of a size that cannot be, one that never comes to its end, an answer to
/// nothing, a status that is none, and text.
fn nonsense() -> Vec<Vec<u8>> {
    let header =
        |command: u32, id: u32, size: u32| [command, id, size].map(u32::to_le_bytes).concat();
    vec![
        header(1, 0, u32::MAX),
        header(1, 0, 3),
        header(1, 7_777, 100_000),
        [header(1, 7_777, 13), vec![0]].concat(),
        [header(9_999, u32::MAX, 12), vec![0xff; 40]].concat(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ]
}

/// Each at the same time: some take as long as an answer may take.
fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

fn nonsense_on_the_command_channel_ends_in_an_error_at_the_latest_with_the_motion(rig: Rig) {
    at_once(nonsense(), |bytes| {
        let simulator = by_the_wall_clock(rig);
        let arm = connect(rig, &simulator);
        let injecting = Arc::clone(&simulator);
        let said = bytes.clone();
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
    });
}

fn a_slow_handshake_is_waited_for_or_given_up_in_time(rig: Rig) {
    let simulator = by_the_wall_clock(rig);
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

fn an_idle_arm_that_is_gone_is_an_error_for_whoever_asks_it(rig: Rig) {
    type Question = (&'static str, fn(&Arm) -> Result<(), ArmError>);
    let questions: [Question; 2] = [
        ("its state", |arm| arm.state().map(drop)),
        ("recovery", Arm::recover),
    ];
    let cases = ENDINGS
        .into_iter()
        .flat_map(|ending| questions.map(|question| (ending, question)));
    at_once(cases, |((what, end), (question, ask))| {
        let simulator = by_the_wall_clock(rig);
        let arm = connect(rig, &simulator);
        end(&simulator);
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
            // The one client makes another connection by itself.
            Ok(()) => assert_eq!(what, "its connection is reset", "{question}"),
        }
    });
}
