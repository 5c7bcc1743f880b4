//! The file under a recording: what reaches it ends at a boundary between records.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that takes what was written to it as a whole at each flush, or not at all.
///
/// After a write that failed, the file is cut back to the last flush, and everything later is refused.
pub(super) struct WholeFile {
    file: File,
    /// What was written since the last flush.
    pending: Vec<u8>,
    written: Arc<AtomicU64>,
    failed: bool,
}

impl WholeFile {
    /// Creates it over an empty file. `written` follows the file's length.
    pub fn new(file: File, written: Arc<AtomicU64>) -> WholeFile {
        WholeFile {
            file,
            pending: Vec::new(),
            written,
            failed: false,
        }
    }
}

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
