//! The arm as a rigid body, and what it feels.

pub(crate) mod arm;
pub(crate) mod contact;
pub(crate) mod dynamics;
pub(crate) mod payload;
pub(crate) mod reference;
