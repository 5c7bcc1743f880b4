//! The arm as a rigid body, and what it feels: `arm.rs` is the arm under its controller, `reference.rs` what the
//! joints are controlled to, `dynamics.rs` the equations of motion, `payload.rs` what hangs on the flange,
//! `contact.rs` contacts and collisions.

pub(crate) mod arm;
pub(crate) mod cholesky;
pub(crate) mod contact;
pub(crate) mod dynamics;
pub(crate) mod payload;
pub(crate) mod reference;
