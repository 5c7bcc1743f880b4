//! How long a policy takes for a chunk, from the latencies of late.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// Of how many of the newest latencies the expected one is taken, and which share of them is no longer.
const LATELY: usize = 20;
const EXPECTED_SHARE: f64 = 0.9;

/// The newest latencies of a policy.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    /// In seconds.
    newest_s: [f64; LATELY],
    /// How many there were.
    count: usize,
}

impl Latencies {
    /// Takes in the latency of an answer \[s\].
    pub fn add(&mut self, latency_s: f64) {
        self.newest_s[self.count % LATELY] = latency_s;
        self.count = self.count.saturating_add(1);
    }

    /// Returns how long an answer will probably take \[s\]; 0 before the first.
    pub fn expected_s(&self) -> f64 {
        let mut lately = self.newest_s;
        let lately = &mut lately[..self.count.min(LATELY)];
        lately.sort_unstable_by(f64::total_cmp);
        let nth = (EXPECTED_SHARE * lately.len() as f64).ceil() as usize;
        lately.get(nth.saturating_sub(1)).copied().unwrap_or(0.0)
    }
}
