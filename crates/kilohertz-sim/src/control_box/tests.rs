//! Tests of the control box from outside: requests, commands and ticks.

use super::*;

fn robot(lockstep: bool) -> ControlBox {
    let options = SimulatorOptions {
        lockstep,
        ..SimulatorOptions::default()
    };
    ControlBox::new(&options).unwrap()
}

fn start(robot: &mut ControlBox, generator: Generator) {
    let controller = match generator {
        Generator::None => MoveControllerMode::ExternalController,
        _ => MoveControllerMode::JointImpedance,
    };
    let motion = Request::Move {
        generator,
        controller,
        asynchronous: None,
    };
    robot.request(ticket(1), motion);
}

fn ticket(id: u32) -> Ticket {
    Ticket { command: 0, id }
}

fn statuses(robot: &mut ControlBox) -> Vec<(u32, Status)> {
    robot
        .replies()
        .map(|reply| (reply.ticket.id, reply.status))
        .collect()
}

fn command(answers: u64, dq: f64) -> Setpoint {
    let mut command = Setpoint {
        answers,
        ..Setpoint::default()
    };
    command.dq[0] = dq;
    command
}

/// Returns a control box in a velocity motion at 0.2 rad/s.
fn moving() -> ControlBox {
    let mut robot = robot(false);
    start(&mut robot, Generator::JointVelocity);
    for tick in 0..100 {
        let answer = command(robot.time, (0.004 * f64::from(tick)).min(0.2));
        assert_eq!(robot.offer(&answer), Offer::Accepted);
        robot.tick();
    }
    assert_eq!(robot.modes().0, RobotMode::Move);
    robot
}

#[test]
fn a_command_for_an_older_state_is_late_on_the_wall_clock() {
    let mut robot = moving();
    let now = robot.time;
    assert_eq!(robot.offer(&command(now - 1, 0.2)), Offer::Late);
    assert_eq!(robot.offer(&command(now + 1, 0.2)), Offer::Refused);
    assert_eq!(robot.offer(&command(now, 0.2)), Offer::Accepted);
    robot.tick();
    assert_eq!(robot.tally.commands_lost, 0);
    robot.tick();
    assert_eq!(robot.tally.commands_lost, 1);
}

#[test]
fn in_lockstep_each_command_counts_once_and_knows_of_the_last_one() {
    let mut robot = robot(true);
    start(&mut robot, Generator::JointVelocity);
    robot.tick();
    robot.tick();
    robot.tick();
    assert!(robot.awaits_command() && robot.awaits_first_command());
    let older = robot.time - 2;
    assert_eq!(robot.offer(&command(older, 0.0)), Offer::Accepted);
    robot.tick();
    assert!(robot.awaits_command() && !robot.awaits_first_command());
    // These states were sent before the arm had the first command.
    for unknowing in older..robot.time {
        assert_eq!(robot.offer(&command(unknowing, 0.0)), Offer::Late);
    }
    assert_eq!(robot.offer(&command(robot.time, 0.0)), Offer::Accepted);
    assert!(!robot.awaits_command());
}

#[test]
fn nothing_takes_commands_without_a_motion() {
    let mut robot = robot(false);
    robot.tick();
    assert_eq!(robot.offer(&command(1, 0.0)), Offer::Outside);
}

#[test]
fn the_twentieth_loss_in_a_row_is_the_one_too_many() {
    let mut robot = moving();
    robot.replies();
    (0..19).for_each(|_| robot.tick());
    assert_eq!(robot.modes().0, RobotMode::Move);
    assert!((robot.success_rate() - 0.81).abs() < 1e-9);
    assert!(
        (robot.arm.reference.dq[0] - 0.2).abs() < 1e-9,
        "it went on meanwhile"
    );
    robot.tick();
    assert_eq!(robot.modes().0, RobotMode::Reflex);
    assert_eq!(robot.errors, Violation::of(violation::COMMUNICATION));
    let reflex = (1, Status::Move(MoveStatus::ReflexAborted));
    assert_eq!(statuses(&mut robot).last(), Some(&reflex));
}

#[test]
fn a_stop_is_answered_when_the_arm_is_at_rest() {
    let mut robot = moving();
    robot.replies();
    robot.request(ticket(2), Request::StopMove);
    robot.request(ticket(3), Request::StopMove);
    assert_eq!(statuses(&mut robot), []);
    let mut ticks = 0;
    while robot.modes().0 == RobotMode::Move {
        assert_eq!(statuses(&mut robot), []);
        assert_eq!(robot.offer(&command(robot.time, 0.2)), Offer::Outside);
        robot.tick();
        ticks += 1;
        assert!(ticks < 100);
    }
    assert!(ticks > 15, "0.2 rad/s do not vanish in {ticks} ms");
    assert!(robot.arm.pose.dq[0].abs() < 1e-3);
    let preempted = Status::Move(MoveStatus::Preempted);
    assert_eq!(
        statuses(&mut robot),
        [
            (1, preempted),
            (2, Status::Stop(StopMoveStatus::Success)),
            (3, Status::Stop(StopMoveStatus::Success))
        ]
    );
}

#[test]
fn a_motion_asked_for_while_the_arm_comes_to_rest_starts_when_it_has() {
    let mut robot = moving();
    robot.disconnect();
    robot.replies();
    assert_eq!(robot.modes().0, RobotMode::Idle);
    start(&mut robot, Generator::JointPosition);
    assert_eq!(statuses(&mut robot), []);
    for _ in 0..100 {
        robot.tick();
    }
    assert_eq!(
        statuses(&mut robot),
        [(1, Status::Move(MoveStatus::MotionStarted))]
    );
    assert!(robot.arm.reference.is_at_rest());
}

#[test]
fn an_arm_that_cannot_hold_its_load_keeps_nobody_waiting_for_ever() {
    let mut robot = moving();
    robot.disconnect();
    robot.replies();
    start(&mut robot, Generator::JointVelocity);
    let mut answers = Vec::new();
    for _ in 0..2 * REST_PATIENCE {
        robot.arm.pose.dq[6] = 0.1;
        robot.tick();
        answers.extend(statuses(&mut robot));
    }
    let refused = Status::Move(MoveStatus::CommandNotPossibleRejected);
    assert_eq!(answers, [(1, refused)]);
}

#[test]
fn a_second_motion_is_refused_while_one_runs() {
    let mut robot = moving();
    robot.replies();
    start(&mut robot, Generator::None);
    let refused = Status::Move(MoveStatus::CommandNotPossibleRejected);
    assert_eq!(statuses(&mut robot), [(1, refused)]);
    let impedance = Request::SetJointImpedance([100.0; 7]);
    robot.request(ticket(4), impedance);
    assert_eq!(statuses(&mut robot), [(4, Status::NOT_POSSIBLE)]);
    robot.request(ticket(5), Request::AutomaticErrorRecovery);
    let refused = AutomaticErrorRecoveryStatus::CommandNotPossibleRejected;
    assert_eq!(statuses(&mut robot), [(5, Status::Recovery(refused))]);
}

#[test]
fn a_reflex_in_a_stop_answers_everybody_who_waits() {
    let mut robot = moving();
    robot.replies();
    robot.request(ticket(2), Request::StopMove);
    robot.reflex(Violation::of("joint_reflex"));
    assert_eq!(
        statuses(&mut robot),
        [
            (1, Status::Move(MoveStatus::ReflexAborted)),
            (2, Status::Stop(StopMoveStatus::ReflexAborted))
        ]
    );
}

#[test]
fn releasing_the_user_stop_does_not_recover_from_a_reflex() {
    let mut robot = robot(false);
    robot.reflex(Violation::of("joint_reflex"));
    robot.user_stop(true);
    robot.user_stop(false);
    assert_eq!(robot.modes().0, RobotMode::Reflex);
    robot.request(ticket(1), Request::AutomaticErrorRecovery);
    robot.tick();
    assert_eq!(robot.modes().0, RobotMode::Idle);
    robot.user_stop(true);
    robot.user_stop(false);
    assert_eq!(robot.modes().0, RobotMode::Idle);
}
