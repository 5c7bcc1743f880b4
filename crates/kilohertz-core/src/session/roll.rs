//! The list of everything that moves a robot in this process, readable from a signal handler.
//!
//! Whatever moves a robot (a session, a move, a command of a hand) has a [`Place`] on the roll. The roll is
//! static, of fixed size, and consists of atomics. Functions marked "For signal handlers" neither allocate
//! nor take a lock.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use std::time::Duration;

use crate::thread::system::{pause, thread_id};
use crate::timing::time::Time;

/// How many places there are.
pub const PLACES: usize = 256;

/// How long the end of the process waits for robots at most. Coming to rest may take [`REST`] of it.
pub const END_LIMIT: Duration = Duration::from_secs(4);
/// The longest that a session may take to come to rest.
pub const REST: Duration = Duration::from_secs(3);
/// How long to wait for the answer to the last command. The thread that receives the answer may allocate,
/// which can hang in a process whose heap is damaged; the robot is at rest by then.
const ANSWER: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(1);
/// How long to wait at most, once all robots rest, until recordings are written.
const WRITING_LIMIT: Duration = Duration::from_millis(500);

/// The place is free.
const FREE: u32 = 0;
/// The place is being taken.
const CLAIMED: u32 = 1;
/// The place is taken, and nothing moves.
const TAKEN: u32 = 2;
/// Something may move.
const DRIVING: u32 = 3;
/// The last command has been sent.
const SENT: u32 = 4;
/// Nothing moves any more.
const RESTED: u32 = 5;

struct Slot {
    phase: AtomicU32,
    is_native: AtomicBool,
    ends_on_interrupt: AtomicBool,
    stop: AtomicBool,
    /// The signal that ended what has this place, or 0.
    signal: AtomicI32,
    /// The [`AskedBy`] that has asked first for the end of what has this place, or 0.
    asked_by: AtomicU32,
    /// The thread that moves the robot, or 0.
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
            asked_by: AtomicU32::new(0),
            thread: AtomicU32::new(0),
        }
    }

    fn is_moving(&self) -> bool {
        matches!(self.phase.load(SeqCst), DRIVING | SENT)
    }

    /// Returns true if it was asked to end, or has ended: then it has a cause of its own.
    fn has_cause(&self) -> bool {
        self.stop.load(SeqCst) || self.phase.load(SeqCst) == RESTED
    }

    /// Asks what has this place to end.
    fn ask(&self, by: AskedBy) {
        if !self.has_cause() {
            self.asked_by.store(by as u32, SeqCst);
        }
        self.stop.store(true, SeqCst);
    }
}

/// Who asks for an end that no signal causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// Ctrl+C, which is meant to end it.
    Interrupt = 1,
    /// A stop of a page.
    Page = 2,
}

impl AskedBy {
    fn of(number: u32) -> Option<AskedBy> {
        [AskedBy::Interrupt, AskedBy::Page]
            .into_iter()
            .find(|&by| by as u32 == number)
    }
}

static ROLL: [Slot; PLACES] = [const { Slot::new() }; PLACES];
/// The signal that told the process to end, or 0. After it only motions begin that explicitly ask to.
static TOLD_TO_END: AtomicI32 = AtomicI32::new(0);
/// The signal whose default action comes next, or 0. After it no motion begins.
static SHUT: AtomicI32 = AtomicI32::new(0);

/// How many recordings are being written.
static WRITING: AtomicU32 = AtomicU32::new(0);
/// True once the end of the process waits for recordings.
static HURRIES: AtomicBool = AtomicBool::new(false);

/// A recording that is being written. The end of the process waits for it, when all robots rest.
#[derive(Debug)]
pub struct Writing(());

impl Writing {
    /// Notes that a recording is being written, until this is dropped.
    pub fn begin() -> Writing {
        WRITING.fetch_add(1, SeqCst);
        Writing(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.fetch_sub(1, SeqCst);
    }
}

/// The kind of motion that takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kind {
    /// True if its robot is driven without JavaScript, so that the end of the process waits for it.
    pub is_native: bool,
    /// True if it is meant to be ended by Ctrl+C.
    pub ends_on_interrupt: bool,
    /// True if it may begin although the process was told to end.
    pub even_after_signal: bool,
}

/// Why no place was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// All [`PLACES`] are taken.
    Full,
    /// This signal has told the process to end.
    ToldToEnd(i32),
    /// The default action of this signal comes next.
    Ending(i32),
}

/// A place on the roll. It is given back by [`Place::leave`], or when it is dropped.
#[derive(Debug)]
pub struct Place {
    number: usize,
    has_left: AtomicBool,
    /// The stop flag that is used after the place was given back.
    own_stop: AtomicBool,
}

impl Place {
    /// Takes a place.
    ///
    /// # Errors
    /// Returns why no place is available: motions may no longer begin, or all places are taken.
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
        slot.asked_by.store(0, SeqCst);
        slot.thread.store(0, SeqCst);
        slot.phase.store(TAKEN, SeqCst);
        // This is read after the place was taken: a signal that came before is seen here; a later one sees
        // the place.
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

    /// Gives the place back, once what had it is over.
    pub fn leave(&self) {
        if !self.has_left.swap(true, SeqCst) {
            self.slot().phase.store(FREE, SeqCst);
        }
    }

    /// Returns the flag that asks what has the place to end.
    pub fn stop(&self) -> &AtomicBool {
        match self.has_left() {
            true => &self.own_stop,
            false => &self.slot().stop,
        }
    }

    /// Asks what has the place to end.
    pub fn ask(&self, by: AskedBy) {
        match self.has_left() {
            true => self.own_stop.store(true, SeqCst),
            false => self.slot().ask(by),
        }
    }

    /// Returns who has asked first for its end, if that is known; `None` after the place was given back.
    pub fn asked_by(&self) -> Option<AskedBy> {
        if self.has_left() {
            return None;
        }
        AskedBy::of(self.slot().asked_by.load(SeqCst))
    }

    /// Returns the signal that ended it, if one did; `None` after the place was given back.
    pub fn signal(&self) -> Option<i32> {
        if self.has_left() {
            return None;
        }
        Some(self.slot().signal.load(SeqCst)).filter(|&signal| signal != 0)
    }

    /// Notes that something may move from now on.
    pub fn drives(&self) {
        self.slot().phase.store(DRIVING, SeqCst);
    }

    /// Notes that the calling thread moves it.
    pub fn driven_here(&self) {
        self.slot().thread.store(thread_id(), SeqCst);
    }

    /// Notes that the last command is sent.
    pub fn sends_the_last(&self) {
        self.slot().phase.store(SENT, SeqCst);
    }

    /// Notes that nothing moves any more.
    pub fn rests(&self) {
        if !self.has_left() {
            self.slot().thread.store(0, SeqCst);
            self.slot().phase.store(RESTED, SeqCst);
        }
    }

    /// Returns true once what had the place is over: the place was given back, or its robot is driven without
    /// JavaScript and rests.
    pub fn is_over(&self) -> bool {
        let slot = self.slot();
        self.has_left() || slot.is_native.load(SeqCst) && slot.phase.load(SeqCst) == RESTED
    }

    /// Waits at most `limit` until nothing moves. Returns true if nothing moves.
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

/// Asks everything that has a place to end. `signal` is the reason, or 0. For signal handlers.
pub fn stop_all(signal: i32) {
    for slot in occupied() {
        if signal != 0 && !slot.has_cause() {
            slot.signal.store(signal, SeqCst);
        }
        slot.stop.store(true, SeqCst);
    }
}

/// Asks everything that has a place to end, because Ctrl+C is meant to end all of it. For signal handlers.
pub fn interrupt_all() {
    for slot in occupied() {
        slot.ask(AskedBy::Interrupt);
    }
}

/// Returns true if the end of the process waits for recordings.
pub fn hurries() -> bool {
    HURRIES.load(SeqCst)
}

/// Waits until the natively driven robots have been stopped, at most [`END_LIMIT`], and then until their
/// recordings are written, at most half a second. It does not wait for robots that the calling thread drives.
/// For signal handlers.
pub fn wait_for_rest() {
    wait_for_robots();
    HURRIES.store(true, SeqCst);
    let give_up = Time::now() + WRITING_LIMIT;
    while WRITING.load(SeqCst) > 0 && Time::now() < give_up {
        pause(LOOK);
    }
}

fn wait_for_robots() {
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

/// Returns true if any place is taken. For signal handlers.
pub fn is_anybody_there() -> bool {
    occupied().next().is_some()
}

/// Returns true if a signal has asked anything that has a place to end. For signal handlers.
pub fn is_anybody_interrupted() -> bool {
    let interrupted = AskedBy::Interrupt as u32;
    occupied()
        .any(|slot| slot.signal.load(SeqCst) != 0 || slot.asked_by.load(SeqCst) == interrupted)
}

/// Returns true if at least one place is taken, everything that has a place is meant to be ended by Ctrl+C,
/// and nothing was asked to end yet. For signal handlers.
pub fn all_end_on_interrupt() -> bool {
    is_anybody_there()
        && occupied().all(|slot| slot.ends_on_interrupt.load(SeqCst) && !slot.stop.load(SeqCst))
}

/// Allows from now on only motions that explicitly ask to begin after a signal. For signal handlers.
pub fn told_to_end(signal: i32) {
    TOLD_TO_END.store(signal, SeqCst);
}

/// Allows no motion to begin, because the default action of `signal` comes next. For signal handlers.
pub fn shut(signal: i32) {
    SHUT.store(signal, SeqCst);
}

/// Returns true if the default action of a signal comes next.
pub fn is_shut() -> bool {
    SHUT.load(SeqCst) != 0
}

/// Allows motions again, because the process survived the signal's default action.
pub fn open() {
    SHUT.store(0, SeqCst);
    HURRIES.store(false, SeqCst);
}
