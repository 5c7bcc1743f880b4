//! The servers to which clients connect. `commands.rs` is the arm's command channel, `arm.rs` the thread that
//! owns the arm and advances its time, `pace.rs` its ticks, `fault_injector.rs` the faults of its datagrams,
//! and `hand.rs` the hand's server.

pub(crate) mod arm;
pub(crate) mod commands;
pub(crate) mod fault_injector;
pub(crate) mod hand;
pub(crate) mod pace;
