//! What is done with a recorded file: reading, repairing, exporting. All of it runs on threads where it may block.

mod exporting;
mod reading;
mod repairing;
