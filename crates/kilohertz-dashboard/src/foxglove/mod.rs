//! A session, live, for Foxglove, Lichtblick and whatever else speaks their WebSocket protocol.
//!
//! ```text
//! session loop ──ring──▶ server.rs: entries as messages ──▶ outbox.rs, one a client ──▶ client.rs ──▶ WebSocket
//! ```
//!
//! A thread of its own takes the cycles and what users log, and makes of them the messages that a recording
//! has. Each client has an outbox with room for [`MOST_WAITING`](outbox::MOST_WAITING) bytes. For a client that
//! reads too slowly the oldest messages in it are dropped and counted; neither the session nor another client
//! notices that. `protocol.rs` has the texts of the protocol. A client can subscribe to channels, and nothing else.

mod client;
mod outbox;
mod protocol;
mod server;

pub use self::server::{Counts, Live};
