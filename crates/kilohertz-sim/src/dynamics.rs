//! Forward dynamics of the arm: torques in, accelerations out, and one integration step.
//!
//! `(M(q) + armature) ddq + c(q, dq) + g(q) + friction(dq) = tau + stops(q, dq)`
//!
//! M, c and g come from `franka::Model` on the FR3's URDF. Armature and friction are those of
//! MuJoCo's FR3 model, because the URDF has none and its last link alone is too light to integrate.

use franka::model::{DEFAULT_GRAVITY_EARTH, FR3_URDF, Frame, Model};
use franka::rate_limiting::JOINT_POSITION_LIMITS;
use franka::robot_state::IDENTITY_TRANSFORM;

use crate::error::SimulatorError;
use crate::payload::Body;

/// One value a joint.
pub(crate) type Joints = [f64; 7];

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
/// How far behind the position limits the hard stops are [rad].
const STOP_MARGIN: f64 = 0.05;
/// Stiffness [N m/rad] of the hard stops; as stiff as a step of 1 ms can integrate.
const STOP_STIFFNESS: Joints = [1e4, 1e4, 1e4, 1e4, 3e3, 3e3, 3e3];
/// Damping [N m s/rad] of the hard stops.
const STOP_DAMPING: Joints = [80.0, 80.0, 80.0, 80.0, 25.0, 25.0, 25.0];

/// The arm's equations of motion.
#[derive(Debug)]
pub(crate) struct Dynamics {
    pub model: Model,
    pub friction: bool,
    pub payload: Body,
}

/// Position [rad] and velocity [rad/s] of the joints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub q: Joints,
    pub dq: Joints,
}

impl Dynamics {
    pub fn new(friction: bool) -> Result<Dynamics, SimulatorError> {
        let model = Model::from_urdf(FR3_URDF).map_err(|e| SimulatorError::Model {
            message: e.to_string(),
        })?;
        Ok(Dynamics {
            model,
            friction,
            payload: Body::default(),
        })
    }

    /// Torques [N m] that hold the arm at `q`.
    pub fn gravity(&self, q: &Joints) -> Joints {
        self.model.gravity_q(
            q,
            self.payload.mass,
            &self.payload.com,
            &DEFAULT_GRAVITY_EARTH,
        )
    }

    /// Coriolis and centrifugal torques [N m].
    pub fn coriolis(&self, pose: &Pose) -> Joints {
        // With the load at rest on the ground of no gravity, the model's difference of two
        // recursions loses no digits.
        self.model.coriolis_q(
            &pose.q,
            &pose.dq,
            &self.payload.inertia,
            self.payload.mass,
            &self.payload.com,
            &[0.0; 3],
        )
    }

    /// Mass matrix with armature [kg m2].
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

    /// Friction torques [N m], against the motion.
    pub fn friction(&self, dq: &Joints) -> Joints {
        if !self.friction {
            return [0.0; 7];
        }
        std::array::from_fn(|i| DAMPING * dq[i] + COULOMB[i] * (dq[i] / COULOMB_VELOCITY).tanh())
    }

    /// Torques [N m] of the hard stops; zero between them.
    pub fn stops(&self, pose: &Pose) -> Joints {
        let (lower, upper) = JOINT_POSITION_LIMITS;
        std::array::from_fn(|i| {
            let over = (pose.q[i] - upper[i] - STOP_MARGIN).max(0.0)
                + (pose.q[i] - lower[i] + STOP_MARGIN).min(0.0);
            if over == 0.0 {
                return 0.0;
            }
            let push = -STOP_STIFFNESS[i] * over - STOP_DAMPING[i] * pose.dq[i];
            // A stop pushes and never holds.
            if over > 0.0 {
                push.min(0.0)
            } else {
                push.max(0.0)
            }
        })
    }

    /// Accelerations [rad/s2] under the motors' torques `tau` [N m].
    pub fn acceleration(&self, pose: &Pose, tau: &Joints) -> Joints {
        let gravity = self.gravity(&pose.q);
        let coriolis = self.coriolis(pose);
        let friction = self.friction(&pose.dq);
        let stops = self.stops(pose);
        let rest: Joints =
            std::array::from_fn(|i| tau[i] + stops[i] - gravity[i] - coriolis[i] - friction[i]);
        solve(self.mass(&pose.q), rest)
    }

    /// The pose after `dt` [s] under constant torques, by the midpoint rule.
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

    /// Flange frame to base, 4x4 column-major [m], with `f_t_ee` behind it.
    pub fn end_effector(&self, q: &Joints, f_t_ee: &[f64; 16]) -> [f64; 16] {
        self.model
            .pose_q(Frame::EndEffector, q, f_t_ee, &IDENTITY_TRANSFORM)
    }

    /// Twist [m/s, rad/s] of the end effector in the base frame at `dq` [rad/s].
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
}

fn along(from: &Joints, rate: &Joints, dt: f64) -> Joints {
    std::array::from_fn(|i| from[i] + rate[i] * dt)
}

/// `m⁻¹ b` for a symmetric positive definite `m`, by Cholesky.
fn solve(mut m: [Joints; 7], mut b: Joints) -> Joints {
    for i in 0..7 {
        for j in 0..=i {
            let mut sum = m[i][j];
            for k in 0..j {
                sum -= m[i][k] * m[j][k];
            }
            m[i][j] = if i == j { sum.sqrt() } else { sum / m[j][j] };
        }
    }
    for i in 0..7 {
        for k in 0..i {
            b[i] -= m[i][k] * b[k];
        }
        b[i] /= m[i][i];
    }
    for i in (0..7).rev() {
        for k in i + 1..7 {
            b[i] -= m[k][i] * b[k];
        }
        b[i] /= m[i][i];
    }
    b
}
