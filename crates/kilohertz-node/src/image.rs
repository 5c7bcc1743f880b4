//! Images of cameras as models are fed them.

use kilohertz_image::{CHANNELS, Fit, Image, Layout, Numbers, Size, Wanted, resize};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use crate::buffers::bytes_of;

/// In which order the numbers of an image are.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeLayout {
    Hwc,
    Chw,
}

impl From<NativeLayout> for Layout {
    fn from(layout: NativeLayout) -> Layout {
        match layout {
            NativeLayout::Hwc => Layout::Hwc,
            NativeLayout::Chw => Layout::Chw,
        }
    }
}

/// How an image of another ratio fits into a size.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeFit {
    Pad,
    Crop,
    Stretch,
}

impl From<NativeFit> for Fit {
    fn from(fit: NativeFit) -> Fit {
        match fit {
            NativeFit::Pad => Fit::Pad,
            NativeFit::Crop => Fit::Crop,
            NativeFit::Stretch => Fit::Stretch,
        }
    }
}

/// What an image is, and what it is to be.
#[napi(object, object_to_js = false)]
pub struct NativeResizing {
    pub width: u32,
    pub height: u32,
    pub layout: NativeLayout,
    pub to_width: u32,
    pub to_height: u32,
    pub to_layout: NativeLayout,
    pub fit: NativeFit,
    /// What counts as 0 and as 1 in each channel, if the numbers are to be floats.
    pub mean: Option<Vec<f64>>,
    pub std: Option<Vec<f64>>,
}

/// Writes an image into memory as it is wanted. `lib/policy/image.ts` has checked the sizes. Returns false if the memory is
/// not that of the sizes.
#[napi]
pub fn resize_image(
    values: &[u8],
    resizing: NativeResizing,
    mut into: Uint8ArraySlice<'_>,
) -> bool {
    let channels = |numbers: Option<Vec<f64>>| numbers.map(<[f64; CHANNELS]>::try_from);
    let numbers = match (channels(resizing.mean), channels(resizing.std)) {
        (None, None) => Numbers::Bytes,
        (Some(Ok(mean)), Some(Ok(std))) => Numbers::Floats { mean, std },
        _ => return false,
    };
    let image = Image {
        values,
        size: Size {
            width: resizing.width,
            height: resizing.height,
        },
        layout: resizing.layout.into(),
    };
    let wanted = Wanted {
        size: Size {
            width: resizing.to_width,
            height: resizing.to_height,
        },
        fit: resizing.fit.into(),
        layout: resizing.to_layout.into(),
        numbers,
    };
    resize(&image, &wanted, bytes_of(&mut into)).is_ok()
}
