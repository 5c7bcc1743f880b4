//! Comparisons with limits that are right for NaN too.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// Returns true if `value` is beyond `limit`. A NaN is beyond every limit.
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "what cannot be compared is beyond, and the compiler compares several at a time"
)]
pub fn exceeds(value: f64, limit: f64) -> bool {
    !(value <= limit)
}

/// Returns the largest magnitude of `values`; NaN if one of them is NaN.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    let magnitudes = values.into_iter().map(f64::abs);
    magnitudes.fold(0.0, |most: f64, value| match value.is_nan() {
        true => value,
        false if value > most => value,
        false => most,
    })
}

/// Returns `value`, no lower than `lowest` and no higher than `highest`. Unlike [`f64::clamp`] this never
/// panics: if the bounds contradict each other the result is `highest`, a bound that is NaN has no effect,
/// and a value that is NaN counts as zero.
pub fn confined(value: f64, lowest: f64, highest: f64) -> f64 {
    let value = if value.is_nan() { 0.0 } else { value };
    value.max(lowest).min(highest)
}

/// Writes the difference of each slot of `to` from that of `from`.
pub fn difference(from: &[f64], to: &[f64], out: &mut [f64]) {
    for (out, (from, to)) in out.iter_mut().zip(from.iter().zip(to)) {
        *out = to - from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_beyond_every_limit_and_inside_every_bound() {
        const NAN: f64 = f64::NAN;
        assert!(exceeds(NAN, 1.0) && exceeds(1.0, NAN) && exceeds(1.1, 1.0));
        assert!(!exceeds(1.0, 1.0) && !exceeds(-2.0, 1.0));
        assert!(largest([1.0, NAN, 5.0]).is_nan() && largest([NAN, 5.0]).is_nan());
        assert_eq!(largest([1.0, -3.0, 2.0]), 3.0);
        assert_eq!(confined(NAN, 1.0, 2.0), 1.0);
        assert_eq!(confined(NAN, -1.0, 2.0), 0.0);
        assert_eq!(confined(5.0, NAN, 2.0), 2.0);
        assert_eq!(confined(-5.0, -1.0, NAN), -1.0);
        assert_eq!(confined(0.0, 2.0, 1.0), 1.0);
    }
}
