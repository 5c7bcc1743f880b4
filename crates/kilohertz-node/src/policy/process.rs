//! The port at which a policy in another process waits for the loop: memory that both processes map. The
//! loop writes it and wakes the policy itself.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use kilohertz_core::channel::shared_mailbox::{Lengths, PolicyEnd, SharedMailbox};
use kilohertz_core::shortage::advice;
use napi::bindgen_prelude::Float64ArraySlice;
use napi::{Env, Result};
use napi_derive::napi;

use crate::buffers::fill_question;
use crate::error::{Code, Failure, OrThrow};
use crate::news::{END, OBSERVATION};

fn system(error: &std::io::Error) -> Failure {
    Failure::new(
        Code::System,
        format!("the policy's memory failed: {error}{}", advice(error)),
    )
}

fn lengths(observation: u32, action: u32) -> Lengths {
    Lengths {
        observation: observation as usize,
        action: action as usize,
    }
}

/// The port of a policy in another process, in the loop's process.
#[napi]
pub struct NativeSharedPort {
    /// The mailbox, until it is released.
    shared: Option<SharedMailbox>,
    trouble: Option<String>,
}

impl NativeSharedPort {
    pub(crate) fn shared(&self) -> std::result::Result<&SharedMailbox, Failure> {
        let gone = || Failure::new(Code::System, "the policy's port is gone");
        self.shared.as_ref().ok_or_else(gone)
    }
}

#[napi]
impl NativeSharedPort {
    /// Creates a port for one session, whose observations and actions have these numbers of slots.
    #[napi(constructor)]
    pub fn new(env: &Env, observation: u32, action: u32) -> Result<NativeSharedPort> {
        let shared = SharedMailbox::make(lengths(observation, action));
        Ok(NativeSharedPort {
            shared: Some(shared.map_err(|error| system(&error)).or_throw(env)?),
            trouble: None,
        })
    }

    /// The descriptor for [`NativeJoinedPort::join`] in the child.
    #[napi(getter)]
    pub fn memory(&self, env: &Env) -> Result<i32> {
        Ok(self.shared().or_throw(env)?.file().as_raw_fd())
    }

    /// Sets the id of the process that runs the policy. It is also the number of its first thread, on which
    /// the policy runs.
    #[napi]
    pub fn runs_in(&self, env: &Env, pid: u32) -> Result<()> {
        self.shared().or_throw(env)?.thread().is(pid);
        Ok(())
    }

    /// Returns what the policy's process wrote that is not an answer, in words; null if it wrote only
    /// answers.
    #[napi]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.shared.as_ref().and_then(SharedMailbox::trouble);
        trouble
            .map(|trouble| trouble.to_string())
            .or_else(|| self.trouble.clone())
    }

    /// Ends the policy's exchange with the loop.
    #[napi]
    pub fn dismiss(&self) {
        if let Some(shared) = &self.shared {
            shared.close();
        }
    }

    /// Ends the policy's exchange with the loop, and frees the memory and its descriptor after the session
    /// has ended.
    #[napi]
    pub fn release(&mut self) {
        self.dismiss();
        self.trouble = self.trouble();
        self.shared = None;
    }
}

impl Drop for NativeSharedPort {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// A port, in the process that runs the policy.
#[napi]
pub struct NativeJoinedPort {
    policy: PolicyEnd,
    /// The robot's time of the observation taken last.
    asked: Duration,
}

#[napi]
impl NativeJoinedPort {
    /// Creates the port in a child, whose memory was handed over.
    #[napi(factory)]
    #[allow(
        unsafe_code,
        reason = "a number that was handed over stands for a descriptor"
    )]
    pub fn join(env: &Env, memory: i32, observation: u32, action: u32) -> Result<NativeJoinedPort> {
        // SAFETY: `lib/entry/node-child.ts` calls this once, with the descriptor that the parent placed for
        // this process; no other code in it knows it, so this function owns it.
        let memory = unsafe { OwnedFd::from_raw_fd(memory) };
        let policy = PolicyEnd::join(memory, lengths(observation, action));
        Ok(NativeJoinedPort {
            policy: policy.map_err(|error| system(&error)).or_throw(env)?,
            asked: Duration::ZERO,
        })
    }

    /// Blocks for at most `limit_s`. Returns 1 if there is an observation, which is copied with its tick,
    /// time [s] and period [s]; 4 at the end; 0 if neither came. With `spin` it keeps its core busy
    /// meanwhile.
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
            if self.policy.is_over() {
                return END;
            }
            if let Some(frame) = self.policy.take() {
                self.asked = frame.question().time;
                if fill_question(&frame, &mut observation, &mut clock) {
                    return OBSERVATION;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return 0;
            }
            if spin {
                std::hint::spin_loop();
            } else {
                self.policy.sleep(left);
            }
        }
    }

    /// Answers the observation taken last; `lib/session/action.ts` has checked the length.
    #[napi]
    pub fn answer(&mut self, action: &[f64]) {
        self.policy.answer(action);
    }

    /// Answers the observation taken last with nothing new.
    #[napi]
    pub fn answer_nothing(&mut self) {
        self.policy.answer_nothing();
    }

    /// The robot's time of the first question that the policy took, from which its own time counts [s].
    #[napi(getter)]
    pub fn first_s(&self) -> f64 {
        self.policy.first().as_secs_f64()
    }

    /// The robot's time of the question taken last [s].
    #[napi(getter)]
    pub fn asked_s(&self) -> f64 {
        self.asked.as_secs_f64()
    }

    /// Tells the loop that the policy failed and will not answer again.
    #[napi]
    pub fn fail(&mut self) {
        self.policy.fail();
    }
}
