//! What goes over the wire, by its meaning. The bytes are in one file a generation.
//!
//! Both generations frame requests alike and agree on most payloads. What differs is here: the
//! numbers of commands, `Move`, the status bytes, and the datagrams of states and commands.
//!
//! `messages.rs` has the messages by their meaning, `request.rs` decodes requests, `generator.rs` has the
//! motion generators, `fields.rs` what the datagrams of both generations have in common; `v5.rs` and `v10.rs`
//! have the bytes.

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

/// A state as it leaves.
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

/// Room for the longest command of either generation, and a byte more so that a longer datagram
/// shows.
pub(crate) const COMMAND_ROOM: usize = size_of::<franka::wire::robot::v10::RobotCommand>() + 1;

impl Generation {
    /// The command of this number.
    pub(crate) fn command(self, number: u32) -> Option<Command> {
        match self {
            Generation::Fr3 => v10::command(number),
            Generation::Fer => v5::command(number),
        }
    }

    /// The byte that says `status`.
    pub(crate) fn status(self, status: Status) -> u8 {
        match self {
            Generation::Fr3 => v10::status(status),
            Generation::Fer => v5::status(status),
        }
    }

    /// The arguments of a `Move`; nothing if they do not have its length.
    pub(crate) fn move_arguments(self, payload: &[u8]) -> Option<MoveArguments> {
        match self {
            Generation::Fr3 => v10::move_arguments(payload),
            Generation::Fer => v5::move_arguments(payload),
        }
    }

    /// The command in a datagram; nothing if it does not have a command's length.
    pub(crate) fn setpoint(self, datagram: &[u8]) -> Option<Setpoint> {
        match self {
            Generation::Fr3 => v10::setpoint(datagram),
            Generation::Fer => v5::setpoint(datagram),
        }
    }

    /// The datagram of a state. Allocates nothing.
    pub(crate) fn datagram(self, state: &State) -> Datagram {
        match self {
            Generation::Fr3 => Datagram::V10(v10::state(state)),
            Generation::Fer => Datagram::V5(v5::state(state)),
        }
    }
}
