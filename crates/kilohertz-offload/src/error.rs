//! What can go wrong on a line.

use std::io;

use crate::layout::SLOTS;

/// An error of a line or of the memory behind it.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Too many messages, or too many large values, are under way.
    #[error(
        "the other end has not taken what was sent: {SLOTS} messages, or as many large ones as fit, are \
         under way; take answers before sending more"
    )]
    Full,
    /// The memory does not belong to a line.
    #[error("the memory was not made by this version of kilohertz; use the same on both ends")]
    Foreign,
    /// The other end wrote something that the protocol does not allow.
    #[error("the other end wrote into the shared memory what the protocol does not allow; end it")]
    Garbled,
    /// The other end sent a message that is longer than this end accepts.
    #[error("the other end sent a message of {length} bytes, but at most {longest} are accepted")]
    TooLong {
        /// The length of the message [bytes].
        length: usize,
        /// The longest message that is accepted [bytes].
        longest: usize,
    },
    /// A system call failed.
    #[error("the shared memory failed: {0}")]
    System(#[from] io::Error),
}
