//! The desired values of the arm's own controller, and how it brings the joints to rest.

use franka::rate_limiting::{DELTA_T, LIMIT_EPS, limit_rate_joint_velocity};

use crate::generation::Envelope;
use crate::joints::Joints;

/// Below this velocity [rad/s] and acceleration [rad/s2] the reference is set to rest.
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

    /// Returns the reference one millisecond later, towards the velocities `target` [rad/s], within the arm's
    /// limits on acceleration and jerk.
    pub fn towards(&self, target: &Joints, envelope: &Envelope) -> Reference {
        let mut next = *self;
        for (i, &target) in target.iter().enumerate() {
            let dq = limit_rate_joint_velocity(
                envelope.velocity[i],
                -envelope.velocity[i],
                envelope.acceleration[i] - LIMIT_EPS,
                envelope.jerk[i] - LIMIT_EPS,
                target,
                self.dq[i],
                self.ddq[i],
            );
            let ddq = (dq - self.dq[i]) / DELTA_T;
            let resting =
                target == 0.0 && dq.abs() < REST_VELOCITY && self.ddq[i].abs() <= REST_ACCELERATION;
            next.dq[i] = if resting { 0.0 } else { dq };
            next.ddq[i] = if resting { 0.0 } else { ddq };
            next.q[i] = self.q[i] + next.dq[i] * DELTA_T;
        }
        next
    }

    /// Returns the reference after one millisecond of braking.
    pub fn braked(&self, envelope: &Envelope) -> Reference {
        if self.is_at_rest() {
            *self
        } else {
            self.towards(&[0.0; 7], envelope)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Generation;

    #[test]
    fn comes_to_rest_within_the_limits_on_acceleration_and_jerk() {
        let starts = [
            (0.5, 0.0),
            (2.0, 7.4),
            (-1.0, -7.4),
            (0.003, 4.0),
            (0.2, -7.0),
        ];
        let envelopes = Generation::ALL.map(Generation::envelope);
        for (envelope, (speed, ddq)) in envelopes
            .iter()
            .flat_map(|envelope| starts.map(|start| (envelope, start)))
        {
            let mut reference = Reference {
                q: [0.0; 7],
                dq: [speed; 7],
                ddq: [ddq; 7],
            };
            let mut ticks = 0;
            while !reference.is_at_rest() {
                let next = reference.braked(envelope);
                for i in 0..7 {
                    assert!(
                        next.ddq[i].abs() <= envelope.acceleration[i] + 1e-6,
                        "{:?}",
                        next.ddq
                    );
                    let jerk = (next.ddq[i] - reference.ddq[i]) / DELTA_T;
                    assert!(jerk.abs() <= envelope.jerk[i] + 1e-6, "jerk {jerk}");
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
