//! A bare echo over a shared futex between two processes. Its time is the least that a question to a policy
//! in another process, and its answer, can take. The benches report it for comparison.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::channel::shared_memory::{Lengths, SharedMemory, Word};
use crate::channel::sync::Ordering;
use crate::timing::time::Time;

/// One end of the echo. The asking end writes the number of a round into a word and wakes the other end.
/// The other end writes that number into a second word and wakes the asking end.
pub struct Echo {
    memory: SharedMemory,
    /// Held by the asking end.
    handle: Option<OwnedFd>,
    round: u32,
}

/// The memory holds nothing but the words.
const NONE: Lengths = Lengths {
    observation: 0,
    action: 0,
};

impl Echo {
    /// Creates the asking end.
    ///
    /// # Errors
    /// Returns the system's error if it cannot create shared memory.
    pub fn make() -> std::io::Result<Echo> {
        let (memory, handle) = SharedMemory::make(NONE)?;
        Ok(Echo {
            memory,
            handle: Some(handle),
            round: 0,
        })
    }

    /// Creates the echoing end over `memory`, which the asking end handed over.
    ///
    /// # Errors
    /// Returns the system's error, or an error if the memory has another layout.
    pub fn join(memory: OwnedFd) -> std::io::Result<Echo> {
        let memory = SharedMemory::join(memory, NONE)?;
        Ok(Echo {
            memory,
            handle: None,
            round: 0,
        })
    }

    /// Returns the memory's descriptor, for handing it over; `None` at the echoing end.
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_ref().map(AsFd::as_fd)
    }

    /// Asks, and returns how long the echo took; `None` if none came within `limit`.
    pub fn ask(&mut self, limit: Duration) -> Option<Duration> {
        let begin = Time::now();
        self.say(Word::Asked, self.round.wrapping_add(1));
        let echoed = self.memory.word(Word::Answered);
        loop {
            let seen = echoed.load(Ordering::Acquire);
            if seen == self.round {
                return Some(Time::now().since(begin));
            }
            let left = limit.checked_sub(Time::now().since(begin))?;
            self.memory.sleep(Word::Answered, seen, left);
        }
    }

    /// Waits at most `limit` to be asked. Returns true if it was asked.
    pub fn hear(&self, limit: Duration) -> bool {
        let asked = self.memory.word(Word::Asked);
        if asked.load(Ordering::Acquire) == self.round {
            self.memory.sleep(Word::Asked, self.round, limit);
        }
        asked.load(Ordering::Acquire) != self.round
    }

    /// Echoes the round that was asked.
    pub fn answer(&mut self) {
        // The echoing end may have missed the first rounds.
        let asked = self.memory.word(Word::Asked).load(Ordering::Acquire);
        self.say(Word::Answered, asked);
    }

    fn say(&mut self, word: Word, round: u32) {
        self.round = round;
        self.memory.word(word).store(self.round, Ordering::Release);
        self.memory.wake(word, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_is_echoed_once() {
        let mut asking = Echo::make().unwrap();
        let fd = asking.file().unwrap().try_clone_to_owned().unwrap();
        let mut echoing = Echo::join(fd).unwrap();
        let long = Duration::from_secs(60);
        let other = std::thread::spawn(move || {
            for _ in 0..100 {
                while !echoing.hear(long) {}
                echoing.answer();
            }
        });
        for _ in 0..100 {
            assert!(asking.ask(long).is_some());
        }
        other.join().unwrap();
        assert_eq!(asking.ask(Duration::from_millis(1)), None);
    }
}
