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
        let meshes = folder.join(MESHES);
        let listed = std::fs::read_dir(&meshes).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let listed = listed.map_err(|source| MissingFile {
            path: meshes,
            source,
        })?;
        for entry in listed {
            if let Some(name) = entry.file_name().to_str() {
                files.insert(format!("{MESHES}/{name}"), read(&entry.path())?);
            }
        }
        Ok(Files(files))
    }

    /// Returns a file by its path behind the token.
    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(if path.is_empty() { INDEX } else { path })
    }
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
