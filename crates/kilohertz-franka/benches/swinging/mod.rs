//! An arm without a socket and a policy that swings it, in each control mode.
#![allow(dead_code, reason = "each bench uses its share")]

use std::sync::Arc;
use std::time::Duration;

use franka::RobotState;
use franka::model::{FR3_URDF, Model};
use franka::wire::f64s_to_wire;
use franka::wire::robot::{MoveMotionGeneratorMode, RobotCommand};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::{Limiter, Unlimited};
use kilohertz_core::policy::{Ask, Native, Policy};
use kilohertz_core::robot::{Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{BlackBox, Config, Keeping, Session, cycle_rings};
use kilohertz_core::stats::Recorder;
use kilohertz_core::thread::RealtimeRequest;
use kilohertz_core::thread::awake::AwakeRequest;
use kilohertz_franka::limits::{ArmLimits, limits};
use kilohertz_franka::{Control, Impedance, Interface, MotionOptions, measured, state};
use kilohertz_sim::SimulatorOptions;
use kilohertz_sim::measured::Stepped;

pub const MS: Duration = Duration::from_millis(1);
/// The number of cycles of one swing back and forth.
const SWING: usize = 2_000;

/// The limits with which a session on this arm checks its actions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Checks {
    /// No limits: the judge still takes its differences.
    Nothing,
    /// The arm's limits.
    Arm,
    /// The arm's limits; the newest ten seconds are kept in memory, and all cycles are handed to a thread that
    /// reads them.
    Kept,
}

pub fn arm() -> ArmLimits {
    ArmLimits::fr3(FR3_URDF).expect("the model's own URDF")
}

pub fn interface(control: Control) -> Interface {
    Interface {
        control,
        elbow: false,
        impedance: Impedance::Joint,
    }
}

/// The simulated arm, commanded by actions.
pub struct Swung {
    control: Control,
    arm: Stepped,
    command: RobotCommand,
}

impl Swung {
    pub fn new(control: Control) -> Swung {
        let mode = match control {
            Control::JointVelocity => MoveMotionGeneratorMode::JointVelocity,
            Control::JointPosition | Control::JointTarget => MoveMotionGeneratorMode::JointPosition,
            Control::CartesianVelocity => MoveMotionGeneratorMode::CartesianVelocity,
            Control::CartesianPose | Control::CartesianTarget => {
                MoveMotionGeneratorMode::CartesianPosition
            }
            Control::Torque => MoveMotionGeneratorMode::None,
        };
        let options = SimulatorOptions {
            friction: false,
            ..SimulatorOptions::default()
        };
        Swung {
            control,
            arm: Stepped::start(&options, mode).expect("an arm"),
            command: RobotCommand::default(),
        }
    }

    /// Returns a state as it arrives, a millisecond later, without a command.
    pub fn datagram(&mut self) -> franka::wire::robot::RobotState {
        self.arm.step(None)
    }

    /// Returns the arm's state a millisecond later.
    pub fn step(&mut self, action: &[f64]) -> RobotState {
        let seven = || f64s_to_wire(action.first_chunk::<7>().expect("seven joints"));
        let motion = &mut self.command.motion;
        match self.control {
            Control::JointVelocity => motion.dq_c = seven(),
            Control::JointPosition | Control::JointTarget => motion.q_c = seven(),
            Control::Torque => self.command.control.tau_J_d = seven(),
            Control::CartesianVelocity => {
                motion.O_dP_EE_c = f64s_to_wire(action.first_chunk().expect("a twist"));
            }
            Control::CartesianPose | Control::CartesianTarget => {
                motion.O_T_EE_c = f64s_to_wire(action.first_chunk().expect("a pose"));
            }
        }
        RobotState::from_wire(&self.arm.step(Some(&mut self.command)))
    }
}

/// A robot that is driven like an arm, without a client, as fast as possible.
pub struct Driven<P> {
    pub control: Control,
    pub action: Schema,
    pub limits: ArmLimits,
    /// Receives each cycle with its number, and decides when the motion ends.
    pub pace: P,
}

impl<P: FnMut(u64, &mut dyn FnMut() -> Flow) -> Flow + Send> Robot for Driven<P> {
    fn observation(&self) -> &Schema {
        &state::SCHEMA
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        MS
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let mut arm = Swung::new(self.control);
        let mut commanded = 0;
        let next = |action: &[f64]| {
            commanded += 1;
            match commanded {
                // Before its first command a motion is only observed.
                1 | 2 => RobotState::from_wire(&arm.datagram()),
                _ => arm.step(action),
            }
        };
        let mut number = 0;
        measured::drive(interface(self.control), &self.limits, tick, next, |cycle| {
            number += 1;
            (self.pace)(number - 1, cycle)
        })
    }
}

/// Returns a field of an observation.
fn field<const N: usize>(observation: &[f64], name: &str) -> [f64; N] {
    let mut first = 0;
    for field in state::SCHEMA.fields() {
        if field.name == name {
            return std::array::from_fn(|i| observation[first + i]);
        }
        first += field.len;
    }
    panic!("no field {name}");
}

/// Returns a policy that swings the arm from where it is, by some centiradians or a centimetre. The
/// positions are computed beforehand, so that only asking the policy is measured.
pub fn swing(control: Control) -> impl Policy {
    let phase = |cycle: usize| std::f64::consts::TAU * cycle as f64 / SWING as f64;
    let ways: Vec<f64> = (0..SWING)
        .map(|cycle| match control {
            Control::JointVelocity | Control::CartesianVelocity => 0.03 * phase(cycle).sin(),
            // Starting from rest, a cosine makes the joints swing; a sine would make them move away.
            Control::Torque => 0.05 * phase(cycle).cos(),
            _ => 0.01 * (1.0 - phase(cycle).cos()),
        })
        .collect();
    let mut begins = None;
    Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
        let (q, pose) = begins.get_or_insert_with(|| {
            let pose: [f64; 16] = field(ask.observation, "O_T_EE_c");
            (field::<7>(ask.observation, "q_d"), pose)
        });
        // By the arm's clock: a lost state also counts as a millisecond.
        let way = ways[(ask.time.as_micros() as usize + 500) / 1_000 % SWING];
        match control {
            Control::JointVelocity | Control::Torque => action.fill(way),
            Control::JointPosition | Control::JointTarget => {
                for (action, q) in action.iter_mut().zip(q) {
                    *action = *q + way;
                }
            }
            Control::CartesianVelocity => action[..2].fill(way),
            Control::CartesianPose | Control::CartesianTarget => {
                action.copy_from_slice(pose);
                action[12..14].iter_mut().for_each(|place| *place += way);
            }
        }
        Ok(())
    })
}

/// Runs `cycles` cycles of a session; `pace` receives each of them with its number.
///
/// # Panics
/// Panics if the session ends in another way, or if an action is followed instead of used as it is.
pub fn run(
    control: Control,
    checks: Checks,
    cycles: u64,
    mut pace: impl FnMut(u64, &mut dyn FnMut() -> Flow) -> Flow + Send + 'static,
) {
    let arm = arm();
    let limits: Box<dyn Limiter> = match checks {
        Checks::Nothing => Box::new(Unlimited::new(control.slots())),
        Checks::Arm | Checks::Kept => {
            let model = Arc::new(Model::from_urdf(FR3_URDF).expect("the model's own URDF"));
            limits(interface(control), &arm, &model, &MotionOptions::default())
        }
    };
    let robot = Driven {
        control,
        action: interface(control).action(),
        limits: arm,
        pace: move |number, cycle: &mut dyn FnMut() -> Flow| match number < cycles {
            true => pace(number, cycle),
            // This arm need not be at rest at the end.
            false => Flow::Finish,
        },
    };
    let recorder = Arc::new(Recorder::new(MS, 1_000));
    let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
    let config = Config {
        realtime: RealtimeRequest {
            priority: None,
            lock_memory: false,
            ..RealtimeRequest::default()
        },
        awake: AwakeRequest::OFF,
        ..Config::default()
    };
    let policy = Box::new(swing(control));
    let robot = Box::new(robot);
    let (keeping, reader) = match checks {
        Checks::Nothing | Checks::Arm => (Keeping::default(), None),
        Checks::Kept => {
            let lengths = config.lengths(&*robot);
            let (all, mut written) = cycle_rings(lengths, MS);
            let keeping = Keeping {
                black_box: Some(BlackBox::new(lengths, Duration::from_secs(10), MS)),
                all: Some(all),
                live: None,
            };
            let reader = std::thread::spawn(move || {
                while !written.is_abandoned() {
                    written.take(|_| {});
                    std::thread::sleep(MS);
                }
            });
            (keeping, Some(reader))
        }
    };
    let session =
        Session::start_keeping(robot, policy, limits, config, keeping, recorder, notifier)
            .expect("a thread");
    while !session.join(Duration::from_secs(1)) {}
    if let Some(reader) = reader {
        reader.join().expect("it reads");
    }
    let outcome = session.outcome().expect("it has ended");
    assert!(outcome.cause.is_none(), "{control}: {outcome:?}");
    let stats = session.stats();
    let is_target = control.target_jerk().is_some();
    let followed = stats.followed_commands;
    assert!(is_target || followed < 20, "{control}: {followed} followed");
}
