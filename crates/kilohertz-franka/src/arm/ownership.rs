//! Decides who may use the connection to an arm, and keeps the newest state that the loop has seen.
//!
//! One session drives the arm at a time. While no session drives it, requests and reads take turns. A
//! session that starts waits for the request under way before its first cycle. While a session drives the
//! arm, the newest state that its loop has seen is available to every thread: the loop writes it wait-free,
//! and readers wait for each other but never keep the loop waiting.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::timing::time::Time;
use triple_buffer::{Input, Output, TripleBuffer};

use crate::state;

/// A state, and the number of the session whose loop saw it.
#[derive(Debug, Clone)]
struct Seen {
    session: u64,
    slots: [f64; state::LEN],
}

/// What the sessions on an arm share with the threads that ask for its state.
pub(crate) struct Ownership {
    driven: AtomicBool,
    /// The number of the newest session, from 1.
    session: AtomicU64,
    /// Held by the thread that uses the connection while no session drives the arm.
    idle: Mutex<()>,
    /// Only a loop takes this lock, and there is one loop at a time, so it never waits.
    seen_in: Mutex<Input<Seen>>,
    seen_out: Mutex<Output<Seen>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ownership {
    pub(crate) fn new() -> Ownership {
        let nothing = Seen {
            session: 0,
            slots: [0.0; state::LEN],
        };
        let (seen_in, seen_out) = TripleBuffer::new(&nothing).split();
        Ownership {
            driven: AtomicBool::new(false),
            session: AtomicU64::new(0),
            idle: Mutex::new(()),
            seen_in: Mutex::new(seen_in),
            seen_out: Mutex::new(seen_out),
        }
    }

    /// Returns true if a session drives the arm.
    pub(crate) fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Acquire)
    }

    /// Takes the arm for a session. Returns true if it was free.
    pub(crate) fn take(&self) -> bool {
        if self.driven.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.session.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Frees the arm, because the session that took it is over.
    pub(crate) fn give_back(&self) {
        self.driven.store(false, Ordering::Release);
    }

    /// Returns the right to use the connection; `None` while a session drives the arm. Waits for the thread
    /// that has it now.
    pub(crate) fn lock_idle(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_driven() {
            return None;
        }
        let idle = lock(&self.idle);
        (!self.is_driven()).then_some(idle)
    }

    /// Runs a session. Waits for the thread that uses the connection now; no other gets it after that. Then
    /// calls `drive` with the session's loop, whose observations are kept for other threads.
    pub(crate) fn drive_observed<T>(
        &self,
        tick: &mut dyn Tick,
        drive: impl FnOnce(&mut dyn Tick) -> T,
    ) -> T {
        drop(lock(&self.idle));
        let mut seen = lock(&self.seen_in);
        let session = self.session.load(Ordering::Acquire);
        drive(&mut Observed {
            tick,
            seen: &mut seen,
            session,
        })
    }

    /// Returns the newest state that the driving session's loop has seen; `None` before its first cycle,
    /// and if no session drives the arm.
    pub(crate) fn newest(&self) -> Option<Vec<f64>> {
        let mut seen = lock(&self.seen_out);
        let seen = seen.read();
        let is_current = self.is_driven() && seen.session == self.session.load(Ordering::Acquire);
        is_current.then(|| seen.slots.to_vec())
    }
}

/// A loop whose observations other threads can read.
struct Observed<'a> {
    tick: &'a mut dyn Tick,
    seen: &'a mut Input<Seen>,
    session: u64,
}

impl Tick for Observed<'_> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        let next = self.seen.input_buffer_mut();
        next.session = self.session;
        next.slots.copy_from_slice(cycle.observation);
        self.seen.publish();
        self.tick.cycle(cycle)
    }

    fn sent(&mut self, at: Time) {
        self.tick.sent(at);
    }

    fn is_stopping(&self) -> bool {
        self.tick.is_stopping()
    }

    fn distrust(&mut self) {
        self.tick.distrust();
    }

    fn not_finite(&mut self, slots: u64) {
        self.tick.not_finite(slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Body;

    impl Tick for Body {
        fn cycle(&mut self, _cycle: Cycle<'_>) -> Flow {
            Flow::Continue
        }

        fn sent(&mut self, _at: Time) {}

        fn is_stopping(&self) -> bool {
            false
        }

        fn distrust(&mut self) {}
    }

    fn see(ownership: &Ownership, values: &[f64]) {
        ownership.drive_observed(&mut Body, |tick| {
            for &value in values {
                tick.cycle(Cycle {
                    started: Time::now(),
                    skipped: 0,
                    observation: &[value; state::LEN],
                    action: &mut [],
                });
            }
        });
    }

    #[test]
    fn the_newest_of_many_states_is_there_and_none_of_an_earlier_session() {
        let ownership = Ownership::new();
        assert_eq!(ownership.newest(), None);
        assert!(ownership.take());
        assert_eq!(ownership.newest(), None);
        see(&ownership, &[1.0, 2.0, 3.0]);
        assert_eq!(ownership.newest(), Some(vec![3.0; state::LEN]));
        assert_eq!(ownership.newest(), Some(vec![3.0; state::LEN]));
        ownership.give_back();
        assert_eq!(ownership.newest(), None);
        assert!(ownership.take());
        assert_eq!(ownership.newest(), None);
        see(&ownership, &[4.0]);
        assert_eq!(ownership.newest(), Some(vec![4.0; state::LEN]));
    }

    #[test]
    fn a_state_is_whole_whoever_reads_while_it_is_written() {
        let ownership = Ownership::new();
        assert!(ownership.take());
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let values: Vec<f64> = (1..=100_000).map(f64::from).collect();
                see(&ownership, &values);
            });
            let mut last = 0.0;
            while !writer.is_finished() {
                if let Some(slots) = ownership.newest() {
                    assert!(slots.iter().all(|&slot| slot == slots[0]), "torn");
                    assert!(slots[0] >= last, "{} after {last}", slots[0]);
                    last = slots[0];
                }
            }
        });
    }

    #[test]
    fn one_session_has_the_arm_and_nobody_else_a_turn() {
        let ownership = Ownership::new();
        drop(ownership.lock_idle().expect("it is free"));
        assert!(ownership.take());
        assert!(!ownership.take());
        assert!(ownership.lock_idle().is_none());
        ownership.give_back();
        assert!(ownership.lock_idle().is_some());
    }

    #[test]
    fn a_session_begins_when_the_turn_before_it_is_over() {
        let ownership = Ownership::new();
        let turn = ownership.lock_idle().expect("it is free");
        assert!(ownership.take());
        let begun = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                ownership.drive_observed(&mut Body, |_| begun.store(true, Ordering::Release));
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!begun.load(Ordering::Acquire));
            drop(turn);
        });
        assert!(begun.load(Ordering::Acquire));
    }
}
