//! The entries of a recording, one after the other.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use mcap::records::{MessageHeader, Record, op};
use prost::Message;

use crate::entry::{
    EpisodeMark, LONGEST_CHANNEL, MOST_CYCLE_BYTES, MOST_END_BYTES, Note, Outcome, OwnedAnswer,
    OwnedCycle, OwnedEntry, Phases, Pixels, RESERVED, RunEnd, Sample, Told, Value,
};
use crate::error::RecordError;
use crate::reader::records::{Ending, Next, Records, each_record, parse, unpack};
use crate::run::{METADATA, Run, Unknown};
use crate::wire::topics::{self, kind_of, level_of, outcome_of, schema};
use crate::wire::{frames, messages};

/// The most entries of a chunk. A chunk of this package has far fewer; one that packs more into little space would
/// fill the memory.
const MOST_ENTRIES: usize = 1 << 20;
/// The most notes of a cycle. A note may be of four bytes in a file, and takes many more here.
const MOST_NOTES: usize = 4096;
/// The most notes of all cycles of a chunk, for the same reason as [`MOST_ENTRIES`].
const MOST_CHUNK_NOTES: usize = 1 << 20;
/// The longest name of messages [bytes] that is of interest.
const LONGEST_NAME: usize = 256;

/// How messages of a channel are read.
#[derive(Debug, Clone, PartialEq)]
enum Channel {
    Cycle,
    Episode,
    End,
    Numbers(String),
    Bytes(String),
    RawImage(String),
    CompressedImage(String),
    /// What the cycles have too: a view or the log.
    View,
    /// A channel that another program has added.
    Other,
}

/// Reads the entries of a recording in their order.
///
/// The iterator ends where the file ends; [`RunReader::ending`] says how. Of a file that is still being
/// written it goes on when it is asked again. After [`RecordError::Damaged`] with `goes_on` it goes on with
/// the next record.
pub struct RunReader {
    records: Records,
    chunks: Chunks,
    ending: Option<Ending>,
    is_over: bool,
}

/// What was read of a file.
struct Chunks {
    run: Arc<Run>,
    schemas: HashMap<u16, String>,
    channels: HashMap<u16, Channel>,
    entries: VecDeque<OwnedEntry>,
    /// How many notes the cycles of the chunk have.
    notes: usize,
    /// The bytes of the open chunk.
    unpacked: Vec<u8>,
    cycles: u64,
    /// True once it was read why the run ended.
    has_end: bool,
    skips_cycles: bool,
    passed_over: u64,
}

impl RunReader {
    /// Opens a recording and reads what is known of the run.
    ///
    /// # Errors
    /// Returns [`RecordError::Empty`], [`RecordError::Foreign`], [`RecordError::Newer`] or
    /// [`RecordError::Damaged`] for a file that is not a recording of this version, and [`RecordError::Io`]
    /// if it cannot be read.
    pub fn open(path: &Path) -> Result<RunReader, RecordError> {
        let mut records = Records::open(path)?;
        let run = read_run(&mut records)?;
        let chunks = Chunks {
            run: Arc::new(run),
            schemas: HashMap::new(),
            channels: HashMap::new(),
            entries: VecDeque::new(),
            notes: 0,
            unpacked: Vec::new(),
            cycles: 0,
            has_end: false,
            skips_cycles: false,
            passed_over: 0,
        };
        Ok(RunReader {
            records,
            chunks,
            ending: None,
            is_over: false,
        })
    }

    /// Returns what is known of the run.
    pub fn run(&self) -> &Arc<Run> {
        &self.chunks.run
    }

    /// From now on cycles are passed over, which is faster.
    pub fn skip_cycles(&mut self) {
        self.chunks.skips_cycles = true;
    }

    /// Returns how the file ends, once its end was read.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        self.records.path()
    }

    /// Returns how many bytes of the file were read so far.
    pub fn offset(&self) -> u64 {
        self.records.offset()
    }

    /// Returns how many cycles were read from the file so far; those of the open chunk are included,
    /// and those that were passed over are not.
    pub fn cycles(&self) -> u64 {
        self.chunks.cycles
    }

    /// Returns how many messages were passed over so far because another program has added them.
    pub fn passed_over(&self) -> u64 {
        self.chunks.passed_over
    }

    /// Reads chunks until there is an entry.
    fn fill(&mut self) -> Result<(), RecordError> {
        while self.chunks.entries.is_empty() {
            let (cycles, has_end) = (self.chunks.cycles, self.chunks.has_end);
            let path = self.records.path().to_owned();
            let next = self.records.next().map_err(|error| counted(error, cycles));
            let (offset, opcode, body) = match next? {
                Next::Record {
                    offset,
                    opcode,
                    body,
                } => (offset, opcode, body),
                Next::End(ending) => {
                    self.ending = Some(ending);
                    return Ok(());
                }
            };
            self.ending = None;
            self.chunks.notes = 0;
            if let Err(found) = self.chunks.take(opcode, body) {
                self.chunks.entries.clear();
                (self.chunks.cycles, self.chunks.has_end) = (cycles, has_end);
                return Err(RecordError::Damaged {
                    path,
                    offset,
                    found,
                    cycles,
                    goes_on: true,
                });
            }
        }
        Ok(())
    }
}

impl Iterator for RunReader {
    type Item = Result<OwnedEntry, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        if let Err(error) = self.fill() {
            self.is_over = !matches!(error, RecordError::Damaged { goes_on: true, .. });
            return Some(Err(error));
        }
        self.chunks.entries.pop_front().map(Ok)
    }
}

/// Puts the cycles that were read before it into an error about damage.
fn counted(error: RecordError, read: u64) -> RecordError {
    match error {
        RecordError::Damaged {
            path,
            offset,
            found,
            goes_on,
            ..
        } => RecordError::Damaged {
            path,
            offset,
            found,
            cycles: read,
            goes_on,
        },
        other => other,
    }
}

/// Reads the records before the first chunk, of which one holds the run.
fn read_run(records: &mut Records) -> Result<Run, RecordError> {
    let path = records.path().to_owned();
    let foreign = |found: &str| RecordError::Foreign {
        path: path.clone(),
        found: found.to_owned(),
    };
    loop {
        let (offset, opcode, body) = match records.next()? {
            Next::Record {
                offset,
                opcode,
                body,
            } => (offset, opcode, body),
            Next::End(_) => return Err(foreign(&format!("it ends before its record {METADATA}"))),
        };
        let damaged = |found: String| RecordError::Damaged {
            path: path.clone(),
            offset,
            found,
            cycles: 0,
            goes_on: false,
        };
        match opcode {
            op::CHUNK | op::MESSAGE | op::DATA_END | op::FOOTER => {
                return Err(foreign(&format!(
                    "it is MCAP without a record {METADATA} before its messages"
                )));
            }
            op::METADATA => {}
            _ => continue,
        }
        let Record::Metadata(metadata) = parse(opcode, body).map_err(damaged)? else {
            continue;
        };
        if metadata.name != METADATA {
            continue;
        }
        return Run::from_texts(&metadata.metadata).map_err(|unknown| match unknown {
            Unknown::Damaged(found) => damaged(found),
            Unknown::Newer(found) => RecordError::Newer {
                path: path.clone(),
                found,
                supported: crate::run::FORMAT,
            },
        });
    }
}

impl Chunks {
    /// Takes the entries from a record of the file.
    fn take(&mut self, opcode: u8, body: &[u8]) -> Result<(), String> {
        match opcode {
            op::CHUNK => {}
            op::SCHEMA | op::CHANNEL | op::MESSAGE => return self.record(parse(opcode, body)?),
            // Indexes, statistics, and whatever other programs have added.
            _ => return Ok(()),
        }
        let Record::Chunk { header, data } = parse(opcode, body)? else {
            return Ok(());
        };
        let mut unpacked = std::mem::take(&mut self.unpacked);
        let taken = unpack(&header, &data, &mut unpacked)
            .and_then(|()| each_record(&unpacked, |record| self.record(record)));
        self.unpacked = unpacked;
        taken
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), String> {
        match record {
            Record::Schema { header, .. } => {
                let is_ours = header.name.len() <= LONGEST_NAME;
                let name = if is_ours { header.name } else { String::new() };
                self.schemas.insert(header.id, name);
            }
            Record::Channel(channel) => {
                let message = self.schemas.get(&channel.schema_id).map(String::as_str);
                let kind = channel_of(&channel.topic, message.unwrap_or(""));
                self.channels.insert(channel.id, kind);
            }
            Record::Message { header, data } => self.message(&header, &data)?,
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, header: &MessageHeader, data: &[u8]) -> Result<(), String> {
        let Some(channel) = self.channels.get(&header.channel_id) else {
            return Err(format!(
                "a message has the unknown channel {}",
                header.channel_id
            ));
        };
        if self.entries.len() >= MOST_ENTRIES {
            return Err(format!("a chunk has more than {MOST_ENTRIES} messages"));
        }
        let entry = match channel {
            // Other programs may sort what users log by its time, so that it comes after the end. Cycles do not.
            Channel::Cycle if self.has_end => {
                return Err("a cycle comes after the end of the run".to_owned());
            }
            Channel::Cycle if self.skips_cycles => return Ok(()),
            Channel::Cycle => OwnedEntry::Cycle(read_cycle(&self.run, data)?),
            Channel::Episode => OwnedEntry::Episode(read_episode(&self.run, header, data)?),
            Channel::End if self.has_end => return Err("the run has two ends".to_owned()),
            Channel::End => {
                let end = read_end(&self.run, header, data)?;
                self.has_end = true;
                OwnedEntry::End(end)
            }
            Channel::View => return Ok(()),
            Channel::Other => {
                self.passed_over += 1;
                return Ok(());
            }
            other => match read_sample(&self.run, other, header, data)? {
                Some(sample) => OwnedEntry::Sample(sample),
                None => {
                    self.passed_over += 1;
                    return Ok(());
                }
            },
        };
        if let OwnedEntry::Cycle(cycle) = &entry {
            self.cycles += 1;
            self.notes += cycle.notes.len();
            if self.notes > MOST_CHUNK_NOTES {
                return Err(format!("a chunk has more than {MOST_CHUNK_NOTES} notes"));
            }
        }
        self.entries.push_back(entry);
        Ok(())
    }
}

fn channel_of(topic: &str, message: &str) -> Channel {
    let name = topic.strip_prefix('/').unwrap_or(topic);
    match (message, topic) {
        _ if name.len() > LONGEST_CHANNEL => return Channel::Other,
        (schema::CYCLE, topics::CYCLE) => return Channel::Cycle,
        (schema::EPISODE, topics::EPISODE) => return Channel::Episode,
        (schema::END, topics::END) => return Channel::End,
        _ if name.starts_with(RESERVED) => return Channel::View,
        _ => {}
    }
    match message {
        schema::NUMBERS => Channel::Numbers(name.to_owned()),
        schema::BYTES => Channel::Bytes(name.to_owned()),
        schema::RAW_IMAGE => Channel::RawImage(name.to_owned()),
        schema::COMPRESSED_IMAGE => Channel::CompressedImage(name.to_owned()),
        _ => Channel::Other,
    }
}

fn decoded<M: Message + Default>(what: &str, data: &[u8]) -> Result<M, String> {
    M::decode(data).map_err(|error| format!("{what} cannot be read: {error}"))
}

fn read_cycle(run: &Run, data: &[u8]) -> Result<OwnedCycle, String> {
    if data.len() > MOST_CYCLE_BYTES {
        return Err(format!("a cycle has {} bytes", data.len()));
    }
    let message: messages::Cycle = decoded("a cycle", data)?;
    let tick = message.tick;
    if !message.robot_time_s.is_finite() {
        return Err(format!(
            "cycle {tick} has the time {}",
            message.robot_time_s
        ));
    }
    let frame = |what: &str, layout, bytes: &[u8], slots: &mut Vec<f64>| {
        frames::decode(layout, bytes, slots)
            .ok_or_else(|| format!("the {what} of cycle {tick} does not have the run's fields"))
    };
    let (mut state, mut command) = (Vec::new(), Vec::new());
    frame("state", &run.state, &message.state, &mut state)?;
    frame("command", &run.action, &message.command, &mut command)?;
    let answer = match message.answer {
        None => None,
        Some(answer) => {
            let mut actions = Vec::new();
            for action in &answer.actions {
                frame("answer", &run.answer, action, &mut actions)?;
            }
            Some(OwnedAnswer {
                tick: answer.tick,
                time_s: answer.time_s,
                step_s: answer.step_s,
                actions,
                told: answer.told.map(|told| Told {
                    began_s: told.began_s,
                    latency_s: told.latency_s,
                    episode: told.episode,
                }),
            })
        }
    };
    let phases = message.phases.unwrap_or_default();
    if message.notes.len() > MOST_NOTES {
        return Err(format!("cycle {tick} has {} notes", message.notes.len()));
    }
    let notes = message.notes.into_iter().map(|note| {
        let level =
            level_of(note.level).ok_or_else(|| format!("a note has the level {}", note.level))?;
        Ok(Note {
            level,
            name: note.name,
            text: note.text,
        })
    });
    let kind = message.kind;
    Ok(OwnedCycle {
        tick,
        robot_time_s: message.robot_time_s,
        monotonic_ns: message.monotonic_ns,
        wall_ns: message.wall_ns,
        missed_ms: message.missed_ms,
        lost_before: message.lost_before,
        kind: kind_of(kind).ok_or_else(|| format!("cycle {tick} has the kind {kind}"))?,
        phases: Phases {
            behind_s: finite(phases.behind_s),
            asked_s: finite(phases.asked_s),
            took_s: finite(phases.took_s),
            gave_s: finite(phases.gave_s),
            answered_s: finite(phases.answered_s),
            judged_s: finite(phases.judged_s),
            decided_s: finite(phases.decided_s),
            sent_s: finite(phases.sent_s),
        },
        state,
        command,
        answer,
        notes: notes.collect::<Result<_, String>>()?,
    })
}

/// Returns a time of a file; a time that is no number counts as not known.
fn finite(time_s: Option<f64>) -> Option<f64> {
    time_s.filter(|time_s| time_s.is_finite())
}

fn read_episode(run: &Run, header: &MessageHeader, data: &[u8]) -> Result<EpisodeMark, String> {
    let message: messages::Episode = decoded("an episode", data)?;
    let number = message.outcome;
    if !message.robot_time_s.is_finite() {
        return Err(format!("an episode has the time {}", message.robot_time_s));
    }
    let outcome: Outcome =
        outcome_of(number).ok_or_else(|| format!("an episode has the outcome {number}"))?;
    Ok(EpisodeMark {
        index: message.index,
        monotonic_ns: run.start.monotonic(header.log_time),
        robot_time_s: message.robot_time_s,
        task: message.task,
        ended: message.ended.then_some(outcome),
    })
}

fn read_end(run: &Run, header: &MessageHeader, data: &[u8]) -> Result<RunEnd, String> {
    if data.len() > MOST_END_BYTES {
        return Err(format!("the end of the run has {} bytes", data.len()));
    }
    let message: messages::End = decoded("the end of the run", data)?;
    if !message.robot_time_s.is_finite() {
        return Err(format!("the run ends at {} s", message.robot_time_s));
    }
    let end = RunEnd {
        tick: message.tick,
        monotonic_ns: run.start.monotonic(header.log_time),
        robot_time_s: message.robot_time_s,
        code: message.code,
        text: message.text,
    };
    end.check().map_err(|error| error.to_string())?;
    Ok(end)
}

/// Returns what a user logged; `None` for what is not written here, such as pixels of another kind.
fn read_sample(
    run: &Run,
    channel: &Channel,
    header: &MessageHeader,
    data: &[u8],
) -> Result<Option<Sample>, String> {
    let published = run.start.robot_time(header.publish_time);
    let (name, time_s, value) = match channel {
        Channel::Numbers(name) => {
            let message: messages::Numbers = decoded("numbers", data)?;
            (name, message.time_s, Value::Numbers(message.values))
        }
        Channel::Bytes(name) => {
            let message: messages::Bytes = decoded("bytes", data)?;
            let value = Value::Bytes {
                media_type: message.media_type,
                data: message.data,
            };
            (name, message.time_s, value)
        }
        Channel::RawImage(name) => {
            let message: messages::RawImage = decoded("an image", data)?;
            let pixels = Pixels::ALL
                .into_iter()
                .find(|pixels| pixels.as_str() == message.encoding);
            let Some(pixels) = pixels else {
                return Ok(None);
            };
            let (width, height) = (message.width, message.height);
            (
                name,
                published,
                Value::RawImage {
                    width,
                    height,
                    pixels,
                    data: message.data,
                },
            )
        }
        Channel::CompressedImage(name) => {
            let message: messages::CompressedImage = decoded("an image", data)?;
            let value = Value::CompressedImage {
                format: message.format,
                data: message.data,
            };
            (name, published, value)
        }
        Channel::Cycle | Channel::Episode | Channel::End | Channel::View | Channel::Other => {
            return Ok(None);
        }
    };
    let sample = Sample {
        channel: name.clone(),
        monotonic_ns: run.start.monotonic(header.log_time),
        time_s,
        value,
    };
    Ok(sample.check().is_ok().then_some(sample))
}
