//! `libfranka-rs`, an independent client, with the simulated FER. What the client supports works. If it panics by
//! itself, the arm is left in an orderly state. Each test has a thread of its own for the panics, and an address
//! of its own, because the client knows only port 1337.
#![cfg(target_os = "linux")]

mod common;

use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use common::{bump, eventually, largest_difference, options};
use kilohertz_sim::{EndEffector, Fault, Generation, HandFault, Simulator, SimulatorOptions};
use libfranka::exception::FrankaException;
use libfranka::{
    ControllerMode, FrankaResult, JointPositions, JointVelocities, MAX_CUTOFF_FREQUENCY,
    MotionFinished, RealtimeConfig, Robot, RobotState, Torques,
};

fn simulator(lockstep: bool) -> Simulator {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Simulator::start(SimulatorOptions {
        host: Ipv4Addr::new(127, 128 + high % 100, low, next).into(),
        port: 1337,
        lockstep,
        ..options(Generation::Fer)
    })
    .unwrap()
}

fn connect(simulator: &Simulator) -> Robot {
    let host = simulator.address().ip().to_string();
    Robot::new(&host, RealtimeConfig::Ignore, 5).unwrap()
}

fn velocities(robot: &mut Robot, mut dq: impl FnMut(u32) -> Option<[f64; 7]>) -> FrankaResult<()> {
    let mut tick = 0;
    robot.control_joint_velocities(
        |_: &RobotState, _: &Duration| {
            let wanted = dq(tick);
            tick += 1;
            match wanted {
                Some(dq) => JointVelocities::new(dq),
                None => JointVelocities::new([0.0; 7]).motion_finished(),
            }
        },
        ControllerMode::JointImpedance,
        false,
        MAX_CUTOFF_FREQUENCY,
    )
}

#[test]
fn it_reads_the_state_that_the_arm_is_in() {
    let simulator = simulator(false);
    let mut robot = connect(&simulator);
    assert_eq!(robot.server_version(), 5);
    let state = robot.read_once().unwrap();
    assert!(largest_difference(&state.q, &simulator.joints().q) < 1e-6);
    let model = franka::Model::native_fer();
    let hand = EndEffector::FRANKA_HAND;
    assert_eq!(
        (state.m_ee, state.F_x_Cee, state.I_ee),
        (hand.m_ee, hand.F_x_Cee, hand.I_ee)
    );
    let gravity = model.gravity_q(&state.q, state.m_ee, &state.F_x_Cee, &[0.0, 0.0, -9.81]);
    assert!(largest_difference(&state.tau_J, &gravity) < 0.1);
    let mut times = Vec::new();
    robot
        .read(|state| {
            times.push(state.time);
            times.len() < 50
        })
        .unwrap();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[test]
fn it_moves_the_arm_by_velocities_positions_and_torques() {
    let simulator = simulator(true);
    let start = simulator.joints().q;
    let mut robot = connect(&simulator);
    velocities(&mut robot, |tick| {
        (tick < 500).then(|| [bump(tick, 500, 0.4), 0., 0., 0., 0., 0., 0.])
    })
    .unwrap();
    let turned = simulator.joints().q[0] - start[0];
    assert!((turned - 0.1).abs() < 1e-3, "{turned} rad");

    let (mut tick, mut from) = (0, None);
    robot
        .control_joint_positions(
            |state: &RobotState, _: &Duration| {
                let from: [f64; 7] = *from.get_or_insert(state.q_d);
                tick += 1;
                let share = f64::from(tick.min(500)) / 500.0;
                let mut q = from;
                q[0] -= 0.05 * (1.0 - (std::f64::consts::PI * share).cos());
                let command = JointPositions::new(q);
                if tick < 520 {
                    command
                } else {
                    command.motion_finished()
                }
            },
            ControllerMode::JointImpedance,
            true,
            100.0,
        )
        .unwrap();
    let back = largest_difference(&simulator.joints().q, &start);
    assert!(back < 2e-3, "{back} rad from the start");

    let mut tick = 0;
    robot
        .control_torques(
            |_: &RobotState, _: &Duration| {
                tick += 1;
                let command = Torques::new([0., 0., 0., 0., 0., 0., bump(tick, 200, 1.0)]);
                if tick < 200 {
                    command
                } else {
                    command.motion_finished()
                }
            },
            true,
            MAX_CUTOFF_FREQUENCY,
        )
        .unwrap();
    assert!(simulator.joints().q[6] - start[6] > 1e-2);
    let counters = simulator.counters();
    assert_eq!((counters.motions_finished, counters.reflexes), (3, 0));
    assert_eq!(counters.commands_lost, 0);
}

#[test]
fn a_motion_of_its_own_ends_in_the_pose_that_it_was_asked_for() {
    let simulator = simulator(true);
    let mut robot = connect(&simulator);
    robot.set_default_behavior().unwrap();
    let goal = [0.2, -0.6, 0.1, -2.2, 0.1, 1.7, 0.6];
    robot.joint_motion(0.5, &goal).unwrap();
    let off = largest_difference(&simulator.joints().q, &goal);
    assert!(off < 2e-3, "{off} rad off");
}

#[test]
#[expect(deprecated, reason = "the arm has the command")]
fn it_configures_the_arm_and_implausible_settings_are_refused() {
    let simulator = simulator(false);
    let mut robot = connect(&simulator);
    robot.set_default_behavior().unwrap();
    robot.set_guiding_mode([true; 6], false).unwrap();
    let ball = [1e-3, 0., 0., 0., 1e-3, 0., 0., 0., 1e-3];
    robot.set_load(0.5, [0.0; 3], ball).unwrap();
    robot.set_filters(100., 100., 100., 100., 100.).unwrap();
    assert!(!robot.get_virtual_wall(1).unwrap().active);
    let refusals = [
        robot.set_joint_impedance([-1.0; 7]),
        robot.set_cartesian_impedance([1e9; 6]),
        robot.set_load(-1.0, [0.0; 3], ball),
        robot.set_load(0.5, [0.0; 3], [0.0; 9]),
        robot.set_filters(0., 100., 100., 100., 100.),
        robot.set_K([1.0; 16]),
    ];
    for refused in refusals {
        match refused {
            Err(FrankaException::CommandException { message }) => {
                assert!(message.contains("invalid argument"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    robot.automatic_error_recovery().unwrap();
}

#[test]
fn a_reflex_ends_its_motion_and_the_next_connection_recovers_from_it() {
    let simulator = simulator(true);
    let mut robot = connect(&simulator);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        velocities(&mut robot, |tick| {
            if tick == 50 {
                let error = "joint_reflex".into();
                simulator.inject(Fault::Reflex { error }).unwrap();
            }
            Some([0.0; 7])
        })
    }));
    // The client stops a motion that has already ended, is refused, and panics.
    assert!(!matches!(ended, Ok(Ok(()))));
    drop(robot);
    let mut robot = connect(&simulator);
    let state = robot.read_once().unwrap();
    let errors = format!("{}", state.last_motion_errors);
    assert!(errors.contains("JointReflex"), "{errors}");
    assert!(matches!(
        velocities(&mut robot, |_| None),
        Err(FrankaException::CommandException { .. })
    ));
    robot.automatic_error_recovery().unwrap();
    velocities(&mut robot, |tick| (tick < 20).then_some([0.0; 7])).unwrap();
    assert_eq!(simulator.counters().motions_finished, 1);
}

#[test]
fn an_abort_leaves_the_arm_at_rest() {
    let simulator = simulator(true);
    let mut robot = connect(&simulator);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        velocities(&mut robot, |tick| {
            assert!(tick < 200, "an abort");
            Some([bump(tick, 500, 0.4), 0., 0., 0., 0., 0., 0.])
        })
    }));
    assert!(ended.is_err());
    drop(robot);
    eventually("at rest", || {
        simulator.joints().dq.iter().all(|dq| dq.abs() < 1e-3)
    });
    assert_eq!(simulator.counters().reflexes, 0);
    connect(&simulator);
}

/// The client knows only port 1338 for the hand, the one after the arm's port.
#[test]
fn its_gripper_homes_moves_grasps_and_reads() {
    let simulator = simulator(true);
    let mut hand = libfranka::Gripper::new(&simulator.address().ip().to_string()).unwrap();
    assert_eq!(hand.server_version(), 3);
    assert!(hand.homing().unwrap());
    assert!(hand.move_gripper(0.07, 0.1).unwrap());
    simulator.place_object(0.06).unwrap();
    assert!(!hand.grasp(0.05, 0.1, 20.0, None, None).unwrap());
    assert!(hand.grasp(0.058, 0.1, 20.0, None, None).unwrap());
    let state = hand.read_once().unwrap();
    assert_eq!((state.width, state.max_width), (0.06, 0.08));
    assert!(state.is_grasped);
    assert!(hand.stop().unwrap());
    assert!(!simulator.fingers().unwrap().is_grasped);
    simulator.inject(Fault::Hand(HandFault::FailNext)).unwrap();
    assert!(hand.homing().is_err());
}
