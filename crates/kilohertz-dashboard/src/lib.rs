//! What shows a running session to others: the page in a browser (`page/`).

pub mod page;
