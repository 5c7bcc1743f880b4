//! The two clients of a FER, seen from the arm: from a state sent to its command received, at 1 kHz,
//! each alone and with a session on it. All four in one run, alternating rounds, medians.
//!
//! The arm here is a stopwatch: it speaks FCI version 5, says that it stands still, and keeps the
//! time. Its own wake is in each figure, and so are both ways through the sockets.

#[cfg(target_os = "linux")]
#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

#[cfg(target_os = "linux")]
mod stopwatch;

#[cfg(target_os = "linux")]
fn main() {
    stopwatch::run();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
