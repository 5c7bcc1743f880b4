//! How a session runs, as JavaScript chooses it.

use std::time::Duration;

use kilohertz_core::session::Latency;
use kilohertz_franka::{Budget, CartesianBox, MotionOptions};
use napi_derive::napi;

/// How cores are kept awake.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeKeepAwake {
    Auto,
    Threads,
    IdleStates,
    Off,
}

/// How a session runs. `lib/session/options.ts` has checked every value and filled in the defaults.
#[napi(object)]
pub struct NativeSessionOptions {
    /// The loop's rate.
    pub rate_hz: f64,
    /// The policy's.
    pub policy_rate_hz: f64,
    pub deadline_s: f64,
    pub max_held_ticks: u32,
    pub stop_on_late: bool,
    /// How long the arm may be on its way to the policy's actions until that is told.
    pub catch_up_s: f64,
    /// The kinds of limits whose violations are clamped, by the names of `NativeViolation`.
    pub clamped: Vec<String>,
    pub max_distance_rad: f64,
    /// Of a low-pass filter in front of the limits.
    pub cutoff_hz: Option<f64>,
    /// Lower corner, upper corner and margin of a box [m], 7 numbers.
    pub box_m: Option<Vec<f64>>,
    /// What a motion to a target may take of the arm's limits.
    pub velocity_share: f64,
    pub acceleration_share: f64,
    pub jerk_share: f64,
    pub max_timing_samples: u32,
    pub record_ticks: u32,
    pub run_for_s: Option<f64>,
    /// Whether time is the arm's alone.
    pub lockstep: Option<bool>,
    /// In lockstep: the shortest and the longest latency of the policy [s], and a seed.
    pub latency: Option<Vec<f64>>,
    pub priority: Option<u8>,
    pub cpu: Option<u32>,
    pub lock_memory: bool,
    pub timer_slack_s: Option<f64>,
    /// Of the policy's thread, in a worker or a process.
    pub policy_priority: Option<u8>,
    /// Whether the policy, in a worker, spins.
    pub policy_spins: Option<bool>,
    pub keep_awake: NativeKeepAwake,
    pub keep_awake_cores: u32,
    /// The longest wake from an idle state; none leaves idle states alone.
    pub idle_latency_s: Option<f64>,
}

pub fn seconds(seconds: f64) -> Duration {
    // lib/session/options.ts refuses what this would clamp.
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// How late the policy's answers are by the arm's clock, where time is the arm's alone.
pub fn lockstep_of(options: &NativeSessionOptions) -> Option<Latency> {
    if options.lockstep != Some(true) {
        return None;
    }
    Some(match options.latency.as_deref() {
        Some(&[from, to, seed]) => Latency::Between {
            from: seconds(from),
            to: seconds(to),
            seed: seed as u64,
        },
        _ => Latency::NONE,
    })
}

/// The box that these numbers are; `lib/session/options.ts` has checked that there are seven.
pub fn box_of(numbers: &[f64]) -> Option<CartesianBox> {
    let [a, b, c, d, e, f, margin] = numbers.try_into().ok()?;
    Some(CartesianBox {
        lower: [a, b, c],
        upper: [d, e, f],
        margin,
    })
}

/// What a session chooses about the limits of its arm.
pub fn motion_options(options: &NativeSessionOptions) -> MotionOptions {
    MotionOptions {
        max_distance: options.max_distance_rad,
        budget: Budget {
            velocity: options.velocity_share,
            acceleration: options.acceleration_share,
            jerk: options.jerk_share,
        },
        fence: options.box_m.as_deref().and_then(box_of),
    }
}
