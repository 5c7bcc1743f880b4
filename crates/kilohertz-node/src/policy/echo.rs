//! The bare echo that the benches compare a policy in a process with.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kilohertz_core::channel::echo::Echo;
use kilohertz_core::policy::PolicyThread;
use kilohertz_core::thread::awake::{Awake, AwakeRequest, KeepAwake, this_thread};
use kilohertz_core::thread::promotion::Promotion;
use kilohertz_core::thread::{RealtimeRequest, block_signals, make_realtime};
use kilohertz_core::timing::time::Time;
use kilohertz_core::timing::wait::Waiter;
use napi::bindgen_prelude::Float64Array;
use napi::{Env, Result};
use napi_derive::napi;

use crate::error::{Code, Failure, OrThrow};

fn system(error: &std::io::Error) -> Failure {
    Failure::new(Code::System, error.to_string())
}

/// One end of an echo.
#[napi]
pub struct NativeEcho {
    echo: Option<Echo>,
}

#[napi]
impl NativeEcho {
    /// Creates the asking end.
    #[napi(constructor)]
    pub fn new(env: &Env) -> Result<NativeEcho> {
        let echo = Echo::make().map_err(|error| system(&error)).or_throw(env)?;
        Ok(NativeEcho { echo: Some(echo) })
    }

    /// Creates the echoing end, in a child.
    #[napi(factory)]
    #[allow(
        unsafe_code,
        reason = "a number that was handed over stands for a descriptor"
    )]
    pub fn join(env: &Env, memory: i32) -> Result<NativeEcho> {
        // SAFETY: `benches/echo.ts` calls this once, with the descriptor that its parent placed for this
        // process; no other code in it knows it, so this function owns it.
        let memory = unsafe { OwnedFd::from_raw_fd(memory) };
        let echo = Echo::join(memory)
            .map_err(|error| system(&error))
            .or_throw(env)?;
        Ok(NativeEcho { echo: Some(echo) })
    }

    /// The descriptor for [`NativeEcho::join`].
    #[napi(getter)]
    pub fn memory(&self) -> Option<i32> {
        Some(self.echo.as_ref()?.file()?.as_raw_fd())
    }

    /// Asks the process `pid` `rounds` times at 1 kHz, from a thread like a session's. That thread has a
    /// priority of 80 and the process one of 40. Returns how long each echo took \[s\]. With `holds_off`,
    /// idle states are held off.
    #[napi]
    pub fn measure(
        &mut self,
        env: &Env,
        rounds: u32,
        pid: u32,
        holds_off: bool,
    ) -> Result<Float64Array> {
        let gone = || Failure::new(Code::System, "the echo is gone");
        let mut echo = self.echo.take().ok_or_else(gone).or_throw(env)?;
        let measuring = thread::spawn(move || {
            block_signals();
            let child = Arc::new(PolicyThread::default());
            child.is(pid);
            let threads = [this_thread(), child.shared_number()];
            let request = match holds_off {
                true => AwakeRequest {
                    how: KeepAwake::IdleStates,
                    idle_latency: Some(Duration::ZERO),
                    cores: 0,
                },
                false => AwakeRequest::OFF,
            };
            let _awake = Awake::begin(&request, &threads);
            let _promotion = Promotion::begin(40, child, Duration::MAX);
            make_realtime(&RealtimeRequest::default());
            let mut waiter = Waiter::new(PERIOD);
            let mut deadline = Time::now();
            let mut took = Vec::new();
            for _ in 0..rounds {
                deadline = deadline + PERIOD;
                waiter.wait(deadline, || false);
                took.extend(echo.ask(LIMIT).map(|took| took.as_secs_f64()));
            }
            (echo, took)
        });
        let (echo, took) = measuring.join().map_err(|_| gone()).or_throw(env)?;
        self.echo = Some(echo);
        Ok(Float64Array::new(took))
    }

    /// Waits at most a tenth of a second to be asked. Returns true if it was asked.
    #[napi]
    pub fn hear(&self) -> bool {
        let echo = self.echo.as_ref();
        echo.is_some_and(|echo| echo.hear(Duration::from_millis(100)))
    }

    /// Echoes the round that was asked.
    #[napi]
    pub fn answer(&mut self) {
        if let Some(echo) = &mut self.echo {
            echo.answer();
        }
    }
}

const PERIOD: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(1);
