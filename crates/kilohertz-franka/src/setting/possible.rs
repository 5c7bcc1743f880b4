//! Checks what may be sent to any arm, plausible or not.

use kilohertz_core::number::number_beside;

use crate::invalid_value::{InvalidValue, finite, invalid, rigid, within};
use crate::state::gate::FARTHEST;

/// The largest joint stiffness [N m/rad].
pub(super) const MAX_JOINT_STIFFNESS: f64 = 14_250.0;
/// The ranges of the stiffness of translations [N/m] and of rotations [N m/rad].
pub(super) const CARTESIAN_STIFFNESS: [(f64, f64, &str); 2] =
    [(10.0, 3_000.0, "N/m"), (1.0, 300.0, "N m/rad")];
/// The range of cut-off frequencies \[Hz\].
pub(super) const CUT_OFF: (f64, f64) = (1.0, 1_000.0);
/// The heaviest load that may be sent to an arm \[kg\], even on purpose. It is many times what any arm can
/// carry, and light enough that the arm's report of it passes the gate.
pub(crate) const HEAVIEST_LOAD: f64 = 100.0;
/// The largest entry of a load's inertia that may be sent to an arm [kg m2].
const LARGEST_INERTIA: f64 = 100.0;
/// How far an inertia may be from symmetric, and below zero, relative to its largest moment.
const TOLERANCE: f64 = 1e-5;

/// Checks each of the values of `option` against its range.
pub(super) fn each(
    option: &str,
    values: &[f64],
    range: impl Fn(usize) -> (f64, f64, &'static str),
) -> Result<(), InvalidValue> {
    for (nth, &value) in values.iter().enumerate() {
        within((option, &format!("{option}[{nth}]")), value, range(nth))?;
    }
    Ok(())
}

/// Checks that a frame is a pose, and near enough that the state of an arm can have it.
pub(super) fn frame(option: &str, frame: &[f64; 16]) -> Result<(), InvalidValue> {
    rigid(option, frame)?;
    for (nth, &place) in frame.iter().enumerate().skip(12).take(3) {
        let what = format!("{option}[{nth}]");
        within((option, &what), place, (-FARTHEST, FARTHEST, "m"))?;
    }
    Ok(())
}

/// Checks a mass, which must not be negative, and an inertia, which must be that of a body. Neither may be
/// larger than the state of an arm can have it. Zeros stand for a point mass.
pub(super) fn load(mass: f64, centre: &[f64; 3], inertia: &[f64; 9]) -> Result<(), InvalidValue> {
    within(("m_load", "m_load"), mass, (0.0, HEAVIEST_LOAD, "kg"))?;
    each("F_x_Cload", centre, |_| (-FARTHEST, FARTHEST, "m"))?;
    let hint = "kg m^2. Is it in kg mm^2 or in kg cm^2?";
    finite("I_load", inertia)?;
    each("I_load", inertia, |_| {
        (-LARGEST_INERTIA, LARGEST_INERTIA, hint)
    })?;
    let at = |row: usize, column: usize| inertia[3 * column + row];
    let largest = inertia
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    if mass == 0.0 && largest > 0.0 {
        let expected = "zeros only, because m_load is 0".to_owned();
        let named = ("I_load", "the largest entry of I_load");
        return invalid(named, largest, &[0.0], expected);
    }
    for (row, column) in [(0, 1), (0, 2), (1, 2)] {
        if (at(row, column) - at(column, row)).abs() > TOLERANCE * largest {
            let what = format!("I_load[{}]", 3 * row + column);
            let (received, other) = (at(column, row), at(row, column));
            let expected = format!(
                "{}, as on the other side: it is symmetric",
                number_beside(other, &[received])
            );
            return invalid(("I_load", &what), received, &[other], expected);
        }
    }
    // No principal minor of a positive semidefinite matrix is below zero.
    let minor = |a: usize, b: usize| at(a, a) * at(b, b) - at(a, b) * at(b, a);
    let determinant = at(0, 0) * minor(1, 2)
        - at(0, 1) * (at(1, 0) * at(2, 2) - at(1, 2) * at(2, 0))
        + at(0, 2) * (at(1, 0) * at(2, 1) - at(1, 1) * at(2, 0));
    let minors = [
        ("I_load[0]", at(0, 0), 1),
        ("I_load[4]", at(1, 1), 1),
        ("I_load[8]", at(2, 2), 1),
        ("the minor of I_load without z", minor(0, 1), 2),
        ("the minor of I_load without y", minor(0, 2), 2),
        ("the minor of I_load without x", minor(1, 2), 2),
        ("the determinant of I_load", determinant, 3),
    ];
    for (what, value, degree) in minors {
        if value < -TOLERANCE * largest.powi(degree) {
            let expected = "0 or more: no body has another inertia".to_owned();
            return invalid(("I_load", what), value, &[0.0], expected);
        }
    }
    Ok(())
}
