//! The channels of a file and the numbers that stand for names.

use crate::entry::{CommandKind, Level, Outcome};

pub(crate) const CYCLE: &str = "/kilohertz/cycle";
pub(crate) const EPISODE: &str = "/kilohertz/episode";
pub(crate) const END: &str = "/kilohertz/end";
pub(crate) const LOG: &str = "/kilohertz/log";
pub(crate) const JOINTS: &str = "/kilohertz/joint_states";
pub(crate) const POSES: &str = "/kilohertz/pose/";

/// The names of the messages of a file.
pub(crate) mod schema {
    pub(crate) const CYCLE: &str = "kilohertz.Cycle";
    pub(crate) const EPISODE: &str = "kilohertz.Episode";
    pub(crate) const END: &str = "kilohertz.End";
    pub(crate) const NUMBERS: &str = "kilohertz.Numbers";
    pub(crate) const BYTES: &str = "kilohertz.Bytes";
    pub(crate) const LOG: &str = "foxglove.Log";
    pub(crate) const JOINTS: &str = "foxglove.JointStates";
    pub(crate) const POSE: &str = "foxglove.PoseInFrame";
    pub(crate) const RAW_IMAGE: &str = "foxglove.RawImage";
    pub(crate) const COMPRESSED_IMAGE: &str = "foxglove.CompressedImage";
}

/// Protobuf's enums begin with a value for "unknown", which none of these has.
pub(crate) fn kind_number(kind: CommandKind) -> i32 {
    match kind {
        CommandKind::Fresh => 1,
        CommandKind::Followed => 2,
        CommandKind::Held => 3,
        CommandKind::Rest => 4,
    }
}

pub(crate) fn kind_of(number: i32) -> Option<CommandKind> {
    CommandKind::ALL
        .into_iter()
        .find(|&kind| kind_number(kind) == number)
}

pub(crate) fn level_number(level: Level) -> i32 {
    match level {
        Level::Info => 1,
        Level::Warning => 2,
        Level::Error => 3,
    }
}

pub(crate) fn level_of(number: i32) -> Option<Level> {
    Level::ALL
        .into_iter()
        .find(|&level| level_number(level) == number)
}

/// Returns Foxglove's number for a level.
pub(crate) fn log_level(level: Level) -> i32 {
    level_number(level) + 1
}

pub(crate) fn outcome_number(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Unknown => 0,
        Outcome::Success => 1,
        Outcome::Failure => 2,
        Outcome::Rerecorded => 3,
    }
}

pub(crate) fn outcome_of(number: i32) -> Option<Outcome> {
    Outcome::ALL
        .into_iter()
        .find(|&outcome| outcome_number(outcome) == number)
}
