//! Plays chunks of actions, one after the other, without a step where one takes over from another.
//!
//! A new chunk is faded in: what is commanded moves from the curve before to the new one by a polynomial whose
//! velocity and acceleration are zero at both ends. Chunks that come during a fade are faded in on top of it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::command::chunk::{Chunk, ChunkFault, Curve, mix};

/// How many chunks may be faded in at a time. With more the oldest is left out, which has next to no weight.
const MOST: usize = 8;

/// A chunk, and how it comes in.
#[derive(Debug, Clone)]
struct Voice {
    chunk: Chunk,
    /// When its fade begins, by the robot's clock \[s\], and how long it lasts \[s\].
    from_s: f64,
    fade_s: f64,
}

impl Voice {
    /// The share of this chunk in what is commanded, from 0 to 1.
    fn weight(&self, time_s: f64) -> f64 {
        let since = time_s - self.from_s;
        if since >= self.fade_s {
            return 1.0;
        }
        let share = (since / self.fade_s).max(0.0);
        share.powi(3) * (10.0 - 15.0 * share + 6.0 * share * share)
    }
}

/// The chunks that are played, and what is commanded of them.
#[derive(Debug, Clone)]
pub struct ChunkPlayer {
    curve: Curve,
    /// Oldest first; the first `playing` of them are played, the others are room.
    voices: Vec<Voice>,
    playing: usize,
    /// What the newest chunk says, before it is mixed in.
    spoken: Vec<f64>,
}

impl ChunkPlayer {
    /// A player of chunks with up to `room` rows of `slots` slots.
    pub fn new(curve: Curve, slots: usize, room: usize) -> ChunkPlayer {
        let voice = Voice {
            chunk: Chunk::new(curve, slots, room),
            from_s: 0.0,
            fade_s: 0.0,
        };
        ChunkPlayer {
            curve,
            voices: vec![voice; MOST],
            playing: 0,
            spoken: vec![0.0; slots],
        }
    }

    /// Takes in a chunk whose first row belongs to `begins_s`; [`ChunkPlayer::begin`] lets it be played.
    ///
    /// # Errors
    /// What keeps it from being played. What is played goes on then.
    pub fn take(&mut self, actions: &[f64], dt_s: f64, begins_s: f64) -> Result<(), ChunkFault> {
        if self.playing == MOST {
            self.voices.rotate_left(1);
            self.playing = MOST - 1;
        }
        self.voices[self.playing]
            .chunk
            .take(actions, dt_s, begins_s)
    }

    /// Fades in the chunk that was taken last, from `now_s` on and within `fade_s`.
    pub fn begin(&mut self, now_s: f64, fade_s: f64) {
        let voice = &mut self.voices[self.playing];
        (voice.from_s, voice.fade_s) = (now_s, fade_s.max(0.0));
        self.playing = (self.playing + 1).min(MOST);
    }

    /// Whether there is a chunk.
    pub fn is_playing(&self) -> bool {
        self.playing > 0
    }

    /// Returns the chunk that was taken last and is not played yet.
    pub fn taken(&self) -> &Chunk {
        &self.voices[self.playing.min(MOST.saturating_sub(1))].chunk
    }

    /// For how long the newest chunk has rows left at `time_s`, below zero once it is over, and how long it
    /// lasts in all \[s\].
    pub fn left_s(&self, time_s: f64) -> Option<(f64, f64)> {
        let chunk = &self.voices[..self.playing].last()?.chunk;
        Some((chunk.ends_s() - time_s, chunk.ends_s() - chunk.begins_s()))
    }

    /// Returns the time from row to row of the newest chunk \[s\]; 0 without one.
    pub fn newest_dt_s(&self) -> f64 {
        let newest = self.voices[..self.playing].last();
        newest.map_or(0.0, |voice| voice.chunk.dt_s())
    }

    /// Writes what is commanded at `time_s` by the robot's clock. Only where a chunk is played.
    pub fn at(&mut self, time_s: f64, out: &mut [f64]) {
        // Behind a fade that is over, nothing of the chunks before is left.
        let over = self.voices[..self.playing]
            .iter()
            .rposition(|voice| voice.weight(time_s) >= 1.0)
            .unwrap_or(0);
        self.voices[..self.playing].rotate_left(over);
        self.playing -= over;
        let Some((first, others)) = self.voices[..self.playing].split_first() else {
            return;
        };
        first.chunk.at(time_s, out);
        for voice in others {
            voice.chunk.at(time_s, &mut self.spoken);
            mix(self.curve, out, &self.spoken, voice.weight(time_s));
        }
    }

    /// Ends what is played.
    pub fn clear(&mut self) {
        self.playing = 0;
    }
}

/// Returns how long it takes to fade in a motion that is `away` from the one before it, and moves `faster` than
/// it per second, so that what the fade adds stays within `bounds` \[s\]: the highest first, second and third
/// derivative.
///
/// For the fade `w(s)`, `s` from 0 to 1, the largest first, second and third derivative are 15/8, 10/√3 and 60;
/// the largest second and third derivative of `s w(s)` are 4.62 and 60.
pub fn fade_s(away: f64, faster: f64, bounds: [f64; 3]) -> f64 {
    let [first, second, third] = bounds;
    let (away, faster) = (away.abs(), faster.abs());
    let by_first = 1.875 * away / first;
    // The positive root of second T² = 10/√3 away + 4.62 faster T.
    let linear = 4.62 * faster / second;
    let square = 10.0 / 3.0_f64.sqrt() * away / second;
    let by_second = 0.5 * (linear + (linear * linear + 4.0 * square).sqrt());
    // For third T³ = 60 away + 60 faster T this is at most a third too long.
    let by_third = (60.0 * away / third).cbrt() + (60.0 * faster / third).sqrt();
    by_first.max(by_second).max(by_third)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 0.1;

    fn player() -> ChunkPlayer {
        ChunkPlayer::new(Curve::Smooth, 1, 32)
    }

    fn still(at: f64) -> Vec<f64> {
        vec![at; 20]
    }

    fn sampled(player: &mut ChunkPlayer, from_s: f64, to_s: f64) -> Vec<f64> {
        let steps = ((to_s - from_s) * 1e3).round() as u32;
        (0..=steps)
            .map(|step| {
                let mut out = [0.0];
                player.at(from_s + f64::from(step) * 1e-3, &mut out);
                out[0]
            })
            .collect()
    }

    #[test]
    fn a_fade_takes_no_longer_than_its_bounds_need_and_keeps_them() {
        let bounds = [1.0, 5.0, 2_500.0];
        for far in [0.002, 0.01, 0.2] {
            let lasts = fade_s(far, 0.0, bounds);
            let mut player = player();
            player.take(&still(0.0), DT, 0.0).unwrap();
            player.begin(0.0, 0.0);
            player.take(&still(far), DT, 0.0).unwrap();
            player.begin(0.5, lasts);
            let path = sampled(&mut player, 0.45, 0.55 + lasts);
            let d = |path: &[f64]| -> Vec<f64> {
                path.windows(2).map(|w| (w[1] - w[0]) * 1e3).collect()
            };
            let most = |values: &[f64]| values.iter().map(|v| v.abs()).fold(0.0, f64::max);
            let (one, two) = (d(&path), d(&d(&path)));
            let shares = [
                most(&one) / bounds[0],
                most(&two) / bounds[1],
                most(&d(&two)) / bounds[2],
            ];
            assert!(
                shares.iter().all(|share| *share <= 1.001),
                "{far}: {shares:?}"
            );
            assert!(shares.iter().any(|share| *share > 0.9), "{far}: {shares:?}");
            assert_eq!((path[0], path[path.len() - 1]), (0.0, far));
        }
    }

    #[test]
    fn a_chunk_that_comes_during_a_fade_makes_no_step_either() {
        let mut player = player();
        player.take(&still(0.0), DT, 0.0).unwrap();
        player.begin(0.0, 0.0);
        player.take(&still(1.0), DT, 0.0).unwrap();
        player.begin(0.2, 0.4);
        let mut path = sampled(&mut player, 0.1, 0.35);
        player.take(&still(-1.0), DT, 0.0).unwrap();
        player.begin(0.351, 0.4);
        path.extend(sampled(&mut player, 0.351, 1.0));
        let step = path
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        assert!(step < 1.9 * 2.0 / 400.0, "{step}");
        assert_eq!(path[path.len() - 1], -1.0);
        assert_eq!(player.playing, 1);
    }

    #[test]
    fn more_chunks_than_there_is_room_for_leave_out_the_oldest() {
        let mut player = player();
        for nth in 0..30 {
            let now = f64::from(nth) * 1e-3;
            player.take(&still(f64::from(nth)), DT, now).unwrap();
            player.begin(now, 0.2);
        }
        assert_eq!(player.playing, MOST);
        assert_eq!(sampled(&mut player, 0.5, 0.5), [29.0, 29.0][..1]);
    }

    #[test]
    fn a_chunk_that_cannot_be_played_leaves_what_is_played() {
        let mut player = player();
        player.take(&still(3.0), DT, 0.0).unwrap();
        player.begin(0.0, 0.0);
        assert!(player.take(&[f64::NAN], DT, 0.0).is_err());
        assert_eq!(sampled(&mut player, 0.1, 0.1), [3.0]);
        let (left, lasts) = player.left_s(0.4).unwrap();
        assert!((left - 1.5).abs() < 1e-12, "{left}");
        assert!((lasts - 1.9).abs() < 1e-12, "{lasts}");
        player.clear();
        assert!(!player.is_playing() && player.left_s(0.0).is_none());
    }

    #[test]
    fn poses_are_mixed_as_poses() {
        let turned = |angle: f64| {
            let mut pose = kilohertz_geometry::UNIT;
            let (sine, cosine) = angle.sin_cos();
            (pose[0], pose[1], pose[4], pose[5]) = (cosine, sine, -sine, cosine);
            pose
        };
        let mut player = ChunkPlayer::new(Curve::Pose, 16, 4);
        player.take(&turned(0.0), DT, 0.0).unwrap();
        player.begin(0.0, 0.0);
        player.take(&turned(2.0), DT, 0.0).unwrap();
        player.begin(0.0, 1.0);
        let mut out = [0.0; 16];
        player.at(0.5, &mut out);
        for (is, expected) in out.iter().zip(turned(1.0)) {
            assert!((is - expected).abs() < 1e-12, "{out:?}");
        }
    }
}
