//! A simulator with a client, on a thread of its own.
#![allow(dead_code, reason = "each test file uses its share")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use franka::{FrankaError, FrankaResult, RealtimeConfig, Robot};
use kilohertz_sim::{Generation, Simulator, SimulatorOptions};

/// A test that waits this long has found something that hangs.
pub const NEVER: Duration = Duration::from_secs(120);
/// One millisecond [s].
pub const DT: f64 = 1e-3;

/// Makes one test of each function for each arm.
#[macro_export]
macro_rules! on_each_arm {
    ($($promise:ident),* $(,)?) => {
        mod fr3 {
            $(#[test] fn $promise() { super::$promise(kilohertz_sim::Generation::Fr3) })*
        }
        mod fer {
            $(#[test] fn $promise() { super::$promise(kilohertz_sim::Generation::Fer) })*
        }
    };
}

/// Returns the default options for this arm.
pub fn options(generation: Generation) -> SimulatorOptions {
    SimulatorOptions {
        generation,
        ..SimulatorOptions::default()
    }
}

pub fn lockstep(generation: Generation) -> Simulator {
    Simulator::start(SimulatorOptions {
        lockstep: true,
        ..options(generation)
    })
    .unwrap()
}

pub fn wall_clock(generation: Generation) -> Simulator {
    Simulator::start(options(generation)).unwrap()
}

/// Starts on the wall clock, with a limit of lost packets that a stall of the machine does not reach.
pub fn forgiving(generation: Generation) -> Simulator {
    Simulator::start(SimulatorOptions {
        lost_packet_limit: 2000,
        ..options(generation)
    })
    .unwrap()
}

/// Returns the end of the last joint's range \[rad\].
pub fn end_of_range(generation: Generation) -> f64 {
    match generation {
        Generation::Fr3 => franka::rate_limiting::JOINT_POSITION_LIMITS.1[6],
        Generation::Fer => franka::rate_limiting::fer::JOINT_POSITION_LIMITS.1[6],
    }
}

pub fn connect(simulator: &Simulator) -> FrankaResult<Robot> {
    Robot::new(&simulator.address().to_string(), RealtimeConfig::Ignore)
}

/// Runs `body` with a connected client, on a thread of its own, because `Robot::new` raises the priority of the
/// thread that calls it.
pub fn with_robot<T: Send>(simulator: &Simulator, body: impl FnOnce(&Arc<Robot>) -> T + Send) -> T {
    thread::scope(|scope| {
        let client = scope.spawn(|| body(&Arc::new(connect(simulator).expect("a connection"))));
        match client.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Waits until a client is let in and receives a state.
pub fn lets_in(simulator: &Simulator, what: &str) {
    eventually(what, || {
        thread::scope(|scope| {
            let client = scope.spawn(|| connect(simulator).and_then(|robot| robot.read_once()));
            client.join().unwrap().is_ok()
        })
    });
}

/// Checks that a motion ended because too many of its packets in a row were lost.
pub fn assert_cut_off(error: &FrankaError) {
    let told = error.to_string();
    assert!(
        told.contains("communication_constraints_violation"),
        "{told}"
    );
}

/// Returns random bytes, the same for each seed.
pub fn noise(seed: u64) -> impl FnMut() -> u8 {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    }
}

/// Waits until `condition` holds, generously.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + NEVER;
    while !condition() {
        assert!(Instant::now() < give_up, "still not: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A velocity that rises and falls smoothly [rad/s]: zero at the ends, `peak` in the middle.
pub fn bump(tick: u32, ticks: u32, peak: f64) -> f64 {
    let phase = f64::from(tick) / f64::from(ticks);
    peak * (1.0 - (std::f64::consts::TAU * phase).cos()) / 2.0
}

pub fn largest_difference(a: &[f64; 7], b: &[f64; 7]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}
