//! When a cycle began, when its question was asked and answered, and when its command was handed over.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::channel::records::{CommandKind, RecordIn, TickRecord};
use crate::stats::Recorder;
use crate::timing::time::Time;

/// A cycle whose action was decided but may not have been handed to the robot yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    period: Option<Duration>,
    started: Time,
    /// When it was decided; `None` if the robot reports when it was sent.
    decided: Option<Time>,
    kind: CommandKind,
    robot: RobotTimes,
}

/// What a cycle is by the robot's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct RobotTimes {
    /// The time since the first cycle \[s\].
    pub time_s: f64,
    /// How much of it passed without a cycle just before this one \[ms\].
    pub missed_ms: f64,
    /// The time since the observation of the chunk that is played \[s\]; NaN if none is played.
    pub age_s: f64,
}

/// The times of the present cycle, for statistics and records.
pub(super) struct CycleClock {
    records: RecordIn,
    first: Time,
    previous: Time,
    /// When the question was asked, taken, and answered, when the answer came, and when the command was decided,
    /// since the first cycle [s]; NaN if that did not happen in this cycle, or if it is not known.
    asked_s: f64,
    took_s: f64,
    gave_s: f64,
    answered_s: f64,
    decided_s: f64,
    pending: Option<Pending>,
    /// True if the robot reports when an action was handed over.
    tells_sent: bool,
    /// True if a cycle takes no time, because the robot's clock stands still during it.
    is_robot_time: bool,
}

impl CycleClock {
    pub fn new(records: RecordIn) -> CycleClock {
        let now = Time::now();
        CycleClock {
            records,
            first: now,
            previous: now,
            asked_s: f64::NAN,
            took_s: f64::NAN,
            gave_s: f64::NAN,
            answered_s: f64::NAN,
            decided_s: f64::NAN,
            pending: None,
            tells_sent: false,
            is_robot_time: false,
        }
    }

    /// From now on everything in a cycle happens at the time when the cycle begins.
    pub fn keep_robot_time(&mut self) {
        self.is_robot_time = true;
    }

    /// Returns the present time, if it is kept when the steps of a cycle are done: for records, or for cycles that
    /// are `kept` elsewhere. A clock is read once for both.
    #[inline]
    pub fn stamp(&self, is_kept: bool) -> Option<Time> {
        (is_kept || self.records.is_on()).then(|| self.now())
    }

    /// Returns the present time.
    pub fn now(&self) -> Time {
        match self.is_robot_time {
            true => self.previous,
            false => Time::now(),
        }
    }

    /// Returns when the first cycle began.
    pub fn first(&self) -> Time {
        self.first
    }

    /// Notes that the first cycle begins, which has no period.
    pub fn begin(&mut self, started: Time) {
        self.first = started;
        self.previous = started;
    }

    /// Returns the time since the last cycle began, and notes that a new one begins.
    #[inline]
    pub fn go_on(&mut self, started: Time) -> Duration {
        let period = started.since(self.previous);
        self.previous = started;
        period
    }

    /// Notes when a question is asked.
    #[inline]
    pub fn asks(&mut self, at: Option<Time>) {
        self.asked_s = self.told(at);
    }

    /// Notes when an answer came.
    #[inline]
    pub fn answered(&mut self, at: Option<Time>) {
        self.answered_s = self.told(at);
    }

    /// Notes when the policy took the question of the answer that came, and when it gave the answer.
    #[inline]
    pub fn worked(&mut self, policy: Option<(Time, Time)>) {
        self.took_s = self.told(policy.map(|(took, _)| took));
        self.gave_s = self.told(policy.map(|(_, gave)| gave));
    }

    /// Returns a time since the first cycle [s]; NaN if it is not known.
    #[inline]
    fn told(&self, at: Option<Time>) -> f64 {
        at.map_or(f64::NAN, |at| at.since(self.first).as_secs_f64())
    }

    /// Notes that the command of this cycle is decided, and when, if that is known.
    #[inline]
    pub fn decided(
        &mut self,
        (period, started): (Option<Duration>, Time),
        kind: CommandKind,
        robot: RobotTimes,
        at: Option<Time>,
    ) {
        self.decided_s = self.told(at);
        self.pending = Some(Pending {
            period,
            started,
            decided: match self.tells_sent {
                true => None,
                false => at.or_else(|| Some(self.now())),
            },
            kind,
            robot,
        });
    }

    /// Notes when the command was handed over, as the robot reports it. Returns that time on this clock.
    #[inline]
    pub fn sent(&mut self, at: Time) -> Time {
        self.tells_sent = true;
        let at = if self.is_robot_time {
            self.previous
        } else {
            at
        };
        if let Some(pending) = &mut self.pending {
            pending.decided = Some(at);
        }
        at
    }

    /// Counts and records the cycle before `tick`, whose command was `sent`. If the robot has not reported
    /// when the command was handed over, the time when it was decided counts, or else the present time.
    #[inline]
    pub fn close(&mut self, recorder: &Recorder, tick: u64, sent: &[f64]) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let at = pending.decided.unwrap_or_else(|| self.now());
        if let Some(period) = pending.period {
            recorder.period(period);
        }
        recorder.execution(at.since(pending.started));
        if self.records.is_on() && !self.keep(&pending, at, tick.saturating_sub(1), sent) {
            recorder.dropped_records.add(1);
        }
    }

    /// Records a cycle. Returns true if there was room for the record.
    fn keep(&mut self, pending: &Pending, at: Time, tick: u64, sent: &[f64]) -> bool {
        let record = TickRecord {
            tick,
            time_s: pending.started.since(self.first).as_secs_f64(),
            period_s: pending
                .period
                .map_or(f64::NAN, |period| period.as_secs_f64()),
            sent_s: at.since(self.first).as_secs_f64(),
            kind: pending.kind,
            asked_s: std::mem::replace(&mut self.asked_s, f64::NAN),
            took_s: std::mem::replace(&mut self.took_s, f64::NAN),
            gave_s: std::mem::replace(&mut self.gave_s, f64::NAN),
            answered_s: std::mem::replace(&mut self.answered_s, f64::NAN),
            decided_s: std::mem::replace(&mut self.decided_s, f64::NAN),
            robot_time_s: pending.robot.time_s,
            missed_ms: pending.robot.missed_ms,
            age_s: pending.robot.age_s,
        };
        self.records.push(&record, sent)
    }
}
