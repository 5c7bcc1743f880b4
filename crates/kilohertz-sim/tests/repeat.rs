//! The same program leaves the same states in each run: faults in given cycles, seeded noise, resets between
//! episodes, several simulators side by side.

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::*;
use franka::{
    FrankaResult, Gripper, JointVelocities, MoveControllerMode, Robot, RobotMode, RobotState,
    Torques, motion_finished,
};
use kilohertz_sim::{Fault, Generation, Noise, Reset, Simulator, SimulatorOptions};

on_each_arm! {
    a_program_with_faults_and_noise_leaves_the_same_states_in_each_run,
    a_fault_is_shown_first_by_the_state_of_its_cycle,
    a_dropped_command_is_the_one_that_answers_its_cycle,
    faults_wait_for_one_motion_alone,
    a_connection_that_is_reset_in_a_cycle_gets_no_later_state,
    a_cycle_that_has_passed_is_refused,
    a_client_that_thinks_long_about_its_first_command_loses_none,
    noise_is_on_the_measured_values_alone,
    after_a_reset_an_episode_is_that_of_a_new_simulator,
    a_reset_ends_what_faults_have_done,
    a_reset_is_refused_while_something_moves,
    a_reset_to_what_cannot_be_changes_nothing,
    simulators_side_by_side_do_what_each_does_alone,
    in_lockstep_a_motion_is_faster_than_time,
}

/// How many commands a motion has.
const CYCLES: u32 = 300;

/// The values of a state that the arm measures or estimates, and its mode.
type Seen = (Vec<u64>, RobotMode);

fn seen(state: &RobotState) -> Seen {
    let measured = [
        &state.q[..],
        &state.dq,
        &state.tau_J,
        &state.dtau_J,
        &state.tau_J_d,
        &state.tau_ext_hat_filtered,
        &state.O_F_ext_hat_K,
        &state.O_T_EE,
        &state.q_d,
    ];
    let bits = measured
        .concat()
        .iter()
        .map(|value| value.to_bits())
        .collect();
    (bits, state.robot_mode)
}

/// A motion of joint 1 that swings back. Returns what each state showed, and how the motion ended.
fn swing(robot: &Robot, cycles: u32) -> (Vec<Seen>, FrankaResult<()>) {
    let mut states = Vec::new();
    let ended = (|| {
        let mut control = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
        for tick in 0..cycles {
            let (state, _) = control.read_once()?;
            states.push(seen(&state));
            let mut dq = [0.0; 7];
            dq[0] = bump(tick, cycles, 0.05);
            control.write_once(&JointVelocities::new(dq), None)?;
        }
        let (state, _) = control.read_once()?;
        states.push(seen(&state));
        control.write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
    })();
    (states, ended)
}

/// Torques that react to what was measured: what differs between two runs would grow.
fn react(robot: &Robot, cycles: u32) -> Vec<Seen> {
    let mut control = robot.start_torque_control().unwrap();
    let mut states = Vec::new();
    let mut from = None;
    for tick in 0..cycles {
        let (state, _) = control.read_once().unwrap();
        states.push(seen(&state));
        let from = *from.get_or_insert(state.q);
        let tau = std::array::from_fn(|i| {
            let wanted = from[i] + f64::from(u8::from(i == 3)) * bump(tick, cycles, 0.02);
            60.0 * (wanted - state.q[i]) - 8.0 * state.dq[i]
        });
        control.write_once(&Torques::new(tau)).unwrap();
    }
    control.read_once().unwrap();
    control
        .write_once(&motion_finished(Torques::new([0.0; 7])))
        .unwrap();
    states
}

fn assert_same<T: PartialEq + std::fmt::Debug>(one: &[T], other: &[T], what: &str) {
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    assert_eq!(differs, None, "{what}: the first state that differs");
    assert_eq!(one.len(), other.len(), "{what}");
}

const NOISE: Noise = Noise {
    seed: 7,
    q: [1e-5; 7],
    dq: [1e-3; 7],
    tau_J: [0.005; 7],
    tau_ext_hat_filtered: [0.05; 7],
};

fn noisy(generation: Generation) -> SimulatorOptions {
    SimulatorOptions {
        lockstep: true,
        noise: NOISE,
        ..options(generation)
    }
}

fn push(torque: f64) -> Fault {
    let mut torques = [0.0; 7];
    torques[1] = torque;
    Fault::Push(torques)
}

/// A motion with faults, a motion that reacts to the noise, and a motion that ends in a reflex. `pause` is spent
/// between them on the wall clock.
fn program(simulator: &Simulator, pause: Duration) -> Vec<Seen> {
    for (fault, at) in [
        (Fault::DropStates { count: 3 }, 40),
        (Fault::DropCommands { count: 5 }, 80),
        (Fault::DuplicateStates { count: 2 }, 120),
        (push(1.0), 150),
        (push(0.0), 200),
    ] {
        simulator.inject_at(fault, at).unwrap();
    }
    with_robot(simulator, |robot| {
        let mut states = vec![seen(&robot.read_once().unwrap())];
        thread::sleep(pause);
        let (first, ended) = swing(robot, CYCLES);
        ended.unwrap();
        states.extend(first);
        thread::sleep(pause);
        states.extend(react(robot, CYCLES));
        thread::sleep(pause);
        let error = "joint_reflex".to_owned();
        simulator.inject_at(Fault::Reflex { error }, 70).unwrap();
        let (until, ended) = swing(robot, CYCLES);
        assert!(ended.unwrap_err().to_string().contains("joint_reflex"));
        states.extend(until);
        states
    })
}

fn a_program_with_faults_and_noise_leaves_the_same_states_in_each_run(arm: Generation) {
    let runs: Vec<_> = [0, 7, 60]
        .into_iter()
        .map(|ms| {
            let simulator = Simulator::start(noisy(arm)).unwrap();
            let states = program(&simulator, Duration::from_millis(ms));
            let counters = simulator.counters();
            assert_eq!((counters.faults_at_cycles, counters.faults_missed), (6, 0));
            assert_eq!((counters.states_dropped, counters.commands_dropped), (3, 5));
            states
        })
        .collect();
    // Three states were dropped.
    assert!(runs[0].len() > 2 * CYCLES as usize + 60);
    for run in &runs[1..] {
        assert_same(&runs[0], run, "a run");
    }
    let other = Simulator::start(SimulatorOptions {
        noise: Noise { seed: 8, ..NOISE },
        ..noisy(arm)
    })
    .unwrap();
    let others = program(&other, Duration::ZERO);
    assert_ne!(runs[0][0], others[0], "another seed");
}

fn a_fault_is_shown_first_by_the_state_of_its_cycle(arm: Generation) {
    let simulator = lockstep(arm);
    let error = "cartesian_reflex".to_owned();
    simulator.inject_at(push(1.0), 20).unwrap();
    simulator.inject_at(Fault::Reflex { error }, 50).unwrap();
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        for cycle in 0..50 {
            let (state, _) = control.read_once().unwrap();
            let pushed = state.tau_ext_hat_filtered[1] != 0.0;
            // A push acts on the arm in the millisecond after its state.
            assert_eq!(pushed, cycle > 20, "in cycle {cycle}");
            control
                .write_once(&JointVelocities::new([0.0; 7]), None)
                .unwrap();
        }
        let error = control.read_once().unwrap_err().to_string();
        assert!(error.contains("cartesian_reflex"), "{error}");
    });
    assert_eq!(simulator.counters().commands_received, 50);
}

fn a_dropped_command_is_the_one_that_answers_its_cycle(arm: Generation) {
    let simulator = lockstep(arm);
    simulator
        .inject_at(Fault::DropCommands { count: 1 }, 30)
        .unwrap();
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        let mut commanded = Vec::new();
        for tick in 0..60 {
            let (state, _) = control.read_once().unwrap();
            commanded.push(state.dq_d[0]);
            let mut dq = [0.0; 7];
            dq[0] = bump(tick, 60, 0.05);
            control.write_once(&JointVelocities::new(dq), None).unwrap();
        }
        // The state of a cycle shows the command before it; the lost one was replaced by a guess.
        for (cycle, shown) in commanded.iter().enumerate().skip(1) {
            let sent = bump(cycle as u32 - 1, 60, 0.05);
            let is_sent = (shown - sent).abs() < 1e-6;
            assert_eq!(is_sent, cycle != 31, "cycle {cycle} shows {shown}");
        }
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
            .unwrap();
    });
    assert_eq!(simulator.counters().commands_lost, 1);
}

fn faults_wait_for_one_motion_alone(arm: Generation) {
    let simulator = lockstep(arm);
    let later = Fault::DropStates { count: 1 };
    simulator.inject_at(later, u64::from(CYCLES) + 50).unwrap();
    with_robot(&simulator, |robot| {
        swing(robot, CYCLES).1.unwrap();
        swing(robot, CYCLES + 100).1.unwrap();
    });
    let counters = simulator.counters();
    assert_eq!((counters.faults_at_cycles, counters.faults_missed), (0, 1));
    assert_eq!(counters.states_dropped, 0);
}

fn a_connection_that_is_reset_in_a_cycle_gets_no_later_state(arm: Generation) {
    for fault in [Fault::ResetConnection, Fault::Die] {
        let lengths: Vec<_> = (0..3)
            .map(|_| {
                let simulator = lockstep(arm);
                simulator.inject_at(fault.clone(), 90).unwrap();
                let (states, ended) = with_robot(&simulator, |robot| swing(robot, CYCLES));
                ended.unwrap_err();
                if fault == Fault::ResetConnection {
                    lets_in(&simulator, "the next client");
                }
                states.len()
            })
            .collect();
        assert_eq!(lengths, [90; 3], "{fault:?}");
    }
}

fn a_cycle_that_has_passed_is_refused(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        for _ in 0..30 {
            control.read_once().unwrap();
            control
                .write_once(&JointVelocities::new([0.0; 7]), None)
                .unwrap();
        }
        control.read_once().unwrap();
        let late = simulator.inject_at(push(1.0), 12).unwrap_err();
        assert_eq!(late.code(), "SIM_FAULT");
        assert!(late.to_string().contains("a cycle after 30"), "{late}");
        simulator.inject_at(push(1.0), 31).unwrap();
    });
    let connecting = Fault::RejectConnect { version: 3 };
    let refused = simulator.inject_at(connecting, 3).unwrap_err();
    assert_eq!(refused.code(), "SIM_FAULT");
    assert!(refused.to_string().contains("at once"), "{refused}");
}

fn a_client_that_thinks_long_about_its_first_command_loses_none(arm: Generation) {
    let run = |thinking: u64| {
        let simulator = Simulator::start(noisy(arm)).unwrap();
        with_robot(&simulator, |robot| {
            let mut control = robot
                .start_joint_velocity_control(MoveControllerMode::JointImpedance)
                .unwrap();
            let mut states = Vec::new();
            for tick in 0..50 {
                let (state, _) = control.read_once().unwrap();
                states.push(seen(&state));
                if tick == 0 {
                    thread::sleep(Duration::from_millis(thinking));
                }
                let mut dq = [0.0; 7];
                dq[0] = bump(tick, 50, 0.03);
                control.write_once(&JointVelocities::new(dq), None).unwrap();
            }
            control.read_once().unwrap();
            control
                .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
                .unwrap();
            let counters = simulator.counters();
            assert_eq!((counters.commands_late, counters.commands_lost), (0, 0));
            states
        })
    };
    assert_same(&run(0), &run(100), "an answer after 100 ms");
}

fn noise_is_on_the_measured_values_alone(arm: Generation) {
    let run = |noise: Noise| {
        let simulator = Simulator::start(SimulatorOptions {
            noise,
            ..noisy(arm)
        })
        .unwrap();
        let states = with_robot(&simulator, |robot| {
            let mut control = robot
                .start_joint_velocity_control(MoveControllerMode::JointImpedance)
                .unwrap();
            let mut states = Vec::new();
            for tick in 0..CYCLES {
                states.push(control.read_once().unwrap().0);
                let mut dq = [0.0; 7];
                dq[0] = bump(tick, CYCLES, 0.3);
                control.write_once(&JointVelocities::new(dq), None).unwrap();
            }
            control.read_once().unwrap();
            control
                .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
                .unwrap();
            states
        });
        // In lockstep an arm that has come to rest stands still to the last bit.
        eventually("an arm at rest", || simulator.joints().dq == [0.0; 7]);
        (states, simulator.joints().q)
    };
    let (noisy, noisy_end) = run(NOISE);
    let (exact, exact_end) = run(Noise::default());
    assert_eq!(noisy_end, exact_end, "the arm itself moves the same");
    let deviation = |value: fn(&RobotState) -> f64| {
        let squares = noisy.iter().zip(&exact).map(|(noisy, exact)| {
            let off = value(noisy) - value(exact);
            off * off
        });
        (squares.sum::<f64>() / f64::from(CYCLES)).sqrt()
    };
    for (found, expected) in [
        (deviation(|state| state.q[5]), 1e-5),
        (deviation(|state| state.theta[5]), 1e-5),
        (deviation(|state| state.dq[1]), 1e-3),
        (deviation(|state| state.tau_J[2]), 0.005),
        (deviation(|state| state.dtau_J[2]), 5.0 * 2.0_f64.sqrt()),
        (deviation(|state| state.tau_ext_hat_filtered[0]), 0.05),
    ] {
        assert!(
            (0.8..1.2).contains(&(found / expected)),
            "{found} and {expected}"
        );
    }
    assert!(deviation(|state| state.O_T_EE[12]) > 0.0);
    assert!(deviation(|state| state.O_F_ext_hat_K[0]) > 0.0);
    for (noisy, exact) in noisy.iter().zip(&exact) {
        assert_eq!((noisy.q_d, noisy.dq_d), (exact.q_d, exact.dq_d));
        assert_eq!(noisy.tau_J_d, exact.tau_J_d);
        assert_eq!(noisy.O_T_EE_d, exact.O_T_EE_d);
    }
}

/// A posture beside the one of the start.
fn beside() -> [f64; 7] {
    SimulatorOptions::default().q.map(|q| q + 0.1)
}

fn after_a_reset_an_episode_is_that_of_a_new_simulator(arm: Generation) {
    let fresh = Simulator::start(SimulatorOptions {
        q: beside(),
        noise: Noise { seed: 30, ..NOISE },
        ..noisy(arm)
    })
    .unwrap();
    let expected = program(&fresh, Duration::ZERO);
    let simulator = Simulator::start(noisy(arm)).unwrap();
    let episode = |simulator: &Simulator| {
        simulator
            .reset(&Reset {
                q: Some(beside()),
                seed: Some(30),
                object: None,
            })
            .unwrap();
        assert_eq!(simulator.joints().q, beside());
        program(simulator, Duration::from_millis(3))
    };
    let first = program(&simulator, Duration::ZERO);
    assert_ne!(first[0], expected[0]);
    assert_same(&expected, &episode(&simulator), "after one reset");
    let time = simulator.joints().time;
    assert_same(&expected, &episode(&simulator), "after another");
    assert!(simulator.joints().time > time, "its time goes on");
    simulator.reset(&Reset::default()).unwrap();
    let again = program(&simulator, Duration::ZERO);
    assert_same(&first, &again, "a reset to the start");
}

fn a_reset_ends_what_faults_have_done(arm: Generation) {
    let simulator = wall_clock(arm);
    let error = "joint_reflex".to_owned();
    with_robot(&simulator, |robot| {
        let reset = || simulator.reset(&Reset::default()).unwrap();
        let mode = || {
            // The first state may be one that was on its way.
            robot.read_once().unwrap();
            robot.read_once().unwrap()
        };
        simulator.inject(Fault::Reflex { error }).unwrap();
        simulator.inject(push(8.0)).unwrap();
        eventually("a contact", || mode().tau_ext_hat_filtered[1] < -7.0);
        assert_eq!(mode().robot_mode, RobotMode::Reflex);
        reset();
        let state = mode();
        assert_eq!(state.robot_mode, RobotMode::Idle);
        assert!(!state.current_errors.any(), "{:?}", state.current_errors);
        assert_eq!(state.tau_ext_hat_filtered, [0.0; 7]);
        assert_eq!(state.joint_collision, [0.0; 7]);
        for fault in [Fault::UserStop(true), Fault::Guide(true)] {
            simulator.inject(fault).unwrap();
            assert_ne!(mode().robot_mode, RobotMode::Idle);
            reset();
            assert_eq!(mode().robot_mode, RobotMode::Idle);
        }
        simulator
            .inject(Fault::DropStates { count: 1_000_000 })
            .unwrap();
        simulator.inject_at(push(1.0), 3).unwrap();
        reset();
        assert_eq!(mode().robot_mode, RobotMode::Idle);
        swing(robot, CYCLES).1.unwrap();
    });
    let counters = simulator.counters();
    assert_eq!((counters.faults_at_cycles, counters.faults_missed), (0, 1));
}

fn a_reset_is_refused_while_something_moves(arm: Generation) {
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let mut control = robot
            .start_joint_velocity_control(MoveControllerMode::JointImpedance)
            .unwrap();
        for _ in 0..20 {
            control.read_once().unwrap();
            control
                .write_once(&JointVelocities::new([0.0; 7]), None)
                .unwrap();
        }
        let busy = simulator.reset(&Reset::default()).unwrap_err();
        assert_eq!(busy.code(), "SIM_BUSY");
        assert!(busy.to_string().contains("in a motion"), "{busy}");
        control.read_once().unwrap();
        control
            .write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)
            .unwrap();
        simulator.reset(&Reset::default()).unwrap();
        swing(robot, CYCLES).1.unwrap();
    });
    let hand = Gripper::new(&simulator.hand_address().unwrap().to_string()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| hand.move_gripper(0.0, 0.005));
        eventually("a moving hand", || simulator.fingers().unwrap().is_moving);
        let busy = simulator.reset(&Reset::default()).unwrap_err();
        assert!(busy.to_string().contains("the hand"), "{busy}");
        hand.stop().unwrap();
    });
    simulator.reset(&Reset::default()).unwrap();
    assert_eq!(simulator.fingers().unwrap().width, 0.08);
}

fn a_reset_to_what_cannot_be_changes_nothing(arm: Generation) {
    let simulator = lockstep(arm);
    let before = simulator.joints().q;
    let mut q = before;
    q[3] = 1.0;
    let refused = simulator.reset(&Reset {
        q: Some(q),
        ..Reset::default()
    });
    assert!(refused.unwrap_err().to_string().contains("joint 4"));
    let refused = simulator.reset(&Reset {
        q: Some(beside()),
        object: Some(0.09),
        ..Reset::default()
    });
    assert!(refused.unwrap_err().to_string().contains("0.08"));
    assert_eq!(simulator.joints().q, before);
    simulator
        .reset(&Reset {
            object: Some(0.05),
            ..Reset::default()
        })
        .unwrap();
    assert_eq!(simulator.fingers().unwrap().object, Some(0.05));
    simulator.stop();
    let stopped = simulator.reset(&Reset::default()).unwrap_err();
    assert_eq!(stopped.code(), "SIM_STOPPED");
}

fn simulators_side_by_side_do_what_each_does_alone(arm: Generation) {
    let start = |seed: u64| {
        let noise = Noise { seed, ..NOISE };
        Simulator::start(SimulatorOptions {
            noise,
            ..noisy(arm)
        })
        .unwrap()
    };
    let alone: Vec<_> = (0..4)
        .map(|seed| program(&start(seed), Duration::ZERO))
        .collect();
    let together: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| scope.spawn(move || program(&start(seed), Duration::ZERO)))
            .collect();
        threads.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (nth, (alone, together)) in alone.iter().zip(&together).enumerate() {
        assert_same(alone, together, &format!("simulator {nth}"));
    }
    assert_ne!(alone[0], alone[1]);
}

fn in_lockstep_a_motion_is_faster_than_time(arm: Generation) {
    const LONG: u32 = 10_000;
    let simulator = lockstep(arm);
    with_robot(&simulator, |robot| {
        let began = Instant::now();
        swing(robot, LONG).1.unwrap();
        let ratio = f64::from(LONG) * DT / began.elapsed().as_secs_f64();
        // Twenty times on a machine that is idle; `cargo bench --bench lockstep` measures it.
        assert!(ratio > 1.0, "{ratio} times real time");
    });
}
