//! The loop thread under the realtime sanitizer. The sanitizer reports each allocation, lock and blocking call of
//! a thread that has declared to make none. `scripts/sanitize.mjs realtime` builds and runs this.
#![cfg(rtsan)]
#![allow(
    unsafe_code,
    reason = "the sanitizer is told where the watch begins and ends"
)]

mod common;
mod effector;
mod watched;

use std::process::Command;

use common::*;
use kilohertz_core::policy::Policy;
use kilohertz_core::session::Config;
use kilohertz_core::stats::Stats;
use kilohertz_franka::{CartesianBox, Control, Gains, Impedance, MotionOptions};
use watched::{WARM_UP, WatchedRobot, elsewhere, shared};

/// The number of watched cycles.
const WATCHED: u64 = 250;
/// The environment variable that lets a test's policy allocate.
const BREAKS: &str = "KILOHERTZ_RTSAN_BREAKS";

unsafe extern "C" {
    /// Declares that the calling thread makes no call of unbounded duration from here on.
    safe fn __rtsan_realtime_enter();
    safe fn __rtsan_realtime_exit();
}

/// Runs a session whose loop thread is watched from the warm-up until its last command was sent. The sanitizer
/// ends the process if that thread makes a forbidden call.
fn watched(
    rig: Rig,
    control: Control,
    impedance: Impedance,
    config: Config,
    answers: impl FnOnce(Box<dyn Policy>) -> Box<dyn Policy>,
) -> Stats {
    let simulator = by_the_wall_clock(rig);
    let arm = connect_with(rig, &simulator, impedance);
    let options = MotionOptions {
        workspace: Some(CartesianBox {
            lower: [-0.8, -0.8, -0.2],
            upper: [0.8, 0.8, 1.2],
            margin: 0.01,
        }),
        ..MotionOptions::default()
    };
    let (robot, limits) = arm.robot_with(control, &options).unwrap();
    let robot = Box::new(WatchedRobot {
        robot,
        begin: || __rtsan_realtime_enter(),
        end: || __rtsan_realtime_exit(),
    });
    let breaks = std::env::var_os(BREAKS).is_some();
    let policy = effector::fast(control, move |tick, action| {
        if breaks && tick == WARM_UP + 10 {
            action.copy_from_slice(&std::hint::black_box(action.to_vec()));
        }
        Ok(())
    });
    let policy = match arm.interface(control).has_torques() {
        true => Box::new(followed(control, policy)),
        false => policy,
    };
    let session = session_on((robot, limits), config, answers(policy));
    eventually("the end of the watch", || {
        session.has_ended() || session.stats().iterations > WARM_UP + WATCHED
    });
    session.request_stop();
    ended_well(&session);
    session.stats()
}

#[test]
fn a_tick_blocks_nowhere_takes_no_lock_and_allocates_nothing() {
    for rig in [Rig::Fr3, Rig::Fer] {
        for control in Control::ALL {
            watched(rig, control, Impedance::Joint, clamping(), |policy| policy);
        }
    }
}

#[test]
fn a_tick_with_torques_or_a_law_blocks_nowhere_either() {
    for control in Control::ALL {
        for impedance in [Impedance::External, Impedance::Law(Gains::JOINT)] {
            watched(Rig::Fr3, control, impedance, clamping(), |policy| policy);
        }
    }
}

#[test]
fn a_tick_of_a_policy_elsewhere_blocks_nowhere_whether_it_is_answered_or_not() {
    let recorded = Config {
        record_ticks: 100,
        ..clamping()
    };
    for control in [Control::JointVelocity, Control::CartesianPose] {
        for (silence, config) in [
            (0..0, recorded.clone()),
            (WARM_UP + 20..WARM_UP + 100, clamping()),
            (0..0, asked_at(30.0, MS * 15)),
            (0..0, asked_at(100.0, MS / 3)),
        ] {
            for in_process in [false, true] {
                let config = config.clone();
                let stats = watched(Rig::Fr3, control, Impedance::Joint, config, |policy| {
                    let policy = Box::new(silent(silence.clone(), policy));
                    match in_process {
                        true => Box::new(shared(control.slots(), policy)),
                        false => Box::new(elsewhere(control.slots(), policy)),
                    }
                });
                assert!(stats.policy_answers > 0, "{control}");
                let gaps = !silence.is_empty();
                assert!(!gaps || stats.held_commands > 0, "{control}: {stats:?}");
            }
        }
    }
}

#[test]
fn an_allocation_in_a_tick_is_noticed() {
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_tick_blocks_nowhere_takes_no_lock_and_allocates_nothing",
        ])
        .env(BREAKS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success());
    assert!(
        said.contains("Intercepted call to real-time unsafe function `malloc`"),
        "{said}"
    );
}
