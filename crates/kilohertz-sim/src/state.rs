//! The robot state as it goes over the wire.

use franka::model::DEFAULT_GRAVITY_EARTH;
use franka::rate_limiting::DELTA_T;
use franka::wire::robot::{ControllerMode, MotionGeneratorMode, MoveControllerMode, RobotState};
use zerocopy::little_endian::{F32, U64};

use crate::control_box::ControlBox;
use crate::motion::Generator;

/// What a state needs of the one before it.
#[derive(Debug, Default)]
pub(crate) struct StateWriter {
    last_twist: [f64; 6],
}

impl StateWriter {
    /// The state of `robot` now. Allocates nothing.
    pub fn write(&mut self, robot: &ControlBox) -> RobotState {
        let arm = &robot.arm;
        let reference = &arm.reference;
        let f_t_ee = arm.frames.f_t_ee();
        let desired = f32s(&arm.dynamics.end_effector(&reference.q, &f_t_ee));
        let twist = arm.dynamics.twist(&reference.q, &reference.dq, &f_t_ee);
        let twist_rate: [f64; 6] =
            std::array::from_fn(|i| (twist[i] - self.last_twist[i]) / DELTA_T);
        self.last_twist = twist;
        let (robot_mode, motion) = robot.modes();
        let (generator, controller) = match motion {
            None => (MotionGeneratorMode::Idle, ControllerMode::Other),
            Some((generator, controller)) => (reported(generator), reported_controller(controller)),
        };
        let elbow_of = |q: &[f64; 7]| f32s(&[q[2], if q[3] < 0.0 { -1.0 } else { 1.0 }]);
        let elbow_d = elbow_of(&reference.q);
        RobotState {
            message_id: U64::new(robot.time),
            O_T_EE: f32s(&arm.dynamics.end_effector(&arm.pose.q, &f_t_ee)),
            O_T_EE_d: desired,
            F_T_EE: f32s(&f_t_ee),
            EE_T_K: f32s(&arm.frames.ee_t_k),
            F_T_NE: f32s(&arm.frames.f_t_ne),
            NE_T_EE: f32s(&arm.frames.ne_t_ee),
            m_ee: F32::new(arm.end_effector.mass as f32),
            I_ee: f32s(&arm.end_effector.inertia),
            F_x_Cee: f32s(&arm.end_effector.com),
            m_load: F32::new(arm.load.mass as f32),
            I_load: f32s(&arm.load.inertia),
            F_x_Cload: f32s(&arm.load.com),
            elbow: elbow_of(&arm.pose.q),
            elbow_d,
            tau_J: f32s(&arm.tau_j),
            tau_J_d: f32s(&arm.tau_d),
            dtau_J: f32s(&arm.dtau_j),
            q: f32s(&arm.pose.q),
            q_d: f32s(&reference.q),
            dq: f32s(&arm.pose.dq),
            dq_d: f32s(&reference.dq),
            ddq_d: f32s(&reference.ddq),
            tau_ext_hat_filtered: f32s(&arm.tau_ext),
            O_dP_EE_d: f32s(&twist),
            O_ddP_O: f32s(&DEFAULT_GRAVITY_EARTH),
            elbow_c: elbow_d,
            delbow_c: f32s(&[reference.dq[2], 0.0]),
            ddelbow_c: f32s(&[reference.ddq[2], 0.0]),
            O_T_EE_c: desired,
            O_dP_EE_c: f32s(&twist),
            O_ddP_EE_c: f32s(&twist_rate),
            theta: f32s(&arm.pose.q),
            dtheta: f32s(&arm.pose.dq),
            motion_generator_mode: generator.to_u8(),
            controller_mode: controller.to_u8(),
            errors: robot.errors.to_wire(),
            reflex_reason: robot.reflex_reason.to_wire(),
            robot_mode: robot_mode.to_u8(),
            control_command_success_rate: F32::new(robot.success_rate() as f32),
            ..RobotState::default()
        }
    }
}

fn reported(generator: Generator) -> MotionGeneratorMode {
    match generator {
        Generator::JointPosition => MotionGeneratorMode::JointPosition,
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

fn f32s<const N: usize>(values: &[f64; N]) -> [F32; N] {
    values.map(|value| F32::new(value as f32))
}
