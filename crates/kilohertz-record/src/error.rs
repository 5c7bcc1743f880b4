//! What can go wrong with a recording.

use std::fmt;
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
        /// Something else is writing there.
        Busy = "RECORD_BUSY",
        /// Another program has changed the file while it was written.
        Changed = "RECORD_CHANGED",
        /// There is no program that makes videos.
        NoEncoder = "RECORD_NO_ENCODER",
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
    #[error("{} cannot be {doing}: {source}; {}", Shown(path), advice(source))]
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
        Shown(path)
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a recording of kilohertz.
    #[error(
        "{} is not a recording of kilohertz: {found}; pass a file that `record` has written",
        Shown(path)
    )]
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
        Shown(path)
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
        Shown(path), if *goes_on { ", and so can what follows" } else { "" })]
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
    /// Something else is writing there.
    #[error("{} is still being written; wait until {by} has ended", Shown(path))]
    Busy {
        /// The file or folder.
        path: PathBuf,
        /// What is writing, as in `the run`.
        by: &'static str,
    },
    /// Another program has changed the file while it was written.
    #[error(
        "{} was changed by another program while it was written: {found}; what was recorded before may be lost, \
         and nothing more is written. Leave a recording alone until its run has ended",
        Shown(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// There is no program that makes videos.
    #[error(
        "no video can be made with {}: {found}; install ffmpeg with the encoder libx264, or export images as PNG",
        Shown(path)
    )]
    NoEncoder {
        /// The program, or its name.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// A value that was passed, or that is in a file, cannot be used.
    #[error("{what} is {received}; expected {expected}")]
    InvalidArgument {
        /// What the value is.
        what: String,
        /// The value.
        received: String,
        /// What is allowed.
        expected: String,
        /// The file or folder that it is about, if it is about one.
        path: Option<PathBuf>,
    },
    /// Whoever called stopped the export.
    #[error(
        "the export of {} was stopped before its end; what it had written was removed",
        Shown(path)
    )]
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
            RecordError::Changed { .. } => RecordErrorCode::Changed,
            RecordError::NoEncoder { .. } => RecordErrorCode::NoEncoder,
            RecordError::InvalidArgument { .. } => RecordErrorCode::InvalidArgument,
            RecordError::Stopped { .. } => RecordErrorCode::Stopped,
        }
    }

    /// Returns the file, folder or program that the error is about. The message shows a long path without its
    /// middle; this is the whole one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            RecordError::Io { path, .. }
            | RecordError::Empty { path }
            | RecordError::Foreign { path, .. }
            | RecordError::Newer { path, .. }
            | RecordError::Damaged { path, .. }
            | RecordError::Busy { path, .. }
            | RecordError::Changed { path, .. }
            | RecordError::NoEncoder { path, .. }
            | RecordError::Stopped { path } => Some(path),
            RecordError::InvalidArgument { path, .. } => path.as_deref(),
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
            path: None,
        }
    }

    /// Says that the value is in a file, and was not passed.
    pub(crate) fn within(self, file: &Path) -> RecordError {
        match self {
            RecordError::InvalidArgument {
                what,
                received,
                expected,
                ..
            } => RecordError::InvalidArgument {
                what: format!("{what} of {}", Shown(file)),
                received,
                expected,
                path: Some(file.to_owned()),
            },
            other => other,
        }
    }

    /// Returns the error for a file or folder that is not what it should be. `kind` is as in `data set`.
    pub(crate) fn unfit(
        kind: &str,
        at: &Path,
        received: impl ToString,
        expected: impl Into<String>,
    ) -> RecordError {
        RecordError::InvalidArgument {
            what: format!("the {kind} {}", Shown(at)),
            received: received.to_string(),
            expected: expected.into(),
            path: Some(at.to_owned()),
        }
    }
}

/// How many characters of a path are shown at most, and how many of them are from its beginning.
const SHOWN: usize = 120;
const SHOWN_FIRST: usize = 40;

/// A path as messages show it: of a long one the middle is left out.
pub(crate) struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.to_string_lossy();
        let count = whole.chars().count();
        if count <= SHOWN {
            return f.write_str(&whole);
        }
        let first: String = whole.chars().take(SHOWN_FIRST).collect();
        let rest = count - (SHOWN - SHOWN_FIRST - 1);
        let last: String = whole.chars().skip(rest).collect();
        write!(f, "{first}…{last}")
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
        io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written",
        _ => "check the disk that the file is on",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_shown_without_its_middle_and_is_kept_whole() {
        let short = PathBuf::from("/data/é/run.mcap");
        assert_eq!(Shown(&short).to_string(), "/data/é/run.mcap");
        let long = PathBuf::from(format!("/begin/{}/run.mcap", "é".repeat(2000)));
        let shown = Shown(&long).to_string();
        assert_eq!(shown.chars().count(), SHOWN);
        assert!(
            shown.starts_with("/begin/é") && shown.contains('…') && shown.ends_with("é/run.mcap")
        );
        let missing = io::Error::from(io::ErrorKind::NotFound);
        for error in [
            RecordError::io(&long, "opened")(missing),
            RecordError::unfit("file", &long, "one", "another"),
        ] {
            assert!(error.to_string().chars().count() < 2 * SHOWN, "{error}");
            assert_eq!(error.path(), Some(long.as_path()));
        }
    }
}
