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
use crate::entry::{OwnedEntry, RunEnd};
use crate::error::RecordError;
use crate::export::Progress;
use crate::export::cycles::each_entry;
use crate::new_file::NewFile;
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

/// A recording as a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The page of SVG.
    pub page: String,
    /// Why the run ended; `None` if the file does not tell it.
    pub end: Option<RunEnd>,
}

/// Draws what a recording holds. A file that was cut off or is still being written is
/// drawn up to there, and the page says so. The file is read once; a run of any length needs the same memory,
/// at most some 5 MB beside a chunk of the file, and the page has at most about 1 MB. `progress` is told after
/// each thousand cycles how far it is.
///
/// # Errors
/// Returns [`RecordError::InvalidArgument`] if the picture would end before it begins, or if all cycles of the
/// recording are outside of its time, the errors of [`RunReader`], and [`RecordError::Stopped`] if `progress` says
/// so.
pub fn plot(
    path: &Path,
    options: &PlotOptions,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Drawing, RecordError> {
    let PlotOptions { from_s, to_s, .. } = *options;
    let what = "the time that is drawn";
    if from_s.is_nan() || to_s.is_nan() || from_s >= to_s {
        let received = format!("from {from_s} s to {to_s} s");
        return Err(RecordError::invalid(
            what,
            received,
            "a begin before the end",
        ));
    }
    let reader = RunReader::open(path)?;
    let run = reader.run().clone();
    let mut gathered = gathered::Gathered::new(&run);
    let mut all_s: Option<(f64, f64)> = None;
    let read = each_entry(reader, progress, |entry| {
        match entry {
            OwnedEntry::Cycle(cycle) => {
                let time_s = cycle.robot_time_s;
                if time_s.is_finite() {
                    let (first_s, last_s) = all_s.unwrap_or((time_s, time_s));
                    all_s = Some((first_s.min(time_s), last_s.max(time_s)));
                }
                if (from_s..=to_s).contains(&time_s) {
                    gathered.take(&cycle);
                }
            }
            OwnedEntry::End(end) => gathered.end = Some(end),
            _ => {}
        }
        Ok(())
    })?;
    if let (None, Some((first_s, last_s))) = (&gathered.time, all_s) {
        let received = match (from_s.is_finite(), to_s.is_finite()) {
            (true, true) => format!("{from_s} s to {to_s} s"),
            (true, false) => format!("from {from_s} s on"),
            _ => format!("up to {to_s} s"),
        };
        let expected = format!("a part of {first_s} s to {last_s} s, which the recording has");
        return Err(RecordError::invalid(what, received, expected));
    }
    let page = page::page(&run, &gathered, read.is_whole, options.scheme);
    let end = gathered.end;
    Ok(Drawing { page, end })
}

/// Writes such a page into a file that does not exist yet, and returns it. The file is made once the page is drawn, so
/// that nothing is left of a drawing that is cut off.
///
/// # Errors
/// Returns the errors of [`plot`], and [`RecordError::Io`] if the file exists or cannot be written.
pub fn plot_into(
    into: &Path,
    path: &Path,
    options: &PlotOptions,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Drawing, RecordError> {
    // A file that cannot be made is told before a long recording is read.
    drop(NewFile::create(into)?);
    let drawing = plot(path, options, progress)?;
    let (new, mut file) = NewFile::create(into)?;
    file.write_all(drawing.page.as_bytes())
        .map_err(RecordError::io(into, "written"))?;
    new.name()?;
    Ok(drawing)
}
