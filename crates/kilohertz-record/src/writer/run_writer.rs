//! The entries of a recording as messages in a file.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mcap::records::{MessageHeader, Metadata};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions};
use prost::Message;

use crate::entry::{Cycle, Entry, EpisodeMark, MOST_BYTES, Note, Outcome, Sample, Value};
use crate::error::RecordError;
use crate::run::{METADATA, Run};
use crate::wire::descriptors::Definitions;
use crate::wire::topics::{self, schema};
use crate::wire::{frames, messages};
use crate::writer::file::{Changed, WholeFile};
use crate::writer::views::{Found, View};

/// A chunk is completed when it has this many bytes, even between two flushes.
const CHUNK: usize = 4 << 20;
/// What the encoding of a channel's messages is called in a file.
const PROTOBUF: &str = "protobuf";

/// How the chunks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// With LZ4.
    #[default]
    Lz4,
}

/// How a recording is written.
#[derive(Debug, Clone, PartialEq)]
pub struct WriterOptions {
    /// How chunks are compressed.
    pub compression: Compression,
    /// The parts of the state that are also written as Foxglove's messages.
    pub views: Vec<View>,
    /// How often those are written at most \[Hz of the robot's time\].
    pub views_hz: f64,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            compression: Compression::default(),
            views: Vec::new(),
            views_hz: 60.0,
        }
    }
}

/// How many entries are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// The cycles.
    pub cycles: u64,
    /// What users logged, and the beginnings and ends of episodes.
    pub others: u64,
}

/// Writes a recording. Entries are written in the order in which they come.
pub struct RunWriter {
    path: PathBuf,
    mcap: mcap::Writer<NoSeek<WholeFile>>,
    run: Run,
    definitions: Definitions,
    cycles: u16,
    episodes: u16,
    logs: u16,
    views: Vec<(Found, u16)>,
    views_period_s: f64,
    views_due_s: f64,
    /// The channels of users, by their names and messages.
    channels: HashMap<(String, &'static str), u16>,
    sequence: u32,
    /// About how many bytes the open chunk has.
    open: usize,
    /// The file's length.
    written: Arc<AtomicU64>,
    /// The file, which is forced to the disk at its end.
    file: File,
    cycle: messages::Cycle,
    bytes: Vec<u8>,
    /// What was handed to the operating system.
    kept: Kept,
    /// What is in the open chunk besides.
    waiting: Kept,
    is_over: bool,
}

impl RunWriter {
    /// Creates the file `path` and writes what is known of the run. The file must not exist yet. It is locked
    /// for as long as it is written.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be created or written, and
    /// [`RecordError::InvalidArgument`] if the run or the options cannot be used.
    pub fn create(
        path: &Path,
        run: Run,
        options: &WriterOptions,
    ) -> Result<RunWriter, RecordError> {
        run.check()?;
        if !(options.views_hz > 0.0 && options.views_hz.is_finite()) {
            let expected = "a number above 0 Hz";
            return Err(RecordError::invalid(
                "the rate of the views",
                options.views_hz,
                expected,
            ));
        }
        let views = options.views.iter().map(|view| view.find(&run.state));
        let views = views.collect::<Result<Vec<Found>, RecordError>>()?;
        let created = RecordError::io(path, "created");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(created)?;
        let begun = RunWriter::begin(path, file, run, options, views);
        if begun.is_err() {
            // The file is this call's own, and holds nothing.
            let _ = std::fs::remove_file(path);
        }
        begun
    }

    fn begin(
        path: &Path,
        file: File,
        run: Run,
        options: &WriterOptions,
        views: Vec<Found>,
    ) -> Result<RunWriter, RecordError> {
        // A file system without locks has none to warn a repair with.
        match file.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(RecordError::io(path, "locked")(error));
            }
            _ => {}
        }
        let written = Arc::new(AtomicU64::new(0));
        let same = file.try_clone().map_err(RecordError::io(path, "written"))?;
        let whole = NoSeek::new(WholeFile::new(same, Arc::clone(&written)));
        let broken = |error| failure(path, error);
        let mut mcap = write_options(options.compression)
            .create(whole)
            .map_err(broken)?;
        let metadata = Metadata {
            name: METADATA.to_owned(),
            metadata: run.to_texts(),
        };
        mcap.write_metadata(&metadata).map_err(broken)?;
        let mut writer = RunWriter {
            path: path.to_owned(),
            mcap,
            definitions: Definitions::new(&run.state, &run.action),
            run,
            cycles: 0,
            episodes: 0,
            logs: 0,
            views: Vec::new(),
            views_period_s: 1.0 / options.views_hz,
            views_due_s: f64::NEG_INFINITY,
            channels: HashMap::new(),
            sequence: 0,
            open: 0,
            written,
            file,
            cycle: messages::Cycle::default(),
            bytes: Vec::new(),
            kept: Kept::default(),
            waiting: Kept::default(),
            is_over: false,
        };
        writer.cycles = writer.add_channel(schema::CYCLE, topics::CYCLE)?;
        writer.episodes = writer.add_channel(schema::EPISODE, topics::EPISODE)?;
        writer.logs = writer.add_channel(schema::LOG, topics::LOG)?;
        for view in views {
            let (message, topic) = view.channel();
            let channel = writer.add_channel(message, topic)?;
            writer.views.push((view, channel));
        }
        writer.flush()?;
        Ok(writer)
    }

    fn add_channel(&mut self, message: &str, topic: &str) -> Result<u16, RecordError> {
        let definition = self.definitions.of(message);
        let added = self
            .mcap
            .add_schema(message, PROTOBUF, &definition)
            .and_then(|schema| {
                self.mcap
                    .add_channel(schema, topic, PROTOBUF, &BTreeMap::new())
            });
        added.map_err(|error| self.fail(error))
    }

    /// Returns what is known of the run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Returns how many bytes the file has.
    pub fn len(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many entries survive the end of the process: those before the last flush.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Returns false: a file has a beginning.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] for an entry that cannot be written, which changes nothing,
    /// and [`RecordError::Io`] if the file cannot be written, which ends the writing.
    pub fn write(&mut self, entry: &Entry<'_>) -> Result<(), RecordError> {
        match entry {
            Entry::Cycle(cycle) => {
                self.write_cycle(cycle)?;
                self.waiting.cycles += 1;
            }
            Entry::Sample(sample) => {
                self.write_sample(sample)?;
                self.waiting.others += 1;
            }
            Entry::Episode(mark) => {
                self.write_episode(mark)?;
                self.waiting.others += 1;
            }
        }
        match self.open >= CHUNK {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn write_cycle(&mut self, cycle: &Cycle<'_>) -> Result<(), RecordError> {
        check_cycle(&self.run, cycle)?;
        let log_time = self.run.start.log_time(cycle.monotonic_ns);
        self.fill(cycle);
        self.bytes.clear();
        self.cycle.encode_raw(&mut self.bytes);
        self.put(self.cycles, log_time, log_time)?;
        for note in cycle.notes {
            self.write_log(log_time, note)?;
        }
        // A robot whose clock begins again is shown at once.
        let is_due = cycle.robot_time_s >= self.views_due_s
            || cycle.robot_time_s < self.views_due_s - 2.0 * self.views_period_s;
        if is_due && !self.views.is_empty() {
            self.views_due_s = cycle.robot_time_s + self.views_period_s;
            for (view, channel) in std::mem::take(&mut self.views) {
                self.bytes = view.message(log_time, cycle.state);
                let put = self.put(channel, log_time, log_time);
                self.views.push((view, channel));
                put?;
            }
        }
        Ok(())
    }

    /// Puts the cycle into the message that is used for all of them.
    fn fill(&mut self, cycle: &Cycle<'_>) {
        let message = &mut self.cycle;
        message.tick = cycle.tick;
        message.robot_time_s = cycle.robot_time_s;
        message.monotonic_ns = cycle.monotonic_ns;
        message.wall_ns = cycle.wall_ns;
        message.missed_ms = cycle.missed_ms;
        message.lost_before = cycle.lost_before;
        message.kind = topics::kind_number(cycle.kind);
        message.phases = Some(messages::Phases {
            asked_s: cycle.phases.asked_s,
            answered_s: cycle.phases.answered_s,
            decided_s: cycle.phases.decided_s,
            sent_s: cycle.phases.sent_s,
        });
        message.state.clear();
        frames::encode(&self.run.state, cycle.state, &mut message.state);
        message.command.clear();
        frames::encode(&self.run.action, cycle.command, &mut message.command);
        message.answer = cycle.answer.map(|answer| messages::Answer {
            tick: answer.tick,
            time_s: answer.time_s,
            step_s: answer.step_s,
            actions: answer
                .actions
                .chunks_exact(self.run.action.len().max(1))
                .map(|action| {
                    let mut bytes = Vec::new();
                    frames::encode(&self.run.action, action, &mut bytes);
                    bytes
                })
                .collect(),
        });
        message.notes.clear();
        message
            .notes
            .extend(cycle.notes.iter().map(|note| messages::Note {
                level: topics::level_number(note.level),
                name: note.name.clone(),
                text: note.text.clone(),
            }));
    }

    fn write_log(&mut self, log_time: u64, note: &Note) -> Result<(), RecordError> {
        let log = messages::Log {
            timestamp: messages::timestamp(log_time),
            level: topics::log_level(note.level),
            message: note.text.clone(),
            name: note.name.clone(),
        };
        self.bytes = log.encode_to_vec();
        self.put(self.logs, log_time, log_time)
    }

    fn write_episode(&mut self, mark: &EpisodeMark) -> Result<(), RecordError> {
        check_time(mark.robot_time_s)?;
        let episode = messages::Episode {
            index: mark.index,
            ended: mark.ended.is_some(),
            robot_time_s: mark.robot_time_s,
            task: mark.task.clone(),
            outcome: topics::outcome_number(mark.ended.unwrap_or(Outcome::Unknown)),
        };
        let log_time = self.run.start.log_time(mark.monotonic_ns);
        self.bytes = episode.encode_to_vec();
        self.put(self.episodes, log_time, log_time)
    }

    fn write_sample(&mut self, sample: &Sample) -> Result<(), RecordError> {
        sample.check()?;
        let log_time = self.run.start.log_time(sample.monotonic_ns);
        let publish_time = self.run.start.publish_time(sample.time_s);
        let timestamp = messages::timestamp(publish_time);
        let frame_id = sample.channel.clone();
        let (message, bytes) = match &sample.value {
            Value::Numbers(values) => {
                let numbers = messages::Numbers {
                    time_s: sample.time_s,
                    values: values.clone(),
                };
                (schema::NUMBERS, numbers.encode_to_vec())
            }
            Value::Bytes { media_type, data } => {
                let media_type = media_type.clone();
                let bytes = messages::Bytes {
                    time_s: sample.time_s,
                    media_type,
                    data: data.clone(),
                };
                (schema::BYTES, bytes.encode_to_vec())
            }
            Value::RawImage {
                width,
                height,
                pixels,
                data,
            } => {
                let image = messages::RawImage {
                    timestamp,
                    width: *width,
                    height: *height,
                    encoding: pixels.as_str().to_owned(),
                    // A row is no longer than the image, whose length was checked.
                    step: u32::try_from(pixels.len()).map_or(0, |len| len.saturating_mul(*width)),
                    data: data.clone(),
                    frame_id,
                };
                (schema::RAW_IMAGE, image.encode_to_vec())
            }
            Value::CompressedImage { format, data } => {
                let (format, data) = (format.clone(), data.clone());
                let image = messages::CompressedImage {
                    timestamp,
                    data,
                    format,
                    frame_id,
                };
                (schema::COMPRESSED_IMAGE, image.encode_to_vec())
            }
        };
        let key = (sample.channel.clone(), message);
        let channel = match self.channels.get(&key) {
            Some(&channel) => channel,
            None => {
                let channel = self.add_channel(message, &format!("/{}", sample.channel))?;
                self.channels.insert(key, channel);
                channel
            }
        };
        self.bytes = bytes;
        self.put(channel, log_time, publish_time)
    }

    /// Writes the message in `self.bytes`.
    fn put(
        &mut self,
        channel_id: u16,
        log_time: u64,
        publish_time: u64,
    ) -> Result<(), RecordError> {
        self.check_going()?;
        let header = MessageHeader {
            channel_id,
            sequence: self.sequence,
            log_time,
            publish_time,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let put = self.mcap.write_to_known_channel(&header, &self.bytes);
        put.map_err(|error| self.fail(error))?;
        self.open += self.bytes.len();
        Ok(())
    }

    /// Completes the open chunk and hands it to the operating system. What was written before survives the
    /// end of the process, however it ends.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be written. The file then ends where the last flush
    /// ended it, and nothing more can be written.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.check_going()?;
        self.open = 0;
        self.mcap.flush().map_err(|error| self.fail(error))?;
        let waiting = std::mem::take(&mut self.waiting);
        self.kept.cycles += waiting.cycles;
        self.kept.others += waiting.others;
        Ok(())
    }

    /// Writes the index and the footer and forces the file to the disk. Nothing can be written after that.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be written. What was flushed before can be read.
    pub fn finish(&mut self) -> Result<(), RecordError> {
        self.flush()?;
        self.is_over = true;
        self.mcap.finish().map_err(|error| self.fail(error))?;
        let synced = self.file.sync_all();
        synced.map_err(RecordError::io(&self.path, "forced to the disk"))
    }

    fn check_going(&self) -> Result<(), RecordError> {
        if self.is_over {
            let over = io::Error::other("it is finished, or an earlier write failed");
            return Err(failure(&self.path, McapError::Io(over)));
        }
        Ok(())
    }

    fn fail(&mut self, error: McapError) -> RecordError {
        self.is_over = true;
        let error = failure(&self.path, error);
        if matches!(error, RecordError::Changed { .. }) {
            // Nobody knows what is left of it.
            self.kept = Kept::default();
        }
        error
    }
}

/// Returns the options of the writer that all files have.
pub(crate) fn write_options(compression: Compression) -> WriteOptions {
    WriteOptions::new()
        .compression(match compression {
            Compression::None => None,
            Compression::Lz4 => Some(mcap::Compression::Lz4),
        })
        .library(concat!("kilohertz ", env!("CARGO_PKG_VERSION")))
        // Chunks end where `flush` ends them, with their length, so that a file that is cut off can be read.
        .chunk_size(None)
        .disable_seeking(true)
        .calculate_data_section_crc(false)
}

/// Returns an error of the writer of MCAP with the file.
fn failure(path: &Path, error: McapError) -> RecordError {
    let source = match error {
        McapError::Io(source) => source,
        other => io::Error::other(other),
    };
    match source.downcast::<Changed>() {
        Ok(Changed(found)) => RecordError::Changed {
            path: path.to_owned(),
            found,
        },
        Err(source) => RecordError::io(path, "written")(source),
    }
}

fn check_time(robot_time_s: f64) -> Result<(), RecordError> {
    match robot_time_s.is_finite() {
        true => Ok(()),
        false => Err(RecordError::invalid(
            "the robot's time",
            robot_time_s,
            "a number of seconds",
        )),
    }
}

fn check_cycle(run: &Run, cycle: &Cycle<'_>) -> Result<(), RecordError> {
    let check = |what: &str, slots: usize, expected: usize| match slots == expected {
        true => Ok(()),
        false => {
            let what = format!("the number of slots of {what}");
            Err(RecordError::invalid(what, slots, expected.to_string()))
        }
    };
    check_time(cycle.robot_time_s)?;
    check("a state", cycle.state.len(), run.state.len())?;
    check("a command", cycle.command.len(), run.action.len())?;
    if let Some(answer) = cycle.answer {
        let (slots, action) = (answer.actions.len(), run.action.len());
        let is_whole = slots
            .checked_rem(action)
            .map_or(slots == 0, |rest| rest == 0);
        if !is_whole || slots.saturating_mul(8) > MOST_BYTES {
            let expected = format!("a multiple of {action}");
            return Err(RecordError::invalid(
                "the number of slots of an answer",
                slots,
                expected,
            ));
        }
    }
    Ok(())
}
