//! Clients seen from the arm: from a state sent to its command received, at 1 kHz. Of a FER its two
//! clients, each alone and with a session on it; of an FR3 `franka-rs` alone and with a session on it,
//! and `pylibfranka`. All in one run, alternating rounds, medians.
//!
//! Bars for the session on an FR3: 1.15 times `franka-rs` alone at p50 and p99, and below
//! `pylibfranka`.
//!
//! The arm here is a stopwatch: it speaks either version of FCI, says that it stands still, and keeps
//! the time. Its own wake is in each figure, and so are both ways through the sockets. A row whose motion ends
//! early, as where the machine stalls for too long, is measured again, and counted.

#[cfg(target_os = "linux")]
#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

#[cfg(target_os = "linux")]
mod pylibfranka;

#[cfg(target_os = "linux")]
mod repeats;

#[cfg(target_os = "linux")]
mod stopwatch;

#[cfg(target_os = "linux")]
fn main() {
    stopwatch::run();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
