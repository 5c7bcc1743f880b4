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
