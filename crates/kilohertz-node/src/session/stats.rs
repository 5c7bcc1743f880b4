//! What a loop has done, for JavaScript.

use kilohertz_core::limits::ViolationKind;
use kilohertz_core::schema::Schema;
use kilohertz_core::session::Session;
use kilohertz_core::stats::{Recorder, Spread, Stats, histogram_buckets};
use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;

use crate::session::outcome::{NativeViolation, has_pose};
use crate::session::report::phase_named;

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

/// What a loop has done so far.
#[napi(object, object_from_js = false)]
pub struct NativeStats {
    /// The counts, in the order of the contract's names.
    pub counts: Vec<f64>,
    pub first_violation: Option<NativeViolation>,
    pub first_violation_tick: Option<f64>,
    pub target_period_s: f64,
    pub avg_period_s: f64,
    pub longest_period_s: f64,
    pub jitter: NativeSpread,
    pub execution: NativeSpread,
    pub chunk_latency: NativeSpread,
    pub newest_chunk_latency_s: f64,
    pub chunk_age_s: f64,
    /// The largest distances at seams, for each coordinate of a displacement [rad, m].
    pub largest_seams: Vec<f64>,
    /// True if the first three of these coordinates are a translation.
    pub is_pose: bool,
}

/// Returns the kinds of limits whose violations are counted: those of actions that a session can go on with.
fn limits() -> impl Iterator<Item = ViolationKind> {
    let all = ViolationKind::ALL.into_iter();
    all.filter(|kind| kind.can_be_clamped())
}

/// Returns the names of what is counted in a session, as the TypeScript API has them.
pub fn counter_names() -> Vec<String> {
    let violations = limits().map(|kind| format!("{}Violations", kind.as_str()));
    let counters = Stats::NAMES.iter().map(|name| camel_case(name));
    counters.chain(violations).collect()
}

/// Returns `snake_case` as `snakeCase`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}

/// Returns the counts, in the order of [`counter_names`].
pub fn counts_of(stats: &Stats) -> impl Iterator<Item = f64> {
    let violations = limits().map(|kind| stats.violations[kind as usize]);
    stats.counts().chain(violations).map(|count| count as f64)
}

impl NativeStats {
    /// Returns what the loop of `session` has done until now.
    pub fn of(session: &Session, action: &Schema) -> NativeStats {
        let stats = session.stats();
        let first = session.recorder().first_violation();
        let chunks = &session.recorder().chunks_played;
        NativeStats {
            counts: counts_of(&stats).collect(),
            first_violation: first.map(|(_, first)| NativeViolation::new(&first, action)),
            first_violation_tick: first.map(|(tick, _)| tick as f64),
            target_period_s: stats.target_period.as_secs_f64(),
            avg_period_s: stats.avg_period.as_secs_f64(),
            longest_period_s: stats.longest_period.as_secs_f64(),
            jitter: stats.jitter.into(),
            execution: stats.execution.into(),
            chunk_latency: chunks.latencies().into(),
            newest_chunk_latency_s: chunks.newest_latency().as_secs_f64(),
            chunk_age_s: chunks.newest_age().as_secs_f64(),
            largest_seams: chunks.largest_seams().to_vec(),
            is_pose: has_pose(action),
        }
    }
}

/// A whole-run histogram: upper edges [s] and counts of the buckets that are not empty.
#[napi(object)]
pub struct NativeHistogram {
    pub upper_s: Float64Array,
    pub counts: Float64Array,
}

/// Returns the upper edges [s] and the counts of the buckets that are not empty, of the whole run's "jitter",
/// "execution" or "period" times, or of the times of a phase by its name.
pub fn buckets(recorder: &Recorder, times: &str) -> (Vec<f64>, Vec<f64>) {
    let histogram = match (times, phase_named(times)) {
        (_, Some(phase)) => recorder.phase_histogram(phase),
        ("execution", _) => recorder.execution_histogram(),
        ("period", _) => recorder.period_histogram(),
        _ => recorder.jitter_histogram(),
    };
    histogram_buckets(&histogram)
}

impl NativeHistogram {
    /// Returns the histogram of the whole run's times with this name, as [`buckets`] does.
    pub fn of(recorder: &Recorder, times: &str) -> NativeHistogram {
        let (upper, counts) = buckets(recorder, times);
        NativeHistogram {
            upper_s: Float64Array::new(upper),
            counts: Float64Array::new(counts),
        }
    }
}
