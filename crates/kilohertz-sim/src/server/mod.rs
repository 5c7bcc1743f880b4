//! The servers to which clients connect. `commands.rs` is the arm's command channel, `arm.rs` the thread that
//! owns the arm and advances its time, `message.rs` what it is told, `pace.rs` its ticks, `faults.rs` its
//! faults, `schedule.rs` those that wait for a cycle, `datagram_faults.rs` those of its datagrams, and `hand.rs`
//! the hand's server. `connections.rs` has the faults of connections, `model_library.rs` what a FER serves.

pub(crate) mod arm;
pub(crate) mod commands;
pub(crate) mod connections;
pub(crate) mod datagram_faults;
mod faults;
pub(crate) mod hand;
pub(crate) mod message;
pub(crate) mod model_library;
pub(crate) mod pace;
pub(crate) mod schedule;
