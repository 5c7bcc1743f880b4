//! How many seconds of the arm a second of the wall clock has, in lockstep: a session with a native policy,
//! and moves. Beside them, in the same run, the floor: two threads that exchange datagrams of the same size,
//! with the step of the arm on one side, and without it.
//!
//! Bar: a native policy runs at 20 times real time. Alternating rounds in one run, medians.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use franka::wire::robot::{MoveMotionGeneratorMode, RobotCommand, RobotState};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::session::{Config, Latency, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_franka::move_to::{Goal, HOME, MovePolicy};
use kilohertz_franka::{Arm, ConnectOptions, Control};
use kilohertz_sim::measured::Stepped;
use kilohertz_sim::{Simulator, SimulatorOptions};
use rows::{is_test, keep, median, print_machine, us};

const MS: Duration = Duration::from_millis(1);

/// What is timed, by its name in the rows.
const ROWS: [&str; 5] = [
    "native policy",
    "native policy, with friction",
    "move",
    "floor: datagrams and steps",
    "floor: datagrams",
];

/// Returns the joint velocities at cycle `tick`: a swing that takes two seconds [rad/s].
fn swing(tick: u64) -> [f64; 7] {
    let phase = std::f64::consts::PI * tick as f64 * 1e-3;
    [0.2 * phase.sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}

/// Seconds of the arm, and of the wall clock.
struct Stint {
    arm_s: f64,
    wall_s: f64,
}

fn connect(friction: bool) -> (Simulator, Arm) {
    let simulator = Simulator::start(SimulatorOptions {
        lockstep: true,
        friction,
        ..SimulatorOptions::default()
    })
    .expect("a simulator");
    let address = simulator.address().to_string();
    let arm = Arm::connect(&address, &ConnectOptions::default()).expect("a connection");
    (simulator, arm)
}

/// Runs a session to its end. Its time is that of its cycles.
fn session(
    arm: &Arm,
    control: Control,
    policy: impl Policy + 'static,
    run_for: Option<Duration>,
) -> Stint {
    let (robot, limits) = arm.robot(control).expect("an idle arm");
    let config = Config {
        run_for,
        lockstep: Some(Latency::NONE),
        realtime: RealtimeRequest {
            priority: None,
            ..RealtimeRequest::default()
        },
        ..Config::default()
    };
    let recorder = Arc::new(Recorder::new(MS, 100_000));
    let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
    let began = Instant::now();
    let session = Session::start(robot, Box::new(policy), limits, config, recorder, notifier)
        .expect("a thread");
    while !session.join(Duration::from_secs(1)) {}
    let wall_s = began.elapsed().as_secs_f64();
    let outcome = session.outcome().expect("it has ended");
    assert!(outcome.cause.is_none(), "{:?}", outcome.cause);
    assert!(outcome.robot_error.is_none(), "{:?}", outcome.robot_error);
    let arm_s = session.stats().iterations as f64 * 1e-3;
    Stint { arm_s, wall_s }
}

fn native(friction: bool, ms: u32) -> Stint {
    let (_simulator, arm) = connect(friction);
    let policy = Native::new(7, |ask: &Ask<'_>, action: &mut [f64]| {
        action.copy_from_slice(&swing(ask.tick));
        Ok(())
    });
    session(&arm, Control::JointVelocity, policy, Some(MS * ms))
}

/// Moves there and back until the arm has moved for about `ms`.
fn moves(ms: u32) -> Stint {
    let (_simulator, arm) = connect(true);
    let mut all = Stint {
        arm_s: 0.0,
        wall_s: 0.0,
    };
    let mut away = 0.25;
    while all.arm_s < f64::from(ms) * 1e-3 {
        let goal = Goal::Joints(HOME.map(|q| q + away));
        let plan = arm.plan_move(&goal, 0.02).expect("a way");
        let policy = MovePolicy::new(plan, Arc::default());
        let one = session(&arm, Control::JointPosition, policy, None);
        all.arm_s += one.arm_s;
        all.wall_s += one.wall_s;
        away = -away;
    }
    all
}

/// Two threads that exchange a state for a command, with the arm's step between them or without it.
fn floor(steps: bool, ms: u32) -> Stint {
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let (arm, client) = (socket(), socket());
    arm.connect(client.local_addr().expect("an address"))
        .and_then(|()| client.connect(arm.local_addr()?))
        .expect("a connection");
    let options = SimulatorOptions::default();
    let mut stepped =
        Stepped::start(&options, MoveMotionGeneratorMode::JointVelocity).expect("an arm");
    let mut command = RobotCommand::default();
    stepped.step(None);
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = [0; size_of::<RobotState>()];
            for _ in 0..ms {
                client.recv(&mut state).expect("a state");
                let answer = [0; size_of::<RobotCommand>()];
                client.send(&answer).expect("a reader");
            }
        });
        let mut state = [0; size_of::<RobotState>()];
        let mut answer = [0; size_of::<RobotCommand>()];
        for _ in 0..ms {
            if steps {
                let next = stepped.step(Some(&mut command));
                state.copy_from_slice(zerocopy::IntoBytes::as_bytes(&next));
            }
            arm.send(&state).expect("a reader");
            arm.recv(&mut answer).expect("a command");
        }
    });
    Stint {
        arm_s: f64::from(ms) * 1e-3,
        wall_s: began.elapsed().as_secs_f64(),
    }
}

fn measure(row: usize, ms: u32) -> Stint {
    match row {
        0 => native(false, ms),
        1 => native(true, ms),
        2 => moves(ms),
        3 => floor(true, ms),
        _ => floor(false, ms),
    }
}

fn main() {
    print_machine();
    // Each round consists of whole swings, so that the motion ends at rest.
    let (rounds, ms) = if is_test() { (1, 2_000) } else { (7, 20_000) };
    let mut raw = Vec::new();
    let mut stints: [Vec<Stint>; ROWS.len()] = Default::default();
    for round in 0..rounds {
        for (row, name) in ROWS.iter().enumerate() {
            let stint = measure(row, ms);
            raw.push(format!(
                "{round},{name},{:.3},{:.4}",
                stint.arm_s, stint.wall_s
            ));
            stints[row].push(stint);
        }
    }
    println!("\nlockstep, medians of {rounds} rounds of about {ms} ms of the arm");
    println!("{:30} {:>14} {:>12}", "", "x real time", "us a cycle");
    let ratio = |row: usize| median(stints[row].iter().map(|stint| stint.arm_s / stint.wall_s));
    for (row, name) in ROWS.iter().enumerate() {
        let cycle = us(MS.div_f64(ratio(row)));
        println!("{name:30} {:14.1} {cycle:12.1}", ratio(row));
    }
    println!(
        "a native policy: {:.1} times real time (bar 20), {:.2} of the floor with steps",
        ratio(0),
        ratio(0) / ratio(3)
    );
    keep("lockstep", "round,what,arm_s,wall_s", &raw);
}
