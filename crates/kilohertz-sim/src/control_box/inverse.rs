//! The inverse kinematics: the joint positions for a pose.

use franka::model::Frame;
use franka::robot_state::IDENTITY_TRANSFORM;

use kilohertz_geometry::pose_error;

use crate::body::arm::Arm;
use crate::body::cholesky::{Factor, square};
use crate::body::dynamics::NEARLY_SINGULAR;
use crate::body::reference::Reference;
use crate::control_box::cartesian::CartesianReference;
use crate::generation::Envelope;
use crate::joints::Joints;

/// The damping at a singular pose. Close to it the joints move less than the pose asks for.
const MOST_DAMPING: f64 = 0.05;
/// The square of the damping at other poses. It is just above rounding errors.
const LEAST_DAMPING: f64 = 1e-12;
/// The least share of a motion of joint 3 that must be possible while the end effector stands still.
const LEAST_FREEDOM: f64 = 0.02;
/// The share of its way back to the kept position that joint 3 moves in a millisecond, and the longest way
/// that counts \[rad\].
const KEEPING: f64 = 0.012;
const FARTHEST_BACK: f64 = 0.03;
/// At this share of its velocity limit a joint reduces the correction of the elbow to a quarter.
const FAST: f64 = 0.3;
/// At this distance from the end of its range a joint reduces the correction to about two thirds \[rad\].
const NEAR_THE_END: f64 = 0.2;
/// Below this share of a motion that is possible without the end effector, joint 3 is corrected less.
const HARDLY_FREE: f64 = 0.1;
/// Steps of Newton's method. After the second only rounding errors are left.
const ITERATIONS: u32 = 3;

/// Returns the joint positions for the pose `wanted`, close to those of the arm's reference. The joints take
/// the shortest way. If the elbow is commanded, they move it there. Otherwise joint 3 is slowly moved back to
/// its kept position, as far as the joints are free for that. Close to a singular pose the joints move less
/// than asked for.
pub(crate) fn joints(arm: &Arm, wanted: &CartesianReference, envelope: &Envelope) -> Joints {
    let last = &arm.reference;
    let mut q = last.q;
    for nth in 0..ITERATIONS {
        let motion = FreeMotion::at(arm, &q);
        let step = motion.towards(arm, &q, &wanted.pose);
        let missing = |place: f64| place - q[2] - step[2];
        let free = motion.free[2];
        let way = match wanted.elbow {
            Some(elbow) if free > LEAST_FREEDOM => missing(elbow.place) / free,
            None if nth == 0 => {
                let back = FARTHEST_BACK * (missing(wanted.kept) / FARTHEST_BACK).tanh();
                KEEPING * ease(last, envelope) * back * free / (free.powi(2) + HARDLY_FREE.powi(2))
            }
            _ => 0.0,
        };
        q = along(&along(&q, &step, 1.0), &motion.free, way);
    }
    q
}

/// Returns how free the joints are for the correction of the elbow. It is less the faster they move, and zero
/// at an end of their range. The function has no corner, because a corner would make their acceleration jump.
fn ease(joints: &Reference, envelope: &Envelope) -> f64 {
    let Envelope { lower, upper, .. } = envelope;
    let speed: f64 = (0..7)
        .map(|i| (joints.dq[i] / envelope.velocity[i]).powi(2))
        .sum();
    let room: f64 = (0..7)
        .map(|i| (joints.q[i] - lower[i]).min(upper[i] - joints.q[i]))
        .map(|room| 1.0 - (-(room.max(0.0) / NEAR_THE_END).powi(2)).exp())
        .product();
    room * (1.0 + speed / FAST.powi(2)).powi(-2)
}

fn along(from: &Joints, way: &Joints, share: f64) -> Joints {
    std::array::from_fn(|i| from[i] + share * way[i])
}

/// The possible motions of the joints at one posture.
pub(super) struct FreeMotion {
    pub jacobian: [f64; 42],
    /// The factor of the Jacobian times its transpose.
    factor: Factor<6>,
    /// The motion of the joints for a motion of joint 3 while the end effector stands still.
    pub free: Joints,
}

impl FreeMotion {
    pub fn at(arm: &Arm, q: &Joints) -> FreeMotion {
        let (model, frame) = (&arm.dynamics.model, arm.frames.f_t_ee());
        let jacobian = model.zero_jacobian_q(Frame::EndEffector, q, &frame, &IDENTITY_TRANSFORM);
        let mut factor = Factor::of(square(&jacobian, LEAST_DAMPING));
        let volume = factor.volume();
        if volume < NEARLY_SINGULAR {
            let damping = MOST_DAMPING * (1.0 - volume / NEARLY_SINGULAR);
            factor = Factor::of(square(&jacobian, damping.powi(2) + LEAST_DAMPING));
        }
        let mut motion = FreeMotion {
            jacobian,
            factor,
            free: [0.0; 7],
        };
        let third: [f64; 6] = std::array::from_fn(|row| jacobian[12 + row]);
        motion.free = motion.shortest(&third).map(|part| -part);
        motion.free[2] += 1.0;
        motion
    }

    /// Returns the shortest motion of the joints that moves the end effector by `way`.
    fn shortest(&self, way: &[f64; 6]) -> Joints {
        let x = self.factor.solve(*way);
        std::array::from_fn(|joint| (0..6).map(|i| self.jacobian[6 * joint + i] * x[i]).sum())
    }

    fn towards(&self, arm: &Arm, q: &Joints, pose: &[f64; 16]) -> Joints {
        self.shortest(&pose_error(&arm.pose_of(q), pose))
    }
}

#[cfg(test)]
mod tests {
    use franka::rate_limiting::DELTA_T;

    use kilohertz_geometry::integrate;

    use super::*;
    use crate::control_box::cartesian::{ElbowReference, norms};
    use crate::end_effector::EndEffector;
    use crate::generation::Generation;
    use crate::joints::READY;

    fn each_arm() -> [(Generation, Arm); 2] {
        Generation::ALL.map(|arm| (arm, Arm::new(arm, READY, true, &EndEffector::NONE).unwrap()))
    }

    fn length(way: &[f64; 6]) -> f64 {
        norms(way).iter().sum()
    }

    #[test]
    fn the_joints_of_a_pose_put_the_end_effector_there() {
        for (generation, mut arm) in each_arm() {
            let envelope = generation.envelope();
            let start = arm.pose_of(&READY);
            for step in 1..=600 {
                let share = f64::from(step) / 600.0;
                let way = [0.15, 0.2, -0.1, 0.3, -0.4, 0.5].map(|v: f64| v * share);
                let pose = integrate(&start, &way);
                arm.reference.q =
                    joints(&arm, &CartesianReference::at_rest(pose, READY[2]), envelope);
                let off = length(&pose_error(&arm.pose_of(&arm.reference.q), &pose));
                assert!(off < 1e-9, "{generation}: {off}");
            }
        }
    }

    #[test]
    fn an_elbow_that_is_asked_for_is_taken_and_the_end_effector_stays() {
        for (generation, mut arm) in each_arm() {
            let envelope = generation.envelope();
            let pose = arm.pose_of(&READY);
            for step in 1..=200 {
                let wanted = 1e-3 * f64::from(step);
                let bent = CartesianReference {
                    elbow: Some(ElbowReference::at_rest(wanted)),
                    ..CartesianReference::at_rest(pose, READY[2])
                };
                arm.reference.q = joints(&arm, &bent, envelope);
                let off = length(&pose_error(&arm.pose_of(&arm.reference.q), &pose));
                assert!(off < 1e-9, "{generation}: {off}");
                assert!((arm.reference.q[2] - wanted).abs() < 1e-6, "{generation}");
            }
        }
    }

    #[test]
    fn rounds_without_an_elbow_bring_the_joints_back() {
        for (generation, mut arm) in each_arm() {
            let envelope = generation.envelope();
            let start = arm.pose_of(&READY);
            for (period, plane) in [
                (4000, [0, 1]),
                (4000, [1, 2]),
                (2000, [1, 2]),
                (2000, [0, 1]),
                (2000, [0, 2]),
            ] {
                arm.reference = Reference::at_rest(READY);
                let mut wanted = CartesianReference::at_rest(start, READY[2]);
                for tick in 1..=10 * period {
                    // The motion is slow at both ends of each round.
                    let round = std::f64::consts::TAU * f64::from(tick) / f64::from(period);
                    let angle = round - round.sin();
                    let mut pose = start;
                    pose[12 + plane[0]] += 0.05 * (1.0 - angle.cos());
                    pose[12 + plane[1]] += 0.05 * angle.sin();
                    wanted = wanted.moved_to(&pose);
                    let q = joints(&arm, &wanted, envelope);
                    let dq = along(&q, &arm.reference.q, -1.0).map(|way| way / DELTA_T);
                    arm.reference = Reference {
                        q,
                        dq,
                        ddq: [0.0; 7],
                    };
                    if tick % period == 0 {
                        let off = (0..7)
                            .map(|i| (arm.reference.q[i] - READY[i]).abs())
                            .fold(0.0, f64::max);
                        assert!(
                            off < 5e-3,
                            "{generation} {plane:?} after {} rounds: {off} rad",
                            tick / period
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_pose_out_of_reach_gives_finite_joints() {
        for (generation, mut arm) in each_arm() {
            let envelope = generation.envelope();
            let start = arm.pose_of(&READY);
            for step in 1..=2_000 {
                let pose = integrate(&start, &[1e-3 * f64::from(step), 0.0, 0.0, 0.0, 0.0, 0.0]);
                let q = joints(&arm, &CartesianReference::at_rest(pose, READY[2]), envelope);
                assert!(q.iter().all(|q| q.is_finite()));
                arm.reference.q = std::array::from_fn(|i| {
                    arm.reference.q[i] + (q[i] - arm.reference.q[i]).clamp(-0.002, 0.002)
                });
            }
        }
    }
}
