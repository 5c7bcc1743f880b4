//! The messages on the wire, by their meaning. Each generation has one file for the bytes.
//!
//! Both generations frame requests in the same way and agree on most payloads. This module selects what
//! differs: the numbers of commands, `Move`, the status bytes, and the datagrams of states and commands.
//!
//! `messages.rs` has the messages by their meaning, `request.rs` decodes requests, `generator.rs` has the
//! motion generators, and `fields.rs` the fields that the datagrams of both generations share. `v5.rs` and
//! `v10.rs` have the bytes.

#![warn(clippy::indexing_slicing)]

mod fields;
mod v10;
mod v5;

pub(crate) mod generator;
pub(crate) mod messages;
pub(crate) mod request;

use zerocopy::IntoBytes;

use crate::generation::Generation;
use crate::wire::messages::{Command, MoveArguments, Setpoint, State, Status};

/// The datagram of a state.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives on the stack for a tick, and a box would be an allocation"
)]
pub(crate) enum Datagram {
    V10(franka::wire::robot::v10::RobotState),
    V5(franka::wire::robot::v5::RobotState),
}

impl Datagram {
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Datagram::V10(state) => state.as_bytes(),
            Datagram::V5(state) => state.as_bytes(),
        }
    }
}

/// The room for the longest command of either generation, and one more byte, so that a longer datagram is
/// noticed.
pub(crate) const COMMAND_ROOM: usize = size_of::<franka::wire::robot::v10::RobotCommand>() + 1;

impl Generation {
    /// Returns the command of this number.
    pub(crate) fn command(self, number: u32) -> Option<Command> {
        match self {
            Generation::Fr3 => v10::command(number),
            Generation::Fer => v5::command(number),
        }
    }

    /// Returns the byte for `status`.
    pub(crate) fn status(self, status: Status) -> u8 {
        match self {
            Generation::Fr3 => v10::status(status),
            Generation::Fer => v5::status(status),
        }
    }

    /// Returns the arguments of a `Move`, or none if the payload has the wrong length.
    pub(crate) fn move_arguments(self, payload: &[u8]) -> Option<MoveArguments> {
        match self {
            Generation::Fr3 => v10::move_arguments(payload),
            Generation::Fer => v5::move_arguments(payload),
        }
    }

    /// Returns the command in a datagram, or none if the datagram has the wrong length.
    pub(crate) fn setpoint(self, datagram: &[u8]) -> Option<Setpoint> {
        match self {
            Generation::Fr3 => v10::setpoint(datagram),
            Generation::Fer => v5::setpoint(datagram),
        }
    }

    /// Returns the datagram of a state. Allocates nothing.
    pub(crate) fn datagram(self, state: &State) -> Datagram {
        match self {
            Generation::Fr3 => Datagram::V10(v10::state(state)),
            Generation::Fer => Datagram::V5(v5::state(state)),
        }
    }
}
