//! A low-pass filter for the policy's answers, applied before the limits.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use kilohertz_geometry::make_rotation;

use crate::command::interpolation::Interpolation;

/// A first-order low-pass filter, one for all slots of an action.
#[derive(Debug, Clone)]
pub(crate) struct LowPass {
    /// The share of the difference to the newest action that the output moves in one cycle.
    gain: f64,
    /// The last output; meaningless before the first action.
    last: Box<[f64]>,
    has_begun: bool,
    between: Interpolation,
}

impl LowPass {
    /// Creates a filter with this cut-off frequency [Hz], for cycles of `period`.
    pub fn new(cutoff_hz: f64, period: Duration, between: Interpolation, len: usize) -> LowPass {
        let period = period.as_secs_f64();
        LowPass {
            gain: period / (period + 1.0 / (std::f64::consts::TAU * cutoff_hz)),
            last: vec![0.0; len].into_boxed_slice(),
            has_begun: false,
            between,
        }
    }

    /// Begins with `commanded`, which was commanded before the first action, unless the filter has begun
    /// already.
    pub fn begin(&mut self, commanded: &[f64]) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.last.copy_from_slice(commanded);
        }
    }

    /// Filters `action`, which lasts for `cycles` cycles.
    pub fn pass(&mut self, cycles: f64, action: &mut [f64]) {
        if self.between == Interpolation::Target {
            // The path to a target is smooth already.
            return;
        }
        let gain = if cycles == 1.0 {
            self.gain
        } else {
            1.0 - (1.0 - self.gain).powf(cycles)
        };
        for (last, action) in self.last.iter_mut().zip(&*action) {
            *last += gain * (action - *last);
        }
        if self.between == Interpolation::Pose && !make_rotation(&mut self.last) {
            self.last.copy_from_slice(action);
        }
        action.copy_from_slice(&self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(1);

    /// Returns the factor by which a filter at 100 Hz reduces a sine.
    fn left_of(frequency_hz: f64) -> f64 {
        let mut filter = LowPass::new(100.0, PERIOD, Interpolation::Line, 1);
        (0..4_000)
            .map(|tick| {
                let phase = std::f64::consts::TAU * frequency_hz * f64::from(tick) * 1e-3;
                let mut action = [phase.sin()];
                filter.pass(1.0, &mut action);
                if tick < 1_000 { 0.0 } else { action[0].abs() }
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn slow_motions_pass_and_fast_ones_do_not() {
        assert!(left_of(2.0) > 0.99);
        assert!((0.55..0.8).contains(&left_of(101.0)), "{}", left_of(101.0));
        assert!(left_of(401.0) < 0.35);
    }

    #[test]
    fn begins_with_what_was_commanded() {
        let mut filter = LowPass::new(1.0, PERIOD, Interpolation::Line, 1);
        filter.begin(&[5.0]);
        let mut action = [5.1];
        filter.pass(1.0, &mut action);
        assert!(action[0] > 5.0 && action[0] < 5.01, "{action:?}");
    }

    #[test]
    fn an_action_that_was_there_for_several_cycles_counts_for_as_many() {
        let mut filters = [1, 7].map(|_| LowPass::new(30.0, PERIOD, Interpolation::Line, 1));
        let [each, once] = &mut filters;
        let (mut one, mut other) = ([0.0], [1.0]);
        for _ in 0..7 {
            one = [1.0];
            each.pass(1.0, &mut one);
        }
        once.pass(7.0, &mut other);
        assert!((one[0] - other[0]).abs() < 1e-12, "{one:?}, {other:?}");
    }
}
