//! The fields that the datagrams of both generations have in common.

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
pub(super) use state_fields;

/// Both generations ask for the commanded values under the same names.
macro_rules! setpoint_fields {
    ($command:ident, $finished:expr) => {
        $crate::wire::messages::Setpoint {
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
pub(super) use setpoint_fields;
