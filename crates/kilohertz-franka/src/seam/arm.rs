//! An arm for tests. It carries out its commands at once, and a script changes what it reports. Around the
//! loop it does what both clients do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use franka::model::Model;
use franka::{RobotMode, RobotState};
use kilohertz_core::robot::{Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::timing::time::Time;
use kilohertz_geometry::{integrate, orthonormal, pose_error};

use crate::client::entrance::{Breaks, Drive, Entrance};
use crate::constants::DT;
use crate::control::{Control, Impedance, leading};
use crate::kinematics::differential::{ELBOW, Kinematics, joined};
use crate::state::{self, LEN};

/// More cycles than any session here has.
const MOST_CYCLES: u64 = 10_000;
/// The inertia of each joint [kg m2], and its friction [N m s/rad].
const INERTIA: f64 = 1.0;
const FRICTION: f64 = 2.0;

/// What happens to the arm, or what it reports, in a cycle.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// Reports another value in a slot, for this many states.
    Says { slot: usize, value: f64, for_: u64 },
    /// Reports a slot that is off by this much, in one state.
    Off { slot: usize, by: f64 },
    /// Reports the pose turned about z \[rad\], in one state.
    Turned(f64),
    /// Reports a clock that is off by this many milliseconds, in one state.
    Clock(i64),
    /// Reports another mode, in one state.
    Mode,
    /// Loses this many commands: the arm goes on at its acceleration.
    Lost(u64),
    /// Loses this many states, and with them the commands that would have answered them.
    Skipped(u64),
    /// Something outside the loop panics.
    Breaks(Breaks),
}

/// What was believed in a cycle, and what was sent in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The slots of the last state that was believed.
    pub believed: Vec<f64>,
    /// The motion; empty in torque control.
    pub motion: Vec<f64>,
    /// The elbow, if it is commanded.
    pub elbow: Option<[f64; 2]>,
    /// The torques, if there are any.
    pub torques: Option<[f64; 7]>,
}

/// What an arm has done, for the test that started the session.
#[derive(Debug, Default)]
pub struct Log {
    /// The cycles, in order.
    pub sent: Vec<Sent>,
    /// The first cycle in which a state was not believed.
    pub distrusted: Option<usize>,
}

pub struct Scripted {
    pub drive: Drive,
    pub action: Schema,
    pub model: Arc<Model>,
    pub start: [f64; 7],
    pub events: BTreeMap<u64, Event>,
    pub log: Arc<Mutex<Log>>,
}

/// Returns an arm at rest at `q`, in a motion.
pub fn standing(model: &Arc<Model>, q: [f64; 7]) -> RobotState {
    let mut unit = [0.0; 16];
    (0..4).for_each(|i| unit[5 * i] = 1.0);
    let pose = Kinematics::new(Arc::clone(model)).pose(&q);
    let elbow = [q[ELBOW], -1.0];
    RobotState {
        q,
        q_d: q,
        F_T_EE: unit,
        O_T_EE: pose,
        O_T_EE_d: pose,
        O_T_EE_c: pose,
        elbow,
        elbow_d: elbow,
        elbow_c: elbow,
        m_total: 0.7,
        F_x_Ctotal: [0.01, -0.02, 0.03],
        I_total: [1e-3, 0.0, 0.0, 0.0, 2e-3, 0.0, 0.0, 0.0, 1e-3],
        robot_mode: RobotMode::Move,
        ..RobotState::default()
    }
}

fn single(values: &mut [f64]) {
    values
        .iter_mut()
        .for_each(|value| *value = f64::from(*value as f32));
}

impl Scripted {
    /// Runs a cycle in which the arm is commanded `sent`, or goes on without a command.
    fn obey(&self, arm: &mut RobotState, sent: Option<&Sent>) {
        let interface = self.drive.interface;
        let before = *arm;
        match interface.control {
            Control::Torque => {}
            Control::JointVelocity => {
                arm.dq_d = match sent {
                    Some(sent) => leading(&sent.motion),
                    None => std::array::from_fn(|i| before.dq_d[i] + before.ddq_d[i] * DT),
                };
                arm.q_d = std::array::from_fn(|i| before.q_d[i] + arm.dq_d[i] * DT);
            }
            Control::JointPosition | Control::JointTarget => {
                arm.q_d = match sent {
                    Some(sent) => leading(&sent.motion),
                    None => std::array::from_fn(|i| {
                        before.q_d[i] + (before.dq_d[i] + before.ddq_d[i] * DT) * DT
                    }),
                };
                arm.dq_d = std::array::from_fn(|i| (arm.q_d[i] - before.q_d[i]) / DT);
            }
            _ => self.obey_at_the_hand(arm, sent),
        }
        if interface.is_motion() {
            arm.ddq_d = std::array::from_fn(|i| (arm.dq_d[i] - before.dq_d[i]) / DT);
        }
        if let Some(torques) = sent.and_then(|sent| sent.torques) {
            arm.tau_J_d = torques;
        }
        match interface.control {
            Control::Torque => {
                for i in 0..7 {
                    arm.dq[i] += (arm.tau_J_d[i] - FRICTION * arm.dq[i]) / INERTIA * DT;
                    arm.q[i] += arm.dq[i] * DT;
                }
            }
            _ => {
                // The measured arm is a little behind the motion that it follows.
                arm.q = std::array::from_fn(|i| arm.q_d[i] - 1e-3 * arm.dq_d[i]);
                arm.dq = before.dq_d;
            }
        }
    }

    fn obey_at_the_hand(&self, arm: &mut RobotState, sent: Option<&Sent>) {
        let before = *arm;
        let has_elbow = self.drive.interface.has_elbow();
        let last = joined(before.O_dP_EE_c, before.delbow_c[0]);
        let accelerated = joined(before.O_ddP_EE_c, before.ddelbow_c[0]);
        let mut rates = std::array::from_fn(|i| last[i] + accelerated[i] * DT);
        if let Some(sent) = sent {
            match self.drive.interface.control {
                Control::CartesianVelocity => {
                    rates[..6].copy_from_slice(&sent.motion[..6]);
                }
                _ => {
                    let way = pose_error(&before.O_T_EE_c, &leading(&sent.motion));
                    rates[..6].copy_from_slice(&way.map(|way| way / DT));
                }
            }
            if let Some([elbow, _]) = sent.elbow {
                rates[6] = (elbow - before.elbow_c[0]) / DT;
            }
        }
        let twist: [f64; 6] = leading(&rates);
        arm.O_T_EE_c = match sent {
            Some(sent) if sent.motion.len() >= 16 => leading(&sent.motion),
            _ => integrate(&before.O_T_EE_c, &twist.map(|rate| rate * DT)),
        };
        arm.O_dP_EE_c = twist;
        arm.O_ddP_EE_c = std::array::from_fn(|i| (rates[i] - last[i]) / DT);
        if has_elbow {
            arm.elbow_c[0] = before.elbow_c[0] + rates[6] * DT;
            arm.delbow_c[0] = rates[6];
            arm.ddelbow_c[0] = (rates[6] - last[6]) / DT;
        }
        let map = Kinematics::new(Arc::clone(&self.model)).joints(&before.q_d, has_elbow);
        arm.dq_d = map.of(&rates);
        arm.q_d = std::array::from_fn(|i| before.q_d[i] + arm.dq_d[i] * DT);
    }

    /// Returns what the arm reports in `cycle`.
    fn said(&self, arm: &RobotState, cycle: u64) -> RobotState {
        let mut said = *arm;
        // The report has single precision, as that of an arm has.
        for values in [&mut said.q_d, &mut said.dq_d, &mut said.ddq_d] {
            single(values);
        }
        single(&mut said.O_T_EE_c);
        single(&mut said.O_dP_EE_c);
        single(&mut said.O_ddP_EE_c);
        for values in [&mut said.elbow_c, &mut said.delbow_c, &mut said.ddelbow_c] {
            single(values);
        }
        for (since, event) in self.events.range(..=cycle) {
            let now = *since == cycle;
            match *event {
                Event::Says { slot, value, for_ } if cycle < since.saturating_add(for_) => {
                    if let Some(number) = state::number(&mut said, slot) {
                        *number = value;
                    }
                }
                Event::Off { slot, by } if now => {
                    if let Some(number) = state::number(&mut said, slot) {
                        *number += by;
                    }
                }
                Event::Turned(angle) if now => {
                    let turn = [0.0, 0.0, 0.0, 0.0, 0.0, angle];
                    said.O_T_EE_c = integrate(&orthonormal(&said.O_T_EE_c), &turn);
                }
                Event::Clock(off) if now => {
                    let time = arm.time.as_millis().saturating_add_signed(off);
                    said.time = franka::Duration::from_millis(time);
                }
                Event::Mode if now => said.robot_mode = RobotMode::Other,
                _ => {}
            }
        }
        said
    }

    /// Returns true if the command of `cycle` gets lost.
    fn is_lost(&self, cycle: u64) -> bool {
        self.events
            .range(..=cycle)
            .any(|(since, event)| match event {
                Event::Lost(commands) => cycle < since + commands,
                _ => false,
            })
    }
}

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
        let mut arm = standing(&self.model, self.start);
        let mut entrance = Entrance::new(&self.drive, self.said(&arm, 0))?;
        let interface = self.drive.interface;
        let mut action = vec![0.0; self.action.len()];
        for cycle in 1..MOST_CYCLES {
            arm.time += franka::Duration::from_millis(1);
            if let Some(Event::Skipped(states)) = self.events.get(&cycle) {
                for _ in 0..(*states).min(1_500) {
                    arm.time += franka::Duration::from_millis(1);
                    self.obey(&mut arm, None);
                }
            }
            entrance.breaks = match self.events.get(&cycle) {
                Some(Event::Breaks(what)) => Some(*what),
                _ => None,
            };
            let said = self.said(&arm, cycle);
            let flow = entrance.cycle(tick, Time::now(), &said, &mut action);
            let (motion, behind) = match interface.is_motion() {
                true => action.split_at(interface.motion_slots()),
                false => action.split_at(0),
            };
            let elbow = entrance.elbow(motion);
            let sent = Sent {
                believed: entrance.slots().to_vec(),
                elbow,
                torques: entrance.torques(behind),
                motion: match interface.control {
                    // The pose is made exactly rigid, as it is when it is sent.
                    Control::CartesianPose | Control::CartesianTarget => {
                        orthonormal(&leading(motion)).to_vec()
                    }
                    _ => motion[..motion.len() - usize::from(elbow.is_some())].to_vec(),
                },
            };
            assert_eq!(sent.torques.is_some(), has_torques(&self.drive));
            tick.sent(Time::now());
            if !self.is_lost(cycle) {
                self.obey(&mut arm, Some(&sent));
            } else {
                self.obey(&mut arm, None);
            }
            let mut log = self.log.lock().unwrap();
            if entrance.is_at_fault() && log.distrusted.is_none() {
                log.distrusted = Some(log.sent.len());
            }
            log.sent.push(sent);
            drop(log);
            if flow == Flow::Finish {
                return Ok(entrance.outcome(Ok(()))?);
            }
        }
        panic!("the session does not end");
    }
}

fn has_torques(drive: &Drive) -> bool {
    let interface = drive.interface;
    !interface.is_motion()
        || !matches!(interface.impedance, Impedance::Joint | Impedance::Cartesian)
}

/// Returns the slots of a state that hold numbers.
pub fn slots_of_numbers() -> Vec<usize> {
    let mut state = RobotState::default();
    (0..LEN)
        .filter(|&slot| state::number(&mut state, slot).is_some())
        .collect()
}
