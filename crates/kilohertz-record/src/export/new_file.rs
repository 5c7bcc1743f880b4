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
    /// Whether it replaces a file that has the name already.
    replaces: bool,
    is_named: bool,
}

impl NewFile {
    /// Creates the file. `path` must not exist yet.
    pub fn create(path: &Path) -> Result<(NewFile, File), RecordError> {
        if path.symlink_metadata().is_ok() {
            let exists = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(RecordError::io(path, "created")(exists));
        }
        NewFile::at(path, false)
    }

    /// Creates a file that takes the place of `path`, if there is one.
    pub fn replacing(path: &Path) -> Result<(NewFile, File), RecordError> {
        NewFile::at(path, true)
    }

    fn at(path: &Path, replaces: bool) -> Result<(NewFile, File), RecordError> {
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
                replaces,
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
        let named = match self.replaces {
            true => fs::rename(&self.beside, &self.path),
            false => name_new(&self.beside, &self.path),
        };
        named.map_err(RecordError::io(&self.path, "named"))?;
        self.is_named = true;
        Ok(std::mem::take(&mut self.path))
    }

    /// Forces the file to the disk and gives it its name.
    pub fn name(self) -> Result<(), RecordError> {
        self.force()?;
        self.rename().map(drop)
    }
}

/// Gives a file a name. Another program may have made a file of that name meanwhile, which is not replaced.
fn name_new(beside: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(beside, path) {
        Ok(()) => {
            // It is the name of this call alone, and the file has the other one.
            let _ = fs::remove_file(beside);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // On some file systems a file has one name at most.
        Err(_) => fs::rename(beside, path),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_made_meanwhile_is_kept_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        let (new, _) = NewFile::create(&path).expect("a file");
        let (replacing, _) = NewFile::replacing(&folder.path().join("info.json")).expect("a file");
        for name in ["table.csv", "info.json"] {
            fs::write(folder.path().join(name), "of another program").expect("to write");
        }
        let error = new.name().expect_err("an error");
        assert!(error.to_string().contains("cannot be named"), "{error}");
        assert_eq!(
            fs::read_to_string(&path).expect("a text"),
            "of another program"
        );
        replacing.name().expect("to replace");
        assert_eq!(
            fs::read_to_string(folder.path().join("info.json")).expect("a text"),
            ""
        );
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2);
    }
}
