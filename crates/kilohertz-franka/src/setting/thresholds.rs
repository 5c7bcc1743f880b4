//! From when on a contact counts.

use kilohertz_core::number::number_beside;

use crate::refusal::{Refusal, not_negative, refuse};

/// From when on what is felt from outside counts: above `lower` it is a contact, which the state
/// shows; above `upper` a collision, which stops the arm by a reflex.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Torques of the joints [N m].
    pub lower_torques: [f64; 7],
    /// Torques of the joints [N m].
    pub upper_torques: [f64; 7],
    /// Forces and torques of the stiffness frame [N, N m].
    pub lower_forces: [f64; 6],
    /// Forces and torques of the stiffness frame [N, N m].
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

    /// The thresholds by the names of the TypeScript API, without their prefix, and whether they are a joint's.
    pub(crate) fn named(&self) -> [(&'static str, &[f64], bool); 4] {
        [
            ("lowerTorquesNm", &self.lower_torques, true),
            ("upperTorquesNm", &self.upper_torques, true),
            ("lowerForces", &self.lower_forces, false),
            ("upperForces", &self.upper_forces, false),
        ]
    }

    pub(super) fn check(&self, prefix: &str) -> Result<(), Refusal> {
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
                    return refuse((&high, &format!("{high}[{nth}]")), most, &[least], expected);
                }
            }
        }
        Ok(())
    }
}

/// The next values.
pub(super) fn take_array<const N: usize>(rest: &mut &[f64]) -> Option<[f64; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}
