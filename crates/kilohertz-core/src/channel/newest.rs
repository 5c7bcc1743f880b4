//! The newest numbers of one thread, for any number of readers that come and go.
//!
//! The writer never waits: it marks the place as being written, writes, and marks it as whole. A reader that
//! finds the place changed under its hands reads again.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::channel::sync::{AtomicU64, Ordering, fence};

/// How often a reader tries. A writer is done within a microsecond, and writes once in a cycle.
const TRIES: usize = 8;

/// The newest numbers. Only one thread may write.
pub(crate) struct Newest {
    /// Odd while the numbers are written; 0 before the first.
    version: AtomicU64,
    len: AtomicU64,
    words: Box<[AtomicU64]>,
}

impl Newest {
    /// Creates a place for at most `most` numbers.
    pub fn new(most: usize) -> Newest {
        Newest {
            version: AtomicU64::new(0),
            len: AtomicU64::new(0),
            words: (0..most).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Writes numbers over those before. Those for which there is no place are left out.
    #[inline]
    pub fn write<'a>(&self, numbers: impl Iterator<Item = &'a f64>) {
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        // Who reads one of the words below sees the odd version as well.
        fence(Ordering::Release);
        let mut len = 0_u64;
        for (word, number) in self.words.iter().zip(numbers) {
            word.store(number.to_bits(), Ordering::Relaxed);
            len = len.wrapping_add(1);
        }
        self.len.store(len, Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }

    /// Reads the newest numbers into `numbers`, and returns how many sets were written until then; `None` if
    /// there is none, or none newer than `seen`, or while one is being written.
    pub fn read(&self, seen: u64, numbers: &mut Vec<f64>) -> Option<u64> {
        for _ in 0..TRIES {
            let version = self.version.load(Ordering::Acquire);
            if version == 0 || version / 2 == seen {
                return None;
            }
            let len = self.len.load(Ordering::Relaxed) as usize;
            numbers.clear();
            numbers.extend(
                self.words
                    .iter()
                    .take(len)
                    .map(|word| f64::from_bits(word.load(Ordering::Relaxed))),
            );
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return Some(version / 2);
            }
            #[cfg(loom)]
            loom::thread::yield_now();
        }
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_newest_numbers_are_read_once() {
        let newest = Newest::new(3);
        let mut read = Vec::new();
        assert_eq!(newest.read(0, &mut read), None);
        newest.write([1.0, 2.0].iter());
        newest.write([3.0, f64::NEG_INFINITY, 5.0].iter());
        assert_eq!(newest.read(0, &mut read), Some(2));
        assert_eq!(read, [3.0, f64::NEG_INFINITY, 5.0]);
        assert_eq!(newest.read(2, &mut read), None);
        newest.write([4.0].iter());
        assert_eq!(newest.read(2, &mut read), Some(3));
        assert_eq!(read, [4.0]);
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        let newest = Newest::new(2);
        newest.write([1.0, 2.0, 3.0].iter());
        let mut read = Vec::new();
        assert_eq!(newest.read(0, &mut read), Some(1));
        assert_eq!(read, [1.0, 2.0]);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::channel::sync::{Arc, thread};

    #[test]
    fn a_reader_never_gets_numbers_of_two_cycles() {
        loom::model(|| {
            let newest = Arc::new(Newest::new(2));
            let written = Arc::clone(&newest);
            let writer = thread::spawn(move || {
                written.write([1.0, 1.0].iter());
                written.write([2.0, 2.0].iter());
            });
            let mut read = Vec::new();
            if let Some(set) = newest.read(0, &mut read) {
                assert_eq!(read, [set as f64, set as f64]);
            }
            writer.join().expect("the writer does not panic");
            assert_eq!(newest.read(0, &mut read), Some(2));
            assert_eq!(read, [2.0, 2.0]);
        });
    }
}
