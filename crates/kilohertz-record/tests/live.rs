//! What users log while a session is recorded.

mod fixture;

use std::time::Duration;

use fixture::{mark, sample};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{Lengths, cycle_rings};
use kilohertz_record::entry::{Entry, Value};
use kilohertz_record::live::{Clocks, Log, SessionSource};
use kilohertz_record::run::Start;
use kilohertz_record::writer::{Progress, Source};

#[test]
fn a_value_that_comes_after_the_end_is_dropped_and_counted() {
    let lengths = Lengths {
        state: 1,
        command: 1,
        answer: 1,
    };
    let (cycles, waiting) = cycle_rings(lengths, Duration::from_millis(1));
    let clocks = Clocks {
        start: Start {
            monotonic_ns: 0,
            wall_ns: 0,
        },
        period_s: 0.001,
        action: Schema::new([Field {
            name: "q",
            len: 1,
            unit: "rad",
        }]),
    };
    let log = Log::default();
    let mut source = SessionSource::new(waiting, log.clone(), clocks);
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
