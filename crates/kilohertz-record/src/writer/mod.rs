//! Writes a recording as MCAP.
//!
//! [`RunWriter`] (`run_writer.rs`) writes entries as MCAP, into a file that holds only whole records
//! (`whole_file.rs`). [`Recording`] does so on a thread of its own (`thread.rs`).
//!
//! A chunk is completed and handed to the operating system at each [`RunWriter::flush`]. So a process that is
//! killed loses what came after the last flush, at most [`LONGEST_LOSS`] for a [`Recording`]. A loss of power
//! can lose more: the file is not forced to the disk before its end.

mod run_writer;
mod thread;
mod whole_file;

pub(crate) use self::run_writer::write_options;
pub use self::run_writer::{Compression, Kept, Reserved, RunWriter, WriterOptions};
pub use self::thread::{Counts, LONGEST_LOSS, Progress, Recording, Source};
pub use crate::wire::views::View;
