//! Images of cameras in the size and the layout in which a model is fed them.
//!
//! The filter is bilinear. Where an image becomes smaller, it takes all pixels into account that a new pixel covers, as
//! Pillow's does.

mod layout;
mod resize;
mod size;

pub use layout::{CHANNELS, Layout, Numbers};
pub use resize::{Image, ImageError, Wanted, resize};
pub use size::{Fit, Size};
