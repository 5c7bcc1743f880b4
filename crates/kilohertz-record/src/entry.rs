//! What is recorded of a run. The types of this file are plain data; what hands them over lends its slices.

use std::ops::Range;

pub use kilohertz_core::channel::records::CommandKind;
pub use kilohertz_core::session::Phases;

use crate::error::RecordError;

kilohertz_core::named! {
    /// How serious a [`Note`] is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Level {
        /// For information, as that the robot has caught up.
        Info = "info",
        /// Something is not as it should be, as that the robot is held.
        Warning = "warning",
        /// Something ended the session.
        Error = "error",
    }
}

/// Something that happened in a cycle, such as a violation of a limit or an event of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How serious it is.
    pub level: Level,
    /// A stable name, as in `jointVelocity` or `held`.
    pub name: String,
    /// A sentence for people.
    pub text: String,
}

/// What a policy that answers in chunks was told with its question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// How long before the question the first action of the newest chunk belongs \[s\]; `None` if there was no
    /// chunk that was played.
    pub began_s: Option<f64>,
    /// How long the answer would probably take \[s\].
    pub latency_s: f64,
    /// The number of the policy's episode, from 0.
    pub episode: u32,
}

/// An answer of the policy, as it came and before any limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer<'a> {
    /// The cycle of the question.
    pub tick: u64,
    /// The robot's time to which the first action belongs \[s\]: that of the question, or of the observation
    /// that a chunk begins with.
    pub time_s: f64,
    /// The time between two actions of a chunk \[s\]; 0 for a single action.
    pub step_s: f64,
    /// The slots of the actions, one action after the other: one, or those of a chunk.
    pub actions: &'a [f64],
    /// What the policy was told with its question, if it answers in chunks.
    pub told: Option<Told>,
}

/// One cycle of the loop, lent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle<'a> {
    /// The number of the cycle.
    pub tick: u64,
    /// The time of the robot's clock since the first cycle \[s\].
    pub robot_time_s: f64,
    /// The host's monotonic clock when the cycle began \[ns\].
    pub monotonic_ns: u64,
    /// The host's wall clock when the cycle began, since 1970 \[ns\].
    pub wall_ns: u64,
    /// The milliseconds of the robot's clock without a cycle, directly before this one.
    pub missed_ms: u32,
    /// How many cycles directly before this one took place and could not be kept.
    pub lost_before: u64,
    /// How the command came about.
    pub kind: CommandKind,
    /// When the steps of the cycle were done.
    pub phases: Phases,
    /// What the robot reported, as its slots.
    pub state: &'a [f64],
    /// What the robot was commanded, as its slots.
    pub command: &'a [f64],
    /// The policy's answer, if one came in this cycle.
    pub answer: Option<Answer<'a>>,
    /// Violations and events of this cycle.
    pub notes: &'a [Note],
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedAnswer {
    /// The cycle of the question.
    pub tick: u64,
    /// The robot's time to which the first action belongs \[s\]: that of the question, or of the observation
    /// that a chunk begins with.
    pub time_s: f64,
    /// The time between two actions of a chunk \[s\]; 0 for a single action.
    pub step_s: f64,
    /// The slots of the actions, one action after the other.
    pub actions: Vec<f64>,
    /// What the policy was told with its question, if it answers in chunks.
    pub told: Option<Told>,
}

/// A cycle that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedCycle {
    /// The number of the cycle.
    pub tick: u64,
    /// The time of the robot's clock since the first cycle \[s\].
    pub robot_time_s: f64,
    /// The host's monotonic clock when the cycle began \[ns\].
    pub monotonic_ns: u64,
    /// The host's wall clock when the cycle began, since 1970 \[ns\].
    pub wall_ns: u64,
    /// The milliseconds of the robot's clock without a cycle, directly before this one.
    pub missed_ms: u32,
    /// How many cycles directly before this one took place and could not be kept.
    pub lost_before: u64,
    /// How the command came about.
    pub kind: CommandKind,
    /// When the steps of the cycle were done.
    pub phases: Phases,
    /// What the robot reported, as its slots.
    pub state: Vec<f64>,
    /// What the robot was commanded, as its slots.
    pub command: Vec<f64>,
    /// The policy's answer, if one came in this cycle.
    pub answer: Option<OwnedAnswer>,
    /// Violations and events of this cycle.
    pub notes: Vec<Note>,
}

impl OwnedCycle {
    /// Lends the cycle, as in writing it again.
    pub fn lend(&self) -> Cycle<'_> {
        Cycle {
            tick: self.tick,
            robot_time_s: self.robot_time_s,
            monotonic_ns: self.monotonic_ns,
            wall_ns: self.wall_ns,
            missed_ms: self.missed_ms,
            lost_before: self.lost_before,
            kind: self.kind,
            phases: self.phases,
            state: &self.state,
            command: &self.command,
            answer: self.answer.as_ref().map(|answer| Answer {
                tick: answer.tick,
                time_s: answer.time_s,
                step_s: answer.step_s,
                actions: &answer.actions,
                told: answer.told,
            }),
            notes: &self.notes,
        }
    }
}

/// What a user logged.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Numbers, of any count.
    Numbers(Vec<f64>),
    /// Bytes.
    Bytes {
        /// What the bytes are, as in `application/json`; empty if that is not known.
        media_type: String,
        /// The bytes.
        data: Vec<u8>,
    },
    /// An image as its pixels, in rows from the top without gaps.
    RawImage {
        /// The width \[pixels\].
        width: u32,
        /// The height \[pixels\].
        height: u32,
        /// The encoding of a pixel.
        pixels: Pixels,
        /// The bytes of the pixels.
        data: Vec<u8>,
    },
    /// An image as the bytes of a file.
    CompressedImage {
        /// The format, as in `png` or `jpeg`.
        format: String,
        /// The bytes of the file.
        data: Vec<u8>,
    },
}

kilohertz_core::named! {
    /// The encoding of a pixel, with the name that Foxglove's schema has for it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Pixels {
        /// Brightness, a byte.
        Mono8 = "mono8",
        /// Red, green and blue, a byte each.
        Rgb8 = "rgb8",
        /// Red, green, blue and opacity, a byte each.
        Rgba8 = "rgba8",
    }
}

impl Pixels {
    /// Returns how many bytes a pixel has.
    pub fn len(self) -> usize {
        match self {
            Pixels::Mono8 => 1,
            Pixels::Rgb8 => 3,
            Pixels::Rgba8 => 4,
        }
    }

    /// Returns false: a pixel has bytes.
    pub fn is_empty(self) -> bool {
        false
    }
}

/// What a user logged on a channel, with its own time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The channel, as in `camera/wrist`. Channels that begin with `kilohertz/` are reserved.
    pub channel: String,
    /// The host's monotonic clock when it was logged \[ns\].
    pub monotonic_ns: u64,
    /// The time that the user gave, in the robot's time \[s\]; a file keeps it to the nanosecond.
    pub time_s: f64,
    /// What was logged.
    pub value: Value,
}

/// What channels of the package's own begin with.
pub(crate) const RESERVED: &str = "kilohertz/";
/// The longest name of a channel \[bytes\].
pub(crate) const LONGEST_CHANNEL: usize = 200;
/// The most bytes of a value.
pub(crate) const MOST_BYTES: usize = 256 << 20;
/// The most bytes of the message of a cycle.
pub(crate) const MOST_CYCLE_BYTES: usize = 16 << 20;
/// The times that a file can keep \[s\]: 100 years.
const LONGEST_TIME: Range<f64> = -3.2e9..3.2e9;

impl Sample {
    /// Checks what a user passed.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        let name = &self.channel;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        let is_long = name.is_empty() || name.len() > LONGEST_CHANNEL;
        if is_long || name.starts_with(['/', '.']) || !name.chars().all(is_plain) {
            let expected = format!(
                "1 to {LONGEST_CHANNEL} letters, digits and _ - . /, as in camera/wrist, not beginning with \
                 / or ."
            );
            return Err(RecordError::invalid(
                "the name of a channel",
                format!("{name:?}"),
                expected,
            ));
        }
        if name.starts_with(RESERVED) {
            let expected = format!("a name that does not begin with {RESERVED}");
            return Err(RecordError::invalid(
                "the name of a channel",
                name,
                expected,
            ));
        }
        if !LONGEST_TIME.contains(&self.time_s) {
            let what = format!("the time of a value of channel {name}");
            let expected = "seconds of the robot's time, at most 100 years";
            return Err(RecordError::invalid(what, self.time_s, expected));
        }
        let bytes = match &self.value {
            Value::Numbers(values) => values.len().saturating_mul(8),
            Value::Bytes { data, .. }
            | Value::RawImage { data, .. }
            | Value::CompressedImage { data, .. } => data.len(),
        };
        if bytes > MOST_BYTES {
            let what = format!("a value of channel {name}");
            let expected = format!("at most {MOST_BYTES} bytes");
            return Err(RecordError::invalid(
                what,
                format!("{bytes} bytes"),
                expected,
            ));
        }
        if let Value::RawImage {
            width,
            height,
            pixels,
            data,
        } = &self.value
        {
            let size = u64::from(*width) * u64::from(*height) * pixels.len() as u64;
            if size != data.len() as u64 || size == 0 {
                let what = format!("an image of channel {name}");
                let expected = format!(
                    "width x height x {} bytes for {}",
                    pixels.len(),
                    pixels.as_str()
                );
                let received = format!("{width} x {height} pixels in {} bytes", data.len());
                return Err(RecordError::invalid(what, received, expected));
            }
        }
        Ok(())
    }
}

kilohertz_core::named! {
    /// How an episode ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Outcome {
        /// Nobody said how.
        Unknown = "unknown",
        /// The task was done.
        Success = "success",
        /// The task was not done.
        Failure = "failure",
        /// The episode is to be left out, because it was recorded again.
        Rerecorded = "rerecorded",
    }
}

/// The beginning or the end of an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeMark {
    /// The number of the episode in the run, from 0.
    pub index: u32,
    /// The host's monotonic clock \[ns\].
    pub monotonic_ns: u64,
    /// The robot's time \[s\].
    pub robot_time_s: f64,
    /// What is to be done in the episode.
    pub task: String,
    /// How the episode ended; `None` at its beginning.
    pub ended: Option<Outcome>,
}

/// Why a run ended. It is the last entry of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// The number of the last cycle; 0 if there was none.
    pub tick: u64,
    /// The host's monotonic clock when the last cycle began \[ns\].
    pub monotonic_ns: u64,
    /// The robot's time of the last cycle \[s\].
    pub robot_time_s: f64,
    /// The code of the error that ended the run, as in `ACTION_LIMIT`; empty if the run was asked to end, or its
    /// time was over.
    pub code: String,
    /// Why the run ended, in words.
    pub text: String,
}

/// The longest code and the longest text of a [`RunEnd`] \[bytes\].
const LONGEST_CODE: usize = 100;
const LONGEST_END_TEXT: usize = 64 << 10;
/// The most bytes of the message of a [`RunEnd`].
pub(crate) const MOST_END_BYTES: usize = 2 * LONGEST_END_TEXT;

impl RunEnd {
    /// Returns a text, or as much of its beginning as a [`RunEnd`] may have.
    pub fn fitting(mut text: String) -> String {
        if text.len() > LONGEST_END_TEXT {
            let mut end = LONGEST_END_TEXT - '…'.len_utf8();
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        text
    }

    /// Checks what is to be written, or was read.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if self.code.len() > LONGEST_CODE || !self.code.chars().all(is_plain) {
            let what = "the code of the end of a run";
            let shown: String = self.code.chars().take(LONGEST_CODE).collect();
            let expected = format!("at most {LONGEST_CODE} capital letters, digits and _");
            return Err(RecordError::invalid(what, format!("{shown:?}"), expected));
        }
        if self.text.len() > LONGEST_END_TEXT {
            let what = "the text of the end of a run";
            let received = format!("{} bytes long", self.text.len());
            let expected = format!("at most {LONGEST_END_TEXT} bytes");
            return Err(RecordError::invalid(what, received, expected));
        }
        Ok(())
    }
}

/// What is handed to a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is lent for a call, and nearly all of them are cycles"
)]
pub enum Entry<'a> {
    /// A cycle of the loop.
    Cycle(Cycle<'a>),
    /// What a user logged.
    Sample(&'a Sample),
    /// The beginning or the end of an episode.
    Episode(&'a EpisodeMark),
    /// Why the run ended.
    End(&'a RunEnd),
}

/// What is read from a recording.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are cycles")]
pub enum OwnedEntry {
    /// A cycle of the loop.
    Cycle(OwnedCycle),
    /// What a user logged.
    Sample(Sample),
    /// The beginning or the end of an episode.
    Episode(EpisodeMark),
    /// Why the run ended.
    End(RunEnd),
}

impl OwnedEntry {
    /// Lends the entry, as in writing it again.
    pub fn lend(&self) -> Entry<'_> {
        match self {
            OwnedEntry::Cycle(cycle) => Entry::Cycle(cycle.lend()),
            OwnedEntry::Sample(sample) => Entry::Sample(sample),
            OwnedEntry::Episode(mark) => Entry::Episode(mark),
            OwnedEntry::End(end) => Entry::End(end),
        }
    }
}
