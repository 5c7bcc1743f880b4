//! Which numbers go into a model and come out of it.

use std::ops::Range;

/// Where the numbers of an input come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Slots of the observation.
    Slots(Range<usize>),
    /// Numbers that do not change.
    Numbers(Vec<f64>),
}

impl Part {
    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        match self {
            Part::Slots(range) => range.len(),
            Part::Numbers(numbers) => numbers.len(),
        }
    }

    /// Returns true if it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A scaling of each number of a row: `factor * x + offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// The factors, one for each number of a row.
    pub factor: Vec<f64>,
    /// The offsets, one for each number of a row.
    pub offset: Vec<f64>,
}

impl Affine {
    /// Returns the scaled number at this place of a row.
    pub(crate) fn scaled(&self, at: usize, number: f64) -> f64 {
        let of = |values: &[f64], missing| values.get(at).copied().unwrap_or(missing);
        of(&self.factor, 1.0) * number + of(&self.offset, 0.0)
    }

    /// Returns true if it has a factor and an offset for each of `len` numbers.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.factor.len() == len && self.offset.len() == len
    }
}

/// An input of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The name that the model has for it.
    pub name: String,
    /// Where its numbers come from, one part after the other.
    pub parts: Vec<Part>,
    /// What is done to each number.
    pub scaling: Option<Affine>,
}

impl Input {
    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Returns true if it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns its numbers for an observation, scaled. A slot that the observation does not have is NaN.
    pub(crate) fn numbers<'a>(&'a self, observation: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let raw = self.parts.iter().flat_map(|part| {
            let (slots, numbers): (Range<usize>, &[f64]) = match part {
                Part::Slots(range) => (range.clone(), &[]),
                Part::Numbers(numbers) => (0..0, numbers),
            };
            let seen = |slot| observation.get(slot).copied().unwrap_or(f64::NAN);
            slots.map(seen).chain(numbers.iter().copied())
        });
        raw.enumerate().map(|(at, number)| match &self.scaling {
            Some(scaling) => scaling.scaled(at, number),
            None => number,
        })
    }
}

/// The output of a model that is the action.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The name that the model has for it.
    pub name: String,
    /// How many numbers an action has.
    pub width: usize,
    /// How many actions it has at most if it is a chunk; `None` if it is a single action.
    pub most_rows: Option<usize>,
    /// What is done to each number of an action.
    pub scaling: Option<Affine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_each_number_is_scaled_by_its_own() {
        let input = Input {
            name: "observation".to_owned(),
            parts: vec![
                Part::Slots(1..3),
                Part::Numbers(vec![5.0]),
                Part::Slots(7..8),
            ],
            scaling: Some(Affine {
                factor: vec![2.0, 1.0, 1.0, 1.0],
                offset: vec![0.0, -1.0, 0.0, 0.0],
            }),
        };
        let numbers: Vec<f64> = input.numbers(&[9.0, 1.0, 2.0]).collect();
        assert_eq!(numbers[..3], [2.0, 1.0, 5.0]);
        assert!(numbers[3].is_nan() && numbers.len() == input.len());
    }
}
