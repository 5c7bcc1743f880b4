//! Limits of a motion and of the joint torques that follow it.
//!
//! Each of the two has the limits that it has alone. The motion is what the arm reports as desired, and its
//! rules for motions apply to it. The torques move the arm. So both are held, both are brought to rest, and
//! the arm rests when both do.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{Approach, Judgement, Limiter, Sequence, Violation, Violations};

/// Limits of actions that consist of a motion, then torques.
pub(crate) struct MotionWithTorques {
    motion: Box<dyn Limiter>,
    torques: Box<dyn Limiter>,
    /// The number of slots of the motion.
    slots: usize,
}

impl MotionWithTorques {
    /// Combines `motion`, given with the number of its slots, with `torques`.
    pub fn new(
        (motion, slots): (Box<dyn Limiter>, usize),
        torques: Box<dyn Limiter>,
    ) -> MotionWithTorques {
        MotionWithTorques {
            motion,
            torques,
            slots,
        }
    }

    /// Returns what `check` finds in the two parts of `action`.
    fn found(
        &self,
        action: &[f64],
        check: impl Fn(&dyn Limiter, &[f64]) -> Violations,
    ) -> Violations {
        let (motion, torques) = action.split_at(self.slots);
        let mut found = check(&*self.motion, motion);
        found.join(&self.of_torques(check(&*self.torques, torques)));
        found
    }

    /// Returns the violations of torques, with the slots that they have in the action.
    fn of_torques(&self, found: Violations) -> Violations {
        let mut moved = Violations::none();
        for violation in found.iter() {
            moved.note(Violation {
                slot: self.slots.saturating_add(violation.slot),
                ..*violation
            });
        }
        moved
    }
}

impl Limiter for MotionWithTorques {
    /// Torques are interpolated like the motion, slot by slot, so that both belong to the same time.
    fn interpolation(&self) -> Interpolation {
        self.motion.interpolation()
    }

    fn motion_slots(&self) -> Option<usize> {
        Some(self.slots)
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        let (motion_first, torques_first) = first.split_at_mut(self.slots);
        let (motion_second, torques_second) = second.split_at_mut(self.slots);
        self.motion.rates(motion_first, motion_second);
        self.torques.rates(torques_first, torques_second);
    }

    fn last_command(&self, out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.last_command(motion);
        self.torques.last_command(torques);
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let motion = self.motion.observe(observation);
        let torques = self.torques.observe(observation);
        motion && torques
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        self.found(answer, |limits, part| limits.check_answer(part))
    }

    fn displacement(&self, part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        match part {
            0 => self.motion.displacement(0, from, to, out),
            _ => self.torques.displacement(0, from, to, out),
        }
    }

    fn judge(&mut self, part: usize, sequence: &Sequence<'_>) -> Judgement {
        if part == 0 {
            return self.motion.judge(0, sequence);
        }
        let Judgement { found, order } = self.torques.judge(0, sequence);
        Judgement {
            found: self.of_torques(found),
            order,
        }
    }

    fn check_place(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| limits.check_place(observation, part))
    }

    fn check_step(&self, observation: &[f64], action: &[f64]) -> Option<Violations> {
        let (motion, torques) = action.split_at(self.slots);
        let mut found = self.motion.check_step(observation, motion)?;
        let torques = self.torques.check_step(observation, torques)?;
        found.join(&self.of_torques(torques));
        Some(found)
    }

    fn check_destination(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| {
            limits.check_destination(observation, part)
        })
    }

    fn accept(&mut self, action: &[f64]) {
        let (motion, torques) = action.split_at(self.slots);
        self.motion.accept(motion);
        self.torques.accept(torques);
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let (motion, torques) = action.split_at(self.slots);
        let (motion_out, torques_out) = out.split_at_mut(self.slots);
        let motion = self
            .motion
            .approach(observation, motion, approach, motion_out);
        let torques = self
            .torques
            .approach(observation, torques, approach, torques_out);
        motion && torques
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        self.motion.behind(&action[..self.slots])
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.hold(observation, motion);
        self.torques.hold(observation, torques);
    }

    fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.brake(observation, motion);
        let torques = self.torques.brake(observation, torques);
        motion && torques
    }

    fn brake_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.brake_blind(observation, motion);
        let torques = self.torques.brake_blind(observation, torques);
        motion && torques
    }
}
