//! What the loop pays for its channels, and for a whole tick.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kilohertz_core::courier::{Bell, News, start_courier};
use kilohertz_core::limits::Unlimited;
use kilohertz_core::mailbox::mailbox;
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::time::Time;

const MS: Duration = Duration::from_millis(1);
/// About those of a Franka arm's state.
const OBSERVATION: usize = 450;
const ACTION: usize = 7;

fn recorder() -> Arc<Recorder> {
    Arc::new(Recorder::new(MS, 10_000))
}

fn ask(tick: u64, observation: &[f64]) -> Ask<'_> {
    Ask {
        tick,
        time: MS,
        period: MS,
        observation,
    }
}

/// A bell whose courier is busy until the sender is dropped: every ring but the first is merged.
fn busy_bell() -> (Bell, mpsc::Sender<()>) {
    let (done, wait) = mpsc::channel::<()>();
    let deliver = move |_| {
        let _ = wait.recv();
    };
    let bell = start_courier(|| {}, deliver).expect("a thread");
    bell.ring(News::EVENT);
    (bell, done)
}

fn mailboxes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    for slots in [ACTION, OBSERVATION] {
        group.bench_function(
            BenchmarkId::new("request, take, answer, poll", slots),
            |bencher| {
                let (bell, done) = busy_bell();
                let (mut inside, mut outside) = mailbox(slots, ACTION, bell.clone(), recorder());
                inside.attach();
                let observation = vec![1.0; slots];
                let stop = AtomicBool::new(false);
                let mut action = [0.0; ACTION];
                let mut tick = 0;
                bencher.iter(|| {
                    inside.request(&ask(tick, &observation));
                    let seen = outside.take().map(|frame| frame.question());
                    let seen = seen.unwrap_or_default();
                    outside.answer(seen, |slots| slots.fill(2.0));
                    black_box(inside.poll(Some(Time::default()), &stop, &mut action));
                    tick += 1;
                });
                bell.ring(News::ENDED);
                drop(done);
            },
        );
        group.bench_function(BenchmarkId::new("request alone", slots), |bencher| {
            let (bell, done) = busy_bell();
            let (mut inside, _outside) = mailbox(slots, ACTION, bell.clone(), recorder());
            inside.attach();
            let observation = vec![1.0; slots];
            bencher.iter(|| inside.request(black_box(&ask(1, &observation))));
            bell.ring(News::ENDED);
            drop(done);
        });
    }
    group.finish();
}

fn bells(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bell");
    group.bench_function("ring, courier busy", |bencher| {
        let (bell, done) = busy_bell();
        bencher.iter(|| bell.ring(News::OBSERVATION));
        bell.ring(News::ENDED);
        drop(done);
    });
    group.bench_function("ring, courier asleep", |bencher| {
        let (tell, heard) = mpsc::channel();
        let deliver = move |news| tell.send(news).unwrap_or(());
        let bell = start_courier(|| {}, deliver).expect("a thread");
        bencher.iter_custom(|rings| {
            let mut rung = Duration::ZERO;
            for _ in 0..rings {
                let before = Instant::now();
                bell.ring(News::OBSERVATION);
                rung += before.elapsed();
                // Long enough for the courier to be asleep again.
                let _ = heard.recv();
                std::thread::sleep(Duration::from_micros(20));
            }
            rung
        });
        bell.ring(News::ENDED);
    });
    group.finish();
}

/// A robot that runs so many cycles as fast as it can and tells how long they took.
struct FlatOut {
    observation: Schema,
    action: Schema,
    cycles: u64,
    took: mpsc::Sender<Duration>,
}

fn schema(len: usize) -> Schema {
    Schema::new([Field {
        name: "x",
        len,
        unit: "",
    }])
}

impl Robot for FlatOut {
    fn observation(&self) -> &Schema {
        &self.observation
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        MS
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let observation = vec![1.0; self.observation.len()];
        let mut action = vec![0.0; self.action.len()];
        let before = Instant::now();
        for _ in 0..self.cycles {
            let flow = tick.cycle(Cycle {
                started: Time::now(),
                skipped: 0,
                observation: &observation,
                action: &mut action,
            });
            tick.sent(Time::now());
            debug_assert_eq!(flow, Flow::Continue);
        }
        // Whoever does not listen any more does not want to know.
        let _ = self.took.send(before.elapsed());
        Err("the cycles are over".into())
    }
}

fn ticks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick, native policy");
    for record_ticks in [0, 1 << 20] {
        let what = if record_ticks == 0 {
            "without records"
        } else {
            "with records"
        };
        group.bench_function(what, |bencher| {
            bencher.iter_custom(|cycles| {
                let (took, tell) = mpsc::channel();
                let robot = FlatOut {
                    observation: schema(OBSERVATION),
                    action: schema(ACTION),
                    cycles,
                    took,
                };
                let policy = Native::new(ACTION, |ask: &Ask<'_>, action: &mut [f64]| {
                    action.copy_from_slice(&ask.observation[..ACTION]);
                    Ok(())
                });
                let config = Config {
                    record_ticks,
                    realtime: RealtimeRequest {
                        priority: None,
                        ..RealtimeRequest::default()
                    },
                    ..Config::default()
                };
                let _session = Session::start(
                    Box::new(robot),
                    Box::new(policy),
                    Box::new(Unlimited::new(ACTION)),
                    config,
                    recorder(),
                    start_courier(|| {}, |_| {}).expect("a thread"),
                )
                .expect("a thread");
                tell.recv().expect("the robot tells")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, mailboxes, bells, ticks);
criterion_main!(benches);
