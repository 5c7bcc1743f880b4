//! Repairs a recording that was cut off.

use std::path::Path;

use kilohertz_record::repair::repair;
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;

/// What a repair found and did.
#[napi(object, object_from_js = false)]
pub struct NativeRepaired {
    /// True if the file was finished already, and was left as it is.
    pub was_finished: bool,
    pub cycles: f64,
    /// The bytes of half a record at the end that were left out.
    pub left_out_bytes: f64,
}

/// Gives a recording that was cut off its index and footer.
#[napi(ts_return_type = "Promise<NativeRepaired>")]
pub fn repair_recording(env: &Env, path: String) -> Result<Object<'_>> {
    in_background(env, move || {
        let repaired = repair(Path::new(&path)).map_err(Failure::from)?;
        Ok(NativeRepaired {
            was_finished: repaired.was_finished,
            cycles: repaired.cycles as f64,
            left_out_bytes: repaired.left_out as f64,
        })
    })
}
