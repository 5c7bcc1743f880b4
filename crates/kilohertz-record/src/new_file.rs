//! A file that gets its name when it is whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::RecordError;

/// What the name of a file ends with until it is whole. Before it is the number of the process, and another number if that
/// name is taken.
pub(crate) const PART: &str = ".part";

/// How many names may be taken.
const MOST_TAKEN: u32 = 1000;

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
        let (beside, file) = create_beside(path).map_err(RecordError::io(path, "created"))?;
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

    /// Gives the file its name. It was forced to the disk before.
    pub fn rename(mut self) -> Result<(), RecordError> {
        let named = match self.replaces {
            true => fs::rename(&self.beside, &self.path),
            false => name_new(&self.beside, &self.path),
        };
        named.map_err(RecordError::io(&self.path, "named"))?;
        self.is_named = true;
        Ok(())
    }

    /// Forces the file to the disk and gives it its name.
    pub fn name(self) -> Result<(), RecordError> {
        self.force()?;
        self.rename()
    }
}

/// Gives files their names: all of them, or none. They were forced to the disk before. Those that are replaced are held in
/// memory meanwhile.
pub(crate) fn rename_all(files: impl IntoIterator<Item = NewFile>) -> Result<(), RecordError> {
    let mut named: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
    let each = files.into_iter().try_for_each(|file| {
        let path = file.path.clone();
        let before = match file.replaces {
            true => content(&path)?,
            false => None,
        };
        file.rename()?;
        named.push((path, before));
        Ok(())
    });
    if each.is_err() {
        for (path, before) in named.iter().rev() {
            // What has failed first is told.
            let _ = match before {
                Some(before) => put_back(path, before),
                None => fs::remove_file(path).map_err(RecordError::io(path, "removed")),
            };
        }
    }
    each
}

/// Returns what a file has; `None` if it does not exist.
fn content(path: &Path) -> Result<Option<Vec<u8>>, RecordError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RecordError::io(path, "read")(error)),
    }
}

fn put_back(path: &Path, before: &[u8]) -> Result<(), RecordError> {
    let (new, mut file) = NewFile::replacing(path)?;
    file.write_all(before)
        .map_err(RecordError::io(path, "written"))?;
    new.name()
}

/// Creates a file beside `path`, with a name that is not taken. A process that was killed may have left one of the same
/// number: in a container a program often has the same number each time.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let (name, process) = (path.file_name().unwrap_or_default(), std::process::id());
    let mut taken = 0_u32;
    loop {
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(match taken {
            0 => format!(".{process}{PART}"),
            others => format!(".{process}.{others}{PART}"),
        });
        let beside = path.with_file_name(beside);
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).open(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && taken < MOST_TAKEN => {
                taken += 1;
            }
            Err(error) => return Err(error),
        }
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

    #[test]
    fn what_a_process_of_the_same_number_has_left_stands_in_no_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(NewFile::create(&path).expect("a file").0);
        }
        all.pop().expect("the last").name().expect("to name it");
        assert!(path.exists());
        drop(all);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn files_get_their_names_together_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        fs::write(place("stats.json"), "old").expect("to write");
        // No file can take the place of this folder.
        fs::create_dir(place("info.json")).expect("a folder");
        fs::write(place("info.json/some"), "").expect("to write");
        let new = || {
            let replacing = ["tasks.parquet", "stats.json", "info.json"]
                .map(|name| NewFile::replacing(&place(name)).expect("a file").0);
            let data = NewFile::create(&place("file-000.parquet")).expect("a file");
            [data.0].into_iter().chain(replacing)
        };
        let error = rename_all(new()).expect_err("an error");
        assert!(error.to_string().contains("info.json"), "{error}");
        let left = || {
            let all = fs::read_dir(folder.path()).expect("the folder").flatten();
            let mut names: Vec<_> = all.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["info.json", "stats.json"]);
        let stats = || fs::read_to_string(place("stats.json")).expect("a text");
        assert_eq!(stats(), "old");

        fs::remove_dir_all(place("info.json")).expect("to remove");
        rename_all(new()).expect("to rename");
        assert_eq!(left().len(), 4);
        assert_eq!(stats(), "");
    }
}
