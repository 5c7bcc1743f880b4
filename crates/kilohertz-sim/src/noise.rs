//! Noise of the arm's sensors, the same for the same seed.

use crate::error::{SimulatorError, rounded};
use crate::joints::Joints;

/// The noise of the sensors: the standard deviation of each joint's value. The noise of two values, and of two
/// states, is independent. All zero, the default, is no noise.
///
/// Franka's data sheet of the Panda names 0.005 N m for torques (RMS); its data sheet of the FR3 names none.
/// No source tells the noise of positions and velocities. Users report that velocities are noisy, being the
/// derivative of the measured position (franka_ros#289).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(non_snake_case, reason = "the names are libfranka's")]
pub struct Noise {
    /// The seed: the same seed gives the same noise.
    pub seed: u64,
    /// Of positions \[rad\], at most 0.01.
    pub q: [f64; 7],
    /// Of velocities [rad/s], at most 0.5.
    pub dq: [f64; 7],
    /// Of the link-side torques [N m], at most 5.
    pub tau_J: [f64; 7],
    /// Of the external torques [N m], at most 5. The external wrenches follow from them.
    pub tau_ext_hat_filtered: [f64; 7],
}

/// A sensor, by its place in the sequence of random numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sensor {
    Position,
    Velocity,
    Torque,
    External,
}

/// The moment of a state, as far as its noise depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub motion: u64,
    pub cycle: u64,
}

impl Moment {
    /// Returns the moment a millisecond before, or this one if it is the first.
    pub fn before(self) -> Moment {
        Moment {
            cycle: self.cycle.saturating_sub(1),
            ..self
        }
    }
}

impl Noise {
    /// Whether there is any noise.
    pub(crate) fn is_on(&self) -> bool {
        *self
            != Noise {
                seed: self.seed,
                ..Noise::default()
            }
    }

    /// Returns the noise of a sensor's seven values.
    pub(crate) fn of(&self, sensor: Sensor, moment: Moment) -> Joints {
        let deviation = match sensor {
            Sensor::Position => &self.q,
            Sensor::Velocity => &self.dq,
            Sensor::Torque => &self.tau_J,
            Sensor::External => &self.tau_ext_hat_filtered,
        };
        let moment = mixed(mixed(self.seed ^ mixed(moment.motion)) ^ moment.cycle);
        std::array::from_fn(|joint| {
            if deviation[joint] == 0.0 {
                return 0.0;
            }
            let value = 8 * sensor as u64 + joint as u64;
            deviation[joint] * normal(mixed(moment ^ mixed(value)))
        })
    }

    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        let checked = [
            ("noise.q", &self.q, 0.01, "rad"),
            ("noise.dq", &self.dq, 0.5, "rad/s"),
            ("noise.tau_J", &self.tau_J, 5.0, "N m"),
            (
                "noise.tau_ext_hat_filtered",
                &self.tau_ext_hat_filtered,
                5.0,
                "N m",
            ),
        ];
        for (option, deviations, most, unit) in checked {
            let wrong = |deviation: &&f64| !(0.0..=most).contains(*deviation);
            if let Some(deviation) = deviations.iter().find(wrong) {
                return Err(SimulatorError::Option {
                    option,
                    received: format!("{} {unit}", rounded(*deviation)),
                    expected: format!("standard deviations from 0 to {} {unit}", rounded(most)),
                });
            }
        }
        Ok(())
    }
}

/// Mixes the bits of a number (SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Returns a random number with a mean of 0 and a standard deviation of 1, close to a normal distribution and
/// between -6 and 6: the sum of twelve numbers of 16 bits. It takes no function of the system's mathematical
/// library, so it is the same on each machine.
fn normal(random: u64) -> f64 {
    let pieces = [random, mixed(random), mixed(!random)];
    let sum: u64 = pieces
        .iter()
        .flat_map(|piece| (0..4).map(move |part| (piece >> (16 * part)) & 0xffff))
        .sum();
    (sum as f64 - 6.0 * 65_535.0) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 20_000;

    fn noise(seed: u64) -> Noise {
        Noise {
            seed,
            q: [1e-4; 7],
            tau_J: [0.005; 7],
            ..Noise::default()
        }
    }

    fn values(noise: &Noise, sensor: Sensor, joint: usize) -> Vec<f64> {
        let moment = |cycle| Moment { motion: 1, cycle };
        (0..MOST)
            .map(|cycle| noise.of(sensor, moment(cycle))[joint])
            .collect()
    }

    fn correlation(one: &[f64], other: &[f64]) -> f64 {
        let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        product(one, other) / (product(one, one) * product(other, other)).sqrt()
    }

    #[test]
    fn noise_has_the_deviation_that_was_asked_for_and_no_offset() {
        for (sensor, deviation) in [(Sensor::Position, 1e-4), (Sensor::Torque, 0.005)] {
            let values = values(&noise(3), sensor, 6);
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / count;
            assert!(mean.abs() < 0.03 * deviation, "{mean}");
            let ratio = variance.sqrt() / deviation;
            assert!((0.97..1.03).contains(&ratio), "{ratio}");
            let beyond = values.iter().filter(|value| value.abs() > 2.0 * deviation);
            let share = beyond.count() as f64 / count;
            // 4.6 % of a normal distribution.
            assert!((0.038..0.054).contains(&share), "{share}");
        }
    }

    #[test]
    fn joints_sensors_seeds_and_neighbouring_cycles_have_nothing_in_common() {
        let one = values(&noise(3), Sensor::Position, 0);
        let next: Vec<f64> = one.iter().skip(1).copied().chain([0.0]).collect();
        let others = [
            values(&noise(3), Sensor::Position, 1),
            values(&noise(3), Sensor::Torque, 0),
            values(&noise(4), Sensor::Position, 0),
            next,
        ];
        for other in others {
            let common = correlation(&one, &other);
            assert!(common.abs() < 0.03, "{common}");
        }
        assert_eq!(one, values(&noise(3), Sensor::Position, 0));
    }

    #[test]
    fn a_sensor_without_noise_is_exact() {
        let moment = Moment {
            motion: 0,
            cycle: 9,
        };
        assert_eq!(noise(3).of(Sensor::Velocity, moment), [0.0; 7]);
        assert!(
            !Noise {
                seed: 9,
                ..Noise::default()
            }
            .is_on()
        );
        assert!(noise(0).is_on());
    }

    #[test]
    fn refuses_noise_that_is_no_deviation() {
        for wrong in [-1e-5, 0.011, f64::NAN] {
            let mut noise = noise(0);
            noise.q[4] = wrong;
            let refused = noise.validate().unwrap_err();
            assert_eq!(refused.code(), "SIM_OPTION");
            assert!(refused.to_string().contains("noise.q"), "{refused}");
        }
        noise(0).validate().unwrap();
    }
}
