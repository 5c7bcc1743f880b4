//! A loop thread and its policy in JavaScript.
//!
//! `options.rs` has its options, `realtime.rs` what it asks of the system, `stats.rs` what it has done,
//! `report.rs` what is known of its bad cycles, `outcome.rs` how it ended and what happened meanwhile, `recording.rs`
//! what is kept of it, `ending.rs` what its files have of its end, `live.rs` to whom it is shown, `recorded.rs` what is
//! asked of both, `about.rs` what a page is told of its robot, `moving.rs` sessions whose policy is not in JavaScript.

pub(crate) mod about;
mod config;
pub(crate) mod ending;
pub(crate) mod live;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod realtime;
pub(crate) mod recorded;
pub(crate) mod recording;
pub(crate) mod report;
pub(crate) mod stats;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kilohertz_core::channel::mailbox::{FailureNotifier, PolicyEnd, mailbox};
use kilohertz_core::channel::notify::{Signals, start_notifier};
use kilohertz_core::channel::records::RECORD_HEADER;
use kilohertz_core::channel::shared_mailbox::SharedMailbox;
use kilohertz_core::limits::{Limiter, Unlimited};
use kilohertz_core::policy::{Policy, PolicyThread, Question};
use kilohertz_core::robot::{Elsewhere, Paced, Robot};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{BlackBox, Deadline, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::cores::OwnCore;
use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::arm::Driven;
use kilohertz_franka::{ArmError, Hand};
use napi::bindgen_prelude::{Float64Array, Float64ArraySlice, Function, ObjectFinalize};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Result, Status};
use napi_derive::napi;

use crate::buffers::fill_question;
use crate::environment::at_end;
use crate::error::{Code, Failure, OrThrow};
use crate::franka::arm::{NativeArm, named};
use crate::franka::hand::NativeHand;
use crate::guard::{NativePlace, give_stack};
use crate::news::{BEGUN, END, EVENTS, OBSERVATION, OVER};
use crate::policy::process::NativeSharedPort;
use crate::policy::worker::{Given, PolicyPort};
use crate::session::about::{About, about};
use crate::session::config::{config_of, grip};
use crate::session::options::{NativeSessionOptions, motion_options, seconds};
use crate::session::outcome::{NativeEvent, NativeOutcome};
use crate::session::realtime::{NativeAwake, NativePromotion, NativeRealtime, own_core};
use crate::session::recording::{Kept, SharedKept, finish};
use crate::session::report::{NativeReport, note_pause};
use crate::session::stats::{NativeHistogram, NativeStats};

/// The longest time that the end of the process may take to stop an arm.
const EXIT_LIMIT: Duration = Duration::from_secs(5);

/// A running or ended session.
#[napi(custom_finalize)]
pub struct NativeSession {
    session: Arc<OnceLock<Session>>,
    /// The policy's end, if the policy runs on this thread.
    policy: Option<PolicyEnd>,
    failure: FailureNotifier,
    action: Schema,
    /// True if the policy answers in chunks.
    is_chunked: bool,
    /// The question of the observation taken last.
    taken: Question,
    /// The thread of a policy in JavaScript.
    thread: Option<Arc<PolicyThread>>,
    kept: SharedKept,
    /// What a page shows of the robot.
    about: About,
    /// The memory of its newest cycles, as V8 knows of it \[bytes\].
    held: i64,
}

impl ObjectFinalize for NativeSession {
    fn finalize(self, env: Env) -> Result<()> {
        env.adjust_external_memory(-self.held).map(drop)
    }
}

/// The parts of a session.
struct Parts {
    robot: Box<dyn Robot>,
    limits: Box<dyn Limiter>,
    deadline: Deadline,
    asked: Asked,
    /// The hand that follows chunks.
    hand: Option<Arc<Hand>>,
    /// What a page shows of the robot.
    about: About,
}

/// Where the policy runs.
enum Asked {
    /// On this thread.
    Here,
    /// In the worker that waits at this port.
    Worker(Arc<PolicyPort>),
    /// In another process.
    Process(SharedMailbox),
    /// On the loop's own thread: the policy is not in JavaScript.
    Native(Box<dyn Policy>),
}

/// Returns the parts of a session that drives an arm.
fn parts_of(
    driven: std::result::Result<Driven, ArmError>,
    options: &NativeSessionOptions,
    (arm, control): (&NativeArm, &str),
    asked: Asked,
) -> std::result::Result<Parts, Failure> {
    let (robot, limits) = driven?;
    let rate_hz = 1.0 / robot.period().as_secs_f64();
    Ok(Parts {
        about: about((Some(&arm.arm), robot.action()), control, rate_hz, options),
        robot,
        limits,
        deadline: Deadline::Within(seconds(options.deadline_s)),
        asked,
        hand: None,
    })
}

/// Returns the parts of a session through the interface with the name `control`.
fn controlled(
    arm: &NativeArm,
    control: &str,
    options: &NativeSessionOptions,
    asked: Asked,
) -> std::result::Result<Parts, Failure> {
    let driven = arm
        .arm
        .robot_with(named("control", control)?, &motion_options(options));
    parts_of(driven, options, (arm, control), asked)
}

/// Returns the session, which a loop that ends at once may precede by a moment.
fn started_by(session: &OnceLock<Session>) -> Option<&Session> {
    let give_up = Time::now() + Duration::from_secs(1);
    while session.get().is_none() && Time::now() < give_up {
        std::thread::sleep(Duration::from_millis(1));
    }
    session.get()
}

/// Starts the loop thread and the notify thread that wakes JavaScript for it.
fn start(
    env: &Env,
    parts: Parts,
    options: &NativeSessionOptions,
    place: &NativePlace,
    wake: Function<'_, (), ()>,
) -> Result<NativeSession> {
    give_stack();
    let Parts {
        robot,
        limits,
        deadline,
        asked,
        hand,
        about,
    } = parts;
    let wake = wake
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .build()?;
    let mut own_core = own_core(options).or_throw(env)?;
    let cpu = own_core.as_ref().map(OwnCore::cpu);
    let recorder = Arc::new(Recorder::new(
        robot.period(),
        options.max_timing_samples.max(1) as usize,
    ));
    let realtime = RealtimeRequest {
        priority: options.priority,
        cpu: options.cpu.map(|cpu| cpu as usize),
        lock_memory: options.lock_memory,
        timer_slack: options.timer_slack_s.map(seconds),
    };
    // The notify thread runs right below the loop, so that a busy machine does not delay the wakes that it
    // sends.
    let notify_realtime = RealtimeRequest {
        priority: options
            .priority
            .map(|priority| priority.saturating_sub(1).max(1)),
        cpu: None,
        lock_memory: false,
        timer_slack: None,
    };
    let session: Arc<OnceLock<Session>> = Arc::default();
    let ended = Arc::clone(&session);
    let kept = SharedKept::default();
    let written = Arc::clone(&kept);
    let notifier = start_notifier(
        move || drop(make_realtime(&notify_realtime)),
        move |news| {
            if news.has(Signals::ENDED)
                && let Some(session) = started_by(&ended)
            {
                session.join(EXIT_LIMIT);
                drop(own_core.take());
                // JavaScript tells why the session ended, for which the files wait.
                let woken = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
                if let (true, Some(kept)) = (woken != Status::Ok, written.get()) {
                    kept.ending().abandon();
                }
                finish(&ended, &written);
            }
            // This fails only if the environment is closing, and then there is no callback left to call.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        },
    )
    .map_err(|error| Failure::thread(&error))
    .or_throw(env)?;
    let config = config_of(options, deadline, realtime, place);
    let (keeping, begun) = Kept::begin(options, (&*robot, &about), &config, &notifier)
        .inspect_err(|_| notifier.notify(Signals::ENDED))
        .or_throw(env)?;
    // The cell is empty: only this code writes it.
    drop(kept.set(begun));
    let lengths = (
        config.observation_len(robot.observation().len()),
        config.answer_len(robot.action().len()),
    );
    let waking = |notifier| mailbox(lengths.0, lengths.1, notifier, Arc::clone(&recorder));
    let (inside, policy, failure): (Box<dyn Policy>, _, _) = match asked {
        Asked::Here => {
            let (inside, policy) = waking(notifier.clone());
            policy.thread().is_here();
            let failure = policy.failure_notifier();
            (Box::new(inside), Some(policy), failure)
        }
        Asked::Worker(port) => {
            let (inside, policy) = waking(port.notifier());
            let failure = policy.failure_notifier();
            let kept = Arc::clone(&kept);
            port.give(Given { policy, cpu, kept });
            (Box::new(inside), None, failure)
        }
        Asked::Process(shared) => {
            let inside = shared.loop_end(Arc::clone(&recorder));
            (Box::new(inside), None, shared.failure_notifier())
        }
        Asked::Native(native) => (native, None, waking(notifier.clone()).1.failure_notifier()),
    };
    let thread = inside.thread();
    let action = robot.action().clone();
    grip(hand, options, &config, &recorder, place)
        .inspect_err(|_| notifier.notify(Signals::ENDED))
        .or_throw(env)?;
    // V8 sees a small object. Of the memory behind it, it has to know when it decides whether to collect garbage, which
    // it may do at once: so it is told before the loop begins.
    let held = keeping.black_box.as_ref().map_or(0, BlackBox::bytes) as i64;
    env.adjust_external_memory(held)
        .inspect_err(|_| notifier.notify(Signals::ENDED))?;
    let started = Session::start_keeping(
        robot,
        inside,
        limits,
        config,
        keeping,
        recorder,
        notifier.clone(),
    );
    match started {
        // The cell is empty: only this code writes it.
        Ok(started) => drop(session.set(started)),
        Err(error) => {
            notifier.notify(Signals::ENDED);
            env.adjust_external_memory(-held)?;
            return Err(Failure::thread(&error).thrown(env));
        }
    }
    // The arm stops before this environment ends.
    let running = Arc::downgrade(&session);
    let is_gone = move || running.strong_count() == 0;
    let (ended, told) = (Arc::downgrade(&session), Arc::downgrade(&kept));
    at_end(env, is_gone, move || {
        if let Some(kept) = told.upgrade()
            && let Some(kept) = kept.get()
        {
            kept.ending().abandon();
        }
        if let Some(session) = ended.upgrade()
            && let Some(session) = session.get()
        {
            session.request_stop();
            session.join(EXIT_LIMIT);
        }
    })?;
    Ok(NativeSession {
        session,
        policy,
        failure,
        action,
        is_chunked: options.chunks.is_some(),
        taken: Question::default(),
        thread,
        kept,
        about,
        held,
    })
}

#[napi]
impl NativeSession {
    /// Starts a session whose robot is in JavaScript. `wake` is called once a tick; it observes, decides
    /// and acts.
    #[napi(factory)]
    pub fn paced(
        env: &Env,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
    ) -> Result<NativeSession> {
        let robot = Box::new(Paced::new(
            Elsewhere::default(),
            seconds(1.0 / options.rate_hz),
        ));
        let about = about((None, robot.action()), "", options.rate_hz, &options);
        let parts = Parts {
            robot,
            limits: Box::new(Unlimited::new(0)),
            deadline: Deadline::None,
            asked: Asked::Here,
            hand: None,
            about,
        };
        start(env, parts, &options, place, wake)
    }

    /// Starts a session that drives an arm; `port` is that of the worker in which the policy runs.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument in JavaScript"
    )]
    #[napi(factory)]
    pub fn arm(
        env: &Env,
        arm: &NativeArm,
        control: String,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
        port: Option<u32>,
        hand: Option<&NativeHand>,
    ) -> Result<NativeSession> {
        let port = port.map(PolicyPort::find).transpose().or_throw(env)?;
        let asked = port.map_or(Asked::Here, Asked::Worker);
        let mut parts = controlled(arm, &control, &options, asked).or_throw(env)?;
        parts.hand = hand.map(NativeHand::shared);
        start(env, parts, &options, place, wake)
    }

    /// Starts a session that drives an arm with the policy of the process that waits at `port`.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument in JavaScript"
    )]
    #[napi(factory)]
    pub fn arm_shared(
        env: &Env,
        arm: &NativeArm,
        control: String,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
        port: &NativeSharedPort,
        hand: Option<&NativeHand>,
    ) -> Result<NativeSession> {
        let asked = Asked::Process(port.shared().or_throw(env)?.clone());
        let mut parts = controlled(arm, &control, &options, asked).or_throw(env)?;
        parts.hand = hand.map(NativeHand::shared);
        start(env, parts, &options, place, wake)
    }

    /// Returns what a page shows.
    pub(crate) fn watched(&self) -> (Arc<OnceLock<Session>>, SharedKept, About) {
        let (session, kept) = (Arc::clone(&self.session), Arc::clone(&self.kept));
        (session, kept, self.about.clone())
    }

    pub(super) fn session(&self, env: &Env) -> Result<&Session> {
        let missing = || Failure::new(Code::System, "the session was not started");
        self.session.get().ok_or_else(missing).or_throw(env)
    }

    /// Returns the reasons of a wake as a sum: 1 for a new observation, which is copied with its tick, time
    /// [s] and period [s]; 2 for events; 4 for the end; 8 once the loop has begun; 16 once it has ended.
    #[napi]
    pub fn receive(
        &mut self,
        env: &Env,
        mut observation: Float64ArraySlice<'_>,
        mut clock: Float64ArraySlice<'_>,
    ) -> Result<u32> {
        let mut news = self.news(env)?;
        if let Some(frame) = self.policy.as_mut().and_then(PolicyEnd::take) {
            self.taken = frame.question();
            if fill_question(&frame, &mut observation, &mut clock) {
                news |= OBSERVATION;
            }
        }
        Ok(news)
    }

    /// Returns the reasons of a wake as `receive` does, without taking an observation.
    #[napi]
    pub fn news(&self, env: &Env) -> Result<u32> {
        let session = self.session(env)?;
        let has_failed = self.kept.get().is_some_and(Kept::has_failed);
        let events = if session.has_events() || has_failed {
            EVENTS
        } else {
            0
        };
        let over = if session.has_ended() { OVER } else { 0 };
        // The end is told when everything of the session is in its files.
        let is_written = self.kept.get().is_none_or(Kept::is_finished);
        let end = if over != 0 && is_written { END } else { 0 };
        let begun = if session.has_begun() { BEGUN } else { 0 };
        Ok(events | over | end | begun)
    }

    /// Answers the observation taken last.
    #[napi]
    pub fn answer(&mut self, env: &Env, action: &[f64]) -> Result<()> {
        let expected = self.action.len();
        // The length of a chunk is in it.
        if !self.is_chunked && action.len() != expected {
            let message = format!("the action has {} slots, not {expected}", action.len());
            return Err(Failure::new(Code::ActionLength, message).thrown(env));
        }
        if let Some(policy) = &mut self.policy {
            policy.answer(self.taken, |slots| {
                for (slot, value) in slots.iter_mut().zip(action) {
                    *slot = *value;
                }
            });
        }
        Ok(())
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
        self.failure.notify(self.taken.tick);
    }

    /// Begins an episode of a policy that answers in chunks: what is played is thrown away.
    #[napi]
    pub fn begin_episode(&self, env: &Env) -> Result<()> {
        self.session(env)?.begin_episode();
        Ok(())
    }

    /// Asks the loop to bring the robot to rest and to end.
    #[napi]
    pub fn request_stop(&self, env: &Env) -> Result<()> {
        self.session(env)?.request_stop();
        Ok(())
    }

    /// Blocks for at most `limit_s` until the loop has ended. Returns true if it has.
    #[napi]
    pub fn join(&self, env: &Env, limit_s: f64) -> Result<bool> {
        Ok(self.session(env)?.join(seconds(limit_s)))
    }

    /// True if the robot is stopped and the loop has ended.
    #[napi(getter)]
    pub fn has_ended(&self, env: &Env) -> Result<bool> {
        Ok(self.session(env)?.has_ended())
    }

    /// Returns what the loop has done until now.
    #[napi]
    pub fn stats(&self, env: &Env) -> Result<NativeStats> {
        Ok(NativeStats::of(self.session(env)?, &self.action))
    }

    /// How many cycles have finished so far.
    #[napi(getter)]
    pub fn step_count(&self, env: &Env) -> Result<f64> {
        Ok(self.session(env)?.recorder().iterations.get() as f64)
    }

    /// Returns what is known of the bad cycles until now.
    #[napi]
    pub fn report(&self, env: &Env) -> Result<NativeReport> {
        Ok(NativeReport::of(self.session(env)?))
    }

    /// Notes that this thread, which runs the policy, collected garbage between two times of the monotonic
    /// clock [s].
    #[napi]
    pub fn note_pause(&self, env: &Env, from_s: f64, to_s: f64) -> Result<()> {
        note_pause(self.session(env)?, from_s, to_s);
        Ok(())
    }

    /// Returns the histogram of the whole run's "jitter", "execution" or "period" times, or of a phase.
    #[napi]
    pub fn histogram(&self, env: &Env, of: String) -> Result<NativeHistogram> {
        Ok(NativeHistogram::of(self.session(env)?.recorder(), &of))
    }

    /// Returns what the loop thread asked of the system and got; null before it has run.
    #[napi]
    pub fn realtime(&self, env: &Env) -> Result<Option<NativeRealtime>> {
        Ok(self.session(env)?.realtime().map(NativeRealtime::from))
    }

    /// Returns the state of the policy's priority; null if none was asked for, or while it is not known.
    #[napi]
    pub fn promotion(&self, env: &Env) -> Result<Option<NativePromotion>> {
        let session = self.session(env)?;
        Ok(session.promotion().and_then(|promotion| {
            Some(NativePromotion {
                priority: promotion.priority(),
                grant: promotion.grant()?.into(),
                taken_back: promotion.taken_back() as f64,
            })
        }))
    }

    /// Returns how cores are kept awake; null before the loop thread has run.
    #[napi]
    pub fn awake(&self, env: &Env) -> Result<Option<NativeAwake>> {
        Ok(self.session(env)?.awake().map(NativeAwake::from))
    }

    /// Returns how the session ended; null while it runs.
    #[napi]
    pub fn outcome(&self, env: &Env) -> Result<Option<NativeOutcome>> {
        Ok(self
            .session(env)?
            .outcome()
            .map(|ended| NativeOutcome::new(ended, &self.action)))
    }

    /// Takes all waiting events.
    #[napi]
    pub fn take_events(&self, env: &Env) -> Result<Vec<NativeEvent>> {
        let session = self.session(env)?;
        let events = std::iter::from_fn(|| session.take_event());
        Ok(events
            .map(|event| NativeEvent::new(&event, &self.action))
            .collect())
    }

    /// How many numbers a tick record has.
    #[napi(getter)]
    pub fn record_stride(&self) -> u32 {
        (RECORD_HEADER + self.action.len()) as u32
    }

    /// Takes all stored tick records. Each consists of the contract's fields and the action.
    #[napi]
    pub fn take_records(&self, env: &Env) -> Result<Float64Array> {
        Ok(Float64Array::new(self.session(env)?.take_records()))
    }
}

// Here, because `napi` has to have read the class before.
mod moving;
