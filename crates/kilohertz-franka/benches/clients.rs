//! Clients as measured at the arm: from a state sent to its command received, at 1 kHz. For a FER its two
//! clients, each alone and with a session; for an FR3 `franka-rs` alone and with a session, and
//! `pylibfranka`. All in one run, alternating rounds, medians.
//!
//! Bars for the session on an FR3: 1.15 times `franka-rs` alone at p50 and p99, and below
//! `pylibfranka`.
//!
//! The arm here is a stopwatch: it speaks either version of FCI, reports that it stands still, and measures
//! the time. Each figure includes its own wake and both ways through the sockets. A row whose motion ends
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
