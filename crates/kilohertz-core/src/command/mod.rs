//! From answers to commands: when a policy is asked, how its answers are judged, and what is commanded
//! between answers or without one.

pub mod cadence;
pub(crate) mod changes;
pub mod chunk;
pub mod chunk_player;
pub mod ensemble;
pub mod interpolation;
pub mod judge;
pub mod late;
pub(crate) mod lowpass;
pub mod pace;
