//! The joints that a pose takes.

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

/// The damping at a singular pose. The joints move less than a pose close to it asks for.
const MOST_DAMPING: f64 = 0.05;
/// The square of the damping elsewhere: only rounding is smaller.
const LEAST_DAMPING: f64 = 1e-12;
/// Of what joint 3 moves, this much has to be possible without the end effector.
const LEAST_FREEDOM: f64 = 0.02;
/// How much of the way back to where the elbow is kept joint 3 goes in a millisecond, and of which way at most \[rad\].
const KEEPING: f64 = 0.012;
const FARTHEST_BACK: f64 = 0.03;
/// At this share of its velocity limit a joint leaves a quarter of that.
const FAST: f64 = 0.3;
/// How far from the end of its range a joint leaves about two thirds of that \[rad\].
const NEAR_THE_END: f64 = 0.2;
/// Where less of a motion of joint 3 is possible without the end effector, it goes less of that way.
const HARDLY_FREE: f64 = 0.1;
/// Steps of Newton's method; the second already leaves rounding alone.
const ITERATIONS: u32 = 3;

/// The joints with which the end effector of `arm` is where `wanted` says, close to those of its
/// reference: the shortest way there, drawn softly to where the elbow is kept while the joints are free for
/// that, or the one to a commanded elbow; less than all of it where the arm is nearly singular.
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

/// How free the joints are for a way of the arm's own: less the faster they are, and none at an end of their range. It
/// has no corner: that would be a jump of their acceleration.
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

/// How the joints can move.
pub(super) struct FreeMotion {
    pub jacobian: [f64; 42],
    /// Of the Jacobian times its transpose.
    factor: Factor<6>,
    /// What is left of a motion of joint 3 alone when the end effector is to stand still.
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

    /// The shortest way of the joints that moves the end effector by `way`.
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

    const READY: Joints = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];

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
                    // Slow at both ends of each round.
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
