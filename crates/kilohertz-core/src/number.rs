//! How numbers are written in messages: with few digits, but always with enough that a refused number does
//! not look like an allowed one.

use std::fmt;

/// How many significant digits a number that is not whole is written with.
const DIGITS: usize = 5;
/// With this many significant digits no two different `f64` are written alike.
const MOST_DIGITS: usize = 17;
/// Whole numbers below this are written in full; larger numbers, and those below `SMALL`, are written with
/// an exponent.
const LARGE: f64 = 1e15;
const SMALL: f64 = 1e-6;

/// A number for a message, as in `0.0009`, `1024`, `2.5e-9`, `NaN` or `Infinity`. `lib/errors/number.ts`
/// writes numbers in this way in TypeScript.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(f64);

/// Returns `value` in five significant digits; a whole number is written in full.
pub fn number(value: f64) -> Number {
    Number(rounded(value, DIGITS))
}

/// Returns `value` in as many digits as distinguish it from each of `others`, but at least five.
pub fn number_beside(value: f64, others: &[f64]) -> Number {
    let is_told = |digits: usize| {
        others
            .iter()
            .all(|&other| value == other || rounded(value, digits) != rounded(other, digits))
    };
    let digits = (DIGITS..MOST_DIGITS).find(|&digits| is_told(digits));
    Number(rounded(value, digits.unwrap_or(MOST_DIGITS)))
}

/// Returns the limit `value` in five significant digits, rounded away from `beyond`, a value that is not
/// allowed. A user who keeps to the number in the message therefore keeps to the limit.
pub fn number_before(value: f64, beyond: f64) -> Number {
    let near = rounded(value, DIGITS);
    let is_past = |told: f64| match beyond > value {
        true => told > value,
        false => told < value,
    };
    if !is_past(near) {
        return Number(near);
    }
    let exponent = value.abs().log10().floor() as i32;
    let step = 10_f64.powi(exponent + 1 - DIGITS as i32);
    let before = rounded(near - step.copysign(beyond - value), DIGITS);
    Number(if is_past(before) { value } else { before })
}

fn rounded(value: f64, digits: usize) -> f64 {
    if !value.is_finite() || (value.fract() == 0.0 && value.abs() < LARGE) {
        return value;
    }
    let text = format!("{value:.*e}", digits - 1);
    // Numbers next to the largest `f64` would round to infinity.
    text.parse()
        .ok()
        .filter(|near: &f64| near.is_finite())
        .unwrap_or(value)
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Number(value) = *self;
        let size = value.abs();
        match value {
            _ if value == 0.0 => f.write_str("0"),
            f64::INFINITY => f.write_str("Infinity"),
            f64::NEG_INFINITY => f.write_str("-Infinity"),
            _ if !(SMALL..LARGE).contains(&size) => write!(f, "{value:e}"),
            _ => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_short_and_whole_ones_are_whole() {
        for (value, text) in [
            (0.000_900_000_000_000_000_1, "0.0009"),
            (0.1 + 0.2, "0.3"),
            (2.619_999_999_9, "2.62"),
            (-0.0, "0"),
            (123_456.0, "123456"),
            (14_250.0, "14250"),
            (123_456.7, "123460"),
            (1e-9, "1e-9"),
            (-2.345_678e-7, "-2.3457e-7"),
            (1e300, "1e300"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number(value).to_string(), text);
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_never_written_as_the_limit() {
        for (value, limit, text) in [
            (1.000_000_1, 1.0, "1.0000001"),
            (3.000_01, 3.0, "3.00001"),
            (2.619_999_999_9, 2.62, "2.6199999999"),
            (4.0, 3.0, "4"),
            (3.0, 3.0, "3"),
        ] {
            assert_eq!(number_beside(value, &[limit]).to_string(), text);
        }
    }

    #[test]
    fn a_limit_that_is_told_is_one_that_is_kept() {
        let (down, up) = (f64::NEG_INFINITY, f64::INFINITY);
        for (value, beyond, text) in [
            (-1.773_97, down, "-1.7739"),
            (-1.773_97, up, "-1.774"),
            (2.309_27, 3.0, "2.3092"),
            (0.999_999, up, "0.99999"),
            (1.000_001, down, "1.0001"),
            (2.5, up, "2.5"),
            (-3.0, down, "-3"),
            (0.0, up, "0"),
            (f64::MAX, up, "1.7976931348623157e308"),
        ] {
            assert_eq!(number_before(value, beyond).to_string(), text, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_limit_is_told_on_the_side_that_is_allowed(
            value in proptest::num::f64::NORMAL,
            is_upper in proptest::bool::ANY,
        ) {
            let beyond = if is_upper { f64::INFINITY } else { f64::NEG_INFINITY };
            let told: f64 = number_before(value, beyond).to_string().parse().unwrap();
            prop_assert!(if is_upper { told <= value } else { told >= value }, "{told} of {value}");
            prop_assert!((told - value).abs() <= 1.1e-4 * value.abs(), "{told} of {value}");
        }

        #[test]
        fn a_number_is_written_within_its_digits(value in proptest::num::f64::NORMAL) {
            let text = number(value).to_string();
            let read: f64 = text.parse().unwrap();
            prop_assert!((read - value).abs() <= 5.1e-5 * value.abs(), "{text} of {value}");
            prop_assert!(text.len() <= 24, "{text}");
        }

        #[test]
        fn two_numbers_that_differ_are_written_differently(
            limit in -1e6..1e6_f64,
            off in -1e-3..1e-3_f64,
        ) {
            let value = limit + off;
            let written = number_beside(value, &[limit]).to_string();
            let same = written == number_beside(limit, &[value]).to_string();
            prop_assert!(value == limit || !same, "{value}, {limit}");
        }
    }
}
