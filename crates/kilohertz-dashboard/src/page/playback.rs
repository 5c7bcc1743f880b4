//! A recorded run: frames at even times of the robot, and what is told of it once.

use std::ops::Range;
use std::path::Path;

use kilohertz_core::channel::records::CommandKind;
use kilohertz_record::entry::{Note, OwnedCycle, OwnedEntry, RunEnd};
use kilohertz_record::error::RecordError;
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::run::Run;
use serde_json::Value;

use crate::page::arm::shortened;
use crate::page::chunks::{Chunks, Drawn};
use crate::page::fields::{GRIPPER_WIDTH_WANTED, fields_in, slots_in, width_field};
use crate::page::gripper::Gripper;
use crate::page::protocol::{ArmInfo, BoxInfo, EventInfo, JointLimits, LevelInfo, RunInfo};
use crate::page::report::Report;
use crate::page::watched::Frame;

/// The time between two frames \[s\]. A long run has fewer.
const STEP_S: f64 = 1.0 / 60.0;
/// The most frames of a run. Of a run that is longer every second one is left out, as often as necessary.
const MOST_FRAMES: usize = 120_000;
/// The most frames that are handed over at once.
const MOST_AT_ONCE: usize = 3000;
/// How many joints an arm has.
const JOINTS: usize = 7;
/// The most events of a run.
const MOST_EVENTS: usize = 2000;
/// The name of the end of a run that no error has ended.
const ENDED: &str = "ended";

/// A recorded run, for the page.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub(super) info: RunInfo,
    /// The frames, one after the other.
    bytes: Vec<u8>,
    frame_len: usize,
    chunks: Chunks,
}

/// Reads a run.
struct Reading {
    id: u16,
    slots: Vec<Range<usize>>,
    step_s: f64,
    period_s: f64,
    frame: Frame,
    frame_len: usize,
    bytes: Vec<u8>,
    /// The time of the first cycle \[s\].
    first_s: Option<f64>,
    wall_time_s: f64,
    events: Vec<EventInfo>,
    end: Option<EventInfo>,
    report: Report,
    /// What of its chunks can be drawn, and how many numbers their rows have.
    drawn: Option<Drawn>,
    row: usize,
    chunks: Chunks,
    gripper: Option<Gripper>,
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
                Ok(OwnedEntry::End(end)) => reading.end(end, &run),
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
        Ok(reading.finish(&run, plain(&name.to_string_lossy()), damage))
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

    /// Returns the chunks that came while these frames were shown, and before them the newest of before, as JSON;
    /// `None` if there are not as many frames.
    pub(super) fn chunks(&self, from: usize, count: usize) -> Option<String> {
        self.frames(from, count)?;
        let at_s = |frame: usize| frame as f64 * self.info.step_s;
        let chunks = self
            .chunks
            .between(at_s(from), at_s(from.saturating_add(count)));
        serde_json::to_string(chunks).ok()
    }
}

impl Reading {
    fn new(id: u16, run: &Run) -> Reading {
        Reading {
            id,
            slots: slots_in(&run.state),
            step_s: STEP_S.max(run.period_s),
            period_s: run.period_s,
            frame: Frame::default(),
            frame_len: 0,
            bytes: Vec::new(),
            first_s: None,
            wall_time_s: 0.0,
            events: Vec::new(),
            end: None,
            report: Report::new(run.period_s),
            drawn: Drawn::of(&run.action).filter(|_| !has_relative_chunks(run)),
            row: run.answer.len(),
            chunks: Chunks::new(),
            gripper: Gripper::of(run),
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
        let first_s = self.first_s.unwrap_or_default();
        if let Some(answer) = &cycle.answer
            && answer.step_s > 0.0
        {
            if let Some(drawn) = self.drawn {
                let begin_s = answer.time_s - first_s;
                let chunk = drawn.chunk(begin_s, answer.step_s, self.row, &answer.actions);
                self.chunks.keep(cycle.robot_time_s - first_s, chunk);
            }
            if let Some(gripper) = &mut self.gripper {
                gripper.take(answer);
            }
        }
        if let Some(gripper) = &self.gripper {
            frame.values.push(gripper.width(cycle.robot_time_s) as f32);
        }
        for note in &cycle.notes {
            self.note(note, cycle);
        }
        // A frame whose time has come repeatedly, because cycles are missing, stands there repeatedly.
        let since_s = cycle.robot_time_s - first_s;
        self.report.take(cycle, since_s);
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
        if self.events.len() < MOST_EVENTS {
            let tick = self.ticks_since(cycle.robot_time_s);
            let event = EventInfo::of(note.clone(), tick, cycle.wall_ns as f64 * 1e-9);
            self.events.push(event);
        }
    }

    /// Returns the robot's time since the first cycle, in cycles.
    fn ticks_since(&self, robot_time_s: f64) -> f64 {
        ((robot_time_s - self.first_s.unwrap_or_default()) / self.period_s).round()
    }

    fn end(&mut self, end: RunEnd, run: &Run) {
        let (level, name) = match &*end.code {
            "" => (LevelInfo::Info, ENDED),
            code => (LevelInfo::Error, code),
        };
        self.end = Some(EventInfo {
            level,
            name: name.to_owned(),
            text: shortened(end.text),
            tick: Some(self.ticks_since(end.robot_time_s)),
            wall_time_s: run.start.wall_time_s(end.monotonic_ns),
        });
    }

    fn finish(self, run: &Run, name: String, damage: Option<String>) -> Recorded {
        let about = |key: &str| {
            let value = run.robot.get(key).and_then(serde_json::Value::as_str);
            value.map(str::to_owned)
        };
        let frames = self.count();
        let mut fields = fields_in(&run.state);
        fields.extend(
            self.gripper
                .iter()
                .map(|_| width_field(GRIPPER_WIDTH_WANTED)),
        );
        let (stats, worst) = self.report.finish();
        let arm = ArmInfo {
            id: self.id,
            name: name.clone(),
            model: about("model").filter(|model| model == "fr3" || model == "fer"),
            control: about("control").unwrap_or_default(),
            rate_hz: 1.0 / run.period_s,
            policy_rate_hz: policy_rate_hz(run),
            is_running: false,
            has_controls: false,
            is_controlled: false,
            session: 1,
            fields,
            limits: limits_of(run),
            workspace: box_of(run),
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
                stats,
                worst,
                events: self.events,
                end: self.end,
                damage,
            },
            bytes: self.bytes,
            frame_len: self.frame_len,
            chunks: self.chunks,
        }
    }
}

/// Returns a name without what makes other text look different: control characters, and those that change the
/// direction of writing.
fn plain(name: &str) -> String {
    let is_hidden = |letter: char| {
        let turns = ['\u{61c}', '\u{200e}', '\u{200f}'];
        letter.is_control()
            || turns.contains(&letter)
            || ('\u{202a}'..='\u{202e}').contains(&letter)
            || ('\u{2066}'..='\u{2069}').contains(&letter)
    };
    let letters = name.chars();
    letters
        .map(|letter| match is_hidden(letter) {
            true => char::REPLACEMENT_CHARACTER,
            false => letter,
        })
        .collect()
}

/// Returns true if the rows of the policy's chunks were changes, which stand for no place by themselves.
fn has_relative_chunks(run: &Run) -> bool {
    let chunks = run.robot.get("chunks");
    let is_relative = chunks.and_then(|chunks| chunks.get("isRelative"));
    is_relative.and_then(Value::as_bool).unwrap_or(false)
}

fn policy_rate_hz(run: &Run) -> f64 {
    let rate = run.options.get("rateHz").and_then(Value::as_f64);
    rate.unwrap_or(1.0 / run.period_s)
}

/// Returns the limits of the joints, if the recording has them; files are checked as what comes from outside.
fn limits_of(run: &Run) -> Option<JointLimits> {
    let limits: JointLimits = serde_json::from_value(run.robot.get("limits")?.clone()).ok()?;
    let all = [
        &limits.lower,
        &limits.upper,
        &limits.velocity,
        &limits.torque,
    ];
    all.iter().all(|of| of.len() == JOINTS).then_some(limits)
}

/// Returns the box of the session, if it had one.
fn box_of(run: &Run) -> Option<BoxInfo> {
    let given = run.options.get("limits")?.get("boxM")?;
    let corner = |name| serde_json::from_value(given.get(name)?.clone()).ok();
    Some(BoxInfo {
        min: corner("lower")?,
        max: corner("upper")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_cannot_be_written_backwards() {
        assert_eq!(plain("a\u{202e}pacm.exe\n"), "a\u{fffd}pacm.exe\u{fffd}");
        assert_eq!(plain("Übung 1 – 測試.mcap"), "Übung 1 – 測試.mcap");
    }
}
