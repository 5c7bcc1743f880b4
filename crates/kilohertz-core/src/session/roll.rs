//! Who moves something in this process, as a signal handler can see it.
//!
//! Whatever moves a robot (a session, a move, a command of a hand) has a [`Place`] on the roll. The roll is
//! static and of fixed size, and all of it is atomics: what is said to be for handlers neither allocates
//! nor takes a lock.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use std::time::Duration;

use crate::thread::system::{pause, thread_id};
use crate::timing::time::Time;

/// How many places there are.
pub const PLACES: usize = 256;

/// How long an end of the process waits for robots at most: coming to rest may take [`REST`] of it.
pub const END_LIMIT: Duration = Duration::from_secs(4);
/// The longest that a session may take to come to rest.
pub const REST: Duration = Duration::from_secs(3);
/// How long the answer to the last command is waited for. Whoever takes it in may allocate, which can hang
/// in a process whose heap is broken; the robot is at rest by then.
const ANSWER: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(1);

/// Nobody's.
const FREE: u32 = 0;
/// Being made somebody's.
const CLAIMED: u32 = 1;
/// Somebody's, and nothing moves.
const TAKEN: u32 = 2;
/// Something may move.
const DRIVING: u32 = 3;
/// The last command has gone out.
const SENT: u32 = 4;
/// Nothing moves any more.
const RESTED: u32 = 5;

struct Slot {
    phase: AtomicU32,
    is_native: AtomicBool,
    ends_on_interrupt: AtomicBool,
    stop: AtomicBool,
    /// The signal that ended it, or 0.
    signal: AtomicI32,
    /// The thread that moves it, or 0.
    thread: AtomicU32,
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            phase: AtomicU32::new(FREE),
            is_native: AtomicBool::new(false),
            ends_on_interrupt: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            signal: AtomicI32::new(0),
            thread: AtomicU32::new(0),
        }
    }

    fn is_moving(&self) -> bool {
        matches!(self.phase.load(SeqCst), DRIVING | SENT)
    }
}

static ROLL: [Slot; PLACES] = [const { Slot::new() }; PLACES];
/// The signal after which no motion begins unless it asks for that, or 0.
static TOLD_TO_END: AtomicI32 = AtomicI32::new(0);
/// The signal whose default action is to come, or 0: no motion begins at all.
static SHUT: AtomicI32 = AtomicI32::new(0);

/// What takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kind {
    /// Whether its robot is driven without JavaScript, so that the end of the process waits for it.
    pub is_native: bool,
    /// Whether Ctrl+C is how it is meant to end.
    pub ends_on_interrupt: bool,
    /// Whether it may begin although the process was told to end.
    pub even_after_signal: bool,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// All [`PLACES`] are taken.
    Full,
    /// This signal has told the process to end.
    ToldToEnd(i32),
    /// The default action of this signal is to come.
    Ending(i32),
}

/// A place on the roll; it is given back by [`Place::leave`], or when this is dropped.
#[derive(Debug)]
pub struct Place {
    number: usize,
    has_left: AtomicBool,
    /// What stops it once it has left.
    own_stop: AtomicBool,
}

impl Place {
    /// Takes a place.
    ///
    /// # Errors
    /// Where nothing may move any more, or all places are taken.
    pub fn take(kind: Kind) -> Result<Place, Refused> {
        let free = |slot: &Slot| {
            let exchanged = slot.phase.compare_exchange(FREE, CLAIMED, SeqCst, SeqCst);
            exchanged.is_ok()
        };
        let number = ROLL.iter().position(free).ok_or(Refused::Full)?;
        let place = Place {
            number,
            has_left: AtomicBool::new(false),
            own_stop: AtomicBool::new(false),
        };
        let slot = place.slot();
        slot.is_native.store(kind.is_native, SeqCst);
        slot.ends_on_interrupt.store(kind.ends_on_interrupt, SeqCst);
        slot.stop.store(false, SeqCst);
        slot.signal.store(0, SeqCst);
        slot.thread.store(0, SeqCst);
        slot.phase.store(TAKEN, SeqCst);
        // Looked at behind the taking: a signal that came before is seen here, one after it sees the place.
        match (SHUT.load(SeqCst), TOLD_TO_END.load(SeqCst)) {
            (0, 0) => Ok(place),
            (0, _) if kind.even_after_signal => Ok(place),
            (0, signal) => Err(Refused::ToldToEnd(signal)),
            (signal, _) => Err(Refused::Ending(signal)),
        }
    }

    fn slot(&self) -> &'static Slot {
        &ROLL[self.number]
    }

    fn has_left(&self) -> bool {
        self.has_left.load(SeqCst)
    }

    /// Gives the place back, where whatever had it is over.
    pub fn leave(&self) {
        if !self.has_left.swap(true, SeqCst) {
            self.slot().phase.store(FREE, SeqCst);
        }
    }

    /// Whether what has the place is to end.
    pub fn stop(&self) -> &AtomicBool {
        match self.has_left() {
            true => &self.own_stop,
            false => &self.slot().stop,
        }
    }

    /// The signal that ended it, where one did; none once it has left.
    pub fn signal(&self) -> Option<i32> {
        if self.has_left() {
            return None;
        }
        Some(self.slot().signal.load(SeqCst)).filter(|&signal| signal != 0)
    }

    /// Something may move from now on.
    pub fn drives(&self) {
        self.slot().phase.store(DRIVING, SeqCst);
    }

    /// This thread is the one that moves it.
    pub fn driven_here(&self) {
        self.slot().thread.store(thread_id(), SeqCst);
    }

    /// The last command goes out.
    pub fn sends_the_last(&self) {
        self.slot().phase.store(SENT, SeqCst);
    }

    /// Nothing moves any more.
    pub fn rests(&self) {
        if !self.has_left() {
            self.slot().thread.store(0, SeqCst);
            self.slot().phase.store(RESTED, SeqCst);
        }
    }

    /// Waits until nothing moves, at most `limit`; says whether.
    pub fn join(&self, limit: Duration) -> bool {
        let give_up = Time::now() + limit;
        while !self.has_left() && self.slot().is_moving() {
            if Time::now() >= give_up {
                return false;
            }
            pause(LOOK);
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Asks all that have a place to end, because of this signal, or of none (0). For handlers.
pub fn stop_all(signal: i32) {
    for slot in occupied() {
        // What was asked to end before, or has ended, has its own cause.
        let has_cause = slot.stop.load(SeqCst) || slot.phase.load(SeqCst) == RESTED;
        if signal != 0 && !has_cause {
            slot.signal.store(signal, SeqCst);
        }
        slot.stop.store(true, SeqCst);
    }
}

/// Waits until the robots that are driven natively have been stopped, but not for those that the calling
/// thread drives, and no longer than [`END_LIMIT`]. For handlers.
pub fn wait_for_rest() {
    let here = thread_id();
    let give_up = Time::now() + END_LIMIT;
    let mut last_sent = None;
    loop {
        let now = Time::now();
        let moving = || {
            let natives = ROLL.iter().filter(|slot| slot.is_native.load(SeqCst));
            natives.filter(|slot| slot.is_moving())
        };
        let mut others = moving().filter(|slot| slot.thread.load(SeqCst) != here);
        if now >= give_up || others.next().is_none() {
            return;
        }
        let mut driving = moving().filter(|slot| slot.thread.load(SeqCst) != here);
        if driving.any(|slot| slot.phase.load(SeqCst) == DRIVING) {
            last_sent = None;
        } else if now >= *last_sent.get_or_insert(now) + ANSWER {
            return;
        }
        pause(LOOK);
    }
}

fn occupied() -> impl Iterator<Item = &'static Slot> {
    ROLL.iter().filter(|slot| slot.phase.load(SeqCst) >= TAKEN)
}

/// Whether anybody has a place. For handlers.
pub fn is_anybody_there() -> bool {
    occupied().next().is_some()
}

/// Whether something is on its way to its end because a signal or somebody else asked for it. For handlers.
pub fn is_anybody_ending() -> bool {
    occupied().any(|slot| slot.stop.load(SeqCst))
}

/// Whether Ctrl+C is how all that there is, something at least, is meant to end, and nothing of it is
/// ending. For handlers.
pub fn all_end_on_interrupt() -> bool {
    is_anybody_there()
        && occupied().all(|slot| slot.ends_on_interrupt.load(SeqCst) && !slot.stop.load(SeqCst))
}

/// From now on no motion begins unless it says that it may. For handlers.
pub fn told_to_end(signal: i32) {
    TOLD_TO_END.store(signal, SeqCst);
}

/// No motion begins, because the default action of `signal` is to come. For handlers.
pub fn shut(signal: i32) {
    SHUT.store(signal, SeqCst);
}

/// Whether the default action of a signal is to come.
pub fn is_shut() -> bool {
    SHUT.load(SeqCst) != 0
}

/// The default action has been survived.
pub fn open() {
    SHUT.store(0, SeqCst);
}
