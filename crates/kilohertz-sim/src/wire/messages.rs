//! The messages between a client and the arm, by their meaning and the same for both generations.

use franka::wire::robot::{
    AutomaticErrorRecoveryStatus, Deviation, GetterSetterStatus, MoveControllerMode, StopMoveStatus,
};
use franka::{MoveStatus, RobotState};

use crate::wire::generator::Generator;

/// A command of either generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Connect,
    Move,
    StopMove,
    SetCollisionBehavior,
    SetJointImpedance,
    SetCartesianImpedance,
    SetGuidingMode,
    SetEeToK,
    SetNeToEe,
    SetLoad,
    AutomaticErrorRecovery,
    /// Version 10 only.
    GetRobotModel,
    /// Version 5 only.
    GetCartesianLimit,
    /// Version 5 only.
    SetFilters,
    /// Version 5 only.
    LoadModelLibrary,
}

/// What a client calls its request: the number of the command, and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub command: u32,
    pub id: u32,
}

/// How a request ended, or how it goes on. Version 5 knows all but what safety functions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Move(MoveStatus),
    Stop(StopMoveStatus),
    Recovery(AutomaticErrorRecoveryStatus),
    Other(GetterSetterStatus),
}

impl Status {
    pub const SUCCESS: Status = Status::Other(GetterSetterStatus::Success);
    pub const NOT_POSSIBLE: Status = Status::Other(GetterSetterStatus::CommandNotPossibleRejected);
    pub const INVALID: Status = Status::Other(GetterSetterStatus::InvalidArgumentRejected);
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub ticket: Ticket,
    pub status: Status,
}

/// The arguments of a `Move`, as they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoveArguments {
    pub controller: u32,
    pub generator: u32,
    pub deviations: [Deviation; 2],
    /// The highest velocities of a motion that the arm makes itself [rad/s]. Version 10 only.
    pub asynchronous: Option<[f64; 7]>,
}

/// What a client commands for one millisecond. Nothing in it has been checked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setpoint {
    /// Number of the state that it answers.
    pub answers: u64,
    /// Positions \[rad\].
    pub q: [f64; 7],
    /// Velocities [rad/s].
    pub dq: [f64; 7],
    /// End effector in the base frame, 4x4 column-major.
    pub pose: [f64; 16],
    /// Twist of the end effector in the base frame [m/s, rad/s].
    pub twist: [f64; 6],
    /// Position of joint 3 \[rad\] and sign of joint 4, where the client gives them.
    pub elbow: Option<[f64; 2]>,
    /// Torques without gravity [N m].
    pub tau: [f64; 7],
    /// It is the motion's last.
    pub finished: bool,
}

/// The state of an arm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub values: RobotState,
    /// Motion generator and controller of a motion.
    pub motion: Option<(Generator, MoveControllerMode)>,
}
