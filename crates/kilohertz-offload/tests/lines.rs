//! What a line promises to both ends.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use kilohertz_offload::arena::Block;
use kilohertz_offload::error::LineError;
use kilohertz_offload::layout::{BLOCKS, PAGE, SLOT_BODY, SLOTS};
use kilohertz_offload::line::{End, Line};

const LONG: Duration = Duration::from_secs(60);
const ARENA: u64 = 64 * PAGE;

fn line() -> (End, End) {
    let line = Line::make(ARENA).unwrap();
    (line.caller(), line.server())
}

fn take(end: &mut End) -> Option<Vec<u8>> {
    let mut message = vec![0; end.peek().unwrap()?];
    end.take(&mut message).unwrap();
    Some(message)
}

fn next(end: &mut End) -> Vec<u8> {
    loop {
        if let Some(message) = take(end) {
            return message;
        }
        assert!(end.wait(Duration::ZERO, LONG) || !end.is_closed());
    }
}

#[test]
fn messages_of_any_length_arrive_whole_and_in_order() {
    let (mut caller, mut server) = line();
    let lengths = [0, 1, SLOT_BODY, SLOT_BODY + 1, ARENA as usize + 1, 3];
    for (nth, length) in lengths.into_iter().enumerate() {
        caller.send(&vec![nth as u8; length]).unwrap();
    }
    for (nth, length) in lengths.into_iter().enumerate() {
        assert_eq!(take(&mut server), Some(vec![nth as u8; length]));
    }
    assert_eq!(take(&mut server), None);
}

#[test]
fn calls_and_answers_cross_between_threads_without_loss() {
    let (mut caller, mut server) = line();
    let serving = thread::spawn(move || {
        for nth in 0..20_000_u32 {
            assert_eq!(next(&mut server), nth.to_le_bytes());
            server.send(&nth.to_le_bytes()).unwrap();
        }
    });
    let mut sent = 0_u32;
    for answered in 0..20_000_u32 {
        while sent < 20_000 && sent - answered < 100 {
            caller.send(&sent.to_le_bytes()).unwrap();
            sent += 1;
        }
        assert_eq!(next(&mut caller), answered.to_le_bytes());
    }
    serving.join().unwrap();
}

#[test]
fn a_sleeping_call_is_woken_without_its_event_counter_and_a_parked_end_is_signalled_by_it() {
    let (mut caller, mut server) = line();
    let waiting = thread::spawn(move || {
        assert!(server.wait(Duration::ZERO, LONG));
        server
    });
    // The message is sent while the receiver sleeps, or before. In both cases no signal is left over.
    thread::sleep(Duration::from_millis(20));
    caller.send(b"call").unwrap();
    let mut server = waiting.join().unwrap();
    assert_eq!(next(&mut server), b"call");
    assert!(!is_signalled(&server));
    assert!(server.park());
    caller.send(b"call").unwrap();
    assert!(is_signalled(&server));
}

#[test]
fn closing_wakes_whoever_sleeps_in_a_call() {
    for closes_caller in [true, false] {
        let (caller, server) = line();
        let (mut sleeper, closer) = match closes_caller {
            true => (server, caller),
            false => (caller, server),
        };
        let waiting = thread::spawn(move || sleeper.wait(Duration::ZERO, LONG));
        thread::sleep(Duration::from_millis(20));
        closer.close();
        assert!(waiting.join().unwrap());
    }
}

fn is_signalled(end: &End) -> bool {
    let event = borrow(end.event().raw());
    let mut fds = [PollFd::new(&event, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
}

#[test]
fn a_line_that_is_full_says_so_and_loses_nothing() {
    let (mut caller, mut server) = line();
    for nth in 0..SLOTS {
        caller.send(&nth.to_le_bytes()).unwrap();
    }
    assert!(matches!(caller.send(b"more"), Err(LineError::Full)));
    assert_eq!(next(&mut server), 0_u32.to_le_bytes());
    caller.send(b"more").unwrap();
    for nth in 1..SLOTS {
        assert_eq!(next(&mut server), nth.to_le_bytes());
    }
    assert_eq!(next(&mut server), b"more");
}

#[test]
fn a_lent_value_stays_as_it_was_until_it_is_given_back() {
    let (mut caller, server) = line();
    let first = caller.lend(&[1; 10_000]).unwrap().unwrap();
    let borrowed = server.borrow(first, 10_000).unwrap();
    let others: Vec<_> = (2..12)
        .map(|fill| caller.lend(&[fill; 10_000]).unwrap().unwrap())
        .collect();
    assert!(others.iter().all(|other| other.offset != first.offset));
    let mut value = vec![0; 10_000];
    borrowed.copy_to(&mut value);
    assert_eq!(value, [1; 10_000]);
    drop(borrowed);
    assert_eq!(
        caller.lend(&[9; 10_000]).unwrap().unwrap().offset,
        first.offset
    );
}

#[test]
fn values_beyond_the_arena_still_cross_and_their_memory_is_given_back() {
    let line = Line::make(ARENA).unwrap();
    let (mut caller, server) = (line.caller(), line.server());
    let descriptor = line.descriptors().memory;
    let bytes = 4 * ARENA as usize;
    let used = || rustix::fs::fstat(borrow(descriptor)).unwrap().st_blocks * 512;
    let before = used();
    for fill in 0..20 {
        let block = caller.lend(&vec![fill; bytes]).unwrap().unwrap();
        let borrowed = server.borrow(block, bytes).unwrap();
        let mut value = vec![0; bytes];
        borrowed.copy_to(&mut value);
        assert!(value.iter().all(|byte| *byte == fill));
    }
    caller.lend(b"small").unwrap().unwrap();
    assert!(
        used() - before < 2 * bytes as i64,
        "{} bytes",
        used() - before
    );
}

#[allow(
    unsafe_code,
    reason = "a test looks at a descriptor that the line owns"
)]
fn borrow<'a>(fd: i32) -> BorrowedFd<'a> {
    // SAFETY: the callers keep the line alive for as long as they use the descriptor.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

#[test]
fn a_receiver_keeps_no_more_blocks_than_leave_the_sender_room() {
    let (mut caller, server) = line();
    let mut kept = Vec::new();
    for _ in 0..10 {
        let block = caller.lend(&[7; 8 * PAGE as usize]).unwrap().unwrap();
        if let Ok(value) = server.keep(server.borrow(block, 8 * PAGE as usize).unwrap()) {
            kept.push(value);
        }
    }
    // They use half of the arena, which has room for eight of them.
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0].value().len(), 8 * PAGE as usize);
    drop(kept);
    let block = caller.lend(&[7; 8]).unwrap().unwrap();
    assert!(server.keep(server.borrow(block, 8).unwrap()).is_ok());
}

#[test]
fn an_impossible_block_is_refused() {
    let (_caller, server) = line();
    for (offset, length) in [(0, 8), (ARENA * 1000, 8), (u64::MAX - 4, 8), (3 << 40, 8)] {
        let block = Block {
            index: BLOCKS - 1,
            offset,
        };
        assert!(matches!(
            server.borrow(block, length),
            Err(LineError::Garbled)
        ));
    }
    let far = Block {
        index: 0,
        offset: (1 << 40) + PAGE,
    };
    assert!(matches!(server.borrow(far, 8), Err(LineError::Garbled)));
}

#[test]
fn a_closed_line_wakes_the_other_end_which_still_gets_what_was_sent() {
    let (mut caller, mut server) = line();
    let serving = thread::spawn(move || {
        let message = next(&mut server);
        while !server.is_closed() {
            server.wait(Duration::ZERO, LONG);
        }
        message
    });
    caller.send(b"last").unwrap();
    caller.close();
    assert_eq!(serving.join().unwrap(), b"last");
}

#[test]
fn a_process_that_was_handed_the_descriptors_has_the_same_line() {
    let line = Line::make(ARENA).unwrap();
    let fds = line.descriptors();
    let copy = |fd| -> OwnedFd { borrow(fd).try_clone_to_owned().unwrap() };
    let joined = Line::join(
        copy(fds.memory),
        copy(fds.call_event),
        copy(fds.answer_event),
    )
    .unwrap();
    let (mut caller, mut server) = (line.caller(), joined.server());
    caller.send(b"call").unwrap();
    assert_eq!(next(&mut server), b"call");
    server.send(b"answer").unwrap();
    assert_eq!(next(&mut caller), b"answer");
}

#[test]
fn memory_that_belongs_to_no_line_is_refused() {
    let event =
        || -> OwnedFd { rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap() };
    for bytes in [0, 100, 1 << 23] {
        let memory = rustix::fs::memfd_create("other", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&memory, bytes).unwrap();
        assert!(matches!(
            Line::join(memory, event(), event()),
            Err(LineError::Foreign)
        ));
    }
}

/// Random-looking numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 16
    }

    /// Returns a small, a huge or an arbitrary number. These are likely to be wrong somewhere.
    fn word(&mut self) -> u32 {
        match self.next() % 4 {
            0 => (self.next() % 8) as u32,
            1 => u32::MAX - (self.next() % 8) as u32,
            2 => SLOTS - 2 + (self.next() % 4) as u32,
            _ => self.next() as u32,
        }
    }
}

#[test]
fn an_end_survives_whatever_the_other_writes() {
    const HEAD: u64 = 12_288;
    let mut dice = Dice(5);
    for _ in 0..200 {
        let line = Line::make(ARENA).unwrap();
        let (mut caller, server) = (line.caller(), line.server());
        let memory = borrow(line.descriptors().memory);
        let garble = |dice: &mut Dice| {
            // The counters, the blocks given back, and the heads of the first slots of both directions.
            let at = match dice.next() % 3 {
                0 => 64 * (2 + dice.next() % 6),
                1 => 4096 + 4 * (dice.next() % 2048),
                _ => {
                    let slot = dice.next() % 2 * u64::from(SLOTS) + dice.next() % 3;
                    HEAD + slot * 4096 + 4 * (dice.next() % 4)
                }
            };
            rustix::io::pwrite(memory, &dice.word().to_le_bytes(), at).unwrap();
        };
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..200 {
            garble(&mut dice);
            match dice.next() % 8 {
                0 | 1 => drop(caller.send(&[1; 100])),
                2 => drop(caller.send(&vec![2; SLOT_BODY + 1])),
                3 => drop(caller.lend(&[3; 5000])),
                4 => {
                    let _ = caller.wait(Duration::ZERO, Duration::from_micros(1));
                    let _ = caller.park();
                }
                5 => {
                    let number = dice.next() % (1 << 53);
                    let length = (dice.word() as usize) % (2 * ARENA as usize);
                    if let Ok(value) = server.borrow(Block::from_number(number), length) {
                        value.copy_to(&mut vec![0; length]);
                    }
                }
                _ => match caller.peek() {
                    Ok(Some(length)) if length < 1 << 20 => {
                        garble(&mut dice);
                        match caller.take(&mut vec![0; length]) {
                            Ok(()) => taken += 1,
                            Err(_) => refused += 1,
                        }
                    }
                    Ok(_) => {}
                    Err(_) => refused += 1,
                },
            }
        }
        assert!(taken + refused <= 200);
    }
}
