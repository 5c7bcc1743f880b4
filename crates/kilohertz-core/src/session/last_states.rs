//! The newest observations, kept for an error report.

use std::time::Duration;

/// How many observations are kept for an error report.
const LAST_STATES: usize = 50;

/// The newest observations, for an error report.
pub(super) struct LastStates {
    rows: Vec<f64>,
    stride: usize,
    written: usize,
    /// Where the next row begins.
    next: usize,
}

impl LastStates {
    pub(super) fn new(observation_len: usize) -> LastStates {
        let stride = observation_len.saturating_add(2);
        LastStates {
            rows: vec![0.0; stride.saturating_mul(LAST_STATES)],
            stride,
            written: 0,
            next: 0,
        }
    }

    pub(super) fn push(&mut self, tick: u64, time: Duration, observation: &[f64]) {
        let end = self.next.saturating_add(self.stride);
        if let Some([in_tick, at_s, slots @ ..]) = self.rows.get_mut(self.next..end) {
            *in_tick = tick as f64;
            *at_s = time.as_secs_f64();
            slots.copy_from_slice(observation);
        }
        self.next = if end < self.rows.len() { end } else { 0 };
        self.written = self.written.saturating_add(1);
    }

    /// Returns the kept rows, oldest first. Allocates, so it is called only after the loop.
    pub(super) fn rows(&self) -> Vec<f64> {
        let kept = self.written.min(LAST_STATES);
        let oldest = self.written.saturating_sub(kept);
        let row = |row: usize| self.rows.chunks_exact(self.stride).nth(row % LAST_STATES);
        (oldest..self.written)
            .filter_map(row)
            .flatten()
            .copied()
            .collect()
    }
}
