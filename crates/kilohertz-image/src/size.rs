//! How an image fits into another size.

use crate::layout::CHANNELS;

/// How large an image is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many columns it has.
    pub width: u32,
    /// How many rows it has.
    pub height: u32,
}

/// How an image of another ratio of width to height fits into a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of it, with its ratio, in the middle of black.
    Pad,
    /// The middle of it, with its ratio, so that nothing is left black.
    Crop,
    /// All of it, with another ratio.
    Stretch,
}

/// A part of an image, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub left: u32,
    pub top: u32,
    pub size: Size,
}

/// A part of an image, with borders that may lie within pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Size {
    /// Returns how many pixels it has; `None` if they are more than any memory.
    pub(crate) fn pixels(self) -> Option<usize> {
        usize::try_from(u64::from(self.width) * u64::from(self.height)).ok()
    }

    /// Returns how many numbers it has; `None` if they are more than any memory.
    pub(crate) fn numbers(self) -> Option<usize> {
        self.pixels()?.checked_mul(CHANNELS)
    }

    /// Returns how much longer a side is than that of `other`: in width, and in height.
    fn over(self, other: Size) -> (f64, f64) {
        let over = |side: u32, other: u32| f64::from(side) / f64::from(other);
        (
            over(self.width, other.width),
            over(self.height, other.height),
        )
    }

    /// Returns where an image of this size lies in `to`, with its ratio. Its sides are rounded down, to at least a pixel.
    pub(crate) fn within(self, to: Size) -> Part {
        let (wider, higher) = self.over(to);
        let ratio = wider.max(higher);
        let side = |side: u32, most: u32| ((f64::from(side) / ratio) as u32).clamp(1, most);
        let size = Size {
            width: side(self.width, to.width),
            height: side(self.height, to.height),
        };
        Part {
            left: (to.width - size.width) / 2,
            top: (to.height - size.height) / 2,
            size,
        }
    }

    /// Returns the middle of an image of this size that has the ratio of `to`.
    pub(crate) fn middle(self, to: Size) -> Cut {
        let (wider, higher) = self.over(to);
        let ratio = wider.min(higher);
        // Rounding must not lead out of the image.
        let width = (f64::from(to.width) * ratio).min(f64::from(self.width));
        let height = (f64::from(to.height) * ratio).min(f64::from(self.height));
        Cut {
            left: (f64::from(self.width) - width) / 2.0,
            top: (f64::from(self.height) - height) / 2.0,
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn an_image_lies_in_the_middle_with_its_ratio() {
        for (from, to, left, top, own) in [
            (size(640, 480), size(224, 224), 0, 28, size(224, 168)),
            (size(480, 640), size(224, 224), 28, 0, size(168, 224)),
            (size(1280, 720), size(224, 224), 0, 49, size(224, 126)),
            (size(112, 112), size(224, 224), 0, 0, size(224, 224)),
            // The sides are rounded down, and the upper border is the smaller one.
            (size(100, 33), size(224, 224), 0, 75, size(224, 73)),
            // Here the rounding of the ratio costs a column, as it does in openpi's client.
            (size(10_000, 90), size(224, 224), 0, 111, size(223, 2)),
            (size(10_000, 1), size(224, 224), 0, 111, size(223, 1)),
        ] {
            let part = Part {
                left,
                top,
                size: own,
            };
            assert_eq!(from.within(to), part, "{from:?}");
        }
    }

    #[test]
    fn the_middle_has_the_ratio_that_is_wanted() {
        let cut = size(640, 480).middle(size(224, 224));
        assert_eq!(
            (cut.left, cut.top, cut.width, cut.height),
            (80.0, 0.0, 480.0, 480.0)
        );
        let cut = size(480, 640).middle(size(100, 50));
        assert_eq!(
            (cut.left, cut.top, cut.width, cut.height),
            (0.0, 200.0, 480.0, 240.0)
        );
    }
}
