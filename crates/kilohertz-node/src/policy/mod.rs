//! Policies on other threads and in other processes.

pub(crate) mod echo;
pub(crate) mod process;
pub(crate) mod worker;
