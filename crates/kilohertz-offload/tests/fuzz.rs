//! One end of a line, while the other end writes arbitrary values to the memory that they share. Each message is
//! taken or refused, and nothing else happens.
//!
//! It takes a second in `cargo test`. `PROPTEST_CASES` sets another number of cases.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use kilohertz_offload::arena::Block;
use kilohertz_offload::error::LineError;
use kilohertz_offload::layout::{Direction, SLOT_BODY, SLOT_BYTES, SLOT_HEAD};
use kilohertz_offload::line::Line;
use proptest::collection::vec;
use proptest::prelude::*;

const ARENA: u64 = 1 << 16;
/// The longest message that is asked for here. Memory for it is allocated before it is searched for.
const LONGEST: usize = 1 << 20;

/// Returns the configuration with `usual` cases, unless `PROPTEST_CASES` sets another number.
fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(usual, |_| asked.cases);
    ProptestConfig { cases, ..asked }
}

/// A length that the other end may claim: near the true one, or arbitrary.
fn length() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..=SLOT_BODY as u32,
        2 => SLOT_BODY as u32..=2 * ARENA as u32,
        1 => any::<u32>(),
    ]
}

/// The number of a block: near the arenas, or arbitrary.
fn block() -> impl Strategy<Value = u64> {
    let near = (Direction::Calls.arena(ARENA).start..Direction::Answers.arena(ARENA).end).prop_map(
        |offset| {
            Block {
                index: (offset % 1024) as u32,
                offset: offset & !4095,
            }
            .number()
        },
    );
    let beyond = (0_u64..4, 0_u64..1 << 20).prop_map(|(tib, offset)| {
        Block {
            index: 7,
            offset: (tib << 40) + (offset & !4095),
        }
        .number()
    });
    prop_oneof![4 => near, 2 => beyond, 1 => any::<u64>()]
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn whatever_the_other_end_writes_is_a_message_or_refused(
        direction in prop::sample::select(&[Direction::Calls, Direction::Answers][..]),
        published in prop_oneof![4 => 0_u32..8, 1 => any::<u32>()],
        slots in vec((length(), prop_oneof![4 => 0_u32..2, 1 => any::<u32>()], block(), any::<u8>()), 1..8),
        values in vec((block(), length()), 0..4),
    ) {
        let line = Line::make(ARENA).unwrap();
        let path = format!("/proc/self/fd/{}", line.descriptors().memory);
        let memory = File::options().write(true).open(path).unwrap();
        let write = |at: usize, bytes: &[u8]| memory.write_all_at(bytes, at as u64).unwrap();
        for (nth, (length, spilled, block, filling)) in slots.iter().enumerate() {
            let at = direction.slot_at(nth as u32);
            write(at, &vec![*filling; SLOT_BYTES]);
            write(at, &length.to_le_bytes());
            write(at + 4, &spilled.to_le_bytes());
            write(at + SLOT_HEAD, &block.to_le_bytes());
        }
        write(direction.published_at(), &published.to_le_bytes());
        let mut end = match direction {
            Direction::Calls => line.server(),
            Direction::Answers => line.caller(),
        };
        for nth in 0..slots.len() as u32 {
            let length = match end.peek() {
                Ok(None) => break,
                Ok(Some(length)) => length,
                Err(LineError::Garbled) => break,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            prop_assert_eq!(length, slots[nth as usize].0 as usize);
            let mut message = vec![0; length.min(LONGEST)];
            match end.take(&mut message) {
                Ok(()) => prop_assert!(length <= LONGEST),
                Err(LineError::Garbled) => break,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
        for (number, length) in values {
            match end.borrow(Block::from_number(number), length as usize) {
                Ok(value) if value.len() <= ARENA as usize => {
                    let mut copy = vec![0; value.len()];
                    value.copy_to(&mut copy);
                    drop(end.keep(value));
                }
                Ok(_) | Err(LineError::Garbled) => {}
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
        // This end can still send.
        prop_assert!(end.send(b"go on").is_ok());
        end.close();
        prop_assert!(end.is_closed());
    }
}
