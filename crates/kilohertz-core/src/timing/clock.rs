//! The host's monotonic clock, and sleeping until a time on it, both in nanoseconds since the clock's
//! origin.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![allow(
    unsafe_code,
    reason = "reading the clock and sleeping are system calls; each use is argued"
)]

#[cfg(target_os = "linux")]
pub(crate) fn monotonic_now() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid timespec that outlives the call, which only writes it. The
    // monotonic clock exists on every Linux, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    (now.tv_sec as u64)
        .saturating_mul(SECOND)
        .saturating_add(now.tv_nsec as u64)
}

#[cfg(target_os = "linux")]
const SECOND: u64 = 1_000_000_000;

/// Sleeps until `deadline`, or until a signal comes: the caller checks the clock.
#[cfg(target_os = "linux")]
pub(crate) fn sleep_until(deadline: u64) {
    let until = libc::timespec {
        tv_sec: (deadline / SECOND) as libc::time_t,
        tv_nsec: (deadline % SECOND) as libc::c_long,
    };
    // SAFETY: `until` is a valid timespec that outlives the call, which only reads it; with
    // TIMER_ABSTIME the remaining time is never written, so null is allowed.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const until,
            std::ptr::null_mut(),
        );
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn monotonic_now() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(ORIGIN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until `deadline`, or less long: the caller checks the clock.
#[cfg(not(target_os = "linux"))]
pub(crate) fn sleep_until(deadline: u64) {
    std::thread::sleep(std::time::Duration::from_nanos(
        deadline.saturating_sub(monotonic_now()),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_at_least_as_long_as_asked() {
        let deadline = monotonic_now() + 3_000_000;
        while monotonic_now() < deadline {
            sleep_until(deadline);
        }
        assert!(monotonic_now() >= deadline);
    }
}
