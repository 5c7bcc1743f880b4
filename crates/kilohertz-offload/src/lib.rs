//! Calls to another thread or another process over shared memory.
//!
//! A [`Line`](line::End) has two ends: a caller that sends calls, and a server that answers them. Both map
//! one [`Region`](region::Region), an anonymous memory file. It has no name that another process could
//! find, and it is freed with the last end, even if that end is killed. A message is copied into the next
//! slot of its direction and published with one store. Large values go beside it in [blocks](arena), which
//! the receiver reads in place. An event counter ([`EventFd`](wake::EventFd)) wakes the other end only if
//! it sleeps.
//!
//! | what | where |
//! | --- | --- |
//! | the layout of the memory | `layout.rs` |
//! | the meaning of the messages | `messages.rs` |
//! | the memory itself | `region.rs` |
//! | who may write and read which slot, and when to wake | `track.rs` |
//! | room for large values | `arena.rs` |
//! | waiting and waking | `wake.rs` |
//! | the two ends | `line.rs` |
//! | named inputs of a policy, of which the newest counts | `inputs/` |
//! | what can go wrong | `error.rs` |
//! | ending child processes | `child.rs` |
//!
//! Nothing here is realtime: sending a large value maps and unmaps memory if its arena is full.

pub mod inputs;
pub mod layout;
pub mod messages;
pub(crate) mod track;

#[cfg(not(loom))]
pub mod arena;
#[cfg(not(loom))]
pub mod child;
#[cfg(not(loom))]
pub mod error;
#[cfg(not(loom))]
pub mod line;
#[cfg(not(loom))]
pub mod region;
#[cfg(not(loom))]
pub mod wake;
