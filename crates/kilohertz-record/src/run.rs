//! What is kept once for a whole run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::RecordError;
use crate::layout::Layout;

/// The format of the files that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// The name of the field for a gripper, behind the others of an answer's action.
pub const GRIPPER: &str = "gripper";
/// The name of the record in a file that holds a [`Run`].
pub(crate) const METADATA: &str = "kilohertz.run";

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The layout of a state.
    pub state: Layout,
    /// The layout of a command.
    pub action: Layout,
    /// The layout of an action of an answer: that of a command, with the field [`GRIPPER`] behind it if a hand
    /// follows the policy.
    pub answer: Layout,
    /// The robot's period \[s\].
    pub period_s: f64,
    /// The clocks of the host at one moment, when the run begins.
    pub start: Start,
    /// The session's options.
    pub options: Json,
    /// The robot's model and settings.
    pub robot: Json,
    /// The versions of the package, of what it runs on, and of the robot's software.
    pub versions: Json,
}

/// The clocks of the host at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The monotonic clock \[ns\].
    pub monotonic_ns: u64,
    /// The wall clock, since 1970 \[ns\].
    pub wall_ns: u64,
}

impl Start {
    /// Returns the time in the file of a moment of the monotonic clock: wall time at the start of the run,
    /// and from there on by the monotonic clock, so that a clock that is set does not reorder a file.
    pub(crate) fn log_time(self, monotonic_ns: u64) -> u64 {
        let passed = i128::from(monotonic_ns) - i128::from(self.monotonic_ns);
        saturated(i128::from(self.wall_ns) + passed)
    }

    /// Returns the wall time of a moment of the monotonic clock \[s since 1970\].
    pub fn wall_time_s(self, monotonic_ns: u64) -> f64 {
        self.log_time(monotonic_ns) as f64 * 1e-9
    }

    /// Returns the moment of the monotonic clock of a time in the file.
    pub(crate) fn monotonic(self, log_time: u64) -> u64 {
        let passed = i128::from(log_time) - i128::from(self.wall_ns);
        saturated(i128::from(self.monotonic_ns) + passed)
    }

    /// Returns the time in the file of a robot's time \[s\], to the nanosecond.
    pub(crate) fn publish_time(self, time_s: f64) -> u64 {
        saturated(i128::from(self.wall_ns) + (time_s * 1e9).round() as i128)
    }

    /// Returns the robot's time \[s\] of a time in the file.
    pub(crate) fn robot_time(self, publish_time: u64) -> f64 {
        (i128::from(publish_time) - i128::from(self.wall_ns)) as f64 / 1e9
    }
}

fn saturated(ns: i128) -> u64 {
    u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
}

/// Why the record of a run could not be understood.
#[derive(Debug)]
pub(crate) enum Unknown {
    Newer(u32),
    Damaged(String),
}

impl Run {
    /// Checks what is known of a run.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        if !(self.period_s > 0.0 && self.period_s.is_finite()) {
            let expected = "a number of seconds above 0";
            return Err(RecordError::invalid("the period", self.period_s, expected));
        }
        Ok(())
    }

    /// Returns the texts that a file keeps of the run.
    pub(crate) fn to_texts(&self) -> BTreeMap<String, String> {
        let json = |value: &Json| value.to_string();
        let layout = |layout: &Layout| serde_json::json!(layout).to_string();
        let texts = [
            ("format", FORMAT.to_string()),
            ("state", layout(&self.state)),
            ("action", layout(&self.action)),
            ("answer", layout(&self.answer)),
            ("period_s", serde_json::json!(self.period_s).to_string()),
            ("start", serde_json::json!(self.start).to_string()),
            ("options", json(&self.options)),
            ("robot", json(&self.robot)),
            ("versions", json(&self.versions)),
        ];
        texts.map(|(key, text)| (key.to_owned(), text)).into()
    }

    /// Reads what a file keeps of the run.
    pub(crate) fn from_texts(texts: &BTreeMap<String, String>) -> Result<Run, Unknown> {
        let format: u32 = read(texts, "format")?;
        if format > FORMAT {
            return Err(Unknown::Newer(format));
        }
        let action: Layout = read(texts, "action")?;
        let run = Run {
            state: read(texts, "state")?,
            // In older files an answer is laid out as a command.
            answer: match texts.contains_key("answer") {
                true => read(texts, "answer")?,
                false => action.clone(),
            },
            action,
            period_s: read(texts, "period_s")?,
            start: read(texts, "start")?,
            options: read(texts, "options")?,
            robot: read(texts, "robot")?,
            versions: read(texts, "versions")?,
        };
        match run.check() {
            Ok(()) => Ok(run),
            Err(error) => Err(Unknown::Damaged(error.to_string())),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(
    texts: &BTreeMap<String, String>,
    key: &str,
) -> Result<T, Unknown> {
    let text = texts
        .get(key)
        .ok_or_else(|| Unknown::Damaged(format!("the record {METADATA} lacks {key}")))?;
    serde_json::from_str(text).map_err(|error| {
        Unknown::Damaged(format!(
            "{key} of the record {METADATA} cannot be read: {error}"
        ))
    })
}
