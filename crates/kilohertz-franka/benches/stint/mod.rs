//! A session with a native policy on an arm, and what it measured: the time from the arrival of the arm's
//! state to the command sent.

use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::robot::Robot;
use kilohertz_core::session::{Config, Keeping, Session};
use kilohertz_core::stats::{Recorder, Stats};
use kilohertz_franka::{Arm, Control};

use crate::rows::{median, us};

pub const MS: Duration = Duration::from_millis(1);

/// One measurement.
pub struct Stint {
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    pub ticks: u64,
}

impl From<&Stats> for Stint {
    fn from(stats: &Stats) -> Stint {
        Stint {
            p50_us: us(stats.execution.p50),
            p99_us: us(stats.execution.p99),
            max_us: us(stats.execution.max),
            ticks: stats.iterations,
        }
    }
}

/// Returns the joint velocities at cycle `tick`: a swing that takes a second [rad/s].
pub fn swing(tick: u64) -> [f64; 7] {
    let phase = std::f64::consts::TAU * tick as f64 * 1e-3;
    [0.2 * phase.sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}

/// Swings the arm for so many milliseconds. `keep` says what is kept of the session.
///
/// # Errors
/// Returns why the session ended early.
pub fn swung(
    arm: &Arm,
    ms: u64,
    keep: impl FnOnce(&Config, &dyn Robot) -> Keeping,
) -> Result<Stats, String> {
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
    let keeping = keep(&config, &*robot);
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
    match &outcome.cause {
        Some(cause) => Err(format!("{cause:?}, {:?}", outcome.robot_error)),
        None => Ok(session.stats()),
    }
}

/// Returns the median of a figure.
pub fn median_of(stints: &[Stint], value: fn(&Stint) -> f64) -> f64 {
    median(stints.iter().map(value))
}

/// Prints the medians of each kind of measurement, by its name.
pub fn print_medians(names: [&str; 2], stints: &[Vec<Stint>; 2], rounds: u64, ms: u64) {
    println!("\nstate to command, medians of {rounds} rounds of {ms} ticks");
    println!("{:16} {:>9} {:>9} {:>11}", "", "p50 us", "p99 us", "max us");
    for (name, stints) in names.iter().zip(stints) {
        println!(
            "{name:16} {:9.2} {:9.2} {:11.1}",
            median_of(stints, |stint| stint.p50_us),
            median_of(stints, |stint| stint.p99_us),
            median_of(stints, |stint| stint.max_us),
        );
    }
}
