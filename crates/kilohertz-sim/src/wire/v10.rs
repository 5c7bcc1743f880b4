//! FCI version 10: the FR3.

#![warn(clippy::indexing_slicing)]

use franka::wire::robot::MoveControllerMode;
use franka::wire::robot::v10::{
    Command as Number, ControllerMode, MotionGeneratorMode, MoveRequest, RobotCommand, RobotState,
};
use zerocopy::FromBytes;
use zerocopy::little_endian::F32;

use super::fields::{setpoint_fields, state_fields};
use super::generator::Generator;
use super::messages::{Command, MoveArguments, Setpoint, State, Status};

pub(super) fn command(number: u32) -> Option<Command> {
    Some(match Number::from_u32(number)? {
        Number::Connect => Command::Connect,
        Number::Move => Command::Move,
        Number::StopMove => Command::StopMove,
        Number::SetCollisionBehavior => Command::SetCollisionBehavior,
        Number::SetJointImpedance => Command::SetJointImpedance,
        Number::SetCartesianImpedance => Command::SetCartesianImpedance,
        Number::SetGuidingMode => Command::SetGuidingMode,
        Number::SetEEToK => Command::SetEeToK,
        Number::SetNEToEE => Command::SetNeToEe,
        Number::SetLoad => Command::SetLoad,
        Number::AutomaticErrorRecovery => Command::AutomaticErrorRecovery,
        Number::GetRobotModel => Command::GetRobotModel,
    })
}

pub(super) fn status(status: Status) -> u8 {
    match status {
        Status::Move(status) => status.to_u8(),
        Status::Stop(status) => status.to_u8(),
        Status::Recovery(status) => status.to_u8(),
        Status::Other(status) => status.to_u8(),
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
        asynchronous: (request.use_async_motion_generator != 0)
            .then(|| franka::wire::f64s_to_f64(&request.maximum_velocity)),
    })
}

pub(super) fn setpoint(datagram: &[u8]) -> Option<Setpoint> {
    let command = RobotCommand::read_from_bytes(datagram).ok()?;
    let finished = command.motion.motion_generation_finished != 0
        || command.control.torque_command_finished != 0;
    Some(setpoint_fields!(command, finished))
}

pub(super) fn state(state: &State) -> RobotState {
    let modes = match state.motion {
        None => (MotionGeneratorMode::Idle, ControllerMode::Other),
        Some((generator, controller)) => (reported(generator), reported_controller(controller)),
    };
    let [top, bottom] = [
        state.values.accelerometer_top,
        state.values.accelerometer_bottom,
    ];
    state_fields!(RobotState, state, f32, f32s, modes, {
        accelerometer_top: top.map(|axes| f32s(&axes)),
        accelerometer_bottom: bottom.map(|axes| f32s(&axes)),
    })
}

fn reported(generator: Generator) -> MotionGeneratorMode {
    match generator {
        Generator::JointPosition => MotionGeneratorMode::JointPosition,
        Generator::CartesianPose => MotionGeneratorMode::CartesianPosition,
        Generator::CartesianVelocity => MotionGeneratorMode::CartesianVelocity,
        Generator::JointVelocity => MotionGeneratorMode::JointVelocity,
        Generator::None => MotionGeneratorMode::None,
    }
}

fn reported_controller(controller: MoveControllerMode) -> ControllerMode {
    match controller {
        MoveControllerMode::JointImpedance => ControllerMode::JointImpedance,
        MoveControllerMode::CartesianImpedance => ControllerMode::CartesianImpedance,
        MoveControllerMode::ExternalController => ControllerMode::ExternalController,
    }
}

fn f32(value: f64) -> F32 {
    F32::new(value as f32)
}

fn f32s<const N: usize>(values: &[f64; N]) -> [F32; N] {
    values.map(f32)
}
