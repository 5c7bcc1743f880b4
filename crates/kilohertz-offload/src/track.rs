//! The order in which two ends use the slots of one direction, and when a wake is needed.
//!
//! One end publishes messages, the other takes them. The counters only increase (and wrap); their
//! difference is the number of messages under way. The receiver announces that it is about to sleep before
//! it checks a last time. The sender publishes before it checks whether the receiver sleeps. So at least
//! one of them sees the other.

#![warn(clippy::indexing_slicing)]

#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// The receiver is awake and needs no wake.
pub(crate) const AWAKE: u32 = 0;
/// The receiver sleeps, or is about to, until its event counter is signalled.
pub(crate) const PARKED: u32 = 1;
/// The receiver sleeps, or is about to, on the word `waiting` itself. This is quicker than an event
/// counter, if the receiver waits for nothing else.
pub(crate) const NAPPING: u32 = 3;

/// What wakes the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Nothing: the receiver is awake.
    Nothing,
    /// A signal of its event counter.
    EventFd,
    /// A wake of the thread that sleeps on `waiting`.
    Word,
}

/// The counters of one direction. A receiver that cannot order its memory accesses, such as one in Python,
/// always wants its event counter signalled: it stores any other number in `waiting`.
pub(crate) struct Track<'a> {
    pub(crate) published: &'a AtomicU32,
    pub(crate) taken: &'a AtomicU32,
    pub(crate) waiting: &'a AtomicU32,
}

impl Track<'_> {
    /// For the sender, which has published `sent` messages and knew that `known` of them were taken.
    /// Returns how many are taken now. Returns `None` if no receiver can have written that number.
    pub(crate) fn taken_of(&self, sent: u32, known: u32) -> Option<u32> {
        // Acquire pairs with `took`: the receiver has read the slot before it is written again.
        let taken = self.taken.load(Ordering::Acquire);
        (taken.wrapping_sub(known) <= sent.wrapping_sub(known)).then_some(taken)
    }

    /// For the sender, which has written the slot of the message before `sent`. Returns what wakes the
    /// receiver.
    pub(crate) fn publish(&self, sent: u32) -> Wake {
        // Release pairs with `under_way`, so the slot is complete.
        self.published.store(sent, Ordering::Release);
        // This fence and the one in `park` have a total order. If this one is first, the receiver sees what
        // was published; otherwise this thread sees that the receiver parked.
        fence(Ordering::SeqCst);
        match self.waiting.load(Ordering::Relaxed) {
            // The receiver may sleep in another way by now.
            PARKED | NAPPING => match self.waiting.swap(AWAKE, Ordering::Relaxed) {
                AWAKE => Wake::Nothing,
                NAPPING => Wake::Word,
                _ => Wake::EventFd,
            },
            AWAKE => Wake::Nothing,
            _ => Wake::EventFd,
        }
    }

    /// For either end, which has closed the line. Returns true if the receiver naps and must be woken.
    pub(crate) fn rouse(&self) -> bool {
        // This comes after the line was marked as closed, as in `publish`.
        fence(Ordering::SeqCst);
        self.waiting
            .compare_exchange(NAPPING, AWAKE, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Returns true if only its event counter wakes the receiver.
    #[cfg(not(loom))]
    pub(crate) fn needs_event_fd(&self) -> bool {
        !matches!(
            self.waiting.load(Ordering::Relaxed),
            AWAKE | PARKED | NAPPING
        )
    }

    /// For the receiver, which has taken `taken` messages. Returns how many more there are.
    pub(crate) fn under_way(&self, taken: u32) -> u32 {
        // Acquire pairs with `publish`, so the slots are complete.
        self.published.load(Ordering::Acquire).wrapping_sub(taken)
    }

    /// For the receiver, which has read the slot of the message before `taken`.
    pub(crate) fn took(&self, taken: u32) {
        self.taken.store(taken, Ordering::Release);
    }

    /// For the receiver, which wants to sleep. Returns true if it may; the next message then signals its
    /// event counter.
    pub(crate) fn park(&self, taken: u32) -> bool {
        self.lie_down(PARKED, taken)
    }

    /// For the receiver, which wants to sleep on `waiting` while that is [`NAPPING`]. Returns true if it
    /// may.
    pub(crate) fn nap(&self, taken: u32) -> bool {
        self.lie_down(NAPPING, taken)
    }

    fn lie_down(&self, how: u32, taken: u32) -> bool {
        // An exchange, as in the sender, so that loom puts the two into one order as well.
        self.waiting.swap(how, Ordering::Relaxed);
        // See `publish`.
        fence(Ordering::SeqCst);
        if self.published.load(Ordering::Relaxed) == taken {
            return true;
        }
        self.wake();
        false
    }

    /// For the receiver, which is awake again for any reason.
    pub(crate) fn wake(&self) {
        // A sender that does not see this yet sends one unnecessary signal.
        self.waiting.store(AWAKE, Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use super::*;

    /// What the two ends share, with two slots instead of 256.
    struct Shared {
        published: AtomicU32,
        taken: AtomicU32,
        waiting: AtomicU32,
        slots: [UnsafeCell<u32>; 2],
        signalled: Mutex<bool>,
        woken: Condvar,
    }

    impl Shared {
        fn new() -> Arc<Shared> {
            Arc::new(Shared {
                published: AtomicU32::new(0),
                taken: AtomicU32::new(0),
                waiting: AtomicU32::new(AWAKE),
                slots: [UnsafeCell::new(0), UnsafeCell::new(0)],
                signalled: Mutex::new(false),
                woken: Condvar::new(),
            })
        }

        fn track(&self) -> Track<'_> {
            Track {
                published: &self.published,
                taken: &self.taken,
                waiting: &self.waiting,
            }
        }

        fn send(&self, sent: u32) {
            let slot = &self.slots[(sent % 2) as usize];
            #[allow(unsafe_code, reason = "loom checks that nobody else has the slot")]
            // SAFETY: loom fails the test if another thread uses the slot.
            slot.with_mut(|slot| unsafe { *slot = sent + 1 });
            match self.track().publish(sent + 1) {
                Wake::Nothing => {}
                Wake::EventFd => {
                    *self.signalled.lock().unwrap() = true;
                    self.woken.notify_one();
                }
                Wake::Word => self.wake_word(),
            }
        }

        /// As in the kernel, no thread goes to sleep between the check of the word and the wake.
        fn wake_word(&self) {
            let _asleep = self.signalled.lock().unwrap();
            self.woken.notify_one();
        }

        fn nap(&self) {
            let mut asleep = self.signalled.lock().unwrap();
            while self.waiting.load(Ordering::Relaxed) == NAPPING {
                asleep = self.woken.wait(asleep).unwrap();
            }
        }

        fn take(&self, taken: u32) -> u32 {
            let slot = &self.slots[(taken % 2) as usize];
            #[allow(unsafe_code, reason = "loom checks that nobody else has the slot")]
            // SAFETY: loom fails the test if another thread uses the slot.
            let value = slot.with(|slot| unsafe { *slot });
            self.track().took(taken + 1);
            value
        }

        fn sleep(&self) {
            let mut signalled = self.signalled.lock().unwrap();
            while !*signalled {
                signalled = self.woken.wait(signalled).unwrap();
            }
            *signalled = false;
        }
    }

    #[test]
    fn loom_no_wake_is_lost_and_each_message_is_whole() {
        loom::model(|| {
            let shared = Shared::new();
            let sender = Arc::clone(&shared);
            let sending = thread::spawn(move || {
                for sent in 0..2 {
                    sender.send(sent);
                }
            });
            for taken in 0..2 {
                while shared.track().under_way(taken) == 0 {
                    // A lost wake would block here forever, which loom reports.
                    if shared.track().park(taken) {
                        shared.sleep();
                        shared.track().wake();
                    }
                }
                assert_eq!(shared.take(taken), taken + 1);
            }
            sending.join().unwrap();
        });
    }

    #[test]
    fn loom_no_wake_of_a_nap_is_lost_nor_of_the_event_behind_one_that_was_given_up() {
        loom::model(|| {
            let shared = Shared::new();
            let sender = Arc::clone(&shared);
            let sending = thread::spawn(move || sender.send(0));
            // A nap that is given up at once, as when its time is over.
            if shared.track().under_way(0) == 0 && shared.track().nap(0) {
                shared.track().wake();
            }
            while shared.track().under_way(0) == 0 {
                if shared.track().park(0) {
                    shared.sleep();
                    shared.track().wake();
                }
            }
            assert_eq!(shared.take(0), 1);
            sending.join().unwrap();
        });
        loom::model(|| {
            let shared = Shared::new();
            let sender = Arc::clone(&shared);
            let sending = thread::spawn(move || sender.send(0));
            while shared.track().under_way(0) == 0 {
                if shared.track().nap(0) {
                    shared.nap();
                    shared.track().wake();
                }
            }
            assert_eq!(shared.take(0), 1);
            sending.join().unwrap();
        });
    }

    #[test]
    fn loom_closing_wakes_who_naps() {
        loom::model(|| {
            let shared = Shared::new();
            let closed = Arc::new(AtomicU32::new(0));
            let (closer, told) = (Arc::clone(&shared), Arc::clone(&closed));
            let closing = thread::spawn(move || {
                told.store(1, Ordering::SeqCst);
                if closer.track().rouse() {
                    closer.wake_word();
                }
            });
            while closed.load(Ordering::SeqCst) == 0 {
                // A lost wake would block here forever.
                if shared.track().nap(0) {
                    if closed.load(Ordering::SeqCst) == 0 {
                        shared.nap();
                    }
                    shared.track().wake();
                }
            }
            closing.join().unwrap();
        });
    }

    #[test]
    fn loom_a_slot_is_written_again_only_after_it_was_read() {
        loom::model(|| {
            let shared = Shared::new();
            let sender = Arc::clone(&shared);
            let sending = thread::spawn(move || {
                let mut taken = 0;
                for sent in 0..3 {
                    taken = sender.track().taken_of(sent, taken).unwrap();
                    while sent - taken >= 2 {
                        thread::yield_now();
                        taken = sender.track().taken_of(sent, taken).unwrap();
                    }
                    sender.send(sent);
                }
            });
            for taken in 0..3 {
                while shared.track().under_way(taken) == 0 {
                    thread::yield_now();
                }
                assert_eq!(shared.take(taken), taken + 1);
            }
            sending.join().unwrap();
        });
    }
}
