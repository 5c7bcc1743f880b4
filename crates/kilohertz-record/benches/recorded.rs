//! From the arrival of the arm's state to the command sent, with a native policy, over a simulated arm on the
//! wall clock: recorded into a file and kept in memory, compared with neither.
//!
//! Bars: p50 grows by 1 us at most, and every cycle is in the file. Alternating rounds in one run, medians. If
//! the machine stalls for so long that the arm ends the motion, the row is measured again, and counted.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

#[path = "../../kilohertz-franka/benches/repeats/mod.rs"]
mod repeats;

#[path = "../../kilohertz-franka/benches/stint/mod.rs"]
mod stint;

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::robot::Robot;
use kilohertz_core::session::{BlackBox, Config, Keeping, cycle_rings};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{Arm, ConnectOptions};
use kilohertz_record::layout::Layout;
use kilohertz_record::live::{Clocks, Log, Reason, SessionSource};
use kilohertz_record::run::{Run, Start};
use kilohertz_record::writer::{Recording, RunWriter};
use kilohertz_sim::{Simulator, SimulatorOptions};
use repeats::Repeats;
use rows::{is_test, keep, print_machine};
use stint::{MS, Stint, median_of, print_medians, swung};

/// As long as a session keeps its newest cycles in memory unless it is told otherwise.
const BLACK_BOX: Duration = Duration::from_secs(10);
/// What is kept of the run, by its name in the rows.
const KEPT: [&str; 2] = ["nothing", "recorded"];

fn measure(simulator: &Simulator, ms: u64, path: Option<&Path>) -> Result<(Stint, u64), String> {
    let arm = Arm::connect(&simulator.address().to_string(), &ConnectOptions::default())
        .map_err(|error| error.to_string())?;
    let measured = drive(&arm, ms, path);
    if measured.is_err() {
        arm.recover().map_err(|error| error.to_string())?;
    }
    measured
}

/// Returns what was measured, and how many cycles are not in the file.
fn drive(arm: &Arm, ms: u64, path: Option<&Path>) -> Result<(Stint, u64), String> {
    let mut recording = None;
    let stats = swung(arm, ms, |config, robot| {
        let mut keeping = Keeping::default();
        if let Some(path) = path {
            recording = Some(record(path, config, robot, &mut keeping));
        }
        keeping
    })?;
    let lost = recording.map_or(0, |recording| {
        let counts = recording.end().expect("a file that is whole");
        stats.iterations.saturating_sub(counts.kept.cycles)
    });
    Ok((Stint::from(&stats), lost))
}

/// Begins to record into a new file, and to keep the newest cycles in memory.
fn record(path: &Path, config: &Config, robot: &dyn Robot, keeping: &mut Keeping) -> Recording {
    let lengths = config.lengths(robot);
    let (all, cycles) = cycle_rings(lengths, MS);
    keeping.all = Some(all);
    keeping.black_box = Some(BlackBox::new(lengths, BLACK_BOX, MS));
    let start = Start {
        monotonic_ns: Time::now().as_nanos(),
        ..fixture::START
    };
    let action = robot.action().clone();
    let run = Run {
        state: Layout::from(robot.observation()),
        action: Layout::from(&action),
        answer: Layout::from(&action),
        start,
        ..fixture::run()
    };
    let clocks = Clocks {
        start,
        period_s: MS.as_secs_f64(),
        action,
    };
    let writer = RunWriter::create(path, run, &fixture::options()).expect("a file");
    let reason = Reason {
        code: String::new(),
        text: "stop() was called".to_owned(),
    };
    let source = SessionSource::new(cycles, Log::default(), clocks, Arc::new(reason.into()));
    Recording::start(writer, source, |error| panic!("{error}")).expect("a thread")
}

fn main() {
    print_machine();
    // Each round consists of whole swings, so that the motion ends at rest.
    let (rounds, ms) = if is_test() { (1, 1_000) } else { (9, 6_000) };
    let simulator = Simulator::start(SimulatorOptions::default()).expect("a simulator");
    let folder = tempfile::tempdir().expect("a folder");
    let mut raw = Vec::new();
    let mut repeats = Repeats::default();
    let mut stints: [Vec<Stint>; 2] = [Vec::new(), Vec::new()];
    let mut lost = 0;
    for round in 0..rounds {
        let path = folder.path().join("run.mcap");
        let places = [None, Some(path.as_path())];
        for ((name, path), stints) in KEPT.into_iter().zip(places).zip(&mut stints) {
            let (stint, not_kept) = repeats.until_measured(name, || {
                let measured = measure(&simulator, ms, path);
                let _ = path.map(std::fs::remove_file);
                measured
            });
            raw.push(format!(
                "{round},{name},{:.2},{:.2},{:.1},{},{}",
                stint.p50_us, stint.p99_us, stint.max_us, stint.ticks, not_kept
            ));
            lost += not_kept;
            stints.push(stint);
        }
    }
    print_medians(KEPT, &stints, rounds, ms);
    let [nothing, recorded] = &stints;
    let grows =
        median_of(recorded, |stint| stint.p50_us) - median_of(nothing, |stint| stint.p50_us);
    println!("p50 grows by {grows:.2} us (bar 1); cycles that are not in the file: {lost} (bar 0)");
    repeats.print();
    keep(
        "recorded",
        "round,kept,p50_us,p99_us,max_us,ticks,lost",
        &raw,
    );
}
