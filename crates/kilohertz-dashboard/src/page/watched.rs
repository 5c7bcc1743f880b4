//! What is shown: a session, from outside its loop.

use std::ops::Range;

use kilohertz_core::session::Seen;

use crate::page::protocol::{ArmInfo, ChunkInfo, EventInfo, FRAME, FRAME_HEADER, StatsInfo};

/// What changes with every picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The robot's time \[s\].
    pub robot_time_s: f64,
    /// Cycles until then, and those of them that were followed, held and rest.
    pub cycles: u64,
    /// Cycles in which the robot approached the policy's action.
    pub followed: u64,
    /// Cycles in which the last motion was continued.
    pub held: u64,
    /// Cycles at rest or on the way there.
    pub rest: u64,
    /// Ticks that were missed.
    pub missed: u64,
    /// The fields, one after the other, as [`ArmInfo::fields`] has them. Empty for a robot without a picture.
    pub values: Vec<f32>,
}

impl Frame {
    /// Takes the fields at `slots` of a state.
    pub fn fill(&mut self, slots: &[Range<usize>], state: &[f64]) {
        self.values.clear();
        for slots in slots {
            let values = state.get(slots.clone()).unwrap_or_default();
            self.values.extend(values.iter().map(|&value| value as f32));
        }
    }

    /// Writes it as it is sent, of the arm with this number, at a wall time \[s\].
    pub(super) fn write(&self, arm: u16, wall_time_s: f64, bytes: &mut Vec<u8>) {
        let begin = bytes.len();
        let values = u32::try_from(self.values.len()).unwrap_or_default();
        bytes.extend([FRAME, 0]);
        bytes.extend(arm.to_le_bytes());
        bytes.extend(values.to_le_bytes());
        bytes.extend(self.robot_time_s.to_le_bytes());
        bytes.extend(wall_time_s.to_le_bytes());
        for count in [
            self.cycles,
            self.followed,
            self.held,
            self.rest,
            self.missed,
        ] {
            bytes.extend((count as f64).to_le_bytes());
        }
        debug_assert_eq!(bytes.len(), begin + FRAME_HEADER);
        for value in &self.values {
            bytes.extend(value.to_le_bytes());
        }
    }
}

/// A session that is shown.
pub trait Watched: Send + Sync {
    /// Returns what is known of the robot and its session. Its `id`, `is_running` and `session` are set by the
    /// server.
    fn info(&self) -> ArmInfo;

    /// Puts the newest of the session into `frame`. Returns false if nothing is newer than what was `seen`.
    fn frame(&self, seen: &mut Seen, frame: &mut Frame) -> bool;

    /// Returns the newest chunk of actions, if it is newer than what was `seen`.
    fn chunk(&self, seen: &mut Seen) -> Option<ChunkInfo>;

    /// Takes the oldest event that was not taken.
    fn take_event(&self) -> Option<EventInfo>;

    /// Returns what the session has done.
    fn stats(&self) -> StatsInfo;

    /// Brings the robot to rest and ends its session. Returns at once.
    fn stop(&self);

    /// Returns how the session ended: `Some(None)` if it was asked to, `None` while it runs.
    fn end(&self) -> Option<Option<EventInfo>>;
}
