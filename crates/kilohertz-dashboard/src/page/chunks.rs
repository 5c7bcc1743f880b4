//! The chunks of a policy, as far as they can be drawn.

use kilohertz_record::layout::Layout;

use crate::page::protocol::{CameInfo, ChunkInfo};

/// At most one chunk in this time is kept of a recording \[s\], as at most ten a second are told of a session.
const APART_S: f64 = 0.1;
/// Times that differ by less are the same \[s\].
const ROUNDING_S: f64 = 1e-6;
/// The most numbers of all chunks of a recording. Of one that has more every second chunk is left out, as often as
/// necessary.
const MOST_NUMBERS: usize = 4 << 20;

/// What of a row can be drawn: the numbers at its beginning that are joint positions, or a pose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn(usize);

impl Drawn {
    /// Returns what of an action of this layout can be drawn; `None` for one that is no place, as a velocity is none.
    pub fn of(action: &Layout) -> Option<Drawn> {
        let first = action.fields().first()?;
        match (&*first.name, first.len) {
            ("q", 7) | ("O_T_EE", 16) => Some(Drawn(first.len)),
            _ => None,
        }
    }

    /// Returns what a page is told of a chunk whose rows have `width` numbers.
    pub fn chunk(self, time_s: f64, step_s: f64, width: usize, actions: &[f64]) -> ChunkInfo {
        let rows = actions.chunks_exact(width.max(self.0));
        ChunkInfo {
            time_s,
            step_s,
            width: self.0 as u32,
            actions: rows.flat_map(|row| &row[..self.0]).copied().collect(),
        }
    }
}

/// The chunks of a recording.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    all: Vec<CameInfo>,
    apart_s: f64,
    numbers: usize,
}

impl Chunks {
    pub fn new() -> Chunks {
        Chunks {
            all: Vec::new(),
            apart_s: APART_S,
            numbers: 0,
        }
    }

    /// Keeps a chunk that came at a time since the first cycle \[s\].
    pub fn keep(&mut self, at_s: f64, chunk: ChunkInfo) {
        let last = self.all.last();
        let is_whole = at_s.is_finite() && chunk.time_s.is_finite() && chunk.step_s.is_finite();
        if !is_whole || last.is_some_and(|last| at_s - last.at_s < self.apart_s - ROUNDING_S) {
            return;
        }
        self.numbers = self.numbers.saturating_add(chunk.actions.len());
        self.all.push(CameInfo { at_s, chunk });
        if self.numbers > MOST_NUMBERS {
            self.all = std::mem::take(&mut self.all)
                .into_iter()
                .step_by(2)
                .collect();
            self.apart_s *= 2.0;
            self.numbers = self.all.iter().map(|came| came.chunk.actions.len()).sum();
        }
    }

    /// Returns those that came after a time and up to another \[s\], and before them the newest of before.
    pub fn between(&self, from_s: f64, to_s: f64) -> &[CameInfo] {
        let first = self.all.partition_point(|came| came.at_s <= from_s);
        let end = self.all.partition_point(|came| came.at_s <= to_s);
        self.all
            .get(first.saturating_sub(1)..end)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kilohertz_record::layout::LayoutField;

    fn layout(fields: &[(&str, usize)]) -> Layout {
        let fields = fields.iter().map(|&(name, len)| LayoutField {
            name: name.to_owned(),
            len,
            unit: String::new(),
        });
        Layout::new(fields).expect("a layout")
    }

    #[test]
    fn of_a_row_the_joints_or_the_pose_are_told_and_nothing_behind_them() {
        let drawn = Drawn::of(&layout(&[("q", 7), ("gripper", 1)])).expect("joints");
        let rows: Vec<f64> = (0..16).map(f64::from).collect();
        let told = drawn.chunk(1.0, 0.1, 8, &rows);
        assert_eq!(told.width, 7);
        assert_eq!(told.actions[7..], [8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0]);
        assert!(Drawn::of(&layout(&[("O_T_EE", 16), ("elbow", 1)])).is_some());
        assert!(Drawn::of(&layout(&[("dq", 7)])).is_none());
        // A row that is too short is none.
        assert!(drawn.chunk(1.0, 0.1, 3, &rows[..6]).actions.is_empty());
    }

    #[test]
    fn the_newest_chunk_of_before_a_time_comes_with_those_after_it() {
        let mut chunks = Chunks::new();
        let chunk = |time_s| ChunkInfo {
            time_s,
            step_s: 0.1,
            width: 7,
            actions: vec![0.0; 7],
        };
        for nth in 0..50 {
            chunks.keep(f64::from(nth) * 0.05, chunk(f64::from(nth)));
        }
        chunks.keep(f64::NAN, chunk(0.0));
        assert_eq!(chunks.all.len(), 25);
        let at: Vec<f64> = chunks
            .between(1.04, 1.21)
            .iter()
            .map(|came| came.at_s)
            .collect();
        assert_eq!(at, [1.0, 1.1, 1.2000000000000002]);
        assert_eq!(chunks.between(-1.0, -0.5), []);
    }
}
