//! Policies that are ONNX models: what a model is fed of an observation, and what its output means.
//!
//! ONNX Runtime is loaded from a file that the user has installed, so this crate holds none of it.

mod feed;
mod model;
mod runtime;

pub use feed::{Affine, Input, Output, Part};
pub use model::{Inference, Model, ModelError};
pub use runtime::{Runtime, RuntimeError};
