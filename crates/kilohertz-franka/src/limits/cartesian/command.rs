//! What the actions of Cartesian modes are, slot by slot.

use kilohertz_core::limits::{Violation, ViolationKind};

use crate::kinematics::differential::{PARTS, Rates};

/// What the actions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CartesianCommand {
    Velocity,
    Pose,
    /// A pose that is not to be reached at once.
    Target,
}

impl CartesianCommand {
    /// The velocities that an action is.
    pub fn rates_in(self, action: &[f64]) -> Rates {
        let mut rates = [0.0; 7];
        rates[..action.len()].copy_from_slice(action);
        rates
    }

    /// Where a pose's action wants the elbow; 0 where that is the arm's choice.
    pub fn elbow_in(self, action: &[f64]) -> f64 {
        action.get(16).copied().unwrap_or(0.0)
    }

    /// The slot of an action that stands for a part of it: where that part is largest.
    pub fn slot(self, part: usize, vector: &[f64]) -> usize {
        let largest = (1..vector.len()).fold(0, |most, i| {
            if vector[i].abs() > vector[most].abs() {
                i
            } else {
                most
            }
        });
        match (self, part) {
            (CartesianCommand::Velocity, _) => PARTS[part].start.saturating_add(largest),
            (_, 0) => largest.saturating_add(12),
            (_, 1) => 0,
            _ => 16,
        }
    }

    /// The slot of a place along an axis.
    pub fn axis_slot(self, axis: usize) -> usize {
        match self {
            CartesianCommand::Velocity => axis,
            CartesianCommand::Pose | CartesianCommand::Target => axis.saturating_add(12),
        }
    }

    /// That the place on `axis`, to which `action` leads, is outside the box.
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
