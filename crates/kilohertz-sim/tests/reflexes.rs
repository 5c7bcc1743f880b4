//! Every reflex with its name, and the recovery from it, in lockstep.

mod common;

use std::sync::Arc;

use common::{end_of_range, eventually, lockstep, options, with_robot};
use franka::{
    ActiveMotionGenerator, FrankaError, FrankaResult, JointPositions, JointVelocities,
    MoveControllerMode, MoveStatus, Robot, RobotMode, Torques, motion_finished,
};
use kilohertz_sim::{Fault, Generation, Simulator, SimulatorOptions};

on_each_arm! {
    a_jump_of_velocity_is_a_velocity_discontinuity,
    a_jump_of_acceleration_is_an_acceleration_discontinuity,
    too_fast_a_command_is_a_velocity_limit_violation,
    a_command_beyond_the_joint_range_is_a_position_limit_violation,
    a_position_motion_that_starts_elsewhere_is_refused,
    a_jump_of_torque_is_a_torque_discontinuity,
    a_torque_beyond_the_motors_is_a_range_violation,
    a_joint_that_gets_too_fast_is_a_velocity_violation,
    a_joint_that_creeps_out_of_its_range_is_a_position_violation_and_recovery_brings_it_back,
    a_motion_that_ends_in_full_swing_is_not_a_success,
    an_injected_reflex_has_the_name_that_was_asked_for,
    nothing_moves_after_a_reflex_until_it_is_recovered_from,
    a_collision_is_told_until_it_is_recovered_from_and_a_contact_while_it_lasts,
    a_reflex_brakes_the_arm_within_its_limits,
    the_user_stop_ends_a_motion_and_keeps_others_from_starting,
}

/// Returns the names in the error of a motion that a reflex ended.
fn reflex(result: FrankaResult<()>) -> Vec<&'static str> {
    match result {
        Err(FrankaError::Control(exception)) => {
            assert_eq!(
                exception.move_status,
                Some(MoveStatus::ReflexAborted),
                "{exception:?}"
            );
            exception.last_motion_errors.names()
        }
        other => panic!("no reflex but {other:?}"),
    }
}

fn velocity_motion(robot: &Robot, mut dq: impl FnMut(u32) -> [f64; 7]) -> FrankaResult<()> {
    let mut control = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
    for tick in 0..20_000 {
        control.read_once()?;
        control.write_once(&JointVelocities::new(dq(tick)), None)?;
    }
    Ok(())
}

fn position_motion(
    robot: &Robot,
    mut q: impl FnMut(u32, [f64; 7]) -> [f64; 7],
) -> FrankaResult<()> {
    let mut control: ActiveMotionGenerator<'_, JointPositions> =
        robot.start_joint_position_control(MoveControllerMode::JointImpedance)?;
    let mut start = None;
    for tick in 0..20_000 {
        let (state, _) = control.read_once()?;
        let start = *start.get_or_insert(state.q_d);
        control.write_once(&JointPositions::new(q(tick, start)), None)?;
    }
    Ok(())
}

fn torque_motion(robot: &Robot, mut tau: impl FnMut(u32) -> [f64; 7]) -> FrankaResult<()> {
    let mut control = robot.start_torque_control()?;
    for tick in 0..20_000 {
        control.read_once()?;
        control.write_once(&Torques::new(tau(tick)))?;
    }
    Ok(())
}

fn joint(index: usize, value: f64) -> [f64; 7] {
    let mut values = [0.0; 7];
    values[index] = value;
    values
}

fn a_jump_of_velocity_is_a_velocity_discontinuity(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(velocity_motion(robot, |tick| {
            joint(3, if tick < 10 { 0.0 } else { 0.1 })
        }))
    });
    assert!(
        names.contains(&"joint_motion_generator_velocity_discontinuity"),
        "{names:?}"
    );
    assert_eq!(simulator.counters().reflexes, 1);
}

fn a_jump_of_acceleration_is_an_acceleration_discontinuity(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(velocity_motion(robot, |tick| {
            joint(3, 0.008 * f64::from(tick.saturating_sub(9)))
        }))
    });
    assert_eq!(names, ["joint_motion_generator_acceleration_discontinuity"]);
}

/// Returns a velocity that rises within the limits of acceleration and jerk [rad/s].
fn rising(tick: u32, acceleration: f64) -> f64 {
    let tick = f64::from(tick);
    acceleration
        * 1e-3
        * if tick < 10.0 {
            tick * tick / 20.0
        } else {
            tick - 5.0
        }
}

fn too_fast_a_command_is_a_velocity_limit_violation(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        q: [-2.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785],
        ..options(arm)
    })
    .unwrap();
    let names = with_robot(&simulator, |robot| {
        reflex(velocity_motion(robot, |tick| joint(0, rising(tick, 5.0))))
    });
    assert_eq!(names, ["joint_motion_generator_velocity_limits_violation"]);
}

fn a_command_beyond_the_joint_range_is_a_position_limit_violation(arm: Generation) {
    let mut q = options(arm).q;
    q[6] = end_of_range(arm) - 1e-4;
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        q,
        ..options(arm)
    })
    .unwrap();
    let names = with_robot(&simulator, |robot| {
        reflex(position_motion(robot, |tick, start| {
            let mut q = start;
            q[6] += 1e-3 * rising(tick, 0.1);
            for earlier in 0..tick {
                q[6] += 1e-3 * rising(earlier, 0.1);
            }
            q
        }))
    });
    assert!(
        names.contains(&"joint_motion_generator_position_limits_violation")
            || names.contains(&"joint_motion_generator_velocity_limits_violation"),
        "{names:?}"
    );
}

fn a_position_motion_that_starts_elsewhere_is_refused(arm: Generation) {
    let simulator = lockstep(arm);
    let start = simulator.joints().q;
    let names = with_robot(&simulator, |robot| {
        reflex(position_motion(robot, |_, mut start| {
            start[0] += 0.1;
            start
        }))
    });
    assert_eq!(
        names,
        ["joint_position_motion_generator_start_pose_invalid"]
    );
    assert!(common::largest_difference(&simulator.joints().q, &start) < 1e-6);
}

fn a_jump_of_torque_is_a_torque_discontinuity(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(torque_motion(robot, |tick| {
            joint(0, if tick < 10 { 0.0 } else { 1.5 })
        }))
    });
    assert_eq!(names, ["controller_torque_discontinuity"]);
}

fn a_torque_beyond_the_motors_is_a_range_violation(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(torque_motion(robot, |tick| {
            joint(6, 0.95 * f64::from(tick))
        }))
    });
    assert_eq!(names, ["tau_J_range_violation"]);
}

fn a_joint_that_gets_too_fast_is_a_velocity_violation(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(torque_motion(robot, |tick| {
            joint(0, (0.5 * f64::from(tick)).min(10.0))
        }))
    });
    assert_eq!(names, ["joint_velocity_violation"]);
}

fn a_joint_that_creeps_out_of_its_range_is_a_position_violation_and_recovery_brings_it_back(
    arm: Generation,
) {
    let mut q = options(arm).q;
    q[6] = end_of_range(arm) - 0.0096;
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        q,
        ..options(arm)
    })
    .unwrap();
    let names = with_robot(&simulator, |robot| {
        let names = reflex(torque_motion(robot, |_| joint(6, 0.285)));
        assert!(simulator.joints().q[6] > end_of_range(arm));
        robot.automatic_error_recovery().unwrap();
        // The queue of the socket was full and took in nothing more. The first read empties it.
        robot.read_once().unwrap();
        assert_eq!(robot.read_once().unwrap().robot_mode, RobotMode::Idle);
        names
    });
    assert_eq!(names, ["joint_position_limits_violation"]);
    eventually("back in range", || {
        simulator.joints().q[6] <= end_of_range(arm)
    });
}

fn a_motion_that_ends_in_full_swing_is_not_a_success(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        for tick in 0..100 {
            control.read_once().unwrap();
            control
                .write_once(&JointVelocities::new(joint(0, rising(tick, 4.0))), None)
                .unwrap();
        }
        control.read_once().unwrap();
        let last = JointVelocities::new(joint(0, rising(100, 4.0)));
        reflex(control.write_once(&motion_finished(last), None))
    });
    assert_eq!(names, ["joint_motion_generator_velocity_discontinuity"]);
    eventually("at rest", || {
        simulator.joints().dq.iter().all(|dq| dq.abs() < 1e-3)
    });
}

fn an_injected_reflex_has_the_name_that_was_asked_for(arm: Generation) {
    let simulator = lockstep(arm);
    let names = with_robot(&simulator, |robot| {
        reflex(velocity_motion(robot, |tick| {
            if tick == 50 {
                simulator
                    .inject(Fault::Reflex {
                        error: "joint_reflex".into(),
                    })
                    .unwrap();
            }
            [0.0; 7]
        }))
    });
    assert_eq!(names, ["joint_reflex"]);
}

fn nothing_moves_after_a_reflex_until_it_is_recovered_from(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        reflex(velocity_motion(robot, |_| joint(0, 0.5)));
        let state = robot.read_once().unwrap();
        assert_eq!(state.robot_mode, RobotMode::Reflex);
        assert!(state.current_errors.any());
        assert!(state.last_motion_errors.any());
        match robot.start_torque_control().map(drop) {
            Err(FrankaError::Command(text)) => assert!(text.contains("Reflex"), "{text}"),
            other => panic!("{other:?}"),
        }
        robot.automatic_error_recovery().unwrap();
        let state = robot.read_once().unwrap();
        assert_eq!(state.robot_mode, RobotMode::Idle);
        assert!(!state.current_errors.any());
        ended_by_torques(robot);
    });
    assert_eq!(simulator.counters().motions_finished, 1);
}

/// Runs a short motion with torques, which ends without an error.
fn ended_by_torques(robot: &Robot) {
    let mut control = robot.start_torque_control().unwrap();
    for _ in 0..5 {
        control.read_once().unwrap();
        control.write_once(&Torques::new([0.0; 7])).unwrap();
    }
    control
        .write_once(&motion_finished(Torques::new([0.0; 7])))
        .unwrap();
}

fn a_collision_is_told_until_it_is_recovered_from_and_a_contact_while_it_lasts(arm: Generation) {
    let simulator = lockstep(arm);
    let push = |torque| simulator.inject(Fault::Push(joint(2, torque))).unwrap();
    with_robot(&simulator, |robot| {
        robot
            .set_collision_behavior_simple([5.0; 7], [12.0; 7], [50.0; 6], [90.0; 6])
            .unwrap();
        let told = |contact: f64, collision: f64| {
            eventually("the state tells", || {
                let state = robot.read_once().unwrap();
                state.joint_contact[2] == contact && state.joint_collision[2] == collision
            });
        };
        told(0.0, 0.0);
        push(8.0);
        told(1.0, 0.0);
        push(0.0);
        told(0.0, 0.0);
        let names = reflex(velocity_motion(robot, |tick| {
            if tick == 20 {
                push(15.0);
            }
            [0.0; 7]
        }));
        assert!(names.contains(&"joint_reflex"), "{names:?}");
        told(1.0, 1.0);
        push(0.0);
        told(0.0, 1.0);
        robot.automatic_error_recovery().unwrap();
        told(0.0, 0.0);
        push(15.0);
        told(1.0, 1.0);
        push(0.0);
        told(0.0, 1.0);
        // The collision is over: a motion starts, and the next recovery clears the report.
        ended_by_torques(robot);
        told(0.0, 1.0);
        robot.automatic_error_recovery().unwrap();
        told(0.0, 0.0);
    });
}

fn a_reflex_brakes_the_arm_within_its_limits(arm: Generation) {
    let limit = match arm {
        Generation::Fr3 => 10.0,
        Generation::Fer => 15.0,
    };
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot: &Arc<Robot>| {
        let names = reflex(velocity_motion(robot, |tick| {
            joint(0, if tick < 200 { rising(tick, 4.0) } else { 0.0 })
        }));
        assert!(names.contains(&"joint_motion_generator_velocity_discontinuity"));
        let fast = simulator.joints().dq[0];
        assert!(fast > 0.3, "{fast}");
        let mut last = robot.read_once().unwrap();
        while last.dq_d[0] != 0.0 {
            let next = robot.read_once().unwrap();
            let milliseconds = (next.time.as_millis() - last.time.as_millis()) as f64;
            let ddq = (next.dq_d[0] - last.dq_d[0]) / (milliseconds * 1e-3);
            assert!(ddq.abs() < limit + 0.1, "{ddq} rad/s2");
            last = next;
        }
    });
    eventually("at rest", || simulator.joints().dq[0].abs() < 1e-3);
}

fn the_user_stop_ends_a_motion_and_keeps_others_from_starting(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let result = velocity_motion(robot, |tick| {
            if tick == 20 {
                simulator.inject(Fault::UserStop(true)).unwrap();
            }
            [0.0; 7]
        });
        match result {
            Err(FrankaError::Control(e)) => {
                assert_eq!(e.move_status, Some(MoveStatus::EmergencyAborted));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            robot.read_once().unwrap().robot_mode,
            RobotMode::UserStopped
        );
        assert!(matches!(
            robot.start_torque_control().map(drop),
            Err(FrankaError::Command(_))
        ));
        assert!(matches!(
            robot.automatic_error_recovery(),
            Err(FrankaError::Command(_))
        ));
        simulator.inject(Fault::UserStop(false)).unwrap();
        common::eventually("idle", || {
            robot.read_once().unwrap().robot_mode == RobotMode::Idle
        });
    });
}
