//! What the arm says about itself every millisecond.

use franka::model::DEFAULT_GRAVITY_EARTH;
use franka::rate_limiting::DELTA_T;
use franka::{Duration, RobotState};

use crate::control_box::ControlBox;
use crate::control_box::cartesian::CartesianReference;
use crate::wire::messages::State;

/// What a state needs of the one before it.
#[derive(Debug, Default)]
pub(crate) struct StateWriter {
    last_twist: [f64; 6],
}

impl StateWriter {
    /// The state of `robot` now. Allocates nothing.
    pub fn write(&mut self, robot: &ControlBox) -> State {
        let arm = &robot.arm;
        let reference = &arm.reference;
        let f_t_ee = arm.frames.f_t_ee();
        let desired = arm.dynamics.end_effector(&reference.q, &f_t_ee);
        let twist = arm.dynamics.twist(&reference.q, &reference.dq, &f_t_ee);
        let twist_rate: [f64; 6] =
            std::array::from_fn(|i| (twist[i] - self.last_twist[i]) / DELTA_T);
        self.last_twist = twist;
        let commanded = robot.cartesian().unwrap_or(CartesianReference {
            pose: desired,
            twist,
            acceleration: twist_rate,
            elbow: None,
        });
        let [elbow, delbow, ddelbow] = match commanded.elbow {
            Some(elbow) => [elbow.place, elbow.velocity, elbow.acceleration],
            None => [reference.q[2], reference.dq[2], reference.ddq[2]],
        };
        let (robot_mode, motion) = robot.modes();
        let elbow_of = |q: &[f64; 7]| [q[2], if q[3] < 0.0 { -1.0 } else { 1.0 }];
        let elbow_d = elbow_of(&reference.q);
        let values = RobotState {
            time: Duration::from_millis(robot.time),
            O_T_EE: arm.dynamics.end_effector(&arm.pose.q, &f_t_ee),
            O_T_EE_d: desired,
            F_T_EE: f_t_ee,
            EE_T_K: arm.frames.ee_t_k,
            F_T_NE: arm.frames.f_t_ne,
            NE_T_EE: arm.frames.ne_t_ee,
            m_ee: arm.end_effector.mass,
            I_ee: arm.end_effector.inertia,
            F_x_Cee: arm.end_effector.com,
            m_load: arm.load.mass,
            I_load: arm.load.inertia,
            F_x_Cload: arm.load.com,
            elbow: elbow_of(&arm.pose.q),
            elbow_d,
            tau_J: arm.tau_j,
            tau_J_d: arm.tau_d,
            dtau_J: arm.dtau_j,
            q: arm.pose.q,
            q_d: reference.q,
            dq: arm.pose.dq,
            dq_d: reference.dq,
            ddq_d: reference.ddq,
            tau_ext_hat_filtered: arm.tau_ext,
            O_F_ext_hat_K: arm.wrench_base,
            K_F_ext_hat_K: arm.wrench,
            joint_contact: arm.contacts.joint_contact,
            joint_collision: arm.contacts.joint_collision,
            cartesian_contact: arm.contacts.cartesian_contact,
            cartesian_collision: arm.contacts.cartesian_collision,
            O_dP_EE_d: twist,
            O_ddP_O: DEFAULT_GRAVITY_EARTH,
            elbow_c: [elbow, elbow_d[1]],
            delbow_c: [delbow, 0.0],
            ddelbow_c: [ddelbow, 0.0],
            O_T_EE_c: commanded.pose,
            O_dP_EE_c: commanded.twist,
            O_ddP_EE_c: commanded.acceleration,
            theta: arm.pose.q,
            dtheta: arm.pose.dq,
            current_errors: robot.errors.flags(),
            last_motion_errors: robot.reflex_reason.flags(),
            robot_mode,
            control_command_success_rate: robot.success_rate(),
            ..RobotState::default()
        };
        State { values, motion }
    }
}
