//! The file under a recording: what reaches it ends at a boundary between records.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that takes what was written to it as a whole at each flush, or not at all.
///
/// After a write that failed, the file is cut back to the last flush, and everything later is refused. A file
/// that another program has cut, prolonged, removed or replaced is left as it is, and everything later is refused
/// with [`Changed`].
pub(super) struct WholeFile {
    file: File,
    /// True if the file system counts the names of a file.
    counts_names: bool,
    /// What was written since the last flush.
    pending: Vec<u8>,
    written: Arc<AtomicU64>,
    failed: bool,
}

impl WholeFile {
    /// Creates it over an empty file. `written` follows the file's length.
    pub fn new(file: File, written: Arc<AtomicU64>) -> WholeFile {
        WholeFile {
            counts_names: file.metadata().is_ok_and(|metadata| metadata.nlink() > 0),
            file,
            pending: Vec::new(),
            written,
            failed: false,
        }
    }

    /// Checks that the file is what was written so far. One that has another name by now is.
    fn check(&self, written: u64) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let found = match metadata.len() {
            _ if self.counts_names && metadata.nlink() == 0 => {
                "it was removed, or another file took its place".to_owned()
            }
            len if len != written => format!("it has {len} bytes, and {written} were written"),
            _ => return Ok(()),
        };
        Err(io::Error::other(Changed(found)))
    }
}

/// What another program has done to a file.
#[derive(Debug)]
pub(super) struct Changed(pub String);

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Changed {}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let end = self.written.load(Ordering::Relaxed);
        if let Err(error) = self.check(end) {
            self.failed = true;
            return Err(error);
        }
        if let Err(error) = self.file.write_all(&self.pending) {
            self.failed = true;
            // If even this is refused, the file ends in half a record, which readers take for a file that was
            // cut off.
            let _ = self.file.set_len(end);
            return Err(error);
        }
        self.written
            .store(end + self.pending.len() as u64, Ordering::Relaxed);
        self.pending.clear();
        Ok(())
    }
}
