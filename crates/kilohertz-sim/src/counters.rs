//! The counters of the simulator.

use std::time::Duration;

/// Counts since the start. All except the work figures only increase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// States sent to a client.
    pub states_sent: u64,
    /// States that a fault dropped.
    pub states_dropped: u64,
    /// States that a fault delayed.
    pub states_delayed: u64,
    /// Commands that arrived in a motion and were used.
    pub commands_received: u64,
    /// Commands that answered an older state than the newest one. They were dropped.
    pub commands_late: u64,
    /// Commands that arrived while no motion accepted commands.
    pub commands_outside: u64,
    /// Ticks of a motion without a command.
    pub commands_lost: u64,
    /// The largest number of ticks in a row without a command.
    pub longest_lost_run: u64,
    /// Commands that a fault dropped.
    pub commands_dropped: u64,
    /// Commands that a fault delayed.
    pub commands_delayed: u64,
    /// States that a fault duplicated, reordered or truncated.
    pub states_disturbed: u64,
    /// Commands that a fault duplicated, reordered or truncated.
    pub commands_disturbed: u64,
    /// Datagrams that are not a command of this client: the length or the sender is wrong, or they answer a
    /// state that was never sent.
    pub datagrams_refused: u64,
    /// Faults that took effect in the cycle that they waited for.
    pub faults_at_cycles: u64,
    /// Faults whose cycle did not come, because the motion ended before it.
    pub faults_missed: u64,
    /// Motions that began.
    pub motions_started: u64,
    /// Motions that the client finished.
    pub motions_finished: u64,
    /// Motions that ended in another way.
    pub motions_aborted: u64,
    /// Reflexes.
    pub reflexes: u64,
    /// Simulated milliseconds.
    pub ticks: u64,
    /// Deadlines of the wall clock that passed before the previous tick had ended. They were skipped.
    pub missed_ticks: u64,
    /// Clients that connected.
    pub clients: u64,
    /// Median work of a tick, updated every 0.1 s: the time from the end of its wait until its state was
    /// sent.
    pub tick_work_p50: Duration,
    /// 99th percentile of the work of a tick.
    pub tick_work_p99: Duration,
}

impl Counters {
    /// Returns the counters that the TypeScript API shows, with their names there.
    pub fn shown(self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("statesSent", self.states_sent),
            ("statesDropped", self.states_dropped),
            ("statesDelayed", self.states_delayed),
            ("commandsReceived", self.commands_received),
            ("commandsLate", self.commands_late),
            ("commandsLost", self.commands_lost),
            ("longestLostRun", self.longest_lost_run),
            ("commandsDropped", self.commands_dropped),
            ("commandsDelayed", self.commands_delayed),
            ("faultsAtCycles", self.faults_at_cycles),
            ("faultsMissed", self.faults_missed),
            ("motionsStarted", self.motions_started),
            ("motionsFinished", self.motions_finished),
            ("motionsAborted", self.motions_aborted),
            ("reflexes", self.reflexes),
            ("missedTicks", self.missed_ticks),
            ("clients", self.clients),
        ]
        .into_iter()
    }
}

/// A histogram of the work of ticks, in microseconds.
#[derive(Debug)]
pub(crate) struct Work {
    buckets: [u32; Work::LAST + 1],
    total: u32,
}

impl Work {
    /// The last bucket [us], which also counts longer work.
    const LAST: usize = 1023;

    pub fn new() -> Work {
        Work {
            buckets: [0; Work::LAST + 1],
            total: 0,
        }
    }

    pub fn record(&mut self, work: Duration) {
        let bucket = (work.as_micros() as usize).min(Work::LAST);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.total = self.total.saturating_add(1);
    }

    /// Returns the bucket below which the share `share` of all ticks lies.
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (f64::from(self.total) * share).ceil() as u64;
        let mut seen = 0;
        for (micros, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank.max(1) {
                return Duration::from_micros(micros as u64);
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_from_the_ticks_recorded() {
        let mut work = Work::new();
        assert_eq!(work.quantile(0.5), Duration::ZERO);
        for micros in 1..=100 {
            work.record(Duration::from_micros(micros));
        }
        assert_eq!(work.quantile(0.5), Duration::from_micros(50));
        assert_eq!(work.quantile(0.99), Duration::from_micros(99));
        work.record(Duration::from_secs(9));
        assert_eq!(work.quantile(1.0), Duration::from_micros(1023));
    }
}
