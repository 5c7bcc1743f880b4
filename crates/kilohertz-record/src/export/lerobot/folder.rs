//! The folder of a data set while a run is added to it.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::RecordError;
use crate::lock::Locked;
use crate::new_file::PART;

/// How often a folder is made that another export removes meanwhile.
const TRIES: u32 = 100;

/// The folder of a data set, which one export at a time adds to. It is locked until this is dropped, or the
/// process ends. Folders that were made and are empty then are removed.
///
/// A file system without locks has none to keep another export away with.
pub struct DataSetFolder {
    path: PathBuf,
    /// What was made, outer folders first.
    made: Vec<PathBuf>,
    lock: Option<Locked>,
}

impl DataSetFolder {
    /// Locks a folder, which is made if it is not there. What an export that was killed has left there is
    /// removed.
    ///
    /// # Errors
    /// Returns [`RecordError::Busy`] while another export adds to it, and [`RecordError::Io`] if the folder
    /// cannot be made.
    pub fn open(path: &Path) -> Result<DataSetFolder, RecordError> {
        for _ in 0..TRIES {
            let mut folder = DataSetFolder {
                path: path.to_owned(),
                made: Vec::new(),
                lock: None,
            };
            folder.make(path)?;
            // Without the lock what was made may be another export's by now, so it stays.
            let made = std::mem::take(&mut folder.made);
            let lock = match File::open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.map_err(RecordError::io(path, "opened"))?,
            };
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => break,
                // Some file systems lock no folders.
                Err(TryLockError::Error(_)) => {
                    folder.made = made;
                    return Ok(folder);
                }
            }
            // Between both, the export that had made the folder may have removed it.
            if is_same(&lock, path) {
                folder.lock = Some(Locked::new(lock));
                folder.made = made;
                for part in ["data", "meta", "videos"] {
                    sweep(&path.join(part));
                }
                return Ok(folder);
            }
        }
        Err(RecordError::Busy {
            path: path.to_owned(),
            by: "the other export",
        })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the place of a file of a part, and makes its folder.
    pub(super) fn place(
        &mut self,
        part: &str,
        (chunk, file): (usize, usize),
        end: &str,
    ) -> Result<PathBuf, RecordError> {
        let folder = self.path.join(part).join(format!("chunk-{chunk:03}"));
        self.make(&folder)?;
        Ok(folder.join(format!("file-{file:03}.{end}")))
    }

    /// Makes a folder and those above it.
    fn make(&mut self, folder: &Path) -> Result<(), RecordError> {
        let mut created = fs::create_dir(folder);
        let above = folder
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        if created
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::NotFound)
            && let Some(above) = above
        {
            self.make(above)?;
            created = fs::create_dir(folder);
        }
        match created {
            Ok(()) => self.made.push(folder.to_owned()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let file = ErrorKind::NotADirectory.into();
                return Err(RecordError::io(folder, "created")(file));
            }
            Err(error) => return Err(RecordError::io(folder, "created")(error)),
        }
        Ok(())
    }
}

impl Drop for DataSetFolder {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // One that has something stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Returns true if a path leads to an open folder.
fn is_same(open: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (open.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => place(open) == place(there),
        _ => false,
    }
}

/// Returns true for the name of a file of a data set that has not got its own name yet, as in
/// `.file-000.parquet.123.part`.
pub(super) fn is_part(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let begins = [".file-", ".info.json.", ".stats.json.", ".tasks.parquet."];
    let number = name
        .strip_suffix(PART)
        .and_then(|name| name.rsplit('.').next());
    begins.iter().any(|begin| name.starts_with(begin))
        && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Removes what an export that was killed has left. The lock says that none is under way.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => sweep(&entry.path()),
            Ok(kind) if kind.is_file() && is_part(&entry.file_name()) => {
                // One that cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
            _ => {}
        }
    }
}
