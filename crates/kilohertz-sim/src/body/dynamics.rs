//! Forward dynamics of the arm: computes accelerations from torques, and one integration step.
//!
//! `(M(q) + armature) ddq + c(q, dq) + g(q) + friction(dq) = tau + stops(q, dq)`
//!
//! M, c and g come from `franka::Model` for the arm's URDF. Armature and friction come from MuJoCo's FR3
//! model, because the URDF has neither, and without armature its last link is too light to integrate.

use franka::model::{DEFAULT_GRAVITY_EARTH, Frame, Model};
use franka::robot_state::IDENTITY_TRANSFORM;

use crate::body::cholesky::{Factor, square};
use crate::body::payload::{Body, Frames};
use crate::error::SimulatorError;
use crate::generation::{Envelope, Generation};
use crate::joints::{Joints, Wrench};

/// Reflected rotor inertia [kg m2], MuJoCo's FR3 model.
pub(crate) const ARMATURE: Joints = [0.195, 0.195, 0.195, 0.195, 0.074, 0.074, 0.074];
/// Viscous friction [N m s/rad], MuJoCo's FR3 model.
const DAMPING: f64 = 0.21;
/// Coulomb friction [N m], MuJoCo's FR3 model.
const COULOMB: Joints = [1.137, 1.137, 1.137, 1.137, 0.763, 0.44, 0.248];
/// Below about this velocity [rad/s] Coulomb friction fades to nothing, so that the step stays stable.
const COULOMB_VELOCITY: f64 = 0.02;
/// Largest torque of a joint [N m], the URDF's effort limits.
pub(crate) const MAX_TORQUE: Joints = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
/// How far beyond the position limits the hard stops are [rad].
const STOP_MARGIN: f64 = 0.05;
/// Stiffness [N m/rad] of the hard stops, the highest that a step of 1 ms can integrate.
const STOP_STIFFNESS: Joints = [1e4, 1e4, 1e4, 1e4, 3e3, 3e3, 3e3];
/// Damping [N m s/rad] of the hard stops.
const STOP_DAMPING: Joints = [80.0, 80.0, 80.0, 80.0, 25.0, 25.0, 25.0];

/// The arm's equations of motion.
#[derive(Debug)]
pub(crate) struct Dynamics {
    pub model: Model,
    pub friction: bool,
    pub payload: Body,
    envelope: &'static Envelope,
}

/// Below this volume of the Jacobian an arm counts as close to a singular pose, and reports no wrench.
pub(crate) const NEARLY_SINGULAR: f64 = 5e-3;

/// Position [rad] and velocity [rad/s] of the joints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub q: Joints,
    pub dq: Joints,
}

impl Dynamics {
    pub fn new(generation: Generation, friction: bool) -> Result<Dynamics, SimulatorError> {
        Ok(Dynamics {
            model: generation.model()?,
            friction,
            payload: Body::default(),
            envelope: generation.envelope(),
        })
    }

    /// Returns the torques [N m] that hold the arm at `q`.
    pub fn gravity(&self, q: &Joints) -> Joints {
        self.model.gravity_q(
            q,
            self.payload.mass,
            &self.payload.com,
            &DEFAULT_GRAVITY_EARTH,
        )
    }

    /// Returns the Coriolis and centrifugal torques [N m].
    pub fn coriolis(&self, pose: &Pose) -> Joints {
        // Without gravity the model's difference of two recursions loses no digits.
        self.model.coriolis_q(
            &pose.q,
            &pose.dq,
            &self.payload.inertia,
            self.payload.mass,
            &self.payload.com,
            &[0.0; 3],
        )
    }

    /// Returns the mass matrix with armature [kg m2].
    pub fn mass(&self, q: &Joints) -> [Joints; 7] {
        let flat = self.model.mass_q(
            q,
            &self.payload.inertia,
            self.payload.mass,
            &self.payload.com,
        );
        let mut mass = [[0.0; 7]; 7];
        for (i, row) in mass.iter_mut().enumerate() {
            row.copy_from_slice(&flat[7 * i..7 * i + 7]);
            row[i] += ARMATURE[i];
        }
        mass
    }

    /// Returns the friction torques [N m], which act against the motion.
    pub fn friction(&self, dq: &Joints) -> Joints {
        if !self.friction {
            return [0.0; 7];
        }
        std::array::from_fn(|i| DAMPING * dq[i] + COULOMB[i] * (dq[i] / COULOMB_VELOCITY).tanh())
    }

    /// Returns the torques [N m] of the hard stops. They are zero between the stops.
    pub fn stops(&self, pose: &Pose) -> Joints {
        let (lower, upper) = (&self.envelope.lower, &self.envelope.upper);
        std::array::from_fn(|i| {
            let over = (pose.q[i] - upper[i] - STOP_MARGIN).max(0.0)
                + (pose.q[i] - lower[i] + STOP_MARGIN).min(0.0);
            if over == 0.0 {
                return 0.0;
            }
            let push = -STOP_STIFFNESS[i] * over - STOP_DAMPING[i] * pose.dq[i];
            // A stop pushes the joint away and never pulls it.
            if over > 0.0 {
                push.min(0.0)
            } else {
                push.max(0.0)
            }
        })
    }

    /// Returns the accelerations [rad/s2] under the motors' torques `tau` [N m].
    pub fn acceleration(&self, pose: &Pose, tau: &Joints) -> Joints {
        let gravity = self.gravity(&pose.q);
        let coriolis = self.coriolis(pose);
        let friction = self.friction(&pose.dq);
        let stops = self.stops(pose);
        let rest: Joints =
            std::array::from_fn(|i| tau[i] + stops[i] - gravity[i] - coriolis[i] - friction[i]);
        Factor::of(self.mass(&pose.q)).solve(rest)
    }

    /// Returns the pose after `dt` [s] under constant torques, by the midpoint rule.
    pub fn step(&self, pose: &Pose, tau: &Joints, dt: f64) -> (Pose, Joints) {
        let ddq = self.acceleration(pose, tau);
        let middle = Pose {
            q: along(&pose.q, &pose.dq, dt / 2.0),
            dq: along(&pose.dq, &ddq, dt / 2.0),
        };
        let ddq = self.acceleration(&middle, tau);
        (
            Pose {
                q: along(&pose.q, &middle.dq, dt),
                dq: along(&pose.dq, &ddq, dt),
            },
            ddq,
        )
    }

    /// Returns the end effector in the base frame, 4x4 column-major [m]. `f_t_ee` is the end effector in the
    /// flange frame.
    pub fn end_effector(&self, q: &Joints, f_t_ee: &[f64; 16]) -> [f64; 16] {
        self.model
            .pose_q(Frame::EndEffector, q, f_t_ee, &IDENTITY_TRANSFORM)
    }

    /// Returns the twist [m/s, rad/s] of the end effector in the base frame at `dq` [rad/s].
    pub fn twist(&self, q: &Joints, dq: &Joints, f_t_ee: &[f64; 16]) -> [f64; 6] {
        let jacobian =
            self.model
                .zero_jacobian_q(Frame::EndEffector, q, f_t_ee, &IDENTITY_TRANSFORM);
        std::array::from_fn(|row| {
            (0..7)
                .map(|joint| jacobian[6 * joint + row] * dq[joint])
                .sum()
        })
    }

    /// Returns the wrench [N, N m] at the stiffness frame, in the base frame's axes, that fits the joint
    /// torques `tau` [N m] best. It is zero close to a singular pose, as on a real arm.
    pub fn wrench(&self, q: &Joints, frames: &Frames, tau: &Joints) -> Wrench {
        if tau.iter().all(|&tau| tau == 0.0) {
            return [0.0; 6];
        }
        let jacobian =
            self.model
                .zero_jacobian_q(Frame::Stiffness, q, &frames.f_t_ee(), &frames.ee_t_k);
        let factor = Factor::of(square(&jacobian, 0.0));
        if factor.volume() < NEARLY_SINGULAR {
            return [0.0; 6];
        }
        factor.solve(std::array::from_fn(|row| {
            (0..7)
                .map(|joint| jacobian[6 * joint + row] * tau[joint])
                .sum()
        }))
    }

    /// Converts a wrench from the base frame's axes to those of the stiffness frame.
    pub fn in_stiffness_axes(&self, q: &Joints, frames: &Frames, wrench: &Wrench) -> Wrench {
        let pose = self
            .model
            .pose_q(Frame::Stiffness, q, &frames.f_t_ee(), &frames.ee_t_k);
        std::array::from_fn(|i| {
            let (first, axis) = (3 * (i / 3), i % 3);
            (0..3).map(|k| pose[4 * axis + k] * wrench[first + k]).sum()
        })
    }
}

fn along(from: &Joints, rate: &Joints, dt: f64) -> Joints {
    std::array::from_fn(|i| from[i] + rate[i] * dt)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

    use franka::model::{FER_URDF, FR3_URDF};

    use super::*;

    const HOME: Joints = [
        0.0,
        -FRAC_PI_4,
        0.0,
        -3.0 * FRAC_PI_4,
        0.0,
        FRAC_PI_2,
        FRAC_PI_4,
    ];
    const ELSEWHERE: Joints = [
        0.549159, 1.133616, 1.27949, -2.232337, -0.897333, 3.717823, -2.387313,
    ];

    fn dynamics(friction: bool) -> Dynamics {
        Dynamics::new(Generation::Fr3, friction).unwrap()
    }

    fn each_arm(friction: bool) -> [(Generation, Dynamics); 2] {
        Generation::ALL.map(|arm| (arm, Dynamics::new(arm, friction).unwrap()))
    }

    fn assert_close(ours: &Joints, theirs: &Joints, tolerance: f64) {
        for i in 0..7 {
            let difference = (ours[i] - theirs[i]).abs();
            assert!(
                difference < tolerance,
                "joint {}: {} and {}",
                i + 1,
                ours[i],
                theirs[i]
            );
        }
    }

    fn bias(pose: &Pose) -> Joints {
        let dynamics = dynamics(false);
        let (gravity, coriolis) = (dynamics.gravity(&pose.q), dynamics.coriolis(pose));
        std::array::from_fn(|i| gravity[i] + coriolis[i])
    }

    fn bare_mass(q: &Joints) -> Joints {
        let mass = dynamics(false).mass(q);
        std::array::from_fn(|i| mass[i][i] - ARMATURE[i])
    }

    // The values of these three tests come from MuJoCo 3.2.7, for its FR3 model without a hand.

    #[test]
    fn gravity_is_that_of_an_independent_source() {
        let theirs = [0.0, -1.70904, -0.63946, 18.95823, 0.7919, 1.58794, 0.0];
        assert_close(
            &bias(&Pose {
                q: HOME,
                dq: [0.0; 7],
            }),
            &theirs,
            2e-4,
        );
    }

    #[test]
    fn coriolis_and_gravity_are_those_of_an_independent_source() {
        let dq = [0.5, -0.4, 0.3, 0.6, -0.7, 0.8, -0.9];
        let theirs = [
            0.11372, -2.69655, -0.80573, 19.01748, 0.82153, 1.54275, 0.00543,
        ];
        assert_close(&bias(&Pose { q: HOME, dq }), &theirs, 2e-4);

        let dq = [
            0.642457, 0.594139, -0.06413, -0.393935, -0.443149, -0.490261, -0.109847,
        ];
        let theirs = [
            0.11028, -25.17713, 21.3769, 5.02951, -0.09871, 0.59059, 0.04562,
        ];
        assert_close(&bias(&Pose { q: ELSEWHERE, dq }), &theirs, 2e-4);
    }

    #[test]
    fn the_mass_matrix_is_that_of_an_independent_source() {
        let theirs = [
            0.49851, 1.52542, 0.92334, 0.83402, 0.02752, 0.03049, 0.00012,
        ];
        assert_close(&bare_mass(&HOME), &theirs, 2e-5);
        let theirs = [1.57186, 0.80675, 0.96675, 0.68861, 0.04826, 0.0311, 0.00012];
        assert_close(&bare_mass(&ELSEWHERE), &theirs, 2e-5);
    }

    /// Returns mass [kg] and centre of mass [m] of the links 1 to 7, read from the URDF's text.
    fn links(generation: Generation) -> Vec<(f64, [f64; 3])> {
        let urdf = match generation {
            Generation::Fr3 => FR3_URDF,
            Generation::Fer => FER_URDF,
        };
        let number = |text: &str| text.trim().parse::<f64>().unwrap();
        let quoted = |text: &str, key: &str| -> String {
            let from = text.find(&format!("{key}=\"")).unwrap() + key.len() + 2;
            text[from..].split('"').next().unwrap().to_string()
        };
        (1..=7)
            .map(|link| {
                let from = urdf.find(&format!("<link name=\"link{link}\">")).unwrap();
                let inertial = &urdf[from + urdf[from..].find("<inertial>").unwrap()..];
                let mass = &inertial[inertial.find("<mass").unwrap()..];
                let com: Vec<f64> = quoted(inertial, "xyz")
                    .split_whitespace()
                    .map(number)
                    .collect();
                (number(&quoted(mass, "value")), [com[0], com[1], com[2]])
            })
            .collect()
    }

    /// Returns kinetic and potential energy [J]. The potential energy is computed only from the links'
    /// heights.
    fn energy(generation: Generation, dynamics: &Dynamics, pose: &Pose) -> (f64, f64) {
        let mass = dynamics.mass(&pose.q);
        let kinetic: f64 = (0..7)
            .flat_map(|i| (0..7).map(move |j| (i, j)))
            .map(|(i, j)| 0.5 * pose.dq[i] * mass[i][j] * pose.dq[j])
            .sum();
        let potential = links(generation)
            .iter()
            .zip(Frame::ALL)
            .map(|((mass, com), frame)| {
                let t =
                    dynamics
                        .model
                        .pose_q(frame, &pose.q, &IDENTITY_TRANSFORM, &IDENTITY_TRANSFORM);
                mass * 9.81 * (t[2] * com[0] + t[6] * com[1] + t[10] * com[2] + t[14])
            })
            .sum();
        (kinetic, potential)
    }

    fn swing(dynamics: &Dynamics, seconds: f64, dt: f64) -> Pose {
        let mut pose = Pose {
            q: HOME,
            dq: [0.4, 0.0, -0.3, 0.0, 0.5, 0.0, 0.8],
        };
        for _ in 0..(seconds / dt).round() as u32 {
            pose = dynamics.step(&pose, &[0.0; 7], dt).0;
            assert_eq!(dynamics.stops(&pose), [0.0; 7], "the swing is free");
        }
        pose
    }

    #[test]
    fn a_free_swing_without_friction_keeps_its_energy() {
        for (arm, dynamics) in each_arm(false) {
            let start = energy(arm, &dynamics, &swing(&dynamics, 0.0, 1e-3));
            for seconds in [0.1, 0.15, 0.2, 0.25] {
                let now = energy(arm, &dynamics, &swing(&dynamics, seconds, 1e-3));
                let drift = (now.0 + now.1 - start.0 - start.1).abs();
                assert!((now.1 - start.1).abs() > 0.5, "it swings: {now:?}");
                println!("{drift} J of {now:?}");
                assert!(drift < 1e-4 * now.0, "{drift} J of {now:?} J");
            }
        }
    }

    #[test]
    fn friction_takes_energy_away() {
        for (arm, dynamics) in each_arm(true) {
            let start = energy(arm, &dynamics, &swing(&dynamics, 0.0, 1e-3));
            let end = energy(arm, &dynamics, &swing(&dynamics, 0.2, 1e-3));
            assert!(end.0 + end.1 < start.0 + start.1 - 0.1);
        }
    }

    #[test]
    fn halving_the_step_changes_a_free_swing_by_a_quarter_as_much_each_time() {
        for (_, dynamics) in each_arm(false) {
            let worst =
                |a: Pose, b: Pose| (0..7).map(|i| (a.q[i] - b.q[i]).abs()).fold(0.0, f64::max);
            let [coarse, half, quarter] = [1e-3, 5e-4, 2.5e-4].map(|dt| swing(&dynamics, 0.25, dt));
            let (first, second) = (worst(coarse, half), worst(half, quarter));
            assert!(first < 2e-5, "{first} rad");
            assert!(
                (3.0..5.0).contains(&(first / second)),
                "{first} rad, then {second} rad"
            );
        }
    }

    /// The FER's model is a fit to the arm's own model. No rigid body could have the values of its single
    /// links.
    #[test]
    fn everywhere_in_its_range_an_arm_resists_acceleration() {
        for (arm, dynamics) in each_arm(true) {
            let Envelope { lower, upper, .. } = arm.envelope();
            let mut noise = 1_u64;
            let mut random = || {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (noise >> 40) as f64 / (1_u64 << 24) as f64
            };
            for _ in 0..5000 {
                let q = std::array::from_fn(|i| lower[i] + random() * (upper[i] - lower[i]));
                let tau = std::array::from_fn(|_| random() - 0.5);
                let ddq = Factor::of(dynamics.mass(&q)).solve(tau);
                let power: f64 = (0..7).map(|i| tau[i] * ddq[i]).sum();
                assert!(power > 0.0, "{arm} at {q:?}: {ddq:?}");
            }
        }
    }

    #[test]
    fn a_load_weighs_what_it_weighs() {
        for (_, mut dynamics) in each_arm(false) {
            let bare = dynamics.gravity(&HOME);
            dynamics.payload = Body {
                mass: 2.0,
                com: [0.0, 0.0, 0.1],
                inertia: [0.0; 9],
            };
            let loaded = dynamics.gravity(&HOME);
            // Joint 2 turns about a horizontal axis that crosses the base's axis, so the lever arm is the
            // load's x.
            let frame = dynamics.end_effector(&HOME, &IDENTITY_TRANSFORM);
            let x = frame[12] + 0.1 * frame[8];
            let torque = 2.0 * 9.81 * x;
            assert!(
                ((bare[1] - loaded[1]).abs() - torque).abs() < 1e-3,
                "{bare:?} {loaded:?} {torque}"
            );
        }
    }

    #[test]
    fn the_hard_stops_keep_the_arm_in_its_range() {
        for (_, dynamics) in each_arm(true) {
            let mut pose = Pose {
                q: HOME,
                dq: [0.0; 7],
            };
            for _ in 0..3000 {
                pose = dynamics
                    .step(&pose, &[80.0, 80.0, 80.0, 80.0, 12.0, 12.0, 12.0], 1e-3)
                    .0;
                assert!(
                    pose.q
                        .iter()
                        .chain(&pose.dq)
                        .all(|v| v.is_finite() && v.abs() < 50.0)
                );
            }
            for (q, upper) in pose.q.iter().zip(dynamics.envelope.upper) {
                assert!(*q < upper + STOP_MARGIN + 0.05, "{:?}", pose.q);
            }
        }
    }
}
