//! An action is judged by what it asks for, however late it comes, on each arm and in each control mode.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::{
    MS, Rig, assert_at_rest_without_reflex, clamped_session, connect, connect_with, ended,
    ended_well, joints, lockstep, numbers, run_for, session, session_until, smooth, torque,
};
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::policy::{Answer, Ask, Policy, Question};
use kilohertz_core::session::{Cause, Session};
use kilohertz_core::timing::time::Time;
use kilohertz_franka::state::SCHEMA;
use kilohertz_franka::{Arm, Control, Impedance};

/// Answers one question at a time, each after `takes` cycles.
struct Tardy<A, T> {
    act: A,
    takes: T,
    /// The answer that is not yet given, and the number of cycles until it is.
    answer: Option<(Question, [f64; 24])>,
    left: u64,
}

fn tardy<A, T>(act: A, takes: T) -> Tardy<A, T>
where
    A: FnMut(&Ask<'_>, &mut [f64]) + Send,
    T: FnMut(u64) -> u64 + Send,
{
    Tardy {
        act,
        takes,
        answer: None,
        left: 0,
    }
}

impl<A, T> Policy for Tardy<A, T>
where
    A: FnMut(&Ask<'_>, &mut [f64]) + Send,
    T: FnMut(u64) -> u64 + Send,
{
    fn request(&mut self, ask: &Ask<'_>) {
        if self.answer.is_some() {
            self.left = self.left.saturating_sub(1);
            return;
        }
        let mut action = [0.0; 24];
        (self.act)(ask, &mut action);
        self.left = (self.takes)(ask.tick);
        self.answer = Some((ask.question(), action));
    }

    fn poll(&mut self, _until: Option<Time>, _stop: &AtomicBool, action: &mut [f64]) -> Answer {
        match self.answer.take_if(|_| self.left == 0) {
            Some((question, answer)) => {
                action.copy_from_slice(&answer[..action.len()]);
                Answer::Action(question)
            }
            None => Answer::None,
        }
    }
}

/// Returns a field of an observation.
fn field<'a>(observation: &'a [f64], name: &str) -> &'a [f64] {
    let mut first = 0;
    for field in SCHEMA.fields() {
        if field.name == name {
            return &observation[first..first + field.len];
        }
        first += field.len;
    }
    panic!("no field {name}");
}

/// Fills in the action that changes nothing.
fn still(control: Control, ask: &Ask<'_>, action: &mut [f64]) {
    match control {
        Control::JointPosition | Control::JointTarget => {
            action[..7].copy_from_slice(field(ask.observation, "q_d"));
        }
        Control::CartesianPose | Control::CartesianTarget => {
            action[..16].copy_from_slice(field(ask.observation, "O_T_EE_c"));
        }
        Control::JointVelocity | Control::CartesianVelocity | Control::Torque => action.fill(0.0),
    }
}

/// Returns the action that changed nothing when it was first asked for.
fn start_of(control: Control) -> impl FnMut(&Ask<'_>) -> [f64; 24] + Send {
    let mut start = None;
    move |ask| {
        *start.get_or_insert_with(|| {
            let mut start = [0.0; 24];
            still(control, ask, &mut start);
            start
        })
    }
}

/// Rotates a pose about the vertical axis of the base.
fn turn(pose: &mut [f64], angle: f64) {
    let (sine, cosine) = angle.sin_cos();
    for column in 0..3 {
        let (x, y) = (pose[4 * column], pose[4 * column + 1]);
        pose[4 * column] = cosine * x - sine * y;
        pose[4 * column + 1] = sine * x + cosine * y;
    }
}

/// A wrong first action: what is changed of the action that changes nothing.
type Off = (Control, &'static str, fn(&mut [f64]));

const FIRST: [Off; 7] = [
    (Control::JointPosition, "0.3 rad", |q| q[0] += 0.3),
    (Control::CartesianPose, "0.3 m", |pose| pose[13] += 0.3),
    (Control::CartesianPose, "0.3 rad", |pose| turn(pose, 0.3)),
    (Control::JointVelocity, "0.5 rad/s", |dq| dq[3] += 0.5),
    (Control::CartesianVelocity, "0.5 m/s", |twist| {
        twist[2] -= 0.5
    }),
    (Control::CartesianVelocity, "0.5 rad/s", |twist| {
        twist[5] += 0.5
    }),
    (Control::Torque, "5 N m", |tau| tau[1] += 5.0),
];

const ZIGZAG: [Off; 2] = [
    (Control::JointPosition, "2 mrad to and fro", |q| {
        q[5] += 2e-3
    }),
    (Control::CartesianPose, "2 mm to and fro", |pose| {
        pose[12] += 2e-3
    }),
];

fn runs(rig: Rig) -> u64 {
    match rig {
        Rig::Fr3 => 100,
        _ => 15,
    }
}

/// Returns the kind of limit that ended a session.
fn refusal(session: &Session, what: &str) -> ViolationKind {
    let outcome = ended(session);
    let Some(Cause::InvalidAction { violation, .. }) = outcome.cause else {
        panic!("{what}: {outcome:?}");
    };
    assert!(outcome.robot_error.is_none(), "{what}: {outcome:?}");
    violation.kind
}

/// Checks that the session ended because the policy's answers changed too fast.
fn assert_rate_refused(session: &Session, what: &str) {
    let kind = refusal(session, what);
    let rates = [
        ViolationKind::Velocity,
        ViolationKind::Acceleration,
        ViolationKind::Jerk,
        ViolationKind::TorqueRate,
    ];
    assert!(rates.contains(&kind), "{what}: {kind:?}");
}

/// Returns the arm's distance from `from` [rad].
fn moved(arm: &Arm, from: &[f64; 7]) -> f64 {
    let now = arm.state().unwrap().q_d;
    (0..7).fold(0.0, |most, i| f64::max(most, (now[i] - from[i]).abs()))
}

fn a_wrong_first_action_is_refused_however_late_it_comes(rig: Rig) {
    for (control, off, wrong) in FIRST {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let from = arm.state().unwrap().q_d;
        for run in 0..runs(rig) {
            let mut random = numbers(run + 1);
            let late = (random().abs() * 60.0) as u64;
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                still(control, ask, action);
                wrong(action);
            };
            let takes = move |_| if run % 2 == 0 { 0 } else { late };
            let session = session(&arm, control, run_for(2_000), tardy(act, takes));
            let what = format!("{control}, {off} off, {late} cycles late");
            assert_rate_refused(&session, &what);
            assert!(moved(&arm, &from) < 1e-4, "{what}");
        }
        assert_at_rest_without_reflex(&simulator);
        assert_eq!(simulator.counters().motions_finished, runs(rig));
    }
}

fn a_zigzag_is_refused_whichever_of_its_answers_are_late(rig: Rig) {
    for (control, off, wrong) in ZIGZAG {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let from = arm.state().unwrap().q_d;
        for run in 0..runs(rig) {
            let mut random = numbers(run + 1);
            let mut start = start_of(control);
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                action.copy_from_slice(&start(ask));
                if ask.tick % 2 == 1 {
                    wrong(action);
                }
            };
            // In half of the runs the answers are in time; in the others each takes a random time.
            let takes = move |_| ((run % 2) as f64 * random().abs() * 8.0) as u64;
            let session = session(&arm, control, run_for(2_000), tardy(act, takes));
            refusal(&session, &format!("{control}, {off}, run {run}"));
            assert!(moved(&arm, &from) < 4e-3, "{control}, {off}");
        }
        assert_at_rest_without_reflex(&simulator);
    }
}

/// Seeds for policies that are smooth and sometimes late.
fn seeds(rig: Rig) -> std::ops::RangeInclusive<u64> {
    match rig {
        Rig::Fr3 => 1..=25,
        _ => 1..=4,
    }
}

/// Moves away and back within 1.6 s, smoothly. Returns position and velocity.
fn there_and_back(time_s: f64) -> (f64, f64) {
    let (way, rate) = smooth(time_s / 0.8);
    let (back, back_rate) = smooth((time_s - 0.8) / 0.8);
    (way - back, (rate - back_rate) / 0.8)
}

/// Moves by some 0.1 rad or m from `start`, as a function of time.
fn swing(control: Control, start: &[f64; 24], ask: &Ask<'_>, action: &mut [f64]) {
    let time_s = ask.time.as_secs_f64();
    let (way, _) = there_and_back(time_s);
    // A velocity holds for the millisecond after its cycle.
    let (_, rate) = there_and_back(time_s + 0.5e-3);
    action.copy_from_slice(start);
    match control {
        Control::JointPosition | Control::JointTarget => {
            action[0] += 0.15 * way;
            action[3] += 0.1 * way;
        }
        Control::JointVelocity => (action[0], action[3]) = (0.15 * rate, 0.1 * rate),
        Control::CartesianPose | Control::CartesianTarget => {
            turn(action, 0.1 * way);
            action[13] += 0.1 * way;
            action[14] -= 0.05 * way;
        }
        Control::CartesianVelocity => (action[1], action[5]) = (0.1 * rate, 0.1 * rate),
        Control::Torque => {
            let (q, dq) = (joints(ask.observation, "q"), joints(ask.observation, "dq"));
            for joint in 0..7 {
                let moves = if joint == 0 { 0.15 } else { 0.0 };
                let away = start[joint] + moves * way - q[joint];
                action[joint] = torque(joint, away, moves * rate - dq[joint]);
            }
        }
    }
}

fn a_smooth_policy_that_is_late_never_violates_a_limit(rig: Rig) {
    for control in Control::ALL {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        for seed in seeds(rig) {
            let mut random = numbers(seed);
            let mut start = start_of(control);
            let mut stood = None;
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                let mut start = start(ask);
                if control == Control::Torque {
                    // Torques hold the arm where it was.
                    let stood = stood.get_or_insert_with(|| joints(ask.observation, "q"));
                    start[..7].copy_from_slice(stood);
                }
                swing(control, &start, ask, action);
            };
            let takes = move |tick: u64| match tick {
                // The first answer of a policy in JavaScript is usually late.
                0 => (random().abs() * 40.0) as u64,
                _ if random() > 0.95 => 1 + (random().abs() * 5.0) as u64,
                _ => 0,
            };
            let session = session_until(2_200, &arm, control, tardy(act, takes), || {});
            ended_well(&session);
            let stats = session.stats();
            assert_eq!(stats.violations, [0; ViolationKind::COUNT], "{control}");
            assert!(stats.late_actions > 60, "{control}, {seed}: {stats:?}");
        }
        assert_at_rest_without_reflex(&simulator);
    }
}

/// Stands still, is silent for so many cycles, and continues at another place.
fn stands_and_reappears(control: Control, silent: u64, by: fn(&mut [f64])) -> impl Policy {
    let mut start = start_of(control);
    let act = move |ask: &Ask<'_>, action: &mut [f64]| {
        action.copy_from_slice(&start(ask));
        if ask.tick > 500 {
            by(action);
        }
    };
    tardy(act, move |tick| if tick == 500 { silent } else { 0 })
}

/// The largest velocity [rad/s, m/s]. After a rest a fifth of it is allowed.
fn fastest_of(rig: Rig, control: Control) -> f64 {
    match (control, rig) {
        (Control::JointPosition, _) => rig.bounds()[0].velocity,
        (_, Rig::Fr3) => 3.0,
        _ => 1.7,
    }
}

fn after_a_rest_a_place_is_approached_no_faster_than_a_fifth_of_the_limit(rig: Rig) {
    type Reappears = (Control, u64, f64, fn(&mut [f64]));
    let reappears: [Reappears; 5] = [
        (Control::JointPosition, 2_000, 0.4, |q| q[0] += 0.4),
        (Control::JointPosition, 320, 0.3, |q| q[0] += 0.3),
        (Control::JointPosition, 900, 1.2, |q| q[0] += 1.2),
        (Control::CartesianPose, 2_000, 0.2, |pose| pose[13] += 0.2),
        (Control::CartesianPose, 400, 0.2, |pose| pose[13] += 0.2),
    ];
    for (control, silent, by, somewhere) in reappears {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let fastest = Arc::new(AtomicU64::new(0));
        let watched = Watched {
            policy: stands_and_reappears(control, silent, somewhere),
            control,
            fastest: Arc::clone(&fastest),
        };
        let from = arm.state().unwrap();
        let session = session_until(7_000, &arm, control, watched, || {});
        let what = format!("{control}, {silent} ms, {by}");
        ended_well(&session);
        let to = arm.state().unwrap();
        let fastest = fastest.load(Ordering::Relaxed) as f64 * 1e-6;
        let went = match control {
            Control::JointPosition => to.q_d[0] - from.q_d[0],
            _ => to.O_T_EE_c[13] - from.O_T_EE_c[13],
        };
        let most = 0.2 * fastest_of(rig, control) + 1e-3;
        assert!((0.05..=most).contains(&fastest), "{what}: {fastest}");
        assert!((went - by).abs() < 2e-3, "{what}: went {went}");
        assert_at_rest_without_reflex(&simulator);
    }
}

fn an_action_that_is_clamped_at_the_start_is_approached_no_faster_either(rig: Rig) {
    let control = Control::JointPosition;
    let simulator = lockstep(rig);
    let arm = connect(rig, &simulator);
    let fastest = Arc::new(AtomicU64::new(0));
    let mut start = start_of(control);
    let act = move |ask: &Ask<'_>, action: &mut [f64]| {
        action.copy_from_slice(&start(ask));
        action[0] += 0.5;
    };
    let watched = Watched {
        policy: tardy(act, |_| 0),
        control,
        fastest: Arc::clone(&fastest),
    };
    let session = clamped_session(&arm, control, watched, 3_000);
    ended_well(&session);
    let stats = session.stats();
    assert_eq!(stats.violations[ViolationKind::Velocity as usize], 1);
    assert!(stats.clamped_commands > 500, "{stats:?}");
    let fastest = fastest.load(Ordering::Relaxed) as f64 * 1e-6;
    let most = 0.2 * fastest_of(rig, control) + 1e-3;
    assert!((0.2..=most).contains(&fastest), "{fastest}");
    assert_at_rest_without_reflex(&simulator);
}

fn a_short_gap_is_soon_over_whatever_is_commanded(rig: Rig) {
    for control in [Control::JointPosition, Control::CartesianPose] {
        for gap in [5, 15] {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let mut start = start_of(control);
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                action.copy_from_slice(&start(ask));
                let (slot, time_s) = match control {
                    Control::JointPosition => (0, ask.time.as_secs_f64()),
                    _ => (13, ask.time.as_secs_f64()),
                };
                action[slot] += 0.05 * smooth(time_s).0 * (1.0 - (2.0 * time_s).cos());
            };
            let policy = tardy(act, move |tick| if tick == 1_500 { gap } else { 0 });
            let session = session_until(4_000, &arm, control, policy, || {});
            ended_well(&session);
            let stats = session.stats();
            let followed = stats.followed_commands;
            assert!(followed < 1_000, "{control}, {gap} ms: {followed} followed");
            assert_at_rest_without_reflex(&simulator);
        }
    }
}

/// Notes the largest commanded velocity of the arm.
struct Watched<P> {
    policy: P,
    control: Control,
    fastest: Arc<AtomicU64>,
}

impl<P: Policy> Policy for Watched<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        let speed = match self.control {
            Control::JointPosition => joints(ask.observation, "dq_d")[0].abs(),
            _ => {
                let twist = &field(ask.observation, "O_dP_EE_c")[..3];
                twist.iter().map(|v| v * v).sum::<f64>().sqrt()
            }
        };
        self.fastest
            .fetch_max((speed * 1e6) as u64, Ordering::Relaxed);
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        self.policy.poll(until, stop, action)
    }
}

/// Motion and torques are judged separately.
fn torques_with_a_motion_are_judged_separately(rig: Rig) {
    for (slot, off) in [(0, 0.3), (7 + 2, 5.0)] {
        for late in [0, 7] {
            let simulator = lockstep(rig);
            let arm = connect_with(rig, &simulator, Impedance::External);
            let control = Control::JointPosition;
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                action.fill(0.0);
                still(control, ask, action);
                action[slot] += off;
            };
            let session = session(&arm, control, run_for(1_000), tardy(act, move |_| late));
            let what = format!("slot {slot}, {late} late");
            let expected = if slot == 0 {
                ViolationKind::Velocity
            } else {
                ViolationKind::TorqueRate
            };
            assert_eq!(refusal(&session, &what), expected, "{what}");
            assert_at_rest_without_reflex(&simulator);
        }
    }
}

fn a_wrong_first_answer_of_a_slow_policy_is_refused_too(rig: Rig) {
    for (control, off, wrong) in FIRST {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let from = arm.state().unwrap().q_d;
        for rate_hz in [30.0, 333.3] {
            let act = move |ask: &Ask<'_>, action: &mut [f64]| {
                still(control, ask, action);
                wrong(action);
            };
            let mut config = run_for(2_000);
            config.policy_rate_hz = Some(rate_hz);
            config.deadline = kilohertz_core::session::Deadline::Within(MS);
            let session = session(&arm, control, config, tardy(act, |_| 0));
            assert_rate_refused(&session, &format!("{control}, {off} off at {rate_hz} Hz"));
            assert!(moved(&arm, &from) < 1e-4, "{control}, {off}");
        }
        assert_at_rest_without_reflex(&simulator);
    }
}

on_each_arm!(
    a_wrong_first_action_is_refused_however_late_it_comes,
    a_zigzag_is_refused_whichever_of_its_answers_are_late,
    a_smooth_policy_that_is_late_never_violates_a_limit,
    after_a_rest_a_place_is_approached_no_faster_than_a_fifth_of_the_limit,
    an_action_that_is_clamped_at_the_start_is_approached_no_faster_either,
    a_short_gap_is_soon_over_whatever_is_commanded,
    torques_with_a_motion_are_judged_separately,
    a_wrong_first_answer_of_a_slow_policy_is_refused_too,
);
