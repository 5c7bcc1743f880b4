//! Calls to other threads and processes, as JavaScript holds them. `line.rs` is one end of a line;
//! `poll.rs` calls JavaScript when a descriptor is readable.

pub(crate) mod line;
pub(crate) mod poll;
