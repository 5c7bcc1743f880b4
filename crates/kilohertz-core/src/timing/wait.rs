//! Waiting for a deadline: sleep until shortly before it, then spin.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::timing::clock::sleep_until;
use crate::timing::time::{Time, nanos};

/// The share of wakes from sleep that the spin window is to cover.
const QUANTILE: f64 = 0.998;
/// How far one late wake widens the window [ns]. The adaptive row of `benches/pacer.rs` was the
/// cheapest of those that kept the p99 lateness below a microsecond with this step.
const STEP_NS: f64 = 20_000.0;
/// Added to the tracked quantile, for the time between the wake and the spin [ns].
const MARGIN_NS: f64 = 5_000.0;
/// The window before anything is known about the machine [ns].
const FIRST_NS: f64 = 100_000.0;
const MIN_NS: f64 = 20_000.0;
/// Spinning takes at most this share of a period: a fifth of a core, and far from the kernel's realtime
/// throttling, which stops a `SCHED_FIFO` thread that never sleeps.
const MAX_SHARE: f64 = 0.2;
const MAX_NS: f64 = 500_000.0;
/// The longest single sleep, so that a stop is noticed at low rates too.
const SLICE: Duration = Duration::from_millis(20);

/// How long before a deadline to stop sleeping, learnt from how late this machine wakes sleeping threads.
///
/// It follows the 99.8 % quantile of the wake lateness by a stochastic approximation. A wake later than the
/// window widens it by a large step; a wake within it narrows it by a small step. The ratio of the steps
/// balances at the quantile.
#[derive(Debug, Clone)]
pub struct SpinWindow {
    quantile_ns: f64,
    max_ns: f64,
}

impl SpinWindow {
    /// Creates a window for cycles of `period`.
    pub fn new(period: Duration) -> SpinWindow {
        let max_ns = (period.as_secs_f64() * 1e9 * MAX_SHARE).clamp(0.0, MAX_NS);
        SpinWindow {
            quantile_ns: FIRST_NS.min(max_ns),
            max_ns,
        }
    }

    /// Returns how long before the deadline the sleep is to end.
    pub fn get(&self) -> Duration {
        let window = (self.quantile_ns + MARGIN_NS).max(MIN_NS).min(self.max_ns);
        Duration::from_nanos(window as u64)
    }

    /// Takes in how late a sleep ended.
    pub fn learn(&mut self, lateness: Duration) {
        let step = if nanos(lateness) as f64 > self.quantile_ns {
            STEP_NS * QUANTILE
        } else {
            -STEP_NS * (1.0 - QUANTILE)
        };
        self.quantile_ns = (self.quantile_ns + step).clamp(0.0, self.max_ns);
    }
}

/// Waits for deadlines and learns the spin window from each wait.
#[derive(Debug, Clone)]
pub struct Waiter {
    window: SpinWindow,
}

impl Waiter {
    /// Creates a waiter for cycles of `period`.
    pub fn new(period: Duration) -> Waiter {
        Waiter {
            window: SpinWindow::new(period),
        }
    }

    /// Waits until `deadline` or a little later, and returns the time then. Returns early if `cancelled`
    /// returns true; it is called every 20 ms of sleep.
    pub fn wait(&mut self, deadline: Time, cancelled: impl Fn() -> bool) -> Time {
        let wake = deadline - self.window.get();
        let mut now = Time::now();
        while now < wake {
            if cancelled() {
                return now;
            }
            let until = wake.min(now + SLICE);
            sleep_until(until.as_nanos());
            now = Time::now();
            if until == wake {
                self.window.learn(now.since(wake));
            }
        }
        while now < deadline {
            std::hint::spin_loop();
            now = Time::now();
        }
        now
    }

    /// Returns the present spin window.
    pub fn window(&self) -> Duration {
        self.window.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(1);

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn narrows_on_a_punctual_machine_and_widens_on_a_late_one() {
        let mut window = SpinWindow::new(PERIOD);
        for _ in 0..20_000 {
            window.learn(us(3));
        }
        assert!(window.get() < us(40), "{:?}", window.get());
        for tick in 0..20_000 {
            window.learn(us(if tick % 100 == 0 { 120 } else { 3 }));
        }
        assert!(window.get() > us(100), "{:?}", window.get());
    }

    #[test]
    fn forgives_a_rare_outlier() {
        let mut window = SpinWindow::new(PERIOD);
        for tick in 0..200_000_u32 {
            window.learn(us(if tick % 10_000 == 0 { 8_000 } else { 10 }));
        }
        assert!(window.get() < us(60), "{:?}", window.get());
    }

    #[test]
    fn never_spins_more_than_a_fifth_of_a_period() {
        for period_us in [100, 1_000, 20_000] {
            let mut window = SpinWindow::new(us(period_us));
            for _ in 0..10_000 {
                window.learn(us(50_000));
            }
            assert!(window.get() <= us(period_us / 5).min(us(500)));
        }
    }

    #[test]
    fn never_returns_before_the_deadline() {
        let mut waiter = Waiter::new(PERIOD);
        for _ in 0..50 {
            let deadline = Time::now() + PERIOD;
            assert!(waiter.wait(deadline, || false) >= deadline);
        }
    }

    #[test]
    fn gives_up_a_long_wait_when_cancelled() {
        let mut waiter = Waiter::new(Duration::from_secs(3_600));
        let deadline = Time::now() + Duration::from_secs(3_600);
        assert!(waiter.wait(deadline, || true) < deadline);
    }
}
