//! How entries are bytes: protobuf messages whose definitions are in every file.
//!
//! `messages.rs` has the messages of `proto/`, `frames.rs` the frames of a robot, which are known at run time,
//! `descriptors.rs` the definitions that go into a file, `views.rs` parts of the state as Foxglove's messages.

pub(crate) mod descriptors;
pub(crate) mod frames;
pub(crate) mod messages;
pub(crate) mod topics;
pub(crate) mod views;
