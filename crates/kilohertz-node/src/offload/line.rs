//! The ends of a line, for JavaScript. `lib/offload/line.ts` and `lib/offload/server.ts` define what the
//! messages mean.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilohertz_core::shortage::advice;
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
        let advice = match &error {
            LineError::System(source) => advice(source),
            _ => String::new(),
        };
        let code = match error {
            LineError::TooLong { .. } => Code::OffloadTooLarge,
            LineError::Foreign | LineError::Garbled => Code::OffloadProtocol,
            // A full line is not a failure: the returned value tells the sender.
            LineError::Full | LineError::System(_) => Code::System,
        };
        Failure::new(code, format!("{error}{advice}"))
    }
}

fn seconds(limit_s: f64) -> Duration {
    Duration::try_from_secs_f64(limit_s).unwrap_or_default()
}

/// Added to a message's length if another message is waiting after it.
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
    /// The descriptor of the memory.
    pub memory: i32,
    /// The descriptor of the event counter that wakes the child.
    pub call_event: i32,
    /// The descriptor of the event counter with which the child wakes this process.
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
    /// The open end, until it is released.
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
    /// Returns the caller's end of a new line, with `arena_bytes` bytes in each direction for large values.
    /// Messages and values of more than `longest` bytes are refused; without `longest` none is refused for
    /// its length.
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

    /// Returns the server's end of a line of this process. May be called once per line.
    #[napi(factory)]
    pub fn attach(env: &Env, number: u32) -> Result<NativeLine> {
        let line = lines().remove(&number).ok_or_else(gone).or_throw(env)?;
        let end = line.server();
        Ok(NativeLine::with(line, end, None))
    }

    /// Returns the server's end in a child process, whose descriptors the process `parent` handed over.
    #[napi(factory)]
    #[allow(
        unsafe_code,
        reason = "a number that was handed over stands for a descriptor"
    )]
    pub fn join(env: &Env, memory: i32, call_event: i32, answer_event: i32) -> Result<NativeLine> {
        let [memory, call_event, answer_event] = [memory, call_event, answer_event].map(|fd| {
            // SAFETY: `lib/entry/node-child.ts` calls this once, with the descriptors that the parent
            // placed for this process; no other code in it knows them, so this function owns them.
            unsafe { OwnedFd::from_raw_fd(fd) }
        });
        let line = Line::join(memory, call_event, answer_event).or_throw(env)?;
        let end = line.server();
        Ok(NativeLine::with(line, end, None))
    }

    /// The number for [`NativeLine::attach`] in a worker.
    #[napi(getter)]
    pub fn number(&self) -> Option<u32> {
        self.number
    }

    /// The descriptors for [`NativeLine::join`] in a child.
    #[napi(getter)]
    pub fn descriptors(&self, env: &Env) -> Result<NativeDescriptors> {
        let open = self.open.as_ref().ok_or_else(gone).or_throw(env)?;
        Ok(open.line.descriptors().into())
    }

    /// Sends the first `length` bytes. Returns true if there was room.
    #[napi]
    pub fn send(&mut self, env: &Env, message: Uint8ArraySlice<'_>, length: u32) -> Result<bool> {
        match self.end(env)?.send(&message[..length as usize]) {
            Ok(_) => Ok(true),
            Err(LineError::Full) => Ok(false),
            Err(error) => Err(Failure::from(error).thrown(env)),
        }
    }

    /// Sends as [`NativeLine::send`] does. If the other end is awake, looks for its answer for `spin_s`.
    /// Returns what [`NativeLine::take`] with `park` returns; -2 if there was no room.
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

    /// Takes the next message and returns its length; -1 if there is none. With `park`, if no other message
    /// is waiting, the next one wakes this end; if another one is waiting, [`MORE`] is added. A message
    /// longer than `into` is not taken: call again with more room.
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

    /// Waits as [`NativeLine::wait`] does, takes the next message, and returns its length, with [`MORE`]
    /// added if another one is waiting; -1 if none came. A message longer than `into` is not taken.
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

    /// Lends a copy of a value to the other end, and returns its number; -1 if the value must be sent in
    /// the message.
    #[napi]
    pub fn lend(&mut self, env: &Env, value: Uint8ArraySlice<'_>) -> Result<f64> {
        let block = self.end(env)?.lend(&value).or_throw(env)?;
        Ok(block.map_or(-1.0, |block| block.number() as f64))
    }

    /// How many bytes are lent to the other end, and not returned yet.
    #[napi(getter)]
    pub fn lent_bytes(&mut self) -> f64 {
        let open = self.open.as_mut();
        open.map_or(0.0, |open| open.end.lent_bytes() as f64)
    }

    /// Takes back a value that the other end was never told about.
    #[napi]
    pub fn retract(&mut self, env: &Env, number: f64) -> Result<()> {
        self.end(env)?.retract(Block::from_number(number as u64));
        Ok(())
    }

    /// Returns a value that the other end lent, in place. Its memory is given back by
    /// [`NativeLine::revoke`] if it is `revocable`, and otherwise when the buffer is collected. Returns
    /// null if too much is kept already; the value must then be copied.
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
                // The value stays lent: `copy` gives it back.
                value.leave();
                Ok(None)
            }
        }
    }

    /// Detaches a buffer. If it was borrowed under a number, its memory is given back. If the buffer is
    /// detached already, another buffer has its memory now, and it is given back when that buffer is
    /// collected.
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

    /// Blocks for at most `limit_s` until there is a message or the line is closed. Spins for the first
    /// `spin_s` of that time. Returns true if there is a message or the line is closed.
    #[napi]
    pub fn wait(&mut self, env: &Env, spin_s: f64, limit_s: f64) -> Result<bool> {
        Ok(self.end(env)?.wait(seconds(spin_s), seconds(limit_s)))
    }

    /// How many bytes of borrowed values JavaScript still uses.
    #[napi(getter)]
    pub fn held_bytes(&self) -> f64 {
        let open = self.open.as_ref();
        open.map_or(0.0, |open| open.end.held_bytes() as f64)
    }

    /// Calls `callback` in the event loop whenever this end is woken: once after each [`NativeLine::take`]
    /// that parked.
    #[napi]
    pub fn listen(&mut self, env: &Env, callback: Function<'_, (), ()>) -> Result<()> {
        let event = self.end(env)?.event().raw();
        self.poll = Some(Poll::new(env, event, &callback)?);
        Ok(())
    }

    /// Sets whether listening keeps the process alive; at first it does not.
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

    /// Closes the line. The other end wakes, and notices the closing after it has taken all messages.
    #[napi]
    pub fn close(&self) {
        if let Some(open) = &self.open {
            open.end.close();
        }
    }

    /// Closes the line and frees its memory and its descriptors without waiting for the garbage collector.
    /// Values that JavaScript sees in place stay.
    #[napi]
    pub fn release(&mut self) {
        self.close();
        self.poll = None;
        self.open = None;
        if let Some(number) = self.number {
            lines().remove(&number);
        }
    }

    /// True if either end has closed the line.
    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.end.is_closed())
    }
}

impl Drop for NativeLine {
    fn drop(&mut self) {
        // In whichever way this end went, the other end must not wait for it.
        self.release();
    }
}

/// To be called in a child process, which is then ended with `parent`. Returns false if `parent` has
/// already ended.
#[napi]
pub fn end_with_parent(env: &Env, parent: u32) -> Result<bool> {
    child::end_with_parent(parent)
        .map_err(LineError::from)
        .or_throw(env)
}

/// Blocks for at most `limit_s` until a child has ended, then kills it. Returns true if it was killed.
#[napi]
pub fn end_child(env: &Env, pid: u32, limit_s: f64) -> Result<bool> {
    child::end(pid, seconds(limit_s))
        .map_err(LineError::from)
        .or_throw(env)
}

/// A child of this thread. If the thread ends first, as a worker that is terminated, the child is killed and
/// collected: Node no longer does that then.
#[napi]
pub struct NativeChild(child::Held);

#[napi]
impl NativeChild {
    /// Holds the child with this process id, which runs.
    #[napi(constructor)]
    pub fn new(env: &Env, pid: u32) -> Result<NativeChild> {
        child::Held::new(pid)
            .map(NativeChild)
            .map_err(LineError::from)
            .or_throw(env)
    }

    /// To be called when Node has collected the child.
    #[napi]
    pub fn release(&mut self) {
        self.0.release();
    }
}
