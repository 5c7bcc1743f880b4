//! What is done with a recorded file: reading, repairing, exporting, drawing. All of it runs on threads where it may block.

mod drawing;
mod exporting;
mod reading;
mod repairing;
