//! How chunks of actions are played: what a session is told of it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::command::chunk::Curve;

/// How many numbers precede the rows of a chunk: how many rows there are, the time from one to the next \[s\],
/// and how long before its question the chunk's first row belongs \[s\]. A number of rows below zero says that
/// the answer was no chunk: see [`NO_CHUNK`].
pub const CHUNK_HEADER: usize = 3;
/// The number of rows of an answer that was no chunk, for the first reason; the next reason has the number below,
/// and so on. Where the time between rows would be stands the row, or this number if it is none.
pub const NO_CHUNK: f64 = -1.0;
/// How many numbers follow the observation of a policy that answers in chunks: how long before the question the
/// first row of the newest chunk belongs \[s\], NaN if there is none; how long an answer takes \[s\], from the
/// latencies of late, 0 before the first; and the number of the episode, from 0.
pub const CHUNK_CONTEXT: usize = 3;

/// When a policy that answers in chunks is asked for the next one. One question is open at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Replan {
    /// When at most this share of the newest chunk is left, 0 to 1.
    Share(f64),
    /// When at most this many of its steps are left.
    Steps(f64),
    /// This long after the previous question.
    Every(Duration),
}

/// How a chunk takes over from the one before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Merge {
    /// It is faded in, as fast as the limits allow.
    Fade,
    /// It takes over at once; the robot then approaches it within its limits.
    Replace,
    /// Its rows are averaged with what the chunks before it said about the same times, with ACT's weights
    /// `exp(-m i)`, the oldest first. The average is faded in.
    Ensemble {
        /// ACT's `m`.
        m: f64,
    },
}

/// A number that the loop writes and another thread follows: what is wanted of a gripper.
#[derive(Debug)]
pub struct Wanted(AtomicU64);

impl Default for Wanted {
    /// Nothing is wanted yet.
    fn default() -> Wanted {
        Wanted(AtomicU64::new(f64::NAN.to_bits()))
    }
}

impl Wanted {
    /// Replaces the number.
    pub fn set(&self, wanted: f64) {
        self.0.store(wanted.to_bits(), Ordering::Relaxed);
    }

    /// Returns the number; `None` while there is none.
    pub fn get(&self) -> Option<f64> {
        let wanted = f64::from_bits(self.0.load(Ordering::Relaxed));
        wanted.is_finite().then_some(wanted)
    }
}

/// How chunks of actions are played.
#[derive(Debug, Clone)]
pub struct Chunks {
    /// How many rows a chunk may have.
    pub rows: usize,
    /// How its rows become a curve.
    pub curve: Curve,
    /// When the next chunk is asked for.
    pub replan: Replan,
    /// How a chunk takes over.
    pub merge: Merge,
    /// How far a chunk may be from what is commanded when it takes over, for each coordinate of
    /// [`Limiter::displacement`](crate::limits::Limiter::displacement) \[rad, m\].
    pub max_seam: Box<[f64]>,
    /// True if each row is a change of the row before it; the first is a change of what was wanted one step
    /// before the observation.
    pub is_relative: bool,
    /// True if a chunk that cannot be played is only counted and reported, and does not end the session.
    pub skips_bad: bool,
    /// Where the number that follows the slots of each row is written, at the time of the row; `None` if rows have
    /// no such number.
    pub gripper: Option<Arc<Wanted>>,
}

impl Chunks {
    /// Returns how many numbers a row has, for a robot whose actions have `slots` slots.
    pub fn row_len(&self, slots: usize) -> usize {
        slots.saturating_add(usize::from(self.gripper.is_some()))
    }
}
