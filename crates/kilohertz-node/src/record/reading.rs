//! Reads a recording, a batch of entries at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use kilohertz_record::entry::{
    EpisodeMark, Note, OwnedAnswer, OwnedCycle, OwnedEntry, Phases, RunEnd, Sample, Value,
};
use kilohertz_record::error::RecordError;
use kilohertz_record::layout::Layout;
use kilohertz_record::reader::{Ending, Episode, RunReader, end, episodes};
use kilohertz_record::run::Run;
use napi::bindgen_prelude::{BigInt, Float64Array, Object, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;
use crate::franka::arm::NativeField;

/// The most entries of a batch.
const MOST_ENTRIES: usize = 256;
/// A batch ends with the value after which it has more than so many bytes.
const ENOUGH_BYTES: usize = 4 << 20;

/// What is known of a run.
#[napi(object, object_from_js = false)]
pub struct NativeRecordedRun {
    pub state: Vec<NativeField>,
    pub action: Vec<NativeField>,
    pub answer: Vec<NativeField>,
    pub period_s: f64,
    pub start_monotonic_ns: BigInt,
    pub start_wall_ns: BigInt,
    /// JSON, as the next two.
    pub options: String,
    pub robot: String,
    pub versions: String,
}

/// When the steps of a cycle were done.
#[napi(object, object_from_js = false)]
pub struct NativePhases {
    pub behind_s: Option<f64>,
    pub asked_s: Option<f64>,
    pub took_s: Option<f64>,
    pub gave_s: Option<f64>,
    pub answered_s: Option<f64>,
    pub judged_s: Option<f64>,
    pub decided_s: Option<f64>,
    pub sent_s: Option<f64>,
}

/// A violation or an event of a cycle.
#[napi(object, object_from_js = false)]
pub struct NativeNote {
    pub level: &'static str,
    pub name: String,
    pub text: String,
}

/// What a policy that answers in chunks was told with its question.
#[napi(object, object_from_js = false)]
pub struct NativeTold {
    /// How long before the question the first action of the newest chunk belongs [s].
    pub began_s: Option<f64>,
    pub latency_s: f64,
    pub episode: u32,
}

/// An answer of the policy, without its numbers.
#[napi(object, object_from_js = false)]
pub struct NativeAnswer {
    pub tick: f64,
    pub time_s: f64,
    pub step_s: f64,
    /// How many numbers it has.
    pub len: u32,
    pub told: Option<NativeTold>,
}

/// A cycle, without its numbers.
#[napi(object, object_from_js = false)]
pub struct NativeCycle {
    pub tick: f64,
    pub robot_time_s: f64,
    pub monotonic_ns: BigInt,
    pub wall_ns: BigInt,
    pub missed_ms: u32,
    pub lost_before: f64,
    pub kind: &'static str,
    pub phases: NativePhases,
    pub answer: Option<NativeAnswer>,
    pub notes: Vec<NativeNote>,
}

/// What a user logged: numbers, or bytes with what they are.
#[napi(object, object_from_js = false)]
pub struct NativeSample {
    pub channel: String,
    pub monotonic_ns: BigInt,
    pub time_s: f64,
    pub kind: &'static str,
    pub numbers: Option<Float64Array>,
    pub bytes: Option<Uint8Array>,
    /// The media type, the encoding of pixels or the format of a file.
    pub format: Option<String>,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// The beginning or the end of an episode.
#[napi(object, object_from_js = false)]
pub struct NativeMark {
    pub index: u32,
    pub monotonic_ns: BigInt,
    pub robot_time_s: f64,
    pub task: String,
    pub ended: Option<&'static str>,
}

/// Why the run ended.
#[napi(object, object_from_js = false)]
pub struct NativeRunEnd {
    pub tick: f64,
    pub monotonic_ns: BigInt,
    pub robot_time_s: f64,
    /// Absent if the run was asked to end, or its time was over.
    pub code: Option<String>,
    pub message: String,
}

/// One of the four.
#[napi(object, object_from_js = false)]
pub struct NativeEntry {
    pub cycle: Option<NativeCycle>,
    pub sample: Option<NativeSample>,
    pub episode: Option<NativeMark>,
    pub end: Option<NativeRunEnd>,
}

/// Entries of a recording.
#[napi(object, object_from_js = false)]
pub struct NativeBatch {
    pub entries: Vec<NativeEntry>,
    /// The numbers of the cycles: of each its state, its command and its answer.
    pub numbers: Float64Array,
    /// True if the file ends after them.
    pub is_last: bool,
    /// Of the last batch: true if the file has its footer.
    pub is_whole: bool,
}

/// An episode of a recording.
#[napi(object, object_from_js = false)]
pub struct NativeEpisode {
    pub index: u32,
    pub task: String,
    pub begin_s: f64,
    pub end_s: f64,
    pub outcome: &'static str,
}

/// A recording that is being read.
struct Reading {
    reader: RunReader,
    /// An error that came after entries, which are handed over first.
    held: Option<RecordError>,
}

/// A recording, open for reading.
#[napi]
pub struct NativeRecording {
    run: Arc<Run>,
    /// `None` once it is closed.
    reading: Arc<Mutex<Option<Reading>>>,
}

#[napi]
impl NativeRecording {
    /// Opens a recording and reads what is known of its run.
    #[napi(ts_return_type = "Promise<NativeRecording>")]
    pub fn open(env: &Env, path: String) -> Result<Object<'_>> {
        in_background(env, move || {
            let reader = RunReader::open(Path::new(&path)).map_err(Failure::from)?;
            let run = reader.run().clone();
            let reading = Reading { reader, held: None };
            Ok(NativeRecording {
                run,
                reading: Arc::new(Mutex::new(Some(reading))),
            })
        })
    }

    /// What is known of the run.
    #[napi]
    pub fn run(&self) -> NativeRecordedRun {
        let Run { start, .. } = *self.run;
        NativeRecordedRun {
            state: fields(&self.run.state),
            action: fields(&self.run.action),
            answer: fields(&self.run.answer),
            period_s: self.run.period_s,
            start_monotonic_ns: BigInt::from(start.monotonic_ns),
            start_wall_ns: BigInt::from(start.wall_ns),
            options: self.run.options.to_string(),
            robot: self.run.robot.to_string(),
            versions: self.run.versions.to_string(),
        }
    }

    /// Reads the next entries. After an error whose message says that what follows can be read, it goes on there.
    #[napi(ts_return_type = "Promise<NativeBatch>")]
    pub fn next<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let reading = self.reading.clone();
        in_background(env, move || {
            let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
            match reading.as_mut() {
                Some(reading) => reading.next().map_err(Failure::from),
                None => Ok(Batch::default().handed_over(true, false)),
            }
        })
    }

    /// Closes the file, at the latest when a read that is under way has ended.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let reading = self.reading.clone();
        in_background(env, move || {
            *reading.lock().unwrap_or_else(PoisonError::into_inner) = None;
            Ok(())
        })
    }
}

/// Returns the episodes of a recording.
#[napi(ts_return_type = "Promise<Array<NativeEpisode>>")]
pub fn recorded_episodes(env: &Env, path: String) -> Result<Object<'_>> {
    in_background(env, move || {
        let found = episodes(Path::new(&path)).map_err(Failure::from)?;
        let handed_over = |episode: Episode| NativeEpisode {
            index: episode.index,
            task: episode.task,
            begin_s: episode.begin_s,
            end_s: episode.end_s,
            outcome: episode.outcome.as_str(),
        };
        Ok(found.into_iter().map(handed_over).collect::<Vec<_>>())
    })
}

/// Returns why the run of a recording ended; null if the file does not tell it.
#[napi(ts_return_type = "Promise<NativeRunEnd | null>")]
pub fn recorded_end(env: &Env, path: String) -> Result<Object<'_>> {
    in_background(env, move || {
        let found = end(Path::new(&path)).map_err(Failure::from)?;
        Ok(found.map(NativeRunEnd::from))
    })
}

fn fields(layout: &Layout) -> Vec<NativeField> {
    let field = |field: &kilohertz_record::layout::LayoutField| NativeField {
        name: field.name.clone(),
        len: field.len as u32,
        unit: field.unit.clone(),
    };
    layout.fields().iter().map(field).collect()
}

/// Entries that are collected.
#[derive(Default)]
struct Batch {
    entries: Vec<NativeEntry>,
    numbers: Vec<f64>,
    bytes: usize,
}

impl Reading {
    fn next(&mut self) -> std::result::Result<NativeBatch, RecordError> {
        if let Some(error) = self.held.take() {
            return Err(error);
        }
        let mut batch = Batch::default();
        while batch.entries.len() < MOST_ENTRIES && batch.bytes < ENOUGH_BYTES {
            match self.reader.next() {
                Some(Ok(entry)) => batch.push(entry),
                Some(Err(error)) if batch.entries.is_empty() => return Err(error),
                Some(Err(error)) => {
                    self.held = Some(error);
                    break;
                }
                None => {
                    let is_whole = self.reader.ending() == Some(Ending::Finished);
                    return Ok(batch.handed_over(true, is_whole));
                }
            }
        }
        Ok(batch.handed_over(false, false))
    }
}

impl Batch {
    fn push(&mut self, entry: OwnedEntry) {
        let mut pushed = NativeEntry {
            cycle: None,
            sample: None,
            episode: None,
            end: None,
        };
        match entry {
            OwnedEntry::Cycle(cycle) => pushed.cycle = Some(self.cycle(cycle)),
            OwnedEntry::Sample(sample) => pushed.sample = Some(self.sample(sample)),
            OwnedEntry::Episode(mark) => pushed.episode = Some(handed_over(mark)),
            OwnedEntry::End(end) => pushed.end = Some(NativeRunEnd::from(end)),
        }
        self.entries.push(pushed);
    }

    fn cycle(&mut self, cycle: OwnedCycle) -> NativeCycle {
        let answer = |answer: &OwnedAnswer| NativeAnswer {
            tick: answer.tick as f64,
            time_s: answer.time_s,
            step_s: answer.step_s,
            len: answer.actions.len() as u32,
            told: answer.told.map(|told| NativeTold {
                began_s: told.began_s,
                latency_s: told.latency_s,
                episode: told.episode,
            }),
        };
        let note = |note: Note| NativeNote {
            level: note.level.as_str(),
            name: note.name,
            text: note.text,
        };
        let before = self.numbers.len();
        self.numbers.extend_from_slice(&cycle.state);
        self.numbers.extend_from_slice(&cycle.command);
        if let Some(answer) = &cycle.answer {
            self.numbers.extend_from_slice(&answer.actions);
        }
        self.bytes += (self.numbers.len() - before) * size_of::<f64>();
        let Phases {
            behind_s,
            asked_s,
            took_s,
            gave_s,
            answered_s,
            judged_s,
            decided_s,
            sent_s,
        } = cycle.phases;
        NativeCycle {
            tick: cycle.tick as f64,
            robot_time_s: cycle.robot_time_s,
            monotonic_ns: BigInt::from(cycle.monotonic_ns),
            wall_ns: BigInt::from(cycle.wall_ns),
            missed_ms: cycle.missed_ms,
            lost_before: cycle.lost_before as f64,
            kind: cycle.kind.as_str(),
            phases: NativePhases {
                behind_s,
                asked_s,
                took_s,
                gave_s,
                answered_s,
                judged_s,
                decided_s,
                sent_s,
            },
            answer: cycle.answer.as_ref().map(answer),
            notes: cycle.notes.into_iter().map(note).collect(),
        }
    }

    fn sample(&mut self, sample: Sample) -> NativeSample {
        let mut handed_over = NativeSample {
            channel: sample.channel,
            monotonic_ns: BigInt::from(sample.monotonic_ns),
            time_s: sample.time_s,
            kind: "numbers",
            numbers: None,
            bytes: None,
            format: None,
            width: None,
            height: None,
        };
        match sample.value {
            Value::Numbers(numbers) => {
                self.bytes += numbers.len() * size_of::<f64>();
                handed_over.numbers = Some(Float64Array::new(numbers));
            }
            Value::Bytes { media_type, data } => {
                handed_over.kind = "bytes";
                handed_over.format = Some(media_type);
                handed_over.bytes = Some(self.counted(data));
            }
            Value::RawImage {
                width,
                height,
                pixels,
                data,
            } => {
                handed_over.kind = "pixels";
                handed_over.format = Some(pixels.as_str().to_owned());
                (handed_over.width, handed_over.height) = (Some(width), Some(height));
                handed_over.bytes = Some(self.counted(data));
            }
            Value::CompressedImage { format, data } => {
                handed_over.kind = "image";
                handed_over.format = Some(format);
                handed_over.bytes = Some(self.counted(data));
            }
        }
        handed_over
    }

    fn counted(&mut self, bytes: Vec<u8>) -> Uint8Array {
        self.bytes += bytes.len();
        Uint8Array::new(bytes)
    }

    fn handed_over(self, is_last: bool, is_whole: bool) -> NativeBatch {
        NativeBatch {
            entries: self.entries,
            numbers: Float64Array::new(self.numbers),
            is_last,
            is_whole,
        }
    }
}

impl From<RunEnd> for NativeRunEnd {
    fn from(end: RunEnd) -> NativeRunEnd {
        NativeRunEnd {
            tick: end.tick as f64,
            monotonic_ns: BigInt::from(end.monotonic_ns),
            robot_time_s: end.robot_time_s,
            code: Some(end.code).filter(|code| !code.is_empty()),
            message: end.text,
        }
    }
}

fn handed_over(mark: EpisodeMark) -> NativeMark {
    NativeMark {
        index: mark.index,
        monotonic_ns: BigInt::from(mark.monotonic_ns),
        robot_time_s: mark.robot_time_s,
        task: mark.task,
        ended: mark.ended.map(|outcome| outcome.as_str()),
    }
}
