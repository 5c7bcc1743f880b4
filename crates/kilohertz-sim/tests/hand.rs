//! The simulated hand with an independent client.

mod common;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use franka::wire::gripper::{GRIPPER_VERSION, GripperCommand, GripperConnectRequest};
use franka::wire::{GRIPPER_HEADER_LEN, HeaderLayout};
use franka::{FrankaError, Gripper, GripperState};
use kilohertz_sim::{Fault, Generation, HandFault, Simulator, SimulatorOptions};
use zerocopy::IntoBytes;

on_each_arm! {
    a_hand_is_homed_moved_and_read,
    a_grasp_is_successful_by_width_and_epsilon,
    an_object_that_is_taken_away_is_no_longer_grasped,
    a_stop_ends_a_motion_under_way,
    what_the_hand_cannot_do_fails,
    another_version_is_refused_with_the_right_one,
    a_second_client_is_turned_away_and_the_next_gets_in,
    a_client_that_leaves_stops_a_motion_and_keeps_a_grip,
    a_hand_that_dies_leaves_the_arm_alive,
    garbage_ends_only_that_clients_connection,
}

fn around(arm: Generation, object: f64) -> Simulator {
    Simulator::start(SimulatorOptions {
        object: Some(object),
        ..options(arm)
    })
    .unwrap()
}

fn hand_of(simulator: &Simulator) -> Gripper {
    Gripper::new(&simulator.hand_address().unwrap().to_string()).unwrap()
}

/// Returns the first state for which `shows` is true. A state from before a command may still arrive first.
fn state_that(hand: &Gripper, what: &str, shows: impl Fn(&GripperState) -> bool) -> GripperState {
    let give_up = Instant::now() + NEVER;
    loop {
        let state = hand.read_once().unwrap();
        if shows(&state) {
            return state;
        }
        assert!(Instant::now() < give_up, "still not {what}: {state:?}");
    }
}

fn a_hand_is_homed_moved_and_read(arm: Generation) {
    let simulator = lockstep(arm);
    let hand = hand_of(&simulator);
    assert_eq!(hand.server_version(), GRIPPER_VERSION);
    assert!(hand.homing().unwrap());
    let state = hand.read_once().unwrap();
    assert_eq!((state.width, state.max_width), (0.08, 0.08));
    assert!(!state.is_grasped && state.temperature > 0);

    let began = Instant::now();
    assert!(hand.move_gripper(0.03, 0.1).unwrap());
    assert!(
        began.elapsed() >= Duration::from_millis(450),
        "50 mm at 0.1 m/s"
    );
    assert_eq!(simulator.fingers().unwrap().width, 0.03);
    let later = state_that(&hand, "there", |state| state.width == 0.03);
    assert!(later.time > state.time);
}

fn a_grasp_is_successful_by_width_and_epsilon(arm: Generation) {
    let simulator = around(arm, 0.05);
    let hand = hand_of(&simulator);
    for (width, inner, outer, held) in [
        (0.05, 0.005, 0.005, true),
        (0.046, 0.005, 0.005, true),
        (0.044, 0.005, 0.005, false),
        (0.044, 0.005, 0.01, true),
        (0.056, 0.005, 0.005, false),
        (0.056, 0.01, 0.005, true),
        (0.0, 0.005, 0.08, true),
    ] {
        let what = format!("{width} -{inner} +{outer}");
        assert_eq!(
            hand.grasp(width, 0.1, 20.0, inner, outer).unwrap(),
            held,
            "{what}"
        );
        let state = state_that(&hand, &what, |state| state.is_grasped == held);
        assert_eq!(state.width, 0.05);
        assert_eq!(simulator.fingers().unwrap().force > 0.0, held, "{what}");
        assert!(hand.move_gripper(0.08, 0.1).unwrap());
    }
    simulator.remove_object().unwrap();
    assert!(!hand.grasp(0.05, 0.1, 20.0, 0.005, 0.005).unwrap());
}

fn an_object_that_is_taken_away_is_no_longer_grasped(arm: Generation) {
    let simulator = wall_clock(arm);
    simulator.place_object(0.06).unwrap();
    let hand = hand_of(&simulator);
    assert!(hand.grasp(0.06, 0.1, 20.0, 0.005, 0.005).unwrap());
    assert!(
        simulator.place_object(0.07).is_err(),
        "wider than the fingers are open"
    );
    simulator.remove_object().unwrap();
    state_that(&hand, "lost", |state| {
        !state.is_grasped && state.width == 0.0
    });
}

fn a_stop_ends_a_motion_under_way(arm: Generation) {
    let simulator = wall_clock(arm);
    let hand = hand_of(&simulator);
    thread::scope(|scope| {
        let moving = scope.spawn(|| hand.move_gripper(0.0, 0.004));
        eventually("moving", || simulator.fingers().unwrap().is_moving);
        assert!(hand.stop().unwrap());
        let error = moving.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("aborted"), "{error}");
    });
    let stopped = simulator.fingers().unwrap();
    assert!(stopped.width > 0.0 && !stopped.is_moving, "{stopped:?}");
    assert!(hand.move_gripper(0.08, 0.1).unwrap(), "and goes on");
}

fn what_the_hand_cannot_do_fails(arm: Generation) {
    let simulator = around(arm, 0.075);
    let hand = hand_of(&simulator);
    let failed = |tried: Result<bool, FrankaError>| {
        let error = tried.unwrap_err();
        assert!(error.to_string().contains("failed"), "{error}");
    };
    failed(hand.move_gripper(0.09, 0.1));
    failed(hand.move_gripper(0.04, 0.0));
    failed(hand.grasp(0.04, 0.1, f64::NAN, 0.005, 0.005));
    simulator.inject(Fault::Hand(HandFault::FailNext)).unwrap();
    failed(hand.move_gripper(0.08, 0.1));
    assert!(!hand.homing().unwrap(), "something is in the way");
    assert!(!hand.move_gripper(0.07, 0.1).unwrap(), "and still is");
    assert!(hand.move_gripper(0.08, 0.1).unwrap());
}

fn another_version_is_refused_with_the_right_one(arm: Generation) {
    let simulator = wall_clock(arm);
    simulator
        .inject(Fault::Hand(HandFault::RejectConnect { version: 2 }))
        .unwrap();
    let refused = Gripper::new(&simulator.hand_address().unwrap().to_string());
    assert!(matches!(
        refused.unwrap_err(),
        FrankaError::IncompatibleVersion {
            server_version: 2,
            ..
        }
    ));
    let (_stream, status, version) = raw_connect(&simulator, GRIPPER_VERSION - 1);
    assert_eq!((status, version), (1, GRIPPER_VERSION));
    hand_of(&simulator).read_once().unwrap();
}

/// Connects with a client that is written here. Returns the connection, the status and the version.
fn raw_connect(simulator: &Simulator, version: u16) -> (TcpStream, u16, u16) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    let mut stream = TcpStream::connect(simulator.hand_address().unwrap()).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let request = GripperConnectRequest::new(version, port);
    stream
        .write_all(&message(
            GripperCommand::Connect.to_u16(),
            request.as_bytes(),
        ))
        .unwrap();
    let mut answer = [0; GRIPPER_HEADER_LEN + 4];
    stream.read_exact(&mut answer).unwrap();
    let number = |at: usize| u16::from_le_bytes([answer[at], answer[at + 1]]);
    (
        stream,
        number(GRIPPER_HEADER_LEN),
        number(GRIPPER_HEADER_LEN + 2),
    )
}

fn message(command: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = HeaderLayout::Gripper.encode_header(command.into(), 0, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

fn a_second_client_is_turned_away_and_the_next_gets_in(arm: Generation) {
    let simulator = wall_clock(arm);
    let address = simulator.hand_address().unwrap().to_string();
    let first = hand_of(&simulator);
    assert!(Gripper::new(&address).is_err());
    first.read_once().unwrap();
    drop(first);
    for round in 0..50 {
        let next = Gripper::new(&address);
        assert!(next.is_ok(), "round {round}: {:?}", next.err());
    }
}

fn a_client_that_leaves_stops_a_motion_and_keeps_a_grip(arm: Generation) {
    let simulator = wall_clock(arm);
    let (mut stream, ..) = raw_connect(&simulator, GRIPPER_VERSION);
    let slow = franka::wire::gripper::GripperMoveRequest::new(0.0, 0.004);
    stream
        .write_all(&message(GripperCommand::Move.to_u16(), slow.as_bytes()))
        .unwrap();
    eventually("moving", || simulator.fingers().unwrap().is_moving);
    drop(stream);
    eventually("stopped", || !simulator.fingers().unwrap().is_moving);
    let width = simulator.fingers().unwrap().width;
    assert!(width > 0.0);

    simulator.place_object(width).unwrap();
    let hand = hand_of(&simulator);
    assert!(hand.grasp(width, 0.1, 20.0, 0.005, 0.005).unwrap());
    drop(hand);
    let hand = hand_of(&simulator);
    assert!(hand.read_once().unwrap().is_grasped);
}

fn a_hand_that_dies_leaves_the_arm_alive(arm: Generation) {
    let simulator = wall_clock(arm);
    let hand = hand_of(&simulator);
    simulator.inject(Fault::Hand(HandFault::Die)).unwrap();
    assert!(hand.move_gripper(0.01, 0.1).is_err());
    eventually("nobody listens", || {
        TcpStream::connect(simulator.hand_address().unwrap()).is_err()
    });
    with_robot(&simulator, |robot| robot.read_once().map(drop).unwrap());
}

fn garbage_ends_only_that_clients_connection(arm: Generation) {
    let simulator = wall_clock(arm);
    let mut noise = noise(0x2545_f491_4f6c_dd1d);
    for round in 0..60_u16 {
        let mut bytes = Vec::new();
        if round % 3 == 0 {
            let request = GripperConnectRequest::new(GRIPPER_VERSION, 9);
            bytes = message(GripperCommand::Connect.to_u16(), request.as_bytes());
            bytes.extend(message(round % 7, &vec![0xff; usize::from(round)]));
        }
        for _ in 0..(round * 13 % 700) {
            bytes.push(noise());
        }
        let mut stream = TcpStream::connect(simulator.hand_address().unwrap()).unwrap();
        let _ = stream.write_all(&bytes);
    }
    eventually("a sound client gets in", || {
        Gripper::new(&simulator.hand_address().unwrap().to_string())
            .and_then(|hand| hand.read_once())
            .is_ok()
    });
}

#[test]
fn a_simulator_without_a_hand_has_no_second_port() {
    let simulator = Simulator::start(SimulatorOptions {
        hand: false,
        ..SimulatorOptions::default()
    })
    .unwrap();
    assert_eq!(simulator.hand_address(), None);
    assert_eq!(simulator.fingers().unwrap_err().code(), "SIM_OPTION");
    assert_eq!(
        simulator.place_object(0.01).unwrap_err().code(),
        "SIM_OPTION"
    );
}

#[test]
fn the_hand_listens_on_the_port_after_the_arms() {
    let simulators: Vec<Simulator> = (0..20)
        .map(|_| Simulator::start(SimulatorOptions::default()).unwrap())
        .collect();
    for simulator in &simulators {
        let hand = simulator.hand_address().unwrap();
        assert_eq!(hand.ip(), simulator.address().ip());
        assert_eq!(hand.port(), simulator.address().port() + 1);
        hand_of(simulator);
    }
}
