//! No thread and no file of a hand is left, however its connection ended. The test has a process of its own,
//! because it counts threads and files.
#![cfg(target_os = "linux")]

mod common;

use std::time::Duration;

use common::*;
use kilohertz_franka::hand::{Hand, HandOptions};
use kilohertz_sim::{Fault, HandFault};

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Returns the number of threads and of open files of this process.
fn held() -> (usize, usize) {
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
fn forty_rounds_of_connecting_and_closing_leave_nothing_behind() {
    for rig in Rig::ALL {
        let simulator = lockstep(*rig);
        let address = simulator.address().to_string();
        let options = HandOptions {
            timeout: Duration::from_secs(30),
            ..HandOptions::default()
        };
        let connect = || Hand::connect(&address, &options);
        drop(connect().unwrap());
        // After a client has left, the simulator closes its sockets a little later.
        eventually("nobody is connected", || held() == settled());
        let before = held();
        for round in 0..40 {
            if round % 4 == 3 {
                let rejects = HandFault::RejectConnect { version: 2 };
                simulator.inject(Fault::Hand(rejects)).unwrap();
                assert!(connect().is_err());
                continue;
            }
            let hand = connect().unwrap();
            match round % 4 {
                0 => drop(hand.state().unwrap()),
                1 => assert!(hand.move_to(0.079, 0.1).unwrap()),
                _ => hand.close().unwrap(),
            }
        }
        eventually("all gone", || held() == before);
        drop(simulator);
    }
}

/// Returns `held()` once it has not changed for a while.
fn settled() -> (usize, usize) {
    let now = held();
    std::thread::sleep(MS * 100);
    now
}
