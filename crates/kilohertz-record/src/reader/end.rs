//! Why a recorded run ended.

use std::path::Path;

use crate::entry::{OwnedEntry, RunEnd};
use crate::error::RecordError;
use crate::reader::run_reader::RunReader;

/// Returns why the run of a recording ended; `None` if the file does not tell it, as after the end of its process by
/// SIGKILL, or while it is being written.
///
/// # Errors
/// Returns the errors of [`RunReader`]. If a part is damaged, and why the run ended is not behind it, it may have been
/// in that part: that is an error too.
pub fn end(path: &Path) -> Result<Option<RunEnd>, RecordError> {
    let mut reader = RunReader::open(path)?;
    reader.skip_cycles();
    let mut damage = None;
    for entry in reader {
        match entry {
            Ok(OwnedEntry::End(end)) => return Ok(Some(end)),
            Ok(_) => {}
            Err(error @ RecordError::Damaged { .. }) => {
                damage.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    damage.map_or(Ok(None), Err)
}
