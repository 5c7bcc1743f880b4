//! What a recorded policy wanted of a hand that followed its chunks.

use kilohertz_record::entry::OwnedAnswer;
use kilohertz_record::run::{GRIPPER, Run};
use serde_json::Value;

/// The widest opening of a hand \[m\].
const WIDEST_M: f64 = 0.1;

/// Follows the number that a policy's answers have for a hand.
pub(super) struct Gripper {
    /// The widths that the numbers 0 and 1 stand for \[m\].
    widths: [f64; 2],
    /// How many numbers a row has; the last is the gripper's.
    row: usize,
    newest: Option<OwnedAnswer>,
}

impl Gripper {
    /// Returns nothing if no hand followed the policy, or it is not known what its numbers stand for.
    pub fn of(run: &Run) -> Option<Gripper> {
        run.answer.find(GRIPPER)?;
        let gripper = run.robot.get("chunks")?.get("gripper")?;
        let width = |name| gripper.get(name).and_then(Value::as_f64);
        Some(Gripper {
            widths: [width("at0M")?, width("at1M")?],
            row: run.answer.len(),
            newest: None,
        })
    }

    /// Takes an answer that came.
    pub fn take(&mut self, answer: &OwnedAnswer) {
        if answer.actions.len() >= self.row {
            self.newest = Some(answer.clone());
        }
    }

    /// Returns the width that is wanted at a time of the robot \[m\]; NaN before the first answer.
    pub fn width(&self, robot_time_s: f64) -> f64 {
        let number = self.newest.as_ref().and_then(|answer| {
            let passed = (robot_time_s - answer.time_s) / answer.step_s;
            let rows = answer.actions.chunks_exact(self.row);
            // Before the first action it is the first, and after the last the last.
            let at = (passed.max(0.0) as usize).min(rows.len().saturating_sub(1));
            rows.into_iter().nth(at)?.last().copied()
        });
        let [at_0, at_1] = self.widths;
        number.map_or(f64::NAN, |number| {
            (at_0 + number * (at_1 - at_0)).clamp(0.0, WIDEST_M)
        })
    }
}
