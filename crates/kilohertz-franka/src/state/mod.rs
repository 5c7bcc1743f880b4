//! libfranka's robot state as flat slots, with libfranka's names, and the gate where states enter (`gate.rs`).
//!
//! `tau_ext_hat_filtered`, `O_F_ext_hat_K` and `K_F_ext_hat_K` are the torques and wrenches that the arm
//! applies to its surroundings: `tau_J` minus the torques that the model computes for the motion. A push on
//! the arm along an axis has a negative value on that axis.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod gate;

use std::sync::LazyLock;

use franka::{Duration, Errors, RobotMode, RobotState};
use kilohertz_core::schema::{Field, Schema};

/// A value that fills a fixed number of slots.
trait Slots {
    fn write(&self, slots: &mut [f64]);
}

impl Slots for f64 {
    fn write(&self, slots: &mut [f64]) {
        slots[0] = *self;
    }
}

impl<const N: usize> Slots for [f64; N] {
    fn write(&self, slots: &mut [f64]) {
        slots.copy_from_slice(self);
    }
}

impl<const N: usize, const M: usize> Slots for [[f64; N]; M] {
    fn write(&self, slots: &mut [f64]) {
        slots.copy_from_slice(self.as_flattened());
    }
}

impl Slots for Errors {
    fn write(&self, slots: &mut [f64]) {
        // This loop is vectorised: it checks many flags at a time.
        if !self.0.iter().fold(false, |any, &set| any | set) {
            return slots.fill(0.0);
        }
        for (slot, &set) in slots.iter_mut().zip(&self.0) {
            *slot = f64::from(u8::from(set));
        }
    }
}

impl Slots for RobotMode {
    fn write(&self, slots: &mut [f64]) {
        slots[0] = f64::from(*self as u8);
    }
}

impl Slots for Duration {
    fn write(&self, slots: &mut [f64]) {
        slots[0] = self.as_secs_f64();
    }
}

/// Declares the fields in one place: their names, which are libfranka's, their lengths and units.
macro_rules! state {
    ($($name:ident $len:literal $unit:literal)*) => {
        /// The layout of an observation of an arm.
        pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            Schema::new([$(Field { name: stringify!($name), len: $len, unit: $unit }),*])
        });

        /// Slots of an observation.
        pub const LEN: usize = 0 $(+ $len)*;

        /// The first slot of each field.
        #[allow(non_upper_case_globals, dead_code, reason = "the names are libfranka's")]
        pub(crate) mod offset {
            state!(@offsets 0; $($name $len)*);
        }

        /// Returns the number at `slot` of a state; `None` if the slot is not a number.
        #[cfg(test)]
        pub(crate) fn number(state: &mut RobotState, slot: usize) -> Option<&mut f64> {
            $(
                if (offset::$name..offset::$name + $len).contains(&slot) {
                    return numbers::Numbers::at(&mut state.$name, slot - offset::$name);
                }
            )*
            None
        }

        /// Writes `state` into `slots`, which has [`LEN`] of them. Does not allocate.
        pub fn write(state: &RobotState, slots: &mut [f64]) {
            let rest = &mut slots[..LEN];
            $(
                let (field, rest) = rest.split_at_mut($len);
                state.$name.write(field);
            )*
            debug_assert!(rest.is_empty(), "every slot belongs to a field");
        }
    };
    (@offsets $at:expr; ) => {};
    (@offsets $at:expr; $name:ident $len:literal $($more:tt)*) => {
        pub(crate) const $name: usize = $at;
        state!(@offsets $at + $len; $($more)*);
    };
}

state! {
    time 1 "s"
    q 7 "rad"
    dq 7 "rad/s"
    q_d 7 "rad"
    dq_d 7 "rad/s"
    ddq_d 7 "rad/s^2"
    tau_J 7 "N m"
    tau_J_d 7 "N m"
    dtau_J 7 "N m/s"
    tau_ext_hat_filtered 7 "N m"
    theta 7 "rad"
    dtheta 7 "rad/s"
    O_T_EE 16 "m"
    O_T_EE_d 16 "m"
    O_T_EE_c 16 "m"
    O_dP_EE_d 6 "m/s, rad/s"
    O_dP_EE_c 6 "m/s, rad/s"
    O_ddP_EE_c 6 "m/s^2, rad/s^2"
    O_F_ext_hat_K 6 "N, N m"
    K_F_ext_hat_K 6 "N, N m"
    O_ddP_O 3 "m/s^2"
    elbow 2 "rad, sign"
    elbow_d 2 "rad, sign"
    elbow_c 2 "rad, sign"
    delbow_c 2 "rad/s"
    ddelbow_c 2 "rad/s^2"
    joint_contact 7 ""
    cartesian_contact 6 ""
    joint_collision 7 ""
    cartesian_collision 6 ""
    F_T_EE 16 "m"
    F_T_NE 16 "m"
    NE_T_EE 16 "m"
    EE_T_K 16 "m"
    m_ee 1 "kg"
    I_ee 9 "kg m^2"
    F_x_Cee 3 "m"
    m_load 1 "kg"
    I_load 9 "kg m^2"
    F_x_Cload 3 "m"
    m_total 1 "kg"
    I_total 9 "kg m^2"
    F_x_Ctotal 3 "m"
    accelerometer_top 18 "m/s^2"
    accelerometer_bottom 18 "m/s^2"
    control_command_success_rate 1 ""
    robot_mode 1 ""
    current_errors 41 ""
    last_motion_errors 41 ""
}

/// Returns the seven values of a joint field of an observation.
pub(crate) fn joints(observation: &[f64], offset: usize) -> [f64; 7] {
    let mut joints = [0.0; 7];
    joints.copy_from_slice(&observation[offset..][..7]);
    joints
}

/// Access to the numbers of a state, for tests that set them.
#[cfg(test)]
mod numbers {
    use super::{Duration, Errors, RobotMode};

    pub trait Numbers {
        fn at(&mut self, _index: usize) -> Option<&mut f64> {
            None
        }
    }

    impl Numbers for f64 {
        fn at(&mut self, _index: usize) -> Option<&mut f64> {
            Some(self)
        }
    }

    impl<const N: usize> Numbers for [f64; N] {
        fn at(&mut self, index: usize) -> Option<&mut f64> {
            self.get_mut(index)
        }
    }

    impl<const N: usize, const M: usize> Numbers for [[f64; N]; M] {
        fn at(&mut self, index: usize) -> Option<&mut f64> {
            self.as_flattened_mut().get_mut(index)
        }
    }

    impl Numbers for Errors {}
    impl Numbers for RobotMode {}
    impl Numbers for Duration {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_stands_where_the_schema_says() {
        let mut state = RobotState {
            m_load: 1.5,
            ..RobotState::default()
        };
        state.q = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        state.accelerometer_bottom[5] = [7.0, 8.0, 9.0];
        state.robot_mode = RobotMode::Reflex;
        state.last_motion_errors.0[40] = true;
        state.time = Duration::from_millis(1_234);
        let mut slots = [f64::NAN; LEN];
        write(&state, &mut slots);
        assert!(
            slots.iter().all(|slot| !slot.is_nan()),
            "a slot was left unwritten"
        );
        assert_eq!(SCHEMA.len(), LEN);
        assert_eq!(joints(&slots, offset::q), state.q);
        assert_eq!(slots[offset::m_load], 1.5);
        assert_eq!(slots[offset::time], 1.234);
        assert_eq!(slots[offset::robot_mode], 4.0);
        assert_eq!(slots[offset::accelerometer_bottom + 17], 9.0);
        assert_eq!(SCHEMA.locate(LEN - 1), Some(("last_motion_errors", 40)));
        assert_eq!(slots[LEN - 1], 1.0);
    }
}
