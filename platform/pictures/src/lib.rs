//! Image pipeline: turns the bytes of a picture that a stranger made into the files that a shop shows, upright, in
//! sRGB, without metadata, in several sizes and formats. Works on threads of its own, at a low priority and with
//! bounded memory, and knows nothing of networks, storage or tables. Decoders are Rust throughout; C (libwebp) only
//! encodes pixels that are ours.

mod colour;
mod decode;
mod encode;
mod error;
mod exif;
mod look;
mod memory;
mod prepare;
mod raster;
mod sniff;
mod workers;

use bytes::Bytes;

pub use error::PictureError;
pub use workers::{PictureWorkers, Priority};

/// Pixels of the largest picture: what cameras of 2026 make, telephones' 200-megapixel modes left out.
pub const MAX_PIXELS: u64 = 50_000_000;
/// Pixels of the longest side.
pub const MAX_SIDE: u32 = 20_000;
/// Pixels of the shortest side: smaller ones are no pictures of products, but counters of visitors and spacers.
pub const MIN_SIDE: u32 = 16;

/// Format of a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// AV1 image.
    Avif,
    /// WebP.
    Webp,
    /// JPEG.
    Jpeg,
}

impl Format {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Avif, Self::Webp, Self::Jpeg];
}

/// Which files are made of every picture.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Widths in pixels, ascending. The full size fits into the last of them by [`Self::max_height`].
    pub widths: &'static [u16],
    /// Largest height in pixels.
    pub max_height: u16,
    /// Whether there is a file of this format and width; the last argument says that it is the width of the full size.
    pub has: fn(Format, u16, bool) -> bool,
}

/// A picture, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Pixels of the full size, upright.
    pub width: u16,
    /// Pixels of the full size, upright.
    pub height: u16,
    /// A miniature to show before a file is there: `data:image/webp;base64,...`, at most 300 characters.
    pub placeholder: String,
    /// Focal point: percent from the left and from the top, of the place that should stay visible where the picture is
    /// cut.
    pub focus: [u8; 2],
    /// All files, by width and format, the smallest first.
    pub files: Vec<PictureFile>,
}

/// One size of a picture in one format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    /// Pixels. The height follows from the full size.
    pub width: u16,
    /// Its format.
    pub format: Format,
    /// The file.
    pub content: Bytes,
}
