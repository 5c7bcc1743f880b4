//! Settings of an arm, and their effects.

mod common;

use common::*;
use franka::model::DEFAULT_GRAVITY_EARTH;
use kilohertz_franka::kinematics::model::{ArmModel, Posture, Quantity};
use kilohertz_franka::move_to::{Goal, HOME};
use kilohertz_franka::{ArmError, ArmErrorCode, Control, Setting, Thresholds};
use kilohertz_sim::{Corruption, Fault, Simulator};

on_each_arm! {
    the_arm_shows_what_it_was_set_up_with,
    the_torques_of_an_arm_carry_the_load_that_was_set,
    a_softer_arm_gives_way_further,
    thresholds_decide_what_is_a_contact_and_what_stops_the_arm,
    nothing_is_sent_while_a_session_drives_the_arm,
    a_setting_for_no_arm_is_refused_before_it_is_sent,
    the_arms_own_refusal_is_told,
    a_refusal_tells_the_present_mode_and_what_to_do,
    an_end_effector_takes_its_part_of_the_payload,
    a_load_that_is_set_replaces_one_that_no_arm_can_carry,
    the_heaviest_load_that_is_sent_leaves_the_arm_able_to_take_another,
    an_implausible_setting_is_sent_if_unchecked,
    filters_are_the_fers_alone,
}

/// A frame that is rotated by 90 degrees about z and shifted by `off` \[m\].
fn turned(off: [f64; 3]) -> [f64; 16] {
    let [x, y, z] = off;
    [0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1., 0., x, y, z, 1.]
}

fn near(ours: &[f64], theirs: &[f64]) -> bool {
    ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-5)
}

const INERTIA: [f64; 9] = [0.01, 0., 0., 0., 0.02, 0., 0., 0., 0.03];

fn load(mass: f64) -> Setting {
    Setting::Load {
        mass,
        centre: [0.0, 0.0, 0.1],
        inertia: INERTIA,
    }
}

fn thresholds(contact: f64, collision: f64) -> Setting {
    let all = Thresholds {
        lower_torques: [contact; 7],
        upper_torques: [collision; 7],
        lower_forces: [100.0; 6],
        upper_forces: [100.0; 6],
    };
    Setting::CollisionBehavior {
        nominal: all,
        acceleration: all,
    }
}

fn the_arm_shows_what_it_was_set_up_with(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let before = arm.state().unwrap();
    for setting in [
        Setting::EndEffector(turned([0.0, 0.0, 0.1])),
        Setting::StiffnessFrame(turned([0.01, 0.02, 0.03])),
        load(0.7),
        Setting::JointImpedance([2000.0; 7]),
        Setting::CartesianImpedance([1000.0, 1000.0, 1000.0, 100.0, 100.0, 100.0]),
        Setting::GuidingMode {
            axes: [true, true, true, false, false, false],
            elbow: true,
        },
        thresholds(10.0, 20.0),
    ] {
        arm.configure(&setting).unwrap();
    }
    let state = arm.state().unwrap();
    assert!(near(&state.NE_T_EE, &turned([0.0, 0.0, 0.1])));
    assert!(near(&state.EE_T_K, &turned([0.01, 0.02, 0.03])));
    assert!((state.m_load - 0.7).abs() < 1e-6);
    assert!(near(&state.F_x_Cload, &[0.0, 0.0, 0.1]));
    assert!(near(&state.I_load, &INERTIA));
    // The hand points down, so the end effector moved down by the same distance.
    let down = before.O_T_EE[14] - state.O_T_EE[14];
    assert!((down - 0.1).abs() < 1e-3, "{down}");
}

fn the_torques_of_an_arm_carry_the_load_that_was_set(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let before = arm.state().unwrap();
    arm.configure(&load(2.0)).unwrap();
    let after = eventually_state(&arm, |state| (state.tau_J[1] - before.tau_J[1]).abs() > 1.0);
    let model = ArmModel::new(rig.generation()).unwrap();
    let gravity = |mass: f64| {
        let mut torques = [0.0; 7];
        let posture = Posture {
            m_total: mass,
            F_x_Ctotal: [0.0, 0.0, 0.1],
            gravity_earth: DEFAULT_GRAVITY_EARTH,
            ..Posture::bare(after.q)
        };
        model.compute(Quantity::Gravity, &posture, &mut torques);
        torques
    };
    let (with, without) = (gravity(2.0), gravity(0.0));
    for joint in 0..7 {
        let more = after.tau_J[joint] - before.tau_J[joint];
        let expected = with[joint] - without[joint];
        assert!((more - expected).abs() < 0.3, "{joint}: {more}, {expected}");
    }
    assert!(near(&after.q, &before.q), "it sagged");
}

/// Returns the first state for which `condition` holds.
fn eventually_state(
    arm: &kilohertz_franka::Arm,
    condition: impl Fn(&franka::RobotState) -> bool,
) -> franka::RobotState {
    let found = std::cell::RefCell::new(None);
    eventually("a state", || {
        let state = arm.state().unwrap();
        let holds = condition(&state);
        *found.borrow_mut() = Some(state);
        holds
    });
    found.into_inner().unwrap()
}

fn a_softer_arm_gives_way_further(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let start = simulator.joints().q[0];
    let mut push = [0.0; 7];
    push[0] = 5.0;
    simulator.inject(Fault::Push(push)).unwrap();
    let mut gave = Vec::new();
    for stiffness in [3000.0, 300.0] {
        arm.configure(&Setting::JointImpedance([stiffness; 7]))
            .unwrap();
        let expected = 5.0 / stiffness;
        eventually("the arm gives way", || {
            (simulator.joints().q[0] - start - expected).abs() < 0.1 * expected
        });
        gave.push(simulator.joints().q[0] - start);
    }
    assert!(gave[1] > 5.0 * gave[0], "{gave:?}");
}

fn thresholds_decide_what_is_a_contact_and_what_stops_the_arm(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let pushed = |collision: f64| {
        arm.configure(&thresholds(5.0, collision)).unwrap();
        let pusher = std::sync::Arc::clone(&simulator);
        let policy = standing(Control::JointVelocity, move |tick| {
            if tick == 40 || tick == 60 {
                let mut push = [0.0; 7];
                push[2] = if tick == 40 { -8.0 } else { 0.0 };
                pusher.inject(Fault::Push(push)).unwrap();
            }
            Ok(())
        });
        session_until(100, &arm, Control::JointVelocity, policy, || {})
    };
    let session = pushed(7.0);
    let error = robot_error(&session);
    assert_eq!(error.code, ArmErrorCode::Reflex, "{error}");
    assert!(error.errors.contains(&"joint_reflex"), "{error:?}");
    simulator.inject(Fault::Push([0.0; 7])).unwrap();
    arm.recover().unwrap();
    ended_well(&pushed(9.0));
    let mut push = [0.0; 7];
    push[2] = -8.0;
    simulator.inject(Fault::Push(push)).unwrap();
    let state = eventually_state(&arm, |state| state.joint_contact[2] == 1.0);
    assert_eq!(state.joint_collision, [0.0; 7]);
    // The torque of the arm against a push is positive.
    assert!((state.tau_ext_hat_filtered[2] - 8.0).abs() < 1e-3);
    assert!(state.O_F_ext_hat_K.iter().any(|force| force.abs() > 1.0));
}

fn nothing_is_sent_while_a_session_drives_the_arm(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let session = session_until(
        20,
        &arm,
        Control::JointVelocity,
        standing(Control::JointVelocity, |_| Ok(())),
        || {
            let refused = arm.configure(&load(0.5)).unwrap_err();
            assert_eq!(refused.code, ArmErrorCode::InvalidOperation, "{refused}");
            assert!(refused.message.contains("stop the session first"));
        },
    );
    ended_well(&session);
    arm.configure(&load(0.5)).unwrap();
    arm.close();
    let refused = arm.configure(&load(0.5)).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::InvalidOperation, "{refused}");
}

fn a_setting_for_no_arm_is_refused_before_it_is_sent(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let mut bent = turned([0.0; 3]);
    bent[0] = 0.5;
    for setting in [
        load(-1.0),
        load(f64::NAN),
        load(3.1),
        load(500.0),
        thresholds(0.0, 20.0),
        thresholds(20.0, 1e3),
        Setting::StiffnessFrame(turned([0.0, 0.0, 50.0])),
        Setting::JointImpedance([1e6; 7]),
        Setting::EndEffector(bent),
        thresholds(20.0, 10.0),
    ] {
        let refused = arm.configure(&setting).unwrap_err();
        assert_eq!(refused.code, ArmErrorCode::InvalidArgument, "{refused}");
        assert!(refused.message.contains("expected"), "{refused}");
    }
    assert_eq!(arm.state().unwrap().m_load, 0.0);
}

fn the_arms_own_refusal_is_told(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let error = "joint_reflex".to_owned();
    simulator.inject(Fault::Reflex { error }).unwrap();
    let refused = arm.configure(&load(0.5)).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::CommandRejected, "{refused}");
    arm.recover().unwrap();
    arm.configure(&load(0.5)).unwrap();
}

fn filters_are_the_fers_alone(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let configured = arm.configure(&Setting::Filters([100.0; 5]));
    if rig == Rig::Fr3 {
        let refused = configured.unwrap_err();
        assert_eq!(refused.code, ArmErrorCode::Generation, "{refused}");
        assert!(refused.message.contains("FER"), "{refused}");
    } else {
        configured.unwrap();
    }
}

fn a_refusal_tells_the_present_mode_and_what_to_do(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    assert_eq!(arm.state().unwrap().robot_mode, franka::RobotMode::Idle);
    let tells = |refused: ArmError, expected: [&str; 2]| {
        assert_eq!(refused.code, ArmErrorCode::CommandRejected, "{refused}");
        for words in expected {
            assert!(refused.message.contains(words), "{words}: {refused}");
        }
        assert!(!refused.message.contains("Idle"), "{refused}");
    };
    let motion = || {
        let policy = standing(Control::JointVelocity, |_| Ok(()));
        robot_error(&session(&arm, Control::JointVelocity, config(), policy))
    };
    // The client has read no state since the mode changed.
    simulator.inject(Fault::UserStop(true)).unwrap();
    let stopped = ["UserStopped", "release the user stop"];
    tells(motion(), stopped);
    tells(arm.recover().unwrap_err(), stopped);
    simulator.inject(Fault::UserStop(false)).unwrap();
    arm.state().unwrap();
    let error = "joint_reflex".to_owned();
    simulator.inject(Fault::Reflex { error }).unwrap();
    let reflex = ["Reflex (joint_reflex)", "call recover()"];
    tells(arm.configure(&load(0.5)).unwrap_err(), reflex);
    tells(motion(), reflex);
    tells(arm.configure(&thresholds(10.0, 20.0)).unwrap_err(), reflex);
    arm.recover().unwrap();
    arm.configure(&load(0.5)).unwrap();
}

/// Replaces the first number of a field in every state from now on.
fn says(simulator: &Simulator, field: &str, value: f64) {
    let (field, index, count) = (field.to_owned(), 0, 1_000_000);
    let with = Corruption {
        field,
        index,
        value,
    };
    simulator
        .inject(Fault::CorruptStates { count, with })
        .unwrap();
}

fn an_end_effector_takes_its_part_of_the_payload(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let with_hand = |value| says(&simulator, "m_ee", value);
    with_hand(0.73);
    arm.configure(&load(2.27)).unwrap();
    let refused = arm.configure(&load(2.3)).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::InvalidArgument, "{refused}");
    assert!(refused.message.contains("0 to 2.27 kg"), "{refused}");
    assert_eq!(refused.invalid_value.unwrap().option, "m_load");
    with_hand(f64::NAN);
    let refused = arm.configure(&load(2.3)).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::Protocol, "{refused}");
}

fn a_load_that_is_set_replaces_one_that_no_arm_can_carry(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    for field in ["m_load", "F_x_Cload", "I_load"] {
        says(&simulator, field, 1e6);
        assert!(arm.plan_move(&Goal::Joints(HOME), 0.2).is_err(), "{field}");
        arm.configure(&load(1.0)).unwrap();
    }
}

fn the_heaviest_load_that_is_sent_leaves_the_arm_able_to_take_another(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let moment = 100.0;
    // With `configure_unchecked` a load that no arm can carry is sent, and the arm refuses it.
    arm.configure_unchecked(&load(100.0)).unwrap_err();
    let heaviest = Setting::Load {
        mass: 10.0,
        centre: [10.0, 0.0, 0.0],
        inertia: [moment, 0., 0., 0., moment, 0., 0., 0., moment],
    };
    arm.configure_unchecked(&heaviest).unwrap();
    let refused = arm.plan_move(&Goal::Joints(HOME), 0.2).unwrap_err();
    assert_eq!(refused.code, ArmErrorCode::Unreachable, "{refused}");
    arm.configure(&load(1.0)).unwrap();
    arm.plan_move(&Goal::Joints(HOME), 0.2).unwrap();
}

fn an_implausible_setting_is_sent_if_unchecked(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let long = turned([0.0, 0.0, 1.5]);
    for setting in [
        load(3.5),
        thresholds(0.0, 1e3),
        Setting::EndEffector(long),
        Setting::StiffnessFrame(long),
    ] {
        arm.configure(&setting).unwrap_err();
        arm.configure_unchecked(&setting).unwrap();
    }
    let state = arm.state().unwrap();
    assert!((state.m_load - 3.5).abs() < 1e-6);
    assert!(near(&state.NE_T_EE, &long));
    for setting in [
        load(-1.0),
        load(1e3),
        load(f64::INFINITY),
        thresholds(20.0, 10.0),
        Setting::EndEffector(turned([0.0, 0.0, 50.0])),
    ] {
        let refused = arm.configure_unchecked(&setting).unwrap_err();
        assert_eq!(refused.code, ArmErrorCode::InvalidArgument, "{refused}");
    }
}
