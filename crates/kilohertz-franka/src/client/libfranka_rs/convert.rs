//! Converts the states of `libfranka-rs` to those of `franka-rs`.

use std::time::Duration;

use franka::{ERROR_NAMES, Errors, RobotMode, RobotState};

/// Converts a state, whose fields have the same names in both clients.
pub(super) fn shared(s: &libfranka::RobotState) -> RobotState {
    macro_rules! same {
        ($($field:ident)*) => {
            RobotState {
                $($field: s.$field,)*
                current_errors: flags(&s.current_errors.franka_errors),
                last_motion_errors: flags(&s.last_motion_errors.franka_errors),
                robot_mode: RobotMode::from_u8(s.robot_mode as u8).unwrap_or(RobotMode::Other),
                time: franka::Duration::from_millis(milliseconds(s.time)),
                ..RobotState::default()
            }
        };
    }
    same! {
        O_T_EE O_T_EE_d F_T_EE F_T_NE NE_T_EE EE_T_K m_ee I_ee F_x_Cee m_load I_load F_x_Cload
        m_total I_total F_x_Ctotal elbow elbow_d elbow_c delbow_c ddelbow_c tau_J tau_J_d dtau_J
        q q_d dq dq_d ddq_d joint_contact cartesian_contact joint_collision cartesian_collision
        tau_ext_hat_filtered O_F_ext_hat_K K_F_ext_hat_K O_dP_EE_d O_ddP_O O_T_EE_c O_dP_EE_c
        O_ddP_EE_c theta dtheta control_command_success_rate
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Converts errors, which are numbered like the arm's flags.
fn flags(errors: &[libfranka::robot::error::FrankaError]) -> Errors {
    let mut flags = Errors([false; ERROR_NAMES.len()]);
    for &error in errors {
        if let Some(flag) = flags.0.get_mut(error as usize) {
            *flag = true;
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::*;

    proptest! {
        #[test]
        fn each_error_has_a_name_that_leads_back_to_it(chosen in proptest::collection::vec(any::<bool>(), ERROR_NAMES.len())) {
            let mut errors = Errors::default();
            for (nth, there) in chosen.iter().enumerate() {
                errors.0[nth] = *there;
            }
            let names = errors.names();
            prop_assert_eq!(names.len(), chosen.iter().filter(|there| **there).count());
            for name in names {
                let nth = Errors::index_of(name).expect("a name of the table");
                prop_assert!(chosen[nth], "{}", name);
                prop_assert_eq!(ERROR_NAMES[nth], name);
            }
        }
    }
}
