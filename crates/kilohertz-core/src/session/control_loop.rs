//! What the loop does once a cycle.

// long: the steps of a cycle stand here in their order, from the observation to the command.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::atomic::Ordering;
use std::time::Duration;

use rtrb::Producer;

use crate::channel::notify::Notifier;
use crate::channel::records::{CommandKind, RecordIn};
use crate::command::interpolation::Interpolation;
use crate::command::late::{Arrival, LateRule, LateTracker, OnLate, Step};
use crate::limits::{LimitRules, Limiter, OnViolation, Violation, Violations, check_finite};
use crate::policy::{Answer, Ask, Policy, Question};
use crate::robot::{Cycle, Flow, Robot, Tick};
use crate::session::blame::Incident;
use crate::session::catch_up::CatchUp;
use crate::session::config::{Config, Deadline};
use crate::session::cycle_clock::{CycleClock, RobotTimes};
use crate::session::cycles::{BlackBox, CycleKeeper, CycleNote};
use crate::session::events::Events;
use crate::session::exchange::{Exchange, Now, Slowing, Standing};
use crate::session::last_states::LastStates;
use crate::session::lateness::Lateness;
use crate::session::lockstep::RobotClock;
use crate::session::outcome::{Cause, EventKind, caught, panic_message};
use crate::session::phase_clock::PhaseClock;
use crate::session::roll::{self, Place};
use crate::session::shared::Shared;
use crate::timing::time::Time;

/// If the policy answers for this long without ever giving an action, its author probably forgot to return
/// one.
const FIRST_ACTION: Duration = Duration::from_secs(1);

/// Longest time that coming to rest may take before the robot is told to finish anyway.
const REST_LIMIT: Duration = roll::REST;

/// The result of polling the policy in a cycle.
enum Polled {
    /// The state of the answer; if there is an action, it is in `wanted`.
    Standing(Standing),
    /// The session ends, for this cause if there is one.
    End(Option<Cause>),
}

/// What a loop leaves behind.
pub(super) struct Ended {
    /// The number of the last cycle.
    pub tick: u64,
    /// Why the session ended.
    pub cause: Option<Cause>,
    /// The row of the chunk whose violation ended the session.
    pub row: Option<u32>,
    pub last_states: Vec<f64>,
    /// The newest cycles.
    pub black_box: Option<BlackBox>,
}

/// Where a loop puts what is known of its cycles: records, kept cycles, those that took too long.
pub(super) type Kept = (RecordIn, CycleKeeper, Producer<Incident>);

/// How many answers are taken in one cycle at most; the others are taken in the next cycle.
const MOST_ANSWERS: u32 = 64;

/// The loop body: what happens once a cycle.
pub(super) struct ControlLoop<'a, E> {
    policy: Box<dyn Policy>,
    limits: Box<dyn Limiter>,
    exchange: E,
    deadline: Deadline,
    late: LateRule,
    tracker: LateTracker,
    lateness: Lateness,
    catch_up: CatchUp,
    rules: LimitRules,
    run_for: Option<Duration>,
    /// True if actions are always approached within the limits, however far away they are.
    approaches: bool,
    /// True if a chunk that cannot be played does not end the session.
    skips_bad: bool,
    shared: &'a Shared,
    events: Events<'a>,
    period: Duration,
    times: CycleClock,
    now: Now,
    /// The clock of the policy in lockstep.
    robot_clock: Option<RobotClock>,
    /// Whether there has been an action, and whether the newest answer had nothing new.
    has_acted: bool,
    had_nothing: bool,
    /// True if this cycle is the first with a new action.
    is_new: bool,
    /// The violations found in this cycle: each kind is counted once.
    counted: Violations,
    /// True if the robot lags behind the policy because an action was clamped.
    clamping: bool,
    /// The policy's action, and what is sent.
    wanted: Vec<f64>,
    sent: Vec<f64>,
    /// What was sent in the cycle before, for a cycle that panics twice.
    before: Vec<f64>,
    /// How many cycles are left for coming to rest, once the session is ending.
    ending: Option<u64>,
    /// True if observations are no longer believed.
    is_blind: bool,
    /// True while the robot slows down on the curve that was played when the policy failed.
    is_slowing: bool,
    cause: Option<Cause>,
    /// The row of the chunk whose violation ended the session.
    row: Option<u32>,
    last_states: LastStates,
    keeper: CycleKeeper,
    phases: PhaseClock,
}

impl<'a, E: Exchange> ControlLoop<'a, E> {
    pub fn new(
        robot: &dyn Robot,
        (policy, exchange): (Box<dyn Policy>, E),
        limits: Box<dyn Limiter>,
        config: &Config,
        shared: &'a Shared,
        (records, keeper, incidents): Kept,
        notifier: &'a Notifier,
    ) -> ControlLoop<'a, E> {
        let len = robot.action().len();
        let period = robot.period();
        let budget = match config.deadline {
            Deadline::Within(budget) => Some(budget),
            Deadline::None => None,
        };
        let phases = PhaseClock::new(period, budget, policy.thread(), incidents);
        ControlLoop {
            policy,
            deadline: config.deadline,
            late: config.late,
            tracker: LateTracker::new(config.late),
            lateness: Lateness::new(period, exchange.ratio()),
            catch_up: CatchUp::new(period, config.catch_up),
            rules: config.limits,
            run_for: config.run_for,
            approaches: match limits.interpolation() {
                Interpolation::Target => true,
                Interpolation::Approach => !exchange.is_every_cycle(),
                Interpolation::Spline | Interpolation::Pose | Interpolation::Line => false,
            },
            limits,
            exchange,
            skips_bad: config
                .chunks
                .as_ref()
                .is_some_and(|chunks| chunks.skips_bad),
            shared,
            events: Events::new(shared, notifier),
            period,
            times: CycleClock::new(records),
            now: Now { tick: 0, clock: 0 },
            robot_clock: None,
            has_acted: false,
            had_nothing: false,
            is_new: false,
            counted: Violations::none(),
            clamping: false,
            wanted: vec![0.0; len],
            sent: vec![0.0; len],
            before: vec![0.0; len],
            ending: None,
            is_blind: false,
            is_slowing: false,
            cause: None,
            row: None,
            last_states: LastStates::new(robot.observation().len()),
            keeper,
            phases,
        }
    }

    /// Puts the loop into lockstep: `clock` is the policy's clock, and all times are the robot's.
    pub fn keep(&mut self, clock: RobotClock) {
        self.robot_clock = Some(clock);
        self.times.keep_robot_time();
        self.phases.turn_off();
    }

    /// Ends the last cycle; `has_failed` if the robot has.
    pub fn finish(mut self, has_failed: bool) -> Ended {
        // The finishing cycle counts only if the robot reports that its action was sent; that report has
        // closed it.
        if self.ending != Some(0) {
            self.close();
        }
        let is_cut = has_failed && self.ending.is_none();
        self.phases.finish(&self.shared.recorder, is_cut);
        Ended {
            tick: self.now.tick,
            row: self.row,
            cause: self.cause,
            last_states: self.last_states.rows(),
            black_box: self.keeper.finish(),
        }
    }

    /// Writes this cycle's command into `self.sent`. If the policy or the limits panic, the robot is
    /// brought to rest from this cycle on. If that panics too, the last command is sent again and the
    /// session ends.
    fn guarded(&mut self, started: Time, observation: &[f64]) -> CommandKind {
        self.before.copy_from_slice(&self.sent);
        let panic = match caught(|| self.command(started, observation)) {
            Ok(kind) => return kind,
            Err(panic) => panic,
        };
        let message = panic_message(&*panic);
        self.cause.get_or_insert(Cause::Panicked { message });
        self.is_slowing = false;
        // After a panic, neither the policy nor the checks are used any more: their state may be
        // inconsistent.
        self.ending.get_or_insert(self.cycles_to_rest());
        self.sent.copy_from_slice(&self.before);
        if let Ok(kind) = caught(|| self.end(None, observation)) {
            return kind;
        }
        self.sent.copy_from_slice(&self.before);
        self.ending = Some(0);
        CommandKind::Rest
    }

    /// Writes this cycle's command into `self.sent`. May panic.
    fn command(&mut self, started: Time, observation: &[f64]) -> CommandKind {
        if self.is_blind {
            if self.now.tick == 0 {
                // The robot's place before its first cycle is all that is known.
                self.limits.observe(observation);
            }
            return self.end(None, observation);
        }
        if !self.limits.observe(observation) {
            self.tracker.lost_sync();
        }
        self.watch_lateness();
        if self.cause.is_none() {
            // The states that led to the error are kept, not those of the braking after it.
            let time = started.since(self.times.first());
            self.last_states.push(self.now.tick, time, observation);
        }
        if self.ending.is_some() || self.is_stopping() || self.is_over(started) {
            return self.end(None, observation);
        }
        self.begin_episode();
        match self.poll(started, observation) {
            Polled::Standing(Standing::Known(arrival)) => self.decide(arrival, observation),
            Polled::Standing(Standing::Early) => {
                self.limits.brake(observation, &mut self.sent);
                CommandKind::Rest
            }
            Polled::End(cause) => {
                // What is played is allowed: only the answer, or the policy, is at fault.
                self.is_slowing = cause.is_some();
                self.end(cause, observation)
            }
        }
    }

    /// Asks the policy if a question is due. Returns true if it asked.
    fn ask(&mut self, started: Time, observation: &[f64]) -> bool {
        let Some(due) = self.exchange.ask(self.now, &*self.limits) else {
            return false;
        };
        let at = self.stamp();
        self.times.asks(at);
        self.keeper.asks(at);
        if let Some(at) = at {
            self.phases.asks(at);
        }
        self.policy.request(&Ask {
            tick: due.question.tick,
            time: due.question.time,
            period: due.period,
            host: started,
            observation: self.exchange.told(observation, self.now),
        });
        self.shared.recorder.policy_asks.add(1);
        true
    }

    /// Asks the policy, and takes in its answers.
    fn poll(&mut self, started: Time, observation: &[f64]) -> Polled {
        self.counted.clear();
        let waits = self.exchange.waits();
        let was_asked = waits && self.ask(started, observation);
        let until = self.waits_until(started, was_asked);
        let newest = match self.collect(until) {
            Ok(newest) => newest,
            Err(cause) => return Polled::End(Some(cause)),
        };
        // A robot without a deadline may have waited for its policy until the session's end.
        let waited = self.deadline == Deadline::None && newest.is_none();
        if self.is_stopping() || waited && self.is_over(Time::now()) {
            return Polled::End(None);
        }
        let standing = self.take(newest, started);
        if !waits {
            self.ask(started, observation);
        }
        if matches!(standing, Standing::Known(_)) {
            self.exchange.command(self.now, &mut self.wanted);
        }
        Polled::Standing(standing)
    }

    /// Returns until when to wait for an answer in this cycle; `None` to wait without a limit. `was_asked`
    /// is true if the policy was asked in this cycle.
    fn waits_until(&self, started: Time, was_asked: bool) -> Option<Time> {
        match self.deadline {
            Deadline::Within(budget) if was_asked => Some(started + budget),
            Deadline::Within(_) => Some(started),
            Deadline::None => match self.late.on_late {
                OnLate::Hold => self.run_for.map(|run_for| self.times.first() + run_for),
                OnLate::Stop => {
                    Some(started + self.period.saturating_mul(self.most_without_action()))
                }
            },
        }
    }

    /// Takes the answers that come until `until`, and judges each of them. Returns the question of the
    /// newest action, which is then in the exchange.
    fn collect(&mut self, until: Option<Time>) -> Result<Option<Question>, Cause> {
        let tick = self.now.tick;
        let mut newest = None;
        // A policy gives one answer per question. A policy that gives more must not hold up the cycle.
        for _ in 0..MOST_ANSWERS {
            let stop = self.shared.stop();
            let answer = self.policy.poll(until, stop, self.exchange.newest());
            let question = match answer {
                Answer::None => return Ok(newest),
                Answer::Failed => return Err(Cause::PolicyFailed { tick }),
                Answer::Action(question) | Answer::Empty(question) => question,
            };
            let at = self.stamp();
            self.times.answered(at);
            self.keeper.answered(at);
            self.lateness.answered();
            let is_last = self.exchange.answered(question);
            if let Some(at) = at {
                let recorder = &self.shared.recorder;
                let policy = self.phases.answered(recorder, question, is_last, at);
                self.times.worked(policy);
                self.keeper.worked(policy);
            }
            if !is_last {
                // This is noted even if a newer answer comes in this cycle.
                self.lateness.came_late(question, self.now.clock);
            }
            let recorder = &self.shared.recorder;
            recorder.policy_answers.add(1);
            self.had_nothing = matches!(answer, Answer::Empty(_));
            if self.had_nothing {
                recorder.empty_answers.add(1);
                if !self.has_acted && question.time >= FIRST_ACTION {
                    return Err(Cause::NoAction { tick });
                }
            } else {
                self.has_acted = true;
                let raw = self.exchange.raw();
                self.keeper.answer(question, &raw);
                self.shared.watch.answered(question, &raw);
                if newest.replace(question).is_some() {
                    recorder.overwritten_actions.add(1);
                }
                self.see(question)?;
                if self.phases.is_on() {
                    let at = Time::now();
                    self.phases.judged(&self.shared.recorder, at);
                    self.keeper.judged(at);
                }
            }
            if is_last {
                return Ok(newest);
            }
        }
        Ok(newest)
    }

    /// Returns the present time, if it is kept when the steps of a cycle are done.
    #[inline]
    fn stamp(&self) -> Option<Time> {
        self.times.stamp(self.keeper.is_on() || self.phases.is_on())
    }

    /// Throws away what is played, if an episode begins.
    fn begin_episode(&mut self) {
        let episode = self.shared.episode.load(Ordering::Relaxed);
        if self.exchange.begin_episode(episode, self.now) {
            self.tracker.lost_sync();
            self.catch_up.rested();
        }
    }

    /// Judges the newest answer, which answers `question`.
    fn see(&mut self, question: Question) -> Result<(), Cause> {
        // The episode may have begun since the cycle did, before this answer.
        self.begin_episode();
        let rested = self.catch_up.take_rested();
        let found = self
            .exchange
            .see(&mut *self.limits, question, self.now, rested);
        let tick = self.now.tick;
        match self.exchange.fault() {
            None => {
                let ruled = self.rule(&found);
                if ruled.is_err() {
                    self.row = self.exchange.row();
                }
                ruled
            }
            Some(fault) if self.skips_bad => {
                self.shared.recorder.bad_chunks.add(1);
                self.tell(EventKind::BadChunk { fault });
                Ok(())
            }
            Some(fault) => Err(Cause::BadChunk { tick, fault }),
        }
    }

    /// Takes in the newest action, which answers `question`. Returns the state of the answer that is due by
    /// now.
    fn take(&mut self, question: Option<Question>, started: Time) -> Standing {
        if self.exchange.is_before_first() {
            self.limits.last_command(&mut self.wanted);
            self.exchange.begin(&self.wanted);
        }
        let taken = self.exchange.take(question, self.now);
        let is_missing = match self.deadline {
            Deadline::Within(_) => taken.is_missing,
            Deadline::None => Time::now() > started + self.period,
        };
        if is_missing {
            self.shared.recorder.late_actions.add(1);
            self.lateness.missed();
        }
        if is_missing || taken.is_starved {
            self.phases.missing();
        }
        if let (true, Some(question)) = (taken.is_late, question) {
            self.lateness.came_late(question, self.now.clock);
        }
        if taken.is_stale {
            self.shared.recorder.stale_actions.add(1);
        }
        if taken.is_starved {
            self.shared.recorder.starved_cycles.add(1);
        }
        self.is_new = taken.is_new;
        taken.standing
    }

    /// Counts the violations found, and applies the rules to them.
    fn rule(&mut self, found: &Violations) -> Result<(), Cause> {
        if found.is_empty() {
            return Ok(());
        }
        let tick = self.now.tick;
        for violation in found.iter() {
            if self.counted.of(violation.kind).is_none() {
                self.shared.recorder.violation(tick, violation);
                self.keeper.note(CycleNote::Violation(*violation));
            }
        }
        self.counted.join(found);
        let stops = |violation: &&Violation| self.rules.of(violation.kind) == OnViolation::Stop;
        if let Some(&violation) = found.iter().find(stops) {
            return Err(Cause::InvalidAction { tick, violation });
        }
        self.clamping = true;
        self.tracker.lost_sync();
        Ok(())
    }

    /// Writes this cycle's command into `self.sent`, or begins to end the session.
    fn decide(&mut self, arrival: Arrival, observation: &[f64]) -> CommandKind {
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
        let recorder = &self.shared.recorder;
        match step {
            Step::Use if !self.approaches => {
                self.reached();
                self.limits.accept(&self.wanted);
                self.sent.copy_from_slice(&self.wanted);
                CommandKind::Fresh
            }
            Step::Use | Step::Follow => self.follow(step, arrival, observation),
            Step::Hold => {
                recorder.held_commands.add(1);
                self.tell_change(EventKind::Held);
                if self.tracker.without_action() > LateRule::default().max_held {
                    // If the rule allows a longer hold, a person may still have come near by now.
                    self.catch_up.rested();
                }
                self.limits.hold(observation, &mut self.sent);
                CommandKind::Held
            }
            Step::Rest => {
                recorder.rest_commands.add(1);
                self.tell_change(EventKind::Resting);
                self.catch_up.rested();
                self.limits.brake(observation, &mut self.sent);
                CommandKind::Rest
            }
            Step::Stop => {
                let without_action = match self.deadline {
                    Deadline::Within(_) => self.tracker.without_action(),
                    Deadline::None => self.most_without_action(),
                };
                let cause = Cause::TooLate {
                    tick: self.now.tick,
                    without_action,
                    had_nothing: self.had_nothing,
                };
                self.end(Some(cause), observation)
            }
        }
    }

    /// Checks what depends on where the robot is. Returns how the action is carried out, or what ends the
    /// session.
    fn checked(&mut self, step: Step, observation: &[f64]) -> Result<Step, Cause> {
        // Answers were checked before; this checks the curve between them and the filter's output.
        self.rule(&check_finite(&self.wanted))?;
        let mut found = self.limits.check_place(observation, &self.wanted);
        if self.is_new && !self.exchange.commands_answers() {
            // The command on the way there could hide that the answer itself is not allowed.
            found.join(&self.limits.check_place(observation, self.exchange.answer()));
        }
        // If one cycle is not enough, the action is approached, and its destination is checked. Actions
        // that are targets are always approached.
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

    /// Commands as much of the way to the action as one cycle allows.
    fn follow(&mut self, step: Step, arrival: Arrival, observation: &[f64]) -> CommandKind {
        let recorder = &self.shared.recorder;
        if self.clamping {
            recorder.clamped_commands.add(1);
        }
        let approach = self.catch_up.approach();
        let is_reached = self
            .limits
            .approach(observation, &self.wanted, approach, &mut self.sent);
        if self.approaches {
            // Such actions are meant to be approached, so an action that is not reached yet is no loss of
            // sync.
            self.tracker.resynced();
            self.reached();
            self.tell_change(EventKind::Resumed);
            return match step {
                Step::Use => CommandKind::Fresh,
                _ => CommandKind::Followed,
            };
        }
        recorder.followed_commands.add(1);
        if is_reached {
            // Reaching a late action does not show that a fresh one could be reached.
            if arrival == Arrival::Fresh {
                self.tracker.step_fitted();
            }
            self.reached();
            self.tell_change(EventKind::Resumed);
        } else {
            self.tracker.lost_sync();
            if let Some(cause) = self.look_behind() {
                // The command of this cycle is decided already: braking begins with the next cycle.
                self.cause.get_or_insert(cause);
                self.ending.get_or_insert(self.cycles_to_rest());
            }
        }
        CommandKind::Followed
    }

    /// Reports an event.
    fn tell(&mut self, kind: EventKind) {
        self.events.push(self.now.tick, kind);
        self.keeper.note(CycleNote::Event(kind));
    }

    /// Reports a change in how actions are carried out, if it is one.
    fn tell_change(&mut self, kind: EventKind) {
        if self.events.change(self.now.tick, kind) {
            self.keeper.note(CycleNote::Event(kind));
        }
    }

    /// Notes that the robot is where the policy's action is.
    fn reached(&mut self) {
        self.clamping = false;
        self.catch_up.reached();
    }

    /// Reports once that catching up has taken too long. Returns the cause if that ends the session. It
    /// does not end the session if the robot is behind because an action was clamped.
    fn look_behind(&mut self) -> Option<Cause> {
        let Some((slot, distance)) = self.limits.behind(&self.wanted) else {
            self.catch_up.is_near();
            return None;
        };
        if !self.catch_up.is_behind() {
            return None;
        }
        self.tell(EventKind::Behind { slot, distance });
        let ends = self.late.on_late == OnLate::Stop && !self.clamping;
        ends.then_some(Cause::Behind {
            tick: self.now.tick,
            slot,
            distance,
        })
    }

    /// Begins or continues the end of the session: the robot comes to rest, then the loop finishes.
    fn end(&mut self, cause: Option<Cause>, observation: &[f64]) -> CommandKind {
        if self.cause.is_none() {
            self.cause = cause;
        }
        let left = self.ending.unwrap_or(self.cycles_to_rest());
        let at_rest = if self.is_blind {
            self.limits.brake_blind(observation, &mut self.sent)
        } else {
            !self.slow_down(observation) && self.limits.brake(observation, &mut self.sent)
        };
        self.shared.recorder.rest_commands.add(1);
        self.ending = Some(if at_rest { 0 } else { left.saturating_sub(1) });
        CommandKind::Rest
    }

    /// Commands the next step on the curve that was played, on which the robot slows down. Returns false, and does
    /// not begin again, if there is no such step within the limits, or if the session is stopped.
    fn slow_down(&mut self, observation: &[f64]) -> bool {
        if !std::mem::take(&mut self.is_slowing) || self.is_stopping() {
            return false;
        }
        let slowing = self
            .exchange
            .slow_down(self.now, &*self.limits, &mut self.wanted);
        if slowing == Slowing::Over || !check_finite(&self.wanted).is_empty() {
            return false;
        }
        let (limits, wanted) = (&mut self.limits, &self.wanted);
        if !limits.check_place(observation, wanted).is_empty() {
            return false;
        }
        if self.approaches {
            if !limits.check_destination(observation, wanted).is_empty() {
                return false;
            }
            let approach = self.catch_up.approach();
            let is_reached = limits.approach(observation, wanted, approach, &mut self.sent);
            let is_there = is_reached || limits.behind(wanted).is_none();
            self.is_slowing = slowing == Slowing::On || !is_there;
            return true;
        }
        let fits = limits.check_step(observation, wanted);
        if !fits.is_some_and(|broken| broken.is_empty()) {
            return false;
        }
        limits.accept(wanted);
        self.sent.copy_from_slice(wanted);
        self.is_slowing = true;
        true
    }

    /// Returns true if the session has run for its full time. A cycle that starts up to half a period
    /// before that time counts as that time's cycle.
    fn is_over(&self, started: Time) -> bool {
        self.run_for.is_some_and(|run_for| {
            let half = self.period.mul_f64(0.5);
            started.since(self.times.first()).saturating_add(half) >= run_for
        })
    }

    /// Returns how many cycles in a row without an action end a session that ends when its policy is late.
    fn most_without_action(&self) -> u32 {
        self.late.max_held.saturating_add(1)
    }

    /// Returns how many cycles coming to rest may take.
    fn cycles_to_rest(&self) -> u64 {
        (REST_LIMIT.as_secs_f64() / self.period.as_secs_f64()).ceil() as u64
    }

    /// Reports once if many answers are late. A session without a deadline misses ticks instead.
    fn watch_lateness(&mut self) {
        if self.deadline == Deadline::None {
            return;
        }
        let recorder = &self.shared.recorder;
        let counted = || (recorder.policy_asks.get(), recorder.late_actions.get());
        if let Some(took) = self.lateness.watch(self.now.clock, counted) {
            self.tell(EventKind::Late { took });
        }
    }

    /// Counts and records the last cycle, if that has not been done. Its action was handed over by now.
    fn close(&mut self) {
        let recorder = &self.shared.recorder;
        self.times.close(recorder, self.now.tick, &self.sent);
        if !self.keeper.close(&self.sent) {
            recorder.unrecorded_cycles.add(1);
        }
    }

    /// Returns what this cycle is by the robot's clock, after `skipped` ticks without one.
    fn robot_times(&self, skipped: u64, kind: CommandKind) -> RobotTimes {
        let period_s = self.period.as_secs_f64();
        // The time begins with the first cycle.
        let missed = if self.now.tick == 0 { 0 } else { skipped };
        let is_played = matches!(kind, CommandKind::Fresh | CommandKind::Followed);
        RobotTimes {
            time_s: self.now.clock as f64 * period_s,
            missed_ms: missed as f64 * period_s * 1e3,
            age_s: if is_played {
                self.exchange.age_s()
            } else {
                f64::NAN
            },
        }
    }

    /// Notes that a cycle begins after `skipped` ticks without one. Returns when it began, how far behind the robot's
    /// own time that is, if it is known, and the time since the last cycle; `None` in the first.
    fn begin(&mut self, started: Time, skipped: u64) -> (Time, Option<Duration>, Option<Duration>) {
        if self.now.tick == 0 {
            self.times.begin(started);
            let behind = self.phases.begin(&self.shared.recorder, (0, 0), started, 0);
            self.shared.begun.store(true, Ordering::Release);
            return (started, behind, None);
        }
        let ticks = skipped.saturating_add(1);
        self.now.clock = self.now.clock.saturating_add(ticks);
        self.shared.recorder.missed_ticks.add(skipped);
        let place = (self.now.tick, self.now.clock);
        let behind = self
            .phases
            .begin(&self.shared.recorder, place, started, skipped);
        let started = match &self.robot_clock {
            None => started,
            Some(clock) => {
                clock.set(self.now.clock);
                let ticks = u32::try_from(self.now.clock).unwrap_or(u32::MAX);
                self.times.first() + self.period.saturating_mul(ticks)
            }
        };
        (started, behind, Some(self.times.go_on(started)))
    }
}

impl<E: Exchange> Tick for ControlLoop<'_, E> {
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow {
        self.close();
        let Cycle {
            started,
            skipped,
            observation,
            action,
        } = cycle;
        let (started, behind, period) = self.begin(started, skipped);
        let place = (self.now.tick, self.now.clock);
        // Before the first cycle nothing could be missed.
        let missed = if place.0 == 0 { 0 } else { skipped };
        self.keeper
            .begin(place, missed, (started, behind), observation);
        self.shared.watch.state(self.now.clock, observation);
        let kind = self.guarded(started, observation);
        action.copy_from_slice(&self.sent);
        if self.now.tick == 0 {
            // The policy learns of the start by its first request. This signal is for everything else.
            self.events.begun();
        }
        let robot = self.robot_times(skipped, kind);
        let at = (self.keeper.is_on() || self.phases.is_on()).then(|| self.times.now());
        self.times.decided((period, started), kind, robot, at);
        self.keeper.decided(kind, at);
        if let (true, Some(at)) = (self.phases.is_on(), at) {
            self.phases.decided(&self.shared.recorder, at);
        }
        self.now.tick = self.now.tick.saturating_add(1);
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
        let at = self.times.sent(at);
        self.keeper.sent(at);
        self.close();
        if self.phases.is_on() {
            let recorder = &self.shared.recorder;
            self.phases.sent(recorder, at);
            self.phases.recorded(recorder, Time::now());
        }
    }

    fn is_stopping(&self) -> bool {
        self.shared.stop().load(Ordering::Relaxed)
    }

    fn distrust(&mut self) {
        self.is_blind = true;
        let tick = self.now.tick;
        self.cause.get_or_insert(Cause::RobotFailed { tick });
    }

    fn not_finite(&mut self, slots: u64) {
        self.shared.recorder.unused_not_finite.add(slots);
    }
}
