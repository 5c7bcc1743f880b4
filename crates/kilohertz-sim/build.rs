//! Builds the model library that a simulated FER serves, where the compiler can link a shared object here.

use std::env::{self, VarError};
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = "model-library/fer.rs";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    let library = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("libfcimodels.so");
    let built = build(&library);
    if let Err(reason) = &built {
        println!("cargo::warning=a simulated FER will serve no model library: {reason}");
    }
    if built.is_err() {
        // Served as an error.
        let _ = std::fs::write(&library, []);
    }
}

fn build(library: &PathBuf) -> Result<(), String> {
    let told = |name: &str| env::var(name).map_err(|error: VarError| format!("{name}: {error}"));
    if told("CARGO_CFG_TARGET_OS")? != "linux" {
        return Err("clients load it on Linux alone".to_owned());
    }
    if told("HOST")? != told("TARGET")? {
        return Err("no linker for another machine is known".to_owned());
    }
    let mut compiler = Command::new(told("RUSTC")?);
    compiler
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "--crate-name",
            "fcimodels",
        ])
        .args([
            "-C",
            "opt-level=3",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
            "-o",
        ])
        .arg(library)
        .arg(SOURCE);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut argument = std::ffi::OsString::from("linker=");
        argument.push(linker);
        compiler.arg("-C").arg(argument);
    }
    let output = compiler.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr)
            .lines()
            .take(5)
            .collect::<Vec<_>>()
            .join("; ")),
    }
}
