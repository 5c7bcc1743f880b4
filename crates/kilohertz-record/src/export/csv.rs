//! Cycles as CSV: a line of names, then a line for a cycle.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use crate::entry::OwnedCycle;
use crate::error::RecordError;
use crate::export::columns::{Cell, Column};
use crate::export::cycles::{Exported, Progress, each_cycle};
use crate::new_file::NewFile;
use crate::reader::RunReader;

/// Writes the cycles of a recording as CSV. Numbers are written so that they are read as the same number;
/// cells without a value are empty. `progress` is told after each thousand cycles how far it is.
///
/// # Errors
/// Returns the errors of [`RunReader`], [`RecordError::Io`] if `path` exists or cannot be written, and
/// [`RecordError::Stopped`] if `progress` says so. There is no file then.
pub fn export_csv(
    reader: RunReader,
    path: &Path,
    columns: &[Column],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Exported, RecordError> {
    let (new, file) = NewFile::create(path)?;
    let mut csv = ::csv::Writer::from_writer(BufWriter::with_capacity(1 << 18, file));
    let mut text = Vec::new();
    let mut line = |csv: &mut ::csv::Writer<_>, cycle: &OwnedCycle| -> io::Result<()> {
        for column in columns {
            text.clear();
            match column.cell(cycle) {
                Cell::Whole(number) => write!(text, "{number}")?,
                Cell::Number(number) => write!(text, "{number:?}")?,
                Cell::Name(name) => text.extend_from_slice(name.as_bytes()),
                Cell::Absent => {}
            }
            csv.write_field(&text)?;
        }
        Ok(csv.write_record(None::<&[u8]>)?)
    };
    let names = columns.iter().map(Column::name);
    let written = |error: io::Error| RecordError::io(path, "written")(error);
    csv.write_record(names)
        .map_err(|error| written(error.into()))?;
    let exported = each_cycle(reader, progress, |cycle| {
        line(&mut csv, cycle).map_err(written)
    })?;
    csv.flush().map_err(written)?;
    drop(csv);
    new.name()?;
    Ok(exported)
}
