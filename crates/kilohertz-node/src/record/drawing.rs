//! Draws a recording.

use std::ops::ControlFlow;
use std::path::Path;

use kilohertz_record::plot::{PlotOptions, Scheme, plot, plot_into};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;

/// Returns a page of SVG with what a recording holds between two times of the robot [s]. `scheme` is one of
/// "auto", "light" and "dark". The page is also written into the new file `into`, if that is given.
#[napi(ts_return_type = "Promise<string>")]
pub fn plot_recording(
    env: &Env,
    path: String,
    from_s: f64,
    to_s: f64,
    scheme: String,
    into: Option<String>,
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
        let (path, goes_on) = (Path::new(&path), |_| ControlFlow::Continue(()));
        Ok(match into {
            Some(into) => plot_into(Path::new(&into), path, &options, goes_on)?,
            None => plot(path, &options, goes_on)?,
        })
    })
}
