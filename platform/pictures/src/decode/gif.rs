//! GIF: the first frame.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::{Decoded, check_size, cut, pixels};
use crate::exif::Orientation;
use crate::raster::{Channels, Raster};
use crate::{MAX_PIXELS, PictureError};

type Reader<'a> = gif::Decoder<&'a [u8]>;

pub(crate) struct GifSource<'a> {
    reader: Reader<'a>,
    width: u32,
    height: u32,
}

impl<'a> GifSource<'a> {
    pub(crate) fn open(content: &'a [u8]) -> Result<Self, PictureError> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.allow_unknown_blocks(true);
        if let Some(limit) = NonZeroU64::new(MAX_PIXELS) {
            options.set_memory_limit(MemoryLimit::Bytes(limit));
        }
        let mut reader = options.read_info(content).map_err(PictureError::damaged)?;
        let (width, height) = (u32::from(reader.width()), u32::from(reader.height()));
        let frame = reader.next_frame_info().map_err(PictureError::damaged)?.ok_or_else(cut)?;
        // Browsers too make room for a first frame that is larger than the screen it stands on.
        let width = width.max(u32::from(frame.left) + u32::from(frame.width));
        let height = height.max(u32::from(frame.top) + u32::from(frame.height));
        check_size(width, height)?;
        Ok(Self { reader, width, height })
    }

    /// An index and a colour for each pixel.
    pub(crate) fn memory(&self) -> u64 {
        pixels(self.width, self.height) * 5
    }

    pub(crate) fn decode(mut self) -> Result<Decoded, PictureError> {
        let mut indices = vec![0; self.reader.buffer_size()];
        self.reader.read_into_buffer(&mut indices).map_err(PictureError::damaged)?;
        let frame = self.reader.current_frame_info().ok_or_else(cut)?;
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        let (frame_width, transparent) = (usize::from(frame.width), frame.transparent);
        let palette = self.reader.palette().map_err(PictureError::damaged)?.as_chunks::<3>().0;
        let colour = |index: u8| match palette.get(usize::from(index)) {
            Some(&[r, g, b]) if transparent != Some(index) => [r, g, b, 255],
            _ => [0; 4],
        };
        let colours: Vec<[u8; 4]> = (0..=255).map(colour).collect();

        let mut canvas = vec![[0; 4]; self.width as usize * self.height as usize];
        if frame_width > 0 {
            for (y, row) in indices.chunks_exact(frame_width).enumerate() {
                let start = (top + y) * self.width as usize + left;
                for (pixel, index) in canvas[start..start + frame_width].iter_mut().zip(row) {
                    *pixel = colours[usize::from(*index)];
                }
            }
        }
        let (width, height) = (self.width, self.height);
        let raster = Raster { width, height, channels: Channels::Rgba, pixels: canvas.into_flattened() };
        Ok(Decoded { raster, orientation: Orientation::default(), profile: None })
    }
}
