//! What a motion of the end effector requires of the joints.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;

use franka::model::{Frame, Model};

use kilohertz_geometry::{Pose, Twist, UNIT, norm};

use crate::kinematics::span::Span;

/// Velocities of the end effector and of the elbow: translation, rotation, joint 3.
pub(crate) type Rates = [f64; 7];
/// The indices of each part of such velocities.
pub(crate) const PARTS: [std::ops::Range<usize>; 3] = [0..3, 3..6, 6..7];
/// The index of the joint that defines the elbow.
pub(crate) const ELBOW: usize = 2;

/// The damping that keeps the inverse finite at singular poses.
const DAMPING: f64 = 1e-6;
/// The square of the share that joint 3 has in its free motion, which leaves the end effector at rest.
/// Below the first value the elbow is led less than commanded; from the second value on it is led as freely
/// as the end effector.
const LEAST_FREEDOM: f64 = 0.02;
const ENOUGH_FREEDOM: f64 = 0.1;

/// Combines a twist with the velocity of the elbow.
pub(crate) fn joined([x, y, z, roll, pitch, yaw]: Twist, elbow: f64) -> Rates {
    [x, y, z, roll, pitch, yaw, elbow]
}

/// The kinematics of an arm with its end effector. No method allocates.
#[derive(Debug, Clone)]
pub(crate) struct Kinematics {
    model: Arc<Model>,
    /// The end effector in the flange frame.
    pub frame: Pose,
}

impl Kinematics {
    pub fn new(model: Arc<Model>) -> Kinematics {
        Kinematics { model, frame: UNIT }
    }

    /// Returns the pose of the end effector in the base frame at `q`.
    pub fn pose(&self, q: &[f64; 7]) -> Pose {
        self.model.pose_q(Frame::EndEffector, q, &self.frame, &UNIT)
    }

    /// Returns the position of the end effector at `q` \[m\].
    pub fn place(&self, q: &[f64; 7]) -> [f64; 3] {
        let pose = self.pose(q);
        [pose[12], pose[13], pose[14]]
    }

    /// Returns how far the end effector can reach.
    pub fn span(&self) -> Span {
        Span::of(&self.model, &self.frame)
    }

    /// Returns how the joints follow the end effector at `q`; `elbow` is true if the elbow is commanded
    /// too.
    pub fn joints(&self, q: &[f64; 7], elbow: bool) -> JacobianMap {
        let jacobian = self
            .model
            .zero_jacobian_q(Frame::EndEffector, q, &self.frame, &UNIT);
        JacobianMap::new(&jacobian, elbow)
    }
}

/// The damped product of a Jacobian (6x7, column-major) and its transpose, as its Cholesky factor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DampedGram {
    l: [[f64; 6]; 6],
}

impl DampedGram {
    /// Factorises the product; `least` keeps the squares on the diagonal above zero.
    pub fn new(jacobian: &[f64; 42], damping: f64, least: f64) -> DampedGram {
        let (columns, _) = jacobian.as_chunks::<6>();
        let mut l = [[0.0; 6]; 6];
        for i in 0..6 {
            for j in 0..=i {
                let square: f64 = columns.iter().map(|column| column[i] * column[j]).sum();
                let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
                l[i][j] = if i == j {
                    (square + damping - known).max(least).sqrt()
                } else {
                    (square - known) / l[j][j]
                };
            }
        }
        DampedGram { l }
    }

    /// Solves the linear system with the right-hand side `b`.
    pub fn solve(&self, mut b: Twist) -> Twist {
        let l = &self.l;
        for i in 0..6 {
            let known: f64 = (0..i).map(|k| l[i][k] * b[k]).sum();
            b[i] = (b[i] - known) / l[i][i];
        }
        for i in (0..6).rev() {
            let known: f64 = (i..6).skip(1).map(|k| l[k][i] * b[k]).sum();
            b[i] = (b[i] - known) / l[i][i];
        }
        b
    }

    /// Returns the volume of the Jacobian.
    pub fn volume(&self) -> f64 {
        (0..6).map(|i| self.l[i][i]).product()
    }
}

/// The smallest joint velocities for each twist: the pseudo-inverse of a Jacobian. If the elbow is
/// commanded too, the smallest that move joint 3 as fast as commanded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JacobianMap {
    rows: [Rates; 7],
    /// The volume of the Jacobian: 0 at a singular pose, about 0.1 in the middle of the range. It is
    /// smaller if a commanded elbow has little freedom.
    pub volume: f64,
}

impl JacobianMap {
    /// The map while nothing is known yet.
    pub const NONE: JacobianMap = JacobianMap {
        rows: [[0.0; 7]; 7],
        volume: 0.0,
    };

    fn new(jacobian: &[f64; 42], elbow: bool) -> JacobianMap {
        let gram = DampedGram::new(jacobian, DAMPING, 1e-12);
        let (columns, _) = jacobian.as_chunks::<6>();
        let column = |joint: usize| -> Twist { columns[joint] };
        let mut map = JacobianMap {
            rows: std::array::from_fn(|joint| joined(gram.solve(column(joint)), 0.0)),
            volume: gram.volume(),
        };
        if elbow {
            map.lead_elbow(&column(ELBOW));
        }
        map
    }

    /// Adds the part of a motion of joint 3 that does not change the motion of the end effector. `column`
    /// is joint 3's column of the Jacobian.
    fn lead_elbow(&mut self, column: &Twist) {
        let mut free = self.of(&joined(*column, 0.0)).map(|part| -part);
        free[ELBOW] += 1.0;
        // The square of the share that joint 3 has in this motion.
        let freedom = free[ELBOW].max(LEAST_FREEDOM);
        let through = self.rows[ELBOW];
        for (row, free) in self.rows.iter_mut().zip(free) {
            for (entry, through) in row.iter_mut().zip(through) {
                *entry -= free / freedom * through;
            }
            row[6] = free / freedom;
        }
        self.volume *= (freedom / ENOUGH_FREEDOM).min(1.0);
    }

    /// Returns the velocity of each joint that `rates` require.
    pub fn of(&self, rates: &Rates) -> [f64; 7] {
        self.rows
            .map(|row| row.iter().zip(rates).map(|(a, b)| a * b).sum())
    }

    /// Returns the highest velocity of `joint` that a translation, a rotation and an elbow of length 1 can
    /// require.
    pub fn most(&self, joint: usize) -> [f64; 3] {
        let row = &self.rows[joint];
        PARTS.map(|part| norm(&row[part]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joints_that_follow_a_twist_move_the_end_effector_with_it() {
        let models = [
            Model::from_urdf(franka::model::FR3_URDF).unwrap(),
            Model::native_fer(),
        ];
        for model in models {
            let kinematics = Kinematics::new(Arc::new(model));
            let q = [0.1, -0.785, 0.2, -2.356, 0.3, 1.571, 0.785];
            let rates = [0.3, -0.2, 0.1, 0.4, 0.5, -0.6, 0.7];
            for elbow in [false, true] {
                let map = kinematics.joints(&q, elbow);
                assert!(map.volume > 0.03, "{}", map.volume);
                let dq = map.of(&rates);
                let step = 1e-6;
                let next = std::array::from_fn(|i| q[i] + dq[i] * step);
                let moved =
                    kilohertz_geometry::pose_error(&kinematics.pose(&q), &kinematics.pose(&next));
                for i in 0..6 {
                    let off = moved[i] / step - rates[i];
                    assert!(off.abs() < 1e-3, "{moved:?}");
                }
                assert_eq!((dq[ELBOW] - rates[6]).abs() < 1e-4, elbow, "{dq:?}");
                let most = (0..7).map(|joint| map.most(joint)[0]).fold(0.0, f64::max);
                assert!(most > 1.0 && most < 8.0, "{most}");
            }
        }
    }
}
