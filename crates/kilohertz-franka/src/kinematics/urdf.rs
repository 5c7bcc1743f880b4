//! The URDF that an FR3 serves, checked before it is used.
//!
//! The URDF comes over the network, and both the joints' limits and the model are taken from it. The XML
//! parsers recurse for each nested element, so the nesting is limited before they see the text.

#![warn(clippy::indexing_slicing)]

use franka::JointVelocityLimitsConfig;
use franka::model::Model;
use franka::rate_limiting::JOINT_VELOCITY_LIMITS_TOLERANCE;
use kilohertz_core::number::{number, number_beside};

use crate::constants::MAX_TORQUE;
use crate::error::{ArmError, ArmErrorCode};
use crate::kinematics::model::Posture;

/// The largest size of an arm's URDF, in bytes. An FR3 serves about 15 kB.
pub(crate) const LONGEST: usize = 1 << 18;
/// The deepest nesting of elements, the largest number of elements, and the longest tag in bytes. The FR3's
/// URDF has five levels, about 200 elements, and a tag of 350 bytes.
const DEEPEST: usize = 32;
const MOST_ELEMENTS: usize = 10_000;
const LONGEST_TAG: usize = 4096;

/// The widest joint ranges \[rad\] of the FR3's data sheet; for joint 3, whose served range is wider, those
/// of its URDF.
const LOWER: [f64; 7] = [-2.9007, -1.8361, -2.9065, -3.0770, -2.8763, 0.4398, -3.0508];
const UPPER: [f64; 7] = [2.9007, 1.8361, 2.9065, -0.1169, 2.8763, 4.6216, 3.0508];
/// The highest joint velocities [rad/s] of the FR3's data sheet.
const VELOCITY: [f64; 7] = [2.62, 2.62, 2.62, 2.62, 5.26, 5.26, 5.26];
/// The steepest braking curves towards the ends of the ranges [rad/s2]: those of the strongest joint of the
/// arm, and of the strongest joint of the wrist.
const DECELERATION: [f64; 7] = [6.0, 6.0, 6.0, 6.0, 17.0, 17.0, 17.0];
/// The largest distance of an element from the one before it, and of a centre of mass from its link \[m\].
const FARTHEST: f64 = 2.0;
/// The largest angle of an element's orientation \[rad\].
const LARGEST_ANGLE: f64 = 7.0;
/// The heaviest link \[kg\] and the largest entry of an inertia [kg m2].
const HEAVIEST: f64 = 20.0;
const LARGEST_INERTIA: f64 = 5.0;

/// The values that are used from the URDF of an FR3.
#[derive(Debug)]
pub(crate) struct Urdf {
    /// Joint ranges, velocities and braking curves.
    pub joints: JointVelocityLimitsConfig,
    /// Highest torques \[N m\].
    pub torque: [f64; 7],
    /// The rigid-body model: masses and places.
    pub model: Model,
}

impl Urdf {
    /// Reads the bytes that came from an arm.
    ///
    /// # Errors
    /// See [`Urdf::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Urdf, ArmError> {
        let text = std::str::from_utf8(bytes).map_err(|error| refused(format!("{error}")))?;
        Urdf::read(text)
    }

    /// Reads `text`, and checks each number that the limits or the model use.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`] if it is not a URDF, or not that of an FR3.
    pub fn read(text: &str) -> Result<Urdf, ArmError> {
        bounded(text)?;
        // The two readers treat a blank before the first tag differently.
        let text = text.trim();
        let document =
            roxmltree::Document::parse(text).map_err(|error| refused(error.to_string()))?;
        for element in document.descendants().filter(roxmltree::Node::is_element) {
            plausible(element)?;
        }
        let joints = JointVelocityLimitsConfig::from_urdf(text)
            .map_err(|error| refused(error.to_string()))?;
        for joint in 0..7 {
            within_data_sheet(joint, &joints)?;
        }
        let model = Model::from_urdf(text).map_err(|error| refused(error.to_string()))?;
        computable(&model)?;
        Ok(Urdf {
            joints,
            torque: torques(&document)?,
            model,
        })
    }
}

/// Checks that `text` is not larger, not more deeply nested and has no longer tags than a parser may get.
fn bounded(text: &str) -> Result<(), ArmError> {
    if text.len() > LONGEST {
        return Err(refused(format!(
            "it has {} bytes; at most {LONGEST} are expected",
            text.len()
        )));
    }
    let mut rest = text;
    let (mut depth, mut elements) = (0_usize, 0_usize);
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let until = |end: &str| rest.find(end).map(|at| at + end.len());
        let length = if rest.starts_with("<!--") {
            until("-->")
        } else if rest.starts_with("<![CDATA[") {
            until("]]>")
        } else if rest.starts_with("<?") {
            until("?>")
        } else if rest.starts_with("<!") {
            return Err(refused("it has a document type; none is expected"));
        } else {
            tag(rest)
        };
        let Some(length) = length else {
            return Err(refused(format!(
                "it has a tag without an end, or of more than {LONGEST_TAG} bytes"
            )));
        };
        let token = &rest[..length];
        if token.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !token.starts_with("<!") && !token.starts_with("<?") {
            elements += 1;
            // An empty element also counts as one level while it is read.
            if depth >= DEEPEST || elements > MOST_ELEMENTS {
                return Err(refused(format!(
                    "it has more than {DEEPEST} elements inside each other, or more than \
                     {MOST_ELEMENTS} in all"
                )));
            }
            depth += usize::from(!token.ends_with("/>"));
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// Returns the length of the tag at the start of `text`. A `>` in quotes does not end it.
fn tag(text: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = text.bytes().take(LONGEST_TAG).enumerate().skip(1);
    for (at, byte) in bytes {
        match (quote, byte) {
            (_, b'<') => return None,
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Checks that the numbers of an element that the model uses are plausible for an arm.
fn plausible(element: roxmltree::Node<'_, '_>) -> Result<(), ArmError> {
    let check = |attribute: &str, from: f64, to: f64, unit: &str| {
        for word in element
            .attribute(attribute)
            .unwrap_or_default()
            .split_whitespace()
        {
            let value = word.parse::<f64>();
            if !value.is_ok_and(|value| value >= from && value <= to) {
                let owners = element.ancestors().filter_map(|of| of.attribute("name"));
                let owner = owners.take(1).collect::<String>();
                return Err(refused(format!(
                    "{attribute} of {} of {owner} is {word:?}; expected {} to {}{unit}",
                    element.tag_name().name(),
                    number(from),
                    number(to)
                )));
            }
        }
        Ok(())
    };
    match element.tag_name().name() {
        "origin" => {
            check("xyz", -FARTHEST, FARTHEST, " m")?;
            check("rpy", -LARGEST_ANGLE, LARGEST_ANGLE, " rad")
        }
        "axis" => check("xyz", -1.0, 1.0, ""),
        "mass" => check("value", 0.0, HEAVIEST, " kg"),
        "inertia" => {
            for about in ["ixx", "iyy", "izz"] {
                check(about, 0.0, LARGEST_INERTIA, " kg m2")?;
            }
            for product in ["ixy", "ixz", "iyz"] {
                check(product, -LARGEST_INERTIA, LARGEST_INERTIA, " kg m2")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks that a joint may do no more than the data sheet says.
#[expect(
    clippy::indexing_slicing,
    reason = "a joint is counted from 0 to 6 here, whatever the document says"
)]
fn within_data_sheet(joint: usize, limits: &JointVelocityLimitsConfig) -> Result<(), ArmError> {
    let served = &limits.joint_params()[joint];
    let check = |what: &str, value: f64, from: f64, to: f64, unit: &str| {
        if value >= from && value <= to {
            return Ok(());
        }
        Err(limit_refused(joint, what, value, (from, to), unit))
    };
    let (lower, upper) = (served.lower_position_limit, served.upper_position_limit);
    let (from, to) = (LOWER[joint], UPPER[joint]);
    check("the lower end of its range", lower, from, to, "rad")?;
    check("the upper end of its range", upper, lower, to, "rad")?;
    if upper == lower {
        return Err(refused(format!(
            "joint{}: the range is from {} to {} rad; expected one that is not empty",
            joint + 1,
            number(lower),
            number(upper)
        )));
    }
    let slowest = JOINT_VELOCITY_LIMITS_TOLERANCE[joint];
    let velocity = served.max_velocity;
    check("its velocity", velocity, slowest, VELOCITY[joint], "rad/s")?;
    let steepest = DECELERATION[joint];
    let deceleration = served.deceleration_limit;
    check("its deceleration", deceleration, 0.1, steepest, "rad/s2")?;
    let offset = served.velocity_offset;
    check("its velocity offset", offset, 0.0, velocity, "rad/s")
}

/// Returns the highest torques, if the URDF has them.
#[expect(
    clippy::indexing_slicing,
    reason = "a joint is counted from 0 to 6 here, whatever the document says"
)]
fn torques(document: &roxmltree::Document<'_>) -> Result<[f64; 7], ArmError> {
    let mut torques = MAX_TORQUE;
    let joints = document.root_element().children();
    for joint in joints.filter(|node| node.has_tag_name("joint")) {
        let name = joint.attribute("name").unwrap_or_default();
        let Some(nth) = (0..7).find(|nth| name.ends_with(&format!("joint{}", nth + 1))) else {
            continue;
        };
        let limits = joint.children().filter(|node| node.has_tag_name("limit"));
        for effort in limits.filter_map(|limit| limit.attribute("effort")) {
            let value = effort.trim().parse().unwrap_or(f64::NAN);
            if !(value > 0.0 && value <= MAX_TORQUE[nth]) {
                let range = (0.0, MAX_TORQUE[nth]);
                return Err(limit_refused(nth, "its effort", value, range, "N m"));
            }
            torques[nth] = torques[nth].min(value);
        }
    }
    Ok(torques)
}

/// Checks that the model is finite at both ends and in the middle of the joints' ranges.
#[expect(
    clippy::indexing_slicing,
    reason = "a joint is counted from 0 to 6 here, whatever the document says"
)]
fn computable(model: &Model) -> Result<(), ArmError> {
    for share in [0.0, 0.5, 1.0] {
        let q = std::array::from_fn(|joint| LOWER[joint] + share * (UPPER[joint] - LOWER[joint]));
        let bare = Posture::bare(q);
        let mass = model.mass_q(&q, &bare.I_total, bare.m_total, &bare.F_x_Ctotal);
        let gravity = model.gravity_q(&q, bare.m_total, &bare.F_x_Ctotal, &bare.gravity_earth);
        let heavy = (0..7).all(|joint| mass[8 * joint] > 0.0);
        if !heavy || !mass.iter().chain(&gravity).all(|value| value.is_finite()) {
            return Err(refused(
                "its masses and places make a mass matrix that no arm has",
            ));
        }
    }
    Ok(())
}

fn limit_refused(
    joint: usize,
    what: &str,
    value: f64,
    (from, to): (f64, f64),
    unit: &str,
) -> ArmError {
    refused(format!(
        "joint{}: {what} is {} {unit}; expected {} to {} {unit}, which the data sheet of the FR3 allows",
        joint + 1,
        number_beside(value, &[from, to]),
        number_beside(from, &[value]),
        number_beside(to, &[value])
    ))
}

fn refused(why: impl std::fmt::Display) -> ArmError {
    ArmError::new(
        ArmErrorCode::Protocol,
        format!(
            "the model that the arm serves is not that of an FR3: {why}. Check the address, the \
             robot's system image, and that no other host answers there"
        ),
    )
}

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;

    fn refusal(text: &str) -> String {
        let error = Urdf::read(text).expect_err("it was taken");
        assert_eq!(error.code.as_str(), "FRANKA_PROTOCOL", "{error}");
        error.message
    }

    /// Returns the FR3's URDF with one piece of text replaced.
    fn with(old: &str, new: &str) -> String {
        assert!(FR3_URDF.contains(old), "{old}");
        FR3_URDF.replacen(old, new, 1)
    }

    const JOINT_1: &str =
        r#"<limit effort="87.0" lower="-2.750100" upper="2.75010" velocity="2.62"/>"#;

    fn limits_of_joint_1(effort: &str, lower: &str, upper: &str, velocity: &str) -> String {
        let limit = format!(
            r#"<limit effort="{effort}" lower="{lower}" upper="{upper}" velocity="{velocity}"/>"#
        );
        with(JOINT_1, &limit)
    }

    #[test]
    fn the_urdf_of_an_fr3_is_taken_and_a_stricter_one() {
        let own = Urdf::read(FR3_URDF).unwrap();
        assert_eq!(own.torque, MAX_TORQUE);
        let stricter = limits_of_joint_1("50", "-1", "1.5", "2");
        let stricter = Urdf::read(&stricter).unwrap();
        assert_eq!(stricter.torque[..2], [50.0, 87.0]);
        assert_eq!(stricter.joints[0].upper_position_limit, 1.5);
    }

    #[test]
    fn a_limit_that_no_data_sheet_has_is_refused_by_joint_and_value() {
        let not_numbers = ["NaN", "inf", "-inf", "1e308", "-1e308"];
        for value in not_numbers {
            for text in [
                limits_of_joint_1(value, "-2.75", "2.75", "2.62"),
                limits_of_joint_1("87", value, "2.75", "2.62"),
                limits_of_joint_1("87", "-2.75", value, "2.62"),
                limits_of_joint_1("87", "-2.75", "2.75", value),
            ] {
                let message = refusal(&text);
                assert!(message.contains("joint1"), "{message}");
                assert!(message.contains("data sheet"), "{message}");
            }
            for (old, new) in [
                (r#"velocity_offset="0.30""#, "velocity_offset"),
                (r#"deceleration_limit="6.0""#, "deceleration_limit"),
            ] {
                let message = refusal(&with(old, &format!("{new}=\"{value}\"")));
                assert!(message.contains("joint1"), "{message}");
            }
        }
        for (lower, upper) in [
            ("2.75", "-2.75"),
            ("1", "1"),
            ("-3", "2.75"),
            ("-2.75", "3"),
        ] {
            let message = refusal(&limits_of_joint_1("87", lower, upper, "2.62"));
            assert!(message.contains("joint1"), "{message}");
        }
        for velocity in ["2.7", "0", "-1"] {
            refusal(&limits_of_joint_1("87", "-2.75", "2.75", velocity));
        }
        refusal(&limits_of_joint_1("88", "-2.75", "2.75", "2.62"));
    }

    #[test]
    fn a_place_or_a_mass_that_no_arm_has_is_refused_by_link_and_value() {
        for (old, new) in [
            (r#"<mass value="2.9274653454"/>"#, r#"<mass value="NaN"/>"#),
            (r#"<mass value="2.9274653454"/>"#, r#"<mass value="-1"/>"#),
            (
                r#"<mass value="2.9274653454"/>"#,
                r#"<mass value="1e300"/>"#,
            ),
            (
                r#"xyz="0.0000004128 -0.0181251324"#,
                r#"xyz="inf -0.0181251324"#,
            ),
            (r#"ixx="0.023927316485107913""#, r#"ixx="-1""#),
            (r#"xyz="0 0 0.333""#, r#"xyz="0 0 1e200""#),
            (r#"<axis xyz="0 0 1"/>"#, r#"<axis xyz="0 0 NaN"/>"#),
        ] {
            let message = refusal(&with(old, new));
            assert!(message.contains("expected"), "{message}");
        }
        refusal(&with(r#"<axis xyz="0 0 1"/>"#, r#"<axis xyz="0 0 0"/>"#));
        let massless = FR3_URDF.replace("<mass value=\"", "<mass value=\"0\" x=\"");
        refusal(&massless);
    }

    #[test]
    fn what_is_too_large_too_deep_or_no_xml_is_refused_before_a_parser_sees_it() {
        let nested = |open: &str, close: &str, times: usize| {
            let (open, close) = (open.repeat(times), close.repeat(times));
            with("</robot>", &format!("{open}{close}</robot>"))
        };
        let many = with("</robot>", &format!("{}</robot>", "<a/>".repeat(20_000)));
        let attributes: String = (0..2_000).map(|nth| format!(" a{nth}=''")).collect();
        let wide = with("</robot>", &format!("<a{attributes}/></robot>"));
        let spaces = with("</robot>", &format!("{}</robot>", " ".repeat(LONGEST)));
        for text in [
            nested("<a>", "</a>", 30_000),
            nested("<a>", "", 60_000),
            // Text that looks like the end of a tag but is not.
            nested("<a b='/>'>", "", 20_000),
            nested("<a b=\"</a>\">", "", 50),
            nested("<a><!-- </a> -->", "", 10_000),
            nested("<a><![CDATA[</a>]]>", "", 10_000),
            nested("<a><?x </a>?>", "", 10_000),
            many,
            wide,
            spaces,
            with("<robot", "<!DOCTYPE a [<!ENTITY b 'c'>]><robot"),
            String::new(),
            "\0\u{1}\u{fffd}".repeat(1000),
            "<robot".to_owned(),
            "<robot/>".to_owned(),
        ] {
            refusal(&text);
        }
        Urdf::read(&nested("<a>", "</a>", DEEPEST - 1)).unwrap();
    }

    use proptest::prelude::{any, proptest};

    proptest! {
        #[test]
        fn whatever_comes_is_taken_or_refused(
            at in any::<proptest::sample::Index>(),
            length in 0_usize..40,
            instead in "[<>/!a-z\"'=.0-9eNan -]{0,20}",
        ) {
            let from = at.index(FR3_URDF.len() - 40);
            let text = format!("{}{instead}{}", &FR3_URDF[..from], &FR3_URDF[from + length..]);
            if let Ok(urdf) = Urdf::read(&text) {
                for (served, highest) in urdf.joints.joint_params().iter().zip(VELOCITY) {
                    assert!(served.max_velocity <= highest);
                }
            }
        }
    }
}
