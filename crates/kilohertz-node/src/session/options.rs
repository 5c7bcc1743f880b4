//! The options of a session, from JavaScript.

use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::command::chunk::Curve;
use kilohertz_core::session::{Chunks, Latency, Merge, Replan};
use kilohertz_franka::{Budget, CartesianBox, GripRule, MotionOptions};
use napi_derive::napi;

use crate::session::live::NativeFoxglove;

/// How cores are kept awake.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeKeepAwake {
    Auto,
    Threads,
    IdleStates,
    Off,
}

/// How chunks of actions are played.
#[napi(object)]
pub struct NativeChunks {
    /// How many rows a chunk may have.
    pub rows: u32,
    /// True if actions begin with a pose.
    pub is_pose: bool,
    /// When the next chunk is asked for: one of the three is given.
    pub replan_share: Option<f64>,
    pub replan_steps: Option<f64>,
    pub replan_every_s: Option<f64>,
    /// True if a chunk takes over without a fade.
    pub replaces: bool,
    /// ACT's `m`, if chunks are averaged.
    pub ensemble: Option<f64>,
    /// How far a chunk may be away when it takes over, for each coordinate of a displacement [rad, m].
    pub max_seam: Vec<f64>,
    /// True if a chunk that cannot be played is left out.
    pub skips_bad: bool,
    /// True if rows are changes of the policy's last target.
    pub is_relative: bool,
    /// How a hand follows the last number of each row; absent if rows have no such number.
    pub gripper: Option<NativeGripper>,
}

/// How a hand follows a number.
#[napi(object)]
pub struct NativeGripper {
    /// What one unit of the number is [m].
    pub scale: f64,
    /// True if a larger number means a smaller opening.
    pub is_inverted: bool,
    /// By how much the opening has to change until the hand is commanded anew [m].
    pub margin: f64,
    /// The speed of the fingers [m/s].
    pub speed: f64,
    /// The force with which they close [N].
    pub force: f64,
}

impl NativeGripper {
    /// Returns the openings that the numbers 0 and 1 stand for [m].
    pub fn widths(&self) -> [f64; 2] {
        match self.is_inverted {
            true => [self.scale, 0.0],
            false => [0.0, self.scale],
        }
    }

    /// Returns how a hand follows.
    pub fn rule(&self) -> GripRule {
        GripRule {
            scale: self.scale,
            is_inverted: self.is_inverted,
            margin: self.margin,
            speed: self.speed,
            force: self.force,
        }
    }
}

impl NativeChunks {
    /// Returns how the core plays chunks.
    pub fn played(&self) -> Chunks {
        Chunks {
            rows: self.rows as usize,
            curve: match self.is_pose {
                true => Curve::Pose,
                false => Curve::Smooth,
            },
            replan: match (self.replan_share, self.replan_steps, self.replan_every_s) {
                (_, Some(steps), _) => Replan::Steps(steps),
                (_, _, Some(every_s)) => Replan::Every(seconds(every_s)),
                (share, ..) => Replan::Share(share.unwrap_or_default()),
            },
            merge: match self.ensemble {
                Some(m) => Merge::Ensemble { m },
                None if self.replaces => Merge::Replace,
                None => Merge::Fade,
            },
            max_seam: self.max_seam.clone().into(),
            skips_bad: self.skips_bad,
            is_relative: self.is_relative,
            gripper: self.gripper.as_ref().map(|_| Arc::default()),
        }
    }
}

/// The options of a session. `lib/session/options.ts` has checked every value and filled in the defaults.
#[napi(object)]
pub struct NativeSessionOptions {
    /// The loop's rate.
    pub rate_hz: f64,
    /// The policy's rate.
    pub policy_rate_hz: f64,
    pub deadline_s: f64,
    pub max_held_ticks: u32,
    pub stop_on_late: bool,
    /// How long catching up with the policy's actions may take until it is reported.
    pub catch_up_s: f64,
    /// The kinds of limits whose violations are clamped, with the names in `NativeViolation`.
    pub clamped: Vec<String>,
    pub max_distance_rad: f64,
    /// The cut-off frequency of a low-pass filter before the limits.
    pub cutoff_hz: Option<f64>,
    /// Lower corner, upper corner and margin of a box [m], 7 numbers.
    pub box_m: Option<Vec<f64>>,
    /// The shares of the arm's limits that a motion to a target may use.
    pub velocity_share: f64,
    pub acceleration_share: f64,
    pub jerk_share: f64,
    pub max_timing_samples: u32,
    pub record_ticks: u32,
    /// The file that everything of the session is recorded in.
    pub record: Option<String>,
    /// Where the session is shown to Foxglove.
    pub foxglove: Option<NativeFoxglove>,
    /// What a recording keeps of options, robot and versions, as JSON.
    pub run_info: Option<String>,
    /// How long the newest cycles are kept in memory [s].
    pub black_box_s: Option<f64>,
    /// The folder that they are written into if the session ends with an error.
    pub black_box_folder: Option<String>,
    pub run_for_s: Option<f64>,
    /// True if only the arm's clock counts.
    pub lockstep: Option<bool>,
    /// In lockstep: the shortest and the longest latency of the policy [s], and a seed.
    pub latency: Option<Vec<f64>>,
    /// If given, the policy answers in chunks of actions.
    pub chunks: Option<NativeChunks>,
    pub priority: Option<u8>,
    pub cpu: Option<u32>,
    pub lock_memory: bool,
    pub timer_slack_s: Option<f64>,
    /// The priority of the policy's thread, in a worker or a process.
    pub policy_priority: Option<u8>,
    /// True if the policy, in a worker, spins.
    pub policy_spins: Option<bool>,
    pub keep_awake: NativeKeepAwake,
    pub keep_awake_cores: u32,
    /// The longest acceptable wake from an idle state; null leaves idle states unchanged.
    pub idle_latency_s: Option<f64>,
}

pub fn seconds(seconds: f64) -> Duration {
    // lib/session/options.ts refuses values that would be changed here.
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Returns how late the policy's answers are on the arm's clock, if the session is in lockstep.
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

/// Returns the box with these numbers; `lib/session/options.ts` has checked that there are seven.
pub fn box_of(numbers: &[f64]) -> Option<CartesianBox> {
    let [a, b, c, d, e, f, margin] = numbers.try_into().ok()?;
    Some(CartesianBox {
        lower: [a, b, c],
        upper: [d, e, f],
        margin,
    })
}

/// Returns the options for the limits of the session's arm.
pub fn motion_options(options: &NativeSessionOptions) -> MotionOptions {
    MotionOptions {
        max_distance: options.max_distance_rad,
        budget: Budget {
            velocity: options.velocity_share,
            acceleration: options.acceleration_share,
            jerk: options.jerk_share,
        },
        workspace: options.box_m.as_deref().and_then(box_of),
    }
}
