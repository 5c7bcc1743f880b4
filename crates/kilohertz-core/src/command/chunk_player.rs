//! Plays chunks of actions, one after the other, without a step where one takes over from another.
//!
//! Where a chunk takes over, what is commanded is some way off its curve, and has another velocity and another
//! acceleration. This offset goes to zero by a polynomial of the fifth degree, which begins with all three of
//! them and ends with none. So position, velocity and acceleration are continuous, however fast chunks follow
//! each other.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::command::chunk::{Chunk, ChunkFault, Curve, advance, displacement};

/// The motion of what is commanded in the coordinates of a curve: the difference of slots, or for a pose the
/// translation and the rotation vector from one pose to another.
#[derive(Debug, Clone)]
pub struct Motion {
    /// The displacement from the curve.
    pub away: Box<[f64]>,
    /// How much faster than the curve it is, per second.
    pub faster: Box<[f64]>,
    /// The difference of the accelerations, per second squared.
    pub sharper: Box<[f64]>,
}

/// An offset that goes to zero.
#[derive(Debug, Clone)]
struct Offset {
    start: Motion,
    /// When it begins by the robot's clock \[s\], and how long it lasts \[s\].
    from_s: f64,
    lasts_s: f64,
}

impl Offset {
    /// Writes the offset at `time_s`. Returns false if it is over.
    fn at(&self, time_s: f64, out: &mut [f64]) -> bool {
        let share = (time_s - self.from_s) / self.lasts_s;
        // Without a length it is over at once.
        if share.is_nan() || share >= 1.0 {
            return false;
        }
        let s = share.max(0.0);
        let rest = (1.0 - s).powi(3);
        // The three polynomials that begin with one, with a first and with a second derivative of one, and whose
        // other values at both ends are zero (quintic Hermite basis).
        let weights = [
            rest * (1.0 + 3.0 * s + 6.0 * s * s),
            rest * s * (1.0 + 3.0 * s) * self.lasts_s,
            0.5 * rest * s * s * self.lasts_s * self.lasts_s,
        ];
        let Motion {
            away,
            faster,
            sharper,
        } = &self.start;
        for (at, out) in out.iter_mut().enumerate() {
            *out = weights[0] * away[at] + weights[1] * faster[at] + weights[2] * sharper[at];
        }
        true
    }
}

/// The chunk that is played, and what is commanded of it.
#[derive(Debug, Clone)]
pub struct ChunkPlayer {
    curve: Curve,
    chunk: Chunk,
    is_playing: bool,
    offset: Offset,
    /// The chunk that was taken in to be played next, and how what is commanded moves beside it.
    next: Chunk,
    beside: Motion,
    /// Room for two actions and for three displacements.
    actions: [Box<[f64]>; 2],
    displacements: [Box<[f64]>; 3],
}

impl ChunkPlayer {
    /// A player of chunks with up to `room` rows of `slots` slots.
    pub fn new(curve: Curve, slots: usize, room: usize) -> ChunkPlayer {
        let numbers = |len: usize| vec![0.0; len].into_boxed_slice();
        let width = curve.width(slots);
        let still = Motion {
            away: numbers(width),
            faster: numbers(width),
            sharper: numbers(width),
        };
        ChunkPlayer {
            curve,
            chunk: Chunk::new(curve, slots, room),
            is_playing: false,
            offset: Offset {
                start: still.clone(),
                from_s: 0.0,
                lasts_s: 0.0,
            },
            next: Chunk::new(curve, slots, room),
            beside: still,
            actions: std::array::from_fn(|_| numbers(slots)),
            displacements: std::array::from_fn(|_| numbers(width)),
        }
    }

    /// Takes in a chunk whose first row belongs to `begins_s`; [`ChunkPlayer::begin`] lets it be played.
    ///
    /// # Errors
    /// What keeps it from being played. What is played goes on then.
    pub fn take(&mut self, actions: &[f64], dt_s: f64, begins_s: f64) -> Result<(), ChunkFault> {
        self.next.take(actions, dt_s, begins_s)
    }

    /// Moves the next chunk in time, so that its first row belongs to `begins_s`.
    pub fn shift_next(&mut self, begins_s: f64) {
        self.next.shift(begins_s);
    }

    /// Returns the next chunk: the one that was taken in last, and is not played yet.
    pub fn next(&self) -> &Chunk {
        &self.next
    }

    /// Returns how what is played moves beside the next chunk, at `time_s`. `step_s` is the time over which
    /// derivatives are taken.
    pub fn beside_next(&mut self, time_s: f64, step_s: f64) -> &Motion {
        for nth in 0..3 {
            let at_s = time_s + (nth as f64 - 1.0) * step_s;
            let mut played = std::mem::take(&mut self.actions[0]);
            self.at(at_s, &mut played);
            let [_, curve] = &mut self.actions;
            self.next.at(at_s, curve);
            displacement(self.curve, curve, &played, &mut self.displacements[nth]);
            self.actions[0] = played;
        }
        self.differ(step_s)
    }

    /// Returns how a command moves beside the next chunk: it was given at `time_s`, and has these first and
    /// second derivatives.
    pub fn command_beside_next(
        &mut self,
        command: &[f64],
        [first, second]: [&[f64]; 2],
        time_s: f64,
        step_s: f64,
    ) -> &Motion {
        let [_, curve] = &mut self.actions;
        for nth in 0..3 {
            let at_s = time_s + (nth as f64 - 1.0) * step_s;
            self.next.at(at_s, curve);
            displacement(self.curve, curve, command, &mut self.displacements[nth]);
        }
        self.differ(step_s);
        for (faster, first) in self.beside.faster.iter_mut().zip(first) {
            *faster += first;
        }
        for (sharper, second) in self.beside.sharper.iter_mut().zip(second) {
            *sharper += second;
        }
        &self.beside
    }

    /// Takes the derivatives of three displacements.
    fn differ(&mut self, step_s: f64) -> &Motion {
        let [before, now, next] = &self.displacements;
        for at in 0..now.len() {
            self.beside.away[at] = now[at];
            self.beside.faster[at] = (next[at] - before[at]) / (2.0 * step_s);
            self.beside.sharper[at] = (next[at] - 2.0 * now[at] + before[at]) / (step_s * step_s);
        }
        &self.beside
    }

    /// Lets the next chunk be played. What was found last of the motion beside it goes to zero from `from_s` on,
    /// within `lasts_s`.
    pub fn begin(&mut self, from_s: f64, lasts_s: f64) {
        std::mem::swap(&mut self.chunk, &mut self.next);
        std::mem::swap(&mut self.offset.start, &mut self.beside);
        (self.offset.from_s, self.offset.lasts_s) = (from_s, lasts_s);
        self.is_playing = true;
    }

    /// Throws away what is played.
    pub fn stop(&mut self) {
        self.is_playing = false;
    }

    /// Returns what is played at `time_s`, and how it moves there. `step_s` is the time over which derivatives are
    /// taken. Only where a chunk is played.
    pub fn played(&mut self, time_s: f64, step_s: f64) -> (&[f64], &Motion) {
        let [there, here] = &mut self.actions;
        let (mut there, mut here) = (std::mem::take(there), std::mem::take(here));
        self.at(time_s, &mut here);
        for nth in 0..3 {
            self.at(time_s + (nth as f64 - 1.0) * step_s, &mut there);
            displacement(self.curve, &here, &there, &mut self.displacements[nth]);
        }
        self.actions = [there, here];
        self.differ(step_s);
        (&self.actions[1], &self.beside)
    }

    /// Whether there is a chunk.
    pub fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// For how long the newest chunk has rows left at `time_s`, below zero once it is over, and how long it
    /// lasts in all \[s\].
    pub fn left_s(&self, time_s: f64) -> Option<(f64, f64)> {
        let chunk = &self.chunk;
        let left = (chunk.ends_s() - time_s, chunk.ends_s() - chunk.begins_s());
        self.is_playing.then_some(left)
    }

    /// Returns true if there is a chunk that is not over at `time_s`, or has been for `slack_s` at most.
    pub fn lasts(&self, time_s: f64, slack_s: f64) -> bool {
        let left = self.left_s(time_s);
        left.is_some_and(|(left_s, _)| left_s >= -slack_s)
    }

    /// Returns the time from row to row of the chunk that is played \[s\].
    pub fn newest_dt_s(&self) -> f64 {
        self.chunk.dt_s()
    }

    /// Writes what is commanded at `time_s` by the robot's clock. Only where a chunk is played.
    pub fn at(&mut self, time_s: f64, out: &mut [f64]) {
        self.chunk.at(time_s, out);
        let [_, _, offset] = &mut self.displacements;
        let mut offset = std::mem::take(offset);
        if self.offset.at(time_s, &mut offset) {
            advance(self.curve, out, &offset);
        }
        self.displacements[2] = offset;
    }
}

/// Returns how long an offset takes to go to zero, so that what it adds stays within `bounds` \[s\]: the highest
/// first, second and third derivative. It begins with `away`, and with the first and second derivative `faster`
/// and `sharper`; the second derivative may be as much larger than its bound as it is at the beginning.
///
/// The largest derivatives of the three polynomials of the offset, over a time of one: the first 15/8 of the
/// first polynomial; the second 10/√3 and 3.94 of the first and the second; the third 60, 36 and 9.
pub fn fade_s(away: f64, faster: f64, sharper: f64, bounds: [f64; 3]) -> f64 {
    let [first, second, third] = bounds;
    let [away, faster, sharper] = [away, faster, sharper].map(f64::abs);
    let by_first = 1.875 * away / first;
    // The positive root of second T² = 10/√3 away + 3.94 faster T.
    let linear = 3.94 * faster / second;
    let square = 10.0 / 3.0_f64.sqrt() * away / second;
    let by_second = 0.5 * (linear + (linear * linear + 4.0 * square).sqrt());
    // Not below the root of third T³ = 60 away + 36 faster T + 9 sharper T².
    let by_third =
        (60.0 * away / third).cbrt() + (36.0 * faster / third).sqrt() + 9.0 * sharper / third;
    by_first.max(by_second).max(by_third)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 0.1;
    const H: f64 = 1e-3;

    fn player() -> ChunkPlayer {
        ChunkPlayer::new(Curve::Smooth, 1, 32)
    }

    fn still(at: f64) -> Vec<f64> {
        vec![at; 20]
    }

    /// Lets a player play rows from `now_s` on, which begin at `begins_s`.
    fn play(player: &mut ChunkPlayer, rows: &[f64], (begins_s, now_s): (f64, f64), lasts_s: f64) {
        player.take(rows, DT, begins_s).unwrap();
        if player.is_playing() {
            player.beside_next(now_s, H);
        }
        player.begin(now_s, lasts_s);
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

    fn rates(path: &[f64]) -> [f64; 3] {
        let mut path = path.to_vec();
        std::array::from_fn(|_| {
            path = path.windows(2).map(|w| (w[1] - w[0]) * 1e3).collect();
            path.iter().map(|rate| rate.abs()).fold(0.0, f64::max)
        })
    }

    #[test]
    fn a_fade_takes_little_longer_than_its_bounds_need_and_keeps_them() {
        let bounds = [1.0, 5.0, 2_500.0];
        for far in [0.002, 0.01, 0.2] {
            let lasts = fade_s(far, 0.0, 0.0, bounds);
            let mut player = player();
            play(&mut player, &still(0.0), (0.0, 0.0), 0.0);
            play(&mut player, &still(far), (0.0, 0.5), lasts);
            let mut path = vec![0.0; 50];
            path.extend(sampled(&mut player, 0.5, 0.55 + lasts));
            let shares: Vec<f64> = rates(&path)
                .iter()
                .zip(bounds)
                .map(|(rate, bound)| rate / bound)
                .collect();
            assert!(
                shares.iter().all(|share| *share <= 1.001),
                "{far}: {shares:?}"
            );
            assert!(shares.iter().any(|share| *share > 0.9), "{far}: {shares:?}");
            assert_eq!((path[0], path[path.len() - 1]), (0.0, far));
        }
    }

    #[test]
    fn position_velocity_and_acceleration_go_on_where_a_chunk_takes_over() {
        let wave: Vec<f64> = (0..20).map(|row| (0.4 * f64::from(row)).sin()).collect();
        let line: Vec<f64> = (0..20).map(|row| 0.3 - 0.05 * f64::from(row)).collect();
        let mut player = player();
        play(&mut player, &wave, (0.0, 0.0), 0.0);
        let mut path = sampled(&mut player, 0.1, 0.799);
        play(&mut player, &line, (0.0, 0.8), 0.4);
        path.extend(sampled(&mut player, 0.8, 0.999));
        // During the fade another one takes over.
        play(&mut player, &wave, (0.0, 1.0), 0.4);
        path.extend(sampled(&mut player, 1.0, 1.6));
        let bends: Vec<f64> = path
            .windows(3)
            .map(|w| (w[2] - 2.0 * w[1] + w[0]) * 1e6)
            .collect();
        let most = bends.iter().map(|bend| bend.abs()).fold(0.0, f64::max);
        let jump = bends
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        assert!(most > 5.0 && jump < 0.05 * most, "{most}: {jump}");
        let mut end = [0.0];
        player.chunk.at(1.6, &mut end);
        assert_eq!(path[path.len() - 1], end[0]);
    }

    #[test]
    fn a_command_beside_the_curve_goes_on_as_it_moves() {
        let mut player = player();
        player.take(&still(0.0), DT, 0.0).unwrap();
        let motion = player.command_beside_next(&[0.02], [&[0.1], &[1.0]], 0.5, H);
        let [away, faster, sharper] = [&motion.away, &motion.faster, &motion.sharper];
        assert_eq!((away[0], faster[0], sharper[0]), (0.02, 0.1, 1.0));
        let lasts = fade_s(0.02, 0.1, 1.0, [1.0, 5.0, 2_500.0]);
        player.begin(0.5, lasts);
        let path = sampled(&mut player, 0.5, 0.5 + lasts);
        assert!((path[0] - 0.02).abs() < 1e-12);
        assert!(((path[1] - path[0]) * 1e3 - 0.1).abs() < 5e-3);
        assert!(rates(&path)[1] <= 6.0, "{:?}", rates(&path));
        assert!(path[path.len() - 1].abs() < 1e-7);
    }

    #[test]
    fn a_chunk_that_cannot_be_played_leaves_what_is_played() {
        let mut player = player();
        assert!(!player.is_playing() && player.left_s(0.0).is_none());
        play(&mut player, &still(3.0), (0.0, 0.0), 0.0);
        assert!(player.take(&[f64::NAN], DT, 0.0).is_err());
        assert_eq!(sampled(&mut player, 0.1, 0.1), [3.0]);
        let (left, lasts) = player.left_s(0.4).unwrap();
        assert!((left - 1.5).abs() < 1e-12, "{left}");
        assert!((lasts - 1.9).abs() < 1e-12, "{lasts}");
        assert_eq!(player.newest_dt_s(), DT);
    }

    #[test]
    fn poses_turn_from_one_curve_to_the_other() {
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
        player.beside_next(0.0, H);
        player.begin(0.0, 1.0);
        let mut out = [0.0; 16];
        for (time, angle) in [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)] {
            player.at(time, &mut out);
            for (is, expected) in out.iter().zip(turned(angle)) {
                assert!((is - expected).abs() < 1e-9, "{time}: {out:?}");
            }
        }
    }
}
