//! Sessions whose policy runs on the loop's own thread: moves, and jogs of the page's controls.

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;

use crate::dashboard::controls::NativeControls;
use crate::error::OrThrow;
use crate::franka::arm::NativeArm;
use crate::franka::move_to::NativeMove;
use crate::guard::NativePlace;
use crate::session::options::{NativeSessionOptions, motion_options};
use crate::session::{Asked, NativeSession, parts_of, start};

#[napi]
impl NativeSession {
    /// Starts a session that moves an arm as planned, and ends when the arm is there, or when the controls that
    /// it is started with are let go.
    #[napi(factory)]
    pub fn moving(
        env: &Env,
        arm: &NativeArm,
        planned: &NativeMove,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
        controls: Option<&NativeControls>,
    ) -> Result<NativeSession> {
        let policy = planned.policy();
        let asked = Asked::Native(match controls {
            Some(controls) => controls.leased(policy),
            None => Box::new(policy),
        });
        let driven = arm.arm.mover(&motion_options(&options));
        let parts = parts_of(driven, &options, (arm, "moveTo"), asked).or_throw(env)?;
        start(env, parts, &options, place, wake)
    }

    /// Starts a session that jogs an arm, and ends when the controls are let go, or nothing is jogged any more.
    #[napi(factory)]
    pub fn jogging(
        env: &Env,
        arm: &NativeArm,
        controls: &NativeControls,
        options: NativeSessionOptions,
        place: &NativePlace,
        wake: Function<'_, (), ()>,
    ) -> Result<NativeSession> {
        let asked = Asked::Native(controls.jog());
        let driven = arm.arm.jogger(&motion_options(&options));
        let parts = parts_of(driven, &options, (arm, "jog"), asked).or_throw(env)?;
        start(env, parts, &options, place, wake)
    }
}
