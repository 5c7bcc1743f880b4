//! The commands of the hand, and their errors. No session is disturbed by them.

mod common;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use kilohertz_franka::hand::{Hand, HandCommand, HandOptions};
use kilohertz_franka::{ArmError, ArmErrorCode, Control};
use kilohertz_sim::{Fault, HandFault, Simulator, SimulatorOptions};

on_each_arm! {
    the_hand_of_an_arm_is_homed_moved_and_read,
    a_grasp_tells_whether_an_object_of_that_width_is_held,
    a_stop_ends_a_motion_under_way_and_the_next_one_runs,
    a_command_that_was_begun_before_a_stop_is_not_sent,
    one_command_runs_at_a_time,
    what_the_hand_refuses_is_an_error,
    a_hand_that_dies_or_freezes_ends_what_waits_for_it,
    a_command_that_is_never_answered_is_given_up,
    a_hand_of_an_unknown_version_is_refused_with_its_version,
    closing_stops_a_motion_and_keeps_a_grip,
    closing_a_hand_that_does_not_stop_says_so,
    the_hand_works_beside_a_session_in_lockstep_which_loses_no_command,
    the_hand_works_beside_a_session_on_the_wall_clock,
}

fn options() -> HandOptions {
    HandOptions {
        timeout: Duration::from_secs(30),
        ..HandOptions::default()
    }
}

fn hand_of(simulator: &Simulator) -> Hand {
    Hand::connect(&simulator.address().to_string(), &options()).unwrap()
}

fn grasp(width: f64) -> HandCommand {
    HandCommand::Grasp {
        width,
        speed: 0.1,
        force: 20.0,
        epsilon_inner: 0.005,
        epsilon_outer: 0.005,
    }
}

fn grasped(hand: &Hand, width: f64) -> Result<bool, ArmError> {
    hand.begin(grasp(width))?.finish()
}

fn the_hand_of_an_arm_is_homed_moved_and_read(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    assert_eq!(hand.server_version(), 3);
    assert!(hand.homing().unwrap());
    assert!(hand.move_to(0.02, 0.1).unwrap());
    assert_eq!(simulator.fingers().unwrap().width, 0.02);
    let state = hand.state().unwrap();
    assert_eq!((state.width, state.max_width), (0.02, 0.08));
    assert!(!state.is_grasped);
    assert!(hand.state().unwrap().time > state.time);
}

fn a_grasp_tells_whether_an_object_of_that_width_is_held(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    assert!(!grasped(&hand, 0.05).unwrap(), "nothing is there");
    assert!(hand.move_to(0.08, 0.1).unwrap());
    simulator.place_object(0.05).unwrap();
    for (width, held) in [(0.05, true), (0.054, true), (0.056, false), (0.044, false)] {
        assert_eq!(grasped(&hand, width).unwrap(), held, "{width}");
        let state = hand.state().unwrap();
        assert_eq!((state.is_grasped, state.width), (held, 0.05), "{width}");
        hand.stop().unwrap();
        assert!(!hand.state().unwrap().is_grasped, "a stop lets go");
    }
}

fn a_stop_ends_a_motion_under_way_and_the_next_one_runs(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    thread::scope(|scope| {
        // This motion would take 20 s for 80 mm.
        let moving = scope.spawn(|| hand.move_to(0.0, 0.004));
        eventually("moving", || simulator.fingers().unwrap().is_moving);
        let began = Instant::now();
        hand.stop().unwrap();
        let error = moving.join().unwrap().unwrap_err();
        assert_eq!(error.code, ArmErrorCode::CommandAborted, "{error}");
        assert!(began.elapsed() < Duration::from_secs(10));
    });
    let stopped = simulator.fingers().unwrap();
    assert!(!stopped.is_moving && stopped.width > 0.03, "{stopped:?}");
    assert!(hand.move_to(0.08, 0.1).unwrap());
}

fn a_command_that_was_begun_before_a_stop_is_not_sent(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    let begun = hand.begin(grasp(0.04)).unwrap();
    hand.stop().unwrap();
    assert_eq!(
        begun.finish().unwrap_err().code,
        ArmErrorCode::CommandAborted
    );
    assert_eq!(simulator.fingers().unwrap().width, 0.08);
    assert!(hand.move_to(0.07, 0.1).unwrap());
}

fn one_command_runs_at_a_time(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    let first = hand.begin(HandCommand::Homing).unwrap();
    let error = hand.move_to(0.01, 0.1).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::InvalidOperation);
    assert!(error.message.contains("busy"), "{error}");
    assert!(first.finish().unwrap());
    assert!(!hand.is_busy());
    drop(hand.begin(HandCommand::Homing).unwrap());
    assert!(hand.move_to(0.07, 0.1).unwrap());
}

fn what_the_hand_refuses_is_an_error(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    let error = hand.move_to(0.09, 0.1).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::CommandRejected);
    assert!(error.message.contains("0.08 m"), "{error}");
    let error = hand.move_to(0.04, f64::NAN).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::InvalidOperation);
    simulator.inject(Fault::Hand(HandFault::FailNext)).unwrap();
    let error = hand.homing().unwrap_err();
    assert_eq!(error.code, ArmErrorCode::CommandRejected, "{error}");
    assert!(hand.homing().unwrap());
}

fn a_hand_that_dies_or_freezes_ends_what_waits_for_it(rig: Rig) {
    let faults = [
        Fault::Hand(HandFault::Die),
        Fault::Hand(HandFault::Freeze),
        Fault::Die,
        Fault::Freeze,
    ];
    at_once(faults, |fault| {
        let simulator = lockstep(rig);
        let hand = hand_of(&simulator);
        thread::scope(|scope| {
            let moving = scope.spawn(|| hand.move_to(0.0, 0.004));
            eventually("moving", || simulator.fingers().unwrap().is_moving);
            simulator.inject(fault.clone()).unwrap();
            let began = Instant::now();
            let error = moving.join().unwrap().unwrap_err();
            assert_eq!(
                error.code,
                ArmErrorCode::ConnectionLost,
                "{fault:?}: {error}"
            );
            assert!(began.elapsed() < Duration::from_secs(15), "{fault:?}");
        });
        for tried in [hand.state().map(drop), hand.homing().map(drop), hand.stop()] {
            let error = tried.unwrap_err();
            assert_eq!(
                error.code,
                ArmErrorCode::ConnectionLost,
                "{fault:?}: {error}"
            );
        }
        hand.close().unwrap();
    });
}

fn a_command_that_is_never_answered_is_given_up(rig: Rig) {
    let simulator = lockstep(rig);
    let options = HandOptions {
        command_timeout: Duration::from_millis(300),
        ..options()
    };
    let hand = Hand::connect(&simulator.address().to_string(), &options).unwrap();
    simulator.inject(Fault::Hand(HandFault::Deaf)).unwrap();
    for tried in [hand.homing().map(drop), hand.stop()] {
        let error = tried.unwrap_err();
        assert_eq!(error.code, ArmErrorCode::CommandTimeout, "{error}");
    }
    assert_eq!(hand.state().unwrap().width, 0.08);
}

fn a_hand_of_an_unknown_version_is_refused_with_its_version(rig: Rig) {
    let simulator = lockstep(rig);
    simulator
        .inject(Fault::Hand(HandFault::RejectConnect { version: 2 }))
        .unwrap();
    let error = Hand::connect(&simulator.address().to_string(), &options()).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::IncompatibleVersion);
    assert!(error.message.contains("version 2"), "{error}");
    hand_of(&simulator).state().unwrap();
}

fn closing_stops_a_motion_and_keeps_a_grip(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    thread::scope(|scope| {
        let moving = scope.spawn(|| hand.move_to(0.0, 0.004));
        eventually("moving", || simulator.fingers().unwrap().is_moving);
        hand.close().unwrap();
        let error = moving.join().unwrap().unwrap_err();
        assert_eq!(error.code, ArmErrorCode::CommandAborted, "{error}");
    });
    assert!(!simulator.fingers().unwrap().is_moving);
    assert!(hand.is_closed());
    let error = hand.state().unwrap_err();
    assert_eq!(error.code, ArmErrorCode::InvalidOperation, "{error}");

    let width = simulator.fingers().unwrap().width;
    simulator.place_object(width).unwrap();
    let hand = hand_of(&simulator);
    assert!(grasped(&hand, width).unwrap());
    hand.close().unwrap();
    hand.close().unwrap();
    assert!(simulator.fingers().unwrap().is_grasped);
}

fn closing_a_hand_that_does_not_stop_says_so(rig: Rig) {
    let simulator = lockstep(rig);
    let hand = hand_of(&simulator);
    thread::scope(|scope| {
        let moving = scope.spawn(|| hand.move_to(0.0, 0.004));
        eventually("moving", || simulator.fingers().unwrap().is_moving);
        simulator.inject(Fault::Hand(HandFault::Deaf)).unwrap();
        let error = hand.close().unwrap_err();
        assert_eq!(error.code, ArmErrorCode::CommandTimeout, "{error}");
        assert!(error.message.contains("may still move"), "{error}");
        assert!(moving.join().unwrap().is_err());
    });
    assert!(hand.is_closed());
    hand.close().unwrap();
}

/// Grasps and releases an object until `over` is set. Returns how often the hand held it.
fn pick_until(simulator: &Simulator, over: &AtomicBool) -> u32 {
    let hand = hand_of(simulator);
    let mut picked = 0;
    while !over.load(Ordering::Acquire) {
        assert!(grasped(&hand, 0.07).unwrap());
        assert!(hand.state().unwrap().is_grasped);
        picked += 1;
        assert!(hand.move_to(0.08, 0.1).unwrap());
    }
    picked
}

fn the_hand_works_beside_a_session_in_lockstep_which_loses_no_command(rig: Rig) {
    let simulator = lockstep(rig);
    simulator.place_object(0.07).unwrap();
    for control in Control::JOINTS {
        let arm = connect(rig, &simulator);
        let over = Arc::new(AtomicBool::new(false));
        let hand = {
            let (simulator, over) = (Arc::clone(&simulator), Arc::clone(&over));
            thread::spawn(move || pick_until(&simulator, &over))
        };
        // At the pace of the arm, so that the hand has enough time.
        let policy = standing(control, |_| {
            thread::sleep(MS);
            Ok(())
        });
        let session = session(&arm, control, run_for(1_000), policy);
        ended_well(&session);
        over.store(true, Ordering::Release);
        assert!(hand.join().unwrap() > 0, "{control}");
    }
    let counters = simulator.counters();
    assert_eq!(counters.commands_lost, 0);
    // Until the first command arrives, the arm's time goes on. Answers to states of that time may be late.
    assert!(counters.commands_late <= 3 * counters.motions_started);
    assert_eq!(counters.motions_finished, counters.motions_started);
}

fn the_hand_works_beside_a_session_on_the_wall_clock(rig: Rig) {
    let simulator = start(
        rig,
        SimulatorOptions {
            object: Some(0.07),
            // A stall of the machine must not end the motion.
            lost_packet_limit: 10_000,
            ..SimulatorOptions::default()
        },
    );
    let arm = connect(rig, &simulator);
    let control = Control::JointVelocity;
    let session = session(&arm, control, run_for(1_500), standing(control, |_| Ok(())));
    let over = AtomicBool::new(false);
    let picked = thread::scope(|scope| {
        let hand = scope.spawn(|| pick_until(&simulator, &over));
        ended_well(&session);
        over.store(true, Ordering::Release);
        hand.join().unwrap()
    });
    assert!(picked > 0);
    let counters = simulator.counters();
    // How many cycles fit into the session, and how many of their commands come in time, is up to the machine. That
    // the hand costs none is shown in lockstep.
    assert!(counters.commands_received > 0, "{counters:?}");
    assert_eq!((counters.reflexes, counters.motions_finished), (0, 1));
}

fn refusal(address: &str, timeout: Duration) -> (ArmErrorCode, String) {
    let options = HandOptions {
        timeout,
        port: address
            .rsplit_once(':')
            .map(|(_, port)| port.parse().unwrap()),
        ..options()
    };
    let error = Hand::connect(address, &options).unwrap_err();
    (error.code, error.message)
}

#[test]
fn an_arm_without_a_hand_refuses() {
    let options = SimulatorOptions {
        hand: false,
        ..SimulatorOptions::default()
    };
    let simulator = Simulator::start(options).unwrap();
    let port = simulator.address().port() + 1;
    let (code, message) = refusal(&format!("127.0.0.1:{port}"), NEVER);
    assert_eq!(code, ArmErrorCode::ConnectRefused, "{message}");
    assert!(message.contains(&port.to_string()), "{message}");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let (code, message) = refusal(&address, Duration::from_millis(300));
    assert_eq!(code, ArmErrorCode::ConnectTimeout, "{message}");
    assert!(message.contains(&address), "{message}");
}

#[test]
fn a_hand_that_sends_no_state_is_given_up() {
    let simulator = Simulator::start(SimulatorOptions::default()).unwrap();
    simulator.inject(Fault::Hand(HandFault::Freeze)).unwrap();
    let address = simulator.hand_address().unwrap().to_string();
    let (code, message) = refusal(&address, Duration::from_millis(300));
    assert_eq!(code, ArmErrorCode::ConnectTimeout, "{message}");
}

#[test]
fn a_server_that_is_no_hand_is_refused() {
    let simulator = Simulator::start(SimulatorOptions::default()).unwrap();
    // The port is the arm's, whose headers are longer.
    let began = Instant::now();
    let address = simulator.address().to_string();
    refusal(&address, Duration::from_secs(5));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_host_without_an_address_fails() {
    let error = Hand::connect("no such host", &options()).unwrap_err();
    assert_eq!(error.code, ArmErrorCode::ConnectFailed, "{error}");
}
