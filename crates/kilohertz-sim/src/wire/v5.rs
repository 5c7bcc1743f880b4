//! FCI version 5: the FER.

#![warn(clippy::indexing_slicing)]

use franka::MoveStatus;
use franka::wire::f64s_to_wire;
use franka::wire::robot::v5::{
    self, Command as Number, ControllerMode, MotionGeneratorMode, MoveRequest, RobotCommand,
    RobotState,
};
use franka::wire::robot::{
    AutomaticErrorRecoveryStatus, GetterSetterStatus, MoveControllerMode, StopMoveStatus,
};
use zerocopy::FromBytes;
use zerocopy::little_endian::F64;

use super::fields::{setpoint_fields, state_fields};
use super::generator::Generator;
use super::messages::{Command, MoveArguments, Setpoint, State, Status};

pub(super) fn command(number: u32) -> Option<Command> {
    Some(match Number::from_u32(number)? {
        Number::Connect => Command::Connect,
        Number::Move => Command::Move,
        Number::StopMove => Command::StopMove,
        Number::GetCartesianLimit => Command::GetCartesianLimit,
        Number::SetCollisionBehavior => Command::SetCollisionBehavior,
        Number::SetJointImpedance => Command::SetJointImpedance,
        Number::SetCartesianImpedance => Command::SetCartesianImpedance,
        Number::SetGuidingMode => Command::SetGuidingMode,
        Number::SetEEToK => Command::SetEeToK,
        Number::SetNEToEE => Command::SetNeToEe,
        Number::SetLoad => Command::SetLoad,
        Number::SetFilters => Command::SetFilters,
        Number::AutomaticErrorRecovery => Command::AutomaticErrorRecovery,
        Number::LoadModelLibrary => Command::LoadModelLibrary,
    })
}

/// Returns the byte for a status. This version has fewer statuses, with other numbers. It has no safety
/// functions: a command that they refuse is answered as not possible, and one that they preempt as preempted.
pub(super) fn status(status: Status) -> u8 {
    match status {
        Status::Move(status) => match status {
            MoveStatus::Success => v5::MoveStatus::Success,
            MoveStatus::MotionStarted => v5::MoveStatus::MotionStarted,
            MoveStatus::Preempted | MoveStatus::PreemptedDueToActivatedSafetyFunctions => {
                v5::MoveStatus::Preempted
            }
            MoveStatus::CommandNotPossibleRejected
            | MoveStatus::CommandRejectedDueToActivatedSafetyFunctions => {
                v5::MoveStatus::CommandNotPossibleRejected
            }
            MoveStatus::StartAtSingularPoseRejected => v5::MoveStatus::StartAtSingularPoseRejected,
            MoveStatus::InvalidArgumentRejected => v5::MoveStatus::InvalidArgumentRejected,
            MoveStatus::ReflexAborted => v5::MoveStatus::ReflexAborted,
            MoveStatus::EmergencyAborted => v5::MoveStatus::EmergencyAborted,
            MoveStatus::InputErrorAborted => v5::MoveStatus::InputErrorAborted,
            MoveStatus::Aborted => v5::MoveStatus::Aborted,
        }
        .to_u8(),
        Status::Stop(status) => match status {
            StopMoveStatus::Success => v5::StopMoveStatus::Success,
            StopMoveStatus::CommandNotPossibleRejected
            | StopMoveStatus::CommandRejectedDueToActivatedSafetyFunctions => {
                v5::StopMoveStatus::CommandNotPossibleRejected
            }
            StopMoveStatus::EmergencyAborted => v5::StopMoveStatus::EmergencyAborted,
            StopMoveStatus::ReflexAborted => v5::StopMoveStatus::ReflexAborted,
            StopMoveStatus::Aborted => v5::StopMoveStatus::Aborted,
        }
        .to_u8(),
        Status::Recovery(status) => match status {
            AutomaticErrorRecoveryStatus::Success => v5::AutomaticErrorRecoveryStatus::Success,
            AutomaticErrorRecoveryStatus::CommandNotPossibleRejected
            | AutomaticErrorRecoveryStatus::CommandRejectedDueToActivatedSafetyFunctions => {
                v5::AutomaticErrorRecoveryStatus::CommandNotPossibleRejected
            }
            AutomaticErrorRecoveryStatus::ManualErrorRecoveryRequiredRejected => {
                v5::AutomaticErrorRecoveryStatus::ManualErrorRecoveryRequiredRejected
            }
            AutomaticErrorRecoveryStatus::ReflexAborted => {
                v5::AutomaticErrorRecoveryStatus::ReflexAborted
            }
            AutomaticErrorRecoveryStatus::EmergencyAborted => {
                v5::AutomaticErrorRecoveryStatus::EmergencyAborted
            }
            AutomaticErrorRecoveryStatus::Aborted => v5::AutomaticErrorRecoveryStatus::Aborted,
        }
        .to_u8(),
        Status::Other(status) => match status {
            GetterSetterStatus::Success => v5::GetterSetterStatus::Success,
            GetterSetterStatus::CommandNotPossibleRejected
            | GetterSetterStatus::CommandRejectedDueToActivatedSafetyFunctions => {
                v5::GetterSetterStatus::CommandNotPossibleRejected
            }
            GetterSetterStatus::InvalidArgumentRejected => {
                v5::GetterSetterStatus::InvalidArgumentRejected
            }
        }
        .to_u8(),
    }
}

pub(super) fn move_arguments(payload: &[u8]) -> Option<MoveArguments> {
    let request = MoveRequest::read_from_bytes(payload).ok()?;
    Some(MoveArguments {
        controller: request.controller_mode.get(),
        generator: request.motion_generator_mode.get(),
        deviations: [
            request.maximum_path_deviation,
            request.maximum_goal_pose_deviation,
        ],
        asynchronous: None,
    })
}

pub(super) fn setpoint(datagram: &[u8]) -> Option<Setpoint> {
    let command = RobotCommand::read_from_bytes(datagram).ok()?;
    let finished = command.motion.motion_generation_finished != 0;
    Some(setpoint_fields!(command, finished))
}

pub(super) fn state(state: &State) -> RobotState {
    let modes = match state.motion {
        None => (MotionGeneratorMode::Idle, ControllerMode::Other),
        Some((generator, controller)) => (reported(generator), reported_controller(controller)),
    };
    state_fields!(RobotState, state, F64::new, f64s_to_wire, modes, {})
}

fn reported(generator: Generator) -> MotionGeneratorMode {
    match generator {
        Generator::JointPosition => MotionGeneratorMode::JointPosition,
        Generator::CartesianPose => MotionGeneratorMode::CartesianPosition,
        Generator::CartesianVelocity => MotionGeneratorMode::CartesianVelocity,
        // This version commands torques only together with a velocity generator. It has no mode for torques
        // alone.
        Generator::JointVelocity | Generator::None => MotionGeneratorMode::JointVelocity,
    }
}

fn reported_controller(controller: MoveControllerMode) -> ControllerMode {
    match controller {
        MoveControllerMode::JointImpedance => ControllerMode::JointImpedance,
        MoveControllerMode::CartesianImpedance => ControllerMode::CartesianImpedance,
        MoveControllerMode::ExternalController => ControllerMode::ExternalController,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_the_number_of_its_own_generation() {
        assert_eq!(command(4), Some(Command::SetCollisionBehavior));
        assert_eq!(command(12), Some(Command::AutomaticErrorRecovery));
        assert_eq!(
            super::super::v10::command(4),
            Some(Command::SetJointImpedance)
        );
        assert_eq!(super::super::v10::command(12), None);
        assert_eq!(command(14), None);
    }

    #[test]
    fn a_status_keeps_its_name_and_changes_its_number() {
        let refused = Status::Move(MoveStatus::CommandNotPossibleRejected);
        assert_eq!(status(refused), 3);
        assert_eq!(super::super::v10::status(refused), 5);
        let aborted = Status::Stop(StopMoveStatus::Aborted);
        assert_eq!(status(aborted), 4);
        let manual = AutomaticErrorRecoveryStatus::ManualErrorRecoveryRequiredRejected;
        assert_eq!(status(Status::Recovery(manual)), 2);
        for name in 0..=11 {
            let shared = MoveStatus::from_u8(name).unwrap();
            let known = v5::MoveStatus::from_u8(status(Status::Move(shared))).unwrap();
            let (shared, known) = (format!("{shared:?}"), format!("{known:?}"));
            assert!(
                shared == known || shared.contains("SafetyFunctions"),
                "{shared} {known}"
            );
        }
    }
}
