//! Properties of the seam. Whatever an arm reports and a policy answers, a session ends or goes on, never
//! panics, and never sends a command that breaks a limit. Slots that no code reads change no command.
//!
//! ```text
//! arm.rs     an arm whose reports a script changes
//! policy.rs  a policy whose answers a script changes
//! checker.rs checks what was sent, without the arithmetic of the limits
//! poison.rs  makes each slot NaN in turn
//! ```

mod arm;
mod checker;
mod poison;
mod policy;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use franka::model::{FR3_URDF, Model};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::{LimitRules, OnViolation};
use kilohertz_core::session::{Cause, Config, Deadline, Session};
use kilohertz_core::stats::{Recorder, Stats};
use kilohertz_core::thread::RealtimeRequest;
use proptest::collection::btree_map;
use proptest::prelude::*;

use crate::client::entrance::{Breaks, Drive};
use crate::constants::READY;
use crate::control::gains::Gains;
use crate::control::impedance::ImpedanceController;
use crate::control::{Control, Impedance, Interface};
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::limits::{ArmLimits, MotionOptions, limits};
use crate::state::{LEN, offset};
use arm::{Event, Log, Scripted, Sent};
use policy::{Given, PANIC, ScriptedPolicy, Told};

/// How many cycles after rest the session has reported what was wrong.
const TOLD: usize = 50;

/// A session to run.
#[derive(Debug, Clone)]
struct Case {
    generation: Generation,
    interface: Interface,
    rule: OnViolation,
    rate_hz: Option<f64>,
    cutoff_hz: Option<f64>,
    start: [f64; 7],
    events: BTreeMap<u64, Event>,
    answers: BTreeMap<usize, Given>,
}

impl Case {
    fn of(interface: Interface) -> Case {
        Case {
            generation: Generation::Fr3,
            interface,
            rule: OnViolation::Stop,
            rate_hz: None,
            cutoff_hz: None,
            start: READY,
            events: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }
}

/// The result of a session.
struct Ran {
    arm: ArmLimits,
    sent: Vec<Sent>,
    distrusted: Option<usize>,
    cause: Option<Cause>,
    robot_error: Option<ArmError>,
    stats: Stats,
    told: Arc<Told>,
}

/// Returns an arm's limits and its model, which are created once.
fn known(generation: Generation) -> (ArmLimits, Arc<Model>) {
    static FR3: OnceLock<(ArmLimits, Arc<Model>)> = OnceLock::new();
    static FER: OnceLock<(ArmLimits, Arc<Model>)> = OnceLock::new();
    let made = match generation {
        Generation::Fr3 => FR3.get_or_init(|| {
            let model = Model::from_urdf(FR3_URDF).unwrap();
            (ArmLimits::fr3(FR3_URDF).unwrap(), Arc::new(model))
        }),
        Generation::Fer => FER.get_or_init(|| (ArmLimits::fer(), Arc::new(Model::native_fer()))),
    };
    made.clone()
}

fn run(case: &Case) -> Ran {
    let interface = case.interface;
    let (arm, model) = known(case.generation);
    let log = Arc::new(Mutex::new(Log::default()));
    let robot = Scripted {
        drive: Drive {
            interface,
            impedance: ImpedanceController::of(interface, &model),
            arm,
        },
        action: interface.action(),
        model: Arc::clone(&model),
        start: case.start,
        events: case.events.clone(),
        log: Arc::clone(&log),
    };
    let told = Arc::new(Told::default());
    let policy = ScriptedPolicy::new(
        (interface, case.rate_hz.is_some()),
        case.answers.clone(),
        Arc::clone(&told),
    );
    let config = Config {
        realtime: RealtimeRequest {
            priority: None,
            cpu: None,
            lock_memory: false,
            timer_slack: None,
        },
        limits: LimitRules::all(case.rule),
        policy_rate_hz: case.rate_hz,
        cutoff_hz: case.cutoff_hz,
        deadline: Deadline::Within(match case.rate_hz {
            Some(_) => Duration::from_millis(5),
            None => Duration::from_micros(300),
        }),
        ..Config::default()
    };
    let recorder = Arc::new(Recorder::new(Duration::from_millis(1), 100));
    let limits = limits(interface, &arm, &model, &MotionOptions::default());
    let notifier = start_notifier(|| {}, |_| {}).unwrap();
    let session = Session::start(
        Box::new(robot),
        Box::new(policy),
        limits,
        config,
        recorder,
        notifier,
    )
    .unwrap();
    assert!(session.join(Duration::from_secs(120)), "it hangs");
    let stats = session.stats();
    let outcome = session.outcome().unwrap();
    let log = std::mem::take(&mut *log.lock().unwrap());
    Ran {
        arm,
        sent: log.sent,
        distrusted: log.distrusted,
        cause: outcome.cause.clone(),
        robot_error: outcome
            .robot_error
            .as_ref()
            .and_then(|error| error.downcast_ref::<ArmError>())
            .cloned(),
        stats,
        told,
    }
}

/// Gains with springs and dampers of every kind.
const GAINS: Gains = Gains {
    joint_stiffness: Gains::JOINT.joint_stiffness,
    joint_damping: Gains::JOINT.joint_damping,
    ..Gains::CARTESIAN
};

/// Returns every interface whose commands differ.
fn interfaces() -> Vec<Interface> {
    let mut all = Vec::new();
    for control in Control::ALL {
        for impedance in [Impedance::Joint, Impedance::External, Impedance::Law(GAINS)] {
            let (is_torque, is_own) = (control == Control::Torque, impedance == Impedance::Joint);
            for elbow in [false, true] {
                if (elbow && !control.is_cartesian()) || (is_torque && !is_own) {
                    continue;
                }
                all.push(Interface {
                    control,
                    elbow,
                    impedance,
                });
            }
        }
    }
    all
}

/// How many sessions run at the same time: a session mostly waits for its policy.
const AT_A_TIME: usize = 8;

/// Calls `work` with each of `cases`, on several threads.
fn on_threads<T: Send>(cases: Vec<T>, work: impl Fn(T) + Sync) {
    let left = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some(case) = next else { break };
                    work(case);
                }
            });
        }
    });
}

fn look_at(case: &Case) {
    let ran = run(case);
    match &ran.cause {
        Some(Cause::Panicked { message }) => assert_eq!(message, PANIC),
        Some(_) => {}
        None => panic!("nothing ended it"),
    }
    assert!(
        ran.told.shown.lock().unwrap().is_empty(),
        "a policy was shown what is no number"
    );
    checker::assert_kept(&ran.arm, case.interface, &ran.sent);
    if let Some(distrusted) = ran.distrusted {
        let error = ran.robot_error.expect("what was wrong is told");
        assert_eq!(error.code, ArmErrorCode::Protocol, "{error}");
        assert!(ran.sent.len() > distrusted);
        let since = &ran.sent[distrusted..];
        assert!(
            rested(case, since) <= TOLD,
            "told late: {}",
            rested(case, since)
        );
    }
    let is_judged = case.interface.control.target_jerk().is_none();
    if ran.told.jumped.load(Ordering::Relaxed) && is_judged && case.cutoff_hz.is_none() {
        let stopped = matches!(ran.cause, Some(Cause::InvalidAction { .. }));
        match case.rule {
            OnViolation::Stop => assert!(stopped, "a jump passed: {:?}", ran.cause),
            OnViolation::Clamp => {
                let found: u64 = ran.stats.violations.iter().sum();
                assert!(found > 0, "a jump passed");
            }
        }
    }
}

/// Returns for how many cycles at the end the arm was already at rest.
fn rested(case: &Case, sent: &[Sent]) -> usize {
    let interface = case.interface;
    let is_velocity = interface.control.is_velocity();
    let moves = |pair: &[Sent]| {
        let [before, now] = pair else { return true };
        let motion = now.motion.iter().zip(&before.motion);
        let mut motion = motion.map(|(now, before)| match is_velocity {
            true => (now.abs(), 1e-4),
            false => ((now - before).abs(), 1e-7),
        });
        let elbows = now.elbow.zip(before.elbow);
        let bends = elbows.is_some_and(|(now, before)| (now[0] - before[0]).abs() > 1e-7);
        let is_pushed = now.torques.is_some_and(|torques| torques != [0.0; 7]);
        let has_torques = !interface.is_motion() || interface.has_torques();
        motion.any(|(is, most)| is > most) || bends || (has_torques && is_pushed)
    };
    let still = sent.windows(2).rev().take_while(|pair| !moves(pair));
    still.count()
}

#[test]
fn a_panic_beside_the_loop_body_is_caught_in_its_cycle_and_told() {
    for interface in interfaces() {
        let has_controller = matches!(interface.impedance, Impedance::Law(_));
        for what in [Breaks::Gate, Breaks::Impedance] {
            if what == Breaks::Impedance && !has_controller {
                continue;
            }
            let mut case = Case::of(interface);
            case.events.insert(30, Event::Breaks(what));
            let ran = run(&case);
            assert_eq!(ran.distrusted, Some(29), "{interface:?}, {what:?}");
            let error = ran.robot_error.unwrap();
            assert_eq!(error.code, ArmErrorCode::Protocol, "{error}");
            assert!(error.message.contains("is broken"), "{error}");
            checker::assert_kept(&ran.arm, interface, &ran.sent);
        }
    }
}

#[test]
fn a_motion_whose_first_state_is_wrong_does_not_start() {
    for interface in interfaces() {
        let mut case = Case::of(interface);
        let (slot, value, for_) = (offset::q + 4, f64::NAN, u64::MAX);
        case.events.insert(0, Event::Says { slot, value, for_ });
        let ran = run(&case);
        assert!(ran.sent.is_empty(), "{interface:?}");
        assert_eq!(ran.robot_error.unwrap().code, ArmErrorCode::Protocol);
        // This is its first state in the motion: the arm is where it was, and stays there.
        case.events = [(1, Event::Says { slot, value, for_ })].into();
        let ran = run(&case);
        assert_eq!(ran.distrusted, Some(0), "{interface:?}");
        assert!(ran.sent.len() < 10, "{interface:?}");
        checker::assert_kept(&ran.arm, interface, &ran.sent);
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => any::<f64>(),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        1 => Just(f64::MIN_POSITIVE / 2.0),
        1 => prop_oneof![Just(1e308), Just(-1e308), Just(1e30)],
        2 => -3.0..3.0,
        2 => -1e-3..1e-3,
    ]
}

/// Returns a slot that some code probably reads.
fn slot() -> impl Strategy<Value = usize> {
    prop_oneof![
        1 => 0..LEN,
        4 => prop_oneof![
            offset::q..offset::tau_J,
            offset::tau_J_d..offset::dtau_J,
            offset::O_T_EE_c..offset::O_dP_EE_d,
            offset::O_dP_EE_c..offset::O_F_ext_hat_K,
            offset::elbow_c..offset::joint_contact,
            offset::F_T_EE..offset::F_T_NE,
            offset::m_total..offset::accelerometer_top,
        ],
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (slot(), number(), 1_u64..5)
            .prop_map(|(slot, value, for_)| Event::Says { slot, value, for_ }),
        3 => (slot(), prop_oneof![-1e-5..1e-5, -1e-3..1e-3, -0.3..0.3])
            .prop_map(|(slot, by)| Event::Off { slot, by }),
        1 => (-3.0..3.0).prop_map(Event::Turned),
        1 => prop_oneof![-2_i64..2, any::<i64>(), 900_i64..1_100].prop_map(Event::Clock),
        1 => Just(Event::Mode),
        3 => (1_u64..20).prop_map(Event::Lost),
        1 => prop_oneof![1_u64..30, 900_u64..1_100].prop_map(Event::Skipped),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        2 => (0_usize..32, number()).prop_map(|(slot, value)| Given::Value { slot, value }),
        2 => (0_usize..32, -1e-4..1e-4).prop_map(|(slot, by)| Given::Off { slot, by }),
        2 => (0_usize..32, prop_oneof![Just(-1.0), Just(1.0)])
            .prop_map(|(slot, sign)| Given::Jump { slot, sign }),
        2 => (1_usize..40).prop_map(Given::Late),
        2 => Just(Given::Empty),
        2 => Just(Given::Never),
        1 => Just(Given::Failed),
        1 => Just(Given::Panic),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let rule = prop_oneof![Just(OnViolation::Stop), Just(OnViolation::Clamp)];
    let settings = (
        prop_oneof![Just(Generation::Fr3), Just(Generation::Fer)],
        proptest::sample::select(interfaces()),
        rule,
        prop_oneof![3 => Just(None), 1 => Just(Some(100.0))],
        prop_oneof![3 => Just(None), 1 => Just(Some(30.0))],
        proptest::array::uniform7(0.1..0.9),
    );
    let script = (
        btree_map(1_u64..140, event(), 0..5),
        btree_map(0_usize..140, given(), 0..5),
    );
    (settings, script).prop_map(
        |((generation, interface, rule, rate_hz, cutoff_hz, at), (events, answers))| {
            let (arm, _) = known(generation);
            let start = match interface.control.is_cartesian() {
                true => READY,
                false => std::array::from_fn(|joint| {
                    let (lower, upper) = arm.joints[joint].reach();
                    lower + at[joint] * (upper - lower)
                }),
            };
            Case {
                generation,
                interface,
                rule,
                rate_hz,
                cutoff_hz,
                start,
                events,
                answers,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_arm_and_policy_say_no_limit_is_broken_and_nothing_panics(case in case()) {
        look_at(&case);
    }
}
