//! The rigid-body model, and the conversion between poses and joint positions.
//!
//! ```text
//! model.rs         the rigid-body model: poses, Jacobians, dynamics
//! urdf.rs          the model that an FR3 serves, checked before it is used
//! differential.rs  what a motion of the end effector requires of the joints
//! inverse.rs       joint positions for a pose
//! ```

pub(crate) mod differential;
pub(crate) mod inverse;
pub mod model;
pub(crate) mod span;
pub(crate) mod urdf;
