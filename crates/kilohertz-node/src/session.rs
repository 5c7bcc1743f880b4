//! A loop thread and its policy in JavaScript.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kilohertz_core::channel::mailbox::{FailureBell, PolicyEnd, mailbox};
use kilohertz_core::channel::notify::{News, start_courier};
use kilohertz_core::channel::records::RECORD_HEADER;
use kilohertz_core::channel::shared_mailbox::SharedMailbox;
use kilohertz_core::command::late::{LateRule, OnLate};
use kilohertz_core::limits::{
    LimitRules, Limits, OnViolation, Unlimited, Violation, ViolationKind,
};
use kilohertz_core::policy::{Policy, Question};
use kilohertz_core::robot::{Elsewhere, Paced, Robot};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{Cause, Config, EventKind, Outcome, Patience, Session};
use kilohertz_core::stats::{Recorder, Spread};
use kilohertz_core::thread::awake::{AwakeReport, AwakeRequest, KeepAwake};
use kilohertz_core::thread::cores::OwnCore;
use kilohertz_core::thread::{Grant, RealtimeReport, RealtimeRequest, make_realtime};
use kilohertz_franka::arm::Driven;
use kilohertz_franka::{ArmError, Budget, CartesianBox, MotionOptions};
use napi::bindgen_prelude::{Float64Array, Float64ArraySlice, Function};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Result};
use napi_derive::napi;

use crate::buffers::fill;
use crate::error::Failure;
use crate::franka::arm::{NativeArm, control_of};
use crate::franka::move_to::NativeMove;
use crate::guard::{NativePlace, give_stack};
use crate::policy::process::NativeSharedSeat;
use crate::policy::worker::Seat;

/// How a session runs. `lib/session/options.ts` has checked every value and filled in the defaults.
#[napi(object)]
pub struct NativeSessionOptions {
    /// The loop's rate.
    pub rate_hz: f64,
    /// The policy's.
    pub policy_rate_hz: f64,
    pub deadline_s: f64,
    pub max_held_ticks: u32,
    pub stop_on_late: bool,
    /// How long the arm may be on its way to the policy's actions until that is told.
    pub catch_up_s: f64,
    /// The kinds of limits whose violations are clamped, by the names of `NativeViolation`.
    pub clamped: Vec<String>,
    pub max_distance_rad: f64,
    /// Of a low-pass filter in front of the limits.
    pub cutoff_hz: Option<f64>,
    /// Lower corner, upper corner and margin of a box [m], 7 numbers.
    pub box_m: Option<Vec<f64>>,
    /// What a motion to a target may take of the arm's limits.
    pub velocity_share: f64,
    pub acceleration_share: f64,
    pub jerk_share: f64,
    pub max_timing_samples: u32,
    pub record_ticks: u32,
    pub run_for_s: Option<f64>,
    pub priority: Option<u8>,
    pub cpu: Option<u32>,
    pub lock_memory: bool,
    pub timer_slack_s: Option<f64>,
    /// Of the policy's thread, in a worker or a process.
    pub policy_priority: Option<u8>,
    /// Whether the policy, in a worker, spins.
    pub policy_spins: Option<bool>,
    /// "auto", "threads", "idleStates" or "off".
    pub keep_awake: String,
    pub keep_awake_cores: u32,
    /// The longest wake from an idle state; none leaves idle states alone.
    pub idle_latency_s: Option<f64>,
}

/// Percentiles of the newest samples and the largest of all [s].
#[napi(object)]
pub struct NativeSpread {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl From<Spread> for NativeSpread {
    fn from(spread: Spread) -> NativeSpread {
        NativeSpread {
            p50: spread.p50.as_secs_f64(),
            p95: spread.p95.as_secs_f64(),
            p99: spread.p99.as_secs_f64(),
            max: spread.max.as_secs_f64(),
        }
    }
}

/// Cycles in which the action broke a limit, by its kind.
#[napi(object)]
pub struct NativeViolations {
    pub position: f64,
    pub velocity: f64,
    pub acceleration: f64,
    pub jerk: f64,
    pub torque: f64,
    pub torque_rate: f64,
    pub joints: f64,
    pub r#box: f64,
    pub distance: f64,
}

/// What a loop has done so far.
#[napi(object)]
pub struct NativeStats {
    pub iterations: f64,
    pub overruns: f64,
    pub missed_ticks: f64,
    pub policy_asks: f64,
    pub policy_answers: f64,
    pub late_actions: f64,
    pub held_commands: f64,
    pub rest_commands: f64,
    pub stale_actions: f64,
    pub clamped_commands: f64,
    pub unused_not_finite: f64,
    pub violations: NativeViolations,
    pub first_violation: Option<NativeViolation>,
    pub first_violation_tick: Option<f64>,
    pub overwritten_observations: f64,
    pub overwritten_actions: f64,
    pub dropped_answers: f64,
    pub empty_answers: f64,
    pub followed_commands: f64,
    pub dropped_records: f64,
    pub dropped_events: f64,
    pub target_period_s: f64,
    pub avg_period_s: f64,
    pub longest_period_s: f64,
    pub jitter: NativeSpread,
    pub execution: NativeSpread,
}

/// A whole-run histogram: upper edges [s] and counts of the buckets that are not empty.
#[napi(object)]
pub struct NativeHistogram {
    pub upper_s: Float64Array,
    pub counts: Float64Array,
}

/// One thing asked of the system for the loop thread.
#[napi(object)]
pub struct NativeGrant {
    /// "granted", "refused" or "notAsked".
    pub status: String,
    pub reason: Option<String>,
}

impl From<&Grant> for NativeGrant {
    fn from(grant: &Grant) -> NativeGrant {
        let (status, reason) = match grant {
            Grant::NotAsked => ("notAsked", None),
            Grant::Granted => ("granted", None),
            Grant::Refused(reason) => ("refused", Some(reason.clone())),
        };
        NativeGrant {
            status: status.to_owned(),
            reason,
        }
    }
}

/// The realtime priority of a policy's thread.
#[napi(object)]
pub struct NativePromotion {
    pub priority: u8,
    pub grant: NativeGrant,
    /// How often it was taken back because the policy did not answer.
    pub taken_back: f64,
}

/// How cores are kept awake.
#[napi(object)]
pub struct NativeAwake {
    pub idle_states: NativeGrant,
    pub threads: u32,
    pub reason: String,
    pub wake_s: Option<f64>,
}

impl From<&AwakeReport> for NativeAwake {
    fn from(report: &AwakeReport) -> NativeAwake {
        NativeAwake {
            idle_states: (&report.idle_states).into(),
            threads: report.threads as u32,
            reason: report.reason.clone(),
            wake_s: report.wake.map(|wake| wake.as_secs_f64()),
        }
    }
}

/// The core of a policy that spins.
fn own_core(options: &NativeSessionOptions) -> Result<Option<OwnCore>> {
    if options.policy_spins != Some(true) {
        return Ok(None);
    }
    let core = OwnCore::take(options.cpu).map_err(|reason| {
        let expected = format!("false: {reason}. Leave spin out");
        Failure::refused("spin", true, &expected)
    })?;
    Ok(Some(core))
}

/// How cores are to be kept awake.
fn awake_of(options: &NativeSessionOptions) -> AwakeRequest {
    AwakeRequest {
        how: match options.keep_awake.as_str() {
            "auto" => KeepAwake::Auto,
            "threads" => KeepAwake::Threads,
            "idleStates" => KeepAwake::IdleStates,
            _ => KeepAwake::Off,
        },
        idle_latency: options.idle_latency_s.map(seconds),
        cores: options.keep_awake_cores as usize,
    }
}

/// What was asked of the system for the loop thread, and what it granted.
#[napi(object)]
pub struct NativeRealtime {
    pub priority: NativeGrant,
    pub cpu: NativeGrant,
    pub memory: NativeGrant,
    pub timer_slack: NativeGrant,
    pub preempt_rt: bool,
}

impl From<&RealtimeReport> for NativeRealtime {
    fn from(report: &RealtimeReport) -> NativeRealtime {
        NativeRealtime {
            priority: (&report.priority).into(),
            cpu: (&report.cpu).into(),
            memory: (&report.memory).into(),
            timer_slack: (&report.timer_slack).into(),
            preempt_rt: report.preempt_rt,
        }
    }
}

/// An action value that broke a limit.
#[napi(object)]
pub struct NativeViolation {
    /// The limit's name: "position", "torque rate" and so on; "finite value" is none that can be
    /// clamped.
    pub kind: String,
    pub slot: u32,
    pub field: String,
    pub index: u32,
    pub unit: String,
    pub action: f64,
    pub received: f64,
    pub limit: f64,
    pub joint: Option<NativeJointPlace>,
    /// What of a matrix is off.
    pub flaw: Option<String>,
}

/// Where a joint is that keeps a motion from going on [rad].
#[napi(object)]
pub struct NativeJointPlace {
    pub at: f64,
    pub lower: f64,
    pub upper: f64,
    pub is_out_of_reach: bool,
    pub too_far: Option<NativeTooFar>,
}

/// A place that a robot does not reach in any posture [m].
#[napi(object)]
pub struct NativeTooFar {
    pub distance: f64,
    pub longest: f64,
}

impl NativeViolation {
    fn new(violation: &Violation, action: &Schema) -> NativeViolation {
        let (field, index, unit) = place_of(violation.slot, action);
        NativeViolation {
            kind: violation.kind.to_string(),
            slot: violation.slot as u32,
            field,
            index,
            unit,
            action: violation.action,
            received: violation.received,
            limit: violation.limit,
            joint: violation.joint.map(|place| NativeJointPlace {
                at: place.at,
                lower: place.lower,
                upper: place.upper,
                is_out_of_reach: place.is_out_of_reach,
                too_far: place.too_far.map(|far| NativeTooFar {
                    distance: far.distance,
                    longest: far.longest,
                }),
            }),
            flaw: violation.flaw.map(str::to_owned),
        }
    }
}

/// How far a slot of what was commanded is from the action.
#[napi(object)]
pub struct NativeDistance {
    pub field: String,
    pub index: u32,
    pub unit: String,
    pub distance: f64,
}

impl NativeDistance {
    fn new(slot: usize, distance: f64, action: &Schema) -> NativeDistance {
        let (field, index, unit) = place_of(slot, action);
        NativeDistance {
            field,
            index,
            unit,
            distance,
        }
    }
}

/// The field, the index in it and the unit of a slot of an action.
fn place_of(slot: usize, action: &Schema) -> (String, u32, String) {
    let (field, index) = action.locate(slot).unwrap_or(("action", 0));
    let unit = action.fields().iter().find(|known| known.name == field);
    let unit = unit.map_or("", |field| field.unit);
    (field.to_owned(), index as u32, unit.to_owned())
}

/// How a session ended.
#[napi(object)]
pub struct NativeOutcome {
    /// "stopped", "policyFailed", "invalidAction", "noAction", "tooLate", "nothingNew", "behind",
    /// "robotFailed" or "panicked".
    pub cause: String,
    pub tick: Option<f64>,
    pub behind: Option<NativeDistance>,
    pub without_action: Option<u32>,
    pub violation: Option<NativeViolation>,
    /// The panic's message.
    pub message: Option<String>,
    /// The robot's own error, as `failure.rs` writes errors.
    pub robot_error: Option<String>,
    /// The last states, each behind its tick and its time [s].
    pub last_states: Float64Array,
}

fn outcome(outcome: &Outcome, action: &Schema) -> NativeOutcome {
    let mut told = NativeOutcome {
        cause: "stopped".to_owned(),
        tick: None,
        behind: None,
        without_action: None,
        violation: None,
        message: None,
        robot_error: outcome.robot_error.as_ref().map(|error| {
            match error.downcast_ref::<ArmError>() {
                Some(error) => Failure::from(error.clone()),
                None => Failure::new("ROBOT", error.to_string()),
            }
            .into_text()
        }),
        last_states: Float64Array::new(outcome.last_states.clone()),
    };
    let (cause, tick) = match &outcome.cause {
        None => return told,
        Some(Cause::PolicyFailed { tick }) => ("policyFailed", Some(*tick)),
        Some(Cause::RobotFailed { tick }) => ("robotFailed", Some(*tick)),
        Some(Cause::TooLate {
            tick,
            without_action,
            had_nothing,
        }) => {
            told.without_action = Some(*without_action);
            let cause = if *had_nothing {
                "nothingNew"
            } else {
                "tooLate"
            };
            (cause, Some(*tick))
        }
        Some(Cause::Behind {
            tick,
            slot,
            distance,
        }) => {
            told.behind = Some(NativeDistance::new(*slot, *distance, action));
            ("behind", Some(*tick))
        }
        Some(Cause::NoAction { tick }) => ("noAction", Some(*tick)),
        Some(Cause::InvalidAction { tick, violation }) => {
            told.violation = Some(NativeViolation::new(violation, action));
            ("invalidAction", Some(*tick))
        }
        Some(Cause::Panicked { message }) => {
            told.message = Some(message.clone());
            ("panicked", None)
        }
    };
    told.cause = cause.to_owned();
    told.tick = tick.map(|tick| tick as f64);
    told
}

/// Something that happened while the session ran.
#[napi(object)]
pub struct NativeEvent {
    /// "held", "resting", "resumed", "behind" or "late".
    pub kind: String,
    pub tick: f64,
    /// Of "behind".
    pub behind: Option<NativeDistance>,
    /// Of "late": how long late answers took, in the mean.
    pub took_s: Option<f64>,
}

/// What JavaScript is told there is, as sums; `NEWS` in `lib/session/driver.ts` has the same numbers.
pub const OBSERVATION: u32 = 1;
pub const EVENTS: u32 = 2;
pub const END: u32 = 4;
pub const BEGUN: u32 = 8;

/// How long the process's end may take to stop an arm, at most.
const EXIT_LIMIT: Duration = Duration::from_secs(5);

/// A running or ended session.
#[napi]
pub struct NativeSession {
    session: Arc<OnceLock<Session>>,
    /// The policy's end, where the policy runs on this thread.
    policy: Option<PolicyEnd>,
    failure: FailureBell,
    action: Schema,
    /// The question of the observation taken last.
    taken: Question,
}

fn seconds(seconds: f64) -> Duration {
    // lib/session/options.ts refuses what this would clamp.
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The box that these numbers are; `lib/session/options.ts` has checked that there are seven.
fn box_of(numbers: &[f64]) -> Option<CartesianBox> {
    let [a, b, c, d, e, f, margin] = numbers.try_into().ok()?;
    Some(CartesianBox {
        lower: [a, b, c],
        upper: [d, e, f],
        margin,
    })
}

/// What a session is made of.
struct Parts {
    robot: Box<dyn Robot>,
    limits: Box<dyn Limits>,
    patience: Patience,
    asked: Asked,
}

/// Where the policy is asked.
enum Asked {
    /// On this thread.
    Here,
    /// In the worker that sits there.
    Worker(Arc<Seat>),
    /// In another process.
    Process(SharedMailbox),
    /// On the loop's own: it is none in JavaScript.
    Native(Box<dyn Policy>),
}

/// What a session chooses about the limits of its arm.
fn motion_options(options: &NativeSessionOptions) -> MotionOptions {
    MotionOptions {
        max_distance: options.max_distance_rad,
        budget: Budget {
            velocity: options.velocity_share,
            acceleration: options.acceleration_share,
            jerk: options.jerk_share,
        },
        fence: options.box_m.as_deref().and_then(box_of),
    }
}

/// What a session that drives an arm is made of, with a policy on this thread.
fn parts_of((robot, limits): Driven, options: &NativeSessionOptions) -> Parts {
    Parts {
        robot,
        limits,
        patience: Patience::Budget(seconds(options.deadline_s)),
        asked: Asked::Here,
    }
}

/// Starts the loop thread and the courier that wakes JavaScript for it.
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
        patience,
        asked,
    } = parts;
    let wake = wake
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .build()?;
    let mut own_core = own_core(options)?;
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
    // The courier runs right below the loop, so that a busy machine does not delay its wakes.
    let courier_realtime = RealtimeRequest {
        priority: options
            .priority
            .map(|priority| priority.saturating_sub(1).max(1)),
        cpu: None,
        lock_memory: false,
        timer_slack: None,
    };
    let session: Arc<OnceLock<Session>> = Arc::default();
    let ended = Arc::clone(&session);
    let bell = start_courier(
        move || drop(make_realtime(&courier_realtime)),
        move |news| {
            if news.has(News::ENDED)
                && let Some(session) = ended.get()
            {
                session.join(EXIT_LIMIT);
                drop(own_core.take());
            }
            // Refused only when the environment is closing; nobody is left to be woken then.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        },
    )
    .map_err(|error| Failure::thread(&error))?;
    let lengths = (robot.observation().len(), robot.action().len());
    let waking = |bell| mailbox(lengths.0, lengths.1, bell, Arc::clone(&recorder));
    let (inside, policy, failure): (Box<dyn Policy>, _, _) = match asked {
        Asked::Here => {
            let (inside, policy) = waking(bell.clone());
            policy.thread().is_here();
            let failure = policy.failure_bell();
            (Box::new(inside), Some(policy), failure)
        }
        Asked::Worker(seat) => {
            let (inside, policy) = waking(seat.bell());
            let failure = policy.failure_bell();
            seat.give(policy, cpu);
            (Box::new(inside), None, failure)
        }
        Asked::Process(shared) => {
            let inside = shared.loop_end(Arc::clone(&recorder));
            (Box::new(inside), None, shared.failure_bell())
        }
        Asked::Native(native) => (native, None, waking(bell.clone()).1.failure_bell()),
    };
    let mut rules = LimitRules::all(OnViolation::Stop);
    for kind in ViolationKind::ALL {
        if options.clamped.contains(&kind.to_string()) {
            rules.set(kind, OnViolation::Clamp);
        }
    }
    let config = Config {
        policy_rate_hz: Some(options.policy_rate_hz),
        patience,
        limits: rules,
        cutoff_hz: options.cutoff_hz,
        catch_up: seconds(options.catch_up_s),
        late: LateRule {
            max_held: options.max_held_ticks,
            on_late: if options.stop_on_late {
                OnLate::Stop
            } else {
                OnLate::Hold
            },
        },
        record_ticks: options.record_ticks as usize,
        run_for: options.run_for_s.map(seconds),
        realtime,
        policy_priority: options.policy_priority,
        awake: awake_of(options),
        place: Some(place.shared()),
    };
    let action = robot.action().clone();
    let started = Session::start(robot, inside, limits, config, recorder, bell.clone());
    match started {
        // The cell is empty: this is its only writer.
        Ok(started) => drop(session.set(started)),
        Err(error) => {
            bell.ring(News::ENDED);
            return Err(Failure::thread(&error).into());
        }
    }
    // However this environment ends, a worker's by terminate() included, the arm stops first.
    let ending = Arc::downgrade(&session);
    env.add_env_cleanup_hook(ending, |ending| {
        if let Some(session) = ending.upgrade()
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
        taken: Question::default(),
    })
}

#[napi]
impl NativeSession {
    /// A session whose robot is JavaScript: `wake` is called once a tick, and observes, decides
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
        let parts = Parts {
            robot,
            limits: Box::new(Unlimited::new(0)),
            patience: Patience::Cycle,
            asked: Asked::Here,
        };
        start(env, parts, &options, place, wake)
    }

    /// A session that drives an arm; `seat` is that of the worker where the policy runs.
    #[napi(factory)]
    pub fn arm(
        env: &Env,
        arm: &NativeArm,
        control: String,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
        seat: Option<u32>,
    ) -> Result<NativeSession> {
        let seat = seat.map(Seat::find).transpose()?;
        let asked = seat.map_or(Asked::Here, Asked::Worker);
        let control = control_of(&control)?;
        let driven = arm.arm.robot_with(control, &motion_options(&options));
        let parts = parts_of(driven.map_err(Failure::from)?, &options);
        start(env, Parts { asked, ..parts }, &options, place, wake)
    }

    /// A session that drives an arm with the policy of the process that sits at `seat`.
    #[napi(factory)]
    pub fn arm_shared(
        env: &Env,
        arm: &NativeArm,
        control: String,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
        seat: &NativeSharedSeat,
    ) -> Result<NativeSession> {
        let asked = Asked::Process(seat.shared()?.clone());
        let control = control_of(&control)?;
        let driven = arm.arm.robot_with(control, &motion_options(&options));
        let parts = parts_of(driven.map_err(Failure::from)?, &options);
        start(env, Parts { asked, ..parts }, &options, place, wake)
    }

    /// A session that moves an arm as planned, and ends when it is there.
    #[napi(factory)]
    pub fn moving(
        env: &Env,
        arm: &NativeArm,
        planned: &NativeMove,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
    ) -> Result<NativeSession> {
        let asked = Asked::Native(Box::new(planned.policy()));
        let driven = arm.arm.mover(&motion_options(&options));
        let parts = parts_of(driven.map_err(Failure::from)?, &options);
        start(env, Parts { asked, ..parts }, &options, place, wake)
    }

    fn session(&self) -> Result<&Session> {
        self.session
            .get()
            .ok_or_else(|| Failure::new("SYSTEM", "the session was not started").into())
    }

    /// What there is after a wake, as a sum: 1 an observation not taken yet, which is copied with
    /// its tick, time [s] and period [s]; 2 events; 4 the end; 8 the beginning, from then on.
    #[napi]
    pub fn receive(
        &mut self,
        mut observation: Float64ArraySlice<'_>,
        mut clock: Float64ArraySlice<'_>,
    ) -> Result<u32> {
        let mut news = self.news()?;
        if let Some(frame) = self.policy.as_mut().and_then(PolicyEnd::take) {
            self.taken = frame.question();
            let times = [
                frame.tick as f64,
                frame.time.as_secs_f64(),
                frame.period.as_secs_f64(),
            ];
            if fill(&mut observation, &frame.slots) && fill(&mut clock, &times) {
                news |= OBSERVATION;
            }
        }
        Ok(news)
    }

    /// The same without taking an observation.
    #[napi]
    pub fn news(&self) -> Result<u32> {
        let session = self.session()?;
        let events = if session.has_events() { EVENTS } else { 0 };
        let end = if session.has_ended() { END } else { 0 };
        let begun = if session.has_begun() { BEGUN } else { 0 };
        Ok(events | end | begun)
    }

    /// Answers the observation taken last.
    #[napi]
    pub fn answer(&mut self, action: &[f64]) -> Result<()> {
        let expected = self.action.len();
        if action.len() != expected {
            let message = format!("the action has {} slots, not {expected}", action.len());
            return Err(Failure::new("ACTION_LENGTH", message).into());
        }
        if let Some(policy) = &mut self.policy {
            policy.answer(self.taken, |slots| slots.copy_from_slice(action));
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
        self.failure.ring(self.taken.tick);
    }

    /// Asks the loop to bring the robot to rest and to end.
    #[napi]
    pub fn request_stop(&self) -> Result<()> {
        self.session()?.request_stop();
        Ok(())
    }

    /// Blocks until the loop has ended, at most `limit_s`; says whether it has.
    #[napi]
    pub fn join(&self, limit_s: f64) -> Result<bool> {
        Ok(self.session()?.join(seconds(limit_s)))
    }

    /// Whether the robot is stopped and the loop has ended.
    #[napi(getter)]
    pub fn has_ended(&self) -> Result<bool> {
        Ok(self.session()?.has_ended())
    }

    /// What the loop has done until now.
    #[napi]
    pub fn stats(&self) -> Result<NativeStats> {
        let session = self.session()?;
        let stats = session.stats();
        let first = session.recorder().first_violation();
        let counted = |kind| stats.violations[kind as usize] as f64;
        Ok(NativeStats {
            iterations: stats.iterations as f64,
            overruns: stats.overruns as f64,
            missed_ticks: stats.missed_ticks as f64,
            policy_asks: stats.policy_asks as f64,
            policy_answers: stats.policy_answers as f64,
            late_actions: stats.late_actions as f64,
            held_commands: stats.held_commands as f64,
            rest_commands: stats.rest_commands as f64,
            stale_actions: stats.stale_actions as f64,
            clamped_commands: stats.clamped_commands as f64,
            unused_not_finite: stats.unused_not_finite as f64,
            violations: NativeViolations {
                position: counted(ViolationKind::Position),
                velocity: counted(ViolationKind::Velocity),
                acceleration: counted(ViolationKind::Acceleration),
                jerk: counted(ViolationKind::Jerk),
                torque: counted(ViolationKind::Torque),
                torque_rate: counted(ViolationKind::TorqueRate),
                joints: counted(ViolationKind::Joints),
                r#box: counted(ViolationKind::Box),
                distance: counted(ViolationKind::Distance),
            },
            first_violation: first.map(|(_, first)| NativeViolation::new(&first, &self.action)),
            first_violation_tick: first.map(|(tick, _)| tick as f64),
            overwritten_observations: stats.overwritten_observations as f64,
            overwritten_actions: stats.overwritten_actions as f64,
            dropped_answers: stats.dropped_answers as f64,
            empty_answers: stats.empty_answers as f64,
            followed_commands: stats.followed_commands as f64,
            dropped_records: stats.dropped_records as f64,
            dropped_events: stats.dropped_events as f64,
            target_period_s: stats.target_period.as_secs_f64(),
            avg_period_s: stats.avg_period.as_secs_f64(),
            longest_period_s: stats.longest_period.as_secs_f64(),
            jitter: stats.jitter.into(),
            execution: stats.execution.into(),
        })
    }

    /// Cycles finished so far.
    #[napi(getter)]
    pub fn step_count(&self) -> Result<f64> {
        Ok(self.session()?.recorder().iterations.get() as f64)
    }

    /// The whole run's "jitter" or "execution" times.
    #[napi]
    pub fn histogram(&self, of: String) -> Result<NativeHistogram> {
        let recorder = self.session()?.recorder();
        let histogram = match of.as_str() {
            "execution" => recorder.execution_histogram(),
            _ => recorder.jitter_histogram(),
        };
        let mut upper = Vec::new();
        let mut counts = Vec::new();
        for bucket in histogram.iter_recorded() {
            upper.push(bucket.value_iterated_to() as f64 * 1e-9);
            counts.push(bucket.count_at_value() as f64);
        }
        Ok(NativeHistogram {
            upper_s: Float64Array::new(upper),
            counts: Float64Array::new(counts),
        })
    }

    /// What the loop thread asked of the system and got; nothing before it has run.
    #[napi]
    pub fn realtime(&self) -> Result<Option<NativeRealtime>> {
        Ok(self.session()?.realtime().map(NativeRealtime::from))
    }

    /// What became of the policy's priority; nothing where none was asked for, or it is not known yet.
    #[napi]
    pub fn promotion(&self) -> Result<Option<NativePromotion>> {
        let session = self.session()?;
        Ok(session.promotion().and_then(|promotion| {
            Some(NativePromotion {
                priority: promotion.priority(),
                grant: promotion.grant()?.into(),
                taken_back: promotion.taken_back() as f64,
            })
        }))
    }

    /// How cores are kept awake; nothing before the loop thread has run.
    #[napi]
    pub fn awake(&self) -> Result<Option<NativeAwake>> {
        Ok(self.session()?.awake().map(NativeAwake::from))
    }

    /// How the session ended; nothing while it runs.
    #[napi]
    pub fn outcome(&self) -> Result<Option<NativeOutcome>> {
        Ok(self
            .session()?
            .outcome()
            .map(|ended| outcome(ended, &self.action)))
    }

    /// Takes all events there are.
    #[napi]
    pub fn take_events(&self) -> Result<Vec<NativeEvent>> {
        let session = self.session()?;
        let events = std::iter::from_fn(|| session.take_event()).map(|event| {
            let (kind, behind, took_s) = match event.kind {
                EventKind::Held => ("held", None, None),
                EventKind::Resting => ("resting", None, None),
                EventKind::Resumed => ("resumed", None, None),
                EventKind::Behind { slot, distance } => {
                    let behind = NativeDistance::new(slot, distance, &self.action);
                    ("behind", Some(behind), None)
                }
                EventKind::Late { took } => ("late", None, Some(took.as_secs_f64())),
            };
            NativeEvent {
                kind: kind.to_owned(),
                tick: event.tick as f64,
                behind,
                took_s,
            }
        });
        Ok(events.collect())
    }

    /// Numbers of a tick record.
    #[napi(getter)]
    pub fn record_stride(&self) -> u32 {
        (RECORD_HEADER + self.action.len()) as u32
    }

    /// Takes all tick records there are: `tick, timeS, periodS, sentS, kind, askedS, answeredS`
    /// and the action, each.
    #[napi]
    pub fn take_records(&self) -> Result<Float64Array> {
        Ok(Float64Array::new(self.session()?.take_records()))
    }
}
