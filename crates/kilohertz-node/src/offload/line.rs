//! The ends of a line, for JavaScript. `lib/offload/line.ts` and `lib/offload/server.ts` know what the messages say.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilohertz_offload::arena::Block;
use kilohertz_offload::child;
use kilohertz_offload::error::LineError;
use kilohertz_offload::line::{Descriptors, End, Kept, Line};
use napi::Result;
use napi::bindgen_prelude::{ArrayBuffer, Env, Function, Uint8ArraySlice};
use napi_derive::napi;

use crate::buffers::{bytes_of, detach, seen_in_place};
use crate::error::{Code, Failure, OrThrow};
use crate::offload::poll::Poll;

impl From<LineError> for Failure {
    fn from(error: LineError) -> Failure {
        let code = match error {
            LineError::TooLong { .. } => Code::OffloadTooLarge,
            LineError::Foreign | LineError::Garbled => Code::OffloadProtocol,
            // A full line is no failure: whoever sends is told by the value that is returned.
            LineError::Full | LineError::System(_) => Code::System,
        };
        Failure::new(code, error.to_string())
    }
}

fn seconds(limit_s: f64) -> Duration {
    Duration::try_from_secs_f64(limit_s).unwrap_or_default()
}

/// What is added to a message's length where another is there behind it.
#[napi]
pub const MORE: f64 = (1_u64 << 40) as f64;

/// The lines whose server is a worker of this process.
static LINES: Mutex<BTreeMap<u32, Line>> = Mutex::new(BTreeMap::new());

fn lines() -> MutexGuard<'static, BTreeMap<u32, Line>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a child process needs for its end of a line: descriptors of this process.
#[napi(object)]
pub struct NativeDescriptors {
    /// The memory.
    pub memory: i32,
    /// What wakes the child.
    pub call_event: i32,
    /// What the child wakes this process with.
    pub answer_event: i32,
}

impl From<Descriptors> for NativeDescriptors {
    fn from(fds: Descriptors) -> NativeDescriptors {
        NativeDescriptors {
            memory: fds.memory,
            call_event: fds.call_event,
            answer_event: fds.answer_event,
        }
    }
}

/// One end of a line.
#[napi]
pub struct NativeLine {
    /// Until it is released.
    open: Option<Open>,
    number: Option<u32>,
    poll: Option<Poll>,
    /// Values that JavaScript sees in place until they are revoked, by their numbers.
    revocable: BTreeMap<u64, Rc<Cell<Option<Kept>>>>,
}

struct Open {
    line: Line,
    end: End,
}

impl NativeLine {
    fn with(line: Line, end: End, number: Option<u32>) -> NativeLine {
        NativeLine {
            open: Some(Open { line, end }),
            number,
            poll: None,
            revocable: BTreeMap::new(),
        }
    }

    fn end(&mut self, env: &Env) -> Result<&mut End> {
        let open = self.open.as_mut().ok_or_else(gone).or_throw(env)?;
        Ok(&mut open.end)
    }
}

fn gone() -> Failure {
    Failure::new(Code::System, "the line is gone")
}

#[napi]
impl NativeLine {
    /// The caller's end of a new line, with so many bytes in each direction for large values; a message or a
    /// value of more than `longest` bytes is refused. Without it each is taken.
    #[napi(factory)]
    pub fn make(env: &Env, arena_bytes: f64, longest: Option<f64>) -> Result<NativeLine> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let line = Line::make(arena_bytes as u64).or_throw(env)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lines().insert(number, line.clone());
        let longest = longest.map_or(usize::MAX, |longest| longest as usize);
        let end = line.caller().taking_at_most(longest);
        Ok(NativeLine::with(line, end, Some(number)))
    }

    /// The server's end of a line of this process, once.
    #[napi(factory)]
    pub fn attach(env: &Env, number: u32) -> Result<NativeLine> {
        let line = lines().remove(&number).ok_or_else(gone).or_throw(env)?;
        let end = line.server();
        Ok(NativeLine::with(line, end, None))
    }

    /// The server's end in a child process, whose descriptors the process `parent` handed over.
    #[napi(factory)]
    #[allow(
        unsafe_code,
        reason = "a number that was handed over stands for a descriptor"
    )]
    pub fn join(env: &Env, memory: i32, call_event: i32, answer_event: i32) -> Result<NativeLine> {
        let [memory, call_event, answer_event] = [memory, call_event, answer_event].map(|fd| {
            // SAFETY: `lib/entry/child.ts` calls this once, with the descriptors that the parent placed for
            // this process; nobody else in it knows of them, so they are ours to close.
            unsafe { OwnedFd::from_raw_fd(fd) }
        });
        let line = Line::join(memory, call_event, answer_event).or_throw(env)?;
        let end = line.server();
        Ok(NativeLine::with(line, end, None))
    }

    /// For [`NativeLine::attach`] in a worker.
    #[napi(getter)]
    pub fn number(&self) -> Option<u32> {
        self.number
    }

    /// For [`NativeLine::join`] in a child.
    #[napi(getter)]
    pub fn descriptors(&self, env: &Env) -> Result<NativeDescriptors> {
        let open = self.open.as_ref().ok_or_else(gone).or_throw(env)?;
        Ok(open.line.descriptors().into())
    }

    /// Sends the first `length` bytes; says whether there was room.
    #[napi]
    pub fn send(&mut self, env: &Env, message: Uint8ArraySlice<'_>, length: u32) -> Result<bool> {
        match self.end(env)?.send(&message[..length as usize]) {
            Ok(_) => Ok(true),
            Err(LineError::Full) => Ok(false),
            Err(error) => Err(Failure::from(error).thrown(env)),
        }
    }

    /// Sends as [`NativeLine::send`] does, and where the other end is awake looks for its answer for `spin_s`. Says
    /// what [`NativeLine::take`] with `park` says; -2 where there was no room.
    #[napi]
    pub fn ask(
        &mut self,
        env: &Env,
        message: Uint8ArraySlice<'_>,
        length: u32,
        into: Uint8ArraySlice<'_>,
        spin_s: f64,
    ) -> Result<f64> {
        let end = self.end(env)?;
        match end.send(&message[..length as usize]) {
            Ok(is_awake) => {
                if is_awake {
                    end.wait(seconds(spin_s), Duration::ZERO);
                }
                self.take(env, into, true)
            }
            Err(LineError::Full) => Ok(-2.0),
            Err(error) => Err(Failure::from(error).thrown(env)),
        }
    }

    /// Takes the next message and says its length; -1 where there is none. With `park` the next one to come wakes
    /// where none is there any more, and [`MORE`] is added where another is. A message longer than `into` is not
    /// taken: call again with room for it.
    #[napi]
    pub fn take(&mut self, env: &Env, mut into: Uint8ArraySlice<'_>, park: bool) -> Result<f64> {
        let end = self.end(env)?;
        let length = loop {
            match end.peek().or_throw(env)? {
                Some(length) => break length,
                None if !park || end.park() => return Ok(-1.0),
                None => {}
            }
        };
        if let Some(into) = bytes_of(&mut into).get_mut(..length) {
            end.take(into).or_throw(env)?;
            if park && !end.park() {
                return Ok(length as f64 + MORE);
            }
        }
        Ok(length as f64)
    }

    /// Waits as [`NativeLine::wait`] does, takes the next message, and says its length, with [`MORE`] added where
    /// another is there; -1 where none came. A message longer than `into` is not taken.
    #[napi]
    pub fn next(
        &mut self,
        env: &Env,
        into: Uint8ArraySlice<'_>,
        spin_s: f64,
        limit_s: f64,
    ) -> Result<f64> {
        self.end(env)?.wait(seconds(spin_s), seconds(limit_s));
        let length = self.take(env, into, false)?;
        let has_more = length >= 0.0 && self.end(env)?.has_more();
        Ok(length + if has_more { MORE } else { 0.0 })
    }

    /// Lends a copy of a value to the other end, and says its number; -1 where it has to go within the message.
    #[napi]
    pub fn lend(&mut self, env: &Env, value: Uint8ArraySlice<'_>) -> Result<f64> {
        let block = self.end(env)?.lend(&value).or_throw(env)?;
        Ok(block.map_or(-1.0, |block| block.number() as f64))
    }

    /// Takes back a value that the other end never heard of.
    #[napi]
    pub fn retract(&mut self, env: &Env, number: f64) -> Result<()> {
        self.end(env)?.retract(Block::from_number(number as u64));
        Ok(())
    }

    /// A value that the other end lent, in place. Its memory is given back by [`NativeLine::revoke`] where it is
    /// `revocable`, and else when JavaScript is done with it. Null where so much is kept already that it has
    /// to be copied.
    #[napi]
    pub fn borrow<'env>(
        &mut self,
        env: &'env Env,
        number: f64,
        length: f64,
        revocable: bool,
    ) -> Result<Option<ArrayBuffer<'env>>> {
        let block = Block::from_number(number as u64);
        let end = self.end(env)?;
        let value = end.borrow(block, length as usize).or_throw(env)?;
        match end.keep(value) {
            Ok(kept) => {
                let kept = Rc::new(Cell::new(Some(kept)));
                if revocable {
                    self.revocable.insert(block.number(), Rc::clone(&kept));
                }
                seen_in_place(env, kept, length as usize).map(Some)
            }
            Err(value) => {
                // It stays lent: `copy` is what gives it back.
                value.leave();
                Ok(None)
            }
        }
    }

    /// Detaches a buffer; where it was borrowed under a number, its memory is given back. Where the buffer is
    /// detached already, another has its memory now, which is given back when that is collected.
    #[napi]
    pub fn revoke(&mut self, env: &Env, buffer: ArrayBuffer<'_>, number: f64) -> Result<()> {
        let ours = detach(env, buffer)?;
        if number >= 0.0 {
            let kept = self.revocable.remove(&(number as u64));
            if ours {
                kept.map(|kept| kept.take());
            }
        }
        Ok(())
    }

    /// Copies a value that the other end lent, and gives its memory back.
    #[napi]
    pub fn copy(&mut self, env: &Env, number: f64, mut into: Uint8ArraySlice<'_>) -> Result<()> {
        let block = Block::from_number(number as u64);
        let value = self.end(env)?.borrow(block, into.len()).or_throw(env)?;
        value.copy_to(bytes_of(&mut into));
        Ok(())
    }

    /// Blocks until there is a message or the line is closed, no longer than `limit_s`; for the first `spin_s` of it
    /// the core is kept busy. Says whether there is anything.
    #[napi]
    pub fn wait(&mut self, env: &Env, spin_s: f64, limit_s: f64) -> Result<bool> {
        Ok(self.end(env)?.wait(seconds(spin_s), seconds(limit_s)))
    }

    /// How many bytes of borrowed values JavaScript is not done with.
    #[napi(getter)]
    pub fn held_bytes(&self) -> f64 {
        let open = self.open.as_ref();
        open.map_or(0.0, |open| open.end.held_bytes() as f64)
    }

    /// Calls `callback` in the event loop whenever this end is woken: once after each [`NativeLine::take`] that
    /// parked.
    #[napi]
    pub fn listen(&mut self, env: &Env, callback: Function<'_, (), ()>) -> Result<()> {
        let event = self.end(env)?.event().raw();
        self.poll = Some(Poll::new(env, event, &callback)?);
        Ok(())
    }

    /// Whether listening keeps the process alive; at first it does not.
    #[napi]
    pub fn hold(&self, hold: bool) {
        if let Some(poll) = &self.poll {
            poll.hold(hold);
        }
    }

    /// Ends [`NativeLine::listen`].
    #[napi]
    pub fn deafen(&mut self) {
        self.poll = None;
    }

    /// Closes the line: the other end wakes, and sees it once it has taken what was sent.
    #[napi]
    pub fn close(&self) {
        if let Some(open) = &self.open {
            open.end.close();
        }
    }

    /// Closes the line and gives its memory and its descriptors back, without waiting for the garbage collector;
    /// values that JavaScript sees in place stay.
    #[napi]
    pub fn release(&mut self) {
        self.close();
        self.poll = None;
        self.open = None;
        if let Some(number) = self.number {
            lines().remove(&number);
        }
    }

    /// Whether either end has closed the line.
    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.end.is_closed())
    }
}

impl Drop for NativeLine {
    fn drop(&mut self) {
        // However this end went, the other must not wait for it.
        self.release();
    }
}

/// For a child process: it is ended with `parent`. False where that is gone already.
#[napi]
pub fn end_with_parent(env: &Env, parent: u32) -> Result<bool> {
    child::end_with_parent(parent)
        .map_err(LineError::from)
        .or_throw(env)
}

/// Blocks until a child has ended, no longer than `limit_s`, then kills it. Says whether it was killed.
#[napi]
pub fn end_child(env: &Env, pid: u32, limit_s: f64) -> Result<bool> {
    child::end(pid, seconds(limit_s))
        .map_err(LineError::from)
        .or_throw(env)
}
