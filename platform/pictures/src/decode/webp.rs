//! WebP: the picture, or the first frame of an animated one. The container (RIFF) is walked first, because each of its
//! parts says a size of its own, and the decoder believes the one of the part.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::{Decoded, check_size, cut, pixels};
use crate::PictureError;
use crate::exif::Orientation;
use crate::raster::{Channels, Raster};

/// Bytes of the largest profile or block of EXIF metadata that is read.
const MAX_METADATA: usize = 4 * 1024 * 1024;
/// Bytes a pixel, at most: two planes of lossless pixels with transparency, the frame, the picture.
const BYTES_PER_PIXEL: u64 = 12;

pub(crate) struct WebpSource<'a> {
    content: &'a [u8],
    width: u32,
    height: u32,
    /// Pixels of its largest part.
    largest: u64,
}

impl<'a> WebpSource<'a> {
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, PictureError> {
        let length = content.get(4..8).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes));
        let end = length.and_then(|length| (length as usize).checked_add(8)).ok_or_else(cut)?;
        let chunks = content.get(12..end).ok_or_else(cut)?;
        let mut sizes = Sizes::default();
        sizes.read(chunks, false)?;
        let (width, height) = sizes.first.ok_or_else(|| PictureError::damaged("there is no picture in it"))?;
        Ok(Self { content: &content[..end], width, height, largest: sizes.largest })
    }

    pub(crate) fn memory(&self) -> u64 {
        self.largest * BYTES_PER_PIXEL
    }

    pub(crate) fn decode(self) -> Result<Decoded, PictureError> {
        let mut decoder = WebPDecoder::new(Cursor::new(self.content)).map_err(PictureError::damaged)?;
        decoder.set_memory_limit(MAX_METADATA);
        let (width, height) = decoder.dimensions();
        if (width, height) != (self.width, self.height) {
            return Err(PictureError::damaged("its parts have different sizes"));
        }
        let size = decoder.output_buffer_size().ok_or_else(cut)?;
        let mut pixels = vec![0; size];
        decoder.read_image(&mut pixels).map_err(PictureError::damaged)?;
        let exif = decoder.exif_metadata().map_err(PictureError::damaged)?;
        let profile = decoder.icc_profile().map_err(PictureError::damaged)?;
        let channels = if decoder.has_alpha() { Channels::Rgba } else { Channels::Rgb };
        let orientation = exif.as_deref().map(Orientation::from_exif).unwrap_or_default();
        Ok(Decoded { raster: Raster { width, height, channels, pixels }, orientation, profile })
    }
}

/// Sizes that the parts of a file say.
#[derive(Default)]
struct Sizes {
    /// The first: the picture's.
    first: Option<(u32, u32)>,
    /// Pixels of the largest.
    largest: u64,
}

impl Sizes {
    /// Checks all parts; `frame` says that they are those of a frame.
    fn read(&mut self, mut chunks: &[u8], frame: bool) -> Result<(), PictureError> {
        while let Some((header, rest)) = chunks.split_first_chunk::<8>() {
            let [name @ .., l0, l1, l2, l3] = *header;
            let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let body = rest.get(..length).ok_or_else(cut)?;
            let size = match &name {
                b"VP8X" => canvas(body),
                b"VP8 " => lossy(body),
                b"VP8L" => lossless(body),
                _ => None,
            };
            if let Some((width, height)) = size {
                match check_size(width, height) {
                    // A frame of an animation may be as small as it likes.
                    Err(PictureError::TooSmall { .. }) if self.first.is_some() => {}
                    checked => checked?,
                }
                self.first = self.first.or(size);
                self.largest = self.largest.max(pixels(width, height));
            }
            // A frame: its place and duration, and parts of its own.
            if let (b"ANMF", Some(parts), false) = (&name, body.get(16..), frame) {
                self.read(parts, true)?;
            }
            // Parts have an even length.
            chunks = rest.get(length + length % 2..).unwrap_or_default();
        }
        Ok(())
    }
}

fn canvas(body: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, _, w0, w1, w2, h0, h1, h2] = *body.first_chunk()?;
    Some((u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1))
}

fn lossy(body: &[u8]) -> Option<(u32, u32)> {
    // Three bytes of the frame, three that are always the same.
    let [_, _, _, _, _, _, w0, w1, h0, h1] = *body.first_chunk()?;
    Some((u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff), u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff)))
}

fn lossless(body: &[u8]) -> Option<(u32, u32)> {
    let [_, b0, b1, b2, b3] = *body.first_chunk()?;
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}
