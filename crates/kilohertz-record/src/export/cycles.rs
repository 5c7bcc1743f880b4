//! The entries of a recording, one after the other, and how far what reads them has come.

use std::ops::ControlFlow;

use crate::entry::{OwnedCycle, OwnedEntry};
use crate::error::RecordError;
use crate::reader::{Ending, RunReader};

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// The rows: one for a cycle.
    pub rows: u64,
    /// True if the recording has its footer; false if it was cut off or is still being written.
    pub is_whole: bool,
}

/// How far an export has come in its recording. It is told after each thousand cycles, and the answer says whether
/// to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The cycles that were read.
    pub cycles: u64,
    /// The bytes of the file that were read.
    pub bytes: u64,
}

/// Tells how far an export has come, after each thousand cycles.
pub(super) fn tell(
    cycles: u64,
    reader: &RunReader,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), RecordError> {
    if !cycles.is_multiple_of(1000) {
        return Ok(());
    }
    let bytes = reader.offset();
    match progress(Progress { cycles, bytes }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RecordError::Stopped {
            path: reader.path().to_owned(),
        }),
    }
}

/// Calls `each` with every cycle of a recording.
pub(crate) fn each_cycle(
    reader: RunReader,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
    mut each: impl FnMut(&OwnedCycle) -> Result<(), RecordError>,
) -> Result<Exported, RecordError> {
    each_entry(reader, progress, |entry| match entry {
        OwnedEntry::Cycle(cycle) => each(&cycle),
        _ => Ok(()),
    })
}

/// Calls `each` with every entry of a recording.
pub(crate) fn each_entry(
    mut reader: RunReader,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    mut each: impl FnMut(OwnedEntry) -> Result<(), RecordError>,
) -> Result<Exported, RecordError> {
    let mut rows = 0;
    while let Some(entry) = reader.next().transpose()? {
        let is_cycle = matches!(entry, OwnedEntry::Cycle(_));
        each(entry)?;
        if is_cycle {
            rows += 1;
            tell(rows, &reader, &mut progress)?;
        }
    }
    Ok(Exported {
        rows,
        is_whole: reader.ending() == Some(Ending::Finished),
    })
}
