//! Policies on other threads (`worker.rs`) and in other processes (`process.rs`).

#[cfg(feature = "echo")]
pub(crate) mod echo;
pub(crate) mod process;
pub(crate) mod worker;
