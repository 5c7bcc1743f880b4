//! A session: one robot, one policy, one loop thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use crate::between::{Between, Path};
use crate::cadence::Cadence;
use crate::courier::{Bell, News};
use crate::late::{Ladder, LateRule, OnLate, Step};
use crate::limits::{LimitRules, Limits, OnViolation, Violation};
use crate::lowpass::LowPass;
use crate::policy::{Answer, Ask, Policy};
use crate::record::{CommandKind, RecordIn, RecordOut, TickRecord, record_ring};
use crate::robot::{Cycle, Flow, Robot, RobotError, Tick};
use crate::stats::{Recorder, Stats};
use crate::thread::{RealtimeReport, RealtimeRequest, make_realtime};
use crate::time::Time;

/// How long the loop waits for the policy in one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// This long from the start of the cycle in which it was asked; then the late rule applies. For
    /// robots that want a command every cycle, come what may.
    ///
    /// The loop waits in that cycle, and the answer is for it. For a policy slower than its robot
    /// and more than nine tenths of the robot's period nobody waits: the answer is used from the
    /// first cycle behind the budget on, even if it is there before, and at the latest when the
    /// next question is asked.
    Budget(Duration),
    /// Until the policy has answered, however many ticks are missed meanwhile. For robots that do
    /// nothing unless told, and live with their policy.
    Cycle,
}

/// How a session runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// How often the policy is asked [Hz]; `None`, and what is above the robot's rate: every cycle.
    /// Only with [`Patience::Budget`].
    pub policy_rate_hz: Option<f64>,
    /// How long to wait for the policy.
    pub patience: Patience,
    /// What happens when it does not answer in time.
    pub late: LateRule,
    /// What happens to an action that breaks a limit.
    pub limits: LimitRules,
    /// The cut-off frequency of a low-pass filter in front of the limits [Hz]; `None`: no filter.
    /// Actions that are targets are not filtered.
    pub cutoff_hz: Option<f64>,
    /// How many ticks the record ring holds; 0 keeps no records.
    pub record_ticks: usize,
    /// When the loop ends by itself, counted from its first cycle; `None`: when it is asked to.
    pub run_for: Option<Duration>,
    /// What the loop thread asks of the system.
    pub realtime: RealtimeRequest,
}

impl Default for Config {
    /// 300 us for the policy, the default late rule, an end at the first violation of a limit, no
    /// records, no other end, a realtime thread.
    fn default() -> Config {
        Config {
            policy_rate_hz: None,
            patience: Patience::Budget(Duration::from_micros(300)),
            late: LateRule::default(),
            limits: LimitRules::default(),
            cutoff_hz: None,
            record_ticks: 0,
            run_for: None,
            realtime: RealtimeRequest::default(),
        }
    }
}

/// Why a session ended other than by being asked to. The first cause counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// The policy failed.
    PolicyFailed {
        /// The cycle in which the loop learnt of it.
        tick: u64,
    },
    /// The policy's action was not allowed.
    InvalidAction {
        /// The cycle that the action was for.
        tick: u64,
        /// What was wrong with it.
        violation: Violation,
    },
    /// The policy was late for longer than its rule allows.
    TooLate {
        /// The cycle in which the loop gave up.
        tick: u64,
        /// Cycles in a row without an action, this one included.
        without_action: u32,
    },
    /// The robot failed; the error is in [`Outcome::robot_error`].
    RobotFailed {
        /// The number of cycles that had started.
        tick: u64,
    },
    /// The loop thread panicked: a fault of this program or of a client library.
    Panicked {
        /// The panic's message.
        message: String,
    },
}

/// How a session ended.
pub struct Outcome {
    /// Why, unless it was asked to.
    pub cause: Option<Cause>,
    /// What the robot reported, as the cause or while it was being stopped for another.
    pub robot_error: Option<RobotError>,
    /// The last observations, oldest first, each behind its cycle's number and its time [s].
    pub last_states: Vec<f64>,
}

impl std::fmt::Debug for Outcome {
    /// Leaves the last states out: they would bury the cause.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcome")
            .field("cause", &self.cause)
            .field("robot_error", &self.robot_error)
            .finish_non_exhaustive()
    }
}

impl Outcome {
    /// A panic outside the cycles: before the first, or while the robot was let go.
    fn panicked(panic: &(dyn std::any::Any + Send)) -> Outcome {
        let message = panic_message(panic);
        Outcome {
            cause: Some(Cause::Panicked { message }),
            robot_error: None,
            last_states: Vec::new(),
        }
    }
}

/// Something worth telling while a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The cycle in which it happened.
    pub tick: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The first cycle without an action after one with: the command is held.
    Held,
    /// The robot is being brought to rest because no action came for too long.
    Resting,
    /// Actions are used as they come again.
    Resumed,
}

/// Observations kept for the error that may come.
const LAST_STATES: usize = 50;
/// Longest time that coming to rest may take before the robot is told to finish anyway.
const REST_LIMIT: Duration = Duration::from_secs(3);
const EVENT_QUEUE: usize = 256;

/// What the loop thread and everybody else share.
struct Shared {
    stop: AtomicBool,
    begun: AtomicBool,
    ended: AtomicBool,
    recorder: Arc<Recorder>,
    events: ArrayQueue<Event>,
    realtime: OnceLock<RealtimeReport>,
    outcome: OnceLock<Outcome>,
}

/// A running or ended session. Dropping it stops the robot and waits for the loop thread.
pub struct Session {
    shared: Arc<Shared>,
    records: Mutex<RecordOut>,
    handle: Mutex<Option<JoinHandle<()>>>,
    thread: Thread,
}

impl Session {
    /// Starts the loop thread. `bell` is rung for events and at the end; `recorder` is what the
    /// policy's channel counts into too.
    ///
    /// # Errors
    /// The system's, where it cannot start a thread.
    pub fn start(
        robot: Box<dyn Robot>,
        policy: Box<dyn Policy>,
        limits: Box<dyn Limits>,
        config: Config,
        recorder: Arc<Recorder>,
        bell: Bell,
    ) -> std::io::Result<Session> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            recorder,
            events: ArrayQueue::new(EVENT_QUEUE),
            realtime: OnceLock::new(),
            outcome: OnceLock::new(),
        });
        let (records_in, records_out) = record_ring(config.record_ticks, robot.action().len());
        let inside = Arc::clone(&shared);
        let handle = std::thread::Builder::new()
            .name("kilohertz-loop".to_owned())
            .spawn(move || {
                let ran = catch_unwind(AssertUnwindSafe(|| {
                    run(robot, policy, limits, &config, &inside, records_in, &bell);
                }));
                if let Err(panic) = ran {
                    let _ = inside.outcome.set(Outcome::panicked(&*panic));
                }
                inside.ended.store(true, Ordering::Release);
                bell.ring(News::ENDED);
            })?;
        let thread = handle.thread().clone();
        Ok(Session {
            shared,
            records: Mutex::new(records_out),
            handle: Mutex::new(Some(handle)),
            thread,
        })
    }

    /// Asks the loop to bring the robot to rest and to end. Returns at once; may be repeated.
    pub fn request_stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }

    /// Waits until the loop thread has ended, at most `limit`; says whether it has. The robot is
    /// stopped by then.
    pub fn join(&self, limit: Duration) -> bool {
        let deadline = Time::now() + limit;
        while !self.has_ended() {
            if Time::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(handle) = handle {
            // A panic inside was caught and is the outcome's cause.
            let _ = handle.join();
        }
        true
    }

    /// Whether the first cycle has begun.
    pub fn has_begun(&self) -> bool {
        self.shared.begun.load(Ordering::Acquire)
    }

    /// Whether the robot is stopped and the loop has ended.
    pub fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::Acquire)
    }

    /// What the loop has done until now.
    pub fn stats(&self) -> Stats {
        self.shared.recorder.snapshot()
    }

    /// Where the loop counts.
    pub fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    /// What the loop thread asked of the system and got; nothing before the thread has run.
    pub fn realtime(&self) -> Option<&RealtimeReport> {
        self.shared.realtime.get()
    }

    /// How the session ended; nothing while it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.shared.outcome.get()
    }

    /// Whether there are events to be taken.
    pub fn has_events(&self) -> bool {
        !self.shared.events.is_empty()
    }

    /// Takes the oldest event not taken yet.
    pub fn take_event(&self) -> Option<Event> {
        self.shared.events.pop()
    }

    /// Takes all tick records there are; the layout is [`RecordOut`]'s.
    pub fn take_records(&self) -> Vec<f64> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.request_stop();
        while !self.join(Duration::from_secs(1)) {}
    }
}

/// The loop thread.
fn run(
    mut robot: Box<dyn Robot>,
    mut policy: Box<dyn Policy>,
    limits: Box<dyn Limits>,
    config: &Config,
    shared: &Shared,
    records: RecordIn,
    bell: &Bell,
) {
    // Set once, here; a second value is impossible.
    let _ = shared.realtime.set(make_realtime(&config.realtime));
    policy.attach();
    let mut body = Body::new(&*robot, policy, limits, config, shared, records, bell);
    let driven = caught(|| robot.drive(&mut body));
    // What a robot was told to finish with counts where it says that it was sent.
    if body.ending != Some(0) {
        body.close();
    }
    let tick = body.tick;
    let mut cause = body.cause.take();
    let robot_error = match driven {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            cause.get_or_insert(Cause::RobotFailed { tick });
            Some(error)
        }
        Err(panic) => {
            cause.get_or_insert(Cause::Panicked {
                message: panic_message(&*panic),
            });
            None
        }
    };
    let last_states = body.last_states.rows();
    // The robot goes first: whoever sees the outcome finds it stopped and its sockets closed.
    drop(body);
    drop(robot);
    let _ = shared.outcome.set(Outcome {
        cause,
        robot_error,
        last_states,
    });
}

/// Does `work` and catches its panic. What it leaves half done must not be gone on with.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// A cycle whose action was decided but may not have been handed to the robot yet.
#[derive(Clone, Copy)]
struct Pending {
    record: TickRecord,
    period: Option<Duration>,
    started: Time,
    decided: Time,
}

/// The question asked last.
#[derive(Clone, Copy)]
struct Question {
    /// Its number in the policy's own count, from 0.
    number: u64,
    /// The cycle in which it was asked.
    tick: u64,
    /// The tick of the robot's clock by which its answer has to be there.
    due: u64,
}

/// What a cycle goes by.
enum Turn {
    /// This answer, and the action in `wanted`.
    Answer(Answer),
    /// Nothing yet: the first answer is not due.
    Early,
    /// The session is to end.
    End,
}

/// The share of a period that the loop waits in a cycle at most.
const LONGEST_WAIT: f64 = 0.9;

/// The loop body.
struct Body<'a> {
    policy: Box<dyn Policy>,
    limits: Box<dyn Limits>,
    cadence: Cadence,
    /// Cycles from a question to the use of its answer.
    delay: u64,
    /// The question asked last; before the first one that of cycle 0.
    asked: Option<Question>,
    /// The number of the newest question whose answer has to be there.
    expected: Option<u64>,
    /// Whether the answer to the question asked last waits, in `answered`, until it is due.
    is_early: bool,
    /// Whether this cycle is the first with a new answer.
    is_new: bool,
    answered: Vec<f64>,
    path: Path,
    filter: Option<LowPass>,
    patience: Patience,
    late: LateRule,
    rules: LimitRules,
    /// Whether the robot lags behind the policy because an action was clamped.
    clamping: bool,
    run_for: Option<Duration>,
    ladder: Ladder,
    shared: &'a Shared,
    bell: &'a Bell,
    records: RecordIn,
    period: Duration,
    tick: u64,
    /// Ticks of the robot's clock since the first cycle; those without a cycle count.
    clock: u64,
    first: Time,
    previous: Time,
    /// Of this cycle, for its record.
    asked_s: f64,
    answered_s: f64,
    /// The policy's action, then what is sent.
    wanted: Vec<f64>,
    sent: Vec<f64>,
    pending: Option<Pending>,
    /// Cycles left for coming to rest, once the session is ending.
    ending: Option<u64>,
    /// Whether observations are not believed any more.
    is_blind: bool,
    /// What was sent before this cycle: for one that panics twice.
    before: Vec<f64>,
    told: EventKind,
    cause: Option<Cause>,
    last_states: LastStates,
}

impl<'a> Body<'a> {
    fn new(
        robot: &dyn Robot,
        policy: Box<dyn Policy>,
        limits: Box<dyn Limits>,
        config: &Config,
        shared: &'a Shared,
        records: RecordIn,
        bell: &'a Bell,
    ) -> Body<'a> {
        let now = Time::now();
        let len = robot.action().len();
        let period = robot.period();
        let hertz = 1.0 / period.as_secs_f64();
        let cadence = match (config.policy_rate_hz, config.patience) {
            (Some(rate_hz), Patience::Budget(_)) => Cadence::new(hertz / rate_hz),
            _ => Cadence::new(1.0),
        };
        let delay = match config.patience {
            Patience::Budget(budget)
                if !cadence.is_every_cycle() && budget > period.mul_f64(LONGEST_WAIT) =>
            {
                let cycles = (budget.as_secs_f64() * hertz).ceil();
                // A single precision's worth below a whole number is that number.
                (cycles as u64).min((cadence.ratio() + 1e-6) as u64)
            }
            _ => 0,
        };
        Body {
            path: Path::new(limits.between(), len),
            filter: config
                .cutoff_hz
                .map(|cutoff_hz| LowPass::new(cutoff_hz, period, &*limits, len)),
            policy,
            limits,
            cadence,
            delay,
            asked: None,
            expected: None,
            is_early: false,
            is_new: false,
            answered: vec![0.0; len],
            patience: config.patience,
            late: config.late,
            rules: config.limits,
            clamping: false,
            run_for: config.run_for,
            ladder: Ladder::new(config.late),
            shared,
            bell,
            records,
            period,
            tick: 0,
            clock: 0,
            first: now,
            previous: now,
            asked_s: f64::NAN,
            answered_s: f64::NAN,
            wanted: vec![0.0; len],
            sent: vec![0.0; len],
            pending: None,
            ending: None,
            is_blind: false,
            before: vec![0.0; len],
            told: EventKind::Resumed,
            cause: None,
            last_states: LastStates::new(robot.observation().len()),
        }
    }

    /// The time since the last cycle; none for the first.
    fn period_until(&mut self, started: Time) -> Option<Duration> {
        if self.tick == 0 {
            self.first = started;
            self.previous = started;
            self.shared.begun.store(true, Ordering::Release);
            return None;
        }
        let period = started.since(self.previous);
        self.previous = started;
        Some(period)
    }

    /// Now, for a record [s]; NaN where none is kept.
    fn stamp(&self) -> f64 {
        match self.records.is_on() {
            true => Time::now().since(self.first).as_secs_f64(),
            false => f64::NAN,
        }
    }

    /// Asks the policy where a question is due; says whether.
    fn ask(&mut self, observation: &[f64]) -> bool {
        let Some(number) = self.cadence.due(self.clock) else {
            return false;
        };
        let periods = number.saturating_sub(self.asked.map_or(number, |asked| asked.number));
        let policy_period = self.cadence.ratio() * self.period.as_secs_f64();
        let lasting = |periods: u64| {
            let seconds = policy_period * periods as f64;
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        };
        let due = match self.delay {
            0 => self.clock,
            // A question whose own tick had no cycle has less time: its answer is needed when it is.
            delay => self.cadence.tick_of(number).saturating_add(delay),
        };
        self.asked = Some(Question {
            number,
            tick: self.tick,
            due,
        });
        self.asked_s = self.stamp();
        self.policy.request(&Ask {
            tick: self.tick,
            time: lasting(number),
            period: lasting(periods),
            observation,
        });
        self.shared.recorder.policy_asks.add(1);
        true
    }

    /// What this cycle goes by, with its action in `wanted`.
    fn turn(&mut self, started: Time, observation: &[f64]) -> Turn {
        self.is_new = false;
        let waits = self.delay == 0 && self.ask(observation);
        let until = match self.patience {
            Patience::Budget(budget) if waits => Some(started + budget),
            Patience::Budget(_) => Some(started),
            Patience::Cycle => match self.late.on_late {
                OnLate::Hold => None,
                OnLate::Stop => Some(started + self.period * (self.late.max_held + 1)),
            },
        };
        let polled = self
            .policy
            .poll(until, &self.shared.stop, &mut self.answered);
        if polled != Answer::None {
            self.answered_s = self.stamp();
        }
        if polled == Answer::Failed {
            return Turn::Answer(polled);
        }
        if self.shared.stop.load(Ordering::Relaxed) {
            return Turn::End;
        }
        let answer = self.taken(polled, started);
        if self.delay > 0 {
            self.ask(observation);
        }
        if self.expected.is_none() {
            return Turn::Early;
        }
        if self.cadence.is_every_cycle() {
            self.wanted.copy_from_slice(self.path.answer());
        } else {
            self.path.at(self.place(), &mut self.wanted);
        }
        if let Some(filter) = &mut self.filter {
            filter.pass(&*self.limits, &mut self.wanted);
        }
        Turn::Answer(answer)
    }

    /// Takes in what polling brought. Says how the answer that has to be there by now stands.
    fn taken(&mut self, polled: Answer, started: Time) -> Answer {
        let Some(asked) = self.asked else {
            return Answer::None;
        };
        let recorder = &self.shared.recorder;
        if polled != Answer::None {
            recorder.policy_answers.add(1);
        }
        let is_due = self.clock >= asked.due;
        // Whether this is the cycle by which the answer has to be there.
        let is_deadline = is_due && self.expected != Some(asked.number);
        if is_deadline {
            self.expected = Some(asked.number);
        }
        let in_time = self.is_early || (polled == Answer::Fresh && is_deadline);
        let late = match self.patience {
            Patience::Budget(_) => is_deadline && !in_time,
            Patience::Cycle => Time::now() > started + self.period,
        };
        if late {
            recorder.late_actions.add(1);
        }
        let answer = match polled {
            Answer::Fresh if !is_due => {
                self.is_early = true;
                Answer::None
            }
            Answer::Fresh if is_deadline => Answer::Fresh,
            Answer::Fresh => Answer::Late {
                age: self.clock.saturating_sub(asked.due),
            },
            Answer::Late { age } => {
                let since = age.saturating_add(self.tick - asked.tick);
                Answer::Late {
                    age: since.saturating_sub(self.delay).max(1),
                }
            }
            _ if self.is_early && is_due => Answer::Fresh,
            _ => Answer::None,
        };
        let Some(expected) = self.expected else {
            return Answer::None;
        };
        if self.ladder.is_stale(answer) {
            self.shared.recorder.stale_actions.add(1);
        } else if answer != Answer::None {
            self.is_early &= !is_due;
            if self.path.newest().is_none() {
                self.limits.last(&mut self.wanted);
                self.path.begin(&self.wanted);
            }
            // What comes late stands for what should have come.
            self.path.put(expected, &self.answered);
            self.is_new = true;
        }
        // Between two questions it is the answer to the last one that goes on, as far as it leads.
        let leads = |newest: u64| newest as f64 + 1.0 > self.place();
        match answer {
            Answer::None if self.path.newest().is_some_and(leads) => Answer::Fresh,
            answer => answer,
        }
    }

    /// This cycle in periods of the policy, behind its questions by what their answers may take.
    fn place(&self) -> f64 {
        self.clock.saturating_sub(self.delay) as f64 / self.cadence.ratio()
    }

    /// Whether actions are gone to within the limits, however far they are.
    fn approaches(&self) -> bool {
        match self.limits.between() {
            Between::Target => true,
            Between::Approach => !self.cadence.is_every_cycle(),
            Between::Spline | Between::Pose | Between::Line => false,
        }
    }

    /// Whether the session has run for as long as it was to. Half a period early counts: a cycle
    /// that starts a little before its time is that time's cycle.
    fn is_over(&self, started: Time) -> bool {
        let ran = started.since(self.first) + self.period / 2;
        self.run_for.is_some_and(|run_for| ran >= run_for)
    }

    /// Writes this cycle's command into `self.sent`, or begins to end the session.
    fn decide(&mut self, answer: Answer, observation: &[f64]) -> CommandKind {
        let tick = self.tick;
        let step = match (answer, self.patience) {
            (Answer::Failed, _) => {
                return self.end(Some(Cause::PolicyFailed { tick }), observation);
            }
            (Answer::None, Patience::Cycle) => {
                let without_action = self.late.max_held + 1;
                let cause = Cause::TooLate {
                    tick,
                    without_action,
                };
                return self.end(Some(cause), observation);
            }
            (answer, _) => self.ladder.step(answer),
        };
        let step = match step {
            Step::Use | Step::Follow => match self.checked(step, observation) {
                Ok(step) => step,
                Err(violation) => {
                    return self.end(Some(Cause::InvalidAction { tick, violation }), observation);
                }
            },
            step => step,
        };
        let approaches = self.approaches();
        match step {
            Step::Use | Step::Follow if approaches => {
                self.limits
                    .follow(observation, &self.wanted, &mut self.sent);
                self.clamping = false;
                self.ladder.caught_up();
                self.tell(EventKind::Resumed);
                match step {
                    Step::Use => CommandKind::Fresh,
                    _ => CommandKind::Followed,
                }
            }
            Step::Use => {
                self.clamping = false;
                self.limits.commanded(&self.wanted);
                self.sent.copy_from_slice(&self.wanted);
                CommandKind::Fresh
            }
            Step::Follow => {
                if self
                    .limits
                    .follow(observation, &self.wanted, &mut self.sent)
                {
                    // What was caught up with is not yet what a fresh answer wants.
                    if answer == Answer::Fresh {
                        self.ladder.fits();
                    }
                    self.tell(EventKind::Resumed);
                } else {
                    self.ladder.out_of_step();
                }
                CommandKind::Followed
            }
            Step::Hold => {
                self.tell(EventKind::Held);
                self.shared.recorder.held_commands.add(1);
                self.limits.hold(observation, &mut self.sent);
                CommandKind::Held
            }
            Step::Rest => {
                self.tell(EventKind::Resting);
                self.shared.recorder.rest_commands.add(1);
                self.limits.rest(observation, &mut self.sent);
                CommandKind::Rest
            }
            Step::Stop => {
                let without_action = self.ladder.without_action();
                self.end(
                    Some(Cause::TooLate {
                        tick,
                        without_action,
                    }),
                    observation,
                )
            }
        }
    }

    /// Counts what the action breaks. Says how it is carried out then, or what ends the session.
    fn checked(&mut self, step: Step, observation: &[f64]) -> Result<Step, Violation> {
        let mut found = self.limits.check_value(observation, &self.wanted);
        if self.is_new && (!self.cadence.is_every_cycle() || self.filter.is_some()) {
            // What is commanded on the way there could hide what was answered.
            found.join(&self.limits.check_value(observation, self.path.answer()));
        }
        // Going to the action in one step is asked for where nothing is in the way. An action that
        // is followed after a gap has not been asked for so soon, but where it leads counts; behind
        // one that was clamped only what is clamped counts on, because the way back is not the
        // policy's. Where actions are approached, going there is our doing.
        let approaches = self.approaches();
        if step == Step::Use && !approaches {
            found.join(&self.limits.check_rate(observation, &self.wanted));
        } else {
            found.join(&self.limits.check_course(observation, &self.wanted));
            if self.clamping && !approaches {
                let rate = self.limits.check_rate(observation, &self.wanted);
                rate.iter()
                    .filter(|violation| self.rules.of(violation.kind) == OnViolation::Clamp)
                    .for_each(|violation| found.note(*violation));
            }
        }
        if found.is_empty() {
            return Ok(step);
        }
        let recorder = &self.shared.recorder;
        for violation in found.iter() {
            recorder.violation(self.tick, violation);
        }
        let stops = |violation: &&Violation| self.rules.of(violation.kind) == OnViolation::Stop;
        if let Some(violation) = found.iter().find(stops) {
            return Err(*violation);
        }
        recorder.clamped_commands.add(1);
        self.clamping = true;
        self.ladder.out_of_step();
        Ok(Step::Follow)
    }

    /// Writes this cycle's command into `self.sent`. Where policy or limits panic, the robot is
    /// brought to rest from this cycle on; where that panics too, what was sent last is the end.
    fn guarded(&mut self, started: Time, observation: &[f64]) -> CommandKind {
        self.before.copy_from_slice(&self.sent);
        let panic = match caught(|| self.command(started, observation)) {
            Ok(kind) => return kind,
            Err(panic) => panic,
        };
        let message = panic_message(&*panic);
        self.cause.get_or_insert(Cause::Panicked { message });
        // What was half done is not gone on with: neither the policy's question nor the check.
        self.ending.get_or_insert(self.cycles_to_rest());
        self.sent.copy_from_slice(&self.before);
        if let Ok(kind) = caught(|| self.end(None, observation)) {
            return kind;
        }
        self.sent.copy_from_slice(&self.before);
        self.ending = Some(0);
        CommandKind::Rest
    }

    /// The same, where nothing panics.
    fn command(&mut self, started: Time, observation: &[f64]) -> CommandKind {
        if self.is_blind {
            if self.tick == 0 {
                // Where the robot was before its first cycle is all that is known.
                self.limits.observe(observation);
            }
            return self.end(None, observation);
        }
        if !self.limits.observe(observation) {
            self.ladder.out_of_step();
        }
        if self.cause.is_none() {
            // Those that led to the error are kept, not those of the braking after it.
            self.last_states
                .push(self.tick, started.since(self.first), observation);
        }
        if self.ending.is_some() || self.is_stopping() || self.is_over(started) {
            return self.end(None, observation);
        }
        match self.turn(started, observation) {
            Turn::Answer(answer) => self.decide(answer, observation),
            Turn::Early => {
                self.limits.rest(observation, &mut self.sent);
                CommandKind::Rest
            }
            Turn::End => self.end(None, observation),
        }
    }

    /// Cycles that coming to rest may take.
    fn cycles_to_rest(&self) -> u64 {
        (REST_LIMIT.as_secs_f64() / self.period.as_secs_f64()).ceil() as u64
    }

    /// Begins to end the session, or goes on with it: the robot comes to rest, then finishes.
    fn end(&mut self, cause: Option<Cause>, observation: &[f64]) -> CommandKind {
        if self.cause.is_none() {
            self.cause = cause;
        }
        let left = self.ending.unwrap_or(self.cycles_to_rest());
        let at_rest = match self.is_blind {
            true => self.limits.rest_blind(observation, &mut self.sent),
            false => self.limits.rest(observation, &mut self.sent),
        };
        self.shared.recorder.rest_commands.add(1);
        self.ending = Some(if at_rest { 0 } else { left.saturating_sub(1) });
        CommandKind::Rest
    }

    /// Tells an event, where it is not what was told last.
    fn tell(&mut self, kind: EventKind) {
        let worse_told = kind == EventKind::Held && self.told == EventKind::Resting;
        if kind == self.told || worse_told {
            return;
        }
        self.told = kind;
        if self
            .shared
            .events
            .push(Event {
                tick: self.tick,
                kind,
            })
            .is_err()
        {
            self.shared.recorder.dropped_events.add(1);
        }
        self.bell.ring(News::EVENT);
    }

    /// Counts and records the cycle whose action was handed over, or last could have been.
    fn close(&mut self) {
        let Some(Pending {
            mut record,
            period,
            started,
            decided,
        }) = self.pending.take()
        else {
            return;
        };
        if let Some(period) = period {
            self.shared.recorder.period(period);
        }
        self.shared.recorder.execution(decided.since(started));
        record.sent_s = decided.since(self.first).as_secs_f64();
        if self.records.is_on() && !self.records.push(&record, &self.sent) {
            self.shared.recorder.dropped_records.add(1);
        }
    }
}

impl Tick for Body<'_> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        self.close();
        let Cycle {
            started,
            skipped,
            observation,
            action,
        } = cycle;
        let period = self.period_until(started);
        let skipped = if self.tick == 0 { 0 } else { skipped };
        let step = if self.tick == 0 { 0 } else { 1 };
        self.clock = self.clock.saturating_add(skipped).saturating_add(step);
        self.shared.recorder.missed_ticks.add(skipped);
        let kind = self.guarded(started, observation);
        action.copy_from_slice(&self.sent);
        if self.tick == 0 {
            // Whoever is woken by the first request knows already; this is for the others.
            self.bell.ring(News::BEGUN);
        }
        let record = TickRecord {
            tick: self.tick,
            time_s: started.since(self.first).as_secs_f64(),
            period_s: period.map_or(f64::NAN, |period| period.as_secs_f64()),
            sent_s: 0.0,
            kind,
            asked_s: std::mem::replace(&mut self.asked_s, f64::NAN),
            answered_s: std::mem::replace(&mut self.answered_s, f64::NAN),
        };
        self.pending = Some(Pending {
            record,
            period,
            started,
            decided: Time::now(),
        });
        self.tick += 1;
        if self.ending == Some(0) {
            Flow::Finish
        } else {
            Flow::Continue
        }
    }

    fn sent(&mut self, at: Time) {
        if let Some(pending) = &mut self.pending {
            pending.decided = at;
        }
        self.close();
    }

    fn is_stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn distrust(&mut self) {
        self.is_blind = true;
        let tick = self.tick;
        self.cause.get_or_insert(Cause::RobotFailed { tick });
    }

    fn not_finite(&mut self, slots: u64) {
        self.shared.recorder.unused_not_finite.add(slots);
    }
}

/// The newest observations, for the error that may come.
struct LastStates {
    rows: Vec<f64>,
    stride: usize,
    written: usize,
}

impl LastStates {
    fn new(observation_len: usize) -> LastStates {
        let stride = observation_len + 2;
        LastStates {
            rows: vec![0.0; stride * LAST_STATES],
            stride,
            written: 0,
        }
    }

    fn push(&mut self, tick: u64, time: Duration, observation: &[f64]) {
        let first = (self.written % LAST_STATES) * self.stride;
        self.rows[first] = tick as f64;
        self.rows[first + 1] = time.as_secs_f64();
        self.rows[first + 2..first + self.stride].copy_from_slice(observation);
        self.written += 1;
    }

    /// The rows there are, oldest first. Allocates: for after the loop.
    fn rows(&self) -> Vec<f64> {
        let kept = self.written.min(LAST_STATES);
        let oldest = self.written - kept;
        (oldest..self.written)
            .flat_map(|row| {
                let first = (row % LAST_STATES) * self.stride;
                &self.rows[first..first + self.stride]
            })
            .copied()
            .collect()
    }
}
