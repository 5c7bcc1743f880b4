//! A steady cycle of the loop allocates nothing and frees nothing, whatever the policy does.

mod counting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kilohertz_core::channel::mailbox::mailbox;
use kilohertz_core::channel::notify::{Notifier, Signals, start_notifier};
use kilohertz_core::command::chunk::Curve;
use kilohertz_core::command::late::{LateRule, OnLate};
use kilohertz_core::limits::Unlimited;
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::robot::{Device, Paced, RobotError};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{
    BlackBox, CHUNK_HEADER, Chunks, Config, Deadline, Keeping, Merge, Replan, Session, cycle_rings,
};
use kilohertz_core::stats::{Recorder, Stats};

const MS: Duration = Duration::from_millis(1);
const SLOTS: usize = 7;
/// Cycles before counting begins. What is set up at the first use is allocated in them.
const WARM_UP: u64 = 20;
const WATCHED: u64 = 400;
/// How many rows the chunks have.
const ROWS: usize = 10;

/// A device that counts what its own thread allocates between two of its observations.
struct Watching {
    schema: Schema,
    observed: u64,
    allocations: Arc<AtomicU64>,
}

impl Device for Watching {
    fn observation(&self) -> &Schema {
        &self.schema
    }

    fn action(&self) -> &Schema {
        &self.schema
    }

    fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError> {
        if self.observed == WARM_UP {
            counting::watch();
        } else if self.observed == WARM_UP + WATCHED {
            self.allocations.store(counting::seen(), Ordering::SeqCst);
        }
        self.observed += 1;
        observation.fill(self.observed as f64);
        Ok(())
    }

    fn act(&mut self, _action: &[f64]) -> Result<(), RobotError> {
        Ok(())
    }
}

fn config() -> Config {
    Config {
        record_ticks: 2_000,
        late: LateRule {
            max_held: 5,
            on_late: OnLate::Hold,
        },
        ..Config::default()
    }
}

/// Runs until counting has ended. Returns what was allocated meanwhile.
fn run(
    config: Config,
    policy: impl Policy + 'static,
    recorder: Arc<Recorder>,
    notifier: Notifier,
) -> (u64, Stats) {
    let unset = u64::MAX;
    let allocations = Arc::new(AtomicU64::new(unset));
    let device = Watching {
        schema: Schema::new([Field {
            name: "q",
            len: SLOTS,
            unit: "rad",
        }]),
        observed: 0,
        allocations: Arc::clone(&allocations),
    };
    let robot = Paced::new(device, MS);
    let lengths = config.lengths(&robot);
    // A black box that is full after half of the watched cycles, and rings that nobody empties.
    let (all, _waiting) = cycle_rings(lengths, MS);
    let (live, _shown) = cycle_rings(lengths, MS);
    let keeping = Keeping {
        black_box: Some(BlackBox::new(lengths, MS * (WATCHED / 2) as u32, MS)),
        all: Some(all),
        live: Some(live),
    };
    let session = Session::start_keeping(
        Box::new(robot),
        Box::new(policy),
        Box::new(Unlimited::new(SLOTS)),
        config,
        keeping,
        recorder,
        notifier,
    )
    .unwrap();
    while allocations.load(Ordering::SeqCst) == unset {
        std::thread::sleep(MS);
        assert!(!session.has_ended(), "{:?}", session.outcome());
    }
    session.request_stop();
    assert!(session.join(Duration::from_secs(60)));
    assert_eq!(session.outcome().unwrap().cause, None);
    (allocations.load(Ordering::SeqCst), session.stats())
}

fn recorder() -> Arc<Recorder> {
    Arc::new(Recorder::new(MS, 100))
}

/// Runs with a policy on another thread. It answers the observations for which `answers` is true.
fn run_mailbox(config: Config, answers: impl Fn(u64) -> bool + Send + 'static) -> (u64, Stats) {
    let recorder = recorder();
    let (tell, heard) = std::sync::mpsc::channel();
    let notifier = start_notifier(|| {}, move |news| tell.send(news).unwrap_or(())).unwrap();
    let (told, answer) = (config.observation_len(SLOTS), config.answer_len(SLOTS));
    let (inside, mut outside) = mailbox(told, answer, notifier.clone(), Arc::clone(&recorder));
    let policy = std::thread::spawn(move || {
        while let Ok(news) = heard.recv() {
            if news.has(Signals::ENDED) {
                return;
            }
            let Some(asked) = outside.take().map(|frame| frame.question()) else {
                continue;
            };
            if answers(asked.tick) {
                outside.answer(asked, |action| {
                    action.fill(asked.tick as f64);
                    // The head of a chunk: its rows, the time between them, and when it was observed.
                    if action.len() > SLOTS {
                        action[..CHUNK_HEADER].copy_from_slice(&[ROWS as f64, 0.004, 0.0]);
                    }
                });
            }
        }
    });
    let ran = run(config, inside, recorder, notifier);
    policy.join().unwrap();
    ran
}

/// Runs with a policy that shares memory with the loop, as a policy in another process does.
#[cfg(target_os = "linux")]
fn run_shared(config: Config, answers: impl Fn(u64) -> bool + Send + 'static) -> (u64, Stats) {
    use kilohertz_core::channel::shared_mailbox::{Lengths, PolicyEnd, SharedMailbox};

    let recorder = recorder();
    let lengths = Lengths {
        observation: SLOTS,
        action: SLOTS,
    };
    let shared = SharedMailbox::make(lengths).unwrap();
    let memory = shared.file().try_clone_to_owned().unwrap();
    let mut outside = PolicyEnd::join(memory, lengths).unwrap();
    let policy = std::thread::spawn(move || {
        while !outside.is_over() {
            match outside.take().map(|frame| frame.tick) {
                Some(tick) if answers(tick) => outside.answer(&[tick as f64; SLOTS]),
                Some(_) => {}
                None => outside.sleep(MS * 100),
            }
        }
    });
    let inside = shared.loop_end(Arc::clone(&recorder));
    let ran = run(
        config,
        inside,
        recorder,
        start_notifier(|| {}, |_| {}).unwrap(),
    );
    shared.close();
    policy.join().unwrap();
    ran
}

#[cfg(target_os = "linux")]
#[test]
fn a_tick_of_a_policy_in_another_process_allocates_nothing() {
    for deadline in [Deadline::Within(MS / 2), Deadline::None] {
        let config = Config {
            deadline,
            ..config()
        };
        let (allocations, stats) = run_shared(config, |_| true);
        assert_eq!(allocations, 0, "{deadline:?}");
        assert!(stats.policy_answers > 0, "{stats:?}");
    }
    let (allocations, _) = run_shared(config(), |tick| tick % 50 >= 20);
    assert_eq!(allocations, 0, "where it is held and rests");
}

fn native(mut decide: impl FnMut(&Ask<'_>, &mut [f64]) + Send + 'static) -> (u64, Stats) {
    let policy = Native::new(SLOTS, move |ask: &Ask<'_>, action: &mut [f64]| {
        decide(ask, action);
        Ok(())
    });
    run(
        config(),
        policy,
        recorder(),
        start_notifier(|| {}, |_| {}).unwrap(),
    )
}

#[test]
fn a_tick_of_a_native_policy_allocates_nothing() {
    let (allocations, _) = native(|ask, action| action.copy_from_slice(ask.observation));
    assert_eq!(allocations, 0);
}

#[test]
fn an_allocation_in_a_tick_is_noticed() {
    let (allocations, _) = native(|ask, action| {
        if ask.tick == WARM_UP + 10 {
            action.copy_from_slice(&std::hint::black_box(ask.observation.to_vec()));
        }
    });
    assert_eq!(allocations, 2, "one to allocate, one to free");
}

#[test]
fn a_tick_of_a_policy_on_another_thread_allocates_nothing() {
    for deadline in [Deadline::Within(MS / 2), Deadline::None] {
        let config = Config {
            deadline,
            ..config()
        };
        let (allocations, stats) = run_mailbox(config, |_| true);
        assert_eq!(allocations, 0, "{deadline:?}");
        assert!(stats.iterations > WATCHED);
    }
}

#[test]
fn ticks_between_the_answers_of_a_slow_policy_allocate_nothing() {
    for (rate_hz, budget) in [(30.0, MS / 3), (333.3, MS / 3), (50.0, MS * 15)] {
        let config = Config {
            policy_rate_hz: Some(rate_hz),
            deadline: Deadline::Within(budget),
            ..config()
        };
        let (allocations, stats) = run_mailbox(config, |_| true);
        assert_eq!(allocations, 0, "{rate_hz} Hz");
        assert!(stats.policy_asks > 0 && stats.policy_asks < stats.iterations);
    }
}

#[test]
fn ticks_that_play_chunks_allocate_nothing() {
    for merge in [Merge::Fade, Merge::Replace, Merge::Ensemble { m: 0.01 }] {
        for answers in [|_: u64| true, |tick: u64| tick % 200 < 100] {
            let config = Config {
                chunks: Some(Chunks {
                    rows: 16,
                    curve: Curve::Smooth,
                    replan: Replan::Share(0.5),
                    merge,
                    max_seam: [1e9; SLOTS].into(),
                    skips_bad: true,
                    is_relative: false,
                    gripper: None,
                }),
                ..config()
            };
            let (allocations, stats) = run_mailbox(config, answers);
            assert_eq!(allocations, 0, "{merge:?}");
            assert!(stats.chunks > 2, "{stats:?}");
        }
    }
}

#[test]
fn held_rested_and_resumed_ticks_allocate_nothing() {
    let (allocations, stats) = run_mailbox(config(), |tick| tick % 50 >= 20);
    assert_eq!(allocations, 0);
    assert!(
        stats.held_commands > 0 && stats.rest_commands > 0,
        "{stats:?}"
    );
}

#[test]
fn ticks_with_full_rings_of_records_and_events_allocate_nothing() {
    let config = Config {
        record_ticks: 30,
        late: LateRule {
            max_held: 1,
            on_late: OnLate::Hold,
        },
        ..config()
    };
    let (allocations, stats) = run_mailbox(config, |tick| tick % 3 == 0);
    assert_eq!(allocations, 0);
    assert!(stats.dropped_records > 0, "{stats:?}");
}
