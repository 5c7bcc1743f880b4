//! Reading the arm's state outside of the session that drives it.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use kilohertz_franka::{ArmErrorCode, Control};

on_each_arm! {
    while_a_session_drives_its_newest_state_can_be_read_by_all,
    reading_all_the_time_neither_fails_nor_disturbs_the_sessions_that_come_and_go,
    a_closed_or_lost_arm_has_no_state,
    an_arm_that_was_left_alone_is_driven_from_where_it_is_then,
}

/// Longer than the arm's clock may step from the state before a motion to the first state of the motion.
const LEFT_ALONE: Duration = Duration::from_secs(21);

fn time(slots: &[f64]) -> f64 {
    slots[0]
}

fn while_a_session_drives_its_newest_state_can_be_read_by_all(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let idle = arm.observe().unwrap();
    assert!(joints(&idle, "dq").iter().all(|dq| dq.abs() < 1e-3));
    let mut during = None;
    let session = session_until(
        600,
        &arm,
        Control::JointVelocity,
        at_speed(Control::JointVelocity, |_, _| Ok(())),
        || during = Some(arm.observe().unwrap()),
    );
    ended_well(&session);
    let during = during.unwrap();
    // The policy waits in cycle 600, whose state the loop has received.
    assert!(
        (joints(&during, "dq")[MOVED[0]] - SPEED).abs() < 0.1,
        "{:?}",
        joints(&during, "dq")
    );
    assert!(time(&during) >= time(&idle) + 0.6);
    assert!(time(&arm.observe().unwrap()) > time(&during));
}

fn reading_all_the_time_neither_fails_nor_disturbs_the_sessions_that_come_and_go(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let over = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut read, mut last) = (0, 0.0);
            while !over.load(Ordering::Acquire) {
                let now = time(&arm.observe().unwrap());
                assert!(now >= last, "{now} after {last}");
                last = now;
                read += 1;
            }
            read
        });
        for _ in 0..8 {
            let session = session_until(
                60,
                &arm,
                Control::JointVelocity,
                at_speed(Control::JointVelocity, |_, _| Ok(())),
                || {},
            );
            ended_well(&session);
            drop(session);
            // Some of these reads happen while no session runs.
            arm.observe().unwrap();
        }
        over.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert!(read > 20, "{read}");
    let counters = simulator.counters();
    assert_eq!(counters.motions_finished, 8);
    assert_eq!(counters.reflexes, 0);
}

fn a_closed_or_lost_arm_has_no_state(rig: Rig) {
    let simulator = lockstep(rig);
    let arm = Arc::new(connect(rig, &simulator));
    simulator.inject(kilohertz_sim::Fault::Die).unwrap();
    let lost = arm.observe().unwrap_err();
    assert_eq!(lost.code, ArmErrorCode::ConnectionLost, "{lost}");
    arm.close();
    let closed = arm.observe().unwrap_err();
    assert_eq!(closed.code, ArmErrorCode::InvalidOperation, "{closed}");
}

fn an_arm_that_was_left_alone_is_driven_from_where_it_is_then(rig: Rig) {
    let simulator = by_the_wall_clock(rig);
    let arm = connect(rig, &simulator);
    // The socket's queue is full of states after a fraction of this time.
    std::thread::sleep(LEFT_ALONE);
    let standing = standing(Control::JointVelocity, |_| Ok(()));
    ended_well(&session(
        &arm,
        Control::JointVelocity,
        run_for(100),
        standing,
    ));
}
