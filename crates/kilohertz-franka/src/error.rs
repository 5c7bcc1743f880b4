//! What can go wrong with an arm. The errors have the robot's own names.

use franka::{FrankaError, MoveStatus};

use crate::invalid_value::InvalidValue;

kilohertz_core::named! {
    /// The kind of an [`ArmError`]. The strings of [`ArmErrorCode::as_str`] are stable.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ArmErrorCode {
        /// Nothing listens at the address, or FCI is not enabled.
        ConnectRefused = "FRANKA_CONNECT_REFUSED",
        /// The address cannot be reached, or what answers is not an arm.
        ConnectFailed = "FRANKA_CONNECT_FAILED",
        /// Nothing answered in time.
        ConnectTimeout = "FRANKA_CONNECT_TIMEOUT",
        /// The arm is not of the generation that was asked for, or its generation lacks what was asked for.
        Generation = "FRANKA_GENERATION",
        /// The client that was asked for cannot do this.
        Client = "FRANKA_CLIENT",
        /// The arm speaks a version of FCI that belongs to neither generation.
        IncompatibleVersion = "FRANKA_INCOMPATIBLE_VERSION",
        /// The connection was lost.
        ConnectionLost = "FRANKA_CONNECTION_LOST",
        /// The value must not be sent to any arm.
        InvalidArgument = "FRANKA_INVALID_ARGUMENT",
        /// The arm sent something that FCI does not allow.
        Protocol = "FRANKA_PROTOCOL",
        /// The arm refused a command.
        CommandRejected = "FRANKA_COMMAND_REJECTED",
        /// A command was stopped before its end.
        CommandAborted = "FRANKA_COMMAND_ABORTED",
        /// A command was not answered in time.
        CommandTimeout = "FRANKA_COMMAND_TIMEOUT",
        /// A reflex of the arm ended the motion.
        Reflex = "FRANKA_REFLEX",
        /// The motion ended for another reason than a reflex.
        MotionAborted = "FRANKA_MOTION_ABORTED",
        /// A session drives the arm, or the arm is closed, or its state does not allow this.
        InvalidOperation = "FRANKA_INVALID_OPERATION",
        /// The arm's model cannot be read.
        Model = "FRANKA_MODEL",
        /// The arm cannot reach the goal.
        Unreachable = "FRANKA_UNREACHABLE",
        /// The arm does not stand where it was meant to move to.
        NotArrived = "FRANKA_NOT_ARRIVED",
    }
}

/// An error of an arm: what happened, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ArmError {
    /// The kind of the error.
    pub code: ArmErrorCode,
    /// What happened, and what to do.
    pub message: String,
    /// The robot's own names of the errors that ended the motion, as in `joint_velocity_violation`.
    pub errors: Vec<&'static str>,
    /// The robot's word for how the motion ended, as in `ReflexAborted`.
    pub move_status: Option<String>,
    /// For [`ArmErrorCode::InvalidArgument`]: the value that was refused.
    pub invalid_value: Option<Box<InvalidValue>>,
    /// For [`ArmErrorCode::NotArrived`]: where the move ended.
    pub not_arrived: Option<Box<NotArrived>>,
}

impl ArmError {
    pub(crate) fn new(code: ArmErrorCode, message: impl Into<String>) -> ArmError {
        ArmError {
            code,
            message: message.into(),
            errors: Vec::new(),
            move_status: None,
            invalid_value: None,
            not_arrived: None,
        }
    }
}

/// Where an arm stands whose move did not arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotArrived {
    /// Measured joint positions [rad].
    pub q: [f64; 7],
    /// The joint positions that the move was meant to reach [rad].
    pub goal: [f64; 7],
}

impl NotArrived {
    /// Returns the joint that is furthest from its goal, counted from 0.
    pub fn joint(&self) -> usize {
        let off = |joint: usize| (self.q[joint] - self.goal[joint]).abs();
        (1..7).fold(
            0,
            |most, joint| {
                if off(joint) > off(most) { joint } else { most }
            },
        )
    }

    /// Returns how far this joint is from its goal [rad].
    pub fn difference(&self) -> f64 {
        (self.q[self.joint()] - self.goal[self.joint()]).abs()
    }
}

impl From<InvalidValue> for ArmError {
    fn from(invalid: InvalidValue) -> ArmError {
        ArmError {
            invalid_value: Some(Box::new(invalid.clone())),
            ..ArmError::new(ArmErrorCode::InvalidArgument, invalid.to_string())
        }
    }
}

impl From<FrankaError> for ArmError {
    fn from(error: FrankaError) -> ArmError {
        match error {
            FrankaError::Network(text) => ArmError::new(
                ArmErrorCode::ConnectionLost,
                format!("the connection to the arm was lost: {text}"),
            ),
            FrankaError::Protocol(text) => ArmError::new(
                ArmErrorCode::Protocol,
                format!(
                    "what came from the arm is not FCI: {text}; check the network, and that no \
                     other host sends to this one"
                ),
            ),
            FrankaError::IncompatibleVersion { .. } => {
                ArmError::new(ArmErrorCode::IncompatibleVersion, error.to_string())
            }
            FrankaError::Command(text) => ArmError::new(ArmErrorCode::CommandRejected, text),
            FrankaError::Control(exception) => {
                let reflex = exception.move_status == Some(MoveStatus::ReflexAborted);
                let (code, advice) = if reflex {
                    (
                        ArmErrorCode::Reflex,
                        "; remove the cause, then call recover()",
                    )
                } else {
                    (ArmErrorCode::MotionAborted, "")
                };
                ArmError {
                    errors: exception.last_motion_errors.names(),
                    move_status: exception.move_status.map(|status| format!("{status:?}")),
                    ..ArmError::new(code, format!("{}{advice}", exception.message))
                }
            }
            FrankaError::Realtime(text)
            | FrankaError::InvalidOperation(text)
            | FrankaError::InvalidArgument(text) => {
                ArmError::new(ArmErrorCode::InvalidOperation, text)
            }
            FrankaError::Model(text) => ArmError::new(ArmErrorCode::Model, text),
        }
    }
}
