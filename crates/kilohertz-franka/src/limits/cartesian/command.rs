//! The layout of the actions of Cartesian modes.

use kilohertz_core::limits::{Violation, ViolationKind};

use crate::kinematics::differential::{PARTS, Rates};

/// The kind of the actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CartesianCommand {
    Velocity,
    Pose,
    /// A pose that need not be reached at once.
    Target,
}

impl CartesianCommand {
    /// Returns the velocities of an action that consists of velocities.
    pub fn rates_in(self, action: &[f64]) -> Rates {
        let mut rates = [0.0; 7];
        rates[..action.len()].copy_from_slice(action);
        rates
    }

    /// Returns the elbow position that the action of a pose asks for; 0 if the arm chooses the elbow.
    pub fn elbow_in(self, action: &[f64]) -> f64 {
        action.get(16).copied().unwrap_or(0.0)
    }

    /// Returns the slot of an action that represents a part of it: the slot of the vector's largest
    /// component.
    pub fn slot(self, part: usize, vector: &[f64]) -> usize {
        let largest = largest(vector);
        match (self, part) {
            (CartesianCommand::Velocity, _) => PARTS[part].start.saturating_add(largest),
            (_, 0) => largest.saturating_add(12),
            (_, 1) => 0,
            _ => 16,
        }
    }

    /// Returns the slot that holds a place along `axis`.
    pub fn axis_slot(self, axis: usize) -> usize {
        match self {
            CartesianCommand::Velocity => axis,
            CartesianCommand::Pose | CartesianCommand::Target => axis.saturating_add(12),
        }
    }

    /// Returns the violation that `action` leads to a place outside the box on `axis`.
    pub fn box_left(self, action: &[f64], axis: usize, received: f64, limit: f64) -> Violation {
        let slot = self.axis_slot(axis);
        Violation {
            kind: ViolationKind::Box,
            slot,
            action: action[slot],
            received,
            limit,
            joint: None,
            flaw: None,
        }
    }
}

/// Returns the index of the number that is largest without its sign.
pub(super) fn largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |most, i| {
        if values[i].abs() > values[most].abs() {
            i
        } else {
            most
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [CartesianCommand; 3] = [
        CartesianCommand::Velocity,
        CartesianCommand::Pose,
        CartesianCommand::Target,
    ];

    #[test]
    fn the_elbow_is_the_last_slot_if_it_is_commanded() {
        let velocities = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        let rates = |slots: usize| CartesianCommand::Velocity.rates_in(&velocities[..slots]);
        assert_eq!(rates(7), velocities);
        assert_eq!(rates(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0]);
        let mut pose = [0.0; 17];
        pose[16] = 0.25;
        assert_eq!(CartesianCommand::Pose.elbow_in(&pose), 0.25);
        assert_eq!(CartesianCommand::Pose.elbow_in(&pose[..16]), 0.0);
    }

    #[test]
    fn a_part_is_represented_by_the_slot_of_its_largest_component() {
        for (vector, largest) in [
            ([3.0, -2.0, 1.0], 0),
            ([3.0, -4.0, 1.0], 1),
            ([3.0, -4.0, -5.0], 2),
            ([-3.0, 3.0, 3.0], 0),
        ] {
            assert_eq!(super::largest(&vector), largest);
            assert_eq!(CartesianCommand::Velocity.slot(0, &vector), largest);
            assert_eq!(CartesianCommand::Velocity.slot(1, &vector), 3 + largest);
            for command in [CartesianCommand::Pose, CartesianCommand::Target] {
                assert_eq!(command.slot(0, &vector), 12 + largest);
                // No slot of a matrix is the rotation about one axis.
                assert_eq!(command.slot(1, &vector), 0);
                assert_eq!(command.slot(2, &vector[..1]), 16);
            }
        }
        assert_eq!(CartesianCommand::Velocity.slot(2, &[1.0]), 6);
    }

    #[test]
    fn a_way_out_of_the_box_is_told_with_the_slot_of_its_axis() {
        let action: [f64; 16] = std::array::from_fn(|slot| slot as f64);
        for command in COMMANDS {
            for axis in 0..3 {
                let slot = match command {
                    CartesianCommand::Velocity => axis,
                    _ => 12 + axis,
                };
                let violation = command.box_left(&action, axis, 0.75, 0.5);
                assert_eq!((violation.kind, violation.slot), (ViolationKind::Box, slot));
                assert_eq!(violation.action, slot as f64);
                assert_eq!((violation.received, violation.limit), (0.75, 0.5));
            }
        }
    }
}
