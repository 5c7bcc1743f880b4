//! The port of a policy in a worker, where it waits for the loop.
//!
//! The worker makes a port on its own thread and blocks in it; the loop rings it awake by itself, so
//! neither a blocked main thread nor its garbage collection comes between them. The main thread
//! finds the port by its number when it starts the session.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kilohertz_core::channel::mailbox::PolicyEnd;
use kilohertz_core::channel::notify::{Listener, Notifier, Signals};
use kilohertz_core::policy::Question;
use kilohertz_core::thread::cores::stay_on;
use napi::bindgen_prelude::Float64ArraySlice;
use napi_derive::napi;

use crate::buffers::fill_question;
use crate::error::{Code, Failure};
use crate::news::{END, OBSERVATION};

/// The part of a port that other threads see.
pub struct PolicyPort {
    notifier: Notifier,
    /// The policy's end and the CPU that it has for itself, if any, from the start of the session until the
    /// worker has taken them.
    given: Mutex<Option<(PolicyEnd, Option<u32>)>>,
}

static PORTS: Mutex<BTreeMap<u32, Arc<PolicyPort>>> = Mutex::new(BTreeMap::new());

fn ports() -> MutexGuard<'static, BTreeMap<u32, Arc<PolicyPort>>> {
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PolicyPort {
    /// A new port, and the number under which it is found.
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

    /// Nobody finds the port with this number any more.
    pub fn remove(number: u32) {
        ports().remove(&number);
    }

    /// The policy's end, once it was given, for the calling thread.
    pub fn take(&self) -> Option<PolicyEnd> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let (policy, cpu) = given.take()?;
        policy.thread().is_here();
        if let Some(cpu) = cpu {
            // Where that is refused the policy spins wherever it is.
            let _ = stay_on(cpu);
        }
        Some(policy)
    }

    /// The port with this number.
    pub fn find(number: u32) -> Result<Arc<PolicyPort>, Failure> {
        let port = ports().get(&number).cloned();
        port.ok_or_else(|| Failure::new(Code::System, "the policy's worker is gone"))
    }

    /// What wakes the worker.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Gives the policy's end to the worker, and the CPU that it is to stay on.
    pub fn give(&self, policy: PolicyEnd, cpu: Option<u32>) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some((policy, cpu));
    }
}

/// A port, in the worker that runs the policy.
#[napi]
pub struct NativeWorkerPort {
    number: u32,
    port: Arc<PolicyPort>,
    listener: Listener,
    policy: Option<PolicyEnd>,
    /// The question of the observation taken last.
    taken: Question,
}

#[napi]
impl NativeWorkerPort {
    /// Makes a port; this thread is the one that is woken.
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
            taken: Question::default(),
        }
    }

    /// For finding the port from another thread.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Blocks until there is an observation (1), which is copied with its tick, time [s] and
    /// period [s], or the end (4), but no longer than `limit_s` (0): a worker that is blocked
    /// here cannot be terminated. With `spin` it keeps its core busy meanwhile.
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
            if self.policy.is_none() {
                self.policy = self.port.take();
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
                // lib/session/action.ts has checked the length; a slot beyond it would stay as it was.
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

/// Lets the worker of the port with this number go; it may be gone already.
#[napi]
pub fn dismiss_port(number: u32) {
    let port = ports().get(&number).cloned();
    if let Some(port) = port {
        port.notifier.notify(Signals::ENDED);
    }
}
