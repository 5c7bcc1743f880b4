//! The end effector stays in its box in every control mode.

mod common;
mod effector;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use common::*;
use effector::place;
use kilohertz_core::limits::{LimitRules, OnViolation, ViolationKind};
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::session::{Cause, Config, Session};
use kilohertz_franka::{Arm, CartesianBox, Control, Impedance, MotionOptions};

on_each_arm! {
    an_end_effector_that_is_driven_out_of_its_box_stays_inside,
    torques_that_follow_a_motion_stay_inside_too,
    leaving_the_box_ends_a_session_that_does_not_clamp,
    leaving_the_box_ends_a_session_whose_actions_are_all_late,
    an_arm_outside_its_box_may_come_back,
}

/// A box of 10 cm around the place where the arm starts, with a margin of 1 cm.
fn around(arm: &Arm) -> CartesianBox {
    let at = place(&arm.state().unwrap().O_T_EE);
    CartesianBox {
        lower: at.map(|at| at - 0.1),
        upper: at.map(|at| at + 0.1),
        margin: 0.01,
    }
}

/// Measures how far the end effector leaves `workspace` beyond its margin [um].
fn watched(
    policy: impl Policy,
    workspace: CartesianBox,
    control: Control,
) -> (impl Policy, Arc<AtomicI64>) {
    let farthest = Arc::new(AtomicI64::new(i64::MIN));
    let (seen, mut inner) = (Arc::clone(&farthest), policy);
    let policy = Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
        let at = place(&field(ask.observation, "O_T_EE"));
        for (axis, at) in at.into_iter().enumerate() {
            let out = (at - workspace.upper[axis]).max(workspace.lower[axis] - at);
            seen.fetch_max((out * 1e6) as i64, Ordering::Relaxed);
        }
        inner.request(ask);
        inner.poll(None, &false.into(), action);
        Ok(())
    });
    (policy, farthest)
}

/// Drives the end effector outwards along y, first to one side and then to the other.
fn outwards(control: Control) -> Box<dyn Policy> {
    let mut start = None;
    Box::new(Native::new(
        control.slots(),
        move |ask: &Ask<'_>, action: &mut [f64]| {
            let (q, pose) = *start.get_or_insert_with(|| {
                let pose = field::<16>(ask.observation, "O_T_EE_c");
                (joints(ask.observation, "q_d"), pose)
            });
            let way = if ask.tick < 1_500 { 1.0 } else { -1.0 };
            action.fill(0.0);
            match control {
                Control::JointVelocity => action[0] = 0.5 * way,
                Control::JointPosition | Control::JointTarget => {
                    action.copy_from_slice(&q);
                    action[0] += 0.8 * way;
                }
                Control::CartesianVelocity => action[1] = 0.3 * way,
                Control::CartesianPose | Control::CartesianTarget => {
                    action.copy_from_slice(&effector::moved(&pose, [0.0, 0.4 * way, 0.0], 0.0));
                }
                Control::Torque => action[0] = 2.0 * way,
            }
            Ok(())
        },
    ))
}

fn boxed(
    arm: &Arm,
    control: Control,
    workspace: CartesianBox,
    rule: OnViolation,
    policy: impl Policy + 'static,
) -> Session {
    let mut limits = LimitRules::all(OnViolation::Clamp);
    limits.set(ViolationKind::Box, rule);
    let config = Config { limits, ..config() };
    let options = MotionOptions {
        workspace: Some(workspace),
        ..MotionOptions::default()
    };
    let session = session_with(arm, control, &options, config, policy);
    eventually("the end of the motion", || {
        session.has_ended() || session.stats().iterations > 4_000
    });
    session.request_stop();
    session
}

fn an_end_effector_that_is_driven_out_of_its_box_stays_inside(rig: Rig) {
    for control in Control::ALL {
        for nonsense in [false, true] {
            if nonsense && control == Control::Torque {
                // Random torques move the arm faster than torques can brake it.
                continue;
            }
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let workspace = around(&arm);
            let policy: Box<dyn Policy> = match nonsense {
                false => outwards(control),
                true => effector::nonsense(control, 3),
            };
            let (policy, farthest) = watched(policy, workspace, control);
            let session = boxed(&arm, control, workspace, OnViolation::Clamp, policy);
            ended_well(&session);
            assert_at_rest_without_reflex(&simulator);
            let farthest = farthest.load(Ordering::Relaxed);
            let what = format!("{control}, nonsense: {nonsense}, {:?}", session.stats());
            assert!(farthest < 0, "{farthest} um out of the box: {what}");
            assert!(farthest > -60_000, "it hardly moved: {farthest} um, {what}");
            let counted = session.stats().violations[ViolationKind::Box as usize];
            assert!(counted > 100, "{what}");
        }
    }
}

fn torques_that_follow_a_motion_stay_inside_too(rig: Rig) {
    for control in Control::ALL {
        let simulator = lockstep(rig);
        let arm = connect_with(rig, &simulator, Impedance::External);
        if !arm.interface(control).has_torques() {
            continue;
        }
        let workspace = around(&arm);
        let (policy, farthest) = watched(outwards(control), workspace, control);
        let policy = followed(control, policy);
        let session = boxed(&arm, control, workspace, OnViolation::Clamp, policy);
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
        let farthest = farthest.load(Ordering::Relaxed);
        let what = format!("{control}, {:?}", session.stats());
        assert!(farthest < 0, "{farthest} um out of the box: {what}");
        assert!(farthest > -60_000, "it hardly moved: {farthest} um, {what}");
        let counted = session.stats().violations[ViolationKind::Box as usize];
        assert!(counted > 100, "{what}");
    }
}

fn leaving_the_box_ends_a_session_that_does_not_clamp(rig: Rig) {
    leaving_the_box_ends_it(rig, |policy| policy);
}

fn leaving_the_box_ends_a_session_whose_actions_are_all_late(rig: Rig) {
    leaving_the_box_ends_it(rig, |policy| Box::new(belated(policy)));
}

fn leaving_the_box_ends_it(rig: Rig, answering: impl Fn(Box<dyn Policy>) -> Box<dyn Policy>) {
    for control in Control::ALL {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let workspace = around(&arm);
        let (policy, farthest) = watched(outwards(control), workspace, control);
        let policy = answering(Box::new(policy));
        let session = boxed(&arm, control, workspace, OnViolation::Stop, policy);
        let Some(Cause::InvalidAction { violation, .. }) = ended(&session).cause else {
            panic!("{control}: {:?}", session.outcome());
        };
        assert_eq!(violation.kind, ViolationKind::Box, "{control}");
        let wall = workspace.upper[1] - workspace.margin;
        assert!(
            (violation.limit - wall).abs() < 1e-9 || violation.limit < 1.0,
            "{violation:?}"
        );
        assert_at_rest_without_reflex(&simulator);
        let farthest = farthest.load(Ordering::Relaxed);
        assert!(farthest < 0, "{control}: {farthest} um out of the box");
    }
}

fn an_arm_outside_its_box_may_come_back(rig: Rig) {
    for control in [Control::JointVelocity, Control::CartesianVelocity] {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let at = place(&arm.state().unwrap().O_T_EE);
        let workspace = CartesianBox {
            lower: [at[0] - 0.5, at[1] + 0.05, at[2] - 0.5],
            upper: [at[0] + 0.5, at[1] + 0.5, at[2] + 0.5],
            margin: 0.0,
        };
        let policy = Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
            let (way, slot) = match control {
                Control::JointVelocity => (0.3, 0),
                _ => (0.15, 1),
            };
            action.fill(0.0);
            action[slot] = way * smooth(ask.tick as f64 / 500.0).0;
            Ok(())
        });
        let config = config();
        let options = MotionOptions {
            workspace: Some(workspace),
            ..MotionOptions::default()
        };
        let session = session_with(&arm, control, &options, config, policy);
        eventually("the way back in", || {
            session.has_ended() || session.stats().iterations > 1_000
        });
        session.request_stop();
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
        let now = place(&arm.state().unwrap().O_T_EE);
        assert!(now[1] > workspace.lower[1], "{control}: {now:?}");
    }
}
