//! Where the arm's own controller wants the joints to be, and how it brings them to rest.

use franka::rate_limiting::{
    DELTA_T, MAX_JOINT_ACCELERATION, MAX_JOINT_JERK, limit_rate_joint_velocity,
};

use crate::dynamics::Joints;

/// Velocity limits [rad/s] of the URDF, without their dependence on the position.
const MAX_VELOCITY: Joints = [2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26];
/// Below this velocity [rad/s] and acceleration [rad/s2] the reference is put to rest.
const REST_VELOCITY: f64 = 1e-4;
const REST_ACCELERATION: f64 = 5.0;

/// Desired joint positions [rad], velocities [rad/s] and accelerations [rad/s2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reference {
    pub q: Joints,
    pub dq: Joints,
    pub ddq: Joints,
}

impl Reference {
    pub fn at_rest(q: Joints) -> Reference {
        Reference {
            q,
            dq: [0.0; 7],
            ddq: [0.0; 7],
        }
    }

    pub fn is_at_rest(&self) -> bool {
        self.dq == [0.0; 7] && self.ddq == [0.0; 7]
    }

    /// One millisecond towards the velocities `target` [rad/s], within the arm's limits on
    /// acceleration and jerk.
    pub fn towards(&self, target: &Joints) -> Reference {
        let mut next = *self;
        for i in 0..7 {
            let dq = limit_rate_joint_velocity(
                MAX_VELOCITY[i],
                -MAX_VELOCITY[i],
                MAX_JOINT_ACCELERATION[i],
                MAX_JOINT_JERK[i],
                target[i],
                self.dq[i],
                self.ddq[i],
            );
            let ddq = (dq - self.dq[i]) / DELTA_T;
            let resting = target[i] == 0.0
                && dq.abs() < REST_VELOCITY
                && self.ddq[i].abs() <= REST_ACCELERATION;
            next.dq[i] = if resting { 0.0 } else { dq };
            next.ddq[i] = if resting { 0.0 } else { ddq };
            next.q[i] = self.q[i] + next.dq[i] * DELTA_T;
        }
        next
    }

    /// One millisecond of braking.
    pub fn braked(&self) -> Reference {
        if self.is_at_rest() {
            *self
        } else {
            self.towards(&[0.0; 7])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_to_rest_within_the_limits_on_acceleration_and_jerk() {
        for (speed, ddq) in [
            (0.5, 0.0),
            (2.0, 10.0),
            (-1.0, -10.0),
            (0.003, 4.0),
            (0.2, -9.0),
        ] {
            let mut reference = Reference {
                q: [0.0; 7],
                dq: [speed; 7],
                ddq: [ddq; 7],
            };
            let mut ticks = 0;
            while !reference.is_at_rest() {
                let next = reference.braked();
                for i in 0..7 {
                    assert!(next.ddq[i].abs() <= 10.0 + 1e-6, "{:?}", next.ddq);
                    let jerk = (next.ddq[i] - reference.ddq[i]) / DELTA_T;
                    assert!(jerk.abs() <= 5000.0 + 1e-6, "jerk {jerk}");
                }
                reference = next;
                ticks += 1;
                assert!(ticks < 400, "still at {:?} from {speed}", reference.dq);
            }
            let stopping = speed * speed / 20.0;
            assert!(reference.q[0].abs() < stopping + 0.02 + speed.abs() * 0.01);
        }
    }
}
