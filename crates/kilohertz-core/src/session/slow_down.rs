//! How a robot comes to rest on the curve that is played, and not beside it.
//!
//! The time on the curve goes on slower and slower: its pace falls from one to zero, without a step in its first
//! derivative. So the way stays that of the curve, whatever the joints' limits are, and each joint takes the same
//! time.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::command::chunk_player::ChunkPlayer;
use crate::command::interpolation::Interpolation;
use crate::limits::Limiter;
use crate::session::exchange::Slowing;

/// Which share of the limits of acceleration and jerk slowing down and the curve may take together, and the least
/// share that slowing down takes.
const SHARE: f64 = 0.9;
const LEAST_SHARE: f64 = 0.25;
/// Which share of the jerk slowing down may take, so that the curve has the rest.
const JERK_SHARE: f64 = 0.5;
/// In which steps the curve ahead is looked at \[s\].
const LOOK_S: f64 = 0.01;
/// The longest that slowing down may take \[s\], and how long a robot may then take to a target that stands still.
const LONGEST_S: f64 = 1.2;
const ARRIVES_S: f64 = 0.8;

/// The time on a curve on which a robot comes to rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlowDown {
    from_s: f64,
    lasts_s: f64,
}

impl SlowDown {
    /// Begins at `from_s`, where the robot is on the curve that `player` plays. Returns `None` if it would take too
    /// long. `step_s` is the time over which derivatives are taken.
    pub fn new(
        player: &mut ChunkPlayer,
        limits: &dyn Limiter,
        from_s: f64,
        step_s: f64,
    ) -> Option<SlowDown> {
        let is_velocity = limits.interpolation() == Interpolation::Line;
        let mut lasts_s: f64 = 0.0;
        let mut ahead_s = 0.0;
        // It covers half of the curve that the full pace would.
        while lasts_s >= 2.0 * ahead_s {
            if lasts_s > LONGEST_S {
                return None;
            }
            let (at, motion) = player.played(from_s + ahead_s, step_s);
            let moves = motion.faster.iter().zip(&motion.sharper);
            for (coordinate, (faster, sharper)) in moves.enumerate() {
                let [first, second, third] = limits.highest_rates(coordinate);
                let needs = match is_velocity {
                    // The curve of velocities is itself the first derivative of what moves.
                    true => slow_s(at[coordinate], *faster, [first, second]),
                    false => slow_s(*faster, *sharper, [second, third]),
                };
                lasts_s = lasts_s.max(needs);
            }
            ahead_s += LOOK_S;
        }
        Some(SlowDown { from_s, lasts_s })
    }

    /// Writes the command at `time_s`. Nothing is written if it returns [`Slowing::Over`].
    pub fn command(
        &self,
        player: &mut ChunkPlayer,
        limits: &dyn Limiter,
        time_s: f64,
        out: &mut [f64],
    ) -> Slowing {
        let (on_curve_s, pace) = self.at(time_s);
        let is_there = pace <= 0.0;
        let between = limits.interpolation();
        // Only a target stays where it is until the robot is there.
        let is_over = is_there && between != Interpolation::Target || self.is_late(time_s);
        let left = player.left_s(on_curve_s);
        if is_over || left.is_none_or(|(left_s, _)| left_s < 0.0) {
            return Slowing::Over;
        }
        player.at(on_curve_s, out);
        if between == Interpolation::Line {
            out.iter_mut().for_each(|velocity| *velocity *= pace);
        }
        match is_there {
            true => Slowing::There,
            false => Slowing::On,
        }
    }

    /// Returns the time on the curve at `time_s`, and its pace, from one to zero.
    fn at(&self, time_s: f64) -> (f64, f64) {
        let share = ((time_s - self.from_s) / self.lasts_s).clamp(0.0, 1.0);
        // Without a length it is over at once.
        let s = if share.is_nan() { 1.0 } else { share };
        let way = s - s.powi(3) + 0.5 * s.powi(4);
        let pace = 1.0 - s * s * (3.0 - 2.0 * s);
        (self.from_s + self.lasts_s * way, pace)
    }

    /// Returns true if a robot that approaches the end of it has had enough time.
    fn is_late(&self, time_s: f64) -> bool {
        time_s - self.from_s > self.lasts_s + ARRIVES_S
    }
}

/// Returns how long the pace takes from one to zero, so that a motion with this velocity and acceleration stays
/// within the limits of acceleration and jerk \[s\].
///
/// The pace has at most the first derivative 1.5 and the second 6, over a time of one. So it adds 1.5 velocity / T to
/// the acceleration, and 4.5 acceleration / T + 6 velocity / T² to the jerk.
fn slow_s(velocity: f64, acceleration: f64, [most, most_jerk]: [f64; 2]) -> f64 {
    let (velocity, acceleration) = (velocity.abs(), acceleration.abs());
    let free = (SHARE * most - acceleration).max(LEAST_SHARE * most);
    let by_acceleration = 1.5 * velocity / free;
    let linear = 4.5 * acceleration / (JERK_SHARE * most_jerk);
    let square = 6.0 * velocity / (JERK_SHARE * most_jerk);
    let by_jerk = 0.5 * (linear + (linear * linear + 4.0 * square).sqrt());
    by_acceleration.max(by_jerk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_falls_to_zero_within_what_it_may_add() {
        for (velocity, acceleration) in [(1.0, 0.0), (0.3, 4.0), (0.01, 8.0), (2.0, 9.0)] {
            let limits = [10.0, 5_000.0];
            let lasts_s = slow_s(velocity, acceleration, limits);
            let slow = SlowDown {
                from_s: 2.0,
                lasts_s,
            };
            assert_eq!(slow.at(2.0), (2.0, 1.0));
            let (end_s, pace) = slow.at(2.0 + lasts_s);
            assert!((end_s - 2.0 - 0.5 * lasts_s).abs() < 1e-12 && pace.abs() < 1e-12);
            // A curve with this velocity and acceleration.
            let along = |time_s: f64| {
                let on_s = slow.at(time_s).0 - 2.0;
                velocity * on_s + 0.5 * acceleration * on_s * on_s
            };
            let step = lasts_s / 1e3;
            let mut path: Vec<f64> = (0..=1_000)
                .map(|nth| along(2.0 + f64::from(nth) * step))
                .collect();
            let rates: [f64; 3] = std::array::from_fn(|_| {
                path = path
                    .windows(2)
                    .map(|pair| (pair[1] - pair[0]) / step)
                    .collect();
                path.iter().map(|rate| rate.abs()).fold(0.0, f64::max)
            });
            assert!(
                rates[1] <= 1.2 * limits[0],
                "{velocity} {acceleration}: {rates:?}"
            );
            assert!(
                rates[2] <= limits[1],
                "{velocity} {acceleration}: {rates:?}"
            );
        }
    }

    #[test]
    fn what_stands_still_has_nothing_to_slow_down() {
        assert_eq!(slow_s(0.0, 0.0, [10.0, 5_000.0]), 0.0);
        let slow = SlowDown {
            from_s: 2.0,
            lasts_s: 0.0,
        };
        assert_eq!(slow.at(2.001), (2.0, 0.0));
    }
}
