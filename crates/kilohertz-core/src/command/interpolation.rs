//! What is commanded between two answers of a policy slower than its robot: a continuous curve, never
//! steps.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_geometry::make_rotation;

/// How a command gets from one answer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// For positions: a quadratic B-spline through the answers. Position and velocity are continuous. The
    /// acceleration is the second difference of the answers.
    Spline,
    /// For poses, 4x4 column-major: the B-spline as for positions. Then each interpolated rotation matrix
    /// is made a rotation again. It turns the shorter way.
    Pose,
    /// For velocities: a straight line from one answer to the next.
    Line,
    /// For efforts: the newest answer, approached as fast as the limits allow.
    Approach,
    /// For targets: the newest answer at any rate, approached within limits of its own.
    Target,
}

/// How many answers are kept: those of one segment of the spline and of the segment before it.
const KEPT: usize = 4;

/// The answers of a policy, and the curve through them. Answer `k` belongs to the time `k` periods of the
/// policy. Segment `k` leads from there to `k + 1`, and is known once answer `k` is known.
#[derive(Debug, Clone)]
pub struct Interpolator {
    between: Interpolation,
    /// The latest answers, newest first.
    answers: [Box<[f64]>; KEPT],
    newest: Option<u64>,
}

impl Interpolator {
    /// Creates a curve for actions of `len` slots, without an answer yet.
    pub fn new(between: Interpolation, len: usize) -> Interpolator {
        Interpolator {
            between,
            answers: std::array::from_fn(|_| vec![0.0; len].into_boxed_slice()),
            newest: None,
        }
    }

    /// Returns the number of the newest answer.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Begins the curve at `command`, which was commanded before the first answer.
    pub fn begin(&mut self, command: &[f64]) {
        for answer in &mut self.answers {
            answer.copy_from_slice(command);
        }
    }

    /// Adds answer `number`, or replaces it. Answers that are missing before it are filled in on a straight
    /// line.
    pub fn put(&mut self, number: u64, answer: &[f64]) {
        let gap = match self.newest {
            Some(newest) => number.saturating_sub(newest),
            None => 1,
        };
        if gap > 0 {
            // How many of the kept answers are pushed out by the new one and the missing ones.
            let moved = gap.min(KEPT as u64) as usize;
            self.answers.rotate_right(moved);
            if moved > 1 {
                for (slot, &to) in answer.iter().enumerate() {
                    let from = self.answers[moved % KEPT][slot];
                    for index in 1..moved {
                        let share = index as f64 / gap as f64;
                        self.answers[index][slot] = to + share * (from - to);
                    }
                }
            }
        }
        self.newest = Some(self.newest.map_or(number, |newest| newest.max(number)));
        self.answers[0].copy_from_slice(answer);
    }

    /// Returns the newest answer, unchanged.
    pub fn answer(&self) -> &[f64] {
        &self.answers[0]
    }

    /// Writes the command at the time `place`, in periods of the policy since its first question.
    pub fn at(&self, place: f64, out: &mut [f64]) {
        let newest = self.newest.unwrap_or(0) as f64;
        // The tick nearest to a question may be a little before the question's time: then the segment
        // before counts.
        let [last, second, third, fourth] = &self.answers;
        let (begins, [to, from, before]) = match place < newest {
            true => (newest - 1.0, [second, third, fourth]),
            false => (newest, [last, second, third]),
        };
        let share = (place - begins).clamp(0.0, 1.0);
        match self.between {
            Interpolation::Approach | Interpolation::Target => out.copy_from_slice(self.answer()),
            Interpolation::Line => {
                for (slot, out) in out.iter_mut().enumerate() {
                    *out = from[slot] + share * (to[slot] - from[slot]);
                }
            }
            Interpolation::Spline | Interpolation::Pose => {
                for (slot, out) in out.iter_mut().enumerate() {
                    let (first, second) = (from[slot] - before[slot], to[slot] - from[slot]);
                    *out = 0.5 * (before[slot] + from[slot])
                        + share * (first + 0.5 * share * (second - first));
                }
                if self.between == Interpolation::Pose && !make_rotation(out) {
                    out.copy_from_slice(self.answer());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(between: Interpolation, ratio: f64, answers: impl Fn(u64) -> f64) -> Vec<f64> {
        let mut path = Interpolator::new(between, 1);
        path.begin(&[answers(0)]);
        let mut cadence = crate::command::cadence::Cadence::new(ratio);
        let mut out = [0.0];
        (0..2_000)
            .map(|tick| {
                if let Some(question) = cadence.due(tick) {
                    path.put(question, &[answers(question)]);
                }
                path.at(tick as f64 / ratio, &mut out);
                out[0]
            })
            .collect()
    }

    #[test]
    fn a_straight_motion_stays_straight_at_any_rate() {
        for rate in [999.0, 500.0, 333.3, 50.0, 30.0] {
            let ratio: f64 = 1000.0 / rate;
            for (between, behind) in [(Interpolation::Line, 1.0), (Interpolation::Spline, 1.5)] {
                let path = sampled(between, ratio, |question| question as f64 * ratio);
                let from = (4.0 * ratio) as usize;
                for (tick, value) in path.iter().enumerate().skip(from) {
                    let expected = tick as f64 - behind * ratio;
                    assert!(
                        (value - expected).abs() < 1e-6,
                        "{between:?}, {rate} Hz, tick {tick}: {value} is not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_spline_has_the_velocity_and_the_acceleration_of_its_answers() {
        for rate in [333.3, 50.0, 30.0] {
            let ratio: f64 = 1000.0 / rate;
            let wave = |time: f64| (0.005 * time).sin();
            let path = sampled(Interpolation::Spline, ratio, |question| {
                wave(question as f64 * ratio)
            });
            for window in path[(4.0 * ratio) as usize..].windows(3) {
                let bend = window[2] - 2.0 * window[1] + window[0];
                // The second derivative of the wave is up to 0.005^2.
                assert!(bend.abs() < 1.1 * 0.005_f64.powi(2), "{rate} Hz: {bend}");
            }
        }
    }

    #[test]
    fn a_step_is_never_left_and_never_a_step_again() {
        for between in [Interpolation::Line, Interpolation::Spline] {
            let ratio = 33.3;
            let path = sampled(
                between,
                ratio,
                |question| if question < 5 { 0.0 } else { 1.0 },
            );
            for pair in path.windows(2) {
                assert!((0.0..=1.0).contains(&pair[1]), "{between:?}: {}", pair[1]);
                assert!(pair[1] - pair[0] < 1.2 / ratio, "{between:?}: {pair:?}");
            }
            assert_eq!(path.last(), Some(&1.0));
        }
    }

    #[test]
    fn poses_between_answers_are_poses_and_turn_evenly() {
        let ratio = 20.0;
        let turned = |angle: f64| {
            let (sine, cosine) = angle.sin_cos();
            [
                cosine, sine, 0.0, 0.0, -sine, cosine, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, angle, 0.0,
                0.0, 1.0,
            ]
        };
        let mut path = Interpolator::new(Interpolation::Pose, 16);
        path.begin(&turned(0.0));
        let mut cadence = crate::command::cadence::Cadence::new(ratio);
        let mut last: Option<f64> = None;
        for tick in 0..2_000 {
            if let Some(question) = cadence.due(tick) {
                path.put(question, &turned(0.05 * question as f64));
            }
            let mut out = [0.0; 16];
            path.at(tick as f64 / ratio, &mut out);
            let length = out[0].hypot(out[1]);
            assert!((length - 1.0).abs() < 1e-12, "{length}");
            let angle = out[1].atan2(out[0]);
            if let (Some(last), true) = (last, tick > 100) {
                let step = (angle - last).rem_euclid(std::f64::consts::TAU);
                assert!((step - 0.05 / ratio).abs() < 2e-6, "{tick}: {step}");
            }
            last = Some(angle);
        }
        // After half a turn between two answers, the curve uses the newer answer.
        path.put(5_000, &turned(0.0));
        path.put(5_001, &turned(std::f64::consts::PI));
        let mut out = [0.0; 16];
        path.at(5_001.999_999, &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn answers_that_never_came_are_put_on_a_line() {
        let (mut whole, mut gaps) = (
            Interpolator::new(Interpolation::Spline, 1),
            Interpolator::new(Interpolation::Spline, 1),
        );
        whole.begin(&[0.0]);
        gaps.begin(&[0.0]);
        let (mut one, mut other) = ([0.0], [0.0]);
        for number in 0..40_u64 {
            whole.put(number, &[number as f64]);
            if number % 7 == 0 || number > 30 {
                gaps.put(number, &[number as f64]);
                whole.at(number as f64 + 0.3, &mut one);
                gaps.at(number as f64 + 0.3, &mut other);
                assert_eq!(gaps.newest(), Some(number));
                assert!((one[0] - other[0]).abs() < 1e-9 || number < 2, "{number}");
            }
        }
    }

    #[test]
    fn an_answer_that_comes_twice_is_the_later_one() {
        let mut path = Interpolator::new(Interpolation::Line, 1);
        path.begin(&[0.0]);
        path.put(0, &[1.0]);
        path.put(0, &[3.0]);
        let mut out = [0.0];
        path.at(1.0, &mut out);
        assert_eq!((out, path.newest()), ([3.0], Some(0)));
    }
}
