//! Asynchronous motions: the client sends target positions now and then, and the arm moves by itself from one
//! to the next.
//!
//! Franka documents that such a motion comes to rest at each target and stays within the velocities that its
//! `Move` names. The way to a target, and the handling of a position out of range, are this simulator's own.

use crate::body::arm::Drive;
use crate::control_box::ControlBox;
use crate::control_box::modes::Mode;
use crate::violation::{self, Violation};
use franka::MoveStatus;

/// A joint that is this close to its target \[rad\] counts as arrived.
const NEAR: f64 = 1e-6;
/// How fast a joint approaches its target at the end, per distance [1/s].
const CLOSING: f64 = 8.0;
/// The acceleration with which it brakes before that, as a share of the limit.
const BRAKING: f64 = 0.4;
/// The share of the missing velocity that is added in a millisecond, so that the velocity is reached and not
/// exceeded.
const EASE: f64 = 0.2;

impl ControlBox {
    /// Advances an asynchronous motion by one millisecond.
    pub(super) fn follow_target(&mut self) -> Drive {
        let envelope = self.generation.envelope();
        let Mode::Moving(motion) = &mut self.mode else {
            return Drive::Internal;
        };
        let Some(target) = &mut motion.asynchronous else {
            return Drive::Internal;
        };
        if let Some(command) = motion.next.take() {
            motion.answered = command.answers;
            if std::mem::take(&mut motion.first) {
                motion.begun = self.time;
            }
            target.is_over |= command.finished;
            if !target.is_over {
                if !command.q.iter().all(|q| q.is_finite()) {
                    return self.abort(MoveStatus::InputErrorAborted);
                }
                let is_inside =
                    |i: usize| (envelope.lower[i]..=envelope.upper[i]).contains(&command.q[i]);
                if !(0..7).all(is_inside) {
                    self.reflex(Violation::of(violation::COMMANDED_POSITION));
                    return Drive::Internal;
                }
                target.q = Some(command.q);
            }
        }
        let reference = &self.arm.reference;
        let wanted = match (target.q, target.is_over) {
            (Some(q), false) => {
                let (slowest, fastest) = self.limits.velocities(&reference.q);
                std::array::from_fn(|i| {
                    let way = q[i] - reference.q[i];
                    if way.abs() < NEAR {
                        return 0.0;
                    }
                    let braked = (2.0 * BRAKING * envelope.acceleration[i] * way.abs()).sqrt();
                    let speed = target.fastest[i].min(braked).min(CLOSING * way.abs());
                    let wanted = speed
                        .copysign(way)
                        .max(slowest[i].min(0.0))
                        .min(fastest[i].max(0.0));
                    reference.dq[i] + EASE * (wanted - reference.dq[i])
                })
            }
            _ => [0.0; 7],
        };
        let is_over = target.is_over;
        self.arm.reference = reference.towards(&wanted, envelope);
        if is_over && self.arm.reference.is_at_rest() {
            self.finish();
        }
        Drive::Internal
    }
}

#[cfg(test)]
mod tests {
    use franka::RobotMode;
    use franka::wire::robot::MoveControllerMode;

    use super::*;
    use crate::control_box::modes::Offer;
    use crate::generation::Generation;
    use crate::joints::Joints;
    use crate::options::SimulatorOptions;
    use crate::wire::generator::Generator;
    use crate::wire::messages::{Setpoint, Status, Ticket};
    use crate::wire::request::Request;

    const FASTEST: Joints = [0.655, 0.655, 0.655, 0.655, 1.315, 1.315, 1.315];

    fn moving(lockstep: bool) -> ControlBox {
        let options = SimulatorOptions {
            lockstep,
            ..SimulatorOptions::default()
        };
        let mut robot = ControlBox::new(&options).unwrap();
        let request = Request::Move {
            generator: Generator::JointPosition,
            controller: MoveControllerMode::JointImpedance,
            asynchronous: Some(FASTEST),
        };
        robot.request(Ticket { command: 1, id: 1 }, request);
        robot
    }

    fn target(robot: &ControlBox, off: f64) -> Setpoint {
        Setpoint {
            answers: robot.time,
            q: SimulatorOptions::default().q.map(|q| q + off),
            ..Setpoint::default()
        }
    }

    /// Advances the time, and checks the limits of the motion. Returns the highest velocity of joint 1.
    fn wait(robot: &mut ControlBox, ticks: u32) -> f64 {
        let envelope = Generation::Fr3.envelope();
        let mut fastest = 0.0_f64;
        for _ in 0..ticks {
            let before = robot.arm.reference;
            robot.tick();
            let now = robot.arm.reference;
            for (i, most) in FASTEST.iter().enumerate() {
                let jerk = (now.ddq[i] - before.ddq[i]) / 1e-3;
                assert!(now.dq[i].abs() <= most + 1e-9, "{:?}", now.dq);
                assert!(
                    now.ddq[i].abs() <= envelope.acceleration[i] + 1e-6,
                    "{:?}",
                    now.ddq
                );
                assert!(jerk.abs() <= envelope.jerk[i] + 1e-3, "{jerk}");
            }
            fastest = fastest.max(now.dq[0].abs());
        }
        fastest
    }

    #[test]
    fn the_arm_goes_from_target_to_target_and_stands_at_each() {
        for lockstep in [false, true] {
            let mut robot = moving(lockstep);
            wait(&mut robot, 300);
            assert!(
                robot.arm.reference.is_at_rest(),
                "nothing was asked for yet"
            );
            for off in [0.25, -0.25] {
                let command = target(&robot, off);
                assert_eq!(robot.offer(&command), Offer::Accepted);
                assert!(!robot.awaits_command());
                // One command is enough.
                assert!(wait(&mut robot, 2500) > 0.6);
                for (q, wanted) in robot.arm.reference.q.iter().zip(command.q) {
                    assert!((q - wanted).abs() < 1e-5, "{q} instead of {wanted}");
                }
                assert!(robot.arm.is_at_rest());
            }
            assert_eq!(robot.tally.commands_lost, 0);
        }
    }

    #[test]
    fn a_target_on_the_way_to_another_takes_over() {
        let mut robot = moving(false);
        for nth in 0..40 {
            let off = if nth % 20 < 10 { 0.25 } else { -0.25 };
            let command = target(&robot, off);
            robot.offer(&command);
            wait(&mut robot, 20);
        }
        assert_eq!(robot.modes().0, RobotMode::Move);
        // An older command that comes late has no effect.
        let mut late = target(&robot, 0.1);
        late.answers -= 100;
        assert_eq!(robot.offer(&late), Offer::Late);
    }

    #[test]
    fn the_end_of_it_is_answered_when_the_arm_stands() {
        let mut robot = moving(false);
        let command = target(&robot, 0.25);
        robot.offer(&command);
        wait(&mut robot, 300);
        robot.replies().for_each(drop);
        let last = Setpoint {
            q: [0.0; 7],
            finished: true,
            ..target(&robot, 0.0)
        };
        robot.offer(&last);
        wait(&mut robot, 5);
        assert_eq!(robot.modes().0, RobotMode::Move, "it brakes");
        wait(&mut robot, 300);
        let replies: Vec<_> = robot.replies().map(|reply| reply.status).collect();
        assert_eq!(replies, [Status::Move(MoveStatus::Success)]);
        assert!(robot.arm.is_at_rest());
    }

    #[test]
    fn what_is_no_position_of_an_arm_ends_it() {
        let mut robot = moving(false);
        let mut command = target(&robot, 0.0);
        command.q[3] = 0.5;
        robot.offer(&command);
        robot.tick();
        assert_eq!(robot.errors, Violation::of(violation::COMMANDED_POSITION));
        let mut robot = moving(false);
        robot.replies().for_each(drop);
        let mut command = target(&robot, 0.0);
        command.q[0] = f64::NAN;
        robot.offer(&command);
        robot.tick();
        let replies: Vec<_> = robot.replies().map(|reply| reply.status).collect();
        assert_eq!(replies, [Status::Move(MoveStatus::InputErrorAborted)]);
    }
}
