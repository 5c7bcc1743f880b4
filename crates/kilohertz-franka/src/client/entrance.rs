//! What both clients do around the loop in a cycle: the gate before it, the elbow and the impedance law
//! after it.
//!
//! A state that fails the gate is replaced by the last good one, and no later state of the motion is
//! believed: the loop brings the arm to rest by what it has commanded, and the torques of the impedance law
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
use crate::control::impedance::ImpedanceController;
use crate::control::{Interface, leading};
use crate::error::ArmError;
use crate::limits::ArmLimits;
use crate::state;
use crate::state::gate::{Fault, Gate, Passed};

/// How a session drives an arm: the interface, the impedance controller and the limits.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    pub interface: Interface,
    pub impedance: Option<ImpedanceController>,
    pub arm: ArmLimits,
}

/// The entrance of one motion.
pub(crate) struct Entrance<'a> {
    gate: Gate,
    impedance: Option<&'a ImpedanceController>,
    elbow: Option<Elbow>,
    /// The last good state, for the impedance controller or the elbow.
    state: RobotState,
    /// The slots of the last good state, at `good`, and those of the state that is being checked.
    slots: [[f64; state::LEN]; 2],
    good: usize,
    /// The last torques of the impedance controller [N m].
    torques: [f64; 7],
    fault: Option<Fault>,
    /// What panics, in a test of panics.
    #[cfg(test)]
    pub breaks: Option<Breaks>,
}

/// What can panic in a cycle besides the loop.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Breaks {
    Gate,
    Impedance,
}

impl<'a> Entrance<'a> {
    /// Creates the entrance of a motion that is about to start, for an arm in the state `before`.
    ///
    /// # Errors
    /// [`ArmErrorCode::Protocol`](crate::ArmErrorCode) if no motion can start from that state.
    pub fn new(drive: &'a Drive, before: RobotState) -> Result<Entrance<'a>, ArmError> {
        let mut slots = [0.0; state::LEN];
        state::write(&before, &mut slots);
        let read = (drive.interface, drive.impedance.is_some());
        Ok(Entrance {
            gate: Gate::new(read, &drive.arm, (&before, &slots)).map_err(Fault::standing)?,
            impedance: drive.impedance.as_ref(),
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

    /// Runs one cycle of the loop for the state that arrived at `started`.
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

    /// Checks a state, and keeps it if it is good.
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
        if self.impedance.is_some() || self.elbow.is_some() {
            self.state = *arrived;
        }
        Ok(passed)
    }

    /// Returns the slots of the last good state.
    #[cfg(any(test, feature = "libfranka-rs"))]
    pub fn slots(&self) -> &[f64; state::LEN] {
        &self.slots[self.good]
    }

    /// Returns true if states are no longer believed.
    #[cfg(test)]
    pub fn is_at_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// Returns the elbow command, if the action has an elbow in its last slot.
    pub fn elbow(&mut self, motion: &[f64]) -> Option<[f64; 2]> {
        let is_believed = self.fault.is_none();
        let (elbow, action) = self.elbow.as_mut().zip(motion.last())?;
        Some(elbow.commanded(&self.state, is_believed, *action))
    }

    /// Returns the torques after a motion: those of the impedance controller, or those that the action has in
    /// `behind`.
    pub fn torques(&mut self, behind: &[f64]) -> Option<[f64; 7]> {
        let Some(controller) = self.impedance else {
            return (!behind.is_empty()).then(|| leading(behind));
        };
        if self.fault.is_none() {
            match caught(|| {
                #[cfg(test)]
                assert_ne!(
                    self.breaks,
                    Some(Breaks::Impedance),
                    "the impedance controller is broken"
                );
                controller.torques(&self.state)
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

    /// Returns how the motion ended, given how `driven` ended. A fault of a state comes first.
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

/// Does `work`. If it panics, that counts as a fault of the state.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Fault::broken(text.unwrap_or_else(|| "a panic without a message".to_owned()))
    })
}
