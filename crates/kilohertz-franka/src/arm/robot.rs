//! An arm as the robot of one session.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::robot::{Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;

use crate::arm::READING;
use crate::arm::ownership::Desk;
use crate::client::Connection;
use crate::client::entrance::Drive;
use crate::client::rejection::rejected;
use crate::client::watchdog::{Plug, REQUEST, Unlimited};
use crate::error::{ArmError, ArmErrorCode};
use crate::state;

/// An arm for one session. The arm is the clock: it sends a state every millisecond.
pub(crate) struct ArmRobot {
    client: Arc<dyn Connection>,
    plug: Arc<Plug>,
    drive: Drive,
    action: Schema,
    desk: Arc<Desk>,
}

impl ArmRobot {
    /// Takes the arm for a session; it is free again when this is dropped.
    pub(crate) fn new(
        client: Arc<dyn Connection>,
        plug: Arc<Plug>,
        drive: Drive,
        desk: Arc<Desk>,
    ) -> Result<ArmRobot, ArmError> {
        if !desk.take() {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "a session drives the arm already: stop it before starting another",
            ));
        }
        Ok(ArmRobot {
            client,
            plug,
            action: drive.interface.action(),
            drive,
            desk,
        })
    }
}

impl Drop for ArmRobot {
    fn drop(&mut self) {
        self.desk.give_back();
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
        let (client, desk, drive) = (&self.client, &self.desk, &self.drive);
        let driven = self.plug.limited(REQUEST, |limit| {
            desk.listening(&mut Unlimited { tick, limit }, |tick| {
                client.drive(drive, tick)
            })
        });
        Ok(driven.map_err(|error| match error.code {
            ArmErrorCode::CommandRejected => {
                let now = self.plug.limited(READING, |_| client.state());
                rejected("a motion", &error.message, now)
            }
            _ => error,
        })?)
    }
}
