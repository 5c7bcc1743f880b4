//! The objects for a Franka arm that JavaScript holds: the arm, its hand, its model, its settings, planned
//! moves, and the simulator.

pub(crate) mod arm;
pub(crate) mod configuration;
pub(crate) mod hand;
pub(crate) mod model;
pub(crate) mod move_to;
pub(crate) mod simulator;
