//! The messages between a client and the arm, by their meaning. They are the same for both generations.

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

/// The identification of a client's request: the number of the command, and the number that the client gave
/// the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub command: u32,
    pub id: u32,
}

/// How a request ended, or how it goes on. Version 5 has all of them except those of safety functions.
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

/// The arguments of a `Move`, as they were received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoveArguments {
    pub controller: u32,
    pub generator: u32,
    pub deviations: [Deviation; 2],
    /// The highest velocities of an asynchronous motion [rad/s]. Version 10 only.
    pub asynchronous: Option<[f64; 7]>,
}

/// The command of a client for one millisecond. Its values are not checked yet.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setpoint {
    /// The number of the state that the command answers.
    pub answers: u64,
    /// Positions \[rad\].
    pub q: [f64; 7],
    /// Velocities [rad/s].
    pub dq: [f64; 7],
    /// End effector in the base frame, 4x4 column-major.
    pub pose: [f64; 16],
    /// Twist of the end effector in the base frame [m/s, rad/s].
    pub twist: [f64; 6],
    /// The position of joint 3 \[rad\] and the sign of joint 4, if the client commands them.
    pub elbow: Option<[f64; 2]>,
    /// Torques without gravity [N m].
    pub tau: [f64; 7],
    /// Whether this is the last command of the motion.
    pub finished: bool,
}

/// The state of an arm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub values: RobotState,
    /// The motion generator and the controller during a motion.
    pub motion: Option<(Generator, MoveControllerMode)>,
}
