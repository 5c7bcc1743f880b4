//! How long a cycle takes in each control mode: the loop body with and without the arm's limits and their
//! judge, and a whole cycle over the simulator, from the state to the command; a call of the model, a step
//! of the simulator.

#[path = "swinging/mod.rs"]
mod swinging;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use franka::model::Frame;
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_franka::kinematics::model::{ArmModel, Posture, Quantity};
use kilohertz_franka::{Arm, ConnectOptions, Control, Generation};
use kilohertz_sim::{Simulator, SimulatorOptions};
use swinging::{Checks, MS, Swung, swing};

/// How many cycles run before those that are timed.
const WARM_UP: u64 = 50;

/// The loop between a state and a command, without a socket. Each cycle is timed separately, because the
/// arm is stepped in between.
fn ticks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for control in Control::ALL {
        for (what, checks) in [
            ("without limits", Checks::Nothing),
            ("limits and judge", Checks::Arm),
            ("limits, judge and recording", Checks::Kept),
        ] {
            group.bench_function(BenchmarkId::new(what, control), |bencher| {
                bencher.iter_custom(|cycles| {
                    let took = Arc::new(AtomicU64::new(0));
                    let taken = Arc::clone(&took);
                    swinging::run(control, checks, WARM_UP + cycles, move |number, cycle| {
                        let before = Instant::now();
                        let flow = cycle();
                        if number >= WARM_UP {
                            let took = before.elapsed().as_nanos() as u64;
                            taken.fetch_add(took, Ordering::Relaxed);
                        }
                        flow
                    });
                    Duration::from_nanos(took.load(Ordering::Relaxed))
                });
            });
        }
    }
    group.finish();
}

/// A session on the simulated arm, on the wall clock: from the arrival of the state to the command sent.
fn responses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state to command");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(3));
    for control in Control::ALL {
        let options = SimulatorOptions {
            friction: false,
            // Other load on the machine must not end the motion.
            lost_packet_limit: 10_000,
            ..SimulatorOptions::default()
        };
        let simulator = Simulator::start(options).expect("a simulator");
        let address = simulator.address().to_string();
        let arm = Arm::connect(&address, &ConnectOptions::default()).expect("a connection");
        let (robot, limits) = arm.robot(control).expect("an idle arm");
        let config = Config {
            record_ticks: 10_000,
            ..Config::default()
        };
        let recorder = Arc::new(Recorder::new(MS, 1_000));
        let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
        let policy = Box::new(swing(control));
        let session =
            Session::start(robot, policy, limits, config, recorder, notifier).expect("a thread");
        let stride = kilohertz_core::channel::records::RECORD_HEADER + control.slots();
        group.bench_function(BenchmarkId::from_parameter(control), |bencher| {
            bencher.iter_custom(|cycles| {
                session.take_records();
                let (mut took, mut taken) = (0.0, 0);
                while taken < cycles {
                    std::thread::sleep(MS);
                    assert!(!session.has_ended(), "{:?}", session.outcome());
                    let records = session.take_records();
                    let (records, _) = records.split_at(records.len() / stride * stride);
                    let left = (cycles - taken) as usize;
                    for record in records.chunks_exact(stride).take(left) {
                        // The time from the start of the cycle until its command was sent.
                        took += record[3] - record[1];
                        taken += 1;
                    }
                }
                Duration::from_secs_f64(took)
            });
        });
        session.request_stop();
        while !session.join(Duration::from_secs(1)) {}
    }
    group.finish();
}

fn models(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("model");
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    let model = ArmModel::new(Generation::Fr3).expect("a model");
    let posture = Posture::bare([0.1, -0.785, 0.2, -2.356, 0.3, 1.571, 0.785]);
    for (name, quantity) in [
        ("pose", Quantity::Pose(Frame::EndEffector)),
        ("zero Jacobian", Quantity::ZeroJacobian(Frame::EndEffector)),
        ("mass", Quantity::Mass),
        ("Coriolis", Quantity::Coriolis),
        ("gravity", Quantity::Gravity),
    ] {
        let mut into = vec![0.0; quantity.len()];
        group.bench_function(name, |bencher| {
            bencher.iter(|| model.compute(quantity, black_box(&posture), black_box(&mut into)));
        });
    }
    group.finish();
}

/// One millisecond of the simulated arm, without its sockets.
fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator step");
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for control in [
        Control::JointVelocity,
        Control::CartesianVelocity,
        Control::Torque,
    ] {
        group.bench_function(BenchmarkId::from_parameter(control), |bencher| {
            let mut arm = Swung::new(control);
            arm.datagram();
            bencher.iter(|| black_box(arm.step(black_box(&[0.0; 7]))));
        });
    }
    group.finish();
}

criterion_group!(benches, ticks, responses, models, steps);
criterion_main!(benches);
