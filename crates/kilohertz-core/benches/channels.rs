//! What the channels cost the loop, and what a whole tick costs; how long it takes to hand something to
//! another thread and get it back.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kilohertz_core::channel::mailbox::mailbox;
use kilohertz_core::channel::notify::{Listener, Notifier, Signals, start_notifier};
use kilohertz_core::limits::Unlimited;
use kilohertz_core::policy::{Answer, Ask, Native, Policy};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::timing::time::Time;

const MS: Duration = Duration::from_millis(1);
/// About as many slots as the state of a Franka arm has.
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
        host: Time::default(),
        observation,
    }
}

/// Returns a notifier whose notify thread is busy until the sender is dropped: every signal except the
/// first is merged.
fn busy_notifier() -> (Notifier, mpsc::Sender<()>) {
    let (done, wait) = mpsc::channel::<()>();
    let deliver = move |_| {
        let _ = wait.recv();
    };
    let notifier = start_notifier(|| {}, deliver).expect("a thread");
    notifier.notify(Signals::EVENT);
    (notifier, done)
}

fn mailboxes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    for slots in [ACTION, OBSERVATION] {
        group.bench_function(
            BenchmarkId::new("request, take, answer, poll", slots),
            |bencher| {
                let (notifier, done) = busy_notifier();
                let (mut inside, mut outside) =
                    mailbox(slots, ACTION, notifier.clone(), recorder());
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
                notifier.notify(Signals::ENDED);
                drop(done);
            },
        );
        group.bench_function(BenchmarkId::new("request alone", slots), |bencher| {
            let (notifier, done) = busy_notifier();
            let (mut inside, _outside) = mailbox(slots, ACTION, notifier.clone(), recorder());
            inside.attach();
            let observation = vec![1.0; slots];
            bencher.iter(|| inside.request(black_box(&ask(1, &observation))));
            notifier.notify(Signals::ENDED);
            drop(done);
        });
    }
    group.finish();
}

fn bells(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("notifier");
    group.bench_function("notify, thread busy", |bencher| {
        let (notifier, done) = busy_notifier();
        bencher.iter(|| notifier.notify(Signals::OBSERVATION));
        notifier.notify(Signals::ENDED);
        drop(done);
    });
    group.bench_function("notify, thread asleep", |bencher| {
        let (tell, heard) = mpsc::channel();
        let deliver = move |news| tell.send(news).unwrap_or(());
        let notifier = start_notifier(|| {}, deliver).expect("a thread");
        bencher.iter_custom(|rings| {
            let mut rung = Duration::ZERO;
            for _ in 0..rings {
                let before = Instant::now();
                notifier.notify(Signals::OBSERVATION);
                rung += before.elapsed();
                // This is long enough for the notify thread to be asleep again.
                let _ = heard.recv();
                std::thread::sleep(Duration::from_micros(20));
            }
            rung
        });
        notifier.notify(Signals::ENDED);
    });
    group.finish();
}

/// There and back between two threads that sleep in between, without pauses.
/// `kilohertz-offload/benches/lines.rs` has the line between processes.
fn handovers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand over and back");
    group.bench_function("futex", |bencher| bencher.iter_custom(over_a_futex));
    group.bench_function("mailbox", |bencher| bencher.iter_custom(over_a_mailbox));
    group.finish();
}

/// The lower bound: a word, and the futex that the standard library's `park` uses.
fn over_a_futex(rounds: u64) -> Duration {
    let word = Arc::new(AtomicU32::new(0));
    let (seen, here) = (Arc::clone(&word), std::thread::current());
    let other = std::thread::spawn(move || {
        for round in 0..rounds as u32 {
            while seen.load(Ordering::Acquire) != 2 * round + 1 {
                std::thread::park();
            }
            seen.store(2 * round + 2, Ordering::Release);
            here.unpark();
        }
    });
    let before = Instant::now();
    for round in 0..rounds as u32 {
        word.store(2 * round + 1, Ordering::Release);
        other.thread().unpark();
        while word.load(Ordering::Acquire) != 2 * round + 2 {
            std::thread::park();
        }
    }
    let took = before.elapsed();
    other.join().expect("it does not panic");
    took
}

/// A question and its answer, as for a policy in a worker.
fn over_a_mailbox(rounds: u64) -> Duration {
    let (give, given) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let policy = std::thread::spawn(move || {
        let (notifier, listener) = Listener::here();
        tell.send(notifier).expect("the other end waits for it");
        let mut outside: kilohertz_core::channel::mailbox::PolicyEnd =
            given.recv().expect("it is given");
        for _ in 0..rounds {
            let question = loop {
                match outside.take() {
                    Some(frame) => break frame.question(),
                    None => drop(listener.wait_for(Duration::from_secs(1))),
                }
            };
            outside.answer(question, |slots| slots.fill(2.0));
        }
    });
    let notifier = told.recv().expect("it is told");
    let (mut inside, outside) = mailbox(OBSERVATION, ACTION, notifier, recorder());
    inside.attach();
    give.send(outside).expect("the other end waits for it");
    let observation = [1.0; OBSERVATION];
    let (stop, mut action) = (AtomicBool::new(false), [0.0; ACTION]);
    let before = Instant::now();
    for tick in 0..rounds {
        inside.request(&ask(tick, &observation));
        let answer = inside.poll(None, &stop, &mut action);
        assert!(matches!(answer, Answer::Action(_)), "{answer:?}");
    }
    let took = before.elapsed();
    policy.join().expect("it does not panic");
    took
}

/// A robot that runs `cycles` cycles as fast as it can and reports how long they took.
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
        // A receiver that no longer listens does not need the time.
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
                    start_notifier(|| {}, |_| {}).expect("a thread"),
                )
                .expect("a thread");
                tell.recv().expect("the robot tells")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, mailboxes, bells, handovers, ticks);
criterion_main!(benches);
