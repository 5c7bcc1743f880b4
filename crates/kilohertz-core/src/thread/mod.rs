//! How the system schedules threads: realtime priority, cores of their own, cores that are kept awake.

pub mod awake;
pub mod cores;
pub mod promotion;
pub mod realtime;
pub(crate) mod system;

pub use realtime::{
    Grant, RealtimeReport, RealtimeRequest, block_signals, make_ordinary, make_realtime,
};
