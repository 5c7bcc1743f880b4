//! Points in time, and how a thread waits for them.

pub mod answer_wait;
pub(crate) mod clock;
pub mod pacer;
pub mod time;
pub mod wait;
pub mod wakes;
