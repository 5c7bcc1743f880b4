//! Policies on other threads (`worker.rs`, `onnx.rs`) and in other processes (`process.rs`); `inputs.rs` has what they
//! are given beside the robot's state; `questions.rs` asks them without a session.

#[cfg(feature = "echo")]
pub(crate) mod echo;
pub(crate) mod inputs;
pub(crate) mod onnx;
pub(crate) mod process;
pub(crate) mod questions;
pub(crate) mod worker;
