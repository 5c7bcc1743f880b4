//! Code that the benches with alternating rounds share: percentiles, medians, the raw rows.

use std::path::Path;
use std::time::Duration;

/// Returns true if each bench runs only for a short time, to check that it runs; no rows are kept then.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Returns true if the bench runs as a part of `npm run bench -- peers`: for a shorter time, and its rows are kept
/// apart, so that those of a run of its own stay.
pub fn is_for_peers() -> bool {
    std::env::var("BENCH_PEERS").is_ok_and(|value| value == "1")
}

/// Returns the percentile by nearest rank; `values` need not be in order.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100);
    values
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Returns the middle value.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    percentile(&mut values, 50)
}

pub fn us(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Prints the machine on which the figures were measured.
pub fn print_machine() {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .collect();
    let model = models.first().copied().unwrap_or("unknown");
    println!("Linux {}, {} x {model}", kernel.trim(), models.len());
}

/// Writes raw rows to `benches/results/<name>.csv`, of a comparison with peers to `peers-<name>.csv` there, unless this
/// is only a test of the bench.
pub fn keep(name: &str, header: &str, rows: &[String]) {
    if is_test() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/results");
    let text = format!("{header}\n{}\n", rows.join("\n"));
    let prefix = if is_for_peers() { "peers-" } else { "" };
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(format!("{prefix}{name}.csv")), text));
    if let Err(error) = written {
        eprintln!("the rows could not be kept: {error}");
    }
}
