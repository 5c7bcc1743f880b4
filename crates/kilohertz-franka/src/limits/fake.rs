//! Limits with known answers, for tests of the limits that combine or wrap others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{
    Approach, Judgement, Limiter, Sequence, Violation, ViolationKind, Violations,
};

use crate::limits::workspace::{Brakeable, BrakingPath};
use crate::state::{joints, offset};

/// Limits that find a violation in each check, and command what they are told.
#[derive(Clone)]
pub(in crate::limits) struct Fake {
    /// Actions are positions if this is [`Interpolation::Spline`].
    pub interpolation: Interpolation,
    /// The kind of each violation that is found.
    pub kind: ViolationKind,
    /// What each method returns that returns a `bool`. If it is false, no step is reached in one cycle.
    pub agrees: bool,
    /// The last command. It is never halved to zero, so a test sees from where it was braked.
    pub last: Vec<f64>,
    /// How often this fake or one of its clones observed the robot.
    pub observed: Arc<AtomicUsize>,
}

/// Which check found a violation: its `received`.
pub(in crate::limits) mod check {
    pub const ANSWER: f64 = 1.0;
    pub const JUDGE: f64 = 2.0;
    pub const PLACE: f64 = 3.0;
    pub const STEP: f64 = 4.0;
    pub const DESTINATION: f64 = 5.0;
}

/// The order in each judgement.
pub(in crate::limits) const ORDER: usize = 2;

impl Fake {
    pub fn new(interpolation: Interpolation, kind: ViolationKind, slots: usize) -> Fake {
        Fake {
            interpolation,
            kind,
            agrees: true,
            last: vec![0.0; slots],
            observed: Arc::default(),
        }
    }

    /// Returns the violation that `check` finds in `action`: its second slot.
    pub fn violation(&self, check: f64, observation: &[f64], action: &[f64]) -> Violation {
        Violation {
            kind: self.kind,
            slot: 1,
            action: action[1],
            received: check,
            limit: observation.iter().sum(),
            joint: None,
            flaw: None,
        }
    }

    fn found(&self, check: f64, observation: &[f64], action: &[f64]) -> Violations {
        Violations::noted(|found| found.note(self.violation(check, observation, action)))
    }

    fn command(&mut self, share: f64, out: &mut [f64]) {
        self.last.iter_mut().for_each(|last| *last *= share);
        out.copy_from_slice(&self.last);
    }
}

impl Limiter for Fake {
    fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    fn last_command(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        for (slot, last) in self.last.iter().enumerate() {
            first[slot] = last + 10.0;
            second[slot] = last + 20.0;
        }
    }

    /// Returns numbers that show which coordinate was asked for, and of whom.
    fn highest_rates(&self, coordinate: usize) -> [f64; 3] {
        [coordinate as f64, self.last.len() as f64, 2.0]
    }

    fn observe(&mut self, _observation: &[f64]) -> bool {
        self.observed.fetch_add(1, Ordering::Relaxed);
        self.agrees
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        self.found(check::ANSWER, &[], answer)
    }

    /// Writes a sum that shows each value it was given, and whose limits were asked.
    fn displacement(&self, part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        for (slot, out) in out.iter_mut().enumerate() {
            *out = from[slot] + to[slot] + self.last[slot] + part as f64;
        }
    }

    fn judge(&mut self, part: usize, sequence: &Sequence<'_>) -> Judgement {
        Judgement {
            found: self.found(check::JUDGE, &[part as f64], sequence.answer),
            order: Some(ORDER),
        }
    }

    fn check_place(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(check::PLACE, observation, action)
    }

    fn check_step(&self, observation: &[f64], action: &[f64]) -> Option<Violations> {
        self.agrees
            .then(|| self.found(check::STEP, observation, action))
    }

    fn check_destination(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(check::DESTINATION, observation, action)
    }

    fn accept(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
    }

    /// Commands `action`, or after a rest a tenth of it.
    fn approach(
        &mut self,
        _observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        self.accept(action);
        match approach {
            Approach::WithinLimits => self.command(1.0, out),
            Approach::AfterRest => self.command(0.1, out),
        }
        self.agrees
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        Some((action.len(), action[0]))
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        self.command(1.0, out);
    }

    /// Commands half of the last command.
    fn brake(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.command(0.5, out);
        self.agrees
    }

    /// Commands a quarter of the last command.
    fn brake_blind(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        self.command(0.25, out);
        self.agrees
    }
}

/// If actions are velocities, the measured joints brake from them with 2 rad/s2, or with 1 rad/s2 from an
/// action that is kept to.
impl Brakeable for Fake {
    fn braking_path(&self, observation: &[f64]) -> BrakingPath {
        self.braking_path_with(observation, &self.last)
    }

    fn braking_path_with(&self, observation: &[f64], action: &[f64]) -> BrakingPath {
        BrakingPath {
            q: joints(observation, offset::q),
            dq: std::array::from_fn(|joint| action[joint]),
            braking: [2.0; 7],
            delay: 0.0,
        }
    }

    fn braking_path_along(&self, observation: &[f64], action: &[f64]) -> BrakingPath {
        BrakingPath {
            braking: [1.0; 7],
            ..self.braking_path_with(observation, action)
        }
    }

    fn target(&self, action: &[f64]) -> Option<[f64; 7]> {
        (self.interpolation == Interpolation::Spline)
            .then(|| std::array::from_fn(|joint| action[joint]))
    }
}
