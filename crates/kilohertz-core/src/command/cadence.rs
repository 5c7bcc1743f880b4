//! When a policy slower than its robot is asked.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// Schedules questions at the policy's own rate, each in the robot's cycle that is nearest to its time.
///
/// Pure: times are ticks of the robot's clock. Nothing is summed up, so that no rate drifts.
#[derive(Debug, Clone, Copy)]
pub struct Cadence {
    /// The time from one question to the next in periods of the robot, at least 1.
    ratio: f64,
    next: u64,
}

impl Cadence {
    /// Creates a cadence with a question every `ratio` periods of the robot. A `ratio` below 1 counts as 1.
    pub fn new(ratio: f64) -> Cadence {
        Cadence {
            ratio: ratio.max(1.0),
            next: 0,
        }
    }

    /// Returns the time from one question to the next in periods of the robot.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Returns true if there is a question in every cycle.
    pub fn is_every_cycle(&self) -> bool {
        self.ratio == 1.0
    }

    /// Returns the tick of question `question`.
    pub fn tick_of(&self, question: u64) -> u64 {
        (question as f64 * self.ratio).round() as u64
    }

    /// Returns the question to be asked in the cycle at `tick`, if there is one. If the ticks of several
    /// questions had no cycle, only the newest of them is asked. Takes the same time for every tick, which
    /// may be any number.
    pub fn due(&mut self, tick: u64) -> Option<u64> {
        if self.is_every_cycle() {
            let is_due = self.next <= tick;
            self.next = self.next.max(tick.saturating_add(1));
            return is_due.then_some(tick);
        }
        if self.tick_of(self.next) > tick {
            return None;
        }
        let before = ((tick as f64) / self.ratio) as u64;
        // A question is asked at most half a tick after its time, and a tick is no longer than the time
        // between two questions. So the newest question is this one or the next.
        let nearest = match self.tick_of(before.saturating_add(1)) <= tick {
            true => before.saturating_add(1),
            false => before,
        };
        let newest = nearest.max(self.next);
        self.next = newest.saturating_add(1);
        Some(newest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use proptest::prop_assert;

    use super::*;

    proptest! {
        /// For any clock of a robot: questions never repeat or go back, and none is asked before it is due.
        #[test]
        fn questions_rise_and_are_due_whatever_the_ticks(
            ratio in any::<f64>(),
            ticks in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let mut cadence = Cadence::new(ratio);
            let mut last = None;
            for tick in ticks {
                let Some(question) = cadence.due(tick) else {
                    continue;
                };
                // Above this a float cannot represent every tick.
                if tick < 1 << 52 {
                    prop_assert!(cadence.tick_of(question) <= tick);
                }
                prop_assert!(last.is_none_or(|last| question > last || question == u64::MAX));
                last = Some(question);
            }
            prop_assert!(cadence.ratio() >= 1.0);
        }
    }

    fn asked(ratio: f64, ticks: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
        let mut cadence = Cadence::new(ratio);
        ticks
            .filter_map(|tick| Some((tick, cadence.due(tick)?)))
            .collect()
    }

    #[test]
    fn asks_in_every_cycle_at_the_robots_own_rate() {
        let every: Vec<(u64, u64)> = (0..100).map(|tick| (tick, tick)).collect();
        assert_eq!(asked(1.0, 0..100), every);
        assert_eq!(asked(0.5, 0..100), every);
    }

    #[test]
    fn asks_at_the_tick_nearest_to_each_time_and_never_drifts() {
        for rate in [999.0, 500.0, 333.3, 100.0, 50.0, 30.0, 7.77, 0.5] {
            let ratio = 1000.0 / rate;
            let asked = asked(ratio, 0..400_000);
            for (index, &(tick, question)) in asked.iter().enumerate() {
                assert_eq!(question, index as u64, "{rate} Hz");
                let off = tick as f64 - question as f64 * ratio;
                assert!(
                    off.abs() <= 0.5 + 1e-6,
                    "{rate} Hz: question {question} is off by {off}"
                );
            }
            let expected = (400_000.0 / ratio).round();
            assert!(
                (asked.len() as f64 - expected).abs() <= 1.0,
                "{rate} Hz: {}",
                asked.len()
            );
        }
    }

    #[test]
    fn any_tick_is_answered_at_once_and_questions_do_not_go_back() {
        let ticks = [
            0,
            1,
            5,
            1 << 32,
            1 << 40,
            1 << 53,
            (1 << 53) + 1,
            u64::MAX - 1,
            u64::MAX,
        ];
        for ratio in [1.0, 1.1, 2.0, 33.3, 1e3, 1e9, 1e300, f64::INFINITY] {
            let asked = asked(ratio, ticks.into_iter());
            assert_eq!(asked[0], (0, 0), "{ratio}");
            for pair in asked.windows(2) {
                assert!(pair[0].1 <= pair[1].1, "{ratio}: {asked:?}");
            }
            // No question is asked after the largest tick.
            let mut cadence = Cadence::new(ratio);
            cadence.due(u64::MAX);
            assert_eq!(cadence.due(7), None, "{ratio}");
        }
    }

    #[test]
    fn questions_whose_ticks_passed_are_left_out_and_not_made_up_for() {
        let ticks = [0, 10, 47, 48, 52, 55].into_iter();
        assert_eq!(asked(10.0, ticks), [(0, 0), (10, 1), (47, 4), (52, 5)]);
    }
}
