//! The arm while a person presses the guiding buttons at its flange and guides it by hand.
//!
//! A push moves the arm in the directions that `SetGuidingMode` frees. Springs hold the others. The stiffness
//! of the springs, the damping of the free directions, and the choice of the base frame's directions are this
//! simulator's own.

use franka::MoveStatus;
use franka::wire::robot::{AutomaticErrorRecoveryStatus, StopMoveStatus};

use kilohertz_geometry::pose_error;

use crate::body::arm::{Arm, Drive};
use crate::control_box::ControlBox;
use crate::control_box::inverse::FreeMotion;
use crate::control_box::modes::{Hold, Mode};

/// Stiffness and damping of a direction that is not free: translation [N/m, N s/m], rotation and elbow
/// [N m/rad, N m s/rad].
const TRANSLATION: (f64, f64) = (3000.0, 150.0);
const ROTATION: (f64, f64) = (150.0, 8.0);
/// The damping of every joint [N m s/rad].
const DAMPING: f64 = 3.0;

impl ControlBox {
    /// Presses or releases the guiding buttons.
    pub fn guide(&mut self, pressed: bool) {
        if !pressed {
            if matches!(self.mode, Mode::Guided(_)) {
                self.mode = self.unmoved();
            }
            return;
        }
        self.abandon(
            MoveStatus::Aborted,
            StopMoveStatus::Aborted,
            AutomaticErrorRecoveryStatus::Aborted,
        );
        if !matches!(self.mode, Mode::UserStopped) {
            let q = &self.arm.pose.q;
            self.mode = Mode::Guided(Hold {
                pose: self.arm.pose_of(q),
                elbow: q[2],
            });
        }
    }

    /// Returns the drive that holds the arm while it is guided.
    pub(super) fn guided(&self, hold: &Hold) -> Drive {
        let Arm { pose, .. } = &self.arm;
        let motion = FreeMotion::at(&self.arm, &pose.q);
        let missing = pose_error(&self.arm.pose_of(&pose.q), &hold.pose);
        let wrench: [f64; 6] = std::array::from_fn(|i| {
            if self.guiding.axes[i] {
                return 0.0;
            }
            let (stiffness, damping) = if i < 3 { TRANSLATION } else { ROTATION };
            let twist: f64 = (0..7)
                .map(|j| motion.jacobian[6 * j + i] * pose.dq[j])
                .sum();
            stiffness * missing[i] - damping * twist
        });
        let elbow = match self.guiding.elbow {
            true => 0.0,
            false => ROTATION.0 * (hold.elbow - pose.q[2]) - ROTATION.1 * pose.dq[2],
        };
        Drive::External(std::array::from_fn(|j| {
            let held: f64 = (0..6).map(|i| motion.jacobian[6 * j + i] * wrench[i]).sum();
            held + motion.free[j] * elbow - DAMPING * pose.dq[j]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freedom::Freedom;
    use crate::options::SimulatorOptions;
    use crate::wire::messages::{Status, Ticket};
    use crate::wire::request::Request;
    use franka::RobotMode;
    use franka::wire::robot::GetterSetterStatus;

    /// Returns how far the hand of a guided arm moves along each direction under a push at the hand, and the
    /// arm.
    fn pushed(freedom: Freedom, wrench: [f64; 6]) -> ([f64; 6], f64, ControlBox) {
        let options = SimulatorOptions {
            friction: false,
            ..SimulatorOptions::default()
        };
        let mut robot = ControlBox::new(&options).unwrap();
        let ticket = Ticket { command: 0, id: 1 };
        robot.request(ticket, Request::SetGuidingMode(freedom));
        let replies: Vec<_> = robot.replies().map(|reply| reply.status).collect();
        assert_eq!(replies, [Status::Other(GetterSetterStatus::Success)]);
        let (start, elbow) = (robot.arm.pose_of(&robot.arm.pose.q), robot.arm.pose.q[2]);
        robot.guide(true);
        assert_eq!(robot.modes().0, RobotMode::Guiding);
        for _ in 0..400 {
            let motion = FreeMotion::at(&robot.arm, &robot.arm.pose.q);
            robot.arm.push = std::array::from_fn(|j| {
                (0..6).map(|i| motion.jacobian[6 * j + i] * wrench[i]).sum()
            });
            robot.tick();
        }
        robot.arm.push = [0.0; 7];
        let way = pose_error(&start, &robot.arm.pose_of(&robot.arm.pose.q));
        (way, robot.arm.pose.q[2] - elbow, robot)
    }

    #[test]
    fn what_is_free_gives_way_and_the_rest_is_held() {
        let push = [5.0, 8.0, -5.0, 0.0, 0.0, 0.0];
        let (way, _, _) = pushed(Freedom::ALL, push);
        assert!(way[1] > 0.05 && way[2] < -0.01, "{way:?}");
        let along_y = Freedom {
            axes: [false, true, false, false, false, false],
            elbow: false,
        };
        let (way, elbow, _) = pushed(along_y, push);
        assert!(way[1] > 0.02, "{way:?}");
        assert!(way[0].abs() < 0.005 && way[2].abs() < 0.005, "{way:?}");
        assert!(way[3..].iter().all(|turn| turn.abs() < 0.05), "{way:?}");
        assert!(elbow.abs() < 0.1, "{elbow}");
    }

    #[test]
    fn a_released_arm_stands_where_it_was_guided_to_and_takes_motions_again() {
        let (_, _, mut robot) = pushed(Freedom::ALL, [0.0, 8.0, 0.0, 0.0, 0.0, 0.0]);
        robot.guide(false);
        assert_eq!(robot.modes().0, RobotMode::Idle);
        let released = robot.arm.pose.q;
        for _ in 0..500 {
            robot.tick();
        }
        assert!(robot.arm.is_at_rest());
        for (now, then) in robot.arm.pose.q.iter().zip(released) {
            assert!((now - then).abs() < 0.1, "{now} after {then}");
        }
    }

    #[test]
    fn nothing_moves_an_arm_that_is_guided_and_the_user_stop_comes_first() {
        let (_, _, mut robot) = pushed(Freedom::ALL, [0.0; 6]);
        let ticket = Ticket { command: 0, id: 2 };
        robot.request(ticket, Request::StopMove);
        robot.request(ticket, Request::AutomaticErrorRecovery);
        robot.request(ticket, Request::SetJointImpedance([100.0; 7]));
        let refused = robot.replies().all(|reply| match reply.status {
            Status::Stop(status) => status == StopMoveStatus::CommandNotPossibleRejected,
            Status::Recovery(status) => {
                status == AutomaticErrorRecoveryStatus::CommandNotPossibleRejected
            }
            status => status == Status::NOT_POSSIBLE,
        });
        assert!(refused);
        robot.user_stop(true);
        robot.guide(true);
        assert_eq!(robot.modes().0, RobotMode::UserStopped);
        robot.guide(false);
        assert_eq!(robot.modes().0, RobotMode::UserStopped);
    }
}
