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

/// What has to be handed over for the other end.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    /// The memory.
    pub memory: RawFd,
    /// What wakes the server.
    pub call_event: RawFd,
    /// What wakes the caller.
    pub answer_event: RawFd,
}

/// A line that was made but whose server is still to come.
#[derive(Debug, Clone)]
pub struct Line(Arc<Shared>);

impl Line {
    /// A new line, with so many bytes in each direction for large values.
    pub fn make(arena_bytes: u64) -> Result<Line, LineError> {
        Ok(Line(Arc::new(Shared {
            region: Arc::new(Region::make(arena_bytes)?),
            call_event: EventFd::make()?,
            answer_event: EventFd::make()?,
        })))
    }

    /// The line whose descriptors another process handed over.
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

    /// What has to be handed over for the other end; valid while this or an end of it lives.
    pub fn descriptors(&self) -> Descriptors {
        Descriptors {
            memory: self.0.region.raw(),
            call_event: self.0.call_event.raw(),
            answer_event: self.0.answer_event.raw(),
        }
    }

    /// The end that sends calls. There may be one.
    pub fn caller(&self) -> End {
        End::new(Arc::clone(&self.0), Direction::Calls, Direction::Answers)
    }

    /// The end that answers them. There may be one.
    pub fn server(&self) -> End {
        End::new(Arc::clone(&self.0), Direction::Answers, Direction::Calls)
    }
}

/// One end of a line, for one thread at a time.
#[derive(Debug)]
pub struct End {
    shared: Arc<Shared>,
    outward: Direction,
    inward: Direction,
    sent: u32,
    /// How many of the sent were known to be taken when the last was sent.
    received: u32,
    taken: u32,
    /// The head of the next message, once it was read.
    next: Option<Head>,
    longest: usize,
    arena: Arena,
    /// Bytes and number of the other end's blocks that this end keeps.
    held: Arc<Held>,
    spinning: Spinning,
}

/// What precedes a message in its slot. It is read once: the other end may change it at any time.
#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    /// Where the message is, if not in its slot.
    block: Option<Block>,
}

/// Whether looking for a message before sleeping pays. It does where the other end is quick and has a
/// processor; each time in a row that it did not, it is left out twice as often.
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

/// So many of the other end's blocks may be kept: the rest stay for what comes.
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

    /// The same end, which refuses messages of more bytes than this.
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

    /// What wakes this end.
    pub fn event(&self) -> &EventFd {
        self.event_of(self.inward)
    }

    /// Sends a message, and wakes the other end where it sleeps; says whether it did not: it is awake.
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

    /// Lends a copy of a value to the other end; none where it has too many already, and the value has
    /// to go within the message.
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

    /// Takes back a block that the other end never heard of.
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
                // Acquire pairs with the receiver's release: it reads the block no more.
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

    /// The length of the next message, where there is one.
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

    /// Takes the next message, of which [`End::peek`] said the length.
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

    /// A value that the other end lent beside the message taken last.
    pub fn borrow(&self, block: Block, length: usize) -> Result<Borrowed, LineError> {
        let longest = self.longest;
        if length > longest {
            return Err(LineError::TooLong { length, longest });
        }
        Borrowed::take(self.region(), self.inward, block, length)
    }

    /// Keeps a value for as long as the receiver likes; none where so much is kept already that it has to be
    /// copied, because the other end would run out of room.
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

    /// Waits until there is a message or the line is closed, no longer than `limit`; the first `spin` of it
    /// awake, while that pays. Says whether there is anything.
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
        // An end that always signals the event counter does not look whether this one sleeps otherwise.
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

    /// Whether another message is there behind the one taken last.
    pub fn has_more(&self) -> bool {
        self.region().track(self.inward).under_way(self.taken) != 0
    }

    /// How many bytes of the other end's values are kept.
    pub fn held_bytes(&self) -> u64 {
        self.held.bytes.load(Ordering::Relaxed)
    }

    /// For an end that waits for its event counter elsewhere: whether it may, because there is nothing to take.
    pub fn park(&self) -> bool {
        self.region().track(self.inward).park(self.taken)
    }

    /// Closes the line: the other end wakes, and sees it once it has taken what was sent.
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

    /// Whether either end has closed the line.
    pub fn is_closed(&self) -> bool {
        self.region().word(CLOSED_AT).load(Ordering::SeqCst) != 0
    }
}

/// A value of the other end's that is kept; it is given back when this is dropped.
#[derive(Debug)]
pub struct Kept {
    value: Borrowed,
    held: Arc<Held>,
}

impl Kept {
    /// The value.
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
