//! The arm's error flags, by libfranka's names.

use franka::{ERROR_NAMES, Errors};

/// A set of error flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Violation(Errors);

macro_rules! flags {
    ($($constant:ident = $name:literal),* $(,)?) => {
        $(pub(crate) const $constant: &str = $name;)*
        #[cfg(test)]
        const NAMED: &[&str] = &[$($name),*];
    };
}

flags! {
    POSITION_LIMITS = "joint_position_limits_violation",
    VELOCITY = "joint_velocity_violation",
    START_POSE = "joint_position_motion_generator_start_pose_invalid",
    COMMANDED_POSITION = "joint_motion_generator_position_limits_violation",
    COMMANDED_VELOCITY = "joint_motion_generator_velocity_limits_violation",
    VELOCITY_DISCONTINUITY = "joint_motion_generator_velocity_discontinuity",
    ACCELERATION_DISCONTINUITY = "joint_motion_generator_acceleration_discontinuity",
    CARTESIAN_START_POSE = "cartesian_position_motion_generator_start_pose_invalid",
    CARTESIAN_FRAME = "cartesian_position_motion_generator_invalid_frame_flag",
    CARTESIAN_VELOCITY = "cartesian_motion_generator_velocity_limits_violation",
    CARTESIAN_VELOCITY_DISCONTINUITY = "cartesian_motion_generator_velocity_discontinuity",
    CARTESIAN_ACCELERATION_DISCONTINUITY = "cartesian_motion_generator_acceleration_discontinuity",
    CARTESIAN_JOINT_POSITION = "cartesian_motion_generator_joint_position_limits_violation",
    CARTESIAN_JOINT_VELOCITY = "cartesian_motion_generator_joint_velocity_limits_violation",
    CARTESIAN_JOINT_VELOCITY_DISCONTINUITY = "cartesian_motion_generator_joint_velocity_discontinuity",
    CARTESIAN_JOINT_ACCELERATION_DISCONTINUITY = "cartesian_motion_generator_joint_acceleration_discontinuity",
    ELBOW_LIMIT = "cartesian_motion_generator_elbow_limit_violation",
    START_ELBOW = "cartesian_motion_generator_start_elbow_invalid",
    ELBOW_SIGN = "cartesian_motion_generator_elbow_sign_inconsistent",
    COMMUNICATION = "communication_constraints_violation",
    TORQUE_DISCONTINUITY = "controller_torque_discontinuity",
    TORQUE_RANGE = "tau_J_range_violation",
}

impl Violation {
    pub const NONE: Violation = Violation(Errors([false; ERROR_NAMES.len()]));

    /// Returns the flag called `name`, or no flag if there is none of this name.
    pub fn of(name: &str) -> Violation {
        let mut violation = Violation::NONE;
        violation.add(name);
        violation
    }

    pub fn add(&mut self, name: &str) {
        if let Some(index) = Errors::index_of(name) {
            self.0.0[index] = true;
        }
    }

    pub fn any(&self) -> bool {
        self.0.any()
    }

    pub fn flags(self) -> Errors {
        self.0
    }

    #[cfg(test)]
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_used_is_one_of_the_arms() {
        for name in NAMED {
            assert!(Violation::of(name).has(name), "{name}");
        }
        assert!(!Violation::of("no_such_error").any());
    }
}
