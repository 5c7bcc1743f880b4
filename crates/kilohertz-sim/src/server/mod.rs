//! The servers that clients connect to: the arm's and the hand's.

pub(crate) mod arm;
pub(crate) mod commands;
pub(crate) mod fault_injector;
pub(crate) mod hand;
pub(crate) mod pace;
