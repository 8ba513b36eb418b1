//! Colour management: from the colours that a picture's ICC profile describes to sRGB, which is what a picture without
//! a profile has on the web.

use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, TransformOptions};

use crate::raster::{Channels, Raster};

/// Bytes of the largest profile that is read; those of printing presses have up to 3 MB.
const MAX_PROFILE: usize = 4 * 1024 * 1024;
/// Bytes of the largest table in a profile.
const MAX_TABLE: usize = 4 * 1024 * 1024;

/// In sRGB, with or without transparency. A profile that cannot be read, or is of another kind of colours, is left out:
/// that is what browsers do.
pub(crate) fn to_srgb(raster: Raster, profile: Option<&[u8]>) -> Raster {
    let raster = if raster.channels == Channels::Ycck { to_cmyk(raster) } else { raster };
    let profile = profile.filter(|bytes| bytes.len() <= MAX_PROFILE).and_then(|bytes| {
        let options = ParsingOptions {
            max_profile_size: MAX_PROFILE,
            max_allowed_clut_size: MAX_TABLE,
            ..ParsingOptions::default()
        };
        ColorProfile::new_from_slice_with_options(bytes, options).ok()
    });
    let Some(profile) = profile else { return to_rgb(raster) };
    // Grey pixels often have a profile for RGB.
    let raster = match (raster.channels, profile.color_space) {
        (Channels::Grey | Channels::GreyAlpha, DataColorSpace::Rgb) => to_rgb(raster),
        _ => raster,
    };
    match managed(&raster, &profile) {
        Some(converted) => converted,
        None => to_rgb(raster),
    }
}

/// By the profile; none if it does not suit the pixels.
fn managed(raster: &Raster, profile: &ColorProfile) -> Option<Raster> {
    let (from, to, channels) = match (raster.channels, profile.color_space) {
        (Channels::Rgb, DataColorSpace::Rgb) => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
        (Channels::Rgba, DataColorSpace::Rgb) => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
        (Channels::Grey, DataColorSpace::Gray) => (Layout::Gray, Layout::Rgb, Channels::Rgb),
        (Channels::GreyAlpha, DataColorSpace::Gray) => (Layout::GrayAlpha, Layout::Rgba, Channels::Rgba),
        (Channels::Cmyk, DataColorSpace::Cmyk) => (Layout::Rgba, Layout::Rgb, Channels::Rgb),
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()?;
    let own_pixels: std::borrow::Cow<'_, [u8]> = match raster.channels {
        // Profiles count inks, Adobe's programs store what is left of the paper.
        Channels::Cmyk => raster.pixels.iter().map(|ink| 255 - ink).collect(),
        _ => (&raster.pixels).into(),
    };
    let mut pixels = vec![0; raster.width as usize * raster.height as usize * channels.count()];
    transform.transform(&own_pixels, &mut pixels).ok()?;
    Some(Raster { width: raster.width, height: raster.height, channels, pixels })
}

/// Without a profile.
fn to_rgb(raster: Raster) -> Raster {
    let Raster { width, height, channels, pixels } = raster;
    let (channels, pixels) = match channels {
        Channels::Rgb | Channels::Rgba => (channels, pixels),
        Channels::Grey => (Channels::Rgb, pixels.iter().flat_map(|&grey| [grey; 3]).collect()),
        Channels::GreyAlpha => {
            let pixels = pixels.as_chunks::<2>().0;
            (Channels::Rgba, pixels.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect())
        }
        Channels::Cmyk | Channels::Ycck => {
            // What is left of the paper's white under each ink and black.
            let light = |ink: u8, black: u8| u8::try_from(u16::from(ink) * u16::from(black) / 255).unwrap_or(255);
            let pixels = pixels.as_chunks::<4>().0;
            let rgb = pixels.iter().flat_map(|&[c, m, y, black]| [light(c, black), light(m, black), light(y, black)]);
            (Channels::Rgb, rgb.collect())
        }
    };
    Raster { width, height, channels, pixels }
}

/// The first three channels from brightness and colour (ITU-T T.871) to inks, which have the opposite value of red,
/// green, blue.
fn to_cmyk(mut raster: Raster) -> Raster {
    for pixel in raster.pixels.as_chunks_mut::<4>().0 {
        let [y, cb, cr, _] = pixel.map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let light = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        for (channel, light) in pixel.iter_mut().zip(light) {
            *channel = 255 - clamped(light);
        }
    }
    raster.channels = Channels::Cmyk;
    raster
}

fn clamped(value: f32) -> u8 {
    // Saturates.
    value.round() as u8
}
