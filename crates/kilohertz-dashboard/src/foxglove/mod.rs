//! A session, live, for Foxglove, Lichtblick and whatever else speaks their WebSocket protocol.
//!
//! ```text
//! session loop ──ring──▶ server.rs: entries as messages ──▶ hub.rs ──▶ client.rs, outbox.rs ──▶ connection.rs
//! ```
//!
//! A thread of its own takes the cycles and what users log, and makes of them the messages that a recording
//! has. Each client has an outbox with room for 8 MB. For a client that
//! reads too slowly the oldest messages in it are dropped and counted; neither the session nor another client
//! notices that. `protocol.rs` has the texts of the protocol. A client can subscribe to channels, and nothing else.

mod client;
mod connection;
mod hub;
mod outbox;
mod protocol;
mod server;

pub use self::server::{Counts, Live};
