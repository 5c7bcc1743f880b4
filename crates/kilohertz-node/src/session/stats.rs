//! What a loop has done, for JavaScript.

use kilohertz_core::limits::ViolationKind;
use kilohertz_core::schema::Schema;
use kilohertz_core::session::Session;
use kilohertz_core::stats::{Recorder, Spread};
use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;

use crate::session::outcome::NativeViolation;

/// Percentiles of the newest samples and the largest of all [s].
#[napi(object)]
pub struct NativeSpread {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl From<Spread> for NativeSpread {
    fn from(spread: Spread) -> NativeSpread {
        NativeSpread {
            p50: spread.p50.as_secs_f64(),
            p95: spread.p95.as_secs_f64(),
            p99: spread.p99.as_secs_f64(),
            max: spread.max.as_secs_f64(),
        }
    }
}

/// Cycles in which the action broke a limit, by its kind.
#[napi(object)]
pub struct NativeViolations {
    pub position: f64,
    pub velocity: f64,
    pub acceleration: f64,
    pub jerk: f64,
    pub torque: f64,
    pub torque_rate: f64,
    pub joints: f64,
    pub r#box: f64,
    pub distance: f64,
}

/// What a loop has done so far.
#[napi(object)]
pub struct NativeStats {
    pub iterations: f64,
    pub overruns: f64,
    pub missed_ticks: f64,
    pub policy_asks: f64,
    pub policy_answers: f64,
    pub late_actions: f64,
    pub held_commands: f64,
    pub rest_commands: f64,
    pub stale_actions: f64,
    pub clamped_commands: f64,
    pub unused_not_finite: f64,
    pub violations: NativeViolations,
    pub first_violation: Option<NativeViolation>,
    pub first_violation_tick: Option<f64>,
    pub overwritten_observations: f64,
    pub overwritten_actions: f64,
    pub dropped_answers: f64,
    pub empty_answers: f64,
    pub followed_commands: f64,
    pub dropped_records: f64,
    pub dropped_events: f64,
    pub target_period_s: f64,
    pub avg_period_s: f64,
    pub longest_period_s: f64,
    pub jitter: NativeSpread,
    pub execution: NativeSpread,
}

impl NativeStats {
    /// Returns what the loop of `session` has done until now.
    pub fn of(session: &Session, action: &Schema) -> NativeStats {
        let stats = session.stats();
        let first = session.recorder().first_violation();
        let counted = |kind| stats.violations[kind as usize] as f64;
        NativeStats {
            iterations: stats.iterations as f64,
            overruns: stats.overruns as f64,
            missed_ticks: stats.missed_ticks as f64,
            policy_asks: stats.policy_asks as f64,
            policy_answers: stats.policy_answers as f64,
            late_actions: stats.late_actions as f64,
            held_commands: stats.held_commands as f64,
            rest_commands: stats.rest_commands as f64,
            stale_actions: stats.stale_actions as f64,
            clamped_commands: stats.clamped_commands as f64,
            unused_not_finite: stats.unused_not_finite as f64,
            violations: NativeViolations {
                position: counted(ViolationKind::Position),
                velocity: counted(ViolationKind::Velocity),
                acceleration: counted(ViolationKind::Acceleration),
                jerk: counted(ViolationKind::Jerk),
                torque: counted(ViolationKind::Torque),
                torque_rate: counted(ViolationKind::TorqueRate),
                joints: counted(ViolationKind::Joints),
                r#box: counted(ViolationKind::Box),
                distance: counted(ViolationKind::Distance),
            },
            first_violation: first.map(|(_, first)| NativeViolation::new(&first, action)),
            first_violation_tick: first.map(|(tick, _)| tick as f64),
            overwritten_observations: stats.overwritten_observations as f64,
            overwritten_actions: stats.overwritten_actions as f64,
            dropped_answers: stats.dropped_answers as f64,
            empty_answers: stats.empty_answers as f64,
            followed_commands: stats.followed_commands as f64,
            dropped_records: stats.dropped_records as f64,
            dropped_events: stats.dropped_events as f64,
            target_period_s: stats.target_period.as_secs_f64(),
            avg_period_s: stats.avg_period.as_secs_f64(),
            longest_period_s: stats.longest_period.as_secs_f64(),
            jitter: stats.jitter.into(),
            execution: stats.execution.into(),
        }
    }
}

/// A whole-run histogram: upper edges [s] and counts of the buckets that are not empty.
#[napi(object)]
pub struct NativeHistogram {
    pub upper_s: Float64Array,
    pub counts: Float64Array,
}

impl NativeHistogram {
    /// Returns the histogram of the whole run's "jitter" or "execution" times.
    pub fn of(recorder: &Recorder, times: &str) -> NativeHistogram {
        let histogram = match times {
            "execution" => recorder.execution_histogram(),
            _ => recorder.jitter_histogram(),
        };
        let mut upper = Vec::new();
        let mut counts = Vec::new();
        for bucket in histogram.iter_recorded() {
            upper.push(bucket.value_iterated_to() as f64 * 1e-9);
            counts.push(bucket.count_at_value() as f64);
        }
        NativeHistogram {
            upper_s: Float64Array::new(upper),
            counts: Float64Array::new(counts),
        }
    }
}
