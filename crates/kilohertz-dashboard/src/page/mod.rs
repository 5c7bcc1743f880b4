//! The page in a browser: what it is told and may ask (`protocol.rs`).

pub mod protocol;
#[cfg(test)]
mod protocol_ts;
