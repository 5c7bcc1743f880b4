//! What drives a robot, or is about to, for the stop of a page.

use std::sync::Arc;

use kilohertz_dashboard::page::Stops;
use napi_derive::napi;

use crate::guard::{NativePlace, wake_javascript};

/// The sessions and moves of a robot, which a stop of a page ends.
#[napi]
pub struct NativeStops {
    stops: Arc<Stops>,
}

#[napi]
impl NativeStops {
    /// Creates the list of a robot that nothing drives.
    #[napi(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "a constructor in JavaScript alone"
    )]
    pub fn new() -> NativeStops {
        NativeStops {
            stops: Arc::new(Stops::new(wake_javascript)),
        }
    }

    /// Notes that what has this place drives the robot, or is about to.
    #[napi]
    pub fn add(&self, place: &NativePlace) {
        self.stops.add(&place.shared());
    }
}

impl NativeStops {
    pub(super) fn shared(&self) -> &Arc<Stops> {
        &self.stops
    }
}
