//! In which order the numbers of an image are, and of which type.

/// How many channels a pixel has: red, green and blue.
pub const CHANNELS: usize = 3;

/// How many values a channel has.
const VALUES: usize = 256;

/// In which order the numbers of an image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[height, width, channel]`: pixel by pixel.
    Hwc,
    /// `[channel, height, width]`: a whole channel, and then the next.
    Chw,
}

/// Which numbers a model is fed for the values of an image, which are 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers {
    /// The values.
    Bytes,
    /// `(value / 255 - mean) / std` in single precision, for each channel.
    Floats {
        /// What counts as 0.
        mean: [f64; CHANNELS],
        /// What counts as 1.
        std: [f64; CHANNELS],
    },
}

impl Numbers {
    /// Returns how many bytes a number has.
    pub(crate) fn size(&self) -> usize {
        match self {
            Numbers::Bytes => size_of::<u8>(),
            Numbers::Floats { .. } => size_of::<f32>(),
        }
    }
}

/// Returns a copy of the values, pixel by pixel.
pub(crate) fn by_pixel(values: &[u8], layout: Layout) -> Vec<u8> {
    if layout == Layout::Hwc {
        return values.to_vec();
    }
    let mut pixels = vec![0; values.len()];
    let plane = (values.len() / CHANNELS).max(1);
    for (channel, values) in values.chunks_exact(plane).enumerate() {
        let slots = pixels.iter_mut().skip(channel).step_by(CHANNELS);
        slots.zip(values).for_each(|(slot, value)| *slot = *value);
    }
    pixels
}

/// Writes values that are pixel by pixel as a model is fed them.
pub(crate) fn write(pixels: &[u8], layout: Layout, numbers: &Numbers, into: &mut [u8]) {
    match numbers {
        Numbers::Bytes => place(pixels, layout, into, |_, value| [value]),
        Numbers::Floats { mean, std } => {
            let of_channel = |channel: usize| {
                let number = |value| (value as f64 / 255.0 - mean[channel]) / std[channel];
                std::array::from_fn::<[u8; 4], VALUES, _>(|value| {
                    (number(value) as f32).to_ne_bytes()
                })
            };
            let table: [_; CHANNELS] = std::array::from_fn(of_channel);
            place(pixels, layout, into, |channel, value| {
                table[channel][usize::from(value)]
            });
        }
    }
}

/// Writes each value where it belongs; `of` returns the bytes for a value of a channel.
fn place<const SIZE: usize>(
    pixels: &[u8],
    layout: Layout,
    into: &mut [u8],
    of: impl Fn(usize, u8) -> [u8; SIZE],
) {
    let (slots, _) = into.as_chunks_mut::<SIZE>();
    let plane = slots.len() / CHANNELS;
    for channel in 0..CHANNELS {
        let values = pixels.iter().skip(channel).step_by(CHANNELS);
        let write = |(slot, value): (&mut [u8; SIZE], &u8)| *slot = of(channel, *value);
        match layout {
            Layout::Hwc => {
                let own = slots.iter_mut().skip(channel).step_by(CHANNELS);
                own.zip(values).for_each(write);
            }
            Layout::Chw => {
                let own = slots.iter_mut().skip(channel * plane).take(plane);
                own.zip(values).for_each(write);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels.
    const PIXELS: [u8; 6] = [1, 2, 3, 4, 5, 6];
    const PLANES: [u8; 6] = [1, 4, 2, 5, 3, 6];

    #[test]
    fn channels_become_pixels_and_pixels_channels() {
        assert_eq!(by_pixel(&PLANES, Layout::Chw), PIXELS);
        assert_eq!(by_pixel(&PIXELS, Layout::Hwc), PIXELS);
        let mut into = [0; 6];
        write(&PIXELS, Layout::Chw, &Numbers::Bytes, &mut into);
        assert_eq!(into, PLANES);
        write(&PIXELS, Layout::Hwc, &Numbers::Bytes, &mut into);
        assert_eq!(into, PIXELS);
    }

    #[test]
    fn floats_are_scaled_channel_by_channel() {
        let (mean, std) = ([0.5, 0.0, 0.25], [0.5, 1.0, 2.0]);
        let mut into = [0; 24];
        write(
            &PIXELS,
            Layout::Chw,
            &Numbers::Floats { mean, std },
            &mut into,
        );
        let (chunks, _) = into.as_chunks::<4>();
        let numbers: Vec<f32> = chunks
            .iter()
            .map(|&bytes| f32::from_ne_bytes(bytes))
            .collect();
        let of =
            |value: f64, channel: usize| ((value / 255.0 - mean[channel]) / std[channel]) as f32;
        assert_eq!(
            numbers,
            [
                of(1.0, 0),
                of(4.0, 0),
                of(2.0, 1),
                of(5.0, 1),
                of(3.0, 2),
                of(6.0, 2)
            ]
        );
    }
}
