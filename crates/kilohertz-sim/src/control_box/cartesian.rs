//! The Cartesian motion generators: which poses may be commanded after which, and the joints that a
//! pose takes.

use franka::model::Frame;
use franka::rate_limiting::DELTA_T;
use franka::robot_state::IDENTITY_TRANSFORM;

use crate::body::arm::Arm;
use crate::body::cholesky::{Factor, square};
use crate::body::dynamics::NEARLY_SINGULAR;
use crate::body::payload::is_rigid;
use crate::generation::{Bounds, CartesianEnvelope, elbow};
use crate::joints::Joints;
use crate::violation::{self, Violation};
use crate::wire::generator::Generator;
use crate::wire::messages::Setpoint;

/// How far from `O_T_EE_c` a motion may begin [m, rad], and how far from `elbow_c` \[rad\].
const START_POSE_TOLERANCE: f64 = 1e-3;
/// Tolerance on a commanded velocity [m/s, rad/s].
const VELOCITY_TOLERANCE: f64 = 2e-3;

/// The damping at a singular pose. The joints move less than a pose close to it asks for.
const MOST_DAMPING: f64 = 0.05;
/// The square of the damping elsewhere: only rounding is smaller.
const LEAST_DAMPING: f64 = 1e-12;
/// Of what joint 3 moves, this much has to be possible without the end effector.
const LEAST_FREEDOM: f64 = 0.02;
/// Steps of Newton's method; the second already leaves rounding alone.
const ITERATIONS: u32 = 3;

/// Desired pose of the end effector in the base frame, 4x4 column-major, its velocity [m/s, rad/s]
/// and acceleration [m/s2, rad/s2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CartesianReference {
    pub pose: [f64; 16],
    pub twist: [f64; 6],
    pub acceleration: [f64; 6],
    /// The elbow, while it is commanded.
    pub elbow: Option<ElbowReference>,
}

/// Where joint 3 is to be \[rad\], how fast [rad/s], and how that changes [rad/s2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ElbowReference {
    pub place: f64,
    pub velocity: f64,
    pub acceleration: f64,
}

impl ElbowReference {
    fn at_rest(place: f64) -> ElbowReference {
        ElbowReference {
            place,
            velocity: 0.0,
            acceleration: 0.0,
        }
    }

    /// A millisecond later, at `place`.
    fn moved_to(&self, place: f64) -> ElbowReference {
        let velocity = (place - self.place) / DELTA_T;
        ElbowReference {
            place,
            velocity,
            acceleration: (velocity - self.velocity) / DELTA_T,
        }
    }

    fn extrapolated(&self, bounds: &Bounds) -> ElbowReference {
        let free = self.velocity + self.acceleration * DELTA_T;
        let velocity = free.clamp(-bounds.velocity, bounds.velocity);
        self.moved_to(self.place + velocity * DELTA_T)
    }
}

impl CartesianReference {
    pub fn at_rest(pose: [f64; 16]) -> CartesianReference {
        CartesianReference {
            pose,
            twist: [0.0; 6],
            acceleration: [0.0; 6],
            elbow: None,
        }
    }

    /// The reference that `command` asks for after this one, or what it violates. The joints are at
    /// `q`.
    pub fn next(
        &self,
        command: &Setpoint,
        generator: Generator,
        bounds: &CartesianEnvelope,
        q: &Joints,
        first: bool,
    ) -> Result<CartesianReference, Violation> {
        if let Some([place, side]) = command.elbow {
            let [from, bent] = elbow(q);
            // A stretched arm bends to either side.
            if side.abs() != 1.0 || side == -bent {
                return Err(Violation::of(violation::ELBOW_SIGN));
            }
            if first && (place - from).abs() > START_POSE_TOLERANCE {
                return Err(Violation::of(violation::START_ELBOW));
            }
        }
        let mut next = if generator == Generator::CartesianPose {
            if !is_rigid(&command.pose) {
                return Err(Violation::of(violation::CARTESIAN_FRAME));
            }
            let next = self.moved_to(&orthonormal(&command.pose));
            let off = next.twist.map(|velocity| velocity * DELTA_T);
            if first && norms(&off).iter().any(|off| *off > START_POSE_TOLERANCE) {
                return Err(Violation::of(violation::CARTESIAN_START_POSE));
            }
            next
        } else {
            self.moved_with(&command.twist)
        };
        next.elbow = command.elbow.map(|[elbow, _]| {
            let last = self.elbow.unwrap_or(ElbowReference::at_rest(q[2]));
            last.moved_to(elbow)
        });
        next.check(self, generator, bounds)?;
        Ok(next)
    }

    /// A millisecond later, at `pose`.
    pub fn moved_to(&self, pose: &[f64; 16]) -> CartesianReference {
        let twist = difference(&self.pose, pose).map(|way| way / DELTA_T);
        self.followed_by(*pose, twist)
    }

    /// A millisecond later, with the velocity `twist` until then.
    fn moved_with(&self, twist: &[f64; 6]) -> CartesianReference {
        let pose = moved(&self.pose, &twist.map(|velocity| velocity * DELTA_T));
        self.followed_by(pose, *twist)
    }

    fn followed_by(&self, pose: [f64; 16], twist: [f64; 6]) -> CartesianReference {
        CartesianReference {
            pose,
            twist,
            acceleration: std::array::from_fn(|i| (twist[i] - self.twist[i]) / DELTA_T),
            elbow: self.elbow,
        }
    }

    fn check(
        &self,
        last: &CartesianReference,
        generator: Generator,
        bounds: &CartesianEnvelope,
    ) -> Result<(), Violation> {
        let (acceleration_tolerance, jerk_tolerance) = generator.tolerances();
        let jerk: [f64; 6] =
            std::array::from_fn(|i| (self.acceleration[i] - last.acceleration[i]) / DELTA_T);
        let [velocities, accelerations, jerks] =
            [&self.twist, &self.acceleration, &jerk].map(norms);
        let mut violated = Violation::NONE;
        for (part, bounds) in [&bounds.translation, &bounds.rotation].iter().enumerate() {
            if velocities[part] > bounds.velocity + VELOCITY_TOLERANCE {
                violated.add(violation::CARTESIAN_VELOCITY);
            }
            if accelerations[part] > bounds.acceleration + acceleration_tolerance {
                violated.add(violation::CARTESIAN_VELOCITY_DISCONTINUITY);
            }
            if jerks[part] > bounds.jerk + jerk_tolerance {
                violated.add(violation::CARTESIAN_ACCELERATION_DISCONTINUITY);
            }
        }
        if let Some(elbow) = &self.elbow {
            let before = last.elbow.map_or(0.0, |last| last.acceleration);
            let jerk = (elbow.acceleration - before) / DELTA_T;
            if elbow.velocity.abs() > bounds.elbow.velocity + VELOCITY_TOLERANCE {
                violated.add(violation::ELBOW_LIMIT);
            }
            if elbow.acceleration.abs() > bounds.elbow.acceleration + acceleration_tolerance {
                violated.add(violation::CARTESIAN_VELOCITY_DISCONTINUITY);
            }
            if jerk.abs() > bounds.elbow.jerk + jerk_tolerance {
                violated.add(violation::CARTESIAN_ACCELERATION_DISCONTINUITY);
            }
        }
        if violated.any() {
            Err(violated)
        } else {
            Ok(())
        }
    }

    /// The reference of a tick without a command: constant acceleration, within the limits on
    /// velocity.
    pub fn extrapolated(&self, bounds: &CartesianEnvelope) -> CartesianReference {
        let mut twist: [f64; 6] =
            std::array::from_fn(|i| self.twist[i] + self.acceleration[i] * DELTA_T);
        let [translation, rotation] = norms(&twist);
        let within = |speed: f64, bounds: &Bounds| (bounds.velocity / speed.max(1e-9)).min(1.0);
        let (slower, calmer) = (
            within(translation, &bounds.translation),
            within(rotation, &bounds.rotation),
        );
        for (i, velocity) in twist.iter_mut().enumerate() {
            *velocity *= if i < 3 { slower } else { calmer };
        }
        CartesianReference {
            elbow: self.elbow.map(|elbow| elbow.extrapolated(&bounds.elbow)),
            ..self.moved_with(&twist)
        }
    }

    /// Whether a motion may end here: what the stop would violate.
    pub fn finish(&self, bounds: &CartesianEnvelope) -> Result<(), Violation> {
        let [translation, rotation] = norms(&self.twist);
        let most = |bounds: &Bounds| (bounds.acceleration + 0.5) * DELTA_T;
        let bends = self.elbow.map_or(0.0, |elbow| elbow.velocity.abs());
        if translation > most(&bounds.translation)
            || rotation > most(&bounds.rotation)
            || bends > most(&bounds.elbow)
        {
            return Err(Violation::of(violation::CARTESIAN_VELOCITY_DISCONTINUITY));
        }
        Ok(())
    }
}

/// The joints with which the end effector of `arm` is where `wanted` says, close to those of its
/// reference: the shortest way there, or the one to its elbow, and less than all of it where the arm
/// is nearly singular.
pub(crate) fn joints(arm: &Arm, wanted: &CartesianReference) -> Joints {
    let (pose, elbow) = (&wanted.pose, wanted.elbow.map(|elbow| elbow.place));
    let frame = arm.frames.f_t_ee();
    let model = &arm.dynamics.model;
    let mut q = arm.reference.q;
    for _ in 0..ITERATIONS {
        let missing = difference(&arm.pose_of(&q), pose);
        let jacobian = model.zero_jacobian_q(Frame::EndEffector, &q, &frame, &IDENTITY_TRANSFORM);
        let inverse = PseudoInverse::new(&jacobian);
        let mut step = inverse.times(&missing);
        if let Some(place) = elbow {
            // What is left of a motion of joint 3 alone when the end effector is to stand still.
            let third: [f64; 6] = std::array::from_fn(|row| jacobian[12 + row]);
            let mut free = inverse.times(&third).map(|part| -part);
            free[2] += 1.0;
            if free[2] > LEAST_FREEDOM {
                let way = (place - q[2] - step[2]) / free[2];
                for (step, free) in step.iter_mut().zip(free) {
                    *step += way * free;
                }
            }
        }
        q = std::array::from_fn(|i| q[i] + step[i]);
    }
    q
}

/// The damped pseudo-inverse of a Jacobian.
struct PseudoInverse<'a> {
    jacobian: &'a [f64; 42],
    /// Of the Jacobian times its transpose.
    factor: Factor<6>,
}

impl PseudoInverse<'_> {
    fn new(jacobian: &[f64; 42]) -> PseudoInverse<'_> {
        let mut factor = Factor::of(square(jacobian, LEAST_DAMPING));
        let volume = factor.volume();
        if volume < NEARLY_SINGULAR {
            let damping = MOST_DAMPING * (1.0 - volume / NEARLY_SINGULAR);
            factor = Factor::of(square(jacobian, damping.powi(2) + LEAST_DAMPING));
        }
        PseudoInverse { jacobian, factor }
    }

    fn times(&self, way: &[f64; 6]) -> Joints {
        let x = self.factor.solve(*way);
        std::array::from_fn(|joint| (0..6).map(|i| self.jacobian[6 * joint + i] * x[i]).sum())
    }
}

/// The lengths of the translation and of the rotation in `twist`.
fn norms(twist: &[f64; 6]) -> [f64; 2] {
    let length = |part: &[f64]| part.iter().map(|v| v * v).sum::<f64>().sqrt();
    [length(&twist[..3]), length(&twist[3..])]
}

/// The way from one pose to another: translation, and rotation about an axis in the base frame.
fn difference(from: &[f64; 16], to: &[f64; 16]) -> [f64; 6] {
    // The rotation between them, row by column.
    let r = |row: usize, column: usize| {
        (0..3)
            .map(|k| to[4 * k + row] * from[4 * k + column])
            .sum::<f64>()
    };
    let axis = [
        0.5 * (r(2, 1) - r(1, 2)),
        0.5 * (r(0, 2) - r(2, 0)),
        0.5 * (r(1, 0) - r(0, 1)),
    ];
    let sine = axis.iter().map(|v| v * v).sum::<f64>().sqrt();
    let cosine = 0.5 * (r(0, 0) + r(1, 1) + r(2, 2) - 1.0);
    let angle = sine.atan2(cosine);
    let rotation = if sine > 1e-12 {
        axis.map(|v| v * angle / sine)
    } else if cosine > 0.0 {
        axis
    } else {
        // Half a turn in a millisecond: about which axis is no matter.
        [angle, 0.0, 0.0]
    };
    [
        to[12] - from[12],
        to[13] - from[13],
        to[14] - from[14],
        rotation[0],
        rotation[1],
        rotation[2],
    ]
}

/// `pose` after `way`.
fn moved(pose: &[f64; 16], way: &[f64; 6]) -> [f64; 16] {
    let axis = [way[3], way[4], way[5]];
    let angle = norms(way)[1];
    let mut next = *pose;
    if angle > 0.0 {
        let axis = axis.map(|v| v / angle);
        let (sine, rest) = (angle.sin(), 1.0 - angle.cos());
        for column in 0..3 {
            let v = [pose[4 * column], pose[4 * column + 1], pose[4 * column + 2]];
            let once = cross(&axis, &v);
            let twice = cross(&axis, &once);
            for row in 0..3 {
                next[4 * column + row] = v[row] + sine * once[row] + rest * twice[row];
            }
        }
    }
    for row in 0..3 {
        next[12 + row] += way[row];
    }
    orthonormal(&next)
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// A nearly rigid transform, rigid up to rounding.
fn orthonormal(pose: &[f64; 16]) -> [f64; 16] {
    let unit = |v: [f64; 3]| {
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        v.map(|v| v / length)
    };
    let x = unit([pose[0], pose[1], pose[2]]);
    let y = [pose[4], pose[5], pose[6]];
    let along: f64 = (0..3).map(|k| x[k] * y[k]).sum();
    let y = unit(std::array::from_fn(|k| y[k] - along * x[k]));
    let z = cross(&x, &y);
    [
        x[0], x[1], x[2], 0.0, y[0], y[1], y[2], 0.0, z[0], z[1], z[2], 0.0, pose[12], pose[13],
        pose[14], 1.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_way_leads_from_one_pose_to_the_other() {
        let ways = [
            [0.1, -0.2, 0.3, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, -2.0, 0.5],
            [0.0, 0.0, 0.0, 1e-7, 2e-7, -1e-7],
            [0.3, 0.0, 0.0, 0.0, 0.0, 3.0],
        ];
        for way in ways {
            let from = moved(&IDENTITY_TRANSFORM, &[0.4, 0.1, 0.2, -0.3, 0.2, 0.9]);
            let found = difference(&from, &moved(&from, &way));
            for i in 0..6 {
                assert!((found[i] - way[i]).abs() < 1e-9, "{found:?} for {way:?}");
            }
        }
    }

    #[test]
    fn the_joints_of_a_pose_put_the_end_effector_there() {
        for (generation, mut arm) in each_arm() {
            let start = arm.pose_of(&READY);
            for step in 1..=600 {
                let share = f64::from(step) / 600.0;
                let way = [0.15, 0.2, -0.1, 0.3, -0.4, 0.5].map(|v: f64| v * share);
                let pose = moved(&start, &way);
                arm.reference.q = joints(&arm, &CartesianReference::at_rest(pose));
                let off = length(&difference(&arm.pose_of(&arm.reference.q), &pose));
                assert!(off < 1e-9, "{generation}: {off}");
            }
        }
    }

    #[test]
    fn an_elbow_that_is_asked_for_is_taken_and_the_end_effector_stays() {
        for (generation, mut arm) in each_arm() {
            let pose = arm.pose_of(&READY);
            for step in 1..=200 {
                let wanted = 1e-3 * f64::from(step);
                let bent = CartesianReference {
                    elbow: Some(ElbowReference::at_rest(wanted)),
                    ..CartesianReference::at_rest(pose)
                };
                arm.reference.q = joints(&arm, &bent);
                let off = length(&difference(&arm.pose_of(&arm.reference.q), &pose));
                assert!(off < 1e-9, "{generation}: {off}");
                assert!((arm.reference.q[2] - wanted).abs() < 1e-6, "{generation}");
            }
        }
    }

    #[test]
    fn a_pose_out_of_reach_gives_finite_joints() {
        for (_, mut arm) in each_arm() {
            let start = arm.pose_of(&READY);
            for step in 1..=2_000 {
                let pose = moved(&start, &[1e-3 * f64::from(step), 0.0, 0.0, 0.0, 0.0, 0.0]);
                let q = joints(&arm, &CartesianReference::at_rest(pose));
                assert!(q.iter().all(|q| q.is_finite()));
                arm.reference.q = std::array::from_fn(|i| {
                    arm.reference.q[i] + (q[i] - arm.reference.q[i]).clamp(-0.002, 0.002)
                });
            }
        }
    }

    #[test]
    fn each_cartesian_violation_has_its_name() {
        let bounds = Generation::Fr3.cartesian_envelope();
        let rest = CartesianReference::at_rest(IDENTITY_TRANSFORM);
        let twist = |last: &CartesianReference, velocity: f64| {
            let command = Setpoint {
                twist: [velocity, 0.0, 0.0, 0.0, 0.0, 0.0],
                ..Setpoint::default()
            };
            last.next(
                &command,
                Generator::CartesianVelocity,
                bounds,
                &READY,
                false,
            )
        };
        let jerk = twist(&rest, 0.005).unwrap_err();
        let expected = Violation::of(violation::CARTESIAN_ACCELERATION_DISCONTINUITY);
        assert_eq!(jerk, expected);
        let mut speeding = rest;
        speeding.acceleration[0] = 8.0;
        let jump = twist(&speeding, 0.0102).unwrap_err();
        let expected = Violation::of(violation::CARTESIAN_VELOCITY_DISCONTINUITY);
        assert_eq!(jump, expected);
        let mut fast = rest;
        fast.twist[0] = 3.0;
        let violated = twist(&fast, 3.004).unwrap_err();
        assert_eq!(violated, Violation::of(violation::CARTESIAN_VELOCITY));
        assert!(fast.finish(bounds).is_err());

        let pose =
            |command: &Setpoint| rest.next(command, Generator::CartesianPose, bounds, &READY, true);
        let mut command = Setpoint {
            pose: IDENTITY_TRANSFORM,
            ..Setpoint::default()
        };
        assert!(pose(&command).is_ok());
        command.pose[12] = 0.01;
        let elsewhere = pose(&command).unwrap_err();
        assert_eq!(elsewhere, Violation::of(violation::CARTESIAN_START_POSE));
        command.pose[0] = 1.1;
        let broken = pose(&command).unwrap_err();
        assert_eq!(broken, Violation::of(violation::CARTESIAN_FRAME));
        command.elbow = Some([0.0, 1.0]);
        let flipped = pose(&command).unwrap_err();
        assert_eq!(flipped, Violation::of(violation::ELBOW_SIGN));
        let mut stretched = READY;
        for (q4, side, taken) in [
            (-0.4671, -1.0, true),
            (-0.4669, -1.0, false),
            (-0.4669, 1.0, true),
        ] {
            stretched[3] = q4;
            let command = Setpoint {
                elbow: Some([0.0, side]),
                pose: IDENTITY_TRANSFORM,
                ..Setpoint::default()
            };
            let generator = Generator::CartesianPose;
            let next = rest.next(&command, generator, bounds, &stretched, true);
            assert_eq!(next.is_ok(), taken, "joint 4 at {q4}, side {side}");
        }
        command.elbow = Some([0.1, -1.0]);
        let bent = pose(&command).unwrap_err();
        assert_eq!(bent, Violation::of(violation::START_ELBOW));

        let elbow = |last: [f64; 3], place: f64| {
            let [from, velocity, acceleration] = last;
            let last = CartesianReference {
                elbow: Some(ElbowReference {
                    place: from,
                    velocity,
                    acceleration,
                }),
                ..rest
            };
            let command = Setpoint {
                pose: IDENTITY_TRANSFORM,
                elbow: Some([place, -1.0]),
                ..Setpoint::default()
            };
            last.next(&command, Generator::CartesianPose, bounds, &READY, false)
        };
        assert!(elbow([0.0, 1.0, 0.0], 1e-3).is_ok());
        let fast = elbow([0.0, 1.5, 0.0], 1.504e-3).unwrap_err();
        assert_eq!(fast, Violation::of(violation::ELBOW_LIMIT));
        let jump = elbow([0.0, 1.0, 7.0], 1.0107e-3).unwrap_err();
        let expected = Violation::of(violation::CARTESIAN_VELOCITY_DISCONTINUITY);
        assert_eq!(jump, expected);
        let jerk = elbow([0.0, 1.0, 0.0], 1.006e-3).unwrap_err();
        let expected = Violation::of(violation::CARTESIAN_ACCELERATION_DISCONTINUITY);
        assert_eq!(jerk, expected);
    }
}
