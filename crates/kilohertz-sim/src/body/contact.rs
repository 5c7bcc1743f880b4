//! External torques and forces, and from when they count as a contact or a collision.

use crate::joints::{Joints, Wrench};
use crate::violation::Violation;

/// Thresholds for torques and forces. Each pair is (contact, collision).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thresholds {
    /// The thresholds for joint torques [N m].
    pub torque: (Joints, Joints),
    /// The thresholds for the wrench at the stiffness frame, in its own axes [N, N m].
    pub force: (Wrench, Wrench),
}

impl Thresholds {
    const fn all(value: f64) -> Thresholds {
        Thresholds {
            torque: ([value; 7], [value; 7]),
            force: ([value; 6], [value; 6]),
        }
    }

    /// Whether all thresholds are finite and not below zero, and each pair is in order.
    pub fn is_sound(&self) -> bool {
        ordered(&self.torque) && ordered(&self.force)
    }
}

fn ordered<const N: usize>((lower, upper): &([f64; N], [f64; N])) -> bool {
    (0..N).all(|i| {
        lower[i].is_finite() && upper[i].is_finite() && lower[i] >= 0.0 && lower[i] <= upper[i]
    })
}

/// What `SetCollisionBehavior` sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CollisionBehavior {
    /// The thresholds while the commanded motion accelerates.
    pub acceleration: Thresholds,
    /// The thresholds at other times.
    pub nominal: Thresholds,
}

impl Default for CollisionBehavior {
    /// Returns the thresholds of libfranka's examples.
    fn default() -> CollisionBehavior {
        CollisionBehavior {
            acceleration: Thresholds::all(20.0),
            nominal: Thresholds::all(10.0),
        }
    }
}

/// Above this commanded acceleration a joint counts as accelerating [rad/s2].
const ACCELERATING: f64 = 0.1;

impl CollisionBehavior {
    /// Returns the thresholds for this commanded acceleration.
    pub fn at(&self, ddq: &Joints) -> &Thresholds {
        if ddq.iter().any(|ddq| ddq.abs() > ACCELERATING) {
            &self.acceleration
        } else {
            &self.nominal
        }
    }
}

/// The contacts and collisions: each is 1 or 0, as the state reports it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Contacts {
    pub joint_contact: Joints,
    pub joint_collision: Joints,
    pub cartesian_contact: Wrench,
    pub cartesian_collision: Wrench,
}

impl Contacts {
    /// Returns the contacts and collisions for `tau` [N m] and for `wrench` at the stiffness frame.
    pub fn of(tau: &Joints, wrench: &Wrench, thresholds: &Thresholds) -> Contacts {
        let Thresholds { torque, force } = thresholds;
        Contacts {
            joint_contact: above(tau, &torque.0),
            joint_collision: above(tau, &torque.1),
            cartesian_contact: above(wrench, &force.0),
            cartesian_collision: above(wrench, &force.1),
        }
    }

    /// Combines these contacts with those before: a collision stays until it is reset.
    pub fn after(self, before: &Contacts) -> Contacts {
        Contacts {
            joint_collision: either(&self.joint_collision, &before.joint_collision),
            cartesian_collision: either(&self.cartesian_collision, &before.cartesian_collision),
            ..self
        }
    }

    /// Returns the reflexes that the collisions cause.
    pub fn reflex(&self) -> Violation {
        let mut reflex = Violation::NONE;
        if self.joint_collision.contains(&1.0) {
            reflex.add("joint_reflex");
        }
        if self.cartesian_collision.contains(&1.0) {
            reflex.add("cartesian_reflex");
        }
        reflex
    }
}

fn above<const N: usize>(values: &[f64; N], thresholds: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| f64::from(u8::from(values[i].abs() > thresholds[i])))
}

fn either<const N: usize>(one: &[f64; N], other: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| one[i].max(other[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_thresholds_is_a_contact_and_above_both_a_collision() {
        let mut thresholds = Thresholds::all(10.0);
        thresholds.torque.1 = [20.0; 7];
        let tau = [0.0, 9.0, -11.0, 19.0, -21.0, 0.0, 0.0];
        let found = Contacts::of(&tau, &[0.0; 6], &thresholds);
        assert_eq!(found.joint_contact, [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(found.joint_collision, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(found.reflex().has("joint_reflex"));
        assert!(!found.reflex().has("cartesian_reflex"));
        let found = Contacts::of(&[0.0; 7], &[0.0, 0.0, -11.0, 0.0, 0.0, 0.0], &thresholds);
        assert_eq!(found.reflex(), Violation::of("cartesian_reflex"));
    }

    #[test]
    fn an_accelerating_arm_has_thresholds_of_its_own() {
        let behavior = CollisionBehavior::default();
        assert_eq!(behavior.at(&[0.0; 7]), &behavior.nominal);
        let ddq = [0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(behavior.at(&ddq), &behavior.acceleration);
    }
}
