//! A recording as a picture: one page of SVG with what an arm did, what it was commanded, and when.
//!
//! ```text
//! mod.rs (reads the file once)  ──▶  gathered.rs lanes.rs (columns of time, of a fixed number)
//!                                       ▲ fields.rs (which fields)
//!                                       ▼
//!                            page.rs ──▶ charts.rs ──▶ sheet.rs svg.rs
//! ```
//!
//! A column keeps the extremes of its time, so nothing that is short is lost from the picture.

mod charts;
mod fields;
mod gathered;
mod lanes;
mod page;
mod sheet;
mod svg;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

pub use self::svg::Scheme;
use crate::entry::OwnedEntry;
use crate::error::RecordError;
use crate::export::Progress;
use crate::export::cycles::each_entry;
use crate::export::new_file::NewFile;
use crate::reader::RunReader;

/// What is drawn of a recording, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlotOptions {
    /// The robot's time at which the picture begins \[s\]; negative infinity for the begin of the run.
    pub from_s: f64,
    /// The robot's time at which the picture ends \[s\]; infinity for the end of the run.
    pub to_s: f64,
    /// The colours.
    pub scheme: Scheme,
}

impl Default for PlotOptions {
    /// Returns the options for the whole run, in the colours that the reader prefers.
    fn default() -> PlotOptions {
        PlotOptions {
            from_s: f64::NEG_INFINITY,
            to_s: f64::INFINITY,
            scheme: Scheme::Auto,
        }
    }
}

/// Returns a page of SVG with what a recording holds. A file that was cut off or is still being written is
/// drawn up to there, and the page says so. The file is read once; a run of any length needs the same memory,
/// at most some 5 MB beside a chunk of the file, and the page has at most about 1 MB. `progress` is told after
/// each thousand cycles how far it is.
///
/// # Errors
/// Returns [`RecordError::InvalidArgument`] if the picture would end before it begins, the errors of
/// [`RunReader`], and [`RecordError::Stopped`] if `progress` says so.
pub fn plot(
    path: &Path,
    options: &PlotOptions,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<String, RecordError> {
    let PlotOptions { from_s, to_s, .. } = *options;
    if from_s.is_nan() || to_s.is_nan() || from_s >= to_s {
        let received = format!("from {from_s} s to {to_s} s");
        let expected = "a begin before the end";
        return Err(RecordError::invalid(
            "the time that is drawn",
            received,
            expected,
        ));
    }
    let reader = RunReader::open(path)?;
    let run = reader.run().clone();
    let mut gathered = gathered::Gathered::new(&run);
    let read = each_entry(reader, progress, |entry| {
        match entry {
            OwnedEntry::Cycle(cycle) if (from_s..=to_s).contains(&cycle.robot_time_s) => {
                gathered.take(&cycle);
            }
            OwnedEntry::End(end) => gathered.end = Some(end),
            _ => {}
        }
        Ok(())
    })?;
    Ok(page::page(&run, &gathered, read.is_whole, options.scheme))
}

/// Writes such a page into a file that does not exist yet, and returns it. The file gets its name when it is whole.
///
/// # Errors
/// Returns the errors of [`plot`], and [`RecordError::Io`] if the file exists or cannot be written.
pub fn plot_into(
    into: &Path,
    path: &Path,
    options: &PlotOptions,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<String, RecordError> {
    let (new, mut file) = NewFile::create(into)?;
    let page = plot(path, options, progress)?;
    file.write_all(page.as_bytes())
        .map_err(RecordError::io(into, "written"))?;
    new.name()?;
    Ok(page)
}
