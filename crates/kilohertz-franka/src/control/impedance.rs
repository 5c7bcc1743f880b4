//! The impedance controller, a torque law: springs and dampers between the arm's place and the place that a
//! motion commands.
//!
//! ```text
//! tau = J' (Kx J e + Dx J de) + Kq e + Dq de + coriolis,  e = q_d - q,  de = dq_d - dq
//! ```
//!
//! `J` is the Jacobian of the end effector at the arm's place, in the axes of the base frame. The arm
//! compensates gravity itself. The structure is that of polymetis' `HybridJointImpedanceControl`, which
//! DROID uses and `franka-rs` has in its target control. Here the dampers act on the difference of
//! velocities, so that an arm that follows does not lag behind.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;

use franka::RobotState;
use franka::model::{Frame, Model};
use franka::rate_limiting::MAX_TORQUE_RATE;
use kilohertz_core::limits::confined;

use crate::constants::{DT, MAX_TORQUE, OWN_SHARE};
use crate::control::gains::Gains;
use crate::control::{Impedance, Interface};

/// The impedance controller of one session.
#[derive(Debug, Clone)]
pub(crate) struct ImpedanceController {
    gains: Gains,
    model: Arc<Model>,
}

impl ImpedanceController {
    /// Returns the impedance controller of a session through `interface`, if it has one.
    pub fn of(interface: Interface, model: &Arc<Model>) -> Option<ImpedanceController> {
        match interface.impedance {
            Impedance::Law(gains) if interface.is_motion() => Some(ImpedanceController {
                gains,
                model: Arc::clone(model),
            }),
            _ => None,
        }
    }

    /// Returns the torques for an arm in `state` [N m], within their limits and the limits of their rates.
    /// Does not allocate.
    pub fn torques(&self, state: &RobotState) -> [f64; 7] {
        let away: [f64; 7] = std::array::from_fn(|joint| state.q_d[joint] - state.q[joint]);
        let slower: [f64; 7] = std::array::from_fn(|joint| state.dq_d[joint] - state.dq[joint]);
        let jacobian = self.model.zero_jacobian(Frame::EndEffector, state);
        let (columns, _) = jacobian.as_chunks::<6>();
        let gains = &self.gains;
        let force: [f64; 6] = std::array::from_fn(|axis| {
            let along = |joints: &[f64; 7]| -> f64 {
                (0..7)
                    .map(|joint| columns[joint][axis] * joints[joint])
                    .sum()
            };
            gains.cartesian_stiffness[axis] * along(&away)
                + gains.cartesian_damping[axis] * along(&slower)
        });
        let coriolis = self.model.coriolis(state);
        std::array::from_fn(|joint| {
            let through: f64 = (0..6).map(|axis| columns[joint][axis] * force[axis]).sum();
            let spring = gains.joint_stiffness[joint] * away[joint];
            let damper = gains.joint_damping[joint] * slower[joint];
            let wanted = through + spring + damper + coriolis[joint];
            let last = state.tau_J_d[joint];
            let change = OWN_SHARE * MAX_TORQUE_RATE[joint] * DT;
            let most = MAX_TORQUE[joint];
            confined(confined(wanted, -most, most), last - change, last + change)
        })
    }
}

#[cfg(test)]
mod tests {
    use franka::model::FR3_URDF;

    use super::*;
    use crate::constants::READY;
    use crate::control::Control;

    fn controller(gains: Gains) -> ImpedanceController {
        let model = Arc::new(Model::from_urdf(FR3_URDF).unwrap());
        let interface = Interface {
            control: Control::JointPosition,
            elbow: false,
            impedance: Impedance::Law(gains),
        };
        ImpedanceController::of(interface, &model).unwrap()
    }

    fn at_rest() -> RobotState {
        RobotState {
            q: READY,
            q_d: READY,
            ..RobotState::default()
        }
    }

    #[test]
    fn an_arm_that_is_where_it_should_be_is_left_alone() {
        for gains in [Gains::JOINT, Gains::CARTESIAN] {
            assert_eq!(controller(gains).torques(&at_rest()), [0.0; 7]);
        }
    }

    #[test]
    fn a_joint_is_pulled_and_damped_as_the_gains_say() {
        let mut state = at_rest();
        state.q_d[3] += 1e-3;
        state.dq_d[6] += 1e-2;
        let torques = controller(Gains::JOINT).torques(&state);
        let expected = [0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.15];
        for joint in 0..7 {
            let off = torques[joint] - expected[joint];
            assert!(off.abs() < 1e-12, "{torques:?}");
        }
    }

    #[test]
    fn a_push_on_the_hand_meets_the_cartesian_stiffness() {
        // Only the end effector has springs, and only along z.
        let gains = Gains {
            joint_stiffness: [0.0; 7],
            joint_damping: [0.0; 7],
            cartesian_stiffness: [0.0, 0.0, 500.0, 0.0, 0.0, 0.0],
            cartesian_damping: [0.0; 6],
        };
        let controller = controller(gains);
        let mut state = at_rest();
        // Joint 1 does not move the hand along z, joint 2 does.
        state.q_d[0] += 1e-3;
        assert!(
            controller
                .torques(&state)
                .iter()
                .all(|tau| tau.abs() < 1e-9)
        );
        state.q_d[1] += 1e-4;
        let jacobian = controller.model.zero_jacobian(Frame::EndEffector, &state);
        let lift = jacobian[8];
        let torques = controller.torques(&state);
        let expected = 500.0 * lift * lift * 1e-4;
        assert!((torques[1] - expected).abs() < 1e-9, "{torques:?}");
    }

    #[test]
    fn damping_changes_with_the_root_of_the_stiffness() {
        let stiff = Gains::JOINT.joint_stiffness.map(|k| 4.0 * k);
        let gains = Gains::JOINT.with_stiffness(Some(stiff), Some([750.0 / 4.0; 6]));
        assert_eq!(gains.joint_stiffness, stiff);
        assert_eq!(
            gains.joint_damping,
            Gains::JOINT.joint_damping.map(|d| 2.0 * d)
        );
        assert_eq!(
            gains.cartesian_damping[0],
            Gains::CARTESIAN.cartesian_damping[0] / 2.0
        );
        assert_eq!(Gains::JOINT.with_stiffness(None, None), Gains::JOINT);
        let none = Gains::JOINT.with_stiffness(Some([0.0; 7]), None);
        assert_eq!(none.joint_damping, [0.0; 7]);
    }

    #[test]
    fn torques_keep_to_their_limits_and_to_those_of_their_rate() {
        let controller = controller(Gains::JOINT);
        let mut state = at_rest();
        state.q_d = READY.map(|q| q + 1.0);
        for _ in 0..200 {
            let torques = controller.torques(&state);
            for joint in 0..7 {
                let change = torques[joint] - state.tau_J_d[joint];
                assert!(change.abs() < MAX_TORQUE_RATE[joint] * DT);
            }
            state.tau_J_d = torques;
        }
        assert_eq!(
            state.tau_J_d,
            MAX_TORQUE.map(|most| most.min(600.0)).map(|t| t)
        );
    }
}
