//! Joint positions for a pose of the end effector: inverse kinematics, by damped least squares.
//!
//! The arm has one joint more than a pose has degrees of freedom. Each step is the smallest that leads
//! towards the pose, so the solution that is found from the arm's posture is near it. If that search ends
//! at the end of a joint's range, other starting points are tried, and the nearest solution is used.

use franka::model::Frame;
use kilohertz_core::limits::{TooFar, confined};
use kilohertz_core::number::{number, number_before, number_beside};
use kilohertz_geometry::{Twist, norm, pose_error};

use crate::error::{ArmError, ArmErrorCode};
use crate::kinematics::differential::DampedGram;
use crate::kinematics::model::{ArmModel, Posture, Quantity};
use crate::kinematics::span::Span;
use crate::state::gate::FARTHEST;

/// A pose counts as reached within this distance \[m\] and angle \[rad\].
const REACHED: f64 = 1e-6;
/// The number of steps from one starting point.
const STEPS: u32 = 300;
/// The largest turn of a joint in one step \[rad\].
const LONGEST_STEP: f64 = 0.3;
/// The number of starting points in addition to the arm's posture.
const OTHERS: u32 = 40;
/// The least damping, to which a share of the missing distance is added.
const LEAST_DAMPING: f64 = 1e-9;

/// The range of each joint \[rad\].
pub(crate) type Ranges = [(f64, f64); 7];

/// The difference to the wanted pose.
#[derive(Debug, Clone, Copy)]
struct Missing {
    /// The translation \[m\], then the rotation \[rad\], in the base frame's axes.
    twist: Twist,
}

impl Missing {
    fn distance(&self) -> f64 {
        norm(&self.twist[..3])
    }

    fn angle(&self) -> f64 {
        norm(&self.twist[3..])
    }

    fn is_nothing(&self) -> bool {
        self.distance() < REACHED && self.angle() < REACHED
    }

    fn squared(&self) -> f64 {
        self.twist.iter().map(|t| t * t).sum()
    }
}

/// Returns joint positions within `ranges` that bring the end effector to `pose`. `f_t_ee` is the end
/// effector in the flange frame. Of the solutions found, this is the nearest to `from`.
///
/// # Errors
/// [`ArmErrorCode::Unreachable`] if no solution was found, with how close the search came.
pub(crate) fn joints_for(
    model: &ArmModel,
    ranges: &Ranges,
    f_t_ee: &[f64; 16],
    from: &[f64; 7],
    pose: &[f64; 16],
) -> Result<[f64; 7], ArmError> {
    let span = Span::of(model.rigid_body(), f_t_ee);
    if let Some(far) = span.beyond(&[pose[12], pose[13], pose[14]]) {
        return Err(out_of_reach(&far));
    }
    let search = Search {
        model,
        ranges,
        f_t_ee,
        pose,
    };
    let (q, mut closest) = search.from(*from);
    if closest.is_nothing() {
        return Ok(q);
    }
    let mut nearest: Option<(f64, [f64; 7])> = None;
    let mut random = numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..OTHERS {
        let start = ranges.map(|(lower, upper)| lower + (upper - lower) * random());
        let (q, missing) = search.from(start);
        if missing.is_nothing() {
            let away = (0..7).map(|i| (q[i] - from[i]).abs()).fold(0.0, f64::max);
            if nearest.is_none_or(|(least, _)| away < least) {
                nearest = Some((away, q));
            }
        } else if missing.squared() < closest.squared() {
            closest = missing;
        }
    }
    nearest.map(|(_, q)| q).ok_or_else(|| {
        ArmError::new(
            ArmErrorCode::Unreachable,
            format!(
                "the pose cannot be reached within the joints' ranges: the closest found is {} mm \
                 and {} degrees away. Nothing has moved; choose a pose nearer to the arm, or joint \
                 positions",
                number(1e3 * closest.distance()),
                number(closest.angle().to_degrees())
            ),
        )
    })
}

/// Returns the error for a place that is farther away than the arm reaches.
fn out_of_reach(TooFar { distance, longest }: &TooFar) -> ArmError {
    let slip = match *distance > FARTHEST {
        true => " Is the pose in millimetres? Metres are expected",
        false => " Choose a pose nearer to the arm",
    };
    ArmError::new(
        ArmErrorCode::Unreachable,
        format!(
            "the pose is out of the arm's reach: it is {} m away from the shoulder (joint 2), and the end effector \
             reaches {} m at most. Nothing has moved.{slip}",
            number_beside(*distance, &[*longest]),
            number_before(*longest, f64::INFINITY)
        ),
    )
}

/// Returns numbers from 0 to 1 that depend only on `state`, which must not be 0.
pub(crate) fn numbers(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Search<'a> {
    model: &'a ArmModel,
    ranges: &'a Ranges,
    f_t_ee: &'a [f64; 16],
    pose: &'a [f64; 16],
}

impl Search<'_> {
    /// Searches from `q`. Returns where the search ends, and what is missing there.
    fn from(&self, q: [f64; 7]) -> ([f64; 7], Missing) {
        let mut at = Posture {
            F_T_EE: *self.f_t_ee,
            ..Posture::bare(self.clamped(q))
        };
        let mut missing = self.missing(&at);
        for _ in 0..STEPS {
            if missing.is_nothing() {
                break;
            }
            let next = self.step(&at, &missing);
            if next == at.q {
                break;
            }
            at.q = next;
            missing = self.missing(&at);
        }
        (at.q, missing)
    }

    fn missing(&self, at: &Posture) -> Missing {
        let mut pose = [0.0; 16];
        let quantity = Quantity::Pose(Frame::EndEffector);
        self.model.compute(quantity, at, &mut pose);
        Missing {
            twist: pose_error(&pose, self.pose),
        }
    }

    fn clamped(&self, q: [f64; 7]) -> [f64; 7] {
        std::array::from_fn(|i| confined(q[i], self.ranges[i].0, self.ranges[i].1))
    }

    /// Returns the joint positions one step nearer to the pose. A joint that would leave its range stays,
    /// and the others take over its part.
    fn step(&self, at: &Posture, missing: &Missing) -> [f64; 7] {
        let mut jacobian = [0.0; 42];
        let quantity = Quantity::ZeroJacobian(Frame::EndEffector);
        self.model.compute(quantity, at, &mut jacobian);
        let mut step = smallest(&jacobian, missing);
        for _ in 0..7 {
            let mut is_blocked = false;
            for joint in 0..7 {
                let (lower, upper) = self.ranges[joint];
                let (q, turn) = (at.q[joint], step[joint]);
                if (q <= lower && turn < 0.0) || (q >= upper && turn > 0.0) {
                    jacobian[6 * joint..6 * joint + 6].fill(0.0);
                    is_blocked = true;
                }
            }
            if !is_blocked {
                break;
            }
            step = smallest(&jacobian, missing);
        }
        let longest = step.iter().fold(0.0_f64, |most, turn| most.max(turn.abs()));
        let share = (LONGEST_STEP / longest).min(1.0);
        self.clamped(std::array::from_fn(|i| at.q[i] + share * step[i]))
    }
}

/// Returns the smallest step that covers most of the missing difference.
fn smallest(jacobian: &[f64; 42], missing: &Missing) -> [f64; 7] {
    let entry = |row: usize, joint: usize| jacobian[6 * joint + row];
    let damping = LEAST_DAMPING + 0.1 * missing.squared();
    let solved = DampedGram::new(jacobian, damping, LEAST_DAMPING).solve(missing.twist);
    std::array::from_fn(|joint| (0..6).map(|row| entry(row, joint) * solved[row]).sum())
}

#[cfg(test)]
mod tests {
    use crate::constants::READY;
    use crate::generation::Generation;
    use crate::limits::ArmLimits;

    use super::*;

    /// A tool 10 cm long, turned by a right angle.
    const TOOL: [f64; 16] = [
        0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1., 0., 0., 0., 0.1, 1.,
    ];

    fn each_arm() -> [(ArmModel, Ranges); 2] {
        Generation::ALL.map(|generation| {
            let limits = match generation {
                Generation::Fr3 => ArmLimits::fr3(franka::model::FR3_URDF).unwrap(),
                Generation::Fer => ArmLimits::fer(),
            };
            let ranges = limits.joints.map(|bounds| bounds.reach());
            (ArmModel::new(generation).unwrap(), ranges)
        })
    }

    fn pose_at(model: &ArmModel, q: [f64; 7]) -> [f64; 16] {
        let mut pose = [0.0; 16];
        let at = Posture {
            F_T_EE: TOOL,
            ..Posture::bare(q)
        };
        model.compute(Quantity::Pose(Frame::EndEffector), &at, &mut pose);
        pose
    }

    fn largest(one: &[f64], other: &[f64]) -> f64 {
        let pairs = one.iter().zip(other);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn every_pose_of_the_arm_is_reached_within_its_ranges() {
        for (model, ranges) in each_arm() {
            let mut random = numbers(0x9e37_79b9_7f4a_7c15);
            for _ in 0..200 {
                let q = ranges.map(|(lower, upper)| lower + (upper - lower) * random());
                let pose = pose_at(&model, q);
                let found = joints_for(&model, &ranges, &TOOL, &READY, &pose).unwrap();
                assert!(largest(&pose_at(&model, found), &pose) < 1e-5);
                for (q, (lower, upper)) in found.iter().zip(ranges) {
                    assert!((lower..=upper).contains(q), "{q} of {lower} to {upper}");
                }
            }
        }
    }

    #[test]
    fn a_pose_near_by_is_reached_by_joints_near_by() {
        for (model, ranges) in each_arm() {
            let mut random = numbers(0x9e37_79b9_7f4a_7c15);
            for _ in 0..50 {
                let mut pose = pose_at(&model, READY);
                for axis in &mut pose[12..15] {
                    *axis += 0.1 * (random() - 0.5);
                }
                let found = joints_for(&model, &ranges, &TOOL, &READY, &pose).unwrap();
                assert!(largest(&found, &READY) < 0.6, "{found:?}");
            }
            let stays = joints_for(&model, &ranges, &TOOL, &READY, &pose_at(&model, READY));
            assert_eq!(stays.unwrap(), READY);
        }
    }

    #[test]
    fn nothing_of_a_state_or_of_ranges_makes_the_search_panic_or_find_what_is_no_number() {
        for (model, ranges) in each_arm() {
            let pose = pose_at(&model, READY);
            let no_numbers = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e308];
            for value in no_numbers {
                let (mut tool, mut from, mut narrow) = (TOOL, READY, ranges);
                tool[13] = value;
                from[1] = value;
                narrow[4] = (value, -value);
                for found in [
                    joints_for(&model, &ranges, &tool, &READY, &pose),
                    joints_for(&model, &ranges, &TOOL, &from, &pose),
                    joints_for(&model, &narrow, &TOOL, &READY, &pose),
                ] {
                    assert!(found.is_err() || found.unwrap().iter().all(|q| q.is_finite()));
                }
            }
        }
    }

    #[test]
    fn half_a_turn_is_found() {
        for (model, ranges) in each_arm() {
            let mut q = READY;
            q[6] -= std::f64::consts::PI;
            let pose = pose_at(&model, q);
            let found = joints_for(&model, &ranges, &TOOL, &READY, &pose).unwrap();
            assert!(largest(&pose_at(&model, found), &pose) < 1e-5);
        }
    }

    #[test]
    fn a_pose_out_of_reach_is_refused_with_how_close_it_gets() {
        for (model, ranges) in each_arm() {
            let mut pose = pose_at(&model, READY);
            for (x, told) in [
                (1.5, "out of the arm's reach: it is 1.5"),
                (0.8, "the closest found is"),
                (450.0, "Is the pose in millimetres? Metres are expected"),
            ] {
                pose[12] = x;
                let refused = joints_for(&model, &ranges, &TOOL, &READY, &pose).unwrap_err();
                assert_eq!(refused.code, ArmErrorCode::Unreachable);
                assert!(refused.message.contains(told), "{refused}");
                assert_eq!(x > 1.0, refused.message.contains("m at most"), "{refused}");
                assert_eq!(
                    x > 10.0,
                    refused.message.contains("millimetres"),
                    "{refused}"
                );
                assert!(refused.message.contains("Nothing has moved"), "{refused}");
            }
        }
    }
}
