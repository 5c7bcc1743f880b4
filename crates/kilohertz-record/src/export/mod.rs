//! Exports of recordings: chosen columns as CSV (`csv.rs`) and Parquet (`parquet.rs`), and a data set for
//! LeRobot (`lerobot/`).
//!
//! Every export reads its file from the beginning to the end and holds no more than a part of it. What is
//! exported is made under another name beside, and gets its name when it is whole. Nothing is overwritten.

mod columns;
mod csv;
pub(crate) mod cycles;
mod parquet;
mod table;

pub mod lerobot;

pub use self::columns::{Cell, Column, all_columns, columns};
pub use self::csv::export_csv;
pub use self::cycles::{Exported, Progress};
pub use self::parquet::export_parquet;
