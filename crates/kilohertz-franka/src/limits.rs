//! What an arm may be commanded, and how it is brought to rest.
//!
//! The numbers of each generation are in `generation.rs`; those of torques, which both share, are
//! from libfranka's `rate_limiting.h`, which `franka-rs` carries, and the URDF's `effort`.
//!
//! | | checked | without an action | at the end |
//! | --- | --- | --- | --- |
//! | velocity | velocity, acceleration, jerk | the velocity is kept | braked to zero |
//! | position | the same, and the position range | the velocity is kept | braked to zero |
//! | torque | torque, torque rate | the torque is kept | damped, then held in place |

use franka::rate_limiting::MAX_TORQUE_RATE;
use kilohertz_core::limits::{
    JointMotion, Limits, MotionBounds, Violation, ViolationKind, check_finite,
};

use crate::control::Control;
use crate::generation::JointLimits;
use crate::state::{joints, offset};

/// The cycle [s].
const DT: f64 = 1e-3;
/// Highest joint torques of both generations [N m], from their URDFs and data sheets.
const MAX_TORQUE: [f64; 7] = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
/// Commands of our own making stay this far within the limits.
const OWN_SHARE: f64 = 0.95;
/// An action that is followed counts as reached when the step to it takes no more than this share
/// of the limits: the rest is left to the policy's own next step.
const REACHED_SHARE: f64 = 0.4;
/// Rounding of a command that was computed to be at its limit.
const ROUNDING: f64 = 1e-9;
/// The arm reports in single precision what it was commanded; closer than this is the same. What
/// differs is not the last command: it got lost, and the arm extrapolated or reused an older one.
const SAME_POSITION: f64 = 2e-6;
const SAME_VELOCITY: f64 = 2e-5;
const SAME_TORQUE: f64 = 1e-3;
/// Joints slower than this are at rest in torque control [rad/s].
const REST_VELOCITY: f64 = 0.01;
/// For how many cycles in a row they have to be.
const REST_CYCLES: u32 = 50;
/// Damping that brings the joints to rest in torque control [N m s/rad].
const REST_DAMPING: [f64; 7] = [40.0, 40.0, 40.0, 40.0, 12.0, 10.0, 6.0];
/// Stiffness that keeps them there [N m/rad].
const REST_STIFFNESS: [f64; 7] = [300.0, 300.0, 300.0, 300.0, 120.0, 80.0, 40.0];
/// Below this velocity a joint's place is taken as the one to keep [rad/s].
const LATCH_VELOCITY: f64 = 0.02;

/// The limits for `control` of an arm with these joints.
pub fn limits(control: Control, arm: JointLimits) -> Box<dyn Limits> {
    match control {
        Control::JointVelocity => Box::new(Motion::new(Quantity::Velocity, arm)),
        Control::JointPosition => Box::new(Motion::new(Quantity::Position, arm)),
        Control::Torque => Box::new(Torque::default()),
    }
}

/// Which quantity of the commanded motion the actions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Velocity,
    Position,
}

/// Limits of joint velocity and joint position control.
struct Motion {
    quantity: Quantity,
    arm: JointLimits,
    joints: [JointMotion; 7],
    has_observed: bool,
    /// The action followed last, and how many cycles ago.
    followed: Option<([f64; 7], u32)>,
}

impl Motion {
    fn new(quantity: Quantity, arm: JointLimits) -> Motion {
        Motion {
            quantity,
            arm,
            joints: [JointMotion::default(); 7],
            has_observed: false,
            followed: None,
        }
    }

    /// The bounds at the commanded position, accelerations and jerks scaled by `share`.
    fn bounds(&self, observation: &[f64], share: f64) -> [MotionBounds; 7] {
        let q_d = joints(observation, offset::q_d);
        let (lower, upper) = self.arm.velocities(&q_d);
        std::array::from_fn(|joint| MotionBounds {
            lower_velocity: lower[joint],
            upper_velocity: upper[joint],
            acceleration: self.arm.acceleration[joint] * share + ROUNDING,
            jerk: self.arm.jerk[joint] * share + ROUNDING,
        })
    }

    /// The motion of `joint` with `action` as its next step.
    fn next(&self, joint: usize, action: f64) -> JointMotion {
        match self.quantity {
            Quantity::Velocity => self.joints[joint].with_velocity(action, DT),
            Quantity::Position => self.joints[joint].with_position(action, DT),
        }
    }

    fn violation(&self, observation: &[f64], action: &[f64], share: f64) -> Option<Violation> {
        let bounds = self.bounds(observation, share);
        (0..7).find_map(|joint| {
            let next = self.next(joint, action[joint]);
            self.joints[joint]
                .violation(next, &bounds[joint], DT)
                .map(|(kind, received, limit)| Violation {
                    kind,
                    slot: joint,
                    action: action[joint],
                    received,
                    limit,
                })
        })
    }

    /// Takes one step of every joint and writes it out.
    fn step(&mut self, out: &mut [f64], mut step: impl FnMut(usize, JointMotion) -> JointMotion) {
        for (joint, (motion, out)) in self.joints.iter_mut().zip(out).enumerate() {
            *motion = step(joint, *motion);
            *out = match self.quantity {
                Quantity::Velocity => motion.velocity,
                Quantity::Position => motion.position,
            };
        }
    }
}

impl Limits for Motion {
    fn observe(&mut self, observation: &[f64]) -> bool {
        let q_d = joints(observation, offset::q_d);
        let dq_d = joints(observation, offset::dq_d);
        let ddq_d = joints(observation, offset::ddq_d);
        let in_step = (0..7).all(|joint| {
            let motion = &self.joints[joint];
            let same_position = (motion.position - q_d[joint]).abs() < SAME_POSITION;
            let same_velocity = (motion.velocity - dq_d[joint]).abs() < SAME_VELOCITY;
            same_velocity && (same_position || self.quantity == Quantity::Velocity)
        });
        if !in_step {
            self.joints = std::array::from_fn(|joint| JointMotion {
                position: q_d[joint],
                velocity: dq_d[joint],
                acceleration: ddq_d[joint],
            });
        }
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn check_value(&self, observation: &[f64], action: &[f64]) -> Result<(), Violation> {
        check_finite(action)?;
        let refuse = |kind, slot: usize, limit| {
            Err(Violation {
                kind,
                slot,
                action: action[slot],
                received: action[slot],
                limit,
            })
        };
        match self.quantity {
            Quantity::Velocity => {
                let bounds = self.bounds(observation, 1.0);
                for (slot, bounds) in bounds.iter().enumerate() {
                    if action[slot] > bounds.upper_velocity {
                        return refuse(ViolationKind::Velocity, slot, bounds.upper_velocity);
                    }
                    if action[slot] < bounds.lower_velocity {
                        return refuse(ViolationKind::Velocity, slot, bounds.lower_velocity);
                    }
                }
            }
            Quantity::Position => {
                for (slot, &(lower, upper)) in self.arm.range.iter().enumerate() {
                    if action[slot] > upper {
                        return refuse(ViolationKind::Position, slot, upper);
                    }
                    if action[slot] < lower {
                        return refuse(ViolationKind::Position, slot, lower);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_rate(&self, observation: &[f64], action: &[f64]) -> Result<(), Violation> {
        self.violation(observation, action, 1.0).map_or(Ok(()), Err)
    }

    fn commanded(&mut self, action: &[f64]) {
        self.joints = std::array::from_fn(|joint| self.next(joint, action[joint]));
        self.followed = None;
    }

    fn follow(&mut self, observation: &[f64], action: &[f64], out: &mut [f64]) -> bool {
        if self.violation(observation, action, REACHED_SHARE).is_none() {
            self.commanded(action);
            out.copy_from_slice(action);
            return true;
        }
        let bounds = self.bounds(observation, OWN_SHARE);
        let (last, ago) = self.followed.unwrap_or(([f64::NAN; 7], 1));
        let quantity = self.quantity;
        self.step(out, |joint, motion| match quantity {
            Quantity::Velocity => motion.towards_velocity(action[joint], &bounds[joint], DT),
            Quantity::Position => {
                // How fast the target itself moves, as far as that is known.
                let moved = (action[joint] - last[joint]) / (f64::from(ago) * DT);
                let velocity = if moved.is_nan() { 0.0 } else { moved };
                motion.towards_position(action[joint], velocity, &bounds[joint], DT)
            }
        });
        let mut followed = [0.0; 7];
        followed.copy_from_slice(action);
        self.followed = Some((followed, 1));
        false
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        let bounds = self.bounds(observation, OWN_SHARE);
        self.followed = self
            .followed
            .map(|(action, ago)| (action, ago.saturating_add(1)));
        self.step(out, |joint, motion| {
            motion.towards_velocity(motion.velocity, &bounds[joint], DT)
        });
    }

    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let bounds = self.bounds(observation, OWN_SHARE);
        self.followed = None;
        self.step(out, |joint, motion| {
            motion.towards_velocity(0.0, &bounds[joint], DT)
        });
        self.joints.iter().all(|motion| motion.is_at_rest())
    }
}

/// Limits of torque control.
#[derive(Debug, Default)]
struct Torque {
    last: [f64; 7],
    has_observed: bool,
    /// Where each joint is kept while resting, once it is slow.
    kept: [Option<f64>; 7],
    slow_for: u32,
}

impl Torque {
    /// Commands `wanted` as far as the torque rate allows.
    fn step(&mut self, wanted: &[f64; 7], out: &mut [f64]) {
        for joint in 0..7 {
            let change = MAX_TORQUE_RATE[joint] * OWN_SHARE * DT;
            let bounded = wanted[joint].clamp(-MAX_TORQUE[joint], MAX_TORQUE[joint]);
            self.last[joint] = bounded.clamp(self.last[joint] - change, self.last[joint] + change);
        }
        out.copy_from_slice(&self.last);
    }

    fn moves_again(&mut self) {
        self.kept = [None; 7];
        self.slow_for = 0;
    }
}

impl Limits for Torque {
    fn observe(&mut self, observation: &[f64]) -> bool {
        let tau_j_d = joints(observation, offset::tau_J_d);
        let in_step = (0..7).all(|joint| (self.last[joint] - tau_j_d[joint]).abs() < SAME_TORQUE);
        if !in_step {
            self.last = tau_j_d;
        }
        let is_first = !std::mem::replace(&mut self.has_observed, true);
        in_step || is_first
    }

    fn check_value(&self, _observation: &[f64], action: &[f64]) -> Result<(), Violation> {
        check_finite(action)?;
        for (slot, (&torque, &limit)) in action.iter().zip(&MAX_TORQUE).enumerate() {
            if torque.abs() > limit {
                let kind = ViolationKind::Torque;
                return Err(Violation {
                    kind,
                    slot,
                    action: torque,
                    received: torque,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn check_rate(&self, _observation: &[f64], action: &[f64]) -> Result<(), Violation> {
        for (slot, (&torque, &limit)) in action.iter().zip(&MAX_TORQUE_RATE).enumerate() {
            let rate = (torque - self.last[slot]) / DT;
            if rate.abs() > limit + ROUNDING {
                let kind = ViolationKind::TorqueRate;
                return Err(Violation {
                    kind,
                    slot,
                    action: torque,
                    received: rate,
                    limit,
                });
            }
        }
        Ok(())
    }

    fn commanded(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
        self.moves_again();
    }

    fn follow(&mut self, observation: &[f64], action: &[f64], out: &mut [f64]) -> bool {
        if self.check_rate(observation, action).is_ok() {
            self.commanded(action);
            out.copy_from_slice(action);
            return true;
        }
        let mut wanted = [0.0; 7];
        wanted.copy_from_slice(action);
        self.moves_again();
        self.step(&wanted, out);
        false
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let q = joints(observation, offset::q);
        let dq = joints(observation, offset::dq);
        let mut wanted = [0.0; 7];
        for joint in 0..7 {
            if self.kept[joint].is_none() && dq[joint].abs() < LATCH_VELOCITY {
                self.kept[joint] = Some(q[joint]);
            }
            let away = self.kept[joint].map_or(0.0, |place| place - q[joint]);
            wanted[joint] = REST_STIFFNESS[joint] * away - REST_DAMPING[joint] * dq[joint];
        }
        self.step(&wanted, out);
        let slow = dq.iter().all(|velocity| velocity.abs() < REST_VELOCITY);
        self.slow_for = if slow { self.slow_for + 1 } else { 0 };
        self.slow_for >= REST_CYCLES
    }
}

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;
    use crate::state::LEN;

    const READY: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];

    fn fr3() -> JointLimits {
        JointLimits::fr3(FR3_URDF).unwrap()
    }

    fn at(q: [f64; 7]) -> Vec<f64> {
        let mut observation = vec![0.0; LEN];
        observation[offset::q..offset::q + 7].copy_from_slice(&q);
        observation[offset::q_d..offset::q_d + 7].copy_from_slice(&q);
        observation
    }

    fn kind(result: Result<(), Violation>) -> Option<(ViolationKind, usize)> {
        result
            .err()
            .map(|violation| (violation.kind, violation.slot))
    }

    #[test]
    fn a_velocity_beyond_the_joints_limit_is_refused_by_name() {
        let observation = at(READY);
        let mut limits = limits(Control::JointVelocity, fr3());
        assert!(limits.observe(&observation));
        let mut action = [0.0; 7];
        action[4] = 5.3;
        let refused = limits.check_value(&observation, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Velocity, 4)));
        action[4] = 0.02;
        assert_eq!(kind(limits.check_value(&observation, &action)), None);
        let refused = limits.check_rate(&observation, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Acceleration, 4)));
    }

    #[test]
    fn each_joint_of_the_fer_has_its_own_limits() {
        let observation = at(READY);
        let mut limits = limits(Control::JointVelocity, JointLimits::fer());
        assert!(limits.observe(&observation));
        let only = |joint: usize, dq: f64| {
            let mut action = [0.0; 7];
            action[joint] = dq;
            action
        };
        // An FR3 goes on to 2.62 rad/s here.
        let refused = limits.check_value(&observation, &only(0, 2.2));
        assert_eq!(kind(refused), Some((ViolationKind::Velocity, 0)));
        assert_eq!(kind(limits.check_value(&observation, &only(6, 2.2))), None);
        assert_eq!(kind(limits.check_rate(&observation, &only(0, 0.006))), None);
        let refused = limits.check_rate(&observation, &only(1, 0.006));
        assert_eq!(kind(refused), Some((ViolationKind::Jerk, 1)));
    }

    #[test]
    fn the_measured_position_is_no_first_command_but_the_desired_one_is() {
        let mut observation = at(READY);
        observation[offset::q] += 2e-3;
        let mut limits = limits(Control::JointPosition, fr3());
        assert!(limits.observe(&observation));
        let q = joints(&observation, offset::q);
        assert!(limits.check_rate(&observation, &q).is_err());
        assert!(limits.check_rate(&observation, &READY).is_ok());
    }

    #[test]
    fn a_position_out_of_range_is_refused() {
        let observation = at(READY);
        let limits = limits(Control::JointPosition, fr3());
        let mut action = READY;
        action[3] = 0.0;
        let refused = limits.check_value(&observation, &action);
        assert_eq!(kind(refused), Some((ViolationKind::Position, 3)));
    }

    #[test]
    fn follows_a_target_that_went_on_meanwhile_and_reaches_it() {
        let controls = [Control::JointVelocity, Control::JointPosition];
        for (control, arm) in controls
            .into_iter()
            .flat_map(|control| [(control, fr3()), (control, JointLimits::fer())])
        {
            let observation = at(READY);
            let mut limits = limits(control, arm);
            assert!(limits.observe(&observation));
            let mut sent = [0.0; 7];
            let mut reached = None;
            for step in 0..3_000 {
                let time = f64::from(step) * DT;
                let mut action = READY;
                match control {
                    Control::JointPosition => action[0] = 0.15 + 0.1 * (2.0 * time).sin(),
                    _ => action = [0.5 + 0.2 * (2.0 * time).sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                }
                if limits.follow(&observation, &action, &mut sent) {
                    assert_eq!(sent, action);
                    reached = Some(step);
                    break;
                }
            }
            assert!(reached.is_some(), "{control} never caught up: {sent:?}");
        }
    }

    #[test]
    fn goes_on_from_where_the_arm_is_when_a_command_got_lost() {
        let mut observation = at(READY);
        let mut limits = limits(Control::JointVelocity, fr3());
        assert!(limits.observe(&observation));
        limits.commanded(&[0.004; 7]);
        // The command was lost: the arm still stands.
        assert!(!limits.observe(&observation));
        let mut sent = [0.0; 7];
        limits.follow(&observation, &[0.008; 7], &mut sent);
        assert!(
            sent[0] > 0.0 && sent[0] < 0.005,
            "{sent:?} steps too far from rest"
        );
        observation[offset::dq_d..offset::dq_d + 7].copy_from_slice(&sent);
        assert!(limits.observe(&observation));
    }

    #[test]
    fn torque_steps_are_bounded_whatever_is_wanted() {
        let observation = at(READY);
        let mut limits = limits(Control::Torque, fr3());
        assert!(limits.observe(&observation));
        let mut last = [0.0; 7];
        let mut sent = [0.0; 7];
        for _ in 0..100 {
            limits.follow(
                &observation,
                &[50.0, 0.0, 0.0, 0.0, 0.0, 0.0, -10.0],
                &mut sent,
            );
            for joint in 0..7 {
                assert!((sent[joint] - last[joint]).abs() <= MAX_TORQUE_RATE[joint] * DT);
            }
            last = sent;
        }
        assert_eq!(sent, [50.0, 0.0, 0.0, 0.0, 0.0, 0.0, -10.0]);
    }
}
