//! ONNX Runtime, loaded once for the process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;

/// What was loaded, and from where. It is never unloaded: ONNX Runtime has threads that may outlive its users.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Why ONNX Runtime cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// The library cannot be loaded.
    #[error("ONNX Runtime cannot be loaded from {path}: {reason}")]
    Library {
        /// The file.
        path: String,
        /// What the system answered.
        reason: String,
    },
    /// Another file was loaded before, and a process has one.
    #[error(
        "ONNX Runtime was loaded from {loaded} before, and a process can load it once: {path} was refused"
    )]
    Other {
        /// The file that was asked for.
        path: String,
        /// The file that is loaded.
        loaded: String,
    },
}

/// ONNX Runtime.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads ONNX Runtime from its library, an absolute path. A second call returns what was loaded.
    ///
    /// # Errors
    /// What keeps it from being loaded.
    pub fn load(library: &Path) -> Result<Runtime, RuntimeError> {
        let path = || library.display().to_string();
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, environment)) = &*loaded {
            if from != library {
                let loaded = from.display().to_string();
                return Err(RuntimeError::Other {
                    path: path(),
                    loaded,
                });
            }
            let environment = environment.clone();
            return Ok(Runtime { environment });
        }
        let failed = |reason: String| RuntimeError::Library {
            path: path(),
            reason,
        };
        if !library.is_file() {
            return Err(failed("there is no such file".to_owned()));
        }
        let builder = ort::init_from(library).map_err(|error| failed(error.to_string()))?;
        let builder = builder.with_name("kilohertz").with_telemetry(false);
        let environment = builder.build().map_err(|error| failed(error.to_string()))?;
        *loaded = Some((library.to_owned(), environment.clone()));
        Ok(Runtime { environment })
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}
