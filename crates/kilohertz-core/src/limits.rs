//! What a robot may be commanded, and how it is brought to rest.
//!
//! The loop asks its robot's limits four things: is this action allowed, how far towards it may the
//! robot go in one cycle, how does it keep moving without one, how does it come to rest. A robot
//! crate answers them for its own command kinds; [`JointMotion`] is the arithmetic they share.

use std::fmt;

/// Why an action was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// It is NaN or infinite.
    NotFinite,
    /// It is below or above what the slot's quantity may be.
    Position,
    /// The robot would move faster than it may at this place.
    Velocity,
    /// The velocity would change faster than it may.
    Acceleration,
    /// The acceleration would change faster than it may.
    Jerk,
    /// The torque is beyond what the joint may be given.
    Torque,
    /// The torque would change faster than it may.
    TorqueRate,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ViolationKind::NotFinite => "finite value",
            ViolationKind::Position => "position",
            ViolationKind::Velocity => "velocity",
            ViolationKind::Acceleration => "acceleration",
            ViolationKind::Jerk => "jerk",
            ViolationKind::Torque => "torque",
            ViolationKind::TorqueRate => "torque rate",
        })
    }
}

/// One action value that was refused, and the limit it broke. Units follow from the kind and from
/// the action's schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Violation {
    /// Which limit.
    pub kind: ViolationKind,
    /// The slot of the action, from 0.
    pub slot: usize,
    /// The value that was received in that slot.
    pub action: f64,
    /// The quantity that broke the limit: the action itself, or the rate it would have meant.
    pub received: f64,
    /// The limit on that quantity.
    pub limit: f64,
}

/// A robot's limits, as the loop uses them. All calls come from the loop thread; none may block or
/// allocate. `observation` is always the cycle's, `action` and `out` have the action's slots.
pub trait Limits: Send {
    /// Takes in how the robot stands and moves, first thing in every cycle. Says whether that is
    /// what it was commanded; it is not where a command got lost and the robot went on by itself.
    fn observe(&mut self, observation: &[f64]) -> bool;

    /// Whether the value of `action` is allowed at all, however the robot got there.
    ///
    /// # Errors
    /// The first violation.
    fn check_value(&self, observation: &[f64], action: &[f64]) -> Result<(), Violation>;

    /// Whether the robot may go to `action` within this cycle.
    ///
    /// # Errors
    /// The first violation.
    fn check_rate(&self, observation: &[f64], action: &[f64]) -> Result<(), Violation>;

    /// Notes that `action` is commanded in this cycle.
    fn commanded(&mut self, action: &[f64]);

    /// Commands as much of the way to `action` as one cycle allows; says whether all of it.
    fn follow(&mut self, observation: &[f64], action: &[f64], out: &mut [f64]) -> bool;

    /// Commands to keep moving as last commanded.
    fn hold(&mut self, observation: &[f64], out: &mut [f64]);

    /// Commands the next step to rest; says whether the robot rests with it.
    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool;
}

/// The first slot that is not finite.
pub fn check_finite(action: &[f64]) -> Result<(), Violation> {
    match action.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(slot) => Err(Violation {
            kind: ViolationKind::NotFinite,
            slot,
            action: action[slot],
            received: action[slot],
            limit: f64::MAX,
        }),
    }
}

/// The limits of a robot about which nothing is known: any finite action is allowed, and the last
/// one is repeated in its absence.
#[derive(Debug, Clone)]
pub struct Unlimited {
    last: Vec<f64>,
}

impl Unlimited {
    /// For actions of `action_len` slots, zero before the first.
    pub fn new(action_len: usize) -> Unlimited {
        Unlimited {
            last: vec![0.0; action_len],
        }
    }
}

impl Limits for Unlimited {
    fn observe(&mut self, _observation: &[f64]) -> bool {
        true
    }

    fn check_value(&self, _observation: &[f64], action: &[f64]) -> Result<(), Violation> {
        check_finite(action)
    }

    fn check_rate(&self, _observation: &[f64], _action: &[f64]) -> Result<(), Violation> {
        Ok(())
    }

    fn commanded(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
    }

    fn follow(&mut self, _observation: &[f64], action: &[f64], out: &mut [f64]) -> bool {
        self.commanded(action);
        out.copy_from_slice(action);
        true
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn rest(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        out.copy_from_slice(&self.last);
        true
    }
}

/// How fast one joint may move and change its motion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionBounds {
    /// Lowest velocity here and now [rad/s].
    pub lower_velocity: f64,
    /// Highest velocity here and now [rad/s].
    pub upper_velocity: f64,
    /// Highest acceleration, either way [rad/s^2].
    pub acceleration: f64,
    /// Highest jerk, either way [rad/s^3].
    pub jerk: f64,
}

/// The commanded motion of one joint, advanced in steps of one cycle.
///
/// The commanded position, velocity and acceleration are related as the robot relates them: each
/// velocity is the difference of two positions over the cycle, each acceleration that of two
/// velocities.
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
    /// The motion one cycle of `dt` seconds later, at `velocity`.
    pub fn with_velocity(self, velocity: f64, dt: f64) -> JointMotion {
        JointMotion {
            position: self.position + velocity * dt,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// The motion one cycle of `dt` seconds later, at `position`.
    pub fn with_position(self, position: f64, dt: f64) -> JointMotion {
        let velocity = (position - self.position) / dt;
        JointMotion {
            position,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// Which limit the step from `self` to `next` breaks: its kind, the quantity and the limit.
    pub fn violation(
        self,
        next: JointMotion,
        bounds: &MotionBounds,
        dt: f64,
    ) -> Option<(ViolationKind, f64, f64)> {
        if next.velocity > bounds.upper_velocity {
            return Some((
                ViolationKind::Velocity,
                next.velocity,
                bounds.upper_velocity,
            ));
        }
        if next.velocity < bounds.lower_velocity {
            return Some((
                ViolationKind::Velocity,
                next.velocity,
                bounds.lower_velocity,
            ));
        }
        if next.acceleration.abs() > bounds.acceleration {
            return Some((
                ViolationKind::Acceleration,
                next.acceleration,
                bounds.acceleration,
            ));
        }
        let jerk = (next.acceleration - self.acceleration) / dt;
        if jerk.abs() > bounds.jerk {
            return Some((ViolationKind::Jerk, jerk, bounds.jerk));
        }
        None
    }

    /// One cycle towards `velocity`, within `bounds`.
    ///
    /// The acceleration asked for is proportional to what is missing, with the gain
    /// jerk / acceleration: close to the target it then dies out exactly as fast as the jerk limit
    /// allows, without overshoot. It is the shape of libfranka's `limitRate` for joint velocities.
    pub fn towards_velocity(self, velocity: f64, bounds: &MotionBounds, dt: f64) -> JointMotion {
        let target = velocity.clamp(bounds.lower_velocity, bounds.upper_velocity);
        let wanted = ((target - self.velocity) * (bounds.jerk / bounds.acceleration))
            .clamp(-bounds.acceleration, bounds.acceleration);
        let change = bounds.jerk * dt;
        let acceleration = wanted.clamp(self.acceleration - change, self.acceleration + change);
        self.with_velocity(self.velocity + acceleration * dt, dt)
    }

    /// One cycle towards `position`, which itself moves at `velocity`, within `bounds`.
    ///
    /// The velocity aimed for is that of the target plus the highest one from which the remaining
    /// way still suffices to brake at `braking` times the acceleration limit; near the target it
    /// turns into a proportional law so that the approach dies out smoothly.
    pub fn towards_position(
        self,
        position: f64,
        velocity: f64,
        bounds: &MotionBounds,
        dt: f64,
    ) -> JointMotion {
        const BRAKING: f64 = 0.5;
        // Proportional gain [1/s] where the square root would be steeper than the limits follow.
        const GAIN: f64 = 20.0;
        let missing = position - (self.position + self.velocity * dt);
        let brake = BRAKING * bounds.acceleration;
        let knee = brake / (GAIN * GAIN);
        let approach = if missing.abs() <= knee {
            GAIN * missing
        } else {
            (2.0 * brake * (missing.abs() - knee / 2.0)).sqrt() * missing.signum()
        };
        self.towards_velocity(velocity + approach, bounds, dt)
    }

    /// Whether nothing moves any more, for a command.
    pub fn is_at_rest(self) -> bool {
        self.velocity.abs() < 1e-4 && self.acceleration.abs() < 0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1e-3;
    const BOUNDS: MotionBounds = MotionBounds {
        lower_velocity: -2.0,
        upper_velocity: 2.0,
        acceleration: 10.0,
        jerk: 5_000.0,
    };
    /// What rounding may add to a quantity that was computed to be at its limit.
    const WIDER: MotionBounds = MotionBounds {
        lower_velocity: -2.0 - 1e-9,
        upper_velocity: 2.0 + 1e-9,
        acceleration: 10.0 + 1e-6,
        jerk: 5_000.0 + 1e-3,
    };

    fn assert_within(from: JointMotion, to: JointMotion) {
        assert_eq!(from.violation(to, &WIDER, DT), None, "{from:?} to {to:?}");
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
                    // An acceleration outwards at the velocity limit cannot be undone in one step.
                    let jerk = (next.acceleration - motion.acceleration) / DT;
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
            assert_within(motion, next);
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
            assert_within(motion, next);
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
    fn approaches_a_far_position_without_swinging_past_it() {
        let mut motion = JointMotion::default();
        for _ in 0..3_000 {
            motion = motion.towards_position(1.0, 0.0, &BOUNDS, DT);
            assert!(motion.position < 1.0 + 1e-3, "{motion:?}");
        }
        assert!((motion.position - 1.0).abs() < 1e-4);
    }

    #[test]
    fn names_the_limit_that_a_step_breaks() {
        let still = JointMotion::default();
        let kind = |velocity| {
            still
                .violation(still.with_velocity(velocity, DT), &BOUNDS, DT)
                .map(|found| found.0)
        };
        assert_eq!(kind(0.004), None);
        assert_eq!(kind(0.006), Some(ViolationKind::Jerk));
        assert_eq!(kind(0.02), Some(ViolationKind::Acceleration));
        assert_eq!(kind(2.5), Some(ViolationKind::Velocity));
        assert_eq!(kind(-2.5), Some(ViolationKind::Velocity));
    }

    #[test]
    fn refuses_what_is_not_a_number_and_says_which_slot() {
        let refused = Unlimited::new(3)
            .check_value(&[], &[1.0, f64::NAN, 0.0])
            .unwrap_err();
        assert_eq!((refused.kind, refused.slot), (ViolationKind::NotFinite, 1));
    }
}
