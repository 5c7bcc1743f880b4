//! The page in a browser: what it is told and may ask (`protocol.rs`), and its server.
//!
//! ```text
//! watched.rs: a session ──60 times a second──▶ hub.rs, arm.rs ──▶ client.rs: the newest frames ──▶ connection.rs
//! controls.rs: which page may move an arm, and for how long    stops.rs: what a stop ends
//! places.rs: who is connected    metered.rs: how much a page may say
//! server.rs: the thread    http.rs: who may ask for what    files.rs: the page's own files    playback.rs: a recorded run
//!                             report.rs, chunks.rs, gripper.rs: its timing, what its policy wanted of arm and hand
//! ```
//!
//! The session's loop does not know of the server: it writes its newest state where anybody may read it
//! (`kilohertz_core::session::Watch`). For a client that reads too slowly newer frames take the place of older
//! ones. The page can stop an arm; the stop goes to the session without JavaScript. So does the end of what the
//! controls move: its loop reads a lease that the page has to renew.

mod access;
mod arm;
mod chunks;
mod client;
mod connection;
mod controls;
mod fields;
mod files;
mod gripper;
mod http;
mod hub;
mod metered;
mod places;
mod playback;
pub mod protocol;
mod report;
mod server;
mod stops;
mod watched;

#[cfg(test)]
mod protocol_ts;
#[cfg(test)]
mod tests;

pub use self::arm::wall_time_s;
pub use self::chunks::Drawn;
pub use self::controls::{BRAKE_AFTER, Controlled};
pub use self::fields::{GRIPPER_WIDTH, fields_in, slots_in, width_field};
pub use self::files::{Files, MissingFile};
pub use self::playback::Recorded;
pub use self::server::{Options, PageServer};
pub use self::stops::Stops;
pub use self::watched::{Frame, Watched};
