//! The Cartesian motion generators: which pose may be commanded after which.

use franka::rate_limiting::DELTA_T;

use kilohertz_geometry::{integrate, orthonormal, pose_error};

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

/// The desired pose of the end effector in the base frame, 4x4 column-major, with its velocity [m/s, rad/s]
/// and acceleration [m/s2, rad/s2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CartesianReference {
    pub pose: [f64; 16],
    pub twist: [f64; 6],
    pub acceleration: [f64; 6],
    /// The reference of the elbow, if it is commanded.
    pub elbow: Option<ElbowReference>,
    /// The position at which joint 3 is kept if the elbow is not commanded \[rad\].
    pub kept: f64,
}

/// The desired position \[rad\], velocity [rad/s] and acceleration [rad/s2] of joint 3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ElbowReference {
    pub place: f64,
    pub velocity: f64,
    pub acceleration: f64,
}

impl ElbowReference {
    pub fn at_rest(place: f64) -> ElbowReference {
        ElbowReference {
            place,
            velocity: 0.0,
            acceleration: 0.0,
        }
    }

    /// Returns the reference a millisecond later, at `place`.
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
    /// Returns the reference of an arm at rest, with the end effector at `pose` and joint 3 at `kept`.
    pub fn at_rest(pose: [f64; 16], kept: f64) -> CartesianReference {
        CartesianReference {
            pose,
            kept,
            twist: [0.0; 6],
            acceleration: [0.0; 6],
            elbow: None,
        }
    }

    /// Returns the reference that `command` asks for after this one, or what it violates. The joints are at
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
            // A stretched arm may bend to either side.
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
        next.kept = next.elbow.map_or(self.kept, |elbow| elbow.place);
        next.check(self, generator, bounds)?;
        Ok(next)
    }

    /// Returns the reference a millisecond later, at `pose`.
    pub fn moved_to(&self, pose: &[f64; 16]) -> CartesianReference {
        let twist = pose_error(&self.pose, pose).map(|way| way / DELTA_T);
        self.followed_by(*pose, twist)
    }

    /// Returns the reference a millisecond later, with the velocity `twist` until then.
    fn moved_with(&self, twist: &[f64; 6]) -> CartesianReference {
        let pose = integrate(&self.pose, &twist.map(|velocity| velocity * DELTA_T));
        self.followed_by(pose, *twist)
    }

    fn followed_by(&self, pose: [f64; 16], twist: [f64; 6]) -> CartesianReference {
        CartesianReference {
            pose,
            twist,
            acceleration: std::array::from_fn(|i| (twist[i] - self.twist[i]) / DELTA_T),
            elbow: self.elbow,
            kept: self.kept,
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

    /// Returns the reference of a tick without a command: constant acceleration, within the limits on
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

    /// Checks whether a motion may end here. Returns what the stop would violate.
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

/// Returns the lengths of the translation and of the rotation in `twist`.
pub(super) fn norms(twist: &[f64; 6]) -> [f64; 2] {
    let length = |part: &[f64]| part.iter().map(|v| v * v).sum::<f64>().sqrt();
    [length(&twist[..3]), length(&twist[3..])]
}

#[cfg(test)]
mod tests {
    use franka::robot_state::IDENTITY_TRANSFORM;

    use super::*;
    use crate::generation::Generation;
    use crate::joints::READY;

    #[test]
    fn a_way_leads_from_one_pose_to_the_other() {
        let ways = [
            [0.1, -0.2, 0.3, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, -2.0, 0.5],
            [0.0, 0.0, 0.0, 1e-7, 2e-7, -1e-7],
            [0.3, 0.0, 0.0, 0.0, 0.0, 3.0],
        ];
        for way in ways {
            let from = integrate(&IDENTITY_TRANSFORM, &[0.4, 0.1, 0.2, -0.3, 0.2, 0.9]);
            let found = pose_error(&from, &integrate(&from, &way));
            for i in 0..6 {
                assert!((found[i] - way[i]).abs() < 1e-9, "{found:?} for {way:?}");
            }
        }
    }

    #[test]
    fn each_cartesian_violation_has_its_name() {
        let bounds = Generation::Fr3.cartesian_envelope();
        let rest = CartesianReference::at_rest(IDENTITY_TRANSFORM, READY[2]);
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
