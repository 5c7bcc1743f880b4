//! The loop thread, and what it does once a cycle.

// long: the loop body is one state machine, whose parts share most of its fields.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::channel::notify::{Notifier, Signals};
use crate::channel::records::{CommandKind, RecordIn, TickRecord};
use crate::command::cadence::Cadence;
use crate::command::interpolation::{Interpolation, Interpolator};
use crate::command::judge::Judge;
use crate::command::late::{Arrival, LateRule, LateTracker, OnLate, Step};
use crate::command::lowpass::LowPass;
use crate::limits::{
    Approach, LimitRules, Limiter, OnViolation, Violation, Violations, check_finite,
};
use crate::policy::{Answer, Ask, Policy, PolicyThread, Question};
use crate::robot::{Cycle, Flow, Robot, Tick};
use crate::session::config::{Config, Deadline};
use crate::session::last_states::LastStates;
use crate::session::outcome::{Cause, Event, EventKind, Outcome, panic_message};
use crate::session::roll::{self, Place};
use crate::session::shared::Shared;
use crate::thread::awake::{self, Awake};
use crate::thread::promotion::Promotion;
use crate::thread::realtime::make_realtime;
use crate::timing::time::{Time, nanos};

/// How long lateness is looked at before it is told, how many questions there have to be, and one of
/// how many answers may be late.
const LATE_WINDOW: Duration = Duration::from_secs(2);
const LATE_QUESTIONS: u64 = 20;
const LATE_SHARE: u64 = 10;
/// A policy that has not had an action for so long, but answered, is taken to have forgotten them.
const FIRST_ACTION: Duration = Duration::from_secs(1);

/// Longest time that coming to rest may take before the robot is told to finish anyway.
const REST_LIMIT: Duration = roll::REST;

/// The loop thread.
pub(super) fn run(
    mut robot: Box<dyn Robot>,
    mut policy: Box<dyn Policy>,
    limits: Box<dyn Limiter>,
    config: &Config,
    shared: &Shared,
    records: RecordIn,
    notifier: &Notifier,
) {
    // Before the thread is a realtime one: what it starts inherits that.
    let policy_thread = policy.thread();
    let number = policy_thread.as_ref().map(|thread| thread.shared_number());
    let threads: Vec<_> = [Some(awake::this_thread()), number]
        .into_iter()
        .flatten()
        .collect();
    let awake = Awake::begin(&config.awake, &threads);
    let promotion = promoted(config, policy_thread, robot.period());
    if let Some(promotion) = &promotion {
        let _ = shared.promotion.set(promotion.view());
    }
    // Each is set once, here; a second value is impossible.
    let _ = shared.awake.set(awake.report().clone());
    let _ = shared.realtime.set(make_realtime(&config.realtime));
    policy.attach();
    let mut body = ControlLoop::new(&*robot, policy, limits, config, shared, records, notifier);
    let driven = caught(|| robot.drive(&mut body));
    shared.placed(Place::rests);
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
    drop(promotion);
    drop(awake);
    let _ = shared.outcome.set(Outcome {
        cause,
        robot_error,
        last_states,
    });
}

/// Gives the policy's thread the priority that is asked for.
fn promoted(
    config: &Config,
    thread: Option<Arc<PolicyThread>>,
    period: Duration,
) -> Option<Promotion> {
    let patience = period.saturating_mul(config.late.max_held.max(1));
    // Without a thread for the watch the policy stays an ordinary one.
    Promotion::begin(config.policy_priority?, thread?, patience).ok()
}

/// Does `work` and catches its panic. What it leaves half done must not be gone on with.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}

/// A cycle whose action was decided but may not have been handed to the robot yet.
#[derive(Clone, Copy)]
struct Pending {
    period: Option<Duration>,
    started: Time,
    /// When it was decided; `None` where the robot tells when it was sent.
    decided: Option<Time>,
    kind: CommandKind,
}

/// The question asked last.
#[derive(Clone, Copy)]
struct Asked {
    /// Its number in the policy's own count, from 0.
    number: u64,
    /// The cycle in which it was asked.
    tick: u64,
    /// The tick of the robot's clock by which its answer has to be there.
    due: u64,
    /// Whether it was answered, with an action or without.
    is_answered: bool,
}

/// What a cycle goes by.
enum Polled {
    /// An action that stands so, which is in `wanted`.
    Action(Arrival),
    /// Nothing yet: the first answer is not due.
    Early,
    /// The session is to end, for this cause if for any.
    End(Option<Cause>),
}

/// How late answers have been since some tick of the robot's clock.
#[derive(Clone, Copy, Default)]
struct LateWindow {
    since: u64,
    asks: u64,
    lates: u64,
    /// How long those took that came, in all, and the sum of the squares.
    took_s: f64,
    took_s2: f64,
    /// Deadlines that have passed since an answer came, and the most in a row.
    open: u32,
    longest: u32,
    is_told: bool,
}

/// Answers that are taken in one cycle, at most; the others are there in the next.
const MOST_ANSWERS: u32 = 64;
/// The share of a period that the loop waits in a cycle at most.
const LONGEST_WAIT: f64 = 0.9;

/// The loop body.
struct ControlLoop<'a> {
    policy: Box<dyn Policy>,
    limits: Box<dyn Limiter>,
    cadence: Cadence,
    /// Cycles from a question to the use of its answer.
    delay: u64,
    /// The question asked last.
    asked: Option<Asked>,
    /// The number of the newest question whose answer has to be there.
    expected: Option<u64>,
    /// Whether the answer to the question asked last waits, in `answered`, until it is due.
    is_early: bool,
    /// Whether this cycle is the first with a new answer.
    is_new: bool,
    answered: Vec<f64>,
    judge: Judge,
    /// Whether there was an action, and whether the newest answer had nothing new.
    has_acted: bool,
    had_nothing: bool,
    lateness: LateWindow,
    /// Ticks of [`LATE_WINDOW`].
    late_window: u64,
    path: Interpolator,
    filter: Option<LowPass>,
    deadline: Deadline,
    late: LateRule,
    rules: LimitRules,
    /// What was found broken in this cycle: each kind counts once.
    counted: Violations,
    /// Whether the robot lags behind the policy because an action was clamped.
    clamping: bool,
    run_for: Option<Duration>,
    tracker: LateTracker,
    /// How actions are gone to: after a rest until caught up with, otherwise.
    approach: Approach,
    /// Whether actions are gone to within the limits, however far they are.
    approaches: bool,
    /// Whether the robot rested since the newest answer.
    has_rested: bool,
    /// For how many cycles it has been on its way, and whether that was told.
    behind: Option<(u64, bool)>,
    catch_up: Duration,
    shared: &'a Shared,
    notifier: &'a Notifier,
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
    /// Whether the robot tells when an action was handed over.
    tells_sent: bool,
    /// Cycles left for coming to rest, once the session is ending.
    ending: Option<u64>,
    /// Whether observations are not believed any more.
    is_blind: bool,
    /// What was sent before this cycle: for one that panics twice.
    before: Vec<f64>,
    last_event: EventKind,
    cause: Option<Cause>,
    last_states: LastStates,
}

impl<'a> ControlLoop<'a> {
    fn new(
        robot: &dyn Robot,
        policy: Box<dyn Policy>,
        limits: Box<dyn Limiter>,
        config: &Config,
        shared: &'a Shared,
        records: RecordIn,
        notifier: &'a Notifier,
    ) -> ControlLoop<'a> {
        let now = Time::now();
        let len = robot.action().len();
        let period = robot.period();
        let hertz = 1.0 / period.as_secs_f64();
        let cadence = match (config.policy_rate_hz, config.deadline) {
            (Some(rate_hz), Deadline::Within(_)) => Cadence::new(hertz / rate_hz),
            _ => Cadence::new(1.0),
        };
        let delay = match config.deadline {
            Deadline::Within(budget)
                if !cadence.is_every_cycle() && budget > period.mul_f64(LONGEST_WAIT) =>
            {
                let cycles = (budget.as_secs_f64() * hertz).ceil();
                // A single precision's worth below a whole number is that number.
                (cycles as u64).min((cadence.ratio() + 1e-6) as u64)
            }
            _ => 0,
        };
        let between = limits.interpolation();
        let filter = || {
            let cutoff_hz = config.cutoff_hz?;
            Some(LowPass::new(cutoff_hz, period, between, len))
        };
        ControlLoop {
            judge: Judge::new(&*limits, len, period, cadence.ratio(), filter()),
            has_acted: false,
            had_nothing: false,
            lateness: LateWindow::default(),
            late_window: (LATE_WINDOW.as_secs_f64() * hertz).ceil() as u64,
            path: Interpolator::new(between, len),
            filter: filter(),
            policy,
            limits,
            cadence,
            delay,
            asked: None,
            expected: None,
            is_early: false,
            is_new: false,
            answered: vec![0.0; len],
            deadline: config.deadline,
            late: config.late,
            rules: config.limits,
            counted: Violations::none(),
            clamping: false,
            run_for: config.run_for,
            tracker: LateTracker::new(config.late),
            approach: Approach::AfterRest,
            approaches: match between {
                Interpolation::Target => true,
                Interpolation::Approach => !cadence.is_every_cycle(),
                Interpolation::Spline | Interpolation::Pose | Interpolation::Line => false,
            },
            has_rested: true,
            behind: None,
            catch_up: config.catch_up,
            shared,
            notifier,
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
            tells_sent: false,
            ending: None,
            is_blind: false,
            before: vec![0.0; len],
            last_event: EventKind::Resumed,
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
        let due = match self.delay {
            0 => self.clock,
            // A question whose own tick had no cycle has less time: its answer is needed when it is.
            delay => self.cadence.tick_of(number).saturating_add(delay),
        };
        self.asked = Some(Asked {
            number,
            tick: self.tick,
            due,
            is_answered: false,
        });
        self.judge.asked(&*self.limits, self.tick);
        self.asked_s = self.stamp();
        self.policy.request(&Ask {
            tick: self.tick,
            time: self.lasting(number),
            period: self.lasting(periods),
            observation,
        });
        self.shared.recorder.policy_asks.add(1);
        true
    }

    /// How long so many periods of the policy last.
    fn lasting(&self, periods: u64) -> Duration {
        if self.cadence.is_every_cycle() {
            return Duration::from_nanos(nanos(self.period).saturating_mul(periods));
        }
        let seconds = self.cadence.ratio() * self.period.as_secs_f64() * periods as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// What this cycle goes by, with its action in `wanted`.
    fn turn(&mut self, started: Time, observation: &[f64]) -> Polled {
        self.is_new = false;
        self.counted.clear();
        let waits = self.delay == 0 && self.ask(observation);
        let until = match self.deadline {
            Deadline::Within(budget) if waits => Some(started + budget),
            Deadline::Within(_) => Some(started),
            Deadline::None => match self.late.on_late {
                OnLate::Hold => self.run_for.map(|run_for| self.first + run_for),
                OnLate::Stop => {
                    Some(started + self.period.saturating_mul(self.most_without_action()))
                }
            },
        };
        let newest = match self.collect(until) {
            Ok(newest) => newest,
            Err(cause) => return Polled::End(Some(cause)),
        };
        // A robot that lives with its policy may have waited for it until the end.
        let waited = self.deadline == Deadline::None && newest.is_none();
        if self.shared.stop().load(Ordering::Relaxed) || waited && self.is_over(Time::now()) {
            return Polled::End(None);
        }
        let arrival = self.taken(newest, started);
        if self.delay > 0 {
            self.ask(observation);
        }
        if self.expected.is_none() {
            return Polled::Early;
        }
        if self.cadence.is_every_cycle() {
            self.wanted.copy_from_slice(self.path.answer());
        } else {
            self.path.at(self.place(), &mut self.wanted);
        }
        if let Some(filter) = &mut self.filter {
            // Before the first action there is none to filter.
            if self.path.newest().is_some() {
                filter.pass(1.0, &mut self.wanted);
            }
        }
        Polled::Action(arrival)
    }

    /// Takes the answers that there are until `until`, each of which is judged; the newest action is in
    /// `answered` then, and is that to the question returned.
    fn collect(&mut self, until: Option<Time>) -> Result<Option<Question>, Cause> {
        let mut newest = None;
        // A policy gives one answer a question; one that gives more does not hold up the cycle.
        for _ in 0..MOST_ANSWERS {
            let answer = self
                .policy
                .poll(until, self.shared.stop(), &mut self.answered);
            let question = match answer {
                Answer::None => return Ok(newest),
                Answer::Failed => return Err(Cause::PolicyFailed { tick: self.tick }),
                Answer::Action(question) | Answer::Empty(question) => question,
            };
            self.answered_s = self.stamp();
            if self.asked.is_some_and(|asked| asked.tick != question.tick) {
                // Whatever comes of it: a newer one may be there in this cycle too.
                self.came_late(question);
            }
            self.lateness.open = 0;
            let recorder = &self.shared.recorder;
            recorder.policy_answers.add(1);
            self.had_nothing = matches!(answer, Answer::Empty(_));
            if self.had_nothing {
                recorder.empty_answers.add(1);
                if !self.has_acted && question.time >= FIRST_ACTION {
                    return Err(Cause::NoAction { tick: self.tick });
                }
            } else {
                self.has_acted = true;
                if newest.replace(question).is_some() {
                    recorder.overwritten_actions.add(1);
                }
                let rested = std::mem::take(&mut self.has_rested);
                let found = self
                    .judge
                    .see(&mut *self.limits, question, &self.answered, rested);
                self.rule(&found)?;
            }
            match &mut self.asked {
                Some(asked) if asked.tick == question.tick => {
                    asked.is_answered = true;
                    return Ok(newest);
                }
                _ => {}
            }
        }
        Ok(newest)
    }

    /// Counts what was found broken, and applies the rules to it.
    fn rule(&mut self, found: &Violations) -> Result<(), Cause> {
        if found.is_empty() {
            return Ok(());
        }
        for violation in found.iter() {
            if self.counted.of(violation.kind).is_none() {
                self.shared.recorder.violation(self.tick, violation);
            }
        }
        self.counted.join(found);
        let stops = |violation: &&Violation| self.rules.of(violation.kind) == OnViolation::Stop;
        if let Some(&violation) = found.iter().find(stops) {
            let tick = self.tick;
            return Err(Cause::InvalidAction { tick, violation });
        }
        self.clamping = true;
        self.tracker.lost_sync();
        Ok(())
    }

    /// Takes in the newest action that came, which answers `question`. Says how the answer stands that
    /// has to be there by now.
    fn taken(&mut self, question: Option<Question>, started: Time) -> Arrival {
        let Some(asked) = self.asked else {
            return Arrival::None;
        };
        let recorder = &self.shared.recorder;
        let is_due = self.clock >= asked.due;
        // Whether this is the cycle by which the answer has to be there.
        let is_deadline = is_due && self.expected != Some(asked.number);
        if is_deadline {
            self.expected = Some(asked.number);
        }
        let late = match self.deadline {
            Deadline::Within(_) => is_deadline && !asked.is_answered,
            Deadline::None => Time::now() > started + self.period,
        };
        if late {
            recorder.late_actions.add(1);
            self.lateness.open = self.lateness.open.saturating_add(1);
            self.lateness.longest = self.lateness.longest.max(self.lateness.open);
        }
        let arrival = match question {
            Some(question) if question.tick == asked.tick => {
                if !is_due {
                    self.is_early = true;
                    Arrival::None
                } else if is_deadline {
                    Arrival::Fresh
                } else {
                    Arrival::Late {
                        age: self.clock.saturating_sub(asked.due),
                    }
                }
            }
            Some(question) => Arrival::Late {
                age: self
                    .tick
                    .saturating_sub(question.tick)
                    .saturating_sub(self.delay)
                    .max(1),
            },
            None if self.is_early && is_due => Arrival::Fresh,
            None => Arrival::None,
        };
        if let (Arrival::Late { .. }, Some(question)) = (arrival, question)
            && question.tick == asked.tick
        {
            self.came_late(question);
        }
        let Some(expected) = self.expected else {
            return Arrival::None;
        };
        if self.tracker.is_stale(arrival) {
            self.shared.recorder.stale_actions.add(1);
        } else if arrival != Arrival::None {
            self.is_early &= !is_due;
            if self.path.newest().is_none() {
                self.limits.last_command(&mut self.wanted);
                self.path.begin(&self.wanted);
                if let Some(filter) = &mut self.filter {
                    filter.begin(&self.wanted);
                }
            }
            // What comes late stands for what should have come.
            self.path.put(expected, &self.answered);
            self.is_new = true;
        }
        // Between two questions it is the answer to the last one that goes on, as far as it leads.
        let leads = |newest: u64| newest as f64 + 1.0 > self.place();
        match arrival {
            Arrival::None if self.path.newest().is_some_and(leads) => Arrival::Fresh,
            arrival => arrival,
        }
    }

    /// This cycle in periods of the policy, behind its questions by what their answers may take.
    fn place(&self) -> f64 {
        self.clock.saturating_sub(self.delay) as f64 / self.cadence.ratio()
    }

    /// Whether actions are gone to within the limits, however far they are.
    /// Whether the session has run for as long as it was to. Half a period early counts: a cycle
    /// that starts a little before its time is that time's cycle.
    fn is_over(&self, started: Time) -> bool {
        self.run_for.is_some_and(|run_for| {
            let half = self.period.mul_f64(0.5);
            started.since(self.first).saturating_add(half) >= run_for
        })
    }

    /// Writes this cycle's command into `self.sent`, or begins to end the session.
    fn decide(&mut self, arrival: Arrival, observation: &[f64]) -> CommandKind {
        let tick = self.tick;
        let step = match (arrival, self.deadline) {
            (Arrival::None, Deadline::None) => Step::Stop,
            (arrival, _) => self.tracker.step(arrival),
        };
        let step = match step {
            Step::Use | Step::Follow => match self.checked(step, observation) {
                Ok(step) => step,
                Err(cause) => return self.end(Some(cause), observation),
            },
            step => step,
        };
        match step {
            Step::Use if !self.approaches => {
                self.resynced();
                self.limits.accept(&self.wanted);
                self.sent.copy_from_slice(&self.wanted);
                CommandKind::Fresh
            }
            Step::Use | Step::Follow => self.follow(step, arrival, observation),
            Step::Hold => {
                self.tell(EventKind::Held);
                if self.tracker.without_action() > LateRule::default().max_held {
                    // Where more may be held, somebody may have come near meanwhile all the same.
                    self.rested();
                }
                self.shared.recorder.held_commands.add(1);
                self.limits.hold(observation, &mut self.sent);
                CommandKind::Held
            }
            Step::Rest => {
                self.tell(EventKind::Resting);
                self.rested();
                self.shared.recorder.rest_commands.add(1);
                self.limits.brake(observation, &mut self.sent);
                CommandKind::Rest
            }
            Step::Stop => {
                let without_action = match self.deadline {
                    Deadline::Within(_) => self.tracker.without_action(),
                    Deadline::None => self.most_without_action(),
                };
                let cause = Cause::TooLate {
                    tick,
                    without_action,
                    had_nothing: self.had_nothing,
                };
                self.end(Some(cause), observation)
            }
        }
    }

    /// Commands as much of the way to the action as one cycle allows.
    fn follow(&mut self, step: Step, arrival: Arrival, observation: &[f64]) -> CommandKind {
        let recorder = &self.shared.recorder;
        if self.clamping {
            recorder.clamped_commands.add(1);
        }
        let reached =
            self.limits
                .approach(observation, &self.wanted, self.approach, &mut self.sent);
        if self.approaches {
            // Being on the way is what such actions are for.
            self.tracker.resynced();
            self.resynced();
            self.tell(EventKind::Resumed);
            return match step {
                Step::Use => CommandKind::Fresh,
                _ => CommandKind::Followed,
            };
        }
        recorder.followed_commands.add(1);
        if reached {
            // What was caught up with is not yet what a fresh answer wants.
            if arrival == Arrival::Fresh {
                self.tracker.step_fitted();
            }
            self.resynced();
            self.tell(EventKind::Resumed);
        } else {
            self.tracker.lost_sync();
            if let Some(cause) = self.look_behind() {
                // The step of this cycle is taken: the braking begins with the next.
                self.cause.get_or_insert(cause);
                self.ending.get_or_insert(self.cycles_to_rest());
            }
        }
        CommandKind::Followed
    }

    /// The robot was without an action for so long that it is to be gone on with carefully.
    fn rested(&mut self) {
        self.approach = Approach::AfterRest;
        self.has_rested = true;
        self.behind = None;
    }

    /// The robot is where the policy's action is.
    fn resynced(&mut self) {
        self.clamping = false;
        self.approach = Approach::WithinLimits;
        self.behind = None;
    }

    /// Tells once that the robot has been on its way for too long; returns the cause where that ends the
    /// session. What is on its way because an action was clamped does not.
    fn look_behind(&mut self) -> Option<Cause> {
        let Some((slot, distance)) = self.limits.behind(&self.wanted) else {
            self.behind = None;
            return None;
        };
        let (cycles, is_told) = self.behind.unwrap_or((0, false));
        self.behind = Some((cycles.saturating_add(1), is_told));
        if is_told || self.period.mul_f64(cycles as f64) < self.catch_up {
            return None;
        }
        self.behind = Some((cycles, true));
        self.push_event(EventKind::Behind { slot, distance });
        let ends = self.late.on_late == OnLate::Stop && !self.clamping;
        ends.then_some(Cause::Behind {
            tick: self.tick,
            slot,
            distance,
        })
    }

    /// Checks what depends on where the robot is. Says how the action is carried out, or what ends the
    /// session.
    fn checked(&mut self, step: Step, observation: &[f64]) -> Result<Step, Cause> {
        // Answers were checked; this is about what the way between them, or a filter, made of them.
        self.rule(&check_finite(&self.wanted))?;
        let mut found = self.limits.check_place(observation, &self.wanted);
        if self.is_new && (!self.cadence.is_every_cycle() || self.filter.is_some()) {
            // What is commanded on the way there could hide what was answered.
            found.join(&self.limits.check_place(observation, self.path.answer()));
        }
        // Where one cycle does not suffice the action is gone to, and where it leads counts. Actions
        // that are approached are gone to in any case.
        let mut step = step;
        let at_once = match step {
            Step::Use if !self.approaches => self.limits.check_step(observation, &self.wanted),
            _ => None,
        };
        match &at_once {
            Some(broken) => found.join(broken),
            None => {
                found.join(&self.limits.check_destination(observation, &self.wanted));
                if step == Step::Use && !self.approaches {
                    self.tracker.lost_sync();
                    step = Step::Follow;
                }
            }
        }
        self.rule(&found)?;
        Ok(if found.is_empty() { step } else { Step::Follow })
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
            self.tracker.lost_sync();
        }
        self.watch_lateness();
        if self.cause.is_none() {
            // Those that led to the error are kept, not those of the braking after it.
            self.last_states
                .push(self.tick, started.since(self.first), observation);
        }
        if self.ending.is_some() || self.is_stopping() || self.is_over(started) {
            return self.end(None, observation);
        }
        match self.turn(started, observation) {
            Polled::Action(arrival) => self.decide(arrival, observation),
            Polled::Early => {
                self.limits.brake(observation, &mut self.sent);
                CommandKind::Rest
            }
            Polled::End(cause) => self.end(cause, observation),
        }
    }

    /// Cycles in a row without an action that end a session which does not go on without.
    fn most_without_action(&self) -> u32 {
        self.late.max_held.saturating_add(1)
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
            true => self.limits.brake_blind(observation, &mut self.sent),
            false => self.limits.brake(observation, &mut self.sent),
        };
        self.shared.recorder.rest_commands.add(1);
        self.ending = Some(if at_rest { 0 } else { left.saturating_sub(1) });
        CommandKind::Rest
    }

    /// Notes how long the answer to `question` took, which is late.
    fn came_late(&mut self, question: Question) {
        let now = self.period.mul_f64(self.clock as f64);
        let took_s = now.saturating_sub(question.time).as_secs_f64();
        self.lateness.took_s += took_s;
        self.lateness.took_s2 += took_s * took_s;
    }

    /// Tells once where many answers are late.
    fn watch_lateness(&mut self) {
        let window = &mut self.lateness;
        let lasted = self.clock.saturating_sub(window.since);
        // A robot that lives with its policy misses ticks instead.
        let waits = self.deadline == Deadline::None;
        if waits || window.is_told || lasted < self.late_window {
            return;
        }
        let recorder = &self.shared.recorder;
        let (asks, lates) = (recorder.policy_asks.get(), recorder.late_actions.get());
        let asked = asks.saturating_sub(window.asks);
        let late = lates.saturating_sub(window.lates);
        let is_late = asked >= LATE_QUESTIONS && late.saturating_mul(LATE_SHARE) > asked;
        // Long ones count for as many questions as they leave open; or what was never answered at all.
        let silent = f64::from(window.longest) * self.cadence.ratio();
        let mean_s = window.took_s2 / window.took_s.max(f64::MIN_POSITIVE);
        let took = Duration::from_secs_f64(mean_s).max(self.period.mul_f64(silent));
        *window = LateWindow {
            since: self.clock,
            asks,
            lates,
            is_told: is_late,
            open: window.open,
            ..LateWindow::default()
        };
        if is_late {
            self.push_event(EventKind::Late { took });
        }
    }

    /// Tells an event, where it is not what was told last.
    fn tell(&mut self, kind: EventKind) {
        let worse_told = kind == EventKind::Held && self.last_event == EventKind::Resting;
        if kind == self.last_event || worse_told {
            return;
        }
        self.last_event = kind;
        self.push_event(kind);
    }

    fn push_event(&mut self, kind: EventKind) {
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
        self.notifier.notify(Signals::EVENT);
    }

    /// Counts and records the cycle whose action was handed over, or last could have been.
    fn close(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let sent = pending.decided.unwrap_or_else(Time::now);
        if let Some(period) = pending.period {
            self.shared.recorder.period(period);
        }
        self.shared.recorder.execution(sent.since(pending.started));
        if self.records.is_on() {
            self.keep(&pending, sent);
        }
    }

    /// Records the cycle whose action was handed over at `sent`.
    fn keep(&mut self, pending: &Pending, sent: Time) {
        let record = TickRecord {
            tick: self.tick.saturating_sub(1),
            time_s: pending.started.since(self.first).as_secs_f64(),
            period_s: pending
                .period
                .map_or(f64::NAN, |period| period.as_secs_f64()),
            sent_s: sent.since(self.first).as_secs_f64(),
            kind: pending.kind,
            asked_s: std::mem::replace(&mut self.asked_s, f64::NAN),
            answered_s: std::mem::replace(&mut self.answered_s, f64::NAN),
        };
        if !self.records.push(&record, &self.sent) {
            self.shared.recorder.dropped_records.add(1);
        }
    }
}

impl Tick for ControlLoop<'_> {
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
            self.notifier.notify(Signals::BEGUN);
        }
        self.pending = Some(Pending {
            period,
            started,
            decided: (!self.tells_sent).then(Time::now),
            kind,
        });
        self.tick = self.tick.saturating_add(1);
        if self.ending == Some(0) {
            Flow::Finish
        } else {
            Flow::Continue
        }
    }

    fn sent(&mut self, at: Time) {
        if self.ending == Some(0) {
            self.shared.placed(Place::sends_the_last);
        }
        self.tells_sent = true;
        if let Some(pending) = &mut self.pending {
            pending.decided = Some(at);
        }
        self.close();
    }

    fn is_stopping(&self) -> bool {
        self.shared.stop().load(Ordering::Relaxed)
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
