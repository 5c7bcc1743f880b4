//! What both clients do around the loop body in a cycle: the gate before it, elbow and law behind it.
//!
//! A state that fails the gate is replaced by the last good one, and none of the motion is believed
//! from then on: the loop body brings the arm to rest by what it has commanded, and the torques of a law
//! go to zero.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use franka::RobotState;
use franka::rate_limiting::MAX_TORQUE_RATE;
use kilohertz_core::limits::confined;
use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::timing::time::Time;

use crate::client::elbow::Elbow;
use crate::constants::{DT, OWN_SHARE};
use crate::control::impedance::ImpedanceController as Law;
use crate::control::{Interface, leading};
use crate::error::ArmError;
use crate::limits::ArmLimits;
use crate::state;
use crate::state::gate::{Fault, Gate, Passed};

/// How a session drives an arm: through what, by which law, within which limits.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    pub interface: Interface,
    pub law: Option<Law>,
    pub arm: ArmLimits,
}

/// The entrance of one motion.
pub(crate) struct Entrance<'a> {
    gate: Gate,
    law: Option<&'a Law>,
    elbow: Option<Elbow>,
    /// The last good state, where law or elbow read it.
    state: RobotState,
    /// Its slots, at `good`, and those of the state that is looked at.
    slots: [[f64; state::LEN]; 2],
    good: usize,
    /// What the law commanded last [N m].
    torques: [f64; 7],
    fault: Option<Fault>,
    /// What panics, in a test of that.
    #[cfg(test)]
    pub breaks: Option<Breaks>,
}

/// What can panic in a cycle beside the loop body.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Breaks {
    Gate,
    Law,
}

impl<'a> Entrance<'a> {
    /// The entrance of a motion that is about to start, of an arm in the state `before`.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`](crate::ArmErrorCode) where that is no state to begin with.
    pub fn new(drive: &'a Drive, before: RobotState) -> Result<Entrance<'a>, ArmError> {
        let mut slots = [0.0; state::LEN];
        state::write(&before, &mut slots);
        let read = (drive.interface, drive.law.is_some());
        Ok(Entrance {
            gate: Gate::new(read, &drive.arm, (&before, &slots)).map_err(Fault::standing)?,
            law: drive.law.as_ref(),
            elbow: Elbow::of(drive.interface),
            state: before,
            slots: [slots, [0.0; state::LEN]],
            good: 0,
            torques: [0.0; 7],
            fault: None,
            #[cfg(test)]
            breaks: None,
        })
    }

    /// Runs a cycle of the loop body for the state that arrived at `started`.
    pub fn cycle(
        &mut self,
        tick: &mut dyn Tick,
        started: Time,
        arrived: &RobotState,
        action: &mut [f64],
    ) -> Flow {
        let mut skipped = 0;
        if self.fault.is_none() {
            match self.looked(arrived) {
                Ok(passed) => {
                    skipped = passed.skipped;
                    if passed.not_finite > 0 {
                        tick.not_finite(passed.not_finite);
                    }
                }
                Err(fault) => self.fault = Some(fault),
            }
        }
        if self.fault.is_some() {
            tick.distrust();
        }
        tick.cycle(Cycle {
            started,
            skipped,
            observation: &self.slots[self.good],
            action,
        })
    }

    /// Takes in a state that is good.
    fn looked(&mut self, arrived: &RobotState) -> Result<Passed, Fault> {
        let other = usize::from(self.good == 0);
        let passed = caught(|| {
            #[cfg(test)]
            assert_ne!(self.breaks, Some(Breaks::Gate), "the gate is broken");
            let slots = &mut self.slots[other];
            state::write(arrived, slots);
            self.gate.check(arrived, slots)
        })??;
        self.good = other;
        if self.law.is_some() || self.elbow.is_some() {
            self.state = *arrived;
        }
        Ok(passed)
    }

    /// The slots of the last good state.
    #[cfg(any(test, feature = "libfranka-rs"))]
    pub fn slots(&self) -> &[f64; state::LEN] {
        &self.slots[self.good]
    }

    /// Whether states are believed no more.
    #[cfg(test)]
    pub fn is_at_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// What the arm is commanded for the elbow where an action has one, in its last slot.
    pub fn elbow(&mut self, motion: &[f64]) -> Option<[f64; 2]> {
        let is_believed = self.fault.is_none();
        let (elbow, action) = self.elbow.as_mut().zip(motion.last())?;
        Some(elbow.commanded(&self.state, is_believed, *action))
    }

    /// The torques behind a motion: the law's, or those that the action has behind it.
    pub fn torques(&mut self, behind: &[f64]) -> Option<[f64; 7]> {
        let Some(law) = self.law else {
            return (!behind.is_empty()).then(|| leading(behind));
        };
        if self.fault.is_none() {
            match caught(|| {
                #[cfg(test)]
                assert_ne!(self.breaks, Some(Breaks::Law), "the law is broken");
                law.torques(&self.state)
            }) {
                Ok(torques) => {
                    self.torques = torques;
                    return Some(torques);
                }
                Err(fault) => self.fault = Some(fault),
            }
        }
        for (torque, rate) in self.torques.iter_mut().zip(MAX_TORQUE_RATE) {
            let change = OWN_SHARE * rate * DT;
            *torque -= confined(*torque, -change, change);
        }
        Some(self.torques)
    }

    /// How the motion ended that `driven` tells of. What was wrong with a state comes first.
    pub fn outcome(self, driven: Result<(), ArmError>) -> Result<(), ArmError> {
        let Some(fault) = self.fault else {
            return driven;
        };
        let told = ArmError::from(fault);
        Err(match driven {
            Ok(()) => told,
            Err(then) => ArmError {
                message: format!("{told}. Then: {then}"),
                code: told.code,
                ..then
            },
        })
    }
}

/// Does `work`; that it panics is a fault of the state.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Fault::broken(text.unwrap_or_else(|| "a panic without a message".to_owned()))
    })
}
