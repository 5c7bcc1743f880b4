//! The end effector at the arm's flange, as it is set in Desk.

use std::f64::consts::FRAC_1_SQRT_2;

use franka::robot_state::IDENTITY_TRANSFORM;

use crate::body::payload::{Body, is_rigid};
use crate::error::{SimulatorError, rounded};

/// An end effector, with libfranka's names. Matrices are column-major.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(non_snake_case, reason = "libfranka's names")]
pub struct EndEffector {
    /// The mass, 0 to 10 \[kg\].
    pub m_ee: f64,
    /// The centre of mass in the flange frame, at most 1 m away \[m\].
    pub F_x_Cee: [f64; 3],
    /// The inertia about the centre of mass [kg m2]. A body of this mass must be able to have it. Zeros
    /// without mass.
    pub I_ee: [f64; 9],
    /// The nominal end effector's frame in the flange's, 4x4, at most 1 m away \[m\].
    pub F_T_NE: [f64; 16],
}

/// How far from the flange a frame or a centre of mass may be \[m\].
const FARTHEST: f64 = 1.0;
/// The heaviest end effector \[kg\]. An arm could not hold a heavier one.
const HEAVIEST: f64 = 10.0;

impl EndEffector {
    /// No end effector.
    pub const NONE: EndEffector = EndEffector {
        m_ee: 0.0,
        F_x_Cee: [0.0; 3],
        I_ee: [0.0; 9],
        F_T_NE: IDENTITY_TRANSFORM,
    };

    /// The Franka Hand. Mass, centre of mass and inertia come from Franka's `franka_description`
    /// (`end_effectors/franka_hand/inertials.yaml`). The frame between the fingertips comes from Franka's
    /// `franka_ros` (`franka_gazebo/src/franka_hw_sim.cpp`), which has the same body.
    pub const FRANKA_HAND: EndEffector = EndEffector {
        m_ee: 0.73,
        F_x_Cee: [-0.01, 0.0, 0.03],
        I_ee: [0.001, 0.0, 0.0, 0.0, 0.0025, 0.0, 0.0, 0.0, 0.0017],
        F_T_NE: [
            FRAC_1_SQRT_2,
            -FRAC_1_SQRT_2,
            0.0,
            0.0,
            FRAC_1_SQRT_2,
            FRAC_1_SQRT_2,
            0.0,
            0.0,
            0.0,
            0.0,
            1.0,
            0.0,
            0.0,
            0.0,
            0.1034,
            1.0,
        ],
    };

    pub(crate) fn body(&self) -> Body {
        Body {
            mass: self.m_ee,
            com: self.F_x_Cee,
            inertia: self.I_ee,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        let refused = |option, received, expected: &str| {
            Err(SimulatorError::Option {
                option,
                received,
                expected: expected.into(),
            })
        };
        let listed = |values: &[f64]| {
            let values: Vec<String> = values.iter().map(|v| rounded(*v).to_string()).collect();
            values.join(", ")
        };
        let is_near =
            |place: &[f64]| place.iter().map(|v| v * v).sum::<f64>() <= FARTHEST * FARTHEST;
        if !(0.0..=HEAVIEST).contains(&self.m_ee) {
            return refused("m_ee", rounded(self.m_ee).to_string(), "0 to 10 kg");
        }
        if !is_near(&self.F_x_Cee) {
            let expected = "at most 1 m from the flange; it is in metres";
            return refused("F_x_Cee", listed(&self.F_x_Cee), expected);
        }
        if !self.body().is_physical() {
            let expected = "the inertia of some body of this mass [kg m2]: symmetric, positive definite, no principal \
                            moment larger than the sum of the others; zeros without mass";
            return refused("I_ee", listed(&self.I_ee), expected);
        }
        if !is_rigid(&self.F_T_NE) || !is_near(&self.F_T_NE[12..15]) {
            let expected = "a rotation and a translation of at most 1 m, 4x4, column-major";
            return refused("F_T_NE", listed(&self.F_T_NE), expected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_arm_can_wear_is_taken_and_nothing_else() {
        for taken in [EndEffector::NONE, EndEffector::FRANKA_HAND] {
            taken.validate().unwrap();
        }
        let refused = |change: fn(&mut EndEffector), named: &str| {
            let mut worn = EndEffector::FRANKA_HAND;
            change(&mut worn);
            let error = worn.validate().unwrap_err();
            assert_eq!(error.code(), "SIM_OPTION");
            assert!(error.to_string().contains(named), "{error}");
        };
        refused(|e| e.m_ee = -0.1, "m_ee");
        refused(|e| e.m_ee = f64::NAN, "m_ee");
        refused(|e| e.m_ee = 730.0, "730");
        refused(|e| e.F_x_Cee = [0.0, 0.0, 30.0], "30");
        refused(|e| e.F_x_Cee = [f64::NAN; 3], "F_x_Cee");
        refused(|e| e.I_ee = [0.0; 9], "I_ee");
        refused(|e| e.I_ee[8] = 0.0036, "0.0036");
        refused(|e| e.m_ee = 0.0, "zeros without mass");
        refused(|e| e.F_T_NE[0] = 1.0, "F_T_NE");
        refused(|e| e.F_T_NE[14] = 103.4, "103.4");
    }
}
