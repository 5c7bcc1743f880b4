//! Poses, and the way between them and joint positions.

pub(crate) mod differential;
pub(crate) mod geometry;
pub(crate) mod inverse;
pub mod model;
pub(crate) mod span;
pub(crate) mod urdf;
