//! Motions over real sockets with the real client, in lockstep: where they end does not depend on
//! how loaded the machine is.

mod common;

use common::{DT, bump, largest_difference, lockstep, with_robot};
use franka::{
    JointPositions, JointVelocities, MoveControllerMode, RobotMode, Torques, motion_finished,
};

#[test]
fn a_velocity_motion_ends_where_its_integral_says() {
    let simulator = lockstep();
    let start = simulator.joints().q;
    let integral = with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let mut integral = 0.0;
        let mut worst: f64 = 0.0;
        for tick in 0..=1000 {
            let (state, _) = control.read_once().unwrap();
            assert_eq!(state.robot_mode, RobotMode::Move);
            worst = worst.max(largest_difference(&state.q, &state.q_d));
            let dq = bump(tick, 1000, 0.5);
            integral += dq * DT;
            control
                .write_once(&JointVelocities::new([dq, 0., 0., -dq, 0., 0., dq]), None)
                .unwrap();
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
            .unwrap();
        assert!(worst < 2e-3, "tracking error {worst} rad at 0.5 rad/s");
        println!("tracking error {worst} rad");
        integral
    });
    let end = simulator.joints().q;
    let expected = [
        start[0] + integral,
        start[1],
        start[2],
        start[3] - integral,
        start[4],
        start[5],
        start[6] + integral,
    ];
    assert!(
        largest_difference(&end, &expected) < 1e-3,
        "{end:?} instead of {expected:?}"
    );
    let counters = simulator.counters();
    assert_eq!(
        (counters.motions_started, counters.motions_finished),
        (1, 1)
    );
    assert_eq!((counters.commands_lost, counters.commands_late), (0, 0));
    println!("{counters:?}");
}

#[test]
fn a_position_motion_ends_at_its_last_position() {
    let simulator = lockstep();
    let goal = with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_position_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let mut q = control.read_once().unwrap().0.q_d;
        for tick in 0..=1000 {
            let dq = bump(tick, 1000, 0.5);
            q[3] += dq * DT;
            q[5] -= dq * DT;
            control.write_once(&JointPositions::new(q), None).unwrap();
            control.read_once().unwrap();
        }
        control
            .write_once(&motion_finished(JointPositions::new(q)), None)
            .unwrap();
        q
    });
    let end = simulator.joints().q;
    assert!(
        largest_difference(&end, &goal) < 1e-3,
        "{end:?} instead of {goal:?}"
    );
    assert_eq!(simulator.counters().motions_finished, 1);
}

#[test]
fn no_torque_holds_the_arm_against_gravity() {
    let simulator = lockstep();
    let start = simulator.joints().q;
    with_robot(&simulator, |robot| {
        let mut control = robot.start_torque_control().unwrap();
        for _ in 0..500 {
            let (state, _) = control.read_once().unwrap();
            assert_eq!(state.tau_J_d, [0.0; 7]);
            control.write_once(&Torques::new([0.0; 7])).unwrap();
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(Torques::new([0.0; 7])))
            .unwrap();
    });
    assert!(largest_difference(&simulator.joints().q, &start) < 1e-4);
    assert_eq!(simulator.counters().motions_finished, 1);
}
