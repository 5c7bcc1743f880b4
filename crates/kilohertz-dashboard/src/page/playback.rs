//! A recorded run as frames, at even times of the robot.

use std::ops::Range;
use std::path::Path;

use kilohertz_core::channel::records::CommandKind;
use kilohertz_record::entry::{Note, OwnedCycle, OwnedEntry};
use kilohertz_record::error::RecordError;
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::run::Run;

use crate::page::fields::{fields_in, slots_in};
use crate::page::protocol::{ArmInfo, EventInfo, LevelInfo, RunInfo};
use crate::page::watched::Frame;

/// The time between two frames \[s\]. A long run has fewer.
const STEP_S: f64 = 1.0 / 60.0;
/// The most frames of a run. Of a run that is longer every second one is left out, as often as necessary.
const MOST_FRAMES: usize = 120_000;
/// The most frames that are handed over at once.
const MOST_AT_ONCE: usize = 3000;
/// The most events of a run.
const MOST_EVENTS: usize = 2000;

/// A recorded run, for the page.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub(super) info: RunInfo,
    /// The frames, one after the other.
    bytes: Vec<u8>,
    frame_len: usize,
}

/// Reads a run.
struct Reading {
    id: u16,
    slots: Vec<Range<usize>>,
    step_s: f64,
    frame: Frame,
    frame_len: usize,
    bytes: Vec<u8>,
    /// The time of the first cycle \[s\].
    first_s: Option<f64>,
    wall_time_s: f64,
    events: Vec<EventInfo>,
    error: Option<EventInfo>,
}

impl Recorded {
    /// Reads the run with this number. A file that was cut off, or that is still being written, is read up to
    /// there; [`RunInfo::damage`] says so.
    ///
    /// # Errors
    /// Returns the errors of [`RunReader`], and [`RecordError::Empty`] if no cycle can be read.
    pub fn read(path: &Path, id: u16) -> Result<Recorded, RecordError> {
        let mut reader = RunReader::open(path)?;
        let run = reader.run().clone();
        let mut reading = Reading::new(id, &run);
        let mut damage = None;
        for entry in reader.by_ref() {
            match entry {
                Ok(OwnedEntry::Cycle(cycle)) => reading.take(&cycle),
                Ok(_) => {}
                Err(error @ RecordError::Damaged { .. }) => damage = Some(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        if let Some(Ending::Unfinished { .. }) = reader.ending() {
            damage.get_or_insert_with(|| {
                "the recording has no end: it is still being written, or was cut off".to_owned()
            });
        }
        if reading.bytes.is_empty() {
            return Err(RecordError::Empty {
                path: path.to_owned(),
            });
        }
        let name = path.file_name().unwrap_or_default();
        Ok(reading.finish(&run, name.to_string_lossy().into_owned(), damage))
    }

    /// Returns some of the frames; `None` if there are not as many.
    pub(super) fn frames(&self, from: usize, count: usize) -> Option<&[u8]> {
        if count > MOST_AT_ONCE {
            return None;
        }
        let begin = from.checked_mul(self.frame_len)?;
        let end = count.checked_mul(self.frame_len)?.checked_add(begin)?;
        self.bytes.get(begin..end)
    }
}

impl Reading {
    fn new(id: u16, run: &Run) -> Reading {
        Reading {
            id,
            slots: slots_in(&run.state),
            step_s: STEP_S.max(run.period_s),
            frame: Frame::default(),
            frame_len: 0,
            bytes: Vec::new(),
            first_s: None,
            wall_time_s: 0.0,
            events: Vec::new(),
            error: None,
        }
    }

    fn take(&mut self, cycle: &OwnedCycle) {
        if self.first_s.is_none() {
            self.first_s = Some(cycle.robot_time_s);
            self.wall_time_s = cycle.wall_ns as f64 * 1e-9;
        }
        let frame = &mut self.frame;
        frame.cycles = frame.cycles.saturating_add(1);
        let kind = match cycle.kind {
            CommandKind::Fresh => None,
            CommandKind::Followed => Some(&mut frame.followed),
            CommandKind::Held => Some(&mut frame.held),
            CommandKind::Rest => Some(&mut frame.rest),
        };
        if let Some(count) = kind {
            *count = count.saturating_add(1);
        }
        frame.missed = frame.missed.saturating_add(u64::from(cycle.missed_ms));
        frame.fill(&self.slots, &cycle.state);
        for note in &cycle.notes {
            self.note(note, cycle);
        }
        // A frame whose time has come repeatedly, because cycles are missing, stands there repeatedly.
        let since_s = cycle.robot_time_s - self.first_s.unwrap_or_default();
        while self.count() as f64 * self.step_s <= since_s && since_s.is_finite() {
            self.frame.robot_time_s = self.count() as f64 * self.step_s;
            let wall_time_s = self.wall_time_s + self.frame.robot_time_s;
            self.frame.write(self.id, wall_time_s, &mut self.bytes);
            if self.frame_len == 0 {
                self.frame_len = self.bytes.len();
            }
            if self.count() >= MOST_FRAMES {
                self.thin();
            }
        }
    }

    /// Returns how many frames there are.
    fn count(&self) -> usize {
        self.bytes.len().checked_div(self.frame_len).unwrap_or(0)
    }

    /// Leaves every second frame out.
    fn thin(&mut self) {
        let frames = self.bytes.chunks_exact(self.frame_len).step_by(2);
        self.bytes = frames.collect::<Vec<_>>().concat();
        self.step_s *= 2.0;
    }

    fn note(&mut self, note: &Note, cycle: &OwnedCycle) {
        let since_s = cycle.robot_time_s - self.first_s.unwrap_or_default();
        let event = EventInfo::of(note.clone(), since_s * 1e3, cycle.wall_ns as f64 * 1e-9);
        if event.level == LevelInfo::Error {
            self.error = Some(event.clone());
        }
        if self.events.len() < MOST_EVENTS {
            self.events.push(event);
        }
    }

    fn finish(self, run: &Run, name: String, damage: Option<String>) -> Recorded {
        let about = |key: &str| {
            let value = run.robot.get(key).and_then(serde_json::Value::as_str);
            value.map(str::to_owned)
        };
        let frames = self.count();
        let arm = ArmInfo {
            id: self.id,
            name: name.clone(),
            model: about("model").filter(|model| model == "fr3" || model == "fer"),
            control: about("control").unwrap_or_default(),
            rate_hz: 1.0 / run.period_s,
            policy_rate_hz: 1.0 / run.period_s,
            is_running: false,
            has_controls: false,
            is_controlled: false,
            session: 1,
            fields: fields_in(&run.state),
            limits: None,
            workspace: None,
        };
        Recorded {
            info: RunInfo {
                id: self.id,
                name,
                arm,
                duration_s: frames.saturating_sub(1) as f64 * self.step_s,
                wall_time_s: self.wall_time_s,
                step_s: self.step_s,
                frames: u32::try_from(frames).unwrap_or(u32::MAX),
                events: self.events,
                error: self.error,
                damage,
            },
            bytes: self.bytes,
            frame_len: self.frame_len,
        }
    }
}
