//! Raster: pixels in memory, and what is done with their places: scaling down, turning upright.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::PictureError;
use crate::exif::Orientation;

/// What the bytes of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Inks as Adobe's programs store them: 255 is none.
    Cmyk,
    /// The same, with the first three turned into brightness and colour (YCbCr).
    Ycck,
}

impl Channels {
    pub(crate) const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk | Self::Ycck => 4,
        }
    }
}

/// Pixels, row by row, eight bits a channel.
#[derive(Clone, Debug)]
pub(crate) struct Raster {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: Channels,
    pub(crate) pixels: Vec<u8>,
}

/// The size that fits into `width` x `height`, in the same proportions; never larger, and never without a pixel.
pub(crate) fn fit(own: (u32, u32), width: u32, height: u32) -> (u32, u32) {
    let (w, h) = (u64::from(own.0), u64::from(own.1));
    let (most_w, most_h) = (u64::from(width), u64::from(height));
    if w <= most_w && h <= most_h {
        return own;
    }
    // Rounded to the nearest pixel.
    let share = |part: u64, of: u64, whole: u64| u32::try_from((part * of + whole / 2) / whole).unwrap_or(1).max(1);
    if w * most_h >= h * most_w { (width, share(h, most_w, w)) } else { (share(w, most_h, h), height) }
}

impl Raster {
    pub(crate) const fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The same in another size. Colours of transparent pixels do not bleed into others.
    pub(crate) fn resized(&self, (width, height): (u32, u32)) -> Result<Self, PictureError> {
        let kind = match self.channels.count() {
            1 => PixelType::U8,
            2 => PixelType::U8x2,
            3 => PixelType::U8x3,
            _ => PixelType::U8x4,
        };
        let transparent = matches!(self.channels, Channels::GreyAlpha | Channels::Rgba);
        let own = ImageRef::new(self.width, self.height, &self.pixels, kind).map_err(PictureError::damaged)?;
        let mut scaled = Image::new(width, height, kind);
        let algorithm = ResizeAlg::Convolution(FilterType::CatmullRom);
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(transparent);
        Resizer::new().resize(&own, &mut scaled, &options).map_err(PictureError::damaged)?;
        Ok(Self { width, height, channels: self.channels, pixels: scaled.into_vec() })
    }

    /// Turned as it should be seen.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        match self.channels.count() {
            1 => self.turned::<1>(orientation),
            2 => self.turned::<2>(orientation),
            3 => self.turned::<3>(orientation),
            _ => self.turned::<4>(orientation),
        }
    }

    fn turned<const N: usize>(self, orientation: Orientation) -> Self {
        if orientation == Orientation::default() {
            return self;
        }
        let (own, _) = self.pixels.as_chunks::<N>();
        let (own_width, own_height) = (self.width as usize, self.height as usize);
        let (width, height) = if orientation.transpose { (own_height, own_width) } else { (own_width, own_height) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            let y = if orientation.flip { height - 1 - y } else { y };
            for x in 0..width {
                let x = if orientation.mirror { width - 1 - x } else { x };
                let at = if orientation.transpose { x * own_width + y } else { y * own_width + x };
                pixels.extend_from_slice(&own[at]);
            }
        }
        let (width, height) = if orientation.transpose { (self.height, self.width) } else { self.size() };
        Self { width, height, channels: self.channels, pixels }
    }

    /// On white where it is transparent; of pictures in RGB and RGBA.
    pub(crate) fn flattened(&self) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len() / 4 * 3);
        for &[r, g, b, alpha] in self.pixels.as_chunks::<4>().0 {
            pixels.extend([r, g, b].map(|channel| over_white(channel, alpha)));
        }
        Self { width: self.width, height: self.height, channels: Channels::Rgb, pixels }
    }

    /// Without the channel of transparency if nothing is transparent.
    pub(crate) fn opaque_without_alpha(self) -> Self {
        if self.channels != Channels::Rgba || self.pixels.as_chunks::<4>().0.iter().any(|pixel| pixel[3] != 255) {
            return self;
        }
        let pixels = self.pixels.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        Self { channels: Channels::Rgb, pixels, ..self }
    }
}

pub(crate) fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    u8::try_from((channel * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_without_growing_or_vanishing() {
        assert_eq!(fit((4000, 3000), 1280, 1920), (1280, 960));
        assert_eq!(fit((3000, 4000), 1280, 1920), (1280, 1707));
        assert_eq!(fit((1000, 4000), 1280, 1920), (480, 1920));
        assert_eq!(fit((300, 200), 1280, 1920), (300, 200));
        assert_eq!(fit((10_000, 100), 1280, 1920), (1280, 13));
        assert_eq!(fit((20_000, 1), 160, 1920), (160, 1));
        assert_eq!(fit((1, 20_000), 160, 1920), (1, 1920));
    }
}
