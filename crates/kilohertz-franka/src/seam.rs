//! Properties of the seam: whatever an arm says and a policy answers, a session ends or goes on, never
//! panics, and never sends what breaks a limit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use franka::model::{FR3_URDF, Model};
use franka::{RobotMode, RobotState};
use kilohertz_core::courier::start_courier;
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::robot::{Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{Cause, Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::time::Time;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::control::{Control, Impedance, Interface};
use crate::entrance::{Drive, Entrance};
use crate::limits::{ArmLimits, DT, MotionOptions, limits};
use crate::state::{self, joints, offset};

const READY: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
/// Longer than any session here.
const MOST_CYCLES: u64 = 10_000;

/// What was believed in a cycle, and what was sent in it.
type Sent = (Vec<f64>, Vec<f64>);

/// An arm that does at once what it is commanded, and says what a script makes of it.
struct Scripted {
    drive: Drive,
    action: Schema,
    script: Vec<(u64, usize, f64)>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Scripted {
    fn obey(&self, arm: &mut RobotState, action: &[f64]) {
        for (joint, &commanded) in action.iter().enumerate() {
            let (q, dq) = (arm.q_d[joint], arm.dq_d[joint]);
            let next = match self.drive.interface.control {
                Control::JointVelocity => q + commanded * DT,
                Control::JointPosition => commanded,
                _ => {
                    arm.tau_J_d[joint] = commanded;
                    continue;
                }
            };
            arm.q_d[joint] = next;
            arm.q[joint] = next;
            arm.dq_d[joint] = (next - q) / DT;
            arm.ddq_d[joint] = (arm.dq_d[joint] - dq) / DT;
        }
    }
}

fn corrupted(arm: &RobotState, field: usize, value: f64) -> RobotState {
    let mut state = *arm;
    match field / 7 {
        0 => state.q[field % 7] = value,
        1 => state.dq[field % 7] = value,
        2 => state.q_d[field % 7] = value,
        3 => state.dq_d[field % 7] = value,
        4 => state.ddq_d[field % 7] = value,
        5 => state.tau_J_d[field % 7] = value,
        6 => state.F_T_EE[field % 7] = value,
        7 => state.time = franka::Duration::from_millis(value.to_bits()),
        8 => state.time = franka::Duration::from_millis(arm.time.as_millis().saturating_sub(1)),
        _ => state.robot_mode = RobotMode::Other,
    }
    state
}

const FIELDS: usize = 70;

impl Robot for Scripted {
    fn observation(&self) -> &Schema {
        &state::SCHEMA
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let mut arm = RobotState {
            q: READY,
            q_d: READY,
            robot_mode: RobotMode::Move,
            ..RobotState::default()
        };
        let mut entrance = Entrance::new(&self.drive, arm)?;
        let mut action = vec![0.0; self.action.len()];
        for cycle in 0..MOST_CYCLES {
            arm.time += franka::Duration::from_millis(1);
            let wrong = self.script.iter().filter(|(at, ..)| *at == cycle);
            let said = wrong.fold(arm, |said, (_, field, value)| {
                corrupted(&said, *field, *value)
            });
            let flow = entrance.cycle(tick, Time::now(), &said, &mut action);
            let believed = entrance.slots().to_vec();
            self.sent.lock().unwrap().push((believed, action.clone()));
            tick.sent(Time::now());
            if flow == Flow::Finish {
                return Ok(entrance.outcome(Ok(()))?);
            }
            self.obey(&mut arm, &action);
        }
        panic!("the session does not end");
    }
}

/// An independent look at what was sent: each step from the one before, or from what the arm was
/// believed to do after it, breaks no limit.
fn assert_kept(arm: &ArmLimits, control: Control, sent: &[Sent]) {
    let mut last = ([0.0; 7], [0.0; 7]);
    for (cycle, (believed, action)) in sent.iter().enumerate() {
        assert!(action.iter().all(|value| value.is_finite()), "{action:?}");
        let reported = joints(believed, offset::dq_d);
        for joint in 0..7 {
            let bounds = &arm.joints[joint];
            let what = format!("{control}, cycle {cycle}, joint {joint}: {action:?}");
            match control {
                Control::Torque => {
                    let from = [last.0[joint], joints(believed, offset::tau_J_d)[joint]];
                    let step = from.map(|from| (action[joint] - from).abs());
                    assert!(
                        step[0].min(step[1]) <= arm.torque_rate[joint] * DT + 1e-6,
                        "{what}"
                    );
                }
                _ => {
                    let velocity = match control {
                        Control::JointVelocity => action[joint],
                        _ => (action[joint] - last.0[joint]) / DT,
                    };
                    if cycle > 0 {
                        let from = [last.1[joint], reported[joint]];
                        let step = from.map(|from| (velocity - from).abs());
                        // A position after a report that was believed starts from there.
                        let starts = joints(believed, offset::q_d)[joint];
                        let start = (action[joint] - starts) / DT - reported[joint];
                        let least = step[0].min(step[1]).min(start.abs());
                        assert!(least <= bounds.acceleration * DT + 1e-4, "{what}: {least}");
                    }
                    last.1[joint] = velocity;
                }
            }
            last.0[joint] = action[joint];
        }
    }
}

fn run(control: Control, script: Vec<(u64, usize, f64)>, answers: Vec<f64>) {
    let arm = ArmLimits::fr3(FR3_URDF).unwrap();
    let interface = Interface {
        control,
        elbow: false,
        impedance: Impedance::Joint,
    };
    let model = Arc::new(Model::from_urdf(FR3_URDF).unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let robot = Scripted {
        drive: Drive {
            interface,
            law: None,
            arm,
        },
        action: interface.action(),
        script,
        sent: Arc::clone(&sent),
    };
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let read = joints(ask.observation, offset::q);
        assert!(read.iter().all(|slot| slot.is_finite()));
        let at = ask.tick as usize;
        let from = match control {
            Control::JointPosition => joints(ask.observation, offset::q_d),
            _ => [0.0; 7],
        };
        for (joint, action) in action.iter_mut().enumerate() {
            *action = from[joint] + answers.get(at).copied().unwrap_or(0.0);
        }
        match at {
            200 => panic!("the policy's own"),
            _ => Ok(()),
        }
    });
    let config = Config {
        realtime: RealtimeRequest {
            priority: None,
            cpu: None,
            lock_memory: false,
            timer_slack: None,
        },
        ..Config::default()
    };
    let recorder = Arc::new(Recorder::new(robot.period(), 100));
    let limits = limits(interface, &arm, &model, &MotionOptions::default());
    let bell = start_courier(|| {}, |_| {}).unwrap();
    let session = Session::start(
        Box::new(robot),
        Box::new(policy),
        limits,
        config,
        recorder,
        bell,
    )
    .unwrap();
    assert!(session.join(Duration::from_secs(60)), "it hangs");
    match &session.outcome().unwrap().cause {
        Some(Cause::Panicked { message }) => assert_eq!(message, "the policy's own"),
        Some(_) => {}
        None => panic!("nothing ended it"),
    }
    let sent = sent.lock().unwrap();
    assert!(!sent.is_empty());
    assert_kept(&arm, control, &sent);
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MIN_POSITIVE / 2.0),
        Just(1e300),
        -3.0..3.0,
        -1e-3..1e-3,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_arm_and_policy_say_no_limit_is_broken_and_nothing_panics(
        control in prop_oneof![
            Just(Control::JointVelocity), Just(Control::JointPosition), Just(Control::Torque),
        ],
        script in vec((0_u64..150, 0..FIELDS, number()), 0..4),
        answers in vec(prop_oneof![9 => Just(0.0), 1 => number()], 0..120),
    ) {
        run(control, script, answers);
    }
}
