//! Whatever one end of a line does to the shared memory and event counters, the other end is not harmed.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use kilohertz_offload::arena::Block;
use kilohertz_offload::error::LineError;
use kilohertz_offload::layout::{Direction, PAGE, SLOT_HEAD};
use kilohertz_offload::line::{End, Line};
use rustix::fs::{
    FallocateFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, ftruncate,
};
use rustix::io::{Errno, write};

const ARENA: u64 = 64 * PAGE;
const ANSWERS: Direction = Direction::Answers;

/// A line, the caller's end of it, and its memory as another process sees it.
struct Shared {
    line: Line,
    caller: End,
    memory: File,
}

impl Shared {
    fn new() -> Shared {
        let line = Line::make(ARENA).unwrap();
        let path = format!("/proc/self/fd/{}", line.descriptors().memory);
        Shared {
            caller: line.caller().taking_at_most(1 << 16),
            memory: File::options().read(true).write(true).open(path).unwrap(),
            line,
        }
    }

    fn set(&self, at: usize, word: u32) {
        self.memory
            .write_all_at(&word.to_le_bytes(), at as u64)
            .unwrap();
    }

    /// Publishes an answer with this head.
    fn answer(&self, length: u32, spilled: u32, body: u64) {
        let slot = ANSWERS.slot_at(0);
        self.set(slot, length);
        self.set(slot + 4, spilled);
        self.memory
            .write_all_at(&body.to_le_bytes(), (slot + SLOT_HEAD) as u64)
            .unwrap();
        self.set(ANSWERS.published_at(), 1);
    }
}

#[test]
fn the_memory_cannot_shrink_and_can_grow() {
    let Shared {
        mut caller,
        line,
        memory,
    } = Shared::new();
    let whole = memory.metadata().unwrap().len();
    assert_eq!(ftruncate(&memory, 0), Err(Errno::PERM));
    assert_eq!(ftruncate(&memory, whole - 1), Err(Errno::PERM));
    assert_eq!(ftruncate(&memory, whole + PAGE), Ok(()));
    assert_eq!(memory.metadata().unwrap().len(), whole + PAGE);
    // A message that does not fit into the arena enlarges it, at either end.
    let large = vec![7; 2 * ARENA as usize];
    let mut server = line.server();
    for end in [&mut caller, &mut server] {
        assert!(end.lend(&large).unwrap().is_some());
    }
}

#[test]
fn nobody_can_seal_the_memory_against_what_its_other_end_does_with_it() {
    let Shared { memory, .. } = Shared::new();
    for seal in [SealFlags::WRITE, SealFlags::GROW, SealFlags::FUTURE_WRITE] {
        assert_eq!(fcntl_add_seals(&memory, seal), Err(Errno::PERM));
    }
    assert_eq!(
        fcntl_get_seals(&memory).unwrap(),
        SealFlags::SHRINK | SealFlags::SEAL
    );
}

#[test]
fn memory_that_is_given_back_to_the_system_reads_as_zeros() {
    let Shared {
        mut caller, memory, ..
    } = Shared::new();
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&memory, flags, 0, memory.metadata().unwrap().len()).unwrap();
    assert!(matches!(caller.peek(), Ok(None)));
    caller.send(b"still of use").unwrap();
}

#[test]
fn a_message_is_no_longer_than_the_receiver_accepts_and_than_the_memory() {
    let within = Block {
        index: 0,
        offset: ANSWERS.arena(ARENA).start,
    }
    .number();
    let beyond = Block {
        index: 0,
        offset: ANSWERS.beyond().start,
    }
    .number();
    for (length, spilled, body, refused) in [
        (1 << 16, 1, within, "nothing"),
        ((1 << 16) + 1, 1, within, "too long"),
        (ARENA as u32 + 1, 1, within, "garbled"),
        (u32::MAX, 1, beyond, "garbled"),
        (100_000, 0, 0, "garbled"),
        (8, 2, 0, "garbled"),
        (8, 1, u64::MAX, "garbled"),
    ] {
        let mut shared = Shared::new();
        shared.answer(length, spilled, body);
        let said = match shared.caller.peek() {
            Ok(Some(_)) => "nothing",
            Err(LineError::TooLong { .. }) => "too long",
            Err(LineError::Garbled) => "garbled",
            other => panic!("{other:?}"),
        };
        assert_eq!(said, refused, "{length} bytes, {spilled}");
    }
    // If a file was enlarged without memory behind it, no longer message is accepted.
    let mut shared = Shared::new();
    ftruncate(&shared.memory, ANSWERS.beyond().start + (1 << 32)).unwrap();
    shared.answer(3_000_000_000, 1, beyond);
    assert!(matches!(
        shared.caller.peek(),
        Err(LineError::TooLong {
            length: 3_000_000_000,
            longest: 65_536
        })
    ));
    let lent = shared
        .caller
        .borrow(Block::from_number(beyond), 3_000_000_000);
    assert!(matches!(lent, Err(LineError::TooLong { .. })));
}

#[test]
fn the_head_of_a_message_is_read_once() {
    let mut shared = Shared::new();
    shared.answer(8, 0, 42);
    assert_eq!(shared.caller.peek().unwrap(), Some(8));
    // Later changes by the other end are not read.
    shared.set(ANSWERS.slot_at(0), 4_000_000);
    shared.set(ANSWERS.slot_at(0) + 4, 1);
    assert_eq!(shared.caller.peek().unwrap(), Some(8));
    let mut message = [0; 8];
    shared.caller.take(&mut message).unwrap();
    assert_eq!(u64::from_le_bytes(message), 42);
}

#[test]
fn impossible_counters_are_refused() {
    let mut shared = Shared::new();
    shared.set(ANSWERS.published_at(), 257);
    assert!(matches!(shared.caller.peek(), Err(LineError::Garbled)));
}

#[test]
fn a_receiver_that_overwrites_its_counters_is_reported_and_not_taken_for_a_full_line() {
    for scribbled in [1 << 31, u32::MAX, 6, 4_u32.wrapping_sub(256), 3] {
        let mut shared = Shared::new();
        let mut server = shared.line.server();
        for nth in 0..5_u8 {
            shared.caller.send(&[nth]).unwrap();
            let mut message = [0];
            assert_eq!(server.peek().unwrap(), Some(1));
            server.take(&mut message).unwrap();
        }
        shared.set(Direction::Calls.taken_at(), scribbled);
        let told = shared.caller.send(b"more").unwrap_err();
        assert!(matches!(told, LineError::Garbled), "{scribbled}: {told}");
        assert!(
            told.to_string().contains("wrote into the shared memory"),
            "{told}"
        );
    }
}

#[test]
fn an_event_counter_that_the_other_end_has_filled_is_signalled_without_waiting() {
    let mut shared = Shared::new();
    let raw = shared.line.descriptors().call_event;
    #[allow(unsafe_code, reason = "a descriptor that the line keeps open")]
    // SAFETY: `shared` lives until the end of this test.
    let event = unsafe { BorrowedFd::borrow_raw(raw) };
    write(event.as_fd(), &(u64::MAX - 1).to_ne_bytes()).unwrap();
    // Like a server in Python, it wants to be woken by each message.
    shared.set(Direction::Calls.waiting_at(), 2);
    assert!(!shared.caller.send(b"a call").unwrap());
    shared.caller.close();
    let mut server = shared.line.server();
    assert!(server.wait(Duration::ZERO, Duration::from_secs(60)));
}
