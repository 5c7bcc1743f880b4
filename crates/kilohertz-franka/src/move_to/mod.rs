//! Moving an arm to joint positions or to a pose: the move is planned before the arm moves, and then a
//! session runs whose policy follows the plan.
//!
//! ```text
//! plan.rs     the goal, and the way there, checked against the arm's limits
//! profile.rs  the fastest motion from rest to rest
//! policy.rs   the policy that follows a plan, and the check that its move has arrived
//! ```

pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod profile;

use std::f64::consts::TAU;

use franka::RobotState;
use kilohertz_core::number::{number, number_before, number_beside};
use kilohertz_geometry::orthonormal;

use crate::arm::Arm;
use crate::error::{ArmError, ArmErrorCode};
use crate::invalid_value::invalid;
use crate::kinematics::inverse::joints_for;
use crate::kinematics::model::ArmModel;
use crate::move_to::plan::{NoWay, Strength, ranges};
use crate::state::gate::{self, Fault};

pub use crate::error::NotArrived;
pub use crate::move_to::plan::{Goal, LEAST_SPEED, Plan};
pub use crate::move_to::policy::{Arrival, MovePolicy, Progress};

/// libfranka's ready pose [rad]: the elbow bent, the hand pointing down.
pub const HOME: [f64; 7] = {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
    [
        0.0,
        -FRAC_PI_4,
        0.0,
        -3.0 * FRAC_PI_4,
        0.0,
        FRAC_PI_2,
        FRAC_PI_4,
    ]
};

impl Arm {
    /// Plans the way from the arm's place to `goal`. `speed`, from [`LEAST_SPEED`] to 1, is the share of
    /// the arm's velocities and accelerations that may be used, and a tenth of it the share of the jerk.
    /// Blocks for some milliseconds. Moves nothing.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidArgument`] for an invalid speed or pose; [`ArmErrorCode::Unreachable`] if the
    /// goal is out of the joints' ranges or of the arm's reach, or if the arm cannot carry its load on the
    /// way there; [`ArmErrorCode::Protocol`] if the arm reports a posture that no arm can have; and the
    /// errors of [`Arm::state`].
    pub fn plan_move(&self, goal: &Goal, speed: f64) -> Result<Plan, ArmError> {
        if !(LEAST_SPEED..=1.0).contains(&speed) {
            let least = number_beside(LEAST_SPEED, &[speed]);
            let expected = format!("a number from {least} to 1");
            invalid(("speed", "speed"), speed, &[LEAST_SPEED, 1.0], expected)?;
        }
        goal.check()?;
        let state = self.while_idle("cannot move the arm", |client| self.read(client))?;
        gate::can_stand(self.limits(), &state).map_err(Fault::standing)?;
        gate::can_carry(&state).map_err(Fault::standing)?;
        let to = self.joints_of(goal, &state)?;
        let limits = self.limits_of_mover();
        let strength = Strength::new(self.model(), &limits, &state);
        let planned = Plan::new(&limits.joints, &strength, (state.q_d, to), speed);
        planned.map_err(|none| {
            let text = match none {
                NoWay::TooFast => {
                    "no speed keeps the arm's limits on the way there. Nothing has moved; guide the \
                     arm away from the ends of its joints' ranges by hand"
                        .to_owned()
                }
                NoWay::TooHeavy {
                    joint,
                    torque,
                    most,
                } => format!(
                    "joint {} would have to bear {} N m on the way there with the {} kg at its flange, and it \
                     can bear {} N m. Nothing has moved; choose a place nearer to the arm, or a lighter load",
                    joint + 1,
                    number_beside(torque, &[most]),
                    number(state.m_total),
                    number_beside(most, &[torque])
                ),
            };
            ArmError::new(ArmErrorCode::Unreachable, text)
        })
    }

    /// Returns the joint positions of the goal, checked against their ranges.
    fn joints_of(&self, goal: &Goal, state: &RobotState) -> Result<[f64; 7], ArmError> {
        let ranges = ranges(&self.limits_of_mover().joints);
        let model = ArmModel::new(self.generation())?;
        match goal.absolute(model.rigid_body(), state) {
            Goal::Joints(q) | Goal::JointsBy(q) => {
                for (joint, (&q, (lower, upper))) in q.iter().zip(ranges).enumerate() {
                    if !(lower..=upper).contains(&q) {
                        // A value in radians that makes sense is within one turn, so this one may be in
                        // degrees.
                        let is_turns = q.abs() > TAU;
                        let slip = match is_turns && (lower..=upper).contains(&q.to_radians()) {
                            true => ". Is it in degrees?",
                            false => "",
                        };
                        return Err(ArmError::new(
                            ArmErrorCode::Unreachable,
                            format!(
                                "joint {} cannot go to {} rad: it may be commanded from {} to {} rad. Nothing \
                                 has moved{slip}",
                                joint + 1,
                                number_beside(q, &[lower, upper]),
                                number_before(lower, f64::NEG_INFINITY),
                                number_before(upper, f64::INFINITY)
                            ),
                        ));
                    }
                }
                Ok(q)
            }
            Goal::Pose(pose) | Goal::PoseBy(pose) => {
                let pose = orthonormal(&pose);
                joints_for(&model, &ranges, &state.F_T_EE, &state.q_d, &pose)
            }
        }
    }
}
