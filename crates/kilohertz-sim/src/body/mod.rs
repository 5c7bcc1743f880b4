//! The arm as a rigid body, and the forces on it. `arm.rs` is the arm under its controller, `reference.rs`
//! has the desired values of the joints, `dynamics.rs` the equations of motion, `payload.rs` the bodies on
//! the flange, `contact.rs` contacts and collisions, `cholesky.rs` linear equations.

pub(crate) mod arm;
pub(crate) mod cholesky;
pub(crate) mod contact;
pub(crate) mod dynamics;
pub(crate) mod payload;
pub(crate) mod reference;
