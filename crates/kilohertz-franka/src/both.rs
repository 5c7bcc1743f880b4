//! What may be commanded of a motion and of the torques behind it, which follow it.
//!
//! Each has the limits that it has alone. The motion is what the arm reports as desired and what its
//! rules for motions go by; the torques are what moves the arm. So both are held, both are brought to
//! rest, and the arm rests when both do.

use kilohertz_core::between::Between;
use kilohertz_core::limits::{Limits, Violation, Violations};

/// Limits of actions that are a motion first and torques behind.
pub(crate) struct Both {
    motion: Box<dyn Limits>,
    torques: Box<dyn Limits>,
    /// The slots of the motion.
    slots: usize,
}

impl Both {
    /// `motion`, with the number of its slots, then `torques`.
    pub fn new((motion, slots): (Box<dyn Limits>, usize), torques: Box<dyn Limits>) -> Both {
        Both {
            motion,
            torques,
            slots,
        }
    }

    /// What one of the checks finds in the two parts of `action`.
    fn found(
        &self,
        action: &[f64],
        check: impl Fn(&dyn Limits, &[f64]) -> Violations,
    ) -> Violations {
        let (motion, torques) = action.split_at(self.slots);
        let mut found = check(&*self.motion, motion);
        for violation in check(&*self.torques, torques).iter() {
            found.note(Violation {
                slot: self.slots + violation.slot,
                ..*violation
            });
        }
        found
    }
}

impl Limits for Both {
    /// Torques take the motion's way, entry by entry, so that both belong to the same time.
    fn between(&self) -> Between {
        self.motion.between()
    }

    fn last(&self, out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.last(motion);
        self.torques.last(torques);
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let motion = self.motion.observe(observation);
        let torques = self.torques.observe(observation);
        motion && torques
    }

    fn check_value(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| limits.check_value(observation, part))
    }

    fn check_rate(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| limits.check_rate(observation, part))
    }

    fn check_course(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| {
            limits.check_course(observation, part)
        })
    }

    fn commanded(&mut self, action: &[f64]) {
        let (motion, torques) = action.split_at(self.slots);
        self.motion.commanded(motion);
        self.torques.commanded(torques);
    }

    fn follow(&mut self, observation: &[f64], action: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = action.split_at(self.slots);
        let (motion_out, torques_out) = out.split_at_mut(self.slots);
        let motion = self.motion.follow(observation, motion, motion_out);
        let torques = self.torques.follow(observation, torques, torques_out);
        motion && torques
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.hold(observation, motion);
        self.torques.hold(observation, torques);
    }

    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.rest(observation, motion);
        let torques = self.torques.rest(observation, torques);
        motion && torques
    }

    fn rest_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.rest_blind(observation, motion);
        let torques = self.torques.rest_blind(observation, torques);
        motion && torques
    }
}
