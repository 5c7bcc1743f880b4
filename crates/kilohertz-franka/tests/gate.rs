//! Wrong states that come from the arm itself. The arm is braked by the commands that it was given, and the error
//! tells what was wrong.

mod common;
mod effector;

use std::sync::Arc;

use common::*;
use kilohertz_core::policy::Policy;
use kilohertz_core::session::Cause;
use kilohertz_franka::move_to::{Goal, HOME};
use kilohertz_franka::state::LEN;
use kilohertz_franka::{ArmErrorCode, Control, Gains, Impedance};
use kilohertz_sim::{Corruption, Fault, Simulator};

on_each_arm! {
    a_wrong_state_brakes_the_arm_in_that_cycle_and_the_error_names_the_field,
    a_wrong_state_behind_a_law_brakes_the_arm_and_ends_the_torques,
    a_clock_that_has_jumped_brakes_the_arm_and_is_reported,
    a_wrong_value_that_nothing_reads_is_counted_and_does_no_harm,
    a_motion_with_a_wrong_first_state_does_not_start,
    no_move_is_planned_and_no_arm_recovered_from_an_impossible_posture,
}

fn corrupt(field: &str, index: usize, value: f64, count: u32) -> Fault {
    Fault::CorruptStates {
        count,
        with: Corruption {
            field: field.to_owned(),
            index,
            value,
        },
    }
}

/// Injects `fault` after the answer of cycle 300.
fn struck(simulator: &Arc<Simulator>, control: Control, fault: Fault) -> Box<dyn Policy> {
    let simulator = Arc::clone(simulator);
    let meddle = move |tick: u64, _: &mut [f64]| {
        if tick == 300 {
            simulator.inject(fault.clone()).unwrap();
        }
        Ok(())
    };
    match control.is_cartesian() {
        true => effector::fast(control, meddle),
        false => Box::new(at_speed(control, meddle)),
    }
}

/// Checks that a session with `impedance` ends with an error that names `field`, and that the arm finishes its
/// motion.
fn braked_and_told(rig: Rig, control: Control, impedance: Impedance, fault: Fault, field: &str) {
    let what = format!("{rig:?}, {control}, {fault:?}");
    let simulator = lockstep(rig);
    let arm = connect_with(rig, &simulator, impedance);
    let policy = struck(&simulator, control, fault);
    let session = session(&arm, control, config(), policy);
    let error = robot_error(&session);
    assert_eq!(error.code, ArmErrorCode::Protocol, "{what}: {error}");
    assert!(error.message.starts_with(field), "{what}: {error}");
    // The state that follows the answer of cycle 300 belongs to cycle 301.
    let outcome = ended(&session);
    assert_eq!(
        outcome.cause,
        Some(Cause::RobotFailed { tick: 301 }),
        "{what}"
    );
    assert!(
        outcome.last_states.iter().all(|slot| slot.is_finite()),
        "{what}"
    );
    assert_at_rest_without_reflex(&simulator);
    let counters = simulator.counters();
    let ends = (counters.motions_finished, counters.motions_aborted);
    assert_eq!(ends, (1, 0), "{what}");
}

fn a_wrong_state_brakes_the_arm_in_that_cycle_and_the_error_names_the_field(rig: Rig) {
    let joints = [("q", 1), ("q_d", 2), ("dq_d", 3), ("ddq_d", 0)];
    let effector = [("O_T_EE_c", 13), ("O_dP_EE_c", 5), ("O_ddP_EE_c", 0)];
    let torques = [("q", 0), ("dq", 6), ("tau_J_d", 4)];
    for (control, fields) in [
        (Control::JointVelocity, &joints[..]),
        (Control::JointPosition, &joints),
        (Control::CartesianPose, &effector),
        (Control::CartesianVelocity, &effector),
        (Control::Torque, &torques),
    ] {
        for (nth, (field, index)) in fields.iter().enumerate() {
            let value = [f64::NAN, f64::INFINITY, 1e30][nth % 3];
            // Either one state is wrong, or all from then on.
            let count = [1, 1_000_000][nth % 2];
            let fault = corrupt(field, *index, value, count);
            braked_and_told(rig, control, Impedance::Joint, fault, field);
        }
    }
    let jump = corrupt("q_d", 0, 0.5, 1);
    braked_and_told(
        rig,
        Control::JointVelocity,
        Impedance::Joint,
        jump,
        "q_d[0]",
    );
}

fn a_wrong_state_behind_a_law_brakes_the_arm_and_ends_the_torques(rig: Rig) {
    for control in [Control::JointPosition, Control::CartesianPose] {
        let fault = corrupt("tau_J_d", 3, f64::NAN, 1);
        braked_and_told(
            rig,
            control,
            Impedance::Law(Gains::JOINT),
            fault,
            "tau_J_d[3]",
        );
    }
}

fn a_clock_that_has_jumped_brakes_the_arm_and_is_reported(rig: Rig) {
    for ahead in [1.5, 1e12] {
        let fault = corrupt("time", 0, ahead, 1_000_000);
        braked_and_told(
            rig,
            Control::JointVelocity,
            Impedance::Joint,
            fault,
            "time[0]",
        );
    }
}

fn a_wrong_value_that_nothing_reads_is_counted_and_does_no_harm(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let control = Control::JointVelocity;
    let fault = corrupt("tau_ext_hat_filtered", 2, f64::NAN, 100);
    let policy = struck(&simulator, control, fault);
    let session = session_until(600, &arm, control, policy, || {});
    ended_well(&session);
    assert_eq!(session.stats().unused_not_finite, 100);
    assert_at_rest_without_reflex(&simulator);
}

fn a_motion_with_a_wrong_first_state_does_not_start(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    simulator
        .inject(corrupt("q", 2, f64::NAN, 1_000_000))
        .unwrap();
    let control = Control::JointVelocity;
    let session = session(
        &arm,
        control,
        config(),
        Box::new(at_speed(control, |_, _| Ok(()))),
    );
    let error = robot_error(&session);
    assert_eq!(error.code, ArmErrorCode::Protocol, "{error}");
    assert!(error.message.contains("Nothing has moved"), "{error}");
    assert_eq!(simulator.counters().motions_started, 0);
}

fn no_move_is_planned_and_no_arm_recovered_from_an_impossible_posture(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let goal = Goal::Joints(HOME);
    for (field, index, value) in [
        ("q", 1, f64::NAN),
        ("q_d", 3, 1e30),
        ("q_d", 6, f64::INFINITY),
        ("F_T_EE", 13, f64::NAN),
        ("F_T_EE", 0, 0.5),
    ] {
        let what = format!("{field}[{index}] {value}");
        simulator
            .inject(corrupt(field, index, value, 1_000_000))
            .unwrap();
        let refusals = [arm.plan_move(&goal, 0.5).map(drop), arm.recover()];
        for refused in refusals {
            let error = refused.unwrap_err();
            assert_eq!(error.code, ArmErrorCode::Protocol, "{what}: {error}");
            assert!(error.message.starts_with(field), "{what}: {error}");
        }
        // The states of the arm can still be read.
        assert!(arm.state().is_ok(), "{what}");
        assert_eq!(arm.observe().unwrap().len(), LEN, "{what}");
        simulator.inject(corrupt(field, index, value, 1)).unwrap();
        arm.state().unwrap();
    }
    arm.plan_move(&goal, 0.5).unwrap();
    arm.recover().unwrap();
    assert_eq!(simulator.counters().motions_started, 0);
}
