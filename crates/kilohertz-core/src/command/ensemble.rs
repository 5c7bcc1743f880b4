//! Temporal ensembling: what several chunks say about the same time is averaged.
//!
//! The weights are those of ACT (Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost
//! Hardware", 2023): `exp(-m i)` for the `i`-th chunk that says something about a time, the oldest first. The
//! average is carried on from chunk to chunk, so it costs the same however many chunks it is taken from.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::command::chunk::{Chunk, ChunkFault, Curve, advance, displacement};

/// How much of a row's time two times may differ and still count as the same.
const SAME: f64 = 1e-6;

/// The average of the chunks until now.
#[derive(Debug, Clone)]
pub struct Ensemble {
    curve: Curve,
    slots: usize,
    m: f64,
    average: Chunk,
    /// From how many chunks each row of the average was taken.
    counts: Vec<u32>,
    counted: Vec<u32>,
    /// Room for two actions, and for two displacements from the newest chunk to the average.
    actions: [Box<[f64]>; 2],
    displacements: [Box<[f64]>; 2],
}

impl Ensemble {
    /// Creates an ensemble of chunks with up to `room` rows of `slots` slots, with ACT's `m`.
    pub fn new(curve: Curve, slots: usize, room: usize, m: f64) -> Ensemble {
        let numbers = |len: usize| vec![0.0; len].into_boxed_slice();
        Ensemble {
            curve,
            slots,
            m,
            average: Chunk::new(curve, slots, room),
            counts: vec![0; room],
            counted: vec![0; room],
            actions: std::array::from_fn(|_| numbers(slots)),
            displacements: std::array::from_fn(|_| numbers(curve.width(slots))),
        }
    }

    /// Forgets the chunks until now.
    pub fn clear(&mut self) {
        self.average.clear();
    }

    /// Replaces the rows of `newest` by their averages with what the chunks before said.
    ///
    /// # Errors
    /// What keeps the chunk from being played.
    pub fn average(&mut self, actions: &mut [f64], newest: &Chunk) -> Result<(), ChunkFault> {
        for (row, action) in actions.chunks_exact_mut(self.slots.max(1)).enumerate() {
            let time_s = newest.time_s(row);
            let Some(count) = self.counted.get_mut(row) else {
                break;
            };
            *count = 1;
            let Some(nth) = self.average.row_at(time_s, SAME) else {
                continue;
            };
            let known = self.counts.get(nth).copied().unwrap_or(0);
            *count = known.saturating_add(1);
            self.displacement_to_average(newest, nth, time_s);
            let share = 1.0 - newest_share(self.m, known);
            let [by, _] = &mut self.displacements;
            by.iter_mut().for_each(|by| *by *= share);
            advance(self.curve, action, by);
        }
        std::mem::swap(&mut self.counts, &mut self.counted);
        self.average.take(actions, newest.dt_s(), newest.begins_s())
    }

    /// Writes the displacement from the newest chunk to the average at `time_s`, which is at or behind row `nth`
    /// of the average. Between its rows it is on a line: what chunks disagree on is no smooth curve, and a smooth
    /// one through it would swing wider with each chunk.
    fn displacement_to_average(&mut self, newest: &Chunk, nth: usize, time_s: f64) {
        let [known, said] = &mut self.actions;
        let next = nth
            .saturating_add(1)
            .min(self.average.rows().saturating_sub(1));
        for (there, row) in self.displacements.iter_mut().zip([nth, next]) {
            let row_s = self.average.time_s(row);
            self.average.at(row_s, known);
            newest.at(row_s, said);
            displacement(self.curve, said, known, there);
        }
        let between = (time_s - self.average.time_s(nth)) / self.average.dt_s();
        let between = between.clamp(0.0, 1.0);
        let [here, there] = &mut self.displacements;
        for (here, there) in here.iter_mut().zip(there.iter()) {
            *here += between * (there - *here);
        }
    }
}

/// Returns the share of the newest of `known + 1` predictions: `exp(-m known)` of the sum of all weights.
fn newest_share(m: f64, known: u32) -> f64 {
    let known = f64::from(known);
    if m == 0.0 {
        return 1.0 / (known + 1.0);
    }
    let newest = (-m * known).exp();
    // The sum of a geometric series.
    let others = (-m * known).exp_m1() / (-m).exp_m1();
    newest / (others + newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn averaged(ensemble: &mut Ensemble, rows: &mut [f64], dt_s: f64, begins_s: f64) {
        let mut newest = Chunk::new(Curve::Smooth, 1, 8);
        newest.take(rows, dt_s, begins_s).unwrap();
        ensemble.average(rows, &newest).unwrap();
    }

    #[test]
    fn averages_as_act_does() {
        // Chunks of 4; the one that is asked at step t predicts 10 t + k for step t + k. The executed values are
        // those of ACT's own code, which computes in single precision.
        let expected = [0.0, 5.4775, 10.940001, 16.387505, 26.387503, 36.387501];
        let mut ensemble = Ensemble::new(Curve::Smooth, 1, 8, 0.01);
        for (t, expected) in expected.into_iter().enumerate() {
            let t = t as f64;
            let mut rows: Vec<f64> = (0..4).map(|k| 10.0 * t + f64::from(k)).collect();
            averaged(&mut ensemble, &mut rows, 0.02, t * 0.02);
            let off = (rows[0] - expected).abs();
            assert!(off <= 1e-6 + 1e-7 * expected, "{t}: {}", rows[0]);
            let weights: Vec<f64> = (0..4).map(|i| (-0.01 * f64::from(i)).exp()).collect();
            let known = (t as u32).min(3);
            let sum: f64 = (0..=known)
                .map(|i| {
                    let age = f64::from(known - i);
                    weights[i as usize] * (10.0 * (t - age) + age)
                })
                .sum();
            let mean = sum / weights[..=known as usize].iter().sum::<f64>();
            assert!((rows[0] - mean).abs() < 1e-9, "{t}: {}, {mean}", rows[0]);
        }
    }

    #[test]
    fn without_a_decay_it_is_the_mean_and_what_one_chunk_says_stays() {
        let mut ensemble = Ensemble::new(Curve::Smooth, 1, 8, 0.0);
        for (nth, value) in [3.0, 6.0, 0.0].into_iter().enumerate() {
            let mut rows = [value; 4];
            averaged(&mut ensemble, &mut rows, 0.1, 0.1 * nth as f64);
            let means: [&[f64]; 3] = [&[3.0; 4], &[4.5, 4.5, 4.5, 6.0], &[3.0, 3.0, 3.0, 0.0]];
            for (row, mean) in rows.iter().zip(means[nth]) {
                assert!((row - mean).abs() < 1e-9, "{nth}: {rows:?}");
            }
        }
        ensemble.clear();
        let mut rows = [9.0; 4];
        averaged(&mut ensemble, &mut rows, 0.1, 0.3);
        assert_eq!(rows, [9.0; 4]);
    }
}
