//! A policy for tests: a smooth motion, which a script changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kilohertz_core::policy::{Answer, Ask, Policy, Question};
use kilohertz_core::timing::time::Time;

use crate::control::{Control, Interface, leading};
use crate::kinematics::differential::ELBOW;
use crate::state::{joints, offset};

/// The number of the question at which the policy fails, unless the session has ended before.
const LAST: usize = 150;

/// What happens to the answer to a question.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    /// A slot has another value.
    Value {
        slot: usize,
        value: f64,
    },
    /// A slot is off by this much.
    Off {
        slot: usize,
        by: f64,
    },
    /// A slot is off by more than any motion explains.
    Jump {
        slot: usize,
        sign: f64,
    },
    /// The answer comes this many questions later.
    Late(usize),
    Empty,
    Never,
    Failed,
    Panic,
}

/// What a test learns about the answers.
#[derive(Debug, Default)]
pub struct Told {
    /// True if a jump was passed to the loop.
    pub jumped: AtomicBool,
    /// The slots that were not finite when the policy saw them, although limits read them.
    pub shown: Mutex<Vec<usize>>,
}

pub struct ScriptedPolicy {
    pub interface: Interface,
    pub script: BTreeMap<usize, Given>,
    pub told: Arc<Told>,
    /// True if the policy is asked less often than the arm sends states.
    is_slow: bool,
    first: Option<Vec<f64>>,
    asked: usize,
    /// The time of the last question with an action.
    acted: Option<Duration>,
    /// The answers, whether they jump, and the question from which on they are available.
    waiting: VecDeque<(usize, Answer, bool, Vec<f64>)>,
}

/// Slots that every gate lists.
const READ: [(usize, usize); 2] = [(offset::q, 7), (offset::F_T_EE, 16)];

/// The text of the policy's panic.
pub const PANIC: &str = "the policy's own";

impl ScriptedPolicy {
    pub fn new(
        (interface, is_slow): (Interface, bool),
        script: BTreeMap<usize, Given>,
        told: Arc<Told>,
    ) -> ScriptedPolicy {
        ScriptedPolicy {
            interface,
            script,
            told,
            is_slow,
            first: None,
            asked: 0,
            acted: None,
            waiting: VecDeque::new(),
        }
    }

    /// Returns the action that the motion begins with.
    fn begin(&self, observation: &[f64]) -> Vec<f64> {
        let mut first = match self.interface.control {
            Control::JointVelocity | Control::Torque => vec![0.0; 7],
            Control::JointPosition | Control::JointTarget => {
                joints(observation, offset::q_d).to_vec()
            }
            Control::CartesianVelocity => vec![0.0; 6],
            Control::CartesianPose | Control::CartesianTarget => {
                leading::<16>(&observation[offset::O_T_EE_c..]).to_vec()
            }
        };
        if self.interface.has_elbow() {
            first.push(match self.interface.control {
                Control::CartesianVelocity => 0.0,
                _ => observation[offset::q_d + ELBOW],
            });
        }
        first.resize(self.interface.slots(), 0.0);
        first
    }

    /// Returns the action of a motion that keeps every limit, at `time` [s].
    fn smooth(&self, time: f64) -> Vec<f64> {
        let mut action = self.first.clone().unwrap_or_default();
        let (rate, phase) = (6.0, 6.0 * time);
        let (place, speed) = (1.0 - phase.cos(), rate * phase.sin());
        let interface = self.interface;
        let motion = interface.motion_slots();
        match interface.control {
            Control::JointVelocity => action[..7].iter_mut().for_each(|a| *a += 0.01 * speed),
            Control::JointPosition => action[..7].iter_mut().for_each(|a| *a += 0.01 * place),
            Control::JointTarget => action[..7].iter_mut().for_each(|a| *a += 0.2),
            Control::CartesianVelocity => {
                action[2] += 0.01 * speed;
                action[4] += 0.01 * speed;
            }
            Control::CartesianPose => action[14] += 0.01 * place,
            Control::CartesianTarget => action[14] += 0.05,
            Control::Torque => action.iter_mut().for_each(|a| *a += phase.sin()),
        }
        if interface.has_elbow() {
            action[motion - 1] += match interface.control {
                Control::CartesianVelocity => 0.005 * speed,
                _ => 0.005 * place,
            };
        }
        action[motion..].iter_mut().for_each(|a| *a += phase.sin());
        action
    }

    /// Returns a jump that no motion explains, for any slot.
    fn leap(&self, slot: usize) -> f64 {
        let is_torque = match self.interface.is_motion() {
            true => slot >= self.interface.motion_slots(),
            false => true,
        };
        match self.interface.control {
            _ if is_torque && self.is_slow => 40.0,
            _ if is_torque => 8.0,
            Control::JointVelocity | Control::CartesianVelocity => 0.6,
            _ => 0.3,
        }
    }

    /// Returns the slot that a script means by any number.
    fn slot(&self, slot: usize) -> usize {
        slot % self.interface.slots()
    }

    /// Returns the slot that jumps. It is not one of a rotation, which would no longer be rigid.
    fn leaping(&self, slot: usize) -> usize {
        let slot = self.slot(slot);
        match self.interface.control {
            Control::CartesianPose | Control::CartesianTarget if slot < 16 => 12 + slot % 3,
            _ => slot,
        }
    }
}

impl Policy for ScriptedPolicy {
    fn request(&mut self, ask: &Ask<'_>) {
        let mut read = READ.iter().flat_map(|(first, len)| *first..first + len);
        if let Some(slot) = read.find(|&slot| !ask.observation[slot].is_finite()) {
            self.told.shown.lock().unwrap().push(slot);
        }
        if self.first.is_none() {
            self.first = Some(self.begin(ask.observation));
        }
        let number = self.asked;
        self.asked += 1;
        let question: Question = ask.question();
        let mut action = self.smooth(ask.time.as_secs_f64());
        let (mut there, mut jumps) = (number, false);
        let mut answer = Answer::Action(question);
        match self.script.get(&number) {
            Some(&Given::Value { slot, value }) => action[self.slot(slot)] = value,
            Some(&Given::Off { slot, by }) => action[self.slot(slot)] += by,
            Some(&Given::Jump { slot, sign }) => {
                let slot = self.leaping(slot);
                action[slot] += sign * self.leap(slot);
                // After a longer gap, some motion might explain the jump.
                let gap = question
                    .time
                    .saturating_sub(self.acted.unwrap_or(question.time));
                let longest = if self.is_slow { 20 } else { 2 };
                jumps = gap <= Duration::from_millis(longest);
            }
            Some(&Given::Late(later)) => there += later,
            Some(Given::Empty) => answer = Answer::Empty(question),
            Some(Given::Never) => return,
            Some(Given::Failed) => answer = Answer::Failed,
            Some(Given::Panic) => panic!("{PANIC}"),
            None => {}
        }
        if number >= LAST {
            answer = Answer::Failed;
        }
        if let Answer::Action(_) = answer {
            self.acted = Some(question.time);
        }
        self.waiting.push_back((there, answer, jumps, action));
    }

    fn poll(&mut self, _until: Option<Time>, _stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let is_there = |(there, ..): &&(usize, Answer, bool, Vec<f64>)| *there < self.asked;
        let Some((_, answer, jumps, given)) = self.waiting.front().filter(is_there) else {
            return Answer::None;
        };
        let answer = *answer;
        if answer == Answer::Failed {
            return answer;
        }
        if let Answer::Action(_) = answer {
            action.copy_from_slice(given);
            if *jumps {
                self.told.jumped.store(true, Ordering::Relaxed);
            }
        }
        self.waiting.pop_front();
        answer
    }
}
