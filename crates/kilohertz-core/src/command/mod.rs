//! From answers to commands: when a policy is asked, how its answers are judged, and what is commanded between
//! them, or without them.

pub mod cadence;
pub mod interpolation;
pub mod judge;
pub mod late;
pub(crate) mod lowpass;
pub mod pace;
