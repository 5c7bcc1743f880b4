//! Checks that a setting is plausible: a mistake in a unit or a digit must not reach an arm with people
//! beside it.
//!
//! An arm accepts the values that are refused here. [`Arm::configure_unchecked`](crate::Arm) sends them on
//! purpose.

use std::f64::consts::TAU;

use kilohertz_core::limits::confined;
use kilohertz_core::number::{number, number_beside};
use kilohertz_geometry::norm;

use crate::generation::Generation;
use crate::invalid_value::{InvalidValue, invalid};
use crate::setting::possible::HEAVIEST_LOAD;
use crate::setting::thresholds::Thresholds;
use crate::state::gate::FARTHEST;

/// How these checks are overridden, for messages.
const OVERRIDE: &str = "{ unchecked: true } sends it nevertheless";
/// The relative precision of the end effector's mass as the arm reports it, which is that of an f32.
const SINGLE_PRECISION: f64 = 1e-6;
/// The highest threshold of a joint's torque [N m], and of a force [N] or a torque [N m] at the stiffness
/// frame. No joint has more than 87 N m, and libfranka's examples go up to 100 of each.
const HIGHEST_THRESHOLD: f64 = 100.0;
/// How far from its flange a centre of mass, an end effector or a stiffness frame plausibly is \[m\].
const LONGEST_LEVER: f64 = 1.0;
/// By which share a moment of inertia may exceed the sum of the other two, because moments are rounded.
const MOMENT_TOLERANCE: f64 = 0.01;
/// A moment of inertia below this share of the largest one counts as zero, because of rounding.
const LEAST_MOMENT: f64 = 1e-6;
/// The radius of the ball that is assumed for a load of unknown shape \[m\].
const BALL: f64 = 0.05;
/// A load this many times too heavy was probably given in grams.
const GRAMS: f64 = 20.0;

/// Checks that an arm can carry `m_load` in addition to its end effector of `m_ee` \[kg\].
pub(crate) fn payload(m_load: f64, generation: Generation, m_ee: f64) -> Result<(), InvalidValue> {
    let payload = generation.payload();
    let most = (payload - m_ee).max(0.0);
    if m_load <= (payload - m_ee * (1.0 - SINGLE_PRECISION)).max(0.0) {
        return Ok(());
    }
    let shared = match m_ee > 0.0 {
        true => format!(", and its end effector has {} of them", number(m_ee)),
        false => String::new(),
    };
    let slip = match m_load > GRAMS * payload {
        true => "Is it in grams? ",
        false => "",
    };
    let arm = generation.name().to_uppercase();
    let expected = format!(
        "a number from 0 to {} kg: the payload of an {arm} is {} kg{shared}{}",
        number_beside(most, &[m_load]),
        number(payload),
        advice(slip, m_load <= HEAVIEST_LOAD)
    );
    invalid(("m_load", "m_load"), m_load, &[0.0, most], expected)
}

/// Returns what to do about a value. `slip` asks about the likely mistake. A value that is not possible
/// cannot be sent at all, so the override is mentioned only for possible values.
fn advice(slip: &str, is_possible: bool) -> String {
    match is_possible {
        true => format!(". {slip}{OVERRIDE}"),
        false => format!(". {slip}").trim_end_matches(['.', ' ']).to_owned(),
    }
}

/// Checks that the centre of a load is near the flange.
pub(crate) fn centre(centre: &[f64; 3]) -> Result<(), InvalidValue> {
    let what = "the distance of F_x_Cload from the flange";
    lever(("F_x_Cload", 0), what, centre)
}

/// Checks that a body of this mass can have this inertia, about every axis.
pub(crate) fn inertia(mass: f64, inertia: &[f64; 9]) -> Result<(), InvalidValue> {
    let [smallest, middle, largest] = principal_moments(inertia);
    if mass > 0.0 && smallest <= LEAST_MOMENT * largest {
        let ball = mass * BALL * BALL * 2.0 / 5.0;
        let expected = format!(
            "a number above 0 kg m^2: an arm refuses a mass without inertia. A ball of {} m has {} on the diagonal. \
             {OVERRIDE}",
            number(BALL),
            number(ball)
        );
        let named = ("I_load", "the smallest principal moment of I_load");
        return invalid(named, smallest, &[0.0], expected);
    }
    let named = ("I_load", "the largest principal moment of I_load");
    let most = (smallest + middle) * (1.0 + MOMENT_TOLERANCE);
    if largest > most {
        let expected = format!(
            "at most {} kg m^2, the sum of the other two: no body has another inertia. {OVERRIDE}",
            number_beside(smallest + middle, &[largest])
        );
        return invalid(named, largest, &[smallest + middle], expected);
    }
    let most = mass * LONGEST_LEVER * LONGEST_LEVER;
    if largest > most {
        let expected = format!(
            "at most {} kg m^2, as if all of {} kg were {} m away from its centre. Is it in kg mm^2 or in \
             kg cm^2? {OVERRIDE}",
            number_beside(most, &[largest]),
            number_beside(mass, &[largest]),
            number(LONGEST_LEVER)
        );
        return invalid(named, largest, &[most], expected);
    }
    Ok(())
}

/// Checks that the place of a frame is near the frame that it is relative to.
pub(crate) fn frame(option: &str, frame: &[f64; 16]) -> Result<(), InvalidValue> {
    let what = format!("the distance that {option} has from its frame");
    lever((option, 12), &what, &[frame[12], frame[13], frame[14]])
}

/// Checks `place`, which has the values of `option` from `first` on, and its distance, named by `what`. A
/// value that is far too large is reported as it was given, because its square may be infinite.
fn lever((option, first): (&str, usize), what: &str, place: &[f64; 3]) -> Result<(), InvalidValue> {
    for (nth, &along) in (first..).zip(place) {
        if along.abs() > FARTHEST {
            let most = number(LONGEST_LEVER);
            let advice = advice("Is it in millimetres? ", false);
            let expected = format!("a distance of at most {most} m{advice}");
            let entry = format!("{option}[{nth}]");
            return invalid((option, &entry), along, &[], expected);
        }
    }
    let distance = norm(place);
    if distance <= LONGEST_LEVER {
        return Ok(());
    }
    let expected = format!("at most {} m{}", number(LONGEST_LEVER), advice("", true));
    invalid((option, what), distance, &[LONGEST_LEVER], expected)
}

/// Checks that thresholds are in the range in which an arm can feel contacts.
pub(crate) fn thresholds(prefix: &str, thresholds: &Thresholds) -> Result<(), InvalidValue> {
    for (name, values, is_torque) in thresholds.named() {
        let option = format!("{prefix}{name}");
        for (nth, &value) in values.iter().enumerate() {
            if value > 0.0 && value <= HIGHEST_THRESHOLD {
                continue;
            }
            let unit = if is_torque || nth >= 3 { "N m" } else { "N" };
            let reason = match value > 0.0 {
                true => "beyond it the arm feels no collision",
                false => "at 0 the arm takes the noise of its sensors for a contact or a collision",
            };
            let expected = format!(
                "a number above 0 to {} {unit}: {reason}. {OVERRIDE}",
                number(HIGHEST_THRESHOLD)
            );
            let what = format!("{option}[{nth}]");
            return invalid((&option, &what), value, &[0.0, HIGHEST_THRESHOLD], expected);
        }
    }
    Ok(())
}

/// Returns the principal moments of a symmetric 3x3 matrix, smallest first: its eigenvalues in closed form.
fn principal_moments(inertia: &[f64; 9]) -> [f64; 3] {
    let at = |row: usize, column: usize| inertia[3 * column + row];
    let mean = (at(0, 0) + at(1, 1) + at(2, 2)) / 3.0;
    let off = |row: usize, column: usize| at(row, column) - if row == column { mean } else { 0.0 };
    let squares: f64 = (0..9).map(|nth| off(nth / 3, nth % 3).powi(2)).sum();
    let size = (squares / 6.0).sqrt();
    if size == 0.0 {
        return [mean; 3];
    }
    let determinant = off(0, 0) * (off(1, 1) * off(2, 2) - off(1, 2) * off(2, 1))
        - off(0, 1) * (off(1, 0) * off(2, 2) - off(1, 2) * off(2, 0))
        + off(0, 2) * (off(1, 0) * off(2, 1) - off(1, 1) * off(2, 0));
    let angle = confined(determinant / (2.0 * size.powi(3)), -1.0, 1.0).acos() / 3.0;
    let largest = mean + 2.0 * size * angle.cos();
    let smallest = mean + 2.0 * size * (angle + TAU / 3.0).cos();
    [smallest, 3.0 * mean - largest - smallest, largest]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn diagonal([x, y, z]: [f64; 3]) -> [f64; 9] {
        [x, 0., 0., 0., y, 0., 0., 0., z]
    }

    #[test]
    fn a_load_within_the_payload_is_let_through_and_none_beyond() {
        for generation in Generation::ALL {
            assert_eq!(payload(3.0, generation, 0.0), Ok(()));
            assert_eq!(payload(2.27, generation, 0.73), Ok(()));
            let refused = payload(2.3, generation, 0.73).unwrap_err().to_string();
            assert!(refused.starts_with("m_load is 2.3; expected a number from 0 to 2.27 kg"));
            assert!(
                refused.contains("end effector has 0.73 of them"),
                "{refused}"
            );
            assert!(refused.contains("unchecked: true"), "{refused}");
            assert!(!refused.contains("grams"), "{refused}");
            assert!(payload(0.1, generation, 5.0).is_err());
            for m_ee in [0.73, 0.1, 1.234_567, 2.9] {
                let on_the_wire = f64::from(m_ee as f32);
                let left = 3.0 - m_ee;
                assert_eq!(payload(left, generation, on_the_wire), Ok(()), "{m_ee}");
                let beyond = payload(left + 1e-5, generation, on_the_wire).unwrap_err();
                assert!(
                    !beyond.to_string().contains(&format!(
                        "is {}; expected a number from 0 to {} ",
                        number(left),
                        number(left)
                    )),
                    "{beyond}"
                );
            }
        }
        let refused = payload(500.0, Generation::Fr3, 0.0)
            .unwrap_err()
            .to_string();
        assert!(refused.ends_with("Is it in grams?"), "{refused}");
        let refused = payload(90.0, Generation::Fr3, 0.0).unwrap_err().to_string();
        assert!(refused.contains("Is it in grams? {"), "{refused}");
        let refused = payload(3.000_000_1, Generation::Fr3, 0.0).unwrap_err();
        assert!(
            refused.to_string().starts_with("m_load is 3.0000001;"),
            "{refused}"
        );
    }

    #[test]
    fn a_hand_and_a_plate_are_bodies_and_what_no_body_has_is_refused() {
        let hand = diagonal([0.001, 0.0025, 0.0017]);
        assert_eq!(centre(&[-0.01, 0.0, 0.03]), Ok(()));
        assert_eq!(inertia(0.73, &hand), Ok(()));
        assert_eq!(inertia(1.0, &diagonal([0.01, 0.02, 0.03])), Ok(()));
        assert_eq!(inertia(0.0, &[0.0; 9]), Ok(()));
        let refused = |mass, moments| inertia(mass, &moments).unwrap_err().to_string();
        let none = refused(1.0, diagonal([0.01, 0.02, 0.04]));
        assert!(
            none.contains("moment of I_load is 0.04; expected at most 0.03"),
            "{none}"
        );
        for flat in [[0.0; 3], [0.01, 0.01, 0.0]] {
            let point = refused(1.0, diagonal(flat));
            assert!(
                point.starts_with(
                    "the smallest principal moment of I_load is 0; expected a number above 0 kg m^2"
                ) && point.contains("has 0.001 on the diagonal"),
                "{point}"
            );
        }
        let grown = refused(1.0, diagonal([25.0; 3]));
        assert!(grown.contains("kg mm^2"), "{grown}");
        let refused = |place: [f64; 3]| centre(&place).unwrap_err().to_string();
        assert_eq!(
            refused([0.0, 0.0, 50.0]),
            "F_x_Cload[2] is 50; expected a distance of at most 1 m. Is it in millimetres?"
        );
        let long = refused([0.0, 0.0, 1.1]);
        assert!(!long.contains("millimetres"), "{long}");
        assert!(long.contains("unchecked: true"), "{long}");
    }

    #[test]
    fn a_threshold_is_refused_with_the_reason_that_it_has() {
        let with = |lower: f64| Thresholds {
            lower_torques: [lower; 7],
            upper_torques: [150.0; 7],
            lower_forces: [1.0; 6],
            upper_forces: [2.0; 6],
        };
        let refused = |given| thresholds("", &given).unwrap_err().to_string();
        let (none, high) = (refused(with(0.0)), refused(with(1.0)));
        assert!(
            none.starts_with("lowerTorquesNm[0] is 0;") && none.contains("noise"),
            "{none}"
        );
        assert!(!none.contains("feels no collision"), "{none}");
        assert!(
            high.starts_with("upperTorquesNm[0] is 150;") && high.contains("feels no collision"),
            "{high}"
        );
    }

    #[test]
    fn a_frame_in_millimetres_is_told_as_that() {
        let mut tool = [
            1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0.1034, 1.,
        ];
        assert_eq!(frame("NE_T_EE", &tool), Ok(()));
        tool[14] = 103.4;
        let refused = frame("NE_T_EE", &tool).unwrap_err();
        assert_eq!(refused.option, "NE_T_EE");
        assert!(
            refused.to_string().contains("Is it in millimetres?"),
            "{refused}"
        );
    }

    proptest! {
        /// In every rotated frame the principal moments of a body are the same.
        #[test]
        fn principal_moments_are_those_of_the_body_however_it_is_turned(
            moments in [0.0..1.0_f64, 0.0..1.0, 0.0..1.0],
            twist in [-3.0..3.0_f64, -3.0..3.0, -3.0..3.0],
        ) {
            let unit = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];
            let turn = kilohertz_geometry::integrate(&unit, &[0.0, 0.0, 0.0, twist[0], twist[1], twist[2]]);
            let inertia: [f64; 9] = std::array::from_fn(|nth| {
                let (row, column) = (nth % 3, nth / 3);
                (0..3).map(|k| turn[4 * k + row] * moments[k] * turn[4 * k + column]).sum()
            });
            let mut sorted = moments;
            sorted.sort_by(f64::total_cmp);
            let found = principal_moments(&inertia);
            for (found, wanted) in found.iter().zip(sorted) {
                prop_assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
            }
        }
    }
}
