//! Reads a recording from its beginning, entry by entry, whether it is finished, still being written or cut
//! off (`run_reader.rs`). Nothing but the open chunk is in memory.

mod end;
pub(crate) mod episodes;
pub(crate) mod records;
mod run_reader;

pub use self::end::end;
pub use self::episodes::{Episode, episodes};
pub use self::records::Ending;
pub use self::run_reader::RunReader;
