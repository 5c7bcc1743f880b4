//! What shows a running session to others: the page in a browser (`page/`), Foxglove and Lichtblick (`foxglove/`).

pub mod foxglove;
pub mod listen;
pub mod page;
