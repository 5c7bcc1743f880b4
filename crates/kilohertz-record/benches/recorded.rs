//! From the arrival of the arm's state to the command sent, with a native policy, over a simulated arm on the
//! wall clock: recorded into a file and kept in memory, compared with neither.
//!
//! Bars: p50 grows by 1 us at most, and every cycle is in the file. Alternating rounds in one run, medians. If
//! the machine stalls for so long that the arm ends the motion, the row is measured again, and counted.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

#[path = "../../kilohertz-franka/benches/repeats/mod.rs"]
mod repeats;

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::session::{BlackBox, Config, Keeping, Session, cycle_rings};
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{Arm, ConnectOptions, Control};
use kilohertz_record::layout::Layout;
use kilohertz_record::live::{Clocks, Log, SessionSource};
use kilohertz_record::run::{Run, Start};
use kilohertz_record::writer::{Recording, RunWriter};
use kilohertz_sim::{Simulator, SimulatorOptions};
use repeats::Repeats;
use rows::{is_test, keep, median, print_machine, us};

const MS: Duration = Duration::from_millis(1);
/// As long as a session keeps its newest cycles in memory unless it is told otherwise.
const BLACK_BOX: Duration = Duration::from_secs(10);
/// What is kept of the run, by its name in the rows.
const KEPT: [&str; 2] = ["nothing", "recorded"];

struct Stint {
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    ticks: u64,
    lost: u64,
}

/// Returns the joint velocities at cycle `tick`: a swing that takes a second [rad/s].
fn swing(tick: u64) -> [f64; 7] {
    let phase = std::f64::consts::TAU * tick as f64 * 1e-3;
    [0.2 * phase.sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}

fn measure(simulator: &Simulator, ms: u64, path: Option<&Path>) -> Result<Stint, String> {
    let arm = Arm::connect(&simulator.address().to_string(), &ConnectOptions::default())
        .map_err(|error| error.to_string())?;
    let measured = drive(&arm, ms, path);
    if measured.is_err() {
        arm.recover().map_err(|error| error.to_string())?;
    }
    measured
}

fn drive(arm: &Arm, ms: u64, path: Option<&Path>) -> Result<Stint, String> {
    let (robot, limits) = arm
        .robot(Control::JointVelocity)
        .map_err(|error| error.to_string())?;
    let policy = Native::new(7, |ask: &Ask<'_>, action: &mut [f64]| {
        action.copy_from_slice(&swing(ask.tick));
        Ok(())
    });
    let config = Config {
        run_for: Some(MS * ms as u32),
        ..Config::default()
    };
    let mut keeping = Keeping::default();
    let recording = path.map(|path| {
        let lengths = config.lengths(&*robot);
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
        let source = SessionSource::new(cycles, Log::default(), clocks);
        Recording::start(writer, source, |error| panic!("{error}")).expect("a thread")
    });
    let recorder = Arc::new(Recorder::new(MS, 100_000));
    let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
    let session = Session::start_keeping(
        robot,
        Box::new(policy),
        limits,
        config,
        keeping,
        recorder,
        notifier,
    )
    .expect("a thread");
    while !session.join(Duration::from_secs(1)) {}
    let outcome = session.outcome().expect("it has ended");
    if let Some(cause) = &outcome.cause {
        return Err(format!("{cause:?}, {:?}", outcome.robot_error));
    }
    let stats = session.stats();
    let lost = recording.map_or(0, |recording| {
        let counts = recording.end().expect("a file that is whole");
        stats.iterations.saturating_sub(counts.kept.cycles)
    });
    Ok(Stint {
        p50_us: us(stats.execution.p50),
        p99_us: us(stats.execution.p99),
        max_us: us(stats.execution.max),
        ticks: stats.iterations,
        lost,
    })
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
    for round in 0..rounds {
        let path = folder.path().join("run.mcap");
        let places = [None, Some(path.as_path())];
        for ((name, path), stints) in KEPT.into_iter().zip(places).zip(&mut stints) {
            let stint = repeats.until_measured(name, || {
                let measured = measure(&simulator, ms, path);
                let _ = path.map(std::fs::remove_file);
                measured
            });
            raw.push(format!(
                "{round},{name},{:.2},{:.2},{:.1},{},{}",
                stint.p50_us, stint.p99_us, stint.max_us, stint.ticks, stint.lost
            ));
            stints.push(stint);
        }
    }
    let of = |which: usize, value: fn(&Stint) -> f64| median(stints[which].iter().map(value));
    println!("\nstate to command, medians of {rounds} rounds of {ms} ticks");
    println!("{:16} {:>9} {:>9} {:>11}", "", "p50 us", "p99 us", "max us");
    for (index, name) in KEPT.iter().enumerate() {
        println!(
            "{name:16} {:9.2} {:9.2} {:11.1}",
            of(index, |stint| stint.p50_us),
            of(index, |stint| stint.p99_us),
            of(index, |stint| stint.max_us),
        );
    }
    let grows = of(1, |stint| stint.p50_us) - of(0, |stint| stint.p50_us);
    let lost: u64 = stints[1].iter().map(|stint| stint.lost).sum();
    println!("p50 grows by {grows:.2} us (bar 1); cycles that are not in the file: {lost} (bar 0)");
    repeats.print();
    keep(
        "recorded",
        "round,kept,p50_us,p99_us,max_us,ticks,lost",
        &raw,
    );
}
