//! Statistics of a feature, as LeRobot keeps them for each episode and for the whole data set.

use serde_json::{Value as Json, json};

/// The quantiles, with LeRobot's names.
pub(super) const QUANTILES: [(&str, f64); 5] = [
    ("q01", 0.01),
    ("q10", 0.1),
    ("q50", 0.5),
    ("q90", 0.9),
    ("q99", 0.99),
];

/// How many values of a slot the quantiles of an episode are taken of. Of a longer episode they are taken of
/// every second value, or fourth, and so on.
const SAMPLES: usize = 1 << 16;

/// The statistics of a feature: a number for each of its slots.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stats {
    pub min: Vec<f64>,
    pub max: Vec<f64>,
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
    pub count: u64,
    /// By quantile; empty if they are not known.
    pub quantiles: Vec<Vec<f64>>,
}

/// Gathers the values of a feature over an episode.
pub(super) struct Gathering {
    min: Vec<f64>,
    max: Vec<f64>,
    mean: Vec<f64>,
    /// The sum of the squared distances from the mean.
    squares: Vec<f64>,
    count: u64,
    samples: Vec<Vec<f64>>,
    /// Every how many-th value is in `samples`.
    stride: u64,
}

impl Gathering {
    pub fn new(slots: usize) -> Gathering {
        Gathering {
            min: vec![f64::INFINITY; slots],
            max: vec![f64::NEG_INFINITY; slots],
            mean: vec![0.0; slots],
            squares: vec![0.0; slots],
            count: 0,
            samples: vec![Vec::new(); slots],
            stride: 1,
        }
    }

    /// Takes the values of a frame, one for each slot.
    pub fn push(&mut self, values: impl Iterator<Item = f64>) {
        let is_sample = self.count.is_multiple_of(self.stride);
        self.count += 1;
        for (slot, number) in values.enumerate() {
            self.min[slot] = self.min[slot].min(number);
            self.max[slot] = self.max[slot].max(number);
            let from_mean = number - self.mean[slot];
            self.mean[slot] += from_mean / self.count as f64;
            self.squares[slot] += from_mean * (number - self.mean[slot]);
            if is_sample {
                self.samples[slot].push(number);
            }
        }
        if self
            .samples
            .first()
            .is_some_and(|samples| samples.len() > SAMPLES)
        {
            self.stride *= 2;
            for samples in &mut self.samples {
                let mut index = 0;
                samples.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
            }
        }
    }

    pub fn finish(mut self) -> Stats {
        for samples in &mut self.samples {
            samples.sort_by(f64::total_cmp);
        }
        let quantile = |part: f64| self.samples.iter().map(|sorted| at(sorted, part)).collect();
        Stats {
            quantiles: QUANTILES.iter().map(|&(_, part)| quantile(part)).collect(),
            std: self
                .squares
                .iter()
                .map(|sum| (sum / self.count.max(1) as f64).sqrt())
                .collect(),
            min: self.min,
            max: self.max,
            mean: self.mean,
            count: self.count,
        }
    }
}

/// Returns what lies at a part of the way through sorted values, between two of them if need be.
fn at(sorted: &[f64], part: f64) -> f64 {
    let place = part * sorted.len().saturating_sub(1) as f64;
    let below = place.floor() as usize;
    let value = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let above = value((below + 1).min(sorted.len().saturating_sub(1)));
    value(below) + (above - value(below)) * (place - below as f64)
}

impl Stats {
    /// Returns the statistics of the values of both. The quantiles are the mean of both, by their counts, as
    /// the values are not known any more.
    pub fn with(&self, other: &Stats) -> Stats {
        let count = self.count + other.count;
        let share = other.count as f64 / count.max(1) as f64;
        let blend = |a: &[f64], b: &[f64]| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| a + (b - a) * share).collect()
        };
        let each = |a: &[f64], b: &[f64], pick: fn(f64, f64) -> f64| -> Vec<f64> {
            a.iter().zip(b).map(|(&a, &b)| pick(a, b)).collect()
        };
        let mean = blend(&self.mean, &other.mean);
        let around = |stats: &Stats| -> Vec<f64> {
            let parts = stats.std.iter().zip(&stats.mean).zip(&mean);
            parts
                .map(|((std, own), mean)| std * std + (own - mean) * (own - mean))
                .collect()
        };
        let variance = blend(&around(self), &around(other));
        Stats {
            min: each(&self.min, &other.min, f64::min),
            max: each(&self.max, &other.max, f64::max),
            std: variance.iter().map(|variance| variance.sqrt()).collect(),
            mean,
            count,
            quantiles: self
                .quantiles
                .iter()
                .zip(&other.quantiles)
                .map(|(a, b)| blend(a, b))
                .collect(),
        }
    }

    /// Returns the statistics as LeRobot writes them. Those of an image have a number for each colour, in a
    /// shape of 3 x 1 x 1.
    pub fn to_json(&self, is_image: bool) -> Json {
        let shaped = |values: &[f64]| -> Json {
            match is_image {
                true => values.iter().map(|value| json!([[value]])).collect(),
                false => json!(values),
            }
        };
        let mut all = json!({
            "min": shaped(&self.min),
            "max": shaped(&self.max),
            "mean": shaped(&self.mean),
            "std": shaped(&self.std),
            "count": [self.count],
        });
        for ((name, _), values) in QUANTILES.iter().zip(&self.quantiles) {
            all[*name] = shaped(values);
        }
        all
    }

    /// Reads the statistics of a feature of `slots` slots.
    pub fn from_json(json: &Json, slots: usize) -> Option<Stats> {
        let numbers = |name: &str| -> Option<Vec<f64>> {
            let mut flat = Vec::new();
            flatten(json.get(name)?, &mut flat)?;
            (flat.len() == slots).then_some(flat)
        };
        let quantiles: Option<Vec<Vec<f64>>> =
            QUANTILES.iter().map(|(name, _)| numbers(name)).collect();
        Some(Stats {
            min: numbers("min")?,
            max: numbers("max")?,
            mean: numbers("mean")?,
            std: numbers("std")?,
            count: json.get("count")?.get(0)?.as_f64()? as u64,
            quantiles: quantiles.unwrap_or_default(),
        })
    }
}

fn flatten(json: &Json, flat: &mut Vec<f64>) -> Option<()> {
    match json {
        Json::Array(parts) => parts.iter().try_for_each(|part| flatten(part, flat)),
        number => {
            flat.push(number.as_f64()?);
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(values: impl IntoIterator<Item = f64>) -> Stats {
        let mut gathering = Gathering::new(1);
        values
            .into_iter()
            .for_each(|value| gathering.push([value].into_iter()));
        gathering.finish()
    }

    fn assert_close(a: &[f64], b: &[f64]) {
        assert!(
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9),
            "{a:?} {b:?}"
        );
    }

    #[test]
    fn two_parts_have_the_statistics_of_the_whole() {
        let values = |range: std::ops::Range<i32>| range.map(|i| f64::from((i * 37) % 101));
        let (whole, joined) = (
            gathered(values(0..500)),
            gathered(values(0..120)).with(&gathered(values(120..500))),
        );
        assert_eq!(
            (whole.count, &whole.min, &whole.max),
            (joined.count, &joined.min, &joined.max)
        );
        assert_close(&whole.mean, &joined.mean);
        assert_close(&whole.std, &joined.std);
        assert_eq!(
            Stats::from_json(&whole.to_json(false), 1).expect("statistics"),
            whole
        );
    }

    #[test]
    fn quantiles_lie_between_values_and_memory_is_bounded() {
        let few = gathered((0..=100).map(f64::from));
        assert_eq!(few.quantiles.concat(), [1.0, 10.0, 50.0, 90.0, 99.0]);
        assert_eq!(gathered([1.0, 2.0]).quantiles[2], [1.5]);
        let mut many = Gathering::new(1);
        for value in 0..1_000_000 {
            many.push([f64::from(value)].into_iter());
        }
        assert!(many.samples[0].len() <= SAMPLES);
        let median = many.finish().quantiles[2][0];
        assert!((median - 500_000.0).abs() < 100.0, "{median}");
    }
}
