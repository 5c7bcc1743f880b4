//! What a session promises, checked through the public API. Where the order of events matters, the robot has the
//! test's own clock; the other tests use a paced device on the wall clock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use kilohertz_core::channel::mailbox::{PolicyEnd, mailbox};
use kilohertz_core::channel::notify::{Notifier, Signals, start_notifier};
use kilohertz_core::channel::records::{CommandKind, RECORD_HEADER};
use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::command::late::{LateRule, OnLate};
use kilohertz_core::limits::{
    Approach, LimitRules, Limiter, OnViolation, Unlimited, Violation, ViolationKind, Violations,
};
use kilohertz_core::limits::{Judgement, Sequence};
use kilohertz_core::policy::{Answer, Ask, Native, Policy, PolicyFailed, Question};
use kilohertz_core::robot::{Cycle, Device, Flow, Paced, Robot, RobotError, Tick};
use kilohertz_core::schema::{Field, Schema};
use kilohertz_core::session::{
    Cause, Config, Deadline, Event, EventKind, Latency, Outcome, Session,
};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::timing::time::Time;

const MS: Duration = Duration::from_millis(1);
/// Far longer than any session here takes. A test that waits this long has found a session that hangs.
const NEVER: Duration = Duration::from_secs(60);
const RUNAWAY: u64 = 100_000;

fn schema(len: usize) -> Schema {
    Schema::new([Field {
        name: "x",
        len,
        unit: "m",
    }])
}

fn config() -> Config {
    Config {
        realtime: RealtimeRequest {
            priority: None,
            cpu: None,
            lock_memory: false,
            timer_slack: None,
        },
        ..Config::default()
    }
}

/// What the scripted robot was commanded, cycle by cycle.
#[derive(Debug, Clone, PartialEq)]
struct Command {
    action: f64,
    finishes: bool,
}

#[derive(Default)]
struct Log {
    commands: Mutex<Vec<Command>>,
    dropped: AtomicBool,
}

impl Log {
    fn actions(&self) -> Vec<f64> {
        let commands = self.commands.lock().unwrap();
        commands.iter().map(|command| command.action).collect()
    }
}

/// When a cycle of the scripted robot starts and how long its action takes to be sent.
#[derive(Clone, Copy)]
struct Timing {
    started: Duration,
    execution: Duration,
    skipped: u64,
}

/// A robot with one slot in each direction, on the test's own clock: cycle `n` starts at `timing(n)` and observes
/// `n`.
struct Scripted {
    schema: Schema,
    before: Box<dyn FnMut(u64) -> Result<(), RobotError> + Send>,
    timing: Box<dyn FnMut(u64) -> Timing + Send>,
    log: Arc<Log>,
}

impl Scripted {
    fn new(log: &Arc<Log>) -> Scripted {
        Scripted {
            schema: schema(1),
            before: Box::new(|_| Ok(())),
            timing: Box::new(|tick| Timing {
                started: MS * tick as u32,
                execution: MS / 10,
                skipped: 0,
            }),
            log: Arc::clone(log),
        }
    }

    fn before(
        mut self,
        before: impl FnMut(u64) -> Result<(), RobotError> + Send + 'static,
    ) -> Scripted {
        self.before = Box::new(before);
        self
    }

    fn timing(mut self, timing: impl FnMut(u64) -> Timing + Send + 'static) -> Scripted {
        self.timing = Box::new(timing);
        self
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.log.dropped.store(true, Ordering::SeqCst);
    }
}

impl Robot for Scripted {
    fn observation(&self) -> &Schema {
        &self.schema
    }

    fn action(&self) -> &Schema {
        &self.schema
    }

    fn period(&self) -> Duration {
        MS
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let first = Time::now();
        for cycle in 0..RUNAWAY {
            (self.before)(cycle)?;
            let timing = (self.timing)(cycle);
            let started = first + timing.started;
            let mut action = [f64::NAN];
            let flow = tick.cycle(Cycle {
                started,
                skipped: timing.skipped,
                observation: &[cycle as f64],
                action: &mut action,
            });
            self.log.commands.lock().unwrap().push(Command {
                action: action[0],
                finishes: flow == Flow::Finish,
            });
            tick.sent(started + timing.execution);
            if flow == Flow::Finish {
                return Ok(());
            }
        }
        panic!("the session did not end in {RUNAWAY} cycles");
    }
}

/// Allows every finite action. It takes `steps` cycles to come to rest, and commands -1 in them.
struct Braking {
    steps: u64,
    rested: u64,
}

impl Braking {
    fn new(steps: u64) -> Box<Braking> {
        Box::new(Braking { steps, rested: 0 })
    }
}

impl Limiter for Braking {
    fn interpolation(&self) -> Interpolation {
        Interpolation::Line
    }

    fn last_command(&self, out: &mut [f64]) {
        out.fill(0.0);
    }

    fn observe(&mut self, _observation: &[f64]) -> bool {
        true
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        Unlimited::new(answer.len()).check_answer(answer)
    }

    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        let mut found = Violations::none();
        let answers = sequence.answer.iter().enumerate();
        for (slot, &value) in answers.filter(|(_, value)| **value > 1e6) {
            for kind in [ViolationKind::Velocity, ViolationKind::Jerk] {
                found.note(Violation {
                    kind,
                    slot,
                    action: value,
                    received: value * 1e3,
                    limit: 1e6,
                    joint: None,
                    flaw: None,
                });
            }
        }
        let order = (!found.is_empty()).then_some(1);
        Judgement { found, order }
    }

    fn accept(&mut self, _action: &[f64]) {
        self.rested = 0;
    }

    fn approach(
        &mut self,
        _observation: &[f64],
        action: &[f64],
        _approach: Approach,
        out: &mut [f64],
    ) -> bool {
        self.rested = 0;
        out.copy_from_slice(action);
        true
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        out.fill(-0.5);
    }

    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        out.fill(-1.0);
        self.rested += 1;
        self.rested >= self.steps
    }
}

/// Returns a notifier, and the receiver of what it is notified of.
fn notifier() -> (Notifier, mpsc::Receiver<Signals>) {
    let (tell, heard) = mpsc::channel();
    let notifier = start_notifier(|| {}, move |news| tell.send(news).unwrap_or(())).unwrap();
    (notifier, heard)
}

struct Setup {
    config: Config,
    limits: Box<dyn Limiter>,
    recorder: Arc<Recorder>,
}

impl Setup {
    fn new(config: Config) -> Setup {
        Setup {
            config,
            limits: Box::new(Unlimited::new(1)),
            recorder: Arc::new(Recorder::new(MS, 10_000)),
        }
    }

    fn limits(mut self, limits: Box<dyn Limiter>) -> Setup {
        self.limits = limits;
        self
    }

    fn start(self, robot: impl Robot + 'static, policy: impl Policy + 'static) -> Session {
        let (notifier, _heard) = notifier();
        self.start_with(robot, policy, notifier)
    }

    fn start_with(
        self,
        robot: impl Robot + 'static,
        policy: impl Policy + 'static,
        notifier: Notifier,
    ) -> Session {
        let (robot, policy) = (Box::new(robot), Box::new(policy));
        Session::start(
            robot,
            policy,
            self.limits,
            self.config,
            self.recorder,
            notifier,
        )
        .unwrap()
    }
}

fn ended(session: &Session) -> &Outcome {
    assert!(session.join(NEVER), "the session hangs");
    session.outcome().expect("an ended session has an outcome")
}

fn cause(session: &Session) -> Option<Cause> {
    ended(session).cause.clone()
}

fn run_for(ticks: u32) -> Config {
    Config {
        run_for: Some(MS * ticks),
        ..config()
    }
}

/// Returns a native policy that answers with the number of the cycle.
fn echo() -> impl Policy {
    Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
        action[0] = ask.tick as f64;
        Ok(())
    })
}

fn events(session: &Session) -> Vec<(u64, EventKind)> {
    std::iter::from_fn(|| session.take_event())
        .map(|Event { tick, kind }| (tick, kind))
        .collect()
}

fn kinds(session: &Session) -> Vec<f64> {
    let rows = session.take_records();
    rows.chunks(RECORD_HEADER + 1).map(|row| row[4]).collect()
}

const FRESH: f64 = CommandKind::Fresh as u8 as f64;
const FOLLOWED: f64 = CommandKind::Followed as u8 as f64;
const HELD: f64 = CommandKind::Held as u8 as f64;
const REST: f64 = CommandKind::Rest as u8 as f64;

/// Waits until `condition` holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + NEVER;
    while !condition() {
        assert!(Instant::now() < give_up, "still not: {what}");
        std::thread::sleep(MS);
    }
}

mod counting {
    use super::*;

    #[test]
    fn runs_as_many_cycles_as_the_duration_holds_and_then_finishes() {
        let log = Arc::new(Log::default());
        let session = Setup::new(run_for(250)).start(Scripted::new(&log), echo());
        assert_eq!(cause(&session), None);
        let commands = log.commands.lock().unwrap();
        let (last, run) = commands.split_last().unwrap();
        assert_eq!(run.len(), 250);
        assert!(run.iter().all(|command| !command.finishes));
        assert!(last.finishes);
        assert_eq!(run[249].action, 249.0);
        assert_eq!(session.stats().iterations, 251, "the last one is a cycle");
    }

    #[test]
    fn a_cycle_that_is_a_little_early_keeps_its_time() {
        for shift_us in [-400_i64, 400] {
            let log = Arc::new(Log::default());
            let robot = Scripted::new(&log).timing(move |tick| Timing {
                started: if tick == 0 {
                    Duration::from_micros(500)
                } else {
                    Duration::from_micros((tick as i64 * 1_000 + 500 + shift_us) as u64)
                },
                execution: MS / 10,
                skipped: 0,
            });
            let session = Setup::new(run_for(100)).start(robot, echo());
            assert_eq!(cause(&session), None);
            assert_eq!(log.commands.lock().unwrap().len(), 101, "{shift_us} us");
        }
    }

    #[test]
    fn the_first_cycle_contributes_no_period() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).timing(|tick| Timing {
            started: Duration::from_secs(5) + MS * tick as u32,
            execution: MS / 10,
            skipped: 0,
        });
        let session = Setup::new(run_for(100)).start(robot, echo());
        ended(&session);
        let stats = session.stats();
        assert_eq!(stats.jitter.max, Duration::ZERO);
        assert_eq!(stats.longest_period, MS);
        assert_eq!(stats.avg_period, MS);
        assert_eq!(
            session.recorder().jitter_histogram().len(),
            stats.iterations - 1
        );
    }

    #[test]
    fn a_policy_gets_the_time_of_the_robots_clock_however_late_the_host_receives_it() {
        let log = Arc::new(Log::default());
        // Every fifth tick is skipped, and no cycle starts at its time.
        let robot = Scripted::new(&log).timing(|tick| Timing {
            started: MS * (tick + tick / 4) as u32 + Duration::from_micros(tick % 4 * 100),
            execution: MS / 10,
            skipped: u64::from(tick % 4 == 0),
        });
        let (tell, told) = mpsc::channel();
        let policy = Native::new(1, move |ask: &Ask<'_>, _: &mut [f64]| {
            tell.send((ask.time, ask.period)).unwrap();
            Ok(())
        });
        let session = Setup::new(run_for(100)).start(robot, policy);
        ended(&session);
        let mut clock = 0;
        for (tick, (time, period)) in told.iter().enumerate() {
            let steps = match tick {
                0 => 0,
                _ => 1 + u32::from(tick % 4 == 0),
            };
            clock += steps;
            assert_eq!((time, period), (MS * clock, MS * steps));
        }
        assert_eq!(clock, 98);
    }

    #[test]
    fn a_long_period_is_jitter_and_not_an_overrun() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).timing(|tick| Timing {
            started: MS * (3 * tick) as u32,
            execution: MS / 10,
            skipped: 2,
        });
        let session = Setup::new(run_for(300)).start(robot, echo());
        ended(&session);
        let stats = session.stats();
        assert_eq!((stats.iterations, stats.overruns), (101, 0));
        assert_eq!(stats.jitter.p50, 2 * MS);
        assert_eq!(stats.longest_period, 3 * MS);
        assert_eq!(stats.missed_ticks, 200);
    }

    #[test]
    fn an_overrun_is_an_execution_longer_than_the_period() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).timing(|tick| Timing {
            started: MS * tick as u32,
            execution: if tick % 10 == 3 { MS * 2 } else { MS },
            skipped: 0,
        });
        let session = Setup::new(run_for(100)).start(robot, echo());
        ended(&session);
        assert_eq!(session.stats().overruns, 10);
        assert_eq!(session.stats().execution.max, 2 * MS);
        assert_eq!(session.stats().execution.p50, MS);
    }

    #[test]
    fn a_new_session_counts_from_zero() {
        let log = Arc::new(Log::default());
        for _ in 0..2 {
            let session = Setup::new(run_for(40)).start(Scripted::new(&log), echo());
            ended(&session);
            assert_eq!(session.stats().iterations, 41);
        }
    }
}

mod paced {
    use super::*;

    #[derive(Default)]
    struct Seen {
        observed: AtomicU64,
        acted: AtomicU64,
        at: Mutex<Vec<Instant>>,
        dropped: AtomicBool,
    }

    struct Counted {
        schema: Schema,
        seen: Arc<Seen>,
        fails_at: Option<u64>,
    }

    impl Counted {
        fn new(seen: &Arc<Seen>) -> Counted {
            Counted {
                schema: schema(1),
                seen: Arc::clone(seen),
                fails_at: None,
            }
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.seen.dropped.store(true, Ordering::SeqCst);
        }
    }

    impl Device for Counted {
        fn observation(&self) -> &Schema {
            &self.schema
        }

        fn action(&self) -> &Schema {
            &self.schema
        }

        fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError> {
            observation[0] = self.seen.observed.fetch_add(1, Ordering::SeqCst) as f64;
            Ok(())
        }

        fn act(&mut self, _action: &[f64]) -> Result<(), RobotError> {
            self.seen.at.lock().unwrap().push(Instant::now());
            let acted = self.seen.acted.fetch_add(1, Ordering::SeqCst);
            if self.fails_at == Some(acted) {
                return Err("the cable is out".into());
            }
            Ok(())
        }
    }

    #[test]
    fn acts_once_for_every_cycle_of_the_duration() {
        let seen = Arc::new(Seen::default());
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        let policy = Native::new(1, move |_: &Ask<'_>, _: &mut [f64]| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let robot = Paced::new(Counted::new(&seen), 5 * MS);
        let config = Config {
            run_for: Some(200 * MS),
            ..config()
        };
        let session = Setup::new(config).start(robot, policy);
        assert_eq!(cause(&session), None);
        let stats = session.stats();
        let acted = seen.acted.load(Ordering::SeqCst);
        assert!(acted <= 40, "{stats:?}");
        // On a busy machine the last one may come so late that it counts as the end of the duration.
        assert!(acted + stats.missed_ticks >= 39, "{stats:?}");
        assert_eq!(asked.load(Ordering::SeqCst), acted);
        assert_eq!(stats.iterations, acted, "what was not sent is no iteration");
    }

    #[test]
    fn a_policy_that_takes_longer_than_a_period_overruns_and_its_ticks_are_skipped() {
        let seen = Arc::new(Seen::default());
        let policy = Native::new(1, |ask: &Ask<'_>, _: &mut [f64]| {
            if ask.tick % 5 == 4 {
                std::thread::sleep(25 * MS);
            }
            Ok(())
        });
        let robot = Paced::new(Counted::new(&seen), 5 * MS);
        let setup = Setup {
            recorder: Arc::new(Recorder::new(5 * MS, 1_000)),
            ..Setup::new(Config {
                run_for: Some(500 * MS),
                ..config()
            })
        };
        let before = Instant::now();
        let session = setup.start(robot, policy);
        assert_eq!(cause(&session), None);
        let periods = before.elapsed().as_millis() as u64 / 5;
        let stats = session.stats();
        let acted = seen.acted.load(Ordering::SeqCst);
        assert!(stats.overruns >= acted / 5, "{stats:?}");
        // Each sleep misses at least four deadlines, which are not made up for.
        assert!(stats.missed_ticks >= 4 * (acted / 5 - 1), "{stats:?}");
        assert!(acted + stats.missed_ticks <= periods + 1, "{stats:?}");
    }

    #[test]
    fn comes_to_rest_at_its_own_rate_when_stopped() {
        let seen = Arc::new(Seen::default());
        let robot = Paced::new(Counted::new(&seen), 10 * MS);
        let session = Setup::new(config())
            .limits(Braking::new(20))
            .start(robot, echo());
        eventually("five cycles", || seen.acted.load(Ordering::SeqCst) >= 5);
        session.request_stop();
        assert_eq!(cause(&session), None);
        let at = seen.at.lock().unwrap();
        let resting = &at[at.len() - 19..];
        let took = resting[18] - resting[0];
        assert!(
            took > 120 * MS,
            "19 commands of 10 ms were sent in {took:?}"
        );
    }

    #[test]
    fn a_stop_does_not_wait_for_a_slow_clock() {
        let seen = Arc::new(Seen::default());
        let robot = Paced::new(Counted::new(&seen), NEVER);
        let session = Setup::new(config()).start(robot, echo());
        eventually("the first cycle", || seen.acted.load(Ordering::SeqCst) == 1);
        session.request_stop();
        assert!(session.join(NEVER / 4));
        assert_eq!(seen.acted.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_device_that_fails_ends_the_session_with_its_error_kept() {
        let seen = Arc::new(Seen::default());
        let mut device = Counted::new(&seen);
        device.fails_at = Some(7);
        let session = Setup::new(config()).start(Paced::new(device, MS), echo());
        let outcome = ended(&session);
        assert_eq!(outcome.cause, Some(Cause::RobotFailed { tick: 8 }));
        let error = outcome.robot_error.as_ref().unwrap();
        assert_eq!(error.to_string(), "the cable is out");
        assert!(seen.dropped.load(Ordering::SeqCst));
    }
}

mod ending {
    use super::*;

    #[test]
    fn a_policy_that_fails_ends_the_session_after_the_robot_has_come_to_rest() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            action[0] = 1.0;
            if ask.tick < 10 {
                Ok(())
            } else {
                Err(PolicyFailed)
            }
        });
        let session = Setup::new(config())
            .limits(Braking::new(5))
            .start(Scripted::new(&log), policy);
        assert_eq!(cause(&session), Some(Cause::PolicyFailed { tick: 10 }));
        let actions = log.actions();
        assert_eq!(actions[..10], [1.0; 10]);
        assert_eq!(actions[10..], [-1.0; 5]);
        assert!(log.commands.lock().unwrap()[14].finishes);
        assert_eq!(session.stats().rest_commands, 5);
    }

    #[test]
    fn an_action_that_is_not_a_number_never_reaches_the_robot() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let log = Arc::new(Log::default());
            let policy = Native::new(1, move |ask: &Ask<'_>, action: &mut [f64]| {
                action[0] = if ask.tick == 6 { bad } else { 1.0 };
                Ok(())
            });
            let session = Setup::new(config())
                .limits(Braking::new(3))
                .start(Scripted::new(&log), policy);
            let Some(Cause::InvalidAction {
                tick: 6, violation, ..
            }) = cause(&session)
            else {
                panic!("{:?}", session.outcome());
            };
            assert_eq!(violation.kind, ViolationKind::NotFinite);
            assert_eq!(violation.slot, 0);
            assert_eq!(violation.action.to_bits(), bad.to_bits());
            assert_eq!(
                log.actions(),
                [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]
            );
        }
    }

    #[test]
    fn an_action_beyond_the_limits_is_refused_with_the_slot_and_the_limit() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            action[0] = if ask.tick == 3 { 2e6 } else { 1.0 };
            Ok(())
        });
        let session = Setup::new(config())
            .limits(Braking::new(1))
            .start(Scripted::new(&log), policy);
        let Some(Cause::InvalidAction {
            tick: 3, violation, ..
        }) = cause(&session)
        else {
            panic!("{:?}", session.outcome());
        };
        assert_eq!((violation.received, violation.limit), (2e9, 1e6));
        assert_eq!(log.actions(), [1.0, 1.0, 1.0, -1.0]);
    }

    /// Runs 20 cycles. Some actions break a velocity limit, and one breaks a jerk limit.
    fn run_beyond(rules: LimitRules, limits: Box<dyn Limiter>) -> (Session, Arc<Log>) {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            action[0] = match ask.tick {
                3..=5 | 9 => 2e6,
                _ => 1.0,
            };
            Ok(())
        });
        let config = Config {
            limits: rules,
            run_for: Some(MS * 20),
            ..config()
        };
        let session = Setup::new(config)
            .limits(limits)
            .start(Scripted::new(&log), policy);
        ended(&session);
        (session, log)
    }

    #[test]
    fn an_action_that_is_clamped_is_followed_and_counted_by_kind_and_the_first_is_kept() {
        let rules = LimitRules::all(OnViolation::Clamp);
        let (session, log) = run_beyond(rules, Braking::new(1));
        assert_eq!(cause(&session), None);
        let stats = session.stats();
        let count = |kind| stats.violations[kind as usize];
        assert_eq!(count(ViolationKind::Velocity), 4);
        assert_eq!(count(ViolationKind::Jerk), 4);
        assert_eq!(count(ViolationKind::Position), 0);
        assert_eq!(stats.clamped_commands, 4);
        let (tick, first) = session.recorder().first_violation().unwrap();
        assert_eq!((tick, first.kind), (3, ViolationKind::Velocity));
        assert_eq!((first.action, first.limit), (2e6, 1e6));
        assert!(log.actions().len() > 15, "the session went on");
    }

    #[test]
    fn a_kind_of_limit_that_stops_ends_the_session_while_others_are_clamped() {
        let mut rules = LimitRules::all(OnViolation::Clamp);
        rules.set(ViolationKind::Jerk, OnViolation::Stop);
        let (session, _) = run_beyond(rules, Braking::new(1));
        let Some(Cause::InvalidAction {
            tick: 3, violation, ..
        }) = cause(&session)
        else {
            panic!("{:?}", session.outcome());
        };
        assert_eq!(violation.kind, ViolationKind::Jerk);
        assert_eq!(session.stats().clamped_commands, 0);
        let (tick, first) = session.recorder().first_violation().unwrap();
        assert_eq!((tick, first.kind), (3, ViolationKind::Velocity));
    }

    #[test]
    fn the_first_cause_is_reported() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).before(|tick| match tick {
            12 => Err("gave up while resting".into()),
            _ => Ok(()),
        });
        let policy = Native::new(1, |ask: &Ask<'_>, _: &mut [f64]| {
            if ask.tick < 10 {
                Ok(())
            } else {
                Err(PolicyFailed)
            }
        });
        let session = Setup::new(config())
            .limits(Braking::new(50))
            .start(robot, policy);
        let outcome = ended(&session);
        assert_eq!(outcome.cause, Some(Cause::PolicyFailed { tick: 10 }));
        let error = outcome.robot_error.as_ref().unwrap();
        assert_eq!(error.to_string(), "gave up while resting");
    }

    #[test]
    fn a_robot_that_fails_ends_the_session_with_its_error_and_its_last_states() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).before(|tick| match tick {
            120 => Err(std::io::Error::other("unplugged").into()),
            _ => Ok(()),
        });
        let session = Setup::new(config()).start(robot, echo());
        let outcome = ended(&session);
        assert_eq!(outcome.cause, Some(Cause::RobotFailed { tick: 120 }));
        let error = outcome.robot_error.as_ref().unwrap();
        assert_eq!(
            error.downcast_ref::<std::io::Error>().unwrap().to_string(),
            "unplugged"
        );
        let rows: Vec<&[f64]> = outcome.last_states.chunks(3).collect();
        assert_eq!(rows.len(), 50);
        for (row, tick) in rows.iter().zip(70..) {
            assert_eq!((row[0], row[2]), (f64::from(tick), f64::from(tick)));
            assert!((row[1] - f64::from(tick) * 1e-3).abs() < 1e-9);
        }
    }

    #[test]
    fn a_short_session_keeps_as_many_states_as_it_had_cycles() {
        let log = Arc::new(Log::default());
        let session = Setup::new(run_for(3)).start(Scripted::new(&log), echo());
        assert_eq!(ended(&session).last_states.len(), 4 * 3);
    }

    #[test]
    fn a_robot_that_cannot_rest_is_finished_after_three_seconds_of_cycles() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |_: &Ask<'_>, _: &mut [f64]| Err(PolicyFailed));
        let session = Setup::new(config())
            .limits(Braking::new(u64::MAX))
            .start(Scripted::new(&log), policy);
        assert_eq!(cause(&session), Some(Cause::PolicyFailed { tick: 0 }));
        assert_eq!(log.actions().len(), 3_000);
    }

    #[test]
    fn a_panic_in_the_policy_is_caught_in_its_cycle_and_the_robot_brought_to_rest() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, _: &mut [f64]| {
            assert!(ask.tick < 4, "out of ideas at {}", ask.tick);
            Ok(())
        });
        let session = Setup::new(config())
            .limits(Braking::new(10))
            .start(Scripted::new(&log), policy);
        let message = "out of ideas at 4".to_owned();
        assert_eq!(cause(&session), Some(Cause::Panicked { message }));
        assert!(log.dropped.load(Ordering::SeqCst));
        assert_eq!(log.actions().len(), 4 + 10);
    }

    /// A limiter that cannot bring the robot to rest.
    struct Restless;

    impl Limiter for Restless {
        fn interpolation(&self) -> Interpolation {
            Interpolation::Line
        }

        fn last_command(&self, out: &mut [f64]) {
            out.fill(0.0);
        }

        fn observe(&mut self, _observation: &[f64]) -> bool {
            true
        }

        fn check_answer(&self, _answer: &[f64]) -> Violations {
            Violations::none()
        }

        fn accept(&mut self, _action: &[f64]) {}

        fn approach(&mut self, _: &[f64], _: &[f64], _: Approach, _: &mut [f64]) -> bool {
            true
        }

        fn hold(&mut self, _observation: &[f64], _out: &mut [f64]) {}

        fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
            out.fill(f64::NAN);
            panic!("no rest either");
        }
    }

    #[test]
    fn if_braking_panics_too_no_command_follows_and_the_first_panic_is_reported() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            assert!(ask.tick < 4, "out of ideas at {}", ask.tick);
            action.fill(7.0);
            Ok(())
        });
        let session = Setup::new(config())
            .limits(Box::new(Restless))
            .start(Scripted::new(&log), policy);
        let message = "out of ideas at 4".to_owned();
        assert_eq!(cause(&session), Some(Cause::Panicked { message }));
        assert_eq!(log.actions().len(), 5);
        assert_eq!(log.actions()[4], log.actions()[3]);
    }

    #[test]
    fn a_panic_in_the_robot_is_an_outcome() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).before(|tick| {
            assert!(tick < 3, "a bug");
            Ok(())
        });
        let session = Setup::new(config()).start(robot, echo());
        let message = "a bug".to_owned();
        assert_eq!(cause(&session), Some(Cause::Panicked { message }));
        assert_eq!(session.stats().iterations, 3);
    }

    #[test]
    fn a_panic_before_the_first_cycle_is_an_outcome() {
        struct Stillborn;
        impl Policy for Stillborn {
            fn attach(&mut self) {
                panic!("no model");
            }

            fn request(&mut self, _ask: &Ask<'_>) {}

            fn poll(
                &mut self,
                _until: Option<Time>,
                _stop: &AtomicBool,
                _action: &mut [f64],
            ) -> kilohertz_core::policy::Answer {
                kilohertz_core::policy::Answer::None
            }
        }
        let log = Arc::new(Log::default());
        let session = Setup::new(config()).start(Scripted::new(&log), Stillborn);
        assert!(session.join(NEVER), "the session hangs");
        let message = "no model".to_owned();
        assert_eq!(cause(&session), Some(Cause::Panicked { message }));
        assert_eq!(log.actions().len(), 0);
        assert!(log.dropped.load(Ordering::SeqCst));
    }

    #[test]
    fn the_end_is_notified_once_after_the_robot_was_dropped() {
        let log = Arc::new(Log::default());
        let (tell, heard) = mpsc::channel();
        let seen = Arc::clone(&log);
        let notifier = start_notifier(
            || {},
            move |news| {
                if news.has(Signals::ENDED) {
                    tell.send(seen.dropped.load(Ordering::SeqCst)).unwrap();
                }
            },
        )
        .unwrap();
        let session = Setup::new(run_for(50)).start_with(Scripted::new(&log), echo(), notifier);
        assert_eq!(heard.recv_timeout(NEVER), Ok(true));
        assert!(session.has_ended() && session.outcome().is_some());
        session.request_stop();
        drop(session);
        assert_eq!(
            heard.recv_timeout(NEVER),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}

mod stopping {
    use super::*;

    /// Returns a robot that cycles on the wall clock until it is stopped.
    fn unhurried(log: &Arc<Log>) -> Scripted {
        Scripted::new(log).before(|_| {
            std::thread::sleep(MS);
            Ok(())
        })
    }

    #[test]
    fn a_stop_rests_the_robot_and_has_no_cause() {
        let log = Arc::new(Log::default());
        let session = Setup::new(config())
            .limits(Braking::new(4))
            .start(unhurried(&log), echo());
        eventually("ten cycles", || log.actions().len() > 10);
        session.request_stop();
        session.request_stop();
        assert_eq!(cause(&session), None);
        let actions = log.actions();
        let (run, rest) = actions.split_at(actions.len() - 4);
        assert_eq!(rest, [-1.0; 4]);
        assert!(run.iter().all(|&action| action >= 0.0));
        session.request_stop();
        assert!(session.join(Duration::ZERO) && session.join(NEVER));
    }

    #[test]
    fn after_a_stop_before_the_first_cycle_no_action_is_sent() {
        let log = Arc::new(Log::default());
        let (go, gate) = mpsc::channel::<()>();
        let robot = Scripted::new(&log).before(move |_| {
            let _ = gate.recv();
            Ok(())
        });
        let session = Setup::new(config())
            .limits(Braking::new(2))
            .start(robot, echo());
        session.request_stop();
        drop(go);
        assert_eq!(cause(&session), None);
        assert_eq!(log.actions(), [-1.0, -1.0]);
    }

    #[test]
    fn dropping_a_session_stops_the_robot() {
        let log = Arc::new(Log::default());
        let session = Setup::new(config()).start(unhurried(&log), echo());
        eventually("a cycle", || !log.actions().is_empty());
        drop(session);
        assert!(log.dropped.load(Ordering::SeqCst));
        assert!(log.commands.lock().unwrap().last().unwrap().finishes);
    }

    #[test]
    fn a_stop_ends_the_wait_for_a_policy_that_never_answers() {
        for deadline in [Deadline::None, Deadline::Within(NEVER)] {
            let log = Arc::new(Log::default());
            let (notifier, heard) = notifier();
            let setup = Setup::new(Config {
                deadline,
                ..config()
            });
            let (inside, _outside) = mailbox(1, 1, notifier.clone(), Arc::clone(&setup.recorder));
            let session = setup.start_with(Scripted::new(&log), inside, notifier);
            assert!(heard.recv_timeout(NEVER).unwrap().has(Signals::OBSERVATION));
            // Long enough for the loop thread to go to sleep.
            std::thread::sleep(5 * MS);
            session.request_stop();
            assert_eq!(cause(&session), None);
            assert_eq!(log.actions().len(), 1);
        }
    }

    #[test]
    fn a_join_with_too_short_a_time_returns_false_and_changes_nothing() {
        let log = Arc::new(Log::default());
        let session = Setup::new(config()).start(unhurried(&log), echo());
        assert!(!session.join(Duration::from_millis(5)));
        assert!(session.outcome().is_none());
        session.request_stop();
        assert!(session.join(NEVER));
    }
}

mod lateness {
    use super::*;

    /// A session whose policy answers at the start of the cycle, if `answer` says so. There is no budget for
    /// waiting: an answer that is not there then is late.
    fn scripted(
        config: Config,
        limits: Box<dyn Limiter>,
        mut answer: impl FnMut(u64, &mut PolicyEnd) -> Result<(), RobotError> + Send + 'static,
    ) -> (Session, Arc<Log>) {
        let log = Arc::new(Log::default());
        let (notifier, _heard) = notifier();
        let setup = Setup::new(Config {
            deadline: Deadline::Within(Duration::ZERO),
            record_ticks: 1_000,
            ..config
        })
        .limits(limits);
        let (inside, mut outside) = mailbox(1, 1, notifier.clone(), Arc::clone(&setup.recorder));
        let robot = Scripted::new(&log).before(move |tick| answer(tick, &mut outside));
        (setup.start_with(robot, inside, notifier), log)
    }

    fn rule(max_held: u32, on_late: OnLate) -> Config {
        Config {
            late: LateRule { max_held, on_late },
            ..run_for(40)
        }
    }

    fn at(tick: u64) -> Question {
        Question {
            tick,
            time: MS * tick as u32,
        }
    }

    fn set(value: f64) -> impl FnOnce(&mut [f64]) {
        move |action| action[0] = value
    }

    #[test]
    fn a_late_policy_is_held_then_rested_then_resumed_with_events_in_that_order() {
        let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            if !(10..30).contains(&tick) {
                policy.answer(at(tick), set(tick as f64));
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        assert_eq!(
            events(&session),
            [
                (10, EventKind::Held),
                (15, EventKind::Resting),
                (30, EventKind::Resumed)
            ]
        );
        let kinds = kinds(&session);
        assert_eq!(kinds[..10], [FRESH; 10]);
        assert_eq!(kinds[10..15], [HELD; 5]);
        assert_eq!(kinds[15..30], [REST; 15]);
        assert_eq!(kinds[30..34], [FOLLOWED; 4]);
        assert_eq!(kinds[34..40], [FRESH; 6]);
        let actions = log.actions();
        assert_eq!(actions[9..11], [9.0, -0.5]);
        assert_eq!(actions[14..16], [-0.5, -1.0]);
        assert_eq!(actions[29..31], [-1.0, 30.0]);
        let stats = session.stats();
        assert_eq!((stats.held_commands, stats.late_actions), (5, 20));
        assert_eq!(stats.rest_commands, 16, "with the one that finishes");
        assert_eq!(stats.stale_actions, 0);
    }

    #[test]
    fn a_policy_that_is_late_for_too_long_ends_the_session_if_so_configured() {
        let (session, log) = scripted(rule(5, OnLate::Stop), Braking::new(3), |tick, policy| {
            if tick < 10 {
                policy.answer(at(tick), set(1.0));
            }
            Ok(())
        });
        let told = Cause::TooLate {
            tick: 15,
            without_action: 6,
            had_nothing: false,
        };
        assert_eq!(cause(&session), Some(told));
        assert_eq!(
            log.actions()[10..],
            [-0.5, -0.5, -0.5, -0.5, -0.5, -1.0, -1.0, -1.0]
        );
    }

    #[test]
    fn an_action_that_is_late_by_fewer_cycles_than_may_be_held_is_followed() {
        let (session, log) = scripted(rule(5, OnLate::Stop), Braking::new(1), |tick, policy| {
            match tick {
                10..14 => {}
                14 => policy.answer(at(10), set(77.0)),
                _ => policy.answer(at(tick), set(tick as f64)),
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        let kinds = kinds(&session);
        assert_eq!(kinds[9..15], [FRESH, HELD, HELD, HELD, HELD, FOLLOWED]);
        // The answers that are in time again may be far from the late one.
        assert_eq!(kinds[15..19], [FOLLOWED; 4]);
        assert_eq!(kinds[19], FRESH);
        assert_eq!(log.actions()[14], 77.0);
        assert_eq!(session.stats().late_actions, 5);
        let told = [(10, EventKind::Held), (14, EventKind::Resumed)];
        assert_eq!(events(&session), told);
    }

    #[test]
    fn a_policy_that_is_always_one_cycle_late_is_followed_all_the_time() {
        let (session, log) = scripted(rule(5, OnLate::Stop), Braking::new(1), |tick, policy| {
            if tick > 0 {
                policy.answer(at(tick - 1), set((tick - 1) as f64));
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        let expected: Vec<f64> = (0..39).map(f64::from).collect();
        assert_eq!(log.actions()[1..40], expected);
        let stats = session.stats();
        assert_eq!((stats.late_actions, stats.held_commands), (40, 1));
    }

    #[test]
    fn an_answer_to_an_old_state_is_counted_and_not_used() {
        let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            match tick {
                0..10 => policy.answer(at(tick), set(1.0)),
                20 => policy.answer(at(14), set(66.0)),
                25 => policy.answer(at(20), set(55.0)),
                _ => {}
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        assert!(!log.actions().contains(&66.0));
        assert_eq!(log.actions()[25], 55.0);
        assert_eq!(session.stats().stale_actions, 1);
    }

    #[test]
    fn a_late_answer_that_is_not_a_number_is_refused_too() {
        let (session, _) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            match tick {
                0..10 => policy.answer(at(tick), set(1.0)),
                12 => policy.answer(at(10), set(f64::NAN)),
                _ => {}
            }
            Ok(())
        });
        assert!(matches!(
            cause(&session),
            Some(Cause::InvalidAction { tick: 12, .. })
        ));
    }

    #[test]
    fn an_answer_is_judged_although_it_is_too_old_to_be_used_or_overtaken() {
        let too_far = 1e9;
        // The answer to the question of cycle 10 comes in cycle 20. It is too old, or comes together with a
        // newer one.
        for overtaken in [false, true] {
            let policy = move |tick: u64, policy: &mut PolicyEnd| {
                match tick {
                    0..10 => policy.answer(at(tick), set(1.0)),
                    20 => policy.answer(at(10), set(too_far)),
                    _ => {}
                }
                if overtaken && tick == 20 {
                    policy.answer(at(20), set(1.0));
                }
                Ok(())
            };
            let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), policy);
            let Some(Cause::InvalidAction {
                tick: 20,
                violation,
                ..
            }) = cause(&session)
            else {
                panic!("{:?}", session.outcome());
            };
            assert_eq!(violation.action, too_far);
            assert!(!log.actions().contains(&too_far));
        }
    }

    #[test]
    fn answers_that_come_together_are_all_taken_and_the_newest_is_used() {
        let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            match tick {
                10 | 11 => {}
                12 => (10..13).for_each(|late| policy.answer(at(late), set(late as f64))),
                _ => policy.answer(at(tick), set(tick as f64)),
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        assert_eq!(log.actions()[12], 12.0);
        let stats = session.stats();
        assert_eq!((stats.policy_answers, stats.overwritten_actions), (40, 2));
        assert_eq!((stats.late_actions, stats.stale_actions), (2, 0));
    }

    /// A policy that answers an old question each time it is polled.
    struct Chatty;

    impl Policy for Chatty {
        fn request(&mut self, _ask: &Ask<'_>) {}

        fn poll(&mut self, _: Option<Time>, _: &AtomicBool, action: &mut [f64]) -> Answer {
            action.fill(1.0);
            Answer::Action(Question::default())
        }
    }

    #[test]
    fn a_policy_that_answers_without_end_does_not_block_the_loop() {
        let log = Arc::new(Log::default());
        let session = Setup::new(run_for(200)).start(Scripted::new(&log), Chatty);
        assert_eq!(cause(&session), None);
        assert_eq!(log.actions().len(), 201);
    }

    #[test]
    fn a_policy_with_nothing_new_is_held_then_rested_then_resumed_and_does_not_count_as_late() {
        let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            match tick {
                10..30 => policy.answer_nothing(at(tick)),
                _ => policy.answer(at(tick), set(tick as f64)),
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        let kinds = kinds(&session);
        assert_eq!(kinds[9..16], [FRESH, HELD, HELD, HELD, HELD, HELD, REST]);
        assert_eq!(log.actions()[29..31], [-1.0, 30.0]);
        let stats = session.stats();
        assert_eq!((stats.empty_answers, stats.late_actions), (20, 0));
        assert_eq!(stats.policy_answers, 40);
        assert_eq!((stats.held_commands, stats.followed_commands), (5, 4));
    }

    #[test]
    fn a_policy_with_nothing_new_for_too_long_ends_the_session_if_so_configured() {
        let (session, _) = scripted(rule(5, OnLate::Stop), Braking::new(1), |tick, policy| {
            match tick {
                0..10 => policy.answer(at(tick), set(1.0)),
                _ => policy.answer_nothing(at(tick)),
            }
            Ok(())
        });
        let told = Cause::TooLate {
            tick: 15,
            without_action: 6,
            had_nothing: true,
        };
        assert_eq!(cause(&session), Some(told));
    }

    #[test]
    fn a_policy_without_any_action_ends_the_session_after_a_second() {
        let forgets = |tick: u64, policy: &mut PolicyEnd| {
            policy.answer_nothing(at(tick));
            Ok(())
        };
        let config = Config {
            run_for: Some(MS * 3_000),
            ..rule(5, OnLate::Hold)
        };
        let (session, _) = scripted(config, Braking::new(1), forgets);
        assert_eq!(cause(&session), Some(Cause::NoAction { tick: 1_000 }));
        assert_eq!(session.stats().empty_answers, 1_001);
    }

    /// Limits that take a step to 100 or more for one that a single cycle does not reach: they stay behind it by
    /// 0.5.
    struct Stuck(Box<Braking>);

    impl Limiter for Stuck {
        fn interpolation(&self) -> Interpolation {
            self.0.interpolation()
        }

        fn last_command(&self, out: &mut [f64]) {
            self.0.last_command(out);
        }

        fn observe(&mut self, observation: &[f64]) -> bool {
            self.0.observe(observation)
        }

        fn check_answer(&self, answer: &[f64]) -> Violations {
            self.0.check_answer(answer)
        }

        fn check_step(&self, _observation: &[f64], action: &[f64]) -> Option<Violations> {
            (action[0] < 100.0).then_some(Violations::none())
        }

        fn accept(&mut self, action: &[f64]) {
            self.0.accept(action);
        }

        fn approach(
            &mut self,
            _observation: &[f64],
            action: &[f64],
            _approach: Approach,
            out: &mut [f64],
        ) -> bool {
            out.fill(action[0].min(100.0));
            action[0] < 100.0
        }

        fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
            (action[0] >= 100.0).then_some((0, 0.5))
        }

        fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
            self.0.hold(observation, out);
        }

        fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
            self.0.brake(observation, out)
        }
    }

    #[test]
    fn a_step_that_needs_more_than_one_cycle_is_followed_and_is_no_violation() {
        let (session, _) = scripted(rule(5, OnLate::Hold), Box::new(Stuck(Braking::new(1))), {
            |tick, policy| {
                policy.answer(at(tick), set(if tick == 10 { 200.0 } else { 1.0 }));
                Ok(())
            }
        });
        assert_eq!(cause(&session), None);
        let kinds = kinds(&session);
        assert_eq!(kinds[9..12], [FRESH, FOLLOWED, FOLLOWED]);
        let stats = session.stats();
        assert_eq!((stats.violations, stats.clamped_commands), ([0; 11], 0));
        // The answer that did not fit, and four more until the robot has caught up.
        assert_eq!(stats.followed_commands, 5);
    }

    #[test]
    fn a_robot_that_does_not_catch_up_is_reported_once_and_ends_the_session_if_so_configured() {
        for on_late in [OnLate::Hold, OnLate::Stop] {
            let config = Config {
                catch_up: MS * 50,
                run_for: Some(MS * 400),
                ..rule(5, on_late)
            };
            let stuck = Box::new(Stuck(Braking::new(1)));
            let (session, _) = scripted(config, stuck, |tick, policy| {
                policy.answer(at(tick), set(if tick < 100 { 1.0 } else { 200.0 }));
                Ok(())
            });
            let (slot, distance) = (0, 0.5);
            let ends = (on_late == OnLate::Stop).then_some(Cause::Behind {
                tick: 150,
                slot,
                distance,
            });
            assert_eq!(cause(&session), ends, "{on_late:?}");
            let told = events(&session);
            assert_eq!(told, [(150, EventKind::Behind { slot, distance })]);
        }
    }

    #[test]
    fn cycles_without_an_action_do_not_count_as_catching_up() {
        let config = Config {
            catch_up: MS * 50,
            run_for: Some(MS * 1_000),
            ..rule(5, OnLate::Hold)
        };
        let stuck = Box::new(Stuck(Braking::new(1)));
        let (session, _) = scripted(config, stuck, |tick, policy| {
            // Catches up for 40 cycles, then rests for 60.
            if tick % 100 < 40 {
                policy.answer(at(tick), set(200.0));
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        let told = events(&session);
        let is_behind = |(_, kind): &(u64, EventKind)| matches!(kind, EventKind::Behind { .. });
        assert!(!told.iter().any(is_behind), "{told:?}");
    }

    #[test]
    fn many_late_answers_are_reported_once_with_their_latency() {
        // Every question is answered three cycles late, or every thirtieth question.
        for (every, is_told) in [(1_u64, true), (30, false)] {
            let policy = move |tick: u64, policy: &mut PolicyEnd| {
                if tick >= 3 && (tick - 3).is_multiple_of(every) {
                    policy.answer(at(tick - 3), set(1.0));
                }
                if !tick.is_multiple_of(every) {
                    policy.answer(at(tick), set(1.0));
                }
                Ok(())
            };
            let config = Config {
                run_for: Some(MS * 3_000),
                ..rule(20, OnLate::Hold)
            };
            let (session, _) = scripted(config, Braking::new(1), policy);
            assert_eq!(cause(&session), None);
            assert_eq!(session.stats().dropped_events, 0);
            let told: Vec<(u64, EventKind)> = events(&session)
                .into_iter()
                .filter(|(_, kind)| matches!(kind, EventKind::Late { .. }))
                .collect();
            let took = MS * 3;
            let expected = is_told.then_some((2_000, EventKind::Late { took }));
            assert_eq!(told, Vec::from_iter(expected));
        }
    }

    #[test]
    fn a_policy_that_fails_after_its_last_answer_has_that_answer_used() {
        let (session, log) = scripted(rule(5, OnLate::Hold), Braking::new(1), |tick, policy| {
            policy.answer(at(tick), set(tick as f64));
            if tick == 12 {
                policy.fail(13);
            }
            Ok(())
        });
        assert!(matches!(
            cause(&session),
            None | Some(Cause::PolicyFailed { .. })
        ));
        assert_eq!(log.actions()[12], 12.0);
    }

    #[test]
    fn the_loop_waits_for_a_policy_on_another_thread_within_its_budget() {
        let log = Arc::new(Log::default());
        let (notifier, heard) = notifier();
        let setup = Setup::new(Config {
            deadline: Deadline::Within(NEVER),
            ..run_for(500)
        });
        let (inside, mut outside) = mailbox(1, 1, notifier.clone(), Arc::clone(&setup.recorder));
        let session = setup.start_with(Scripted::new(&log), inside, notifier);
        let policy = std::thread::spawn(move || {
            while let Ok(news) = heard.recv() {
                if news.has(Signals::ENDED) {
                    return;
                }
                if let Some(asked) = outside.take().map(|frame| frame.question()) {
                    outside.answer(asked, set(asked.tick as f64));
                }
            }
        });
        assert_eq!(cause(&session), None);
        policy.join().unwrap();
        let expected: Vec<f64> = (0..500).map(f64::from).collect();
        assert_eq!(log.actions()[..500], expected);
        let stats = session.stats();
        assert_eq!(stats.late_actions, 0);
        assert_eq!(
            (stats.overwritten_actions, stats.overwritten_observations),
            (0, 0)
        );
    }

    #[test]
    fn a_robot_without_a_deadline_gives_up_only_if_so_configured() {
        let log = Arc::new(Log::default());
        let (notifier, _heard) = notifier();
        let setup = Setup::new(Config {
            deadline: Deadline::None,
            late: LateRule {
                max_held: 3,
                on_late: OnLate::Stop,
            },
            ..config()
        });
        let (inside, _outside) = mailbox(1, 1, notifier.clone(), Arc::clone(&setup.recorder));
        let session = setup.start_with(Scripted::new(&log), inside, notifier);
        let told = Cause::TooLate {
            tick: 0,
            without_action: 4,
            had_nothing: false,
        };
        assert_eq!(cause(&session), Some(told));
    }

    #[test]
    fn events_that_nobody_takes_are_dropped_and_counted() {
        let config = Config {
            late: LateRule {
                max_held: 1,
                on_late: OnLate::Hold,
            },
            ..run_for(1_000)
        };
        let (session, _) = scripted(config, Braking::new(1), |tick, policy| {
            if tick % 3 == 0 {
                policy.answer(at(tick), set(0.0));
            }
            Ok(())
        });
        assert_eq!(cause(&session), None);
        let kept = events(&session).len() as u64;
        // Each round of three has Held, Resting and Resumed; the first has no Resumed.
        assert_eq!(kept + session.stats().dropped_events, 999);
        assert!(session.stats().dropped_events > 0);
    }
}

mod records {
    use super::*;

    #[test]
    fn hold_every_cycle_in_order_with_what_was_sent() {
        let log = Arc::new(Log::default());
        let config = Config {
            record_ticks: 500,
            ..run_for(300)
        };
        let session = Setup::new(config).start(Scripted::new(&log), echo());
        ended(&session);
        let rows = session.take_records();
        let rows: Vec<&[f64]> = rows.chunks(RECORD_HEADER + 1).collect();
        assert_eq!(rows.len(), 301);
        assert!(rows[0][2].is_nan(), "the first cycle has no period");
        for (tick, row) in rows.iter().enumerate() {
            let time = tick as f64 * 1e-3;
            assert_eq!(row[0], tick as f64);
            assert!((row[1] - time).abs() < 1e-9);
            assert!((row[3] - time - 1e-4).abs() < 1e-9, "sent at {}", row[3]);
            assert!(tick == 0 || (row[2] - 1e-3).abs() < 1e-9);
            assert_eq!(row[4], if tick < 300 { FRESH } else { REST });
            let (asked, answered) = (row[5], row[8]);
            assert!(asked <= answered || tick == 300, "{asked}, then {answered}");
            assert_eq!(asked.is_nan() && answered.is_nan(), tick == 300);
            assert_eq!(row[RECORD_HEADER], tick.min(299) as f64);
        }
        assert!(session.take_records().is_empty());
        assert_eq!(session.stats().dropped_records, 0);
    }

    #[test]
    fn that_do_not_fit_into_the_ring_are_dropped_and_counted() {
        let log = Arc::new(Log::default());
        let config = Config {
            record_ticks: 64,
            ..run_for(300)
        };
        let session = Setup::new(config).start(Scripted::new(&log), echo());
        ended(&session);
        assert_eq!(session.take_records().len(), 64 * (RECORD_HEADER + 1));
        assert_eq!(session.stats().dropped_records, 301 - 64);
    }

    #[test]
    fn can_be_taken_while_the_session_runs_without_losing_one() {
        let log = Arc::new(Log::default());
        let robot = Scripted::new(&log).before(|tick| {
            if tick % 20 == 0 {
                std::thread::sleep(MS);
            }
            Ok(())
        });
        let config = Config {
            record_ticks: 4_000,
            ..run_for(3_000)
        };
        let session = Setup::new(config).start(robot, echo());
        let mut rows = Vec::new();
        while !session.has_ended() {
            rows.extend(session.take_records());
        }
        rows.extend(session.take_records());
        let ticks: Vec<f64> = rows.chunks(RECORD_HEADER + 1).map(|row| row[0]).collect();
        let expected: Vec<f64> = (0..=3_000).map(f64::from).collect();
        assert_eq!(ticks, expected);
    }
}

mod slow_policies {
    use super::*;

    /// A policy that answers each question with its number, in the cycle `looks` after the first poll for it.
    struct Slow {
        looks: u64,
        open: Option<Question>,
        looked: u64,
        asked: Arc<Mutex<Vec<(u64, Duration, Duration)>>>,
    }

    impl Policy for Slow {
        fn request(&mut self, ask: &Ask<'_>) {
            self.open = Some(ask.question());
            self.looked = 0;
            let mut asked = self.asked.lock().unwrap();
            asked.push((ask.tick, ask.time, ask.period));
        }

        fn poll(&mut self, _: Option<Time>, _: &AtomicBool, action: &mut [f64]) -> Answer {
            self.looked += 1;
            match self.open.take_if(|_| self.looked > self.looks) {
                Some(question) => {
                    action[0] = self.asked.lock().unwrap().len() as f64;
                    Answer::Action(question)
                }
                None => Answer::None,
            }
        }
    }

    #[test]
    fn that_are_too_late_are_counted_once_a_question_held_and_taken_up_again() {
        let asked = Arc::default();
        let policy = Slow {
            looks: 8,
            open: None,
            looked: 0,
            asked: Arc::clone(&asked),
        };
        let config = Config {
            policy_rate_hz: Some(50.0),
            deadline: Deadline::Within(MS * 5),
            ..run_for(1_000)
        };
        let session = Setup::new(config).start(Scripted::new(&Arc::default()), policy);
        assert_eq!(cause(&session), None);
        let expected = |number: u64| {
            let period = if number == 0 { Duration::ZERO } else { MS * 20 };
            (number * 20, MS * 20 * number as u32, period)
        };
        assert_eq!(
            *asked.lock().unwrap(),
            Vec::from_iter((0..50).map(expected))
        );
        let stats = session.stats();
        assert_eq!(stats.policy_asks, 50);
        assert_eq!((stats.late_actions, stats.stale_actions), (50, 0));
        // The answer is due in the fifth cycle after the question and comes in the ninth.
        assert_eq!(stats.held_commands, 4 * 50);
        assert_eq!(stats.rest_commands, 1, "for the end");
    }

    #[test]
    fn that_go_silent_rest_and_come_back() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |_: &Ask<'_>, action: &mut [f64]| {
            action[0] = 1.0;
            Ok(())
        });
        let config = Config {
            policy_rate_hz: Some(20.0),
            late: LateRule {
                max_held: 10,
                ..LateRule::default()
            },
            run_for: Some(MS * 1_000),
            ..config()
        };
        let session = Setup::new(config)
            .limits(Braking::new(1))
            .start(Scripted::new(&log), Sometimes(policy, 0));
        ended(&session);
        let stats = session.stats();
        // Of twenty questions every fourth is not answered: 50 cycles each, ten of them held.
        assert_eq!(stats.held_commands, 5 * 10);
        assert_eq!(stats.rest_commands, 5 * 40 + 1);
        let told: Vec<EventKind> = std::iter::from_fn(|| session.take_event())
            .map(|event| event.kind)
            .take(3)
            .collect();
        assert_eq!(
            told,
            [EventKind::Held, EventKind::Resting, EventKind::Resumed]
        );
    }

    /// A policy that leaves every fourth question unanswered.
    struct Sometimes<P>(P, u64);

    impl<P: Policy> Policy for Sometimes<P> {
        fn request(&mut self, ask: &Ask<'_>) {
            self.1 += 1;
            if !self.1.is_multiple_of(4) {
                self.0.request(ask);
            }
        }

        fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
            self.0.poll(until, stop, action)
        }
    }

    #[test]
    fn that_answer_what_is_not_a_number_end_the_session() {
        let log = Arc::new(Log::default());
        let policy = Native::new(1, |ask: &Ask<'_>, action: &mut [f64]| {
            action[0] = if ask.tick > 100 { f64::INFINITY } else { 1.0 };
            Ok(())
        });
        let config = Config {
            policy_rate_hz: Some(30.0),
            ..config()
        };
        let session = Setup::new(config)
            .limits(Braking::new(3))
            .start(Scripted::new(&log), policy);
        let Some(Cause::InvalidAction {
            tick: 133,
            violation,
            ..
        }) = cause(&session)
        else {
            panic!("{:?}", session.outcome());
        };
        assert_eq!(violation.kind, ViolationKind::NotFinite);
        assert!(log.actions().iter().all(|action| action.is_finite()));
    }
}

mod lockstep {
    use super::*;

    /// Runs 300 ticks in lockstep with a policy on another thread. Each answer takes `dawdles` of wall-clock
    /// time, and the robot reports arbitrary times. Returns records, stats and actions.
    fn run(
        latency: Latency,
        dawdles: impl Fn(u64) -> Duration + Send + 'static,
    ) -> (Vec<f64>, [u64; 5]) {
        let log = Arc::new(Log::default());
        let (notifier, heard) = notifier();
        let setup = Setup::new(Config {
            lockstep: Some(latency),
            deadline: Deadline::Within(MS / 3),
            record_ticks: 1_000,
            ..run_for(300)
        });
        let (inside, mut outside) = mailbox(1, 1, notifier.clone(), Arc::clone(&setup.recorder));
        let robot = Scripted::new(&log).timing(|tick| Timing {
            started: MS * (tick * 7) as u32 + dawdling(tick),
            execution: dawdling(tick + 1),
            skipped: u64::from(tick % 50 == 49),
        });
        let session = setup
            .limits(Braking::new(1))
            .start_with(robot, inside, notifier);
        let policy = std::thread::spawn(move || {
            while let Ok(news) = heard.recv() {
                if news.has(Signals::ENDED) {
                    return;
                }
                if let Some(asked) = outside.take().map(|frame| frame.question()) {
                    std::thread::sleep(dawdles(asked.tick));
                    outside.answer(asked, |action| action[0] = asked.tick as f64);
                }
            }
        });
        assert_eq!(cause(&session), None);
        policy.join().unwrap();
        let stats = session.stats();
        let counts = [
            stats.iterations,
            stats.policy_answers,
            stats.late_actions,
            stats.held_commands,
            stats.followed_commands,
        ];
        (session.take_records(), counts)
    }

    fn dawdling(tick: u64) -> Duration {
        Duration::from_micros(tick * 7_919 % 1_500)
    }

    /// Compares as bits, because an unknown time is NaN.
    fn bits(records: &[f64]) -> Vec<u64> {
        records.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_policy_is_never_late_by_the_wall_clock_and_records_are_the_same_to_the_bit() {
        let (one, counts) = run(Latency::NONE, dawdling);
        let (other, _) = run(Latency::NONE, |_| Duration::ZERO);
        assert_eq!(bits(&one), bits(&other));
        // The last tick is the one in which the run ends. Every fiftieth tick has no cycle.
        assert_eq!(counts, [296, 295, 0, 0, 0]);
    }

    #[test]
    fn a_policy_with_a_latency_is_late_in_the_same_cycles_each_time() {
        let latency = Latency::Between {
            from: MS * 2,
            to: MS * 40,
            seed: 3,
        };
        let (one, counts) = run(latency, dawdling);
        let (other, _) = run(latency, |_| Duration::ZERO);
        assert_eq!(bits(&one), bits(&other));
        let [_, answers, late, held, followed] = counts;
        assert!(
            answers > 5 && late > 100 && held > 50 && followed > 3,
            "{counts:?}"
        );
    }
}

mod a_clock_of_any_kind {
    use proptest::prelude::{Just, any, prop, proptest};
    use proptest::prop_oneof;

    use super::*;

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// For any number of ticks that a robot reports as skipped, the session goes on and its time rises.
        #[test]
        fn counts_up_and_does_not_end_the_session(
            skipped in prop::collection::vec(
                prop_oneof![Just(0), 0_u64..50, any::<u64>(), Just(u64::MAX)], 1..40,
            ),
            rate_hz in prop_oneof![Just(None), Just(Some(30.0)), Just(Some(1e-9))],
        ) {
            let log = Arc::new(Log::default());
            let ticks = skipped.len() as u32;
            let robot = Scripted::new(&log).timing(move |tick| Timing {
                started: MS * tick as u32,
                execution: MS / 10,
                skipped: skipped.get(tick as usize).copied().unwrap_or(0),
            });
            let times = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&times);
            let policy = Native::new(1, move |ask: &Ask<'_>, action: &mut [f64]| {
                seen.lock().unwrap().push((ask.time, ask.period));
                action[0] = 0.0;
                Ok(())
            });
            let config = Config {
                policy_rate_hz: rate_hz,
                ..run_for(ticks)
            };
            let session = Setup::new(config).start(robot, policy);
            assert_eq!(ended(&session).cause, None);
            let times = times.lock().unwrap();
            assert!(!times.is_empty());
            assert!(times.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{times:?}");
        }
    }
}
