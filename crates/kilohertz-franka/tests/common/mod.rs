//! A simulated arm, sessions on it, and policies that move it.
#![allow(dead_code, reason = "each test file uses its share")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::{JointBounds, LimitRules, OnViolation, ViolationKind};
use kilohertz_core::policy::{Answer, Ask, Native, Policy, PolicyFailed, Question};
use kilohertz_core::session::{Cause, Config, Deadline, EventKind, Outcome, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::arm::Driven;
use kilohertz_franka::limits::ArmLimits;
use kilohertz_franka::state::SCHEMA;
use kilohertz_franka::{
    Arm, ArmError, Client, ConnectOptions, Control, Generation, Impedance, MotionOptions,
};
use kilohertz_sim::{Fault, Simulator, SimulatorOptions};

pub const MS: Duration = Duration::from_millis(1);
/// A test that waits this long has found something that hangs.
pub const NEVER: Duration = Duration::from_secs(120);
/// The joints that the policies here move, and their largest velocity [rad/s].
pub const MOVED: [usize; 2] = [0, 3];
pub const SPEED: f64 = 0.6;
/// The control modes whose actions are commands, not targets.
pub const DIRECT: [Control; 3] = [
    Control::JointVelocity,
    Control::JointPosition,
    Control::Torque,
];
/// The duration of speeding up [s].
const RAMP_S: f64 = 0.4;

/// An arm and the client that talks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rig {
    Fr3,
    Fer,
    /// The FER with `libfranka-rs`.
    #[cfg(feature = "libfranka-rs")]
    Libfranka,
}

impl Rig {
    pub const ALL: &[Rig] = &[
        Rig::Fr3,
        Rig::Fer,
        #[cfg(feature = "libfranka-rs")]
        Rig::Libfranka,
    ];

    pub fn generation(self) -> Generation {
        match self {
            Rig::Fr3 => Generation::Fr3,
            _ => Generation::Fer,
        }
    }

    /// The limits of its joints.
    pub fn bounds(self) -> [JointBounds; 7] {
        match self.generation() {
            Generation::Fr3 => ArmLimits::fr3(franka::model::FR3_URDF).unwrap().joints,
            Generation::Fer => ArmLimits::fer().joints,
        }
    }

    pub fn client(self) -> Client {
        match self {
            Rig::Fr3 | Rig::Fer => Client::FrankaRs,
            #[cfg(feature = "libfranka-rs")]
            Rig::Libfranka => Client::LibfrankaRs,
        }
    }

    /// The connections that one `connect` makes: with `libfranka-rs`, `franka-rs` connects first.
    pub fn connections(self) -> u64 {
        match self.client() {
            Client::FrankaRs => 1,
            Client::LibfrankaRs => 2,
        }
    }
}

/// Makes one test of each function for each rig.
#[macro_export]
macro_rules! on_each_arm {
    ($($promise:ident),* $(,)?) => {
        mod fr3 {
            $(#[test] fn $promise() { super::$promise(super::Rig::Fr3) })*
        }
        mod fer {
            $(#[test] fn $promise() { super::$promise(super::Rig::Fer) })*
        }
        #[cfg(feature = "libfranka-rs")]
        mod libfranka {
            $(#[test] fn $promise() { super::$promise(super::Rig::Libfranka) })*
        }
    };
}

/// In lockstep every run takes the same path, however loaded the machine is.
pub fn lockstep(rig: Rig) -> Arc<Simulator> {
    let options = SimulatorOptions {
        lockstep: true,
        friction: false,
        ..SimulatorOptions::default()
    };
    start(rig, options)
}

/// Runs on the wall clock. A stall of the machine ends no motion.
pub fn by_the_wall_clock(rig: Rig) -> Arc<Simulator> {
    let options = SimulatorOptions {
        lost_packet_limit: 10_000,
        friction: false,
        ..SimulatorOptions::default()
    };
    start(rig, options)
}

pub fn start(rig: Rig, options: SimulatorOptions) -> Arc<Simulator> {
    let options = SimulatorOptions {
        generation: simulated(rig),
        ..options
    };
    match rig.client() {
        Client::FrankaRs => Arc::new(Simulator::start(options).unwrap()),
        Client::LibfrankaRs => start_on_its_own_host(rig, options),
    }
}

fn simulated(rig: Rig) -> kilohertz_sim::Generation {
    match rig.generation() {
        Generation::Fr3 => kilohertz_sim::Generation::Fr3,
        Generation::Fer => kilohertz_sim::Generation::Fer,
    }
}

/// Starts it at an address and port to which `libfranka-rs` connects.
pub fn start_on_its_own_host(rig: Rig, options: SimulatorOptions) -> Arc<Simulator> {
    let options = SimulatorOptions {
        generation: simulated(rig),
        host: own_host(),
        port: 1337,
        ..options
    };
    Arc::new(Simulator::start(options).unwrap())
}

/// Returns a loopback address that nothing else uses, because `libfranka-rs` knows only one port.
pub fn own_host() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed) as u8;
    Ipv4Addr::new(127, 1 + (high << 4 | middle) % 250, low, 1 + next % 250).into()
}

pub fn connect(rig: Rig, simulator: &Simulator) -> Arm {
    try_connect(rig, simulator).unwrap()
}

pub fn try_connect(rig: Rig, simulator: &Simulator) -> Result<Arm, ArmError> {
    try_connect_with(rig, simulator, Impedance::default(), false)
}

/// Connects with this impedance.
pub fn connect_with(rig: Rig, simulator: &Simulator, impedance: Impedance) -> Arm {
    try_connect_with(rig, simulator, impedance, false).unwrap()
}

/// Connects with this impedance and with a commanded elbow.
pub fn connect_bent(rig: Rig, simulator: &Simulator, impedance: Impedance) -> Arm {
    try_connect_with(rig, simulator, impedance, true).unwrap()
}

fn try_connect_with(
    rig: Rig,
    simulator: &Simulator,
    impedance: Impedance,
    elbow: bool,
) -> Result<Arm, ArmError> {
    let options = ConnectOptions {
        timeout: Duration::from_secs(30),
        client: rig.client(),
        impedance,
        elbow,
        ..ConnectOptions::default()
    };
    Arm::connect(&simulator.address().to_string(), &options)
}

/// The configuration for lockstep: an ordinary thread, and no deadline for the policy.
pub fn config() -> Config {
    Config {
        realtime: ordinary(),
        ..Config::default()
    }
}

pub fn ordinary() -> RealtimeRequest {
    RealtimeRequest {
        priority: None,
        cpu: None,
        lock_memory: false,
        timer_slack: None,
    }
}

pub fn run_for(ms: u32) -> Config {
    Config {
        run_for: Some(MS * ms),
        ..config()
    }
}

pub fn session(
    arm: &Arm,
    control: Control,
    config: Config,
    policy: impl Policy + 'static,
) -> Session {
    session_with(arm, control, &MotionOptions::default(), config, policy)
}

/// Starts a session with these limits.
pub fn session_with(
    arm: &Arm,
    control: Control,
    options: &MotionOptions,
    config: Config,
    policy: impl Policy + 'static,
) -> Session {
    session_on(arm.robot_with(control, options).unwrap(), config, policy)
}

/// Starts a session with a robot that has been made before.
pub fn session_on(
    (robot, limits): Driven,
    config: Config,
    policy: impl Policy + 'static,
) -> Session {
    let recorder = Arc::new(Recorder::new(robot.period(), 10_000));
    let notifier = start_notifier(|| {}, |_| {}).unwrap();
    Session::start(robot, Box::new(policy), limits, config, recorder, notifier).unwrap()
}

/// Waits in cycle `tick` until the session has been asked to stop. In lockstep the arm waits too.
struct Until<P> {
    policy: P,
    tick: u64,
    reached: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
}

impl<P: Policy> Policy for Until<P> {
    fn attach(&mut self) {
        self.policy.attach();
    }

    fn request(&mut self, ask: &Ask<'_>) {
        if ask.tick == self.tick {
            let _ = self.reached.send(());
            let _ = self.go.recv();
        }
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        self.policy.poll(until, stop, action)
    }
}

/// Runs a session in lockstep that is asked to stop in its cycle `tick`, after `look`. The session has ended when
/// this returns.
pub fn session_until(
    tick: u64,
    arm: &Arm,
    control: Control,
    policy: impl Policy + 'static,
    look: impl FnOnce(),
) -> Session {
    session_until_with(tick, arm, control, config(), policy, look)
}

/// Does the same with another configuration.
pub fn session_until_with(
    tick: u64,
    arm: &Arm,
    control: Control,
    config: Config,
    policy: impl Policy + 'static,
    look: impl FnOnce(),
) -> Session {
    let (reached, wait) = mpsc::channel();
    let (proceed, go) = mpsc::channel();
    let policy = Until {
        policy,
        tick,
        reached,
        go,
    };
    let session = session(arm, control, config, policy);
    // An error means that the session ended before. The checks that follow tell why.
    let _ = wait.recv_timeout(NEVER);
    look();
    session.request_stop();
    let _ = proceed.send(());
    ended(&session);
    session
}

/// The same configuration, with all limits clamped that can be.
pub fn clamping() -> Config {
    Config {
        limits: LimitRules::all(OnViolation::Clamp),
        ..config()
    }
}

/// The same configuration, with a policy rate, and a budget for each answer.
pub fn asked_at(rate_hz: f64, budget: Duration) -> Config {
    Config {
        policy_rate_hz: Some(rate_hz),
        deadline: Deadline::Within(budget),
        ..clamping()
    }
}

/// Runs a session with clamped limits for so many cycles.
pub fn clamped_session(
    arm: &Arm,
    control: Control,
    policy: impl Policy + 'static,
    ticks: u64,
) -> Session {
    session_for(ticks, arm, control, clamping(), policy)
}

/// Runs a session that is asked to stop after so many cycles.
pub fn session_for(
    ticks: u64,
    arm: &Arm,
    control: Control,
    config: Config,
    policy: impl Policy + 'static,
) -> Session {
    let session = session(arm, control, config, policy);
    eventually("the end of the motion", || {
        session.has_ended() || session.stats().iterations > ticks
    });
    session.request_stop();
    session
}

pub fn ended(session: &Session) -> &Outcome {
    assert!(session.join(NEVER), "the session hangs");
    session.outcome().unwrap()
}

/// Waits for the end of a session, which must have no cause.
pub fn ended_well(session: &Session) {
    let outcome = ended(session);
    assert!(outcome.cause.is_none(), "{outcome:?}");
    assert!(outcome.robot_error.is_none(), "{outcome:?}");
}

/// Waits for the end of a session, which must have no cause. Its motion must be finished and the arm at rest.
pub fn ended_at_rest(simulator: &Simulator, session: &Session, what: &str) {
    ended_well(session);
    assert_finished(simulator, what);
}

/// Checks that the session finished its one motion, and that the arm is at rest.
pub fn assert_finished(simulator: &Simulator, what: &str) {
    assert_at_rest_without_reflex(simulator);
    let counters = simulator.counters();
    let motions = (counters.motions_finished, counters.motions_aborted);
    assert_eq!(motions, (1, 0), "{what}");
}

/// Checks that a session was held, rested and resumed, once each.
pub fn assert_resumed_once(session: &Session, what: &str) {
    let expected = [EventKind::Held, EventKind::Resting, EventKind::Resumed];
    assert_eq!(event_kinds(session), expected, "{what}");
}

/// Changes the action of a policy so that it fails in cycle 500, at speed.
pub fn fails_at_speed(tick: u64, _: &mut [f64]) -> Result<(), PolicyFailed> {
    match tick {
        500.. => Err(PolicyFailed),
        _ => Ok(()),
    }
}

/// Checks that this failure ended the session, and that the arm is at rest.
pub fn assert_failed_at_speed(simulator: &Simulator, session: &Session, what: &str) {
    let outcome = ended(session);
    let failed = Some(Cause::PolicyFailed { tick: 500 });
    assert_eq!(outcome.cause, failed, "{what}");
    assert!(outcome.robot_error.is_none(), "{what}: {outcome:?}");
    assert_finished(simulator, what);
}

/// Checks that the action of cycle 500 ended the session and that the arm is at rest. Returns the violation.
pub fn refused(simulator: &Simulator, session: &Session, what: &str) -> (usize, ViolationKind) {
    let Some(Cause::InvalidAction {
        tick, violation, ..
    }) = ended(session).cause
    else {
        panic!("{what}: {:?}", session.outcome());
    };
    assert_eq!(tick, 500, "{what}");
    assert!(ended(session).robot_error.is_none(), "{what}");
    assert_finished(simulator, what);
    (violation.slot, violation.kind)
}

/// Checks that a session survived the loss of `count` packets in a row, and that the arm is at rest.
pub fn survived(simulator: &Simulator, session: &Session, count: u32, what: &str) {
    ended_at_rest(simulator, session, what);
    let lost = simulator.counters().longest_lost_run;
    assert_eq!(lost, u64::from(count), "{what}");
}

pub fn robot_error(session: &Session) -> ArmError {
    let error = ended(session)
        .robot_error
        .as_ref()
        .unwrap_or_else(|| panic!("a robot error: {:?}", session.outcome()));
    error.downcast_ref::<ArmError>().unwrap().clone()
}

/// Returns the events about how actions were used, in order. The event that many were late is left out.
pub fn event_kinds(session: &Session) -> Vec<EventKind> {
    std::iter::from_fn(|| session.take_event())
        .map(|event| event.kind)
        .filter(|kind| !matches!(kind, EventKind::Late { .. }))
        .collect()
}

/// Returns a field of an observation.
pub fn field<const N: usize>(observation: &[f64], name: &str) -> [f64; N] {
    let mut first = 0;
    for known in SCHEMA.fields() {
        if known.name == name {
            return std::array::from_fn(|i| observation[first + i]);
        }
        first += known.len;
    }
    panic!("no field {name}");
}

/// Returns the seven slots of a joint field.
pub fn joints(observation: &[f64], name: &str) -> [f64; 7] {
    field(observation, name)
}

/// Returns the distance and the velocity after `time_s` of a motion that speeds up from 0 to 1.
pub fn ramp(time_s: f64) -> (f64, f64) {
    let share = time_s / RAMP_S;
    if share >= 1.0 {
        return (time_s - RAMP_S / 2.0, 1.0);
    }
    let way = RAMP_S * (share.powi(3) - share.powi(4) / 2.0);
    (way, share * share * (3.0 - 2.0 * share))
}

/// Speeds up to [`SPEED`] and keeps it. Time is the arm's, so lost ticks are made up for.
pub struct AtSpeed {
    control: Control,
    start: Option<(f64, [f64; 7])>,
}

impl AtSpeed {
    pub fn new(control: Control) -> AtSpeed {
        let start = None;
        AtSpeed { control, start }
    }

    pub fn act(&mut self, observation: &[f64], action: &mut [f64]) {
        let now = observation[0];
        let (began, from) = *self
            .start
            .get_or_insert_with(|| (now, joints(observation, "q_d")));
        let (way, speed) = ramp(now - began);
        let (way, speed) = (SPEED * way, SPEED * speed);
        let q = joints(observation, "q");
        let dq = joints(observation, "dq");
        for joint in 0..7 {
            let moves = f64::from(u8::from(MOVED.contains(&joint)));
            let target = from[joint] + moves * way;
            action[joint] = match self.control {
                Control::JointVelocity => moves * speed,
                Control::JointPosition | Control::JointTarget => target,
                _ => torque(joint, target - q[joint], moves * speed - dq[joint]),
            };
        }
    }
}

/// Returns a joint's torque for a distance [rad] and a difference of velocities [rad/s].
pub fn torque(joint: usize, away: f64, slower: f64) -> f64 {
    let (stiffness, damping) = if joint < 4 {
        (150.0, 25.0)
    } else {
        (30.0, 4.0)
    };
    stiffness * away + damping * slower
}

/// Goes from 0 to 1, smoothly at both ends. Returns the value and its rate.
pub fn smooth(share: f64) -> (f64, f64) {
    let s = share.clamp(0.0, 1.0);
    let way = s.powi(3) * (10.0 - 15.0 * s + 6.0 * s * s);
    let rate = 30.0 * s * s * (1.0 - s) * (1.0 - s);
    (way, rate)
}

/// Moves the joints of `MOVED` by `by` [rad] within `over_s`, then stays there.
pub fn move_by(control: Control, by: f64, over_s: f64) -> impl Policy {
    let mut start = None;
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        // A velocity holds for the millisecond after its cycle.
        let (way, _) = smooth(ask.tick as f64 * 1e-3 / over_s);
        let (_, rate) = smooth((ask.tick as f64 + 0.5) * 1e-3 / over_s);
        let q = joints(ask.observation, "q");
        let dq = joints(ask.observation, "dq");
        for joint in 0..7 {
            let moves = if MOVED.contains(&joint) { by } else { 0.0 };
            let speed = moves * rate / over_s;
            let target = from[joint] + moves * way;
            action[joint] = match control {
                Control::JointVelocity => speed,
                Control::JointPosition | Control::JointTarget => target,
                _ => torque(joint, target - q[joint], speed - dq[joint]),
            };
        }
        Ok(())
    })
}

/// A native policy at speed. `meddle` may change its action in each tick.
pub fn at_speed(
    control: Control,
    mut meddle: impl FnMut(u64, &mut [f64]) -> Result<(), PolicyFailed> + Send + 'static,
) -> impl Policy {
    let mut policy = AtSpeed::new(control);
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        policy.act(ask.observation, action);
        meddle(ask.tick, action)
    })
}

/// A native policy that keeps the arm where it is, for sessions without a fixed number of ticks. In lockstep a
/// tick may take any time.
pub fn standing(
    control: Control,
    mut meddle: impl FnMut(u64) -> Result<(), PolicyFailed> + Send + 'static,
) -> impl Policy {
    let mut start = None;
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        match control {
            Control::JointPosition | Control::JointTarget => action.copy_from_slice(&from),
            _ => action.fill(0.0),
        }
        meddle(ask.tick)
    })
}

/// Returns numbers from -1 to 1, the same in each run.
pub fn numbers(seed: u64) -> impl FnMut() -> f64 + Send {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Tells in each cycle whether a random policy changes its target now: after up to half a second, or in every
/// cycle.
pub fn whims() -> impl FnMut(&mut dyn FnMut() -> f64) -> bool + Send {
    let (mut jumps, mut left) = (false, 0);
    move |random| {
        if left == 0 {
            jumps = random() > 0.6;
            left = (random().abs() * 500.0) as u32 + 1;
        }
        left -= 1;
        left == 0 || jumps
    }
}

/// A random policy. It keeps a random target for up to half a second, and sometimes changes it in every cycle.
pub fn senseless(
    control: Control,
    seed: u64,
    mut meddle: impl FnMut(&Ask<'_>) + Send + 'static,
) -> impl Policy {
    let mut random = numbers(seed);
    let mut start = None;
    let mut wanted = [0.0; 7];
    let mut wants_another = whims();
    Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| joints(ask.observation, "q_d"));
        if wants_another(&mut random) {
            for joint in 0..7 {
                wanted[joint] = match control {
                    Control::JointVelocity => 4.0 * random(),
                    Control::Torque => 100.0 * random(),
                    _ => from[joint] + 3.0 * random(),
                };
            }
        }
        action.copy_from_slice(&wanted);
        meddle(ask);
        Ok(())
    })
}

/// Adds torques to the motion of `policy`. They follow the position that the arm reports as desired.
pub struct Followed<P> {
    policy: P,
    slots: usize,
    torques: [f64; 7],
}

pub fn followed<P: Policy>(control: Control, policy: P) -> Followed<P> {
    followed_behind(control.slots(), policy)
}

/// The same, for a motion of so many slots.
pub fn followed_behind<P: Policy>(slots: usize, policy: P) -> Followed<P> {
    Followed {
        policy,
        slots,
        torques: [0.0; 7],
    }
}

impl<P: Policy> Policy for Followed<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        let [q_d, dq_d, q, dq] =
            ["q_d", "dq_d", "q", "dq"].map(|name| joints(ask.observation, name));
        self.torques = std::array::from_fn(|joint| {
            torque(joint, q_d[joint] - q[joint], dq_d[joint] - dq[joint])
        });
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let (motion, torques) = action.split_at_mut(self.slots);
        torques.copy_from_slice(&self.torques);
        self.policy.poll(until, stop, motion)
    }
}

/// A policy whose actions are changed by something else from cycle 500 on.
pub struct Meddled<P> {
    policy: P,
    tick: u64,
    meddle: fn(&mut [f64]),
}

pub fn meddled<P: Policy>(policy: P, meddle: fn(&mut [f64])) -> Meddled<P> {
    Meddled {
        policy,
        tick: 0,
        meddle,
    }
}

impl<P: Policy> Policy for Meddled<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        self.tick = ask.tick;
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let answer = self.policy.poll(until, stop, action);
        if self.tick >= 500 {
            (self.meddle)(action);
        }
        answer
    }
}

/// A policy that does not answer in the cycles of `silent`.
pub struct Silent<P> {
    policy: P,
    silent: std::ops::Range<u64>,
    is_silent: bool,
}

pub fn silent<P: Policy>(silent: std::ops::Range<u64>, policy: P) -> Silent<P> {
    Silent {
        policy,
        silent,
        is_silent: false,
    }
}

impl<P: Policy> Policy for Silent<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        self.is_silent = self.silent.contains(&ask.tick);
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        match self.policy.poll(until, stop, action) {
            Answer::Action(_) if self.is_silent => Answer::None,
            answer => answer,
        }
    }
}

/// A policy that answers each question one cycle late.
pub fn belated<P: Policy>(policy: P) -> Belated<P> {
    Belated {
        policy,
        last: None,
        before: None,
    }
}

pub struct Belated<P> {
    policy: P,
    /// The action for the last question, and the one for the question before it.
    last: Option<(Question, Vec<f64>)>,
    before: Option<(Question, Vec<f64>)>,
}

impl<P: Policy> Policy for Belated<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        self.policy.request(ask);
        self.before = self.last.take();
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        match self.policy.poll(until, stop, action) {
            Answer::Action(question) => self.last = Some((question, action.to_vec())),
            Answer::None => {}
            other => return other,
        }
        match self.before.take() {
            Some((question, answer)) => {
                action.copy_from_slice(&answer);
                Answer::Action(question)
            }
            None => Answer::None,
        }
    }
}

/// A policy that sometimes takes a few cycles for an answer, at random.
pub fn erratic<P: Policy>(seed: u64, policy: P) -> Erratic<P> {
    Erratic {
        policy,
        random: Box::new(numbers(seed)),
        left: 0,
    }
}

pub struct Erratic<P> {
    policy: P,
    random: Box<dyn FnMut() -> f64 + Send>,
    /// The number of cycles until the next answer is given.
    left: u64,
}

impl<P: Policy> Policy for Erratic<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        self.policy.request(ask);
        let is_slow = (self.random)() > 0.95;
        if is_slow {
            self.left = 1 + ((self.random)().abs() * 4.0) as u64;
        }
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if self.left > 0 {
            return Answer::None;
        }
        self.policy.poll(until, stop, action)
    }
}

/// Injects `fault` at the beginning of a motion and at speed, before the policy's answer.
pub fn suffering_twice(
    simulator: &Arc<Simulator>,
    fault: &Fault,
) -> impl FnMut(u64, &mut [f64]) -> Result<(), PolicyFailed> + Send + 'static {
    let (simulator, fault) = (Arc::clone(simulator), fault.clone());
    move |tick, _| {
        if tick == 150 || tick == 600 {
            simulator.inject(fault.clone()).unwrap();
        }
        Ok(())
    }
}

/// Starts motions that lose packets in one of their first cycles. `act` writes the action for the seconds
/// since the first state and that state. Each motion lasts 60 cycles, and starts where the last one ended.
pub fn lost_at_the_start((rig, control): (Rig, Control), act: fn(f64, &[f64], &mut [f64])) {
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    for count in [1, 4, 12] {
        for fault in [Fault::DropStates { count }, Fault::DropCommands { count }] {
            for tick in 0..3 {
                let (injecting, injected) = (Arc::clone(&simulator), fault.clone());
                let mut first: Option<Vec<f64>> = None;
                let slots = control.slots();
                let policy = Native::new(slots, move |ask: &Ask<'_>, action: &mut [f64]| {
                    if ask.tick == tick {
                        injecting.inject(injected.clone()).unwrap();
                    }
                    let first = first.get_or_insert_with(|| ask.observation.to_vec());
                    act(ask.observation[0] - first[0], first, action);
                    Ok(())
                });
                let session = session_until(60, &arm, control, policy, || {});
                let outcome = ended(&session);
                let what = format!("{control}, {fault:?} in tick {tick}: {outcome:?}");
                assert!(
                    outcome.cause.is_none() && outcome.robot_error.is_none(),
                    "{what}"
                );
            }
        }
    }
    assert_at_rest_without_reflex(&simulator);
}

/// Loses a few commands in a row, in about every hundredth cycle.
pub fn losing_commands(simulator: &Arc<Simulator>) -> impl FnMut(&Ask<'_>) + Send + 'static {
    let simulator = Arc::clone(simulator);
    let mut random = numbers(3);
    move |ask| {
        if ask.tick % 101 == 100 {
            let count = 1 + (random().abs() * 3.0) as u32;
            simulator.inject(Fault::DropCommands { count }).unwrap();
        }
    }
}

/// Does the same to each of `cases`, all at the same time. For work that mostly waits.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let work = &work;
            scope.spawn(move || work(case));
        }
    });
}

/// Does `work` until it passes once. For what is promised on the wall clock of a machine that runs the loop: a
/// machine that stalls can spoil one try, but a defect spoils them all.
pub fn passes_once(work: impl Fn()) {
    const TRIES: usize = 5;
    for _ in 1..TRIES {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(&work)).is_ok() {
            return;
        }
    }
    work();
}

pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + NEVER;
    while !condition() {
        assert!(Instant::now() < give_up, "still not: {what}");
        std::thread::sleep(MS);
    }
}

/// Checks that the arm soon stands still, and that no reflex stopped it.
pub fn assert_at_rest_without_reflex(simulator: &Simulator) {
    eventually("at rest", || {
        simulator.joints().dq.iter().all(|dq| dq.abs() < 5e-3)
    });
    assert_eq!(simulator.counters().reflexes, 0);
}
