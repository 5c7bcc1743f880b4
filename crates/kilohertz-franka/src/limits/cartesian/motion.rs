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
