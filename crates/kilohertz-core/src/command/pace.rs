//! How fast a policy's own motion was in the last second, and how fast its action may be approached after a
//! rest.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// The number of time buckets, and the length of each [s]: together a little more than a second.
const BUCKETS: usize = 11;
const BUCKET_S: f64 = 0.1;
const OLDER: i64 = BUCKETS as i64 - 1;

/// A position may always be approached after a rest with this share of its velocity limit.
pub const LEAST_APPROACH: f64 = 0.2;
/// A position may be approached after a rest this many times faster than the policy's own motion.
pub const APPROACH_GAIN: f64 = 2.0;

/// The highest of each of `N` speeds in the last second.
#[derive(Debug, Clone, Copy)]
pub struct Pace<const N: usize> {
    /// For each time bucket its number, and the highest speeds in it.
    buckets: [(i64, [f64; N]); BUCKETS],
}

impl<const N: usize> Pace<N> {
    /// The pace before anything has moved.
    pub const STILL: Pace<N> = Pace {
        buckets: [(i64::MIN, [0.0; N]); BUCKETS],
    };

    /// Records the speeds at `now_s`. A NaN counts as zero.
    pub fn note(&mut self, now_s: f64, speeds: [f64; N]) {
        let number = number_of(now_s);
        let (of, highest) = &mut self.buckets[number.rem_euclid(BUCKETS as i64) as usize];
        if *of != number {
            (*of, *highest) = (number, [0.0; N]);
        }
        for (highest, speed) in highest.iter_mut().zip(speeds) {
            *highest = highest.max(speed.abs());
        }
    }

    /// Returns the highest speeds of the second before `now_s`.
    pub fn fastest(&self, now_s: f64) -> [f64; N] {
        let newest = number_of(now_s);
        let oldest = newest.saturating_sub(OLDER);
        let mut fastest = [0.0; N];
        for (number, highest) in &self.buckets {
            if (oldest..=newest).contains(number) {
                for (fastest, highest) in fastest.iter_mut().zip(highest) {
                    *fastest = f64::max(*fastest, *highest);
                }
            }
        }
        fastest
    }

    /// Returns how fast an action may be approached at `now_s` after a rest; `limits` are the velocity
    /// limits.
    pub fn approach(&self, now_s: f64, limits: [f64; N]) -> [f64; N] {
        let own = self.fastest(now_s);
        std::array::from_fn(|nth| {
            let least = LEAST_APPROACH * limits[nth];
            least.max(APPROACH_GAIN * own[nth])
        })
    }
}

fn number_of(now_s: f64) -> i64 {
    // The cast saturates, and is 0 for NaN.
    (now_s / BUCKET_S).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_approached_as_slowly_as_the_own_motion_but_no_slower_than_the_least() {
        let mut pace = Pace::<2>::STILL;
        pace.note(5.0, [1.0, 0.01]);
        assert_eq!(pace.approach(5.0, [2.0, 2.0]), [2.0, 0.4]);
        assert_eq!(pace.approach(9.0, [2.0, 2.0]), [0.4, 0.4]);
    }

    #[test]
    fn what_was_fast_counts_for_a_second() {
        let mut pace = Pace::<2>::STILL;
        pace.note(5.0, [1.0, -3.0]);
        pace.note(5.3, [2.0, 0.5]);
        assert_eq!(pace.fastest(5.3), [2.0, 3.0]);
        assert_eq!(pace.fastest(5.9), [2.0, 3.0]);
        assert_eq!(pace.fastest(6.2), [2.0, 0.5]);
        assert_eq!(pace.fastest(6.5), [0.0, 0.0]);
        assert_eq!(pace.fastest(1e6), [0.0, 0.0]);
    }

    #[test]
    fn any_time_will_do() {
        let mut pace = Pace::<1>::STILL;
        for time in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
            pace.note(time, [f64::NAN]);
            pace.note(time, [1.0]);
            assert_eq!(pace.fastest(time), [1.0], "{time}");
        }
    }
}
