//! What can go wrong with a recording.

use std::io;
use std::path::{Path, PathBuf};

kilohertz_core::named! {
    /// The kind of a [`RecordError`]. The strings of [`RecordErrorCode::as_str`] are stable.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RecordErrorCode {
        /// The operating system refused something.
        Io = "RECORD_IO",
        /// The file is empty.
        Empty = "RECORD_EMPTY",
        /// The file is not a recording of kilohertz.
        Foreign = "RECORD_FOREIGN",
        /// A newer version of kilohertz wrote the file.
        Newer = "RECORD_NEWER",
        /// A part of the file is not what was written.
        Damaged = "RECORD_DAMAGED",
        /// The file is still being written.
        Busy = "RECORD_BUSY",
        /// A value that was passed cannot be used.
        InvalidArgument = "RECORD_INVALID_ARGUMENT",
        /// Whoever called stopped the export.
        Stopped = "RECORD_STOPPED",
    }
}

/// An error of a recording: what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The operating system refused something.
    #[error("{} cannot be {doing}: {source}; {}", path.display(), advice(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in `written`.
        doing: &'static str,
        /// Why it was refused.
        source: io::Error,
    },
    /// The file is empty.
    #[error(
        "{} is empty; expected a recording. Nothing can be read from it: the run ended before the file was \
         begun",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a recording of kilohertz.
    #[error("{} is not a recording of kilohertz: {found}; pass a file that `record` has written", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found in the file.
        found: String,
    },
    /// A newer version of kilohertz wrote the file.
    #[error(
        "{} has format {found}, and this version of kilohertz reads formats up to {supported}; update \
         kilohertz, or open the file with any reader of MCAP",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The newest format that can be read.
        supported: u32,
    },
    /// A part of the file is not what was written.
    #[error("{} is damaged at byte {offset}: {found}; the {cycles} cycles before can be read{}",
        path.display(), if *goes_on { ", and so can what follows" } else { "" })]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins \[bytes\].
        offset: u64,
        /// What is wrong.
        found: String,
        /// How many cycles were read before it.
        cycles: u64,
        /// True if reading may go on after the damaged record.
        goes_on: bool,
    },
    /// The file is still being written.
    #[error("{} is still being written; wait until the run has ended", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A value that was passed cannot be used.
    #[error("{what} is {received}; expected {expected}")]
    InvalidArgument {
        /// What the value is.
        what: String,
        /// The value.
        received: String,
        /// What is allowed.
        expected: String,
    },
    /// Whoever called stopped the export.
    #[error("the export of {} was stopped before its end; what it had written was removed", path.display())]
    Stopped {
        /// The recording.
        path: PathBuf,
    },
}

impl RecordError {
    /// Returns the kind of the error.
    pub fn code(&self) -> RecordErrorCode {
        match self {
            RecordError::Io { .. } => RecordErrorCode::Io,
            RecordError::Empty { .. } => RecordErrorCode::Empty,
            RecordError::Foreign { .. } => RecordErrorCode::Foreign,
            RecordError::Newer { .. } => RecordErrorCode::Newer,
            RecordError::Damaged { .. } => RecordErrorCode::Damaged,
            RecordError::Busy { .. } => RecordErrorCode::Busy,
            RecordError::InvalidArgument { .. } => RecordErrorCode::InvalidArgument,
            RecordError::Stopped { .. } => RecordErrorCode::Stopped,
        }
    }

    /// Returns a function that names the file and what was tried with it.
    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> RecordError {
        move |source| RecordError::Io {
            path: path.to_owned(),
            doing,
            source,
        }
    }

    pub(crate) fn invalid(
        what: impl Into<String>,
        received: impl ToString,
        expected: impl Into<String>,
    ) -> RecordError {
        RecordError::InvalidArgument {
            what: what.into(),
            received: received.to_string(),
            expected: expected.into(),
        }
    }
}

/// Returns what to do about an error of the operating system.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "name a file in a folder that exists",
        io::ErrorKind::AlreadyExists => {
            "name a file that does not exist: recordings are not overwritten"
        }
        io::ErrorKind::PermissionDenied => "choose a place that this user may use",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => "name a file, in a folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space there, or choose another place"
        }
        io::ErrorKind::InvalidInput => "name a regular file, by a path without a NUL",
        io::ErrorKind::WouldBlock => "another export adds to it: wait until that has ended",
        io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written",
        _ => "check the disk that the file is on",
    }
}
