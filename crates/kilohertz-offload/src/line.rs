//! The two ends of a line.

#![warn(clippy::indexing_slicing)]

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::arena::{Arena, Block, Use};
use crate::error::LineError;
use crate::layout::{CLOSED_AT, Direction, SLOT_BODY, SLOT_HEAD, SLOTS};
use crate::region::{Borrowed, Region};
use crate::track::{NAPPING, Wake};
use crate::wake::{EventFd, sleep_on, wake_at};

/// What is shared by the two ends of a line in one process.
#[derive(Debug)]
struct Shared {
    region: Arc<Region>,
    call_event: EventFd,
    answer_event: EventFd,
}

/// The descriptors to hand over to the other end.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    /// The descriptor of the memory.
    pub memory: RawFd,
    /// The descriptor of the event counter that wakes the server.
    pub call_event: RawFd,
    /// The descriptor of the event counter that wakes the caller.
    pub answer_event: RawFd,
}

/// A line that was created but has no server yet.
#[derive(Debug, Clone)]
pub struct Line(Arc<Shared>);

impl Line {
    /// Creates a line with an arena of `arena_bytes` bytes in each direction for large values.
    pub fn make(arena_bytes: u64) -> Result<Line, LineError> {
        Ok(Line(Arc::new(Shared {
            region: Arc::new(Region::make(arena_bytes)?),
            call_event: EventFd::make()?,
            answer_event: EventFd::make()?,
        })))
    }

    /// Joins a line whose descriptors another process handed over.
    pub fn join(
        memory: OwnedFd,
        call_event: OwnedFd,
        answer_event: OwnedFd,
    ) -> Result<Line, LineError> {
        Ok(Line(Arc::new(Shared {
            region: Arc::new(Region::join(memory)?),
            call_event: EventFd::join(call_event),
            answer_event: EventFd::join(answer_event),
        })))
    }

    /// Returns the descriptors to hand over to the other end. They are valid while this or an end of it
    /// lives.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors {
            memory: self.0.region.raw(),
            call_event: self.0.call_event.raw(),
            answer_event: self.0.answer_event.raw(),
        }
    }

    /// Returns the end that sends calls. There may be only one.
    pub fn caller(&self) -> End {
        End::new(Arc::clone(&self.0), Direction::Calls, Direction::Answers)
    }

    /// Returns the end that answers calls. There may be only one.
    pub fn server(&self) -> End {
        End::new(Arc::clone(&self.0), Direction::Answers, Direction::Calls)
    }
}

/// One end of a line. Only one thread may use it at a time.
#[derive(Debug)]
pub struct End {
    shared: Arc<Shared>,
    outward: Direction,
    inward: Direction,
    sent: u32,
    /// How many of the messages sent before the last one were known to be taken when it was sent.
    received: u32,
    taken: u32,
    /// The head of the next message, after it was read.
    next: Option<Head>,
    longest: usize,
    arena: Arena,
    /// The bytes and the number of the other end's blocks that this end keeps.
    held: Arc<Held>,
    spinning: Spinning,
}

/// The data before a message in its slot. It is read once, because the other end may change it at any time.
#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    /// The block with the message, if the message is not in its slot.
    block: Option<Block>,
}

/// Decides whether to spin for a message before sleeping. Spinning pays if the other end is quick and has a
/// processor. Each time in a row that it did not pay, it is left out twice as often.
#[derive(Debug, Default)]
struct Spinning {
    failures: u32,
    left_out: u32,
}

impl Spinning {
    const MOST_FAILURES: u32 = 6;

    fn is_due(&mut self) -> bool {
        let due = self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        due
    }

    fn ended(&mut self, paid: bool) {
        if paid {
            *self = Spinning::default();
        } else {
            self.failures = (self.failures + 1).min(Spinning::MOST_FAILURES);
            self.left_out = (1 << self.failures) - 1;
        }
    }
}

#[derive(Debug, Default)]
struct Held {
    bytes: AtomicU64,
    blocks: AtomicU64,
}

/// How many of the other end's blocks may be kept. The others stay available for new values.
const MOST_BLOCKS_HELD: u64 = 256;

impl End {
    fn new(shared: Arc<Shared>, outward: Direction, inward: Direction) -> End {
        let arena = Arena::new(outward, shared.region.arena_bytes());
        End {
            shared,
            outward,
            inward,
            sent: 0,
            received: 0,
            taken: 0,
            next: None,
            longest: usize::MAX,
            arena,
            held: Arc::default(),
            spinning: Spinning::default(),
        }
    }

    /// Returns this end with a limit: it refuses messages of more than `longest` bytes.
    pub fn taking_at_most(self, longest: usize) -> End {
        End { longest, ..self }
    }

    fn region(&self) -> &Arc<Region> {
        &self.shared.region
    }

    fn event_of(&self, direction: Direction) -> &EventFd {
        match direction {
            Direction::Calls => &self.shared.call_event,
            Direction::Answers => &self.shared.answer_event,
        }
    }

    /// Returns the event counter that wakes this end.
    pub fn event(&self) -> &EventFd {
        self.event_of(self.inward)
    }

    /// Sends a message, and wakes the other end if it sleeps. Returns true if the other end was awake.
    pub fn send(&mut self, message: &[u8]) -> Result<bool, LineError> {
        let track = self.region().track(self.outward);
        let received = track.taken_of(self.sent, self.received);
        self.received = received.ok_or(LineError::Garbled)?;
        if self.sent.wrapping_sub(self.received) >= SLOTS {
            return Err(LineError::Full);
        }
        let slot = self.outward.slot_at(self.sent);
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        let spilled = message.len() > SLOT_BODY;
        if spilled {
            let block = self
                .lend_as(message, Use::Message)?
                .ok_or(LineError::Full)?;
            self.region()
                .write(slot + SLOT_HEAD, &block.number().to_le_bytes());
        } else {
            self.region().write(slot + SLOT_HEAD, message);
        }
        self.region().write(slot, &length.to_le_bytes());
        self.region()
            .write(slot + 4, &u32::from(spilled).to_le_bytes());
        self.sent = self.sent.wrapping_add(1);
        let track = self.region().track(self.outward);
        let wake = track.publish(self.sent);
        match wake {
            Wake::Nothing => {}
            Wake::EventFd => self.event_of(self.outward).signal(),
            Wake::Word => wake_at(track.waiting),
        }
        Ok(wake == Wake::Nothing)
    }

    /// Lends a copy of a value to the other end. Returns `None` if too many blocks are lent; the value must
    /// then be sent in the message.
    pub fn lend(&mut self, value: &[u8]) -> Result<Option<Block>, LineError> {
        self.lend_as(value, Use::Value)
    }

    fn lend_as(&mut self, value: &[u8], purpose: Use) -> Result<Option<Block>, LineError> {
        self.collect_returned();
        let Some(block) = self.arena.lend(value.len(), purpose) else {
            return Ok(None);
        };
        if self.arena.is_mapped(block) {
            self.region().write(block.offset as usize, value);
        } else if let Err(error) = self.region().write_beyond(block.offset, value) {
            self.retract(block);
            return Err(error.into());
        }
        Ok(Some(block))
    }

    /// Returns how many bytes are lent, and not returned yet.
    pub fn lent_bytes(&mut self) -> u64 {
        self.collect_returned();
        self.arena.lent_bytes()
    }

    /// Takes back a block that the other end was never told about.
    pub fn retract(&mut self, block: Block) {
        if let Some(range) = self.arena.take_back(block.index) {
            self.region().forget_beyond(range);
        }
    }

    fn collect_returned(&mut self) {
        let region = Arc::clone(self.region());
        let returned: Vec<u32> = self
            .arena
            .lent()
            .filter(|index| {
                let word = region.word(self.outward.returned_at(*index));
                // Acquire pairs with the receiver's release: the receiver no longer reads the block.
                word.load(Ordering::Acquire) != 0 && {
                    word.store(0, Ordering::Relaxed);
                    true
                }
            })
            .collect();
        for index in returned {
            if let Some(range) = self.arena.take_back(index) {
                region.forget_beyond(range);
            }
        }
    }

    /// Returns the length of the next message, if there is one.
    pub fn peek(&mut self) -> Result<Option<usize>, LineError> {
        if self.next.is_none() {
            self.next = match self.region().track(self.inward).under_way(self.taken) {
                0 => None,
                1..=SLOTS => Some(self.head()?),
                _ => return Err(LineError::Garbled),
            };
        }
        Ok(self.next.map(|head| head.length))
    }

    /// Reads the next message's head, and checks it.
    fn head(&self) -> Result<Head, LineError> {
        let slot = self.inward.slot_at(self.taken);
        let mut head = [0; SLOT_HEAD + size_of::<u64>()];
        self.region().read(slot, &mut head);
        let (words, _) = head.as_chunks();
        let &[length, spilled, low, high] = words else {
            return Err(LineError::Garbled);
        };
        let length = u32::from_le_bytes(length) as usize;
        let number = u64::from(u32::from_le_bytes(high)) << 32 | u64::from(u32::from_le_bytes(low));
        let block = match u32::from_le_bytes(spilled) {
            0 if length <= SLOT_BODY => None,
            1 => Some(Block::from_number(number)),
            _ => return Err(LineError::Garbled),
        };
        if block.is_some_and(|block| !self.region().has(self.inward, block, length)) {
            return Err(LineError::Garbled);
        }
        let longest = self.longest;
        if length > longest {
            return Err(LineError::TooLong { length, longest });
        }
        Ok(Head { length, block })
    }

    /// Takes the next message, whose length [`End::peek`] returned.
    pub fn take(&mut self, into: &mut [u8]) -> Result<(), LineError> {
        let Some(Head { length, block }) = self.next else {
            return Err(LineError::Garbled);
        };
        if into.len() != length {
            return Err(LineError::Garbled);
        }
        if let Some(block) = block {
            Borrowed::take(self.region(), self.inward, block, length)?.copy_to(into);
        } else {
            let at = self.inward.slot_at(self.taken) + SLOT_HEAD;
            self.region().read(at, into);
        }
        self.next = None;
        self.taken = self.taken.wrapping_add(1);
        self.region().track(self.inward).took(self.taken);
        Ok(())
    }

    /// Returns a value that the other end lent beside the message taken last.
    pub fn borrow(&self, block: Block, length: usize) -> Result<Borrowed, LineError> {
        let longest = self.longest;
        if length > longest {
            return Err(LineError::TooLong { length, longest });
        }
        Borrowed::take(self.region(), self.inward, block, length)
    }

    /// Keeps a value for as long as the receiver needs it. Returns the value as an error if too much is
    /// kept already, because the other end would run out of room; it must then be copied.
    pub fn keep(&self, value: Borrowed) -> Result<Kept, Borrowed> {
        let bytes = value.len() as u64;
        let held = &self.held;
        if held.blocks.load(Ordering::Relaxed) >= MOST_BLOCKS_HELD
            || held.bytes.load(Ordering::Relaxed) + bytes > self.region().arena_bytes() / 2
        {
            return Err(value);
        }
        held.blocks.fetch_add(1, Ordering::Relaxed);
        held.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(Kept {
            value,
            held: Arc::clone(held),
        })
    }

    /// Waits at most `limit` until there is a message or the line is closed. Spins for the first `spin` of
    /// that time, if spinning has paid lately. Returns true if there is a message or the line is closed.
    pub fn wait(&mut self, spin: Duration, limit: Duration) -> bool {
        let region = Arc::clone(self.region());
        let track = region.track(self.inward);
        let there = || {
            track.under_way(self.taken) != 0 || region.word(CLOSED_AT).load(Ordering::SeqCst) != 0
        };
        if there() {
            return true;
        }
        if !spin.is_zero() && self.spinning.is_due() {
            track.wake();
            let until = Instant::now() + spin;
            let mut paid = false;
            while !paid && Instant::now() < until {
                std::hint::spin_loop();
                paid = there();
            }
            self.spinning.ended(paid);
            if paid {
                return true;
            }
        }
        if limit.is_zero() {
            return there();
        }
        // An other end that always signals the event counter does not check whether this end sleeps on the
        // word.
        if region.track(self.outward).needs_event_fd() {
            if track.park(self.taken) {
                if !self.is_closed() {
                    self.event().wait(limit);
                }
                track.wake();
            }
        } else if track.nap(self.taken) {
            if !self.is_closed() {
                sleep_on(track.waiting, NAPPING, limit);
            }
            track.wake();
        }
        there()
    }

    /// Returns true if there is another message after the one taken last.
    pub fn has_more(&self) -> bool {
        self.region().track(self.inward).under_way(self.taken) != 0
    }

    /// Returns how many bytes of the other end's values are kept.
    pub fn held_bytes(&self) -> u64 {
        self.held.bytes.load(Ordering::Relaxed)
    }

    /// Prepares an end that waits for its event counter elsewhere. Returns true if it may wait, because
    /// there is no message.
    pub fn park(&self) -> bool {
        self.region().track(self.inward).park(self.taken)
    }

    /// Closes the line. The other end wakes, and notices the closing after it has taken all messages.
    pub fn close(&self) {
        self.region().word(CLOSED_AT).store(1, Ordering::SeqCst);
        for direction in [Direction::Calls, Direction::Answers] {
            self.event_of(direction).signal();
            let track = self.region().track(direction);
            if track.rouse() {
                wake_at(track.waiting);
            }
        }
    }

    /// Returns true if either end has closed the line.
    pub fn is_closed(&self) -> bool {
        self.region().word(CLOSED_AT).load(Ordering::SeqCst) != 0
    }
}

/// A value of the other end that is kept. It is given back when this is dropped.
#[derive(Debug)]
pub struct Kept {
    value: Borrowed,
    held: Arc<Held>,
}

impl Kept {
    /// Returns the value.
    pub fn value(&self) -> &Borrowed {
        &self.value
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.held.blocks.fetch_sub(1, Ordering::Relaxed);
        self.held
            .bytes
            .fetch_sub(self.value.len() as u64, Ordering::Relaxed);
    }
}
