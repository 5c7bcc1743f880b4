//! What goes over the wire, by its meaning. The bytes are in one file a generation.
//!
//! Both generations frame requests alike and agree on most payloads. What differs is here: the
//! numbers of commands, `Move`, the status bytes, and the datagrams of states and commands.

#![warn(clippy::indexing_slicing)]

mod v10;
mod v5;

pub(crate) mod request;

use franka::wire::robot::{
    AutomaticErrorRecoveryStatus, Deviation, GetterSetterStatus, MoveControllerMode, StopMoveStatus,
};
use franka::{MoveStatus, RobotState};
use zerocopy::IntoBytes;

use crate::control_box::rules::Generator;
use crate::generation::Generation;

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
    /// Version 10 only.
    pub asynchronous: bool,
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

/// A state as it leaves.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives on the stack for a tick, and a box would be an allocation"
)]
pub(crate) enum Datagram {
    V10(franka::wire::robot::v10::RobotState),
    V5(franka::wire::robot::v5::RobotState),
}

impl Datagram {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Datagram::V10(state) => state.as_bytes(),
            Datagram::V5(state) => state.as_bytes(),
        }
    }
}

/// Room for the longest command of either generation, and a byte more so that a longer datagram
/// shows.
pub(crate) const COMMAND_ROOM: usize = size_of::<franka::wire::robot::v10::RobotCommand>() + 1;

impl Generation {
    /// The command of this number.
    pub(crate) fn command(self, number: u32) -> Option<Command> {
        match self {
            Generation::Fr3 => v10::command(number),
            Generation::Fer => v5::command(number),
        }
    }

    /// The byte that says `status`.
    pub(crate) fn status(self, status: Status) -> u8 {
        match self {
            Generation::Fr3 => v10::status(status),
            Generation::Fer => v5::status(status),
        }
    }

    /// The arguments of a `Move`; nothing if they do not have its length.
    pub(crate) fn move_arguments(self, payload: &[u8]) -> Option<MoveArguments> {
        match self {
            Generation::Fr3 => v10::move_arguments(payload),
            Generation::Fer => v5::move_arguments(payload),
        }
    }

    /// The command in a datagram; nothing if it does not have a command's length.
    pub(crate) fn setpoint(self, datagram: &[u8]) -> Option<Setpoint> {
        match self {
            Generation::Fr3 => v10::setpoint(datagram),
            Generation::Fer => v5::setpoint(datagram),
        }
    }

    /// The datagram of a state. Allocates nothing.
    pub(crate) fn datagram(self, state: &State) -> Datagram {
        match self {
            Generation::Fr3 => Datagram::V10(v10::state(state)),
            Generation::Fer => Datagram::V5(v5::state(state)),
        }
    }
}

/// Both generations send the same fields under the same names, version 10 in single precision.
macro_rules! state_fields {
    ($layout:ident, $state:ident, $one:path, $each:path, $modes:expr, { $($more:tt)* }) => {{
        let s = &$state.values;
        let (generator, controller) = $modes;
        $layout {
            message_id: zerocopy::little_endian::U64::new(s.time.as_millis()),
            O_T_EE: $each(&s.O_T_EE),
            O_T_EE_d: $each(&s.O_T_EE_d),
            F_T_EE: $each(&s.F_T_EE),
            EE_T_K: $each(&s.EE_T_K),
            F_T_NE: $each(&s.F_T_NE),
            NE_T_EE: $each(&s.NE_T_EE),
            m_ee: $one(s.m_ee),
            I_ee: $each(&s.I_ee),
            F_x_Cee: $each(&s.F_x_Cee),
            m_load: $one(s.m_load),
            I_load: $each(&s.I_load),
            F_x_Cload: $each(&s.F_x_Cload),
            elbow: $each(&s.elbow),
            elbow_d: $each(&s.elbow_d),
            tau_J: $each(&s.tau_J),
            tau_J_d: $each(&s.tau_J_d),
            dtau_J: $each(&s.dtau_J),
            q: $each(&s.q),
            q_d: $each(&s.q_d),
            dq: $each(&s.dq),
            dq_d: $each(&s.dq_d),
            ddq_d: $each(&s.ddq_d),
            joint_contact: $each(&s.joint_contact),
            cartesian_contact: $each(&s.cartesian_contact),
            joint_collision: $each(&s.joint_collision),
            cartesian_collision: $each(&s.cartesian_collision),
            tau_ext_hat_filtered: $each(&s.tau_ext_hat_filtered),
            O_F_ext_hat_K: $each(&s.O_F_ext_hat_K),
            K_F_ext_hat_K: $each(&s.K_F_ext_hat_K),
            O_dP_EE_d: $each(&s.O_dP_EE_d),
            O_ddP_O: $each(&s.O_ddP_O),
            elbow_c: $each(&s.elbow_c),
            delbow_c: $each(&s.delbow_c),
            ddelbow_c: $each(&s.ddelbow_c),
            O_T_EE_c: $each(&s.O_T_EE_c),
            O_dP_EE_c: $each(&s.O_dP_EE_c),
            O_ddP_EE_c: $each(&s.O_ddP_EE_c),
            theta: $each(&s.theta),
            dtheta: $each(&s.dtheta),
            motion_generator_mode: generator.to_u8(),
            controller_mode: controller.to_u8(),
            errors: s.current_errors.0.map(u8::from),
            reflex_reason: s.last_motion_errors.0.map(u8::from),
            robot_mode: s.robot_mode as u8,
            control_command_success_rate: $one(s.control_command_success_rate),
            $($more)*
        }
    }};
}
use state_fields;

/// Both generations ask for the commanded values under the same names.
macro_rules! setpoint_fields {
    ($command:ident, $finished:expr) => {
        $crate::wire::Setpoint {
            answers: $command.message_id.get(),
            q: franka::wire::f64s_to_f64(&$command.motion.q_c),
            dq: franka::wire::f64s_to_f64(&$command.motion.dq_c),
            pose: franka::wire::f64s_to_f64(&$command.motion.O_T_EE_c),
            twist: franka::wire::f64s_to_f64(&$command.motion.O_dP_EE_c),
            elbow: ($command.motion.valid_elbow != 0)
                .then(|| franka::wire::f64s_to_f64(&$command.motion.elbow_c)),
            tau: franka::wire::f64s_to_f64(&$command.control.tau_J_d),
            finished: $finished,
        }
    };
}
use setpoint_fields;
