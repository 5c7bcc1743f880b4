//! The page in a browser: what it is told and may ask (`protocol.rs`), and its server.
//!
//! ```text
//! watched.rs: a session ──60 times a second──▶ hub.rs ──▶ client.rs: the newest frames ──▶ connection.rs
//! controls.rs: which page may move an arm, and for how long
//! server.rs: the thread    http.rs: who may ask for what    files.rs: the page's own files    playback.rs: a recorded run
//! ```
//!
//! The session's loop does not know of the server: it writes its newest state where anybody may read it
//! (`kilohertz_core::session::Watch`). For a client that reads too slowly newer frames take the place of older
//! ones. The page can stop an arm; the stop goes to the session without JavaScript. So does the end of what the
//! controls move: its loop reads a lease that the page has to renew.

mod access;
mod client;
mod connection;
mod controls;
mod fields;
mod files;
mod http;
mod hub;
mod playback;
pub mod protocol;
mod server;
mod watched;

#[cfg(test)]
mod protocol_ts;

pub use self::controls::{BRAKE_AFTER, Controlled};
pub use self::fields::{fields_in, slots_in};
pub use self::files::{Files, MissingFile};
pub use self::hub::wall_time_s;
pub use self::playback::Recorded;
pub use self::server::{Options, PageServer};
pub use self::watched::{Frame, Watched};
