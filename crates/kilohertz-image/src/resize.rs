//! An image in another size.

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{
    FilterType, ImageBufferError, ResizeAlg, ResizeError, ResizeOptions, Resizer,
};

use crate::layout::{CHANNELS, Layout, Numbers, by_pixel, write};
use crate::size::{Cut, Fit, Size};

/// An image, of three channels of 8 bits.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// Its values, as many as its size has.
    pub values: &'a [u8],
    /// How large it is.
    pub size: Size,
    /// In which order its values are.
    pub layout: Layout,
}

/// What a model is fed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How large the image is to be.
    pub size: Size,
    /// How it fits into that size.
    pub fit: Fit,
    /// In which order its numbers are to be.
    pub layout: Layout,
    /// Of which type they are to be.
    pub numbers: Numbers,
}

/// Why an image cannot be resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// A side has no pixels.
    #[error("an image without pixels")]
    Empty,
    /// There are not as many bytes as the size has.
    #[error("{received} bytes; expected {expected}")]
    Length {
        /// How many bytes there are.
        received: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The memory does not fit.
    #[error(transparent)]
    Memory(#[from] ImageBufferError),
    /// What the library says.
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

impl Wanted {
    /// Returns how many bytes there will be; `None` if they are more than any memory.
    pub fn bytes(&self) -> Option<usize> {
        self.size.numbers()?.checked_mul(self.numbers.size())
    }
}

/// Writes an image into memory as it is wanted. The bytes of numbers are in the order of this machine.
///
/// # Errors
/// If an image has no pixels, or if there are not as many bytes as the sizes have.
pub fn resize(image: &Image<'_>, wanted: &Wanted, into: &mut [u8]) -> Result<(), ImageError> {
    let sides = [image.size, wanted.size].map(|size| size.width.min(size.height));
    if sides.contains(&0) {
        return Err(ImageError::Empty);
    }
    check_length(image.values, image.size.numbers())?;
    check_length(into, wanted.bytes())?;
    let mut pixels = by_pixel(image.values, image.layout);
    if wanted.layout == Layout::Hwc && wanted.numbers == Numbers::Bytes {
        return fit(&mut pixels, image.size, wanted, into);
    }
    let mut resized = vec![0; into.len() / wanted.numbers.size()];
    fit(&mut pixels, image.size, wanted, &mut resized)?;
    write(&resized, wanted.layout, &wanted.numbers, into);
    Ok(())
}

fn check_length(bytes: &[u8], expected: Option<usize>) -> Result<(), ImageError> {
    let expected = expected.unwrap_or(usize::MAX);
    let received = bytes.len();
    match received == expected {
        true => Ok(()),
        false => Err(ImageError::Length { received, expected }),
    }
}

/// Writes an image, pixel by pixel, in the size that is wanted.
fn fit(pixels: &mut [u8], from: Size, wanted: &Wanted, into: &mut [u8]) -> Result<(), ImageError> {
    // All images are of one kind: the library's code is compiled once for each, and is 400 kB large.
    let source = TypedImage::<U8x3>::from_buffer(from.width, from.height, pixels)?;
    let bilinear = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let resized = |to: Size, options: &ResizeOptions, into: &mut [u8]| -> Result<(), ImageError> {
        let mut target = TypedImage::<U8x3>::from_buffer(to.width, to.height, into)?;
        Resizer::new().resize_typed(&source, &mut target, options)?;
        Ok(())
    };
    let to = wanted.size;
    match wanted.fit {
        Fit::Stretch => resized(to, &bilinear, into),
        Fit::Crop => {
            let Cut {
                left,
                top,
                width,
                height,
            } = from.middle(to);
            resized(to, &bilinear.crop(left, top, width, height), into)
        }
        Fit::Pad => {
            let part = from.within(to);
            if part.size == to {
                return resized(to, &bilinear, into);
            }
            let [row, own_row] = [to.width, part.size.width].map(|width| width as usize * CHANNELS);
            let mut own = vec![0; own_row * part.size.height as usize];
            resized(part.size, &bilinear, &mut own)?;
            into.fill(0);
            let from = part.left as usize * CHANNELS;
            let rows = into.chunks_exact_mut(row).skip(part.top as usize);
            for (row, own) in rows.zip(own.chunks_exact(own_row)) {
                row[from..from + own_row].copy_from_slice(own);
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RED: [u8; 3] = [200, 10, 20];
    const GREEN: [u8; 3] = [5, 150, 30];

    fn image_of(size: Size, of: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let rows = 0..size.height;
        rows.flat_map(|y| (0..size.width).map(move |x| (x, y)))
            .flat_map(|(x, y)| of(x, y))
            .collect()
    }

    fn made_of(values: &[u8], from: Size, to: Size, fit: Fit) -> Vec<[u8; 3]> {
        let image = Image {
            values,
            size: from,
            layout: Layout::Hwc,
        };
        let wanted = Wanted {
            size: to,
            fit,
            layout: Layout::Hwc,
            numbers: Numbers::Bytes,
        };
        let mut into = vec![255; wanted.bytes().expect("it is small")];
        resize(&image, &wanted, &mut into).expect("it can be resized");
        into.as_chunks::<3>().0.to_vec()
    }

    const CAMERA: Size = Size {
        width: 64,
        height: 48,
    };
    const SQUARE: Size = Size {
        width: 16,
        height: 16,
    };

    #[test]
    fn a_padded_image_is_whole_and_lies_in_black() {
        let whole = made_of(&image_of(CAMERA, |_, _| RED), CAMERA, SQUARE, Fit::Pad);
        for (at, pixel) in whole.iter().enumerate() {
            let expected = if (2..14).contains(&(at / 16)) {
                RED
            } else {
                [0; 3]
            };
            assert_eq!(*pixel, expected, "{at}");
        }
    }

    #[test]
    fn a_cropped_image_is_its_middle() {
        let green_inside = |x: u32, _| if (8..56).contains(&x) { GREEN } else { RED };
        let values = image_of(CAMERA, green_inside);
        let middle = made_of(&values, CAMERA, SQUARE, Fit::Crop);
        // At the border the filter sees what is outside.
        let inside = middle
            .iter()
            .enumerate()
            .filter(|(at, _)| (1..15).contains(&(at % 16)));
        inside.for_each(|(at, pixel)| assert_eq!(*pixel, GREEN, "{at}"));
        let stretched = made_of(&values, CAMERA, SQUARE, Fit::Stretch);
        assert_eq!((stretched[0], stretched[15]), (RED, RED));
    }

    #[test]
    fn an_image_of_the_same_size_stays_as_it_is() {
        let values = image_of(CAMERA, |x, y| [x as u8, y as u8, (x * y) as u8]);
        for fit in [Fit::Pad, Fit::Crop, Fit::Stretch] {
            let same = made_of(&values, CAMERA, CAMERA, fit);
            assert_eq!(same.as_flattened(), values, "{fit:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_those_of_the_sizes_are_refused() {
        let wanted = Wanted {
            size: SQUARE,
            fit: Fit::Pad,
            layout: Layout::Chw,
            numbers: Numbers::Bytes,
        };
        let values = image_of(CAMERA, |_, _| RED);
        let image = Image {
            values: &values[1..],
            size: CAMERA,
            layout: Layout::Hwc,
        };
        let mut into = vec![0; 3 * 16 * 16];
        let short = ImageError::Length {
            received: values.len() - 1,
            expected: values.len(),
        };
        assert_eq!(resize(&image, &wanted, &mut into), Err(short));
        let whole = Image {
            values: &values,
            ..image
        };
        assert!(resize(&whole, &wanted, &mut into[1..]).is_err());
        let huge = Size {
            width: u32::MAX,
            height: u32::MAX,
        };
        let none = Size {
            width: 0,
            height: 4,
        };
        for size in [huge, none] {
            assert!(resize(&Image { size, ..whole }, &wanted, &mut into).is_err());
            assert!(resize(&whole, &Wanted { size, ..wanted }, &mut into).is_err());
        }
    }

    fn sizes() -> impl Strategy<Value = Size> {
        // Mostly small ones, and some that are long and narrow.
        let side = prop_oneof![4 => 1_u32..40, 1 => 1_u32..2_000];
        let sides = (side.clone(), side).prop_filter("not too many pixels", |(width, height)| {
            width * height < 40_000
        });
        sides.prop_map(|(width, height)| Size { width, height })
    }

    proptest! {
        #[test]
        fn whatever_the_sizes_an_image_of_one_colour_keeps_it(
            from in sizes(),
            to in sizes(),
            colour: [u8; 3],
        ) {
            let values = image_of(from, |_, _| colour);
            let is_near = |pixel: &[u8; 3], colour: [u8; 3]| {
                pixel.iter().zip(colour).all(|(one, other)| one.abs_diff(other) <= 1)
            };
            for fit in [Fit::Crop, Fit::Stretch] {
                let pixels = made_of(&values, from, to, fit);
                prop_assert!(pixels.iter().all(|pixel| is_near(pixel, colour)), "{fit:?}");
            }
            let padded = made_of(&values, from, to, Fit::Pad);
            prop_assert!(padded.iter().any(|pixel| is_near(pixel, colour)));
            prop_assert!(padded.iter().all(|pixel| is_near(pixel, colour) || *pixel == [0; 3]));
        }
    }
}
