//! A file that gets its name when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::RecordError;

/// What the name of a file ends with until it is whole. Before it is the number of the process.
pub(crate) const PART: &str = ".part";

/// A file under another name beside the one that it is to have. It is removed if it does not get that.
pub(crate) struct NewFile {
    path: PathBuf,
    beside: PathBuf,
    is_named: bool,
}

impl NewFile {
    /// Creates the file. `path` must not exist yet.
    pub fn create(path: &Path) -> Result<(NewFile, File), RecordError> {
        if path.symlink_metadata().is_ok() {
            let exists = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(RecordError::io(path, "created")(exists));
        }
        NewFile::replacing(path)
    }

    /// Creates a file that takes the place of `path`, if there is one.
    pub fn replacing(path: &Path) -> Result<(NewFile, File), RecordError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}{PART}", std::process::id()));
        let beside = path.with_file_name(name);
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside);
        let file = created.map_err(RecordError::io(path, "created"))?;
        Ok((
            NewFile {
                path: path.to_owned(),
                beside,
                is_named: false,
            },
            file,
        ))
    }

    /// Returns where the file is until it has its name.
    pub fn beside(&self) -> &Path {
        &self.beside
    }

    /// Forces what was written to the disk.
    pub fn force(&self) -> Result<(), RecordError> {
        let synced = File::open(&self.beside).and_then(|file| file.sync_all());
        synced.map_err(RecordError::io(&self.path, "forced to the disk"))
    }

    /// Gives the file its name, which is returned. It was forced to the disk before.
    pub fn rename(mut self) -> Result<PathBuf, RecordError> {
        fs::rename(&self.beside, &self.path).map_err(RecordError::io(&self.path, "named"))?;
        self.is_named = true;
        Ok(std::mem::take(&mut self.path))
    }

    /// Forces the file to the disk and gives it its name.
    pub fn name(self) -> Result<(), RecordError> {
        self.force()?;
        self.rename().map(drop)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_named {
            // It is this program's own, and not whole.
            let _ = fs::remove_file(&self.beside);
        }
    }
}
