//! The loop thread under the realtime sanitizer, which knows of each allocation, lock and blocking call
//! of a thread that says that it may make none. `scripts/sanitize.mjs realtime` builds and runs it.
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

/// Cycles under watch.
const WATCHED: u64 = 250;
/// Set where a test's policy is to allocate.
const BREAKS: &str = "KILOHERTZ_RTSAN_BREAKS";

unsafe extern "C" {
    /// From here on the calling thread may do what takes no unbounded time.
    safe fn __rtsan_realtime_enter();
    safe fn __rtsan_realtime_exit();
}

/// What a session does whose loop thread is watched from the warm-up until its last command goes out.
/// The sanitizer ends the process where that thread does what it may not.
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
        fence: Some(CartesianBox {
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
fn neither_does_one_with_torques_or_a_law_behind_the_motion() {
    for control in Control::ALL {
        for impedance in [Impedance::External, Impedance::Law(Gains::JOINT)] {
            watched(Rig::Fr3, control, impedance, clamping(), |policy| policy);
        }
    }
}

#[test]
fn neither_does_one_of_a_policy_on_another_thread_or_in_another_process_that_answers_late_seldom_or_not_at_all()
 {
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
fn an_allocation_in_a_tick_would_be_seen() {
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
