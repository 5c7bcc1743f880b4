//! A chunk of actions, which says what a policy wants for the next half second, and the curve through it.
//!
//! The rows of a chunk are a fixed time apart. Between them the curve is a cubic spline: position, velocity and
//! acceleration are continuous, and it passes through each row, because the future is known. Its acceleration is
//! constant in the first and in the last piece. Beyond its ends it goes on at its velocity. Poses are splined in the translation and in the rotation vector
//! from the first row. Nothing here allocates after [`Chunk::new`].

#![allow(
    clippy::arithmetic_side_effects,
    reason = "the whole numbers here are rows and places in them, which `Chunk::take` keeps below the room that \
              `Chunk::new` has allocated"
)]

use std::ops::RangeInclusive;

use kilohertz_geometry::{Pose, Twist, integrate, norm, pose_error};

use crate::limits::difference;

/// Slots of a pose, and the coordinates that it is splined in.
const POSE: usize = 16;
const TWIST: usize = 6;

/// The times that may be between the rows of a chunk \[s\].
pub const STEPS_S: RangeInclusive<f64> = 1e-4..=60.0;

/// How a chunk's rows become a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// Slot by slot, smoothly: positions, velocities and targets.
    Smooth,
    /// The first 16 slots are a pose, 4x4 column-major; the others slot by slot.
    Pose,
}

impl Curve {
    /// Returns true if actions begin with a pose.
    pub fn posed(self) -> bool {
        self == Curve::Pose
    }

    /// Returns how many coordinates the curve of actions of `slots` slots has.
    pub fn width(self, slots: usize) -> usize {
        match self {
            Curve::Pose => slots.saturating_sub(POSE).saturating_add(TWIST),
            Curve::Smooth => slots,
        }
    }
}

/// What keeps a chunk from being played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChunkFault {
    /// It has no rows.
    Empty,
    /// It was no chunk: the policy's side found it out.
    Malformed {
        /// The number of the reason, in the order of the codes of refused answers.
        reason: usize,
        /// The row, if it is one.
        row: Option<usize>,
    },
    /// A row is a pose that is none.
    Frame {
        /// The row.
        row: usize,
    },
    /// It has more rows than there is room for.
    TooLong {
        /// How many it has.
        rows: usize,
    },
    /// The time between its rows is not within [`STEPS_S`] \[s\].
    Step {
        /// What it is.
        dt_s: f64,
    },
    /// A number is not finite.
    NotFinite {
        /// The row.
        row: usize,
        /// The slot within it.
        slot: usize,
    },
    /// It was observed at a time that has not come yet.
    Future {
        /// How far ahead the time is \[s\].
        by_s: f64,
    },
    /// It was observed before the chunk that came before it.
    Backwards {
        /// By how much \[s\].
        by_s: f64,
    },
    /// It is further away from what is commanded than a seam may be.
    Seam {
        /// The coordinate with the largest distance, as the limits count them.
        coordinate: usize,
        /// The distance \[rad, m\].
        distance: f64,
        /// The largest distance that is allowed \[rad, m\].
        longest: f64,
    },
}

/// A chunk of actions, and the curve through its rows.
#[derive(Debug, Clone)]
pub struct Chunk {
    curve: Curve,
    /// Slots of an action, and coordinates of the curve.
    slots: usize,
    width: usize,
    /// How many rows there is room for, and how many there are.
    room: usize,
    rows: usize,
    /// From one row to the next \[s\].
    dt_s: f64,
    /// When the first row belongs, by the robot's clock \[s\].
    begins_s: f64,
    /// The first row's pose.
    origin: Pose,
    /// Row by row: the coordinates, and their second derivatives.
    points: Box<[f64]>,
    bends: Box<[f64]>,
    /// What the solution of the spline's equations keeps from row to row.
    factors: Box<[f64]>,
}

impl Chunk {
    /// An empty chunk with room for `room` rows of `slots` slots.
    pub fn new(curve: Curve, slots: usize, room: usize) -> Chunk {
        let width = curve.width(slots);
        let numbers = || vec![0.0; width.saturating_mul(room)].into_boxed_slice();
        Chunk {
            curve,
            slots,
            width,
            room,
            rows: 0,
            dt_s: 1.0,
            begins_s: 0.0,
            origin: kilohertz_geometry::UNIT,
            points: numbers(),
            bends: numbers(),
            factors: vec![0.0; room].into_boxed_slice(),
        }
    }

    /// Takes in the rows of a chunk, one after the other, the first of which belongs to `begins_s` by the
    /// robot's clock, each `dt_s` after the one before.
    ///
    /// # Errors
    /// What keeps it from being played. The chunk is empty then.
    pub fn take(&mut self, actions: &[f64], dt_s: f64, begins_s: f64) -> Result<(), ChunkFault> {
        self.rows = 0;
        let rows = actions.len() / self.slots.max(1);
        if rows == 0 {
            return Err(ChunkFault::Empty);
        }
        if rows > self.room {
            return Err(ChunkFault::TooLong { rows });
        }
        if !STEPS_S.contains(&dt_s) {
            return Err(ChunkFault::Step { dt_s });
        }
        if let Some(nth) = actions.iter().position(|value| !value.is_finite()) {
            return Err(ChunkFault::NotFinite {
                row: nth / self.slots,
                slot: nth % self.slots,
            });
        }
        (self.dt_s, self.begins_s) = (dt_s, begins_s);
        if self.curve == Curve::Pose {
            self.origin.copy_from_slice(&actions[..POSE]);
        }
        for (row, action) in actions.chunks_exact(self.slots).enumerate() {
            self.place(row, action);
        }
        self.rows = rows;
        self.bend();
        Ok(())
    }

    /// Writes the coordinates of one row.
    fn place(&mut self, row: usize, action: &[f64]) {
        let (before, point) = self.points.split_at_mut(row * self.width);
        let point = &mut point[..self.width];
        if self.curve != Curve::Pose {
            point.copy_from_slice(action);
            return;
        }
        let (pose, others) = action.split_at(POSE);
        let mut to = self.origin;
        to.copy_from_slice(pose);
        let mut twist = pose_error(&self.origin, &to);
        if row > 0 {
            let last: [f64; 3] = std::array::from_fn(|i| before[before.len() - self.width + 3 + i]);
            unwind(&mut twist, last);
        }
        point[..TWIST].copy_from_slice(&twist);
        point[TWIST..].copy_from_slice(others);
    }

    /// Solves for the second derivatives of the spline: Thomas' algorithm, whose factors are the same for all
    /// coordinates. The first row has the second derivative of the second, and the last that of the one before.
    fn bend(&mut self) {
        self.bends.fill(0.0);
        if self.rows < 3 {
            return;
        }
        let (width, inner) = (self.width, 1..self.rows - 1);
        let scale = 6.0 / (self.dt_s * self.dt_s);
        for row in inner.clone() {
            let last = if row > 1 { self.factors[row - 1] } else { 0.0 };
            let ends = u8::from(row == 1) + u8::from(row == self.rows - 2);
            let factor = 1.0 / (4.0 + f64::from(ends) - last);
            self.factors[row] = factor;
            for i in 0..width {
                let y = |row: usize| self.points[row * width + i];
                let pull = scale * (y(row - 1) - 2.0 * y(row) + y(row + 1));
                let before = self.bends[(row - 1) * width + i];
                self.bends[row * width + i] = (pull - before) * factor;
            }
        }
        for row in inner.rev() {
            for i in 0..width {
                let next = self.bends[(row + 1) * width + i];
                self.bends[row * width + i] -= self.factors[row] * next;
            }
        }
        let end = self.rows * width;
        self.bends.copy_within(width..2 * width, 0);
        self.bends
            .copy_within(end - 2 * width..end - width, end - width);
    }

    /// Moves all rows in time, so that the first belongs to `begins_s`.
    pub fn shift(&mut self, begins_s: f64) {
        self.begins_s = begins_s;
    }

    /// Removes the rows.
    pub fn clear(&mut self) {
        self.rows = 0;
    }

    /// Returns the last row whose time is at most `time_s`; `None` before the first row and after the last
    /// one. Times that differ by less than the share `same` of a step count as equal.
    pub fn row_at(&self, time_s: f64, same: f64) -> Option<usize> {
        let place = (time_s - self.begins_s) / self.dt_s + same;
        let last = self.rows.checked_sub(1)?;
        (place >= 0.0 && place <= last as f64 + 2.0 * same).then_some((place as usize).min(last))
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// When the first row belongs, by the robot's clock \[s\].
    pub fn begins_s(&self) -> f64 {
        self.begins_s
    }

    /// When it is over, by the robot's clock \[s\]: the time of its last row. One row alone lasts for one step.
    pub fn ends_s(&self) -> f64 {
        self.begins_s + self.rows.saturating_sub(1).max(1) as f64 * self.dt_s
    }

    /// When a row belongs, by the robot's clock \[s\].
    pub fn time_s(&self, row: usize) -> f64 {
        self.begins_s + row as f64 * self.dt_s
    }

    /// The time from one row to the next \[s\].
    pub fn dt_s(&self) -> f64 {
        self.dt_s
    }

    /// Writes the action at `time_s` by the robot's clock. Before the first row and after the last one the
    /// curve goes on at its velocity.
    pub fn at(&self, time_s: f64, out: &mut [f64]) {
        let place = (time_s - self.begins_s) / self.dt_s;
        let last = self.rows.saturating_sub(2);
        let row = (place.max(0.0) as usize).min(last);
        let next = (row + 1).min(self.rows.saturating_sub(1));
        let share = place - row as f64;
        if self.curve != Curve::Pose {
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.coordinate(row, next, share, i);
            }
            return;
        }
        let twist: Twist = std::array::from_fn(|i| self.coordinate(row, next, share, i));
        let (pose, others) = out.split_at_mut(POSE);
        pose.copy_from_slice(&integrate(&self.origin, &twist));
        for (i, out) in others.iter_mut().enumerate() {
            *out = self.coordinate(row, next, share, TWIST + i);
        }
    }

    /// One coordinate between two rows, `share` of the way from the first to the second, or beyond them.
    fn coordinate(&self, row: usize, next: usize, share: f64, i: usize) -> f64 {
        let [from, to] = [row, next].map(|row| self.points[row * self.width + i]);
        if row == next {
            return from;
        }
        let [from_bend, to_bend] = [row, next].map(|row| self.bends[row * self.width + i]);
        let sixth = self.dt_s * self.dt_s / 6.0;
        if share < 0.0 {
            return from + share * (to - from - sixth * (2.0 * from_bend + to_bend));
        }
        if share > 1.0 {
            return to + (share - 1.0) * (to - from + sixth * (from_bend + 2.0 * to_bend));
        }
        let rest = 1.0 - share;
        let cubic = |share: f64| share * (share * share - 1.0);
        rest * from + share * to + sixth * (cubic(rest) * from_bend + cubic(share) * to_bend)
    }
}

/// Writes the displacement from one action to another, in the coordinates of a curve.
pub(crate) fn displacement(curve: Curve, from: &[f64], to: &[f64], out: &mut [f64]) {
    let posed = curve.posed();
    let (others, rest) = match (
        from.split_first_chunk::<POSE>().filter(|_| posed),
        to.split_first_chunk::<POSE>(),
        out.split_first_chunk_mut::<TWIST>(),
    ) {
        (Some((pose, others)), Some((goal, goals)), Some((twist, rest))) => {
            *twist = pose_error(pose, goal);
            (others.iter().zip(goals), rest)
        }
        _ => return difference(from, to, out),
    };
    for (out, (from, to)) in rest.iter_mut().zip(others) {
        *out = to - from;
    }
}

/// Moves an action on by a displacement.
pub(crate) fn advance(curve: Curve, action: &mut [f64], displacement: &[f64]) {
    let (slots, displacement) = match (
        action.split_first_chunk_mut::<POSE>(),
        displacement.split_first_chunk(),
    ) {
        (Some((pose, others)), Some((twist, rest))) if curve.posed() => {
            let (from, twist): (Pose, Twist) = (*pose, *twist);
            *pose = integrate(&from, &twist);
            (others, rest)
        }
        _ => (action, displacement),
    };
    for (slot, displacement) in slots.iter_mut().zip(displacement) {
        *slot += displacement;
    }
}

/// Replaces a rotation vector by the one of the same rotation that is nearest to `last`.
fn unwind(twist: &mut Twist, last: [f64; 3]) {
    let turn = [twist[3], twist[4], twist[5]];
    let angle = norm(&turn);
    if angle < 1e-9 {
        return;
    }
    let axis = turn.map(|v| v / angle);
    let along: f64 = (0..3).map(|i| axis[i] * last[i]).sum();
    let rounds = ((along - angle) / std::f64::consts::TAU).round();
    let nearest = angle + rounds * std::f64::consts::TAU;
    for (i, axis) in axis.iter().enumerate() {
        twist[3 + i] = nearest * axis;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kilohertz_geometry::UNIT;

    const DT: f64 = 1.0 / 30.0;

    fn chunk(curve: Curve, slots: usize, rows: impl IntoIterator<Item = Vec<f64>>) -> Chunk {
        let actions: Vec<f64> = rows.into_iter().flatten().collect();
        let mut chunk = Chunk::new(curve, slots, 64);
        chunk.take(&actions, DT, 2.0).unwrap();
        chunk
    }

    fn sampled(chunk: &Chunk, from_s: f64, to_s: f64) -> Vec<f64> {
        let steps = ((to_s - from_s) * 1e3).round() as u32;
        let at = |step| {
            let mut out = [0.0];
            chunk.at(from_s + f64::from(step) * 1e-3, &mut out);
            out[0]
        };
        (0..=steps).map(at).collect()
    }

    #[test]
    fn passes_through_each_row_at_its_time() {
        let rows: Vec<Vec<f64>> = (0..50)
            .map(|row| vec![(0.3 * f64::from(row)).sin(), f64::from(row % 3)])
            .collect();
        let chunk = chunk(Curve::Smooth, 2, rows.clone());
        for (row, expected) in rows.iter().enumerate() {
            let mut out = [0.0; 2];
            chunk.at(2.0 + row as f64 * DT, &mut out);
            for (is, expected) in out.iter().zip(expected) {
                assert!((is - expected).abs() < 1e-9, "row {row}: {is}");
            }
        }
        assert_eq!((chunk.rows(), chunk.begins_s()), (50, 2.0));
        assert!((chunk.ends_s() - (2.0 + 49.0 * DT)).abs() < 1e-12);
    }

    #[test]
    fn does_not_lag_behind_a_smooth_motion() {
        let wave = |time: f64| 0.15 * (1.0 - (std::f64::consts::TAU * 0.2 * time).cos());
        let chunk = chunk(
            Curve::Smooth,
            1,
            (0..60).map(|row| vec![wave(f64::from(row) * DT)]),
        );
        for (ms, value) in sampled(&chunk, 2.1, 3.8).iter().enumerate() {
            let expected = wave(0.1 + ms as f64 * 1e-3);
            assert!(
                (value - expected).abs() < 2e-5,
                "{ms} ms: {value}, {expected}"
            );
        }
    }

    #[test]
    fn has_a_continuous_velocity_also_beyond_its_ends_and_a_continuous_acceleration() {
        let rows = [0.0, 0.4, -0.3, 0.1, 0.1, 0.9].map(|value| vec![value]);
        let chunk = chunk(Curve::Smooth, 1, rows);
        let steps: Vec<f64> = sampled(&chunk, 1.9, 2.3)
            .windows(2)
            .map(|w| w[1] - w[0])
            .collect();
        let fastest = steps.iter().map(|step| step.abs()).fold(0.0, f64::max);
        let change = steps
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        assert!(change < 0.1 * fastest, "{change} of {fastest}");
        let path = sampled(&chunk, 2.0, 2.0 + 5.0 * DT);
        let bends: Vec<f64> = path
            .windows(3)
            .map(|w| (w[2] - 2.0 * w[1] + w[0]) / 1e-6)
            .collect();
        let steepest = bends
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        let largest = bends.iter().map(|bend| bend.abs()).fold(0.0, f64::max);
        assert!(largest > 500.0, "{largest}");
        // Within a row of 33 ms the acceleration changes evenly.
        assert!(steepest < 0.1 * largest, "{steepest} of {largest}");
    }

    #[test]
    fn one_row_is_a_place_and_two_are_a_line() {
        let one = chunk(Curve::Smooth, 1, [vec![0.7]]);
        assert!(sampled(&one, 1.5, 2.5).iter().all(|&value| value == 0.7));
        let two = chunk(Curve::Smooth, 1, [vec![0.0], vec![DT]]);
        for (ms, value) in sampled(&two, 1.9, 2.3).iter().enumerate() {
            assert!(
                (value - (ms as f64 * 1e-3 - 0.1)).abs() < 1e-9,
                "{ms}: {value}"
            );
        }
    }

    #[test]
    fn poses_turn_evenly_and_more_than_once_around() {
        let turned = |angle: f64| {
            let mut pose = UNIT;
            let (sine, cosine) = angle.sin_cos();
            (pose[0], pose[1], pose[4], pose[5]) = (cosine, sine, -sine, cosine);
            pose[12] = 0.01 * angle;
            let mut row = pose.to_vec();
            row.push(2.0 * angle);
            row
        };
        let chunk = chunk(
            Curve::Pose,
            17,
            (0..40).map(|row| turned(0.4 * f64::from(row))),
        );
        for step in 0..1_300 {
            let time = f64::from(step) * 1e-3;
            let mut out = [0.0; 17];
            chunk.at(2.0 + time, &mut out);
            let angle = 0.4 * time / DT;
            for (is, expected) in out.iter().zip(turned(angle)) {
                assert!((is - expected).abs() < 1e-9, "{step}: {out:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_played_is_told_with_its_place_and_leaves_nothing() {
        let mut chunk = Chunk::new(Curve::Smooth, 2, 3);
        let rows = [0.0, 1.0, 2.0, 3.0, 4.0, f64::NAN];
        assert_eq!(chunk.take(&[], DT, 0.0), Err(ChunkFault::Empty));
        assert_eq!(
            chunk.take(&[0.0; 8], DT, 0.0),
            Err(ChunkFault::TooLong { rows: 4 })
        );
        assert_eq!(
            chunk.take(&rows, DT, 0.0),
            Err(ChunkFault::NotFinite { row: 2, slot: 1 })
        );
        for dt_s in [0.0, -1.0, f64::INFINITY] {
            assert_eq!(
                chunk.take(&rows[..4], dt_s, 0.0),
                Err(ChunkFault::Step { dt_s })
            );
        }
        assert!(matches!(
            chunk.take(&rows[..4], f64::NAN, 0.0),
            Err(ChunkFault::Step { .. })
        ));
        assert_eq!(chunk.rows(), 0);
        chunk.take(&rows[..4], DT, 0.0).unwrap();
        assert_eq!(chunk.rows(), 2);
    }
}
