//! How long an hour at 1 kHz takes to export and to draw, and how much memory that needs.
//!
//!     cargo bench -p kilohertz-record --bench hour
//!     cargo bench -p kilohertz-record --bench hour -- 10      minutes instead of 60
//!
//! Each export runs in a process of its own, whose highest memory is measured. The recording has some 1.6 GB.
//! As a test (`cargo test --benches`) it goes through five seconds.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::path::Path;
use std::time::Instant;

fn main() {
    if fixture::memory::run_child() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let minutes = arguments
        .iter()
        .find_map(|argument| argument.parse::<f64>().ok());
    let seconds = if is_bench {
        minutes.unwrap_or(60.0) * 60.0
    } else {
        5.0
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let (before, processor_s) = (Instant::now(), fixture::memory::processor_s());
    fixture::record(&path, (seconds * 1000.0) as u64);
    let size = std::fs::metadata(&path).expect("the file").len() as f64 / 1e6;
    let took = (
        before.elapsed().as_secs_f64(),
        fixture::memory::processor_s() - processor_s,
    );
    row(
        "make and record",
        seconds,
        took,
        &format!("{size:.0} MB file"),
    );
    for what in fixture::memory::EXPORTS {
        let before = Instant::now();
        let cost = fixture::memory::cost_of(what, &path, Path::new(folder.path()), &[]);
        let took = (before.elapsed().as_secs_f64(), cost.processor_s);
        row(
            what,
            seconds,
            took,
            &format!("{:.0} MB of memory", cost.peak as f64 / 1e6),
        );
    }
}

fn row(what: &str, seconds: f64, (took, processor_s): (f64, f64), more: &str) {
    let faster = seconds / processor_s;
    println!(
        "{what}: {seconds:.0} s in {took:.1} s, {processor_s:.1} s of a core ({faster:.0} times); {more}"
    );
}
