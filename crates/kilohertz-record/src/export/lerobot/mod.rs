//! A data set for LeRobot, format v3.0: `meta/info.json`, `meta/stats.json`, `meta/tasks.parquet`,
//! `meta/episodes/`, `data/`, and `videos/` if images are kept as videos (`video.rs`).
//!
//! Each episode of a recording becomes an episode of the data set. It is resampled on an exact grid
//! (`frames.rs`): frame *k* has the robot's time of the episode's first cycle plus *k* / fps, and the
//! timestamp *k* / fps. What there is between two cycles is interpolated linearly or taken from the nearest
//! cycle, as [`Resampling`] says. Poses (fields of 16 slots) and fields without a unit, such as flags, are
//! taken from the nearest cycle in both cases.
//!
//! A run is added to a data set as new files: those that are there are not changed, except for `info.json`,
//! `stats.json` and `tasks.parquet`, which are replaced as a whole (`meta.rs`). `info.json` is the last, so a
//! data set whose writing was cut off is told by more rows than it names. What was written is read back before
//! it gets its name. One export at a time adds to a folder, and one that fails leaves it as it was
//! (`folder.rs`).

mod data_set;
mod folder;
mod frames;
mod images;
mod meta;
mod options;
mod reels;
mod stats;
mod video;

pub use self::data_set::Added;
pub use self::folder::DataSetFolder;
pub use self::options::{Actions, DataSetOptions, Images, Resampling};
