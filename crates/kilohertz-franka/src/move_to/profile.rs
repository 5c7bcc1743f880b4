//! The fastest motion from rest to rest within limits of velocity, acceleration and jerk.
//!
//! These are the well-known seven segments: jerk up, hold, down, cruise, and the first three mirrored.
//! Limits of the continuous motion also hold for its differences over a cycle, because each difference is a
//! mean of the derivative.

use kilohertz_core::limits::confined;

/// Limits of a motion along its way, in units of the way and seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub velocity: f64,
    pub acceleration: f64,
    pub jerk: f64,
}

/// A motion along a way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profile {
    way: f64,
    jerk: f64,
    /// How long the acceleration rises, and how long it falls again [s].
    rising: f64,
    /// How long the acceleration is constant in between [s].
    constant: f64,
    /// How long the velocity is constant [s].
    cruising: f64,
}

impl Profile {
    /// Creates the fastest motion over the distance `way`, not below zero, within `bounds`, which are above
    /// zero.
    pub fn new(way: f64, bounds: &Bounds) -> Profile {
        let Bounds {
            velocity,
            acceleration,
            jerk,
        } = *bounds;
        // The acceleration phase up to full velocity.
        let rising = (acceleration / jerk).min((velocity / jerk).sqrt());
        let constant = (velocity / acceleration - rising).max(0.0);
        let left = way - velocity * (2.0 * rising + constant);
        if left >= 0.0 {
            return Profile {
                way,
                jerk,
                rising,
                constant,
                cruising: left / velocity,
            };
        }
        // Up to full acceleration only: way = acceleration (rising + constant) (2 rising + constant).
        let rising = acceleration / jerk;
        let constant = ((rising * rising + 4.0 * way / acceleration).sqrt() - 3.0 * rising) / 2.0;
        let (rising, constant) = if constant >= 0.0 {
            (rising, constant)
        } else {
            ((way / (2.0 * jerk)).cbrt(), 0.0)
        };
        Profile {
            way,
            jerk,
            rising,
            constant,
            cruising: 0.0,
        }
    }

    /// Returns how long the motion takes [s].
    pub fn duration(&self) -> f64 {
        4.0 * self.rising + 2.0 * self.constant + self.cruising
    }

    /// Returns how far along the way the motion is at `time` [s].
    pub fn at(&self, time: f64) -> f64 {
        let duration = self.duration();
        if time >= duration {
            return self.way;
        }
        if time > duration / 2.0 {
            self.way - self.first_half(duration - time)
        } else {
            self.first_half(time.max(0.0))
        }
    }

    fn first_half(&self, time: f64) -> f64 {
        let Profile {
            jerk,
            rising,
            constant,
            ..
        } = *self;
        let acceleration = jerk * rising;
        let peak = acceleration * (rising + constant);
        let risen = time.min(rising);
        let mut way = jerk * risen.powi(3) / 6.0;
        let held = confined(time - rising, 0.0, constant);
        let reached = acceleration * rising / 2.0;
        way += reached * held + acceleration * held * held / 2.0;
        let fallen = confined(time - rising - constant, 0.0, rising);
        let reached = acceleration * (rising / 2.0 + constant);
        way +=
            reached * fallen + acceleration * fallen * fallen / 2.0 - jerk * fallen.powi(3) / 6.0;
        way + peak * (time - 2.0 * rising - constant).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1e-3;

    fn kinds() -> Vec<(f64, Bounds)> {
        let bounds = |velocity, acceleration, jerk| Bounds {
            velocity,
            acceleration,
            jerk,
        };
        let mut kinds = Vec::new();
        for way in [0.0, 1e-6, 1e-3, 0.05, 0.5, 3.0] {
            for bounds in [
                bounds(2.0, 10.0, 500.0),
                bounds(0.2, 10.0, 500.0),
                bounds(2.0, 1.0, 500.0),
                bounds(2.0, 10.0, 5.0),
                bounds(0.01, 0.02, 0.05),
            ] {
                kinds.push((way, bounds));
            }
        }
        kinds
    }

    #[test]
    fn each_way_is_gone_within_its_bounds_and_ends_at_rest() {
        for (way, bounds) in kinds() {
            let profile = Profile::new(way, &bounds);
            let cycles = (profile.duration() / DT).ceil() as i32 + 3;
            let at = |cycle: i32| profile.at(f64::from(cycle) * DT);
            let what = format!("{way} within {bounds:?}");
            let near = 1.0 + 1e-6;
            for cycle in 0..cycles {
                let [a, b, c, d] = [-3, -2, -1, 0].map(|back| at(cycle + back));
                let velocity = (d - c) / DT;
                let acceleration = (d - 2.0 * c + b) / DT.powi(2);
                let jerk = (d - 3.0 * c + 3.0 * b - a) / DT.powi(3);
                assert!(velocity >= -1e-9, "{what} goes back");
                assert!(velocity <= bounds.velocity * near, "{what}: {velocity}");
                assert!(
                    acceleration.abs() <= bounds.acceleration * near + 1e-6,
                    "{what}: {acceleration}"
                );
                assert!(jerk.abs() <= bounds.jerk * near + 1e-3, "{what}: {jerk}");
            }
            assert_eq!(at(cycles), way, "{what}");
            assert!(at(-5) == 0.0, "{what}");
        }
    }

    #[test]
    fn bounds_that_are_none_make_nothing_panic() {
        let no_bounds = [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e308, f64::MIN_POSITIVE];
        for way in [0.0, 1.0, f64::NAN, f64::INFINITY] {
            for velocity in no_bounds {
                for jerk in no_bounds {
                    let acceleration = 1.0;
                    let profile = Profile::new(
                        way,
                        &Bounds {
                            velocity,
                            acceleration,
                            jerk,
                        },
                    );
                    for time in [0.0, 0.1, 1e9, f64::NAN] {
                        profile.at(time);
                    }
                }
            }
        }
    }

    #[test]
    fn no_bound_can_be_kept_in_less_time() {
        for (way, bounds) in kinds().into_iter().filter(|(way, _)| *way > 0.0) {
            let duration = Profile::new(way, &bounds).duration();
            // Each bound by itself gives a shortest time.
            let least = (way / bounds.velocity)
                .max(2.0 * (way / bounds.acceleration).sqrt())
                .max(4.0 * (way / (2.0 * bounds.jerk)).cbrt());
            assert!(duration >= least * (1.0 - 1e-9), "{way} {bounds:?}");
            // Further bounds cost at most the time of their own phases.
            let phases = bounds.velocity / bounds.acceleration + bounds.acceleration / bounds.jerk;
            assert!(duration <= least + phases + 1e-9, "{way} {bounds:?}");
        }
    }

    #[test]
    fn an_independent_generator_is_no_faster() {
        for (way, bounds) in kinds().into_iter().filter(|(way, _)| *way > 1e-3) {
            let profile = Profile::new(way, &bounds);
            let limits = franka::otg::OtgLimits {
                max_velocity: bounds.velocity,
                max_acceleration: bounds.acceleration,
                max_jerk: bounds.jerk,
            };
            let mut otg = franka::otg::Otg::new(0.0, limits).unwrap();
            otg.set_target(way).unwrap();
            let mut cycles = 0;
            while (otg.step(DT) - way).abs() > 1e-9 * way {
                cycles += 1;
                assert!(cycles < 1_000_000);
            }
            let theirs = f64::from(cycles) * DT;
            let ours = profile.duration();
            let off = (theirs - ours).abs();
            assert!(
                off < 0.01 * ours + 5.0 * DT,
                "{way} {bounds:?}: {ours}, {theirs}"
            );
        }
    }
}
