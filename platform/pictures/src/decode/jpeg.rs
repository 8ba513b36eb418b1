//! JPEG: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::jpeg_segments::Segments;
use super::{Decoded, cut};
use crate::raster::{Channels, Raster};
use crate::{MAX_SIDE, PictureError};

pub(crate) struct JpegSource {
    segments: Segments,
}

impl JpegSource {
    pub(crate) fn open(content: &[u8]) -> Result<Self, PictureError> {
        Ok(Self { segments: Segments::read(content)? })
    }

    pub(crate) fn memory(&self) -> u64 {
        // The file without its metadata, too.
        self.segments.memory() + self.segments.stream.len() as u64
    }

    pub(crate) fn decode(mut self) -> Result<Decoded, PictureError> {
        let segments = &mut self.segments;
        // Without Adobe's marker the decoder takes three channels for YCbCr and four for inks. Asked for the same it
        // leaves them as they are.
        let (wanted, channels) = match (segments.channels(), segments.adobe_transform) {
            (1, _) => (ColorSpace::Luma, Channels::Grey),
            (3, Some(0)) if !segments.named_rgb() => (ColorSpace::YCbCr, Channels::Rgb),
            (3, _) => (ColorSpace::RGB, Channels::Rgb),
            (_, Some(2)) => (ColorSpace::CMYK, Channels::Ycck),
            _ => (ColorSpace::CMYK, Channels::Cmyk),
        };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(MAX_SIDE as usize)
            .set_max_height(MAX_SIDE as usize)
            .jpeg_set_out_colorspace(wanted);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&segments.stream), options);
        decoder.decode_headers().map_err(PictureError::damaged)?;
        let size = decoder.output_buffer_size().ok_or_else(cut)?;
        let (width, height) = segments.size();
        if size != width as usize * height as usize * channels.count() {
            return Err(PictureError::damaged("its header is wrong"));
        }
        let mut pixels = vec![0; size];
        decoder.decode_into(&mut pixels).map_err(PictureError::damaged)?;
        let raster = Raster { width, height, channels, pixels };
        Ok(Decoded { raster, orientation: segments.orientation, profile: segments.profile() })
    }
}
