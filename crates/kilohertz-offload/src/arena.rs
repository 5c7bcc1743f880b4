//! The arena for large values: keeps track of which bytes of the file are lent to the other end.
//!
//! Only the sender of a direction keeps this record. The receiver only reports which blocks it gives back.
//! Allocation is first fit from the front: bytes that were used before are used again, so their pages exist
//! already.

use std::ops::Range;

use crate::layout::{BLOCKS, BLOCKS_FOR_MESSAGES, Direction, PAGE};

/// A part of the file that is lent to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The block's number, with which the receiver gives it back.
    pub index: u32,
    /// The block's offset in the file.
    pub offset: u64,
}

impl Block {
    /// Returns the block as one whole number below 2^53, which a double represents exactly.
    pub fn number(self) -> u64 {
        self.offset / PAGE * u64::from(BLOCKS) + u64::from(self.index)
    }

    /// Returns the block with this [`Block::number`].
    pub fn from_number(number: u64) -> Block {
        Block {
            index: (number % u64::from(BLOCKS)) as u32,
            offset: (number / u64::from(BLOCKS)).saturating_mul(PAGE),
        }
    }
}

/// The purpose of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An array that is sent beside a message.
    Value,
    /// A message that is too long for its slot. Some blocks are reserved for such messages.
    Message,
}

/// The record of the blocks of one direction.
#[derive(Debug)]
pub struct Arena {
    /// The free ranges, first in the arena, then beyond it: in order and never adjacent.
    free: Vec<Range<u64>>,
    /// The bytes that each block occupies; empty if the block is not lent.
    lent: Vec<Range<u64>>,
    unused: Vec<u32>,
    arena: Range<u64>,
}

impl Arena {
    /// Creates the record of a direction whose arena has `arena_bytes` bytes, all of them free.
    pub fn new(direction: Direction, arena_bytes: u64) -> Arena {
        let arena = direction.arena(arena_bytes);
        let mut free = vec![arena.clone(), direction.beyond()];
        free.retain(|part| !part.is_empty());
        Arena {
            free,
            lent: vec![0..0; BLOCKS as usize],
            unused: (0..BLOCKS).rev().collect(),
            arena,
        }
    }

    /// Returns true if this block lies within the arena, which both ends keep mapped.
    pub fn is_mapped(&self, block: Block) -> bool {
        self.arena.contains(&block.offset)
    }

    /// Returns how many bytes the blocks have that are lent.
    pub fn lent_bytes(&self) -> u64 {
        let sizes = self
            .lent
            .iter()
            .map(|range| range.end.saturating_sub(range.start));
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns the numbers of the blocks that are lent.
    pub fn lent(&self) -> impl Iterator<Item = u32> + '_ {
        (0..BLOCKS).filter(|index| !self.lent[*index as usize].is_empty())
    }

    /// Lends room for `bytes` bytes; `None` if too many blocks are lent already.
    pub fn lend(&mut self, bytes: usize, purpose: Use) -> Option<Block> {
        let kept = match purpose {
            Use::Value => BLOCKS_FOR_MESSAGES as usize,
            Use::Message => 0,
        };
        if self.unused.len() <= kept {
            return None;
        }
        let size = (bytes as u64).max(1).next_multiple_of(PAGE);
        let nth = self
            .free
            .iter()
            .position(|part| part.end - part.start >= size)?;
        let start = self.free[nth].start;
        self.free[nth].start += size;
        if self.free[nth].is_empty() {
            self.free.remove(nth);
        }
        let index = self.unused.pop()?;
        self.lent[index as usize] = start..start + size;
        Some(Block {
            index,
            offset: start,
        })
    }

    /// Takes a block back. If it lay beyond the arena, returns its bytes: their content is no longer
    /// needed, and they may be lent again.
    pub fn take_back(&mut self, index: u32) -> Option<Range<u64>> {
        let range = std::mem::replace(self.lent.get_mut(index as usize)?, 0..0);
        if range.is_empty() {
            return None;
        }
        self.unused.push(index);
        let beyond = !self.arena.contains(&range.start);
        let nth = self.free.partition_point(|part| part.start < range.start);
        let joins_next = self
            .free
            .get(nth)
            .is_some_and(|next| next.start == range.end);
        let joins_last = nth > 0 && self.free[nth - 1].end == range.start;
        match (joins_last, joins_next) {
            (true, true) => self.free[nth - 1].end = self.free.remove(nth).end,
            (true, false) => self.free[nth - 1].end = range.end,
            (false, true) => self.free[nth].start = range.start,
            (false, false) => self.free.insert(nth, range.clone()),
        }
        beyond.then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARENA: u64 = 16 * PAGE;

    fn arena() -> Arena {
        Arena::new(Direction::Answers, ARENA)
    }

    fn all_free() -> [Range<u64>; 2] {
        [Direction::Answers.arena(ARENA), Direction::Answers.beyond()]
    }

    #[test]
    fn blocks_never_overlap_and_all_room_comes_back() {
        let mut arena = arena();
        let mut held: Vec<(Block, u64)> = Vec::new();
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let roll = seed >> 33;
            if !roll.is_multiple_of(3) {
                let bytes = (roll % (5 * PAGE)) as usize;
                if let Some(block) = arena.lend(bytes, Use::Value) {
                    let size = (bytes as u64).max(1).next_multiple_of(PAGE);
                    for (other, length) in &held {
                        let apart = block.offset >= other.offset + length
                            || other.offset >= block.offset + size;
                        assert!(apart && block.index != other.index);
                    }
                    held.push((block, size));
                }
            } else if !held.is_empty() {
                let (block, _) = held.swap_remove(roll as usize % held.len());
                arena.take_back(block.index);
            }
        }
        for (block, _) in held {
            arena.take_back(block.index);
        }
        assert_eq!(arena.free, all_free());
        assert_eq!(arena.lent().count(), 0);
    }

    #[test]
    fn what_finds_no_room_goes_beyond_the_arena_and_back_to_the_system() {
        let mut arena = arena();
        let inside = arena.lend(ARENA as usize, Use::Value).unwrap();
        let beyond = arena.lend(1, Use::Value).unwrap();
        assert!(arena.is_mapped(inside) && !arena.is_mapped(beyond));
        assert_eq!(
            arena.take_back(beyond.index),
            Some(beyond.offset..beyond.offset + PAGE)
        );
        assert_eq!(arena.take_back(inside.index), None);
    }

    #[test]
    fn room_beyond_the_arena_does_not_run_out_while_it_is_given_back() {
        let mut arena = arena();
        let third = (Direction::Answers.beyond().end - Direction::Answers.beyond().start) / 3;
        for _ in 0..100 {
            let [first, second] = [(); 2].map(|()| arena.lend(third as usize, Use::Value).unwrap());
            assert!(arena.take_back(first.index).is_some());
            assert!(arena.take_back(second.index).is_some());
        }
        assert_eq!(arena.free, all_free());
    }

    #[test]
    fn values_leave_blocks_for_long_messages() {
        let mut arena = arena();
        let values = std::iter::from_fn(|| arena.lend(1, Use::Value)).count();
        assert_eq!(values, (BLOCKS - BLOCKS_FOR_MESSAGES) as usize);
        assert!(arena.lend(1, Use::Message).is_some());
    }

    #[test]
    fn a_block_that_is_not_lent_cannot_come_back() {
        let mut arena = arena();
        let block = arena.lend(1, Use::Value).unwrap();
        arena.take_back(block.index);
        assert_eq!(arena.take_back(block.index), None);
        assert_eq!(arena.take_back(BLOCKS), None);
        assert_eq!(arena.free, all_free());
    }

    #[test]
    fn a_blocks_number_is_exact_as_a_double() {
        for offset in [0, PAGE, Direction::Answers.beyond().end - PAGE] {
            let block = Block {
                index: BLOCKS - 1,
                offset,
            };
            let number = block.number() as f64;
            assert_eq!(Block::from_number(number as u64), block);
            assert!(number < 2_f64.powi(53));
        }
    }
}
