//! What a loop has done so far: counters, jitter, execution times.
//!
//! The loop thread writes and any thread reads, at any time, and neither waits: every number here is an
//! atomic that only the loop changes. A snapshot taken while the loop runs may mix the counters of two
//! neighbouring ticks. A snapshot taken after the loop has ended is exact.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::limits::{Violation, ViolationKind};
use crate::pauses::Pauses;
use crate::phases::Phase;
use crate::timing::time::nanos;

/// A number that one thread increases and any thread reads.
///
/// All orderings are relaxed: a reader needs each number by itself, and exact numbers are read after the
/// loop thread was joined.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Keeps the larger of `value` and the present number.
    pub fn raise(&self, value: u64) {
        self.0.fetch_max(value, Relaxed);
    }

    /// Returns the present number.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The newest samples; each new one overwrites the oldest.
#[derive(Debug)]
struct Window {
    samples: Box<[AtomicU64]>,
    written: Counter,
}

impl Window {
    fn new(capacity: usize) -> Window {
        Window {
            samples: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            written: Counter::default(),
        }
    }

    fn push(&self, value: u64) {
        let index = self.written.get().checked_rem(self.samples.len() as u64);
        if let Some(sample) = index.and_then(|index| self.samples.get(index as usize)) {
            sample.store(value, Relaxed);
        }
        self.written.add(1);
    }

    fn sorted(&self) -> Vec<u64> {
        let filled = self.written.get().min(self.samples.len() as u64) as usize;
        let mut values: Vec<u64> = self.samples[..filled]
            .iter()
            .map(|sample| sample.load(Relaxed))
            .collect();
        values.sort_unstable();
        values
    }
}

/// How many bits of a value choose its bucket within an octave: a bucket is 1/64 of its value wide.
const MANTISSA_BITS: u32 = 6;
/// Values from 2^36 ns (68 s) on share the last bucket.
const VALUE_BITS: u32 = 36;
const BUCKETS: usize = ((VALUE_BITS - MANTISSA_BITS + 1) << MANTISSA_BITS) as usize;

/// Every sample of a run, in a fixed number of buckets of fixed relative width.
#[derive(Debug)]
struct Buckets(Box<[AtomicU64]>);

impl Buckets {
    fn new() -> Buckets {
        Buckets((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Only one thread may call this, so the count needs no exchange.
    fn record(&self, value: u64) {
        let count = &self.0[Self::index(value)];
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    fn index(value: u64) -> usize {
        let value = value.min((1 << VALUE_BITS) - 1);
        let bits = u64::BITS.saturating_sub(value.leading_zeros());
        let octave = bits.saturating_sub(MANTISSA_BITS + 1);
        let first = u64::from(octave) << MANTISSA_BITS;
        first.saturating_add(value >> octave) as usize
    }

    /// Returns the middle of the values that fall into bucket `index`.
    fn value(index: usize) -> u64 {
        let octave = (index >> MANTISSA_BITS).saturating_sub(1) as u32;
        let first = u64::from(octave) << MANTISSA_BITS;
        let mantissa = (index as u64).saturating_sub(first);
        (mantissa << octave).saturating_add((1_u64 << octave) >> 1)
    }

    fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1 << VALUE_BITS, 3)
            .expect("the bounds are constants that hdrhistogram accepts");
        for (index, bucket) in self.0.iter().enumerate() {
            histogram.saturating_record_n(Self::value(index), bucket.load(Relaxed));
        }
        histogram
    }
}

/// Returns the upper edges \[s\] and the counts of the buckets that are not empty, of a histogram of nanoseconds.
pub fn histogram_buckets(histogram: &Histogram<u64>) -> (Vec<f64>, Vec<f64>) {
    let recorded = histogram.iter_recorded();
    recorded
        .map(|bucket| {
            let upper_s = bucket.value_iterated_to() as f64 * 1e-9;
            (upper_s, bucket.count_at_value() as f64)
        })
        .unzip()
}

/// Declares the counters in one place. Each is a [`Counter`] of the [`Recorder`] and a number of [`Stats`].
/// In JavaScript it has the same name.
macro_rules! counted {
    ($($(#[$about:meta])* $name:ident)*) => {
        /// Where the loop records what it does.
        #[derive(Debug)]
        pub struct Recorder {
            target_period_ns: u64,
            $($(#[$about])* pub $name: Counter,)*
            violations: [Counter; ViolationKind::COUNT],
            first_violation: OnceLock<(u64, Violation)>,
            /// What chunks of actions were like.
            pub chunks_played: ChunkRecorder,
            /// When the policy's thread stood still for its runtime's own work.
            pub pauses: Pauses,
            /// Cycles that were too long, and stretches in which answers were late.
            pub incidents: Counter,
            /// Those of them whose reason nobody looked for, because there were too many at once.
            pub lost_incidents: Counter,
            periods: Counter,
            period_sum_ns: Counter,
            longest_period_ns: Counter,
            max_jitter_ns: Counter,
            max_execution_ns: Counter,
            jitter: Window,
            execution: Window,
            all_jitter: Buckets,
            all_execution: Buckets,
            all_periods: Buckets,
            phases: [Buckets; Phase::COUNT],
        }

        impl Recorder {
            /// Creates a recorder for cycles of `target_period`. It computes percentiles from the newest
            /// `max_samples` cycles.
            ///
            /// # Panics
            /// Panics if `max_samples` is zero.
            pub fn new(target_period: Duration, max_samples: usize) -> Recorder {
                assert!(max_samples > 0, "percentiles need at least one sample");
                Recorder {
                    target_period_ns: nanos(target_period),
                    $($name: Counter::default(),)*
                    violations: Default::default(),
                    first_violation: OnceLock::new(),
                    chunks_played: ChunkRecorder::new(),
                    pauses: Pauses::default(),
                    incidents: Counter::default(),
                    lost_incidents: Counter::default(),
                    periods: Counter::default(),
                    period_sum_ns: Counter::default(),
                    longest_period_ns: Counter::default(),
                    max_jitter_ns: Counter::default(),
                    max_execution_ns: Counter::default(),
                    jitter: Window::new(max_samples),
                    execution: Window::new(max_samples),
                    all_jitter: Buckets::new(),
                    all_execution: Buckets::new(),
                    all_periods: Buckets::new(),
                    phases: std::array::from_fn(|_| Buckets::new()),
                }
            }

            /// Returns what the loop has done until now.
            pub fn snapshot(&self) -> Stats {
                let jitter = self.jitter.sorted();
                let execution = self.execution.sorted();
                let periods = self.periods.get();
                Stats {
                    $($name: self.$name.get(),)*
                    violations: std::array::from_fn(|kind| self.violations[kind].get()),
                    target_period: Duration::from_nanos(self.target_period_ns),
                    avg_period: Duration::from_nanos(
                        self.period_sum_ns.get().checked_div(periods).unwrap_or(0),
                    ),
                    longest_period: Duration::from_nanos(self.longest_period_ns.get()),
                    jitter: Spread::of(&jitter, self.max_jitter_ns.get()),
                    execution: Spread::of(&execution, self.max_execution_ns.get()),
                }
            }
        }

        /// What a loop had done at one moment. The fields mean what they mean in [`Recorder`].
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[allow(
            missing_docs,
            reason = "each counter is documented where it is written, in Recorder"
        )]
        pub struct Stats {
            $(pub $name: u64,)*
            /// Cycles in which an answer, or what was to be commanded, broke a limit, by [`ViolationKind`].
            pub violations: [u64; ViolationKind::COUNT],
            pub target_period: Duration,
            pub avg_period: Duration,
            pub longest_period: Duration,
            pub jitter: Spread,
            pub execution: Spread,
        }

        impl Stats {
            /// The names of the counters, except those of violations.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Returns the counts, in the order of [`Stats::NAMES`].
            pub fn counts(&self) -> impl Iterator<Item = u64> {
                [$(self.$name),*].into_iter()
            }
        }
    };
}

counted! {
    /// Cycles finished.
    iterations
    /// Cycles whose execution took longer than the target period.
    overruns
    /// Deadlines that passed before the cycle before them had finished.
    missed_ticks
    /// How often the policy was asked.
    policy_asks
    /// Answers of the policy that the loop received, late ones included.
    policy_answers
    /// Answers of the policy that came after their deadline, including those that were never used.
    late_actions
    /// Cycles in which the robot was kept moving as last commanded, because no answer had come.
    held_commands
    /// Cycles in which the robot was brought to rest or kept at rest.
    rest_commands
    /// Late answers that were too old to be used.
    stale_actions
    /// Cycles in which the action was carried out only as far as the limits allow.
    clamped_commands
    /// Slots of observations that were not finite and on which nothing depends.
    unused_not_finite
    /// Observations that a newer one replaced before the policy took them.
    overwritten_observations
    /// Answers that came together with a newer one, which was used instead.
    overwritten_actions
    /// Answers for which the channel to the loop had no room. They are neither used nor judged.
    dropped_answers
    /// Answers with nothing new in them.
    empty_answers
    /// Cycles in which the action was approached within the limits instead of used as it is.
    followed_commands
    /// Chunks of actions that came.
    chunks
    /// Chunks that could not be played and were left out.
    bad_chunks
    /// Actions of chunks whose time had passed when the chunk came.
    skipped_actions
    /// Cycles in which the chunks were over and no other had come.
    starved_cycles
    /// Chunks that took over from another one.
    seams
    /// Commands to the gripper that chunks led to.
    gripper_commands
    /// Such commands that failed.
    gripper_failures
    /// Tick records that found the record ring full.
    dropped_records
    /// Cycles that a recording had no room for, because its writing was too slow.
    unrecorded_cycles
    /// Events that found the event queue full.
    dropped_events
}

impl Recorder {
    /// Returns the period that cycles are meant to have.
    pub fn target_period(&self) -> Duration {
        Duration::from_nanos(self.target_period_ns)
    }

    /// Records the time from the start of one cycle to the start of the next.
    pub fn period(&self, period: Duration) {
        let period = nanos(period);
        let jitter = period.abs_diff(self.target_period_ns);
        self.periods.add(1);
        self.period_sum_ns.add(period);
        self.longest_period_ns.raise(period);
        self.max_jitter_ns.raise(jitter);
        self.jitter.push(jitter);
        self.all_jitter.record(jitter);
        self.all_periods.record(period);
    }

    /// Records how long a phase of a cycle took.
    #[inline]
    pub fn phase(&self, phase: Phase, length: Duration) {
        self.phases[phase as usize].record(nanos(length));
    }

    /// Records the time from the start of a cycle until its action was handed to the robot.
    pub fn execution(&self, execution: Duration) {
        let execution = nanos(execution);
        if execution > self.target_period_ns {
            self.overruns.add(1);
        }
        self.max_execution_ns.raise(execution);
        self.execution.push(execution);
        self.all_execution.record(execution);
        self.iterations.add(1);
    }

    /// Records that the action of cycle `tick` broke a limit. Call it once for each kind in a cycle.
    pub fn violation(&self, tick: u64, violation: &Violation) {
        self.violations[violation.kind as usize].add(1);
        // Later calls do not replace the first violation.
        let _ = self.first_violation.set((tick, *violation));
    }

    /// Returns the first violation of the session, and its cycle.
    pub fn first_violation(&self) -> Option<(u64, Violation)> {
        self.first_violation.get().copied()
    }

    /// Returns the jitter of every cycle so far [ns].
    pub fn jitter_histogram(&self) -> Histogram<u64> {
        self.all_jitter.histogram()
    }

    /// Returns the period of every cycle so far [ns].
    pub fn period_histogram(&self) -> Histogram<u64> {
        self.all_periods.histogram()
    }

    /// Returns how long a phase took in every cycle so far that had it [ns].
    pub fn phase_histogram(&self, phase: Phase) -> Histogram<u64> {
        self.phases[phase as usize].histogram()
    }

    /// Returns the execution time of every cycle so far [ns].
    pub fn execution_histogram(&self) -> Histogram<u64> {
        self.all_execution.histogram()
    }
}

/// How many of the newest latencies percentiles are computed from.
const LATENCIES: usize = 64;
/// How many coordinates the displacement of an action has at most.
const COORDINATES: usize = 7;

/// What the chunks of a policy were like.
#[derive(Debug)]
pub struct ChunkRecorder {
    latency: Window,
    newest_latency_ns: AtomicU64,
    max_latency_ns: Counter,
    age_ns: AtomicU64,
    /// The largest distances at seams, as the bits of numbers.
    seams: [AtomicU64; COORDINATES],
}

impl ChunkRecorder {
    fn new() -> ChunkRecorder {
        ChunkRecorder {
            latency: Window::new(LATENCIES),
            newest_latency_ns: AtomicU64::new(0),
            max_latency_ns: Counter::default(),
            age_ns: AtomicU64::new(0),
            seams: Default::default(),
        }
    }

    /// Records how long a chunk took from its question to its arrival, by the robot's clock \[s\].
    pub fn latency(&self, latency_s: f64) {
        let latency = nanos(Duration::try_from_secs_f64(latency_s).unwrap_or_default());
        self.newest_latency_ns.store(latency, Relaxed);
        self.max_latency_ns.raise(latency);
        self.latency.push(latency);
    }

    /// Records how far a chunk was from what was commanded when it took over, in one coordinate.
    pub fn seam(&self, coordinate: usize, distance: f64) {
        if let Some(seam) = self.seams.get(coordinate) {
            // Numbers that are not below zero are in the order of their bits.
            seam.fetch_max(distance.abs().to_bits(), Relaxed);
        }
    }

    /// Records how long ago the newest chunk that is played was observed \[s\].
    pub fn age(&self, age_s: f64) {
        let age = Duration::try_from_secs_f64(age_s).unwrap_or_default();
        self.age_ns.store(nanos(age), Relaxed);
    }

    /// Returns how long ago the newest chunk that is played was observed.
    pub fn newest_age(&self) -> Duration {
        Duration::from_nanos(self.age_ns.load(Relaxed))
    }

    /// Returns the percentiles of the newest latencies.
    pub fn latencies(&self) -> Spread {
        Spread::of(&self.latency.sorted(), self.max_latency_ns.get())
    }

    /// Returns the latency of the newest chunk.
    pub fn newest_latency(&self) -> Duration {
        Duration::from_nanos(self.newest_latency_ns.load(Relaxed))
    }

    /// Returns the largest distance at a seam in each coordinate \[rad, m\].
    pub fn largest_seams(&self) -> [f64; COORDINATES] {
        std::array::from_fn(|at| f64::from_bits(self.seams[at].load(Relaxed)))
    }
}

/// Percentiles of the newest samples, and the largest of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// Half of the newest samples are at most this.
    pub p50: Duration,
    /// 95 % of the newest samples are at most this.
    pub p95: Duration,
    /// 99 % of the newest samples are at most this.
    pub p99: Duration,
    /// The largest sample of the whole run.
    pub max: Duration,
}

impl Spread {
    fn of(sorted: &[u64], max: u64) -> Spread {
        // Nearest rank: the smallest sample for which at least the given share of samples is no larger.
        let at = |percent: usize| {
            let rank = sorted.len().saturating_mul(percent).div_ceil(100);
            Duration::from_nanos(*sorted.get(rank.saturating_sub(1)).unwrap_or(&0))
        };
        Spread {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: Duration::from_nanos(max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_long_period_alone_is_jitter_and_not_an_overrun() {
        let recorder = Recorder::new(MS, 100);
        recorder.period(MS * 3);
        recorder.execution(MS / 10);
        let stats = recorder.snapshot();
        assert_eq!(stats.overruns, 0);
        assert_eq!(stats.jitter.max, MS * 2);
        recorder.execution(MS + Duration::from_nanos(1));
        assert_eq!(recorder.snapshot().overruns, 1);
    }

    #[test]
    fn an_execution_of_exactly_one_period_is_no_overrun() {
        let recorder = Recorder::new(MS, 100);
        recorder.execution(MS);
        assert_eq!(recorder.snapshot().overruns, 0);
    }

    #[test]
    fn nothing_is_reported_before_the_second_cycle() {
        let stats = Recorder::new(MS, 100).snapshot();
        assert_eq!(stats.jitter, Spread::default());
        assert_eq!(stats.avg_period, Duration::ZERO);
    }

    #[test]
    fn percentiles_are_those_of_the_newest_samples_and_the_maximum_of_all() {
        let recorder = Recorder::new(MS, 100);
        recorder.period(MS + Duration::from_micros(900));
        for us in 1..=100 {
            recorder.period(MS + Duration::from_micros(us));
        }
        let jitter = recorder.snapshot().jitter;
        assert_eq!(jitter.p50, Duration::from_micros(50));
        assert_eq!(jitter.p95, Duration::from_micros(95));
        assert_eq!(jitter.p99, Duration::from_micros(99));
        assert_eq!(jitter.max, Duration::from_micros(900));
    }

    #[test]
    fn every_bucket_holds_values_within_a_64th_of_its_middle() {
        let mut value: u64 = 1;
        while value < 1 << VALUE_BITS {
            let middle = Buckets::value(Buckets::index(value));
            assert!(
                value.abs_diff(middle) * 64 <= value.max(1),
                "{value} ns was counted as {middle} ns"
            );
            value += 1 + value / 97;
        }
        assert_eq!(Buckets::index(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_whole_run_histogram_counts_every_sample() {
        let recorder = Recorder::new(MS, 10);
        for us in 0..5_000 {
            recorder.period(MS + Duration::from_micros(us));
        }
        let histogram = recorder.jitter_histogram();
        assert_eq!(histogram.len(), 5_000);
        let median = histogram.value_at_quantile(0.5) as f64;
        assert!((median - 2_500_000.0).abs() < 60_000.0, "{median}");
    }
}
