//! How far an arm reaches.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::model::{Frame, Model};
use kilohertz_core::limits::{TooFar, exceeds};
use kilohertz_geometry::{Pose, UNIT, dot, norm};

/// The distance that an end effector can have from the shoulder, where the axes of joints 1 and 2 meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    shoulder: [f64; 3],
    /// The longest distance \[m\]. Joints 5 and 6 may not allow it in every direction.
    longest: f64,
}

impl Span {
    /// Returns the span of an arm whose end effector is `f_t_ee` in the flange frame. Does not allocate.
    pub fn of(model: &Model, f_t_ee: &Pose) -> Span {
        let pose = |frame| model.pose_q(frame, &[0.0; 7], f_t_ee, &UNIT);
        let [shoulder, elbow, wrist] =
            [Frame::Joint2, Frame::Joint4, Frame::Joint6].map(|frame| place(&pose(frame)));
        // These lengths are the same in every posture. The two lie in one line if joint 4 is bent by 0.47
        // rad.
        let arm = norm(&difference(&elbow, &shoulder)) + norm(&difference(&wrist, &elbow));
        // After joint 6 only joint 7 turns, about its axis, so the distances along that axis and across it
        // stay the same.
        let flange = pose(Frame::Flange);
        let hand = difference(&place(&flange), &wrist);
        let axis = [flange[8], flange[9], flange[10]];
        let along = dot(hand, axis);
        let across = norm(&std::array::from_fn::<f64, 3, _>(|i| {
            hand[i] - along * axis[i]
        }));
        let [x, y, z] = place(f_t_ee);
        let longest = arm + (along + z).hypot(across + x.hypot(y));
        Span { shoulder, longest }
    }

    /// Returns how far away `place` is, if that is farther than the end effector reaches.
    pub fn beyond(&self, place: &[f64; 3]) -> Option<TooFar> {
        let distance = norm(&difference(place, &self.shoulder));
        exceeds(distance, self.longest).then_some(TooFar {
            distance,
            longest: self.longest,
        })
    }
}

fn place(pose: &Pose) -> [f64; 3] {
    [pose[12], pose[13], pose[14]]
}

fn difference(one: &[f64; 3], other: &[f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| one[i] - other[i])
}

#[cfg(test)]
mod tests {
    use crate::kinematics::inverse::numbers;
    use crate::limits::ArmLimits;

    use super::*;

    /// A tool that extends to the side and ahead.
    const TOOL: Pose = [
        1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0.05, -0.1, 0.15, 1.,
    ];

    #[test]
    fn no_posture_reaches_beyond_the_span_and_some_come_close_to_it() {
        for (model, limits) in [
            (
                Model::from_urdf(franka::model::FR3_URDF).unwrap(),
                ArmLimits::fr3(franka::model::FR3_URDF).unwrap(),
            ),
            (Model::native_fer(), ArmLimits::fer()),
        ] {
            let ranges = limits.joints.map(|bounds| bounds.reach());
            for tool in [UNIT, TOOL] {
                let span = Span::of(&model, &tool);
                let mut random = numbers(0x9e37_79b9_7f4a_7c15);
                let mut furthest = 0.0_f64;
                for nth in 0..60_000 {
                    let mut q = ranges.map(|(lower, upper)| lower + (upper - lower) * random());
                    if nth % 2 == 0 {
                        q[3] = -0.47;
                    }
                    let reached = place(&model.pose_q(Frame::EndEffector, &q, &tool, &UNIT));
                    assert_eq!(span.beyond(&reached), None, "{q:?}");
                    furthest = furthest.max(norm(&difference(&reached, &span.shoulder)));
                }
                assert!(furthest > 0.97 * span.longest, "{furthest} of {span:?}");
            }
        }
    }

    #[test]
    fn a_place_beyond_the_span_is_told_with_its_distance() {
        let span = Span::of(&Model::native_fer(), &UNIT);
        assert!((span.shoulder[2] - 0.333).abs() < 1e-9, "{span:?}");
        assert!((0.8..0.9).contains(&span.longest), "{span:?}");
        let far = span.beyond(&[1.5, 0.0, 0.333]).unwrap();
        assert!((far.distance - 1.5).abs() < 1e-9);
        assert_eq!(far.longest, span.longest);
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert!(span.beyond(&[value, 0.0, 0.0]).is_some(), "{value}");
        }
    }
}
