//! Jogging: one joint turns slowly, for as long as a person says so.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kilohertz_core::limits::{JointBounds, JointMotion};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::timing::time::Time;

use crate::arm::{Arm, Driven};
use crate::constants::DT;
use crate::control::{Control, Interface};
use crate::error::ArmError;
use crate::limits::MotionOptions;
use crate::state::{joints, offset};

/// The highest speed of a joint \[rad/s\].
pub const JOG_SPEED: f64 = 0.1;
/// The highest acceleration \[rad/s²\]: a joint comes to rest in a fifth of a second.
const ACCELERATION: f64 = 1.0;
/// The highest jerk \[rad/s³\].
const JERK: f64 = 50.0;
/// The share of the acceleration by which a joint brakes before the end of its range.
const BRAKING: f64 = 0.85;
/// What was asked for so long ago is not wanted any more.
pub const WISH_LIMIT: Duration = Duration::from_millis(150);
/// A session in which nothing is wanted for so long ends.
const IDLE_LIMIT: Duration = Duration::from_millis(500);
/// The most cycles that are made up for at once. An arm ends a motion that has missed fewer.
const MOST_CYCLES: u32 = 100;
/// Bits of [`JogWish`] below the time, which is in microseconds: enough for the joint and the direction.
const CODE_BITS: u32 = 4;
/// What [`JogWish`] has of joint 1 in the negative direction, above what it has in the positive one.
const NEGATIVE: u64 = 7;

/// Which joint a person wants to turn, and since when that is known. One thread writes it, the loop reads it;
/// both are wait-free.
#[derive(Debug, Default)]
pub struct JogWish(AtomicU64);

impl JogWish {
    /// Notes that a joint, 0 to 6, is wanted to turn, upwards if `is_up`; `None` for none.
    pub fn set(&self, wanted: Option<(usize, bool)>, at: Time) {
        let code = match wanted {
            Some((joint @ 0..7, is_up)) => {
                let direction = if is_up { 0 } else { NEGATIVE };
                direction.saturating_add(joint as u64).saturating_add(1)
            }
            _ => 0,
        };
        let micros = at.as_nanos() / 1_000;
        self.0.store(micros << CODE_BITS | code, Ordering::Relaxed);
    }

    /// Returns the joint that is wanted to turn, and its velocity \[rad/s\].
    fn newest(&self, now: Time) -> Option<(usize, f64)> {
        let wish = self.0.load(Ordering::Relaxed);
        let at = Time::from_nanos((wish >> CODE_BITS).saturating_mul(1_000));
        if now.since(at) > WISH_LIMIT {
            return None;
        }
        match (wish & ((1 << CODE_BITS) - 1)).checked_sub(1)? {
            joint @ 0..NEGATIVE => Some((joint as usize, JOG_SPEED)),
            joint => Some((joint.saturating_sub(NEGATIVE) as usize, -JOG_SPEED)),
        }
    }
}

/// The policy of a session with joint velocities that turns the joint that is wished.
pub struct JogPolicy {
    wish: Arc<JogWish>,
    bounds: [JointBounds; 7],
    /// The commanded velocity and acceleration of each joint.
    motion: [JointMotion; 7],
    idle: Duration,
    answer: Answer,
}

impl JogPolicy {
    fn new(wish: Arc<JogWish>, bounds: &[JointBounds; 7]) -> JogPolicy {
        JogPolicy {
            wish,
            bounds: bounds.map(|bounds| JointBounds {
                velocity: bounds.velocity.min(JOG_SPEED),
                deceleration: bounds.deceleration.min(BRAKING * ACCELERATION),
                acceleration: bounds.acceleration.min(ACCELERATION),
                jerk: bounds.jerk.min(JERK),
                ..bounds
            }),
            motion: [JointMotion::default(); 7],
            idle: Duration::ZERO,
            answer: Answer::None,
        }
    }

    fn decide(&mut self, ask: &Ask<'_>, now: Time) {
        let q_d = joints(ask.observation, offset::q_d);
        let wanted = self.wish.newest(now);
        let cycles = (ask.period.as_millis() as u32).clamp(1, MOST_CYCLES);
        for (joint, motion) in self.motion.iter_mut().enumerate() {
            let bounds = &self.bounds[joint];
            let target = match wanted {
                Some((which, velocity)) if which == joint => velocity,
                _ => 0.0,
            };
            motion.position = q_d[joint];
            for _ in 0..cycles {
                *motion = motion.towards_velocity(target, bounds, DT);
            }
        }
        let is_idle = wanted.is_none() && self.motion.iter().all(|motion| motion.is_at_rest());
        self.idle = match is_idle {
            true => self.idle.saturating_add(ask.period),
            false => Duration::ZERO,
        };
        self.answer = Answer::Action(ask.question());
    }
}

impl Policy for JogPolicy {
    fn request(&mut self, ask: &Ask<'_>) {
        self.decide(ask, Time::now());
    }

    fn poll(&mut self, _until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if self.idle >= IDLE_LIMIT {
            stop.store(true, Ordering::Relaxed);
        }
        if let Answer::Action(_) = self.answer {
            for (slot, motion) in action.iter_mut().zip(&self.motion) {
                *slot = motion.velocity;
            }
        }
        std::mem::replace(&mut self.answer, Answer::None)
    }
}

impl Arm {
    /// Returns a robot for one session that jogs this arm, with one of the arm's own controllers, and the
    /// limits for it.
    ///
    /// # Errors
    /// See [`Arm::robot`].
    pub fn jogger(&self, options: &MotionOptions) -> Result<Driven, ArmError> {
        let interface = Interface {
            control: Control::JointVelocity,
            ..self.mover_interface()
        };
        self.driven(interface, options)
    }

    /// Returns the policy of a session on [`Arm::jogger`]. It ends the session when nothing was wished for
    /// half a second.
    pub fn jog_policy(&self, wish: Arc<JogWish>) -> JogPolicy {
        JogPolicy::new(wish, &self.limits_of_mover().joints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ArmLimits;
    use crate::move_to::HOME;

    /// An arm that does what its jog commands.
    struct Jogged {
        policy: JogPolicy,
        wish: Arc<JogWish>,
        q: [f64; 7],
        velocity: [f64; 7],
        acceleration: [f64; 7],
        cycle: u64,
        has_ended: bool,
    }

    fn at(cycle: u64) -> Time {
        Time::from_nanos(5_000_000_000 + cycle * 1_000_000)
    }

    impl Jogged {
        fn new(limits: &ArmLimits) -> Jogged {
            let wish = Arc::new(JogWish::default());
            Jogged {
                policy: JogPolicy::new(Arc::clone(&wish), &limits.joints),
                wish,
                q: HOME,
                velocity: [0.0; 7],
                acceleration: [0.0; 7],
                cycle: 0,
                has_ended: false,
            }
        }

        fn say(&self, joint: usize, is_up: bool) {
            self.wish.set(Some((joint, is_up)), at(self.cycle));
        }

        /// Goes on by one cycle, and checks that its command is slow and smooth.
        fn step(&mut self) {
            let mut observation = vec![0.0; crate::state::LEN];
            observation[offset::q_d..offset::q_d + 7].copy_from_slice(&self.q);
            let ask = Ask {
                tick: self.cycle,
                time: Duration::from_millis(self.cycle),
                period: Duration::from_millis(1),
                host: Time::default(),
                observation: &observation,
            };
            self.policy.decide(&ask, at(self.cycle));
            let stop = AtomicBool::new(false);
            let mut action = [f64::NAN; 7];
            let answer = self.policy.poll(None, &stop, &mut action);
            assert_eq!(answer, Answer::Action(ask.question()));
            for (joint, velocity) in action.into_iter().enumerate() {
                let acceleration = (velocity - self.velocity[joint]) / DT;
                let jerk = (acceleration - self.acceleration[joint]) / DT;
                assert!(velocity.abs() <= JOG_SPEED + 1e-9, "{velocity}");
                assert!(acceleration.abs() <= ACCELERATION + 1e-6, "{acceleration}");
                assert!(jerk.abs() <= JERK + 1e-3, "{jerk}");
                self.velocity[joint] = velocity;
                self.acceleration[joint] = acceleration;
                self.q[joint] += velocity * DT;
            }
            self.cycle += 1;
            self.has_ended |= stop.load(Ordering::Relaxed);
        }
    }

    fn both() -> [ArmLimits; 2] {
        let fr3 = ArmLimits::fr3(franka::model::FR3_URDF).unwrap();
        [fr3, ArmLimits::fer()]
    }

    #[test]
    fn a_joint_turns_while_it_is_wished_and_brakes_150_ms_after_the_newest_wish() {
        for limits in both() {
            for (joint, is_up) in (0..7).flat_map(|joint| [(joint, true), (joint, false)]) {
                let mut jogged = Jogged::new(&limits);
                // As a page does: twenty times a second.
                for cycle in 0..1000 {
                    if cycle % 50 == 0 {
                        jogged.say(joint, is_up);
                    }
                    jogged.step();
                }
                let speed = if is_up { JOG_SPEED } else { -JOG_SPEED };
                assert!((jogged.velocity[joint] - speed).abs() < 1e-6);
                let still = (0..7).filter(|&each| each != joint);
                assert!(still.into_iter().all(|each| jogged.q[each] == HOME[each]));
                // The newest wish is 50 ms old. Nothing comes any more.
                for _ in 0..=100 {
                    jogged.step();
                    assert!((jogged.velocity[joint] - speed).abs() < 1e-6);
                }
                jogged.step();
                let slower = speed.abs() - jogged.velocity[joint].abs();
                assert!(slower > 1e-6, "it brakes in the cycle after that");
                for _ in 0..300 {
                    jogged.step();
                }
                assert!(jogged.velocity[joint].abs() < 1e-4, "it has come to rest");
            }
        }
    }

    #[test]
    fn a_joint_that_is_let_go_brakes_in_the_next_cycle_and_its_session_ends() {
        let mut jogged = Jogged::new(&both()[0]);
        for _ in 0..500 {
            jogged.say(3, false);
            jogged.step();
        }
        jogged.wish.set(None, at(jogged.cycle));
        jogged.step();
        assert!(jogged.velocity[3] > -JOG_SPEED);
        for _ in 0..400 {
            jogged.step();
        }
        assert!(!jogged.has_ended, "another wish may come");
        for _ in 0..500 {
            jogged.step();
        }
        assert!(jogged.has_ended);
    }

    #[test]
    fn a_joint_that_is_wished_stops_before_the_end_of_its_range_and_turns_back() {
        for limits in both() {
            for (joint, is_up) in (0..7).flat_map(|joint| [(joint, true), (joint, false)]) {
                let mut jogged = Jogged::new(&limits);
                let bounds = limits.joints[joint];
                let end = if is_up { bounds.upper } else { bounds.lower };
                jogged.q[joint] = end + if is_up { -0.2 } else { 0.2 };
                for _ in 0..6000 {
                    jogged.say(joint, is_up);
                    jogged.step();
                }
                let left = (end - jogged.q[joint]).abs();
                assert!(left > 0.01 && left < 0.15, "{left} rad are left");
                assert!(jogged.velocity[joint].abs() < 1e-3);
                assert!(!jogged.has_ended);
                for _ in 0..1000 {
                    jogged.say(joint, !is_up);
                    jogged.step();
                }
                assert!((end - jogged.q[joint]).abs() > left + 0.05);
            }
        }
    }

    #[test]
    fn a_wish_for_another_joint_takes_the_place_of_the_one_before() {
        let mut jogged = Jogged::new(&both()[0]);
        for _ in 0..500 {
            jogged.say(0, true);
            jogged.step();
        }
        for _ in 0..500 {
            jogged.say(6, false);
            jogged.step();
        }
        assert!(jogged.velocity[0].abs() < 1e-4);
        assert!((jogged.velocity[6] + JOG_SPEED).abs() < 1e-6);
    }

    #[test]
    fn a_wish_is_read_as_it_was_written() {
        let wish = JogWish::default();
        assert_eq!(wish.newest(at(0)), None);
        for joint in 0..7 {
            for (is_up, velocity) in [(true, JOG_SPEED), (false, -JOG_SPEED)] {
                wish.set(Some((joint, is_up)), at(1000));
                assert_eq!(wish.newest(at(1150)), Some((joint, velocity)));
                assert_eq!(wish.newest(at(1151)), None);
            }
        }
        wish.set(Some((7, true)), at(1000));
        assert_eq!(wish.newest(at(1000)), None);
        wish.set(None, at(1000));
        assert_eq!(wish.newest(at(1000)), None);
    }
}
