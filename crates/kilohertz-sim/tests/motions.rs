//! Motions over real sockets with the real client, in lockstep. Where they end does not depend on the load of the
//! machine.

mod common;

use std::sync::Arc;

use common::{DT, bump, largest_difference, lockstep, options, with_robot};
use franka::{
    FrankaError, JointPositions, JointVelocities, MoveControllerMode, MoveStatus, RobotMode,
    Torques, motion_finished,
};
use kilohertz_sim::{EndEffector, Generation, Simulator, SimulatorOptions};

on_each_arm! {
    a_velocity_motion_ends_where_its_integral_says,
    a_position_motion_ends_at_its_last_position,
    no_torque_holds_the_arm_against_gravity,
    a_torque_motion_ends_where_integration_says,
    callbacks_with_rate_limits_and_filters_run_without_a_reflex,
    a_motion_with_torques_of_the_clients_own_follows_them,
    a_stop_from_another_thread_preempts_the_motion,
    the_state_agrees_with_the_simulated_arm,
    an_arm_has_the_end_effector_of_its_options,
    a_softer_joint_impedance_tracks_worse,
    the_arm_refuses_implausible_settings,
    the_same_commands_end_at_the_same_place_bit_for_bit,
}

fn a_velocity_motion_ends_where_its_integral_says(arm: Generation) {
    let simulator = lockstep(arm);
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

fn a_position_motion_ends_at_its_last_position(arm: Generation) {
    let simulator = lockstep(arm);
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

fn no_torque_holds_the_arm_against_gravity(arm: Generation) {
    let simulator = lockstep(arm);
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

fn a_torque_motion_ends_where_integration_says(arm: Generation) {
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        friction: false,
        ..options(arm)
    })
    .unwrap();
    let start = simulator.joints().q;
    let (mut last, mut expected) = (0.0, 0.0);
    with_robot(&simulator, |robot| {
        let mut control = robot.start_torque_control().unwrap();
        // Joint 1 turns about a vertical axis, so only inertia resists. This is an independent integration of
        // that joint, with the inertia at the start.
        let model = robot.load_model().unwrap();
        let (mut q, mut dq) = (0.0, 0.0);
        for tick in 0..=200 {
            let (state, _) = control.read_once().unwrap();
            let tau = if tick < 200 {
                bump(2 * (tick % 100), 200, 0.4)
            } else {
                0.0
            };
            let tau = if tick < 100 { tau } else { -tau };
            control
                .write_once(&Torques::new([tau, 0., 0., 0., 0., 0., 0.]))
                .unwrap();
            // The other joints are free as well. The mass matrix gives their reaction.
            let flat = model.mass(&state);
            let inertia = schur(&flat);
            dq += tau / inertia * DT;
            q += dq * DT;
            (last, expected) = (state.q[0], q);
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(Torques::new([0.0; 7])))
            .unwrap();
    });
    let moved = last - start[0];
    assert!(moved > 1e-3, "{moved}");
    assert!(
        (moved - expected).abs() < 0.02 * expected,
        "{moved} rad instead of {expected} rad"
    );
}

/// Returns the inertia [kg m2] of joint 1 while the other joints are free: 1 / (M⁻¹)₁₁, by elimination from the
/// last joint on.
fn schur(flat: &[f64; 49]) -> f64 {
    let armature = [0.195, 0.195, 0.195, 0.195, 0.074, 0.074, 0.074];
    let mut m = [[0.0; 7]; 7];
    for i in 0..7 {
        for j in 0..7 {
            m[i][j] = flat[7 * i + j] + if i == j { armature[i] } else { 0.0 };
        }
    }
    for k in (1..7).rev() {
        for i in 0..k {
            for j in 0..k {
                m[i][j] -= m[i][k] * m[k][j] / m[k][k];
            }
        }
    }
    m[0][0]
}

fn callbacks_with_rate_limits_and_filters_run_without_a_reflex(arm: Generation) {
    let simulator = lockstep(arm);
    let start = simulator.joints().q;
    with_robot(&simulator, |robot| {
        let initial = robot.read_once().unwrap().q_d;
        let mut tick = 0;
        robot
            .control_joint_positions(
                |_, _| {
                    tick += 1;
                    let mut q = initial;
                    q[3] += 0.1 * (1.0 - (f64::from(tick) * DT * 3.0).cos());
                    q[5] -= 0.1 * (1.0 - (f64::from(tick) * DT * 3.0).cos());
                    let mut command = JointPositions::new(q);
                    command.motion_finished = f64::from(tick) * DT * 3.0 >= std::f64::consts::TAU;
                    command
                },
                franka::ControllerMode::JointImpedance,
                true,
                franka::DEFAULT_CUTOFF_FREQUENCY,
            )
            .unwrap();
        let mut tick = 0;
        robot
            .control_joint_velocities(
                |_, _| {
                    tick += 1;
                    // A step, which the client's rate limits turn into a ramp.
                    let dq = if tick < 400 { 0.3 } else { 0.0 };
                    let mut command = JointVelocities::new([0., 0., 0., 0., 0., dq, dq]);
                    command.motion_finished = tick >= 900;
                    command
                },
                franka::ControllerMode::JointImpedance,
                true,
                franka::DEFAULT_CUTOFF_FREQUENCY,
            )
            .unwrap();
    });
    let end = simulator.joints().q;
    assert!((end[3] - start[3]).abs() < 2e-3, "there and back");
    assert!(end[6] - start[6] > 0.1);
    let counters = simulator.counters();
    assert_eq!((counters.motions_finished, counters.reflexes), (2, 0));
}

fn a_motion_with_torques_of_the_clients_own_follows_them(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::ExternalController)
            .unwrap();
        for tick in 0..=300 {
            let (state, _) = control.read_once().unwrap();
            let dq = bump(tick, 300, 0.3);
            let tau = std::array::from_fn(|i| {
                (300.0 * (state.q_d[i] - state.q[i]) + 20.0 * (state.dq_d[i] - state.dq[i]))
                    .clamp(-5.0, 5.0)
            });
            let velocities = JointVelocities::new([0., 0., 0., 0., 0., 0., dq]);
            control
                .write_once(&velocities, Some(&Torques::new(tau)))
                .unwrap();
        }
        let (state, _) = control.read_once().unwrap();
        assert!(
            (state.q_d[6] - state.q[6]).abs() < 0.02,
            "{} {}",
            state.q_d[6],
            state.q[6]
        );
        let rest = motion_finished(JointVelocities::new([0.0; 7]));
        control
            .write_once(&rest, Some(&Torques::new([0.0; 7])))
            .unwrap();
    });
    assert_eq!(simulator.counters().motions_finished, 1);
}

fn a_stop_from_another_thread_preempts_the_motion(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let stopper = Arc::clone(robot);
        let mut stop = None;
        let error = loop {
            let (state, _) = match control.read_once() {
                Ok(read) => read,
                Err(error) => break error,
            };
            let dq = (state.dq_d[0] + 0.002).min(0.3);
            if dq >= 0.3 && stop.is_none() {
                let stopper = Arc::clone(&stopper);
                stop = Some(std::thread::spawn(move || stopper.stop()));
            }
            control
                .write_once(&JointVelocities::new([dq, 0., 0., 0., 0., 0., 0.]), None)
                .unwrap();
        };
        match error {
            FrankaError::Control(e) => assert_eq!(e.move_status, Some(MoveStatus::Preempted)),
            other => panic!("{other:?}"),
        }
        stop.unwrap().join().unwrap().unwrap();
        assert_eq!(robot.read_once().unwrap().robot_mode, RobotMode::Idle);
        assert!(simulator.joints().dq[0].abs() < 1e-3);
    });
    let counters = simulator.counters();
    assert_eq!((counters.motions_aborted, counters.reflexes), (1, 0));
}

fn the_state_agrees_with_the_simulated_arm(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let model = robot.load_model().unwrap();
        robot
            .set_load(
                1.5,
                [0.0, 0.0, 0.05],
                [0.01, 0., 0., 0., 0.01, 0., 0., 0., 0.01],
            )
            .unwrap();
        let mut tool = franka::robot_state::IDENTITY_TRANSFORM;
        tool[14] = 0.1;
        robot.set_ee(tool).unwrap();
        robot.set_k(tool).unwrap();
        for _ in 0..300 {
            robot.read_once().unwrap();
        }
        let state = robot.read_once().unwrap();
        let hand = EndEffector::FRANKA_HAND;
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert_eq!(state.m_load, 1.5);
        assert!(near(state.m_ee, hand.m_ee) && near(state.m_total, 1.5 + hand.m_ee));
        assert!((0..3).all(|i| near(state.F_x_Cee[i], hand.F_x_Cee[i])));
        assert!((0..9).all(|i| near(state.I_ee[i], hand.I_ee[i])));
        assert!((0..16).all(|i| near(state.F_T_NE[i], hand.F_T_NE[i])));
        assert!(near(state.NE_T_EE[14], tool[14]));
        assert_eq!(state.EE_T_K, state.NE_T_EE);
        // The frame of the tool begins between the fingertips.
        assert!(near(state.F_T_EE[14], 0.1034 + 0.1) && near(state.F_T_EE[0], hand.F_T_NE[0]));
        let pose = model.pose(franka::Frame::EndEffector, &state);
        for (computed, reported) in pose.iter().zip(state.O_T_EE) {
            assert!((computed - reported).abs() < 1e-5);
        }
        let gravity = model.gravity(&state);
        assert!(
            largest_difference(&state.tau_J, &gravity) < 0.05,
            "{:?} {gravity:?}",
            state.tau_J
        );
        assert!(largest_difference(&state.q, &simulator.joints().q) < 1e-4);
        assert_eq!(state.elbow[1], -1.0);
        assert_eq!(state.control_command_success_rate, 0.0);
        assert_eq!(state.tau_ext_hat_filtered, [0.0; 7]);
    });
}

fn a_softer_joint_impedance_tracks_worse(arm: Generation) {
    let error = |stiffness: f64| {
        let simulator = lockstep(arm);
        with_robot(&simulator, |robot| {
            robot.set_joint_impedance([stiffness; 7]).unwrap();
            let mut control = robot
                .start_joint_velocity_control(MoveControllerMode::JointImpedance)
                .unwrap();
            let mut worst: f64 = 0.0;
            for tick in 0..=500 {
                let (state, _) = control.read_once().unwrap();
                worst = worst.max(largest_difference(&state.q, &state.q_d));
                let dq = bump(tick, 500, 0.5);
                control
                    .write_once(&JointVelocities::new([dq, 0., 0., 0., 0., 0., dq]), None)
                    .unwrap();
            }
            worst
        })
    };
    let (stiff, soft) = (error(3000.0), error(20.0));
    assert!(soft > 2.0 * stiff, "{soft} rad and {stiff} rad");
}

fn the_arm_refuses_implausible_settings(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let invalid = |result: franka::FrankaResult<()>| match result {
            Err(FrankaError::Command(text)) => {
                assert!(text.contains("invalid argument"), "{text}");
            }
            other => panic!("{other:?}"),
        };
        invalid(robot.set_joint_impedance([-1.0; 7]));
        invalid(robot.set_cartesian_impedance([1e9; 6]));
        let ball = [1e-3, 0., 0., 0., 1e-3, 0., 0., 0., 1e-3];
        invalid(robot.set_load(-1.0, [0.0; 3], ball));
        invalid(robot.set_load(1.0, [f64::NAN; 3], ball));
        invalid(robot.set_load(1.0, [0.0; 3], [0.0; 9]));
        invalid(robot.set_load(30.0, [0.0; 3], ball));
        let pointed = [1e-3, 0., 0., 0., 1e-3, 0., 0., 0., 3e-3];
        invalid(robot.set_load(1.0, [0.0; 3], pointed));
        robot.set_load(1.0, [0.0; 3], ball).unwrap();
        robot.set_load(0.0, [0.0; 3], [0.0; 9]).unwrap();
        invalid(robot.set_k([1.0; 16]));
        invalid(robot.set_collision_behavior_simple([20.0; 7], [10.0; 7], [10.0; 6], [20.0; 6]));
        robot
            .set_collision_behavior_simple([10.0; 7], [20.0; 7], [10.0; 6], [20.0; 6])
            .unwrap();
        robot.set_guiding_mode([true; 6], false).unwrap();
        robot
            .set_cartesian_impedance([500.0, 500.0, 500.0, 20.0, 20.0, 20.0])
            .unwrap();
        robot.automatic_error_recovery().unwrap();
    });
}

fn the_same_commands_end_at_the_same_place_bit_for_bit(arm: Generation) {
    let run = || {
        let simulator = lockstep(arm);
        with_robot(&simulator, |robot| {
            let mut control = robot
                .start_joint_velocity_control(MoveControllerMode::JointImpedance)
                .unwrap();
            for tick in 0..=300 {
                control.read_once().unwrap();
                let dq = bump(tick, 300, 0.4);
                let velocities = JointVelocities::new([dq, 0., -dq, 0., dq, 0., 0.]);
                control.write_once(&velocities, None).unwrap();
            }
            let (state, _) = control.read_once().unwrap();
            (state.q, state.dq, state.tau_J)
        })
    };
    assert_eq!(run(), run());
}

fn an_arm_has_the_end_effector_of_its_options(arm: Generation) {
    let camera = EndEffector {
        m_ee: 0.4,
        F_x_Cee: [0.02, 0.0, 0.05],
        I_ee: [4e-4, 0., 0., 0., 4e-4, 0., 0., 0., 4e-4],
        ..EndEffector::NONE
    };
    let cases = [
        (true, None, EndEffector::FRANKA_HAND),
        (false, None, EndEffector::NONE),
        (true, Some(camera), camera),
        (false, Some(camera), camera),
        (true, Some(EndEffector::NONE), EndEffector::NONE),
    ];
    for (hand, end_effector, worn) in cases {
        let simulator = Simulator::start(SimulatorOptions {
            hand,
            end_effector,
            ..options(arm)
        })
        .unwrap();
        with_robot(&simulator, |robot| {
            let state = robot.read_once().unwrap();
            let model = robot.load_model().unwrap();
            assert!(
                (state.m_ee - worn.m_ee).abs() < 1e-6,
                "{hand} {end_effector:?}"
            );
            for (told, set) in state.F_T_EE.iter().zip(worn.F_T_NE) {
                assert!((told - set).abs() < 1e-6, "{:?}", state.F_T_EE);
            }
            // The joint torques hold the arm up, and equal the gravity of the client's model.
            let gravity = model.gravity(&state);
            assert!(largest_difference(&state.tau_J, &gravity) < 0.01);
            let bare = model.gravity_q(&state.q, 0.0, &[0.0; 3], &[0.0, 0.0, -9.81]);
            let weighs = largest_difference(&state.tau_J, &bare) > 0.5;
            assert_eq!(weighs, worn.m_ee > 0.0);
        });
    }
}
