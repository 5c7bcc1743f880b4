//! The roll lists what a signal handler stops and waits for. This is one test, because a process has one roll.

mod counting;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::Unlimited;
use kilohertz_core::policy::Native;
use kilohertz_core::robot::{Device, Paced, Robot, RobotError};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::roll::{self, AskedBy, Kind, PLACES, Place, Refused};
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;

const TERM: i32 = 15;

struct Cart(Schema);

impl Device for Cart {
    fn observation(&self) -> &Schema {
        &self.0
    }

    fn action(&self) -> &Schema {
        &self.0
    }

    fn observe(&mut self, _observation: &mut [f64]) -> Result<(), RobotError> {
        Ok(())
    }

    fn act(&mut self, _action: &[f64]) -> Result<(), RobotError> {
        Ok(())
    }
}

fn native() -> Kind {
    Kind {
        is_native: true,
        ..Kind::default()
    }
}

fn session(place: &Arc<Place>) -> Session {
    let schema = Schema::new([Field {
        name: "position",
        len: 1,
        unit: "m",
    }]);
    let robot = Paced::new(Cart(schema), Duration::from_millis(1));
    let recorder = Arc::new(Recorder::new(robot.period(), 100));
    let policy = Native::new(1, |_, _| Ok(()));
    let config = Config {
        place: Some(Arc::clone(place)),
        ..Config::default()
    };
    let notifier = start_notifier(|| {}, |_| {}).unwrap();
    let (policy, limits) = (Box::new(policy), Box::new(Unlimited::new(1)));
    Session::start(Box::new(robot), policy, limits, config, recorder, notifier).unwrap()
}

#[test]
fn a_signal_stops_all_that_have_a_place_and_nothing_begins_after_it() {
    // A session that had ended, or left the roll, before the signal is not told that a signal ended it.
    let (left, ended) = (
        Place::take(native()).unwrap(),
        Place::take(native()).unwrap(),
    );
    left.drives();
    left.leave();
    ended.drives();
    ended.rests();

    let interrupted = Kind {
        ends_on_interrupt: true,
        ..native()
    };
    let place = Arc::new(Place::take(interrupted).unwrap());
    drop(ended);
    assert!(roll::all_end_on_interrupt());
    let session = session(&place);
    while !session.has_begun() {
        std::thread::yield_now();
    }
    // The handler must not allocate: after a fault the allocator may be locked.
    counting::watch();
    roll::stop_all(TERM);
    roll::wait_for_rest();
    assert!(roll::is_anybody_interrupted());
    assert_eq!(counting::seen(), 0);
    assert!(place.join(Duration::ZERO), "it waited until nothing moved");
    assert!(session.join(Duration::from_secs(120)));
    assert_eq!((place.signal(), place.asked_by()), (Some(TERM), None));
    assert!(roll::hurries(), "the end of the process waits for files");
    assert!(!left.stop().load(Ordering::SeqCst));
    assert!(!roll::all_end_on_interrupt(), "it is ending");

    // A session that has left its place does not stop the session that has the place now.
    place.leave();
    let next = Place::take(native()).unwrap();
    session.request_stop();
    assert!(!next.stop().load(Ordering::SeqCst));
    // What its own program ends does not make the next Ctrl+C the second one.
    next.stop().store(true, Ordering::SeqCst);
    assert!(!roll::is_anybody_interrupted());
    next.stop().store(false, Ordering::SeqCst);

    // The thread that has to come to rest does not wait for itself. Other threads give up after 4 s.
    next.drives();
    next.driven_here();
    let since = Instant::now();
    roll::wait_for_rest();
    assert!(since.elapsed() < roll::END_LIMIT / 2);
    std::thread::scope(|scope| {
        scope.spawn(roll::wait_for_rest).join().unwrap();
    });
    assert!(since.elapsed() >= roll::END_LIMIT);
    next.rests();

    // Who asks first is remembered.
    let [page, interrupted] = [(); 2].map(|()| Place::take(native()).unwrap());
    assert_eq!(page.asked_by(), None);
    page.ask(AskedBy::Page);
    roll::interrupt_all();
    assert_eq!(page.asked_by(), Some(AskedBy::Page));
    assert_eq!(interrupted.asked_by(), Some(AskedBy::Interrupt));
    assert!(interrupted.stop().load(Ordering::SeqCst));
    roll::stop_all(TERM);
    assert_eq!(interrupted.signal(), None, "it was asked before");
    page.leave();
    assert_eq!(page.asked_by(), None);
    drop(interrupted);

    roll::told_to_end(TERM);
    assert_eq!(Place::take(native()).unwrap_err(), Refused::ToldToEnd(TERM));
    let parking = Kind {
        even_after_signal: true,
        ..native()
    };
    drop(Place::take(parking).unwrap());
    roll::shut(TERM);
    assert_eq!(Place::take(parking).unwrap_err(), Refused::Ending(TERM));
    roll::open();
    assert!(!roll::hurries());
    let mut all: Vec<Place> = (1..PLACES).map(|_| Place::take(parking).unwrap()).collect();
    assert_eq!(Place::take(parking).unwrap_err(), Refused::Full);
    all.pop();
    drop(Place::take(parking).unwrap());
}
