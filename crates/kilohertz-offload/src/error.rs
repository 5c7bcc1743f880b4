//! What can go wrong on a line.

use std::io;

use crate::layout::SLOTS;

/// An error of a line or of the memory behind it.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Too many messages are under way, or too large ones.
    #[error(
        "the other end has not taken what was sent: {SLOTS} messages, or all that large ones have room for, are \
         under way; take answers before sending more"
    )]
    Full,
    /// The memory is none of a line's.
    #[error("the memory was not made by this version of kilohertz; use the same on both ends")]
    Foreign,
    /// What the other end wrote cannot be.
    #[error("the other end wrote into the shared memory what it may not; end it")]
    Garbled,
    /// The other end sent more than is taken.
    #[error("the other end sent a message of {length} bytes, and at most {longest} are taken")]
    TooLong {
        /// Its length [bytes].
        length: usize,
        /// The most that are taken [bytes].
        longest: usize,
    },
    /// A system call failed.
    #[error("the shared memory failed: {0}")]
    System(#[from] io::Error),
}
