//! The elbow in the form that the arm expects: the position of joint 3, and to which side joint 4 bends.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::RobotState;

use crate::constants::{DT, ELBOW_FLIP};
use crate::control::Interface;

/// The arm reports in single precision what it was commanded; a smaller difference counts as none.
const SAME: f64 = 2e-6;

/// The elbow of a motion. An action says where the elbow is to be, or how fast it is to move; the arm
/// decides the side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elbow {
    /// True if actions are velocities.
    is_velocity: bool,
    /// The last commanded position \[rad\].
    place: f64,
}

impl Elbow {
    /// Returns the elbow of a motion through `interface`, if the elbow is commanded.
    pub fn of(interface: Interface) -> Option<Elbow> {
        interface.has_elbow().then_some(Elbow {
            is_velocity: interface.control.is_velocity(),
            place: f64::NAN,
        })
    }

    /// Returns the elbow command for `action` of an arm in `state`. If states are no longer believed, it
    /// continues from the last command.
    pub fn commanded(&mut self, state: &RobotState, is_believed: bool, action: f64) -> [f64; 2] {
        let [place, _] = state.elbow_c;
        let is_same = (place - self.place).abs() < SAME;
        if self.place.is_nan() || (is_believed && !is_same) {
            // A command got lost, or there was none yet.
            self.place = place;
        }
        self.place = match self.is_velocity {
            true => self.place + action * DT,
            false => action,
        };
        let side = if state.q_d[3] < ELBOW_FLIP { -1.0 } else { 1.0 };
        [self.place, side]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use crate::control::Impedance;

    #[test]
    fn the_side_is_the_one_to_which_an_arm_says_that_it_bends() {
        let interface = Interface {
            control: Control::CartesianPose,
            elbow: true,
            impedance: Impedance::Joint,
        };
        for (q4, side) in [(-2.356, -1.0), (-0.468, -1.0), (-0.466, 1.0), (-0.2, 1.0)] {
            let mut state = RobotState::default();
            state.q_d[3] = q4;
            let mut elbow = Elbow::of(interface).unwrap();
            assert_eq!(elbow.commanded(&state, true, 0.1), [0.1, side], "{q4}");
        }
    }
}
