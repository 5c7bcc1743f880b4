//! Calls to other threads and processes, as JavaScript holds them: `line.rs` is a line's end, `poll.rs` wakes JavaScript
//! by a descriptor.

pub(crate) mod line;
pub(crate) mod poll;
