//! What a recorded run tells of its timing: counters, percentiles, and its worst cycles.

use std::collections::BTreeMap;
use std::time::Duration;

use kilohertz_core::limits::ViolationKind;
use kilohertz_core::stats::Recorder;
use kilohertz_record::answering::Answering;
use kilohertz_record::entry::{CommandKind, OwnedCycle};

use crate::page::protocol::{HistogramInfo, MeasureInfo, SpreadInfo, StatsInfo, WorstInfo};

/// How many of the worst cycles are kept for each measure.
const MOST_WORST: usize = 5;
/// Of cycles that are closer together only the worst is kept \[s\]: they have the same cause.
const APART_S: f64 = 0.1;

/// Gathers what a run tells of its timing, cycle by cycle.
pub(super) struct Report {
    recorder: Recorder,
    answering: Answering,
    violations: BTreeMap<String, f64>,
    /// The tick and the time \[ns\] of the cycle before.
    before: Option<(u64, u64)>,
    worst: BTreeMap<MeasureInfo, Vec<WorstInfo>>,
}

impl Report {
    pub fn new(period_s: f64) -> Report {
        let period = Duration::try_from_secs_f64(period_s).unwrap_or_default();
        Report {
            // Its percentiles of the newest cycles are not used.
            recorder: Recorder::new(period, 1),
            answering: Answering::default(),
            violations: BTreeMap::new(),
            before: None,
            worst: BTreeMap::new(),
        }
    }

    /// Takes the next cycle, which began `since_s` after the first.
    pub fn take(&mut self, cycle: &OwnedCycle, since_s: f64) {
        let Report { recorder, .. } = self;
        match cycle.kind {
            CommandKind::Fresh => {}
            CommandKind::Followed => recorder.followed_commands.add(1),
            CommandKind::Held => recorder.held_commands.add(1),
            CommandKind::Rest => recorder.rest_commands.add(1),
        }
        recorder.missed_ticks.add(u64::from(cycle.missed_ms));
        recorder.unrecorded_cycles.add(cycle.lost_before);
        recorder
            .policy_asks
            .add(u64::from(cycle.phases.asked_s.is_some()));
        if let Some(answer) = &cycle.answer {
            recorder.policy_answers.add(1);
            recorder.chunks.add(u64::from(answer.step_s > 0.0));
        }
        let sent = cycle.phases.sent_s.map(Duration::try_from_secs_f64);
        let execution = sent.and_then(Result::ok).unwrap_or_default();
        recorder.execution(execution);
        // After a cycle that is not in the file the period is not known.
        let before = self.before.replace((cycle.tick, cycle.monotonic_ns));
        let period = before
            .filter(|(tick, _)| tick.checked_add(1) == Some(cycle.tick))
            .map(|(_, ns)| Duration::from_nanos(cycle.monotonic_ns.saturating_sub(ns)));
        let jitter = period.map(|period| {
            recorder.period(period);
            period.abs_diff(recorder.target_period()).as_secs_f64()
        });
        for note in &cycle.notes {
            let is_violation = ViolationKind::ALL
                .iter()
                .any(|kind| kind.as_str() == note.name);
            if is_violation {
                let name = format!("{}Violations", note.name);
                *self.violations.entry(name).or_default() += 1.0;
            }
        }
        let answer_s = self.answering.took_ns(cycle).map(|took| took * 1e-9);
        for (measure, value) in [
            (MeasureInfo::Jitter, jitter.unwrap_or_default()),
            (MeasureInfo::Execution, execution.as_secs_f64()),
            (MeasureInfo::Answer, answer_s.unwrap_or_default()),
            (MeasureInfo::Missed, f64::from(cycle.missed_ms)),
            (MeasureInfo::Unrecorded, cycle.lost_before as f64),
        ] {
            self.keep(WorstInfo {
                measure,
                value,
                time_s: since_s,
                tick: cycle.tick as f64,
            });
        }
    }

    /// Keeps a cycle if it is one of the worst of its measure.
    fn keep(&mut self, one: WorstInfo) {
        if one.value <= 0.0 || !one.time_s.is_finite() {
            return;
        }
        let worst = self.worst.entry(one.measure).or_default();
        let is_close = |other: &WorstInfo| (other.time_s - one.time_s).abs() < APART_S;
        if worst
            .iter()
            .any(|other| is_close(other) && other.value >= one.value)
        {
            return;
        }
        worst.retain(|other| !is_close(other));
        worst.push(one);
        worst.sort_by(|one, other| other.value.total_cmp(&one.value));
        worst.truncate(MOST_WORST);
    }

    /// Returns the statistics, with percentiles of the whole run, and the worst cycles, of each measure the worst
    /// first.
    pub fn finish(self) -> (StatsInfo, Vec<WorstInfo>) {
        let stats = self.recorder.snapshot();
        let (jitter, execution) = (
            self.recorder.jitter_histogram(),
            self.recorder.execution_histogram(),
        );
        let at = |ns: u64| ns as f64 * 1e-9;
        let spread = |p: [u64; 3], max: Duration| SpreadInfo {
            p50: at(p[0]).min(max.as_secs_f64()),
            p95: at(p[1]).min(max.as_secs_f64()),
            p99: at(p[2]).min(max.as_secs_f64()),
            max: max.as_secs_f64(),
        };
        let quantiles = [0.5, 0.95, 0.99];
        let recorded = jitter.iter_recorded().map(|bucket| {
            let upper_s = at(bucket.value_iterated_to());
            (upper_s, bucket.count_at_value() as f64)
        });
        let (upper_s, counts) = recorded.unzip();
        let counters = [
            ("iterations", stats.iterations),
            ("overruns", stats.overruns),
            ("missedTicks", stats.missed_ticks),
            ("policyAsks", stats.policy_asks),
            ("policyAnswers", stats.policy_answers),
            ("followedCommands", stats.followed_commands),
            ("heldCommands", stats.held_commands),
            ("restCommands", stats.rest_commands),
            ("chunks", stats.chunks),
            ("unrecordedCycles", stats.unrecorded_cycles),
        ];
        let counters = counters.map(|(name, count)| (name.to_owned(), count as f64));
        let told = StatsInfo {
            counters: counters.into_iter().chain(self.violations).collect(),
            target_period_s: stats.target_period.as_secs_f64(),
            avg_period_s: stats.avg_period.as_secs_f64(),
            longest_period_s: stats.longest_period.as_secs_f64(),
            jitter: spread(
                quantiles.map(|q| jitter.value_at_quantile(q)),
                stats.jitter.max,
            ),
            execution: spread(
                quantiles.map(|q| execution.value_at_quantile(q)),
                stats.execution.max,
            ),
            jitter_histogram: HistogramInfo { upper_s, counts },
        };
        (told, self.worst.into_values().flatten().collect())
    }
}
