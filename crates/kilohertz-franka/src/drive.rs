//! An arm as the robot of one session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kilohertz_core::robot::{Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;

use crate::client::Connection;
use crate::control::Control;
use crate::error::{ArmError, ArmErrorCode};
use crate::plug::{Plug, Unlimited};
use crate::state;

/// An arm for one session. The arm is the clock: it sends a state every millisecond.
pub(crate) struct ArmRobot {
    client: Arc<dyn Connection>,
    plug: Arc<Plug>,
    control: Control,
    action: Schema,
    driven: Arc<AtomicBool>,
}

impl ArmRobot {
    /// Takes the arm for a session; it is free again when this is dropped.
    pub(crate) fn new(
        client: Arc<dyn Connection>,
        plug: Arc<Plug>,
        control: Control,
        driven: Arc<AtomicBool>,
    ) -> Result<ArmRobot, ArmError> {
        if driven.swap(true, Ordering::AcqRel) {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "a session drives the arm already: stop it before starting another",
            ));
        }
        Ok(ArmRobot {
            client,
            plug,
            control,
            action: control.action(),
            driven,
        })
    }
}

impl Drop for ArmRobot {
    fn drop(&mut self) {
        self.driven.store(false, Ordering::Release);
    }
}

impl Robot for ArmRobot {
    fn observation(&self) -> &Schema {
        &state::SCHEMA
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let (client, control) = (&self.client, self.control);
        Ok(self
            .plug
            .limited(|limit| client.drive(control, &mut Unlimited { tick, limit }))?)
    }
}
