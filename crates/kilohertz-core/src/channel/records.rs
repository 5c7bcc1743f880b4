//! The record of every tick of a run, for analysis afterwards.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use rtrb::{Consumer, Producer, RingBuffer};

crate::named! {
    /// What the robot was commanded in a cycle, and why.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CommandKind {
        /// The policy's action, in time.
        Fresh = "fresh",
        /// As much of the policy's action as the limits allowed, after a gap.
        Followed = "followed",
        /// The last motion, continued without an action.
        Held = "held",
        /// A step of the way to rest, or rest itself.
        Rest = "rest",
    }
}

/// One cycle. Times are seconds since the start of the first one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TickRecord {
    /// The number of the cycle.
    pub tick: u64,
    /// When the cycle started [s].
    pub time_s: f64,
    /// The time since the start of the previous cycle [s]; NaN in the first.
    pub period_s: f64,
    /// When the action was handed to the robot [s].
    pub sent_s: f64,
    /// How the command came about.
    pub kind: CommandKind,
    /// When the policy was asked [s]; NaN if it was not asked in this cycle.
    pub asked_s: f64,
    /// When the policy took the question of that answer [s]; NaN if that is not known.
    pub took_s: f64,
    /// When the policy gave that answer [s]; NaN if that is not known.
    pub gave_s: f64,
    /// When an answer of the policy was received [s]; NaN if none came in this cycle.
    pub answered_s: f64,
    /// When the command was decided [s]; NaN if that is not known.
    pub decided_s: f64,
    /// The time on the robot's clock since the first cycle [s].
    pub robot_time_s: f64,
    /// How much of that time passed without a cycle just before this one [ms].
    pub missed_ms: f64,
    /// The time since the observation of the chunk that is played [s]; NaN if none is played.
    pub age_s: f64,
}

/// What the slots of a record before those of the action hold, with the names of the TypeScript API.
pub const RECORD_FIELDS: [&str; 13] = [
    "tick",
    "timeS",
    "periodS",
    "sentS",
    "kind",
    "askedS",
    "tookS",
    "gaveS",
    "answeredS",
    "decidedS",
    "robotTimeS",
    "missedMs",
    "ageS",
];
/// How many slots of a record precede those of the action.
pub const RECORD_HEADER: usize = RECORD_FIELDS.len();

/// The loop's end of the record ring.
pub(crate) struct RecordIn {
    ring: Producer<f64>,
    row: Vec<f64>,
}

/// The reader's end of the record ring.
pub struct RecordOut {
    ring: Consumer<f64>,
    stride: usize,
}

/// Creates a ring for `ticks` records with actions of `action_len` slots.
pub(crate) fn record_ring(ticks: usize, action_len: usize) -> (RecordIn, RecordOut) {
    let stride = RECORD_HEADER.saturating_add(action_len);
    let (producer, consumer) = RingBuffer::new(ticks.saturating_mul(stride));
    (
        RecordIn {
            ring: producer,
            row: vec![0.0; stride],
        },
        RecordOut {
            ring: consumer,
            stride,
        },
    )
}

impl RecordIn {
    /// Returns true if records are kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.ring.buffer().capacity() > 0
    }

    /// Stores a whole record. Returns true if there was room for it.
    pub(crate) fn push(&mut self, record: &TickRecord, action: &[f64]) -> bool {
        let header = [
            record.tick as f64,
            record.time_s,
            record.period_s,
            record.sent_s,
            f64::from(record.kind as u8),
            record.asked_s,
            record.took_s,
            record.gave_s,
            record.answered_s,
            record.decided_s,
            record.robot_time_s,
            record.missed_ms,
            record.age_s,
        ];
        self.row[..RECORD_HEADER].copy_from_slice(&header);
        self.row[RECORD_HEADER..].copy_from_slice(action);
        self.ring.push_entire_slice(&self.row).is_ok()
    }
}

impl RecordOut {
    /// Returns how many numbers a record has: those of [`RECORD_FIELDS`], then the action that was sent.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Takes all stored records, oldest first. Each has [`RecordOut::stride`] numbers.
    pub fn take(&mut self) -> Vec<f64> {
        let available = self.ring.slots();
        let partial = available.checked_rem(self.stride).unwrap_or(0);
        let mut rows = vec![0.0; available.saturating_sub(partial)];
        // Only this end takes slots out, so the slots counted above are still there.
        if self.ring.pop_entire_slice(&mut rows).is_err() {
            rows.clear();
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(tick: u64) -> TickRecord {
        TickRecord {
            tick,
            time_s: 0.0,
            period_s: f64::NAN,
            sent_s: 0.0,
            kind: CommandKind::Held,
            asked_s: f64::NAN,
            took_s: f64::NAN,
            gave_s: f64::NAN,
            answered_s: f64::NAN,
            decided_s: f64::NAN,
            robot_time_s: 0.0,
            missed_ms: 0.0,
            age_s: f64::NAN,
        }
    }

    #[test]
    fn keeps_the_oldest_records_when_full_and_says_so() {
        let (mut input, mut output) = record_ring(3, 2);
        let kept: Vec<bool> = (0..5)
            .map(|tick| input.push(&record(tick), &[tick as f64, -1.0]))
            .collect();
        assert_eq!(kept, [true, true, true, false, false]);
        let rows = output.take();
        let ticks: Vec<f64> = rows.chunks(output.stride()).map(|row| row[0]).collect();
        assert_eq!(ticks, [0.0, 1.0, 2.0]);
        assert_eq!(rows[RECORD_HEADER..output.stride()], [0.0, -1.0]);
        assert_eq!(rows[4], f64::from(CommandKind::Held as u8));
        assert!(input.push(&record(5), &[0.0, 0.0]));
    }

    #[test]
    fn a_ring_without_room_is_off() {
        let (mut input, _output) = record_ring(0, 2);
        assert!(!input.is_on());
        assert!(!input.push(&record(0), &[0.0, 0.0]));
    }
}
