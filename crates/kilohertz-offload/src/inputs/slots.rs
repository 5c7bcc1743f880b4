//! Which of the three slots of an input the writer may write, and which the reader reads.
//!
//! A value is known by a word: its number, and in the last two bits its slot. The reader marks the newest value before
//! it reads it, and then looks whether it is still the newest; if not, it marks that one. The writer publishes a value
//! before it looks at the mark. So at least one of them sees the other, and the slot that is read is not written: one of
//! three slots has the newest value, one the value that is read, and one is free.

#![warn(clippy::indexing_slicing)]

#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering, fence};

pub(crate) const SLOTS: u32 = 3;
/// How many bits of a word are the slot.
pub(crate) const SLOT_BITS: u32 = 2;
/// In place of a slot: there is no value.
pub(crate) const NONE: u32 = (1 << SLOT_BITS) - 1;

/// Returns the slot of a value.
pub(crate) fn slot_of(word: u32) -> u32 {
    word & NONE
}

/// Returns the word of the value that follows on `word`, in this slot.
pub(crate) fn next(word: u32, slot: u32) -> u32 {
    let number = (word >> SLOT_BITS).wrapping_add(1);
    (number << SLOT_BITS) | slot
}

/// What the two ends share of an input.
pub(crate) struct Slots<'a> {
    pub(crate) newest: &'a AtomicU32,
    pub(crate) mark: &'a AtomicU32,
}

impl Slots<'_> {
    /// For the writer, which has published `published` last. Returns a slot that it may write, and whether the reader
    /// has seen what was published.
    pub(crate) fn free(&self, published: u32) -> (u32, bool) {
        // This fence and the one in `take` have a total order. If this one is first, the reader sees what was published
        // before; otherwise this thread sees the mark.
        fence(Ordering::SeqCst);
        // Acquire pairs with `take`: the reader has finished with what it had marked before.
        let mark = self.mark.load(Ordering::Acquire);
        let is_free = |slot: &u32| *slot != slot_of(published) && *slot != slot_of(mark);
        // Of three slots, two are taken at most.
        let slot = (0..SLOTS).find(is_free).unwrap_or_default();
        (slot, mark == published)
    }

    /// For the writer, which has written the slot of `word`, or removes the value.
    pub(crate) fn publish(&self, word: u32) {
        // Release pairs with `take`, so the slot is complete.
        self.newest.store(word, Ordering::Release);
    }

    /// For the reader. Returns the newest value, which is not overwritten before another one is taken. `None` if there
    /// is no value.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut word = self.newest.load(Ordering::Acquire);
        while slot_of(word) != NONE {
            // Release pairs with `free`: what was marked before is no longer read.
            self.mark.store(word, Ordering::Release);
            fence(Ordering::SeqCst);
            let newest = self.newest.load(Ordering::Acquire);
            if newest == word {
                return Some(word);
            }
            word = newest;
        }
        None
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    struct Shared {
        newest: AtomicU32,
        mark: AtomicU32,
        values: [UnsafeCell<u32>; SLOTS as usize],
    }

    impl Shared {
        fn new() -> Arc<Shared> {
            Arc::new(Shared {
                newest: AtomicU32::new(NONE),
                mark: AtomicU32::new(NONE),
                values: [const { 0 }; SLOTS as usize].map(UnsafeCell::new),
            })
        }

        fn slots(&self) -> Slots<'_> {
            Slots {
                newest: &self.newest,
                mark: &self.mark,
            }
        }

        /// Sets a value: the number of its word. Returns the word.
        fn set(&self, published: u32) -> u32 {
            let (slot, _) = self.slots().free(published);
            let word = next(published, slot);
            #[allow(unsafe_code, reason = "loom checks that nobody else has the slot")]
            // SAFETY: loom fails the test if another thread uses the slot.
            self.values[slot as usize].with_mut(|value| unsafe { *value = word >> SLOT_BITS });
            self.slots().publish(word);
            word
        }

        /// Reads the newest value, and fails if it is not that of its word.
        fn read(&self) -> Option<u32> {
            let word = self.slots().take()?;
            let slot = slot_of(word) as usize;
            #[allow(unsafe_code, reason = "loom checks that nobody else has the slot")]
            // SAFETY: loom fails the test if another thread uses the slot.
            let value = self.values[slot].with(|value| unsafe { *value });
            assert_eq!(value, word >> SLOT_BITS);
            Some(value)
        }
    }

    #[test]
    fn loom_a_value_that_is_read_is_whole_and_never_older_than_the_one_before() {
        loom::model(|| {
            let shared = Shared::new();
            let writer = Arc::clone(&shared);
            let writing = thread::spawn(move || (0..3).fold(NONE, |word, _| writer.set(word)));
            let first = shared.read();
            let second = shared.read();
            assert!(first <= second);
            writing.join().unwrap();
            assert_eq!(shared.read(), Some(3));
        });
    }

    #[test]
    fn loom_a_value_that_is_removed_is_read_whole_or_not_at_all() {
        loom::model(|| {
            let shared = Shared::new();
            let writer = Arc::clone(&shared);
            let writing = thread::spawn(move || {
                let word = next(writer.set(NONE), NONE);
                writer.slots().publish(word);
                writer.set(word)
            });
            shared.read();
            writing.join().unwrap();
            assert_eq!(shared.read(), Some(3));
        });
    }
}
