//! Fuzz tests: whatever a client sends, on TCP and on UDP, the simulator gives the required answers and the
//! arm stays within its limits.
//!
//! The tests take some seconds in `cargo test`. `PROPTEST_CASES` changes the number of cases. Cases that have
//! failed once are kept in `proptest-regressions/` and run first.

use std::net::SocketAddr;
use std::sync::mpsc;

use franka::wire::robot::{ConnectRequest, MoveControllerMode};
use franka::wire::{HeaderLayout, ROBOT_HEADER_LEN};
use proptest::collection::vec;
use proptest::prelude::*;
use zerocopy::IntoBytes;

use crate::control_box::ControlBox;
use crate::control_box::state::StateWriter;
use crate::fault::Fault;
use crate::generation::Generation;
use crate::options::SimulatorOptions;
use crate::server::commands::{Conversation, Gate, Step};
use crate::server::message::Message;
use crate::server::model_library::ModelLibrary;
use crate::wire::generator::Generator;
use crate::wire::messages::{Command, Setpoint, Ticket};
use crate::wire::request::{Request, decode};

/// Returns `PROPTEST_CASES`, or `usual` cases.
fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(usual, |_| asked.cases);
    ProptestConfig { cases, ..asked }
}

fn generation() -> impl Strategy<Value = Generation> {
    prop::sample::select(&Generation::ALL[..])
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

/// A number that a client may send: usually a valid one.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -3.0..3.0,
        2 => -1e-3..1e-3,
        1 => any::<f64>(),
        1 => prop::sample::select(&[f64::NAN, f64::INFINITY, -0.0, 1e308][..]),
    ]
}

/// The length of a command.
fn command_length(generation: Generation) -> usize {
    match generation {
        Generation::Fr3 => size_of::<franka::wire::robot::v10::RobotCommand>(),
        Generation::Fer => size_of::<franka::wire::robot::v5::RobotCommand>(),
    }
}

/// The motion generators of the motions under test.
const GENERATORS: [Generator; 5] = [
    Generator::JointPosition,
    Generator::JointVelocity,
    Generator::CartesianPose,
    Generator::CartesianVelocity,
    Generator::None,
];

fn moving(generation: Generation, generator: Generator, lockstep: bool) -> ControlBox {
    let options = SimulatorOptions {
        generation,
        lockstep,
        ..SimulatorOptions::default()
    };
    let mut robot = ControlBox::new(&options).unwrap();
    let controller = match generator {
        Generator::None => MoveControllerMode::ExternalController,
        _ => MoveControllerMode::JointImpedance,
    };
    let ticket = Ticket { command: 1, id: 1 };
    robot.request(
        ticket,
        Request::Move {
            generator,
            controller,
            asynchronous: None,
        },
    );
    robot.tick();
    robot
}

fn is_an_arm(robot: &ControlBox) -> Result<(), TestCaseError> {
    let pose = &robot.arm.pose;
    let envelope = robot.generation.envelope();
    for joint in 0..7 {
        let (q, dq) = (pose.q[joint], pose.dq[joint]);
        prop_assert!(q.is_finite() && dq.is_finite(), "joint {joint}: {q} {dq}");
        // The hard stops are beyond the limits. The arm never gets beyond the hard stops.
        let (lower, upper) = (envelope.lower[joint] - 0.2, envelope.upper[joint] + 0.2);
        prop_assert!((lower..=upper).contains(&q), "joint {joint} at {q}");
    }
    Ok(())
}

/// Checks the answers to everything that has arrived. Stops when the conversation ends.
fn answers(conversation: &mut Conversation<'_>) -> Result<bool, TestCaseError> {
    loop {
        let answer = match conversation.next() {
            Step::Incomplete => return Ok(true),
            Step::Quiet => continue,
            Step::Answer(answer) => answer,
            Step::Farewell(answer) => {
                prop_assert!(answer.is_empty() || answer.len() > ROBOT_HEADER_LEN);
                return Ok(false);
            }
        };
        let (_, _, size) = HeaderLayout::Robot.decode_header(&answer).unwrap();
        prop_assert_eq!(size as usize, answer.len());
        prop_assert!(answer.len() > ROBOT_HEADER_LEN);
    }
}

fn framed(command: u32, id: u32, payload: &[u8]) -> Vec<u8> {
    let mut message = HeaderLayout::Robot.encode_header(command, id, payload.len());
    message.extend_from_slice(payload);
    message
}

/// A piece of a stream: a correctly framed message, or any bytes.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0_u32..16, any::<u32>(), bytes(450)).prop_map(|(c, id, load)| framed(c, id, &load)),
        1 => (0_u32..16, any::<u32>(), prop_oneof![0_u32..20, 4090_u32..4100, any::<u32>()])
            .prop_map(|(c, id, size)| [c, id, size].map(u32::to_le_bytes).concat()),
        1 => bytes(64),
    ]
}

fn fault() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{0,40}",
        prop::sample::select(&franka::ERROR_NAMES[..]).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_datagram_is_a_command_by_its_length_alone(arm in generation(), datagram in bytes(600)) {
        let length = command_length(arm);
        prop_assert_eq!(arm.setpoint(&datagram).is_some(), datagram.len() == length);
        let mut whole = datagram;
        whole.resize(length, 0);
        prop_assert!(arm.setpoint(&whole).is_some());
    }

    #[test]
    fn any_stream_is_answered_or_ended(
        arm in generation(),
        connects in any::<bool>(),
        pieces in vec(piece(), 0..8),
        cuts in vec(1_usize..600, 1..8),
    ) {
        let (tell, told) = mpsc::channel();
        let gate = Gate::new(arm, ModelLibrary::OWN, tell);
        let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let (replies, _outbox) = tokio::sync::mpsc::unbounded_channel();
        let mut conversation = Conversation::new(peer, &gate, replies);
        let mut stream = Vec::new();
        if connects {
            let request = ConnectRequest::new(arm.fci_version(), 9);
            stream = framed(0, 0, request.as_bytes());
        }
        stream.extend(pieces.concat());
        // The bytes come in pieces of any size, as with TCP.
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            conversation.receive(now);
            rest = later;
            if !answers(&mut conversation)? {
                break;
            }
        }
        drop(conversation);
        let mut robot = ControlBox::new(&SimulatorOptions { generation: arm, ..SimulatorOptions::default() }).unwrap();
        for message in told.try_iter() {
            match message {
                Message::Request { ticket, request } => robot.request(ticket, request),
                Message::Disconnected => robot.disconnect(),
                _ => {}
            }
            robot.tick();
            let _ = robot.replies().count();
            is_an_arm(&robot)?;
        }
    }

    #[test]
    fn any_payload_is_a_request_or_refused(arm in generation(), command in 0_u32..16, payload in bytes(450)) {
        if let Some(command) = arm.command(command) {
            let decoded = decode(arm, command, &payload);
            if matches!(command, Command::Connect | Command::GetRobotModel) {
                prop_assert!(decoded.is_err());
            }
        }
    }

    #[test]
    fn whatever_is_commanded_the_arm_stays_an_arm(
        arm in generation(),
        generator in prop::sample::select(&GENERATORS[..]),
        lockstep in any::<bool>(),
        scale in prop::sample::select(&[1e-7, 1e-5, 1e-3, 1.0][..]),
        commands in vec((prop::option::weighted(0.9, vec(number(), 7)), 0_u64..3, any::<u8>()), 1..200),
    ) {
        let mut robot = moving(arm, generator, lockstep);
        let mut writer = StateWriter::default();
        let mut tau = [0.0; 7];
        for (values, behind, end) in commands {
            if let Some(values) = values {
                let away: [f64; 7] = std::array::from_fn(|joint| scale * values[joint]);
                let reference = &robot.arm.reference;
                let near = |from: &[f64; 7]| std::array::from_fn(|joint| from[joint] + away[joint]);
                // Of the pose, only the position is changed, because a matrix that is not a rigid transform
                // is refused at once.
                let mut pose = writer.write(&robot).values.O_T_EE;
                for axis in 0..3 {
                    pose[12 + axis] += away[axis];
                }
                tau = near(&tau);
                robot.offer(&Setpoint {
                    answers: robot.time.saturating_sub(behind),
                    q: near(&reference.q),
                    dq: near(&reference.dq),
                    pose,
                    twist: std::array::from_fn(|axis| away[axis]),
                    elbow: (behind == 2).then_some([away[6], away[5].signum()]),
                    tau,
                    finished: end > 250,
                });
            }
            robot.tick();
            is_an_arm(&robot)?;
            let state = writer.write(&robot);
            prop_assert!(state.values.q_d.iter().chain(&state.values.tau_J).all(|v| v.is_finite()));
            prop_assert!(arm.datagram(&state).as_bytes().len() > 1000);
        }
    }

    #[test]
    fn a_name_is_known_or_refused_by_all_that_there_are(name in fault(), arm in "\\PC{0,12}") {
        let known = franka::ERROR_NAMES.contains(&name.as_str());
        prop_assert_eq!(Fault::Reflex { error: name }.validate().is_ok(), known);
        prop_assert_eq!(arm.parse::<Generation>().is_ok(), arm == "fr3" || arm == "fer");
    }
}
