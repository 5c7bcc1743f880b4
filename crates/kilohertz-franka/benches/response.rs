//! From the arrival of the arm's state to the command sent, with a native policy, over a simulated arm on
//! the wall clock, compared with `franka-rs` alone on the same arm.
//!
//! Bar: 25 us at p50. Alternating rounds in one run, medians. If the machine stalls for so long that the
//! arm ends the motion, the row is measured again, and counted.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

mod repeats;
mod stint;

use franka::{FrankaResult, JointVelocities, MoveControllerMode, RealtimeConfig, motion_finished};
use kilohertz_core::session::Keeping;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{Arm, ArmError, ConnectOptions};
use kilohertz_sim::{Simulator, SimulatorOptions};
use repeats::Repeats;
use rows::{is_test, keep, percentile, print_machine, us};
use stint::{Stint, median_of, print_medians, swing, swung};

/// The programs that are timed, by their names in the rows.
const CLIENTS: [&str; 2] = ["kilohertz", "franka-rs alone"];

fn connect(simulator: &Simulator) -> Result<Arm, ArmError> {
    Arm::connect(&simulator.address().to_string(), &ConnectOptions::default())
}

fn ours(simulator: &Simulator, ms: u64) -> Result<Stint, String> {
    let arm = connect(simulator).map_err(|error| error.to_string())?;
    let stats = swung(&arm, ms, |_, _| Keeping::default())?;
    Ok(Stint::from(&stats))
}

/// Measures the client alone, which makes the thread that connects a realtime one.
fn client_alone(simulator: &Simulator, ms: u64) -> FrankaResult<Stint> {
    let robot = franka::Robot::new(&simulator.address().to_string(), RealtimeConfig::Ignore)?;
    let mut motion = robot.start_joint_velocity_control(MoveControllerMode::JointImpedance)?;
    let mut took = Vec::with_capacity(ms as usize);
    for tick in 0..ms {
        motion.read_once()?;
        let started = Time::now();
        motion.write_once(&JointVelocities::new(swing(tick)), None)?;
        took.push(us(Time::now().since(started)));
    }
    motion.read_once()?;
    motion.write_once(&motion_finished(JointVelocities::new([0.0; 7])), None)?;
    Ok(Stint {
        p50_us: percentile(&mut took, 50),
        p99_us: percentile(&mut took, 99),
        max_us: percentile(&mut took, 100),
        ticks: ms,
    })
}

/// Measures one of the two. If that fails, the arm is made ready for another attempt.
fn measure(simulator: &Simulator, index: usize, ms: u64) -> Result<Stint, String> {
    let measured = match index {
        0 => ours(simulator, ms),
        _ => std::thread::scope(|scope| {
            let thread = scope.spawn(|| client_alone(simulator, ms));
            let alone = thread.join().expect("the client does not panic");
            alone.map_err(|error| error.to_string())
        }),
    };
    if measured.is_err() {
        connect(simulator)
            .and_then(|arm| arm.recover())
            .map_err(|error| error.to_string())?;
    }
    measured
}

fn main() {
    print_machine();
    // Each round consists of whole swings, so that the motion ends at rest.
    let (rounds, ms) = if is_test() { (1, 1_000) } else { (7, 4_000) };
    let simulator = Simulator::start(SimulatorOptions::default()).expect("a simulator");
    let mut raw = Vec::new();
    let mut repeats = Repeats::default();
    let mut stints: [Vec<Stint>; 2] = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (index, name) in CLIENTS.iter().enumerate() {
            let stint = repeats.until_measured(name, || measure(&simulator, index, ms));
            raw.push(format!(
                "{round},{name},{:.2},{:.2},{:.1},{}",
                stint.p50_us, stint.p99_us, stint.max_us, stint.ticks
            ));
            stints[index].push(stint);
        }
    }
    print_medians(CLIENTS, &stints, rounds, ms);
    let of = |which: usize| median_of(&stints[which], |stint| stint.p50_us);
    let p50 = of(0);
    let ratio = p50 / of(1);
    let counters = simulator.counters();
    println!("p50 {p50:.1} us (bar 25), {ratio:.2}x of franka-rs alone");
    println!(
        "commands lost: {}, ticks that the simulator missed: {}",
        counters.commands_lost, counters.missed_ticks
    );
    repeats.print();
    keep("response", "round,client,p50_us,p99_us,max_us,ticks", &raw);
}
