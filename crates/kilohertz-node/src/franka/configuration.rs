//! Settings of an arm, from JavaScript.

use std::sync::Arc;

use kilohertz_franka::{ArmErrorCode, Setting};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;
use crate::franka::arm::NativeArm;

#[napi]
impl NativeArm {
    /// Sends a setting to the arm: its kind and its values, in the order of `kilohertz_franka::Setting`.
    /// With `unchecked` the values need not be plausible.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn configure<'env>(
        &self,
        env: &'env Env,
        kind: String,
        values: &[f64],
        unchecked: bool,
    ) -> Result<Object<'env>> {
        let Some(setting) = Setting::from_slots(&kind, values) else {
            let message = format!("there is no setting {kind} of {} values", values.len());
            return Err(Failure::arm(ArmErrorCode::InvalidArgument, message).thrown(env));
        };
        let arm = Arc::clone(&self.arm);
        in_background(env, move || {
            Ok(match unchecked {
                true => arm.configure_unchecked(&setting),
                false => arm.configure(&setting),
            }?)
        })
    }
}
