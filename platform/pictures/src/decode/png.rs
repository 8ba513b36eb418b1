//! PNG: all depths and kinds of colour as eight bits a channel; the still picture of an animated one.

use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};

use super::{Decoded, check_size, cut, pixels};
use crate::PictureError;
use crate::exif::Orientation;
use crate::raster::{Channels, Raster};

/// Bytes for what stands beside the pixels: an unpacked profile, rows.
const OVERHEAD: u64 = 16 * 1024 * 1024;

pub(crate) struct PngSource<'a> {
    content: &'a [u8],
    width: u32,
    height: u32,
}

impl<'a> PngSource<'a> {
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, PictureError> {
        // Signature, length and name of the first chunk, which is the header.
        let header: &[u8; 16] = content.get(8..).and_then(<[u8]>::first_chunk).ok_or_else(cut)?;
        let [_, _, _, _, b'I', b'H', b'D', b'R', w0, w1, w2, w3, h0, h1, h2, h3] = *header else {
            return Err(PictureError::damaged("it does not begin with its header"));
        };
        let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        check_size(width, height)?;
        Ok(Self { content, width, height })
    }

    pub(crate) fn memory(&self) -> u64 {
        pixels(self.width, self.height) * 4 + OVERHEAD
    }

    pub(crate) fn decode(self) -> Result<Decoded, PictureError> {
        let limits = Limits { bytes: OVERHEAD as usize };
        let mut decoder = Decoder::new_with_limits(Cursor::new(self.content), limits);
        decoder.set_transformations(Transformations::normalize_to_color8());
        decoder.set_ignore_text_chunk(true);
        let mut reader = decoder.read_info().map_err(PictureError::damaged)?;
        let size = reader.output_buffer_size().ok_or_else(|| PictureError::damaged("its header is wrong"))?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels).map_err(PictureError::damaged)?;
        // To the end: the last checksum stands after the pixels.
        reader.finish().map_err(PictureError::damaged)?;
        let channels = match frame.color_type {
            ColorType::Grayscale => Channels::Grey,
            ColorType::GrayscaleAlpha => Channels::GreyAlpha,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => return Err(PictureError::damaged("its palette is missing")),
        };
        if (frame.width, frame.height) != (self.width, self.height) {
            return Err(PictureError::damaged("its first frame has another size"));
        }
        let info = reader.info();
        let orientation = info.exif_metadata.as_deref().map(Orientation::from_exif).unwrap_or_default();
        let profile = info.icc_profile.as_deref().map(<[u8]>::to_vec);
        let raster = Raster { width: self.width, height: self.height, channels, pixels };
        Ok(Decoded { raster, orientation, profile })
    }
}
