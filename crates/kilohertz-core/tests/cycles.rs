//! What a session keeps of its cycles: the newest in memory, and all of them for a thread that writes them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::channel::records::CommandKind;
use kilohertz_core::limits::Unlimited;
use kilohertz_core::policy::{Answer, Ask, Native, Policy, PolicyFailed, Question};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{
    BlackBox, Cause, Config, CycleHead, CycleNote, CyclesOut, Deadline, Keeping, KeptCycle,
    Session, cycle_rings,
};
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;

const MS: Duration = Duration::from_millis(1);
const STATE: usize = 30;
/// How many cycles the robot has until it ends by itself.
const CYCLES: u64 = 2_500;
/// Every so many cycles three ticks have none.
const GAP: u64 = 100;

/// A robot whose state says which cycle it is in, and which runs as fast as it can.
struct Counting {
    state: Schema,
    action: Schema,
}

fn schema(len: usize) -> Schema {
    Schema::new([Field {
        name: "x",
        len,
        unit: "m",
    }])
}

impl Robot for Counting {
    fn observation(&self) -> &Schema {
        &self.state
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        MS
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let (mut action, mut at) = ([0.0; 2], Time::now());
        for number in 0..=CYCLES {
            let skipped = if number > 0 && number % GAP == 0 {
                3
            } else {
                0
            };
            at = at + MS * (1 + skipped as u32);
            let state: Vec<f64> = (0..STATE).map(|slot| state_of(number, slot)).collect();
            let flow = tick.cycle(Cycle {
                started: at,
                skipped,
                observation: &state,
                action: &mut action,
            });
            tick.sent(at + MS / 4);
            if flow == Flow::Finish {
                break;
            }
        }
        Ok(())
    }
}

fn state_of(tick: u64, slot: usize) -> f64 {
    tick as f64 + slot as f64 / 64.0
}

/// Answers with the number of the cycle, and fails in cycle `fails_at`.
fn policy(fails_at: u64) -> Native<impl FnMut(&Ask<'_>, &mut [f64]) -> Result<(), PolicyFailed>> {
    Native::new(2, move |ask: &Ask<'_>, action: &mut [f64]| {
        if ask.tick == fails_at {
            return Err(PolicyFailed);
        }
        action.copy_from_slice(&[ask.tick as f64, -1.0]);
        Ok(())
    })
}

/// A cycle that was read.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    head: CycleHead,
    state: Vec<f64>,
    command: Vec<f64>,
    answer: Vec<f64>,
    notes: Vec<CycleNote>,
}

fn owned(cycle: &KeptCycle<'_>) -> Owned {
    Owned {
        head: *cycle.head,
        state: cycle.state.to_vec(),
        command: cycle.command.to_vec(),
        answer: cycle.answer.to_vec(),
        notes: cycle.notes.to_vec(),
    }
}

fn robot() -> Counting {
    Counting {
        state: schema(STATE),
        action: schema(2),
    }
}

/// Runs a session until it has ended.
fn run_keeping(policy: impl Policy + 'static, keeping: Keeping) -> Session {
    let config = Config {
        deadline: Deadline::Within(MS / 3),
        ..Config::default()
    };
    let session = Session::start_keeping(
        Box::new(robot()),
        Box::new(policy),
        Box::new(Unlimited::new(2)),
        config,
        keeping,
        Arc::new(Recorder::new(MS, 100)),
        start_notifier(|| {}, |_| {}).unwrap(),
    )
    .unwrap();
    assert!(session.join(Duration::from_secs(60)), "the session hangs");
    session
}

/// Runs a session that keeps `lasts` in memory. Returns it, and the rings' other end.
fn run(lasts: Duration, fails_at: u64) -> (Session, CyclesOut) {
    let lengths = Config::default().lengths(&robot());
    let (all, written) = cycle_rings(lengths, MS);
    let keeping = Keeping {
        black_box: Some(BlackBox::new(lengths, lasts, MS)),
        all: Some(all),
        live: None,
    };
    (run_keeping(policy(fails_at), keeping), written)
}

/// Rings for a robot that is ten times slower: they have room for 400 cycles.
fn small_rings() -> (Keeping, CyclesOut) {
    let (all, written) = cycle_rings(Config::default().lengths(&robot()), MS * 10);
    let keeping = Keeping {
        black_box: None,
        all: Some(all),
        live: None,
    };
    (keeping, written)
}

fn all(written: &mut CyclesOut) -> Vec<Owned> {
    let mut read = Vec::new();
    written.take(|cycle| read.push(owned(cycle)));
    read
}

fn newest(session: &Session) -> Vec<Owned> {
    let mut read = Vec::new();
    let black_box = session.black_box().expect("a black box");
    black_box.read(|cycle| read.push(owned(cycle)));
    read
}

#[test]
fn every_cycle_is_handed_over_whole_with_its_command_and_the_policys_answer() {
    let (session, mut written) = run(MS, u64::MAX);
    let cycles = all(&mut written);
    assert_eq!(session.outcome().unwrap().cause, None);
    assert_eq!(session.stats().unrecorded_cycles, 0);
    assert_eq!(cycles.len() as u64, session.stats().iterations);
    let mut clock = 0;
    for (tick, cycle) in cycles.iter().enumerate() {
        let tick = tick as u64;
        let missed = if tick > 0 && tick.is_multiple_of(GAP) {
            3
        } else {
            0
        };
        clock += if tick == 0 { 0 } else { 1 + missed };
        let head = &cycle.head;
        assert_eq!((head.tick, head.clock, head.missed), (tick, clock, missed));
        assert_eq!(head.lost_before, 0);
        assert_eq!(head.kind, CommandKind::Fresh, "{tick}");
        let state: Vec<f64> = (0..STATE).map(|slot| state_of(tick, slot)).collect();
        assert_eq!(cycle.state, state);
        assert_eq!(cycle.command, [tick as f64, -1.0]);
        assert_eq!(cycle.answer, [tick as f64, -1.0]);
        let answer = head.answer.expect("an answer");
        assert_eq!((answer.tick, answer.len, answer.width), (tick, 2, 2));
        assert!((answer.time_s - clock as f64 * 1e-3).abs() < 1e-9);
        assert_eq!(head.phases.sent_s, Some(0.000_25));
        let phases = &head.phases;
        let steps = [
            phases.asked_s,
            phases.answered_s,
            phases.judged_s,
            phases.decided_s,
        ];
        assert!(steps.iter().all(Option::is_some), "{steps:?}");
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!(phases.behind_s.is_some(), tick > 0, "{tick}");
        assert!(phases.behind_s.is_none_or(|behind_s| behind_s >= 0.0));
        // The policy is asked and answers on the loop's thread.
        assert_eq!((phases.took_s, phases.gave_s), (None, None));
        assert!(cycle.notes.is_empty());
    }
}

#[test]
fn the_newest_cycles_are_in_memory_in_single_precision() {
    let (session, mut written) = run(MS * 300, u64::MAX);
    let (all, newest) = (all(&mut written), newest(&session));
    // There is room for at least what was asked for.
    assert!((300..=320).contains(&newest.len()), "{}", newest.len());
    let rest = &all[all.len() - newest.len()..];
    for (exact, kept) in rest.iter().zip(&newest) {
        assert_eq!(kept.head, exact.head);
        // The numbers here have no more digits than single precision has.
        assert_eq!((&kept.state, &kept.command), (&exact.state, &exact.command));
        assert_eq!(kept.answer, exact.answer);
    }
}

#[test]
fn what_happened_is_with_its_cycle_up_to_the_end_of_the_braking() {
    let (session, mut written) = run(Duration::from_secs(1), 700);
    let cause = session.outcome().unwrap().cause.clone();
    assert_eq!(cause, Some(Cause::PolicyFailed { tick: 700 }));
    let cycles = all(&mut written);
    let last = cycles.last().unwrap();
    assert!(last.head.tick >= 700);
    assert_eq!(last.head.kind, CommandKind::Rest);
    assert_eq!(newest(&session).last().unwrap().head, last.head);
}

#[test]
fn a_writing_thread_that_does_not_run_loses_the_newest_cycles_and_knows_how_many() {
    let (keeping, mut written) = small_rings();
    let session = run_keeping(policy(u64::MAX), keeping);
    assert!(session.black_box().is_none());
    let kept = all(&mut written);
    let stats = session.stats();
    assert_eq!(kept.len(), 400);
    assert!(kept.iter().map(|cycle| cycle.head.tick).eq(0..400));
    assert_eq!(stats.unrecorded_cycles + 400, stats.iterations);
    assert!(written.is_abandoned());
}

#[test]
fn a_cycle_that_is_kept_after_others_were_lost_says_how_many() {
    let (keeping, mut written) = small_rings();
    let reader = std::thread::spawn(move || {
        let mut kept = Vec::new();
        while !written.is_abandoned() {
            kept.extend(all(&mut written));
            std::thread::sleep(MS / 5);
        }
        kept.extend(all(&mut written));
        kept
    });
    let session = run_keeping(policy(u64::MAX), keeping);
    let kept = reader.join().unwrap();
    let mut next = 0;
    for cycle in &kept {
        next += cycle.head.lost_before;
        assert_eq!(cycle.head.tick, next);
        assert_eq!(cycle.state[0], next as f64);
        assert_eq!(cycle.answer[0], next as f64);
        next += 1;
    }
    let stats = session.stats();
    let kept = kept.len() as u64;
    assert_eq!(kept + stats.unrecorded_cycles, stats.iterations);
}

#[test]
fn a_thread_that_shows_and_does_not_run_costs_the_writing_thread_no_cycle() {
    let lengths = Config::default().lengths(&robot());
    let (all_in, mut written) = cycle_rings(lengths, MS);
    let (live_in, mut shown) = cycle_rings(lengths, MS * 10);
    let keeping = Keeping {
        black_box: None,
        all: Some(all_in),
        live: Some(live_in),
    };
    let session = run_keeping(policy(u64::MAX), keeping);
    let (written, shown) = (all(&mut written), all(&mut shown));
    let stats = session.stats();
    assert_eq!(stats.unrecorded_cycles, 0);
    assert_eq!(written.len() as u64, stats.iterations);
    assert_eq!(shown, written[..400]);
}

#[test]
fn ten_seconds_of_an_arms_cycles_take_at_most_20_mb() {
    let robot = Counting {
        state: schema(300),
        action: schema(16),
    };
    let lengths = Config::default().lengths(&robot);
    let black_box = BlackBox::new(lengths, Duration::from_secs(10), MS);
    assert!(black_box.bytes() <= 20_000_000, "{}", black_box.bytes());
}

/// Answers the first questions, and then every 50th alone.
struct Rarely {
    open: Option<Question>,
}

impl Policy for Rarely {
    fn request(&mut self, ask: &Ask<'_>) {
        let answers = ask.tick < 10 || ask.tick.is_multiple_of(50);
        self.open = answers.then(|| ask.question());
    }

    fn poll(&mut self, _: Option<Time>, _: &AtomicBool, action: &mut [f64]) -> Answer {
        let Some(question) = self.open.take() else {
            return Answer::None;
        };
        action.fill(question.tick as f64);
        Answer::Action(question)
    }
}

#[test]
fn an_event_is_a_note_of_its_cycle() {
    let (all_in, mut written) = cycle_rings(Config::default().lengths(&robot()), MS);
    let keeping = Keeping {
        black_box: None,
        all: Some(all_in),
        live: None,
    };
    let session = run_keeping(Rarely { open: None }, keeping);
    let told: Vec<_> = std::iter::from_fn(|| session.take_event())
        .map(|event| (event.tick, CycleNote::Event(event.kind)))
        .collect();
    let cycles = all(&mut written);
    let noted = cycles
        .iter()
        .flat_map(|cycle| cycle.notes.iter().map(|note| (cycle.head.tick, *note)));
    assert!(told.len() > 20, "{told:?}");
    // The queue of events has an end, the notes have none.
    assert_eq!(noted.take(told.len()).collect::<Vec<_>>(), told);
}
