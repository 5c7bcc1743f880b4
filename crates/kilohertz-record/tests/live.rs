//! What users log while a session is recorded.

mod fixture;

use std::time::Duration;

use fixture::{mark, sample};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{CyclesIn, CyclesOut, Lengths, cycle_rings};
use kilohertz_record::entry::{Entry, RunEnd, Value};
use kilohertz_record::live::{Clocks, LateReason, Log, Reason, SessionSource};
use kilohertz_record::run::Start;
use kilohertz_record::writer::{Progress, Source};

fn rings() -> (CyclesIn, CyclesOut) {
    let lengths = Lengths {
        state: 1,
        command: 1,
        answer: 1,
    };
    cycle_rings(lengths, Duration::from_millis(1))
}

fn clocks() -> Clocks {
    Clocks {
        start: Start {
            monotonic_ns: 7,
            wall_ns: 0,
        },
        period_s: 0.001,
        action: Schema::new([Field {
            name: "q",
            len: 1,
            unit: "rad",
        }]),
    }
}

fn reason() -> Reason {
    Reason {
        code: "POLICY_LATE".to_owned(),
        text: "too late".to_owned(),
    }
}

#[test]
fn a_value_that_comes_after_the_end_is_dropped_and_counted() {
    let (cycles, waiting) = rings();
    let log = Log::default();
    let reason = LateReason::new(reason().into());
    let mut source = SessionSource::new(waiting, log.clone(), clocks(), reason);
    let value = |nth: f64| sample("force", nth, Value::Numbers(vec![nth]));
    let mut taken = 0;
    let mut take = |entry: &Entry<'_>| taken += i32::from(matches!(entry, Entry::Sample(_)));
    assert_eq!(log.sample(value(1.0)).ok(), Some(true));
    assert_eq!(source.take(&mut take), Progress::More);
    assert_eq!(log.sample(value(2.0)).ok(), Some(true));
    drop(cycles);
    assert_eq!(source.take(&mut take), Progress::Ended);
    assert_eq!(log.sample(value(3.0)).ok(), Some(false));
    // The end of an episode that is told late is no loss.
    log.episode(mark(0, 0.0, "pick", None));
    assert_eq!((taken, log.dropped()), (2, 1));
}

#[test]
fn a_session_without_a_cycle_ends_once_it_is_known_why() {
    let (cycles, waiting) = rings();
    let (log, known) = (Log::default(), LateReason::default());
    let mut source = SessionSource::new(waiting, log.clone(), clocks(), known.clone());
    let mut ends: Vec<RunEnd> = Vec::new();
    let mut take = |source: &mut SessionSource| {
        source.take(&mut |entry| {
            if let Entry::End(end) = entry {
                ends.push((*end).clone());
            }
        })
    };
    known.set(reason()).expect("an empty cell");
    // A loop that runs goes on, whatever is known.
    assert_eq!(take(&mut source), Progress::More);
    drop(cycles);
    assert_eq!(take(&mut source), Progress::Ended);
    let end = RunEnd {
        tick: 0,
        monotonic_ns: 7,
        robot_time_s: 0.0,
        code: "POLICY_LATE".to_owned(),
        text: "too late".to_owned(),
    };
    assert_eq!(ends, [end]);
}

#[test]
fn a_session_that_has_ended_waits_until_it_is_known_why() {
    let (cycles, waiting) = rings();
    let known = LateReason::default();
    let mut source = SessionSource::new(waiting, Log::default(), clocks(), known.clone());
    drop(cycles);
    let mut nothing = |entry: &Entry<'_>| panic!("nothing is known: {entry:?}");
    assert_eq!(source.take(&mut nothing), Progress::More);
    assert_eq!(source.take(&mut nothing), Progress::More);
    known.set(reason()).expect("an empty cell");
    assert_eq!(source.take(&mut |_| ()), Progress::Ended);
}
