//! What the arm feels from outside, and from when on that is a contact or a collision.

use crate::joints::{Joints, Wrench};
use crate::violation::Violation;

/// From when on a torque or a force counts. A pair of each is (contact, collision).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thresholds {
    /// Of the joints [N m].
    pub torque: (Joints, Joints),
    /// Of the stiffness frame, in its own axes [N, N m].
    pub force: (Wrench, Wrench),
}

impl Thresholds {
    const fn all(value: f64) -> Thresholds {
        Thresholds {
            torque: ([value; 7], [value; 7]),
            force: ([value; 6], [value; 6]),
        }
    }

    /// In pairs, finite, and not below zero.
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
    /// While the commanded motion accelerates.
    pub acceleration: Thresholds,
    /// Otherwise.
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

/// A joint that is commanded to accelerate harder accelerates [rad/s2].
const ACCELERATING: f64 = 0.1;

impl CollisionBehavior {
    /// What counts while the motion is commanded to accelerate like this.
    pub fn at(&self, ddq: &Joints) -> &Thresholds {
        if ddq.iter().any(|ddq| ddq.abs() > ACCELERATING) {
            &self.acceleration
        } else {
            &self.nominal
        }
    }
}

/// Which contacts there are: 1 or 0 each, as the state reports them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Contacts {
    pub joint_contact: Joints,
    pub joint_collision: Joints,
    pub cartesian_contact: Wrench,
    pub cartesian_collision: Wrench,
}

impl Contacts {
    /// What `tau` [N m] and `wrench` of the stiffness frame are.
    pub fn of(tau: &Joints, wrench: &Wrench, thresholds: &Thresholds) -> Contacts {
        let Thresholds { torque, force } = thresholds;
        Contacts {
            joint_contact: above(tau, &torque.0),
            joint_collision: above(tau, &torque.1),
            cartesian_contact: above(wrench, &force.0),
            cartesian_collision: above(wrench, &force.1),
        }
    }

    /// These after `before`: a collision stays until it is reset.
    pub fn after(self, before: &Contacts) -> Contacts {
        Contacts {
            joint_collision: either(&self.joint_collision, &before.joint_collision),
            cartesian_collision: either(&self.cartesian_collision, &before.cartesian_collision),
            ..self
        }
    }

    /// The reflexes that the collisions are.
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
