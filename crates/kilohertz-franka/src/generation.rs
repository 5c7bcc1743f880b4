//! The two generations of the arm.

use std::fmt;
use std::str::FromStr;

use franka::FciVersion;
use franka::wire::robot::{v5, v10};

/// The generation of an arm, which also determines the version of FCI that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Franka Research 3, FCI version 10.
    Fr3,
    /// Franka Emika Robot, also called Panda, FCI version 5.
    Fer,
}

impl Generation {
    /// Both generations.
    pub const ALL: [Generation; 2] = [Generation::Fr3, Generation::Fer];

    /// Returns the generation's name, as in the TypeScript API.
    pub const fn name(self) -> &'static str {
        match self {
            Generation::Fr3 => "fr3",
            Generation::Fer => "fer",
        }
    }

    /// Returns the version of FCI that the arm speaks.
    pub const fn fci_version(self) -> u16 {
        match self {
            Generation::Fr3 => 10,
            Generation::Fer => 5,
        }
    }

    /// Returns the mass that the arm can carry at its flange, end effector included \[kg\]: the payload of
    /// its data sheet.
    pub const fn payload(self) -> f64 {
        match self {
            Generation::Fr3 | Generation::Fer => 3.0,
        }
    }

    pub(crate) const fn wire(self) -> FciVersion {
        match self {
            Generation::Fr3 => FciVersion::V10,
            Generation::Fer => FciVersion::V5,
        }
    }

    /// Returns how many bytes the datagram of a state has.
    pub(crate) const fn state_length(self) -> usize {
        match self {
            Generation::Fr3 => size_of::<v10::RobotState>(),
            Generation::Fer => size_of::<v5::RobotState>(),
        }
    }

    pub(crate) const fn of(wire: FciVersion) -> Generation {
        match wire {
            FciVersion::V10 => Generation::Fr3,
            FciVersion::V5 => Generation::Fer,
        }
    }

    /// Returns the generation that speaks this version; `None` if neither does.
    pub(crate) fn speaking(version: u16) -> Option<Generation> {
        Generation::ALL
            .into_iter()
            .find(|generation| generation.fci_version() == version)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Generation {
    type Err = String;

    fn from_str(name: &str) -> Result<Generation, String> {
        Generation::ALL
            .into_iter()
            .find(|generation| generation.name() == name)
            .ok_or_else(|| format!("{name:?} is no generation of the arm; there are fr3 and fer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_goes_by_its_name_and_its_version() {
        for generation in Generation::ALL {
            assert_eq!(generation.name().parse(), Ok(generation));
            assert_eq!(Generation::of(generation.wire()), generation);
            let version = generation.fci_version();
            assert_eq!(Generation::speaking(version), Some(generation));
        }
        assert_eq!(Generation::speaking(9), None);
        let refused = "panda".parse::<Generation>().unwrap_err();
        assert!(refused.contains("panda") && refused.contains("fr3 and fer"));
    }
}
