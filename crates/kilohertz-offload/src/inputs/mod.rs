//! Named inputs of a policy elsewhere, for example the image of a camera: one end writes them whenever it has new
//! ones, the other reads the newest when it wants to. Neither waits for the other.
//!
//! The writer keeps a book of its own. Of the memory it reads only the reader's marks, of which any value is possible:
//! a reader that marks another slot than it reads harms only itself.

pub mod layout;
#[cfg(not(loom))]
mod memory;
mod slots;

#[cfg(not(loom))]
pub use memory::{Head, InputsError, InputsReader, InputsWriter};
