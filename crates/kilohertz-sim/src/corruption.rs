//! Wrong states that come from the arm itself, not from the network.

use franka::{Duration, RobotState};

use crate::wire::Datagram;
use crate::wire::messages::State;

/// A value that replaces the true one in a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Corruption {
    /// A field of the state by libfranka's name. `time` and `robot_mode` are possible too.
    pub field: String,
    /// The index of the value in the field, from 0.
    pub index: usize,
    /// The value. For `time`: how far the clock is ahead \[s\]; below zero the clock is behind. For
    /// `robot_mode`: the number of the mode, which need not exist.
    pub value: f64,
}

const CLOCK: &str = "time";
const MODE: &str = "robot_mode";

/// The place of a value among the fields that both generations send.
macro_rules! slot {
    ($state:expr, $name:expr, $index:expr; $($field:ident)*) => {
        match $name {
            $(stringify!($field) => $state.$field.get_mut($index),)*
            _ => None,
        }
    };
}

fn slot<'a>(state: &'a mut RobotState, field: &str, index: usize) -> Option<&'a mut f64> {
    match (field, index) {
        ("m_ee", 0) => return Some(&mut state.m_ee),
        ("m_load", 0) => return Some(&mut state.m_load),
        _ => {}
    }
    slot!(state, field, index;
        q dq q_d dq_d ddq_d theta dtheta tau_J tau_J_d dtau_J tau_ext_hat_filtered
        O_T_EE O_T_EE_d O_T_EE_c O_dP_EE_d O_dP_EE_c O_ddP_EE_c O_F_ext_hat_K K_F_ext_hat_K O_ddP_O
        elbow elbow_d elbow_c delbow_c ddelbow_c
        joint_contact joint_collision cartesian_contact cartesian_collision
        F_T_EE F_T_NE NE_T_EE EE_T_K I_ee I_load F_x_Cee F_x_Cload)
}

impl Corruption {
    /// Whether an arm has a field with this name and index.
    pub(crate) fn is_possible(&self) -> bool {
        match self.field.as_str() {
            CLOCK => self.index == 0 && self.value.is_finite(),
            MODE => self.index == 0 && (0.0..256.0).contains(&self.value),
            field => slot(&mut RobotState::default(), field, self.index).is_some(),
        }
    }

    /// Returns how many milliseconds the clock is ahead.
    pub(crate) fn shift(&self) -> i64 {
        match self.field.as_str() {
            CLOCK => (self.value * 1e3) as i64,
            _ => 0,
        }
    }

    pub(crate) fn corrupt(&self, state: &mut State) {
        let time = state.values.time.as_millis();
        state.values.time = Duration::from_millis(time.saturating_add_signed(self.shift()));
        if let Some(slot) = slot(&mut state.values, &self.field, self.index) {
            *slot = self.value;
        }
    }

    /// Corrupts the bytes of a datagram, for fields that can have no wrong value before they are bytes.
    pub(crate) fn corrupt_bytes(&self, datagram: &mut Datagram) {
        if self.field == MODE {
            let mode = self.value as u8;
            match datagram {
                Datagram::V10(state) => state.robot_mode = mode,
                Datagram::V5(state) => state.robot_mode = mode,
            }
        }
    }
}
