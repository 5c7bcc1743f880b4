//! Faults on request, and clients that do not keep to the protocol.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use common::*;
use franka::wire::robot::{
    Command, ConnectRequest, ConnectResponse, Deviation, MoveMotionGeneratorMode, MoveRequest,
    RobotCommand, v5,
};
use franka::wire::{HeaderLayout, ROBOT_HEADER_LEN};
use franka::{
    FrankaError, FrankaResult, JointVelocities, MoveControllerMode, Robot, RobotMode,
    motion_finished,
};
use kilohertz_sim::{Fault, Generation, Simulator, SimulatorOptions};
use zerocopy::{FromBytes, IntoBytes};

on_each_arm! {
    a_client_that_leaves_makes_room_for_the_next_at_once,
    dropped_states_are_commands_lost,
    dropped_commands_are_commands_lost,
    twenty_dropped_commands_in_a_row_end_the_motion,
    delayed_states_and_commands_arrive_after_all,
    on_the_wall_clock_a_delayed_command_is_late_and_lost,
    a_server_that_dies_in_a_motion_is_an_error_for_the_client,
    a_frozen_server_sends_nothing_more_and_still_stops,
    a_wrong_version_is_refused_with_the_right_one,
    garbage_on_tcp_ends_only_that_clients_connection,
    garbage_on_udp_is_counted_and_ignored,
    a_command_that_is_not_a_number_ends_the_motion_as_an_input_error,
    a_second_client_is_turned_away_and_the_first_stays,
    a_client_that_vanishes_in_a_motion_leaves_an_arm_at_rest_for_the_next,
    a_client_that_says_nothing_makes_room_for_the_next,
    in_lockstep_the_motion_of_an_absent_client_ends,
    an_unknown_or_mangled_request_is_answered_as_refused,
}

const REST: JointVelocities = JointVelocities {
    dq: [0.0; 7],
    motion_finished: false,
};

/// Runs a motion at rest of `ticks` commands, and calls `act` with each tick.
fn motion_at_rest(robot: &Robot, ticks: u32, mut act: impl FnMut(u32)) -> FrankaResult<()> {
    let mut control = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
    for tick in 0..ticks {
        control.read_once()?;
        act(tick);
        control.write_once(&REST, None)?;
    }
    control.read_once()?;
    control.write_once(&motion_finished(REST), None)
}

fn dropped_states_are_commands_lost(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        motion_at_rest(robot, 100, |tick| {
            if tick == 50 {
                simulator.inject(Fault::DropStates { count: 7 }).unwrap();
            }
        })
        .unwrap();
    });
    let counters = simulator.counters();
    assert_eq!(counters.states_dropped, 7);
    assert_eq!((counters.commands_lost, counters.longest_lost_run), (7, 7));
}

fn dropped_commands_are_commands_lost(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        motion_at_rest(robot, 100, |tick| {
            if tick == 50 {
                simulator.inject(Fault::DropCommands { count: 9 }).unwrap();
            }
        })
        .unwrap();
    });
    let counters = simulator.counters();
    assert_eq!(counters.commands_dropped, 9);
    assert_eq!((counters.commands_lost, counters.longest_lost_run), (9, 9));
}

fn twenty_dropped_commands_in_a_row_end_the_motion(arm: Generation) {
    let simulator = lockstep(arm);
    let error = with_robot(&simulator, |robot| {
        motion_at_rest(robot, 100, |tick| {
            if tick == 50 {
                simulator
                    .inject(Fault::DropCommands { count: 1000 })
                    .unwrap();
            }
        })
        .unwrap_err()
    });
    assert_cut_off(&error);
    assert_eq!(simulator.counters().longest_lost_run, 20);
}

fn delayed_states_and_commands_arrive_after_all(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        motion_at_rest(robot, 60, |tick| {
            if tick == 20 {
                let by = Duration::from_millis(5);
                simulator
                    .inject(Fault::DelayStates { count: 3, by })
                    .unwrap();
                simulator
                    .inject(Fault::DelayCommands { count: 3, by })
                    .unwrap();
            }
        })
        .unwrap();
    });
    let counters = simulator.counters();
    assert_eq!((counters.states_delayed, counters.commands_delayed), (3, 3));
    assert_eq!(counters.commands_lost, 0, "lockstep waits for what is late");
    assert_eq!(counters.motions_finished, 1);
}

fn on_the_wall_clock_a_delayed_command_is_late_and_lost(arm: Generation) {
    let simulator = forgiving(arm);
    with_robot(&simulator, |robot| {
        motion_at_rest(robot, 60, |tick| {
            if tick == 20 {
                let by = Duration::from_millis(20);
                simulator
                    .inject(Fault::DelayCommands { count: 5, by })
                    .unwrap();
            }
        })
        .unwrap();
    });
    eventually("all came", || simulator.counters().commands_delayed == 5);
    let counters = simulator.counters();
    assert!(counters.commands_lost >= 5, "{counters:?}");
    assert!(
        counters.commands_late + counters.commands_outside >= 5,
        "{counters:?}"
    );
}

fn a_server_that_dies_in_a_motion_is_an_error_for_the_client(arm: Generation) {
    let simulator = lockstep(arm);
    let error = with_robot(&simulator, |robot| {
        motion_at_rest(robot, 100, |tick| {
            if tick == 50 {
                simulator.inject(Fault::Die).unwrap();
            }
        })
        .unwrap_err()
    });
    assert!(matches!(error, FrankaError::Network(_)), "{error:?}");
    assert!(matches!(
        simulator.inject(Fault::DropStates { count: 1 }),
        Err(error) if error.code() == "SIM_STOPPED"
    ));
    eventually("nobody listens", || {
        TcpStream::connect(simulator.address()).is_err()
    });
    simulator.stop();
}

fn a_frozen_server_sends_nothing_more_and_still_stops(arm: Generation) {
    let simulator = wall_clock(arm);
    with_robot(&simulator, |robot| {
        simulator.inject(Fault::Freeze).unwrap();
        let mut error = None;
        for _ in 0..100 {
            if let Err(e) = robot.read_once() {
                error = Some(e);
                break;
            }
        }
        assert!(matches!(error, Some(FrankaError::Network(_))), "{error:?}");
        TcpStream::connect(simulator.address()).expect("the sockets are still open");
    });
    simulator.stop();
}

fn a_wrong_version_is_refused_with_the_right_one(arm: Generation) {
    let simulator = wall_clock(arm);
    simulator
        .inject(Fault::RejectConnect { version: 7 })
        .unwrap();
    std::thread::scope(|scope| {
        scope
            .spawn(|| match connect(&simulator) {
                Err(FrankaError::IncompatibleVersion { server_version, .. }) => {
                    assert_eq!(server_version, 7);
                }
                other => panic!("{other:?}"),
            })
            .join()
            .unwrap();
    });
    let mut stream = TcpStream::connect(simulator.address()).unwrap();
    stream
        .write_all(&request(
            Command::Connect,
            ConnectRequest::new(15 - arm.fci_version(), 1).as_bytes(),
        ))
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let response = ConnectResponse::read_from_bytes(&answer[ROBOT_HEADER_LEN..]).unwrap();
    assert_eq!(
        (response.status, response.version.get()),
        (1, arm.fci_version())
    );
    with_robot(&simulator, |robot| {
        assert_eq!(robot.server_version(), arm.fci_version());
    });
}

fn request(command: Command, payload: &[u8]) -> Vec<u8> {
    let mut bytes = HeaderLayout::Robot.encode_header(command.to_u32(), 1, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns the payload of a `Move` by joint velocities.
fn velocity_motion(arm: Generation) -> Vec<u8> {
    let controller = MoveControllerMode::JointImpedance;
    let wide = Deviation::new(10.0, 3.0, 6.0);
    match arm {
        Generation::Fr3 => {
            let generator = MoveMotionGeneratorMode::JointVelocity;
            let motion = MoveRequest::new(controller, generator, wide, wide);
            motion.as_bytes().to_vec()
        }
        Generation::Fer => {
            let generator = v5::MoveMotionGeneratorMode::JointVelocity;
            let motion = v5::MoveRequest::new(controller, generator, wide, wide);
            motion.as_bytes().to_vec()
        }
    }
}

/// Returns the datagram that commands joint 3 to move at `dq` [rad/s].
fn command(arm: Generation, answers: u64, dq: f64) -> Vec<u8> {
    match arm {
        Generation::Fr3 => {
            let mut command = RobotCommand::default();
            command.message_id.set(answers);
            command.motion.dq_c[2].set(dq);
            command.as_bytes().to_vec()
        }
        Generation::Fer => {
            let mut command = v5::RobotCommand::default();
            command.message_id.set(answers);
            command.motion.dq_c[2].set(dq);
            command.as_bytes().to_vec()
        }
    }
}

/// Connects with a client that is written here.
fn raw_client(arm: Generation, address: SocketAddr) -> (TcpStream, UdpSocket, SocketAddr) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(NEVER)).unwrap();
    let port = udp.local_addr().unwrap().port();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream
        .write_all(&request(
            Command::Connect,
            ConnectRequest::new(arm.fci_version(), port).as_bytes(),
        ))
        .unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 3];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[ROBOT_HEADER_LEN], 0);
    let mut state = [0; 3000];
    let (length, server) = udp.recv_from(&mut state).unwrap();
    let expected = match arm {
        Generation::Fr3 => 1377,
        Generation::Fer => 2373,
    };
    assert_eq!(length, expected);
    (stream, udp, server)
}

fn garbage_on_tcp_ends_only_that_clients_connection(arm: Generation) {
    let simulator = wall_clock(arm);
    let mut noise = noise(0x2545_f491_4f6c_dd1d);
    for round in 0..60 {
        let mut bytes = Vec::new();
        if round % 3 == 0 {
            bytes = request(
                Command::Connect,
                ConnectRequest::new(arm.fci_version(), 9).as_bytes(),
            );
        }
        for _ in 0..(round * 13 % 700) {
            bytes.push(noise());
        }
        if round % 5 == 0 {
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
            bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let mut stream = TcpStream::connect(simulator.address()).unwrap();
        let _ = stream.write_all(&bytes);
    }
    lets_in(&simulator, "a sound client gets in");
}

fn garbage_on_udp_is_counted_and_ignored(arm: Generation) {
    let simulator = wall_clock(arm);
    let (_stream, udp, server) = raw_client(arm, simulator.address());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let command = command(arm, 0, 0.0);
    for length in [0, 1, 8, command.len() - 1, command.len() + 1, 1377, 9000] {
        udp.send_to(&vec![0xff; length], server).unwrap();
    }
    stranger.send_to(&command, server).unwrap();
    eventually("counted", || simulator.counters().datagrams_refused == 8);
    let ticks = simulator.counters().ticks;
    eventually("time goes on", || simulator.counters().ticks > ticks + 20);
}

fn a_command_that_is_not_a_number_ends_the_motion_as_an_input_error(arm: Generation) {
    let simulator = wall_clock(arm);
    let (mut stream, udp, server) = raw_client(arm, simulator.address());
    stream
        .write_all(&request(Command::Move, &velocity_motion(arm)))
        .unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 1];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        answer[ROBOT_HEADER_LEN],
        franka::MoveStatus::MotionStarted.to_u8()
    );
    let mut state = [0; 3000];
    // Repeats until a command answers the newest state in time.
    let aborted = loop {
        udp.recv_from(&mut state).unwrap();
        let answers = u64::from_le_bytes(state[..8].try_into().unwrap());
        udp.send_to(&command(arm, answers, f64::NAN), server)
            .unwrap();
        if simulator.counters().motions_aborted == 1 {
            stream.read_exact(&mut answer).unwrap();
            break answer[ROBOT_HEADER_LEN];
        }
    };
    let input_error = match arm {
        Generation::Fr3 => franka::MoveStatus::InputErrorAborted.to_u8(),
        Generation::Fer => v5::MoveStatus::InputErrorAborted.to_u8(),
    };
    assert_eq!(aborted, input_error);
    assert!(simulator.joints().q.iter().all(|q| q.is_finite()));
}

fn a_second_client_is_turned_away_and_the_first_stays(arm: Generation) {
    let simulator = wall_clock(arm);
    with_robot(&simulator, |robot| {
        assert!(connect(&simulator).is_err());
        assert_eq!(robot.read_once().unwrap().robot_mode, RobotMode::Idle);
    });
    with_robot(&simulator, |robot| robot.read_once().map(drop).unwrap());
    assert_eq!(simulator.counters().clients, 2);
}

/// The client's thread has a higher priority than the server's, if the system permits it.
fn a_client_that_leaves_makes_room_for_the_next_at_once(arm: Generation) {
    let simulator = wall_clock(arm);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            for round in 0..300 {
                assert!(connect(&simulator).is_ok(), "round {round}");
            }
        });
        client.join().unwrap();
    });
}

fn a_client_that_vanishes_in_a_motion_leaves_an_arm_at_rest_for_the_next(arm: Generation) {
    let simulator = lockstep(arm);
    for _ in 0..5 {
        with_robot(&simulator, |robot| {
            let mut control = robot
                .start_joint_velocity_control(MoveControllerMode::JointImpedance)
                .unwrap();
            for tick in 0..100 {
                control.read_once().unwrap();
                let dq = 0.002 * f64::from(tick);
                control
                    .write_once(&JointVelocities::new([dq, 0., 0., 0., 0., 0., 0.]), None)
                    .unwrap();
            }
            // The client sends no StopMove, as when its process is killed.
            std::mem::forget(control);
        });
    }
    let counters = simulator.counters();
    assert_eq!(counters.motions_started, 5);
    eventually("aborted", || simulator.counters().motions_aborted == 5);
    eventually("at rest", || simulator.joints().dq[0].abs() < 1e-3);
    assert_eq!(simulator.counters().reflexes, 0);
}

/// Only the answers of an FR3 are long enough for this.
#[test]
fn a_client_that_never_reads_its_answers_delays_no_other() {
    let arm = Generation::Fr3;
    let simulator = wall_clock(arm);
    let (mut stream, _udp, _server) = raw_client(arm, simulator.address());
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let model = request(Command::GetRobotModel, &[]);
    for _ in 0..20_000 {
        if stream.write_all(&model).is_err() {
            break;
        }
    }
    let ticks = simulator.counters().ticks;
    eventually("time goes on", || simulator.counters().ticks > ticks + 20);
    lets_in(&simulator, "it is disconnected");
    simulator.stop();
}

fn a_client_that_says_nothing_makes_room_for_the_next(arm: Generation) {
    let simulator = wall_clock(arm);
    let _silent = TcpStream::connect(simulator.address()).unwrap();
    lets_in(&simulator, "its patience is over");
}

fn in_lockstep_the_motion_of_an_absent_client_ends(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        // Twenty times this would be longer than the test waits.
        lockstep_timeout: Duration::from_secs(2),
        ..options(arm)
    })
    .unwrap();
    let error = with_robot(&simulator, |robot| {
        motion_at_rest(robot, 100, |tick| {
            if tick == 50 {
                eventually("given up", || simulator.counters().reflexes == 1);
            }
        })
        .unwrap_err()
    });
    assert_cut_off(&error);
    let counters = simulator.counters();
    assert_eq!(
        (counters.commands_lost, counters.longest_lost_run),
        (20, 20)
    );
}

fn an_unknown_or_mangled_request_is_answered_as_refused(arm: Generation) {
    let simulator = wall_clock(arm);
    let (mut stream, _udp, _server) = raw_client(arm, simulator.address());
    let unknown = HeaderLayout::Robot.encode_header(77, 5, 0);
    stream.write_all(&unknown).unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 1];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        HeaderLayout::Robot.decode_header(&answer),
        Some((77, 5, 13))
    );
    assert_eq!(answer[ROBOT_HEADER_LEN], 1, "not possible");
    stream.write_all(&request(Command::Move, &[0; 3])).unwrap();
    stream.read_exact(&mut answer).unwrap();
    let invalid = match arm {
        Generation::Fr3 => franka::MoveStatus::InvalidArgumentRejected.to_u8(),
        Generation::Fer => v5::MoveStatus::InvalidArgumentRejected.to_u8(),
    };
    assert_eq!(answer[ROBOT_HEADER_LEN], invalid);
}
