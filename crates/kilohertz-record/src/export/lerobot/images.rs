//! Images as PNG files, and the statistics of their colours.

use std::sync::Arc;

use crate::entry::{Pixels, Value};
use crate::export::lerobot::stats::{QUANTILES, Stats};

/// How many values a colour has.
const VALUES: usize = 256;
/// The colours of a pixel.
const COLOURS: usize = 3;

/// An image as it goes into a data set.
#[derive(Clone)]
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    /// The bytes of the PNG file; none if images are kept as a video.
    pub file: Arc<[u8]>,
    /// Red, green and blue of each pixel.
    pub rgb: Arc<[u8]>,
}

impl Picture {
    /// Makes the picture of what a user logged, with its PNG file if that is wanted.
    ///
    /// # Errors
    /// Returns what it is instead of an image that can be kept.
    pub fn of(value: &Value, has_file: bool) -> Result<Picture, String> {
        match value {
            Value::RawImage {
                width,
                height,
                pixels,
                data,
            } => {
                let rgb = to_rgb(*pixels, data);
                let file = match has_file {
                    true => encode(*width, *height, &rgb).map_err(|error| error.to_string())?,
                    false => Arc::default(),
                };
                Ok(Picture {
                    width: *width,
                    height: *height,
                    file,
                    rgb,
                })
            }
            Value::CompressedImage { format, data } if format == "png" => decode(data),
            Value::CompressedImage { format, .. } => Err(format!("an image of format {format:?}")),
            Value::Numbers(_) => Err("numbers".to_owned()),
            Value::Bytes { .. } => Err("bytes".to_owned()),
        }
    }
}

fn to_rgb(pixels: Pixels, data: &[u8]) -> Arc<[u8]> {
    match pixels {
        Pixels::Rgb8 => data.into(),
        Pixels::Mono8 => data.iter().flat_map(|&value| [value; COLOURS]).collect(),
        Pixels::Rgba8 => data
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect(),
    }
}

fn encode(width: u32, height: u32, rgb: &[u8]) -> Result<Arc<[u8]>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(file.into())
}

fn decode(data: &[u8]) -> Result<Picture, String> {
    let broken = |error: png::DecodingError| format!("a PNG file that cannot be read ({error})");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(data));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader
        .output_buffer_size()
        .ok_or("a PNG file that is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(broken)?;
    pixels.truncate(info.buffer_size());
    let rgb: Arc<[u8]> = match info.color_type {
        png::ColorType::Grayscale => to_rgb(Pixels::Mono8, &pixels),
        png::ColorType::Rgba => to_rgb(Pixels::Rgba8, &pixels),
        png::ColorType::GrayscaleAlpha => {
            let brightness: Vec<u8> = pixels.iter().step_by(2).copied().collect();
            to_rgb(Pixels::Mono8, &brightness)
        }
        _ => pixels.into(),
    };
    let file = match info.color_type {
        png::ColorType::Rgb => data.into(),
        _ => encode(info.width, info.height, &rgb).map_err(|error| error.to_string())?,
    };
    Ok(Picture {
        width: info.width,
        height: info.height,
        file,
        rgb,
    })
}

/// Gathers the colours of an episode's images.
pub(super) struct Colours {
    /// How often each value occurs, by colour.
    counts: [[u64; VALUES]; COLOURS],
    images: u64,
}

impl Colours {
    pub fn new() -> Colours {
        Colours {
            counts: [[0; VALUES]; COLOURS],
            images: 0,
        }
    }

    pub fn push(&mut self, picture: &Picture) {
        self.images += 1;
        for pixel in picture.rgb.as_chunks::<COLOURS>().0 {
            for (counts, &value) in self.counts.iter_mut().zip(pixel) {
                counts[usize::from(value)] += 1;
            }
        }
    }

    /// Returns the statistics of the colours from 0 to 1; the count is that of the images.
    pub fn finish(&self) -> Stats {
        let each =
            |of: &dyn Fn(&[u64; VALUES]) -> f64| self.counts.iter().map(of).collect::<Vec<f64>>();
        let part = |part: f64| each(&|counts| quantile(counts, part));
        let mean = |counts: &[u64; VALUES]| moment(counts, |value| value);
        Stats {
            min: part(0.0),
            max: part(1.0),
            mean: each(&mean),
            std: each(&|counts| {
                let mean = mean(counts);
                moment(counts, |value| (value - mean) * (value - mean)).sqrt()
            }),
            count: self.images,
            quantiles: QUANTILES.iter().map(|&(_, at)| part(at)).collect(),
        }
    }
}

fn moment(counts: &[u64; VALUES], of: impl Fn(f64) -> f64) -> f64 {
    let total: u64 = counts.iter().sum();
    let sum: f64 = counts
        .iter()
        .enumerate()
        .map(|(value, &count)| of(value as f64 / 255.0) * count as f64)
        .sum();
    sum / total.max(1) as f64
}

fn quantile(counts: &[u64; VALUES], part: f64) -> f64 {
    let total: u64 = counts.iter().sum();
    let place = (part * total.saturating_sub(1) as f64).round() as u64;
    let mut before = 0;
    for (value, count) in counts.iter().enumerate() {
        before += count;
        if before > place {
            return value as f64 / 255.0;
        }
    }
    0.0
}
