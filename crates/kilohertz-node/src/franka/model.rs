//! The model of an arm, as JavaScript holds it.

use kilohertz_franka::kinematics::model::{ArmModel, POSTURE_LEN, Posture, Quantity};
use napi::bindgen_prelude::Float64ArraySlice;
use napi::{Env, Result};
use napi_derive::napi;

use crate::buffers::slots_of;
use crate::error::OrThrow;
use crate::franka::arm::named;

/// The model of one generation's arm.
#[napi]
pub struct NativeModel {
    model: ArmModel,
}

#[napi]
impl NativeModel {
    /// Creates the model of `fr3` or `fer`.
    #[napi(constructor)]
    pub fn new(env: &Env, generation: String) -> Result<NativeModel> {
        let generation = named("generation", &generation).or_throw(env)?;
        let model = ArmModel::new(generation).or_throw(env)?;
        Ok(NativeModel { model })
    }

    /// Computes a quantity of a frame at a posture. Returns true if the quantity exists and there was room
    /// for it. Does not allocate.
    #[napi]
    pub fn compute(
        &self,
        quantity: u32,
        frame: u32,
        posture: Float64ArraySlice<'_>,
        mut into: Float64ArraySlice<'_>,
    ) -> bool {
        let Some(quantity) = Quantity::numbered(quantity, frame) else {
            return false;
        };
        let Ok(slots) = <&[f64; POSTURE_LEN]>::try_from(&posture[..]) else {
            return false;
        };
        let posture = Posture::from_slots(slots);
        let into = slots_of(&mut into);
        if into.len() != quantity.len() {
            return false;
        }
        self.model.compute(quantity, &posture, into);
        true
    }
}
