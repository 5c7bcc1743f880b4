//! The layout of the shared memory. `lib/offload/python/_kilohertz/layout.py` has the same numbers.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | magic, version, arena size |
//! | 64 to 447 | counters, a cache line each |
//! | 4,096 and 8,192 | blocks given back, one word a block: of the calls, of the answers |
//! | 12,288 | slots of the calls, then of the answers |
//! | then | arena of the calls, then of the answers |
//! | 1 TiB, 2 TiB | blocks for which the arena of the calls, of the answers, had no room |
//!
//! All numbers are little-endian.

use std::ops::Range;

/// The first bytes of the memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"kilohrtz");
/// Increases when anything in this file changes.
pub const VERSION: u32 = 1;
/// The offset of the version.
pub const VERSION_AT: usize = 8;
/// The offset of the size of an arena, which has eight bytes.
pub const ARENA_BYTES_AT: usize = 16;
/// The offset of the word that is not zero once either end has closed the line.
pub const CLOSED_AT: usize = 64;

/// How many messages may be under way in one direction.
pub const SLOTS: u32 = 256;
/// The number of bytes of one slot.
pub const SLOT_BYTES: usize = 4096;
/// The number of bytes before the message in its slot: its length, and whether it is in a block instead.
pub const SLOT_HEAD: usize = 8;
/// The length of the longest message that fits into its slot.
pub const SLOT_BODY: usize = SLOT_BYTES - SLOT_HEAD;

/// How many blocks may be lent at a time in one direction.
pub const BLOCKS: u32 = 1024;
/// How many of these blocks are reserved for messages that are too long for their slot.
pub const BLOCKS_FOR_MESSAGES: u32 = SLOTS;
/// Blocks begin at multiples of this.
pub const PAGE: u64 = 4096;

const COUNTERS_AT: usize = 128;
const COUNTER_STRIDE: usize = 64;
const RETURNED_AT: usize = 4096;
const SLOTS_AT: usize = RETURNED_AT + 2 * 4 * BLOCKS as usize;
/// The offset of the arenas.
pub const ARENAS_AT: usize = SLOTS_AT + 2 * SLOTS as usize * SLOT_BYTES;
const TIB: u64 = 1 << 40;

/// The largest arena [bytes].
pub const LARGEST_ARENA: u64 = TIB / 4;

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the caller to the server.
    Calls,
    /// From the server to the caller.
    Answers,
}

impl Direction {
    const fn rank(self) -> usize {
        match self {
            Direction::Calls => 0,
            Direction::Answers => 1,
        }
    }

    const fn counter(self, nth: usize) -> usize {
        COUNTERS_AT + (3 * self.rank() + nth) * COUNTER_STRIDE
    }

    /// Returns the offset of the number of messages that were ever published.
    pub const fn published_at(self) -> usize {
        self.counter(0)
    }

    /// Returns the offset of the number of messages that were ever taken.
    pub const fn taken_at(self) -> usize {
        self.counter(1)
    }

    /// Returns the offset of the word that says whether the receiver wants to be woken.
    pub const fn waiting_at(self) -> usize {
        self.counter(2)
    }

    /// Returns the offset at which the receiver writes that it gives a block back.
    pub const fn returned_at(self, block: u32) -> usize {
        RETURNED_AT + (self.rank() * BLOCKS as usize + block as usize) * 4
    }

    /// Returns the offset of the slot of message number `message`; numbers wrap.
    pub const fn slot_at(self, message: u32) -> usize {
        SLOTS_AT + (self.rank() * SLOTS as usize + (message % SLOTS) as usize) * SLOT_BYTES
    }

    /// Returns the arena, as bytes of the file.
    pub const fn arena(self, arena_bytes: u64) -> Range<u64> {
        let start = ARENAS_AT as u64 + self.rank() as u64 * arena_bytes;
        start..start + arena_bytes
    }

    /// Returns the bytes of the file for blocks for which the arena has no room.
    pub const fn beyond(self) -> Range<u64> {
        let start = (self.rank() as u64 + 1) * TIB;
        start..start + TIB
    }
}
