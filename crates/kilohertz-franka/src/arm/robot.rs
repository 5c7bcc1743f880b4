//! An arm as the robot of one session.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::robot::{Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;

use crate::arm::ownership::Ownership;
use crate::client::Connection;
use crate::client::entrance::Drive;
use crate::client::rejected_command::rejected;
use crate::client::watchdog::{READING, REQUEST, Unlimited, Watchdog};
use crate::error::{ArmError, ArmErrorCode};
use crate::state;

/// An arm for one session. The arm is the clock: it sends a state every millisecond.
pub(crate) struct ArmRobot {
    client: Arc<dyn Connection>,
    watchdog: Arc<Watchdog>,
    drive: Drive,
    action: Schema,
    ownership: Arc<Ownership>,
}

impl ArmRobot {
    /// Takes the arm for a session; the arm is free again when this is dropped.
    pub(crate) fn new(
        client: Arc<dyn Connection>,
        watchdog: Arc<Watchdog>,
        drive: Drive,
        ownership: Arc<Ownership>,
    ) -> Result<ArmRobot, ArmError> {
        if !ownership.take() {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "a session drives the arm already: stop it before starting another",
            ));
        }
        Ok(ArmRobot {
            client,
            watchdog,
            action: drive.interface.action(),
            drive,
            ownership,
        })
    }
}

impl Drop for ArmRobot {
    fn drop(&mut self) {
        self.ownership.give_back();
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
        let (client, ownership, drive) = (&self.client, &self.ownership, &self.drive);
        let driven = self.watchdog.limited(REQUEST, |limit| {
            ownership.drive_observed(&mut Unlimited { tick, limit }, |tick| {
                client.drive(drive, tick)
            })
        });
        Ok(driven.map_err(|error| match error.code {
            ArmErrorCode::CommandRejected => {
                let now = self.watchdog.limited(READING, |_| client.state());
                rejected("a motion", &error.message, now)
            }
            _ => error,
        })?)
    }
}
