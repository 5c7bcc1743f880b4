//! The port at which a policy in a worker waits for the loop.
//!
//! The worker creates a port on its own thread and blocks in it. The loop wakes it directly, so neither a
//! blocked main thread nor its garbage collection delays it. The main thread finds the port by its number
//! when it starts the session.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kilohertz_core::channel::mailbox::PolicyEnd;
use kilohertz_core::channel::notify::{Listener, Notifier, Signals};
use kilohertz_core::policy::Question;
use kilohertz_core::thread::cores::stay_on;
use napi::Env;
use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;

use crate::buffers::fill_question;
use crate::error::{Code, Failure, OrThrow};
use crate::news::{END, OBSERVATION};
use crate::session::options::seconds;
use crate::session::recording::{NativeValue, SharedKept};

/// The part of a port that other threads use.
pub struct PolicyPort {
    notifier: Notifier,
    /// What the worker needs, from the start of the session until it has taken it.
    given: Mutex<Option<Given>>,
}

/// What a worker is given when its session starts.
pub struct Given {
    pub policy: PolicyEnd,
    /// The CPU that the policy has to itself, if it has one.
    pub cpu: Option<u32>,
    /// What is kept of the session.
    pub kept: SharedKept,
}

static PORTS: Mutex<BTreeMap<u32, Arc<PolicyPort>>> = Mutex::new(BTreeMap::new());

fn ports() -> MutexGuard<'static, BTreeMap<u32, Arc<PolicyPort>>> {
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PolicyPort {
    /// Creates a port, and returns it with the number under which it is found.
    pub fn register(notifier: Notifier) -> (u32, Arc<PolicyPort>) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = Arc::new(PolicyPort {
            notifier,
            given: Mutex::new(None),
        });
        ports().insert(number, Arc::clone(&port));
        (number, port)
    }

    /// Removes the port with this number, so that it is no longer found.
    pub fn remove(number: u32) {
        ports().remove(&number);
    }

    /// Takes what was given for the calling thread, once it was.
    pub fn take(&self) -> Option<(PolicyEnd, SharedKept)> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let Given { policy, cpu, kept } = given.take()?;
        policy.thread().is_here();
        if let Some(cpu) = cpu {
            // If this is refused, the policy spins on any CPU.
            let _ = stay_on(cpu);
        }
        Some((policy, kept))
    }

    /// Returns the port with this number.
    pub fn find(number: u32) -> Result<Arc<PolicyPort>, Failure> {
        let port = ports().get(&number).cloned();
        port.ok_or_else(|| Failure::new(Code::System, "the policy's worker is gone"))
    }

    /// Returns the notifier that wakes the worker.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Gives the worker what it needs.
    pub fn give(&self, given: Given) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
    }
}

/// A port, in the worker that runs the policy.
#[napi]
pub struct NativeWorkerPort {
    number: u32,
    port: Arc<PolicyPort>,
    listener: Listener,
    policy: Option<PolicyEnd>,
    /// What is kept of the session.
    kept: SharedKept,
    /// The question of the observation taken last.
    taken: Question,
}

#[napi]
impl NativeWorkerPort {
    /// Creates a port. The calling thread is the one that is woken.
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "a constructor of JavaScript's")]
    pub fn new() -> NativeWorkerPort {
        let (notifier, listener) = Listener::here();
        let (number, port) = PolicyPort::register(notifier);
        NativeWorkerPort {
            number,
            port,
            listener,
            policy: None,
            kept: SharedKept::default(),
            taken: Question::default(),
        }
    }

    /// The number with which another thread finds the port.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Blocks for at most `limit_s`, because a worker that is blocked here cannot be terminated. Returns 1
    /// if there is an observation, which is copied with its tick, time [s] and period [s]; 4 at the end; 0
    /// if neither came. With `spin` it keeps its core busy meanwhile.
    #[napi]
    pub fn wait(
        &mut self,
        mut observation: Float64ArraySlice<'_>,
        mut clock: Float64ArraySlice<'_>,
        limit_s: f64,
        spin: bool,
    ) -> u32 {
        let deadline = Instant::now() + Duration::try_from_secs_f64(limit_s).unwrap_or_default();
        loop {
            if self.policy.is_none()
                && let Some((policy, kept)) = self.port.take()
            {
                self.policy = Some(policy);
                self.kept = kept;
            }
            if let Some(frame) = self.policy.as_mut().and_then(PolicyEnd::take) {
                self.taken = frame.question();
                if fill_question(&frame, &mut observation, &mut clock) {
                    return OBSERVATION;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return 0;
            }
            let news = if spin {
                std::hint::spin_loop();
                self.listener.take()
            } else {
                self.listener.wait_for(left)
            };
            if news.is_some_and(|news| news.has(Signals::ENDED)) {
                return END;
            }
        }
    }

    /// Answers the observation taken last.
    #[napi]
    pub fn answer(&mut self, action: &[f64]) {
        let question = self.taken;
        if let Some(policy) = &mut self.policy {
            policy.answer(question, |slots| {
                // lib/session/action.ts has checked the length; a slot without a value would keep its old
                // one.
                for (slot, value) in slots.iter_mut().zip(action) {
                    *slot = *value;
                }
            });
        }
    }

    /// Answers the observation taken last with nothing new.
    #[napi]
    pub fn answer_nothing(&mut self) {
        if let Some(policy) = &mut self.policy {
            policy.answer_nothing(self.taken);
        }
    }

    /// Notes that this thread collected garbage for so long \[s\] while it answered the observation taken last. Call this
    /// after the answer.
    #[napi]
    pub fn paused(&self, length_s: f64) {
        if let Some(policy) = &self.policy {
            policy.paused(self.taken, seconds(length_s));
        }
    }

    /// Records a value at a time of the policy's clock [s]; by default that of the question taken last. Returns
    /// false if it was dropped, or if nobody takes it.
    #[napi]
    pub fn log(
        &self,
        env: &Env,
        channel: String,
        time_s: Option<f64>,
        value: NativeValue,
    ) -> napi::Result<bool> {
        let (Some(kept), Some(policy)) = (self.kept.get(), &self.policy) else {
            return Ok(false);
        };
        let asked_s = self.taken.time.as_secs_f64();
        let time_s = time_s.map_or(asked_s, |time_s| time_s + policy.first().as_secs_f64());
        kept.log(channel, time_s, value)
            .map_err(Failure::from)
            .or_throw(env)
    }

    /// Tells the loop that the policy failed and will not answer again.
    #[napi]
    pub fn fail(&self) {
        if let Some(policy) = &self.policy {
            policy.fail(self.taken.tick);
        }
    }
}

impl Drop for NativeWorkerPort {
    fn drop(&mut self) {
        PolicyPort::remove(self.number);
    }
}

/// Ends the wait of the worker whose port has this number. The worker may have ended already.
#[napi]
pub fn dismiss_port(number: u32) {
    let port = ports().get(&number).cloned();
    if let Some(port) = port {
        port.notifier.notify(Signals::ENDED);
    }
}
