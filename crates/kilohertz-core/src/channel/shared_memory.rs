//! The memory through which the loop asks a policy in another process, with the words that both ends sleep
//! on.
//!
//! | at | what | written by |
//! | --- | --- | --- |
//! | 0 | 8 bytes that say whose memory it is, 4 of the version | the loop's process |
//! | 64 | [`Word::Asked`]: twice the number of the newest question, and 1 more once it is over | the loop's process |
//! | 128 | [`Word::PolicySleeps`]: whether the policy is to be woken | the policy |
//! | 192 | [`Word::Taken`]: the number of the question that the policy took last | the policy |
//! | 256 | [`Word::Answered`]: how often it has answered | the policy |
//! | 320 | [`Word::LoopSleeps`]: whether the loop is to be woken | both |
//! | 384 | [`QUESTIONS`] rows: tick, time \[ns\], period \[ns\], the observation | the loop |
//! | after these | [`ANSWERS`] rows: tick, the kind of answer, the action | the policy |
//!
//! A row consists of numbers of 8 bytes in the machine's byte order, and begins at a multiple of 64.
//! `lib/offload/python/_kilohertz/policy.py` has this layout too. All of it is read and written with atomic
//! accesses: whatever the other process writes at any time is read as some number.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]
#![warn(clippy::indexing_slicing)]
#![cfg_attr(
    not(loom),
    allow(
        unsafe_code,
        reason = "memory that another process maps too has no other name than a pointer"
    )
)]

use std::time::Duration;

use crate::channel::sync::{AtomicU32, AtomicU64};

/// How many questions the memory holds: one may be read while the next ones are written.
pub const QUESTIONS: u32 = 4;
/// How many answers the memory holds. A policy that answers only what it was asked gives at most two
/// answers between two polls of the loop.
pub const ANSWERS: u32 = 16;
/// How many numbers precede the observation of a question, and the action of an answer.
pub(crate) const QUESTION_HEAD: usize = 4;
pub(crate) const ANSWER_HEAD: usize = 2;

/// Increases when anything in the layout of this memory changes.
pub(crate) const VERSION: u32 = 2;
/// The size of a cache line of the processor [bytes]. Each word has a cache line of its own.
pub(crate) const LINE: usize = 64;
/// The offset of the first row [bytes].
pub(crate) const ROWS_AT: usize = 6 * LINE;

/// How many numbers an observation and an action have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// The length of an observation.
    pub observation: usize,
    /// The length of an action.
    pub action: usize,
}

/// The words of 32 bits, by their offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Asked = 1,
    PolicySleeps = 2,
    Taken = 3,
    Answered = 4,
    LoopSleeps = 5,
}

impl Word {
    /// Returns the offset of the word [bytes].
    pub(crate) const fn at(self) -> usize {
        (self as usize).saturating_mul(LINE)
    }
}

/// How many numbers a question's row and an answer's row have, without padding.
fn numbers(lengths: Lengths) -> [usize; 2] {
    [
        lengths.observation.saturating_add(QUESTION_HEAD),
        lengths.action.saturating_add(ANSWER_HEAD),
    ]
}

#[cfg(not(loom))]
pub(crate) use real::{Handle, SharedMemory};

#[cfg(not(loom))]
mod real {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;

    use memmap2::{MmapOptions, MmapRaw};
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    use rustix::thread::futex;
    use rustix::time::Timespec;

    use super::*;
    use crate::channel::sync::Ordering::Relaxed;

    const MAGIC: u64 = u64::from_le_bytes(*b"kilohrtz");

    /// An anonymous memory file, mapped.
    #[derive(Debug)]
    pub(crate) struct SharedMemory {
        map: MmapRaw,
        lengths: Lengths,
    }

    /// The descriptor that is handed over so that the other process can join. The mapping stays valid
    /// without it.
    pub(crate) type Handle = OwnedFd;

    /// The number of bytes from one row to the next, for questions and for answers.
    fn strides(lengths: Lengths) -> [usize; 2] {
        numbers(lengths).map(|numbers| {
            let bytes = numbers.saturating_mul(size_of::<u64>());
            bytes.checked_next_multiple_of(LINE).unwrap_or(usize::MAX)
        })
    }

    fn answers_at(lengths: Lengths) -> usize {
        let [question, _] = strides(lengths);
        ROWS_AT.saturating_add(question.saturating_mul(QUESTIONS as usize))
    }

    fn size(lengths: Lengths) -> usize {
        let [_, answer] = strides(lengths);
        answers_at(lengths).saturating_add(answer.saturating_mul(ANSWERS as usize))
    }

    impl SharedMemory {
        /// Creates memory that is fully allocated and whose size cannot be changed.
        pub(crate) fn make(lengths: Lengths) -> io::Result<(SharedMemory, Handle)> {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let file = memfd_create("kilohertz-policy", flags)?;
            ftruncate(&file, size(lengths) as u64)?;
            // Reading a mapped page that was cut off the file would raise SIGBUS.
            fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
            let file = File::from(file);
            let memory = SharedMemory::map(&file, lengths)?;
            memory.at::<AtomicU32>(8).store(VERSION, Relaxed);
            memory.at::<AtomicU64>(0).store(MAGIC, Relaxed);
            Ok((memory, file.into()))
        }

        /// Maps the memory of a descriptor that was handed over.
        pub(crate) fn join(fd: OwnedFd, lengths: Lengths) -> io::Result<SharedMemory> {
            let file = File::from(fd);
            let is_whole = file.metadata()?.len() == size(lengths) as u64;
            let memory = is_whole.then(|| SharedMemory::map(&file, lengths));
            let is_ours = |memory: &SharedMemory| {
                let version = memory.at::<AtomicU32>(8).load(Relaxed);
                memory.at::<AtomicU64>(0).load(Relaxed) == MAGIC && version == VERSION
            };
            memory
                .transpose()?
                .filter(is_ours)
                .ok_or_else(|| {
                    io::Error::other(
                        "the policy's memory was not made by this version of kilohertz; use the same in \
                         both processes",
                    )
                })
        }

        fn map(file: &File, lengths: Lengths) -> io::Result<SharedMemory> {
            // Pages are faulted in here, so that the loop does not have to.
            let map = MmapOptions::new()
                .len(size(lengths))
                .populate()
                .map_raw(file)?;
            Ok(SharedMemory { map, lengths })
        }

        pub(crate) fn lengths(&self) -> Lengths {
            self.lengths
        }

        /// Returns an atomic number at one of the offsets of the table above.
        ///
        /// # Panics
        /// Panics if there is no such number at this offset.
        fn at<T: Atomic>(&self, at: usize) -> &T {
            assert!(at.is_multiple_of(size_of::<T>()) && at < ROWS_AT);
            // SAFETY: the number is within the mapping, which is longer than `ROWS_AT`, lives as long as
            // this reference and stays backed: the file's size is sealed. It begins at a page, so the place
            // is aligned. `Atomic` is implemented for atomics alone, for which all bits are valid. This
            // process accesses each place by one type and atomically; what another one does changes the
            // bits, as an atomic store may.
            unsafe { &*self.map.as_ptr().add(at).cast::<T>() }
        }

        pub(crate) fn word(&self, word: Word) -> &AtomicU32 {
            self.at((word as usize).saturating_mul(LINE))
        }

        /// Returns the row of question `number`.
        pub(crate) fn question(&self, number: u32) -> &[AtomicU64] {
            let [stride, _] = strides(self.lengths);
            let nth = (number % QUESTIONS) as usize;
            let [numbers, _] = numbers(self.lengths);
            self.row(ROWS_AT.saturating_add(nth.saturating_mul(stride)), numbers)
        }

        /// Returns the row of answer `number`.
        pub(crate) fn answer(&self, number: u32) -> &[AtomicU64] {
            let [_, stride] = strides(self.lengths);
            let nth = (number % ANSWERS) as usize;
            let [_, numbers] = numbers(self.lengths);
            let at = answers_at(self.lengths).saturating_add(nth.saturating_mul(stride));
            self.row(at, numbers)
        }

        fn row(&self, at: usize, numbers: usize) -> &[AtomicU64] {
            let bytes = numbers.saturating_mul(size_of::<u64>());
            assert!(at.is_multiple_of(LINE) && at >= ROWS_AT);
            assert!(
                at.checked_add(bytes)
                    .is_some_and(|end| end <= self.map.len())
            );
            // SAFETY: the row is within the mapping and aligned, as asserted; see `at` for the rest. Words
            // and rows do not overlap.
            unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(at).cast(), numbers) }
        }

        /// Sleeps while the word is `expected`, until a wake, but at most `limit`. Returns true if the
        /// sleep ended before `limit`.
        pub(crate) fn sleep(&self, word: Word, expected: u32, limit: Duration) -> bool {
            // A limit that is too long for the kernel is cut: the caller looks again anyway.
            let limit = Timespec::try_from(limit.min(LONGEST)).ok();
            let slept = futex::wait(
                self.word(word),
                futex::Flags::empty(),
                expected,
                limit.as_ref(),
            );
            slept != Err(rustix::io::Errno::TIMEDOUT)
        }

        /// Wakes at most `most` of the threads that sleep on the word.
        pub(crate) fn wake(&self, word: Word, most: u32) {
            // This fails only if the memory is not mapped, and it is mapped.
            let _ = futex::wake(self.word(word), futex::Flags::empty(), most);
        }
    }

    const LONGEST: Duration = Duration::from_secs(3600);

    /// A type that may lie in memory that other processes write.
    trait Atomic {}
    impl Atomic for AtomicU32 {}
    impl Atomic for AtomicU64 {}
}

#[cfg(loom)]
pub(crate) use model::{Handle, SharedMemory};

/// A model of what the memory and the kernel promise, so that loom checks our use of them: a thread sleeps
/// only while the word is as expected, and the kernel checks the word and puts it to sleep in one step.
#[cfg(loom)]
mod model {
    use loom::sync::atomic::Ordering;
    use loom::sync::{Condvar, Mutex};

    use super::*;

    pub(crate) struct SharedMemory {
        words: [AtomicU32; 6],
        questions: Vec<Vec<AtomicU64>>,
        answers: Vec<Vec<AtomicU64>>,
        lengths: Lengths,
        queue: Mutex<()>,
        woken: Condvar,
    }

    pub(crate) type Handle = ();

    impl SharedMemory {
        pub(crate) fn make(lengths: Lengths) -> std::io::Result<(SharedMemory, Handle)> {
            let [question, answer] = numbers(lengths);
            let rows = |count: u32, numbers: usize| {
                let row = || (0..numbers).map(|_| AtomicU64::new(0)).collect();
                (0..count).map(|_| row()).collect()
            };
            let memory = SharedMemory {
                words: std::array::from_fn(|_| AtomicU32::new(0)),
                questions: rows(QUESTIONS, question),
                answers: rows(ANSWERS, answer),
                lengths,
                queue: Mutex::new(()),
                woken: Condvar::new(),
            };
            Ok((memory, ()))
        }

        pub(crate) fn lengths(&self) -> Lengths {
            self.lengths
        }

        pub(crate) fn word(&self, word: Word) -> &AtomicU32 {
            &self.words[word as usize]
        }

        pub(crate) fn question(&self, number: u32) -> &[AtomicU64] {
            &self.questions[(number % QUESTIONS) as usize]
        }

        pub(crate) fn answer(&self, number: u32) -> &[AtomicU64] {
            &self.answers[(number % ANSWERS) as usize]
        }

        pub(crate) fn sleep(&self, word: Word, expected: u32, _limit: Duration) -> bool {
            let queue = self.queue.lock().unwrap();
            if self.word(word).load(Ordering::SeqCst) == expected {
                // A model has no time. A lost wake is a deadlock, which loom reports.
                drop(self.woken.wait(queue).unwrap());
            }
            true
        }

        pub(crate) fn wake(&self, _word: Word, _most: u32) {
            let _queue = self.queue.lock().unwrap();
            self.woken.notify_all();
        }
    }
}
