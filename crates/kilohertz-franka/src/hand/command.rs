//! The commands that move the fingers of a hand, and the ranges of their numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use kilohertz_core::number::{number, number_beside};

use crate::error::{ArmError, ArmErrorCode};

/// The range of openings \[m\]: the fingers open by 80 mm (data sheet), with some room for calibration.
pub const WIDTHS: RangeInclusive<f64> = 0.0..=0.1;
/// The highest speed [m/s]: 50 mm/s for each finger (data sheet).
pub const MAX_SPEED: f64 = 0.1;
/// The highest force \[N\]: for a short time; 70 N continuously (data sheet).
pub const MAX_FORCE: f64 = 140.0;

/// A command that moves the fingers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HandCommand {
    /// Finds out how far the fingers open.
    Homing,
    /// Moves the fingers.
    Move {
        /// The opening to move to \[m\], in [`WIDTHS`].
        width: f64,
        /// The speed [m/s], above 0 and at most [`MAX_SPEED`].
        speed: f64,
    },
    /// Closes the fingers on an object and presses.
    Grasp {
        /// The width of the object \[m\], in [`WIDTHS`].
        width: f64,
        /// The speed [m/s], above 0 and at most [`MAX_SPEED`].
        speed: f64,
        /// The force \[N\], above 0 and at most [`MAX_FORCE`].
        force: f64,
        /// How much narrower than `width` the object may be \[m\].
        epsilon_inner: f64,
        /// How much wider than `width` the object may be \[m\].
        epsilon_outer: f64,
    },
}

impl HandCommand {
    /// Returns the command's name in errors.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            HandCommand::Homing => "homing",
            HandCommand::Move { .. } => "the move",
            HandCommand::Grasp { .. } => "the grasp",
        }
    }

    /// Checks that each number is in its range.
    pub(super) fn check(&self) -> Result<(), ArmError> {
        let refused = |what: &str, value: f64, from: &str, to: f64, unit: &str| {
            let value = number_beside(value, &[0.0, to]);
            let to = number(to);
            Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                format!("{what} of the hand is {value} {unit}; expected {from} to {to} {unit}"),
            ))
        };
        let width_of = |what: &str, value: f64| match WIDTHS.contains(&value) {
            true => Ok(()),
            false => refused(what, value, "0", *WIDTHS.end(), "m"),
        };
        let above_zero =
            |what: &str, value: f64, to: f64, unit: &str| match value > 0.0 && value <= to {
                true => Ok(()),
                false => refused(what, value, "above 0", to, unit),
            };
        match *self {
            HandCommand::Homing => Ok(()),
            HandCommand::Move { width, speed } => {
                width_of("the width", width)?;
                above_zero("the speed", speed, MAX_SPEED, "m/s")
            }
            HandCommand::Grasp {
                width,
                speed,
                force,
                epsilon_inner,
                epsilon_outer,
            } => {
                width_of("the width", width)?;
                above_zero("the speed", speed, MAX_SPEED, "m/s")?;
                above_zero("the force", force, MAX_FORCE, "N")?;
                width_of("the inner epsilon", epsilon_inner)?;
                width_of("the outer epsilon", epsilon_outer)
            }
        }
    }

    /// Returns the longest time that the fingers move.
    pub(super) fn motion(&self) -> Duration {
        match *self {
            HandCommand::Homing => Duration::ZERO,
            HandCommand::Move { speed, .. } | HandCommand::Grasp { speed, .. } => {
                Duration::try_from_secs_f64(WIDTHS.end() / speed).unwrap_or(Duration::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_their_range_are_refused_by_name() {
        let grasp = |width, speed, force, epsilon_inner, epsilon_outer| HandCommand::Grasp {
            width,
            speed,
            force,
            epsilon_inner,
            epsilon_outer,
        };
        grasp(0.04, 0.1, 140.0, 0.0, 0.1).check().unwrap();
        for (command, named) in [
            (grasp(-1e-9, 0.1, 20.0, 0.0, 0.0), "width"),
            (grasp(f64::NAN, 0.1, 20.0, 0.0, 0.0), "width"),
            (grasp(0.04, 0.0, 20.0, 0.0, 0.0), "speed"),
            (grasp(0.04, 0.11, 20.0, 0.0, 0.0), "speed"),
            (grasp(0.04, 0.1, 0.0, 0.0, 0.0), "force"),
            (grasp(0.04, 0.1, f64::INFINITY, 0.0, 0.0), "force"),
            (grasp(0.04, 0.1, 20.0, -0.001, 0.0), "inner"),
            (grasp(0.04, 0.1, 20.0, 0.0, f64::NAN), "outer"),
        ] {
            let error = command.check().unwrap_err();
            assert_eq!(error.code, ArmErrorCode::InvalidOperation);
            assert!(error.message.contains(named), "{error}");
        }
    }
}
