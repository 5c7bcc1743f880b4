//! Draws a recording.

use std::ops::ControlFlow;
use std::path::Path;

use kilohertz_record::plot::{Drawing, PlotOptions, Scheme, plot, plot_into};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::record::reading::NativeRunEnd;

/// A recording as a picture.
#[napi(object, object_from_js = false)]
pub struct NativeDrawing {
    /// The page of SVG.
    pub page: String,
    /// Absent if the file does not tell it.
    pub end: Option<NativeRunEnd>,
}

/// Draws what a recording holds between two times of the robot [s], by default all of it. `scheme` is one of
/// "auto", "light" and "dark". The page is also written into the new file `into`, if that is given.
#[napi(ts_return_type = "Promise<NativeDrawing>")]
pub fn plot_recording(
    env: &Env,
    path: String,
    from_s: Option<f64>,
    to_s: Option<f64>,
    scheme: String,
    into: Option<String>,
) -> Result<Object<'_>> {
    let options = PlotOptions {
        from_s: from_s.unwrap_or(f64::NEG_INFINITY),
        to_s: to_s.unwrap_or(f64::INFINITY),
        scheme: Scheme::ALL
            .into_iter()
            .find(|each| each.as_str() == scheme)
            .unwrap_or(Scheme::Auto),
    };
    in_background(env, move || {
        let (path, goes_on) = (Path::new(&path), |_| ControlFlow::Continue(()));
        let Drawing { page, end } = match into {
            Some(into) => plot_into(Path::new(&into), path, &options, goes_on)?,
            None => plot(path, &options, goes_on)?,
        };
        Ok(NativeDrawing {
            page,
            end: end.map(NativeRunEnd::from),
        })
    })
}
