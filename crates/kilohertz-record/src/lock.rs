//! A file that is locked against other writers.

use std::fs::File;
use std::ops::Deref;

/// A file or a folder on which a lock was taken. The lock is given back when this is dropped.
pub(crate) struct Locked(File);

impl Locked {
    /// Takes a file over after its lock was asked for. Of a file system without locks it has none.
    pub fn new(file: File) -> Locked {
        Locked(file)
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a child that is being started has the file too, until it runs its own program.
        let _ = self.0.unlock();
    }
}
