//! The rule for lost packets on the wall clock. The tests compare counts, and no durations.

mod common;

use std::thread;
use std::time::Duration;

use common::*;
use franka::{
    FrankaError, FrankaResult, JointVelocities, MoveControllerMode, MoveStatus, Robot, RobotMode,
    Torques, motion_finished,
};
use kilohertz_sim::{Generation, Simulator, SimulatorOptions};

on_each_arm! {
    states_count_up_by_one_and_never_back,
    a_client_that_sleeps_too_long_violates_the_communication_constraints,
    a_shorter_sleep_is_survived_and_its_losses_are_counted,
    the_limit_of_lost_packets_is_the_one_asked_for,
    a_motion_waits_for_its_first_command_for_the_grace_and_no_longer,
    losses_at_speed_are_bridged_with_constant_acceleration,
    a_torque_is_used_again_when_commands_are_lost,
}

/// Runs a motion at rest of 100 commands, with one pause in the middle.
fn motion_with_pause(robot: &Robot, pause: Duration) -> FrankaResult<()> {
    let mut control = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
    let rest = JointVelocities::new([0.0; 7]);
    for tick in 0..100 {
        control.read_once()?;
        if tick == 50 {
            thread::sleep(pause);
        }
        control.write_once(&rest, None)?;
    }
    control.read_once()?;
    control.write_once(&motion_finished(rest), None)
}

fn states_count_up_by_one_and_never_back(arm: Generation) {
    let simulator = wall_clock(arm);
    with_robot(&simulator, |robot| {
        let mut last = robot.read_once().unwrap().time.as_millis();
        for _ in 0..200 {
            let state = robot.read_once().unwrap();
            assert_eq!(state.robot_mode, RobotMode::Idle);
            assert!(state.time.as_millis() > last);
            last = state.time.as_millis();
        }
    });
    let counters = simulator.counters();
    assert!(counters.states_sent >= 200 && counters.states_sent <= counters.ticks);
    assert_eq!(
        counters.commands_lost, 0,
        "nothing is lost without a motion"
    );
}

fn a_client_that_sleeps_too_long_violates_the_communication_constraints(arm: Generation) {
    let simulator = wall_clock(arm);
    let result = with_robot(&simulator, |robot| {
        motion_with_pause(robot, Duration::from_millis(100))
    });
    match result {
        Err(FrankaError::Control(e)) => {
            assert_eq!(e.move_status, Some(MoveStatus::ReflexAborted));
            assert_eq!(
                e.last_motion_errors.names(),
                ["communication_constraints_violation"]
            );
        }
        other => panic!("{other:?}"),
    }
    let counters = simulator.counters();
    assert_eq!(counters.longest_lost_run, 20);
    assert!(counters.commands_lost >= 20);
    assert_eq!((counters.reflexes, counters.motions_finished), (1, 0));
}

fn a_shorter_sleep_is_survived_and_its_losses_are_counted(arm: Generation) {
    let simulator = forgiving(arm);
    with_robot(&simulator, |robot| {
        motion_with_pause(robot, Duration::from_millis(10))
    })
    .unwrap();
    let counters = simulator.counters();
    let missed = counters.missed_ticks;
    assert!(counters.longest_lost_run + missed >= 8, "{counters:?}");
    assert!(counters.commands_lost >= counters.longest_lost_run);
    assert_eq!((counters.reflexes, counters.motions_finished), (0, 1));
    assert!(
        counters.commands_late + missed >= 1,
        "it answers an old state after the sleep"
    );
}

fn the_limit_of_lost_packets_is_the_one_asked_for(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        lost_packet_limit: 5,
        ..options(arm)
    })
    .unwrap();
    let result = with_robot(&simulator, |robot| {
        motion_with_pause(robot, Duration::from_millis(60))
    });
    assert!(matches!(result, Err(FrankaError::Control(_))), "{result:?}");
    assert_eq!(simulator.counters().longest_lost_run, 5);
}

fn a_motion_waits_for_its_first_command_for_the_grace_and_no_longer(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        first_command_grace: Duration::from_millis(100),
        ..options(arm)
    })
    .unwrap();
    with_robot(&simulator, |robot| {
        let mut control = robot.start_torque_control().unwrap();
        let error = loop {
            if let Err(error) = control.read_once() {
                break error;
            }
        };
        assert_cut_off(&error);
    });
    let counters = simulator.counters();
    assert_eq!(
        (counters.commands_lost, counters.commands_received),
        (20, 0)
    );
}

fn losses_at_speed_are_bridged_with_constant_acceleration(arm: Generation) {
    let simulator = forgiving(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let mut dq = 0.0_f64;
        let mut before = None;
        // Each command follows the desired velocity of the state, as it must for a client that may lose a
        // command: up to 0.2 rad/s, a sleep, and down again.
        let mut slept = false;
        let mut up = true;
        loop {
            let (state, _) = control.read_once().unwrap();
            if up && dq >= 0.2 && !slept && state.ddq_d[0].abs() < 1e-3 {
                thread::sleep(Duration::from_millis(12));
                slept = true;
                before = Some(state);
                control
                    .write_once(&JointVelocities::new([dq, 0., 0., 0., 0., 0., 0.]), None)
                    .unwrap();
                continue;
            }
            if let (Some(before), true) = (before, up) {
                let seconds = (state.time.as_millis() - before.time.as_millis()) as f64 * 1e-3;
                let moved = state.q_d[0] - before.q_d[0];
                assert!((state.dq_d[0] - dq).abs() < 1e-6, "it kept its velocity");
                assert!(
                    (moved - dq * seconds).abs() < 1e-6,
                    "and went on: {moved} rad"
                );
                up = false;
            }
            let target: f64 = if up { 0.2 } else { 0.0 };
            dq = state.dq_d[0] + (target - state.dq_d[0]).clamp(-0.002, 0.002);
            control
                .write_once(&JointVelocities::new([dq, 0., 0., 0., 0., 0., 0.]), None)
                .unwrap();
            if !up && state.dq_d[0].abs() < 1e-6 {
                break;
            }
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
            .unwrap();
    });
    assert_eq!(simulator.counters().motions_finished, 1);
    assert!(simulator.counters().commands_lost > 0);
}

fn a_torque_is_used_again_when_commands_are_lost(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        lost_packet_limit: 2000,
        friction: false,
        ..options(arm)
    })
    .unwrap();
    with_robot(&simulator, |robot| {
        let mut control = robot.start_torque_control().unwrap();
        for tick in 0..30 {
            let (state, _) = control.read_once().unwrap();
            if tick == 25 {
                assert!((state.tau_J_d[6] - 0.01).abs() < 1e-6);
                thread::sleep(Duration::from_millis(10));
                let (later, _) = control.read_once().unwrap();
                assert!(
                    (later.tau_J_d[6] - 0.01).abs() < 1e-6,
                    "the last torque still acts"
                );
            }
            let tau = [0., 0., 0., 0., 0., 0., 0.01];
            control.write_once(&Torques::new(tau)).unwrap();
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(Torques::new([0.0; 7])))
            .unwrap();
    });
    eventually("at rest", || {
        simulator.joints().dq.iter().all(|dq| dq.abs() < 1e-3)
    });
}
