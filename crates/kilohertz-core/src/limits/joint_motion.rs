//! The commanded motion of one joint within its limits of position, velocity, acceleration and jerk.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::limits::comparing::{confined, exceeds};

/// The rounding error of a velocity that was computed to be at its limit [rad/s].
const ROUNDING: f64 = 1e-9;

/// How one joint may move.
///
/// Towards the ends of its range the velocity is bounded by a braking curve, `sqrt(2 deceleration (upper -
/// position)) - margin`, so that a joint that stays below it can stop in time. Standing still and moving
/// back into the range are allowed everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointBounds {
    /// Lowest position [rad].
    pub lower: f64,
    /// Highest position [rad].
    pub upper: f64,
    /// Highest velocity, either way [rad/s].
    pub velocity: f64,
    /// How far the velocity stays below the braking curve [rad/s].
    pub margin: f64,
    /// The deceleration of the braking curve [rad/s^2].
    pub deceleration: f64,
    /// Highest acceleration, either way [rad/s^2].
    pub acceleration: f64,
    /// Highest jerk, either way [rad/s^3].
    pub jerk: f64,
}

impl JointBounds {
    /// Returns these bounds scaled down for commands that this package makes by itself. Their braking curve
    /// leaves some of the acceleration for staying below the curve.
    pub fn share(self, velocity: f64, acceleration: f64, jerk: f64) -> JointBounds {
        const BRAKING: f64 = 0.85;
        let acceleration = self.acceleration * acceleration;
        JointBounds {
            velocity: self.velocity * velocity,
            deceleration: self.deceleration.min(BRAKING * acceleration),
            acceleration,
            jerk: self.jerk * jerk,
            ..self
        }
    }

    /// Returns the highest velocity at `position` [rad/s], not below zero.
    pub fn upper_velocity(&self, position: f64) -> f64 {
        self.braked_within(self.upper - position)
    }

    /// Returns the lowest velocity at `position` [rad/s], not above zero.
    pub fn lower_velocity(&self, position: f64) -> f64 {
        -self.braked_within(position - self.lower)
    }

    /// Returns the highest velocity at the distance `left` from the end of the range [rad/s], not below
    /// zero.
    fn braked_within(&self, left: f64) -> f64 {
        let braking = (2.0 * self.deceleration * left.max(0.0)).sqrt() - self.margin;
        self.velocity.min(braking).max(0.0)
    }

    /// Returns the lowest and the highest position that can be reached [rad]: there the velocity bound is
    /// zero.
    pub fn reach(&self) -> (f64, f64) {
        let last = self.margin * self.margin / (2.0 * self.deceleration);
        (self.lower + last, self.upper - last)
    }

    /// Returns these bounds with up and down exchanged.
    fn mirrored(&self) -> JointBounds {
        JointBounds {
            lower: -self.upper,
            upper: -self.lower,
            ..*self
        }
    }
}

/// The commanded motion of one joint, advanced in steps of one cycle.
///
/// Commanded position, velocity and acceleration are related as the robot relates them: each velocity is
/// the difference of two positions divided by the cycle, each acceleration the difference of two velocities
/// divided by the cycle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JointMotion {
    /// Commanded position [rad].
    pub position: f64,
    /// Commanded velocity [rad/s].
    pub velocity: f64,
    /// Commanded acceleration [rad/s^2].
    pub acceleration: f64,
}

impl JointMotion {
    /// Returns the motion one cycle of `dt` seconds later, at `velocity`.
    pub fn with_velocity(self, velocity: f64, dt: f64) -> JointMotion {
        JointMotion {
            position: self.position + velocity * dt,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// Returns the motion one cycle of `dt` seconds later, at `position`.
    pub fn with_position(self, position: f64, dt: f64) -> JointMotion {
        let velocity = (position - self.position) / dt;
        JointMotion {
            position,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// Returns the motion one cycle of `dt` seconds later, after `acceleration` during that cycle.
    fn with_acceleration(self, acceleration: f64, dt: f64) -> JointMotion {
        let velocity = self.velocity + acceleration * dt;
        JointMotion {
            position: self.position + velocity * dt,
            velocity,
            acceleration,
        }
    }

    fn mirrored(self) -> JointMotion {
        JointMotion {
            position: -self.position,
            velocity: -self.velocity,
            acceleration: -self.acceleration,
        }
    }

    /// Returns the jerk of the step from `self` to `next` [rad/s^3].
    pub fn jerk_to(self, next: JointMotion, dt: f64) -> f64 {
        (next.acceleration - self.acceleration) / dt
    }

    /// Returns the first velocity that breaks the velocity bounds if the joint makes the step to `next`,
    /// and the bound at that place. The velocity may break them in this step or later, even if the joint is
    /// braked as hard as possible after `next`.
    #[inline]
    pub fn too_fast(self, next: JointMotion, bounds: &JointBounds, dt: f64) -> Option<(f64, f64)> {
        if self.is_slow(next, bounds, dt) {
            return None;
        }
        self.too_fast_either_way(next, bounds, dt)
    }

    fn too_fast_either_way(
        self,
        next: JointMotion,
        bounds: &JointBounds,
        dt: f64,
    ) -> Option<(f64, f64)> {
        let upwards = self.too_fast_upwards(next, bounds, dt);
        upwards.or_else(|| {
            let (from, to) = (self.mirrored(), next.mirrored());
            from.too_fast_upwards(to, &bounds.mirrored(), dt)
                .map(|(velocity, bound)| (-velocity, -bound))
        })
    }

    fn too_fast_upwards(
        self,
        next: JointMotion,
        bounds: &JointBounds,
        dt: f64,
    ) -> Option<(f64, f64)> {
        let mut place = self.position;
        let mut motion = next;
        loop {
            let bound = bounds.upper_velocity(place);
            if exceeds(motion.velocity, bound + ROUNDING) {
                return Some((motion.velocity, bound));
            }
            // From here on the velocity falls as fast as the bound does, or it is not upwards and will not
            // become so.
            let comes_back = motion.velocity <= 0.0 && motion.acceleration > 0.0;
            if motion.acceleration <= -bounds.acceleration || motion.velocity <= 0.0 && !comes_back
            {
                return None;
            }
            place = motion.position;
            // The acceleration is within its limit from here on, so the loop ends.
            let harder = (motion.acceleration - bounds.jerk * dt).min(bounds.acceleration);
            motion = motion.with_acceleration(harder.max(-bounds.acceleration), dt);
        }
    }

    /// Returns true if the step to `next` is certainly not too fast: the highest velocity that the joint
    /// can reach before it decelerates fully is allowed even at the outermost place that it can reach by
    /// then. `false` does not mean that the step is too fast.
    #[inline]
    fn is_slow(self, next: JointMotion, bounds: &JointBounds, dt: f64) -> bool {
        // From the first step on the acceleration falls at the jerk limit. Until it is zero the velocity
        // rises by no more than this, and after `cycles` cycles the acceleration is at its lower limit.
        let rising = next.acceleration.abs();
        let fastest = next.velocity.abs() + rising * rising / (2.0 * bounds.jerk);
        let cycles = (rising + bounds.acceleration) / (bounds.jerk * dt) + 2.0;
        let way = fastest * cycles * dt;
        let lowest = self.position.min(next.position) - way;
        let highest = self.position.max(next.position) + way;
        let left = (bounds.upper - highest).min(lowest - bounds.lower);
        fastest <= bounds.braked_within(left)
    }

    /// Returns the motion one cycle later, with an acceleration as close to `wanted` as `bounds` allow.
    /// From there the joint can always be braked within `bounds`.
    pub fn accelerated(self, wanted: f64, bounds: &JointBounds, dt: f64) -> JointMotion {
        let change = bounds.jerk * dt;
        let limit = bounds.acceleration;
        let within = |value: f64| {
            let (lowest, highest) = (self.acceleration - change, self.acceleration + change);
            confined(confined(value, -limit, limit), lowest, highest)
        };
        let wanted = within(wanted);
        let (lowest, highest) = (within(f64::MIN), within(f64::MAX));
        let lowered = self.lowered(lowest, wanted, bounds, dt);
        // In the mirrored motion, raising is lowering. If both directions are too fast there is no right
        // answer: then the joint is braked.
        let raised = -self
            .mirrored()
            .lowered(-highest, -wanted, &bounds.mirrored(), dt);
        let acceleration = match (lowered < wanted, raised > wanted) {
            (false, false) => wanted,
            (true, false) => lowered,
            (false, true) => raised,
            (true, true) => within(-self.velocity / dt),
        };
        self.with_acceleration(acceleration, dt)
    }

    /// Returns the highest acceleration from `lowest` to `wanted` that is not too fast upwards; `lowest` if
    /// all of them are too fast.
    fn lowered(self, lowest: f64, wanted: f64, bounds: &JointBounds, dt: f64) -> f64 {
        let allowed = |acceleration: f64| {
            let next = self.with_acceleration(acceleration, dt);
            self.is_slow(next, bounds, dt) || self.too_fast_upwards(next, bounds, dt).is_none()
        };
        if allowed(wanted) {
            return wanted;
        }
        // A higher acceleration makes every later velocity higher. So there is one value up to which
        // accelerations are allowed, and bisection finds it.
        let (mut low, mut high) = (lowest, wanted);
        for _ in 0..24 {
            let middle = 0.5 * (low + high);
            if allowed(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns the motion one cycle later, changed towards `velocity` within `bounds`.
    ///
    /// The acceleration is proportional to the difference in velocity, with the gain jerk / acceleration.
    /// Close to the target it therefore decreases exactly as fast as the jerk limit allows, without
    /// overshoot. The shape is that of libfranka's `limitRate` for joint velocities.
    pub fn towards_velocity(self, velocity: f64, bounds: &JointBounds, dt: f64) -> JointMotion {
        let target = confined(
            velocity,
            bounds.lower_velocity(self.position),
            bounds.upper_velocity(self.position),
        );
        let gain = bounds.jerk / bounds.acceleration;
        self.accelerated((target - self.velocity) * gain, bounds, dt)
    }

    /// Returns the motion one cycle later, changed towards `position`, which itself moves at `velocity`,
    /// within `bounds`.
    ///
    /// The joint aims for the target's velocity plus the highest velocity from which it can still brake in
    /// the remaining distance at `BRAKING` times the acceleration limit. Near the target this becomes a
    /// proportional law, slower than the velocity law by the factor `SLOWER`, so that the approach ends
    /// without overshoot.
    pub fn towards_position(
        self,
        position: f64,
        velocity: f64,
        bounds: &JointBounds,
        dt: f64,
    ) -> JointMotion {
        const BRAKING: f64 = 0.6;
        const SLOWER: f64 = 6.0;
        // With a gain above this [1/s], one cycle is too long a step.
        const STEEPEST: f64 = 60.0;
        let gain = (bounds.jerk / bounds.acceleration / SLOWER).min(STEEPEST);
        let missing = position - (self.position + self.velocity * dt);
        let brake = BRAKING * bounds.acceleration;
        let knee = brake / (gain * gain);
        let approach = if missing.abs() <= knee {
            gain * missing
        } else {
            (2.0 * brake * (missing.abs() - knee / 2.0)).sqrt() * missing.signum()
        };
        self.towards_velocity(velocity + approach, bounds, dt)
    }

    /// Returns true if the motion is slow enough to count as rest, for a command.
    pub fn is_at_rest(self) -> bool {
        self.velocity.abs() < 1e-4 && self.acceleration.abs() < 0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1e-3;
    const BOUNDS: JointBounds = JointBounds {
        lower: -100.0,
        upper: 100.0,
        velocity: 2.0,
        margin: 0.2,
        deceleration: 6.0,
        acceleration: 10.0,
        jerk: 5_000.0,
    };

    /// Joints of different kinds. The last ones change their acceleration slowly.
    fn joints() -> Vec<JointBounds> {
        let joint = |velocity, margin, deceleration, acceleration, jerk| JointBounds {
            lower: -1.0,
            upper: 0.4,
            velocity,
            margin,
            deceleration,
            acceleration,
            jerk,
        };
        [
            joint(2.62, 0.3, 6.0, 10.0, 5_000.0),
            joint(2.62, 0.2, 2.585, 10.0, 5_000.0),
            joint(5.26, 0.35, 17.0, 10.0, 5_000.0),
            joint(2.1, 0.05, 12.0, 15.0, 7_500.0),
            joint(1.0, 0.3, 6.0, 4.0, 300.0),
            joint(0.5, 0.2, 3.0, 1.0, 40.0),
        ]
        .map(|bounds| bounds.share(1.0, 0.95, 0.95))
        .to_vec()
    }

    /// A small generator of random numbers from -1 to 1.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }
    }

    /// Asserts that the step keeps every bound, up to rounding.
    fn assert_within(from: JointMotion, to: JointMotion, bounds: &JointBounds) {
        let what = format!("{from:?} to {to:?} under {bounds:?}");
        assert!(
            to.velocity <= bounds.upper_velocity(from.position) + 1e-8,
            "{what}"
        );
        assert!(
            to.velocity >= bounds.lower_velocity(from.position) - 1e-8,
            "{what}"
        );
        assert!(
            to.acceleration.abs() <= bounds.acceleration + 1e-6,
            "{what}"
        );
        assert!(from.jerk_to(to, DT).abs() <= bounds.jerk + 1e-3, "{what}");
        assert!(
            to.position <= bounds.upper && to.position >= bounds.lower,
            "{what}"
        );
    }

    #[test]
    fn what_is_slow_at_a_first_look_can_always_be_braked() {
        let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
        let (mut slow, mut fast) = (0, 0);
        for bounds in joints() {
            for _ in 0..60_000 {
                let mut within = |most: f64| 1.3 * most * numbers.next();
                let from = JointMotion {
                    position: within(1.0),
                    velocity: within(bounds.velocity),
                    acceleration: within(bounds.acceleration),
                };
                let next = from.with_acceleration(within(bounds.acceleration), DT);
                match from.too_fast_either_way(next, &bounds, DT) {
                    Some(_) => {
                        fast += 1;
                        assert!(
                            !from.is_slow(next, &bounds, DT),
                            "{from:?} to {next:?} under {bounds:?}"
                        );
                    }
                    None => slow += i32::from(from.is_slow(next, &bounds, DT)),
                }
            }
        }
        assert!(
            slow > 20_000 && fast > 20_000,
            "{slow} slow, {fast} too fast"
        );
        let unknown = JointMotion {
            acceleration: f64::NAN,
            ..JointMotion::default()
        };
        assert!(!unknown.is_slow(unknown, &joints()[0], DT));
    }

    #[test]
    fn whatever_is_wanted_no_step_leaves_any_limit() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for bounds in joints() {
            let mut motion = JointMotion::default();
            let (mut kind, mut wanted, mut left) = (0, 0.0, 0);
            for _ in 0..60_000 {
                if left == 0 {
                    kind = ((numbers.next() + 1.0) * 1.99) as u32;
                    wanted = numbers.next();
                    left = (numbers.next().abs() * 400.0) as u32 + 1;
                }
                left -= 1;
                let next = match kind {
                    0 => motion.towards_velocity(8.0 * wanted, &bounds, DT),
                    1 => motion.towards_position(2.0 * wanted, 0.0, &bounds, DT),
                    2 => motion.accelerated(30.0 * wanted, &bounds, DT),
                    // A different acceleration in each cycle, far beyond what is possible.
                    _ => motion.accelerated(1e4 * numbers.next(), &bounds, DT),
                };
                assert_within(motion, next, &bounds);
                motion = next;
            }
        }
    }

    #[test]
    fn driven_against_the_end_of_its_range_a_joint_comes_to_rest_there() {
        for bounds in joints() {
            for (velocity, end) in [(9.0, bounds.reach().1), (-9.0, bounds.reach().0)] {
                let mut motion = JointMotion::default();
                for _ in 0..20_000 {
                    let next = motion.towards_velocity(velocity, &bounds, DT);
                    assert_within(motion, next, &bounds);
                    motion = next;
                }
                assert!(
                    (motion.position - end).abs() < 1e-3,
                    "{motion:?} is not at {end}"
                );
                assert!(motion.velocity.abs() < 1e-3, "{motion:?} still moves");
            }
        }
    }

    #[test]
    fn beyond_its_range_a_joint_may_stand_and_go_back() {
        let bounds = joints()[0];
        let beyond = JointMotion {
            position: bounds.upper + 0.01,
            ..JointMotion::default()
        };
        let stands = beyond.towards_velocity(0.0, &bounds, DT);
        assert_eq!(stands, beyond);
        assert_eq!(beyond.towards_velocity(1.0, &bounds, DT).velocity, 0.0);
        assert!(beyond.towards_velocity(-1.0, &bounds, DT).velocity < 0.0);
    }

    #[test]
    fn comes_to_rest_within_the_limits_from_any_motion() {
        for velocity in [-2.0, -0.5, -0.01, 0.3, 2.0] {
            for acceleration in [-10.0, -3.0, 0.0, 7.0, 10.0] {
                let mut motion = JointMotion {
                    position: 0.0,
                    velocity,
                    acceleration,
                };
                let mut steps = 0;
                while !motion.is_at_rest() {
                    let next = motion.towards_velocity(0.0, &BOUNDS, DT);
                    // An outward acceleration at the velocity limit cannot be undone in one step.
                    let jerk = motion.jerk_to(next, DT);
                    assert!(next.acceleration.abs() <= 10.0 + 1e-6 && jerk.abs() <= 5_000.0 + 1e-3);
                    motion = next;
                    steps += 1;
                    assert!(steps < 400, "{motion:?} still moves");
                }
            }
        }
    }

    #[test]
    fn reaches_a_far_velocity_without_overshoot() {
        let mut motion = JointMotion::default();
        for _ in 0..400 {
            let next = motion.towards_velocity(1.5, &BOUNDS, DT);
            assert_within(motion, next, &BOUNDS);
            assert!(next.velocity <= 1.5 + 1e-9);
            motion = next;
        }
        assert!((motion.velocity - 1.5).abs() < 1e-6);
    }

    #[test]
    fn catches_a_moving_position_and_stays_on_it() {
        let mut motion = JointMotion::default();
        let mut target = 0.4;
        for step in 0..4_000 {
            target += 0.3 * DT;
            let next = motion.towards_position(target, 0.3, &BOUNDS, DT);
            assert_within(motion, next, &BOUNDS);
            motion = next;
            if step > 2_000 {
                assert!(
                    (motion.position - target).abs() < 1e-4,
                    "off by {}",
                    motion.position - target
                );
            }
        }
    }

    #[test]
    fn reaches_a_position_without_passing_it_however_small_the_limits() {
        for (velocity, acceleration, jerk) in [
            (2.0, 10.0, 5_000.0),
            (2.0, 10.0, 200.0),
            (1.0, 5.0, 500.0),
            (0.5, 2.0, 20.0),
            (0.2, 0.5, 1_000.0),
        ] {
            let bounds = JointBounds {
                velocity,
                acceleration,
                jerk,
                ..BOUNDS
            };
            for target in [0.002, 0.05, 0.6, 2.0] {
                // The bound is four times the duration of the time-optimal motion, plus time for the slow
                // end of ours.
                let optimal = target / velocity
                    + 2.0 * velocity.min((target * acceleration).sqrt()) / acceleration
                    + 2.0 * acceleration / jerk;
                let limit = 4.0 * optimal + 40.0 * acceleration / jerk + 0.2;
                let mut motion = JointMotion::default();
                let mut steps = 0;
                while (motion.position - target).abs() > 1e-5 || motion.velocity.abs() > 1e-3 {
                    let next = motion.towards_position(target, 0.0, &bounds, DT);
                    assert_within(motion, next, &bounds);
                    assert!(
                        next.position < target + 1e-3,
                        "{next:?} passed {target}, {bounds:?}"
                    );
                    motion = next;
                    steps += 1;
                    assert!(
                        f64::from(steps) * DT < limit,
                        "{motion:?} is not at {target} after {limit} s, {bounds:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn says_when_a_joint_could_not_be_braked_in_time() {
        let bounds = joints()[0];
        // At the end of the flat part, at full speed: going on is too fast although no bound is broken yet.
        let corner = {
            let mut place = -1.0;
            while bounds.upper_velocity(place) >= bounds.velocity - 1e-3 || place < -0.5 {
                place += 1e-4;
            }
            place
        };
        let motion = JointMotion {
            position: corner,
            velocity: bounds.upper_velocity(corner) - 0.004,
            acceleration: 0.0,
        };
        let on = motion.with_velocity(motion.velocity + 0.0039, DT);
        assert!(on.velocity < bounds.upper_velocity(motion.position));
        assert!(motion.too_fast(on, &bounds, DT).is_some());
        let braked = motion.with_velocity(motion.velocity - 0.004, DT);
        assert_eq!(motion.too_fast(braked, &bounds, DT), None);
    }

    #[test]
    fn any_motion_however_wrong_is_gone_on_with_without_a_panic() {
        let wrong = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE / 2.0,
            -1e300,
            0.0,
            3.0,
        ];
        let bounds = joints()[0];
        for position in wrong {
            for velocity in wrong {
                for acceleration in wrong {
                    let motion = JointMotion {
                        position,
                        velocity,
                        acceleration,
                    };
                    for wanted in wrong {
                        motion.accelerated(wanted, &bounds, DT);
                        motion.towards_velocity(wanted, &bounds, DT);
                        motion.towards_position(wanted, velocity, &bounds, DT);
                    }
                    if velocity.is_nan() {
                        let next = motion.with_velocity(velocity, DT);
                        assert!(motion.too_fast(next, &bounds, DT).is_some());
                    }
                    if velocity.is_nan() || acceleration.is_nan() {
                        assert!(!motion.is_at_rest());
                    }
                }
            }
        }
    }

    #[test]
    fn a_share_of_the_bounds_is_of_velocity_acceleration_and_jerk_and_keeps_the_range() {
        let bounds = JointBounds {
            deceleration: 9.0,
            ..BOUNDS
        };
        let share = bounds.share(0.5, 0.25, 0.1);
        let expected = JointBounds {
            velocity: 1.0,
            acceleration: 2.5,
            jerk: 500.0,
            // The deceleration of the braking curve is below the acceleration limit.
            deceleration: 0.85 * 2.5,
            ..bounds
        };
        assert_eq!(share, expected);
        assert_eq!(bounds.share(1.0, 1.0, 1.0).deceleration, 8.5);
        let gentle = JointBounds {
            deceleration: 2.0,
            ..bounds
        };
        assert_eq!(gentle.share(1.0, 1.0, 1.0).deceleration, 2.0);
    }

    /// The joint moves away from the lower end and is braked hard; without a bound it would then swing back
    /// too fast.
    #[test]
    fn an_acceleration_that_outlasts_the_velocity_is_braked_in_time_too() {
        let bounds = JointBounds {
            lower: -1.0,
            upper: 1.0,
            velocity: 0.02,
            margin: 0.3,
            deceleration: 0.5,
            acceleration: 1.0,
            jerk: 10.0,
        };
        let mut motion = JointMotion {
            position: bounds.reach().0 + 1e-4,
            ..JointMotion::default()
        };
        for cycle in 0..2_000 {
            let wanted = if cycle % 200 < 100 { 1.0 } else { -1.0 };
            let next = motion.accelerated(wanted, &bounds, DT);
            assert_within(motion, next, &bounds);
            motion = next;
        }
    }

    #[test]
    fn a_motion_is_advanced_by_a_velocity_or_a_position_and_its_jerk_is_told() {
        let motion = JointMotion {
            position: 1.0,
            velocity: 2.0,
            acceleration: -3.0,
        };
        let faster = JointMotion {
            position: 1.25,
            velocity: 2.5,
            acceleration: 5.0,
        };
        assert_eq!(motion.with_velocity(2.5, 0.1), faster);
        let there = motion.with_position(1.25, 0.1);
        for (value, expected) in [
            (there.position, 1.25),
            (there.velocity, 2.5),
            (there.acceleration, 5.0),
        ] {
            assert!((value - expected).abs() < 1e-9, "{there:?}");
        }
        assert_eq!(motion.jerk_to(faster, 0.1), 80.0);
    }

    #[test]
    fn a_mirror_exchanges_up_and_down() {
        let bounds = JointBounds {
            lower: -1.0,
            upper: 0.4,
            ..BOUNDS
        };
        let mirrored = bounds.mirrored();
        assert_eq!((mirrored.lower, mirrored.upper), (-0.4, 1.0));
        assert_eq!(mirrored.mirrored(), bounds);
        let motion = JointMotion {
            position: 1.0,
            velocity: -2.0,
            acceleration: 3.0,
        };
        let turned = JointMotion {
            position: -1.0,
            velocity: 2.0,
            acceleration: -3.0,
        };
        assert_eq!(motion.mirrored(), turned);
    }

    #[test]
    fn what_is_too_fast_is_told_with_its_sign_and_its_bound_either_way() {
        let motion = JointMotion::default();
        for sign in [1.0, -1.0] {
            let too_fast = motion.with_velocity(sign * 3.0, DT);
            let told = motion.too_fast(too_fast, &BOUNDS, DT);
            assert_eq!(told, Some((sign * 3.0, sign * BOUNDS.velocity)));
        }
    }

    #[test]
    fn at_its_highest_velocity_a_joint_stays_there() {
        let bounds = JointBounds {
            lower: -100.0,
            upper: 100.0,
            ..BOUNDS
        };
        for sign in [1.0, -1.0] {
            let mut motion = JointMotion::default();
            for cycle in 0..2_000 {
                motion = motion.accelerated(sign * 1e4, &bounds, DT);
                if cycle > 1_000 {
                    assert!(
                        sign * motion.velocity > 0.999 * bounds.velocity,
                        "{motion:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn where_both_ways_are_too_fast_the_velocity_there_is_comes_first() {
        let bounds = JointBounds {
            lower: -0.1,
            upper: 0.1,
            acceleration: 20.0,
            jerk: 1.0,
            ..BOUNDS
        };
        for sign in [1.0, -1.0] {
            // The joint is too fast already, and on its way back it becomes too fast in the other
            // direction.
            let motion = JointMotion {
                position: sign * 0.2,
                velocity: sign * 0.05,
                acceleration: -sign * 10.0,
            };
            let next = motion.accelerated(motion.acceleration, &bounds, DT);
            let harder = -sign * (10.0 + bounds.jerk * DT);
            assert!((next.acceleration - harder).abs() < 1e-9, "{next:?}");
        }
    }

    #[test]
    fn far_from_its_target_a_joint_moves_as_fast_as_it_can_still_brake_from() {
        let (gain, brake) = (60.0, 0.6 * BOUNDS.acceleration);
        let knee = brake / (gain * gain);
        for velocity in [0.2, 0.7, 1.5] {
            let motion = JointMotion {
                velocity,
                ..JointMotion::default()
            };
            let missing = velocity * velocity / (2.0 * brake) + knee / 2.0;
            let target = missing + velocity * DT;
            let next = motion.towards_position(target, 0.0, &BOUNDS, DT);
            assert!(next.acceleration.abs() < 1e-6, "{next:?}");
        }
    }
}
