//! Calls to another thread or another process over shared memory.
//!
//! A [`Line`](line::End) has two ends: a caller that sends calls, and a server that answers them. Both map
//! one [`Region`](region::Region), an anonymous memory file that nobody can find by a name and that is gone with the last
//! end, however that one dies. A message is copied into the next slot of its direction and
//! published with one store; large values go beside it in [blocks](arena) that the receiver reads in
//! place. An event counter ([`EventFd`](wake::EventFd)) wakes the other end only where it sleeps.
//!
//! | what | where |
//! | --- | --- |
//! | what lies where in the memory | `layout.rs` |
//! | what the messages say | `messages.rs` |
//! | the memory itself | `region.rs` |
//! | who may write and read which slot, and when to wake | `track.rs` |
//! | room for large values | `arena.rs` |
//! | waiting and waking | `wake.rs` |
//! | the two ends | `line.rs` |
//! | what can go wrong | `error.rs` |
//! | how a child process ends | `child.rs` |
//!
//! Nothing here is realtime: sending a large value maps and unmaps memory where its arena is full.

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
