//! Images as PNG files, and the statistics of their colours.

use std::sync::Arc;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::entry::{MOST_BYTES, Pixels, Value};
use crate::export::lerobot::stats::{QUANTILES, Stats};

/// How many values a colour has.
const VALUES: usize = 256;
/// The colours of a pixel.
const COLOURS: usize = 3;

/// What the files begin with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

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
            } => Picture::with_pixels((*width, *height), to_rgb(*pixels, data), has_file),
            Value::CompressedImage { data, .. } | Value::Bytes { data, .. }
                if data.starts_with(PNG) =>
            {
                png(data, has_file)
            }
            Value::CompressedImage { data, .. } | Value::Bytes { data, .. }
                if data.starts_with(JPEG) =>
            {
                jpeg(data, has_file)
            }
            Value::CompressedImage { format, .. } => {
                Err(format!("bytes of neither, said to be {format:?}"))
            }
            Value::Numbers(_) => Err("numbers".to_owned()),
            Value::Bytes { .. } => Err("bytes of neither".to_owned()),
        }
    }

    fn with_pixels(
        (width, height): (u32, u32),
        rgb: Arc<[u8]>,
        has_file: bool,
    ) -> Result<Picture, String> {
        let file = match has_file {
            true => encode(width, height, &rgb).map_err(|error| error.to_string())?,
            false => Arc::default(),
        };
        Ok(Picture {
            width,
            height,
            file,
            rgb,
        })
    }
}

/// Checks the size that a file of this format says it has, before there is memory for it.
fn check_size(format: &str, (width, height): (u32, u32)) -> Result<(), String> {
    let bytes = u64::from(width) * u64::from(height) * COLOURS as u64;
    if bytes == 0 || bytes > MOST_BYTES as u64 {
        return Err(format!("a {format} file of {width} x {height} pixels"));
    }
    Ok(())
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

fn png(data: &[u8], has_file: bool) -> Result<Picture, String> {
    let broken = |error: png::DecodingError| format!("a PNG file that cannot be read ({error})");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(data));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    check_size("PNG", reader.info().size())?;
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
    let size = (info.width, info.height);
    match info.color_type {
        png::ColorType::Rgb if has_file => Ok(Picture {
            file: data.into(),
            ..Picture::with_pixels(size, rgb, false)?
        }),
        _ => Picture::with_pixels(size, rgb, has_file),
    }
}

/// Decodes a JPEG file. One that is cut off or damaged is refused: what is missing would be grey.
fn jpeg(data: &[u8], has_file: bool) -> Result<Picture, String> {
    let broken =
        |error: &dyn std::fmt::Display| format!("a JPEG file that cannot be read ({error})");
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    decoder.decode_headers().map_err(|error| broken(&error))?;
    let info = decoder.info().ok_or_else(|| broken(&"it has no size"))?;
    let size = (u32::from(info.width), u32::from(info.height));
    check_size("JPEG", size)?;
    let rgb = decoder.decode().map_err(|error| broken(&error))?;
    let len = size.0 as usize * size.1 as usize * COLOURS;
    if rgb.len() != len {
        return Err(broken(
            &"its colours are neither grey nor red, green and blue",
        ));
    }
    Picture::with_pixels(size, rgb.into(), has_file)
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
