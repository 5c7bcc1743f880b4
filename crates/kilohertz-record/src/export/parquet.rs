//! Cycles as Parquet: a row for a cycle.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use parquet::errors::ParquetError;

use crate::error::RecordError;
use crate::export::columns::{Cell, Column};
use crate::export::cycles::{Exported, Progress, each_cycle};
use crate::export::table::{Datum, Holds, Table};
use crate::new_file::NewFile;
use crate::reader::RunReader;

/// Writes the cycles of a recording as Parquet: whole numbers as `int64`, numbers as `double`, names as
/// strings; cells without a value are null. `progress` is told after each
/// thousand cycles how far it is.
///
/// # Errors
/// Returns the errors of [`RunReader`], [`RecordError::Io`] if `path` exists or cannot be written, and
/// [`RecordError::Stopped`] if `progress` says so. There is no file then.
pub fn export_parquet(
    reader: RunReader,
    path: &Path,
    columns: &[Column],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Exported, RecordError> {
    let written = |error| failure(path, error);
    let (new, file) = NewFile::create(path)?;
    let holds = |column: &Column| match column {
        column if column.is_whole() => Holds::Whole,
        column if column.is_name() => Holds::Text,
        _ => Holds::Double,
    };
    let names: Vec<(String, Holds)> = columns
        .iter()
        .map(|column| (column.name().to_owned(), holds(column)))
        .collect();
    let mut table = Table::begin(file, &names, &[]).map_err(written)?;
    let exported = each_cycle(reader, progress, |cycle| {
        let row: Vec<Datum<'_>> = columns
            .iter()
            .map(|column| match column.cell(cycle) {
                Cell::Whole(number) => Datum::Whole(i64::try_from(number).unwrap_or(i64::MAX)),
                Cell::Number(number) => Datum::Double(number),
                Cell::Name(name) => Datum::Text(name),
                Cell::Absent => Datum::Absent,
            })
            .collect();
        table.push(&row).map_err(written)
    })?;
    table.finish().map_err(written)?;
    new.name()?;
    Ok(exported)
}

/// Returns an error of the writer of Parquet with the file.
pub(super) fn failure(path: &Path, error: ParquetError) -> RecordError {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    RecordError::io(path, "written")(source)
}
