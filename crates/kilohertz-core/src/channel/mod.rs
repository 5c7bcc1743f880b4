//! The channels between the loop thread and all other threads. No channel makes the loop wait for a lock.

#[cfg(all(feature = "echo", target_os = "linux", not(loom)))]
pub mod echo;
pub mod mailbox;
pub(crate) mod newest;
pub mod notify;
pub mod records;
#[cfg(target_os = "linux")]
pub mod shared_mailbox;
#[cfg(target_os = "linux")]
pub(crate) mod shared_memory;
pub(crate) mod sync;
pub(crate) mod tail;
pub(crate) mod waiting;
