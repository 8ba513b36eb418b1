//! Decoders: from a file to pixels. Sizes are read and judged before anything is allocated for them, and a file that is
//! cut or garbled is an error, not a picture that is half grey.

mod gif;
mod jpeg;
mod jpeg_segments;
mod png;
mod webp;

use crate::exif::Orientation;
use crate::raster::Raster;
use crate::sniff::{Kind, sniff};
use crate::{MAX_PIXELS, MAX_SIDE, MIN_SIDE, PictureError};

/// A picture of which only the header was read.
pub(crate) enum Source<'a> {
    Jpeg(jpeg::JpegSource),
    Png(png::PngSource<'a>),
    Webp(webp::WebpSource<'a>),
    Gif(Box<gif::GifSource<'a>>),
}

/// A picture's pixels, and what they mean.
pub(crate) struct Decoded {
    pub(crate) raster: Raster,
    pub(crate) orientation: Orientation,
    /// ICC profile.
    pub(crate) profile: Option<Vec<u8>>,
}

impl<'a> Source<'a> {
    /// Recognises the format and reads the header.
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, PictureError> {
        Ok(match sniff(content)? {
            Kind::Jpeg => Self::Jpeg(jpeg::JpegSource::open(content)?),
            Kind::Png => Self::Png(png::PngSource::open(content)?),
            Kind::Webp => Self::Webp(webp::WebpSource::open(content)?),
            Kind::Gif => Self::Gif(Box::new(gif::GifSource::open(content)?)),
        })
    }

    /// Bytes that decoding needs, at most.
    pub(crate) fn memory(&self) -> u64 {
        match self {
            Self::Jpeg(source) => source.memory(),
            Self::Png(source) => source.memory(),
            Self::Webp(source) => source.memory(),
            Self::Gif(source) => source.memory(),
        }
    }

    /// The pixels.
    pub(crate) fn decode(self) -> Result<Decoded, PictureError> {
        match self {
            Self::Jpeg(source) => source.decode(),
            Self::Png(source) => source.decode(),
            Self::Webp(source) => source.decode(),
            Self::Gif(source) => source.decode(),
        }
    }
}

/// Refuses what is too large or too small, by what the header says.
fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        Err(PictureError::TooManyPixels { width, height })
    } else if width.min(height) < MIN_SIDE {
        Err(PictureError::TooSmall { width, height })
    } else {
        Ok(())
    }
}

/// Pixels of a picture of a size that was checked.
fn pixels(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The file ends before it should.
fn cut() -> PictureError {
    PictureError::damaged("it ends too early")
}
