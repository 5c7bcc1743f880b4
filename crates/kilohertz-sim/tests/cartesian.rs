//! Cartesian motions over real sockets with the real client, in lockstep.

mod common;

use common::{DT, bump, largest_difference, lockstep, with_robot};
use franka::{
    CartesianPose, CartesianVelocities, ControllerMode, FrankaError, MoveControllerMode, RobotMode,
    motion_finished,
};
use kilohertz_sim::Generation;

on_each_arm! {
    a_velocity_motion_takes_the_end_effector_where_its_integral_says,
    a_pose_motion_ends_at_its_last_pose_and_the_joints_come_back_with_it,
    the_tool_turns_on_the_spot,
    a_commanded_elbow_moves_while_the_hand_stands,
    the_clients_own_callbacks_run_without_a_reflex,
    each_reflex_has_the_arms_name_for_it,
    a_pose_out_of_reach_ends_in_a_reflex_of_the_joints_behind_it,
    a_stop_at_speed_is_no_reflex,
}

const IMPEDANCES: [MoveControllerMode; 2] = [
    MoveControllerMode::JointImpedance,
    MoveControllerMode::CartesianImpedance,
];

fn place(pose: &[f64; 16]) -> [f64; 3] {
    [pose[12], pose[13], pose[14]]
}

fn distance(a: &[f64; 16], b: &[f64; 16]) -> f64 {
    let (a, b) = (place(a), place(b));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

fn largest_turn(a: &[f64; 16], b: &[f64; 16]) -> f64 {
    (0..12).map(|i| (a[i] - b[i]).abs()).fold(0.0, f64::max)
}

fn a_velocity_motion_takes_the_end_effector_where_its_integral_says(arm: Generation) {
    for impedance in IMPEDANCES {
        let simulator = lockstep(arm);
        with_robot(&simulator, |robot| {
            let start = robot.read_once().unwrap().O_T_EE_c;
            let mut control = robot.start_cartesian_velocity_control(impedance).unwrap();
            let mut integral = 0.0;
            let mut worst: f64 = 0.0;
            for tick in 0..=1000 {
                let (state, _) = control.read_once().unwrap();
                assert_eq!(state.robot_mode, RobotMode::Move);
                worst = worst.max(distance(&state.O_T_EE, &state.O_T_EE_d));
                assert!(distance(&state.O_T_EE_c, &state.O_T_EE_d) < 1e-6);
                let v = bump(tick, 1000, 0.2);
                integral += v * DT;
                let twist = CartesianVelocities::new([0.0, v, -v, 0.0, 0.0, 0.0]);
                control.write_once(&twist, None).unwrap();
                if tick == 500 {
                    assert!((state.O_dP_EE_c[1] - 0.2).abs() < 1e-3);
                    assert!((state.O_dP_EE_d[1] - 0.2).abs() < 1e-3);
                }
            }
            control.read_once().unwrap();
            let rest = motion_finished(CartesianVelocities::new([0.0; 6]));
            control.write_once(&rest, None).unwrap();
            assert!(worst < 2e-3, "{worst} m behind");
            let end = robot.read_once().unwrap();
            let mut expected = start;
            expected[13] += integral;
            expected[14] -= integral;
            assert!(
                distance(&end.O_T_EE_d, &expected) < 1e-5,
                "{:?}",
                end.O_T_EE_d
            );
            assert!(largest_turn(&end.O_T_EE_d, &expected) < 1e-5);
        });
        let counters = simulator.counters();
        assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
    }
}

/// A circle with a radius of 5 cm, once around in two seconds, smooth at the beginning and the end.
fn circle(start: &[f64; 16], tick: u32) -> [f64; 16] {
    let share = f64::from(tick) / 2000.0;
    let way = share - (std::f64::consts::TAU * share).sin() / std::f64::consts::TAU;
    let angle = std::f64::consts::TAU * way;
    let mut pose = *start;
    pose[13] += 0.05 * angle.sin();
    pose[14] += 0.05 * (1.0 - angle.cos());
    pose
}

fn a_pose_motion_ends_at_its_last_pose_and_the_joints_come_back_with_it(arm: Generation) {
    for impedance in IMPEDANCES {
        let simulator = lockstep(arm);
        let before = simulator.joints().q;
        with_robot(&simulator, |robot| {
            let mut control = robot.start_cartesian_pose_control(impedance).unwrap();
            let start = control.read_once().unwrap().0.O_T_EE_c;
            for tick in 0..=2000 {
                let pose = CartesianPose::new(circle(&start, tick));
                control.write_once(&pose, None).unwrap();
                let (state, _) = control.read_once().unwrap();
                assert!(distance(&state.O_T_EE_c, &pose.O_T_EE) < 1e-6);
            }
            let rest = motion_finished(CartesianPose::new(start));
            control.write_once(&rest, None).unwrap();
        });
        let after = simulator.joints().q;
        assert!(largest_difference(&before, &after) < 0.02, "{after:?}");
        let counters = simulator.counters();
        assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
    }
}

fn the_tool_turns_on_the_spot(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut tool = franka::robot_state::IDENTITY_TRANSFORM;
        tool[14] = 0.1;
        robot.set_ee(tool).unwrap();
        // The last state was sent before the tool was set.
        for _ in 0..300 {
            robot.read_once().unwrap();
        }
        let start = robot.read_once().unwrap().O_T_EE;
        let mut control = robot
            .start_cartesian_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let mut angle = 0.0;
        for tick in 0..=800 {
            control.read_once().unwrap();
            let w = bump(tick, 800, 0.5);
            angle += w * DT;
            let twist = CartesianVelocities::new([0.0, 0.0, 0.0, w, 0.0, 0.0]);
            control.write_once(&twist, None).unwrap();
        }
        let (state, _) = control.read_once().unwrap();
        assert!(distance(&state.O_T_EE_d, &start) < 1e-6);
        // The second axis of the frame after a rotation about the first axis of the base.
        let turned = angle.cos() * start[6] + angle.sin() * start[5];
        assert!((state.O_T_EE_d[6] - turned).abs() < 1e-5);
        let rest = motion_finished(CartesianVelocities::new([0.0; 6]));
        control.write_once(&rest, None).unwrap();
    });
    assert_eq!(simulator.counters().motions_finished, 1);
}

fn a_commanded_elbow_moves_while_the_hand_stands(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_cartesian_pose_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let (state, _) = control.read_once().unwrap();
        let (start, mut elbow) = (state.O_T_EE_c, state.elbow_c);
        let began = elbow[0];
        for tick in 0..=1000 {
            elbow[0] += bump(tick, 1000, 0.4) * DT;
            let pose = CartesianPose::with_elbow(start, elbow);
            control.write_once(&pose, None).unwrap();
            control.read_once().unwrap();
        }
        let pose = CartesianPose::with_elbow(start, elbow);
        control.write_once(&pose, None).unwrap();
        let (state, _) = control.read_once().unwrap();
        assert!(
            (state.elbow_d[0] - began - 0.2).abs() < 1e-3,
            "{:?}",
            state.elbow_d
        );
        assert!(distance(&state.O_T_EE_d, &start) < 1e-6);
        control.write_once(&motion_finished(pose), None).unwrap();
    });
    assert_eq!(simulator.counters().motions_finished, 1);
}

fn the_clients_own_callbacks_run_without_a_reflex(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let start = robot.read_once().unwrap().O_T_EE_c;
        let mut tick = 0;
        robot
            .control_cartesian_pose(
                |_, _| {
                    tick += 1;
                    let mut pose = CartesianPose::new(circle(&start, tick.min(2000)));
                    pose.motion_finished = tick > 2100;
                    pose
                },
                ControllerMode::CartesianImpedance,
                true,
                franka::DEFAULT_CUTOFF_FREQUENCY,
            )
            .unwrap();
        let mut tick = 0;
        robot
            .control_cartesian_velocities(
                |_, _| {
                    tick += 1;
                    let v = bump(tick.min(1000), 1000, 0.2);
                    let mut twist = CartesianVelocities::new([v, 0.0, 0.0, 0.0, 0.0, v]);
                    twist.motion_finished = tick > 1100;
                    twist
                },
                ControllerMode::JointImpedance,
                true,
                franka::DEFAULT_CUTOFF_FREQUENCY,
            )
            .unwrap();
    });
    let counters = simulator.counters();
    assert_eq!((counters.motions_finished, counters.reflexes), (2, 0));
}

fn reflex_of<T>(result: Result<T, FrankaError>) -> Vec<&'static str> {
    match result {
        Err(FrankaError::Control(error)) => error
            .log
            .last()
            .map(|record| record.state.current_errors.names())
            .unwrap_or_default(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("no reflex"),
    }
}

fn each_reflex_has_the_arms_name_for_it(arm: Generation) {
    type Pose = fn(&[f64; 16], u32) -> [f64; 16];
    let cases: [(Pose, &str); 3] = [
        (
            |start, _| {
                let mut elsewhere = *start;
                elsewhere[12] += 0.02;
                elsewhere
            },
            "cartesian_position_motion_generator_start_pose_invalid",
        ),
        (
            |start, tick| {
                let mut jump = *start;
                jump[12] += if tick > 10 { 0.01 } else { 0.0 };
                jump
            },
            "cartesian_motion_generator_velocity_discontinuity",
        ),
        (
            |start, tick| {
                // Every other millisecond the position is 2 um further, which is an alternating acceleration of
                // 2 m/s2.
                let mut rattle = *start;
                rattle[12] += if tick > 10 && tick % 2 == 0 {
                    8e-6
                } else {
                    0.0
                };
                rattle
            },
            "cartesian_motion_generator_acceleration_discontinuity",
        ),
    ];
    for (pose, name) in cases {
        let simulator = lockstep(arm);
        with_robot(&simulator, |robot| {
            let start = robot.read_once().unwrap().O_T_EE_c;
            let mut tick = 0;
            let ended = robot.control_cartesian_pose(
                |_, _| {
                    tick += 1;
                    CartesianPose::new(pose(&start, tick))
                },
                ControllerMode::JointImpedance,
                false,
                franka::MAX_CUTOFF_FREQUENCY,
            );
            let names = reflex_of(ended);
            assert!(names.contains(&name), "{names:?} lacks {name}");
            robot.automatic_error_recovery().unwrap();
        });
        assert_eq!(simulator.counters().reflexes, 1);
    }
}

fn a_pose_out_of_reach_ends_in_a_reflex_of_the_joints_behind_it(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut tick = 0;
        let ended = robot.control_cartesian_velocities(
            |_, _| {
                tick += 1;
                let v = bump(tick.min(500), 1000, 0.3);
                CartesianVelocities::new([v, 0.0, 0.0, 0.0, 0.0, 0.0])
            },
            ControllerMode::JointImpedance,
            false,
            franka::MAX_CUTOFF_FREQUENCY,
        );
        let names = reflex_of(ended);
        let of_joints = |name: &&str| name.starts_with("cartesian_motion_generator_joint_");
        assert!(
            names.iter().all(of_joints) && !names.is_empty(),
            "{names:?}"
        );
    });
    assert_eq!(simulator.counters().reflexes, 1);
}

fn a_stop_at_speed_is_no_reflex(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_cartesian_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        for tick in 0..=500 {
            control.read_once().unwrap();
            let v = bump(tick, 1000, 0.2);
            let twist = CartesianVelocities::new([0.0, v, 0.0, 0.0, 0.0, 0.0]);
            control.write_once(&twist, None).unwrap();
        }
        drop(control);
        assert_eq!(robot.read_once().unwrap().robot_mode, RobotMode::Idle);
        assert!(simulator.joints().dq.iter().all(|dq| dq.abs() < 1e-3));
    });
    let counters = simulator.counters();
    assert_eq!((counters.motions_aborted, counters.reflexes), (1, 0));
}
