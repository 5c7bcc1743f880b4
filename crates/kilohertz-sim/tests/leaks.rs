//! Starting and stopping leaves no thread and no file. The test has a process of its own, because it counts them.
#![cfg(target_os = "linux")]

mod common;

use common::{lockstep, wall_clock, with_robot};
use kilohertz_sim::{Fault, Generation, Simulator, SimulatorOptions};

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Returns the number of threads and of open files of this process.
fn held() -> (usize, usize) {
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
fn fifty_rounds_leak_no_thread_and_no_file() {
    drop(wall_clock(Generation::Fr3));
    let before = held();
    for round in 0..50 {
        let arm = Generation::ALL[round / 2 % 2];
        let simulator = if round % 2 == 0 {
            wall_clock(arm)
        } else {
            lockstep(arm)
        };
        match round % 5 {
            0 => with_robot(&simulator, |robot| {
                robot.read_once().unwrap();
            }),
            1 => simulator.inject(Fault::Die).unwrap(),
            2 => simulator.inject(Fault::Freeze).unwrap(),
            3 => {
                simulator.stop();
                simulator.stop();
            }
            _ => {}
        }
        drop(simulator);
    }
    assert_eq!(held(), before, "(threads, files)");

    let first = wall_clock(Generation::Fr3);
    let taken = Simulator::start(SimulatorOptions {
        port: first.address().port(),
        ..SimulatorOptions::default()
    });
    assert_eq!(taken.unwrap_err().code(), "SIM_BIND");
    first.stop();
    assert_eq!(held(), before, "(threads, files)");
}
