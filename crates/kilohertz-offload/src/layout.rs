//! What lies where in the shared memory. `lib/offload/python/_kilohertz/layout.py` has the same numbers.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | magic, version, arena size |
//! | 64 to 447 | counters, a cache line each |
//! | 4,096 and 8,192 | blocks given back, one word a block: of the calls, of the answers |
//! | 12,288 | slots of the calls, then of the answers |
//! | then | arena of the calls, then of the answers |
//! | 1 TiB, 2 TiB | blocks that found no room in the arena of the calls, of the answers |
//!
//! All numbers are little-endian.

use std::ops::Range;

/// What the memory begins with.
pub const MAGIC: u64 = u64::from_le_bytes(*b"kilohrtz");
/// Goes up when anything on this page changes.
pub const VERSION: u32 = 1;
/// Where the version stands.
pub const VERSION_AT: usize = 8;
/// Where the size of an arena stands, eight bytes.
pub const ARENA_BYTES_AT: usize = 16;
/// Not zero once either end has closed.
pub const CLOSED_AT: usize = 64;

/// How many messages may be under way in one direction.
pub const SLOTS: u32 = 256;
/// Bytes of one slot.
pub const SLOT_BYTES: usize = 4096;
/// What precedes the message in its slot: its length, and whether it went to a block.
pub const SLOT_HEAD: usize = 8;
/// The longest message that fits into its slot.
pub const SLOT_BODY: usize = SLOT_BYTES - SLOT_HEAD;

/// How many blocks may be lent at a time in one direction.
pub const BLOCKS: u32 = 1024;
/// How many of them are kept for messages too long for their slot.
pub const BLOCKS_FOR_MESSAGES: u32 = SLOTS;
/// Blocks begin at multiples of this.
pub const PAGE: u64 = 4096;

const COUNTERS_AT: usize = 128;
const COUNTER_STRIDE: usize = 64;
const RETURNED_AT: usize = 4096;
const SLOTS_AT: usize = RETURNED_AT + 2 * 4 * BLOCKS as usize;
/// Where the arenas begin.
pub const ARENAS_AT: usize = SLOTS_AT + 2 * SLOTS as usize * SLOT_BYTES;
const TIB: u64 = 1 << 40;

/// The largest arena [bytes].
pub const LARGEST_ARENA: u64 = TIB / 4;

/// Which way a message goes.
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

    /// Where the number of messages ever published stands.
    pub const fn published_at(self) -> usize {
        self.counter(0)
    }

    /// Where the number of messages ever taken stands.
    pub const fn taken_at(self) -> usize {
        self.counter(1)
    }

    /// Where it stands whether the receiver wants to be woken.
    pub const fn waiting_at(self) -> usize {
        self.counter(2)
    }

    /// Where the receiver writes that it gives a block back.
    pub const fn returned_at(self, block: u32) -> usize {
        RETURNED_AT + (self.rank() * BLOCKS as usize + block as usize) * 4
    }

    /// Where the slot of message number `message` begins; numbers wrap.
    pub const fn slot_at(self, message: u32) -> usize {
        SLOTS_AT + (self.rank() * SLOTS as usize + (message % SLOTS) as usize) * SLOT_BYTES
    }

    /// The arena, in bytes of the file.
    pub const fn arena(self, arena_bytes: u64) -> Range<u64> {
        let start = ARENAS_AT as u64 + self.rank() as u64 * arena_bytes;
        start..start + arena_bytes
    }

    /// Where blocks go that find no room in the arena, in bytes of the file.
    pub const fn beyond(self) -> Range<u64> {
        let start = (self.rank() as u64 + 1) * TIB;
        start..start + TIB
    }
}
