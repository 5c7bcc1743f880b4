//! A value that must not be sent to an arm, and checks that several kinds of values share.

use std::fmt;

use kilohertz_core::number::number_beside;
use kilohertz_geometry::{Flaw, check_pose};

/// A value that must not be sent to an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidValue {
    /// The option's name in the TypeScript API.
    pub option: String,
    /// The part of the option that is wrong, if it is only a part.
    pub what: String,
    /// The value that was received.
    pub received: f64,
    /// What was expected.
    pub expected: String,
    /// The limits that `received` exceeds.
    pub limits: Vec<f64>,
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidValue {
            what,
            received,
            expected,
            limits,
            ..
        } = self;
        let received = number_beside(*received, limits);
        write!(f, "{what} is {received}; expected {expected}")
    }
}

/// Returns the error for `received`, without checking it.
pub(crate) fn invalid(
    (option, what): (&str, &str),
    received: f64,
    limits: &[f64],
    expected: String,
) -> Result<(), InvalidValue> {
    Err(InvalidValue {
        option: option.to_owned(),
        what: what.to_owned(),
        received,
        expected,
        limits: limits.to_vec(),
    })
}

/// Checks that `value` is in a range, both ends included.
pub(crate) fn within(
    named: (&str, &str),
    value: f64,
    (least, most, unit): (f64, f64, &str),
) -> Result<(), InvalidValue> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let [from, to] = [least, most].map(|end| number_beside(end, &[value]));
    let expected = format!("a number from {from} to {to} {unit}");
    invalid(named, value, &[least, most], expected)
}

/// Checks that `value` is finite and not below zero.
pub(crate) fn not_negative(named: (&str, &str), value: f64) -> Result<(), InvalidValue> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    invalid(
        named,
        value,
        &[0.0],
        "a finite number, 0 or above".to_owned(),
    )
}

/// Checks that `values` are finite.
pub(crate) fn finite(option: &str, values: &[f64]) -> Result<(), InvalidValue> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(nth) => invalid(
            (option, &format!("{option}[{nth}]")),
            values[nth],
            &[],
            "a finite number".to_owned(),
        ),
    }
}

/// Checks that a 4x4 column-major matrix is a rotation and a translation.
pub(crate) fn rigid(option: &str, frame: &[f64; 16]) -> Result<(), InvalidValue> {
    let Err(flawed) = check_pose(frame) else {
        return Ok(());
    };
    let axis = |nth: usize| ["x", "y", "z"][nth];
    let (wanted, tolerance) = (flawed.expected, flawed.tolerance);
    let written = |value: f64| number_beside(value, &[flawed.received]);
    let (what, expected) = match flawed.flaw {
        Flaw::Entry(nth) => (format!("{option}[{nth}]"), "a finite number".to_owned()),
        Flaw::LastRow(nth) => (
            format!("{option}[{nth}]"),
            format!(
                "{}: a transformation is 4x4, column-major, its last row 0 0 0 1",
                written(wanted)
            ),
        ),
        Flaw::Column(nth) => (
            format!("the length of the {} axis of {option}", axis(nth)),
            format!("1, as in a rotation, within {}", written(tolerance)),
        ),
        Flaw::Row(nth) => (
            format!("the length of the {} row of {option}", axis(nth)),
            format!("1, as in a rotation, within {}", written(tolerance)),
        ),
        Flaw::Angle(one, other) => (
            format!(
                "the cosine between the axes {} and {} of {option}",
                axis(one),
                axis(other)
            ),
            format!("0, as in a rotation, within {}", written(tolerance)),
        ),
        Flaw::Handedness => (
            format!("the determinant of the rotation in {option}"),
            "1: this one mirrors".to_owned(),
        ),
    };
    invalid(
        (option, &what),
        flawed.received,
        &[wanted, tolerance, wanted - tolerance, wanted + tolerance],
        expected,
    )
}
