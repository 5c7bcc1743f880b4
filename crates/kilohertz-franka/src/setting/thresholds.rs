//! The thresholds of contacts and collisions.

use kilohertz_core::number::number_beside;

use crate::invalid_value::{InvalidValue, invalid, not_negative};

/// The thresholds for forces and torques from outside. Above `lower` they count as a contact, which the
/// state shows. Above `upper` they count as a collision, which stops the arm by a reflex.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// The lower thresholds of joint torques [N m].
    pub lower_torques: [f64; 7],
    /// The upper thresholds of joint torques [N m].
    pub upper_torques: [f64; 7],
    /// The lower thresholds of forces and torques at the stiffness frame [N, N m].
    pub lower_forces: [f64; 6],
    /// The upper thresholds of forces and torques at the stiffness frame [N, N m].
    pub upper_forces: [f64; 6],
}

impl Thresholds {
    pub(super) fn take(rest: &mut &[f64]) -> Option<Thresholds> {
        Some(Thresholds {
            lower_torques: take_array(rest)?,
            upper_torques: take_array(rest)?,
            lower_forces: take_array(rest)?,
            upper_forces: take_array(rest)?,
        })
    }

    /// Returns the thresholds with their names in the TypeScript API, without the prefix, and true for
    /// those of joints.
    pub(crate) fn named(&self) -> [(&'static str, &[f64], bool); 4] {
        [
            ("lowerTorquesNm", &self.lower_torques, true),
            ("upperTorquesNm", &self.upper_torques, true),
            ("lowerForces", &self.lower_forces, false),
            ("upperForces", &self.upper_forces, false),
        ]
    }

    pub(super) fn check(&self, prefix: &str) -> Result<(), InvalidValue> {
        for pair in self.named().chunks_exact(2) {
            let [(low, lower, _), (high, upper, _)] = pair else {
                continue;
            };
            let (low, high) = (format!("{prefix}{low}"), format!("{prefix}{high}"));
            for (nth, (&least, &most)) in lower.iter().zip(*upper).enumerate() {
                not_negative((&low, &format!("{low}[{nth}]")), least)?;
                if !(most >= least && most.is_finite()) {
                    let expected = format!(
                        "a finite number from {}, the lower threshold, on",
                        number_beside(least, &[most])
                    );
                    return invalid((&high, &format!("{high}[{nth}]")), most, &[least], expected);
                }
            }
        }
        Ok(())
    }
}

/// Takes the next values.
pub(super) fn take_array<const N: usize>(rest: &mut &[f64]) -> Option<[f64; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}
