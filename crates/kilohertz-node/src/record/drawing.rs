//! Draws a recording.

use std::ops::ControlFlow;
use std::path::Path;

use kilohertz_record::plot::{PlotOptions, Scheme, plot};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;

/// Returns a page of SVG with what a recording holds between two times of the robot [s]. `scheme` is one of
/// "auto", "light" and "dark".
#[napi(ts_return_type = "Promise<string>")]
pub fn plot_recording(
    env: &Env,
    path: String,
    from_s: f64,
    to_s: f64,
    scheme: String,
) -> Result<Object<'_>> {
    let options = PlotOptions {
        from_s,
        to_s,
        scheme: Scheme::ALL
            .into_iter()
            .find(|each| each.as_str() == scheme)
            .unwrap_or(Scheme::Auto),
    };
    in_background(env, move || {
        plot(Path::new(&path), &options, |_| ControlFlow::Continue(())).map_err(Failure::from)
    })
}
