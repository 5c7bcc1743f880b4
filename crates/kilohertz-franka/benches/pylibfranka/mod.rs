//! `pylibfranka`, in the virtual environment under target/ that its tests also use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct PyLibfranka {
    python: PathBuf,
}

impl PyLibfranka {
    /// Installs `pylibfranka` if it is not installed yet. Returns what is missing if that is not possible.
    pub fn installed() -> Result<PyLibfranka, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let requirements = root.join("__test__/interop/pylibfranka/requirements.txt");
        let folder = root.join("target/pylibfranka");
        let python = folder.join("bin/python");
        let stamp = folder.join(".stamp");
        let wanted = fs::read(&requirements).map_err(|error| error.to_string())?;
        if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(PyLibfranka { python });
        }
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        let pip = [
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--no-deps",
        ];
        run(Command::new(&python)
            .args(pip)
            .args(["--only-binary=:all:", "--requirement"])
            .arg(&requirements))?;
        fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
        Ok(PyLibfranka { python })
    }

    /// Runs a motion of `ms` commands at rest.
    pub fn run(&self, host: &str, ms: u32) -> Result<(), String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pylibfranka/at_rest.py");
        let arguments = [host, &ms.to_string()];
        run(Command::new(&self.python).arg(script).args(arguments))
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", told.trim()))
}
