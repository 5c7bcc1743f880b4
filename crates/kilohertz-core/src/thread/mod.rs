//! How the system schedules threads: realtime priority, cores of their own, cores that are kept awake.

pub mod awake;
pub mod cores;
pub mod promotion;
pub mod realtime;
pub(crate) mod system;

use std::thread::JoinHandle;
use std::time::Duration;

use crate::timing::time::Time;

pub use realtime::{
    Grant, RealtimeReport, RealtimeRequest, block_signals, make_ordinary, make_realtime,
};

/// Waits at most `limit` until a thread has ended. Returns true if it has.
pub fn has_ended_within<T>(thread: &JoinHandle<T>, limit: Duration) -> bool {
    let give_up = Time::now() + limit;
    while !thread.is_finished() {
        if Time::now() >= give_up {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}
