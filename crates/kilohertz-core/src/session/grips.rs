//! What the chunks of a policy want of a gripper.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// What is wanted of the gripper, row by row. It changes at the time of a row, and is not faded: a hand moves on
/// its own.
pub(super) struct Grips {
    /// Those of the chunk that is played, and of the one that came last.
    played: Vec<f64>,
    newest: Vec<f64>,
    begins_s: f64,
    dt_s: f64,
}

impl Grips {
    /// Creates room for the rows of a chunk.
    pub fn new(room: usize) -> Grips {
        Grips {
            played: Vec::with_capacity(room),
            newest: Vec::with_capacity(room),
            begins_s: 0.0,
            dt_s: 1.0,
        }
    }

    /// Takes the last number out of each of `rows` rows of `slots + 1` numbers, so that the actions stand one after
    /// the other. Returns a row in which that number is not finite.
    pub fn split(&mut self, numbers: &mut [f64], slots: usize, rows: usize) -> Option<usize> {
        self.newest.clear();
        let mut wrong = None;
        let len = slots.saturating_add(1);
        for row in 0..rows.min(self.newest.capacity()) {
            let from = row.saturating_mul(len);
            let end = from.saturating_add(slots);
            let wanted = numbers.get(end).copied().unwrap_or(f64::NAN);
            if !wanted.is_finite() {
                wrong = wrong.or(Some(row));
            }
            self.newest.push(wanted);
            numbers.copy_within(from..end, row.saturating_mul(slots));
        }
        wrong
    }

    /// Plays what came last, from `begins_s` on.
    pub fn begin(&mut self, begins_s: f64, dt_s: f64) {
        (self.begins_s, self.dt_s) = (begins_s, dt_s);
        std::mem::swap(&mut self.played, &mut self.newest);
    }

    /// Returns what is wanted at `time_s`.
    pub fn at(&self, time_s: f64) -> Option<f64> {
        let place = ((time_s - self.begins_s) / self.dt_s + 1e-6).max(0.0);
        let last = self.played.len().checked_sub(1)?;
        self.played.get((place as usize).min(last)).copied()
    }
}
