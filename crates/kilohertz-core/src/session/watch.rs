//! What others may look at while a session runs, without the loop waiting for them: the newest state, the
//! newest chunk of actions, and events.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::queue::ArrayQueue;

use crate::channel::newest::Newest;
use crate::policy::Question;
use crate::session::cycles::{Lengths, RawAnswer};
use crate::session::outcome::{Event, EventKind};

/// How many events wait for who looks; the others are lost to them.
const EVENTS: usize = 256;
/// The numbers before a state: the ticks of the robot's clock.
const STATE_HEAD: usize = 1;
/// The numbers before the actions of a chunk: its time, its step, the numbers of an action.
const CHUNK_HEAD: usize = 3;

/// What may be looked at while a session runs. The loop writes it only after somebody has begun to look.
pub struct Watch {
    is_watched: AtomicBool,
    state: Newest,
    chunk: Newest,
    events: ArrayQueue<Event>,
}

/// What one who looks has seen last.
#[derive(Debug, Default)]
pub struct Seen {
    state: u64,
    chunk: u64,
    numbers: Vec<f64>,
}

/// A chunk of actions as it came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenChunk<'a> {
    /// The robot's time of the first action \[s\].
    pub time_s: f64,
    /// The time between two actions \[s\].
    pub step_s: f64,
    /// How many numbers an action has.
    pub width: usize,
    /// The actions, one after the other.
    pub actions: &'a [f64],
}

impl Watch {
    pub(super) fn new(lengths: Lengths) -> Watch {
        let chunk = match lengths.answer > lengths.command {
            true => lengths.answer.saturating_add(CHUNK_HEAD),
            false => 0,
        };
        Watch {
            is_watched: AtomicBool::new(false),
            state: Newest::new(lengths.state.saturating_add(STATE_HEAD)),
            chunk: Newest::new(chunk),
            events: ArrayQueue::new(EVENTS),
        }
    }

    /// Begins to look: from the next cycle on there is something to see.
    pub fn begin(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    #[inline]
    fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn state(&self, clock: u64, observation: &[f64]) {
        if self.is_watched() {
            self.state
                .write([clock as f64].iter().chain(observation.iter()));
        }
    }

    #[inline]
    pub(super) fn answered(&self, question: Question, raw: &RawAnswer<'_>) {
        if raw.step_s > 0.0 && self.is_watched() {
            let time_s = question.time.as_secs_f64() - raw.before_s;
            let head = [time_s, raw.step_s, raw.width as f64];
            self.chunk.write(head.iter().chain(raw.numbers.iter()));
        }
    }

    pub(super) fn event(&self, tick: u64, kind: EventKind) {
        if self.is_watched() {
            // Who does not look in time has the counters.
            let _ = self.events.push(Event { tick, kind });
        }
    }

    /// Returns the newest state and its ticks of the robot's clock, if there is one that was not `seen` yet.
    pub fn newest_state<'a>(&self, seen: &'a mut Seen) -> Option<(u64, &'a [f64])> {
        seen.state = self.state.read(seen.state, &mut seen.numbers)?;
        let (head, state) = seen.numbers.split_at_checked(STATE_HEAD)?;
        Some((head.first().copied()? as u64, state))
    }

    /// Returns the newest chunk, if there is one that was not `seen` yet.
    pub fn newest_chunk<'a>(&self, seen: &'a mut Seen) -> Option<SeenChunk<'a>> {
        seen.chunk = self.chunk.read(seen.chunk, &mut seen.numbers)?;
        let (head, actions) = seen.numbers.split_at_checked(CHUNK_HEAD)?;
        let &[time_s, step_s, width] = head else {
            return None;
        };
        Some(SeenChunk {
            time_s,
            step_s,
            width: width as usize,
            actions,
        })
    }

    /// Takes the oldest event that nobody who looks has taken.
    pub fn take_event(&self) -> Option<Event> {
        self.events.pop()
    }
}
