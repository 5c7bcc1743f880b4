//! A planned move, as JavaScript holds it until a session carries it out.

use std::sync::Arc;
use std::time::Duration;

use kilohertz_franka::ArmErrorCode;
use kilohertz_franka::move_to::{Arrival, Goal, MovePolicy, Plan, Progress};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;
use crate::franka::arm::NativeArm;

/// A move that was planned from the arm's place.
#[napi]
pub struct NativeMove {
    plan: Plan,
    arrival: Arrival,
    progress: Arc<Progress>,
}

impl NativeMove {
    pub(crate) fn policy(&self) -> MovePolicy {
        MovePolicy::new(self.plan.clone(), Arc::clone(&self.progress)).arriving(self.arrival)
    }
}

#[napi]
impl NativeMove {
    /// How long the way takes [s].
    #[napi(getter)]
    pub fn duration_s(&self) -> f64 {
        self.plan.duration()
    }

    /// For how long the arm has moved [s].
    #[napi(getter)]
    pub fn elapsed_s(&self) -> f64 {
        self.progress.elapsed()
    }

    /// True if the measured arm stands at the goal.
    #[napi(getter)]
    pub fn has_arrived(&self) -> bool {
        self.progress.has_arrived()
    }

    /// Returns why the plan was given up; null if it was not given up.
    #[napi]
    pub fn trouble(&self) -> Option<Failure> {
        self.progress.trouble().map(Failure::from)
    }
}

#[napi]
impl NativeArm {
    /// Plans a move to joint positions, 7 numbers, or to a pose, 16 numbers; a relative goal counts from where
    /// the arm stands. The arm has arrived when each joint is within the tolerance [rad]; it must be so before
    /// the settling time [s] is over.
    #[napi(ts_return_type = "Promise<NativeMove>")]
    pub fn plan_move<'env>(
        &self,
        env: &'env Env,
        goal: &[f64],
        relative: bool,
        speed: f64,
        tolerance: f64,
        settling_s: f64,
    ) -> Result<Object<'env>> {
        let goal = match (goal.try_into(), goal.try_into()) {
            (Ok(q), _) if relative => Goal::JointsBy(q),
            (Ok(q), _) => Goal::Joints(q),
            (_, Ok(pose)) if relative => Goal::PoseBy(pose),
            (_, Ok(pose)) => Goal::Pose(pose),
            _ => {
                let message = format!("a goal has 7 or 16 numbers, not {}", goal.len());
                return Err(Failure::arm(ArmErrorCode::InvalidArgument, message).thrown(env));
            }
        };
        let arrival = Arrival {
            tolerance,
            settling: Duration::try_from_secs_f64(settling_s).unwrap_or_default(),
        };
        let arm = Arc::clone(&self.arm);
        in_background(env, move || {
            Ok(NativeMove {
                plan: arm.plan_move(&goal, speed)?,
                arrival,
                progress: Arc::default(),
            })
        })
    }
}
