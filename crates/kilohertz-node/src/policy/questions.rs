//! Questions to a policy in a worker or a process without a session: one after the other, each asked when the one
//! before is answered.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use kilohertz_core::channel::mailbox::{FailureNotifier, mailbox};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;
use napi::bindgen_prelude::{Float64Array, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::error::{Code, Failure, OrThrow};
use crate::policy::process::NativeSharedPort;
use crate::policy::worker::{Given, PolicyPort};
use crate::session::options::seconds;
use crate::session::recording::SharedKept;

/// What came of a question.
#[napi(string_enum = "camelCase")]
pub enum NativeAnswered {
    /// An action, or a chunk.
    Action,
    /// The policy has nothing new.
    Nothing,
    /// The policy failed. It will not answer again.
    Failed,
    /// No answer came in time.
    Late,
}

/// The answer to a question.
#[napi(object, object_from_js = false)]
pub struct NativeAnswer {
    pub kind: NativeAnswered,
    /// The numbers of an action, or of a chunk with room for the longest behind it.
    pub numbers: Option<Float64Array>,
}

/// When a question is asked.
#[napi(object)]
pub struct NativeQuestionTimes {
    /// The number of the cycle.
    pub tick: f64,
    /// The time on the robot's clock, and since the question before [ns].
    pub time_ns: f64,
    pub period_ns: f64,
    /// When the state came, on the host's monotonic clock [ns].
    pub host_ns: f64,
}

/// What is done on the thread that asks.
type Work = Box<dyn FnOnce(&mut dyn Policy) + Send>;

/// Asks a policy. The thread that asks ends with this.
#[napi]
pub struct NativeQuestions {
    work: Sender<Work>,
    failure: FailureNotifier,
    answer_len: usize,
}

impl NativeQuestions {
    fn begin(
        mut policy: Box<dyn Policy>,
        failure: FailureNotifier,
        answer_len: usize,
    ) -> std::result::Result<NativeQuestions, Failure> {
        let (work, todo) = channel::<Work>();
        let thread = std::thread::Builder::new().name("kilohertz-ask".to_owned());
        let asking = thread.spawn(move || {
            policy.attach();
            for work in todo {
                work(&mut *policy);
            }
        });
        asking.map_err(|error| Failure::thread(&error))?;
        Ok(NativeQuestions {
            work,
            failure,
            answer_len,
        })
    }
}

#[napi]
impl NativeQuestions {
    /// Asks the policy of the worker that waits at `port`, whose run had this period.
    #[napi(factory)]
    pub fn worker(
        env: &Env,
        port: u32,
        observation: u32,
        answer: u32,
        period_s: f64,
    ) -> Result<NativeQuestions> {
        let port = PolicyPort::find(port).or_throw(env)?;
        let recorder = Arc::new(Recorder::new(seconds(period_s), 1));
        let lengths = (observation as usize, answer as usize);
        let (inside, policy) = mailbox(lengths.0, lengths.1, port.notifier(), recorder);
        let failure = policy.failure_notifier();
        port.give(Given {
            policy,
            cpu: None,
            kept: SharedKept::default(),
        });
        NativeQuestions::begin(Box::new(inside), failure, lengths.1).or_throw(env)
    }

    /// Asks the policy of the process that waits at `port`, whose run had this period.
    #[napi(factory)]
    pub fn process(
        env: &Env,
        port: &NativeSharedPort,
        answer: u32,
        period_s: f64,
    ) -> Result<NativeQuestions> {
        let shared = port.shared().or_throw(env)?;
        let recorder = Arc::new(Recorder::new(seconds(period_s), 1));
        let (inside, failure) = (shared.loop_end(recorder), shared.failure_notifier());
        NativeQuestions::begin(Box::new(inside), failure, answer as usize).or_throw(env)
    }

    /// Asks a question. Resolves to the answer, or to none after `limit_s`; the policy must not be asked again then.
    #[napi(ts_return_type = "Promise<NativeAnswer>")]
    pub fn ask<'env>(
        &self,
        env: &'env Env,
        times: NativeQuestionTimes,
        observation: Float64Array,
        limit_s: f64,
    ) -> Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let (tick, time) = (
            times.tick as u64,
            Duration::from_nanos(times.time_ns as u64),
        );
        let period = Duration::from_nanos(times.period_ns as u64);
        let host = Time::from_nanos(times.host_ns as u64);
        let (observation, limit) = (observation.to_vec(), seconds(limit_s));
        let mut action = vec![0.0; self.answer_len];
        let work = move |policy: &mut dyn Policy| {
            policy.request(&Ask {
                tick,
                time,
                period,
                host,
                observation: &observation,
            });
            let until = Time::now() + limit;
            let kind = match policy.poll(Some(until), &AtomicBool::new(false), &mut action) {
                Answer::Action(_) => NativeAnswered::Action,
                Answer::Empty(_) => NativeAnswered::Nothing,
                Answer::Failed => NativeAnswered::Failed,
                Answer::None => NativeAnswered::Late,
            };
            let numbers = matches!(kind, NativeAnswered::Action).then_some(action);
            deferred.resolve(move |_| {
                Ok(NativeAnswer {
                    kind,
                    numbers: numbers.map(Float64Array::new),
                })
            });
        };
        let gone = || Failure::new(Code::System, "the thread that asks the policy is gone");
        let sent = self.work.send(Box::new(work)).map_err(|_| gone());
        sent.or_throw(env)?;
        Ok(promise)
    }

    /// The policy will not answer again: the question that waits for its answer ends.
    #[napi]
    pub fn fail(&self) {
        self.failure.notify(0);
    }
}
