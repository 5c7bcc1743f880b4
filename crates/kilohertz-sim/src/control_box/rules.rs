//! The rules of a motion: which command may follow which, and what happens without a command.
//!
//! Pure: a rule takes the last desired values and a command. It returns the next desired values, or the flags
//! of the violations.

use franka::joint_velocity_limits::JointVelocityLimitsConfig;
use franka::model::FR3_URDF;
use franka::rate_limiting::DELTA_T;

use crate::body::dynamics::MAX_TORQUE;
use crate::body::reference::Reference;
use crate::error::SimulatorError;
use crate::generation::{Envelope, Generation};
use crate::joints::Joints;
use crate::violation::{self, Violation};
use crate::wire::generator::Generator;

/// The largest torque rate [N m/s] of every joint of both arms, from libfranka's `rate_limiting.h`.
const MAX_TORQUE_RATE: f64 = 1000.0;

/// The tolerance on a commanded velocity [rad/s], above the limits that a client computes.
const VELOCITY_TOLERANCE: f64 = 2e-3;
/// Above this share of a motor's largest torque a measured torque is out of range. A saturated motor that
/// brakes shows a little more torque at the link. How much a real arm allows is not documented.
const MEASURED_SHARE: f64 = 1.1;
/// Tolerance on a torque rate [N m/s].
const TORQUE_RATE_TOLERANCE: f64 = 1.0;
/// How far from `q_d` [rad] a position motion may begin.
const START_POSE_TOLERANCE: f64 = 1e-3;
/// The margin [rad/s] of a measured velocity above its limit.
const MEASURED_VELOCITY_MARGIN: f64 = 0.2;

/// The limits of the arm's joints.
#[derive(Debug)]
pub(crate) struct Limits {
    envelope: &'static Envelope,
    /// The FR3's joints are slower near the ends of their range.
    velocity_by_position: Option<JointVelocityLimitsConfig>,
}

impl Limits {
    pub fn new(generation: Generation) -> Result<Limits, SimulatorError> {
        let velocity_by_position = match generation {
            Generation::Fer => None,
            Generation::Fr3 => {
                Some(JointVelocityLimitsConfig::from_urdf(FR3_URDF).map_err(|e| {
                    SimulatorError::Model {
                        message: e.to_string(),
                    }
                })?)
            }
        };
        Ok(Limits {
            envelope: generation.envelope(),
            velocity_by_position,
        })
    }

    /// Returns the lowest and the highest velocities [rad/s] that the joints may have at `q`.
    pub(super) fn velocities(&self, q: &Joints) -> (Joints, Joints) {
        match &self.velocity_by_position {
            Some(limits) => (limits.lower_limits(q), limits.upper_limits(q)),
            None => (self.envelope.velocity.map(|v| -v), self.envelope.velocity),
        }
    }

    /// Returns the desired values that `input` asks for after `last`, or what it violates. `input` is finite.
    /// It has positions [rad] or velocities [rad/s], depending on the generator. For a Cartesian generator it
    /// has the joint positions of the pose.
    pub fn next(
        &self,
        generator: Generator,
        last: &Reference,
        input: &Joints,
        first: bool,
    ) -> Result<Reference, Violation> {
        let mut next = *last;
        match generator {
            Generator::CartesianPose | Generator::CartesianVelocity => {
                next.q = *input;
                next.dq = std::array::from_fn(|i| (next.q[i] - last.q[i]) / DELTA_T);
            }
            Generator::JointPosition => {
                let far = |i: usize| (input[i] - last.q[i]).abs() > START_POSE_TOLERANCE;
                if first && (0..7).any(far) {
                    return Err(Violation::of(violation::START_POSE));
                }
                next.q = *input;
                next.dq = std::array::from_fn(|i| (next.q[i] - last.q[i]) / DELTA_T);
            }
            Generator::JointVelocity => {
                next.dq = *input;
                next.q = std::array::from_fn(|i| last.q[i] + next.dq[i] * DELTA_T);
            }
            Generator::None => return Ok(*last),
        }
        next.ddq = std::array::from_fn(|i| (next.dq[i] - last.dq[i]) / DELTA_T);

        let Envelope { lower, upper, .. } = self.envelope;
        let (slowest, fastest) = self.velocities(&last.q);
        let (acceleration_tolerance, jerk_tolerance) = generator.tolerances();
        let names = generator.names();
        let mut violated = Violation::NONE;
        for i in 0..7 {
            let jerk = (next.ddq[i] - last.ddq[i]) / DELTA_T;
            // Outside the limits, motion back inside is allowed.
            let outwards =
                next.q[i] > upper[i].max(last.q[i]) || next.q[i] < lower[i].min(last.q[i]);
            if outwards {
                violated.add(names.position);
            }
            if next.dq[i] > fastest[i] + VELOCITY_TOLERANCE
                || next.dq[i] < slowest[i] - VELOCITY_TOLERANCE
            {
                violated.add(names.velocity);
            }
            if next.ddq[i].abs() > self.envelope.acceleration[i] + acceleration_tolerance {
                violated.add(names.velocity_discontinuity);
            }
            if jerk.abs() > self.envelope.jerk[i] + jerk_tolerance {
                violated.add(names.acceleration_discontinuity);
            }
        }
        if violated.any() {
            Err(violated)
        } else {
            Ok(next)
        }
    }

    /// Returns the desired values of a tick without a command: constant acceleration, within the limits on
    /// velocity and position.
    pub fn extrapolated(&self, last: &Reference) -> Reference {
        let Envelope { lower, upper, .. } = self.envelope;
        let (slowest, fastest) = self.velocities(&last.q);
        let mut next = *last;
        for i in 0..7 {
            let free = last.dq[i] + last.ddq[i] * DELTA_T;
            let dq = free.min(fastest[i].max(0.0)).max(slowest[i].min(0.0));
            let q = last.q[i] + dq * DELTA_T;
            let inside = q.min(upper[i].max(last.q[i])).max(lower[i].min(last.q[i]));
            next.dq[i] = (inside - last.q[i]) / DELTA_T;
            next.ddq[i] = if dq == free && inside == q {
                last.ddq[i]
            } else {
                0.0
            };
            next.q[i] = inside;
        }
        next
    }

    /// Checks whether a motion may end at the desired values `last`. Returns what the stop would violate.
    pub fn finish(&self, last: &Reference) -> Result<(), Violation> {
        let largest = self.envelope.acceleration.map(|a| (a + 0.5) * DELTA_T);
        if (0..7).any(|i| last.dq[i].abs() > largest[i]) {
            return Err(Violation::of(violation::VELOCITY_DISCONTINUITY));
        }
        Ok(())
    }

    /// Checks the torques `tau` [N m] after `last`. Returns what they violate. Both are finite.
    pub fn torque(&self, last: &Joints, tau: &Joints) -> Result<(), Violation> {
        let mut violated = Violation::NONE;
        for i in 0..7 {
            if tau[i].abs() > MAX_TORQUE[i] {
                violated.add(violation::TORQUE_RANGE);
            }
            if ((tau[i] - last[i]) / DELTA_T).abs() > MAX_TORQUE_RATE + TORQUE_RATE_TOLERANCE {
                violated.add(violation::TORQUE_DISCONTINUITY);
            }
        }
        if violated.any() {
            Err(violated)
        } else {
            Ok(())
        }
    }

    /// Checks the measured position [rad], velocity [rad/s] and torque [N m]. Returns what they violate.
    pub fn measured(&self, q: &Joints, dq: &Joints, tau: &Joints) -> Result<(), Violation> {
        let Envelope { lower, upper, .. } = self.envelope;
        let (slowest, fastest) = self.velocities(q);
        let mut violated = Violation::NONE;
        for i in 0..7 {
            if tau[i].abs() > MEASURED_SHARE * MAX_TORQUE[i] {
                violated.add(violation::TORQUE_RANGE);
            }
            // An arm that is outside and moves back inside violates nothing.
            if (q[i] > upper[i] && dq[i] > 0.0) || (q[i] < lower[i] && dq[i] < 0.0) {
                violated.add(violation::POSITION_LIMITS);
            }
            if dq[i] > fastest[i].max(0.0) + MEASURED_VELOCITY_MARGIN
                || dq[i] < slowest[i].min(0.0) - MEASURED_VELOCITY_MARGIN
            {
                violated.add(violation::VELOCITY);
            }
        }
        if violated.any() {
            Err(violated)
        } else {
            Ok(())
        }
    }
}

/// Records which ticks of a motion had a command.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    /// The newest 100 ticks, the newest in bit 0. A bit is 1 if a command was received.
    recent: u128,
    /// How many ticks count, up to 100.
    counted: u32,
    /// Ticks without a command since the last tick with one.
    run: u32,
    /// Ticks for which the motion has waited for its first command.
    waited: u64,
    /// Whether a command has been received, or the grace has passed.
    counting: bool,
}

/// The meaning of a tick without a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The motion still waits for its first command.
    Waiting,
    /// A command was lost, the n-th in a row.
    Lost(u32),
}

impl Reception {
    /// Records that this tick had a command.
    pub fn received(&mut self) {
        self.counting = true;
        self.run = 0;
        self.shift(1);
    }

    /// Records that this tick had no command. `grace` is how many ticks a motion may wait for its first
    /// command.
    pub fn missing(&mut self, grace: u64) -> Missing {
        if !self.counting {
            self.waited += 1;
            if self.waited <= grace {
                return Missing::Waiting;
            }
            self.counting = true;
        }
        self.run += 1;
        self.shift(0);
        Missing::Lost(self.run)
    }

    fn shift(&mut self, bit: u128) {
        self.recent = (self.recent << 1 | bit) & ((1 << 100) - 1);
        self.counted = (self.counted + 1).min(100);
    }

    /// Returns the share of the newest 100 ticks that had a command; 1 before any tick counts.
    pub fn success_rate(&self) -> f64 {
        if self.counted == 0 {
            return 1.0;
        }
        f64::from(self.recent.count_ones()) / f64::from(self.counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::joints::READY;

    fn limits() -> Limits {
        Limits::new(Generation::Fr3).unwrap()
    }

    fn velocity(limits: &Limits, last: &Reference, dq: f64) -> Result<Reference, Violation> {
        limits.next(
            Generator::JointVelocity,
            last,
            &[0., 0., 0., dq, 0., 0., 0.],
            false,
        )
    }

    #[test]
    fn takes_a_ramp_within_the_limits() {
        let limits = limits();
        let mut last = Reference::at_rest(READY);
        let (mut dq, mut ddq) = (0.0, 0.0_f64);
        for _ in 0..200 {
            ddq = (ddq + 4.99).min(9.99);
            dq += ddq * 1e-3;
            last = velocity(&limits, &last, dq).unwrap();
        }
        assert!((last.dq[3] - dq).abs() < 1e-12);
        assert!((last.ddq[3] - 9.99).abs() < 1e-9);
    }

    #[test]
    fn names_each_discontinuity() {
        let limits = limits();
        let rest = Reference::at_rest(READY);
        let jerk = velocity(&limits, &rest, 0.0052).unwrap_err();
        assert!(jerk.has(violation::ACCELERATION_DISCONTINUITY));
        assert!(!jerk.has(violation::VELOCITY_DISCONTINUITY));

        let moving = Reference {
            ddq: [0., 0., 0., 9., 0., 0., 0.],
            ..rest
        };
        let jump = velocity(&limits, &moving, 0.0107).unwrap_err();
        assert!(jump.has(violation::VELOCITY_DISCONTINUITY));
        assert!(!jump.has(violation::ACCELERATION_DISCONTINUITY));
    }

    #[test]
    fn each_joint_of_the_fer_has_its_own_limits() {
        let limits = Limits::new(Generation::Fer).unwrap();
        let rest = Reference::at_rest(READY);
        let step = |last: &Reference, joint: usize, dq: f64| {
            let mut input = last.dq;
            input[joint] = dq;
            limits.next(Generator::JointVelocity, last, &input, false)
        };
        // 4 rad/s2 after 1 ms is too much for joint 2, but not for the others.
        assert!(step(&rest, 0, 0.004).is_ok());
        let jerk = step(&rest, 1, 0.004).unwrap_err();
        assert_eq!(jerk, Violation::of(violation::ACCELERATION_DISCONTINUITY));
        let fast = Reference {
            dq: [2.174; 7],
            ..rest
        };
        assert!(step(&fast, 6, 2.1775).is_ok());
        let violated = step(&fast, 0, 2.1775).unwrap_err();
        assert_eq!(violated, Violation::of(violation::COMMANDED_VELOCITY));
        assert!(
            limits
                .finish(&Reference {
                    dq: [0.007; 7],
                    ..rest
                })
                .is_ok()
        );
        assert!(
            limits
                .finish(&Reference {
                    dq: [0.012; 7],
                    ..rest
                })
                .is_err()
        );
    }

    #[test]
    fn names_the_velocity_limit_alone_when_it_is_approached_smoothly() {
        let limits = limits();
        let mut last = Reference::at_rest(READY);
        last.dq[3] = -2.6;
        last.q[3] = -1.5;
        let mut dq = -2.6;
        let violated = loop {
            dq -= 1e-3;
            match velocity(&limits, &last, dq) {
                Ok(next) => last = next,
                Err(violated) => break violated,
            }
        };
        assert_eq!(violated, Violation::of(violation::COMMANDED_VELOCITY));
    }

    #[test]
    fn lets_nothing_be_commanded_beyond_the_position_limits() {
        let limits = limits();
        let mut q = READY;
        q[0] = 2.7501;
        let last = Reference::at_rest(q);
        let mut input = q;
        input[0] += 1e-6;
        let violated = limits
            .next(Generator::JointPosition, &last, &input, false)
            .unwrap_err();
        assert!(violated.has(violation::COMMANDED_POSITION));
    }

    #[test]
    fn refuses_a_position_motion_that_begins_elsewhere() {
        let limits = limits();
        let last = Reference::at_rest(READY);
        let mut input = READY;
        input[6] += 0.01;
        let violated = limits
            .next(Generator::JointPosition, &last, &input, true)
            .unwrap_err();
        assert_eq!(violated, Violation::of(violation::START_POSE));
        let rounded = READY.map(|q| f64::from(q as f32));
        limits
            .next(Generator::JointPosition, &last, &rounded, true)
            .unwrap();
    }

    #[test]
    fn names_each_torque_violation() {
        let limits = limits();
        let zero = [0.0; 7];
        assert!(limits.torque(&zero, &[1.0; 7]).is_ok());
        let jump = limits
            .torque(&zero, &[1.01, 0., 0., 0., 0., 0., 0.])
            .unwrap_err();
        assert_eq!(jump, Violation::of(violation::TORQUE_DISCONTINUITY));
        let strong = [87.0, 0., 0., 0., 0., 0., 0.];
        let stronger = [87.5, 0., 0., 0., 0., 0., 0.];
        let range = limits.torque(&strong, &stronger).unwrap_err();
        assert_eq!(range, Violation::of(violation::TORQUE_RANGE));
    }

    #[test]
    fn a_measured_torque_may_be_a_little_beyond_the_range_of_a_commanded_one() {
        let limits = limits();
        let mut tau = [0.0; 7];
        tau[4] = -13.1;
        assert!(limits.measured(&READY, &[0.0; 7], &tau).is_ok());
        tau[4] = -13.3;
        let range = limits.measured(&READY, &[0.0; 7], &tau).unwrap_err();
        assert_eq!(range, Violation::of(violation::TORQUE_RANGE));
    }

    #[test]
    fn extrapolates_with_constant_acceleration_up_to_the_limits() {
        let limits = limits();
        let mut last = Reference::at_rest(READY);
        last.dq[0] = 0.1;
        last.ddq[0] = 2.0;
        let next = limits.extrapolated(&last);
        assert!((next.dq[0] - 0.102).abs() < 1e-12);
        assert!((next.q[0] - 0.000102).abs() < 1e-12);
        assert!((next.ddq[0] - 2.0).abs() < 1e-12);
        for _ in 0..5000 {
            last = limits.extrapolated(&last);
            assert!(last.dq[0] <= 2.62);
            assert!(last.q[0] <= 2.7501);
        }
    }

    #[test]
    fn waits_for_the_first_command_and_then_counts_losses() {
        let mut reception = Reception::default();
        for _ in 0..50 {
            assert_eq!(reception.missing(100), Missing::Waiting);
        }
        assert_eq!(reception.success_rate(), 1.0);
        reception.received();
        assert_eq!(reception.missing(100), Missing::Lost(1));
        assert_eq!(reception.missing(100), Missing::Lost(2));
        reception.received();
        assert_eq!(reception.missing(100), Missing::Lost(1));
        assert_eq!(reception.success_rate(), 0.4);
    }

    #[test]
    fn counts_a_motion_that_never_gets_a_command() {
        let mut reception = Reception::default();
        for _ in 0..100 {
            assert_eq!(reception.missing(100), Missing::Waiting);
        }
        assert_eq!(reception.missing(100), Missing::Lost(1));
    }

    #[test]
    fn the_success_rate_covers_the_last_hundred_ticks() {
        let mut reception = Reception::default();
        (0..1000).for_each(|_| reception.received());
        (0..25).for_each(|_| {
            reception.missing(0);
        });
        assert_eq!(reception.success_rate(), 0.75);
    }
}
