//! What makes a run repeatable: the cycles of a motion, the moments of the noise, an arm that stands still, and
//! the reset between two runs.

use franka::RobotMode;

use crate::control_box::ControlBox;
use crate::control_box::modes::{Episode, Mode};
use crate::error::SimulatorError;
use crate::joints::Joints;
use crate::noise::Moment;
use crate::violation::Violation;

impl ControlBox {
    /// Returns the number of the running motion since the start, and the cycle of the newest state in it. The
    /// first command answers a state of cycle 0; each cycle is a millisecond.
    pub fn cycle(&self) -> Option<(u64, u64)> {
        let motion = self.mode.motion()?;
        Some((self.tally.motions_started, motion.cycle(self.time)))
    }

    /// Returns the moment that the noise of the newest state belongs to. In lockstep it is the cycle of the
    /// motion, because how many states there are between two motions depends on the machine; all of them have
    /// the noise with which the next motion begins.
    pub fn moment(&self) -> Moment {
        let (motion, cycle) = match (self.lockstep, self.mode.motion()) {
            (false, _) => (0, self.time - self.episode.began),
            (true, Some(motion)) => (self.episode.motions, motion.cycle(self.time)),
            (true, None) => (self.episode.motions + 1, 0),
        };
        Moment { motion, cycle }
    }

    /// Whether the arm has come to rest. In lockstep it stands still to the last bit then, so that the next
    /// motion begins the same, however long the pause between them is.
    pub(super) fn is_at_rest(&self) -> bool {
        self.arm.is_at_rest() && (!self.lockstep || self.arm.is_still())
    }

    /// Whether nobody commands the arm, so that it may stand still.
    pub(super) fn may_stand_still(&self) -> bool {
        self.lockstep
            && match &self.mode {
                Mode::Moving(motion) => motion.first,
                Mode::Guided(_) => false,
                _ => true,
            }
    }

    /// Whether a motion waits for the arm to come to rest, in lockstep. The time in between need not be waited
    /// for.
    pub fn hurries(&self) -> bool {
        self.lockstep && self.waiting.is_some()
    }

    /// Puts the arm at `q`, at rest and without errors, as it was at the start. Its time goes on, and what
    /// clients have set stays. The noise begins anew from `seed`.
    pub fn reset(&mut self, q: Joints, seed: u64) -> Result<(), SimulatorError> {
        if self.waiting.is_some() || !self.can_be_reset() {
            return Err(SimulatorError::Busy {
                what: match self.modes().0 {
                    RobotMode::AutomaticErrorRecovery => "the arm recovers from an error",
                    _ => "the arm is in a motion",
                },
            });
        }
        self.arm.stand(q);
        self.mode = Mode::Idle;
        self.errors = Violation::NONE;
        self.reflex_reason = Violation::NONE;
        self.restless = 0;
        self.noise.seed = seed;
        self.episode = Episode {
            began: self.time,
            motions: 0,
        };
        Ok(())
    }

    fn can_be_reset(&self) -> bool {
        match self.mode {
            Mode::Idle | Mode::Reflex | Mode::UserStopped | Mode::Guided(_) => true,
            Mode::Moving(_) | Mode::Stopping(_) | Mode::Recovering(_) => false,
        }
    }
}
