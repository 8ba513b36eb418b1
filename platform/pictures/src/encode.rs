//! Encoders: a size of a picture as a file. The settings are a trade of time against bytes, measured in
//! docs/adr/0024-how-pictures-are-prepared.md.

use bytes::Bytes;
use ravif::{Img, RGBA8};

use crate::raster::{Channels, Raster};
use crate::{Format, PictureError};

/// Quality of WebP and its effort from 0 to 6: above 2 it takes twice the time for 4 % of the bytes.
const WEBP_QUALITY: f32 = 76.0;
const WEBP_METHOD: u8 = 2;
/// Quality of the miniature, whose few bytes are in every page.
const MINIATURE_QUALITY: f32 = 40.0;
/// Quality of JPEG.
const JPEG_QUALITY: u8 = 80;
/// Quality of AVIF, and its speed: 10 is the fastest.
const AVIF_QUALITY: f32 = 62.0;
const AVIF_SPEED: u8 = 10;

/// The file of this picture in this format; in RGB or RGBA.
pub(crate) fn encode(raster: &Raster, format: Format) -> Result<Bytes, PictureError> {
    match format {
        Format::Webp => webp(raster, WEBP_QUALITY, WEBP_METHOD),
        Format::Avif => avif(raster),
        Format::Jpeg if raster.channels == Channels::Rgba => jpeg(&raster.flattened()),
        Format::Jpeg => jpeg(raster),
    }
}

/// The smallest file of a miniature.
pub(crate) fn miniature(raster: &Raster) -> Result<Bytes, PictureError> {
    webp(raster, MINIATURE_QUALITY, 4)
}

fn webp(raster: &Raster, quality: f32, method: u8) -> Result<Bytes, PictureError> {
    let (width, height) = raster.size();
    let encoder = match raster.channels {
        Channels::Rgba => webpx::Encoder::new_rgba(&raster.pixels, width, height),
        _ => webpx::Encoder::new_rgb(&raster.pixels, width, height),
    };
    let file = encoder.quality(quality).method(method).encode(webpx::Unstoppable);
    file.map(Bytes::from).map_err(|error| failed("WebP", &error))
}

fn jpeg(raster: &Raster) -> Result<Bytes, PictureError> {
    let side = |pixels: u32| u16::try_from(pixels).map_err(|error| failed("JPEG", &error));
    let (width, height) = (side(raster.width)?, side(raster.height)?);
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, JPEG_QUALITY)
        .encode(&raster.pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|error| failed("JPEG", &error))?;
    Ok(file.into())
}

fn avif(raster: &Raster) -> Result<Bytes, PictureError> {
    let (width, height) = (raster.width as usize, raster.height as usize);
    let encoder = ravif::Encoder::new().with_quality(AVIF_QUALITY).with_speed(AVIF_SPEED).with_num_threads(Some(1));
    // With transparency either way: the encoder leaves out what hides nothing. Its function for RGB is inlined, so that
    // in debug builds all of the encoder would be compiled a second time, with this crate and without optimisation.
    let pixels: Vec<_> = match raster.channels {
        Channels::Rgba => raster.pixels.as_chunks().0.iter().map(|&[r, g, b, a]| RGBA8 { r, g, b, a }).collect(),
        _ => raster.pixels.as_chunks().0.iter().map(|&[r, g, b]| RGBA8 { r, g, b, a: 255 }).collect(),
    };
    let file = encoder.encode_rgba(Img::new(&pixels, width, height));
    file.map(|file| file.avif_file.into()).map_err(|error| failed("AVIF", &error))
}

/// An encoder refuses only what it was never made for.
fn failed(format: &str, error: &dyn std::fmt::Display) -> PictureError {
    PictureError::Damaged(format!("{format}: {error}"))
}
