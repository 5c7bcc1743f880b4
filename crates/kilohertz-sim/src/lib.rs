//! An FCI v10 server on loopback with a rigid-body FR3 behind it.
#![forbid(unsafe_code)]

mod arm;
mod control_box;
mod counters;
mod dynamics;
mod error;
mod fault;
mod motion;
mod options;
mod pace;
mod payload;
mod reference;
mod request;
mod server;
mod session;
mod simulator;
mod state;
mod violation;

pub use counters::Counters;
pub use error::SimulatorError;
pub use fault::Fault;
pub use options::SimulatorOptions;
pub use server::JointState;
pub use simulator::Simulator;
