//! The cycles of a recording, one after the other.

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

/// Calls `each` with every cycle of a recording.
pub(super) fn each_cycle(
    mut reader: RunReader,
    mut progress: impl FnMut(u64),
    mut each: impl FnMut(&OwnedCycle) -> Result<(), RecordError>,
) -> Result<Exported, RecordError> {
    let mut rows = 0;
    for entry in reader.by_ref() {
        if let OwnedEntry::Cycle(cycle) = entry? {
            each(&cycle)?;
            rows += 1;
            if rows % 1000 == 0 {
                progress(rows);
            }
        }
    }
    Ok(Exported {
        rows,
        is_whole: reader.ending() == Some(Ending::Finished),
    })
}
