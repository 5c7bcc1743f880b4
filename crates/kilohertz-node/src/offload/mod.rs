//! Calls to other threads and processes, as JavaScript holds them.

pub(crate) mod line;
pub(crate) mod poll;
