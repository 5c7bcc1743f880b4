//! The page's own files: they are read once, and nothing else is served.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file that stands for the address itself.
const INDEX: &str = "index.html";
/// The folder of the meshes.
const MESHES: &str = "meshes";

/// A file of the page that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} of the page cannot be read: {source}; install the package again, or build it with `npm run build`"
)]
pub struct MissingFile {
    /// The file.
    path: PathBuf,
    /// Why it cannot be read.
    source: io::Error,
}

/// A file as it is served.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub media_type: &'static str,
    pub bytes: hyper::body::Bytes,
}

/// The page's files.
#[derive(Debug, Clone, Default)]
pub struct Files(BTreeMap<String, File>);

impl Files {
    /// Reads the files of the page from the folder that it was built into.
    ///
    /// # Errors
    /// Returns [`MissingFile`] if one of them cannot be read.
    pub fn read(folder: &Path) -> Result<Files, MissingFile> {
        let mut files = BTreeMap::new();
        for name in [INDEX, "page.js", "page.css"] {
            files.insert(name.to_owned(), read(&folder.join(name))?);
        }
        read_all(&folder.join(MESHES), MESHES, &mut files)?;
        Ok(Files(files))
    }

    /// Returns a file by its path behind the token.
    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(if path.is_empty() { INDEX } else { path })
    }
}

/// Reads what is in a folder and in the folders within it.
fn read_all(
    folder: &Path,
    name: &str,
    files: &mut BTreeMap<String, File>,
) -> Result<(), MissingFile> {
    let missing = |source| MissingFile {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(missing)? {
        let path = entry.map_err(missing)?.path();
        let Some(last) = path.file_name().and_then(|last| last.to_str()) else {
            continue;
        };
        let name = format!("{name}/{last}");
        if path.is_dir() {
            read_all(&path, &name, files)?;
        } else {
            files.insert(name, read(&path)?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<File, MissingFile> {
    let bytes = std::fs::read(path).map_err(|source| MissingFile {
        path: path.to_owned(),
        source,
    })?;
    Ok(File {
        media_type: media_type(path),
        bytes: bytes.into(),
    })
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("glb") => "model/gltf-binary",
        _ => "application/octet-stream",
    }
}
