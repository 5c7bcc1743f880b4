//! Entries as the messages that a file and a live connection have.

use std::collections::HashMap;

use prost::Message as _;

use crate::entry::{
    Cycle, Entry, EpisodeMark, Level, MOST_CYCLE_BYTES, Note, Outcome, RunEnd, Sample, Value,
};
use crate::error::RecordError;
use crate::run::Run;
use crate::wire::descriptors::Definitions;
use crate::wire::topics::{self, schema};
use crate::wire::views::{Found, View};
use crate::wire::{frames, messages};

/// What the encoding of messages and of their definitions is called.
pub const PROTOBUF: &str = "protobuf";

/// The channels that every run has, in the order in which they are announced.
const CYCLES: usize = 0;
const EPISODES: usize = 1;
const ENDS: usize = 2;
const LOGS: usize = 3;
/// What the line of the log is called that says why a run ended without an error.
const ENDED: &str = "ended";

/// A channel that messages are put on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The topic, as in `/kilohertz/cycle`.
    pub topic: String,
    /// The name of its messages, as in `kilohertz.Cycle`.
    pub schema: &'static str,
    /// The definition of its messages, as the bytes of a `FileDescriptorSet`.
    pub definition: Vec<u8>,
}

/// A message, lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The number of its channel.
    pub channel: usize,
    /// The time at which it was kept \[ns since 1970\].
    pub log_time: u64,
    /// The time that it is about \[ns since 1970\].
    pub publish_time: u64,
    /// The message, as protobuf.
    pub bytes: &'a [u8],
}

/// What takes channels and messages, as a file does.
pub trait Outlet {
    /// Announces a channel. The first has the number 0, and each other the number after that of the one before.
    ///
    /// # Errors
    /// Returns why the outlet can take nothing more.
    fn announce(&mut self, channel: Channel) -> Result<(), RecordError>;

    /// Returns false if messages of this channel need not be made.
    fn wants(&self, _channel: usize) -> bool {
        true
    }

    /// Takes a message of a channel that was announced.
    ///
    /// # Errors
    /// Returns why the outlet can take nothing more.
    fn put(&mut self, message: Message<'_>) -> Result<(), RecordError>;
}

/// Makes messages of the entries of a run.
pub struct Encoder {
    run: Run,
    definitions: Definitions,
    views: Vec<Found>,
    views_period_s: f64,
    views_due_s: f64,
    /// The channels of users, by their names and messages.
    channels: HashMap<(String, &'static str), usize>,
    /// How many channels were announced.
    announced: usize,
    cycle: messages::Cycle,
    bytes: Vec<u8>,
}

impl Encoder {
    /// Creates an encoder that also makes messages of `views`, at most `views_hz` times in a second of the
    /// robot's time.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] if the run, a view or the rate cannot be used.
    pub fn new(run: Run, views: &[View], views_hz: f64) -> Result<Encoder, RecordError> {
        run.check()?;
        if !(views_hz > 0.0 && views_hz.is_finite()) {
            let expected = "a number above 0 Hz";
            return Err(RecordError::invalid(
                "the rate of the views",
                views_hz,
                expected,
            ));
        }
        let views = views.iter().map(|view| view.find(&run.state));
        Ok(Encoder {
            definitions: Definitions::new(&run.state, &run.action, &run.answer),
            views: views.collect::<Result<Vec<Found>, RecordError>>()?,
            run,
            views_period_s: 1.0 / views_hz,
            views_due_s: f64::NEG_INFINITY,
            channels: HashMap::new(),
            announced: 0,
            cycle: messages::Cycle::default(),
            bytes: Vec::new(),
        })
    }

    /// Returns what is known of the run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Announces the channels that the run has from its beginning. Call this once, before the first entry.
    ///
    /// # Errors
    /// Returns the outlet's error.
    pub fn begin(&mut self, outlet: &mut dyn Outlet) -> Result<(), RecordError> {
        self.announce(schema::CYCLE, topics::CYCLE.to_owned(), outlet)?;
        self.announce(schema::EPISODE, topics::EPISODE.to_owned(), outlet)?;
        self.announce(schema::END, topics::END.to_owned(), outlet)?;
        self.announce(schema::LOG, topics::LOG.to_owned(), outlet)?;
        for view in 0..self.views.len() {
            let (message, topic) = self.views[view].channel();
            let topic = topic.to_owned();
            self.announce(message, topic, outlet)?;
        }
        Ok(())
    }

    /// Announces a channel, and returns its number.
    fn announce(
        &mut self,
        schema: &'static str,
        topic: String,
        outlet: &mut dyn Outlet,
    ) -> Result<usize, RecordError> {
        let definition = self.definitions.of(schema);
        outlet.announce(Channel {
            topic,
            schema,
            definition,
        })?;
        self.announced += 1;
        Ok(self.announced - 1)
    }

    /// Puts the messages of an entry.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] for an entry that cannot be encoded, of which nothing is put,
    /// and the outlet's error.
    pub fn encode(
        &mut self,
        entry: &Entry<'_>,
        outlet: &mut dyn Outlet,
    ) -> Result<(), RecordError> {
        match entry {
            Entry::Cycle(cycle) => self.encode_cycle(cycle, outlet),
            Entry::Sample(sample) => self.encode_sample(sample, outlet),
            Entry::Episode(mark) => self.encode_episode(mark, outlet),
            Entry::End(end) => self.encode_end(end, outlet),
        }
    }

    fn encode_cycle(
        &mut self,
        cycle: &Cycle<'_>,
        outlet: &mut dyn Outlet,
    ) -> Result<(), RecordError> {
        check_cycle(&self.run, cycle)?;
        let log_time = self.run.start.log_time(cycle.monotonic_ns);
        if outlet.wants(CYCLES) {
            self.fill(cycle);
            self.bytes.clear();
            self.cycle.encode_raw(&mut self.bytes);
            self.put(CYCLES, log_time, log_time, outlet)?;
        }
        if outlet.wants(LOGS) {
            for note in cycle.notes {
                self.bytes = log(log_time, note).encode_to_vec();
                self.put(LOGS, log_time, log_time, outlet)?;
            }
        }
        // A robot whose clock begins again is shown at once.
        let is_due = cycle.robot_time_s >= self.views_due_s
            || cycle.robot_time_s < self.views_due_s - 2.0 * self.views_period_s;
        if is_due {
            self.views_due_s = cycle.robot_time_s + self.views_period_s;
            for view in 0..self.views.len() {
                let channel = LOGS + 1 + view;
                if outlet.wants(channel) {
                    self.bytes = self.views[view].message(log_time, cycle.state);
                    self.put(channel, log_time, log_time, outlet)?;
                }
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
            behind_s: cycle.phases.behind_s,
            asked_s: cycle.phases.asked_s,
            took_s: cycle.phases.took_s,
            gave_s: cycle.phases.gave_s,
            answered_s: cycle.phases.answered_s,
            judged_s: cycle.phases.judged_s,
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
                .chunks_exact(self.run.answer.len().max(1))
                .map(|action| {
                    let mut bytes = Vec::new();
                    frames::encode(&self.run.answer, action, &mut bytes);
                    bytes
                })
                .collect(),
            told: answer.told.map(|told| messages::Told {
                began_s: told.began_s,
                latency_s: told.latency_s,
                episode: told.episode,
            }),
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

    fn encode_episode(
        &mut self,
        mark: &EpisodeMark,
        outlet: &mut dyn Outlet,
    ) -> Result<(), RecordError> {
        check_time(mark.robot_time_s)?;
        if !outlet.wants(EPISODES) {
            return Ok(());
        }
        let episode = messages::Episode {
            index: mark.index,
            ended: mark.ended.is_some(),
            robot_time_s: mark.robot_time_s,
            task: mark.task.clone(),
            outcome: topics::outcome_number(mark.ended.unwrap_or(Outcome::Unknown)),
        };
        let log_time = self.run.start.log_time(mark.monotonic_ns);
        self.bytes = episode.encode_to_vec();
        self.put(EPISODES, log_time, log_time, outlet)
    }

    fn encode_end(&mut self, end: &RunEnd, outlet: &mut dyn Outlet) -> Result<(), RecordError> {
        check_time(end.robot_time_s)?;
        end.check()?;
        let log_time = self.run.start.log_time(end.monotonic_ns);
        if outlet.wants(ENDS) {
            let message = messages::End {
                tick: end.tick,
                robot_time_s: end.robot_time_s,
                code: end.code.clone(),
                text: end.text.clone(),
            };
            self.bytes = message.encode_to_vec();
            self.put(ENDS, log_time, log_time, outlet)?;
        }
        if outlet.wants(LOGS) {
            let (level, name) = match &*end.code {
                "" => (Level::Info, ENDED),
                code => (Level::Error, code),
            };
            let note = Note {
                level,
                name: name.to_owned(),
                text: end.text.clone(),
            };
            self.bytes = log(log_time, &note).encode_to_vec();
            self.put(LOGS, log_time, log_time, outlet)?;
        }
        Ok(())
    }

    fn encode_sample(
        &mut self,
        sample: &Sample,
        outlet: &mut dyn Outlet,
    ) -> Result<(), RecordError> {
        sample.check()?;
        let message = match &sample.value {
            Value::Numbers(_) => schema::NUMBERS,
            Value::Bytes { .. } => schema::BYTES,
            Value::RawImage { .. } => schema::RAW_IMAGE,
            Value::CompressedImage { .. } => schema::COMPRESSED_IMAGE,
        };
        let key = (sample.channel.clone(), message);
        let channel = match self.channels.get(&key) {
            Some(&channel) => channel,
            None => {
                let channel = self.announce(message, format!("/{}", sample.channel), outlet)?;
                self.channels.insert(key, channel);
                channel
            }
        };
        if !outlet.wants(channel) {
            return Ok(());
        }
        let log_time = self.run.start.log_time(sample.monotonic_ns);
        let publish_time = self.run.start.publish_time(sample.time_s);
        self.bytes = value(sample, publish_time);
        self.put(channel, log_time, publish_time, outlet)
    }

    /// Puts the message in `self.bytes`.
    fn put(
        &self,
        channel: usize,
        log_time: u64,
        publish_time: u64,
        outlet: &mut dyn Outlet,
    ) -> Result<(), RecordError> {
        outlet.put(Message {
            channel,
            log_time,
            publish_time,
            bytes: &self.bytes,
        })
    }
}

fn log(log_time: u64, note: &Note) -> messages::Log {
    messages::Log {
        timestamp: messages::timestamp(log_time),
        level: topics::log_level(note.level),
        message: note.text.clone(),
        name: note.name.clone(),
    }
}

/// Returns the message of what a user logged.
fn value(sample: &Sample, publish_time: u64) -> Vec<u8> {
    let timestamp = messages::timestamp(publish_time);
    let frame_id = sample.channel.clone();
    match &sample.value {
        Value::Numbers(values) => messages::Numbers {
            time_s: sample.time_s,
            values: values.clone(),
        }
        .encode_to_vec(),
        Value::Bytes { media_type, data } => messages::Bytes {
            time_s: sample.time_s,
            media_type: media_type.clone(),
            data: data.clone(),
        }
        .encode_to_vec(),
        Value::RawImage {
            width,
            height,
            pixels,
            data,
        } => messages::RawImage {
            timestamp,
            width: *width,
            height: *height,
            encoding: pixels.as_str().to_owned(),
            // A row is no longer than the image, whose length was checked.
            step: u32::try_from(pixels.len()).map_or(0, |len| len.saturating_mul(*width)),
            data: data.clone(),
            frame_id,
        }
        .encode_to_vec(),
        Value::CompressedImage { format, data } => messages::CompressedImage {
            timestamp,
            data: data.clone(),
            format: format.clone(),
            frame_id,
        }
        .encode_to_vec(),
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
        let (slots, action) = (answer.actions.len(), run.answer.len());
        let is_whole = slots
            .checked_rem(action)
            .map_or(slots == 0, |rest| rest == 0);
        // Half of the message is for everything else.
        let most = MOST_CYCLE_BYTES / 16;
        if !is_whole || slots > most {
            let expected = format!("a multiple of {action}, at most {most}");
            return Err(RecordError::invalid(
                "the number of slots of an answer",
                slots,
                expected,
            ));
        }
    }
    Ok(())
}
