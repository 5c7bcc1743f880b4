//! How late a thread wakes that only sleeps, beside which the loop is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use kilohertz_core::stats::histogram_buckets;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::timing::wakes::{Wakes, measure};
use napi::bindgen_prelude::{Float64Array, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::{Code, Failure};
use crate::session::options::seconds;
use crate::session::realtime::NativeGrant;

/// What is measured. Absent requests are not made.
#[napi(object)]
pub struct NativeWakesOptions {
    pub rate_hz: f64,
    pub duration_s: f64,
    pub priority: Option<u8>,
    pub cpu: Option<u32>,
    pub lock_memory: bool,
    pub timer_slack_s: Option<f64>,
}

/// How late wakes were.
#[napi(object, object_from_js = false)]
pub struct NativeWakesMeasured {
    /// The upper edges [s] and the counts of the buckets that are not empty.
    pub upper_s: Float64Array,
    pub counts: Float64Array,
    pub max_s: f64,
    /// Deadlines that passed before the wake before them.
    pub missed: f64,
    pub priority: NativeGrant,
    pub cpu: NativeGrant,
}

impl From<Wakes> for NativeWakesMeasured {
    fn from(wakes: Wakes) -> NativeWakesMeasured {
        let (upper, counts) = histogram_buckets(&wakes.lateness);
        NativeWakesMeasured {
            upper_s: Float64Array::new(upper),
            counts: Float64Array::new(counts),
            max_s: wakes.lateness.max() as f64 * 1e-9,
            missed: wakes.missed as f64,
            priority: (&wakes.realtime.priority).into(),
            cpu: (&wakes.realtime.cpu).into(),
        }
    }
}

/// A measurement, which can be ended.
#[napi]
pub struct NativeWakes {
    stopped: Arc<AtomicBool>,
}

#[napi]
impl NativeWakes {
    #[napi(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript calls it, and it has no other caller"
    )]
    pub fn new() -> NativeWakes {
        NativeWakes {
            stopped: Arc::default(),
        }
    }

    /// Ends the measurement at its next wake.
    #[napi]
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Measures on a thread of its own.
    #[napi(ts_return_type = "Promise<NativeWakesMeasured>")]
    pub fn measure<'env>(
        &self,
        env: &'env Env,
        options: NativeWakesOptions,
    ) -> Result<Object<'env>> {
        let stopped = Arc::clone(&self.stopped);
        let request = RealtimeRequest {
            priority: options.priority,
            cpu: options.cpu.map(|cpu| cpu as usize),
            lock_memory: options.lock_memory,
            timer_slack: options.timer_slack_s.map(seconds),
        };
        let period = Duration::from_secs_f64(1.0 / options.rate_hz);
        let lasts = seconds(options.duration_s);
        in_background(env, move || {
            // What the thread asks of the system ends with it.
            let thread = Builder::new()
                .name("kilohertz-wakes".to_owned())
                .spawn(move || measure(period, lasts, &request, &stopped))
                .map_err(|error| Failure::thread(&error))?;
            let wakes = thread
                .join()
                .map_err(|_| Failure::new(Code::System, "the measurement panicked"))?;
            Ok(NativeWakesMeasured::from(wakes))
        })
    }
}
