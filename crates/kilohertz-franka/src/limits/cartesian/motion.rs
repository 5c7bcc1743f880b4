//! The commanded motion of the end effector, advanced in steps of one cycle.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::limits::exceeds;
use kilohertz_geometry::{Pose, Twist, integrate, norm, orthonormal, pose_error};

use crate::constants::DT;
use crate::control::leading;
use crate::kinematics::differential::{PARTS, Rates, joined};
use crate::limits::arm_limits::PartBounds;

/// The highest gain from a missing velocity to an acceleration [1/s]: half of the missing velocity is made
/// up for in one cycle.
const STEEPEST: f64 = 0.5 / DT;

/// The commanded motion, advanced in steps of one cycle. If the arm chooses the elbow, the elbow's part
/// stays zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct CartesianMotion {
    pub(super) pose: Pose,
    /// The position of joint 3 \[rad\].
    pub(super) elbow: f64,
    pub(super) rates: Rates,
    pub(super) acceleration: Rates,
}

impl CartesianMotion {
    pub(super) fn with_rates(&self, rates: Rates) -> CartesianMotion {
        let pose = integrate(&self.pose, &twist_of(&rates).map(|v| v * DT));
        self.followed_by(pose, self.elbow + rates[6] * DT, rates)
    }

    pub(super) fn with_pose(&self, pose: &Pose, elbow: f64) -> CartesianMotion {
        let pose = orthonormal(pose);
        let way = self.way_to(&pose, elbow);
        self.followed_by(pose, elbow, way.map(|way| way / DT))
    }

    pub(super) fn followed_by(&self, pose: Pose, elbow: f64, rates: Rates) -> CartesianMotion {
        CartesianMotion {
            pose,
            elbow,
            rates,
            acceleration: std::array::from_fn(|i| (rates[i] - self.rates[i]) / DT),
        }
    }

    pub(super) fn way_to(&self, pose: &Pose, elbow: f64) -> Rates {
        joined(pose_error(&self.pose, pose), elbow - self.elbow)
    }

    pub(super) fn jerk_to(&self, next: &CartesianMotion) -> Rates {
        std::array::from_fn(|i| (next.acceleration[i] - self.acceleration[i]) / DT)
    }

    pub(super) fn place(&self) -> [f64; 3] {
        [self.pose[12], self.pose[13], self.pose[14]]
    }

    /// Returns the velocities within `bounds` that lead to `target`, a pose and an elbow, which itself
    /// moves at `moving`.
    pub(super) fn rates_to(
        &self,
        (target, elbow): &(Pose, f64),
        moving: &Rates,
        bounds: &[PartBounds; 3],
    ) -> Rates {
        let ahead = self.with_rates(self.rates);
        let missing = ahead.way_to(target, *elbow);
        let mut rates = *moving;
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            // The law of `JointMotion::towards_position`, along the straight line to the target.
            let gain = (bounds.jerk / bounds.acceleration / 6.0).min(60.0);
            let brake = 0.6 * bounds.acceleration;
            let knee = brake / (gain * gain);
            let distance = norm(&missing[part.clone()]);
            let speed = if distance <= knee {
                gain * distance
            } else {
                (2.0 * brake * (distance - knee / 2.0)).sqrt()
            };
            for i in part {
                rates[i] += missing[i] * speed / distance.max(1e-12);
            }
        }
        rates
    }

    /// Returns the motion one cycle later, changed towards the velocities `target` within `bounds`.
    pub(super) fn towards(&self, target: &Rates, bounds: &[PartBounds; 3]) -> CartesianMotion {
        let mut rates = self.rates;
        for (part, bounds) in PARTS.into_iter().zip(bounds) {
            // As for joints: close to the target the acceleration decreases as fast as the jerk allows. If
            // the joints allow little acceleration but all of the jerk, that is too fast for steps of one
            // cycle, and the motion would oscillate about its target.
            let gain = (bounds.jerk / bounds.acceleration).min(STEEPEST);
            let (now, accelerated) = (&self.rates[part.clone()], &self.acceleration[part.clone()]);
            let mut wanted = [0.0; 3];
            for (i, target) in target[part.clone()].iter().enumerate() {
                wanted[i] = (target - now[i]) * gain;
            }
            shorten(&mut wanted, bounds.acceleration);
            let mut change = [0.0; 3];
            for (i, accelerated) in accelerated.iter().enumerate() {
                change[i] = wanted[i] - accelerated;
            }
            shorten(&mut change, bounds.jerk * DT);
            for (i, rate) in rates[part].iter_mut().enumerate() {
                *rate += (accelerated[i] + change[i]) * DT;
            }
        }
        self.with_rates(rates)
    }

    pub(super) fn is_at_rest(&self) -> bool {
        norm(&self.rates) < 1e-4 && norm(&self.acceleration) < 0.1
    }
}

pub(super) fn twist_of(rates: &Rates) -> Twist {
    leading(rates)
}

pub(super) fn shorten(vector: &mut [f64], longest: f64) {
    let length = norm(vector);
    if exceeds(length, longest) {
        vector.iter_mut().for_each(|v| *v *= longest / length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At rest, turned by a quarter about z.
    const RESTING: CartesianMotion = CartesianMotion {
        pose: [
            0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.3, -0.1, 0.5, 1.0,
        ],
        elbow: 0.1,
        rates: [0.0; 7],
        acceleration: [0.0; 7],
    };
    const RATES: Rates = [0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7];

    fn bounds(acceleration: f64, jerk: f64) -> [PartBounds; 3] {
        [PartBounds {
            velocity: 1.0,
            acceleration,
            jerk,
        }; 3]
    }

    fn assert_near(values: &[f64], expected: &[f64]) {
        let is_near = |(value, expected): (&f64, &f64)| (value - expected).abs() < 1e-6;
        let are_near = values.iter().zip(expected).all(is_near);
        assert!(are_near, "{values:?} instead of {expected:?}");
    }

    #[test]
    fn velocities_are_kept_for_one_cycle() {
        let motion = CartesianMotion {
            rates: [0.05; 7],
            ..RESTING
        };
        let next = motion.with_rates(RATES);
        assert_eq!(next.rates, RATES);
        assert_near(&next.place(), &[0.3001, -0.1002, 0.5003]);
        assert_near(
            &motion.way_to(&next.pose, next.elbow),
            &RATES.map(|rate| rate * DT),
        );
        assert_near(&next.acceleration, &RATES.map(|rate| (rate - 0.05) / DT));
        assert_near(&[next.elbow], &[0.1007]);
    }

    #[test]
    fn a_pose_is_reached_within_one_cycle() {
        let motion = CartesianMotion {
            acceleration: [2.0; 7],
            ..RESTING
        };
        let there = RESTING.with_rates(RATES);
        let next = motion.with_pose(&there.pose, there.elbow);
        assert_near(&next.rates, &RATES);
        assert_near(&next.pose, &there.pose);
        assert_near(
            &motion.jerk_to(&next),
            &RATES.map(|rate| (rate / DT - 2.0) / DT),
        );
    }

    #[test]
    fn a_target_is_approached_slower_as_it_comes_near() {
        // A gain of 3/s up to 0.4 / 3, and from there braking with 1.2.
        let slow = bounds(2.0, 36.0);
        let far = (2.0 * 1.2 * (0.5 - 0.2 / 3.0_f64)).sqrt();
        for (distance, speed) in [
            (0.0, 0.0),
            (0.1, 0.3),
            (0.4 / 3.0, 0.4),
            (0.5, far),
            (-0.1, -0.3),
        ] {
            let target = RESTING
                .with_rates([0.0, distance, 0.0, 0.0, 0.0, distance, distance].map(|way| way / DT));
            let target = (target.pose, target.elbow);
            let expected = [0.0, speed, 0.0, 0.0, 0.0, speed, speed];
            assert_near(&RESTING.rates_to(&target, &[0.0; 7], &slow), &expected);
            // The target's own motion is added.
            let with_own: Rates = std::array::from_fn(|i| expected[i] + RATES[i]);
            assert_near(&RESTING.rates_to(&target, &RATES, &slow), &with_own);
        }
        // What is missing counts after the present cycle.
        let moving = CartesianMotion {
            rates: [10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            ..RESTING
        };
        let rates = moving.rates_to(&(RESTING.pose, 0.1), &[0.0; 7], &slow);
        assert_near(&rates, &[-0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        // The gain is at most 60/s.
        let mut near = RESTING.pose;
        near[12] += 1e-4;
        let rates = RESTING.rates_to(&(near, 0.1), &[0.0; 7], &bounds(2.0, 1e5));
        assert_near(&rates, &[6e-3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn velocities_change_within_acceleration_and_jerk() {
        let along = |x: f64, y: f64| [x, y, 0.0, y, 0.0, x, x];
        let accelerated = |x: f64| CartesianMotion {
            acceleration: along(x, 0.0),
            ..RESTING
        };
        for (motion, target, jerk, acceleration) in [
            // Half of what is missing is made up for in one cycle.
            (RESTING, along(1e-3, 0.0), 2000.0, along(0.5, 0.0)),
            (RESTING, along(-1e-3, 0.0), 2000.0, along(-0.5, 0.0)),
            // Close to the target the acceleration follows the jerk: a gain of 100/s.
            (RESTING, along(1e-3, 0.0), 200.0, along(0.1, 0.0)),
            // As much as the acceleration allows, as the length of a vector, and as much as the jerk allows.
            (RESTING, along(0.3, 0.0), 4000.0, along(2.0, 0.0)),
            (RESTING, along(0.3, 0.0), 1000.0, along(1.0, 0.0)),
            (accelerated(1.5), along(0.3, 0.0), 1000.0, along(2.0, 0.0)),
            (accelerated(1.5), along(-0.3, 0.0), 1000.0, along(0.5, 0.0)),
        ] {
            let next = motion.towards(&target, &bounds(2.0, jerk));
            assert_near(&next.acceleration, &acceleration);
            assert_near(&next.rates, &acceleration.map(|change| change * DT));
            assert_near(&next.place(), &RESTING.with_rates(next.rates).place());
        }
        let next = RESTING.towards(&[0.3, 0.4, 0.0, 0.0, 0.3, 0.4, 0.0], &bounds(2.0, 4000.0));
        assert_near(&next.acceleration, &[1.2, 1.6, 0.0, 0.0, 1.2, 1.6, 0.0]);
    }

    #[test]
    fn a_target_is_reached_without_going_beyond_it() {
        let mut motion = RESTING;
        let target = [0.0, 0.2, 0.0, 0.0, 0.0, -0.3, 0.1];
        for _ in 0..1_000 {
            motion = motion.towards(&target, &bounds(2.0, 40.0));
            assert!(motion.rates[1] < 0.2 + 1e-9 && motion.rates[5] > -0.3 - 1e-9);
        }
        assert_near(&motion.rates, &target);
    }

    #[test]
    fn a_motion_rests_if_its_velocity_and_its_acceleration_are_small() {
        let moving = |rate: f64, acceleration: f64| {
            let only = |value: f64| [0.0, 0.0, 0.0, 0.0, -value, 0.0, 0.0];
            CartesianMotion {
                rates: only(rate),
                acceleration: only(acceleration),
                ..RESTING
            }
        };
        assert!(RESTING.is_at_rest() && moving(0.9e-4, 0.09).is_at_rest());
        assert!(!moving(1.0e-4, 0.0).is_at_rest() && !moving(0.0, 0.1).is_at_rest());
        assert!(!moving(1.1e-4, 0.2).is_at_rest());
    }

    #[test]
    fn only_a_vector_that_is_too_long_is_shortened() {
        for (vector, expected) in [
            ([3.0, 4.0], [0.6, 0.8]),
            ([0.6, 0.8], [0.6, 0.8]),
            ([0.0, 0.0], [0.0, 0.0]),
        ] {
            let mut shortened = vector;
            shorten(&mut shortened, 1.0);
            assert_near(&shortened, &expected);
        }
    }
}
