//! Chunks whose rows are changes: each of the row before it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_geometry::UNIT;

use crate::command::chunk::{ChunkFault, Curve, advance, displacement};
use crate::limits::{Limiter, ViolationKind};

/// Makes places of changes. The change of a pose is a translation and a rotation in the base frame, the rotation
/// about the place of the pose.
#[derive(Debug, Clone)]
pub struct Changes {
    curve: Curve,
    /// The change that changes nothing.
    still: Box<[f64]>,
    /// Room for a displacement in the coordinates of the curve.
    by: Box<[f64]>,
}

impl Changes {
    /// Creates room for changes of `slots` slots.
    pub fn new(curve: Curve, slots: usize) -> Changes {
        let mut still = vec![0.0; slots].into_boxed_slice();
        if let Some(pose) = still.first_chunk_mut().filter(|_| curve.posed()) {
            *pose = UNIT;
        }
        let by = vec![0.0; curve.width(slots)].into_boxed_slice();
        Changes { curve, still, by }
    }

    /// Adds up `rows`, beginning from `place`, which is the last of them then.
    ///
    /// # Errors
    /// The row that is no change.
    pub fn add_up(
        &mut self,
        limits: &dyn Limiter,
        rows: &mut [f64],
        place: &mut [f64],
    ) -> Result<(), ChunkFault> {
        let Changes { curve, still, by } = self;
        for (row, change) in rows.chunks_exact_mut(still.len().max(1)).enumerate() {
            if let Some(slot) = change.iter().position(|value| !value.is_finite()) {
                return Err(ChunkFault::NotFinite { row, slot });
            }
            // What comes of it is a pose in any case, so this is checked before.
            let found = match curve.posed() {
                true => limits.check_answer(change).of(ViolationKind::Frame),
                false => None,
            };
            if found.is_some() {
                return Err(ChunkFault::Frame { row });
            }
            displacement(*curve, still, change, by);
            advance(*curve, place, by);
            change.copy_from_slice(place);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Unlimited;
    use kilohertz_geometry::integrate;

    #[test]
    fn the_change_of_a_pose_is_a_translation_and_a_rotation_in_the_base_frame() {
        let about = |axis: usize, angle: f64, place: [f64; 3]| {
            let mut twist = [0.0; 6];
            twist[3 + axis] = angle;
            let mut pose = integrate(&UNIT, &twist);
            pose[12..15].copy_from_slice(&place);
            pose
        };
        let limits = Unlimited::new(17);
        let mut changes = Changes::new(Curve::Pose, 17);
        let with_elbow = |pose: [f64; 16], elbow: f64| [&pose[..], &[elbow]].concat();
        let start = about(0, 0.5, [0.4, 0.1, 0.3]);
        let mut place = with_elbow(start, 0.2);
        let mut rows = [
            with_elbow(about(2, 0.2, [0.01, 0.0, 0.0]), 0.1),
            with_elbow(about(2, 0.1, [0.0, 0.02, 0.0]), -0.3),
        ]
        .concat();
        changes.add_up(&limits, &mut rows, &mut place).unwrap();
        // Turned by 0.3 about the base's z, wherever the pose's own z points to.
        let turned = integrate(&start, &[0.01, 0.02, 0.0, 0.0, 0.0, 0.3]);
        for (is, expected) in rows[17..].iter().zip(with_elbow(turned, 0.0)) {
            assert!((is - expected).abs() < 1e-12, "{is} {expected}");
        }
        assert_eq!(rows[17..], place);
        rows[20] = f64::NAN;
        let wrong = changes.add_up(&limits, &mut rows, &mut place);
        assert_eq!(wrong, Err(ChunkFault::NotFinite { row: 1, slot: 3 }));
    }

    #[test]
    fn other_changes_are_added_slot_by_slot() {
        let limits = Unlimited::new(2);
        let mut changes = Changes::new(Curve::Smooth, 2);
        let (mut rows, mut place) = ([1.0, -1.0, 0.5, 2.0], [10.0, 20.0]);
        changes.add_up(&limits, &mut rows, &mut place).unwrap();
        assert_eq!((rows, place), ([11.0, 19.0, 11.5, 21.0], [11.5, 21.0]));
    }
}
