//! Faults on request, and clients that misbehave.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use common::{connect, eventually, lockstep, wall_clock, with_robot};
use franka::wire::robot::{Command, ConnectRequest, ConnectResponse, RobotCommand};
use franka::wire::{HeaderLayout, ROBOT_HEADER_LEN};
use franka::{
    FrankaError, FrankaResult, JointVelocities, MoveControllerMode, Robot, RobotMode,
    motion_finished,
};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};
use zerocopy::{FromBytes, IntoBytes};

const REST: JointVelocities = JointVelocities {
    dq: [0.0; 7],
    motion_finished: false,
};

/// A motion of `ticks` commands at rest; `act` is told each tick.
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

#[test]
fn dropped_states_are_commands_lost() {
    let simulator = lockstep();
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

#[test]
fn dropped_commands_are_commands_lost() {
    let simulator = lockstep();
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

#[test]
fn twenty_dropped_commands_in_a_row_end_the_motion() {
    let simulator = lockstep();
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
    assert!(
        error
            .to_string()
            .contains("communication_constraints_violation"),
        "{error}"
    );
    assert_eq!(simulator.counters().longest_lost_run, 20);
}

#[test]
fn delayed_states_and_commands_arrive_after_all() {
    let simulator = lockstep();
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

#[test]
fn on_the_wall_clock_a_delayed_command_is_late_and_lost() {
    let simulator = Simulator::start(SimulatorOptions {
        lost_packet_limit: 2000,
        ..SimulatorOptions::default()
    })
    .unwrap();
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

#[test]
fn a_server_that_dies_in_a_motion_is_an_error_for_the_client() {
    let simulator = lockstep();
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

#[test]
fn a_frozen_server_sends_nothing_more_and_still_stops() {
    let simulator = wall_clock();
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

#[test]
fn a_wrong_version_is_refused_with_the_right_one() {
    let simulator = wall_clock();
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
            ConnectRequest::new(5, 1).as_bytes(),
        ))
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let response = ConnectResponse::read_from_bytes(&answer[ROBOT_HEADER_LEN..]).unwrap();
    assert_eq!((response.status, response.version.get()), (1, 10));
    with_robot(&simulator, |robot| assert_eq!(robot.server_version(), 10));
}

fn request(command: Command, payload: &[u8]) -> Vec<u8> {
    let mut bytes = HeaderLayout::Robot.encode_header(command.to_u32(), 1, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// A client of its own making, connected.
fn raw_client(address: SocketAddr) -> (TcpStream, UdpSocket, SocketAddr) {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = udp.local_addr().unwrap().port();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
        .write_all(&request(
            Command::Connect,
            ConnectRequest::new(10, port).as_bytes(),
        ))
        .unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 3];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[ROBOT_HEADER_LEN], 0);
    let mut state = [0; 2000];
    let (length, server) = udp.recv_from(&mut state).unwrap();
    assert_eq!(length, 1377);
    (stream, udp, server)
}

#[test]
fn garbage_on_tcp_costs_the_client_its_connection_and_nobody_else_theirs() {
    let simulator = wall_clock();
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..60 {
        let mut bytes = Vec::new();
        if round % 3 == 0 {
            bytes = request(Command::Connect, ConnectRequest::new(10, 9).as_bytes());
        }
        for _ in 0..(round * 13 % 700) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            bytes.push(noise as u8);
        }
        if round % 5 == 0 {
            bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
            bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let mut stream = TcpStream::connect(simulator.address()).unwrap();
        let _ = stream.write_all(&bytes);
    }
    eventually("a sound client gets in", || {
        std::thread::scope(|scope| {
            scope
                .spawn(|| connect(&simulator).and_then(|robot| robot.read_once()))
                .join()
                .unwrap()
        })
        .is_ok()
    });
}

#[test]
fn garbage_on_udp_is_counted_and_ignored() {
    let simulator = wall_clock();
    let (_stream, udp, server) = raw_client(simulator.address());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 8, 370, 372, 1377, 9000] {
        udp.send_to(&vec![0xff; length], server).unwrap();
    }
    stranger
        .send_to(RobotCommand::default().as_bytes(), server)
        .unwrap();
    eventually("counted", || simulator.counters().datagrams_refused == 8);
    let ticks = simulator.counters().ticks;
    eventually("time goes on", || simulator.counters().ticks > ticks + 20);
}

#[test]
fn a_command_that_is_not_a_number_ends_the_motion_as_an_input_error() {
    use franka::wire::robot::{Deviation, MoveMotionGeneratorMode, MoveRequest};
    let simulator = wall_clock();
    let (mut stream, udp, server) = raw_client(simulator.address());
    let wide = Deviation::new(10.0, 3.0, 6.0);
    let motion = MoveRequest::new(
        MoveControllerMode::JointImpedance,
        MoveMotionGeneratorMode::JointVelocity,
        wide,
        wide,
    );
    stream
        .write_all(&request(Command::Move, motion.as_bytes()))
        .unwrap();
    let mut answer = [0; ROBOT_HEADER_LEN + 1];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        answer[ROBOT_HEADER_LEN],
        franka::MoveStatus::MotionStarted.to_u8()
    );
    let mut state = [0; 2000];
    // Until one answers the newest state in time.
    let aborted = loop {
        udp.recv_from(&mut state).unwrap();
        let mut command = RobotCommand::default();
        command
            .message_id
            .set(u64::from_le_bytes(state[..8].try_into().unwrap()));
        command.motion.dq_c[2].set(f64::NAN);
        udp.send_to(command.as_bytes(), server).unwrap();
        if simulator.counters().motions_aborted == 1 {
            stream.read_exact(&mut answer).unwrap();
            break answer[ROBOT_HEADER_LEN];
        }
    };
    assert_eq!(aborted, franka::MoveStatus::InputErrorAborted.to_u8());
    assert!(simulator.joints().q.iter().all(|q| q.is_finite()));
}

#[test]
fn a_second_client_is_turned_away_and_the_first_stays() {
    let simulator = wall_clock();
    with_robot(&simulator, |robot| {
        assert!(connect(&simulator).is_err());
        assert_eq!(robot.read_once().unwrap().robot_mode, RobotMode::Idle);
    });
    with_robot(&simulator, |robot| robot.read_once().map(drop).unwrap());
    assert_eq!(simulator.counters().clients, 2);
}

#[test]
fn a_client_that_vanishes_in_a_motion_leaves_an_arm_at_rest_for_the_next() {
    let simulator = lockstep();
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
            // No StopMove: as when a process is killed.
            std::mem::forget(control);
        });
    }
    let counters = simulator.counters();
    assert_eq!(counters.motions_started, 5);
    eventually("aborted", || simulator.counters().motions_aborted == 5);
    eventually("at rest", || simulator.joints().dq[0].abs() < 1e-3);
    assert_eq!(simulator.counters().reflexes, 0);
}

#[test]
fn a_client_that_never_reads_its_answers_holds_nobody_up() {
    let simulator = wall_clock();
    let (mut stream, _udp, _server) = raw_client(simulator.address());
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
    eventually("it is disconnected", || {
        std::thread::scope(|scope| {
            scope
                .spawn(|| connect(&simulator).and_then(|robot| robot.read_once()))
                .join()
                .unwrap()
        })
        .is_ok()
    });
    simulator.stop();
}

#[test]
fn a_client_that_says_nothing_makes_room_for_the_next() {
    let simulator = wall_clock();
    let _silent = TcpStream::connect(simulator.address()).unwrap();
    eventually("its patience is over", || {
        std::thread::scope(|scope| {
            scope
                .spawn(|| connect(&simulator).and_then(|robot| robot.read_once()))
                .join()
                .unwrap()
        })
        .is_ok()
    });
}

#[test]
fn in_lockstep_a_client_that_stays_away_ends_its_motion_in_the_end() {
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        // Twenty times as long would be longer than the test waits.
        lockstep_timeout: Duration::from_secs(2),
        ..SimulatorOptions::default()
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
    assert!(
        error
            .to_string()
            .contains("communication_constraints_violation"),
        "{error}"
    );
    let counters = simulator.counters();
    assert_eq!(
        (counters.commands_lost, counters.longest_lost_run),
        (20, 20)
    );
}

#[test]
fn an_unknown_or_mangled_request_is_answered_as_refused() {
    let simulator = wall_clock();
    let (mut stream, _udp, _server) = raw_client(simulator.address());
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
    assert_eq!(
        answer[ROBOT_HEADER_LEN],
        franka::MoveStatus::InvalidArgumentRejected.to_u8()
    );
}
